"""The vCards, read back by Evolution's address book: nobody's name, number, address or key is lost or changed on the way."""

from __future__ import annotations

import base64
import time
from dataclasses import replace
from itertools import pairwise

import evolution
import pytest
from contacts_world import AT, AWKWARD, DAY_S, LIST, NAME, TZ_MOBILE, TZ_NAME, TZ_PHONE, alone, crowd
from evolution import Card

from securelist.cctld.cctlds import cctlds
from securelist.contacts import vcards
from securelist.contacts.contact import Contact, Imported, region_name
from securelist.contacts.repository import Repository
from securelist.mail.headers import visible
from securelist.trust.statement import Person

WORLD = crowd()


@pytest.fixture(scope="module")
def written() -> bytes:
    """The whole repository's file."""
    return vcards.write(WORLD)


@pytest.fixture(scope="module")
def cards(written: bytes) -> list[Card]:
    """What Evolution reads in it."""
    return evolution.read(written)


def only(contact: Contact | Imported, world: Repository = WORLD) -> Card:
    """The card of one contact, as Evolution reads it."""
    (card,) = evolution.read(vcards.write(alone(contact, world)))
    return card


def certificate_in(card: Card) -> bytes:
    """The octets in a card's KEY; nothing if it has none."""
    kind, _, data = (card.text("KEY") or "").partition(",")
    assert kind in ("", "data:application/pgp-keys;base64")
    return base64.b64decode(data, validate=True)


def test_every_field_of_everybody_comes_back(cards: list[Card]) -> None:
    """Nine hundred members and forty imported contacts, with whatever is in their names: what comes back is what people are shown."""
    everybody = (*WORLD.contacts, *WORLD.imported)
    assert len(cards) == len(everybody) == 940
    for card, one in zip(cards, everybody, strict=True):
        person = one.person
        assert card.text("FN") == visible(person.name)
        assert card.values("N") == ["", visible(person.name), "", "", ""]
        assert card.ranked("TEL") == list(person.phones)
        assert sorted(card.ranked("EMAIL")) == sorted(person.emails)
        assert card.text("ORG") == (visible(person.organisation) or None)
        assert card.text("TZ") == (person.timezone or None)
        assert card.values("CATEGORIES")[1:] == [region_name(one.cctld.region), f".{one.cctld.name}"]
        assert card.text("TITLE") == f"Contact of {one.cctld.shown}"


def test_every_certificate_comes_back_but_of_who_is_suspended(cards: list[Card]) -> None:
    """The very octets, so that an address book can hand them to an OpenPGP program; to a suspended key nobody should encrypt."""
    found = list(map(certificate_in, cards))
    assert found[:900] == [b"" if one.state == "suspended" else one.certificate for one in WORLD.contacts]
    assert found[900:] == [one.certificate for one in WORLD.imported]
    assert found[:900].count(b"") == sum(one.state == "suspended" for one in WORLD.contacts) > 0


def test_every_awkward_name_was_among_them(cards: list[Card]) -> None:
    """The crowd has each of them: quotation marks, semicolons, formulas, letters of five scripts, and what hides."""
    assert {visible(name) for name in AWKWARD} <= {card.text("FN") for card in cards}


def test_a_card_is_what_the_rfc_asks_for(written: bytes, cards: list[Card]) -> None:
    """RFC 6350: version 4.0 behind BEGIN, lines of at most 75 octets that end with CRLF, no letter torn in two, one UID, a revision."""
    lines = written.split(b"\r\n")
    assert written.endswith(b"END:VCARD\r\n") and b"\n" not in written.replace(b"\r\n", b"")
    assert max(map(len, lines)) <= 75 and all(line.decode() is not None for line in lines)
    assert all(after == b"VERSION:4.0" for line, after in pairwise(lines) if line == b"BEGIN:VCARD")
    assert {card.text("VERSION") for card in cards} == {"4.0"} and {card.text("REV") for card in cards} == {"20261122T000000Z"}
    assert all(card.text("UID").startswith("urn:uuid:") for card in cards)
    assert {values["TYPE"][0] for card in cards for values, _ in card.all("TEL")} == {"work"}


def test_importing_the_next_edition_replaces_the_last(cards: list[Card]) -> None:
    """Somebody's UID stays when their name, key and numbers change; a namesake, another ccTLD or another source has another."""
    one, other = WORLD.contacts[0], WORLD.imported[0]
    changed = replace(one, fingerprint="F" * 40, person=replace(one.person, name="New Name", phones=("+1 2 345678",)))
    uid = only(one).text("UID")
    assert only(changed, crowd(at=AT + 30 * DAY_S)).text("UID") == uid
    assert len({card.text("UID") for card in cards}) == len(cards)
    assert only(replace(one, cctld=cctlds()["nl"])).text("UID") != uid
    assert only(replace(other, source="Somebody else")).text("UID") != only(other).text("UID")


