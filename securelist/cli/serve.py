"""`securelist serve` and `securelist deliver`: mail in, copies out."""

from __future__ import annotations

import time
from pathlib import Path

import click

from securelist.cli.output import log_to_standard_error, say
from securelist.delivery.next_hop import open_next_hop
from securelist.delivery.worker import Counts, deliver_due
from securelist.installation import Installation
from securelist.mail.addresses import ListAddress
from securelist.mail.deadline import Deadline
from securelist.procedures.rounds import Rounds
from securelist.reception import Reception
from securelist.serve import serve as run_server
from securelist.upkeep.receipts import Receipts


def _now() -> int:
    return int(time.time())


@click.command()
@click.pass_obj
def serve(home: Path) -> None:
    """Takes mail by SMTP and LMTP, and delivers copies, until SIGTERM or Ctrl-C.

    Says `ready smtp=HOST:PORT lmtp=HOST:PORT` when it takes mail, to systemd, too.

    \b
    Example:
      securelist --home /var/lib/securelist serve
    """
    log_to_standard_error()
    installation = Installation(home)
    installation.check_unchanged()
    installation.way  # noqa: B018 - opened now: a wrong key or a missing root shows before mail is taken
    installation.letters.templates.check()
    reception = Reception(installation)

    def judge(to: ListAddress, mail_from: str, octets: bytes, deadline: Deadline) -> None:
        reception.take(to, mail_from, octets, deadline.in_time)

    write_letters, write_receipts = Rounds(installation).run, Receipts(installation).round
    run_server(installation.config, installation.engine, judge, installation.still_member, write_letters, write_receipts, _now)


@click.command()
@click.option("--once", is_flag=True, required=True, help="Deliver what is due, then exit (`serve` delivers all the time).")
@click.pass_obj
def deliver(home: Path, once: bool) -> None:
    """Writes the letters and hands over every copy that is due, posters' receipts at last, and exits.

    \b
    Example:
      securelist deliver --once
    """
    installation = Installation(home)
    installation.check_unchanged()
    Rounds(installation).run(_now())
    counts = _hand_over(installation)
    while not counts.down and Receipts(installation).round(_now()):
        counts = counts.and_then(_hand_over(installation))
    say(f"{counts.delivered} delivered, {counts.later} to be tried later, {counts.failed} failed, {counts.withdrawn} withdrawn")
    if counts.down:
        say(f"the next hop cannot be reached: {counts.down}", err=True)
        raise click.exceptions.Exit(75)


def _hand_over(installation: Installation) -> Counts:
    """Every copy that is due."""
    next_hop = open_next_hop(installation.config.next_hop, installation.config.domain)
    try:
        return deliver_due(installation.engine, installation.config, next_hop, installation.still_member, _now)
    finally:
        next_hop.close()
