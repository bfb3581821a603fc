"""The repository as table, JSON document and keyring: what programs that are none of ours make of the files of 900 members."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest
from contacts_world import AT, AWKWARD, LIST, TZ_PHONE, crowd, many_certificates
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from people import People

from securelist.contacts import document, keyring, table
from securelist.contacts.contact import region_name
from securelist.contacts.repository import Repository
from securelist.mail.headers import visible
from securelist.spreadsheet import as_csv, cell
from securelist.trust.membership import Member

WORLD = crowd()
EVERYBODY = (*WORLD.contacts, *WORLD.imported)
SCHEMA = json.loads(files("securelist.contacts").joinpath("contacts.schema.json").read_text())


def checker(schema: object = SCHEMA) -> Draft202012Validator:
    """Holds a document against the schema, formats too."""
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def rows(written: bytes) -> list[dict[str, str]]:
    """What Python's `csv` reads in the table."""
    return list(csv.DictReader(io.StringIO(written.decode("utf-8-sig"), newline=""), strict=True))


def plain(value: str) -> str:
    """A cell's text as it was, by the rule that the guide gives."""
    return re.sub(r"(^|;)'", r"\1", value)


def begins_a_formula(value: str) -> bool:
    """Whether some spreadsheet could take this for a formula, in whatever width its signs are and whatever stands before them."""
    return unicodedata.normalize("NFKC", value).lstrip(' \t\r\n\ufeff"').startswith(("=", "+", "-", "@"))


# --- the table ---------------------------------------------------------------------------------------------------------


def test_every_contact_has_its_line_in_the_table() -> None:
    """Members, then imported contacts; every field is as people are shown it."""
    found = rows(table.write(WORLD))
    assert len(found) == 940
    for row, one in zip(found, EVERYBODY, strict=True):
        person = one.person
        assert plain(row["name"]) == visible(person.name) and plain(row["organisation"]) == visible(person.organisation)
        assert [plain(row["phone"]), *plain(row["other_phones"]).split(", ")] == [
            *(person.phones or [""]),
            *([""] * (len(person.phones) < 2)),
        ]
        assert ", ".join(filter(None, (row["email"], row["other_emails"]))) == ", ".join(person.emails)
        assert (row["cctld"], row["country"], row["region"]) == (one.cctld.name, one.cctld.country, region_name(one.cctld.region))
        assert (row["timezone"], row["fingerprint"]) == (person.timezone, one.fingerprint)


def test_the_table_says_how_things_stand() -> None:
    """Who is unreachable since when, suspended, overdue; whose attestation it is; and days that any spreadsheet reads."""
    found = rows(table.write(WORLD))
    for row, one in zip(found, WORLD.contacts, strict=False):
        assert (row["state"], plain(row["why"]), row["attested_by"]) == (one.state, one.why, one.voucher)
        assert (row["overdue"] == "overdue", bool(row["since"]), row["not_working"]) == (
            one.overdue,
            one.since > 0,
            ", ".join(one.not_working),
        )
        assert all(re.fullmatch(r"20\d\d-\d\d-\d\d", row[name]) for name in ("confirmed", "joined", "until"))
    assert {row["state"] for row in found[:900]} == {"active", "unreachable", "suspended"}


def test_imported_contacts_are_told_apart_in_the_table() -> None:
    """The column `source` is "attested" for members only, else it names who passed them on and when."""
    found = rows(table.write(WORLD))
    sources = [plain(row["source"]) for row in found]
    assert sources[:900] == ["attested"] * 900
    assert set(sources[900:]) == {"AFTLD, 2026-11-10", "LACTLD, Montevideo, 2026-10-13", "=CENTR, 2026-01-26"}
    assert [source[:-12] for source in sources[900:]] == [one.source for one in WORLD.imported]
    assert {row["state"] for row in found[900:]} == {"imported"}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_cell_is_a_formula_wherever_cells_end(separator: str) -> None:
    """A spreadsheet that ends cells with semicolons, as in most of Europe, or tabs finds no formula either."""
    cells = [one for row in csv.reader(io.StringIO(table.write(WORLD).decode("utf-8-sig")), delimiter=separator) for one in row]
    assert len(cells) > 900 and not [one for one in cells if begins_a_formula(one)]


