"""Addresses to which mail does not arrive. A mark says so; it changes nothing in what is sent there, and the next success takes it away.

Callers begin the transaction and pass its connection. Times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from securelist.mail.addresses import same_address
from securelist.store.journal import plain
from securelist.store.schema_upkeep import AddressRow

# The width of the column; the words are a mail server's.
MAX_WHY = 500


@dataclass(frozen=True)
class Mark:
    """An address (as compared) that does not work, since when, why, and whether that was reported after the next hop had taken the copy."""

    address: str
    since: int
    why: str
    by_report: bool
    told: int = 0


def marks(connection: Connection) -> Mapping[str, Mark]:
    """All marked addresses, by address as compared (`same_address`)."""
    return {row.address: Mark(*row) for row in connection.execute(select(AddressRow.__table__).order_by(AddressRow.address))}


def mark(connection: Connection, address: str, why: str, at: int, *, by_report: bool) -> bool:
    """Marks an address as not working; False if it was marked before, which stays as it is."""
    if find(connection, address):
        return False
    values = {"address": same_address(address), "since": at, "why": plain(why, MAX_WHY), "by_report": by_report, "told": 0}
    with suppress(IntegrityError), connection.begin_nested():  # another process did at this moment; the transaction goes on
        connection.execute(insert(AddressRow).values(values))
        return True
    return False


def find(connection: Connection, address: str) -> Mark | None:
    """The mark of an address, in whatever case."""
    row = connection.execute(select(AddressRow.__table__).where(AddressRow.address == same_address(address))).first()
    return Mark(*row) if row else None


def clear(connection: Connection, address: str) -> bool:
    """The address works (again): whether it was marked."""
    return connection.execute(delete(AddressRow).where(AddressRow.address == same_address(address))).rowcount > 0


def mark_told(connection: Connection, address: str, at: int) -> None:
    """Its owner was told."""
    connection.execute(update(AddressRow).where(AddressRow.address == same_address(address)).values(told=at))
