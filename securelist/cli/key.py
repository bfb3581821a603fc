"""`securelist key`: the list's certificate."""

from __future__ import annotations

from pathlib import Path

import click

from securelist.installation import Installation
from securelist.mail.headers import visible
from securelist.openpgp import sequoia
from securelist.openpgp.certificate import grouped


@click.group()
def key() -> None:
    """The list's own key.

    \b
    Example:
      securelist key show
    """


@key.command()
@click.option("--armor", is_flag=True, help="Print the certificate itself, ASCII-armoured.")
@click.pass_obj
def show(home: Path, armor: bool) -> None:
    """Shows the list's certificate: fingerprint and user ID, or all of it.

    \b
    Example:
      securelist key show --armor > tld-ops.asc
    """
    certificate = Installation(home).list_certificate
    if armor:
        click.echo(sequoia.armor(certificate.octets, "PUBLIC KEY BLOCK"), nl=False)
    else:
        click.echo(f"{visible(certificate.user_ids[0])}\n{grouped(certificate.fingerprint)}")
