"""The weekly summary: to each trust root who could read a post sent now, what waits for whom, and what has changed.

It comes every week: keys and addresses fail while nobody does anything, and a letter that stays away says nothing about them.
"""

from __future__ import annotations

from collections import Counter

from securelist.addressees import Addressees
from securelist.cctld.coverage import counts
from securelist.contacts.confirming import overdue
from securelist.installation import Installation
from securelist.procedures.dates import day
from securelist.procedures.reach import reach
from securelist.procedures.waiting import facts_of, what_waits
from securelist.store.database import writing
from securelist.store.journal import latest, note
from securelist.store.retention import DAY_S
from securelist.trust.history import Standing
from securelist.trust.membership import Membership
from securelist.upkeep.status import MAX_SHOWN_WEEKLY, status

WEEK_S = 7 * DAY_S

_EVENT, _SUBJECT = "summary", "weekly"


class Summary:
    """Writes the summaries of one installation."""

    def __init__(self, house: Installation) -> None:
        self._house = house

    def round(self, at: int) -> None:
        """Writes the summary if a week has passed since the last, or since the founding (`at` is Unix seconds). Raises TryAgain.

        Two processes at once write the same letter, by its occasion; the journal keeps the week between two of them.
        """
        membership = self._house.membership()
        if membership.founding is None:
            return
        founded = membership.entries[0].time
        since = max(founded, latest(self._house.engine, _EVENT, _SUBJECT))
        if at < since + WEEK_S:
            return
        self._write(membership, f"week {(at - founded) // WEEK_S}", since, at)
        with writing(self._house.engine) as connection:
            note(connection, at, _EVENT, _SUBJECT)

    def _write(self, membership: Membership, week: str, since: int, at: int) -> None:
        waits, changed = what_waits(self._house, at), _changed(membership, since)
        facts = facts_of(self._house, waits) | {"since": day(since), "day": day(at), "changed": changed}
        facts |= {"all": counts(reach(self._house, at))[-1], "readiness": status(self._house, at, MAX_SHOWN_WEEKLY)}
        facts["overdue"] = len(overdue(self._house, at))
        for root in Addressees(self._house).secretariat(at):
            self._house.letters.write("summary", root, at, occasion=f"{week} to {root.fingerprint}", **facts)


def _changed(membership: Membership, since: int) -> list[tuple[int, str]]:
    """How many statements of each type took effect after `since`."""
    said = (one for one in membership.said if one.time > since and one.standing is not Standing.PENDING)
    return [(number, kind.value) for kind, number in sorted(Counter(one.statement.type for one in said).items())]
