"""The contacts as a page in a real browser, from a file, without a network: found, called, printed, and harmless."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browser_world import Browser, browser
from contacts_world import TZ_MOBILE, TZ_NAME, TZ_PHONE, crowd
from selenium.webdriver.common.keys import Keys
from test_contacts_page import hostile

from securelist.contacts import page
from securelist.contacts.repository import Repository

__all__ = ["browser"]
NARROW = (320, 640)
PHONE = (360, 740)
A4 = (718, 1000)  # 190 mm at 96 pixels an inch
# Between two keys that a quick typist strikes there are some 80 ms.
KEY_MS = 50


@pytest.fixture(scope="module")
def everybody() -> Repository:
    return crowd()


@pytest.fixture(scope="module")
def contacts(everybody: Repository, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file as a mail brings it."""
    file = tmp_path_factory.mktemp("page") / "contacts.html"
    file.write_bytes(page.write(everybody))
    return file


@pytest.fixture(autouse=True)
def quiet(browser: Browser) -> Iterator[None]:
    """Whatever a test does with a page, the console stays empty, and nothing but a file is asked for."""
    yield
    assert (browser.console(), {url.partition(":")[0] for url in browser.requests()}) == ([], {"file"})


def status(browser: Browser) -> str:
    return browser.shown("#status")[0]


def first_person(browser: Browser) -> list[str]:
    return browser.shown("main .contact")[0].splitlines()


def test_a_tired_person_finds_a_number(browser: Browser, contacts: Path) -> None:
    """Who opens the page and types "tz" has .tz's people first, with their numbers to be called."""
    browser.open(contacts)
    browser.shot("desktop-light")
    browser.press("tz")
    browser.shot("search")
    assert (status(browser), browser.shown("main h3")[0]) == ("3 of 900 contacts, 1 passed on", ".tz\nTanzania")
    assert first_person(browser)[0] == TZ_NAME
    assert browser.shown(".phones a")[:2] == [TZ_PHONE, TZ_MOBILE]


def test_the_keyboard_is_enough(browser: Browser, contacts: Path) -> None:
    """From loading to the telephone link: slash, the ccTLD, Tab; or Enter; and Escape begins again."""
    browser.open(contacts)
    browser.press("/", "tz", Keys.TAB)
    assert browser.focused().get_attribute("href") == "tel:+255222772659"
    browser.press(Keys.ESCAPE)
    assert (browser.focused().get_attribute("id"), browser.focused().get_attribute("value")) == ("field", "")
    assert status(browser) == "900 contacts, 40 passed on"
    browser.press(".tz", Keys.ENTER)
    assert browser.focused().text == TZ_PHONE
    assert browser.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_the_first_tab_skips_to_the_contacts(browser: Browser, contacts: Path) -> None:
    """Nobody tabs through search, regions and ccTLDs to the first contact: a link that is seen when it has the focus leads there."""
    browser.open(contacts)
    browser.press(Keys.TAB)
    link = browser.focused()
    assert (link.text, link.is_displayed(), link.rect["x"] >= 0) == ("Skip to the contacts", True, True)
    browser.press(Keys.ENTER, Keys.TAB)
    assert browser.run("return document.activeElement.closest('.contact') === document.querySelector('main .contact')")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("amina mwinyi", TZ_NAME), ("MWINYI", TZ_NAME), ("tanzania", TZ_NAME), ("tznic", TZ_NAME), ("amina.mwinyi@elsewhere", TZ_NAME),
        ("+255 754 331", TZ_NAME), ("00255754331207", TZ_NAME), ("754331207", TZ_NAME), ("winyi", TZ_NAME),
        ("рф", ".xn--p1ai"), ("中国", ".xn--fiqs8s"), ("ostergard", "Østergård"), (".tz", TZ_NAME),
    ],
)  # fmt: skip
def test_people_are_found_by_whatever_is_known_of_them(browser: Browser, contacts: Path, typed: str, name: str) -> None:
    """By name, with or without accents, organisation, address, country, number as a telephone shows it, ccTLD in its own letters."""
    browser.open(contacts)
    browser.run("field.value = arguments[0]; field.dispatchEvent(new Event('input'))", typed)
    found = browser.shown("main .contact")
    assert found and len(found) < 300
    assert name in found[0] + browser.shown("main h3")[0]


def test_who_is_not_there_is_said(browser: Browser, everybody: Repository, tmp_path: Path) -> None:
    """A ccTLD without anybody is told apart from words that nobody knows."""
    file, lonely = tmp_path / "contacts.html", everybody.absent[0].name
    file.write_bytes(page.write(replace(everybody.of(["tz", lonely]), imported=())))
    said = []
    for typed in (f".{lonely}", "qqqqq"):
        browser.open(file)
        browser.press(typed)
        said.append((status(browser), browser.shown("main .contact")))
    assert said == [(f"Nobody is here for .{lonely}", []), ("Nobody found", [])]


