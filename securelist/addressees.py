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
            return Addressee(member.emails, member.cctld, certificate, self.is_root(fingerprint, membership))
        for contact in membership.admin_contacts.values():
            if contact.fingerprint == fingerprint and not contact.dismissed:
                return Addressee(contact.person.emails, contact.cctld, certificate, self.is_root(fingerprint, membership))
        if fingerprint in membership.roots or self._house.anchor.root(fingerprint):
            address = next(filter(None, map(address_in_user_id, certificate.user_ids)), "")
            return Addressee((address,), "", certificate, self.is_root(fingerprint, membership)) if address else None
        return None

    def is_root(self, fingerprint: str, membership: Membership | None = None) -> bool:
        """Whether it is a trust root's: one of those that the log names, or before the founding of those that `init` was given."""
        return fingerprint in self._roots(membership or self._house.membership())

    def contact(self, cctld: str) -> Addressee | None:
        """Who speaks for a ccTLD, as such: at the addresses of the appointment."""
        membership = self._house.membership()
        contact = membership.admin_contact(cctld)
        if contact is None:
            return None
        is_root = self.is_root(contact.fingerprint, membership)
        return Addressee(contact.person.emails, cctld, membership.certificates[contact.fingerprint], is_root)

    def secretariat(self, at: int) -> list[Addressee]:
        """The trust roots: those of the founding, or before it those that `init` was given."""
        addressees = (self.of(root, at) for root in self._roots(self._house.membership()))
        return [addressee for addressee in addressees if addressee is not None]

    def _roots(self, membership: Membership) -> tuple[str, ...]:
        return tuple(membership.roots) or tuple(root.fingerprint for root in self._house.roots)
