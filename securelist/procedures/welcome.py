"""Welcome: who becomes a member gets a letter, and answers it with any signed and encrypted mail: so the key works both ways.

What is due follows from the membership and the table of welcomes; a round writes it, whatever was interrupted before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby, islice

from sqlalchemy.exc import IntegrityError

from securelist.addressees import Addressees
from securelist.installation import Installation
from securelist.letters import Addressee, Facts
from securelist.mail.addresses import same_address
from securelist.openpgp.signed import MAX_AHEAD_S
from securelist.procedures.dates import day
from securelist.procedures.each import each
from securelist.store import welcomes
from securelist.store.database import reading, writing
from securelist.store.retention import DAY_S
from securelist.store.welcomes import Welcome
from securelist.trust.membership import ACTIVE, SUSPENDED, Attestation, Member, Membership

# Two weeks are a holiday; whoever cannot read the list's mail should be found before there is an incident.
UNCONFIRMED_AFTER_S = 14 * DAY_S
# Each is a signature and an encryption, 50 ms or so. A list that begins with hundreds of members welcomes them within minutes, and
# whoever waits for this round (an answer to a mail, a command) does not wait for all of them.
WELCOMES_A_ROUND = 50
# Three contacts for a ccTLD are the rule; a letter of a page has room for so many others.
OTHERS_SHOWN = 4

Key = tuple[str, str]
"""ccTLD and fingerprint."""


@dataclass(frozen=True)
class Unconfirmed:
    """A member who did not answer the welcome for UNCONFIRMED_AFTER_S: it was sent at `since` (Unix seconds)."""

    member: Member
    since: int


class Welcomes:
    """Welcomes the members of one installation, and knows who answered."""

    def __init__(self, house: Installation) -> None:
        self._house = house
        self._addressees = Addressees(house)

    def known(self) -> Mapping[Key, Welcome]:
        """What is known of each member's key, by ccTLD and fingerprint; see `Welcome.answered`."""
        with reading(self._house.engine) as connection:
            return {one.key: one for one in welcomes.welcomes(connection)}

    def unconfirmed(self, membership: Membership, at: int) -> tuple[Unconfirmed, ...]:
        """The members of `membership` at `at` who did not answer in time, by ccTLD and name; suspended ones are not waited for."""
        return _unconfirmed(self.known(), membership.members(at), at)

    def confirm(self, fingerprint: str, at: int, made: int) -> bool:
        """A mail signed by this key at `made` came, encrypted to the list: True if that is the first word of a member with it.

        What was signed before the welcome was sent is not an answer to it, whoever mails it now. Raises TryAgain.
        """
        with reading(self._house.engine) as connection:
            known = welcomes.welcomes(connection, fingerprint)
        if known and all(one.confirmed for one in known):
            return False
        member = self._house.membership().member_by_key(fingerprint, at)
        if member is None:
            return False
        sent = next((one.sent for one in known if one.key == _of(member).key), 0)
        if made < (sent or at) - MAX_AHEAD_S:  # before the welcome only what was signed just now counts
            return False
        with suppress(IntegrityError), writing(self._house.engine) as connection:
            return welcomes.mark_confirmed(connection, _of(member), at)
        return False  # another process did at this moment

    # --- what is due -------------------------------------------------------------------------------------------------------

    def round(self, at: int) -> None:
        """Welcomes who is new, reports to Admin Contacts who did not answer, forgets who left. Raises TryAgain; the next goes on."""
        known = self.known()  # before the membership: whoever has a row in here is in there, or has left
        membership = self._house.membership()
        members = membership.members(at)
        self._welcome([m for m in members if m.state == ACTIVE and not _is_welcomed(m, known)], known, membership, at)
        self._report(_unconfirmed(known, members, at), known, at)
        self._forget(known, members)

    def _welcome(self, new: list[Member], known: Mapping[Key, Welcome], membership: Membership, at: int) -> None:
        replaced = {(one.cctld, one.address) for one in known.values() if one.sent}

        def welcome(member: Member) -> str:
            one = _of(member)
            said = {"new_key": (one.cctld, one.address) in replaced, "answered": bool(known.get(one.key, one).confirmed)}
            return member.name if self._welcome_one(member, one, membership, said, at) else ""

        newest_first = iter(sorted(new, key=lambda member: -member.entry))  # they wait for it
        written = 0
        while batch := list(islice(newest_first, WELCOMES_A_ROUND - written)):
            written += sum(map(bool, each(batch, welcome)))

    def _welcome_one(self, member: Member, one: Welcome, membership: Membership, said: Facts, at: int) -> bool:
        attestation = membership.attestations[one.cctld, one.address]
        is_root = self._addressees.is_root(member.fingerprint, membership)
        to = Addressee(member.emails, member.cctld, membership.certificates[member.fingerprint], is_root)
        facts = {**_facts(member, attestation, membership, at), **said}
        if not self._house.letters.write("welcome", to, at, occasion=_occasion(one, attestation), **facts):
            return False
        with suppress(IntegrityError), writing(self._house.engine) as connection:  # another process does the same
            welcomes.mark_sent(connection, one, at)
        return True

    def _report(self, silent: Iterable[Unconfirmed], known: Mapping[Key, Welcome], at: int) -> None:
        due = [one for one in silent if not known[_of(one.member).key].reported]
        by_cctld = [(cctld, tuple(those)) for cctld, those in groupby(due, key=lambda one: one.member.cctld)]
        each(by_cctld, lambda pair: self._report_one(*pair, at))

    def _report_one(self, cctld: str, those: Sequence[Unconfirmed], at: int) -> str:
        to = self._addressees.contact(cctld)
        if to is None or not self._house.letters.write("unconfirmed", to, at, occasion=_occasion_of(those), **_reported(cctld, those)):
            return ""
        with writing(self._house.engine) as connection:
            welcomes.mark_reported(connection, [_of(one.member) for one in those], at)
        return cctld

    def _forget(self, known: Mapping[Key, Welcome], members: Iterable[Member]) -> None:
        """Those who are members no more; a member's former key is known until the new one is welcomed, as such."""
        keys = {_of(member).key for member in members}
        waiting = {(m.cctld, _of(m).address) for m in members if not _is_welcomed(m, known)}
        gone = [one for one in known.values() if one.key not in keys and (one.cctld, one.address) not in waiting]
        if gone:
            with writing(self._house.engine) as connection:
                welcomes.drop(connection, gone)


