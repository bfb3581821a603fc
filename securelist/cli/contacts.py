"""`securelist contacts`: the contact repository, as files."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from securelist.cctld.cctlds import find_cctld
from securelist.cli.output import say
from securelist.contacts.formats import FORMS, Form
from securelist.contacts.repository import repository
from securelist.errors import UsageError
from securelist.installation import Installation


@click.group()
def contacts() -> None:
    """The contact repository: who is here, how to reach them, and their certificates.

    \b
    Example:
      securelist contacts export --format text nl
    """


@contacts.command()
@click.argument("cctlds", nargs=-1, metavar="[TLD]...")
@click.option("--format", "names", default="text", show_default=True, metavar="FORM,...", help=f"Of: {', '.join(FORMS)}.")
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="Write a file for each form into this folder.")
@click.pass_obj
def export(home: Path, cctlds: tuple[str, ...], names: str, folder: Path | None) -> None:
    """Writes the contacts of all ccTLDs, or of those named, in one form or several; without --to one form on standard output.

    \b
    Example:
      securelist contacts export --format vcard,html --to repository
    """
    forms = [_form(name.strip()) for name in names.split(",")]
    if folder is None and len(forms) > 1:
        raise UsageError("no-folder", "several forms need a folder to be written to: --to FOLDER")
    whole = repository(Installation(home), int(time.time()))
    chosen = whole.of(find_cctld(name).name for name in cctlds) if cctlds else whole
    for form in forms:
        octets = form.write(chosen)
        if folder is None:
            sys.stdout.buffer.write(octets)
        else:
            _write(folder / form.file, octets)
            say(f"wrote {folder / form.file}: {len(chosen.contacts)} contacts")


def _form(name: str) -> Form:
    if name not in FORMS:
        raise UsageError("unknown-form", f"{name!r} is no form; there are {', '.join(FORMS)}")
    return FORMS[name]


def _write(file: Path, octets: bytes) -> None:
    """Names and telephone numbers are in it: nobody else may read it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(file, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as opened:
        opened.write(octets)
