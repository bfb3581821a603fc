"""After `erase` nothing of the person lies in the state directory: not in a table, not in a free page, not in SQLite's own log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from people import People
from town import LIST, Town, found_town


@pytest.fixture(scope="module")
def lived_in(people: People, base: Path) -> Iterator[Town]:
    """A list where many things were written since Zelda came and left."""
    made = found_town(people, base)
    yield made
    made.close()


def holding(home: Path, *words: bytes) -> dict[str, list[bytes]]:
    """Which of the words each file of the state directory holds, in any case."""
    files = {file: file.read_bytes().lower() for file in home.rglob("*") if file.is_file()}
    found = {file.name: [word for word in words if word in octets] for file, octets in files.items()}
    return {name: words for name, words in found.items() if words}


def test_nothing_lies_on_the_disk(lived_in: Town, people: People) -> None:
    """Name, address, number and certificate were in the database, and are not any more; the list goes on."""
    zelda, yann = (people.make(name, f"{name.lower()}-{lived_in.home.parent.name}@nl.example") for name in ("Zelda", "Yann"))
    words = (b"zelda z", zelda.address.encode(), b"555 7777")
    lived_in.submit(lived_in.admin, lived_in.statement("attest-ssc", zelda, Phone="+31 20 555 7777"), zelda.certificate)
    lived_in.attest(yann)
    about = f"List: {LIST}\nTLD: nl\n"
    lived_in.submit(zelda, f"Securelist-Statement: update-contact\n{about}Name: Zelda Z\nEmail: {zelda.address}\nPhone: +31 20 555 7778\n")
    lived_in.submit(lived_in.admin, f"Securelist-Statement: withdraw-ssc\n{about}Email: {zelda.address}\n")
    assert set(holding(lived_in.home, *words)["securelist.db"]) >= {words[0], words[1]}
    text = lived_in.run("statement", "new", "erase", "--field", "TLD=nl", "--field", f"Key={zelda.fingerprint}").decode()
    assert text.startswith(f"Securelist-Statement: erase\n{about}Key: ") and text.count("\nEntry: ") == 4
    lived_in.submit(lived_in.root, text)
    assert holding(lived_in.home, *words) == {}
    export = lived_in.home.parent / "after.log"
    lived_in.run("log", "export", str(export))
    lived_in.run("log", "verify", str(export), "--root", str(lived_in.home.parent / "root.asc"))
    assert yann.name.encode() in lived_in.run("member", "list", "--all")
