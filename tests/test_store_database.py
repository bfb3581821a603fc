"""The database: its tables, its permissions, its transactions, and what of it survives."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from queue_world import START, House, a_post, house  # noqa: F401
from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary, insert, inspect, select, text

from securelist.config import Config
from securelist.errors import ConfigurationError, TryAgain
from securelist.store import database, requests
from securelist.store.database import HEAD, migrate, open_database, reading, recording, version, writing
from securelist.store.journal import note
from securelist.store.migrate import alembic_config, downgrade, upgrade
from securelist.store.queue import commit_post
from securelist.store.schema import Base, JournalRow, RequestRow


def test_the_migrations_make_the_tables_of_the_program(house):
    """A database made by the migrations has exactly the tables, columns, indexes and constraints of the schema."""
    with reading(house.engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_migrations_number_rows_as_the_program_does(house, tmp_path):
    """What Alembic's comparison overlooks, SQLite's own text of each table, is the same, too."""
    other = open_database(Config(list=house.config.list, key="", home=tmp_path, database=f"sqlite:///{tmp_path}/other.db"))
    Base.metadata.create_all(other)
    query = text(
        "SELECT name, sql LIKE '%AUTOINCREMENT%' FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    )
    with other.connect() as connection:
        wanted = connection.execute(query).all()
    with reading(house.engine) as connection:
        assert [row for row in connection.execute(query) if row[0] != "alembic_version"] == wanted
    other.dispose()


def test_the_programs_idea_of_the_newest_revision_is_right():
    """HEAD, which spares each start the import of Alembic, is the newest revision there is."""
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [HEAD]


def one_row(table):
    """A row with something in every column."""
    values = {}
    for column in table.columns:
        kind = column.type
        number = isinstance(kind, (Integer, BigInteger, Boolean))
        values[column.name] = 1 if number else b"x" if isinstance(kind, LargeBinary) else "x"
    return values


def test_migrations_go_up_and_down_with_data(house):
    """With a row in every table, down to nothing and up again; and going up where one is already leaves the rows alone."""
    with writing(house.engine) as connection:
        for table in Base.metadata.sorted_tables:
            connection.execute(insert(table), one_row(table))
    before = house.rows()
    assert set(before) == set(Base.metadata.tables)
    migrate(house.engine)
    assert house.rows() == before
    downgrade(house.engine, "base")
    with reading(house.engine) as connection:
        assert set(inspect(connection).get_table_names()) == {"alembic_version"}
    assert version(house.engine) == ""
    migrate(house.engine)
    assert version(house.engine) == HEAD
    assert house.rows() == {}


def test_requests_that_wait_keep_their_numbers_when_admission_by_mail_comes(tmp_path):
    """What waited at revision 0003 waits on, unreleased, and the next request gets a number that nobody had."""
    engine = open_database(Config(list="l@example.org", key="", home=tmp_path))
    upgrade(engine, "0003")
    row = {"cctld": "nl", "fingerprint": "F" * 40, "received": 1, "evidence": b"e", "certificate": b"c"}
    names = ", ".join(("id", "address", *row))
    with writing(engine) as connection:
        for number in (4, 7):
            values = row | {"id": number, "address": f"{number}@nl.example"}
            connection.execute(text(f"INSERT INTO requests ({names}) VALUES (:{names.replace(', ', ', :')})"), values)
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(insert(RequestRow), [row | {"address": "new@nl.example"}])
        found = requests.waiting(connection)
        assert [one.id for one in found] == [4, 7, 8]
        assert {(one.signed, one.released, one.asked, one.letters, one.declined) for one in found} == {(0, 0, 0, 0, 0)}
        assert requests.text_of(connection, 7) == requests.Kept(b"e", b"c")
    engine.dispose()


def test_postgresql_counts_on_from_the_numbers_of_requests_that_wait():
    """It does not see the numbers that a migration copies: the migration tells it, before anything else is numbered."""
    said = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": said})
    with Operations.context(context):
        ScriptDirectory.from_config(alembic_config()).get_revision("0004").module.upgrade()
    commands = [line for line in said.getvalue().split("\n") if "requests" in line]
    assert commands[-1] == "SELECT setval(pg_get_serial_sequence('requests', 'id'), max(id)) FROM requests;"


def test_two_processes_that_start_at_once_migrate_once(tmp_path):
    """The second one waits for the first and finds everything done."""
    config = Config(list="l@example.org", key="", home=tmp_path)
    engines = [open_database(config) for _ in range(2)]
    threads = [threading.Thread(target=migrate, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [version(engine) for engine in engines] == [HEAD, HEAD]
    for engine in engines:
        engine.dispose()


def test_an_up_to_date_database_costs_no_import_of_alembic(house):
    """A command that finds its tables in order does not load Alembic."""
    script = (
        "import sys; from pathlib import Path; from securelist.config import Config\n"
        "from securelist.store.database import migrate, open_database\n"
        f"migrate(open_database(Config(list='l@example.org', key='', home=Path({str(house.config.home)!r}))))\n"
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_database_of_a_newer_version_is_refused(house):
    """An older program does not touch tables that it does not know."""
    with writing(house.engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match="another version"):
        migrate(house.engine)


@pytest.mark.parametrize("url", ["nonsense", "nosuchdialect://x", "sqlite", "postgresql+nosuchdriver://x"])
def test_a_database_setting_that_cannot_work_is_one_clear_error(tmp_path, url):
    """A wrong URL, an absent driver, an absent directory: a ConfigurationError each."""
    with pytest.raises(ConfigurationError):
        open_database(Config(list="l@example.org", key="", database=url, home=tmp_path / "absent"))


def test_nobody_else_can_read_the_database(house):
    """Names and phone numbers of members are for the owner's eyes, in SQLite's side files, too."""
    house.post()
    files = list(house.config.home.glob("securelist.db*"))
    assert len(files) == 3
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


@pytest.mark.parametrize(("transaction", "level"), [(writing, 2), (recording, 1), (writing, 2), (reading, 2)])
def test_what_a_250_promises_is_on_the_disk(house, transaction, level):
    """Posts and log entries wait for the disk (FULL); records of answers do not (NORMAL), even on the same connection."""
    with recording(house.engine) as connection:
        note(connection, 1, "before")
    with transaction(house.engine) as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == level
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_writers_wait_for_each_other(house):
    """Two threads that read and then write do not fail with a lock, and none loses what the other wrote."""

    def count_up():
        for _ in range(50):
            with writing(house.engine) as connection:
                before = connection.execute(select(JournalRow.at).order_by(JournalRow.at.desc()).limit(1)).scalar() or 0
                note(connection, before + 1, "counted")

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with reading(house.engine) as connection:
        assert sorted(connection.execute(select(JournalRow.at)).scalars()) == list(range(1, 201))


def test_a_reader_does_not_wait_for_a_writer(house):
    """While one writes, others see what was before."""
    house.post()
    other = house.again()
    with writing(house.engine) as connection:
        note(connection, 1, "unfinished")
        began = time.monotonic()
        with reading(other) as view:
            assert view.execute(select(JournalRow.event)).scalars().all() == ["post"]
        assert time.monotonic() - began < 5


def test_a_locked_database_is_a_try_again_without_a_word_of_the_data(house, monkeypatch, caplog):
    """Who waits too long for another writer gets TryAgain; neither it nor the log shows what was to be written."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
    other = house.again()
    with writing(house.engine), pytest.raises(TryAgain) as caught:
        commit_post(other, a_post(headers=b"canary"))
    assert "locked" in caplog.text
    assert "canary" not in caplog.text + str(caught.value)


def test_a_failed_statement_shows_no_data(house):
    """SQLAlchemy's own errors come without the values that were to be stored."""
    with pytest.raises(Exception) as caught, writing(house.engine) as connection:
        connection.execute(text("INSERT INTO nowhere VALUES (:x)"), {"x": "canary"})
    assert "canary" not in str(caught.value)


def test_a_post_that_was_committed_survives_a_kill(house):
    """A process that is killed the moment commit_post has returned leaves the whole post, and no lock."""
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from queue_world import a_post; from securelist.config import Config\n"
        "from securelist.store.database import open_database; from securelist.store.queue import commit_post\n"
        f"engine = open_database(Config(list='l@example.org', key='', home=Path({str(house.config.home)!r})))\n"
        "commit_post(engine, a_post(50)); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    assert house.rows() == {"posts": 1, "bodies": 1, "copies": 50, "seen": 1, "journal": 1}
    assert house.post(number=2, at=START) == 2