def test_a_telephone_number_can_still_be_read_and_dialled() -> None:
    """The number stands there whole behind one apostrophe."""
    (row,) = [row for row in rows(table.write(WORLD.of(["tz"]))) if row["email"] == "amina@tznic.example"]
    assert row["phone"] == f"'{TZ_PHONE}" and row["other_phones"] == "'+255 754 331 207"


def test_excel_is_told_that_it_is_utf_8() -> None:
    """The byte order mark comes first, lines end with CRLF (RFC 4180, 2), and nothing else but them breaks a line."""
    written = table.write(WORLD)
    assert written.startswith(b"\xef\xbb\xbfregion,")
    assert written.count(b"\r\n") == written.count(b"\n") == written.count(b"\r") == 941


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"), ("+31 6 1234", "'+31 6 1234"), ("-1", "'-1"), ("@SUM(1)", "'@SUM(1)"), ("\t=1", "'=1"), ("\r=1", "'=1"),
        ("Bob;=cmd()", "Bob;'=cmd()"), ('Bob; "=cmd()', "Bob;' \"=cmd()"), ('"=1', "'\"=1"), ("＝1", "'＝1"), ("'quoted'", "''quoted'"),
        ("a=b, +1", "a=b, +1"), ("O'Neill; A", "O'Neill; A"), ("", ""), ("a\u202e=1", "a =1"), ("\u200b=1", "'=1"),
    ],
)  # fmt: skip
def test_what_becomes_of_a_text_in_a_cell(text: str, shown: str) -> None:
    """An apostrophe where a formula could begin, and nowhere else."""
    assert cell(text) == shown


@settings(deadline=None)  # a machine that is busy is no failure
@given(st.text(st.sampled_from("=+-@'\";, \t\n\u2028ab1＝﹢\u202e") | st.characters(), max_size=20))
def test_any_text_comes_back_and_none_is_a_formula(text: str) -> None:
    """Whatever strangers write; one rule gives it back, and no separator makes a formula of it."""
    line = as_csv(["x", "y"], [["x", text]])
    (_, (_, found)) = csv.reader(io.StringIO(line, newline=""))
    assert plain(found) == visible(text)
    for separator in ",;\t":
        assert not [one for row in csv.reader(io.StringIO(line, newline=""), delimiter=separator) for one in row if begins_a_formula(one)]


def test_what_is_no_text_stays_as_it_is() -> None:
    """Numbers are numbers in a spreadsheet, minus or not, and what is not known is an empty cell."""
    assert as_csv(["a", "b", "c"], [[-1, None, 2.5]]) == "a,b,c\r\n-1,,2.5\r\n"


# --- the document ------------------------------------------------------------------------------------------------------


def test_the_document_holds_to_its_schema() -> None:
    """The schema is one (draft 2020-12), says what each key means, and everything in the document is as it says."""
    Draft202012Validator.check_schema(SCHEMA)
    contact = SCHEMA["$defs"]["contact"]
    assert all(about["description"] for about in contact["properties"].values())
    found = json.loads(document.write(WORLD))
    checker().validate(found)
    assert all(set(one) == set(contact["required"]) == set(contact["properties"]) for one in found)
    checker(SCHEMA | {"items": contact | {"additionalProperties": False}}).validate(found)
    assert SCHEMA["items"] == {"$ref": "#/$defs/contact"}


def wrong(key: str, value: object, imported: bool = False) -> list[dict[str, object]]:
    """The document with one value another, in a member or an imported contact."""
    found = json.loads(document.write(WORLD))
    found[-1 if imported else 0][key] = value
    return [found[-1 if imported else 0]]


@pytest.mark.parametrize(
    ("key", "value", "imported"),
    [
        ("state", "imported", False), ("state", "active", True), ("state", "well", False), ("source", None, True), ("entry", None, False),
        ("entry", 3, True), ("emails", [], False), ("emails", ["nobody"], False), ("fingerprint", "ABCD", False), ("since", 0, False),
        ("name", "", False), ("name", "two\nlines", False), ("name", "gpj\u202eexe", False), ("cctld", ".nl", False),
        ("region", "EU", False), ("until", None, False), ("phones", "+31 6", False), ("attested_by", "Rob", True),
    ],
)  # fmt: skip
def test_the_schema_refuses_what_is_wrong(key: str, value: object, imported: bool) -> None:
    """Among it all that would pass an imported contact off as a member."""
    assert not checker().is_valid(wrong(key, value, imported))


