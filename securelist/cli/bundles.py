"""`securelist contacts export --bundle`, `import`, `sources`, `forget`: contacts to and from Regional Organisations."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import click

from securelist.cctld.cctlds import Region
from securelist.cli.output import FILE, json_option, print_json, print_table, say, when, write_private
from securelist.contacts.bundle import compose, one_certificate, seal
from securelist.contacts.importing import Sender, forget_source, import_bundle, read_file, sources
from securelist.contacts.repository import Repository
from securelist.errors import Refused
from securelist.installation import Installation
from securelist.mail.headers import visible
from securelist.openpgp.admission import MAX_CERTIFICATE_OCTETS
from securelist.openpgp.certificate import Certificate, grouped
from securelist.plural import counted
from securelist.store.database import forget as leave_nothing


@dataclass(frozen=True)
class Order:
    """What `export --bundle` was asked for: the file to write, the recipient's certificate, the region, None for all, or nobody at all."""

    file: Path
    to: Path
    region: Region | None
    empty: bool


def write_bundle(house: Installation, repository: Repository, order: Order) -> None:
    """Writes a bundle and says whom it is for, so that the operator compares that, and who is in it; raises Refused, TryAgain."""
    recipient = _certificate(order.to)
    composed = compose(repository, recipient.fingerprint, order.region, empty=order.empty)
    write_private(order.file, seal(composed, recipient, house.voice.sealer, repository.at))
    say(f"wrote {order.file}: contacts: {composed.contacts}")
    _say_whose("for", recipient)
    if not order.empty:
        say(f"left out, because they did not agree (Share: regional): {composed.silent}")
    for line in composed.unclear:
        say(f"left out, because nobody could read them: {line}", err=True)
    whom = "all of yours" if order.empty else "whoever is not in it"
    say(f"It takes the place of all that was sent to them before: it tells them to forget {whom}.")
    say("Compare the fingerprint with them, by telephone, before you send it: whoever has that key reads these contacts.")


def _say_whose(what: str, certificate: Certificate) -> None:
    say(f"{what} {grouped(certificate.fingerprint)}")
    for user_id in certificate.user_ids:
        say(f"    {visible(user_id)}")


def _certificate(file: Path) -> Certificate:
    with file.open("rb") as opened:
        return one_certificate(opened.read(2 * MAX_CERTIFICATE_OCTETS + 1))


@click.command("import")
@click.argument("file", type=FILE)
@click.option("--from", "certificate", required=True, type=FILE, metavar="CERTIFICATE", help="Of the Regional Organisation that signed it.")
@click.option("--name", required=True, help="What they are called, as people read it beside their contacts.")
@json_option
@click.pass_obj
def import_(home: Path, file: Path, certificate: Path, name: str, as_json: bool) -> None:
    """Takes the contacts in a Regional Organisation's bundle, in place of those that it sent before: all of them, or none.

    It makes nobody a member: imported contacts are shown apart, with their source and its date, and forgotten when they are old.

    \b
    Example:
      securelist contacts import centr.asc --from centr-certificate.asc --name CENTR
    """
    house = Installation(home)
    try:
        signer = _certificate(certificate)
        source = import_bundle(house, read_file(file), Sender(signer, name), int(time.time()))
    except Refused as refused:
        if as_json:
            print_json({"accepted": False, "reason": refused.reason, "detail": refused.detail, "contacts": 0})
            raise click.exceptions.Exit(refused.exit_status) from None
        raise
    sentence = f"imported {counted(source.contacts, 'contact')} of {source.name}, as of {when(source.made)} UTC; none is a member by it"
    if as_json:
        print_json({"accepted": True, "reason": "imported", "detail": sentence, "contacts": source.contacts})
        return
    say(sentence)
    _say_whose("signed by", signer)


@click.command("sources")
@json_option
@click.pass_obj
def list_sources(home: Path, as_json: bool) -> None:
    """Lists from whom contacts were imported, when they made their last bundle, and how many of theirs are known.

    \b
    Example:
      securelist contacts sources
    """
    found = sources(Installation(home))
    if as_json:
        print_json(list(found))
        return
    rows = [(one.name, one.address, when(one.made), when(one.received), one.contacts, one.fingerprint) for one in found]
    print_table(("Source", "Address", "Made (UTC)", "Imported", "Contacts", "Fingerprint"), rows, "Nothing was imported.")


@click.command("forget")
@click.argument("source")
@click.pass_obj
def forget(home: Path, source: str) -> None:
    """Deletes the contacts of a source, by its name or fingerprint. Its bundles that were imported stay refused, newer ones do not.

    \b
    Example:
      securelist contacts forget CENTR
    """
    house = Installation(home)
    gone = forget_source(house, source, int(time.time()))
    leave_nothing(house.engine)
    say(f"forgot {counted(gone.contacts, 'contact')} of {gone.name}")
