"""The contacts as a page: what is in the file, before any browser looks at it."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from dataclasses import replace
from html import unescape
from xml.etree import ElementTree

import html5lib
import pytest
from browser_world import html_problems
from contacts_world import AT, DAY_S, LIST_KEY, crowd

from securelist.cctld.cctlds import cctlds
from securelist.contacts import page
from securelist.contacts.contact import Contact, cctld_of
from securelist.contacts.repository import Repository
from securelist.mail.headers import is_shown
from securelist.openpgp.certificate import grouped
from securelist.trust.statement import Person

# A mail with everything in it has 10 MB, and this is the form that people open on a telephone.
LARGEST = 1_000_000
LONGEST_S = 1.0
EVIL = (
    "<script>document.title='owned'</script>", "</style><script>document.title='owned'</script>",
    "<img src=//evil.example/x onerror=alert(1)>",
    "\"><svg onload=alert(1)>", "' onmouseover='alert(1)", "<!-- ", "]]>", "Invoice\u202egpj.exe", "zero\u200bwidth\u2066", "N" * 5_000,
    "o" + "\u0301" * 300, "&lt;b&gt;", "{{ 7*7 }}", "\x00\x1b[2J\u2028", "javascript:alert(1)",
)  # fmt: skip


@pytest.fixture(scope="module")
def everybody() -> Repository:
    return crowd()


@pytest.fixture(scope="module")
def written(everybody: Repository) -> bytes:
    return page.write(everybody)


def tree(octets: bytes) -> ElementTree.Element:
    return html5lib.parse(octets, transport_encoding="utf-8", namespaceHTMLElements=False)


def text_of(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def people_in(octets: bytes) -> list[str]:
    return [text_of(one) for one in tree(octets).iter("li") if one.get("class", "").startswith("contact")]


def one_with(everybody: Repository, **changes) -> Contact:
    return replace(everybody.contacts[0], **changes)


def only(everybody: Repository, *contacts: Contact) -> Repository:
    return replace(everybody, contacts=contacts, imported=(), absent=())


def hostile(everybody: Repository) -> Repository:
    """Everything that somebody writes is one of the evil texts, attested and passed on."""
    contacts, imported = list(everybody.contacts[: len(EVIL)]), list(everybody.imported[: len(EVIL)])
    for number, text in enumerate(EVIL):
        one = contacts[number]
        person = replace(one.person, name=text, organisation=text, timezone=text, phones=(text, "+31 6 1"), emails=(text, "a@x.example"))
        contacts[number] = replace(one, person=person, voucher=text, why=text, state=("suspended", "unreachable")[number % 2])
        imported[number] = replace(imported[number], person=person, source=text, fingerprint=text, cctld=cctld_of(text))
    return replace(everybody, list=EVIL[0], name=EVIL[1], contacts=tuple(contacts), imported=tuple(imported))


def test_nine_hundred_contacts_are_a_small_page_at_once(everybody: Repository, written: bytes) -> None:
    """900 contacts of 300 ccTLDs are written in under a second, and take under a megabyte."""
    begun = time.process_time()
    page.write(everybody)
    assert (time.process_time() - begun < LONGEST_S, len(written) < LARGEST, len(people_in(written))) == (True, True, 940)


def test_the_page_is_valid(everybody: Repository, written: bytes) -> None:
    """The parser of the HTML standard finds nothing to mend: with everybody, with nobody, with one region, with evil names."""
    nobody = replace(everybody, contacts=(), imported=(), absent=tuple(cctlds().values()))
    pages = [written, *map(page.write, (nobody, everybody.of(["tz", "nl"]), hostile(everybody)))]
    assert [html_problems(one) for one in pages] == [[]] * 4


def test_no_two_elements_have_one_name(written: bytes) -> None:
    """Every id is there once, and whatever points to one finds it."""
    elements = list(tree(written).iter())
    ids = [one.get("id") for one in elements if one.get("id")]
    named = [one.get("href", "")[1:] for one in elements if one.get("href", "").startswith("#")]
    named += [one.get(points) for one in elements for points in ("for", "aria-describedby") if one.get(points)]
    assert (len(ids) > 300, len(named) > 300, len(ids) - len(set(ids)), set(named) - set(ids)) == (True, True, 0, set())


def test_the_policy_allows_this_script_and_this_style_and_nothing_else(written: bytes) -> None:
    """The Content-Security-Policy names the digests of the one script and the one style; nothing is loaded from anywhere."""
    html = written.decode()
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', html)
    style, script = (re.findall(rf"<{name}>(.*?)</{name}>", html, re.DOTALL) for name in ("style", "script"))

    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert policy and (len(style), len(script)) == (1, 1)
    assert unescape(policy[1]).split("; ") == [
        "default-src 'none'", f"script-src {digest(script[0])}", f"style-src {digest(style[0])}", "base-uri 'none'", "form-action 'none'",
    ]  # fmt: skip


def test_the_page_refers_to_nothing_outside(everybody: Repository) -> None:
    """Links call, write, or go to a place in the page; no element loads, whatever people are called."""
    for octets in (page.write(everybody), page.write(hostile(everybody))):
        elements = list(tree(octets).iter())
        assert {one.get("href").partition(":")[0] for one in elements if one.get("href") and one.get("href")[0] != "#"} == {"tel", "mailto"}
        assert not [one.tag for one in elements if one.get("src") or one.get("style") or any(name.startswith("on") for name in one.attrib)]
        assert {"script", "style"} | {one.tag for one in elements} & {"img", "svg", "iframe", "link", "object", "form", "base"} == {
            "script",
            "style",
        }


def test_evil_names_are_shown_and_do_nothing(everybody: Repository) -> None:
    """Markup in a name is text, what is invisible is gone, and nobody's name fills the page."""
    octets = page.write(hostile(everybody))
    html, shown = octets.decode(), people_in(octets)
    assert html.count("<script>") == html.count("<style>") == 1
    assert [one for one in EVIL[:7] if not any(one.strip() in person for person in shown)] == []
    assert {f"U+{ord(c):04X}" for c in html if c != "\n" and not is_shown(c)} == set()
    assert max(map(len, re.findall("N+", html))) == page.MAX_CHARACTERS
    assert "o" + "\u0301" * 7 not in html


