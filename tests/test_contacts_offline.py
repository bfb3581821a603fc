"""The day without a network: somebody with the last mail, and the member's guide, finds the telephone number of .tz in three ways."""

from __future__ import annotations

import email
import email.utils
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_world import Browser
from browser_world import browser as browser
from contacts_world import TZ_MOBILE, TZ_NAME, TZ_PHONE
from offline_world import Monthly, sections, typed
from offline_world import monthly as monthly
from selenium.webdriver.common.keys import Keys
from terminal import terminal
from thunderbird import shown
from thunderbird_book import looked_up

GUIDE = sections("member.md")["In an emergency, without a network"]


@pytest.fixture
def home(base: Path) -> Iterator[Path]:
    """The home of somebody, on a machine of their own."""
    made = base / "laptop"
    made.mkdir(mode=0o700)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def laptop(home: Path, monthly: Monthly) -> Iterator[Path]:
    """That home with their key, the settings that the guide gives, and an inbox with the mail."""
    (home / ".gnupg").mkdir(mode=0o700)
    here = os.environ | {"HOME": str(home)}
    here.pop("GNUPGHOME", None)
    keys = monthly.secret + monthly.list_certificate
    subprocess.run(["gpg", "--batch", "--import"], input=keys, env=here, capture_output=True, check=True)
    (settings,) = re.findall(r"(?m)((?:^ *set .*\n)+)", GUIDE)
    (home / ".neomuttrc").write_text(settings)
    for folder in ("new", "cur", "tmp"):
        (home / "Mail" / "inbox" / folder).mkdir(parents=True)
    (home / "Mail" / "inbox" / "new" / "1.laptop").write_bytes(monthly.mail)
    yield home
    subprocess.run(["gpgconf", "--kill", "all"], env=here, capture_output=True, check=True)


def keep(laptop: Path) -> None:
    """Copies the mail from the inbox into a folder of its own, which neomutt makes."""
    copy, empty, folder, enter, confirmed, _ = typed(GUIDE, "neomutt: on the mail")
    kept = laptop / "Mail" / "contacts" / "new"
    with terminal(laptop) as screen:
        screen.begin(["neomutt", "-f", "~/Mail/inbox"])
        screen.wait("[...]")
        for keys, answer in (((copy,), "Copy to mailbox"), ((empty, folder), ": =contacts"), ((enter,), "Create")):
            for key in keys:
                screen.type(key)
            screen.wait(answer)
        screen.type(confirmed)
        screen.until(lambda: kept.is_dir() and any(kept.iterdir()), "a mail in the folder")


def last_months(mail: bytes) -> bytes:
    """The same mail, as if it had come a month ago."""
    older = email.message_from_bytes(mail)
    older.replace_header("Date", email.utils.formatdate(time.time() - 30 * 86400))
    older.replace_header("Message-ID", "<a-month-ago@lists.example.org>")
    return older.as_bytes()


def test_the_number_is_found_in_neomutt(laptop: Path, monthly: Monthly) -> None:
    """Key by key as the guide has it, in the folder where it says to keep the mail."""
    keep(laptop)
    (laptop / "Mail" / "contacts" / "new" / "z.laptop").write_bytes(last_months(monthly.mail))
    command, newest, opened, search, found = typed(GUIDE, "**The mail, in neomutt:**")
    began = time.monotonic()
    with terminal(laptop) as screen:
        screen.begin(command.split())
        screen.wait("Msgs:2")
        screen.type(newest)
        screen.type(opened)
        before = screen.wait("Good signature from: tld-ops")
        screen.type(search)
        screen.type(found)
        after = screen.wait(TZ_PHONE)
    print(f"neomutt, without a pause between two keys: {time.monotonic() - began:.1f} s")
    assert TZ_PHONE not in before and "2/2: tld-ops" in before
    lines = after.splitlines()
    assert lines[1] == ".tz" and TZ_NAME in lines[2] and f"{TZ_PHONE}, {TZ_MOBILE}" in lines[3]


