"""A list that went on in two ways at once, for the tests of copies: what its members got, and the exports of either."""

from __future__ import annotations

import email
import email.policy
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from people import People, Somebody
from town import Town, member, sealed_part

from securelist.openpgp.list_key import ListKey
from securelist.openpgp.own_gpg import unwrap
from securelist.trust.copies import Hearing, hear
from securelist.trust.export import read_export


@dataclass
class Story:
    """A list that goes on in two ways: what its members got, and the exports of either."""

    town: Town
    early_copy: bytes
    late_copy: bytes
    forked_copy: bytes
    logs: dict[str, Path]

    @property
    def bert(self) -> Somebody:
        return member(self.town, "Bert")

    def list_signs(self, content: bytes) -> bytes:
        """Any content as one message signed with the list's key."""
        return ListKey(self.town.home / "gnupg", self.town.key).sign(content)

    def opened(self, mail: bytes) -> bytes:
        """The signed message inside a copy."""
        return self.town.people.gpg("--decrypt", "--unwrap", data=openpgp_data(mail))

    def heard(self, copy: bytes, log: str = "late") -> Hearing:
        """What comes of a copy against one of the exports."""
        return hear([("post.eml", copy)], read_export(self.logs[log].read_bytes()), unwrap, int(time.time()))[0]


def openpgp_data(mail: bytes) -> bytes:
    """What is encrypted in a copy, armoured."""
    return sealed_part(email.message_from_bytes(mail, policy=email.policy.default))  # type: ignore[arg-type]


def new_copy(town: Town, text: str | bytes, to: Somebody) -> bytes:
    """A post by Anna, and the copy of it that somebody gets."""
    assert town.judge(town.post(member(town, "Anna"), text))["verdict"] == "accept"
    town.deliver()
    return town.delivered(to.address)[-1]


@pytest.fixture(scope="module")
def story(town: Town, base: Path) -> Iterator[Story]:
    """A post; from then on the list lives on here with Dora, and in a copy of it, without her, with Emil."""
    people, bert = town.people, member(town, "Bert")
    logs = {name: base / f"{name}.log" for name in ("early", "late", "short", "forked")}
    dora, emil = (people.make(name, f"{name.lower()}-{base.name}@nl.example") for name in ("Dora", "Emil"))
    fork = replace(town.copy(base / "fork"), members=dict(town.members))
    early = new_copy(town, "before", bert)
    town.run("log", "export", str(logs["early"]))
    time.sleep(1.1)  # heads and signatures are dated to the second
    town.submit(town.admin, town.statement("withdraw-ssc", member(town, "Carla")))
    town.attest(dora)
    late = new_copy(town, "after", bert)
    town.run("log", "export", str(logs["late"]))
    time.sleep(1.1)
    fork.run("log", "export", str(logs["short"]))
    fork.submit(fork.admin, fork.statement("withdraw-ssc", member(fork, "Carla")))
    fork.attest(emil)
    forked = new_copy(fork, "elsewhere", bert)
    fork.run("log", "export", str(logs["forked"]))
    yield Story(town, early, late, forked, logs)
    fork.close()


@pytest.fixture
def own_gpg(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gpg that the command finds is that of everybody here."""
    monkeypatch.setenv("GNUPGHOME", str(people.home))
