"""`securelist cctld`: what is on record about each ccTLD, and how far the list reaches."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from securelist.cctld.cctlds import Region, cctlds, find_cctld
from securelist.cctld.coverage import State
from securelist.cctld.rdap import MAX_FILE_OCTETS, read_answer, read_file
from securelist.cctld.record import Record
from securelist.cctld.table import as_csv, as_json_value
from securelist.cli.coverage import show_tables
from securelist.cli.output import json_option, print_json, print_table, print_text, progress_bar, say
from securelist.config import read_config
from securelist.errors import NotPermitted, Refused, SecurelistError, UsageError
from securelist.installation import Installation
from securelist.mail.headers import visible
from securelist.procedures.office import MAX_BATCH, Office
from securelist.procedures.reach import reach
from securelist.procedures.rounds import Rounds
from securelist.store import records
from securelist.store.database import writing
from securelist.store.records import Kept

NOBODY_LEFT = "There is nobody to invite: every ccTLD with a record was invited, or has people here."

# What one file, or one answer of a server, came to.
Read = tuple[Record, ...] | SecurelistError


@click.group()
def cctld() -> None:
    """The ccTLDs: IANA's records of them, and which are represented here.

    \b
    Example:
      securelist cctld list --missing
    """


# --- records --------------------------------------------------------------------------------------------------------------


@cctld.command("import")
@click.argument("what", nargs=-1, metavar="FILE…")
@click.option("--fetch", is_flag=True, help="Get the records of the ccTLDs named from the RDAP server in the configuration.")
@click.option("--all", "everything", is_flag=True, help="With --fetch: of all ccTLDs.")
@json_option
@click.pass_obj
def import_records(home: Path, what: tuple[str, ...], fetch: bool, everything: bool, as_json: bool) -> None:
    """Imports IANA's RDAP records of ccTLDs (RFC 9083) from files, one record or an array of them in each.

    Says what changed since the last time. Of a file with a fault nothing is kept, and the others are.

    \b
    Example:
      securelist cctld import nl.json br.json
      securelist cctld import --fetch nl br
    """
    _check(what, fetch, everything)
    now = int(time.time())
    read = _fetched(home, list(cctlds()) if everything else what, now) if fetch else _from_files(what, now)
    kept, troubles = _keep(Installation(home), read)
    if as_json:
        print_json({"records": [_json(one) for one in kept], "refused": [{"reason": t.reason, "detail": t.detail} for t in troubles]})
    else:
        _tell(kept, troubles)
    if troubles:
        raise click.exceptions.Exit(next((t for t in troubles if isinstance(t, Refused)), troubles[0]).exit_status)


def _check(what: tuple[str, ...], fetch: bool, everything: bool) -> None:
    if everything and not fetch:
        raise UsageError("bad-options", "--all goes with --fetch")
    if fetch and everything == bool(what):
        raise UsageError("bad-options", "say which ccTLDs to fetch, or --all")
    if not fetch and not what:
        raise UsageError("no-file", "name at least one file with a record, or say --fetch and ccTLDs")


def _from_files(paths: Iterable[str], at: int) -> Iterator[Read]:
    for path in paths:
        try:
            with Path(path).open("rb") as file:
                yield read_file(file.read(MAX_FILE_OCTETS + 1), visible(path), at)
        except OSError as problem:
            kind = NotPermitted if isinstance(problem, PermissionError) else UsageError
            yield kind("no-file", f"{visible(path)}: {problem.strerror}")
        except Refused as refused:
            yield refused


def _fetched(home: Path, names: Iterable[str], at: int) -> Iterator[Read]:
    from securelist.cctld.fetch import RdapServer  # httpx, which costs a seventh of a second

    wanted = dict.fromkeys(find_cctld(name).name for name in names)
    server = RdapServer(read_config(home).rdap_server)
    with progress_bar("records") as progress:
        answers = server.fetch(tuple(wanted), progress)
    for answer in answers:
        try:
            yield answer.trouble or (read_answer(answer.octets, answer.cctld, answer.url, at),)
        except Refused as refused:
            yield refused


def _keep(installation: Installation, read: Iterable[Read]) -> tuple[list[Kept], list[SecurelistError]]:
    """Each file's records in one transaction; what was kept, and the faults."""
    kept: list[Kept] = []
    troubles: list[SecurelistError] = []
    for one in read:
        if isinstance(one, SecurelistError):
            troubles.append(one)
            continue
        with writing(installation.engine) as connection:
            kept += records.keep(connection, one)
    return kept, troubles


