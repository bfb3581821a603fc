"""Who starts and ends drills, and when that may be. It changes rows only; the letters follow by `rounds`."""

from __future__ import annotations

from contextlib import nullcontext

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from securelist.drill.outcome import outcome_of
from securelist.errors import Refused
from securelist.installation import Installation
from securelist.procedures.office import Once, check_founded
from securelist.store import drills
from securelist.store.database import reading, writing
from securelist.store.drills import Drill, DrillMember
from securelist.store.journal import note
from securelist.trust.membership import SUSPENDED
from securelist.upkeep.readiness import Standing, readiness

HOUR_S = 3600
# Once around the world: everybody has had a working day.
DEFAULT_HOURS = 24
MIN_HOURS = 1
# Two weeks, as for the answer to the welcome: a holiday. A longer one measures nothing that an incident would wait for.
MAX_HOURS = 336


class DrillOffice:
    """The drills of one installation."""

    def __init__(self, house: Installation) -> None:
        self._house = house

    def start(self, at: int, hours: int = DEFAULT_HOURS, by: str = "", once: Once = nullcontext) -> Drill:
        """Begins a drill of so many hours with every member who is in force at `at` (Unix seconds) and not suspended.

        `by` is the fingerprint of who asked for it. Raises Refused ("bad-hours", "drill-running", "no-members", …) and what `once` raises.
        """
        if not MIN_HOURS <= hours <= MAX_HOURS:
            raise Refused("bad-hours", f"a drill lasts from {MIN_HOURS} to {MAX_HOURS} hours")
        check_founded(self._house.membership())
        those = [one for one in readiness(self._house, at) if one.member.state != SUSPENDED]
        if not those:
            raise Refused("no-members", "there is no member whom a drill could ask")
        try:
            with writing(self._house.engine) as connection, once(connection):
                _check_none_is_open(connection)
                drill = drills.begin(connection, at, at + hours * HOUR_S, by)
                drills.enlist(connection, [_enlisted(drill, one) for one in those])
                note(connection, at, "drill", by, f"drill {drill.id}: {len(those)} members, {hours} h")
                return drill
        except IntegrityError:  # another process began one at this moment
            raise _running() from None

    def stop(self, number: int, at: int) -> Drill:
        """Ends a drill that is running; the report follows. Raises Refused ("unknown-drill", "drill-over")."""
        with writing(self._house.engine) as connection:
            drill = _known(drills.find(connection, number), number)
            if at >= drill.ends:
                raise Refused("drill-over", f"drill {number} is over; `securelist drill show {number}` says what came of it")
            drills.end(connection, number, at)
            note(connection, at, "drill", "", f"drill {number}: ended by hand")
            return Drill(drill.id, drill.started, at, drill.by)

    def all(self) -> tuple[Drill, ...]:
        """Those that are remembered, oldest first."""
        with reading(self._house.engine) as connection:
            return drills.drills(connection)

    def find(self, number: int | None) -> tuple[Drill, tuple[DrillMember, ...]]:
        """The drill of that number, or the last one, and everybody in it. Raises Refused ("unknown-drill")."""
        with reading(self._house.engine) as connection:
            drill = _known(drills.newest(connection) if number is None else drills.find(connection, number), number)
            return drill, drills.members(connection, drill.id)


def _check_none_is_open(connection: Connection) -> None:
    last = drills.newest(connection)
    if last and not last.reported:
        raise _running(last.id)


def _running(number: int = 0) -> Refused:
    which = f"drill {number}" if number else "another drill"
    return Refused("drill-running", f"{which} is running, or its report is not written yet; one at a time")


def _known(drill: Drill | None, number: int | None) -> Drill:
    if drill is None:
        known = "there was no drill yet" if number is None else f"there is no drill {number}; `securelist drill list` shows those there are"
        raise Refused("unknown-drill", known)
    return drill


def _enlisted(drill: Drill, one: Standing) -> DrillMember:
    failure, why = outcome_of(one)
    return DrillMember(drill.id, one.member.cctld, one.member.fingerprint, one.member.name, failure=failure, why=why)
