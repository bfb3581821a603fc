"""The projection of the log in the database: a `Membership` loaded from its tables, and written row by row as it changes.

Nothing here is more than a copy of what the log says: `securelist log replay` makes all of it anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

from sqlalchemy import Connection, delete, insert, select

from securelist.errors import ConfigurationError
from securelist.openpgp.certificate import Certificate, ComponentKey
from securelist.store.schema import (
    AdminContactRow,
    AttestationRow,
    Base,
    CertificateRow,
    FoundingRow,
    LogEntry,
    StatementRow,
    VoidRow,
)
from securelist.trust.entry import Entry, Head
from securelist.trust.history import Said, Standing
from securelist.trust.membership import AdminContact, Attestation, Founding, Membership, Void
from securelist.trust.statement import Person, Statement, StatementType

K = TypeVar("K")
V = TypeVar("V")
_ENTRY_FIELDS = [field.name for field in fields(Entry)]
_TABLES = (FoundingRow, CertificateRow, AdminContactRow, AttestationRow, StatementRow, VoidRow)

# --- loading ----------------------------------------------------------------------------------------------------------


def load(connection: Connection, head: Head) -> Membership:
    """The membership as the tables have it, at the log's `head`; raises ConfigurationError if they were not filled."""
    rows = connection.execute(select(*(getattr(LogEntry, name) for name in _ENTRY_FIELDS)).order_by(LogEntry.number))
    log = tuple(Entry(*row) for row in rows)
    said = tuple(_said(row) for row in connection.execute(select(StatementRow.__table__).order_by(StatementRow.entry)))
    if head.number and not said:
        raise ConfigurationError("no-projection", "the tables of members have to be made anew from the log: run securelist log replay")
    founding = connection.execute(select(FoundingRow.__table__)).first()
    admin_contacts = [_admin_contact(row) for row in connection.execute(select(AdminContactRow.__table__))]
    attestations = [_attestation(row) for row in connection.execute(select(AttestationRow.__table__))]
    voids = connection.execute(select(VoidRow.__table__).order_by(VoidRow.entry, VoidRow.fingerprint))
    return Membership(
        head,
        log[-1].time if log else 0,
        log,
        Founding(founding.list, founding.key, tuple(founding.roots.split()), founding.threshold, founding.entry) if founding else None,
        {row.fingerprint: _certificate(row) for row in connection.execute(select(CertificateRow.__table__))},
        {contact.cctld: contact for contact in admin_contacts},
        {(attestation.cctld, attestation.address): attestation for attestation in attestations},
        said,
        tuple(Void(row.cctld, row.fingerprint, row.since, row.entry) for row in voids),
    )


def _said(row: Any) -> Said:  # noqa: ANN401 - a row has the columns of its table
    values = {field.name: getattr(row, field.name) for field in fields(Said)}
    return Said(**values | {"statement": _statement(row.statement), "standing": Standing(row.standing)})


def _statement(text: str) -> Statement:
    values = json.loads(text)
    plain = {"type": StatementType(values["type"]), "person": _person(values["person"]), "roots": tuple(values["roots"])}
    return Statement(**values | plain | {"entries": tuple((number, hash) for number, hash in values["entries"])})


def _person(values: Mapping[str, Any]) -> Person:
    return Person(**{**values, "emails": tuple(values["emails"]), "phones": tuple(values["phones"])})


def _admin_contact(row: Any) -> AdminContact:  # noqa: ANN401
    return AdminContact(row.cctld, _person(json.loads(row.person)), row.fingerprint, row.entry, row.time, row.dismissed)


def _attestation(row: Any) -> Attestation:  # noqa: ANN401
    values = {field.name: getattr(row, field.name) for field in fields(Attestation)}
    return Attestation(**values | {"person": _person(json.loads(row.person))})


def _certificate(row: Any) -> Certificate:  # noqa: ANN401
    facts = json.loads(row.facts)
    keys = tuple(ComponentKey(**{**key, "capabilities": frozenset(key["capabilities"])}) for key in facts["keys"])
    return Certificate(row.fingerprint, row.octets, tuple(facts["user_ids"]), keys)


# --- projecting -------------------------------------------------------------------------------------------------------


def rebuild(connection: Connection, membership: Membership) -> None:
    """Replaces the whole projection by that of `membership`, which the caller got by replaying the log."""
    for table in _TABLES:
        connection.execute(delete(table))
    project(connection, Membership(), membership)


def project(connection: Connection, before: Membership, after: Membership) -> None:
    """Writes the rows in which `after` differs from `before`."""
    if after.founding != before.founding:
        connection.execute(delete(FoundingRow))
        founding = [asdict(after.founding) | {"roots": " ".join(after.founding.roots)}] if after.founding else []
        _insert(connection, FoundingRow, founding)
    _write(connection, CertificateRow, ("fingerprint",), before.certificates, after.certificates, _certificate_values)
    _write(connection, AdminContactRow, ("cctld",), before.admin_contacts, after.admin_contacts, _contact_values)
    _write(connection, AttestationRow, ("cctld", "address"), before.attestations, after.attestations, _attestation_values)
    _write(connection, StatementRow, ("entry",), {s.entry: s for s in before.said}, {s.entry: s for s in after.said}, _said_values)
    if after.voids != before.voids:
        connection.execute(delete(VoidRow))
        _insert(connection, VoidRow, [asdict(void) for void in after.voids])


def _said_values(said: Said) -> dict[str, Any]:
    statement = {name: value for name, value in asdict(said.statement).items() if name != "lines"}
    return asdict(said) | {"statement": json.dumps(statement), "standing": said.standing.value}


def _contact_values(contact: AdminContact) -> dict[str, Any]:
    values = asdict(contact)
    return values | {"person": json.dumps(values["person"])}


def _attestation_values(attestation: Attestation) -> dict[str, Any]:
    values = asdict(attestation)
    return values | {"person": json.dumps(values["person"]), "address": attestation.address}


def _certificate_values(certificate: Certificate) -> dict[str, Any]:
    keys = [asdict(key) | {"capabilities": sorted(key.capabilities)} for key in certificate.keys]
    facts = json.dumps({"user_ids": certificate.user_ids, "keys": keys})
    return {"fingerprint": certificate.fingerprint, "octets": certificate.octets, "facts": facts}


def _insert(connection: Connection, table: type[Base], rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _write(
    connection: Connection,
    table: type[Base],
    key: tuple[str, ...],
    before: Mapping[K, V],
    after: Mapping[K, V],
    values: Callable[[V], dict[str, Any]],
) -> None:
    """Deletes and inserts: every database has its own statement for "insert or update", and this is in all of them."""
    changed = [name for name, value in after.items() if before.get(name) is not value and before.get(name) != value]
    for name in (*changed, *(before.keys() - after.keys())):
        parts = name if isinstance(name, tuple) else (name,)
        connection.execute(delete(table).where(*(getattr(table, column) == part for column, part in zip(key, parts, strict=True))))
    _insert(connection, table, [values(after[name]) for name in changed])
