"""`securelist post`: one post through the pipe, or looked at without doing anything."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from securelist.cli.output import json_option, print_json, say
from securelist.errors import Refused, Step, UsageError
from securelist.installation import Installation
from securelist.mail.addresses import ListAddress, Role, role_of
from securelist.post.step1_receive import MAX_MAIL_OCTETS
from securelist.reception import Accepted, Reception

_STEPS = list(Step)


@click.group()
def post() -> None:
    """Posts, one at a time.

    \b
    Example:
      securelist post check < refused.eml
    """


def _read() -> bytes:
    """The mail on standard input, as much as it takes to see that it is too large."""
    return sys.stdin.buffer.read(MAX_MAIL_OCTETS + 1)


def _return_path(mail_from: str | None) -> str | None:
    return None if mail_from is None else mail_from.strip("<>")


@post.command()
@click.option("--mail-from", metavar="ADDRESS", help="The envelope's return path.")
@json_option
@click.pass_obj
def check(home: Path, mail_from: str | None, as_json: bool) -> None:
    """Says what would happen to the mail on standard input and why, step by step; changes nothing.

    \b
    Example:
      securelist post check < refused.eml
    """
    reached: list[Step] = []

    def tell(step: Step, found: str) -> None:
        reached.append(step)
        if not as_json:
            say(f"{len(reached)}. {step.value:8} ok: {found}")

    try:
        accepted = Reception(Installation(home)).check(_read(), _return_path(mail_from), tell)
    except Refused as refused:
        if not as_json and refused.step:
            say(f"{_STEPS.index(refused.step) + 1}. {refused.step.value:8} REFUSED: {refused.detail} ({refused.reason})")
        _finish_refused(refused, as_json)
        raise click.exceptions.Exit(refused.exit_status) from None
    _finish_accepted(accepted, as_json)
    if not as_json:
        say("7. commit   not done: a check changes nothing")


@post.command()
@click.option("--rcpt", metavar="ADDRESS", help="The list's address that it came for; the list itself if left out.")
@click.option("--mail-from", metavar="ADDRESS", help="The envelope's return path; empty for <>.")
@json_option
@click.pass_obj
def submit(home: Path, rcpt: str | None, mail_from: str | None, as_json: bool) -> None:
    """Takes the mail on standard input as if it had come by SMTP: exit status 0 taken, 65 refused, 75 try again.

    \b
    Example:
      securelist post submit --rcpt tld-ops-request@lists.example.org < statement.eml
    """
    installation = Installation(home)
    to = role_of(rcpt, installation.config.list) if rcpt else ListAddress(Role.LIST)
    if to is None:
        raise UsageError("foreign-recipient", f"{rcpt} is not an address of {installation.config.list}")
    try:
        accepted = Reception(installation).take(to, _return_path(mail_from), _read())
    except Refused as refused:
        _finish_refused(refused, as_json)
        if not as_json:
            where = f" at {refused.step}" if refused.step else ""  # a statement has no steps
            say(f"refused{where}: {refused.detail} ({refused.reason})", err=True)
        raise click.exceptions.Exit(refused.exit_status) from None
    _finish_accepted(accepted, as_json)
    if not as_json:
        say(accepted.detail)


def _finish_accepted(accepted: Accepted, as_json: bool) -> None:
    if as_json:
        _print("accept", accepted.reason, accepted.detail, accepted.poster, accepted.step)


def _finish_refused(refused: Refused, as_json: bool) -> None:
    if as_json:
        _print("refuse", refused.reason, refused.detail, refused.signer, refused.step)


def _print(verdict: str, reason: str, detail: str, poster: str | None, step: Step | None) -> None:
    print_json({"verdict": verdict, "reason": reason, "detail": detail, "poster": poster, "step": step})
