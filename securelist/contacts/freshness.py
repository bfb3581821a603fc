"""How fresh contact details are: when somebody is asked whether theirs are right, and when the answer is overdue; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from securelist.mail.addresses import same_address
from securelist.store.retention import DAY_S
from securelist.trust.history import Standing
from securelist.trust.membership import Attestation, Membership
from securelist.trust.statement import StatementType

# A month to answer one mail: holidays pass, and nobody's Admin Contact hears of them for a week away.
OVERDUE_AFTER_DAYS = 30
# Who became due while no round was made is asked so much later, and has so much less time: three weeks of a month are left.
PAUSE_S = 7 * DAY_S
# Rounds come often; that there was one is written down once a day.
NOTED_EVERY_S = DAY_S


@dataclass(frozen=True)
class Asking:
    """That the list asks its members: `days` (`confirm_days`; 0: never) after they last confirmed. Times are Unix seconds."""

    days: int
    since: int
    """When it began, or began anew: whoever was due before is asked then."""
    last: int
    """When there was last a round, give or take a day."""


def carried_on(kept: Asking | None, days: int, at: int) -> Asking:
    """What holds at `at` if `kept` held: a new beginning if there was none, `confirm_days` was another, or there was no round for long."""
    if kept is None or kept.days != days or at > kept.last + PAUSE_S:
        return Asking(days, at, at)
    return replace(kept, last=at) if at >= kept.last + NOTED_EVERY_S else kept


@dataclass(frozen=True)
class Freshness:
    """Who is to be asked, and who is overdue; of nobody is that said whom the list did not ask."""

    asking: Asking
    resumed: Mapping[tuple[str, str], int]
    """When a suspension was last taken back, Unix seconds, by ccTLD and primary address (`same_address`)."""

    def asked_from(self, one: Attestation) -> int:
        """From when on they are asked, Unix seconds: once they are due, and the list asks, and they are not suspended."""
        due = one.confirmed + self.asking.days * DAY_S
        return max(due, self.asking.since, self.resumed.get((one.cctld, one.address), 0))

    def is_asked(self, one: Attestation, at: int) -> bool:
        """Whether they are to be asked at `at` (Unix seconds); who is suspended, or left, is not."""
        return bool(self.asking.days) and one.in_force(at) and not one.suspended and at >= self.asked_from(one)

    def is_overdue(self, one: Attestation, at: int) -> bool:
        """Whether they had time enough to answer."""
        return self.is_asked(one, at) and at >= overdue_from(self.asked_from(one))


def overdue_from(asked_from: int) -> int:
    """From when on somebody is overdue who is asked from `asked_from` on, and does not answer; Unix seconds."""
    return asked_from + OVERDUE_AFTER_DAYS * DAY_S


def freshness(membership: Membership, asking: Asking) -> Freshness:
    """What the members' details are judged by."""
    ended = (one for one in membership.said if one.statement.type is StatementType.RESUME_MEMBER and one.standing is Standing.IN_EFFECT)
    return Freshness(asking, {(one.statement.tld, same_address(one.statement.person.emails[0])): one.time for one in ended})