def test_a_key_stroke_is_answered_at_once(browser: Browser, contacts: Path) -> None:
    """The slowest of many searches among 900 contacts, with laying out what it shows, is over before the next key."""
    browser.open(contacts)
    took = browser.run(
        """return ['', 't', 'tz', 't', '', 'a', 'an', 'ann', '', 'e', '+2', '+25', '+255', ''].map((query) => {
             let best = Infinity;
             for (let i = 0; i < 3; i++) {
               field.value = 'zzzz'; field.dispatchEvent(new Event('input')); document.body.offsetHeight;
               const begun = performance.now();
               field.value = query; field.dispatchEvent(new Event('input')); document.body.offsetHeight;
               best = Math.min(best, performance.now() - begun);
             }
             return best; })"""
    )
    assert max(took) < KEY_MS, took


@pytest.mark.parametrize("size", [NARROW, PHONE])
def test_a_small_screen_needs_no_scrolling_to_the_side(browser: Browser, contacts: Path, size: tuple[int, int]) -> None:
    """On 320 and 360 pixels nothing sticks out, whoever is found; and the number is on the first screen."""
    browser.open(contacts, size)
    browser.shot(f"narrow-{size[0]}")
    widths = [browser.width()]
    browser.press("tz")
    browser.shot(f"narrow-{size[0]}-search")
    widths.append(browser.width())
    bottom = browser.run("return document.querySelector('main .phones a').getBoundingClientRect().bottom")
    assert (widths, bottom < size[1]) == ([(size[0], size[0])] * 2, True)
    browser.press(Keys.ESCAPE)
    assert sticking_out(browser) == []


def sticking_out(browser: Browser) -> list[str]:
    """What ends to the right of the window."""
    every = "[...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1)"
    return browser.run(f"return {every}.map((one) => one.textContent)")


def test_the_dark_is_dark(browser: Browser, contacts: Path) -> None:
    """Who has set their screen to dark gets light letters on a dark ground."""
    colours = []
    for dark in (False, True):
        browser.open(contacts, dark=dark)
        colours.append(browser.run("const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"))
    browser.shot("desktop-dark")
    brightness = [[sum(map(int, colour.strip("rgb()").split(","))) for colour in pair] for pair in colours]
    assert (brightness[0][0], brightness[0][1] < 150, brightness[1][0] < 100, brightness[1][1] > 600) == (765, True, True, True)


@pytest.mark.parametrize(("dark", "size"), [(False, (1280, 900)), (True, NARROW)])
def test_nothing_bars_anybody(browser: Browser, everybody: Repository, tmp_path: Path, dark: bool, size: tuple[int, int]) -> None:
    """axe finds no fault with every kind of contact: contrast in light and dark, names of controls, landmarks, headings, ids."""
    marked = (
        [one for one in everybody.contacts if one.state == "suspended"], [one for one in everybody.contacts if one.state == "unreachable"],
        [one for one in everybody.contacts if one.not_working], everybody.imported, everybody.contacts[:1],
    )  # fmt: skip
    names = {"tz", "xn--p1ai", *(those[0].cctld.name for those in marked), everybody.absent[0].name}
    file = tmp_path / "contacts.html"
    file.write_bytes(page.write(everybody.of(names)))
    browser.open(file, size, dark=dark)
    whole = browser.barriers()
    browser.press("tz")
    assert (whole, browser.barriers()) == ([], [])


def test_the_number_of_results_is_spoken(browser: Browser, contacts: Path) -> None:
    """A screen reader is told how many were found, finds its way by landmarks and headings, and knows the language."""
    browser.open(contacts)
    browser.press("tz")
    tree = browser.cdp("Accessibility.getFullAXTree")["nodes"]
    roles = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node["ignored"]]
    live = [node for node in tree if node.get("role", {}).get("value") == "status"]
    assert {("searchbox", "Search"), ("search", "Contacts"), ("heading", TZ_NAME), ("link", TZ_PHONE)} <= set(roles)
    assert {"banner", "main"} <= {role for role, _ in roles}
    assert {prop["name"]: prop["value"].get("value") for prop in live[0]["properties"]}["live"] == "polite"
    assert browser.run("return document.documentElement.lang") == "en"


