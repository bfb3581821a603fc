"""Lies told by a server with the list's keys about the end of its log, what only a copy of a post brings to light, and random damage."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from log_forge import Log, Rich, another_list_key, with_entry, with_evidence, without
from trust_world import COMPROMISED, DAY, LIST, revoked

from securelist.errors import Refused
from securelist.trust.copies import hear, weighed
from securelist.trust.entry import digest
from securelist.trust.export import octets_of, read_export, write_export
from securelist.trust.proof import prove

SEED = 20261122

# --- the head and its key ---------------------------------------------------------------------------------------------------


def cut(rich: Rich, octets: bytes, *, head: bool) -> bytes:
    """An honest export without its last entry; `head`: the head says so, too. The list did not sign that."""
    whole = read_export(octets)
    return octets_of(replace(whole, links=whole.links[:-1], head=whole.links[-2].entry.head if head else whole.head))


def unnamed_key(rich: Rich) -> bytes:
    another_list_key(rich)
    return rich.exported(rich.entries, "L3", ("L1", "L2", "L3"))


def swapped(rich: Rich) -> bytes:
    """The head is signed with the old key, and the new one's certificate stands last."""
    old = read_export(rich.exported(rich.entries, "L1", ("L1", "L2")))
    return octets_of(old)


def never_named(rich: Rich) -> bytes:
    """`replace-list-key` with a key that the server made; the roots signed another text, so the server has signed it itself."""
    key, log = another_list_key(rich), rich.entries
    text = f"Securelist-Statement: replace-list-key\nList: {LIST}\nKey: {key.fingerprint}\n"
    for place in (rich.place("replace-list-key"), rich.place("replace-list-key", nth=1)):
        log = with_entry(with_evidence(log, place, rich.signed("L2", text, 0)), place, subject=key.fingerprint)
    return rich.exported(log, "L3", ("L1", "L2", "L3"))


HEADS: dict[str, tuple[Callable[[Rich], bytes], str]] = {
    "cut short under the old head": (lambda r: cut(r, r.exported(r.entries), head=False), "the signed head is not the last entry"),
    "cut short under a head that nobody signed": (lambda r: cut(r, r.exported(r.entries), head=True), "signed another head than this"),
    "signed with the key before the last": (lambda r: r.exported(r.entries, "L1", ("L2", "L1")), "vouch for another list key"),
    "signed with the key before the last, in the new one's name": (swapped, "nobody's that the list knows"),
    "signed with a key that nobody named": (unnamed_key, "vouch for another list key"),
    "a key that the server named itself": (never_named, "nobody's that the list knows"),
    "without the present key": (lambda r: r.exported(r.entries, "L1", ("L1",)), "the list has no such key"),
    "without the key before the last": (lambda r: r.exported(r.entries, keys=("L2",)), "the list has no such key"),
    "dated before the last entry": (lambda r: r.exported(r.entries, at=r.log[-1][0].time - 1), "the head is dated before"),
    "dated in the future": (lambda r: r.exported(r.entries, at=r.now + DAY), "in the future"),
    "of another list": (
        lambda r: write_export("other@lists.example.org", r.crowd.list_keys["L2"], [r.crowd.list_keys["L2"].certificate()],
            r.entries, r.now), "for another one"),
    "of nothing": (lambda r: r.exported([]), "no found-list"),
}  # fmt: skip


@pytest.mark.parametrize(("lie", "words"), HEADS.values(), ids=HEADS)
def test_a_server_that_lies_about_the_head_is_found_out(rich: Rich, lie: Callable[[Rich], bytes], words: str) -> None:
    """Number, hash, date and key of the head are all checked."""
    proof = rich.proof(lie(rich))
    assert not proof.valid and proof.members == ()
    assert any(words in problem for problem in proof.problems), proof.problems


def test_a_root_that_was_not_given(rich: Rich) -> None:
    """found-list names three; who has two of them in hand proves nothing, and is told which is missing."""
    proof = prove(rich.exported(rich.entries), rich.roots[:2], rich.now)
    assert proof.problems[0].endswith(f"{rich.fingerprint('R3')} is not among the trust roots that were given")