def _word(kept: Kept) -> str:
    return "new" if kept.before is None else "changed" if kept.changes else "unchanged"


def _json(kept: Kept) -> dict[str, object]:
    return {"cctld": kept.record.cctld, "result": _word(kept), "changes": kept.changes}


def _tell(kept: list[Kept], troubles: list[SecurelistError]) -> None:
    rows = []
    for one in sorted(kept, key=lambda one: one.record.cctld):
        record = one.record
        what = "; ".join(change.sentence for change in one.changes) or f"{record.manager}: {record.name} <{record.address}>"
        rows.append((cctlds()[record.cctld].shown, _word(one), what))
    print_table(("ccTLD", "", "Record"), rows, "No record was kept.")
    for trouble in troubles:
        say(f"securelist: {trouble.detail} ({trouble.reason})", err=True)


# --- invitations ----------------------------------------------------------------------------------------------------------


@cctld.command()
@click.argument("names", nargs=-1, metavar="TLD…")
@click.option("--batch", type=click.IntRange(1, MAX_BATCH), help="Instead: the next so many, by name, that nobody invited yet.")
@json_option
@click.pass_obj
def invite(home: Path, names: tuple[str, ...], batch: int | None, as_json: bool) -> None:
    """Invites the Admin Contacts of ccTLDs, at their addresses of record, to name their SSCs.

    The mails leave with `serve` or `deliver`; reminders follow after 7 and 21 days, and after 30 days an invitation lapses.

    \b
    Example:
      securelist cctld invite nl br
      securelist cctld invite --batch 20
    """
    if bool(names) == bool(batch):
        raise UsageError("bad-options", "name the ccTLDs to invite, or say --batch and how many")
    installation, now = Installation(home), int(time.time())
    office = Office(installation)
    done = office.invite_batch(batch, now) if batch else office.invite(names, now)
    Rounds(installation).run(now)
    if as_json:
        print_json([dataclasses.asdict(one) for one in done])
    else:
        rows = [(one.what, "done" if one.done else "not done", one.sentence) for one in done]
        print_table(("ccTLD", "", "What became of it"), rows, NOBODY_LEFT)
    if not all(one.done for one in done):
        raise click.exceptions.Exit(Refused.exit_status)


# --- coverage -------------------------------------------------------------------------------------------------------------


@cctld.command("list")
@click.option("--region", type=click.Choice([region.value for region in Region], case_sensitive=False), help="Only this region's.")
@click.option("--missing", is_flag=True, help="Only those without an Admin Contact and without a member; the counts are of all.")
@click.option("--csv", "csv", is_flag=True, help="Print CSV, for a spreadsheet.")
@json_option
@click.pass_obj
def list_cctlds(home: Path, region: str | None, missing: bool, csv: bool, as_json: bool) -> None:
    """Lists every ccTLD by region: manager, Admin Contact, members, and how far it has come, with counts.

    \b
    Example:
      securelist cctld list --region AF --missing
    """
    if csv and as_json:
        raise UsageError("bad-options", "choose one of --csv and --json")
    rows = reach(Installation(home), int(time.time()))
    chosen = [row for row in rows if region is None or row.cctld.region == region]
    shown = [row for row in chosen if not missing or row.state is State.MISSING]
    if csv:
        print_text(as_csv(shown))
    elif as_json:
        print_json(as_json_value(shown, chosen))
    else:
        show_tables(shown, chosen)
