"""Requests for membership that were released: the Admin Contact gets the attestation ready to sign, is reminded, and asked no more."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from securelist.addressees import Addressees
from securelist.errors import Refused
from securelist.installation import Installation
from securelist.letters import Addressee, Verbatim
from securelist.mail.addresses import same_address
from securelist.procedures.attached import certificate_part
from securelist.procedures.dates import day
from securelist.procedures.each import each
from securelist.procedures.kept import KeptText, read_kept
from securelist.procedures.schedule import LAPSES_AFTER_S, REQUESTS_KEPT_S, has_lapsed, is_due
from securelist.store import requests
from securelist.store.database import reading, writing
from securelist.store.journal import note
from securelist.store.requests import Waiting
from securelist.trust.draft import draft
from securelist.trust.membership import AdminContact, Membership
from securelist.trust.statement import StatementType


class Asking:
    """Asks Admin Contacts to attest those who want to join."""

    def __init__(self, house: Installation) -> None:
        self._house, self._people = house, Addressees(house)

    def round(self, at: int) -> list[str]:
        """Does what is due about each request; a sentence for the Secretariat about each that has lapsed."""
        with reading(self._house.engine) as connection:
            waiting = requests.waiting(connection)
        return [said for said in each(waiting, lambda one: self._one(one, at)) if said]

    def _one(self, one: Waiting, at: int) -> str:
        membership = self._house.membership()
        contact = membership.admin_contact(one.cctld)
        if _is_attested(membership, one, at):
            self._drop(one, "attested", at)
        elif one.declined:
            self._decline(one, at)
        elif not one.released:
            if at >= one.received + REQUESTS_KEPT_S and self._drop(one, "lapsed", at):
                # Nobody was written to about it, so nobody is now.
                return f"request {one.id} ({one.address} for .{one.cctld}) of {day(one.received)} was never released"
        elif self._is_over(one, contact, at):
            return self._lapse(one, contact, at)
        elif contact and is_due(*_asked(one, contact, at), at):
            self._ask(one, contact, at)
        return ""

    @staticmethod
    def _is_over(one: Waiting, contact: AdminContact | None, at: int) -> bool:
        """Whether a released request has had its time: with an Admin Contact who got it, or with none whom a letter reaches."""
        if contact and _asked(one, contact, at)[1]:
            return has_lapsed(one.asked, at)
        return at >= max(one.released, contact.time if contact else 0) + REQUESTS_KEPT_S

    def _ask(self, one: Waiting, contact: AdminContact, at: int) -> None:
        since, letters = _asked(one, contact, at)
        kept = self._kept(one)
        key = kept.certificate.fingerprint
        text = draft(StatementType.ATTEST_SSC, list=self._house.config.list, tld=one.cctld, person=kept.person, key=key)
        facts: dict[str, Any] = {
            "tld": one.cctld, "person": kept.person, "fingerprint": key, "contact": contact.person, "reminder": letters,
            "received": day(one.received), "until": day(since + LAPSES_AFTER_S),
        }  # fmt: skip
        to, about = self._people.contact(one.cctld), f"request {one.id} to {contact.fingerprint} letter {letters}"
        parts, statement, write = (certificate_part(kept.certificate),), Verbatim(text), self._house.letters.write
        written = to is not None and write("attest", to, at, parts=parts, occasion=about, statement=statement, **facts)
        # Whom the first cannot reach today gets it later, and nobody is told that it is with them; a reminder can be missed.
        if not written and not letters:
            return
        if not letters:
            write("request-released", _requester(one, kept), at, occasion=f"{about} released", **facts)
        with writing(self._house.engine) as connection:
            requests.count_letter(connection, one, since)

    # --- how a request ends ----------------------------------------------------------------------------------------------

    def _lapse(self, one: Waiting, contact: AdminContact | None, at: int) -> str:
        """Ends a request that nobody attested; who asked is told, and who was to attest."""
        asked = contact if contact and _asked(one, contact, at)[1] else None
        with suppress(Refused):  # a kept text that cannot be read any more ends, too
            self._tell_lapsed(one, contact, asked, at)
        if not self._drop(one, "lapsed", at):
            return ""
        why = f"{asked.person.name} did not attest it" if asked else "no letter reached who speaks for it"
        why = why if contact else "nobody was appointed"
        return f"request {one.id} ({one.address} for .{one.cctld}), released on {day(one.released)}: {why}"

    def _tell_lapsed(self, one: Waiting, contact: AdminContact | None, asked: AdminContact | None, at: int) -> None:
        kept, to = self._kept(one), self._people.contact(one.cctld)
        facts: dict[str, Any] = {"tld": one.cctld, "person": kept.person, "contact": asked.person if asked else None}
        about = f"request {one.id} lapsed"
        self._house.letters.write("request-lapsed", _requester(one, kept), at, occasion=about, unreached=contact is not None, **facts)
        if to is not None and asked is not None:
            self._house.letters.write("attest-lapsed", to, at, occasion=f"{about} for the contact", **facts)

    def _decline(self, one: Waiting, at: int) -> None:
        """Ends a request that was released, and then declined by a trust root; who asked is told."""
        with suppress(Refused):
            kept = self._kept(one)
            about = f"request {one.id} declined"
            self._house.letters.write("request-declined", _requester(one, kept), at, occasion=about, tld=one.cctld, person=kept.person)
        self._drop(one, "declined", at)

    def _kept(self, one: Waiting) -> KeptText:
        with reading(self._house.engine) as connection:
            kept = requests.text_of(connection, one.id)
        return read_kept(kept.evidence, kept.certificate, one.verified_at)

    def _drop(self, one: Waiting, why: str, at: int) -> bool:
        """Forgets it, unless something has happened to it since it was read: then the next round looks at it anew."""
        with writing(self._house.engine) as connection:
            dropped = requests.drop(connection, one)
            if dropped:
                note(connection, at, f"request-{why}", one.cctld)
        return dropped


def _is_attested(membership: Membership, one: Waiting, at: int) -> bool:
    """Whether who asked is a member of that ccTLD by now: by this key, or with this address."""
    address = same_address(one.address)
    of_cctld = (a for a in membership.attestations.values() if a.cctld == one.cctld and a.in_force(at))
    return any(a.fingerprint == one.fingerprint or address in map(same_address, a.person.emails) for a in of_cctld)


def _asked(one: Waiting, contact: AdminContact, at: int) -> tuple[int, int]:
    """Since when this very Admin Contact has been asked, and by how many letters: a new one begins anew."""
    return (one.asked, one.letters) if one.asked >= contact.time else (at, 0)


def _requester(one: Waiting, kept: KeptText) -> Addressee:
    """Who asked, at the address that the Secretariat saw in `pending`: a stranger may have named other people's beside it."""
    return Addressee(kept.person.emails[:1], one.cctld, kept.certificate)
