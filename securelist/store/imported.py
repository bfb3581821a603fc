"""Contacts that Regional Organisations passed on: kept apart from the log, which knows nothing of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from securelist.contacts.contact import Imported, cctld_of
from securelist.store.schema_contacts import ImportedRow, SourceRow
from securelist.trust.statement import Person


@dataclass(frozen=True)
class Source:
    """Who passed contacts on: the fingerprint of their certificate, what the operator calls them, their address, and of the last
    bundle when they made it and when it was imported (Unix seconds)."""

    fingerprint: str
    name: str
    address: str
    made: int
    received: int
    contacts: int = 0
    """How many of theirs are known."""


def all_of_them(connection: Connection) -> tuple[Imported, ...]:
    """Every imported contact."""
    return tuple(_contact(*row) for row in connection.execute(select(*_COLUMNS)))


def made_last(connection: Connection, source: str) -> int:
    """When the newest bundle of a source (fingerprint) that was imported was made, Unix seconds; 0 if there is none."""
    return connection.execute(select(SourceRow.made).where(SourceRow.fingerprint == source)).scalar() or 0


def sources(connection: Connection) -> tuple[Source, ...]:
    """Everybody of whom a bundle was imported, by name."""
    number = select(func.count()).where(ImportedRow.source == SourceRow.fingerprint).scalar_subquery()
    columns = (SourceRow.fingerprint, SourceRow.name, SourceRow.address, SourceRow.made, SourceRow.received, number)
    return tuple(Source(*row) for row in connection.execute(select(*columns).order_by(SourceRow.name, SourceRow.fingerprint)))


def take(connection: Connection, source: Source, contacts: Iterable[Imported]) -> None:
    """Puts these in place of all that were known from a source, and notes which bundle was its last."""
    connection.execute(delete(SourceRow).where(SourceRow.fingerprint == source.fingerprint))
    facts = {field: getattr(source, field) for field in ("fingerprint", "name", "address", "made", "received")}
    connection.execute(insert(SourceRow), [facts])
    replace(connection, source.fingerprint, contacts)


def replace(connection: Connection, source: str, contacts: Iterable[Imported]) -> None:
    """Puts these in place of all that were known from a source (fingerprint)."""
    connection.execute(delete(ImportedRow).where(ImportedRow.source == source))
    rows = [_row(source, contact) for contact in contacts]
    if rows:
        connection.execute(insert(ImportedRow), rows)


def forget(connection: Connection, made_before: int) -> None:
    """Deletes what was written down before that time: a bundle so old is not taken, so nobody need remember which was the last."""
    connection.execute(delete(ImportedRow).where(ImportedRow.made < made_before))
    connection.execute(delete(SourceRow).where(SourceRow.made < made_before))


_COLUMNS = (
    ImportedRow.name, ImportedRow.made, ImportedRow.received, ImportedRow.cctld, ImportedRow.details, ImportedRow.certificate
)  # fmt: skip
# What `details` holds beside the person's.
_FACTS = ("fingerprint", "confirmed", "until")


def _contact(name: str, made: int, received: int, cctld: str, details: str, certificate: bytes) -> Imported:
    read: dict[str, Any] = json.loads(details)
    fingerprint, confirmed, until = (read.pop(fact) for fact in _FACTS)
    plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in read.items()}
    return Imported(cctld_of(cctld), Person(**plain), fingerprint, certificate, name, made, received, confirmed, until)


def _row(source: str, contact: Imported) -> dict[str, object]:
    details = json.dumps(dataclasses.asdict(contact.person) | {fact: getattr(contact, fact) for fact in _FACTS})
    where = {"source": source, "name": contact.source, "cctld": contact.cctld.name}
    return {**where, "made": contact.made, "received": contact.received, "details": details, "certificate": contact.certificate}
