"""A drill as a table with a line for each member, for a spreadsheet (CSV, RFC 4180)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from securelist import spreadsheet
from securelist.cctld.cctlds import cctlds
from securelist.drill.outcome import ANSWERED, after
from securelist.store.drills import DrillMember

_COLUMNS = ("drill", "region", "cctld", "name", "fingerprint", "asked", "answered", "after_seconds", "result", "why")


def as_csv(rows: Iterable[DrillMember]) -> str:
    """The rows, with times in UTC (ISO 8601), and an empty cell for what has not happened."""
    return spreadsheet.as_csv(_COLUMNS, (fields(row).values() for row in rows))


def fields(row: DrillMember) -> dict[str, object]:
    """A row by the names of its columns; times in Unix seconds, None for what has not happened."""
    known = cctlds().get(row.cctld)
    return {
        "drill": row.drill,
        "region": known.region.value if known and known.region else "",
        "cctld": row.cctld,
        "name": row.name,
        "fingerprint": row.fingerprint,
        "asked": _time(row.asked),
        "answered": _time(row.answered),
        "after_seconds": after(row) if row.answered else None,
        "result": ANSWERED if row.answered else row.failure,
        "why": row.why,
    }


def _time(at: int) -> str | None:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None
