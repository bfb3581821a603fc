"""Contacts as they are shown to people: in the same words in every form, every text on one line, and nothing that acts on a screen."""

from __future__ import annotations

from dataclasses import replace
from typing import overload

from securelist.contacts.contact import Contact, Imported
from securelist.mail.addresses import same_address
from securelist.mail.headers import visible
from securelist.procedures.dates import day
from securelist.trust.membership import UNREACHABLE
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


def state_of(one: Contact) -> tuple[str, str]:
    """How a member stands: the state, a word for each form to emphasise, and what follows it, without which it is not understood."""
    if one.state == UNREACHABLE:
        return one.state, f"{f' since {day(one.since)}' if one.since else ''}: {one.why}"
    return one.state, one.why.removeprefix(one.state)  # of a suspension it says the whole


def overdue(date: str) -> tuple[str, str]:
    """That details are overdue, in the same way; `date` is the day on which they were last confirmed, as that form has it."""
    return "overdue", f": details last confirmed on {date}"


def works(contact: Contact | Imported, address: str) -> bool:
    """Whether mail to this address of theirs arrives, as far as is known; of imported contacts nothing is."""
    return isinstance(contact, Imported) or same_address(address) not in map(same_address, contact.not_working)


def _person(person: Person, otherwise: str) -> Person:
    emails, phones = tuple(map(visible, person.emails)), tuple(map(visible, person.phones))
    name = visible(person.name) or next(iter(emails), otherwise)
    return replace(
        person, name=name, emails=emails, phones=phones, organisation=visible(person.organisation), timezone=visible(person.timezone)
    )