def test_the_time_is_told_where_people_are(browser: Browser, contacts: Path) -> None:
    """The present time stands before the zone's name; for UTC+05:45, too, and nothing where the zone is unknown to the browser."""
    browser.open(contacts)
    hands = """return Object.fromEntries([...document.querySelectorAll('.zone')].map((zone) =>
                 [zone.lastChild.textContent, zone.firstChild.textContent]))"""
    shown, (dar, nepal) = (
        browser.run(hands),
        browser.run(
            """return ['Africa/Dar_es_Salaam', 'Asia/Kathmandu'].map((timeZone) => new Intl.DateTimeFormat('en-GB',
             { timeZone, hour: '2-digit', minute: '2-digit' }).format())"""
        ),
    )
    assert (dar in shown["Africa/Dar_es_Salaam"], nepal in shown["UTC+05:45"]) == (True, True)


def test_an_unknown_time_zone_is_only_named(browser: Browser, everybody: Repository, tmp_path: Path) -> None:
    """A zone that no browser knows costs nobody the search or the other times."""
    one = everybody.contacts[0]
    zones = ("Atlantis/Capital", "UTC+99:99", "Africa/Dar_es_Salaam")
    people = tuple(replace(one, person=replace(one.person, timezone=zone)) for zone in zones)
    file = tmp_path / "contacts.html"
    file.write_bytes(page.write(replace(everybody, contacts=people, imported=(), absent=())))
    browser.open(file)
    shown = browser.shown(".zone")
    assert (shown[0], shown[1], shown[2].endswith(" · Africa/Dar_es_Salaam"), status(browser)) == (*zones[:1], zones[1], True, "3 contacts")


def test_without_scripts_everything_is_there(browser: Browser, contacts: Path) -> None:
    """Mail programs on telephones show attachments without their scripts: no search field that does nothing, and all the numbers."""
    browser.open(contacts, PHONE, script=False)
    browser.shot("narrow-without-scripts")
    assert browser.shown("#bar, #keys") == []
    assert len(browser.shown("main h2")) == 7
    assert TZ_PHONE in browser.shown("#tld-tz")[0]


def test_the_phone_tree_holds_every_number(browser: Browser, contacts: Path, everybody: Repository, tmp_path: Path) -> None:
    """Printed, every number of every person is there, by region and ccTLD, without search field or addresses of who has a number."""
    browser.open(contacts)
    text = printed(browser, tmp_path)
    numbers = {number for one in (*everybody.contacts, *everybody.imported) for number in one.person.phones}
    squeezed = "".join(text.split())
    assert [number for number in sorted(numbers) if number.replace(" ", "") not in squeezed] == []
    assert [word for word in ("Search", "Type to search", "amina@tznic.example", "Skip to") if word in text] == []
    assert [word for word in ("Africa", "Europe", ".tz", TZ_NAME, "2026-11-22 00:00 UTC", "Passed on by AFTLD") if word not in text] == []


def test_no_number_is_cut_off_at_the_edge_of_the_paper(browser: Browser, contacts: Path) -> None:
    """On the width of an A4 page between its margins, even long numbers end within it."""
    browser.open(contacts, A4)
    browser.cdp("Emulation.setEmulatedMedia", media="print")
    assert browser.run("return getComputedStyle(document.querySelector('main')).columnCount") == "2"
    assert sticking_out(browser) == []


def test_a_phone_tree_of_what_was_found(browser: Browser, contacts: Path, tmp_path: Path) -> None:
    """Who searches before they print gets those that were found, on one page."""
    browser.open(contacts)
    browser.press("tz")
    text = printed(browser, tmp_path)
    assert (TZ_MOBILE in text, "3 of 900 contacts" in text, text.count("\f"), "Kwame Nakamura" in text) == (True, True, 1, False)


def printed(browser: Browser, folder: Path) -> str:
    """The text of the page as it is printed; each page ends with a form feed."""
    (folder / "tree.pdf").write_bytes(browser.pdf())
    return subprocess.run(["pdftotext", "-layout", folder / "tree.pdf", "-"], check=True, capture_output=True, text=True).stdout


def test_hostile_names_do_nothing(browser: Browser, everybody: Repository, tmp_path: Path) -> None:
    """Scripts, markup, and names of 5,000 characters stay text: no dialog, no request, no changed title, nothing beside the screen."""
    file = tmp_path / "contacts.html"
    file.write_bytes(page.write(hostile(everybody)))
    browser.open(file, NARROW)
    browser.shot("hostile")
    title, elements = browser.run("return [document.title, document.querySelectorAll('img, svg, iframe, main script, main style').length]")
    assert (title.endswith("2026-11-22"), "owned'</script>" in title, elements, browser.width()) == (True, True, 0, (320, 320))
    browser.press("nnnn")
    assert "N" * 300 in browser.shown("main .contact")[0].replace("\n", "")
