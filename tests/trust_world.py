"""A list with two trust roots, two ccTLDs and their people, for the tests of trust: everybody signs with a real key.

All happens in the past, around BASE, so that "a year later" is not in the future for the engines.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from people import People, Somebody

from securelist.openpgp.admission import read_certificate, split_certificates
from securelist.openpgp.armor import dearmor
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.list_key import ListKey
from securelist.openpgp.packets import read_packets
from securelist.trust.anchor import Anchor
from securelist.trust.entry import Entry
from securelist.trust.grammar import founding_text, render
from securelist.trust.membership import Membership
from securelist.trust.statement import StatementType
from securelist.trust.submission import Parcel, Submission, submit

LIST = "tld-ops@lists.example.org"
DAY = 86400
# An hour ahead: the list's keys are made while the tests run, and a proof as of now must not be older than they are.
NOW = int(time.time()) + 3600
# Keys were made at BORN, the list is founded at BASE.
BORN = NOW - 500 * DAY
BASE = NOW - 460 * DAY

# Reasons of a revocation as `gpg --gen-revoke` numbers them; the last two leave what was signed before as it was.
NO_REASON, COMPROMISED, SUPERSEDED, RETIRED = range(4)


@cache
def certificate_of(octets: bytes) -> Certificate:
    return read_certificate(split_certificates(octets)[0])


@dataclass
class Cast:
    """Who there is. `root2` is a trust root as well; `mallory` is nobody."""

    people: People
    list_key: ListKey
    root: Somebody
    root2: Somebody
    admin: Somebody
    admin_br: Somebody
    anna: Somebody
    bert: Somebody
    carla: Somebody
    dora: Somebody
    mallory: Somebody

    @property
    def roots(self) -> tuple[Somebody, ...]:
        """The trust roots that the installation was given."""
        return self.root, self.root2

    @property
    def list_keys(self) -> tuple[ListKey, ...]:
        """The list's keys, in the order in which they were made."""
        return (self.list_key,)

    @property
    def anchor(self) -> Anchor:
        lists = tuple(certificate_of(key.certificate()) for key in self.list_keys)
        return Anchor(LIST, lists, tuple(certificate_of(root.certificate) for root in self.roots))


@pytest.fixture(scope="session")
def cast(people: People) -> Iterator[Cast]:
    list_home = people.home / "list"
    key = ListKey.create(list_home, "tld-ops", LIST)
    made = [
        people.make(name, address, algorithm, at=BORN)
        for name, address, algorithm in (
            ("Secretariat", "secretariat@ccnso.example", "ed25519"),
            ("Secretariat Two", "two@ccnso.example", "ed25519"),
            ("Admin NL", "admin@nl.example", "ed25519"),
            ("Admin BR", "admin@br.example", "rsa3072"),
            ("Anna", "anna@nl.example", "ed25519"),
            ("Bert", "bert@nl.example", "ed25519"),
            ("Carla", "carla@br.example", "rsa3072"),
            ("Dora", "dora@nl.example", "ed25519"),
            ("Mallory", "mallory@evil.example", "ed25519"),
        )
    ]
    yield Cast(people, key, *made)
    subprocess.run(["gpgconf", "--homedir", str(list_home), "--kill", "all"], capture_output=True, check=False)


