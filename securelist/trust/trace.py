"""A log followed step by step, as a replay does it: what becomes of each statement, and who is a member after it.

So it is seen, before a text is erased, whether what stays would still be carried out as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from securelist.trust.anchor import Anchor
from securelist.trust.case import Case, about
from securelist.trust.entry import CERTIFICATE
from securelist.trust.fold import again, settled
from securelist.trust.history import Said, Standing
from securelist.trust.membership import Attestation, Membership


@dataclass(frozen=True)
class Step:
    """After one statement: what it was about and became when it was carried out, and the attestations then."""

    said: Said
    about: str
    standing: Standing
    attestations: Mapping[tuple[str, str], Attestation]


def steps(membership: Membership, anchor: Anchor) -> Iterator[Step]:
    """The statements of the log, one after the other; a compromise counts from the entry of the certificate that shows it."""
    state, compromised = Membership(certificates=membership.certificates), frozenset[str]()
    shown = _shown(membership)
    for said in membership.said:
        known = frozenset().union(*(keys for number, keys in shown.items() if number < said.entry))
        if known != compromised:
            state, compromised = settled(state, anchor, known), known
        meant = said.about if said.erased else about(state, said.statement)
        after = again(Case(state, said, anchor))
        standing = after.said[-1].standing
        state = settled(after, anchor, compromised) if after.voids != state.voids else after
        yield Step(said, meant, standing, state.attestations)


def _shown(membership: Membership) -> dict[int, frozenset[str]]:
    """By which entry it became known that keys are compromised: the last about a certificate that says so."""
    last = {entry.subject: entry.number for entry in membership.entries if entry.type == CERTIFICATE}
    certificates = membership.certificates
    return {
        number: certificates[name].compromised for name, number in last.items() if name in certificates and certificates[name].compromised
    }


# How to name what is about two keys of one person.
_TOGETHER = "with an erase of its own in the same signed text"


def differs(before: Membership, after: Membership, anchor: Anchor, erased: frozenset[tuple[str, str]]) -> str:
    """What would not be as it was if texts went: one clause naming the entry, or nothing. `erased`: (ccTLD, key) of whom they tell.

    `before` and `after` have the same statements, `after` without some texts. What stays must be carried out as before, and at
    no time may somebody be a member who was not.
    """
    for old, new in zip(steps(before, anchor), steps(after, anchor), strict=True):
        number = old.said.entry
        if not new.said.erased and (old.about, old.standing) != (new.about, new.standing):
            return f"entry {number} rests on them, and stays; name it, too, and all that stands in its text; for another key, {_TOGETHER}"
        if _grants_more(new, old):
            who = f"after entry {number} the log would show somebody as a member who was none"
            return f"{who}; name the entries about their earlier key first, or {_TOGETHER}"
        if _alive(old, erased) - _alive(new):
            return f"after entry {number} somebody would not be shown as the member that they were"
    return ""


def _grants_more(new: Step, old: Step) -> bool:
    """Whether somebody is a member who was none, or for longer, or is not suspended as they were."""
    was = {(cctld, address, key): (expires, suspended) for cctld, address, key, expires, suspended in _alive(old)}
    for *who, expires, suspended in _alive(new):
        longest, was_suspended = was.get((who[0], who[1], who[2]), (0, 0))
        if expires > longest or (was_suspended and not suspended):
            return True
    return False


def _alive(step: Step, without: frozenset[tuple[str, str]] = frozenset()) -> frozenset[tuple[str, str, str, int, int]]:
    """The attestations that hold after a step: of whom, with which key, until when, suspended by what."""
    return frozenset(
        (a.cctld, a.address, a.fingerprint, a.expires, a.suspended)
        for a in step.attestations.values()
        if not a.withdrawn and not a.void and (a.cctld, a.fingerprint) not in without
    )
