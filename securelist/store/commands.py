"""Commands by mail, by their signer and the digest of what was signed: what changed something works once, and none is a post."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import IntegrityError

from securelist.store.database import reading, recording
from securelist.store.journal import note
from securelist.store.schema import CommandRow


def claim(connection: Connection, signer: str, digest: str, at: int, word: str) -> int:
    """Records, in the transaction of what it does, that a command is carried out at `at` (Unix seconds): 0.

    If it was carried out before, or is at this moment, nothing is recorded: when that was.
    """
    if before := _before(connection, signer, digest):
        return before
    try:
        connection.execute(insert(CommandRow).values(signer=signer, digest=digest, at=at))
    except IntegrityError:  # another process was faster (PostgreSQL); this transaction has ended
        return at
    note(connection, at, "command", signer, word)
    return 0


def remember(engine: Engine, signer: str, digest: str, at: int) -> None:
    """Records that a signed text came with commands at `at`, whatever became of them."""
    with suppress(IntegrityError), recording(engine) as connection:  # another process had it at the same moment
        if not _before(connection, signer, digest):
            connection.execute(insert(CommandRow).values(signer=signer, digest=digest, at=at))


def came(engine: Engine, signer: str, digest: str) -> bool:
    """Whether a signed text came with commands in the last days."""
    with reading(engine) as connection:
        return bool(_before(connection, signer, digest))


def _before(connection: Connection, signer: str, digest: str) -> int:
    """When that was recorded, or 0."""
    found = select(CommandRow.at).where(CommandRow.signer == signer, CommandRow.digest == digest)
    return connection.execute(found).scalars().first() or 0
