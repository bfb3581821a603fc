"""The records of ccTLDs: one each, the one that was read last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert, select

from securelist.cctld.record import Change, Record, changes
from securelist.store.journal import note
from securelist.store.schema import RecordRow


@dataclass(frozen=True)
class Kept:
    """A record that was kept: what it replaces (None if there was none), and what it says otherwise."""

    record: Record
    before: Record | None
    changes: tuple[Change, ...]


def keep(connection: Connection, new: Iterable[Record]) -> tuple[Kept, ...]:
    """Keeps records in place of those of the same ccTLDs, and says in the journal what changed; the others stay."""
    return tuple(_keep(connection, record) for record in new)


def _keep(connection: Connection, record: Record) -> Kept:
    same = RecordRow.cctld == record.cctld
    before = find(connection, record.cctld)
    differs = changes(before, record) if before else ()
    connection.execute(delete(RecordRow).where(same))
    connection.execute(insert(RecordRow), [asdict(record)])
    if before is None or differs:
        said = "; ".join(change.sentence for change in differs) or "new"
        note(connection, record.imported, "record", record.cctld, said)
    return Kept(record, before, differs)


def find(connection: Connection, cctld: str) -> Record | None:
    """The record of one ccTLD."""
    row = connection.execute(select(RecordRow.__table__).where(RecordRow.cctld == cctld)).one_or_none()
    return Record(**row._mapping) if row else None


def records(connection: Connection) -> Mapping[str, Record]:
    """The records by ccTLD, in alphabetical order."""
    rows = connection.execute(select(RecordRow.__table__).order_by(RecordRow.cctld))
    return {row.cctld: Record(**row._mapping) for row in rows}