def test_a_compromise_that_only_the_roots_own_file_tells(rich: Rich) -> None:
    """A server keeps a root's revocation out of the log: what that root signed is void all the same, here the whole list."""
    known = revoked(rich.crowd.people, rich.crowd.who["R1"], COMPROMISED, rich.log[-1][0].time)
    proof = prove(rich.exported(rich.entries), [known, *rich.roots[1:]], rich.now)
    assert proof.problems == ("the end of the log: no found-list that still holds vouches for the list's key",)


# --- what a proof alone cannot see, and a copy shows ------------------------------------------------------------------------


UNSEEN: dict[str, Callable[[Rich], Log]] = {
    "cut short, the head signed anew": lambda r: r.entries[:-1],
    "cut short before the erase": lambda r: list(r.before),
    "a withdrawal dropped": lambda r: without(list(r.before), r.place("withdraw-ssc", "K3")),
    "an attestation dropped": lambda r: without(list(r.before), r.place("attest-ssc", "K5", nth=2)),
    "a compromise dropped": lambda r: without(list(r.before), *(r.place("certificate", "K3", nth=nth) for nth in (1, 2))),
}


@pytest.mark.parametrize("lie", UNSEEN.values(), ids=UNSEEN)
def test_what_the_list_told_a_member_before_contradicts_the_lie(rich: Rich, lie: Callable[[Rich], Log]) -> None:
    """A log that could have been is no lie in itself. But a copy of a post says, signed by the list, which one there was."""
    octets = rich.exported(lie(rich))
    proof, head = rich.proof(octets), rich.membership.head
    assert proof.valid and proof.export is not None
    fields = f"Message-ID: <1@lists.example.org>\nSecurelist-Log-Head: entry={head.number}; hash={head.hash}\n\npost\n"
    copy = rich.crowd.list_keys["L2"].sign(fields.replace("\n", "\r\n").encode())
    heard = hear([("post.eml", copy)], proof.export, not_sealed, rich.now)
    verdict = weighed(proof, heard)
    assert not verdict.valid and verdict.members == ()
    assert "different people different logs" in verdict.problems[0], verdict.problems
    assert hear([("post.eml", copy)], read_export(rich.exported(rich.entries)), not_sealed, rich.now)[0].problem == ""


def not_sealed(_message: bytes) -> bytes:
    raise AssertionError("this copy was opened already")


# --- random damage ----------------------------------------------------------------------------------------------------------


def test_two_hundred_random_changes_of_one_byte_all_show(rich: Rich) -> None:
    """There is no byte that is not covered, the checksum and the list's signature included."""
    octets, chance = rich.exported(rich.entries), random.Random(SEED)
    print(f"seed {SEED}")
    for at in (chance.randrange(len(octets)) for _ in range(200)):
        changed = octets[:at] + bytes([octets[at] ^ chance.randrange(1, 256)]) + octets[at + 1 :]
        with pytest.raises(Refused):
            read_export(changed)
        proof = prove(changed, rich.roots[:1], rich.now)  # reading it is as far as it gets
        assert (proof.valid, proof.export, proof.members) == (False, None, ()), at


def test_random_changes_with_the_checksum_made_right_all_show(rich: Rich) -> None:
    """Whoever changes a byte and mends the checksum meets the signatures: of the head, if of nothing else."""
    octets, chance = rich.exported(rich.entries), random.Random(SEED)
    lines = octets[: octets.rindex(b'{"sha256"')]
    for at in (chance.randrange(len(lines)) for _ in range(40)):
        changed = lines[:at] + bytes([lines[at] ^ (1 << chance.randrange(7))]) + lines[at + 1 :]
        proof = rich.proof(changed + b'{"sha256":"' + digest(changed).encode() + b'"}\n')
        assert (proof.valid, proof.members) == (False, ()), at
