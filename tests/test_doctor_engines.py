"""An update makes one engine refuse what it accepted: doctor says which engine, whose certificate, and why.

Real certificates over which GnuPG 2.2 and Sequoia differ today, in the place of members' whom both have admitted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import pysequoia
import pytest
from kill_world import fresh_copy
from people import People, Somebody
from pysequoia.packet import PacketPile
from pysequoia.packet import Tag as PacketTag
from test_doctor import execute, findings, troubled
from town import Town, member

from securelist.doctor.finding import State
from securelist.installation import Installation
from securelist.openpgp import sequoia
from securelist.openpgp.packets import Tag, read_packets


@pytest.fixture
def here(town: Town) -> Iterator[Town]:
    """The town's list in a state directory that may be harmed."""
    with fresh_copy(town) as made:
        yield made


def exchange(town: Town, who: Somebody, octets: bytes) -> None:
    """Another judgement on a certificate that the tables have as good: what an update of an engine is for the server."""
    execute(town, "UPDATE certificates SET octets = ? WHERE fingerprint = ?", octets, who.fingerprint)


def bound_by_sha1(people: People, who: Somebody) -> bytes:
    """The same certificate held together by SHA-1 alone: good for GnuPG 2.2, too weak for Sequoia since 2023."""
    for subkeys in ([], ["*"]):
        people.gpg("--cert-digest-algo", "SHA1", "--quick-set-expire", who.fingerprint, "0", *subkeys)
    packets = read_packets(people.gpg("--export", who.fingerprint))
    # The fourth octet of a version 4 signature names its hash (RFC 9580, 5.2.3); 2 is SHA-1.
    return b"".join(packet.octets for packet in packets if packet.tag != Tag.SIGNATURE or packet.body[3] == 2)


def of_version_6(town: Town, who: Somebody) -> str:
    """A certificate of version 6 becomes that member's, as if both engines had once accepted it; its fingerprint."""
    octets = bytes(pysequoia.Tsk.generate(f"{who.name} <{who.address}>", profile=pysequoia.Profile.RFC9580).extract_certificate())
    fingerprint = sequoia.fingerprint_of(octets)
    known = Installation(town.home).membership().certificates[who.fingerprint]
    pairs = zip(
        known.keys, (p for p in PacketPile.from_bytes(octets) if p.tag in (PacketTag.PublicKey, PacketTag.PublicSubkey)), strict=False
    )
    keys = [asdict(key) | {"fingerprint": p.fingerprint.upper(), "key_id": p.key_id.upper(), "created": 1} for key, p in pairs]
    facts = json.dumps(
        {"user_ids": [f"{who.name} <{who.address}>"], "keys": [key | {"capabilities": sorted(key["capabilities"])} for key in keys]}
    )
    execute(
        town,
        "UPDATE certificates SET fingerprint = ?, octets = ?, facts = ? WHERE fingerprint = ?",
        fingerprint,
        octets,
        facts,
        who.fingerprint,
    )
    execute(town, "UPDATE attestations SET fingerprint = ? WHERE fingerprint = ?", fingerprint, who.fingerprint)
    return fingerprint


def test_sequoia_accepts_a_members_certificate_no_more(here, people: People):
    """A certificate that GnuPG still likes and Sequoia does not: the finding names engine, member and why, and is a problem."""
    weak = people.make("Weak", f"weak-{here.home.parent.name}@nl.example")
    here.submit(here.admin, here.statement("withdraw-ssc", member(here, "Carla")))
    here.attest(weak)
    assert troubled(findings(here)) == set()
    exchange(here, weak, bound_by_sha1(people, weak))
    found = findings(here)
    said = found["certificates-sequoia"]
    assert said.state is State.PROBLEM
    assert said.found.startswith(f"Sequoia no longer accepts 1 of 6: {weak.address} of .nl, {weak.fingerprint}: ")
    assert "too weak" in said.found
    assert "go back to the version before" in said.advice
    assert found["certificates-gnupg"].state is State.OK


def test_gnupg_accepts_a_members_certificate_no_more(here):
    """The other way round: of version 6, which Sequoia reads and GnuPG 2.2 does not."""
    anna = member(here, "Anna")
    fingerprint = of_version_6(here, anna)
    found = findings(here)
    said = found["certificates-gnupg"]
    assert said.state is State.PROBLEM
    assert said.found.startswith(f"GnuPG no longer accepts 1 of 6: {anna.address} of .nl, {fingerprint}: ")
    assert "version 6" in said.found
    assert found["certificates-sequoia"].state is State.OK


def test_a_trust_root_that_an_engine_refuses(here, people: People):
    """Trust roots and Admin Contacts are asked about, too."""
    exchange(here, here.admin, bound_by_sha1(people, here.admin))
    assert "the Admin Contact of .nl, " in findings(here)["certificates-sequoia"].found
