"""The repository for address books, on phones above all: vCard 4.0 (RFC 6350). vobject writes each card; it is imported here only.

vobject is made for vCard 3.0. What differs: VERSION is set, and what is a URI in 4.0 (UID, KEY) is given to it as encoded, since RFC 6350,
4.2 escapes none; and lines are folded here, because vobject counts characters and the RFC octets (3.2).

Numbers are written as text, the default type of TEL (6.4.1), though the RFC would rather see `tel:` URIs: programs that think in
vCard 3.0 dial text and nothing else, and an extension in a URI is dialled as part of the number by some. A name is one text, because
nobody can tell the family's name from the other in all the world's names: N has it as the given name, which phones show as it stands.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import vobject  # type: ignore[import-untyped]  # it ships no types

from securelist.contacts.contact import Contact, Imported, region_name
from securelist.contacts.repository import Repository
from securelist.contacts.shown import shown, works
from securelist.mail.addresses import same_address
from securelist.spreadsheet import day
from securelist.trust.membership import SUSPENDED

# At most 75 octets a line, of which the blank before a continued one is the first; no letter is torn in two.
_FOLDED = re.compile(rb".{1,74}(?![\x80-\xbf])", re.DOTALL)
_UNFOLDED = 1 << 30  # longer than any line


def write(repository: Repository) -> bytes:
    """A card for each contact, members first, in UTF-8 with CRLF. Who imports them again gets the newer ones in place of the old."""
    everybody: tuple[Contact | Imported, ...] = (*repository.contacts, *repository.imported)
    cards = [_card(shown(one), repository) for one in everybody]
    lines = "".join(card.serialize(lineLength=_UNFOLDED) for card in cards).encode().split(b"\r\n")
    return b"\r\n".join(b"\r\n ".join(_FOLDED.findall(line)) for line in lines)


def _card(one: Contact | Imported, repository: Repository) -> vobject.base.Component:
    card, person = vobject.vCard(), one.person
    _add(card, "VERSION", "4.0")
    _add(card, "UID", _uid(one, repository.list), encoded=True)
    _add(card, "FN", person.name)
    _add(card, "N", vobject.vcard.Name(given=person.name))
    # Phones show it below the name, and find it: whoever types "tz" sees who is there for .tz.
    _add(card, "TITLE", f"Contact of {one.cctld.shown}")
    for preference, phone in enumerate(person.phones, 1):
        _add(card, "TEL", phone, TYPE=["work", "voice"], PREF=[str(preference)])
    # Whoever writes to "the" address of a contact should reach them.
    for preference, email in enumerate(sorted(person.emails, key=lambda email: not works(one, email)), 1):
        _add(card, "EMAIL", email, TYPE=["work"], PREF=[str(preference)])
    if person.organisation:
        _add(card, "ORG", [person.organisation])
    if person.timezone:
        _add(card, "TZ", person.timezone)
    if one.certificate and (isinstance(one, Imported) or one.state != SUSPENDED):  # nobody should encrypt to who is suspended
        _add(card, "KEY", f"data:application/pgp-keys;base64,{base64.b64encode(one.certificate).decode()}", encoded=True)
    _add(card, "CATEGORIES", [_category(one, repository.name), region_name(one.cctld.region), f".{one.cctld.name}"])
    _add(card, "NOTE", "\n".join(_passed_on(one) if isinstance(one, Imported) else _attested(one)))
    _add(card, "REV", f"{datetime.fromtimestamp(repository.at, UTC):%Y%m%dT%H%M%SZ}", encoded=True)
    return card


def _add(card: vobject.base.Component, name: str, value: object, *, encoded: bool = False, **parameters: list[str]) -> None:
    line = card.add(name)
    line.value, line.encoded, line.params = value, encoded, parameters


def _uid(one: Contact | Imported, address: str) -> str:
    """The same in every edition, also after a change of key or name: the list knows a contact by ccTLD and primary address."""
    source = one.source if isinstance(one, Imported) else ""
    who = "\n".join([same_address(address), source, one.cctld.name, *map(same_address, one.person.emails[:1] or (one.person.name,))])
    return uuid.uuid5(uuid.NAMESPACE_URL, who).urn


def _category(one: Contact | Imported, name: str) -> str:
    return f"{name}: from {one.source}" if isinstance(one, Imported) else name


def _attested(one: Contact) -> Iterator[str]:
    since = f" since {day(one.since)}" if one.since else ""
    yield f"{one.state.capitalize()}{since}{f': {one.why}' if one.why else ''}"
    yield from (f"Does not work: {address}" for address in one.not_working)
    yield f"Details confirmed on {day(one.confirmed)}{'; overdue, asked and not answered' if one.overdue else ''}"
    voucher = f" by {one.voucher}" if one.voucher else ""
    yield f"Attested{voucher} on {day(one.joined)}, entry {one.entry} of the log, until {day(one.expires)}"
    yield f"Key: {one.fingerprint}"


def _passed_on(one: Imported) -> Iterator[str]:
    yield f"Passed on by {one.source} on {day(one.made)}. Nobody of this list vouches for it, and this is no member."
    if one.confirmed:
        yield f"Details confirmed on {day(one.confirmed)}, as they say"
    if one.fingerprint:
        yield f"Key: {one.fingerprint}"
