"""Coverage as it is printed for people: a table for each region, and the counts."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from securelist.cctld.cctlds import Region
from securelist.cctld.coverage import Count, Row, counts
from securelist.cctld.table import members_shown
from securelist.cli.output import print_table, say, when


def show_tables(rows: Iterable[Row], counted: Iterable[Row]) -> None:
    """A table of `rows` for each region, then the counts of all in `counted`.

    Of how many ccTLDs there is a record; how many were invited, and answered; are missing, have an Admin Contact alone, or members.
    """
    head = ("ccTLD", "Address of record", "Invited", "Answered", "Appointed", "Members")  # 80 columns; manager and names are in the CSV
    for region, members in groupby(rows, key=lambda row: row.cctld.region):
        organisation = f" ({region.organisation})" if region and region.organisation else ""
        say(f"{_region(region)}{organisation}")
        say()
        print_table(head, map(_cells, members), "")
        say()
    sums = counts(counted)
    columns = ("Region", "ccTLDs", "Record", "Invited", "Answer", "Missing", "Contact", "Member", "People")
    print_table(columns, map(_count_cells, sums[:1] if len(sums) == 2 else sums), "")


def _region(region: Region | None) -> str:
    return region.shown if region else "Not in the list of ccTLDs"


def _cells(row: Row) -> tuple[str, ...]:
    days = (when(time or 0)[:10] for time in (row.invited, row.answered, row.appointed))
    return (row.cctld.shown, row.record.address if row.record else "-", *days, members_shown(row))


def _count_cells(count: Count) -> tuple[object, ...]:
    where = count.region.shown if count.region else "All"
    reached = (count.recorded, count.invited, count.answered)
    return where, count.cctlds, *reached, count.missing, count.appointed, count.member, count.members