def test_everybody_is_in_the_document() -> None:
    """Every field of every contact, as people are shown it, and of which list and of when it is."""
    for found, one in zip(json.loads(document.write(WORLD)), EVERYBODY, strict=True):
        person = one.person
        assert (found["name"], found["organisation"]) == (visible(person.name), visible(person.organisation))
        assert (found["emails"], found["phones"], found["timezone"]) == (list(person.emails), list(person.phones), person.timezone)
        assert (found["fingerprint"], found["list"], found["at"]) == (one.fingerprint, LIST, AT)
    assert {one["state"] for one in json.loads(document.write(WORLD))[900:]} == {"imported"}


def test_what_reads_the_list_of_members_reads_this() -> None:
    """Each contact has what `member list --json` gives of that member, by the same names."""
    for found, one in zip(json.loads(document.write(WORLD)), WORLD.contacts, strict=False):
        if one.person.name not in AWKWARD:
            person = one.person
            facts = (one.fingerprint, one.expires, one.entry, one.state, one.why)
            details = (person.name, person.emails, person.phones, person.organisation, person.timezone, person.share_regional)
            member = Member(one.cctld.name, *details, *facts)
            assert member.as_json().items() <= found.items()


# --- the keyring -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> Repository:
    """900 members with real certificates, each their own; nobody is suspended."""
    return crowd(certificates=many_certificates(900), suspended=False)


@pytest.fixture
def empty_home(tmp_path: Path) -> Iterator[People]:
    """A GnuPG home without a key in it."""
    tmp_path.chmod(0o700)
    home = People(tmp_path)
    yield home
    home.close()


def wanted(repository: Repository) -> set[str]:
    """Everybody's fingerprints."""
    return {one.fingerprint for one in repository.contacts}


@pytest.mark.slow
def test_gpg_imports_all_of_them_into_an_empty_keyring(real: Repository, empty_home: People) -> None:
    """All 900, and not one more."""
    empty_home.gpg("--import", data=keyring.write(real))
    listed = empty_home.gpg("--with-colons", "--list-keys").decode().splitlines()
    primary = [after.split(":")[9] for line, after in pairwise(listed) if line.startswith("pub:")]
    assert set(primary) == wanted(real) and len(primary) == len(wanted(real)) == 900


@pytest.mark.slow
def test_sq_finds_all_of_them(real: Repository, tmp_path: Path) -> None:
    """Sequoia's own program lists them, and splits the file into as many certificates."""
    (tmp_path / "members.asc").write_bytes(keyring.write(real))
    listed = subprocess.run(["sq", "keyring", "list", tmp_path / "members.asc"], capture_output=True, check=True, text=True).stdout
    assert set(re.findall(r"\b[0-9A-F]{40}\b", listed)) == wanted(real)
    subprocess.run(["sq", "keyring", "split", "--prefix", tmp_path / "one-", tmp_path / "members.asc"], capture_output=True, check=True)
    assert len(list(tmp_path.glob("one-*"))) == 900


def test_nobody_encrypts_to_who_is_suspended_or_imported() -> None:
    """Neither kind of certificate is in the keyring; a member whose key has run out is there, for the new one to be known by."""
    three = replace(crowd(3, 3, many_certificates(3), imported=0))
    states = ("active", "unreachable", "suspended")
    contacts = tuple(replace(one, state=state) for one, state in zip(three.contacts, states, strict=True))
    only_two = keyring.write(replace(three, contacts=contacts, imported=WORLD.imported))
    assert only_two == keyring.write(replace(three, contacts=contacts[:2]))
    assert only_two != keyring.write(replace(three, contacts=contacts[:1])) and only_two.startswith(
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
    )


def test_without_members_there_is_no_keyring() -> None:
    """An empty file, not an armoured block without anything in it."""
    assert keyring.write(replace(WORLD, contacts=())) == b""


# --- all of them -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [table.write, document.write, keyring.write], ids=["table", "document", "keyring"])
def test_nine_hundred_members_take_less_than_two_seconds(write: Callable[[Repository], bytes]) -> None:
    """Of the processor's time, so that a busy machine fails nothing."""
    began = time.process_time()
    write(WORLD)
    taken = time.process_time() - began
    print(f"{write.__module__}, 900 members and 40 imported contacts: {taken:.2f} s")
    assert taken < 2
