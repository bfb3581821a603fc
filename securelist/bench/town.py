"""A list of N members, admitted by real statements through the real rules, kept for the next run."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Callable, Sequence
from itertools import cycle
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


def open_town(
    keep: Path, members: int, next_hop: str, progress: Callable[[int], None], tlds: Sequence[str] = ("nl",)
) -> tuple[Installation, People]:
    """The installation with that many members, of these ccTLDs in turn, in `keep`, made if it is not there, and its people."""
    people = People(keep / "people")
    fingerprints = people.make([(ROOT, False), (ADMIN, False), *member_addresses(members)], progress)
    home = keep / (f"list-{members}" if len(tlds) == 1 else f"list-{members}-of-{len(tlds)}")
    config = Config(list=LIST, key="", next_hop=_NOWHERE, smtp="127.0.0.1:0", lmtp="127.0.0.1:0", members_per_cctld=members, home=home)
    if not _is_complete(home, members):
        shutil.rmtree(home, ignore_errors=True)
        _found(config, people, fingerprints, tlds)
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


def _found(config: Config, people: People, fingerprints: dict[str, str], tlds: Sequence[str]) -> None:
    """Founds the list, appoints one Admin Contact for all the ccTLDs, and attests every member."""
    made = create(config.home, config, [people.certificate(fingerprints[ROOT])])
    town = Installation(config.home)
    now = int(time.time())

    def enter(signer: str, texts: Sequence[str], about: Sequence[str]) -> None:
        certificates = tuple(people.certificate(fingerprints[address]) for address in about)
        town.enter(Parcel((people.clearsigned(fingerprints[signer], "\n".join(texts)),), certificates), now)

    enter(ROOT, [founding_text(LIST, made.key, [fingerprints[ROOT]])], [])
    for names in _batches(tlds):
        enter(ROOT, [_statement(StatementType.APPOINT_ADMIN_CONTACT, ADMIN, fingerprints, tld) for tld in names], [ADMIN])
    places = dict(zip((address for address in fingerprints if address not in (ROOT, ADMIN)), cycle(tlds), strict=False))
    for batch in _batches([*places]):
        enter(ADMIN, [_statement(StatementType.ATTEST_SSC, address, fingerprints, places[address]) for address in batch], batch)


def _batches(those: Sequence[str]) -> list[Sequence[str]]:
    return [those[i : i + MAX_STATEMENTS] for i in range(0, len(those), MAX_STATEMENTS)]


def _statement(kind: StatementType, address: str, fingerprints: dict[str, str], tld: str) -> str:
    fields = {"List": [LIST], "TLD": [tld], "Name": [address.partition("@")[0]], "Email": [address], "Key": [fingerprints[address]]}
    if kind is StatementType.ATTEST_SSC:
        fields["Phone"] = ["+31 20 000 0000"]
    return render(kind, fields)