def _of(member: Member) -> Welcome:
    """The welcome of this member's key, before anything is known of it."""
    return Welcome(member.cctld, member.fingerprint, same_address(member.emails[0]))


def _is_welcomed(member: Member, known: Mapping[Key, Welcome]) -> bool:
    one = known.get((member.cctld, member.fingerprint))
    return one is not None and one.sent > 0


def is_unconfirmed(one: Welcome | None, at: int) -> bool:
    """Whether this welcome has been waiting for an answer too long at `at`."""
    return one is not None and one.answered(at) is False and at >= one.sent + UNCONFIRMED_AFTER_S


def _unconfirmed(known: Mapping[Key, Welcome], members: Iterable[Member], at: int) -> tuple[Unconfirmed, ...]:
    pairs = ((member, known.get((member.cctld, member.fingerprint))) for member in members if member.state != SUSPENDED)
    return tuple(Unconfirmed(member, one.sent) for member, one in pairs if one and is_unconfirmed(one, at))


# --- what the letters say ----------------------------------------------------------------------------------------------


def _occasion(one: Welcome, attestation: Attestation) -> str:
    """The same until the key is attested anew: who comes back is welcomed anew."""
    return f"welcome {one.cctld} {one.fingerprint} {max(attestation.entry, attestation.replaced)}"


def _occasion_of(those: Iterable[Unconfirmed]) -> str:
    return " ".join(["unconfirmed", *(f"{one.member.cctld} {one.member.fingerprint} {one.since}" for one in those)])


def _facts(member: Member, attestation: Attestation, membership: Membership, at: int) -> Facts:
    contact = membership.admin_contact(member.cctld)
    there = [m for m in membership.members(at) if m.cctld == member.cctld and m.state != SUSPENDED]
    others = [m for m in there if m.fingerprint != member.fingerprint]
    return {
        "person": member.name,
        "tld": member.cctld,
        "until": day(member.expires),
        "by": contact.person.name if contact and contact.fingerprint == attestation.signer else "",
        "contact": _reached(contact.person.name, contact.person.emails, contact.person.phones) if contact else "",
        "fingerprint": member.fingerprint,
        "others": [_reached(m.name, m.emails, m.phones) for m in others[:OTHERS_SHOWN]],
        "more": len(others[OTHERS_SHOWN:]),
        "entry": membership.head.number,
        "hash": membership.head.hash,
    }


def _reached(name: str, emails: Sequence[str], phones: Sequence[str]) -> str:
    """Somebody as a letter names them: with the first address, and the first telephone number, where there is one."""
    return ", ".join((name, emails[0], *phones[:1]))


def _reported(cctld: str, those: Sequence[Unconfirmed]) -> Facts:
    people = [f"{_reached(one.member.name, one.member.emails, one.member.phones)}, since {day(one.since)}" for one in those]
    return {"tld": cctld, "days": UNCONFIRMED_AFTER_S // DAY_S, "people": people, "addresses": [one.member.emails[0] for one in those]}
