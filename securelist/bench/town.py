"""A list of N members, admitted by real statements through the real rules, kept for the next run."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from securelist.bench.people import People
from securelist.config import MAX_POSTS_PER_HOUR, Config, write_config
from securelist.errors import SecurelistError
from securelist.installation import Installation, create
from securelist.trust.grammar import MAX_STATEMENTS, founding_text, render
from securelist.trust.statement import StatementType
from securelist.trust.submission import Parcel

LIST = "bench@lists.example.org"
ROOT, ADMIN = "root@bench.example", "admin@bench.example"
_NOWHERE = "smtp://127.0.0.1:9"


def member_addresses(members: int) -> list[tuple[str, bool]]:
    """(address, whether RSA) of each member: half RSA-3072, half Ed25519."""
    return [(f"m{i}@bench.example", i % 2 == 0) for i in range(members)]


def open_town(keep: Path, members: int, next_hop: str, progress: Callable[[int], None]) -> tuple[Installation, People]:
    """The installation with that many members in `keep`, made if it is not there, and its people."""
    people = People(keep / "people")
    fingerprints = people.make([(ROOT, False), (ADMIN, False), *member_addresses(members)], progress)
    home = keep / f"list-{members}"
    config = Config(list=LIST, key="", next_hop=_NOWHERE, smtp="127.0.0.1:0", lmtp="127.0.0.1:0", members_per_cctld=members, home=home)
    if not _is_complete(home, members):
        shutil.rmtree(home, ignore_errors=True)
        _found(config, people, fingerprints)
    return configured(home, next_hop), people


def configured(home: Path, next_hop: str, *, receipts: bool = False) -> Installation:
    """The installation there, set so that it takes what a bench sends, and counts: without receipts every mail is a copy."""
    settings = Installation(home).config
    write_config(dataclasses.replace(settings, next_hop=next_hop, posts_per_hour=MAX_POSTS_PER_HOUR, receipts=receipts))
    return Installation(home)


def _is_complete(home: Path, members: int) -> bool:
    try:
        return home.exists() and len(Installation(home).membership().members(int(time.time()))) == members
    except SecurelistError:  # kept by an earlier version, say
        return False


def _found(config: Config, people: People, fingerprints: dict[str, str]) -> None:
    """Founds the list, appoints one Admin Contact, and attests every member."""
    made = create(config.home, config, [people.certificate(fingerprints[ROOT])])
    town = Installation(config.home)
    now = int(time.time())
    texts = [founding_text(LIST, made.key, [fingerprints[ROOT]]), _statement(StatementType.APPOINT_ADMIN_CONTACT, ADMIN, fingerprints)]
    for text in texts:
        town.enter(Parcel((people.clearsigned(fingerprints[ROOT], text),), (people.certificate(fingerprints[ADMIN]),)), now)
    addresses = [address for address in fingerprints if address not in (ROOT, ADMIN)]
    for i in range(0, len(addresses), MAX_STATEMENTS):
        batch = addresses[i : i + MAX_STATEMENTS]
        text = "\n".join(_statement(StatementType.ATTEST_SSC, address, fingerprints) for address in batch)
        certificates = tuple(people.certificate(fingerprints[address]) for address in batch)
        town.enter(Parcel((people.clearsigned(fingerprints[ADMIN], text),), certificates), now)


def _statement(kind: StatementType, address: str, fingerprints: dict[str, str]) -> str:
    fields = {"List": [LIST], "TLD": ["nl"], "Name": [address.partition("@")[0]], "Email": [address], "Key": [fingerprints[address]]}
    if kind is StatementType.ATTEST_SSC:
        fields["Phone"] = ["+31 20 000 0000"]
    return render(kind, fields)
