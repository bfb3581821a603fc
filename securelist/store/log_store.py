"""The log and its projection in the database: loaded as a `Membership`, appended to in one transaction.

Callers begin the transaction (`database.writing`, `database.reading`) and pass its connection. The projection is written
row by row as far as a submission changed it; `rebuild` replaces all of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from securelist.errors import ConfigurationError, TryAgain
from securelist.openpgp.certificate import Certificate, ComponentKey
from securelist.store.schema import (
    AdminContactRow,
    AttestationRow,
    Base,
    CertificateRow,
    Evidence,
    FoundingRow,
    LogEntry,
    StatementRow,
)
from securelist.trust.entry import Entry, Head, digest
from securelist.trust.membership import AdminContact, Attestation, Founding, Membership, Said
from securelist.trust.statement import Person
from securelist.trust.submission import Submission

K = TypeVar("K")
V = TypeVar("V")
_ENTRY_FIELDS = [field.name for field in fields(Entry)]


class LogStore:
    """The log in one database. Keeps the last membership it loaded, and loads again only when the head has moved."""

    def __init__(self) -> None:
        self._loaded = Membership()

    def membership(self, connection: Connection) -> Membership:
        """The membership as of the log's head, as this transaction sees it."""
        head = _head(connection)
        loaded = self._loaded  # another thread may put its own there meanwhile
        if head != loaded.head:
            self._loaded = loaded = _load(connection, head)
        return loaded

    def append(self, connection: Connection, submission: Submission) -> None:
        """Writes entries, evidence and projection; all become visible with the caller's commit, or nothing does.

        Raises TryAgain("log-moved") if another writer has appended since the submission was judged.
        """
        if _head(connection) != submission.before:
            raise _moved()
        known = self.membership(connection)
        try:
            _insert(connection, LogEntry, [_entry_values(entry) for entry in submission.entries])
        except IntegrityError:  # another writer's entry of the same number, committed in between
            raise _moved() from None
        _insert_evidence(connection, submission.evidence)
        _project(connection, known, submission.membership)


def _moved() -> TryAgain:
    return TryAgain("log-moved", "somebody else has entered something at the same moment; please try again")


# --- the log ----------------------------------------------------------------------------------------------------------


def _head(connection: Connection) -> Head:
    row = connection.execute(select(LogEntry.number, LogEntry.hash).order_by(LogEntry.number.desc()).limit(1)).first()
    return Head(row.number, row.hash) if row else Head()


def _entry_values(entry: Entry) -> dict[str, Any]:
    return {**{name: getattr(entry, name) for name in _ENTRY_FIELDS}, "hash": entry.hash}


def _insert_evidence(connection: Connection, evidence: Mapping[str, bytes]) -> None:
    stored = set(connection.execute(select(Evidence.digest).where(Evidence.digest.in_(list(evidence)))).scalars())
    _insert(connection, Evidence, [{"digest": name, "octets": octets} for name, octets in evidence.items() if name not in stored])


def entries(connection: Connection, first: int = 1) -> Iterator[tuple[Entry, bytes]]:
    """The entries from number `first` on, with their evidence, in their order."""
    columns = (*(getattr(LogEntry, name) for name in _ENTRY_FIELDS), LogEntry.hash, Evidence.octets)
    query = select(*columns).join(Evidence, Evidence.digest == LogEntry.evidence).where(LogEntry.number >= first).order_by(LogEntry.number)
    for row in connection.execute(query):
        entry = Entry(**{name: getattr(row, name) for name in _ENTRY_FIELDS})
        if entry.hash != row.hash or row.octets is None or digest(row.octets) != entry.evidence:
            raise ConfigurationError(
                "damaged-log", f"entry {entry.number} of the log in the database is not what was written; restore a backup"
            )
        yield entry, row.octets


# --- loading ----------------------------------------------------------------------------------------------------------


