"""Membership as a fold: each statement of the log carried out over what was before it, and all of them anew when one turns out void.

A statement is void if it was signed with a key that is revoked as compromised, or after the `Since` of whoever took the
signer's role away. It then had no effect, and neither had what rests on it: an appointment by that root, an attestation by
the Admin Contact so appointed. What it replaced or ended is as it was before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from itertools import count

from securelist.errors import Refused
from securelist.trust import member_effects, root_effects
from securelist.trust.anchor import Anchor
from securelist.trust.case import Case, Effect, with_attestation
from securelist.trust.checks import check_order
from securelist.trust.history import Said, Standing
from securelist.trust.membership import Attestation, Membership, Void
from securelist.trust.roles import check_role, still_missing
from securelist.trust.statement import StatementType

# Each round takes back at least one statement that voided others; more than this is a statement that voids what it rests on.
MAX_ROUNDS = 20


def _nothing(case: Case) -> Effect:
    return Effect(case.membership)


_EFFECTS: Mapping[StatementType, Callable[[Case], Effect]] = {
    StatementType.FOUND_LIST: root_effects.found,
    StatementType.REPLACE_LIST_KEY: root_effects.replace_list_key,
    StatementType.REPLACE_ROOTS: root_effects.replace_roots,
    StatementType.APPOINT_ADMIN_CONTACT: root_effects.appoint,
    StatementType.DISMISS_ADMIN_CONTACT: root_effects.dismiss,
    StatementType.ATTEST_SSC: member_effects.attest,
    StatementType.WITHDRAW_SSC: member_effects.withdraw,
    StatementType.REPLACE_KEY: member_effects.replace_key,
    StatementType.UPDATE_CONTACT: member_effects.update,
    StatementType.CONFIRM_CONTACT: member_effects.confirm,
    StatementType.SUSPEND_MEMBER: member_effects.suspend,
    StatementType.RESUME_MEMBER: member_effects.resume,
    StatementType.ERASE: _nothing,  # what is erased stays so, whatever becomes of who asked for it: see `erasure`
}


def carry_out(case: Case) -> Effect:
    """What a statement does, its place in the history included; raises Refused if the signer may not say it, or it does not fit.

    What needs more signatures on the same text is entered as pending, and does nothing yet.
    """
    check_role(case)
    effect = _EFFECTS[case.statement.type](case)
    if missing := still_missing(case):
        note = f"pending: it waits for the signature of {missing} on the same text"
        return Effect(_remembered(case.membership, case.said, Standing.PENDING), (note,))
    return dataclasses.replace(effect, membership=_completed(effect.membership, case.said))


def _remembered(membership: Membership, said: Said, standing: Standing) -> Membership:
    return dataclasses.replace(membership, said=(*membership.said, dataclasses.replace(said, standing=standing)))


def _completed(membership: Membership, said: Said) -> Membership:
    """With the statement in effect, and with it the signatures on the same text that waited for it."""
    if not any(earlier.standing is Standing.PENDING for earlier in membership.said):
        return _remembered(membership, said, Standing.IN_EFFECT)
    earlier = tuple(dataclasses.replace(s, standing=Standing.IN_EFFECT) if _waited_for(s, said) else s for s in membership.said)
    return _remembered(dataclasses.replace(membership, said=earlier), said, Standing.IN_EFFECT)


def _waited_for(earlier: Said, said: Said) -> bool:
    return earlier.standing is Standing.PENDING and (earlier.text, earlier.part) == (said.text, said.part)


# --- anew ---------------------------------------------------------------------------------------------------------------


def refold(membership: Membership, anchor: Anchor, also: frozenset[str] = frozenset()) -> Membership:
    """The membership folded anew from its history, without what is void; `also` are compromised keys that the log does not know of.

    A statement that voids others can turn out void itself; so it is folded until that settles. It never does if one voids what
    it rests on itself, once nothing else holds it up: then both are void, so that a compromise can be entered all the same.
    """
    return settled(membership, anchor, membership.compromised | also)


def settled(membership: Membership, anchor: Anchor, compromised: frozenset[str]) -> Membership:
    """The same, for these compromised keys and no others."""
    voids: tuple[Void, ...] = ()
    for rounds in count():
        state = _folded(membership, anchor, voids, compromised)
        if state.voids == voids or (rounds > MAX_ROUNDS and set(state.voids) <= set(voids)):
            break
        voids = state.voids if rounds < MAX_ROUNDS else tuple(dict.fromkeys(voids + state.voids))
    return state


def _folded(membership: Membership, anchor: Anchor, voids: tuple[Void, ...], compromised: frozenset[str]) -> Membership:
    state = Membership(membership.head, membership.time, membership.entries, certificates=membership.certificates)
    for said in membership.said:
        state = again(Case(state, said, anchor), voids, compromised)
    return state


def again(case: Case, voids: tuple[Void, ...] = (), compromised: frozenset[str] = frozenset()) -> Membership:
    """The membership after a statement that was entered before, carried out over another state; without effect if it does not fit."""
    if case.said.erased:
        return carry_out_erased(case.membership, case.said)
    why = _why_void(case.said, voids, compromised)
    if not why:
        try:
            check_order(case)
            return carry_out(case).membership
        except Refused:
            why = "what it rests on turned out to be void"
    return _without_effect(case, why)


def _why_void(said: Said, voids: tuple[Void, ...], compromised: frozenset[str]) -> str:
    bounds = [v.since for v in voids if v.fingerprint == said.signer and v.cctld in ("", said.statement.tld) and v.entry > said.entry]
    if bounds:
        return "it was signed by somebody whose word is void from then on" if said.time >= min(bounds) else ""
    return "the key that signed it was revoked as compromised" if compromised.intersection((said.key, said.signer)) else ""


def _without_effect(case: Case, why: str) -> Membership:
    """The membership with the statement in its history, and nothing else of it; an attestation is remembered as what it was."""
    membership, statement = case.membership, case.statement
    known = case.attestation
    if statement.type is StatementType.ATTEST_SSC and (known is None or known.void):
        never = Attestation(statement.tld, statement.person, statement.key, case.said.signer, case.at, case.said.entry, void=why)
        membership = with_attestation(case, never).membership
    return _remembered(membership, case.said, Standing.VOID)


def carry_out_erased(membership: Membership, said: Said) -> Membership:
    """What an erased statement still does: a withdrawal withdraws, a suspension suspends, by the key; all else grants nothing."""
    kind, theirs = said.statement.type, (said.statement.tld, said.about)
    changed = {}
    for key, attestation in membership.attestations.items():
        if (attestation.cctld, attestation.fingerprint) == theirs and attestation.in_force(said.time):
            if kind is StatementType.WITHDRAW_SSC:
                changed[key] = dataclasses.replace(attestation, withdrawn=said.entry)
            elif kind is StatementType.SUSPEND_MEMBER:
                changed[key] = dataclasses.replace(attestation, suspended=said.entry)
    return _remembered(dataclasses.replace(membership, attestations={**membership.attestations, **changed}), said, Standing.ERASED)