@dataclass
class World:
    """A list as it goes on: its membership, its log, and whoever writes statements to it."""

    cast: Cast
    membership: Membership = field(default_factory=Membership)
    log: list[tuple[Entry, bytes]] = field(default_factory=list)
    listeners: list[Callable[[Submission], None]] = field(default_factory=list)
    """Called with every submission that was accepted."""

    def submit(self, signed: Sequence[bytes] | bytes, *certificates: bytes, at: int, limit: int = 3) -> Submission:
        """Hands in signed texts and armoured certificates at the time `at`; raises what the program raises."""
        texts = (signed,) if isinstance(signed, bytes) else tuple(signed)
        rings = tuple(octets for ring in certificates for octets in split_certificates(ring))
        submission = submit(Parcel(texts, rings), self.membership, self.cast.anchor, at, limit)
        self.membership = submission.membership
        self.log += [(entry, submission.evidence[entry.evidence]) for entry in submission.entries]
        for listener in self.listeners:
            listener(submission)
        return submission

    def signed(self, who: Somebody, text: str, at: int) -> bytes:
        return self.cast.people.clearsign(who, text, at=at)

    def found(self, at: int = BASE) -> None:
        text = founding_text(LIST, self.cast.list_key.fingerprint, [self.cast.root.fingerprint, self.cast.root2.fingerprint])
        self.submit(self.signed(self.cast.root, text, at), at=at)

    def appoint(self, contact: Somebody, cctld: str, at: int) -> None:
        self.submit(self.signed(self.cast.root, appointment(contact, cctld), at), contact.certificate, at=at)

    def attest(self, by: Somebody, whom: Somebody, at: int, **fields: str) -> None:
        self.submit(self.signed(by, attestation(whom, **fields), at), whom.certificate, at=at)

    def addresses(self, at: int) -> set[str]:
        return {member.emails[0] for member in self.membership.members(at)}


def statement(kind: str, **fields: str) -> str:
    return render(StatementType(kind), {"List": [LIST], **{name: [value] for name, value in fields.items()}})


def appointment(contact: Somebody, cctld: str, **fields: str) -> str:
    return statement("appoint-admin-contact", TLD=cctld, Name=contact.name, Email=contact.address, Key=contact.fingerprint, **fields)


def attestation(whom: Somebody, **fields: str) -> str:
    cctld = whom.address.split("@")[1].split(".")[0]
    values = {"TLD": cctld, "Name": whom.name, "Email": whom.address, "Phone": "+31 6 1234 5678", "Key": whom.fingerprint}
    return statement("attest-ssc", **(values | fields))


def withdrawal(whom: Somebody, **fields: str) -> str:
    return statement("withdraw-ssc", **({"TLD": whom.address.split("@")[1].split(".")[0], "Email": whom.address} | fields))


def moment(at: int) -> str:
    """A time as `Since` writes it; its seconds are left out."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%MZ")


@cache
def _revocation(home: str, fingerprint: str, reason: int, at: int) -> bytes:
    answers, people = f"y\n{reason}\n\ny\n".encode(), People(Path(home))
    how = ("--no-batch", "--pinentry-mode", "loopback", "--command-fd", "0", "--gen-revoke", fingerprint)
    return dearmor(people.gpg(*how, data=answers, at=at))


def revoked(people: People, who: Somebody, reason: int, at: int) -> bytes:
    """The certificate, binary, with a revocation made at `at`; in the people's own home the key stays as it is."""
    first, *rest = (packet.octets for packet in read_packets(dearmor(who.certificate)))
    return b"".join((first, _revocation(str(people.home), who.fingerprint, reason, at), *rest))


@pytest.fixture
def unfounded(cast: Cast) -> World:
    """A list before anything was entered."""
    return World(cast)


@pytest.fixture(scope="session")
def _peopled(cast: Cast) -> World:
    world = World(cast)
    world.found()
    world.appoint(cast.admin, "nl", BASE + DAY)
    world.appoint(cast.admin_br, "br", BASE + DAY)
    world.attest(cast.admin, cast.anna, BASE + 2 * DAY)
    world.attest(cast.admin, cast.bert, BASE + 2 * DAY)
    world.attest(cast.admin_br, cast.carla, BASE + 2 * DAY)
    return world


@pytest.fixture
def peopled(_peopled: World) -> World:
    """Founded at BASE, Admin Contacts of .nl and .br appointed a day later, Anna, Bert and Carla members after two days."""
    return World(_peopled.cast, _peopled.membership, list(_peopled.log))
