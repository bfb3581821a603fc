"""The queue: posts and letters that were accepted, and where each copy stands until it has left.

A copy is `queued` until its outcome is known; then it is `delivered` (the next hop took it), `failed` (refused for
good, bounced, or not taken for days) or `withdrawn` (no longer a member's when it should have left). `unreachable`
copies never had a key. A lease is no state: it only says which worker handles a queued copy just now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, bindparam, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from securelist.errors import Refused, Step
from securelist.store import addresses
from securelist.store.database import reading, recording, writing
from securelist.store.journal import note, plain
from securelist.store.schema import Base, Body, Copy, Post, Seen
from securelist.store.schema_upkeep import ReceiptRow
from securelist.store.worker_name import is_dead

QUEUED = "queued"
DELIVERED = "delivered"
FAILED = "failed"
UNREACHABLE = "unreachable"
WITHDRAWN = "withdrawn"

# The answer of an unreachable copy whose certificate could be encrypted to by the facts in the log: Sequoia made no packet for it.
NOT_TAKEN = "Sequoia does not encrypt to this certificate"

POST = "post"
CONTACTS = "contacts"  # the repository: of the server's own, encrypted to every member
LETTER = "letter"  # of the server's own, encrypted to one person
PUBLIC = "public"  # of the server's own, with nothing to hide: the body is MIME text, the headers have its Content-Type

# Longer than one hand-over can take with every timeout of delivery/next_hop.py, several times. Only a worker on another
# host has to wait for it: on the same host a dead worker's leases are void at once.
LEASE_S = 1800
# The width of the column; answers of mail servers may be longer.
MAX_ANSWER = 500
HOUR_S = 3600

_copies = Base.metadata.tables["copies"]


@dataclass(frozen=True)
class NewCopy:
    """A copy to be: the address, the member's ccTLD and fingerprint, the session key wrapped for them (RFC 9580, 5.1).

    `unreachable` says why there are no key packets, in one clause; it is empty for a copy that can go out.
    """

    recipient: str
    cctld: str
    fingerprint: str
    key_packets: bytes
    unreachable: str = ""


@dataclass(frozen=True)
class NewPost:
    """A post (or a letter of the server's own) to be: header block with CRLF, one encrypted body, its copies.

    `accepted` is in Unix seconds. `seen_as` is (signer, digest of the signed content), or None for what may come twice. `per_hour` is how
    many that signer may post within an hour, this one included; 0 for any number. `receipt`: whether its poster is told whom it reached.
    """

    kind: str
    message_id: str
    accepted: int
    poster: str
    cctld: str
    headers: bytes
    body: bytes
    copies: tuple[NewCopy, ...]
    seen_as: tuple[str, str] | None = None
    per_hour: int = 0
    receipt: bool = False


@dataclass(frozen=True)
class LeasedCopy:
    """A copy that this worker alone may hand over until `leased_until` (Unix seconds)."""

    id: int
    post_id: int
    kind: str
    accepted: int
    recipient: str
    cctld: str
    fingerprint: str
    key_packets: bytes
    attempts: int
    due: int
    leased_until: int


@dataclass(frozen=True)
class Outcome:
    """What became of a copy: its new state, the next hop's answer, and for a queued one when it is due again.

    `works`: True where its address was marked and works again, False where it is to be marked, None for neither.
    """

    state: str
    answer: str
    due: int = 0
    works: bool | None = None


def _nothing() -> None:
    return None


def _nothing_else(_connection: Connection) -> None:
    return None


def commit_post(
    engine: Engine, post: NewPost, before_commit: Callable[[], None] = _nothing, with_it: Callable[[Connection], None] = _nothing_else
) -> int:
    """Records the post with its copies in one transaction that survives a power failure; returns the post's number.

    `before_commit` is called last inside the transaction; what it raises undoes everything: a post whose time has run
    out leaves nothing. `with_it` records what goes with the post. Raises TryAgain, and Refused "duplicate", "duplicate-message-id",
    "no-recipients" or "too-many-posts".
    """
    if not post.copies:
        raise Refused("no-recipients", "there is no member to send this to", Step.COMMIT)
    try:
        with writing(engine) as connection:
            if post.seen_as and _seen_at(connection, *post.seen_as):
                raise _duplicate()
            if post.seen_as and post.per_hour:
                _wait_for_others(connection, post.seen_as[0], post.accepted)
                check_rate(_posted(connection, post.seen_as[0], post.accepted), post.per_hour)
            post_id = _insert(connection, post)
            with_it(connection)
            before_commit()
            return post_id
    except IntegrityError:
        # Two workers with the same post at the same moment (PostgreSQL); or somebody used a Message-ID twice.
        if post.seen_as and seen(engine, *post.seen_as):
            raise _duplicate() from None
        raise Refused("duplicate-message-id", "another post has the same Message-ID; write it as a new message", Step.COMMIT) from None


def _duplicate() -> Refused:
    return Refused("duplicate", "this post was accepted before; it goes out once", Step.COMMIT)


def _insert(connection: Connection, post: NewPost) -> int:
    row = {
        "kind": post.kind,
        "message_id": post.message_id,
        "accepted": post.accepted,
        "poster": post.poster,
        "cctld": post.cctld,
        "headers": post.headers,
    }
    post_id = connection.execute(insert(Post).returning(Post.id), row).scalar_one()
    connection.execute(insert(Body), {"post_id": post_id, "octets": post.body})
    # One address of one member gets one copy, however often it is named.
    copies = {(c.recipient, c.fingerprint): c for c in post.copies}.values()
    connection.execute(insert(Copy), [_copy_row(post_id, copy, post.accepted) for copy in copies])
    if post.seen_as:
        signer, digest = post.seen_as
        connection.execute(insert(Seen), {"signer": signer, "digest": digest, "at": post.accepted, "post_id": post_id})
    if post.receipt:
        connection.execute(insert(ReceiptRow), {"post_id": post_id})
    unreachable = sum(1 for c in copies if c.unreachable)
    note(connection, post.accepted, post.kind, post.poster, f"post {post_id}: {len(copies)} copies, {unreachable} unreachable")
    return post_id


def _copy_row(post_id: int, copy: NewCopy, accepted: int) -> dict[str, object]:
    return {
        "post_id": post_id,
        "recipient": copy.recipient,
        "cctld": copy.cctld,
        "fingerprint": copy.fingerprint,
        "key_packets": copy.key_packets,
        "state": UNREACHABLE if copy.unreachable else QUEUED,
        "due": accepted,
        "settled": accepted if copy.unreachable else 0,
        "answer": plain(copy.unreachable, MAX_ANSWER),
    }


def _seen_at(connection: Connection, signer: str, digest: str) -> int:
    return connection.execute(select(Seen.at).where(Seen.signer == signer, Seen.digest == digest)).scalar() or 0


def seen(engine: Engine, signer: str, digest: str) -> bool:
    """Whether this signer's content was accepted in the last days."""
    return seen_at(engine, signer, digest) > 0


def seen_at(engine: Engine, signer: str, digest: str) -> int:
    """When it was (Unix seconds); 0 if it was not."""
    with reading(engine) as connection:
        return _seen_at(connection, signer, digest)


def posted(engine: Engine, signer: str, at: int) -> int:
    """How many posts of this signer were accepted in the hour before `at` (Unix seconds)."""
    with reading(engine) as connection:
        return _posted(connection, signer, at)


def _posted(connection: Connection, signer: str, at: int) -> int:
    return connection.execute(select(func.count()).select_from(Seen).where(*_last_hour(signer, at))).scalar_one()


def _last_hour(signer: str, at: int) -> tuple[ColumnElement[bool], ...]:
    return Seen.signer == signer, Seen.at > at - HOUR_S


def _wait_for_others(connection: Connection, signer: str, at: int) -> None:
    """Until no other worker is about to commit a post of the same signer, so that the count is exact. SQLite has one writer at a time;
    on PostgreSQL the rows of this hour are locked, and whoever gets them second counts what the first one committed."""
    connection.execute(select(Seen.digest).where(*_last_hour(signer, at)).order_by(Seen.digest).with_for_update()).all()


def check_rate(posts: int, most: int) -> None:
    """Raises Refused("too-many-posts") if somebody who has posted so often within an hour may post no more now."""
    if posts >= most:
        detail = f"the list takes {most} posts an hour from one member; send it again later, or write to the -owner address"
        raise Refused("too-many-posts", detail)


def has_message_id(engine: Engine, message_id: str) -> bool:
    """Whether a post or letter of that Message-ID is in the queue's memory."""
    with reading(engine) as connection:
        return connection.execute(select(Post.id).where(Post.message_id == message_id)).first() is not None


def lease(engine: Engine, worker: str, now: int, limit: int) -> list[LeasedCopy]:
    """At most `limit` copies that are due, longest due first, for `worker` alone; others' leases count while they live.

    On PostgreSQL workers pass over each other's rows (SKIP LOCKED); SQLite has one writer at a time.
    """
    due = (Copy.state == QUEUED, Copy.due <= now)
    with recording(engine) as connection:
        holders = connection.execute(select(Copy.leased_by).where(*due, Copy.leased_until > now).distinct()).scalars()
        dead = [name for name in holders if is_dead(name)]
        wanted = (
            select(Copy.id, Copy.post_id, Post.kind, Post.accepted, Copy.recipient, Copy.cctld)
            .add_columns(Copy.fingerprint, Copy.key_packets, Copy.attempts, Copy.due)
            .join(Post, Post.id == Copy.post_id)
            .where(*due, or_(Copy.leased_until <= now, Copy.leased_by.in_(dead)))
            .order_by(Copy.due, Copy.id)
            .limit(limit)
            .with_for_update(skip_locked=True, of=Copy)
        )
        leased = [LeasedCopy(leased_until=now + LEASE_S, **row._mapping) for row in connection.execute(wanted)]
        mine = update(Copy).where(Copy.id.in_([copy.id for copy in leased]))
        connection.execute(mine.values(leased_by=worker, leased_until=now + LEASE_S))
    return leased


def release(engine: Engine, worker: str, answer: str = "") -> None:
    """Gives up every lease of `worker`: its copies stay as they were; `answer` says why, where given."""
    values: dict[str, object] = {"leased_by": "", "leased_until": 0}
    if answer:
        values["answer"] = plain(answer, MAX_ANSWER)
    with recording(engine) as connection:
        connection.execute(update(Copy).where(Copy.state == QUEUED, Copy.leased_by == worker).values(values))


# Built once: SQLAlchemy takes longer to build and compile it than SQLite to execute it.
_RECORD = (
    update(_copies)
    .where(_copies.c.id == bindparam("copy"), _copies.c.state == QUEUED)
    .values({name: bindparam(f"new_{name}") for name in ("state", "answer", "due", "settled", "attempts")})
    .values(leased_by="", leased_until=0)
)


def record(engine: Engine, copy: LeasedCopy, outcome: Outcome, now: int) -> None:
    """Records what became of a leased copy; a copy that is settled already stays so."""
    values = {
        "copy": copy.id,
        "new_state": outcome.state,
        "new_answer": plain(outcome.answer, MAX_ANSWER),
        "new_due": outcome.due or copy.due,
        "new_settled": 0 if outcome.state == QUEUED else now,
        "new_attempts": copy.attempts + (0 if outcome.state == WITHDRAWN else 1),
    }
    with recording(engine) as connection:
        connection.execute(_RECORD, values)
        if outcome.works:
            addresses.clear(connection, copy.recipient, now)
        elif outcome.works is False:
            addresses.mark(connection, copy.recipient, outcome.answer, now, by_report=False)
        if outcome.state in (FAILED, WITHDRAWN):
            note(connection, now, outcome.state, copy.recipient, f"post {copy.post_id}: {outcome.answer}")


def content_of(engine: Engine, post_id: int) -> tuple[bytes, bytes] | None:
    """(header block, encrypted body) that all copies of the post share; None once the body was forgotten."""
    query = select(Post.headers, Body.octets).join(Body, Body.post_id == Post.id).where(Post.id == post_id)
    with reading(engine) as connection:
        row = connection.execute(query).first()
    return None if row is None else (row.headers, row.octets)
