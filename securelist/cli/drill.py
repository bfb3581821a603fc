"""`securelist drill`: every member is asked for one signed and encrypted answer."""

from __future__ import annotations

import time
from pathlib import Path

import click

from securelist.cli.output import json_option, print_json, print_table, say, when
from securelist.cli.queue import MAX_ROW
from securelist.drill.office import DEFAULT_HOURS, MAX_HOURS, MIN_HOURS, DrillOffice
from securelist.drill.outcome import MEANINGS, after, counted, share, span, state_of
from securelist.drill.report import status_of
from securelist.drill.sheet import fields
from securelist.installation import Installation
from securelist.store.drills import Drill, DrillMember

# Somebody looks on; each look is one question to the database.
WATCH_EVERY_S = 2


@click.group()
def drill() -> None:
    """Drills: who reads an encrypted mail and answers it, before there is an incident.

    \b
    Example:
      securelist drill show --watch
    """


@drill.command()
@click.option(
    "--hours", type=click.IntRange(MIN_HOURS, MAX_HOURS), default=DEFAULT_HOURS, show_default=True, help="How long answers are taken."
)
@click.pass_obj
def start(home: Path, hours: int) -> None:
    """Asks every member for one signed and encrypted answer; the running server writes the letters, and the report at the end.

    \b
    Example:
      securelist drill start --hours 48
    """
    begun = DrillOffice(Installation(home)).start(int(time.time()), hours)
    say(f"drill {begun.id} has begun; answers are taken until {when(begun.ends)} UTC; see: securelist drill show --watch")


@drill.command("list")
@json_option
@click.pass_obj
def list_drills(home: Path, as_json: bool) -> None:
    """Lists the drills of the last years with what came of them.

    \b
    Example:
      securelist drill list --json
    """
    office, at = DrillOffice(Installation(home)), int(time.time())
    known = office.all()
    if as_json:
        print_json([_summary(one, office.find(one.id)[1], at) for one in known])
        return
    rows = [_line(_summary(one, office.find(one.id)[1], at)) for one in known]
    print_table(("Drill", "Began (UTC)", "Ends", "State", "Members", "Answered", "Share", "Median"), rows, "There was no drill yet.")


@drill.command()
@click.argument("number", type=click.IntRange(1, MAX_ROW), required=False)
@click.option("--watch", is_flag=True, help="Count until the drill ends, or until Ctrl-C.")
@json_option
@click.pass_obj
def show(home: Path, number: int | None, watch: bool, as_json: bool) -> None:
    """Shows a drill, or the last one: how many answered so far, and who did not and why.

    \b
    Example:
      securelist drill show 7
      securelist drill show --watch
    """
    office = DrillOffice(Installation(home))
    if watch:
        number = _watch(office, number)
    found, rows = office.find(number)
    at = int(time.time())
    if as_json:
        print_json({**_summary(found, rows, at), "rows": [fields(row) for row in rows]})
        return
    say(_sentence(found, rows, at))
    say()
    cells = [(f".{row.cctld}", row.name, when(row.asked), span(after(row)) if row.answered else "-", _why(row)) for row in rows]
    print_table(("ccTLD", "Name", "Asked (UTC)", "Answered after", "Otherwise why"), cells, "What each member did is forgotten by now.")


@drill.command()
@click.argument("number", type=click.IntRange(1, MAX_ROW))
@click.pass_obj
def stop(home: Path, number: int) -> None:
    """Ends a drill now; the running server writes the report a quarter of an hour later, when mail on its way has arrived.

    \b
    Example:
      securelist drill stop 7
    """
    DrillOffice(Installation(home)).stop(number, int(time.time()))
    say(f"drill {number} takes no more answers; the report follows")


def _watch(office: DrillOffice, number: int | None) -> int:
    """Says the count whenever it changes, until the drill ends; which drill that was."""
    last = ""
    try:
        while True:
            found, rows = office.find(number)
            at = int(time.time())
            if (said := _sentence(found, rows, at)) != last:
                say(last := said)
            if at >= found.ends:
                break
            time.sleep(WATCH_EVERY_S)
    except KeyboardInterrupt:  # so that what is known is shown
        say()
    return found.id


def _summary(found: Drill, rows: tuple[DrillMember, ...], at: int) -> dict[str, object]:
    """A drill for programs: times in Unix seconds, the median in seconds; null for what is not known (yet)."""
    count, those = status_of(found, rows, at), counted(rows)
    asked = sum(row.asked > 0 for row in those) if rows else None
    times = {"started": found.started, "ends": found.ends, "reported": found.reported or None}
    figures = {"members": count["members"], "asked": asked, "answered": count["answered"], "median_seconds": found.median or None}
    return {"drill": found.id, "state": state_of(found, at), **times, "by": found.by, **figures}


def _line(one: dict[str, object]) -> tuple[object, ...]:
    began, ends, median = (int(str(one[name] or 0)) for name in ("started", "ends", "median_seconds"))
    part = share(int(str(one["answered"])), int(str(one["members"])))
    return one["drill"], when(began), when(ends), one["state"], one["members"], one["answered"], part, span(median) if median else "-"


def _sentence(found: Drill, rows: tuple[DrillMember, ...], at: int) -> str:
    count = status_of(found, rows, at)
    until = f"until {count['ended']} UTC" if at < found.ends else f"ended {count['ended']} UTC"
    rest = f"{count['open']} asked and silent, {count['unasked']} not asked yet" if not found.settled else f"median {count['median']}"
    return f"drill {found.id}, {count['state']}, {until}: {count['answered']} of {count['members']} answered, {count['share']}; {rest}"


def _why(row: DrillMember) -> str:
    meaning = MEANINGS.get(row.failure, "")
    return f"{meaning}: {row.why}" if row.why else meaning
