"""Copies about which a report came: how they stand, and what a report changes.

Callers begin the transaction and pass its connection. Times are Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, select, update

from securelist.mail.addresses import same_address
from securelist.store.journal import note, plain
from securelist.store.queue import DELIVERED, FAILED, MAX_ANSWER, QUEUED
from securelist.store.schema import Body, Copy, Post

# Begin the answer of a copy about which a report came, until it is handed over again.
_BOUNCED, _DELAYED = "bounced: ", "delayed: "


@dataclass(frozen=True)
class Sent:
    """A copy as it stands; `held` is until when a worker may be handing it over, `has_body` whether there is something to send again."""

    id: int
    post_id: int
    accepted: int
    recipient: str
    state: str
    attempts: int
    held: int
    has_body: bool


def find(connection: Connection, copy_id: int) -> Sent | None:
    """The copy of that number, while its post is kept."""
    columns = (Copy.id, Copy.post_id, Post.accepted, Copy.recipient, Copy.state, Copy.attempts, Copy.leased_until)
    body = select(Body.post_id).where(Body.post_id == Copy.post_id).exists()
    row = connection.execute(select(*columns, body).join(Post, Post.id == Copy.post_id).where(Copy.id == copy_id)).first()
    return Sent(*row) if row else None


def send_again(connection: Connection, copy: Sent, why: str, due: int, at: int) -> bool:
    """Queues a copy that was handed over once more; False if it is no more as it was."""
    return _change(connection, copy, why, at, state=QUEUED, due=due, settled=0)


def fail(connection: Connection, copy: Sent, why: str, at: int) -> bool:
    """Ends a copy that was handed over; False if it is no more as it was."""
    return _change(connection, copy, why, at, state=FAILED, settled=at)


def delay(connection: Connection, copy: Sent, why: str) -> None:
    """Keeps what the first report said that a copy is not there yet: nothing changes, but it is no success."""
    said = {"answer": plain(f"{_DELAYED}{why}", MAX_ANSWER)}
    connection.execute(update(Copy).where(*_as_it_was(copy), Copy.answer.not_like(f"{_DELAYED}%")).values(said))


def _change(connection: Connection, copy: Sent, why: str, at: int, **values: object) -> bool:
    answer = plain(f"{_BOUNCED}{why}", MAX_ANSWER)
    changed = connection.execute(update(Copy).where(*_as_it_was(copy)).values(answer=answer, **values)).rowcount > 0
    if changed:
        note(connection, at, "bounce", copy.recipient, f"post {copy.post_id}: {why}")
    return changed


def _as_it_was(copy: Sent) -> tuple[ColumnElement[bool], ...]:
    """A copy is handed over once for each attempt, and a report about it counts once."""
    return Copy.id == copy.id, Copy.state == DELIVERED, Copy.attempts == copy.attempts


def arrivals(connection: Connection, due_after: int, settled_before: int) -> dict[str, int]:
    """By address as compared: when the newest copy was handed over that became due after the one time, was handed over before the
    other, and about which no report came."""
    arrived = (Copy.state == DELIVERED, Copy.due > due_after, Copy.settled <= settled_before, Copy.answer.not_like(f"{_DELAYED}%"))
    rows = connection.execute(select(Copy.recipient, func.max(Copy.due)).where(*arrived).group_by(Copy.recipient)).all()
    newest: dict[str, int] = {}
    for recipient, due in rows:
        newest[same_address(recipient)] = max(due, newest.get(same_address(recipient), 0))
    return newest