def test_numbers_and_addresses_that_are_none_are_no_links(everybody: Repository) -> None:
    """Only a telephone number with its country's code can be called, and only a plain address written to; others are text."""
    person = replace(everybody.contacts[0].person, phones=("0044 1", "+44 (20) 7946-0018 ext. 12", "+1;phone-context=evil"))
    person = replace(person, emails=("a+b@x.example", "a@x.example?bcc=evil@x.example", "javascript:alert(1)"))
    found = tree(page.write(only(everybody, one_with(everybody, person=person))))
    links = [one.get("href") for one in found.iter("a") if ":" in one.get("href", "")]
    assert links == ["tel:+442079460018;ext=12", "mailto:a%2Bb@x.example"]


def test_everything_that_is_known_of_somebody_is_there(everybody: Repository, written: bytes) -> None:
    """Each contact stands with all numbers and addresses, key, voucher and date, in the order of the repository."""
    shown = people_in(written)
    for one, text in zip(everybody.contacts, shown, strict=False):
        wanted = [*one.person.phones, *one.person.emails, " ".join(grouped(one.fingerprint).split()), one.person.timezone]
        wanted.append(f"attested by {one.voucher}" if one.voucher else f"nobody speaks for .{one.cctld.name} now")
        assert [part for part in wanted if part not in text] == [], text


def test_the_top_says_of_when_and_from_where(everybody: Repository, written: bytes) -> None:
    """Date, counts, the list's key and the end of the log stand above the contacts; an IDN stands with its own letters."""
    before = " ".join(text_of(one) for one in tree(written).iter() if one.tag == "header" or one.get("id") == "overview")
    head = everybody.head
    told = ["2026-11-22 00:00 UTC", "900 contacts for 300 ccTLDs", " ".join(grouped(LIST_KEY).split()), f"entry {head.number}"]
    assert [part for part in [*told, " ".join(grouped(head.hash).split())] if part not in before] == []
    assert ".xn--p1ai рф RU" in text_of(tree(written))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": "suspended", "why": "suspended by a trust root, entry 12"}, "Suspended by a trust root, entry 12"),
        ({"state": "unreachable", "why": "expired", "since": AT - DAY_S}, "Unreachable by the list since 2026-11-21 (expired)"),
        ({"state": "unreachable", "why": "expired", "since": 0}, "Unreachable by the list (expired)"),
        ({"overdue": True, "confirmed": AT - 200 * DAY_S}, "Overdue: details last confirmed on 2026-05-06"),
    ],
)
def test_what_is_wrong_with_somebody_stands_under_their_name(everybody: Repository, changes: dict[str, object], words: str) -> None:
    """Suspended, unreachable and overdue people are marked before their numbers, in words; others are not."""
    plain = {"state": "active", "why": "", "since": 0, "overdue": False}
    pages = [page.write(only(everybody, one_with(everybody, **(plain | more)))) for more in (changes, {})]
    marks = [[text_of(one) for one in tree(octets).iter("p") if "mark" in one.get("class", "")] for octets in pages]
    assert marks == [[words], []]
    assert people_in(pages[0])[0].index(words) < people_in(pages[0])[0].index(everybody.contacts[0].person.emails[0])


def test_an_address_that_does_not_work_is_marked(everybody: Repository) -> None:
    """The dead one of two addresses is marked, however it is written, and the other is not."""
    person = replace(everybody.contacts[0].person, emails=("Anna@NL.example", "anna@work.example"))
    shown = people_in(page.write(only(everybody, one_with(everybody, person=person, not_working=("anna@nl.example",)))))
    assert re.search(r"Anna@NL.example does not work anna@work.example (?!does)", shown[0])


def test_who_has_no_name_is_called_as_in_the_other_files(everybody: Repository) -> None:
    """By their address, or where there is none, by the ccTLD; so is who hides behind what cannot be seen."""
    nobody = replace(everybody.imported[0], person=Person("\u200b", ("a@nl.example",)))
    found = tree(page.write(replace(everybody, contacts=(), imported=(nobody, replace(nobody, person=Person())), absent=())))
    assert [text_of(one) for one in found.iter("h4")] == ["a@nl.example", nobody.cctld.shown]


def test_who_was_passed_on_is_apart(everybody: Repository, written: bytes) -> None:
    """Imported contacts stand in a section of their own, behind all members, each with who passed them on and when."""
    sections = [one for one in tree(written).iter("section") if one.get("id") == "imported"]
    shown = [text_of(one) for one in sections[0].iter("li")]
    told = [f"Passed on by {one.source} on" for one in everybody.imported]
    assert len(shown) == len(told) == 40
    assert all(words in text and "nobody here vouches for them" in text for words, text in zip(told, shown, strict=True))
    assert "attested by" not in " ".join(shown)


def test_ccTLDs_without_anybody_are_listed(everybody: Repository, written: bytes) -> None:  # noqa: N802
    """For whom nobody is here is said, too."""
    listed = next(one for one in tree(written).iter("section") if one.get("id") == "absent")
    assert [one.get("data-tld") for one in listed.iter("li")] == [one.name for one in everybody.absent]
