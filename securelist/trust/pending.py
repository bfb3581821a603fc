"""What waits for more signatures on the same text: who gave theirs, whose are missing, and when it lapses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from securelist.trust.anchor import Anchor
from securelist.trust.case import Case
from securelist.trust.history import MAX_AGE_SECONDS, Said
from securelist.trust.membership import Membership
from securelist.trust.roles import awaited, newest_in_effect
from securelist.trust.statement import StatementType


@dataclass(frozen=True)
class Pending:
    """A statement that waits. Times are Unix seconds."""

    said: Said
    """By who signed it first of those whose word still counts."""
    signed: tuple[str, ...]
    """Fingerprints of these, in their order."""
    missing: int
    """How many more it takes."""
    awaited: tuple[str, ...]
    """Fingerprints of those who may give them."""
    lapses: int
    """When the oldest of the signatures stops counting."""


def pending(membership: Membership, anchor: Anchor, at: int) -> tuple[Pending, ...]:
    """What waits at `at`, oldest first. What can no longer take effect does not wait: lapsed, overtaken, its signers out of office."""
    texts: dict[tuple[str, int], list[Said]] = {}
    for said in membership.pending(at):
        texts.setdefault((said.text, said.part), []).append(said)
    return tuple(one for same in texts.values() for one in _waiting(same, membership, anchor, at))


def _waiting(same: list[Said], membership: Membership, anchor: Anchor, at: int) -> Iterator[Pending]:
    cases = [Case(membership, dataclasses.replace(said, time=at), anchor) for said in same]
    counting = [case for case in cases if case.said.made >= newest_in_effect(case)[1] and _in_office(case)]
    if counting:
        missing, others = awaited(counting[-1])
        signed = tuple(case.said.signer for case in counting)
        lapses = min(case.said.made for case in counting) + MAX_AGE_SECONDS
        first = next(said for said in same if said.entry == counting[0].said.entry)
        yield Pending(first, signed, max(missing, 1), others, lapses)


def _in_office(case: Case) -> bool:
    """Whether the signer's word would count today."""
    if case.statement.type is StatementType.REPLACE_KEY:
        attestation = case.attestation
        return attestation is not None and attestation.in_force(case.at) and attestation.fingerprint == case.said.signer
    return not case.membership.roots or case.said.signer in case.membership.roots
