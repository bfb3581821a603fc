"""`securelist log replay`: the tables of members are made anew from the log, whatever became of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from people import People
from sqlalchemy import delete, inspect, select, update
from town import LIST, Town, found_town

from securelist.config import read_config
from securelist.store.database import migrate, open_database, reading, writing
from securelist.store.migrate import downgrade
from securelist.store.schema import AttestationRow, Base, CertificateRow, StatementRow

PROJECTION = ("founding", "certificates", "admin_contacts", "attestations", "statements", "voids")


@pytest.fixture(scope="module")
def lived_in(people: People, base: Path) -> Iterator[Town]:
    """A list with two members, one of whom was withdrawn."""
    made = found_town(people, base)
    anna, bert = (people.make(name, f"{name.lower()}-{base.name}@nl.example") for name in ("Anna", "Bert"))
    made.attest(anna)
    made.attest(bert)
    made.submit(bert, f"Securelist-Statement: withdraw-ssc\nList: {LIST}\nTLD: nl\nEmail: {bert.address}\n")
    yield made
    made.close()


def rows(town: Town) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the projection's tables, sorted."""
    engine = open_database(read_config(town.home))
    with reading(engine) as connection:
        found = {name: sorted(map(tuple, connection.execute(select(Base.metadata.tables[name])))) for name in PROJECTION}
    engine.dispose()
    return found


def members(town: Town) -> object:
    return json.loads(town.run("member", "list", "--all", "--json"))


def test_tables_that_somebody_changed_come_back_as_they_were(lived_in: Town) -> None:
    """Every row of the projection is the same again: it holds nothing that the log does not."""
    before, shown = rows(lived_in), members(lived_in)
    assert all(before[name] for name in PROJECTION if name != "voids")
    engine = open_database(read_config(lived_in.home))
    with writing(engine) as connection:
        connection.execute(delete(CertificateRow))
        connection.execute(update(AttestationRow).values(withdrawn=0))
        connection.execute(delete(StatementRow).where(StatementRow.entry > 6))
    engine.dispose()
    assert rows(lived_in) != before
    assert b"1 members" in lived_in.run("log", "replay")
    assert rows(lived_in) == before and members(lived_in) == shown


def test_a_log_of_the_version_before_is_carried_over(lived_in: Town) -> None:
    """After the upgrade the tables are empty: every command says what to run, and nobody is a member by accident meanwhile."""
    before, shown = rows(lived_in), members(lived_in)
    engine = open_database(read_config(lived_in.home))
    downgrade(engine, "0001")
    with reading(engine) as connection:
        assert "voids" not in inspect(connection).get_table_names()
    migrate(engine)
    engine.dispose()
    assert rows(lived_in) == {name: [] for name in PROJECTION}
    lived_in.run("member", "list", status=78)
    lived_in.run("log", "replay")
    assert rows(lived_in) == before and members(lived_in) == shown


def test_a_log_that_does_not_hold_is_not_replayed(lived_in: Town) -> None:
    """An entry changed in the database: replay names it, and leaves the tables as they are."""
    before = rows(lived_in)
    engine = open_database(read_config(lived_in.home))
    with writing(engine) as connection:
        table = Base.metadata.tables["log_entries"]
        connection.execute(update(table).where(table.c.number == 3).values(cctld="de"))
    lived_in.run("log", "replay", status=78)
    assert rows(lived_in) == before
    with writing(engine) as connection:
        connection.execute(update(table).where(table.c.number == 3).values(cctld="nl"))
    engine.dispose()
