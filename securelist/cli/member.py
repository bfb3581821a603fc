"""`securelist member`: who is a member, and why."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from securelist.cli.output import json_option, print_json, print_table, when
from securelist.errors import Refused, UsageError
from securelist.installation import Installation
from securelist.openpgp.certificate import grouped, normal_fingerprint
from securelist.store import log_store
from securelist.store.database import reading
from securelist.trust.export import Link
from securelist.trust.membership import Member, Membership
from securelist.trust.proof import replay


@click.group()
def member() -> None:
    """The members, as the log proves them.

    \b
    Example:
      securelist member show anna@registry.example
    """


def parse_time(text: str) -> int:
    """Unix seconds for an ISO 8601 date or time (UTC unless it says otherwise); raises UsageError."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError("bad-time", f"{text!r} is not a time such as 2026-11-22 or 2026-11-22T14:05") from None
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())


@member.command("list")
@click.option("--at", "at_text", metavar="TIME", help="As of this time (ISO 8601, UTC), by the log's entries up to then.")
@click.option("--all", "everybody", is_flag=True, help="Former members, too.")
@json_option
@click.pass_obj
def list_members(home: Path, at_text: str | None, everybody: bool, as_json: bool) -> None:
    """Lists the members with their state: active, unreachable or suspended.

    \b
    Example:
      securelist member list --json
    """
    at = parse_time(at_text) if at_text else int(time.time())
    installation = Installation(home)
    membership = _membership_at(installation, at) if at_text else installation.membership()
    members = membership.members(at, all=everybody)
    if as_json:
        print_json([m.as_json() for m in members])
        return
    rows = [(f".{m.cctld}", m.name, ", ".join(m.emails), m.phones[0] if m.phones else "-", m.state, when(m.expires)) for m in members]
    print_table(("ccTLD", "Name", "Addresses", "Phone", "State", "Until (UTC)"), rows, "There are no members.")


def _membership_at(installation: Installation, at: int) -> Membership:
    """The membership as it was: the tables hold what was last said about somebody, the log what was said before."""
    with reading(installation.engine) as connection:
        links = [Link(entry, entry.hash, evidence) for entry, evidence in log_store.entries(connection)]
    return replay(links, installation.anchor, at)


@member.command()
@click.argument("who")
@json_option
@click.pass_obj
def show(home: Path, who: str, as_json: bool) -> None:
    """Shows one member, by address or fingerprint, and the log entry that makes them one.

    \b
    Example:
      securelist member show anna@registry.example
    """
    found = _find(Installation(home).membership().members(int(time.time()), all=True), who)
    if as_json:
        print_json(found.as_json() | {"why": found.why, "expires": found.expires, "entry": found.entry})
        return
    for label, value in _lines(found):
        click.echo(f"{label:13} {value}")


def _find(members: tuple[Member, ...], who: str) -> Member:
    fingerprint = normal_fingerprint(who)
    matching = [m for m in members if m.fingerprint == fingerprint or who.lower() in map(str.lower, m.emails)]
    if not matching:
        raise Refused("unknown-member", f"nobody with the address or fingerprint {who!r} is or was a member")
    return matching[-1]


def _lines(found: Member) -> list[tuple[str, str]]:
    lines = [("Name", found.name), ("ccTLD", f".{found.cctld}"), *(("Address", email) for email in found.emails)]
    lines += [("Phone", phone) for phone in found.phones]
    lines += [(label, value) for label, value in (("Organisation", found.organisation), ("Timezone", found.timezone)) if value]
    lines += [("Fingerprint", grouped(found.fingerprint)), ("State", f"{found.state}{f': {found.why}' if found.why else ''}")]
    return [*lines, ("Until", f"{when(found.expires)} UTC"), ("Attested by", f"log entry {found.entry}")]
