"""`securelist contacts`: the contact repository, as files."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from securelist.cctld.cctlds import Region, find_cctld
from securelist.cli.bundles import Order, forget, import_, list_sources, write_bundle
from securelist.cli.output import FILE, FOLDER, NEW_FILE, say, write_private
from securelist.contacts.formats import FORMS, Form
from securelist.contacts.mailing import Mailings
from securelist.contacts.repository import repository
from securelist.errors import UsageError
from securelist.installation import Installation
from securelist.plural import counted


@click.group()
def contacts() -> None:
    """The contact repository: who is here, how to reach them, and their certificates.

    \b
    Example:
      securelist contacts export --format text nl
    """


@contacts.command()
@click.argument("cctlds", nargs=-1, metavar="[TLD]...")
@click.option("--format", "names", metavar="FORM,...", help=f"Of: {', '.join(FORMS)}; text if left out.")
@click.option("--into", "folder", type=FOLDER, help="Write a file for each form into this folder.")
@click.option("--bundle", type=NEW_FILE, metavar="FILE", help="Write a bundle for a Regional Organisation.")
@click.option("--to", "recipient", type=FILE, metavar="CERTIFICATE", help="For --bundle: theirs, to which it is encrypted.")
@click.option(
    "--region",
    type=click.Choice([region.value for region in Region], case_sensitive=False),
    help="For --bundle: only the contacts of this region.",
)
@click.option("--empty", is_flag=True, help="For --bundle: nobody is in it; it tells them to forget all of yours.")
@click.pass_obj
def export(
    home: Path,
    cctlds: tuple[str, ...],
    names: str | None,
    folder: Path | None,
    bundle: Path | None,
    recipient: Path | None,
    region: str | None,
    empty: bool,
) -> None:
    """Writes the contacts of all ccTLDs, or of those named: in one form on standard output, in several --into a folder, or as a --bundle.

    A bundle is signed and encrypted, and holds the contacts who agreed to it (Share: regional) and are not suspended. It takes the place of
    all that was sent to the same recipient before: whom it does not hold they forget. So none is written with nobody in it, but by --empty.

    \b
    Example:
      securelist contacts export --format vcard,html --into repository
      securelist contacts export --bundle centr.asc --to centr-certificate.asc --region EUR
    """
    order = _order(bundle, recipient, region, empty=empty, alone=not (names or folder or (empty and cctlds)))
    forms = [_form(name.strip()) for name in (names or "text").split(",")]
    if not order and folder is None and len(forms) > 1:
        raise UsageError("no-folder", "several forms need a folder to be written to: --into FOLDER")
    house = Installation(home)
    whole = repository(house, int(time.time()))
    chosen = whole.of(find_cctld(name).name for name in cctlds) if cctlds else whole
    if order:
        write_bundle(house, chosen, order)
        return
    for form in forms:
        octets = form.write(chosen)
        if folder is None:
            sys.stdout.buffer.write(octets)
        else:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(folder / form.file, octets)
            say(f"wrote {folder / form.file}: {counted(len(chosen.contacts), 'contact')}")


@contacts.command()
@click.pass_obj
def send(home: Path) -> None:
    """Mails the contacts to every member now, as the server does by itself on `contacts_day`.

    \b
    Example:
      securelist contacts send
    """
    house = Installation(home)
    house.check_unchanged()
    sent = Mailings(house).send(int(time.time()))
    with_them = ", ".join(f"{part.name} {part.megabytes}" for part in sent.parts)
    say(f"post {sent.post}: for {sent.members} members, {sent.unreachable} of whom cannot be reached")
    say(f"each copy has {sent.octets / 1_000_000:.1f} MB, with {with_them}")
    if sent.left_out:
        say(f"left out, because it would be too large: {', '.join(part.name for part in sent.left_out)}; members get them by command")
    say("the running server, or `securelist deliver --once`, sends them")


for command in (import_, list_sources, forget):
    contacts.add_command(command)


def _order(bundle: Path | None, recipient: Path | None, region: str | None, *, empty: bool, alone: bool) -> Order | None:
    """The bundle that is asked for, None if none is; raises UsageError for options that do not go together."""
    if bundle and recipient and alone and not (empty and region):
        return Order(bundle, recipient, Region(region) if region else None, empty)
    if bundle or recipient or region or empty:
        rule = "a bundle needs --bundle FILE and --to CERTIFICATE; ccTLDs and --region, or --empty, if you like; forms are not for it"
        raise UsageError("bad-options", rule)
    return None


def _form(name: str) -> Form:
    if name not in FORMS:
        raise UsageError("unknown-form", f"{name!r} is no form; there are {', '.join(FORMS)}")
    return FORMS[name]
