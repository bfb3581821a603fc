"""The contacts as text: one screen finds one ccTLD, no line is too wide, and nobody's words look like the list's."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace

import pytest
from contacts_world import AT, TZ_NAME, TZ_PHONE, crowd

from securelist.cctld.cctlds import cctlds
from securelist.contacts import text
from securelist.contacts.contact import Contact, Imported
from securelist.contacts.lines import WIDTH, columns, labelled, wrapped
from securelist.contacts.repository import Repository
from securelist.openpgp.certificate import grouped

SCREEN = 24
LABELS = {"Name", "Phone", "Address", "Of", "State", "Confirmed", "Zone", "Key", "Source"}


def lines_of(repository: Repository) -> list[str]:
    return text.write(repository).decode().split("\n")


def only(entry: Contact | Imported, **person: object) -> Repository:
    """A repository of one contact, with other details."""
    changed = replace(entry, person=replace(entry.person, **person))  # type: ignore[arg-type]
    there = {"contacts": (changed,), "imported": ()} if isinstance(entry, Contact) else {"contacts": (), "imported": (changed,)}
    return replace(crowd(3, 3), **there)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def everybody() -> Repository:
    """Nine hundred of them."""
    return crowd(300, 900)


def test_a_pager_finds_a_ccTLD_at_once(everybody: Repository) -> None:  # noqa: N802 - the word is written so
    """The search that the text itself advises leads to the members first, and all of them are on the screen below it."""
    lines = lines_of(everybody)
    assert text.SEARCH in lines[3]
    found, *passed_on = [number for number, line in enumerate(lines) if re.match(text.SEARCH.removeprefix("/"), line)]
    assert len(passed_on) == any(one.cctld.name == "tz" for one in everybody.imported)
    screen = "\n".join(lines[found : found + SCREEN])
    assert TZ_NAME in screen and TZ_PHONE in screen and screen.count("  Name ") >= 3
    grep = subprocess.run(["grep", "-n", "-A2", r"^\.tz"], input=text.write(everybody), capture_output=True, check=True).stdout.decode()
    assert TZ_NAME in grep and TZ_PHONE in grep


def test_each_ccTLD_begins_one_line(everybody: Repository) -> None:  # noqa: N802
    """With its dot, in the order of regions and names; those of imported contacts once more, apart."""
    lines = lines_of(everybody)
    begun = [line.split()[0][1:] for line in lines if line.startswith(".")]
    here = list(dict.fromkeys(one.cctld.name for one in everybody.contacts))
    assert begun == here + list(dict.fromkeys(one.cctld.name for one in everybody.imported))


def test_every_line_fits_and_is_ours(everybody: Repository) -> None:
    """Under 76 columns, however wide the letters; it begins with a ccTLD, a label, a heading, or the blanks of one that goes on."""
    for line in lines_of(everybody)[4:]:
        assert columns(line) <= WIDTH < 76
        ours = re.match(r"(?:\.[a-z0-9-]+(?: \(.*\))?|== .*|   .*|  ([A-Z][a-z]+) +\S.*|  [A-Z][A-Za-z/ ]+: .*|    \..*)?\Z", line)
        assert ours and (ours[1] is None or ours[1] in LABELS or "." in line), line


def test_everything_that_is_known_is_there(everybody: Repository) -> None:
    """Of each: name, every number and address, organisation, zone, when it was confirmed, and the fingerprint."""
    whole = " ".join(text.write(everybody).decode().split())
    for one in everybody.contacts:
        assert all(word in whole for word in (*one.person.phones, *one.person.emails, " ".join(grouped(one.fingerprint).split())))
    assert whole.count("UNREACHABLE") == sum(one.state == "unreachable" for one in everybody.contacts)
    assert whole.count("SUSPENDED by a trust root, entry ") == sum(one.state == "suspended" for one in everybody.contacts)
    assert whole.count("OVERDUE: details last confirmed on") == sum(one.overdue for one in everybody.contacts)
    assert whole.count("ADDRESS DOES NOT WORK") == sum(bool(one.not_working) for one in everybody.contacts)


def test_marks_say_since_when_and_why() -> None:
    """On the person's own entry."""
    one = next(one for one in crowd(10, 30).contacts if one.state == "active")
    said = lines_of(only(replace(one, state="unreachable", why="the key has expired", since=AT, overdue=True, confirmed=AT)))
    assert "  State      UNREACHABLE since 2026-11-22: the key has expired" in said
    assert any(line.startswith("  Confirmed  OVERDUE: details last confirmed on 2026-11-22") for line in said)


