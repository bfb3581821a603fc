"""Who speaks for a ccTLD, and whether they can renew now what they attested: asked of the membership and of the marked addresses; pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from securelist.mail.addresses import same_address
from securelist.trust.membership import Membership


@dataclass(frozen=True)
class Speakers:
    """The Admin Contacts of a membership at `at` (Unix seconds); `dead` are the addresses, as compared, at which no mail arrives."""

    membership: Membership
    dead: Collection[str]
    at: int

    def why_not(self, cctld: str) -> str:
        """Why nobody who speaks for the ccTLD can be asked to sign anew: one clause; empty if somebody can.

        They must get the letter, so their key must encrypt and mail must arrive at one address; and their signature must count.
        """
        contact = self.membership.admin_contact(cctld)
        if contact is None:
            return "nobody speaks for it"
        certificate = self.membership.certificates[contact.fingerprint]
        if why := certificate.why_not_encrypt(self.at):
            return why
        if not certificate.can_sign(self.at):
            return "the key can sign nothing now"
        return "no mail arrives at theirs" if all(same_address(one) in self.dead for one in contact.person.emails) else ""
