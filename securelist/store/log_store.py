"""The log in the database: its entries and their evidence, appended to in one transaction with the projection.

Callers begin the transaction (`database.writing`, `database.reading`) and pass its connection.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from securelist.errors import ConfigurationError, TryAgain
from securelist.store.projection import load, project
from securelist.store.schema import Evidence, LogEntry, RequestRow, StatementRow, WelcomeRow
from securelist.trust.entry import Entry, Head, digest
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


def _erase(connection: Connection, numbers: frozenset[int]) -> None:
    """Removes the octets of these entries' evidence, and requests for membership by the keys that they are about, and their welcomes."""
    if numbers:
        these = LogEntry.number.in_(numbers)
        connection.execute(update(Evidence).where(Evidence.digest.in_(select(LogEntry.evidence).where(these))).values(octets=None))
        for table in (RequestRow, WelcomeRow):
            connection.execute(delete(table).where(table.fingerprint.in_(select(LogEntry.subject).where(these))))


def entries(connection: Connection, first: int = 1, *, trusting: bool = False) -> Iterator[tuple[Entry, bytes | None]]:
    """The entries from number `first` on, with their evidence (None: erased), in their order.

    Raises ConfigurationError if one is not what was written. `trusting`: whether evidence may be missing is for the caller to find out.
    """
    named = () if trusting else _named(connection)
    columns = (*(getattr(LogEntry, name) for name in _ENTRY_FIELDS), LogEntry.hash, Evidence.octets)
    query = select(*columns).join(Evidence, Evidence.digest == LogEntry.evidence).where(LogEntry.number >= first)
    for row in connection.execute(query.order_by(LogEntry.number)):
        entry = Entry(**{name: getattr(row, name) for name in _ENTRY_FIELDS})
        whole = trusting or entry.number in named if row.octets is None else digest(row.octets) == entry.evidence
        if entry.hash != row.hash or not whole:
            raise ConfigurationError(
                "damaged-log", f"entry {entry.number} of the log in the database is not what was written; restore a backup"
            )
        yield entry, row.octets


def _named(connection: Connection) -> frozenset[int]:
    """The entries that an `erase` has named."""
    said = connection.execute(select(StatementRow.statement).where(StatementRow.statement.contains('"type": "erase"')))
    return frozenset(number for text in said.scalars() for number, _ in json.loads(text)["entries"])
