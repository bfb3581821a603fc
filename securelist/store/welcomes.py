"""Welcomes: which member was welcomed with which key, and who answered. Times are Unix seconds, 0 for what has not happened.

Callers begin the transaction and pass its connection. Only members in force have rows, but for a moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from securelist.store.schema import WelcomeRow


@dataclass(frozen=True)
class Welcome:
    """One key of one member: when its welcome was `sent`, when a signed and encrypted mail of theirs came, when its lack was `reported`.

    Who posts before the welcome has left has `confirmed` without `sent`.
    """

    cctld: str
    fingerprint: str
    address: str
    sent: int = 0
    confirmed: int = 0
    reported: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by: ccTLD and fingerprint."""
        return self.cctld, self.fingerprint

    def answered(self, at: int) -> bool | None:
        """Whether the key was known at `at` to work both ways: False for a welcome without an answer, None before the welcome."""
        if 0 < self.confirmed <= at:
            return True
        return False if 0 < self.sent <= at else None


def welcomes(connection: Connection, fingerprint: str = "") -> tuple[Welcome, ...]:
    """All of them, or those of one key."""
    query = select(WelcomeRow.__table__).order_by(WelcomeRow.cctld, WelcomeRow.fingerprint)
    rows = connection.execute(query.where(WelcomeRow.fingerprint == fingerprint) if fingerprint else query)
    return tuple(Welcome(*row) for row in rows)


def mark_sent(connection: Connection, one: Welcome, at: int) -> None:
    """Its welcome has left. Raises IntegrityError when somebody else writes the same at this moment."""
    if not connection.execute(update(WelcomeRow).where(_is(one)).values(sent=at, address=one.address)).rowcount:
        connection.execute(insert(WelcomeRow).values(cctld=one.cctld, fingerprint=one.fingerprint, address=one.address, sent=at))


def mark_confirmed(connection: Connection, one: Welcome, at: int) -> bool:
    """The key works: False if that was known. Raises IntegrityError as `mark_sent` does."""
    if connection.execute(update(WelcomeRow).where(_is(one), WelcomeRow.confirmed == 0).values(confirmed=at)).rowcount:
        return True
    if connection.execute(select(WelcomeRow.sent).where(_is(one))).first():
        return False
    values = {"cctld": one.cctld, "fingerprint": one.fingerprint, "address": one.address, "sent": 0, "confirmed": at}
    connection.execute(insert(WelcomeRow).values(values))
    return True


def mark_reported(connection: Connection, those: Iterable[Welcome], at: int) -> None:
    """The Admin Contact was told that these were not answered."""
    for one in those:
        connection.execute(update(WelcomeRow).where(_is(one)).values(reported=at))


def drop(connection: Connection, those: Iterable[Welcome]) -> None:
    """Forgets these: whoever comes back is welcomed again."""
    for one in those:
        connection.execute(delete(WelcomeRow).where(_is(one)))


def _is(one: Welcome) -> ColumnElement[bool]:
    return and_(WelcomeRow.cctld == one.cctld, WelcomeRow.fingerprint == one.fingerprint)
