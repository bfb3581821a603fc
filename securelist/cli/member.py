"""`securelist member`: who is a member, and why."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from securelist.cli.output import at_option, json_option, print_json, print_table, say, when
from securelist.contacts.confirming import attestation_of
from securelist.contacts.freshness import Freshness
from securelist.contacts.repository import freshness_of
from securelist.contacts.shown import overdue
from securelist.errors import Refused
from securelist.installation import Installation
from securelist.mail.addresses import same_address
from securelist.openpgp.certificate import grouped, normal_fingerprint
from securelist.procedures.dates import day
from securelist.procedures.welcome import Key, Welcomes, is_unconfirmed
from securelist.store.welcomes import Welcome
from securelist.trust.membership import ENDED, UNREACHABLE, Member, Membership
from securelist.trust.proof import replay_until
from securelist.upkeep.readiness import Standing, readiness, standings


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
@click.option("--unreachable", is_flag=True, help="Only those whom a post sent now would not reach, with since and why.")
@json_option
@click.pass_obj
def list_members(home: Path, at: int | None, everybody: bool, unconfirmed: bool, unreachable: bool, as_json: bool) -> None:
    """Lists the members with their state: active, unreachable (since when, and why) or suspended, and who did not answer the welcome.

    Of contact details that are overdue it says when they were last confirmed; `member show` says so of any.
    With --at it is by the log alone: which addresses did not work then, nobody remembers, nor whom the list had asked before it last
    began to ask.

    \b
    Example:
      securelist member list --unreachable
    """
    installation, now = Installation(home), int(time.time())
    membership = _membership(installation, at)
    found = readiness(installation, now, all=everybody) if at is None else _standings(membership, at, all=everybody)
    at, welcomed = now if at is None else at, Welcomes(installation).known()
    found = tuple(one for one in found if not unconfirmed or is_unconfirmed(_welcome(one.member, welcomed), at))
    if unreachable:
        found = tuple(one for one in found if one.member.state == UNREACHABLE)
    if as_json:
        # What `log verify` says of them, too.
        print_json([one.member.as_json() | ({"since": one.since, "why": one.member.why} if unreachable else {}) for one in found])
        return
    fresh = freshness_of(installation, membership, at)
    rows = [_row(one, welcomed, at, _details(membership, one.member, fresh, at)) for one in found]
    nobody = "There are no members." if not unreachable else "Everybody is reached."
    print_table(("ccTLD", "Name", "Addresses", "Phone", "State", "Until (UTC)"), rows, nobody)


def _row(one: Standing, welcomed: Mapping[Key, Welcome], at: int, details: _Details) -> tuple[str, ...]:
    """Of details that are overdue the state says so: a seventh column would leave the addresses no room on 80."""
    m, state = one.member, _state(one.member, welcomed, at)
    if m.state == UNREACHABLE:
        state = f"{state} since {when(one.since)}: {m.why}"
    if details.overdue:
        state = f"{state}, {details.text}"
    return (f".{m.cctld}", m.name, ", ".join(m.emails), m.phones[0] if m.phones else "-", state, when(m.expires))


def _welcome(one: Member, welcomed: Mapping[Key, Welcome]) -> Welcome:
    """What is known of this member's key; of somebody who left, nothing."""
    unknown = Welcome(one.cctld, one.fingerprint, one.emails[0])
    return unknown if one.state in ENDED else welcomed.get((one.cctld, one.fingerprint), unknown)


def _state(one: Member, welcomed: Mapping[Key, Welcome], at: int) -> str:
    return f"{one.state}, unconfirmed" if is_unconfirmed(_welcome(one, welcomed), at) else one.state


def _membership(installation: Installation, at: int | None) -> Membership:
    """As it is, or was at `at`: the tables hold what was last said about somebody, the log what was said before."""
    return installation.membership() if at is None else replay_until(installation.links(), installation.anchor, at)


@dataclass(frozen=True)
class _Details:
    """When somebody last said that details are right (Unix seconds; 0: nobody), and whether they are overdue."""

    confirmed: int
    overdue: bool

    @property
    def text(self) -> str:
        date = day(self.confirmed)
        return "".join(overdue(date)) if self.overdue else date


def _details(membership: Membership, one: Member, fresh: Freshness, at: int) -> _Details:
    attestation = attestation_of(membership, one.cctld, one.emails[0])
    return _Details(attestation.confirmed, fresh.is_overdue(attestation, at)) if attestation else _Details(0, overdue=False)


def _standings(membership: Membership, at: int, *, all: bool) -> tuple[Standing, ...]:
    return standings(membership, membership.members(at, all=all), {}, at)


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
    standing = _find(readiness(installation, at, all=True), who)
    found, membership = standing.member, installation.membership()
    welcome = _welcome(found, Welcomes(installation).known())
    details = _details(membership, found, freshness_of(installation, membership, at), at)
    about = [said for said in membership.said if said.statement.is_about(found.cctld, found.emails[0])]
    if as_json:
        history = [{"entry": s.entry, "time": s.time, "type": s.statement.type, "signer": s.signer, "standing": s.standing} for s in about]
        more = {"confirmed": welcome.answered(at), "why": found.why, "expires": found.expires, "entry": found.entry, "history": history}
        dead = [{"address": one.address, "since": one.since, "why": one.why} for one in standing.dead]
        print_json(found.as_json() | more | {"since": standing.since, "not_working": dead, "details": asdict(details)})
        return
    confirmed = "-" if found.state in ENDED else details.text
    for label, value in [*_lines(standing), ("Confirmed", confirmed), ("Key works", _key_works(welcome))]:
        say(f"{label:13} {value}")
    rows = [(said.entry, when(said.time), said.statement.type.value, said.signer, said.standing.value) for said in about]
    say()
    print_table(("Entry", "Time (UTC)", "Statement", "Signed by", "Standing"), rows, "The texts about them were erased.")


def _find(found: Iterable[Standing], who: str) -> Standing:
    fingerprint = normal_fingerprint(who)
    matching = [one for one in found if one.member.fingerprint == fingerprint or who.lower() in map(str.lower, one.member.emails)]
    if not matching:
        raise Refused("unknown-member", f"nobody with the address or fingerprint {who!r} is or was a member")
    return min(matching, key=lambda one: one.member.state in ENDED)


def _key_works(welcome: Welcome) -> str:
    if welcome.confirmed:
        return f"yes: a signed and encrypted mail came on {when(welcome.confirmed)} UTC"
    return f"not confirmed: welcomed on {when(welcome.sent)} UTC, no answer" if welcome.sent else "not known: not welcomed yet"


def _lines(standing: Standing) -> list[tuple[str, str]]:
    found, dead = standing.member, {one.address: f" does not work since {when(one.since)}: {one.why}" for one in standing.dead}
    lines = [("Name", found.name), ("ccTLD", f".{found.cctld}")]
    lines += [("Address", f"{email}{dead.get(same_address(email), '')}") for email in found.emails]
    lines += [("Phone", phone) for phone in found.phones]
    lines += [(label, value) for label, value in (("Organisation", found.organisation), ("Timezone", found.timezone)) if value]
    lines += [("Fingerprint", grouped(found.fingerprint)), ("State", f"{found.state}{f': {found.why}' if found.why else ''}")]
    lines += [("Since", f"{when(standing.since)} UTC")] if standing.since else []
    return [*lines, ("Until", f"{when(found.expires)} UTC"), ("Attested by", f"log entry {found.entry}")]
