"""A Regional Organisation writes its own program after the guide: gpg and JSON, and nothing of the product."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from bundle_world import SCHEMA, Regional, attest, founded, iso, regional
from guide_reader import GUIDES, Reader
from people import People
from town import Town, member

from securelist.contacts.bundle import MAX_BUNDLE_OCTETS, MAX_DOCUMENT_OCTETS
from securelist.contacts.bundle_reader import _DOCUMENT, _ROW, MAX_CONTACTS, MAX_PROBLEMS

__all__ = ["regional"]
GUIDE = (GUIDES / "bundles.md").read_text()


@pytest.fixture(scope="module")
def there(people: People, regional: Regional) -> Iterator[Town]:
    """A list with Anna, who shares her details with her region."""
    for town in founded(people, regional):
        attest(town, people.make("Anna", f"anna-{town.home.parent.name}@nl.example"), Share="regional")
        yield town


@pytest.fixture
def reader(people: People, there: Town, tmp_path: Path) -> Iterator[Reader]:
    """Somebody at CENTR, with a key, the list's certificate and the guide."""
    centr = people.make("CENTR", f"contacts-{time.time_ns()}@centr.example")
    folder = there.home.parent / f"centr{time.time_ns() % 10_000}"  # gpg-agent's socket wants a short path
    made = Reader("bundles.md", folder, OURKEY=centr.fingerprint, LISTKEY=there.key)
    made.keep(people, centr)
    made.write("centr.asc", centr.certificate)
    made.write("list.asc", there.run("key", "show", "--armor"))
    yield made
    made.close()


def example(reader: Reader) -> str:
    """The document that the guide shows, with their keys and today's date."""
    (text,) = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    filled = text.replace("2026-11-23T05:00:00Z", iso(int(time.time())))
    return filled.replace("OURKEY", reader.words["OURKEY"]).replace("LISTKEY", reader.words["LISTKEY"])


def follow(there: Town, reader: Reader, beginning: str) -> str:
    """What the list's operator sees, who types a command of the guide in the folder where these files are."""
    line = next(line for line in reader.lines if line.startswith(beginning))
    words = [str(reader.folder / word) if word.endswith(".asc") else word for word in line.split()[1:]]
    return there.run(*words).decode()


def test_a_regional_organisation_makes_a_bundle_after_the_guide(there: Town, reader: Reader) -> None:
    """The example, filled in, signed and encrypted as the guide writes it: the schema takes it, and so does the list."""
    jsonschema.validate(json.loads(example(reader)), SCHEMA)
    assert there.key in reader.follow("gpg --show-keys list.asc")
    reader.follow("gpg --import list.asc")
    reader.write("bundle.json", example(reader))
    reader.follow("gpg --armor --local-user OURKEY", "--trust-model", "always")
    assert "imported 2 contacts of CENTR" in follow(there, reader, "securelist contacts import")
    assert reader.words["OURKEY"] in there.run("contacts", "sources", "--json").decode()
    shown = there.run("contacts", "export", "--format", "json").decode()
    assert [name in shown for name in ("Emma Peeters", "Иван Петров", "+32 470 55 01 02 ext. 7")] == [True] * 3
    assert "forgot 2 contacts of CENTR" in follow(there, reader, "securelist contacts forget")


def test_a_regional_organisation_reads_a_bundle_after_the_guide(there: Town, reader: Reader) -> None:
    """gpg and JSON open what the list exported; signer, source and recipient are those that the guide says to compare."""
    assert "contacts: 1" in follow(there, reader, "securelist contacts export --bundle")
    reader.follow("gpg --import list.asc")
    reader.follow("gpg --output contacts.json --decrypt", "--status-file", "status")
    document: dict[str, Any] = json.loads((reader.folder / "contacts.json").read_text())
    assert f"VALIDSIG {there.key}" in (reader.folder / "status").read_text()
    assert (document["source"]["fingerprint"], document["recipient"]) == (there.key, reader.words["OURKEY"])
    jsonschema.validate(document, SCHEMA)
    assert [row["emails"] for row in document["contacts"]] == [[member(there, "Anna").address]]


def test_guide_schema_and_program_say_the_same() -> None:
    """Each key and each limit that is read stands in the guide and in the schema, and no other key."""
    row = SCHEMA["$defs"]["contact"]["properties"]
    assert (set(SCHEMA["properties"]), set(row)) == (set(_DOCUMENT), set(_ROW))
    assert set(re.findall(r"^\| `([a-z-]+)` \| (?:number|object|time|fingerprint|array|text)", GUIDE, re.MULTILINE)) == {*_DOCUMENT, *_ROW}
    assert SCHEMA["properties"]["contacts"]["maxItems"] == MAX_CONTACTS
    for limit in (f"{MAX_CONTACTS};", f"{MAX_BUNDLE_OCTETS >> 20} MiB:", f"{MAX_DOCUMENT_OCTETS >> 20} MiB unpacked"):
        assert limit in GUIDE, limit
    assert MAX_PROBLEMS == 3
    assert "up to three rows" in GUIDE
