"""Whom the server may write to, and with which key: people in the log, and the trust roots."""

from __future__ import annotations

from securelist.installation import Installation
from securelist.letters import Addressee
from securelist.mail.headers import address_in_user_id
from securelist.trust.membership import Membership


class Addressees:
    """The people whom one installation may write to."""

    def __init__(self, house: Installation) -> None:
        self._house = house

    def of(self, fingerprint: str, at: int, membership: Membership | None = None) -> Addressee | None:
        """The person behind a fingerprint, now or by `membership`; None for a stranger."""
        membership = membership or self._house.membership()
        certificate = self._house.anchor.signers(membership).get(fingerprint)
        if certificate is None:
            return None
        member = membership.member_by_key(fingerprint, at)
        if member is not None:
            return Addressee(member.emails, member.cctld, certificate)
        for contact in membership.admin_contacts.values():
            if contact.fingerprint == fingerprint and not contact.dismissed:
                return Addressee(contact.person.emails, contact.cctld, certificate)
        if fingerprint in membership.roots or self._house.anchor.root(fingerprint):
            address = next(filter(None, map(address_in_user_id, certificate.user_ids)), "")
            return Addressee((address,), "", certificate) if address else None
        return None

    def contact(self, cctld: str) -> Addressee | None:
        """Who speaks for a ccTLD, as such: at the addresses of the appointment."""
        membership = self._house.membership()
        contact = membership.admin_contact(cctld)
        if contact is None:
            return None
        return Addressee(contact.person.emails, cctld, membership.certificates[contact.fingerprint])

    def secretariat(self, at: int) -> list[Addressee]:
        """The trust roots: those of the founding, or before it those that `init` was given."""
        given = tuple(root.fingerprint for root in self._house.roots)
        addressees = (self.of(root, at) for root in self._house.membership().roots or given)
        return [addressee for addressee in addressees if addressee is not None]
