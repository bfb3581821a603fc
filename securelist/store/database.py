"""The database: opened from the configuration, brought to this version's tables, and its three kinds of transaction.

`writing` is for what a 250 or a receipt promises (posts, log entries): once it ends, the data survives a power failure.
`recording` is for what may be lost by a power failure, though not by a kill, at the price of work done twice (answers
of the next hop). `reading` never waits for a writer. A transaction begun in any other way counts as `writing`.
"""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, IntegrityError, NoSuchModuleError

from securelist.config import Config
from securelist.errors import ConfigurationError, NotPermitted, TryAgain

FILE_NAME = "securelist.db"
# The newest revision in migrations/versions. Comparing with it spares each start of a command the import of Alembic.
HEAD = "0006"
# A writer may wait for another one that commits a post of 25 MiB to a slow disk; a quarter of the time a post has (60 s).
BUSY_TIMEOUT_MS = 15_000

_MODE = "securelist_mode"
_WRITING, _RECORDING, _READING = "writing", "recording", "reading"

_log = logging.getLogger(__name__)


def open_database(config: Config) -> Engine:
    """The engine for `config.database`: the file in the state directory, or an SQLAlchemy URL. Tables: see `migrate`."""
    if config.database != "sqlite":
        try:
            return create_engine(config.database, hide_parameters=True, pool_pre_ping=True)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError):
            raise ConfigurationError("bad-database", "database: not an SQLAlchemy URL whose driver is installed") from None
    path = config.home / FILE_NAME
    try:
        # Members' names and phone numbers are in it: SQLite gives its other files (-wal, -shm) the same permissions.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        # Not opened to see: to close it again would take off it the locks of all connections in this process (fcntl(2)), and
        # another process would then delete the write-ahead log under their feet.
        if not os.access(path, os.R_OK | os.W_OK):
            raise NotPermitted("database-file", f"{path} cannot be opened for writing: {os.strerror(errno.EACCES)}") from None
    except FileNotFoundError:
        raise ConfigurationError("no-home", f"{config.home} does not exist; run `securelist init` first") from None
    except OSError as problem:
        raise NotPermitted("database-file", f"{path} cannot be opened for writing: {problem.strerror}") from None
    # hide_parameters: what is stored must not reach a log by way of an error's text.
    engine = create_engine(f"sqlite:///{path}", hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: Any) -> None:  # noqa: ANN401 - the driver's connection
    connection.isolation_level = None  # the driver must not begin transactions by itself: _begin_sqlite does
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    _use_wal(cursor)
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")  # what is erased, or was delivered, is overwritten with zeros
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _use_wal(cursor: Any) -> None:  # noqa: ANN401 - the driver's cursor
    """Write-ahead logging. SQLite does not wait when two make a new database at once: it says "locked", and we wait."""
    give_up = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.05)


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get(_MODE, _WRITING)
    level = "NORMAL" if mode == _RECORDING else "FULL"
    if connection.info.get("synchronous", "FULL") != level:
        connection.exec_driver_sql(f"PRAGMA synchronous={level}")
        connection.info["synchronous"] = level
    # IMMEDIATE takes the write lock now and waits for it; a read that turns into a write later fails without waiting.
    connection.exec_driver_sql("BEGIN" if mode == _READING else "BEGIN IMMEDIATE")


@contextmanager
def _transaction(engine: Engine, mode: str) -> Iterator[Connection]:
    try:
        with engine.connect() as connection:
            connection.execution_options(**{_MODE: mode})
            with connection.begin():
                yield connection
    except IntegrityError:
        raise
    except DBAPIError as problem:
        _log.error("database: %s", problem.orig)
        if type(problem) is DatabaseError:  # how SQLite says it; trouble that passes is an OperationalError
            raise ConfigurationError("bad-database", "the database is damaged, or no database; restore it from a backup") from None
        raise TryAgain("database", "the database is busy, full or out of reach; nothing was recorded") from None


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that survives a power failure once it has ended; raises TryAgain if it cannot be had."""
    with _transaction(engine, _WRITING) as connection:
        yield connection


@contextmanager
def recording(engine: Engine) -> Iterator[Connection]:
    """One transaction that survives a kill of this process; a power failure may undo it, whole."""
    with _transaction(engine, _RECORDING) as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One view of the data as of its first query; writes in it are a mistake."""
    with _transaction(engine, _READING) as connection:
        yield connection


def forget(engine: Engine) -> None:
    """Leaves nothing of what was just erased in SQLite's write-ahead log, unless somebody is reading from it at the moment."""
    if engine.dialect.name == "sqlite":
        connection = engine.raw_connection()  # outside of any transaction
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()


def version(engine: Engine) -> str:
    """The revision of the stored tables; empty for a database without any."""
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def migrate(engine: Engine) -> None:
    """Brings the tables to this version's; does next to nothing where they are. Raises ConfigurationError."""
    if version(engine) == HEAD:
        return
    from securelist.store.migrate import upgrade  # Alembic, which costs a tenth of a second

    upgrade(engine)