def test_the_number_is_found_in_the_page(monthly: Monthly, browser: Browser, tmp_path: Path) -> None:
    """The attachment, opened from the disk: a word, and Enter; nothing is asked of any network."""
    file, word, enter, _ = typed(GUIDE, "**The page, in a browser:**")
    (tmp_path / file).write_bytes(monthly.files[file])
    began = time.monotonic()
    browser.open(tmp_path / file)
    assert TZ_PHONE not in browser.shown("#best .phones a")
    browser.press(word)
    assert browser.shown("main .phones a")[:2] == [TZ_PHONE, TZ_MOBILE] and browser.shown("main h4")[0] == TZ_NAME
    browser.press({"Enter": Keys.ENTER}[enter])
    assert browser.focused().get_attribute("href") == f"tel:{TZ_PHONE.replace(' ', '')}"
    print(f"the page, without a pause between two keys: {time.monotonic() - began:.1f} s")
    browser.press(Keys.ESCAPE)
    assert browser.focused().get_attribute("value") == ""
    assert (browser.console(), {url.partition(":")[0] for url in browser.requests()}) == ([], {"file"})


def test_the_number_is_found_in_a_preview_without_scripts(monthly: Monthly, browser: Browser, tmp_path: Path) -> None:
    """Two taps, on "All ccTLDs" and on .tz, and the number is on the screen of a phone."""
    (tmp_path / "contacts.html").write_bytes(monthly.files["contacts.html"])
    browser.open(tmp_path / "contacts.html", (360, 740), script=False)
    browser.driver.find_element("css selector", "summary").click()
    browser.driver.find_element("css selector", "a[href='#tld-tz']").click()
    box = browser.driver.find_element("css selector", "#tld-tz .phones a").rect
    scrolled = browser.cdp("Page.getLayoutMetrics")["cssLayoutViewport"]["pageY"]
    assert scrolled <= box["y"] < scrolled + 740
    assert TZ_PHONE in browser.shown("#tld-tz .phones a")


def test_the_number_is_found_in_an_address_book(monthly: Monthly, home: Path) -> None:
    """Thunderbird's, offline: after the import the guide's word finds .tz's three contacts, and the first number is the first to try."""
    (word,) = typed(GUIDE, "**The address book:**")
    (home / "contacts.vcf").write_bytes(monthly.files["contacts.vcf"])
    book = looked_up(home, [home / "contacts.vcf"], word)
    assert book.cards == 58 and sorted(book.found) == [TZ_NAME, "Member 1", "Member 2"]
    assert re.search(rf"\n{re.escape(TZ_PHONE)}\n{re.escape(TZ_MOBILE)}\n", book.first) and "Contact of .tz" in book.first


def test_the_next_import_replaces_and_removes_nobody(monthly: Monthly, home: Path) -> None:
    """Who has a new number has one card with that; who left is still there, which the guide says."""
    cards = re.findall(rb"BEGIN:VCARD\r\n.*?END:VCARD\r\n", monthly.files["contacts.vcf"], re.DOTALL)
    later = b"".join(card for card in cards if b"Member 1\r" not in card).replace(TZ_PHONE.encode(), b"+255 22 000 0000")
    (home / "contacts.vcf").write_bytes(monthly.files["contacts.vcf"])
    (home / "later.vcf").write_bytes(later)
    book = looked_up(home, [home / "contacts.vcf", home / "later.vcf"], "tz")
    assert len(cards) == 58 and b"Member 1\r" not in later
    assert book.cards == 58 and sorted(book.found) == [TZ_NAME, "Member 1", "Member 2"]
    assert "+255 22 000 0000" in book.first and TZ_PHONE not in book.first


def test_thunderbird_shows_the_mail(monthly: Monthly, home: Path) -> None:
    """Decrypted, its signature good, under its real subject, with every file; .tz begins a line of the text."""
    (seen,) = shown(home, [monthly.mail], monthly.secret, monthly.reader.fingerprint, [monthly.list_certificate])
    assert (seen.encrypted, seen.signature, seen.subject) == ("ok", "verified", monthly.subject)
    assert re.fullmatch(r"tld-ops contacts, \d{4}-\d\d-\d\d: 58 contacts of 20 ccTLDs", seen.subject)
    assert seen.attachments == [
        "contacts.html",
        "contacts-phone.vcf",
        "contacts.vcf",
        "members.asc",
        "contacts.csv",
        "contacts.json",
        "tld-ops.log",
    ]
    assert f"\n.tz\n  Name       {TZ_NAME}\n  Phone      {TZ_PHONE}, {TZ_MOBILE}\n" in seen.body.replace("\xa0", " ")
