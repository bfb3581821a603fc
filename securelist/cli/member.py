"""`securelist member`: who is a member, and why."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import click

from securelist.cli.output import at_option, json_option, print_json, print_table, say, when
from securelist.errors import Refused
from securelist.installation import Installation
from securelist.openpgp.certificate import grouped, normal_fingerprint
from securelist.procedures.welcome import Key, Welcomes, is_unconfirmed
from securelist.store.welcomes import Welcome
from securelist.trust.membership import ENDED, Member, Membership
from securelist.trust.proof import replay_until


@click.group()
def member() -> None:
    """The members, as the log proves them.

    \b
    Example:
      securelist member show anna@registry.example
    """


@member.command("list")
@at_option
@click.option("--all", "everybody", is_flag=True, help="Former members, too.")
@click.option("--unconfirmed", is_flag=True, help="Only those who did not answer the welcome in time.")
@json_option
@click.pass_obj
def list_members(home: Path, at: int | None, everybody: bool, unconfirmed: bool, as_json: bool) -> None:
    """Lists the members with their state: active, unreachable or suspended, and who did not answer the welcome in time.

    \b
    Example:
      securelist member list --json
    """
    installation = Installation(home)
    membership = installation.membership() if at is None else _membership_at(installation, at)
    at = int(time.time()) if at is None else at
    welcomed = Welcomes(installation).known()
    members = [m for m in membership.members(at, all=everybody) if not unconfirmed or is_unconfirmed(_welcome(m, welcomed), at)]
    if as_json:
        print_json([m.as_json() for m in members])  # what `log verify` says of them, too
        return
    rows = [
        (f".{m.cctld}", m.name, ", ".join(m.emails), m.phones[0] if m.phones else "-", _state(m, welcomed, at), when(m.expires))
        for m in members
    ]
    print_table(("ccTLD", "Name", "Addresses", "Phone", "State", "Until (UTC)"), rows, "There are no members.")


def _welcome(one: Member, welcomed: Mapping[Key, Welcome]) -> Welcome:
    """What is known of this member's key; of somebody who left, nothing."""
    unknown = Welcome(one.cctld, one.fingerprint, one.emails[0])
    return unknown if one.state in ENDED else welcomed.get((one.cctld, one.fingerprint), unknown)


def _state(one: Member, welcomed: Mapping[Key, Welcome], at: int) -> str:
    return f"{one.state}, unconfirmed" if is_unconfirmed(_welcome(one, welcomed), at) else one.state


def _membership_at(installation: Installation, at: int) -> Membership:
    """The membership as it was: the tables hold what was last said about somebody, the log what was said before."""
    return replay_until(installation.links(), installation.anchor, at)


@member.command()
@click.argument("who")
@json_option
@click.pass_obj
def show(home: Path, who: str, as_json: bool) -> None:
    """Shows one member, by address or fingerprint, and every statement of the log about them.

    \b
    Example:
      securelist member show anna@registry.example
    """
    installation, at = Installation(home), int(time.time())
    membership = installation.membership()
    found = _find(membership.members(at, all=True), who)
    welcome = _welcome(found, Welcomes(installation).known())
    about = [said for said in membership.said if said.statement.is_about(found.cctld, found.emails[0])]
    if as_json:
        history = [{"entry": s.entry, "time": s.time, "type": s.statement.type, "signer": s.signer, "standing": s.standing} for s in about]
        more = {"confirmed": welcome.answered(at), "why": found.why, "expires": found.expires, "entry": found.entry, "history": history}
        print_json(found.as_json() | more)
        return
    for label, value in [*_lines(found), ("Key works", _confirmed(welcome))]:
        say(f"{label:13} {value}")
    rows = [(said.entry, when(said.time), said.statement.type.value, said.signer, said.standing.value) for said in about]
    say()
    print_table(("Entry", "Time (UTC)", "Statement", "Signed by", "Standing"), rows, "The texts about them were erased.")


def _find(members: tuple[Member, ...], who: str) -> Member:
    fingerprint = normal_fingerprint(who)
    matching = [m for m in members if m.fingerprint == fingerprint or who.lower() in map(str.lower, m.emails)]
    if not matching:
        raise Refused("unknown-member", f"nobody with the address or fingerprint {who!r} is or was a member")
    return min(matching, key=lambda m: m.state in ENDED)


def _confirmed(welcome: Welcome) -> str:
    if welcome.confirmed:
        return f"yes: a signed and encrypted mail came on {when(welcome.confirmed)} UTC"
    return f"not confirmed: welcomed on {when(welcome.sent)} UTC, no answer" if welcome.sent else "not known: not welcomed yet"


def _lines(found: Member) -> list[tuple[str, str]]:
    lines = [("Name", found.name), ("ccTLD", f".{found.cctld}"), *(("Address", email) for email in found.emails)]
    lines += [("Phone", phone) for phone in found.phones]
    lines += [(label, value) for label, value in (("Organisation", found.organisation), ("Timezone", found.timezone)) if value]
    lines += [("Fingerprint", grouped(found.fingerprint)), ("State", f"{found.state}{f': {found.why}' if found.why else ''}")]
    return [*lines, ("Until", f"{when(found.expires)} UTC"), ("Attested by", f"log entry {found.entry}")]
