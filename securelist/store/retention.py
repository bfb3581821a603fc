"""What is forgotten, and when: nothing is kept longer than it is needed for."""

from __future__ import annotations

from sqlalchemy import Engine, delete, select

from securelist.config import Config
from securelist.store import drills, imported
from securelist.store.database import writing
from securelist.store.queue import FAILED, QUEUED
from securelist.store.schema import Body, CommandRow, Copy, JournalRow, Post, Seen
from securelist.store.schema_upkeep import ReceiptRow

DAY_S = 86_400
# A signature older than 7 days is refused anyway; a day more for clocks that are wrong.
SEEN_KEPT_S = 8 * DAY_S
# A body that nobody waits for any more is only ciphertext to steal; failed copies keep it for `queue retry`.
BODY_KEPT_S = DAY_S

# How many answered in each drill, without a name: three years show whether the list gets better.
DRILL_KEPT_S = 3 * 365 * DAY_S


def forget(engine: Engine, config: Config, now: int) -> None:
    """Deletes what has had its time; `config` says how long the journal, drills and imported contacts are kept.

    Posts are kept as long as the journal ("Did my post of last month arrive?"), those with a queued copy longer.
    """
    before = now - config.journal_days * DAY_S
    waiting = select(Copy.post_id).where(Copy.state == QUEUED)
    wanted = select(Copy.post_id).where(Copy.state.in_((QUEUED, FAILED)))
    # A mail server that took a copy may report after hours that it could not pass it on for now: then it is sent again.
    sent = select(Copy.post_id).where(Copy.settled > now - BODY_KEPT_S)
    settled = select(Post.id).where(Post.accepted < now - BODY_KEPT_S, Post.id.not_in(wanted), Post.id.not_in(sent))
    old = select(Post.id).where(Post.accepted < before, Post.id.not_in(waiting))
    with writing(engine) as connection:
        connection.execute(delete(Seen).where(Seen.at < now - SEEN_KEPT_S))
        connection.execute(delete(CommandRow).where(CommandRow.at < now - SEEN_KEPT_S))
        connection.execute(delete(JournalRow).where(JournalRow.at < before))
        connection.execute(delete(Body).where(Body.post_id.in_(settled)))
        drills.forget(connection, now - config.drill_days * DAY_S, now - DRILL_KEPT_S)
        imported.forget(connection, now - config.imported_days * DAY_S)
        ids = connection.execute(old).scalars().all()
        for part in (ids[i : i + 500] for i in range(0, len(ids), 500)):
            connection.execute(delete(Body).where(Body.post_id.in_(part)))
            connection.execute(delete(Copy).where(Copy.post_id.in_(part)))
            connection.execute(delete(ReceiptRow).where(ReceiptRow.post_id.in_(part)))
            connection.execute(delete(Post).where(Post.id.in_(part)))
