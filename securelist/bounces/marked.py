"""Marked addresses: taken off their mark when mail arrives there again, forgotten when they are nobody's, and told to whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from securelist.addressees import Addressees
from securelist.installation import Installation
from securelist.letters import Addressee, Facts, Verbatim
from securelist.mail.addresses import same_address
from securelist.procedures.dates import day
from securelist.procedures.each import each
from securelist.store import addresses, reports
from securelist.store.addresses import Mark
from securelist.store.database import reading, writing
from securelist.store.retention import DAY_S
from securelist.trust.draft import draft
from securelist.trust.membership import SUSPENDED, Member, Membership
from securelist.trust.statement import Person, StatementType

# The next hop is usually a queue that takes everything: that it took a copy says nothing yet. A report that a mailbox does not exist
# comes within minutes; where a server on the way must try again first, the first word of it comes within hours (RFC 5321, 4.5.4.1).
SILENT_FOR_S = DAY_S
# A round comes every minute; whoever had the server off for longer waits for the next copy. Further back are 100,000 copies to look at.
LOOK_BACK_S = 7 * DAY_S
TELL_EVERY_S = 7 * DAY_S


@dataclass(frozen=True)
class _Owner:
    """Somebody whose addresses these are: as they are known, whether as a member, and how the server writes to them."""

    person: Person
    is_member: bool
    to: Addressee


class MarkedAddresses:
    """Looks after the marks of one installation."""

    def __init__(self, house: Installation) -> None:
        self._house, self._people = house, Addressees(house)

    def round(self, at: int) -> None:
        """Takes marks off, then tells those whose addresses are still marked, once at the mark and weekly. Raises TryAgain."""
        with reading(self._house.engine) as connection:
            marked = addresses.marks(connection)
        if not marked:
            return
        membership = self._house.membership()
        marked = self._without(marked, self._arrived(marked, at) | self._nobodys(marked, membership, at))
        each(_owners(membership, self._people, at), lambda owner: self._tell(owner, marked, at))

    # --- marks that end ----------------------------------------------------------------------------------------------------

    def _arrived(self, marked: Mapping[str, Mark], at: int) -> set[str]:
        """Those marked by a report to which a copy went afterwards, about which no report came for SILENT_FOR_S."""
        since = [mark.since for mark in marked.values() if mark.by_report]
        if not since:
            return set()
        with reading(self._house.engine) as connection:
            newest = reports.arrivals(connection, max(min(since), at - SILENT_FOR_S - LOOK_BACK_S), at - SILENT_FOR_S)
        return {address for address, mark in marked.items() if mark.by_report and newest.get(address, 0) > mark.since}

    def _nobodys(self, marked: Mapping[str, Mark], membership: Membership, at: int) -> set[str]:
        """Those of people who left, and of strangers."""
        members = (member.emails for member in membership.members(at))
        contacts = (contact.person.emails for contact in membership.admin_contacts.values() if not contact.dismissed)
        roots = (root.emails for root in self._people.secretariat(at))
        known = {same_address(address) for emails in (*members, *contacts, *roots) for address in emails}
        return marked.keys() - known

    def _without(self, marked: Mapping[str, Mark], ended: set[str]) -> Mapping[str, Mark]:
        if ended:
            with writing(self._house.engine) as connection:
                for address in sorted(ended):
                    addresses.clear(connection, address)
        return {address: mark for address, mark in marked.items() if address not in ended}

    # --- telling whose they are --------------------------------------------------------------------------------------------

    def _tell(self, owner: _Owner, marked: Mapping[str, Mark], at: int) -> None:
        """All of somebody's marked addresses in one letter, while there is an address where they can read it."""
        dead = [marked[address] for address in map(same_address, owner.to.emails) if address in marked]
        is_due = any(not mark.told or at >= mark.told + TELL_EVERY_S for mark in dead)
        if not is_due or len(dead) == len(owner.to.emails):
            return
        facts = _facts(owner, dead, self._house.config.list)
        if self._house.letters.write("address-fails", owner.to, at, occasion=_occasion(owner, dead), **facts):
            with writing(self._house.engine) as connection:
                for mark in dead:
                    addresses.mark_told(connection, mark.address, at)


def _owners(membership: Membership, people: Addressees, at: int) -> Iterator[_Owner]:
    """Members, and Admin Contacts who are none; each key once."""
    owners = {m.fingerprint: (_person(m), True) for m in membership.members(at) if m.state != SUSPENDED}
    for contact in membership.admin_contacts.values():
        if not contact.dismissed:
            owners.setdefault(contact.fingerprint, (contact.person, False))
    for fingerprint, (person, is_member) in owners.items():
        to = people.of(fingerprint, at, membership)
        if to is not None:
            yield _Owner(person, is_member, to)


def _person(member: Member) -> Person:
    return Person(member.name, member.emails, member.phones, member.organisation, member.timezone, member.share_regional)


def _occasion(owner: _Owner, dead: Iterable[Mark]) -> str:
    """The same until it was noted that they were told."""
    return " ".join([owner.to.fingerprint, *(f"{mark.address} {mark.since} {mark.told}" for mark in dead)])


def _facts(owner: _Owner, dead: Sequence[Mark], list_address: str) -> Facts:
    failing = {mark.address for mark in dead}
    working = tuple(address for address in owner.to.emails if same_address(address) not in failing)
    person = replace(owner.person, emails=working)
    return {
        "person": person.name,
        "dead": [{"address": mark.address, "since": day(mark.since), "why": mark.why} for mark in dead],
        "working": working,
        "primary": same_address(owner.to.emails[0]) in failing,
        "is_member": owner.is_member,
        "statement": Verbatim(draft(StatementType.UPDATE_CONTACT, list=list_address, tld=owner.to.cctld, person=person)),
    }
