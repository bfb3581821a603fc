"""Which posters wait for a receipt of their post, and what they were told. Callers begin the transaction. Times are Unix seconds.

A row comes with the post, in its transaction (`queue.commit_post`), and goes with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from securelist.store.queue import QUEUED
from securelist.store.schema import Copy, Post
from securelist.store.schema_upkeep import ReceiptRow

# What became of a copy is recorded with the time at which that began; the transaction may wait for others so long, and longer than that
# it fails. So long after a look the next one sees all that this one may have missed.
UNSEEN_FOR_S = 60
_NOTED = (ReceiptRow.claimed, ReceiptRow.first, ReceiptRow.told, ReceiptRow.missed)


@dataclass(frozen=True)
class Waiting:
    """A receipt that is due: the post, who posted it, when it was accepted.

    `claimed` is when a process began to write the first receipt, `first` when that was done with; each 0 before. `told` says whether it
    could be written, `missed` is whom it names as not reached, as a digest.
    """

    post_id: int
    message_id: str
    poster: str
    accepted: int
    claimed: int
    first: int
    told: bool
    missed: str


@dataclass(frozen=True)
class Times:
    """By when a post must have been accepted for its first receipt, its last one, and its end; since when a claim holds, and now."""

    first_by: int
    last_by: int
    closed_by: int
    claimed_since: int
    now: int


@dataclass(frozen=True)
class Standing:
    """Where a copy stands: its state, the last answer, and when it was settled, or 0."""

    recipient: str
    cctld: str
    fingerprint: str
    state: str
    answer: str
    settled: int


def due(connection: Connection, times: Times, most: int) -> list[Waiting]:
    """At most `most` receipts that are due, oldest post first.

    The first is when nothing waits any more, or the post was accepted by `first_by`; not while another process writes it. The last is
    when it was accepted by `closed_by`; or by `last_by` and nothing waits, if something became of a copy since the last look.
    """
    nothing_waits = Post.id.not_in(select(Copy.post_id).where(Copy.state == QUEUED))
    free = or_(ReceiptRow.claimed <= times.claimed_since, ReceiptRow.claimed > times.now)
    first: ColumnElement[bool] = and_(ReceiptRow.first == 0, free, or_(Post.accepted <= times.first_by, nothing_waits))
    news = select(Copy.id).where(Copy.post_id == Post.id, Copy.settled > ReceiptRow.looked - UNSEEN_FOR_S).exists()
    last = and_(_accepted_by(times.last_by), nothing_waits, or_(ReceiptRow.looked == 0, ReceiptRow.looked > times.now, news))
    later: ColumnElement[bool] = and_(ReceiptRow.first > 0, or_(_accepted_by(times.closed_by), last))
    columns = select(Post.id, Post.message_id, Post.poster, Post.accepted, *_NOTED)
    wanted = columns.join(ReceiptRow, ReceiptRow.post_id == Post.id).where(ReceiptRow.last == 0, or_(first, later))
    return [Waiting(*row) for row in connection.execute(wanted.order_by(Post.id).limit(most))]


def _accepted_by(time: int) -> ColumnElement[bool]:
    """A clock that was ahead may say that a post is still to come; then its first receipt counts."""
    return or_(Post.accepted <= time, ReceiptRow.first <= time)


def standings(connection: Connection, post_id: int) -> list[Standing]:
    """Where each copy of a post stands."""
    columns = (Copy.recipient, Copy.cctld, Copy.fingerprint, Copy.state, Copy.answer, Copy.settled)
    return [Standing(*row) for row in connection.execute(select(*columns).where(Copy.post_id == post_id).order_by(Copy.id))]


def claim(connection: Connection, one: Waiting, missed: str, at: int) -> bool:
    """Notes whom the first receipt is going to name, before it is written; False if another process did, which writes it then."""
    still = (ReceiptRow.post_id == one.post_id, ReceiptRow.first == 0, ReceiptRow.claimed == one.claimed)
    return connection.execute(update(ReceiptRow).where(*still).values(missed=missed, claimed=at)).rowcount > 0


def mark_first(connection: Connection, post_id: int, at: int, told: bool) -> None:
    """The first receipt is done with; `told` says whether it could be written."""
    connection.execute(update(ReceiptRow).where(ReceiptRow.post_id == post_id, ReceiptRow.first == 0).values(first=at, told=told))


def mark_looked(connection: Connection, post_id: int, at: int) -> None:
    """What became of the copies until then changed nothing."""
    connection.execute(update(ReceiptRow).where(ReceiptRow.post_id == post_id, ReceiptRow.last == 0).values(looked=at))


def close(connection: Connection, posts: Iterable[int], at: int) -> None:
    """Nothing more is written about these posts."""
    connection.execute(update(ReceiptRow).where(ReceiptRow.post_id.in_(tuple(posts)), ReceiptRow.last == 0).values(last=at))
