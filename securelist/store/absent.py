"""Members who cannot read what is posted: what they heard of that, and when their Admin Contact did. Times are Unix seconds, 0 for never.

Callers begin the transaction and pass its connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update
from sqlalchemy.orm import aliased

from securelist.store.queue import DELIVERED, FAILED, NOT_TAKEN, POST, QUEUED, UNREACHABLE
from securelist.store.schema import Copy, Post
from securelist.store.schema_upkeep import AbsentRow

Key = tuple[str, str]
"""ccTLD and fingerprint."""


@dataclass(frozen=True)
class Absence:
    """A member out of reach since `since`: up to which copy they heard of what they missed, when, and when their contact was told."""

    cctld: str
    fingerprint: str
    since: int
    last_copy: int = 0
    noticed: int = 0
    contact_told: int = 0

    @property
    def key(self) -> Key:
        """What it is known by."""
        return self.cctld, self.fingerprint


@dataclass(frozen=True)
class Unheard:
    """Posts of which somebody could have no copy: how many, when the last was accepted, and the number of the last copy."""

    posts: int
    last: int
    last_copy: int


@dataclass(frozen=True)
class Lost:
    """All posts of an absence that did not arrive: how many, the last one's number and time, and where their copies were to go."""

    posts: int
    last_post: int
    last: int
    recipients: frozenset[str]


@dataclass(frozen=True)
class Refusal:
    """That Sequoia made nobody a packet of the newest post with their key: why, and when the first and the last such post were accepted."""

    why: str
    first: int
    last: int


def absences(connection: Connection) -> Mapping[Key, Absence]:
    """All of them, by ccTLD and fingerprint."""
    found = (Absence(*row) for row in connection.execute(select(AbsentRow.__table__).order_by(AbsentRow.cctld, AbsentRow.fingerprint)))
    return {one.key: one for one in found}


def begin(connection: Connection, those: Iterable[Absence]) -> None:
    """Notes that these cannot be reached from now on. Raises IntegrityError if somebody else notes the same at this moment."""
    for one in those:
        connection.execute(insert(AbsentRow).values(cctld=one.cctld, fingerprint=one.fingerprint, since=one.since))


def end(connection: Connection, those: Iterable[Absence]) -> None:
    """Forgets these: reached again, or no members any more."""
    for one in those:
        connection.execute(delete(AbsentRow).where(_is(one)))


def missed(connection: Connection) -> Mapping[Key, Unheard]:
    """What was posted since they are out of reach and they have not heard of, for each absent member of whom there is anything."""
    posts = select(AbsentRow.cctld, AbsentRow.fingerprint, func.count(Copy.post_id.distinct()), func.max(Post.accepted), func.max(Copy.id))
    of_theirs = and_(Copy.cctld == AbsentRow.cctld, Copy.fingerprint == AbsentRow.fingerprint, Copy.id > AbsentRow.last_copy)
    unheard = posts.select_from(Copy).join(AbsentRow, of_theirs).join(Post, Post.id == Copy.post_id)
    wanted = unheard.where(Copy.state == UNREACHABLE, Post.kind == POST, Post.accepted >= AbsentRow.since)
    return {(row[0], row[1]): Unheard(*row[2:]) for row in connection.execute(wanted.group_by(AbsentRow.cctld, AbsentRow.fingerprint))}


def lost(connection: Connection, one: Absence) -> Lost | None:
    """The posts of which no copy arrived since somebody is out of reach, nor waits to; heard of or not. None where there is none.

    By when a copy ended: the first that fails is of a post that was accepted before, and its end is what marks the address.
    """
    other = aliased(Copy)
    came = select(other.id).where(other.post_id == Copy.post_id, other.fingerprint == Copy.fingerprint)
    theirs = (Copy.cctld == one.cctld, Copy.fingerprint == one.fingerprint, Copy.settled >= one.since)
    ended = select(Post.id, Post.accepted, Copy.recipient).join(Copy, Copy.post_id == Post.id)
    wanted = ended.where(Post.kind == POST, Copy.state.in_((UNREACHABLE, FAILED)), *theirs)
    rows = connection.execute(wanted.where(~came.where(other.state.in_((DELIVERED, QUEUED))).exists())).all()
    if not rows:
        return None
    accepted = {row[0]: row[1] for row in rows}
    return Lost(len(accepted), max(accepted), max(accepted.values()), frozenset(row[2] for row in rows))


def refused(connection: Connection) -> Mapping[str, Refusal]:
    """By fingerprint, to whom Sequoia did not encrypt the newest post, though they seemed to have a key for it; nearly always nobody."""
    newest = connection.execute(select(Post.id, Post.accepted).where(Post.kind == POST).order_by(Post.id.desc()).limit(1)).first()
    if newest is None:
        return {}
    # The state is looked at here: asked for it, too, SQLite would go through the unreachable copies of all posts, not those of one.
    of_newest = select(Copy.fingerprint, Copy.state).where(Copy.post_id == newest[0], Copy.answer == NOT_TAKEN)
    those = {row[0] for row in connection.execute(of_newest) if row[1] == UNREACHABLE}
    if not those:
        return {}
    first = select(Copy.fingerprint, func.min(Copy.settled)).where(Copy.state == UNREACHABLE, Copy.answer == NOT_TAKEN)
    since = {row[0]: row[1] for row in connection.execute(first.group_by(Copy.fingerprint))}
    return {fingerprint: Refusal(NOT_TAKEN, since[fingerprint], newest[1]) for fingerprint in those}


def mark_noticed(connection: Connection, one: Absence, last_copy: int, at: int) -> None:
    """They were told of all up to that copy."""
    connection.execute(update(AbsentRow).where(_is(one)).values(last_copy=last_copy, noticed=at))


def mark_told(connection: Connection, those: Iterable[Absence], at: int) -> None:
    """Whoever speaks for their ccTLD was told of these."""
    for one in those:
        connection.execute(update(AbsentRow).where(_is(one)).values(contact_told=at))


def _is(one: Absence) -> ColumnElement[bool]:
    return and_(AbsentRow.cctld == one.cctld, AbsentRow.fingerprint == one.fingerprint)
