"""The last mail with the contacts, as it lies in a member's mailbox: sent by a list of twenty ccTLDs and 58 members."""

from __future__ import annotations

import email
import email.policy
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from contacts_world import TZ_MOBILE, TZ_NAME, TZ_PHONE, many_certificates
from guide_reader import GUIDES
from people import People, Somebody
from town import LIST, Town, found_town

from securelist.cctld.cctlds import cctlds
from securelist.installation import Installation
from securelist.trust.grammar import MAX_STATEMENTS
from securelist.trust.submission import Parcel

TLDS = ("tz", *[name for name in cctlds() if name not in ("tz", "nl") and len(name) == 2][:18])
MEMBERS_OF_EACH = 3


def sections(guide: str) -> dict[str, str]:
    """What a guide says below each of its titles of the second level."""
    _, *found = re.split(r"(?m)^## (.+)\n", (GUIDES / guide).read_text())
    return dict(zip(found[::2], found[1::2], strict=True))


def typed(text: str, beginning: str) -> list[str]:
    """What somebody types who follows the item of a list that begins so: whatever stands there as code, in its order."""
    (item,) = [item for item in re.split(r"(?m)^\s*- ", text) if item.startswith(beginning)]
    return re.findall(r"`([^`]+)`", item.partition("\n\n")[0])


@dataclass(frozen=True)
class Monthly:
    """The mail as it came, what is attached to it by name, whose it is, and the list's certificate."""

    mail: bytes
    files: dict[str, bytes]
    subject: str
    reader: Somebody
    secret: bytes
    list_certificate: bytes


def _statement(kind: str, tld: str, name: str, address: str, fingerprint: str, *phones: str) -> str:
    lines = [f"Securelist-Statement: {kind}", f"List: {LIST}", f"TLD: {tld}", f"Name: {name}", f"Email: {address}"]
    return "\n".join([*lines, *(f"Phone: {phone}" for phone in phones), f"Key: {fingerprint}", ""])


def _admit(town: Town, reader: Somebody) -> None:
    """One Admin Contact for all ccTLDs vouches for everybody: the reader, .tz's first contact with two numbers, and many more."""
    house, admin = Installation(town.home), town.admin

    def enter(signer: Somebody, texts: Sequence[str], rings: Sequence[bytes]) -> None:
        for start in range(0, len(texts), MAX_STATEMENTS):
            signed = town.people.clearsign(signer, "\n".join(texts[start : start + MAX_STATEMENTS]))
            house.enter(Parcel((signed,), tuple(rings[start : start + MAX_STATEMENTS])), int(time.time()))

    places = [tld for tld in TLDS for _ in range(MEMBERS_OF_EACH)]
    keys = many_certificates(len(places))
    texts = [_statement("attest-ssc", "tz", TZ_NAME, "amina@tznic.example", keys[0][0], TZ_PHONE, TZ_MOBILE)]
    texts += [
        _statement("attest-ssc", tld, f"Member {number}", f"member{number}@registry.example", keys[number][0], f"+999 55{number:04}")
        for number, tld in enumerate(places[1:], 1)
    ]
    appointed = [_statement("appoint-admin-contact", tld, admin.name, admin.address, admin.fingerprint) for tld in TLDS]
    enter(town.root, appointed, [])
    enter(admin, texts, [octets for _, octets in keys])
    town.attest(reader)


@pytest.fixture(scope="module")
def monthly(people: People, base: Path) -> Iterator[Monthly]:
    """The newest mail in Anna's mailbox. The list that sent it is gone."""
    town = found_town(people, base)
    anna = people.make("Anna", f"anna-{base.name}@nl.example")
    _admit(town, anna)
    town.run("contacts", "send")
    town.deliver()
    secret, certificate = people.gpg("--armor", "--export-secret-keys", anna.fingerprint), town.run("key", "show", "--armor")
    town.close()
    octets, _ = town.opened(town.mails(anna.address)[-1])
    inner = email.message_from_bytes(octets, policy=email.policy.default)
    files = {part.get_filename(): part.get_payload(decode=True) for part in inner.iter_attachments()}  # type: ignore[attr-defined]
    yield Monthly(town.delivered(anna.address)[-1], files, str(inner["Subject"]), anna, secret, certificate)
