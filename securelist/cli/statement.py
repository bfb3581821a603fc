"""`securelist statement`: make one, sign it, hand it in, see what waits."""

from __future__ import annotations

import shlex
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import click

from securelist.cli.ask import ask, overview
from securelist.cli.output import (
    NEW_FILE,
    check_signable,
    json_option,
    print_json,
    print_signed,
    print_table,
    print_text,
    say,
    when,
    write_private,
)  # fmt: skip
from securelist.cli.waiting import request_json, statement_json
from securelist.config import read_config
from securelist.errors import ConfigurationError, Refused, SecurelistError, Unavailable, UsageError
from securelist.installation import Installation
from securelist.mail.headers import visible
from securelist.openpgp import own_gpg
from securelist.openpgp.certificate import grouped, normal_fingerprint
from securelist.procedures.revoked import take_revocations
from securelist.procedures.signing import text_to_sign, whose
from securelist.procedures.telling import Telling
from securelist.receipt import receipt
from securelist.request import RequestDesk
from securelist.store.database import reading
from securelist.store.requests import waiting
from securelist.trust.erasure import erasable
from securelist.trust.fields import EXAMPLES, FORMS
from securelist.trust.grammar import parse, render
from securelist.trust.pending import pending as pending_in
from securelist.trust.statement import StatementType
from securelist.trust.submission import Submission
from securelist.trust.text import text_of


@click.group()
def statement() -> None:
    """Signed statements: who speaks for a ccTLD, and who is a member.

    \b
    Example:
      securelist statement new attest-ssc > statement.txt
      securelist statement sign --key me@registry.example statement.txt > statement.asc
    """


# --- handing in -------------------------------------------------------------------------------------------------------


@statement.command()
@click.argument("files", nargs=-1, required=True, type=click.File("rb"))
@click.option(
    "--receipt",
    "receipt_file",
    metavar="FILE",
    type=NEW_FILE,
    help="Write a receipt, signed by the list.",
)
@json_option
@click.pass_obj
def submit(home: Path, files: tuple[BinaryIO, ...], receipt_file: Path | None, as_json: bool) -> None:
    """Hands in signed statements with the certificates they name: mails, signed texts, certificates; `-` reads standard input.

    Files given together belong together: all of it takes effect, or nothing.

    \b
    Example:
      securelist statement submit appointment.asc admin-contact.asc
    """
    installation = Installation(home)
    try:
        now = int(time.time())
        parcel = RequestDesk(installation).parcel([file.read() for file in files])
        with suppress(SecurelistError):
            take_revocations(installation, parcel.certificates, now)
        submission = installation.enter(parcel, now)
    except Refused as refused:
        if as_json:
            print_json({"accepted": False, "reason": refused.reason, "detail": refused.detail})
            raise click.exceptions.Exit(refused.exit_status) from None
        raise
    Telling(installation).others(submission, now)
    if as_json:
        print_json({"accepted": True, "reason": "pending" if submission.pending else "accepted", "detail": submission.sentence})
    else:
        say(submission.sentence)
    if receipt_file is not None:
        _write_receipt(installation, submission, now, receipt_file)


def _write_receipt(installation: Installation, submission: Submission, at: int, file: Path) -> None:
    try:
        write_private(file, installation.list_key.clearsign(receipt(installation.config.list, submission, at)))
    except (OSError, SecurelistError) as problem:
        why = problem.detail if isinstance(problem, SecurelistError) else problem.strerror
        raise Unavailable("no-receipt", f"all was entered as said, but no receipt was written to {file}: {why}") from None


# --- making -----------------------------------------------------------------------------------------------------------


@statement.command(epilog=overview())
@click.argument("kind", metavar="TYPE", type=click.Choice([kind.value for kind in StatementType]))
@click.option(
    "--field", "fields", multiple=True, metavar="NAME=VALUE", help="A field; repeatable. List is filled in on the list's own machine."
)
@click.option("--by-owner", is_flag=True, help="For `erase`: the person themselves will sign, not a trust root.")
@click.pass_obj
def new(home: Path, kind: str, fields: tuple[str, ...], by_owner: bool) -> None:
    """Prints a statement of TYPE, checked, ready to be signed. On a terminal it asks for what is missing.

    For `erase`, the list's own machine fills in the entries that can go, from TLD and Key; several keys of one person, each with
    a Key of its own, make one text.

    \b
    Example:
      securelist statement new attest-ssc > statement.txt
      securelist statement new erase --field TLD=nl --field Key=0123… > erase.txt
      securelist statement new withdraw-ssc --field TLD=nl --field Email=anna@registry.example
    """
    chosen = StatementType(kind)
    values = _given(chosen, fields)
    if (own := _own_list(home)) and "List" not in values:
        values["List"] = [own]
    if chosen is StatementType.ERASE and own and {"TLD", "Key"} <= values.keys() and "Entry" not in values:
        print_text(_erasures(home, values, by_owner))
        return
    missing = [name for name in FORMS[chosen].required if name not in values]
    if missing and set(values) <= set(FORMS[chosen].fields):
        if not sys.stdin.isatty():
            raise _missing(chosen, missing)
        values = ask(chosen, values, optional=not fields)
    print_text(render(chosen, values))


