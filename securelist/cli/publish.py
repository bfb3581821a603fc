"""`securelist publish`: the public site, for a web server."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

import click

from securelist.cli.output import FOLDER, say
from securelist.installation import Installation
from securelist.plural import counted
from securelist.procedures.dates import minute
from securelist.site.facts import facts
from securelist.site.folder import closed_to_others
from securelist.site.folder import publish as put
from securelist.site.whole import site


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
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
    reached = f"{told.here} of {told.cctlds} ccTLDs, as of {minute(told.at)} UTC"
    say(f"{folder}: {counted(len(files), 'file')}, {changed} new or changed; {reached}")
    if closed := closed_to_others(folder):
        others = "no other user can enter it, so no web server can show what is in it, unless it runs as one of its group"
        say(f"warning: {closed}: {others}. Let it in: chmod o+rx {shlex.quote(str(closed))}", err=True)
