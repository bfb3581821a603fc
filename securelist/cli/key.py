"""`securelist key`: the list's keys and certificates."""

from __future__ import annotations

import time
from pathlib import Path

import click

from securelist.cli.output import json_option, print_json, print_table, print_text, say, when
from securelist.errors import Refused
from securelist.installation import Installation
from securelist.mail.headers import visible
from securelist.openpgp import sequoia
from securelist.openpgp.certificate import Certificate, grouped, normal_fingerprint
from securelist.store.database import writing
from securelist.store.journal import note
from securelist.trust.grammar import render
from securelist.trust.history import Standing
from securelist.trust.membership import Membership
from securelist.trust.root_effects import not_founded
from securelist.trust.statement import NAMING_THE_LIST_KEY, StatementType

IN_FORCE, FORMER, WAITING = "in force", "former", "waiting"


@click.group()
def key() -> None:
    """The list's own keys.

    \b
    Example:
      securelist key show
    """


@key.command()
@click.argument("fingerprint", required=False)
@click.option("--armor", is_flag=True, help="Print the certificate itself, ASCII-armoured.")
@click.pass_obj
def show(home: Path, fingerprint: str | None, armor: bool) -> None:
    """Shows the list's certificate in force, or another of its own: fingerprint and user ID, or all of it.

    \b
    Example:
      securelist key show --armor > tld-ops.asc
    """
    certificates = Installation(home).list_certificates
    wanted = normal_fingerprint(fingerprint) if fingerprint else certificates[-1].fingerprint
    certificate = next((one for one in certificates if one.fingerprint == wanted), None)
    if certificate is None:
        raise Refused("unknown-key", f"the list has no key {fingerprint}; see: securelist key list")
    if armor:
        print_text(sequoia.armor(certificate.octets, "PUBLIC KEY BLOCK"))
    else:
        say(visible(certificate.user_ids[0]))
        say(grouped(certificate.fingerprint))


@key.command("list")
@json_option
@click.pass_obj
def list_keys(home: Path, as_json: bool) -> None:
    """Lists all keys of the list: the one in force, former ones, and those that wait for the trust roots.

    Mail encrypted to any of them is read; the list signs with the one in force.

    \b
    Example:
      securelist key list --json
    """
    installation = Installation(home)
    membership = installation.membership()
    in_force = installation.list_key.fingerprint if membership.founding else ""
    rows = [(one, *_state(one, in_force, membership)) for one in installation.list_certificates]
    if as_json:
        print_json([{"fingerprint": c.fingerprint, "state": state, "made": c.primary.created, "entry": entry} for c, state, entry in rows])
        return
    table = [(grouped(c.fingerprint), state, when(c.primary.created), entry or "-") for c, state, entry in rows]
    print_table(("Fingerprint", "State", "Made (UTC)", "Entry"), table, "The list has no key.")


def _state(certificate: Certificate, in_force: str, membership: Membership) -> tuple[str, int]:
    """The state of a key of the list's, and the number of the entry that put it in force last; 0 if none did."""
    fingerprint = certificate.fingerprint
    naming = (s for s in membership.said if s.statement.type in NAMING_THE_LIST_KEY and s.statement.key == fingerprint)
    entry = max((said.entry for said in naming if said.standing is not Standing.PENDING), default=0)
    return (IN_FORCE if fingerprint == in_force else FORMER if entry else WAITING), entry


@key.command()
@click.pass_obj
def new(home: Path) -> None:
    """Makes another key for the list. It waits until the trust roots put it in force; nothing else changes until then.

    \b
    Example:
      securelist key new
    """
    installation = Installation(home)
    founding = installation.membership().founding
    if founding is None:
        raise not_founded()
    made = installation.list_key.another(installation.config.display_name, installation.config.list)
    with writing(installation.engine) as connection:
        note(connection, int(time.time()), "key", made.fingerprint, "made")
    print_text(f"Made another key for {installation.config.list}, with the fingerprint\n\n    {grouped(made.fingerprint)}\n\n")
    say(f"Nothing changes before it is in force. That takes the signature{_how_many(founding.threshold)} on this text")
    print_text("(gpg --clearsign), handed in with `securelist statement submit FILE`:\n\n")
    print_text(render(StatementType.REPLACE_LIST_KEY, {"List": [installation.config.list], "Key": [made.fingerprint]}))


def _how_many(threshold: int) -> str:
    return " of one trust root" if threshold == 1 else f"s of {threshold} trust roots"
