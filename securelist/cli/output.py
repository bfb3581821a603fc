"""What commands print, tables and progress for people (rich) and JSON for programs, and the options that they share.

All that is printed or logged goes through here: names, file names and what others' servers answer come from strangers, and a
terminal acts upon some characters. Nothing else in this package calls `click.echo` or `print`.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from securelist.errors import Refused, UsageError
from securelist.mail.headers import harmless, is_shown, visible
from securelist.process import PlainFormatter

# Controls but tab and line ends, and what turns the direction of writing: a fixed list, so that what may be signed stays the same.
_TRICKS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\r(?!\n)")


def say(line: str = "", *, err: bool = False, end: str = "\n") -> None:
    """One line, whatever is in it, on standard output or standard error."""
    click.echo(harmless(line) + end, nl=False, err=err)


def print_text(text: str | bytes, *, err: bool = False) -> None:
    """A text of several lines, as it ends: statements, armour, CSV."""
    lines = (text.decode() if isinstance(text, bytes) else text).split("\n")
    click.echo("\n".join(harmless(line.removesuffix("\r")) + "\r" * line.endswith("\r") for line in lines), nl=False, err=err)


def print_signed(octets: bytes) -> None:
    """A signed text, or one to be signed, octet by octet: it must stay what it is. First `check_signable`."""
    click.echo(octets, nl=False)


def check_signable(octets: bytes) -> None:
    """Raises Refused for a text of which a terminal shows something else than what is signed."""
    if found := _TRICKS.search(octets.decode("utf-8", "replace")):
        detail = f"the text holds the control or invisible character U+{ord(found[0]):04X}; who signs it would not see what they sign"
        raise Refused("bad-character", detail)


def print_json(value: object) -> None:
    """One JSON document on standard output; what a terminal would act upon is escaped (RFC 8259, 7)."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=dataclasses.asdict)
    click.echo("".join(c if c == "\n" or is_shown(c) else json.dumps(c)[1:-1] for c in text))


def log_to_standard_error() -> None:
    """Warnings and errors of this process, one line each, whatever the environment asks for."""
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """A table; `empty` is said when there are no rows."""
    cells = [[visible(str(cell)) for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    # The two columns that hold addresses or sentences fold on a narrow terminal; dates, types and states stay whole.
    may_fold = sorted(range(len(columns)), key=lambda number: max((len(row[number]) for row in cells), default=0))[-2:]
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number not in may_fold)
    for row in cells:
        table.add_row(*map(Text, row))  # as Text: no markup, and no :name: of an emoji
    if cells:
        Console(soft_wrap=False).print(table)
    else:
        say(empty)


def write_private(file: Path, octets: bytes) -> None:
    """Puts a new file, for whoever runs the command and nobody else, in the place of what was there, whole or not at all.

    Who has the former file open, or by another name, does not read on. Raises UsageError("not-a-file") where a link, a folder or a
    device has the place, OSError.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(file.lstat().st_mode):
            raise UsageError("not-a-file", f"{file} is a link, a folder or a device; name a file that is new, or an ordinary one")
    try:
        descriptor, name = tempfile.mkstemp(prefix=".securelist-", dir=file.parent)  # O_EXCL, 0600
    except FileNotFoundError as missing:
        raise FileNotFoundError(missing.errno, missing.strerror, str(file)) from None
    new = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(octets)
            opened.flush()
            os.fsync(descriptor)
        new.replace(file)
    except BaseException:
        new.unlink()
        raise


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


class NamedPath(click.Path):
    """A path that is not empty: an unset variable of a shell would mean the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - as click has it
        """The path; raises click's BadParameter."""
        if not os.fspath(value):
            self.fail("the name is empty, as an unset variable of a shell is; the current folder is: .", param, ctx)
        return super().convert(value, param, ctx)


# A file or a folder to be written.
NEW_FILE = NamedPath(dir_okay=False, path_type=Path)
FOLDER = NamedPath(file_okay=False, path_type=Path)
# A file that must be there.
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

at_option = click.option(
    "--at",
    metavar="TIME",
    callback=lambda _context, _option, text: None if text is None else parse_time(text),
    help="As of this time (ISO 8601, UTC), by the log's entries up to then.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, stable between versions.")
