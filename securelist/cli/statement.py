"""`securelist statement`: make one, sign it, hand it in."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import BinaryIO

import click

from securelist.cli.output import json_option, print_json
from securelist.errors import Refused, Unavailable, UsageError
from securelist.installation import Installation
from securelist.request import RequestDesk
from securelist.trust.fields import FORMS
from securelist.trust.grammar import render
from securelist.trust.statement import StatementType


@click.group()
def statement() -> None:
    """Signed statements: who speaks for a ccTLD, and who is a member.

    \b
    Example:
      securelist statement new attest-ssc --field TLD=nl --field Name='Anna de Vries' \\
          --field Email=anna@registry.example --field Key=0123… | securelist statement sign --key me@registry.example
    """


@statement.command()
@click.argument("files", nargs=-1, required=True, type=click.File("rb"))
@json_option
@click.pass_obj
def submit(home: Path, files: tuple[BinaryIO, ...], as_json: bool) -> None:
    """Hands in signed statements with the certificates they name: mails, signed texts, certificates; `-` reads standard input.

    Files given together belong together: all of it takes effect, or nothing.

    \b
    Example:
      securelist statement submit appointment.asc admin-contact.asc
    """
    installation = Installation(home)
    try:
        parcel = RequestDesk(installation).parcel([file.read() for file in files])
        submission = installation.enter(parcel, int(time.time()))
    except Refused as refused:
        if as_json:
            print_json({"accepted": False, "reason": refused.reason, "detail": refused.detail})
            raise click.exceptions.Exit(refused.exit_status) from None
        raise
    if as_json:
        print_json({"accepted": True, "reason": "accepted", "detail": submission.sentence})
    else:
        click.echo(submission.sentence)


@statement.command()
@click.argument("kind", metavar="TYPE", type=click.Choice([kind.value for kind in StatementType]))
@click.option(
    "--field", "fields", multiple=True, metavar="NAME=VALUE", help="A field; repeatable. List is filled in on the list's own machine."
)
@click.pass_obj
def new(home: Path, kind: str, fields: tuple[str, ...]) -> None:
    """Prints a statement of TYPE, checked, ready to be signed.

    \b
    Example:
      securelist statement new withdraw-ssc --field TLD=nl --field Email=anna@registry.example --field Key=0123…
    """
    values: dict[str, list[str]] = {}
    for item in fields:
        name, equals, value = item.partition("=")
        if not equals:
            raise UsageError("bad-field", f"{item!r} is not NAME=VALUE; fields of {kind}: {', '.join(FORMS[StatementType(kind)].fields)}")
        values.setdefault(name.strip(), []).append(value.strip())
    if "List" not in values:
        values["List"] = [Installation(home).config.list]
    click.echo(render(StatementType(kind), values), nl=False)


@statement.command()
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--key", metavar="WHO", help="Your key, as gpg knows it (fingerprint or address); gpg's default if left out.")
def sign(file: BinaryIO, key: str | None) -> None:
    """Signs a statement with your own gpg and prints it, clearsigned, ready to be mailed or submitted.

    \b
    Example:
      securelist statement sign --key 0123456789ABCDEF0123456789ABCDEF01234567 statement.txt > statement.asc
    """
    command = ["gpg", "--clearsign", "--digest-algo", "SHA512", *(["--local-user", key] if key else [])]
    try:
        done = subprocess.run(command, input=file.read(), stdout=subprocess.PIPE, check=False)
    except FileNotFoundError:
        raise Unavailable("no-gnupg", "GnuPG is not installed: install Debian's package gnupg") from None
    if done.returncode:
        raise Unavailable("cannot-sign", "gpg did not sign; its own words are above")
    click.echo(done.stdout, nl=False)