def _load(connection: Connection, head: Head) -> Membership:
    time = connection.execute(select(LogEntry.time).where(LogEntry.number == head.number)).scalar()
    founding = connection.execute(select(FoundingRow.__table__)).first()
    admin_contacts = [_admin_contact(row) for row in connection.execute(select(AdminContactRow.__table__))]
    attestations = [_attestation(row) for row in connection.execute(select(AttestationRow.__table__))]
    said = connection.execute(select(StatementRow.__table__).order_by(StatementRow.entry))
    return Membership(
        head,
        time or 0,
        Founding(founding.list, founding.key, tuple(founding.roots.split()), founding.threshold, founding.entry) if founding else None,
        {row.fingerprint: _certificate(row) for row in connection.execute(select(CertificateRow.__table__))},
        {contact.cctld: contact for contact in admin_contacts},
        {(attestation.cctld, attestation.address): attestation for attestation in attestations},
        tuple(Said(row.entry, row.signer, row.text, row.part, row.subject, row.made) for row in said),
    )


def _person(text: str) -> Person:
    values = json.loads(text)
    return Person(**{**values, "emails": tuple(values["emails"]), "phones": tuple(values["phones"])})


def _admin_contact(row: Any) -> AdminContact:  # noqa: ANN401 - a row has the columns of its table
    return AdminContact(row.cctld, _person(row.person), row.fingerprint, row.entry, row.dismissed)


def _attestation(row: Any) -> Attestation:  # noqa: ANN401
    return Attestation(row.cctld, _person(row.person), row.fingerprint, row.signer, row.expires, row.entry, row.withdrawn)


def _certificate(row: Any) -> Certificate:  # noqa: ANN401
    facts = json.loads(row.facts)
    keys = tuple(ComponentKey(**{**key, "capabilities": frozenset(key["capabilities"])}) for key in facts["keys"])
    return Certificate(row.fingerprint, row.octets, tuple(facts["user_ids"]), keys)


# --- projecting -------------------------------------------------------------------------------------------------------


def rebuild(connection: Connection, membership: Membership) -> None:
    """Replaces the whole projection by that of `membership`, which the caller got by replaying the log."""
    for table in (FoundingRow, CertificateRow, AdminContactRow, AttestationRow, StatementRow):
        connection.execute(delete(table))
    _project(connection, Membership(), membership)


def _project(connection: Connection, before: Membership, after: Membership) -> None:
    """Writes the rows in which `after` differs from `before`."""
    if after.founding and after.founding != before.founding:
        founding = asdict(after.founding) | {"roots": " ".join(after.founding.roots)}
        _replace(connection, FoundingRow, ("list",), [founding])
    certificates = _changed(before.certificates, after.certificates)
    _replace(connection, CertificateRow, ("fingerprint",), [_certificate_values(certificate) for certificate in certificates])
    contacts = _changed(before.admin_contacts, after.admin_contacts)
    _replace(connection, AdminContactRow, ("cctld",), [_values(contact) for contact in contacts])
    attestations = _changed(before.attestations, after.attestations)
    _replace(connection, AttestationRow, ("cctld", "address"), [_values(a) | {"address": a.address} for a in attestations])
    _insert(connection, StatementRow, [asdict(said) for said in after.said[len(before.said) :]])


def _changed(before: Mapping[K, V], after: Mapping[K, V]) -> list[V]:
    return [value for key, value in after.items() if before.get(key) != value]


def _values(record: AdminContact | Attestation) -> dict[str, Any]:
    values = asdict(record)
    return values | {"person": json.dumps(values["person"])}


def _certificate_values(certificate: Certificate) -> dict[str, Any]:
    keys = [asdict(key) | {"capabilities": sorted(key.capabilities)} for key in certificate.keys]
    facts = json.dumps({"user_ids": certificate.user_ids, "keys": keys})
    return {"fingerprint": certificate.fingerprint, "octets": certificate.octets, "facts": facts}


def _insert(connection: Connection, table: type[Base], rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _replace(connection: Connection, table: type[Base], key: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    """Deletes and inserts: every database has its own statement for "insert or update", and this is in all of them."""
    for row in rows:
        connection.execute(delete(table).where(*(getattr(table, name) == row[name] for name in key)))
    _insert(connection, table, rows)
