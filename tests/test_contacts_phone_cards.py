"""The cards for telephones, read back by two address books as vCard 3.0: nobody's name, number or address is lost or changed."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import evolution
import pytest
import thunderbird_book
from contacts_world import AT, AWKWARD, DAY_S, NAME, TZ_MOBILE, TZ_NAME, TZ_PHONE, alone, crowd
from evolution import Card

from securelist.cctld.cctlds import cctlds
from securelist.contacts import phone_cards, vcards
from securelist.contacts.contact import Contact, Imported, region_name
from securelist.mail.headers import visible
from securelist.trust.statement import Person

WORLD = crowd()
EVERYBODY = (*WORLD.contacts, *WORLD.imported)
# What a telephone reads in a moment, and a mail has room for beside everything else.
LARGEST = 600_000
# Section 4 of RFC 2426, as far as these cards go: each property, and its parameters' values.
GRAMMAR = {
    "VERSION": (), "UID": (), "FN": (), "N": (), "ORG": (), "TITLE": (), "CATEGORIES": (), "NOTE": (),
    "TEL": ("home", "work", "pref", "voice", "fax", "msg", "cell", "pager", "bbs", "modem", "car", "isdn", "video", "pcs"),
    "EMAIL": ("internet", "x400", "pref"),
}  # fmt: skip
TEXT = re.compile(r"(?:[^\\\x00-\x08\x0a-\x1f\x7f]|\\[\\,;n])*")


@pytest.fixture(scope="module")
def written() -> bytes:
    return phone_cards.write(WORLD)


@pytest.fixture(scope="module")
def cards(written: bytes) -> list[Card]:
    """What Evolution reads in it."""
    return evolution.read(written)


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty folder with a short name."""
    made = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    yield made
    shutil.rmtree(made)


def only(one: Contact | Imported) -> Card:
    """The card of one contact, as Evolution reads it."""
    (card,) = evolution.read(phone_cards.write(alone(one, WORLD)))
    return card


def bare(phone: str) -> str:
    """A number without its extension, the notation of which these numbers have in two ways."""
    return re.sub(r" (ext\. |x)\d+$", "", phone)


def called(one: Contact | Imported) -> str:
    """What a card is called: the ccTLD, then the name."""
    letters = one.cctld.letters
    return f"{f'{letters} {one.cctld.name}' if letters else one.cctld.name.upper()} {visible(one.person.name)}"


def working_first(one: Contact | Imported) -> list[str]:
    return sorted(one.person.emails, key=lambda email: isinstance(one, Contact) and email in one.not_working)


def test_every_field_of_everybody_comes_back(cards: list[Card]) -> None:
    """In Evolution: nine hundred members and forty imported contacts, whatever is in their names, as people are shown it."""
    assert len(cards) == len(EVERYBODY) == 940
    for card, one in zip(cards, EVERYBODY, strict=True):
        assert card.text("VERSION") == "3.0"
        assert card.text("FN") == called(one) and card.values("N") == ["", called(one), "", "", ""]
        assert [values[0] for _, values in card.all("TEL")] == list(map(bare, one.person.phones))
        assert [values[0] for _, values in card.all("EMAIL")] == working_first(one)
        assert card.text("ORG") == (visible(one.person.organisation) or None)
        assert card.text("TITLE").startswith(one.cctld.shown)
        assert card.values("CATEGORIES")[1:] == [region_name(one.cctld.region), f".{one.cctld.name}"]
    assert {visible(name) for name in AWKWARD} <= {card.text("FN").partition(" ")[2] for card in cards}


def test_thunderbird_reads_the_same(written: bytes, cards: list[Card], home: Path) -> None:
    """It knows which version a card is of, and reads it by that version's rules: every text, and the first number as the preferred one."""

    def text(value: object) -> str:
        """Thunderbird makes parts of an organisation at semicolons, also where they are escaped, and shows the escape elsewhere."""
        return ";".join(map(str, value)) if isinstance(value, list) else str(value).replace("\\;", ";")

    (home / "contacts-phone.vcf").write_bytes(written)
    found = thunderbird_book.read(home, home / "contacts-phone.vcf")
    by_uid = {next(value for name, _, value in lines if name == "uid"): lines for lines in found}
    assert len(found) == len(by_uid) == len(cards)
    for card in cards:
        lines = by_uid[card.text("UID")]
        for name in ("VERSION", "FN", "ORG", "TITLE", "NOTE"):
            values = [text(value) for found, _, value in lines if found == name.lower()]
            assert values == ([] if card.text(name) is None else [card.text(name)])
        for name in ("TEL", "EMAIL"):
            read = [(value, "pref" in str(parameters).lower()) for found, parameters, value in lines if found == name.lower()]
            assert read == [(values[0], not number) for number, (_, values) in enumerate(card.all(name))]


def test_they_are_what_rfc_2426_allows_and_nothing_newer(written: bytes) -> None:
    """What takes 3.0 only takes them: no property, parameter or value that came later, every text escaped, lines of 75 octets at most."""
    assert written.endswith(b"END:VCARD\r\n") and b"\n" not in written.replace(b"\r\n", b"")
    assert max(map(len, written.split(b"\r\n"))) <= 75
    lines = written.replace(b"\r\n ", b"").decode().split("\r\n")[:-1]
    assert lines.count("BEGIN:VCARD") == lines.count("END:VCARD") == lines.count("VERSION:3.0") == 940
    for line in lines:
        head, _, value = line.partition(":")
        name, _, parameter = head.partition(";")
        if name not in ("BEGIN", "END"):
            types = parameter.removeprefix("TYPE=").split(",") if parameter else []
            assert set(types) <= set(GRAMMAR[name]), line
            fields = re.split(r"(?<!\\)(?:\\\\)*[;,]" if name in ("N", "CATEGORIES") else r"(?!)", value)
            assert all(TEXT.fullmatch(field) for field in fields) or name == "N", line


