"""The queue as an operator sees it: which posts there are, where each copy stands, and sending again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, and_, func, select, update

from securelist.store.database import reading, writing
from securelist.store.journal import note
from securelist.store.queue import FAILED, QUEUED
from securelist.store.schema import Body, Copy, Post

# Six weeks of posts on a busy list; more would be a page that nobody reads.
MAX_POSTS = 500
# SQLite takes so many values in one query at least.
IDS_AT_A_TIME = 500


@dataclass(frozen=True)
class PostStatus:
    """One post and how many of its copies are in which state; `accepted` in Unix seconds."""

    id: int
    kind: str
    message_id: str
    accepted: int
    poster: str
    cctld: str
    counts: dict[str, int]


@dataclass(frozen=True)
class CopyStatus:
    """One copy and where it stands; `due` and `settled` in Unix seconds, `settled` 0 while it is queued."""

    id: int
    recipient: str
    cctld: str
    fingerprint: str
    state: str
    attempts: int
    due: int
    settled: int
    answer: str


def posts(engine: Engine, limit: int = MAX_POSTS) -> list[PostStatus]:
    """The newest posts, newest first, each with its copies counted by state."""
    newest = select(Post.id, Post.kind, Post.message_id, Post.accepted, Post.poster, Post.cctld).order_by(Post.id.desc()).limit(limit)
    with reading(engine) as connection:
        rows = connection.execute(newest).all()
        per_state = select(Copy.post_id, Copy.state, func.count()).where(Copy.post_id.in_([row.id for row in rows]))
        counts: dict[int, dict[str, int]] = {}
        for post_id, state, number in connection.execute(per_state.group_by(Copy.post_id, Copy.state).order_by(Copy.state)):
            counts.setdefault(post_id, {})[state] = number
    return [PostStatus(*row, counts=counts.get(row.id, {})) for row in rows]


def copies(engine: Engine, post_id: int) -> list[CopyStatus]:
    """Every copy of one post, in the order in which they leave; empty if there is no such post."""
    columns = select(Copy.id, Copy.recipient, Copy.cctld, Copy.fingerprint, Copy.state, Copy.attempts, Copy.due, Copy.settled)
    with reading(engine) as connection:
        rows = connection.execute(columns.add_columns(Copy.answer).where(Copy.post_id == post_id).order_by(Copy.id))
        return [CopyStatus(*row) for row in rows]


def retry(engine: Engine, now: int, post_id: int | None = None) -> int:
    """Makes queued and failed copies (of one post, or of all) due now, with a fresh count of attempts; how many there are."""
    # A bounce may come after the body was forgotten: there is nothing left to send then.
    chosen = and_(Copy.state.in_((QUEUED, FAILED)), Copy.post_id.in_(select(Body.post_id)))
    if post_id is not None:
        chosen = and_(chosen, Copy.post_id == post_id)
    with writing(engine) as connection:
        again = update(Copy).where(chosen).values(state=QUEUED, due=now, attempts=0, settled=0)
        number = connection.execute(again).rowcount
        note(connection, now, "retry", "", f"{number} copies" + ("" if post_id is None else f" of post {post_id}"))
    return number


@dataclass(frozen=True)
class LetterCopy:
    """Where one copy of a letter stands: the address, the state, and the last answer."""

    recipient: str
    state: str
    answer: str


def copies_of_letters(connection: Connection, message_ids: Iterable[str]) -> dict[str, list[LetterCopy]]:
    """The copies of letters by their Message-ID; of those that are forgotten, none."""
    wanted, found = list(message_ids), dict[str, list[LetterCopy]]()
    for part in (wanted[i : i + IDS_AT_A_TIME] for i in range(0, len(wanted), IDS_AT_A_TIME)):
        query = select(Post.message_id, Copy.recipient, Copy.state, Copy.answer).join(Copy, Copy.post_id == Post.id)
        for message_id, *copy in connection.execute(query.where(Post.message_id.in_(part)).order_by(Copy.id)):
            found.setdefault(message_id, []).append(LetterCopy(*copy))
    return found