def test_imported_contacts_stand_apart(everybody: Repository) -> None:
    """Below all members, each with who passed it on and when, and that nobody here vouches for it."""
    whole = text.write(everybody).decode()
    members, others = whole.split("== Passed on by others")
    assert "vouches" not in members
    assert " ".join(others.split()).count("nobody here vouches for them Key") == 0
    assert " ".join(others.split()).count("; nobody here vouches for them") == len(everybody.imported)
    assert "Passed on by AFTLD on" in others


def test_who_is_not_here_is_named_at_the_end() -> None:
    """The ccTLDs without anybody, by region; in a part of the repository, those that were asked for."""
    few = crowd(10, 30)
    end = " ".join(text.write(few).decode().split(f"== Nobody is here for {len(cctlds()) - 10} ccTLDs")[1].split())
    assert "Africa: .ao, .bf" in end and ".de," in end and ".tz" not in end
    part = text.write(few.of(("tz", "de"))).decode()
    assert part.endswith("== Nobody is here for 1 ccTLD\n  Europe: .de\n") and TZ_NAME in part and "\n.nl" not in part


EVIL = (
    "x\n.tz\n  Name       Mallory", "x\r\n\r\n== Africa", "x" + " " * 90 + ".tz", "\u2028.tz", ".tz " * 60, "王" * 90, "y" * 400,
    "\u202e.tz\u200b", "\x1b[2J.tz", "x\u3164" * 40 + ".tz", "Phone +1 " * 30,
)  # fmt: skip


@pytest.mark.parametrize("words", EVIL, ids=range(len(EVIL)))
@pytest.mark.parametrize("field", ["name", "organisation", "timezone"])
def test_nobodys_words_look_like_the_lists(field: str, words: str) -> None:
    """Whatever stands in a name: it begins no line, adds no label, and hides nothing."""
    for entry in (crowd(10, 30).contacts[0], crowd(10, 30).imported[0]):
        plain, evil = (lines_of(only(entry, **{field: value, "phones": ("+1",)})) for value in ("Anna", words))
        assert [line for line in evil if line.startswith((".", "=="))] == [line for line in plain if line.startswith((".", "=="))]
        assert all(columns(line) <= WIDTH for line in evil) and not re.search("[\x00-\x09\x0b-\x1f\u202e\u200b\u2028]", "\n".join(evil))
        labels = [line[:11] for line in evil if re.match("  [A-Z]", line)]
        assert labels == [line[:11] for line in plain if re.match("  [A-Z]", line)]


def test_an_address_is_copied_whole() -> None:
    """One that is longer than a line has a line of its own; other words are broken."""
    address = f"{'a' * 64}@{'b' * 60}.example"
    assert labelled("Address", "anna@nl.example", address).split("\n")[1].strip() == address
    assert all(columns(line) <= WIDTH for line in labelled("Name", "n" * 300).split("\n"))
    assert wrapped("") == "" and labelled("Name", "") == "  Name"


def test_a_list_with_nobody() -> None:
    """Says so."""
    empty = replace(crowd(1, 1), contacts=(), imported=())
    assert "0 contacts of 0 ccTLDs" in text.write(empty).decode() and "==" in text.write(empty).decode()
