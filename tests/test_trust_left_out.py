"""Logs whose texts a server leaves out to deceive: what `log verify` then shows is refused, or said to be the list's word."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from log_forge import Server
from test_trust_property import BERT, CHANGES, LEAVES, live, nl
from trust_moves import ROOTS, Crowd, Move, beginning, move
from trust_world import LIST

from securelist.trust.ended import ended_texts
from securelist.trust.entry import CERTIFICATE, Entry
from securelist.trust.export import write_export
from securelist.trust.proof import Proof, prove

Chosen = Callable[[Entry, Callable[[str], str]], bool]
AGAIN = nl("attest-ssc", Key="K2")


def of_type(kind: str) -> Chosen:
    return lambda entry, key: entry.type == kind


def about(name: str) -> Chosen:
    """Every entry about a key."""
    return lambda entry, key: entry.subject == key(name)


@dataclass(frozen=True)
class Lie:
    """What happened after Anna became a member with K1, and what a server leaves out; `said` is what the verifier says of it, or empty."""

    story: tuple[Move, ...]
    without: Chosen
    said: str = ""


LIES: dict[str, Lie] = {
    "that the Admin Contact's key is compromised": Lie(
        (move("", ring="N1 1"),), lambda entry, key: entry.type == CERTIFICATE and entry.subject == key("N1"), "is not known"
    ),
    "that a member's key is revoked": Lie(
        (move("", ring="K1 1"),),
        lambda entry, key: entry.type == CERTIFICATE and entry.subject == key("K1") and entry.number > 7,
        "something stands by it",
    ),
    "that somebody left with another key": Lie((move("N1", AGAIN), move("N1", LEAVES)), about("K2")),
    "that somebody left after replacing the key": Lie((move("K1 K2", CHANGES), move("N1", LEAVES)), about("K2")),
    "that somebody was suspended before they got another key": Lie(
        (move("R1", nl("suspend-member")), move("N1", AGAIN)), of_type("suspend-member"), "would end or suspend"
    ),
    "all about a suspended key": Lie(
        (move("R1", nl("suspend-member")), move("N1", AGAIN)),
        lambda entry, key: entry.subject == key("K1") and entry.type != CERTIFICATE,
    ),
    "new contact details": Lie((move("N1", nl("update-contact", Phone="+31 1 111111")),), of_type("update-contact")),
    "a withdrawal": Lie((move("N1", LEAVES),), of_type("withdraw-ssc"), "would end or suspend"),
    "an appointment": Lie((), of_type("appoint-admin-contact"), "can neither be erased nor be left out"),
}


def proved(crowd: Crowd, server: Server, without: frozenset[int]) -> Proof:
    """What a member's `log verify` says of the log without these texts."""
    keys, now = list(crowd.list_keys.values()), int(time.time())
    founding = server.membership.founding
    assert founding is not None
    keys.sort(key=lambda key: key.fingerprint == founding.key)
    octets = write_export(LIST, keys[-1], [key.certificate() for key in keys], server.log(), now, without)
    return prove(octets, [crowd.who[name].certificate for name in ROOTS], now)


@pytest.mark.parametrize("name", LIES)
def test_a_server_leaves_out(crowd: Crowd, tmp_path: Path, name: str) -> None:
    """It is refused; or the ccTLD whose members that concerns is said to rest on the list's word, and whoever is shown is marked so."""
    lie, server = LIES[name], Server(tmp_path, crowd.anchor)
    try:
        assert live(crowd, server, (*beginning(1), *lie.story)) == []
        without = frozenset(e.number for e, _ in server.log() if lie.without(e, lambda who: crowd.who[who].fingerprint))
        proof = proved(crowd, server, without)
        assert without and proved(crowd, server, frozenset()).by_word == ()
        if lie.said:
            assert not proof.valid and lie.said in proof.problems[0]
        else:
            assert proof.valid and proof.by_word == ("nl",) and set(proof.left_out) == without
    finally:
        server.engine.dispose()


GONE = (*beginning(1), move("N1", BERT), move("N1", nl("withdraw-ssc", "bert")))
IN_ONE_TEXT = (*GONE, move("N1", LEAVES, nl("attest-ssc", "dora", Key="K4")))


@pytest.mark.parametrize("story", [GONE, IN_ONE_TEXT], ids=["who left", "who was replaced in one text"])
def test_who_left_is_left_out_and_who_stands_in_one_text_with_others_is_not(crowd: Crowd, tmp_path: Path, story: tuple[Move, ...]) -> None:
    """All that was said about a person goes, or nothing: whoever was replaced in one signed text stays until the other has left, too."""
    server = Server(tmp_path, crowd.anchor)
    try:
        assert live(crowd, server, story) == []
        gone = ended_texts(server.membership, server.membership.time)
        assert {server.membership.entries[number - 1].subject for number in gone} == {crowd.who["K3"].fingerprint}
        assert len(gone) == 3  # certificate, attestation, withdrawal
        assert proved(crowd, server, gone).by_word == ("nl",)
    finally:
        server.engine.dispose()


def test_the_past_takes_the_whole_log(crowd: Crowd, tmp_path: Path) -> None:
    """Who was a member at an earlier time cannot be said where texts are missing."""
    server = Server(tmp_path, crowd.anchor)
    try:
        live(crowd, server, GONE)
        now, gone = int(time.time()), ended_texts(server.membership, server.membership.time)
        founding = server.membership.founding
        assert founding is not None
        key = next(key for key in crowd.list_keys.values() if key.fingerprint == founding.key)
        for without in (frozenset[int](), gone):
            octets = write_export(LIST, key, [key.certificate()], server.log(), now, without)
            proof = prove(octets, [crowd.who[name].certificate for name in ROOTS], now, members_at=now - 3600)
            assert proof.valid is not bool(without)
        assert "takes the whole log" in proof.problems[0]
    finally:
        server.engine.dispose()
