"""Warnings: who was warned of what that ends, and at how many days ahead. Times are Unix seconds.

Callers begin the transaction and pass its connection.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, insert, select

from securelist.store.schema_upkeep import WarningRow


@dataclass(frozen=True)
class Warned:
    """That somebody (`whom`, a fingerprint) was told at `at` that something (`what`, until it `ends`) ends in `days` days or less."""

    whom: str
    what: str
    ends: int
    days: int
    at: int


def warned(connection: Connection) -> tuple[Warned, ...]:
    """All warnings that are remembered."""
    return tuple(Warned(*row) for row in connection.execute(select(WarningRow.__table__)))


def remember(connection: Connection, told: Iterable[Warned]) -> None:
    """In place of what was remembered of the same. Raises IntegrityError when somebody else writes the same at this moment."""
    for one in told:
        same = and_(WarningRow.whom == one.whom, WarningRow.what == one.what, WarningRow.ends == one.ends)
        connection.execute(delete(WarningRow).where(same))
        connection.execute(insert(WarningRow).values(vars(one)))


def forget(connection: Connection, before: int) -> None:
    """Drops the warnings of what had ended by then."""
    connection.execute(delete(WarningRow).where(WarningRow.ends < before))
