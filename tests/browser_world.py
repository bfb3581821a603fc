"""A real browser, Debian's Chromium without a window: what it shows and says, and what it asks the network for."""

from __future__ import annotations

import base64
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import html5lib
import pytest
from html5lib.constants import E
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains

CHROMIUM, CHROMEDRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
SHOTS = "SECURELIST_SHOTS"
"""The environment variable that names the folder for screenshots; without it none are written."""
LOAD_S = 60
SCRIPT_S = 180  # axe looks at every element of a page of 900 contacts, on a busy machine
DESKTOP = (1280, 900)

# The sandbox of Chromium does not work for root, whom the tests may run as, nor does a /dev/shm of 64 MB. What it does for its maker
# rather than for the page is turned off, and no name is resolved: a page that asks for something gets nothing, and is found out.
_ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps", "--lang=en",
    "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)  # fmt: skip


class Browser:
    """One Chromium. `open` begins anew: what was logged or emulated for the page before is gone."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, page: Path | str, size: tuple[int, int] = DESKTOP, *, dark: bool = False, script: bool = True) -> None:
        """Opens a file, or a URL, in a window of that many CSS pixels."""
        self.driver.get("about:blank")
        self.console(), self.requests()
        self.cdp("Emulation.setScriptExecutionDisabled", value=not script)
        self.cdp("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.resize(size)
        self.driver.get(page.resolve().as_uri() if isinstance(page, Path) else page)

    def resize(self, size: tuple[int, int]) -> None:
        """A window narrower than 500 pixels is none that Chromium opens: it is emulated."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False)

    def cdp(self, command: str, **arguments: Any) -> dict[str, Any]:
        return self.driver.execute_cdp_cmd(command, arguments)

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of a function body in JavaScript, which finds its arguments in `arguments`."""
        return self.driver.execute_script(script, *arguments)

    def press(self, *keys: str) -> None:
        """Types on the keyboard, wherever the focus is."""
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def focused(self) -> Any:
        return self.driver.switch_to.active_element

    def shown(self, selector: str) -> list[str]:
        """The text of what that CSS selector finds and the page shows."""
        # At once: to ask the driver for each of a thousand elements takes minutes.
        found = "[...document.querySelectorAll(arguments[0])].filter((one) => one.checkVisibility())"
        texts: list[str] = self.run(f"return {found}.map((one) => one.innerText.trim() || one.textContent.trim())", selector)
        return texts

    def console(self) -> list[str]:
        """What was written to the console since the last time: by the page, and by the browser about it."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Every URL that was asked for since the last time, blocked ones too."""
        told = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [one["params"]["request"]["url"] for one in told if one["method"] == "Network.requestWillBeSent"]

    def width(self) -> tuple[int, int]:
        """How wide the page is, and how wide the window, in CSS pixels."""
        wide, window = self.run("return [document.documentElement.scrollWidth, window.innerWidth]")
        return wide, window

    def barriers(self) -> list[str]:
        """What axe-core finds that somebody with a keyboard, a screen reader or weak eyes could not use: rule, and the elements."""
        self.run(files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
        found = self.driver.execute_async_script("axe.run({preload: false}).then(arguments[arguments.length - 1])")
        return [f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes'][:3]]}" for one in found["violations"]]

    def pdf(self) -> bytes:
        """The page as it is printed on A4, with the browser's own margins."""
        printed = self.cdp("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=False, preferCSSPageSize=True)
        return base64.b64decode(printed["data"])

    def shot(self, name: str) -> None:
        """Writes NAME.png, what the window shows, where SECURELIST_SHOTS says."""
        if folder := os.environ.get(SHOTS):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.driver.save_screenshot(str(Path(folder) / f"{name}.png"))


@contextmanager
def chromium() -> Iterator[Browser]:
    """A Chromium with a profile of its own, in a folder that is gone afterwards."""
    home = tempfile.mkdtemp(prefix="cr")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (*_ARGUMENTS, f"--user-data-dir={home}/p"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    here = {**os.environ, "HOME": home, "TMPDIR": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
    driver = webdriver.Chrome(options, webdriver.ChromeService(CHROMEDRIVER, env=here))
    try:
        driver.set_page_load_timeout(LOAD_S)
        driver.set_script_timeout(SCRIPT_S)
        yield Browser(driver)
    finally:
        driver.quit()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for the tests of a module."""
    with chromium() as opened:
        yield opened


def html_problems(octets: bytes) -> list[str]:
    """Every parse error of the HTML standard in a page, with its line; none if it is valid as it stands."""
    parser = html5lib.HTMLParser()
    parser.parse(octets, transport_encoding="utf-8")
    return [f"line {position[0]}: {E[code] % facts}" for position, code, facts in parser.errors]
