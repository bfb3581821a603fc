"""The whole life of a key that runs out: warnings, the end, posts that are missed, one mail, posts again. The server's clock is moved."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from admission_steps import appoint, attest, contact_of, ssc_of
from correspondents import LIST, Person, World
from mail_client import Shown
from warning_world import commands

# The key is made to last so many days; the server looks on these.
LIFE = 40
DAYS = (9, 10, 26, 33, 39)
AFTER = 42


@dataclass
class Life:
    """What came to the member whose key runs out, by day; and the others."""

    world: World
    vera: Person
    poster: Person
    contact: Person
    letters: dict[int, list[Shown]] = field(default_factory=dict)

    def look(self, day: int) -> list[str]:
        """The subjects of what came to Vera by that day, read."""
        self.letters[day] = self.vera.unread()
        self.vera.discard()
        return [mail.subject for mail in self.letters[day]]

    def post(self, words: str) -> None:
        """Somebody else posts."""
        self.poster.send(words, LIST, encrypt=True, subject=words)
        self.world.settle()


@pytest.fixture(scope="module")
def life(founded: Callable[..., World]) -> Life:
    """A member with a key that lasts LIFE days, and another whose key has no end; both have answered the welcome."""
    world = founded()
    contact = contact_of(world, "at")
    vera, poster = ssc_of(world, "at", "Vera"), ssc_of(world, "at", "Paul")
    for subkeys in ((), ("*",)):
        vera.gpg("--quick-set-expire", vera.fingerprint, f"{LIFE}d", *subkeys)
    appoint(world, "at", contact)
    for who in (vera, poster):
        attest(world, "at", contact, who)
        who.inbox("Welcome")
        who.send("Here I am.", world.request, encrypt=True)
        who.inbox("Your key works")
    world.chapter("A key runs out")
    return Life(world, vera, poster, contact)


def type_(person: Person, lines: str, folder: Path) -> None:
    """Types the lines of a letter into a shell, at that person's machine and by their clock."""
    gpg = folder / "gpg"
    clock = f"--faked-system-time $(($(date +%s) + {person.gpg.ahead}))"
    gpg.write_text(f'#!/bin/sh\nexec /usr/bin/gpg --homedir {person.gpg.home} --batch --yes --no-tty --passphrase "" {clock} "$@"\n')
    gpg.chmod(0o755)
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-e", "-c", lines], cwd=folder, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, (lines, done.stderr)


def test_the_life_of_a_key(life: Life, tmp_path: Path) -> None:
    """Warned at 30, 14, 7 and 1 days and on no other; then unreachable, and the post of that day is missed; one mail with what the
    letter's commands made brings her back, without a new attestation, and the next post reaches her."""
    world, vera = life.world, life.vera
    for day in DAYS:
        world.move_clock(day)
        world.settle()
        life.look(day)
    found = {day: [mail.subject for mail in mails] for day, mails in life.letters.items()}
    assert found == {9: [], **{day: [f"In {LIFE - day} days your key ends"] for day in (10, 26, 33)}, 39: ["Within a day your key ends"]}
    last = life.letters[39][0]
    world.move_clock(AFTER)
    life.post("the one that she misses")
    assert "unreachable" in state(world, vera)
    life.poster.inbox("the one that she misses")
    missed = vera.inbox("1 post of tld-ops could not be encrypted to you")
    assert not missed.encrypted and "the one that she misses" not in missed.text and not vera.unread()
    assert vera.name in life.contact.inbox("a contact is not reached").text
    type_(vera, commands(last.text, "gpg --quick-set-expire"), tmp_path)
    vera.send("renewed", world.request, attach=[(tmp_path / "renewed.asc").read_bytes()])
    assert "active" in state(world, vera)
    vera.inbox("You are reached again")
    life.post("the one that she gets")
    vera.inbox("the one that she gets")
    assert not re.search("ends$", " ".join(mail.subject for mail in vera.unread()))


def state(world: World, person: Person) -> str:
    """The line of `member list` about somebody."""
    return next(line for line in world.run("member", "show", person.address).splitlines() if "tate" in line)
