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


@dataclass(frozen=True)
class Waiting:
    """A receipt that is due: the post, who posted it, when it was accepted; `first` is when its first receipt was written, or 0.

    `missed` is whom that one names as not reached, as a digest; before it was written, what somebody is about to write.
    """

    post_id: int
    message_id: str
    poster: str
    accepted: int
    first: int
    missed: str


@dataclass(frozen=True)
class Standing:
    """Where a copy stands: its state, the last answer, and when it was settled, or 0."""

    recipient: str
    cctld: str
    fingerprint: str
    state: str
    answer: str
    settled: int


def due(connection: Connection, first_by: int, last_from: int, closed_by: int, most: int) -> list[Waiting]:
    """At most `most` receipts that are due, oldest post first.

    The first is when nothing waits any more, or the post was accepted by `first_by`. The last is when it was accepted by
    `last_from` and nothing waits, or by `closed_by`.
    """
    settled = Post.id.not_in(select(Copy.post_id).where(Copy.state == QUEUED))
    first: ColumnElement[bool] = and_(ReceiptRow.first == 0, or_(Post.accepted <= first_by, settled))
    last: ColumnElement[bool] = and_(ReceiptRow.first > 0, or_(Post.accepted <= closed_by, and_(Post.accepted <= last_from, settled)))
    columns = select(Post.id, Post.message_id, Post.poster, Post.accepted, ReceiptRow.first, ReceiptRow.missed)
    wanted = columns.join(ReceiptRow, ReceiptRow.post_id == Post.id).where(ReceiptRow.last == 0, or_(first, last))
    return [Waiting(*row) for row in connection.execute(wanted.order_by(Post.id).limit(most))]


def standings(connection: Connection, post_id: int) -> list[Standing]:
    """Where each copy of a post stands."""
    columns = (Copy.recipient, Copy.cctld, Copy.fingerprint, Copy.state, Copy.answer, Copy.settled)
    return [Standing(*row) for row in connection.execute(select(*columns).where(Copy.post_id == post_id).order_by(Copy.id))]


def claim(connection: Connection, one: Waiting, missed: str) -> bool:
    """Notes whom the first receipt is going to name, before it is written; False if another process noted something else meanwhile."""
    still = (ReceiptRow.post_id == one.post_id, ReceiptRow.first == 0, ReceiptRow.missed == one.missed)
    return connection.execute(update(ReceiptRow).where(*still).values(missed=missed)).rowcount > 0


def mark_first(connection: Connection, post_id: int, at: int, missed: str | None = None) -> None:
    """The first receipt was written; `missed`, where given, takes the place of what was claimed."""
    values: dict[str, object] = {"first": at} if missed is None else {"first": at, "missed": missed}
    connection.execute(update(ReceiptRow).where(ReceiptRow.post_id == post_id, ReceiptRow.first == 0).values(values))


def close(connection: Connection, posts: Iterable[int], at: int) -> None:
    """Nothing more is written about these posts."""
    connection.execute(update(ReceiptRow).where(ReceiptRow.post_id.in_(tuple(posts)), ReceiptRow.last == 0).values(last=at))
