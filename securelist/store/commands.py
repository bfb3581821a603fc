"""Commands by mail that changed something: each signed mail's works once, by its signer and the digest of what was signed."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine, Select, delete, insert, select
from sqlalchemy.exc import IntegrityError

from securelist.store.database import reading, writing
from securelist.store.journal import note
from securelist.store.schema import CommandRow


def claim(engine: Engine, signer: str, digest: str, at: int, word: str, before_commit: Callable[[], None]) -> bool:
    """Records that a command is carried out now; False if it was before, or is at this moment. Whoever gets True may begin.

    `before_commit` is called last in the transaction, and undoes it by raising.
    """
    try:
        with writing(engine) as connection:
            if connection.execute(_found(signer, digest)).first():
                return False
            connection.execute(insert(CommandRow).values(signer=signer, digest=digest, at=at))
            note(connection, at, "command", signer, word)
            before_commit()
    except IntegrityError:  # another process was faster (PostgreSQL)
        return False
    return True


def taken(engine: Engine, signer: str, digest: str) -> int:
    """When it was carried out, in Unix seconds; 0 if it was not, or is forgotten."""
    with reading(engine) as connection:
        return connection.execute(_found(signer, digest)).scalars().first() or 0


def give_back(engine: Engine, signer: str, digest: str) -> None:
    """It was not carried out after all: the same mail may come again."""
    with writing(engine) as connection:
        connection.execute(delete(CommandRow).where(CommandRow.signer == signer, CommandRow.digest == digest))


def _found(signer: str, digest: str) -> Select[int]:
    return select(CommandRow.at).where(CommandRow.signer == signer, CommandRow.digest == digest)
