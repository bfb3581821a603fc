"""How far the list reached, month by month: a pure computation over the log's statements, as they are seen now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from securelist.trust.anchor import Anchor
from securelist.trust.membership import Attestation, Membership
from securelist.trust.past import retold


@dataclass(frozen=True)
class Month:
    """For how many ccTLDs there was a member at the end of a month, and how many members; of the last month: at its last change."""

    year: int
    month: int
    cctlds: int
    members: int

    @property
    def name(self) -> str:
        """The month, as YYYY-MM."""
        return f"{self.year:04}-{self.month:02}"


def last_change(membership: Membership, at: int) -> int:
    """When, up to `at`, the membership changed last (Unix seconds): by the log's last entry, or because somebody's time was up."""
    ends = (one.expires for one in membership.attestations.values() if one.expires <= at and not one.withdrawn and not one.void)
    return max((membership.time, *ends))


def months(membership: Membership, anchor: Anchor, at: int) -> tuple[Month, ...]:
    """Every month from the founding to that of `at` (Unix seconds, not before the log's last entry).

    People whose entries are erased are in none of them: the log does not say any more how long they were members.
    """
    said_last: dict[tuple[int, int], Iterable[Attestation]] = {}
    for time, attestations in retold(membership, anchor):
        said_last[_month(time)] = attestations.values()
    return tuple(_counted(said_last, membership.entries[0].time, at))


def _counted(said_last: dict[tuple[int, int], Iterable[Attestation]], since: int, at: int) -> Iterator[Month]:
    known: Iterable[Attestation] = ()
    for year, month in _every_month(_month(since), _month(at)):
        known = said_last.get((year, month), known)
        moment = min(_end(year, month), at)
        here = [one.cctld for one in known if one.in_force(moment)]
        yield Month(year, month, len(set(here)), len(here))


def _month(time: int) -> tuple[int, int]:
    day = datetime.fromtimestamp(time, UTC)
    return day.year, day.month


def _every_month(first: tuple[int, int], last: tuple[int, int]) -> Iterator[tuple[int, int]]:
    numbers = [12 * year + month - 1 for year, month in (first, last)]
    yield from ((number // 12, number % 12 + 1) for number in range(numbers[0], numbers[1] + 1))


def _end(year: int, month: int) -> int:
    """The last second of a month, UTC."""
    return int(datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp()) - 1
