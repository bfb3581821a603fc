"""The repository at one moment: every contact by region and ccTLD, from the log, the marked addresses, the rounds and what was imported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeVar

from securelist.cctld.cctlds import CcTld, Region, cctlds
from securelist.contacts.contact import Contact, Imported, cctld_of, place
from securelist.contacts.freshness import Freshness, carried_on, freshness
from securelist.installation import Installation
from securelist.store import asking, imported
from securelist.store.database import reading
from securelist.trust.entry import Head
from securelist.trust.membership import Attestation, Membership
from securelist.upkeep.readiness import Standing, readiness

Entry = TypeVar("Entry", Contact, Imported)


@dataclass(frozen=True)
class Repository:
    """Who is here at `at` (Unix seconds): contacts by region, ccTLD and name; imported ones apart from them, in the same order."""

    list: str
    """The list's address; `name` is what it is called, `key` its fingerprint."""
    name: str
    key: str
    at: int
    head: Head
    """Where the log, which proves the contacts, ended."""
    contacts: tuple[Contact, ...]
    imported: tuple[Imported, ...] = ()
    absent: tuple[CcTld, ...] = ()
    """The ccTLDs for which nobody is here."""

    def of(self, names: Iterable[str]) -> Repository:
        """The same with the ccTLDs of these names only."""
        wanted = frozenset(names)

        def chosen(entry: Contact | Imported) -> bool:
            return entry.cctld.name in wanted

        absent = tuple(one for one in self.absent if one.name in wanted)
        return replace(self, contacts=tuple(filter(chosen, self.contacts)), imported=tuple(filter(chosen, self.imported)), absent=absent)


def by_region(entries: Sequence[Entry]) -> Iterator[tuple[Region | None, list[tuple[CcTld, list[Entry]]]]]:
    """Entries in their order, as (region, [(ccTLD, its entries)]); the region is None for what is not in the list of ccTLDs."""
    for region, those in groupby(entries, key=lambda entry: entry.cctld.region):
        yield region, [(cctld, list(found)) for cctld, found in groupby(those, key=lambda entry: entry.cctld)]


def repository(house: Installation, at: int) -> Repository:
    """What is known at `at` (Unix seconds)."""
    membership, config = house.membership(), house.config
    with reading(house.engine) as connection:
        passed_on = imported.all_of_them(connection)
    contact = _maker(membership, freshness_of(house, membership, at), at)
    contacts = sorted(map(contact, readiness(house, at)), key=lambda one: (place(one.cctld), one.person.name, one.person.emails))
    here = {one.cctld.name for one in contacts}
    absent = sorted((one for one in cctlds().values() if one.name not in here), key=place)
    valid = (one for one in passed_on if not one.until or at < one.until)
    others = tuple(sorted(valid, key=lambda one: (place(one.cctld), one.person.name, one.source)))
    return Repository(
        config.list, config.display_name, house.list_key.fingerprint, at, membership.head, tuple(contacts), others, tuple(absent)
    )


def freshness_of(house: Installation, membership: Membership, at: int) -> Freshness:
    """What is known at `at` (Unix seconds) of whom the list asked, of the members of `membership`."""
    with reading(house.engine) as connection:
        kept = asking.kept(connection)
    return freshness(membership, carried_on(kept, house.config.confirm_days, at))


def _maker(membership: Membership, fresh: Freshness, at: int) -> Callable[[Standing], Contact]:
    attestations: dict[str, Attestation] = {a.fingerprint: a for a in membership.attestations.values() if a.in_force(at)}

    def make(one: Standing) -> Contact:
        member, attestation = one.member, attestations[one.member.fingerprint]
        voucher = membership.admin_contact(member.cctld)
        return Contact(
            cctld_of(member.cctld), attestation.person, member.fingerprint, membership.certificates[member.fingerprint].octets,
            voucher.person.name if voucher else "", membership.entries[member.entry - 1].time, member.entry, member.expires,
            member.state, member.why, one.since, attestation.confirmed, fresh.is_overdue(attestation, at),
            tuple(mark.address for mark in one.dead),
        )  # fmt: skip

    return make
