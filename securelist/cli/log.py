"""`securelist log`: the hash-chained log of membership, and its offline proof."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click

from securelist.cli.output import (
    FILE,
    NEW_FILE,
    at_option,
    json_option,
    print_json,
    print_table,
    progress_bar,
    say,
    when,
    write_private,
)
from securelist.errors import Refused
from securelist.exported import exported
from securelist.installation import Installation
from securelist.mail.headers import address_in_user_id
from securelist.openpgp.own_gpg import unwrap
from securelist.plural import counted
from securelist.store import log_store
from securelist.store.database import reading
from securelist.trust.copies import Hearing, hear, weighed
from securelist.trust.membership import Member
from securelist.trust.proof import Proof, prove


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
        say()
        say(f"Head: entry {entries[-1].number}, {entries[-1].hash}")


@log.command()
@click.argument("file", type=NEW_FILE)
@click.pass_obj
def export(home: Path, file: Path) -> None:
    """Writes the whole log to FILE, its head signed by the list: all that `log verify` needs besides the trust roots.

    \b
    Example:
      securelist log export tld-ops.log
    """
    made = exported(Installation(home), int(time.time()))
    write_private(file, made.octets)  # names and telephone numbers are in it
    say(f"wrote {counted(made.head.number, 'entry', 'entries')} to {file}")


@log.command()
@click.pass_obj
def replay(home: Path) -> None:
    """Verifies every entry of the log anew and rebuilds the tables of members from them.

    \b
    Example:
      securelist log replay
    """
    membership = Installation(home).replay()
    say(f"replayed {membership.head.number} entries; {len(membership.members(int(time.time())))} members")


@log.command()
@click.argument("file", type=FILE)
@click.option("--root", "roots", multiple=True, required=True, type=FILE, help="A trust root's certificate; repeatable.")
@click.option(
    "--copy", "copies", multiple=True, type=FILE, metavar="MAIL", help="A copy of a post, as it came; your own gpg opens it; repeatable."
)
@at_option
@click.option("--quiet", is_flag=True, help="Leave out what was checked, entry by entry.")
@json_option
def verify(file: Path, roots: tuple[Path, ...], copies: tuple[Path, ...], at: int | None, quiet: bool, as_json: bool) -> None:
    """Proves an exported log offline, from the trust roots alone: every signature, every rule, the chain and the head.

    Copies of posts are witnesses: each says, signed by the list, what the log's head was when it was sent.

    \b
    Example:
      securelist log verify tld-ops.log --root secretariat.asc --copy post.eml
    """
    now, octets, certificates = int(time.time()), file.read_bytes(), [root.read_bytes() for root in roots]
    mails = [(click.format_filename(copy), copy.read_bytes()) for copy in copies]
    with progress_bar("verifying") as progress:
        proof = prove(octets, certificates, now, members_at=at, progress=progress)
    heard = hear(mails, proof.export, unwrap, now) if proof.valid and proof.export else ()
    proof = weighed(proof, heard)
    if as_json:
        print_json(proof.as_json() | {"copies": [hearing.as_json() for hearing in heard]})
    else:
        _print_proof(proof, heard, quiet, at)
    if not proof.valid:
        raise click.exceptions.Exit(Refused.exit_status)


def _print_proof(proof: Proof, heard: Sequence[Hearing], quiet: bool, at: int | None) -> None:
    for problem in proof.problems:
        say(f"NOT PROVED after {proof.entries} entries: {problem}", err=True)
    if not proof.valid:
        return
    for line in (*(() if quiet else proof.checks), *(hearing.sentence for hearing in heard)):
        say(line)
    if proof.left_out:
        number, where = len(proof.left_out), ", ".join(f".{cctld}" for cctld in proof.by_word)
        say(f"The texts of {number} entries are left out, of memberships that have ended. Who is a member for {where}, is the list's word")
        say("here; the whole log proves it: mail the word log to the list's -request address. For all others this is the whole proof.")
    whose = "Members:" if at is None else f"Members at {when(at)} UTC:"
    say(f"{proof.list}: {proof.entries} entries hold, head {proof.head.hash} of {when(proof.time)} UTC. {whose}")
    rows = [(f".{m.cctld}", m.name, ", ".join(m.emails), m.fingerprint, _state(m, proof)) for m in proof.members]
    print_table(("ccTLD", "Name", "Addresses", "Fingerprint", "State"), rows, "none")


def _state(member: Member, proof: Proof) -> str:
    return f"{member.state}, by the list's word" if member.cctld in proof.by_word else member.state
