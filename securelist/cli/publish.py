"""`securelist publish`: the public site, for a web server."""

from __future__ import annotations

import time
from pathlib import Path

import click

from securelist.cli.output import say
from securelist.installation import Installation
from securelist.procedures.dates import minute
from securelist.site.facts import facts
from securelist.site.folder import publish as put
from securelist.site.whole import site


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.pass_obj
def publish(home: Path, folder: Path) -> None:
    """Writes the public site into DIR: how far the list reaches, how to join, the list's certificate, and its Web Key Directory.

    DIR is new, empty, or from the last time. Nothing in it is about a person. Files that did not change are left as they are.

    \b
    Example:
      securelist publish /var/www/tld-ops
    """
    told = facts(Installation(home), int(time.time()))
    files = site(told)
    changed = put(files, folder, home)
    say(f"{folder}: {len(files)} files, {changed} new or changed; {told.here} of {told.cctlds} ccTLDs, as of {minute(told.at)} UTC")
