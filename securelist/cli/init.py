"""`securelist init`: a new list."""

from __future__ import annotations

from pathlib import Path

import click

from securelist.cli.output import FILE, print_text, say
from securelist.config import Config
from securelist.delivery.next_hop import open_next_hop
from securelist.errors import ConfigurationError, UsageError
from securelist.installation import Installation, create
from securelist.mail.addresses import address_problem
from securelist.mail.server import host_and_port
from securelist.openpgp.certificate import grouped
from securelist.trust.grammar import founding_text


@click.command()
@click.argument("list_address")
@click.option("--root", "roots", multiple=True, required=True, type=FILE, help="A trust root's certificate; repeatable.")
@click.option("--next-hop", default=Config.next_hop, show_default=True, help="smtp://HOST:PORT, smtps://HOST:PORT or maildir:DIR.")
@click.option("--smtp", default=Config.smtp, show_default=True, help="HOST:PORT for SMTP; port 0 takes a free one.")
@click.option("--lmtp", default=Config.lmtp, show_default=True, help="HOST:PORT for LMTP; port 0 takes a free one.")
@click.option("--name", default="", help="The list's display name; the local part of its address if left out.")
@click.pass_obj
def init(home: Path, list_address: str, roots: tuple[Path, ...], next_hop: str, smtp: str, lmtp: str, name: str) -> None:
    """Makes a list: state directory, database, and the list's own key. Prints the statement that founds it.

    \b
    Example:
      securelist init tld-ops@lists.example.org --root keys/secretariat.asc \\
          --next-hop smtp://127.0.0.1:10025
    """
    address = list_address.lower()
    if problem := address_problem(address):
        raise UsageError("bad-address", problem)
    if not name.isprintable():
        raise UsageError("bad-name", "the display name must be one line of visible characters")
    check_listen(smtp)
    check_listen(lmtp)
    if next_hop.startswith("maildir:"):
        next_hop = f"maildir:{Path(next_hop.removeprefix('maildir:')).absolute()}"
    open_next_hop(next_hop, address.rpartition("@")[2]).close()
    config = Config(list=address, key="", next_hop=next_hop, smtp=smtp, lmtp=lmtp, name=name, home=home)
    made = create(home, config, [root.read_bytes() for root in roots])
    say(f"Made the list {made.list} in {home}.")
    print_text(f"\nThe list's key has the fingerprint\n\n    {grouped(made.key)}\n\n")
    say("Nothing works before it is founded. Let a trust root sign this text (gpg --clearsign), and hand it in with")
    print_text("`securelist statement submit FILE`:\n\n")
    fingerprints = [root.fingerprint for root in Installation(home).roots]
    print_text(founding_text(made.list, made.key, fingerprints))


def check_listen(address: str) -> None:
    """Raises UsageError unless `address` is HOST:PORT."""
    try:
        host_and_port(address)
    except ConfigurationError as problem:
        raise UsageError("bad-address", problem.detail) from None
