"""The repository for the address books of telephones: vCard 3.0 (RFC 2426), because many take nothing newer, and without the keys.

The ccTLD is the first word of the name, "TZ Amina Mwinyi", without a dot: every telephone looks through the beginnings of the words of a
name, while titles, notes and categories are looked through by some only, and a dot makes another word for others. So whoever types "tz"
finds .tz, who scrolls finds all of a ccTLD together, and who is called sees for whom it is. No word stands in all the titles that some
ccTLD begins, as "Contact" would for .co.

An extension stands in the note, not in the number: Android's import drops the letters between the two, and dials it as part of the number.
"""

from __future__ import annotations

from collections.abc import Iterator

from securelist.contacts.card import Card, best_first, octets
from securelist.contacts.contact import Contact, Imported
from securelist.contacts.repository import Repository
from securelist.contacts.shown import overdue, shown
from securelist.contacts.telephone import dialled
from securelist.spreadsheet import day
from securelist.trust.membership import ACTIVE, SUSPENDED


def write(repository: Repository) -> bytes:
    """A card for each contact, members first, in UTF-8 with CRLF; in every edition the same person has the same UID."""
    everybody: tuple[Contact | Imported, ...] = (*repository.contacts, *repository.imported)
    return octets(_card(shown(one), repository) for one in everybody)


def _card(one: Contact | Imported, repository: Repository) -> Card:
    card = Card("3.0", one, " ".join([*_words(one), one.person.name]), repository)
    card.add("TITLE", f"{one.cctld.shown}{_warning(one)}")
    for number, phone in enumerate(one.person.phones):
        card.add("TEL", (dialled(phone) or (phone,))[0], TYPE=["work", *_preferred(number)])
    for number, email in enumerate(best_first(one)):
        card.add("EMAIL", email, TYPE=["internet", *_preferred(number)])
    card.add("NOTE", "\n".join(_notes(one, repository)))
    return card


def _words(one: Contact | Imported) -> list[str]:
    """What people type who look for the ccTLD: a country's code, or the letters and the A-label of an IDN."""
    return [one.cctld.letters, one.cctld.name] if one.cctld.letters else [one.cctld.name.upper()]


def _preferred(number: int) -> list[str]:
    return [] if number else ["pref"]


def _warning(one: Contact | Imported) -> str:
    """What must be known of somebody before they are called."""
    if isinstance(one, Imported):
        return f", passed on by {one.source}, nobody here vouches for them"
    return "" if one.state == ACTIVE else f", {one.state}"


def _notes(one: Contact | Imported, repository: Repository) -> Iterator[str]:
    """The first line is the same in all cards of one edition, for who looks for the old ones."""
    yield f"{repository.name} {day(repository.at)}"
    yield from (f"Number with extension: {phone}" for phone in one.person.phones if (dialled(phone) or ("", ""))[1])
    if isinstance(one, Imported):
        return
    yield from (f"Does not work: {address}" for address in one.not_working)
    if one.state not in (ACTIVE, SUSPENDED):
        yield f"{one.state.capitalize()} by the list{f': {one.why}' if one.why else ''}"
    if one.overdue:
        word, more = overdue(day(one.confirmed))
        yield f"{word.capitalize()}{more}"
