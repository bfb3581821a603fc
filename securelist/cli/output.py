"""What commands print: tables for people (rich), JSON for programs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

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


# A file that must be there.
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, stable between versions.")
