"""The published site in a real browser, from a real web server: quiet, sparing, and usable by everybody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_world import DESKTOP, Browser, browser  # noqa: F401  fixture
from publish_world import full, known_town, site, web  # noqa: F401  fixtures
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from securelist.openpgp.armor import dearmor

PHONE = (320, 700)


@pytest.fixture(scope="module")
def url(site: Path) -> Iterator[str]:
    with web(site) as found:
        yield found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_site_is_quiet_asks_nobody_else_and_shuts_nobody_out(browser: Browser, url: str, size: tuple[int, int], dark: bool):
    """Nothing on the console, no request but to its own server, no barrier that axe knows, no scrolling sideways; light and dark."""
    browser.open(url, size, dark=dark)
    browser.shot(f"site-{'dark' if dark else 'light'}-{size[0]}")
    assert browser.console() == []
    asked = browser.requests()
    assert {asked_for.removeprefix(url) for asked_for in asked} <= {"", "style.css", "icon.svg"}
    assert {"", "style.css"} <= {asked_for.removeprefix(url) for asked_for in asked}
    browser.driver.find_element(By.CSS_SELECTOR, "summary").click()
    assert browser.barriers() == []
    wide, window = browser.width()
    assert wide <= window


def test_a_full_list_is_as_good(browser: Browser, site: Path, base: Path):
    """300 ccTLDs, 900 members, five years: quiet, no barrier, nothing sideways, on a desktop and on a phone, in the dark, too."""
    certificate = (site / "list.asc").read_bytes()
    with web(full(base / "full", dearmor(certificate))) as url:
        for size, dark in ((DESKTOP, False), (PHONE, True)):
            browser.open(url, size, dark=dark)
            browser.shot(f"site-full-{size[0]}")
            assert browser.console() == []
            assert all(asked.startswith(url) for asked in browser.requests())
            assert browser.barriers() == []
            assert browser.width()[0] <= size[0]
        assert "300 of 309 ccTLDs, with 900 members" in browser.shown(".sum")
        assert len(browser.shown(".tlds.here li")) == 300


def test_letters_of_twice_the_size_fit_a_small_screen(browser: Browser, url: str):
    """On 320 pixels the page stays within the screen; the table of the regions is moved sideways by itself, with the arrow keys, too."""
    browser.open(url, PHONE)
    browser.run("document.documentElement.style.fontSize = '200%'")
    browser.driver.find_element(By.CSS_SELECTOR, "summary").click()
    browser.shot("site-large")
    assert (browser.width(), browser.barriers()) == ((320, 320), [])
    browser.run("document.querySelector('.sideways').focus()")
    browser.press(Keys.ARROW_RIGHT)
    WebDriverWait(browser.driver, 10).until(lambda _: browser.run("return document.activeElement.scrollLeft > 0"))
    assert browser.run("return scrollX") == 0


def test_the_colours_follow_the_readers_wish(browser: Browser, url: str):
    """In the dark the paper is dark, and the ink light."""
    colours = []
    for dark in (False, True):
        browser.open(url, dark=dark)
        colours.append(browser.run("const s = getComputedStyle(document.documentElement); return [s.backgroundColor, s.color]"))
    assert [sum(map(int, colour[4:-1].split(","))) > 380 for pair in colours for colour in pair] == [True, False, False, True]


def test_the_keyboard_reaches_everything(browser: Browser, url: str):
    """The first stop skips to the content; the months open with Enter, and hold the founding."""
    browser.open(url)
    browser.press(Keys.TAB)
    assert browser.focused().text == "Skip to the content"
    browser.press(Keys.ENTER)
    assert browser.run("return location.hash") == "#reach"
    browser.press(Keys.TAB)
    assert browser.focused().accessible_name == "Every region"
    browser.press(Keys.TAB)
    assert browser.focused().tag_name == "summary"
    browser.press(Keys.ENTER)
    assert browser.shown(".months tbody tr")[-1].split()[-2:] == ["1", "2"]


def test_one_chart_is_shown_and_it_says_what_it_shows(browser: Browser, url: str):
    """The wide one on a desktop, the narrow one on a phone, each with a name and a description."""
    for size, kind in ((DESKTOP, "wide"), (PHONE, "narrow")):
        browser.open(url, size)
        shown = [one for one in browser.driver.find_elements(By.CSS_SELECTOR, "svg.chart") if one.is_displayed()]
        assert [one.get_attribute("class") for one in shown] == [f"chart {kind}"]
        assert "ccTLDs on the list, and members" in shown[0].accessible_name
        assert "1 ccTLD and 2 members" in shown[0].accessible_name


def test_what_is_linked_is_there(browser: Browser, url: str):
    """Every link to a file or a place in the page leads somewhere."""
    browser.open(url)
    targets = [link.get_attribute("href") for link in browser.driver.find_elements(By.CSS_SELECTOR, "a[href]")]
    places = [target.partition("#")[2] for target in targets if "#" in target]
    assert places and all(browser.run("return document.getElementById(arguments[0]) !== null", place) for place in places)
    assert {target.removeprefix(url) for target in targets if target.startswith(url) and "#" not in target} == {
        "list.asc", "coverage.csv", "coverage.json"
    }  # fmt: skip


def test_it_can_be_printed(browser: Browser, url: str):
    """As a PDF of some pages."""
    browser.open(url)
    assert browser.pdf().startswith(b"%PDF-")
