"""What the last repository that was mailed to everybody said, as digests. Callers begin the transaction. Times are Unix seconds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert, select

from securelist.store.schema_contacts import MailedRow, MailingRow


@dataclass(frozen=True)
class Mailing:
    """The last mailing: for which due time (0: none by the calendar yet), when it was queued, and the number of the log's last entry."""

    due: int
    at: int
    entry: int


@dataclass(frozen=True)
class Mailed:
    """A member as that mail had them: `who` stands for the primary address, `digests` for each kind of detail."""

    cctld: str
    who: str
    fingerprint: str
    state: str
    digests: Mapping[str, str]


def last(connection: Connection) -> Mailing | None:
    """The last mailing; None if there was none."""
    row = connection.execute(select(MailingRow.due, MailingRow.at, MailingRow.entry)).first()
    return Mailing(*row) if row else None


def members(connection: Connection) -> tuple[Mailed, ...]:
    """Everybody who was in it."""
    columns = (MailedRow.cctld, MailedRow.who, MailedRow.fingerprint, MailedRow.state, MailedRow.digests)
    return tuple(Mailed(*row[:-1], digests=json.loads(row[-1])) for row in connection.execute(select(*columns)))


def replace(connection: Connection, mailing: Mailing, those: Iterable[Mailed]) -> None:
    """Puts a mailing, and everybody who is in it, in the place of the last."""
    for table in (MailingRow, MailedRow):
        connection.execute(delete(table))
    connection.execute(insert(MailingRow), asdict(mailing))
    rows = [{**vars(one), "digests": json.dumps(dict(one.digests))} for one in those]
    if rows:
        connection.execute(insert(MailedRow), rows)