def _given(kind: StatementType, fields: tuple[str, ...]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for item in fields:
        name, equals, value = item.partition("=")
        if not equals:
            raise UsageError("bad-field", f"{item!r} is not NAME=VALUE; fields of {kind}: {', '.join(FORMS[kind].fields)}")
        values.setdefault(name.strip(), []).append(value.strip())
    return values


def _own_list(home: Path) -> str:
    """The address of the list on this machine; empty if there is none, as on an Admin Contact's."""
    try:
        return read_config(home).list
    except ConfigurationError as problem:
        if problem.reason != "no-list":
            raise
        return ""


def _erasures(home: Path, values: dict[str, list[str]], by_owner: bool) -> str:
    """One `erase` for each key. Who changed keys has entries that rest on each other: those go together, in one signed text."""
    entries = {key: _erasable(home, values["TLD"][0], key, by_owner) for key in values["Key"]}
    return "\n".join(render(StatementType.ERASE, values | {"Key": [key], "Entry": found}) for key, found in entries.items())


def _erasable(home: Path, cctld: str, key: str, by_owner: bool) -> list[str]:
    installation = Installation(home)
    fingerprint = normal_fingerprint(key) or key
    found = erasable(installation.membership(), installation.anchor, cctld.lower(), fingerprint, int(time.time()), by_owner=by_owner)
    if not found:
        raise Refused("nothing-to-erase", f"the log holds nothing about {key} and .{cctld} that has ended and can be erased")
    return [f"{entry.number} {entry.hash}" for entry in found]


def _missing(kind: StatementType, missing: list[str]) -> Refused:
    options = " ".join(f"--field {shlex.quote(f'{name}={EXAMPLES[name]}')}" for name in missing)
    return Refused("missing-field", f"{kind} needs {' and '.join(missing)}; add, for example: {options}")


# --- signing ----------------------------------------------------------------------------------------------------------


@statement.command()
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--key", metavar="WHO", help="Your key, as gpg knows it (fingerprint or address); gpg's default if left out.")
def sign(file: BinaryIO, key: str | None) -> None:
    """Checks a statement, signs it with your own gpg and prints it, clearsigned, ready to be mailed or submitted.

    \b
    Example:
      securelist statement sign --key 0123456789ABCDEF0123456789ABCDEF01234567 statement.txt > statement.asc
    """
    octets = file.read()
    if b"-----BEGIN PGP" in octets:
        advice = "sign the text as `statement new` or `statement pending --text` printed it, alone"
        raise Refused("signed-already", f"this holds an OpenPGP block already; {advice}")
    parse(text_of(octets))
    check_signable(octets)
    signed, signed_by = own_gpg.clearsign(octets, key)
    print_signed(signed)
    fingerprint, user_id = own_gpg.owner(signed_by)
    say(f"signed with the key {grouped(fingerprint or signed_by)}{f' of {visible(user_id)}' if user_id else ''}", err=True)


# --- what waits -------------------------------------------------------------------------------------------------------


@statement.command()
@click.option("--text", "entry", type=int, metavar="ENTRY", help="Print the text of this entry, to be signed by others, and nothing else.")
@json_option
@click.pass_obj
def pending(home: Path, entry: int | None, as_json: bool) -> None:
    """Lists what waits: statements for more signatures on the same text, and requests for membership.

    \b
    Example:
      securelist statement pending
      securelist statement pending --text 7 | securelist statement sign > mine.asc
    """
    installation, now = Installation(home), int(time.time())
    membership, anchor = installation.membership(), installation.anchor
    found = pending_in(membership, anchor, now)
    if entry is not None:
        waits = next((one.said for one in found if one.said.entry == entry), None)
        if waits is None:
            raise Refused("nothing-pending", f"no statement waits as entry {entry}; see: securelist statement pending")
        text = text_to_sign(installation, waits).encode()
        check_signable(text)
        print_signed(text)
        return
    with reading(installation.engine) as connection:
        requests = waiting(connection)
    if as_json:
        print_json({"statements": [statement_json(one) for one in found], "requests": [request_json(one) for one in requests]})
        return
    signers = anchor.signers(membership)
    rows = [
        (
            one.said.entry, one.said.statement.type, f".{one.said.statement.tld}" if one.said.statement.tld else "-", when(one.said.time),
            whose(one.signed, signers), f"{one.missing} of {whose(one.awaited, signers)}", when(one.lapses),
        )
        for one in found
    ]  # fmt: skip
    columns = ("Entry", "Type", "TLD", "Since (UTC)", "Signed by", "Missing", "Lapses (UTC)")
    print_table(columns, rows, "No statement waits for signatures.")
    if requests:
        say()
        say("Requests for membership:")
        asked = [(one.id, f".{one.cctld}", one.address, one.fingerprint, when(one.received)) for one in requests]
        print_table(("No.", "TLD", "Address", "Fingerprint", "Since (UTC)"), asked, "")
