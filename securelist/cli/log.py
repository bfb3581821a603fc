"""`securelist log`: the hash-chained log of membership, and its offline proof."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from securelist.cli.output import FILE, json_option, print_json, print_table, when
from securelist.errors import Refused
from securelist.installation import Installation
from securelist.mail.headers import address_in_user_id
from securelist.store import log_store
from securelist.store.database import reading
from securelist.trust.export import write_export
from securelist.trust.proof import prove


@click.group()
def log() -> None:
    """The log: every change of membership, signed and chained.

    \b
    Example:
      securelist log verify tld-ops.log --root secretariat.asc
    """


@log.command()
@json_option
@click.pass_obj
def show(home: Path, as_json: bool) -> None:
    """Lists the entries of the log.

    \b
    Example:
      securelist log show
    """
    installation = Installation(home)
    with reading(installation.engine) as connection:
        entries = [entry for entry, _ in log_store.entries(connection)]
    if as_json:
        print_json([{"hash": entry.hash} | vars(entry) for entry in entries])
        return
    certificates = installation.anchor.signers(installation.membership())

    def who(fingerprint: str) -> str:
        known = certificates.get(fingerprint)
        return address_in_user_id(known.user_ids[0]) if known and known.user_ids else "-"

    rows = [(e.number, when(e.time), e.type, f".{e.cctld}" if e.cctld else "-", who(e.subject), who(e.signer)) for e in entries]
    print_table(("No.", "Time (UTC)", "Type", "TLD", "About", "Signed by"), rows, "The log is empty: the list is not founded.")
    if entries:
        click.echo(f"\nHead: entry {entries[-1].number}, {entries[-1].hash}")


@log.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def export(home: Path, file: Path) -> None:
    """Writes the whole log to FILE, its head signed by the list: all that `log verify` needs besides the trust roots.

    \b
    Example:
      securelist log export tld-ops.log
    """
    installation = Installation(home)
    with reading(installation.engine) as connection:
        entries = list(log_store.entries(connection))
    if not entries:
        raise Refused("not-founded", "the log is empty: the list is not founded")
    octets = write_export(installation.config.list, installation.list_key, entries, int(time.time()))
    # Names and telephone numbers are in it.
    with open(file, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as opened:
        opened.write(octets)
    click.echo(f"wrote {len(entries)} entries to {file}")


@log.command()
@click.argument("file", type=FILE)
@click.option("--root", "roots", multiple=True, required=True, type=FILE, help="A trust root's certificate; repeatable.")
@json_option
def verify(file: Path, roots: tuple[Path, ...], as_json: bool) -> None:
    """Proves an exported log offline, from the trust roots alone: every signature, every rule, the chain and the head.

    \b
    Example:
      securelist log verify tld-ops.log --root secretariat.asc
    """
    proof = prove(file.read_bytes(), [root.read_bytes() for root in roots], int(time.time()))
    if as_json:
        print_json(proof.as_json())
    elif proof.valid:
        click.echo(f"{proof.list}: {proof.entries} entries hold, head {proof.head.hash} of {when(proof.time)} UTC. Members:")
        rows = [(f".{m.cctld}", m.name, ", ".join(m.emails), m.fingerprint, m.state) for m in proof.members]
        print_table(("ccTLD", "Name", "Addresses", "Fingerprint", "State"), rows, "none")
    else:
        for problem in proof.problems:
            click.echo(f"NOT PROVED after {proof.entries} entries: {problem}", err=True)
    if not proof.valid:
        raise click.exceptions.Exit(Refused.exit_status)
