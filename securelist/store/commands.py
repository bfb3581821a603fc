"""Commands by mail that changed something: each signed mail's works once, by its signer and the digest of what was signed."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from securelist.store.journal import note
from securelist.store.schema import CommandRow


def claim(connection: Connection, signer: str, digest: str, at: int, word: str) -> int:
    """Records, in the transaction of what it does, that a command is carried out at `at` (Unix seconds): 0.

    If it was carried out before, or is at this moment, nothing is recorded: when that was.
    """
    carried_out = select(CommandRow.at).where(CommandRow.signer == signer, CommandRow.digest == digest)
    if before := connection.execute(carried_out).scalars().first():
        return before
    try:
        connection.execute(insert(CommandRow).values(signer=signer, digest=digest, at=at))
    except IntegrityError:  # another process was faster (PostgreSQL); this transaction has ended
        return at
    note(connection, at, "command", signer, word)
    return 0
