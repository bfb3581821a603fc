"""The log in the database: its entries and their evidence, appended to in one transaction with the projection.

Callers begin the transaction (`database.writing`, `database.reading`) and pass its connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from securelist.errors import ConfigurationError, TryAgain
from securelist.store.projection import load, project
from securelist.store.schema import CertificateRow, Evidence, LogEntry, RequestRow, StatementRow
from securelist.trust.entry import CERTIFICATE, Entry, Head, digest
from securelist.trust.history import Standing
from securelist.trust.membership import Membership
from securelist.trust.submission import Submission

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
            self._loaded = loaded = load(connection, head)
        return loaded

    def append(self, connection: Connection, submission: Submission) -> None:
        """Writes entries, evidence and projection; all become visible with the caller's commit, or nothing does.

        Raises TryAgain("log-moved") if another writer has appended since the submission was judged.
        """
        check_head(connection, submission.before)
        known = self.membership(connection)
        try:
            if submission.entries:
                connection.execute(insert(LogEntry), [_entry_values(entry) for entry in submission.entries])
        except IntegrityError:  # another writer's entry of the same number, committed in between
            raise _moved() from None
        _insert_evidence(connection, submission.evidence)
        _erase(connection, submission.erased)
        project(connection, known, submission.membership)


def check_head(connection: Connection, head: Head) -> None:
    """Raises TryAgain("log-moved") if the log's last entry is another than `head`."""
    if _head(connection) != head:
        raise _moved()


def _moved() -> TryAgain:
    return TryAgain("log-moved", "somebody else has entered something at the same moment; please try again")


# --- the log ----------------------------------------------------------------------------------------------------------


def _head(connection: Connection) -> Head:
    row = connection.execute(select(LogEntry.number, LogEntry.hash).order_by(LogEntry.number.desc()).limit(1)).first()
    return Head(row.number, row.hash) if row else Head()


def _entry_values(entry: Entry) -> dict[str, Any]:
    return {**{name: getattr(entry, name) for name in _ENTRY_FIELDS}, "hash": entry.hash}


def _insert_evidence(connection: Connection, evidence: Mapping[str, bytes]) -> None:
    known = select(Evidence.digest, Evidence.octets.is_(None).label("erased")).where(Evidence.digest.in_(list(evidence)))
    stored = {row.digest: row.erased for row in connection.execute(known)}
    for name in (name for name, erased in stored.items() if erased):  # the certificate of somebody who comes back
        connection.execute(update(Evidence).where(Evidence.digest == name).values(octets=evidence[name]))
    rows = [{"digest": name, "octets": octets} for name, octets in evidence.items() if name not in stored]
    if rows:
        connection.execute(insert(Evidence), rows)


def _erase(connection: Connection, names: frozenset[str]) -> None:
    """Removes the octets of evidence by its digest, and of the certificate entries by the fingerprint they are about."""
    certificates = select(LogEntry.evidence).where(LogEntry.type == CERTIFICATE, LogEntry.subject.in_(names))
    if names:
        chosen = or_(Evidence.digest.in_(names), Evidence.digest.in_(certificates))
        connection.execute(update(Evidence).where(chosen).values(octets=None))
        connection.execute(delete(RequestRow).where(RequestRow.fingerprint.in_(names)))


def entries(connection: Connection, first: int = 1) -> Iterator[tuple[Entry, bytes | None]]:
    """The entries from number `first` on, with their evidence (None: erased), in their order."""
    columns = (*(getattr(LogEntry, name) for name in _ENTRY_FIELDS), LogEntry.hash, Evidence.octets)
    projected = (StatementRow.standing, CertificateRow.fingerprint)
    query = select(*columns, *projected).join(Evidence, Evidence.digest == LogEntry.evidence)
    query = query.outerjoin(StatementRow, StatementRow.entry == LogEntry.number)
    query = query.outerjoin(CertificateRow, CertificateRow.fingerprint == LogEntry.subject)
    for row in connection.execute(query.where(LogEntry.number >= first).order_by(LogEntry.number)):
        entry = Entry(**{name: getattr(row, name) for name in _ENTRY_FIELDS})
        whole = _may_be_erased(row) if row.octets is None else digest(row.octets) == entry.evidence
        if entry.hash != row.hash or not whole:
            raise ConfigurationError(
                "damaged-log", f"entry {entry.number} of the log in the database is not what was written; restore a backup"
            )
        yield entry, row.octets


def _may_be_erased(row: Any) -> bool:  # noqa: ANN401 - a row has the columns of its query
    """Whether the projection agrees that this entry's evidence is gone."""
    return row.fingerprint is None if row.type == CERTIFICATE else row.standing in (None, Standing.ERASED)
