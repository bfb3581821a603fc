"""The repository as text, good to read in a terminal and on a telephone, in under 76 columns.

A ccTLD begins a line with its dot, and nothing else does: `/^\\.tz` in a pager finds it, and with it a screen of everybody
there. There is no index above: a search would find that first. Everything else that somebody wrote stands behind a label of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from securelist.contacts.contact import Contact, Imported, region_name
from securelist.contacts.lines import MARGIN, labelled, wrapped
from securelist.contacts.repository import Repository, by_region
from securelist.contacts.shown import overdue, shown, state_of
from securelist.mail.headers import visible
from securelist.openpgp.certificate import grouped
from securelist.plural import counted
from securelist.procedures.dates import day, minute
from securelist.trust.membership import ACTIVE
from securelist.trust.statement import Person

SEARCH = r"/^\.tz"


def write(repository: Repository) -> bytes:
    """The whole of it, UTF-8, lines end with LF."""
    return "\n".join([*_head(repository), *_members(repository), *_passed_on(repository), *_absent(repository), ""]).encode()


def _head(repository: Repository) -> Iterator[str]:
    here = len({one.cctld for one in repository.contacts})
    head, contacts = repository.head, repository.contacts
    numbers = f"{counted(len(contacts), 'contact')} of {counted(here, 'ccTLD')}"
    yield wrapped(f"{repository.name} <{repository.list}>: {numbers}", "Contacts of ", MARGIN)
    yield wrapped(f"{minute(repository.at)} UTC, by entry {head.number} of the log,", "As of ", MARGIN)
    yield f"{MARGIN}{head.hash}"
    yield f"Find a ccTLD: search for its name with the dot; in a pager: {SEARCH}"


# --- members -----------------------------------------------------------------------------------------------------------------


def _members(repository: Repository) -> Iterator[str]:
    for region, those in by_region(repository.contacts):
        count = sum(len(entries) for _, entries in those)
        yield from _title(f"{region_name(region)}: {counted(len(those), 'ccTLD')}, {counted(count, 'contact')}")
        for cctld, entries in those:
            yield from ("", visible(cctld.shown), "\n\n".join(map(_contact, entries)))


def _contact(contact: Contact) -> str:
    one = shown(contact)
    return "\n".join([*_person(one.person), *_marks(one), _confirmed(one), *_key(one.fingerprint)])


def _person(person: Person) -> Iterator[str]:
    yield labelled("Name", person.name)
    yield labelled("Phone", *person.phones) if person.phones else labelled("Phone", "none on record")
    yield labelled("Address", *person.emails)
    if person.organisation:
        yield labelled("Of", person.organisation)


def _marks(one: Contact) -> Iterator[str]:
    if one.state != ACTIVE:
        state, more = state_of(one)
        yield labelled("State", f"{state.upper()}{more}")
    if one.not_working:
        yield labelled("State", f"ADDRESS DOES NOT WORK: {', '.join(one.not_working)}")


def _confirmed(one: Contact) -> str:
    zone = f"; zone {one.person.timezone}" if one.person.timezone else ""
    if one.overdue:
        word, more = overdue(day(one.confirmed))
        return labelled("Confirmed", f"{word.upper()}{more}{zone}")
    return labelled("Confirmed", f"{day(one.confirmed)}{zone}")


def _key(fingerprint: str) -> Iterator[str]:
    if fingerprint:
        yield labelled("Key", grouped(fingerprint))


# --- those of others ---------------------------------------------------------------------------------------------------------


def _passed_on(repository: Repository) -> Iterator[str]:
    if not repository.imported:
        return
    yield from _title("Passed on by others: no members, and nobody here vouches for them")
    for cctld, entries in groupby(repository.imported, key=lambda one: one.cctld):
        yield from ("", visible(cctld.shown), "\n\n".join(map(_imported, entries)))


def _imported(contact: Imported) -> str:
    one = shown(contact)
    return "\n".join([*_person(one.person), *_imported_zone(one), *_key(one.fingerprint), _source(one)])


def _imported_zone(one: Imported) -> Iterator[str]:
    if one.person.timezone:
        yield labelled("Zone", one.person.timezone)


def _source(one: Imported) -> str:
    return labelled("Source", f"Passed on by {one.source} on {day(one.made)}; nobody here vouches for them")


# --- those who are not here --------------------------------------------------------------------------------------------------


def _absent(repository: Repository) -> Iterator[str]:
    if not repository.absent:
        return
    yield from _title(f"Nobody is here for {counted(len(repository.absent), 'ccTLD')}")
    for region, those in groupby(repository.absent, key=lambda one: one.region):
        names = ", ".join(visible(cctld.shown) for cctld in those)
        yield wrapped(names, f"{MARGIN}{region_name(region)}: ", MARGIN * 2)


# --- words -------------------------------------------------------------------------------------------------------------------


def _title(text: str) -> Iterable[str]:
    return "", "", wrapped(text, "== ", "   ")
