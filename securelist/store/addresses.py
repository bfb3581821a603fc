"""Addresses to which mail does not arrive. A mark says so; it changes nothing in what is sent there, and the next success takes it away.

A mark that was taken off is remembered for a while, with when its owner was told; it marks nothing meanwhile.
Callers begin the transaction and pass its connection. Times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from securelist.mail.addresses import same_address
from securelist.store.journal import plain
from securelist.store.schema_upkeep import AddressRow

# The width of the column; the words are a mail server's.
MAX_WHY = 500
# Whoever was told of an address, and finds it marked again within a week of its recovery, knows.
REMEMBERED_S = 7 * 86_400


@dataclass(frozen=True)
class Mark:
    """An address (as compared) that does not work, since when, why, and whether that was reported after the next hop had taken the copy.

    `passing` says that the failure may pass by itself, but had not after days of trying. `told` is when its owner was told last, or 0;
    `cleared` when the mark was taken off, 0 while it holds.
    """

    address: str
    since: int
    why: str
    by_report: bool
    passing: bool = False
    told: int = 0
    cleared: int = 0


def marks(connection: Connection) -> Mapping[str, Mark]:
    """All marked addresses, by address as compared (`same_address`)."""
    return {address: one for address, one in remembered(connection).items() if not one.cleared}


def remembered(connection: Connection) -> Mapping[str, Mark]:
    """Likewise, with the marks that were taken off lately."""
    return {row.address: Mark(*row) for row in connection.execute(select(AddressRow.__table__).order_by(AddressRow.address))}


def mark(connection: Connection, address: str, why: str, at: int, *, by_report: bool, passing: bool = False) -> bool:
    """Marks an address as not working; False if it was marked before, which stays as it is."""
    known = _row(connection, address)
    if known and not known.cleared:
        return False
    told = known.told if known and at < known.cleared + REMEMBERED_S else 0
    values = {"since": at, "why": plain(why, MAX_WHY), "by_report": by_report, "passing": passing, "told": told, "cleared": 0}
    if known:
        again = update(AddressRow).where(AddressRow.address == known.address, AddressRow.cleared == known.cleared)
        return connection.execute(again.values(values)).rowcount > 0
    with suppress(IntegrityError), connection.begin_nested():  # another process did at this moment; the transaction goes on
        connection.execute(insert(AddressRow).values(address=same_address(address), **values))
        return True
    return False


def find(connection: Connection, address: str) -> Mark | None:
    """The mark of an address, in whatever case."""
    known = _row(connection, address)
    return None if known is None or known.cleared else known


def _row(connection: Connection, address: str) -> Mark | None:
    row = connection.execute(select(AddressRow.__table__).where(AddressRow.address == same_address(address))).first()
    return Mark(*row) if row else None


def clear(connection: Connection, address: str, at: int) -> bool:
    """The address works (again): whether it was marked."""
    marked = update(AddressRow).where(AddressRow.address == same_address(address), AddressRow.cleared == 0)
    return connection.execute(marked.values(cleared=at)).rowcount > 0


def forget(connection: Connection, those: Iterable[str]) -> None:
    """Nothing is known of these addresses any more."""
    connection.execute(delete(AddressRow).where(AddressRow.address.in_([same_address(address) for address in those])))


def mark_told(connection: Connection, address: str, at: int) -> None:
    """Its owner was told."""
    connection.execute(update(AddressRow).where(AddressRow.address == same_address(address)).values(told=at))


def bring_back(connection: Connection, at: int) -> None:
    """Whatever a clock noted that was ahead of `at` counts as if it were now; it would hold up what follows from it."""
    for column in (AddressRow.since, AddressRow.told, AddressRow.cleared):
        connection.execute(update(AddressRow).where(column > at).values({column: at}))
