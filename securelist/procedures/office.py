"""What the Secretariat asks for: that Admin Contacts are invited, and that requests are released or declined. It changes rows only.

The letters follow by `rounds`. Every wish is answered with one sentence, done or not; wishes that come together are one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from sqlalchemy import Connection

from securelist.cctld.cctlds import cctlds, find_cctld
from securelist.cctld.record import Record
from securelist.errors import Refused
from securelist.installation import Installation
from securelist.procedures.dates import day
from securelist.store import invitations, records, requests
from securelist.store.database import reading, writing
from securelist.store.invitations import Invitation
from securelist.store.journal import note
from securelist.store.retention import DAY_S
from securelist.trust.membership import Membership

# All ccTLDs there are; the word of one trust root is enough for that.
MAX_BATCH = 400
# Who wants an invitation twice within a day has not waited for the first.
NOT_AGAIN_S = DAY_S

Once = Callable[[Connection], AbstractContextManager[object]]
"""Entered around what is written, in its transaction: whoever must not be obeyed twice raises Refused in it, and nothing is written."""


@dataclass(frozen=True)
class Done:
    """What became of one wish: what it is about, whether it was done, and one sentence for who asked."""

    what: str
    done: bool
    sentence: str


class Office:
    """The Secretariat's office at one installation."""

    def __init__(self, house: Installation) -> None:
        self._house = house

    def invite(self, names: Iterable[str], at: int, once: Once = nullcontext) -> list[Done]:
        """Invites the Admin Contacts of record of these ccTLDs, each once. Raises Refused before the founding, and what `once` raises."""
        membership = self._house.membership()
        check_founded(membership)
        wanted = dict.fromkeys(name.strip().lower().strip(".") for name in names)
        with writing(self._house.engine) as connection, once(connection):
            return [_invite_one(connection, membership, name, at) for name in wanted]

    def invite_batch(self, count: int, at: int, once: Once = nullcontext) -> list[Done]:
        """Invites the next `count` in alphabetical order of those with a record that were never invited and have nobody here.

        Raises Refused("bad-batch") for a count out of range, and as `invite` does.
        """
        if not 0 < count <= MAX_BATCH:
            raise Refused("bad-batch", f"a batch is from 1 to {MAX_BATCH} ccTLDs")
        with reading(self._house.engine) as connection:
            known, invited = records.records(connection), invitations.newest(connection)
        membership = self._house.membership()
        members = {member.cctld for member in membership.members(at)}
        new = (name for name in known if name in cctlds() and name not in invited and name not in members)
        chosen = [name for name in new if membership.admin_contact(name) is None][:count]
        return self.invite(chosen, at, once)

    def release(self, numbers: Iterable[int], at: int, once: Once = nullcontext) -> list[Done]:
        """Lets the Admin Contacts be asked about these requests; where there is none, the one of record is invited."""
        with writing(self._house.engine) as connection, once(connection):
            membership = self._house.membership()
            return [_release_one(connection, membership, number, at) for number in dict.fromkeys(numbers)]

    def decline(self, numbers: Iterable[int], at: int, once: Once = nullcontext) -> list[Done]:
        """Ends these requests; who asked is told about one that was released, and nobody about another."""
        with writing(self._house.engine) as connection, once(connection):
            return [_decline_one(connection, number, at) for number in dict.fromkeys(numbers)]


def _invite_one(connection: Connection, membership: Membership, name: str, at: int) -> Done:
    try:
        cctld = find_cctld(name)
        record = _record(connection, cctld.name)
        before = _check_open(connection, cctld.name, at)
        invitations.add(connection, cctld.name, record.address, record.name, at)
        note(connection, at, "invited", cctld.name)
    except Refused as refused:
        return Done(f".{name}"[:70], False, refused.detail)
    contact = membership.admin_contact(cctld.name)
    more = f"; {contact.person.name} speaks for it already, and does until you appoint somebody" if contact else ""
    again = f"; the earlier invitation{' and the answer to it are' if before.answered else ' is'} void" if before else ""
    return Done(cctld.shown, True, f"invited {record.name} <{record.address}>{again}{more}")


def _release_one(connection: Connection, membership: Membership, number: int, at: int) -> Done:
    what, found = f"request {number}", requests.find(connection, number)
    if found is None or found.declined:
        return Done(what, False, "no such request waits; see: pending")
    if found.released:
        return Done(what, False, f"was released on {day(found.released)} already")
    requests.release(connection, number, at)
    note(connection, at, "released", found.cctld)
    about = f"{found.address} for .{found.cctld}"
    contact = membership.admin_contact(found.cctld)
    if contact:
        return Done(what, True, f"{about}: {contact.person.name} <{contact.person.emails[0]}> is asked to attest it")
    waits = f"nobody speaks for .{found.cctld} yet, so it waits for your appointment"
    return Done(what, True, f"{about}: {waits}; {_ask(connection, membership, found.cctld, at)}")


def _decline_one(connection: Connection, number: int, at: int) -> Done:
    what, found = f"request {number}", requests.find(connection, number)
    if found is None or found.declined:
        return Done(what, False, "no such request waits; see: pending")
    about = f"{found.address} for .{found.cctld}"
    if found.released:
        requests.decline(connection, number, at)
        return Done(what, True, f"{about}: it was released, so who asked is told")
    requests.drop(connection, found)
    note(connection, at, "request-declined", found.cctld)
    return Done(what, True, f"{about}: nobody had been written to about it, and nobody is")


def _ask(connection: Connection, membership: Membership, cctld: str, at: int) -> str:
    """Invites the Admin Contact of record whom a request needs, unless that has been done; says so in a clause."""
    if before := invitations.open_of(connection, cctld):
        return f"its Admin Contact was invited on {day(before.made)}"
    return _invite_one(connection, membership, cctld, at).sentence


def _record(connection: Connection, name: str) -> Record:
    found = records.find(connection, name)
    if found is None:
        raise Refused("no-record", f"IANA's record of .{name} was not imported; the operator does that with: securelist cctld import")
    return found


def _check_open(connection: Connection, cctld: str, at: int) -> Invitation | None:
    """The open invitation that a new one replaces; raises Refused if that would be too soon."""
    one = invitations.open_of(connection, cctld)
    if one and one.made > at - NOT_AGAIN_S:
        answered = f", and answered on {day(one.answered)}; see: pending" if one.answered else "; a reminder goes out by itself"
        raise Refused("invited-today", f"was invited on {day(one.made)} already{answered}")
    return one


def check_founded(membership: Membership) -> None:
    """Raises Refused before the trust roots have founded the list: nobody is invited to what does not exist."""
    if membership.founding is None:
        raise Refused("not-founded", "the list is not founded yet; the trust roots sign found-list first")
