"""Tables for spreadsheets: CSV (RFC 4180) in which no cell is a formula, whatever strangers wrote.

One rule, for every cell and for whoever reads them: an apostrophe stands before what a spreadsheet would take for a formula, at the
beginning of a cell or behind a semicolon in it, and before an apostrophe there. To have the text as it was, take one away at each of
these places.

An apostrophe is seen, so nobody wonders why two numbers that look the same differ; in a spreadsheet it means "this is text" and goes
away when somebody edits the cell; nobody dials it. A blank would not do: some programs take blanks off before they look. An invisible
character would go along wherever a phone number is copied. Behind semicolons, because where the comma is the decimal sign,
spreadsheets end cells with those, and a name could begin one of its own.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from securelist.mail.headers import visible

# What begins a formula, and an apostrophe. A spreadsheet may take the same signs in other widths and heights for them.
_SIGNS = "=+\\-@'＝＋－＠＇⁼⁺⁻₌₊₋﹦﹢﹣﹫−﬩⩵⩶"
# Blanks before the sign are taken off by some; quotation marks, by a program that ends cells elsewhere than we do.
_BEGINS = re.compile(rf'(^|;)(?=[\s"＂]*[{_SIGNS}])')


def cell(value: object) -> object:
    """What a spreadsheet shows as it stands: a text comes out on one line, visible, and as no formula; all else as it is."""
    return _BEGINS.sub(r"\1'", visible(value)) if isinstance(value, str) else value


def as_csv(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """A line with the names of the columns and one for each row, every cell made harmless; None is an empty one."""
    written = io.StringIO(newline="")
    out = csv.writer(written)
    out.writerow(columns)
    out.writerows([cell(value) for value in row] for row in rows)
    return written.getvalue()


def day(at: int | None) -> str:
    """The day of that time (Unix seconds), in UTC, as every spreadsheet reads it: YYYY-MM-DD; empty for 0 and None."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d") if at else ""
