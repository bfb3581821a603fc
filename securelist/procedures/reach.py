"""How far the list of one installation reaches: its coverage, and the letter that tells it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from securelist.cctld.cctlds import Region, cctlds
from securelist.cctld.coverage import Count, Row, State, counts, coverage
from securelist.cctld.table import members_shown
from securelist.installation import Installation
from securelist.letters import Facts
from securelist.procedures.dates import day
from securelist.store import invitations, records
from securelist.store.database import reading


def reach(house: Installation, at: int) -> tuple[Row, ...]:
    """A row for each ccTLD as of `at` (Unix seconds), by region and name."""
    with reading(house.engine) as connection:
        known, invited = records.records(connection), invitations.newest(connection)
    return coverage(cctlds().values(), known, invited, house.membership(), at)


def facts_of(rows: Sequence[Row]) -> Facts:
    """What the letter is given: the counts as rows of a table, and for each region those with something to tell, and the others."""
    counted = counts(rows)
    return {
        "counts": [_count(count) for count in counted],
        "all": counted[-1],
        "regions": [_region(region, list(those)) for region, those in groupby(rows, key=lambda row: row.cctld.region)],
    }


def _count(count: Count) -> tuple[object, ...]:
    where = count.region.shown if count.region else "All"
    return (where, count.cctlds, count.missing, count.invited, count.answered, count.appointed, count.member)


def _region(region: Region | None, rows: Sequence[Row]) -> Facts:
    silent = [row.cctld.name for row in rows if not _has_begun(row)]
    return {
        "name": region.shown if region else "",
        "organisation": region.organisation if region else "",
        "reached": [_cells(row) for row in rows if _has_begun(row)],
        "missing": " ".join(silent),
        "missing_count": len(silent),
    }


def _has_begun(row: Row) -> bool:
    return row.state is not State.MISSING or row.invited is not None


def _cells(row: Row) -> tuple[str, ...]:
    days = (day(time) if time else "-" for time in (row.invited, row.answered, row.appointed))
    return (f".{row.cctld.name}", *days, members_shown(row))
