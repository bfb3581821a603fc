"""The operator's journal: what happened to posts, copies, statements and commands; local, without content.

Not the log: nobody can verify the journal, and it is forgotten after some weeks.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.orm import Session

from securelist.mail.headers import visible
from securelist.store.database import reading
from securelist.store.schema import JournalRow

# The columns' widths, and for the detail enough for any sentence of ours or of a mail server.
MAX_EVENT = 40
MAX_SUBJECT = 320
MAX_DETAIL = 500


@dataclass(frozen=True)
class Note:
    """One row of the journal: Unix seconds, a short code, whom or what it is about, one sentence."""

    at: int
    event: str
    subject: str
    detail: str


def plain(raw: str, limit: int) -> str:
    """`raw` on one line, without control, format or unassigned characters (no ANSI, no bidi tricks), cut to `limit`."""
    return visible(raw[: 4 * limit])[:limit]


def note(connection: Connection | Session, at: int, event: str, subject: str = "", detail: str = "") -> None:
    """Adds one row within the caller's transaction. Never give it anything of a post's content or subject."""
    row = {"at": at, "event": plain(event, MAX_EVENT), "subject": plain(subject, MAX_SUBJECT), "detail": plain(detail, MAX_DETAIL)}
    connection.execute(insert(JournalRow), [row])


def count(engine: Engine, event: str, subject: str, since: int, *, starting: bool = False) -> int:
    """How many rows tell of `event` (of all events that begin so) about `subject` since then (Unix seconds, inclusive)."""
    named = JournalRow.event.startswith(event, autoescape=True) if starting else JournalRow.event == plain(event, MAX_EVENT)
    told = (named, JournalRow.subject == plain(subject, MAX_SUBJECT), JournalRow.at >= since)
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(JournalRow).where(*told)).scalar_one()


def newest(engine: Engine, limit: int) -> list[Note]:
    """The newest rows, newest first."""
    columns = (JournalRow.at, JournalRow.event, JournalRow.subject, JournalRow.detail)
    with reading(engine) as connection:
        rows = connection.execute(select(*columns).order_by(JournalRow.id.desc()).limit(limit))
        return [Note(*row) for row in rows]


def latest(engine: Engine, event: str, subject: str) -> int:
    """When `event` about `subject` was noted last (Unix seconds); 0 if it was not, or is forgotten."""
    with reading(engine) as connection:
        return latest_in(connection, event, subject)


def latest_in(connection: Connection, event: str, subject: str) -> int:
    """The same, within the caller's transaction."""
    told = (JournalRow.event == plain(event, MAX_EVENT), JournalRow.subject == plain(subject, MAX_SUBJECT))
    return connection.execute(select(func.max(JournalRow.at)).where(*told)).scalar() or 0
