"""`statement new erase` on the list's own machine: it knows which entries can go, and by whose signature."""

from __future__ import annotations

import json
from pathlib import Path

from people import People
from town import LIST, Town, member


def new_erase(town: Town, *fields: str, status: int = 0) -> str:
    words = [word for field in fields for word in (("--field", field) if "=" in field else (field,))]
    return town.run("statement", "new", "erase", *words, status=status).decode()


def test_the_entries_of_an_erase_are_filled_in(town: Town, people: People, base: Path) -> None:
    """On the list's own machine, from ccTLD and key; the person may sign for less than a trust root; nothing is offered while it holds."""
    gwen = people.make("Gwen", f"gwen-{base.name}@nl.example")
    town.submit(town.admin, town.statement("withdraw-ssc", member(town, "Carla"), Name=""))
    town.attest(gwen)
    about = ("TLD=NL", f"Key={gwen.fingerprint.lower()}")
    for way in ((), ("--by-owner",)):
        new_erase(town, *about, *way, status=65)
    town.submit(town.admin, town.statement("withdraw-ssc", gwen, Name=""))
    log = {entry["number"]: entry for entry in json.loads(town.run("log", "show", "--json"))}
    named = {}
    for way in ("--by-owner", ""):
        lines = new_erase(town, *about, *way.split()).splitlines()
        assert (
            lines[:3] == ["Securelist-Statement: erase", f"List: {LIST}", "TLD: NL"] and "".join(lines[3].split()[1:]) == gwen.fingerprint
        )
        numbers = [line.removeprefix("Entry: ").split() for line in lines[4:]]
        assert all(log[int(number)]["hash"] == found for number, found in numbers)
        named[way] = [log[int(number)]["type"] for number, _ in numbers]
    assert named == {"--by-owner": ["attest-ssc"], "": ["certificate", "attest-ssc", "withdraw-ssc"]}
    refused = town.submit(gwen, new_erase(town, *about, "--by-owner"), status=65)
    assert refused["reason"] == "others-rest-on-it"
    accepted = town.submit(town.root, new_erase(town, *about))
    assert accepted["accepted"]
    new_erase(town, *about, status=65)


def test_two_keys_of_one_person_make_one_text(town: Town, people: People, base: Path) -> None:
    """Who replaced a key is erased in one signed text; then the former certificate can go, too."""
    old, new = (people.make("Hugo", f"hugo{number}-{base.name}@nl.example") for number in (1, 2))
    town.attest(old)
    text = town.statement("replace-key", old, Name="", Key=new.fingerprint)
    town.submit(old, text, new.certificate)
    town.submit(new, text)
    town.submit(new, town.statement("withdraw-ssc", old, Name="", Key=new.fingerprint))
    keys = (f"Key={old.fingerprint}", f"Key={new.fingerprint}")
    for key in keys:
        assert town.submit(town.root, new_erase(town, "TLD=nl", key), status=65)["reason"] == "others-rest-on-it"
    text = new_erase(town, "TLD=nl", *keys)
    assert text.count("Securelist-Statement: erase\n") == 2
    assert "entered as entries" in str(town.submit(town.root, text)["detail"])
    assert new_erase(town, "TLD=nl", keys[0]).count("\nEntry: ") == 1
    town.submit(town.root, new_erase(town, "TLD=nl", keys[0]))
    town.run("log", "export", str(base / "after.log"))
    octets = (base / "after.log").read_bytes()
    town.run("log", "verify", str(base / "after.log"), "--root", str(base / "root.asc"))
    assert b"erased" in octets and b"Hugo" not in town.run("member", "list", "--all")
