"""Coverage: how far the list reaches, ccTLD by ccTLD. A pure computation over the list of ccTLDs, the records and the membership.

Whether a ccTLD's manager belongs to any other body plays no part: the list is open to every ccTLD.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from securelist.cctld.cctlds import CcTld, Region
from securelist.cctld.record import Record
from securelist.trust.membership import ACTIVE, SUSPENDED, UNREACHABLE, Membership


class State(StrEnum):
    """How far a ccTLD has come."""

    MISSING = "missing"
    """Nobody speaks for it here, and nobody is a member for it."""
    APPOINTED = "appointed"
    """It has an Admin Contact and no member."""
    MEMBER = "member"
    """At least one member stands for it, suspended and unreachable ones included."""


@dataclass(frozen=True)
class Row:
    """One ccTLD: what is on record, and how far it has come. Times are Unix seconds, None for what has not happened."""

    cctld: CcTld
    record: Record | None
    contact: str
    """The name of the Admin Contact who is appointed; empty if nobody is."""
    appointed: int | None
    """When the appointment in force was entered into the log."""
    active: int
    unreachable: int
    suspended: int
    invited: int | None = None
    answered: int | None = None

    @property
    def members(self) -> int:
        """How many members there are, whatever their state."""
        return self.active + self.unreachable + self.suspended

    @property
    def state(self) -> State:
        """How far it has come."""
        if self.members:
            return State.MEMBER
        return State.MISSING if self.appointed is None else State.APPOINTED


@dataclass(frozen=True)
class Count:
    """How many ccTLDs of a region (None: of all) are in which state, and how many people are members for them."""

    region: Region | None
    cctlds: int
    missing: int
    appointed: int
    member: int
    members: int
    recorded: int
    """Of how many there is a record."""
    invited: int
    answered: int


def coverage(
    cctlds: Iterable[CcTld], records: Mapping[str, Record], invitations: Mapping[str, tuple[int, int]], membership: Membership, at: int
) -> tuple[Row, ...]:
    """A row for each ccTLD, by region and name, as of `at` (Unix seconds, not before the membership's own time).

    `invitations` tells when each was invited last, and when an invitation of its was answered (0: never).
    What the log knows of and the list of ccTLDs does not (one that was retired) comes last, without a region: nobody is left out.
    """
    states = Counter((member.cctld, member.state) for member in membership.members(at))
    listed = {cctld.name: cctld for cctld in cctlds}
    known = {name for name in membership.admin_contacts if membership.admin_contact(name)} | {name for name, _ in states}
    all_of_them = [*listed.values(), *(CcTld(name, "", None) for name in known - set(listed))]
    rows = (_row(cctld, records.get(cctld.name), invitations.get(cctld.name, (0, 0)), membership, states) for cctld in all_of_them)
    return tuple(sorted(rows, key=lambda row: (_place(row.cctld.region), row.cctld.name)))


def _row(cctld: CcTld, record: Record | None, invitation: tuple[int, int], membership: Membership, states: Counter[tuple[str, str]]) -> Row:
    contact = membership.admin_contact(cctld.name)
    active, unreachable, suspended = (states[cctld.name, state] for state in (ACTIVE, UNREACHABLE, SUSPENDED))
    name, appointed = (contact.person.name, contact.time) if contact else ("", None)
    invited, answered = (time or None for time in invitation)
    return Row(cctld, record, name, appointed, active, unreachable, suspended, invited, answered)


def _place(region: Region | None) -> int:
    return list(Region).index(region) if region else len(Region)


def counts(rows: Iterable[Row]) -> tuple[Count, ...]:
    """Counts of these rows: one for each of their regions, in the order of the rows, and the last one of all."""
    rows = tuple(rows)
    regions = dict.fromkeys(row.cctld.region for row in rows)
    return (*(_count(region, [row for row in rows if row.cctld.region is region]) for region in regions if region), _count(None, rows))


def _count(region: Region | None, rows: Iterable[Row]) -> Count:
    rows = tuple(rows)
    missing, appointed, member = (sum(row.state is state for row in rows) for state in State)
    members = sum(row.members for row in rows)
    recorded, invited, answered = (sum(map(bool, (getattr(row, name) for row in rows))) for name in ("record", "invited", "answered"))
    return Count(region, len(rows), missing, appointed, member, members, recorded, invited, answered)
