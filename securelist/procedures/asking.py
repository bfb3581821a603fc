"""Requests for membership that were released: the Admin Contact gets the attestation ready to sign, is reminded, and asked no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from securelist.addressees import Addressees
from securelist.installation import Installation
from securelist.letters import Addressee, Verbatim
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
from securelist.trust.membership import AdminContact
from securelist.trust.statement import StatementType


class Asking:
    """Asks Admin Contacts to attest those who want to join."""

    def __init__(self, house: Installation) -> None:
        self._house, self._people = house, Addressees(house)

    def round(self, at: int) -> Iterator[str]:
        """Does what is due about each request; a sentence for the Secretariat about each that has lapsed."""
        with reading(self._house.engine) as connection:
            waiting = requests.waiting(connection)
        return each(waiting, lambda one: self._one(one, at))

    def _one(self, one: Waiting, at: int) -> str:
        membership = self._house.membership()
        contact = membership.admin_contact(one.cctld)
        if membership.member_by_key(one.fingerprint, at) or membership.member_by_address(one.address, at):
            self._drop(one, "attested", at)
        elif not one.released:
            if at >= one.received + REQUESTS_KEPT_S:
                self._drop(one, "lapsed", at)  # nobody was written to about it, so nobody is now
                return f"request {one.id} ({one.address} for .{one.cctld}) of {day(one.received)} was never released"
        elif contact is None:
            if at >= one.released + REQUESTS_KEPT_S:
                return self._lapse(one, None, at)
        elif one.asked and has_lapsed(self._asked(one, contact, at)[0], at):
            return self._lapse(one, contact, at)
        elif is_due(*self._asked(one, contact, at), at):
            self._ask(one, contact, at)
        return ""

    @staticmethod
    def _asked(one: Waiting, contact: AdminContact, at: int) -> tuple[int, int]:
        """Since when this very Admin Contact has been asked, and by how many letters: a new one begins anew."""
        return (one.asked, one.letters) if one.asked >= contact.time else (at, 0)

    def _ask(self, one: Waiting, contact: AdminContact, at: int) -> None:
        since, letters = self._asked(one, contact, at)
        kept = read_kept(one.evidence, one.certificate, one.received)
        key = kept.certificate.fingerprint
        text = draft(StatementType.ATTEST_SSC, list=self._house.config.list, tld=one.cctld, person=kept.person, key=key)
        facts: dict[str, Any] = {
            "tld": one.cctld, "person": kept.person, "fingerprint": key, "contact": contact.person, "reminder": letters,
            "received": day(one.received), "until": day(since + LAPSES_AFTER_S),
        }  # fmt: skip
        to, about = self._people.contact(one.cctld), f"request {one.id} to {contact.fingerprint} letter {letters}"
        if to is not None:
            part = certificate_part(kept.certificate)
            self._house.letters.write("attest", to, at, parts=(part,), occasion=about, statement=Verbatim(text), **facts)
        if letters == 0:
            self._house.letters.write("request-released", _requester(one, kept), at, occasion=f"{about} released", **facts)
        with writing(self._house.engine) as connection:
            requests.count_letter(connection, one.id, letters + 1, since)

    def _lapse(self, one: Waiting, contact: AdminContact | None, at: int) -> str:
        """Ends a request that nobody attested; who asked is told, and who was to attest."""
        kept = read_kept(one.evidence, one.certificate, one.received)
        facts: dict[str, Any] = {"tld": one.cctld, "person": kept.person, "contact": contact.person if contact else None}
        self._house.letters.write("request-lapsed", _requester(one, kept), at, occasion=f"request {one.id} lapsed", **facts)
        to = self._people.contact(one.cctld)
        if to is not None:
            self._house.letters.write("attest-lapsed", to, at, occasion=f"request {one.id} lapsed for the contact", **facts)
        self._drop(one, "lapsed", at)
        why = f"{contact.person.name} did not attest it" if contact else "nobody was appointed"
        return f"request {one.id} ({one.address} for .{one.cctld}), released on {day(one.released)}: {why}"

    def _drop(self, one: Waiting, why: str, at: int) -> None:
        with writing(self._house.engine) as connection:
            requests.drop(connection, one.id)
            note(connection, at, f"request-{why}", one.cctld)


def _requester(one: Waiting, kept: KeptText) -> Addressee:
    return Addressee(kept.person.emails, one.cctld, kept.certificate)