def test_who_looks_for_tz_finds_the_number() -> None:
    """In an address book that looks through titles: two numbers, in the order in which to try them."""
    (card,) = [card for card in evolution.read(vcards.write(WORLD.of(["tz"]))) if card.text("FN") == TZ_NAME]
    assert card.text("TITLE") == "Contact of .tz" and card.ranked("TEL") == [TZ_PHONE, TZ_MOBILE]
    assert card.values("CATEGORIES") == [NAME, "Africa", ".tz"]


def test_an_address_that_does_not_work_is_not_the_preferred_one() -> None:
    """Whoever writes to a contact from their address book reaches them, and reads which address is dead."""
    one = replace(WORLD.contacts[0], person=Person("Anna", ("Anna@nl.example", "anna@else.example")), not_working=("anna@nl.example",))
    card = only(one)
    assert card.ranked("EMAIL") == ["anna@else.example", "Anna@nl.example"]
    assert "Does not work: anna@nl.example" in card.text("NOTE").splitlines()
    assert only(replace(one, not_working=())).ranked("EMAIL") == ["Anna@nl.example", "anna@else.example"]


def test_the_note_says_how_things_stand() -> None:
    """State, since when and why, when the details were confirmed, who attests, until when, and the whole fingerprint."""
    one = replace(
        WORLD.contacts[0], state="unreachable", why="the key; it expired", since=AT - DAY_S, overdue=True, voucher="Rob, Roy", entry=17
    )
    assert only(one).text("NOTE").splitlines()[0] == "Unreachable since 2026-11-21: the key; it expired"
    why = "suspended by a trust root, entry 11"
    assert only(replace(one, state="suspended", why=why, since=0)).text("NOTE").splitlines()[0] == why.capitalize()
    rest = " / ".join(only(one).text("NOTE").splitlines()[1:])
    assert rest.startswith("Overdue: details last confirmed on 2")
    assert "Attested by Rob, Roy on" in rest and "entry 17 of the log" in rest and one.fingerprint in rest
    assert "verdue" not in only(replace(one, overdue=False)).text("NOTE") and "by" not in only(replace(one, voucher="")).text("NOTE")


def test_imported_contacts_are_apart(cards: list[Card]) -> None:
    """A category of their own that names the source, and a note that says nobody here vouches; no member has either."""
    for card, one in zip(cards[900:], WORLD.imported, strict=True):
        assert card.values("CATEGORIES")[0] == f"{NAME}: from {one.source}"
        assert card.text("NOTE").startswith(f"Passed on by {one.source} on ") and "Nobody of this list vouches" in card.text("NOTE")
    for card in cards[:900]:
        assert card.values("CATEGORIES")[0] == NAME and "Passed on" not in card.text("NOTE")


@pytest.mark.parametrize("evil", ["\r\nEND:VCARD\r\nBEGIN:VCARD\r\n", "x\nTEL:+666", "\\nTEL:+666", "\\", "\\\\n", ";;;", "a\u2028b\x85c"])
def test_nobody_writes_a_line_of_a_card(evil: str) -> None:
    """Line ends, backslashes and separators in any text make no property, and no card, of their own."""
    person = Person(evil, ("a@nl.example",), (), evil, evil)
    whom = replace(WORLD.contacts[0], person=person, voucher=evil, why=evil, state="unreachable")
    card = only(whom)
    assert (card.text("FN"), card.text("ORG"), card.text("TZ")) == (visible(evil),) * 3 and not card.all("TEL")
    assert visible(evil) in card.text("NOTE")
    passed_on = only(replace(WORLD.imported[0], person=person, source=evil))
    assert passed_on.values("CATEGORIES")[0] == f"{NAME}: from {visible(evil)}"


def test_somebody_without_a_name_still_has_a_card() -> None:
    """RFC 6350, 6.2.1 wants a name: the address, or else the ccTLD."""
    nobody = replace(WORLD.imported[0], person=Person("\u200b", ("a@nl.example",)))
    assert only(nobody).text("FN") == "a@nl.example"
    assert only(replace(nobody, person=Person())).text("FN") == nobody.cctld.shown


def test_nine_hundred_cards_take_less_than_two_seconds() -> None:
    """Of the processor's time, so that a busy machine fails nothing."""
    began = time.process_time()
    vcards.write(WORLD)
    taken = time.process_time() - began
    print(f"vCards of 900 members and 40 imported contacts: {taken:.2f} s")
    assert taken < 2


def test_a_list_without_anybody_has_an_empty_file() -> None:
    """No card, and no error."""
    assert vcards.write(replace(WORLD, contacts=(), imported=())) == b""


def test_the_list_is_in_nobodys_uid_in_clear(written: bytes) -> None:
    """The UID is a digest: it says nothing about somebody to who sees it alone."""
    assert LIST.encode() not in written
