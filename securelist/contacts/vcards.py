"""The repository for address books, with the keys: vCard 4.0 (RFC 6350). For telephones there is `phone_cards`.

Numbers are written as text, the default type of TEL (6.4.1), though the RFC would rather see `tel:` URIs: programs that think in
vCard 3.0 dial text and nothing else, and an extension in a URI is dialled as part of the number by some. A name is one text, because
nobody can tell the family's name from the other in all the world's names: N has it as the given name, which is shown as it stands.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime

from securelist.contacts.card import Card, best_first, octets
from securelist.contacts.contact import Contact, Imported
from securelist.contacts.repository import Repository
from securelist.contacts.shown import overdue, shown, state_of
from securelist.spreadsheet import day
from securelist.trust.membership import SUSPENDED


def write(repository: Repository) -> bytes:
    """A card for each contact, members first, in UTF-8 with CRLF; in every edition the same person has the same UID."""
    everybody: tuple[Contact | Imported, ...] = (*repository.contacts, *repository.imported)
    return octets(_card(shown(one), repository) for one in everybody)


def _card(one: Contact | Imported, repository: Repository) -> Card:
    person = one.person
    card = Card("4.0", one, person.name, repository)
    # Address books show it below the name, and find it: whoever types "tz" sees who is there for .tz.
    card.add("TITLE", f"Contact of {one.cctld.shown}")
    for preference, phone in enumerate(person.phones, 1):
        card.add("TEL", phone, TYPE=["work", "voice"], PREF=[str(preference)])
    for preference, email in enumerate(best_first(one), 1):
        card.add("EMAIL", email, TYPE=["work"], PREF=[str(preference)])
    if person.timezone:
        card.add("TZ", person.timezone)
    if one.certificate and (isinstance(one, Imported) or one.state != SUSPENDED):  # nobody should encrypt to who is suspended
        card.add("KEY", f"data:application/pgp-keys;base64,{base64.b64encode(one.certificate).decode()}", encoded=True)
    card.add("NOTE", "\n".join(_passed_on(one) if isinstance(one, Imported) else _attested(one)))
    card.add("REV", f"{datetime.fromtimestamp(repository.at, UTC):%Y%m%dT%H%M%SZ}", encoded=True)
    return card


def _attested(one: Contact) -> Iterator[str]:
    state, more = state_of(one)
    yield f"{state.capitalize()}{more}"
    yield from (f"Does not work: {address}" for address in one.not_working)
    word, more = overdue(day(one.confirmed))
    yield f"{word.capitalize()}{more}" if one.overdue else f"Details confirmed on {day(one.confirmed)}"
    voucher = f" by {one.voucher}" if one.voucher else ""
    yield f"Attested{voucher} on {day(one.joined)}, entry {one.entry} of the log, until {day(one.expires)}"
    yield f"Key: {one.fingerprint}"


def _passed_on(one: Imported) -> Iterator[str]:
    yield f"Passed on by {one.source} on {day(one.made)}. Nobody of this list vouches for it, and this is no member."
    if one.confirmed:
        yield f"Details confirmed on {day(one.confirmed)}, as they say"
    if one.fingerprint:
        yield f"Key: {one.fingerprint}"