def test_they_are_few_octets(written: bytes) -> None:
    """A telephone has them in a moment: without certificates, a third of the file with them."""
    assert len(written) < LARGEST and b"\nKEY" not in written and len(written) * 2 < len(vcards.write(WORLD))


def test_who_types_tz_finds_all_of_tz_by_their_names(cards: list[Card]) -> None:
    """The first word of a name, which every telephone looks through; an IDN by its letters and by its A-label."""

    def found(word: str) -> set[str]:
        """As telephones do it: names with a word that begins so."""
        return {card.text("FN") for card in cards if any(part.lower().startswith(word) for part in card.text("FN").split())}

    first = [one for one in EVERYBODY if one.cctld.name == "tz"]
    assert {called(one) for one in first} <= found("tz") and len(first) == 4 and f"TZ {TZ_NAME}" in found("tz")
    assert {called(one) for one in EVERYBODY if one.cctld.name == "xn--p1ai"} <= found("рф") & found("xn--p1ai")
    (card,) = [card for card in cards if card.text("FN") == f"TZ {TZ_NAME}"]
    assert [values for _, values in card.all("TEL")] == [[TZ_PHONE], [TZ_MOBILE]] and card.text("TITLE") == ".tz"


def test_no_word_of_every_card_begins_as_a_cctld(cards: list[Card]) -> None:
    """Who looks for .co through titles, too, does not find 900 people, each of them a "Contact"."""
    active = {card.text("TITLE") for card, one in zip(cards, WORLD.contacts, strict=False) if one.state == "active"}
    assert active <= {one.shown for one in cctlds().values()}


@pytest.mark.parametrize("extension", [" ext. 4711", " ext 12", " x12", "x12"])
def test_an_extension_is_never_dialled_as_part_of_the_number(extension: str) -> None:
    """Android drops letters and keeps digits, and would call somebody else: the number stands alone, the whole of it in the note."""
    one = replace(WORLD.contacts[0], person=replace(WORLD.contacts[0].person, phones=(f"+255 (22) 277{extension}", "+255 22 1")))
    card = only(one)
    assert [values for _, values in card.all("TEL")] == [["+255 (22) 277"], ["+255 22 1"]]
    assert f"Number with extension: +255 (22) 277{extension}" in card.text("NOTE").splitlines()
    assert "extension" not in only(WORLD.contacts[0]).text("NOTE")


def test_what_must_be_known_before_a_call_stands_below_the_name() -> None:
    """Of members who are suspended or not reached, and of whom nobody here vouches for; the rest is in the note."""
    one, other = replace(WORLD.contacts[0], state="active", why="", overdue=False), WORLD.imported[0]
    shown = one.cctld.shown
    assert (only(one).text("TITLE"), only(one).text("NOTE")) == (shown, f"{NAME} 2026-11-22")
    assert only(replace(one, state="suspended")).text("TITLE") == f"{shown}, suspended"
    card = only(replace(one, state="unreachable", why="it expired", overdue=True, confirmed=AT - 200 * DAY_S, not_working=("a@x.example",)))
    assert card.text("TITLE") == f"{shown}, unreachable"
    assert card.text("NOTE").splitlines()[1:] == [
        "Does not work: a@x.example", "Unreachable by the list: it expired", "Overdue: details last confirmed on 2026-05-06",
    ]  # fmt: skip
    assert only(other).text("TITLE") == f"{other.cctld.shown}, passed on by {other.source}, nobody here vouches for them"
    assert only(other).values("CATEGORIES")[0] == f"{NAME}: from {other.source}"


@pytest.mark.parametrize("evil", ["\r\nEND:VCARD\r\nBEGIN:VCARD\r\n", "x\nTEL:+666", "\\nTEL:+666", "\\", "\\\\n", ";;;", "a\u2028b\x85c"])
def test_nobody_writes_a_line_of_a_card(evil: str) -> None:
    """Line ends, backslashes and separators in any text make no property, and no card, of their own."""
    person = Person(evil, ("a@nl.example",), (), evil)
    card = only(replace(WORLD.contacts[0], person=person, why=evil, state="unreachable"))
    assert card.text("FN").endswith(f" {visible(evil)}") and card.text("ORG") == visible(evil) and not card.all("TEL")
    assert f"Unreachable by the list: {visible(evil)}" in card.text("NOTE").splitlines()
    assert f"passed on by {visible(evil)}, " in only(replace(WORLD.imported[0], person=person, source=evil)).text("TITLE")


def test_somebody_without_a_name_still_has_a_card() -> None:
    """RFC 2426 wants a name: the address, or else the ccTLD, behind the ccTLD."""
    nobody = replace(WORLD.contacts[0], person=Person("\u200b", ("a@nl.example",)), cctld=cctlds()["nl"])
    assert only(nobody).text("FN") == "NL a@nl.example"
    assert only(replace(nobody, person=Person())).text("FN") == "NL .nl"


def test_the_same_person_is_the_same_in_both_files(cards: list[Card]) -> None:
    """By UID: an address book that goes by it has them once, whichever file it is given."""
    assert [card.text("UID") for card in cards] == [card.text("UID") for card in evolution.read(vcards.write(WORLD))]


def test_nine_hundred_cards_take_less_than_two_seconds() -> None:
    """Of the processor's time, so that a busy machine fails nothing."""
    began = time.process_time()
    phone_cards.write(WORLD)
    taken = time.process_time() - began
    print(f"cards for telephones, 900 members and 40 imported contacts: {taken:.2f} s")
    assert taken < 2
