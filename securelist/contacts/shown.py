"""Contacts as they are shown to people: every text on one line, without what acts on a screen or hides there."""

from __future__ import annotations

from dataclasses import replace
from typing import overload

from securelist.contacts.contact import Contact, Imported
from securelist.mail.addresses import same_address
from securelist.mail.headers import visible
from securelist.trust.statement import Person


@overload
def shown(entry: Contact) -> Contact: ...
@overload
def shown(entry: Imported) -> Imported: ...
def shown(entry: Contact | Imported) -> Contact | Imported:
    """The same contact with all its texts visible; a person without a name is called by their address, or by the ccTLD."""
    person = _person(entry.person, entry.cctld.shown)
    if isinstance(entry, Imported):
        return replace(entry, person=person, source=visible(entry.source))
    return replace(entry, person=person, voucher=visible(entry.voucher), why=visible(entry.why))


def works(contact: Contact | Imported, address: str) -> bool:
    """Whether mail to this address of theirs arrives, as far as is known; of imported contacts nothing is."""
    return isinstance(contact, Imported) or same_address(address) not in map(same_address, contact.not_working)


def _person(person: Person, otherwise: str) -> Person:
    emails, phones = tuple(map(visible, person.emails)), tuple(map(visible, person.phones))
    name = visible(person.name) or next(iter(emails), otherwise)
    return replace(
        person, name=name, emails=emails, phones=phones, organisation=visible(person.organisation), timezone=visible(person.timezone)
    )
