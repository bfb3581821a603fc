"""The contacts as a page, for all who read it: numbers as they dial them, clocks that are right, speech, large letters, no scripts."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from browser_world import Browser, browser
from contacts_world import TZ_MOBILE, TZ_NAME, TZ_PHONE, crowd
from selenium.webdriver.common.keys import Keys
from test_contacts_page import tree
from test_contacts_page_browser import NARROW, PHONE, sticking_out

from securelist.contacts import page
from securelist.contacts.repository import Repository

__all__ = ["browser"]
LONDON, ROME = "+44 (0)20 7946 0018", "+39 (0)6 698 12345"
CLOCKS = "return [...document.querySelectorAll('.zone')].map((zone) => zone.firstChild.textContent)"
DAY_MIN = 24 * 60


@pytest.fixture(scope="module")
def everybody() -> Repository:
    """Some of them, with two whose numbers have a zero in parentheses first."""
    some = crowd(20, 60)
    tz = next(one for one in some.contacts if one.person.name == TZ_NAME)
    others = [replace(tz, person=replace(tz.person, name=f"With {number}", phones=(number,))) for number in (LONDON, ROME)]
    place = some.contacts.index(tz) + 1
    return replace(some, contacts=(*some.contacts[:place], *others, *some.contacts[place:]))


@pytest.fixture(scope="module")
def contacts(everybody: Repository, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "contacts.html"
    file.write_bytes(page.write(everybody))
    return file


def written(folder: Path, repository: Repository) -> Path:
    (folder / "contacts.html").write_bytes(page.write(repository))
    return folder / "contacts.html"


def living_in(everybody: Repository, zones: Sequence[str]) -> Repository:
    one = everybody.contacts[0]
    people = tuple(replace(one, person=replace(one.person, timezone=zone)) for zone in zones)
    return replace(everybody, contacts=people, imported=(), absent=())


def larger(browser: Browser) -> None:
    """Text of twice its size, as weak eyes set it."""
    browser.run("document.documentElement.style.fontSize = '200%'")


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("0754 331 207", TZ_MOBILE), ("022 277 2659", TZ_PHONE), ("(022) 277-2659", TZ_PHONE), ("+255 (0)754 331 207", TZ_MOBILE),
        ("(0)754 331 207", TZ_MOBILE), ("020 7946 0018", LONDON), ("+44 20 7946", LONDON), ("+44 (0)20 7946", LONDON),
        ("0044 20 7946 0018", LONDON), ("+39 06 698", ROME), ("06 698 12345", ROME),
    ],
)  # fmt: skip
def test_a_number_is_found_as_it_is_dialled_at_home(browser: Browser, contacts: Path, typed: str, number: str) -> None:
    """With the zero that is dialled within a country alone, with that zero in parentheses, and without it."""
    browser.open(contacts)
    browser.press(typed)
    assert [number in one for one in browser.shown("main .contact")] == [True]


def test_a_zero_in_parentheses_is_not_dialled_from_abroad(contacts: Path) -> None:
    """The link calls the number without it; in Italy the zero belongs to the number."""
    links = {"".join(one.itertext()): one.get("href") for one in tree(contacts.read_bytes()).iter("a")}
    assert (links[LONDON], links[ROME]) == ("tel:+442079460018", "tel:+390669812345")


@pytest.mark.parametrize(
    ("zone", "minutes"),
    [
        ("UTC", 0), ("utc+2", 120), ("UTC\u22125", -300), ("Gmt\u20133:30", -210), ("UTC+05:45", 345), ("UTC-12", -720), ("UTC+14:00", 840),
        ("Africa/Dar_es_Salaam", 180), ("asia/kolkata", 330),
    ],
)  # fmt: skip
def test_a_clock_is_right(browser: Browser, everybody: Repository, tmp_path: Path, zone: str, minutes: int) -> None:
    """For a place, and for an offset in any case and with any minus sign."""
    browser.open(written(tmp_path, living_in(everybody, [zone])))
    (told,) = browser.run(CLOCKS)
    hour, minute = map(int, re.findall(r"\d\d", told))
    # Less than a minute may have passed since it was shown.
    assert (time.time() // 60 + minutes - 60 * hour - minute) % DAY_MIN in (0, 1)


def test_no_clock_is_wrong(browser: Browser, everybody: Repository, tmp_path: Path) -> None:
    """What is one zone here and another there (BST in London and in Dhaka, IST in Ireland, Israel and India) is named without a time."""
    zones = ["BST", "IST", "CST", "EST", "EST5EDT", "Egypt", "Z", "EST/EDT", "UTC+15", "UTC-13", "UTC+99:99", "UTC+5:", "+05:00"]
    browser.open(written(tmp_path, living_in(everybody, zones)))
    assert browser.run(CLOCKS) == [""] * len(zones)
    assert browser.shown(".zone") == zones


def test_where_nobody_is_yet_nobody_is_missed(browser: Browser, everybody: Repository, tmp_path: Path) -> None:
    """A page without contacts says just that when it opens, and when somebody is looked for says for whom nobody is here."""
    absent = tuple(one for one in crowd(10, 10, imported=0).absent if one.name in ("bf", "bi"))
    browser.open(written(tmp_path, replace(everybody, contacts=(), imported=(), absent=absent)))
    browser.shot("nobody")
    said = browser.shown("#status")
    for typed in ("bf", ".b"):
        browser.press(Keys.ESCAPE, typed)
        said += browser.shown("#status")
    assert said == ["Nobody is here", "Nobody is here for .bf", "Nobody is here for these 2 ccTLDs"]
    assert "0 contacts for 0 ccTLDs" in browser.shown("header")[0]


def test_one_is_one(browser: Browser, everybody: Repository, tmp_path: Path) -> None:
    """A single contact is counted as one."""
    browser.open(written(tmp_path, living_in(everybody, ["UTC"])))
    said = browser.shown("#status")
    browser.press(everybody.contacts[0].cctld.name)
    assert said + browser.shown("#status") == ["1 contact", "1 of 1 contact"]
    assert "1 contact for 1 ccTLD." in browser.shown("header")[0]


def test_words_that_are_dictated_move_nothing(browser: Browser, contacts: Path) -> None:
    """Who speaks to their computer is often heard as typing: outside the search field letters do nothing, slash and Escape lead to it."""
    browser.open(contacts)
    browser.press("tz", Keys.ENTER, "amina")
    assert (browser.focused().text, browser.run("return field.value")) == (TZ_PHONE, "tz")
    browser.press("/", " mobile")
    assert (browser.focused().get_attribute("id"), browser.run("return field.value")) == ("field", "tz mobile")
    browser.press(Keys.ESCAPE, "tz", Keys.TAB, Keys.ESCAPE)
    assert (browser.focused().get_attribute("id"), browser.run("return field.value")) == ("field", "")


def test_a_link_to_a_place_in_the_page_leads_there(browser: Browser, contacts: Path) -> None:
    """Who opens the page at .tz is not taken away to the search field."""
    browser.open(f"{contacts.resolve().as_uri()}#tld-tz")
    top = browser.run("return document.getElementById('tld-tz').getBoundingClientRect().top")
    assert (browser.focused().tag_name, 0 <= top < 900) == ("body", True)
    browser.press(Keys.TAB)
    assert browser.focused().text == TZ_PHONE


def test_letters_of_twice_the_size_fit_a_small_screen(browser: Browser, contacts: Path) -> None:
    """On 320 pixels nothing sticks out, of all contacts and of those that were found."""
    browser.open(contacts, NARROW)
    larger(browser)
    browser.shot("large")
    found = [browser.width(), sticking_out(browser)]
    browser.press("tz")
    browser.shot("large-search")
    assert [*found, browser.width(), sticking_out(browser)] == [(320, 320), []] * 2


def test_what_is_recommended_without_scripts_works(browser: Browser, contacts: Path) -> None:
    """The browser's own search finds the ccTLD in the way that the page proposes, and a name; countries stand there as codes."""
    browser.open(contacts, PHONE, script=False)
    browser.shot("without-scripts")
    told = browser.shown("noscript")[0]
    proposed = re.findall(r"“(\.[a-z]+)”", told)
    assert (proposed, "a name" in told, "Tanzania" in browser.shown("main")[0].replace("Tanzania Network", "")) == ([".tz"], True, False)
    assert [one for one in (*proposed, TZ_NAME) if one not in browser.shown("#tld-tz")[0]] == []
