"""Step 7, commit: sealed body and one small row per copy, in one transaction. After this, 250 means done."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine

from securelist.config import Config
from securelist.post.step5_compose import Composed
from securelist.post.step6_seal import Sealed
from securelist.store.queue import POST, NewPost, commit_post


def commit(engine: Engine, composed: Composed, sealed: Sealed, config: Config, at: int, in_time: Callable[[], None]) -> int:
    """Records the post; returns its number. `in_time` raises when the time is up, which undoes everything.

    The settings say how many its signer may post within an hour, and whether posters get receipts. Raises Refused ("duplicate",
    "no-recipients", "too-many-posts"), TryAgain.
    """
    accepted = composed.accepted
    new = NewPost(
        kind=POST,
        message_id=composed.message_id,
        accepted=at,
        poster=accepted.poster.fingerprint,
        cctld=accepted.poster.cctld,
        headers=sealed.headers,
        body=sealed.body,
        copies=sealed.copies,
        seen_as=(accepted.poster.fingerprint, accepted.digest),
        per_hour=config.posts_per_hour,
        receipt=config.receipts and accepted.wants_receipt,
    )
    return commit_post(engine, new, in_time)
