"""How long anything is kept: what each setting does at its edge, and which values it takes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from queue_world import START, House
from queue_world import house as house
from sqlalchemy import func, insert, select

from securelist.config import Config, read_config, write_config
from securelist.contacts.contact import Imported, cctld_of
from securelist.errors import ConfigurationError
from securelist.store import imported, journal
from securelist.store.database import reading, writing
from securelist.store.queue import DELIVERED, Outcome, lease, record
from securelist.store.retention import DAY_S, forget
from securelist.store.schema import Copy, JournalRow, Post
from securelist.store.schema_contacts import ImportedRow
from securelist.store.schema_upkeep import DrillMemberRow, DrillRow
from securelist.trust.statement import Person

RANGES = {
    "journal_days": (31, 3650),
    "drill_days": (1, 3650),
    "imported_days": (1, 3650),
    "confirm_days": (0, 3650),
    "contacts_day": (0, 28),
}


def count(house: House, *tables: type) -> list[int]:
    """How many rows each table has."""
    with reading(house.engine) as connection:
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


def settings(folder: Path, key: str, value: object) -> Config:
    """What a state directory's configuration says with one more line in it."""
    write_config(Config(list="tld-ops@lists.example.org", key="B" * 40, home=folder))
    file = folder / "securelist.toml"
    file.write_text(f"{file.read_text()}{key} = {json.dumps(value)}\n")
    return read_config(folder)


# --- the settings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "least", "most"), [(key, *ends) for key, ends in RANGES.items()])
def test_a_value_out_of_range_is_refused_and_says_what_goes(tmp_path: Path, key: str, least: int, most: int) -> None:
    """The ends themselves are taken."""
    for value in (least, most):
        assert getattr(settings(tmp_path, key, value), key) == value
    for value in (least - 1, most + 1, -(2**70)):
        with pytest.raises(ConfigurationError, match=f"securelist.toml: {key} must be from {least} to {most}") as refused:
            settings(tmp_path, key, value)
        assert refused.value.reason == "bad-setting"


@pytest.mark.parametrize("key", RANGES)
@pytest.mark.parametrize("value", ["42", 42.0, True, [42]])
def test_what_is_no_whole_number_is_refused(tmp_path: Path, key: str, value: object) -> None:
    """`true` counts as no number."""
    with pytest.raises(ConfigurationError, match=f"{key} must be a int"):
        settings(tmp_path, key, value)


# --- what each does ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [31, 42, 400])
def test_the_journal_and_who_was_sent_which_post_are_kept_for_journal_days(house: House, days: int) -> None:
    """To the second; but not a post of which a copy still waits."""
    config = replace(house.config, journal_days=days)
    house.post(2)
    for copy in lease(house.engine, "worker", START, 10):
        record(house.engine, copy, Outcome(DELIVERED, "250 ok"), START)
    waiting = house.post(1, number=2)
    with writing(house.engine) as connection:
        journal.note(connection, START, "refused", "somebody@nl.example", "not-signed")
    before = count(house, JournalRow)
    forget(house.engine, config, START + days * DAY_S)
    assert count(house, Post, Copy, JournalRow) == [2, 3, *before]
    forget(house.engine, config, START + days * DAY_S + 1)
    assert count(house, Post, Copy, JournalRow) == [1, 1, 0]
    with reading(house.engine) as connection:
        assert connection.execute(select(Post.id)).scalars().all() == [waiting]


@pytest.mark.parametrize("days", [1, 200])
def test_who_did_not_answer_a_drill_is_kept_for_drill_days(house: House, days: int) -> None:
    """After that the figures alone are left."""
    config = replace(house.config, drill_days=days)
    drill = {
        "started": START - DAY_S,
        "ends": START,
        "by": "",
        "members": 1,
        "answered": 0,
        "median": 0,
        "settled": START,
        "reported": START,
    }
    person = {"cctld": "nl", "fingerprint": "A" * 40, "name": "Anna", "address": "anna@nl.example"}
    with writing(house.engine) as connection:
        (number,) = connection.execute(insert(DrillRow).values(_fitting(DrillRow, drill))).inserted_primary_key or ()
        connection.execute(insert(DrillMemberRow).values(_fitting(DrillMemberRow, person | {"drill": number})))
    forget(house.engine, config, START + days * DAY_S)
    assert count(house, DrillMemberRow, DrillRow) == [1, 1]
    forget(house.engine, config, START + days * DAY_S + 1)
    assert count(house, DrillMemberRow, DrillRow) == [0, 1]


def _fitting(table: type, values: dict[str, object]) -> dict[str, object]:
    """A row of that table: these values, and nothing or zero in the other columns."""
    columns = table.__table__.columns  # type: ignore[attr-defined]
    empty = {column.name: "" if column.type.python_type is str else 0 for column in columns if not column.primary_key}
    return {name: value for name, value in (empty | values).items() if name in columns}


@pytest.mark.parametrize("days", [1, 120])
def test_imported_contacts_are_kept_for_imported_days_after_they_were_written_down(house: House, days: int) -> None:
    """By the day that their source gave, not by that of the import."""
    config, person = replace(house.config, imported_days=days), Person("Ines", ("ines@br.example",), ("+55 11 5555 0100",))
    one = Imported(cctld_of("br"), person, "", b"", "LACTLD", START, START + days * DAY_S)
    with writing(house.engine) as connection:
        imported.replace(connection, "C" * 40, [one])
    forget(house.engine, config, START + days * DAY_S)
    assert count(house, ImportedRow) == [1]
    forget(house.engine, config, START + days * DAY_S + 1)
    assert count(house, ImportedRow) == [0]
