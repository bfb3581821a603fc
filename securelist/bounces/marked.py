"""Marked addresses: taken off their mark when mail arrives there again, forgotten when they are nobody's, and told to whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from securelist.addressees import Addressees
from securelist.delivery.backoff import GIVE_UP_AFTER_S
from securelist.installation import Installation
from securelist.letters import Facts, Verbatim
from securelist.mail.addresses import same_address
from securelist.procedures.dates import day
from securelist.procedures.each import each
from securelist.store import addresses, reports
from securelist.store.addresses import REMEMBERED_S, Mark
from securelist.store.database import reading, writing
from securelist.store.retention import DAY_S
from securelist.trust.draft import draft
from securelist.trust.membership import SUSPENDED, Member, Membership
from securelist.trust.statement import Person, StatementType

# The next hop is usually a queue that takes everything: that it took a copy says nothing yet. A report that a mailbox does not exist
# comes within minutes; where a server on the way must try again first, the first word of it comes within hours (RFC 5321, 4.5.4.1).
SILENT_FOR_S = DAY_S
# A server that is down, and a full mailbox, are reported only when whoever has the copy gives up, after five days mostly, at its next
# attempt. A day of silence would say nothing.
SILENT_IF_PASSING_S = GIVE_UP_AFTER_S + DAY_S
# A round comes every minute; whoever had the server off for longer waits for the next copy. Further back are 100,000 copies to look at.
LOOK_BACK_S = 7 * DAY_S
TELL_EVERY_S = 7 * DAY_S


@dataclass(frozen=True)
class _Owner:
    """Somebody whose addresses these are: their key (fingerprint), as they are known, and whether as a member."""

    fingerprint: str
    person: Person
    is_member: bool


class MarkedAddresses:
    """Looks after the marks of one installation."""

    def __init__(self, house: Installation) -> None:
        self._house, self._people = house, Addressees(house)

    def round(self, at: int) -> None:
        """Takes marks off, then tells those whose addresses are still marked, once at the mark and weekly. Raises TryAgain."""
        known = self._known(at)
        if not known:
            return
        membership = self._house.membership()
        members = membership.members(at)
        nobodys = self._nobodys(known, membership, members, at)
        marked = {address: mark for address, mark in known.items() if not mark.cleared and address not in nobodys}
        arrived = self._arrived(marked, at)
        self._note(arrived, nobodys | {address for address, mark in known.items() if 0 < mark.cleared <= at - REMEMBERED_S}, at)
        marked = {address: mark for address, mark in marked.items() if address not in arrived}
        owners = _owners(membership, members) if marked else ()
        each(owners, lambda owner: self._tell(owner, marked, membership, at))

    def _known(self, at: int) -> Mapping[str, Mark]:
        """All marks, those taken off lately, too; with no time that is still to come."""
        with reading(self._house.engine) as connection:
            known = addresses.remembered(connection)
        if all(max(mark.since, mark.told, mark.cleared) <= at for mark in known.values()):
            return known
        with writing(self._house.engine) as connection:
            addresses.bring_back(connection, at)
            return addresses.remembered(connection)

    # --- marks that end ----------------------------------------------------------------------------------------------------

    def _arrived(self, marked: Mapping[str, Mark], at: int) -> set[str]:
        """Those marked by a report to which a copy went afterwards, about which no report came for long enough."""
        reported = [mark for mark in marked.values() if mark.by_report]
        hard, passing = ([mark for mark in reported if mark.passing is kind] for kind in (False, True))
        return self._silent(hard, SILENT_FOR_S, at) | self._silent(passing, SILENT_IF_PASSING_S, at)

    def _silent(self, those: Sequence[Mark], seconds: int, at: int) -> set[str]:
        if not those:
            return set()
        since = max(min(mark.since for mark in those), at - seconds - LOOK_BACK_S)
        with reading(self._house.engine) as connection:
            newest = reports.arrivals(connection, since, at - seconds)
        return {mark.address for mark in those if newest.get(mark.address, 0) > mark.since}

    def _nobodys(self, known: Mapping[str, Mark], membership: Membership, members: Iterable[Member], at: int) -> set[str]:
        """Those of people who left, and of strangers."""
        contacts = (contact.person.emails for contact in membership.admin_contacts.values() if not contact.dismissed)
        roots = (root.emails for root in self._people.secretariat(at))
        theirs = {same_address(address) for emails in (*(m.emails for m in members), *contacts, *roots) for address in emails}
        return known.keys() - theirs

    def _note(self, arrived: Iterable[str], over: Iterable[str], at: int) -> None:
        """That mail arrives at some, and that others are forgotten."""
        arrived, over = sorted(arrived), sorted(over)
        if arrived or over:
            with writing(self._house.engine) as connection:
                for address in arrived:
                    addresses.clear(connection, address, at)
                addresses.forget(connection, over)

    # --- telling whose they are --------------------------------------------------------------------------------------------

    def _tell(self, owner: _Owner, marked: Mapping[str, Mark], membership: Membership, at: int) -> None:
        """All of somebody's marked addresses in one letter, while there is an address where they can read it."""
        dead = [marked[address] for address in map(same_address, owner.person.emails) if address in marked]
        is_due = any(not mark.told or at >= mark.told + TELL_EVERY_S for mark in dead)
        if not is_due or len(dead) == len(owner.person.emails):
            return
        to = self._people.of(owner.fingerprint, at, membership)  # looks through the whole list
        if to is None:
            return
        facts = _facts(owner, to.cctld, dead, self._house.config.list)
        if self._house.letters.write("address-fails", to, at, occasion=_occasion(owner, dead), **facts):
            with writing(self._house.engine) as connection:
                for mark in dead:
                    addresses.mark_told(connection, mark.address, at)


def _owners(membership: Membership, members: Iterable[Member]) -> Iterable[_Owner]:
    """Members, and Admin Contacts who are none; each key once."""
    owners = {m.fingerprint: _Owner(m.fingerprint, _person(m), True) for m in members if m.state != SUSPENDED}
    for contact in membership.admin_contacts.values():
        if not contact.dismissed:
            owners.setdefault(contact.fingerprint, _Owner(contact.fingerprint, contact.person, False))
    return owners.values()


def _person(member: Member) -> Person:
    return Person(member.name, member.emails, member.phones, member.organisation, member.timezone, member.share_regional)


def _occasion(owner: _Owner, dead: Iterable[Mark]) -> str:
    """The same until it was noted that they were told."""
    return " ".join([owner.fingerprint, *(f"{mark.address} {mark.since} {mark.told}" for mark in dead)])


def _facts(owner: _Owner, cctld: str, dead: Sequence[Mark], list_address: str) -> Facts:
    failing = {mark.address for mark in dead}
    working = tuple(address for address in owner.person.emails if same_address(address) not in failing)
    person = replace(owner.person, emails=working)
    return {
        "person": person.name,
        "dead": [{"address": mark.address, "since": day(mark.since), "why": mark.why} for mark in dead],
        "working": working,
        "primary": same_address(owner.person.emails[0]) in failing,
        "is_member": owner.is_member,
        "statement": Verbatim(draft(StatementType.UPDATE_CONTACT, list=list_address, tld=cctld, person=person)),
    }
