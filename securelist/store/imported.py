"""Contacts that Regional Organisations passed on: kept apart from the log, which knows nothing of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from securelist.contacts.contact import Imported, cctld_of
from securelist.store.schema_contacts import ImportedRow
from securelist.trust.statement import Person


def all_of_them(connection: Connection) -> tuple[Imported, ...]:
    """Every imported contact."""
    return tuple(_contact(*row) for row in connection.execute(select(*_COLUMNS)))


def made_last(connection: Connection, source: str) -> int:
    """When the newest bundle of a source (fingerprint) that was imported was made, Unix seconds; 0 if there is none."""
    found = select(ImportedRow.made).where(ImportedRow.source == source).order_by(ImportedRow.made.desc()).limit(1)
    return connection.execute(found).scalar() or 0


def replace(connection: Connection, source: str, contacts: Iterable[Imported]) -> None:
    """Puts these in place of all that were known from a source (fingerprint)."""
    connection.execute(delete(ImportedRow).where(ImportedRow.source == source))
    rows = [_row(source, contact) for contact in contacts]
    if rows:
        connection.execute(insert(ImportedRow), rows)


def forget(connection: Connection, made_before: int) -> None:
    """Deletes what was written down before that time."""
    connection.execute(delete(ImportedRow).where(ImportedRow.made < made_before))


_COLUMNS = (
    ImportedRow.name, ImportedRow.made, ImportedRow.received, ImportedRow.cctld, ImportedRow.details, ImportedRow.certificate
)  # fmt: skip


def _contact(name: str, made: int, received: int, cctld: str, details: str, certificate: bytes) -> Imported:
    read: dict[str, Any] = json.loads(details)
    fingerprint = read.pop("fingerprint")
    person = Person(**{key: tuple(value) if isinstance(value, list) else value for key, value in read.items()})
    return Imported(cctld_of(cctld), person, fingerprint, certificate, name, made, received)


def _row(source: str, contact: Imported) -> dict[str, object]:
    details = json.dumps(dataclasses.asdict(contact.person) | {"fingerprint": contact.fingerprint})
    where = {"source": source, "name": contact.source, "cctld": contact.cctld.name}
    return {**where, "made": contact.made, "received": contact.received, "details": details, "certificate": contact.certificate}
