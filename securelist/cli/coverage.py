"""Coverage as it is printed: tables for people, CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby

import click

from securelist.cctld.cctlds import Region
from securelist.cctld.coverage import Count, Row, counts
from securelist.cli.output import print_table, when

# A spreadsheet takes a cell that begins so for a formula, and the writer of a record is a stranger.
_FORMULA = ("=", "+", "-", "@")
_TIMES = ("invited", "answered", "appointed")
_STATES = ("active", "unreachable", "suspended")
_COLUMNS = (
    "cctld", "country", "region", "organisation", "manager", "contact_of_record", "address_of_record",
    *_TIMES, "contact", *_STATES, "state",
)  # fmt: skip


def show_tables(rows: Iterable[Row], counted: Iterable[Row]) -> None:
    """A table of `rows` for each region, then the counts of all in `counted`."""
    for region, members in groupby(rows, key=lambda row: row.cctld.region):
        organisation = f" ({region.organisation})" if region and region.organisation else ""
        click.echo(f"{_region(region)}{organisation}\n")
        print_table(("ccTLD", "Manager", "Admin Contact of record", "Appointed", "Members", "State"), map(_cells, members), "")
        click.echo()
    sums = counts(counted)
    head = ("Region", "ccTLDs", "On record", "Missing", "Appointed", "With members", "Members")
    print_table(head, map(_count_cells, sums[:1] if len(sums) == 2 else sums), "")


def _region(region: Region | None) -> str:
    return region.shown if region else "Not in the list of ccTLDs"


def _cells(row: Row) -> tuple[str, ...]:
    record = row.record
    contact = f"{record.name} <{record.address}>" if record else "-"
    members = ", ".join(f"{number} {state}" for state in _STATES if (number := getattr(row, state)))
    return (
        row.cctld.shown, record.manager if record else "-", contact, when(row.appointed or 0)[:10], members or "-", row.state,
    )  # fmt: skip


def _count_cells(count: Count) -> tuple[object, ...]:
    where = count.region.shown if count.region else "All"
    return where, count.cctlds, count.recorded, count.missing, count.appointed, count.member, count.members


def as_json_value(rows: Iterable[Row], counted: Iterable[Row]) -> dict[str, object]:
    """`{"cctlds": […], "counts": […]}`; times in Unix seconds, null for what has not happened; the count of all has region null."""
    return {"cctlds": [_fields(row) for row in rows], "counts": counts(counted)}


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
        **{state: getattr(row, state) for state in _STATES},
        "state": row.state,
    }


def as_csv(rows: Iterable[Row]) -> str:
    """The same fields as in JSON, one line each (RFC 4180), with dates as YYYY-MM-DD in UTC."""
    written = io.StringIO()
    out = csv.DictWriter(written, _COLUMNS)
    out.writeheader()
    out.writerows({name: _cell(name, value) for name, value in _fields(row).items()} for row in rows)
    return written.getvalue()


def _cell(name: str, value: object) -> object:
    if isinstance(value, int) and name in _TIMES:
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d")
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
