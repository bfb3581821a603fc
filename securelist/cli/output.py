"""What commands print, tables and progress for people (rich) and JSON for programs, and the options that they share."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from securelist.errors import UsageError
from securelist.mail.headers import visible


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=dataclasses.asdict))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """A table; `empty` is said when there are no rows."""
    cells = [[visible(str(cell)) for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    # The two columns that hold addresses or sentences fold on a narrow terminal; dates, types and states stay whole.
    may_fold = sorted(range(len(columns)), key=lambda number: max((len(row[number]) for row in cells), default=0))[-2:]
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number not in may_fold)
    for row in cells:
        table.add_row(*(escape(cell) for cell in row))
    if cells:
        Console(soft_wrap=False).print(table)
    else:
        click.echo(empty)


def when(seconds: int) -> str:
    """Unix seconds as people read them, in UTC; a dash for 0."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M") if seconds else "-"


def parse_time(text: str) -> int:
    """Unix seconds for an ISO 8601 date or time (UTC unless it says otherwise); raises UsageError."""
    try:
        parsed = datetime.fromisoformat(text)
        return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        raise UsageError("bad-time", f"{text!r} is not a time such as 2026-11-22 or 2026-11-22T14:05") from None


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A function of (done, of how many) that shows a bar on standard error, if that is a terminal; gone afterwards."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield show


# A file that must be there.
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

at_option = click.option(
    "--at",
    metavar="TIME",
    callback=lambda _context, _option, text: None if text is None else parse_time(text),
    help="As of this time (ISO 8601, UTC), by the log's entries up to then.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, stable between versions.")
