"""Records: what is taken from IANA's RDAP objects, what is refused and with which words, and what importing again tells."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from queue_world import House, house  # noqa: F401
from rdap_world import AT, card_of, octets, person, record, with_property

from securelist.cctld import rdap
from securelist.cctld.rdap import MAX_FILE_OCTETS, read_answer, read_file
from securelist.cctld.record import Change, Record
from securelist.errors import Refused
from securelist.store.database import reading, writing
from securelist.store.journal import newest
from securelist.store.records import keep, records

NL = Record(
    "nl", "Registry of the Low Lands", "Domain Office Manager", "admin@registry-nl.example", "+31 26 555 0100", "nl.json", AT
)  # fmt: skip


# --- what is taken -----------------------------------------------------------------------------------------------------


def test_a_record_as_iana_gives_it() -> None:
    """The registrant is the manager; name, address and voice number are the Admin Contact's, not the technical one's."""
    assert read_file(octets(record()), "nl.json", AT) == (NL,)


def test_several_records_in_one_file() -> None:
    """An array of records, ASCII and IDN ccTLDs alike, in its order."""
    read = read_file(octets(record("br"), record("xn--p1ai"), record("nl")), "all.json", AT)
    assert [(one.cctld, one.manager, one.source) for one in read] == [
        ("br", "Comitê Gestor do Exemplo", "all.json"),
        ("xn--p1ai", "Coordination Centre for Examples", "all.json"),
        ("nl", "Registry of the Low Lands", "all.json"),
    ]


def phone(value: str, **parameters: object) -> bytes:
    whole = record()
    card_of(whole)[:] = [entry for entry in card_of(whole) if entry[0] != "tel"] + [["tel", parameters, "uri", value]]
    return octets(whole)


def without(name: str, role: str = "administrative") -> bytes:
    whole = record()
    card_of(whole, role)[:] = [entry for entry in card_of(whole, role) if entry[0] != name]
    return octets(whole)


# What differs from the usual and is right all the same: the octets, and what the record says otherwise.
ODD: dict[str, tuple[bytes, dict[str, str]]] = {
    "a name in capitals with its dot": (octets(record(ldhName="NL.")), {}),
    "a byte order mark": (b"\xef\xbb\xbf" + octets(record()), {}),
    "a manager with its units": (octets(with_property("org", ["Registry", "DNS"], "registrant")), {"manager": "Registry, DNS"}),
    "a manager without an org": (without("org", "registrant"), {}),
    "a no-break space": (octets(with_property("fn", "Domain\u00a0Office  Manager")), {}),
    "letters of other scripts": (octets(with_property("fn", "Администратор")), {"name": "Администратор"}),
    "a number as a URI": (phone("tel:+31-26-555-0100;ext=12", type="voice"), {"phone": "+31-26-555-0100 ext. 12"}),
    "a number of no type": (phone("+1 555 0100"), {"phone": "+1 555 0100"}),
    "a number for both": (phone("+1 555 0100", type=["fax", "voice"]), {"phone": "+1 555 0100"}),
    "a fax alone": (phone("+1 555 0100", type="fax"), {"phone": ""}),
    "no number": (without("tel"), {"phone": ""}),
    "fields that nobody knows": (octets(record(weather={"x": [1, None, True]})), {}),
    "people with two roles": (
        octets(record(entities=[e | {"roles": [*e["roles"], "x"]} for e in record()["entities"]])),
        {},
    ),
}


@pytest.mark.parametrize(("data", "differs"), ODD.values(), ids=ODD)
def test_what_is_odd_and_no_reason_to_refuse(data: bytes, differs: dict[str, str]) -> None:
    """What other writers of RDAP may do is understood."""
    (read,) = read_file(data, "nl.json", AT)
    assert vars(read) == vars(NL) | differs


# --- what is refused ---------------------------------------------------------------------------------------------------


def entities(*roles: str) -> bytes:
    everybody = record()["entities"]
    return octets(record(entities=[next(e for e in everybody if role in e["roles"]) for role in roles]))


def card(value: object) -> bytes:
    whole = record()
    whole["entities"][1]["vcardArray"] = value
    return octets(whole)


def email(value: object) -> bytes:
    return octets(with_property("email", value))


TWO_ADDRESSES = record()
card_of(TWO_ADDRESSES).append(["email", {}, "text", "other@registry-nl.example"])
ADMIN = "entities[administrative].vcardArray"

# What is in the file, the reason, and the field and rule that are named.
BAD: dict[str, tuple[bytes, str, str]] = {
    "nothing": (b"", "not-json", "line 1, column 1"),
    "a web page": (b"<!DOCTYPE html><html>", "not-json", "it is no JSON: line 1, column 1"),
    "the beginning of a record": (octets(record())[:500], "not-json", "it is no JSON"),
    "UTF-16": (json.dumps(record()).encode("utf-16"), "not-json", "it is not in UTF-8"),
    "a number that is none": (b'{"a": NaN}', "not-json", "NaN is no JSON"),
    "a number of a million digits": (b'{"a": ' + b"1" * 1_000_000 + b"}", "not-json", "absurdly long"),
    "a hundred thousand brackets": (b"[" * 100_000, "not-json", "nested too deeply"),
    "one field twice": (
        octets(record()).replace(b'"ldhName"', b'"ldhName": "de", "ldhName"', 1),
        "not-json",
        "two fields of the same name",
    ),
    "50 MB": (b" " * 50_000_000, "too-large", "larger than 8 MiB"),
    "an empty array": (b"[]", "no-records", "the array holds no record"),
    "a number": (b"17", "no-record", "objectClassName: it must be an RDAP domain object"),
    "an array of text": (b'["nl"]', "no-record", "record 1: objectClassName"),
    "an error of a server": (b'{"errorCode": 404, "title": "Not Found"}', "no-record", "objectClassName"),
    "a name server": (octets(record(objectClassName="nameserver")), "no-record", "objectClassName"),
    "no name": (octets(record(ldhName=None)), "bad-record", "ldhName: it must be a text"),
    "a generic TLD": (octets(record(ldhName="com")), "unknown-cctld", "ldhName: 'com' is no ccTLD; did you mean om?"),
    "a domain below a ccTLD": (octets(record(ldhName="registry.nl")), "unknown-cctld", "'registry.nl' is no ccTLD"),
    "an IDN in its own letters": (octets(record(ldhName="рф")), "unicode-name", "ldhName: it must be an ASCII label, such as xn--p1ai"),
    "unknown letters": (octets(record(ldhName="ñl")), "unicode-name", "ldhName: it must be an ASCII label; letters of"),
    "a name with a line end": (octets(record(ldhName="nl\n")), "bad-character", "ldhName: the control or invisible character U+000A"),
    "the same ccTLD twice": (octets(record(), record("br"), record()), "repeated-cctld", "record 3: ldhName: there is a record of .nl"),
    "a second record that is broken": (octets(record(), record("br", entities=[])), "no-contact", "record 2: entities: there must be"),
    "no people": (octets(record(entities=None)), "no-contact", "entities: there must be exactly one with the role administrative"),
    "people that are a text": (octets(record(entities="admin")), "no-contact", "role administrative, not 0"),
    "no Admin Contact": (entities("registrant", "technical"), "no-contact", "role administrative, not 0"),
    "no manager": (entities("administrative", "technical"), "no-contact", "role registrant, not 0"),
    "two Admin Contacts": (
        octets(record(entities=[*record()["entities"], person("administrative", "X", "X", "x@x.example")])),
        "no-contact",
        "role administrative, not 2",
    ),
    "an Admin Contact of a name server only": (
        octets(record(entities=record()["entities"][:1], nameservers=[{"entities": record()["entities"]}])),
        "no-contact",
        "role administrative, not 0",
    ),
    "no jCard": (card(None), "bad-record", f"{ADMIN}: it must be a jCard"),
    "a jCard of nothing": (card(["vcard"]), "bad-record", f"{ADMIN}: it must be a jCard"),
    "a property without a value": (card(["vcard", [["fn", {}, "text"]]]), "bad-record", "a property of a jCard is"),
    "a property that is no list": (card(["vcard", ["fn"]]), "bad-record", "a property of a jCard is"),
    "no name of the Admin Contact": (without("fn"), "missing-field", f"{ADMIN}.fn: it is missing"),
    "a name of blanks": (octets(with_property("fn", "  ")), "missing-field", f"{ADMIN}.fn"),
    "a name that is a number": (octets(with_property("fn", 7)), "bad-record", f"{ADMIN}.fn: it must be a text"),
    "a name of a mile": (octets(with_property("fn", "x" * 201)), "too-long", "at most 200 characters, this has 201"),
    "a name with a script in it": (octets(with_property("fn", "<script>alert(1)</script>")), "markup", f"{ADMIN}.fn: it must be plain"),
    "a name with an HTML entity": (octets(with_property("fn", "Smith &amp; Sons")), "markup", "looks like HTML"),
    "a manager in HTML": (octets(with_property("org", "<b>Registry</b>", "registrant")), "markup", "entities[registrant].vcardArray.org"),
    "a name that moves the cursor": (octets(with_property("fn", "\x1b[2JAdmin")), "bad-character", "U+001B"),
    "a name that is written backwards": (octets(with_property("fn", "nimdA\u202e")), "bad-character", "U+202E"),
    "a name with a second line": (octets(with_property("fn", "Admin\nBcc: x@x.example")), "bad-character", "U+000A"),
    "half of a character": (octets(record()).replace(b"Domain Office", b"Domain \\ud800", 1), "bad-character", "U+D800"),
    "a number that is none to call": (octets(with_property("tel", ["+31"])), "bad-record", f"{ADMIN}.tel: it must be a text"),
    "no address": (without("email"), "no-address", f"{ADMIN}.email: there must be exactly one address of record, not 0"),
    "an empty address": (email(""), "no-address", "not 0"),
    "two addresses": (octets(TWO_ADDRESSES), "no-address", "not 2"),
    "an address that is a list": (email(["a@x.example"]), "bad-record", f"{ADMIN}.email: it must be a text"),
    "an address without a domain": (email("admin"), "bad-address", f"{ADMIN}.email: 'admin' is not an address"),
    "an address with a name": (email("Admin <admin@registry.example>"), "markup", "looks like HTML"),
    "two addresses in one": (email("a@x.example,b@x.example"), "bad-address", "is not an address of the form"),
    "an address as a URI": (email("mailto:a@x.example"), "bad-address", "is not an address of the form"),
    "an address in quotation marks": (email('"a b"@x.example'), "bad-address", "is not an address of the form"),
    "a bang path": (email("x.example!a%y@z.example"), "bad-address", "is not an address of the form"),
    "an address in other letters": (email("админ@x.example"), "bad-address", "is not an address of the form"),
    "an address with a header in it": (email("a@x.example\r\nBcc: b@x.example"), "bad-character", "U+000D"),
    "an option for a program": (email("-oQ/tmp@"), "bad-address", "is not an address of the form"),
}


@pytest.mark.parametrize(("data", "reason", "said"), BAD.values(), ids=BAD)
def test_a_bad_record_is_refused_with_file_field_and_rule(data: bytes, reason: str, said: str) -> None:
    """One reason, one sentence that begins with the file and can be shown on any terminal."""
    with pytest.raises(Refused) as caught:
        read_file(data, "some.json", AT)
    assert caught.value.reason == reason
    assert said in caught.value.detail
    assert caught.value.detail.startswith("some.json: ")
    assert caught.value.detail.isprintable()
    assert len(caught.value.detail) < 600


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["roles", "vcardArray", "fn", "x"]), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(
    place=st.sampled_from(["ldhName", "entities", "objectClassName", "roles", "vcardArray", "properties", "property"]), value=JSON_VALUES
)
def test_whatever_stands_in_a_field_the_answer_is_a_record_or_a_refusal(place: str, value: object) -> None:
    """Any JSON in any place that is read: never another error."""
    whole = record()
    entity = whole["entities"][1]
    where: dict[str, Callable[[], object]] = {
        "roles": lambda: entity.update(roles=value),
        "vcardArray": lambda: entity.update(vcardArray=value),
        "properties": lambda: entity.update(vcardArray=["vcard", value]),
        "property": lambda: card_of(whole).insert(0, value),
    }
    where.get(place, lambda: whole.update({place: value}))()
    try:
        read_file(octets(whole), "x.json", AT)
    except Refused as refused:
        assert refused.detail.startswith("x.json: ")


# --- a server's answer -------------------------------------------------------------------------------------------------


def test_an_answer_is_about_what_was_asked_for() -> None:
    """The record of another ccTLD, or an array, is no answer; capitals and a dot do not matter."""
    assert read_answer(octets(record(ldhName="NL.")), "nl", "nl.json", AT) == NL
    for data, reason in ((octets(record("de")), "other-cctld"), (octets(record(), record("br")), "no-record")):
        with pytest.raises(Refused) as caught:
            read_answer(data, "nl", "https://x.example/domain/nl", AT)
        assert caught.value.reason == reason


def test_the_limits_are_larger_than_any_record() -> None:
    """A file of all ccTLDs' records fits, with as much room again."""
    assert 310 * len(octets(record())) * 2 < MAX_FILE_OCTETS
    assert 8 * len(octets(record())) < rdap.MAX_RECORD_OCTETS


