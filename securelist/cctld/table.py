"""Coverage as a table with a line for each ccTLD: CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable

from securelist import spreadsheet
from securelist.cctld.coverage import Row, counts

STATES = ("active", "unreachable", "suspended")
"""The states of a member in force, as a row counts them."""

_TIMES = ("invited", "answered", "appointed")
_COLUMNS = (
    "cctld", "country", "region", "organisation", "manager", "contact_of_record", "address_of_record",
    *_TIMES, "contact", *STATES, "state",
)  # fmt: skip


def as_json_value(rows: Iterable[Row], counted: Iterable[Row]) -> dict[str, object]:
    """`{"cctlds": […], "counts": […]}`; times in Unix seconds, null for what has not happened; the count of all has region null."""
    return {"cctlds": [_fields(row) for row in rows], "counts": counts(counted)}


def as_csv(rows: Iterable[Row]) -> str:
    """The same fields as in JSON, one line each (RFC 4180), with dates as YYYY-MM-DD in UTC."""
    return spreadsheet.as_csv(_COLUMNS, ([_day(name, value) for name, value in _fields(row).items()] for row in rows))


def members_shown(row: Row) -> str:
    """How many members a ccTLD has, and in which states; a dash for nobody."""
    return ", ".join(f"{number} {state}" for state in STATES if (number := getattr(row, state))) or "-"


def _fields(row: Row) -> dict[str, object]:
    region, record = row.cctld.region, row.record
    return {
        "cctld": row.cctld.name,
        "country": row.cctld.country,
        "region": region,
        "organisation": region.organisation if region else "",
        "manager": record.manager if record else "",
        "contact_of_record": record.name if record else "",
        "address_of_record": record.address if record else "",
        "invited": row.invited,
        "answered": row.answered,
        "appointed": row.appointed,
        "contact": row.contact,
        **{state: getattr(row, state) for state in STATES},
        "state": row.state,
    }


def _day(name: str, value: object) -> object:
    return spreadsheet.day(value) if isinstance(value, int) and name in _TIMES else value
