"""Drills, and how each member did. Times are Unix seconds, 0 for what has not happened.

Callers begin the transaction and pass its connection. A drill runs until `ends`; it is settled a while later, and what came of it
stays as it is from then on; it is reported when every letter about that was written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Select, and_, case, delete, func, insert, select, update

from securelist.store.journal import plain
from securelist.store.schema_upkeep import DrillMemberRow, DrillRow

# The width of the column; some of the words are a mail server's.
MAX_WHY = 500


@dataclass(frozen=True)
class Drill:
    """A drill. `by` is the fingerprint of who started it, empty for the operator; the last three are known once it is settled.

    `median` is in seconds, of those who answered.
    """

    id: int
    started: int
    ends: int
    by: str
    reported: int = 0
    settled: int = 0
    members: int = 0
    answered: int = 0
    median: int = 0


@dataclass(frozen=True)
class DrillMember:
    """A member in a drill: when they were `asked`, `answered`, and `told` how they did; `failure` and `why` while there is no answer."""

    drill: int
    cctld: str
    fingerprint: str
    name: str
    asked: int = 0
    answered: int = 0
    failure: str = ""
    why: str = ""
    told: int = 0


def drills(connection: Connection) -> tuple[Drill, ...]:
    """All that are remembered, oldest first."""
    return tuple(Drill(*row) for row in connection.execute(select(DrillRow.__table__).order_by(DrillRow.id)))


def find(connection: Connection, number: int) -> Drill | None:
    """The drill of this number."""
    row = connection.execute(select(DrillRow.__table__).where(DrillRow.id == number)).first()
    return Drill(*row) if row else None


def newest(connection: Connection) -> Drill | None:
    """The last one; no other can be running."""
    row = connection.execute(select(DrillRow.__table__).order_by(DrillRow.id.desc()).limit(1)).first()
    return Drill(*row) if row else None


def members(connection: Connection, number: int) -> tuple[DrillMember, ...]:
    """Everybody in a drill, by ccTLD and name; nobody once their rows were deleted."""
    query = select(DrillMemberRow.__table__).where(DrillMemberRow.drill == number)
    ordered = query.order_by(DrillMemberRow.cctld, DrillMemberRow.name, DrillMemberRow.fingerprint)
    return tuple(DrillMember(*row) for row in connection.execute(ordered))


def begin(connection: Connection, at: int, ends: int, by: str) -> Drill:
    """A new drill. Raises IntegrityError when somebody else begins one at this moment: both would have the next number."""
    number = (connection.execute(select(func.max(DrillRow.id))).scalar() or 0) + 1
    values = {"id": number, "started": at, "ends": ends, "by": by, "reported": 0, "settled": 0, "members": 0, "answered": 0, "median": 0}
    connection.execute(insert(DrillRow).values(values))
    return Drill(number, at, ends, by)


def enlist(connection: Connection, those: Iterable[DrillMember]) -> None:
    """Adds them to their drill."""
    rows = [{**one.__dict__, "why": plain(one.why, MAX_WHY)} for one in those]
    connection.execute(insert(DrillMemberRow), rows)


def end(connection: Connection, number: int, at: int) -> None:
    """It takes answers until now."""
    connection.execute(update(DrillRow).where(DrillRow.id == number).values(ends=at))


def mark_asked(connection: Connection, one: DrillMember, at: int) -> None:
    """Their letter is in the queue."""
    connection.execute(update(DrillMemberRow).where(_is(one), DrillMemberRow.asked == 0).values(asked=at, failure="", why=""))


def mark_answered(connection: Connection, drill: Drill, fingerprint: str, at: int) -> bool:
    """Whether this was the first answer of this key in the drill, and in time to count."""
    counting = select(DrillRow.id).where(DrillRow.id == drill.id, DrillRow.settled == 0).exists()
    mine = (DrillMemberRow.drill == drill.id, DrillMemberRow.fingerprint == fingerprint, DrillMemberRow.answered == 0)
    # Whoever was killed after the letter and before `mark_asked` did not write down when that was.
    asked = case((DrillMemberRow.asked == 0, drill.started), else_=DrillMemberRow.asked)
    done = connection.execute(update(DrillMemberRow).where(*mine, counting).values(answered=at, asked=asked, failure="", why=""))
    return done.rowcount > 0


def mark_failure(connection: Connection, drill: int, fingerprint: str, failure: str, why: str) -> None:
    """Why there is no answer from this key, unless there is one."""
    mine = (DrillMemberRow.drill == drill, DrillMemberRow.fingerprint == fingerprint, DrillMemberRow.answered == 0)
    connection.execute(update(DrillMemberRow).where(*mine).values(failure=failure, why=plain(why, MAX_WHY)))


def settle(connection: Connection, drill: Drill) -> bool:
    """Ends the counting, with what `drill` says came of it; False if another process did."""
    values = {name: getattr(drill, name) for name in ("settled", "members", "answered", "median")}
    return connection.execute(update(DrillRow).where(DrillRow.id == drill.id, DrillRow.settled == 0).values(values)).rowcount > 0


def mark_told(connection: Connection, one: DrillMember, at: int) -> None:
    """They were told how they did."""
    connection.execute(update(DrillMemberRow).where(_is(one)).values(told=at))


def mark_reported(connection: Connection, number: int, at: int) -> None:
    """All letters about it were written."""
    connection.execute(update(DrillRow).where(DrillRow.id == number).values(reported=at))


def forget(connection: Connection, members_before: int, drills_before: int) -> None:
    """Deletes the members' rows of drills that were settled before the one time, and drills that were before the other."""
    connection.execute(delete(DrillMemberRow).where(DrillMemberRow.drill.in_(_settled_before(members_before))))
    old = connection.execute(_settled_before(drills_before)).scalars().all()
    connection.execute(delete(DrillMemberRow).where(DrillMemberRow.drill.in_(old)))
    connection.execute(delete(DrillRow).where(DrillRow.id.in_(old)))


def _settled_before(at: int) -> Select[int]:
    return select(DrillRow.id).where(DrillRow.settled > 0, DrillRow.settled < at)


def _is(one: DrillMember) -> ColumnElement[bool]:
    return and_(DrillMemberRow.drill == one.drill, DrillMemberRow.cctld == one.cctld, DrillMemberRow.fingerprint == one.fingerprint)