# --- kept --------------------------------------------------------------------------------------------------------------


def test_importing_again_says_what_changed(house: House) -> None:
    """New, unchanged, changed: field by field, before and now; the date is always the last one's."""
    moved = Record(
        "nl", NL.manager, "Director", "director@elsewhere.example", "", "later.json", AT + 2
    )  # fmt: skip
    same = Record("nl", NL.manager, NL.name, NL.address, NL.phone, "again.json", AT + 1)
    with writing(house.engine) as connection:
        steps = [keep(connection, [one])[0] for one in (NL, same, moved)]
    assert [(step.before, step.changes) for step in steps[:2]] == [(None, ()), (NL, ())]
    assert steps[2].changes == (
        Change("Admin Contact", NL.name, "Director"),
        Change("address of record", NL.address, "director@elsewhere.example"),
        Change("phone", NL.phone, ""),
    )
    assert steps[2].changes[2].sentence == "phone: +31 26 555 0100 → none"
    with reading(house.engine) as connection:
        assert records(connection) == {"nl": moved}


def test_the_journal_tells_what_a_record_said_before(house: House) -> None:
    """An address of record that changes can be looked up later; what did not change is not worth a line."""
    with writing(house.engine) as connection:
        for address in ("a@x.example", "a@x.example", "b@x.example"):
            keep(connection, [Record("nl", "R", "A", address, "", "nl.json", AT)])
    told = [(note.event, note.subject, note.detail) for note in newest(house.engine, 5)]
    assert told == [("record", "nl", "address of record: a@x.example → b@x.example"), ("record", "nl", "new")]


def test_other_records_stay(house: House) -> None:
    """Importing one ccTLD touches no other."""
    with writing(house.engine) as connection:
        keep(connection, read_file(octets(record("nl"), record("br")), "two.json", AT))
        keep(connection, read_file(octets(record("br")), "one.json", AT + 1))
        assert [(name, one.source) for name, one in records(connection).items()] == [("br", "one.json"), ("nl", "two.json")]
