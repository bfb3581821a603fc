"""Who was a member when, as it is seen now: told anew from what is known to have had effect, and not judged again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping

from securelist.errors import Refused
from securelist.trust import member_effects
from securelist.trust.anchor import Anchor
from securelist.trust.case import Case, Effect
from securelist.trust.fold import carry_out_erased
from securelist.trust.history import Said, Standing
from securelist.trust.membership import Attestation, Membership
from securelist.trust.statement import StatementType

# The others change nobody's coming or going. That somebody's details are right is what is said most often, by far.
_COMING_AND_GOING: Mapping[StatementType, Callable[[Case], Effect]] = {
    StatementType.ATTEST_SSC: member_effects.attest,
    StatementType.WITHDRAW_SSC: member_effects.withdraw,
    StatementType.REPLACE_KEY: member_effects.replace_key,
    StatementType.UPDATE_CONTACT: member_effects.update,
}


def retold(membership: Membership, anchor: Anchor) -> Iterator[tuple[int, Mapping[tuple[str, str], Attestation]]]:
    """After each statement by which somebody came, changed or went: its time (Unix seconds), and all attestations then.

    What turned out to be void never was, and a text that is erased grants nothing. Whether the statements hold was judged when they
    were entered: order and signers are not looked at again, which would take ten thousand statements minutes.
    """
    last = {(said.text, said.part): said.entry for said in membership.said if said.standing is Standing.IN_EFFECT}
    state = Membership(certificates=membership.certificates)
    for said in membership.said:
        if said.erased or (said.statement.type in _COMING_AND_GOING and last.get((said.text, said.part)) == said.entry):
            state = _after(Case(state, said, anchor))
            yield said.time, state.attestations


def _after(case: Case) -> Membership:
    """The membership after a statement in effect. Of texts that several signed, the last one has it."""
    membership, said = case.membership, case.said
    if said.erased:
        return dataclasses.replace(carry_out_erased(membership, said), said=membership.said)
    try:
        after = _COMING_AND_GOING[said.statement.type](case).membership
    except Refused:  # it is about somebody whose attestation is erased
        return membership
    return dataclasses.replace(after, said=(*membership.said, *_asked_for_later(said)))


def _asked_for_later(said: Said) -> tuple[Said, ...]:
    """A certification: taking it back ends what it made."""
    return (said,) if said.part == 0 else ()
