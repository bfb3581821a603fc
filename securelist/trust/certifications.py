"""Attestation by certification: which of the signatures that others put on a certificate make, or end, a membership.

An Admin Contact certifies a user ID of the SSC's certificate with the notation `cctld@<list's domain>=nl` (RFC 9580, 5.2.3.24).
Without it a signature, from a key-signing party say, means nothing here. Taking it back withdraws what it attested.
"""

from __future__ import annotations

from dataclasses import dataclass

from securelist.errors import Refused
from securelist.mail.addresses import same_address
from securelist.mail.headers import address_in_user_id
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.certification import Certification, read_misplaced, verify
from securelist.trust.anchor import Anchor
from securelist.trust.fields import FIELDS, WrongValue
from securelist.trust.membership import Membership
from securelist.trust.verified import CertifiedStatement


def notation_name(list_address: str) -> str:
    """The notation that a certification for this list carries."""
    return f"cctld@{list_address.rpartition('@')[2]}"


@dataclass(frozen=True)
class Attempt:
    """A certification by somebody who speaks for a ccTLD now, with the certificate of who that is. Nothing is verified yet."""

    certification: Certification
    certifier: Certificate

    @property
    def where(self) -> str:
        """Which of the signatures on a certificate this is, in words."""
        # Not by the user ID: anybody can write one, and somebody else's name beside it as who certified it.
        return f"the certification of {self.certification.subject} by {self.certifier.fingerprint}"

    @property
    def order(self) -> tuple[int, bool]:
        """The order in which attempts are carried out: as they were made; within a second, what takes one back comes last."""
        return self.certification.made, self.certification.revokes

    def meant_for(self, list_address: str) -> bool:
        """Whether it seems to be made for this list, or takes one back: not at a key-signing party."""
        name = notation_name(list_address)
        return self.certification.revokes or any(noted == name for noted, _ in self.certification.notations)


def attempts(certifications: tuple[Certification, ...], membership: Membership) -> tuple[Attempt, ...]:
    """Those that somebody in office made and that the log does not have, oldest first. All others mean nothing here."""
    entered = {said.text for said in membership.said if said.part == 0}
    found = {c.text: Attempt(c, maker) for c in certifications if c.text not in entered and (maker := _maker(c.issuers, membership))}
    return tuple(sorted(found.values(), key=lambda attempt: attempt.order))


def misplaced(octets: bytes, membership: Membership) -> list[Refused]:
    """One refusal for each certification by somebody in office that fits no user ID of the certificate: it was made for another."""
    makers = (_maker(issuers, membership) for issuers in read_misplaced(octets))
    rule = "it is of another user ID, or of another certificate"
    return [Refused("bad-certification", f"a certification by {maker.fingerprint}: {rule}") for maker in makers if maker]


def _maker(issuers: tuple[str, ...], membership: Membership) -> Certificate | None:
    """Who of those in office is named as the issuer."""
    for contact in membership.admin_contacts.values():
        certificate = membership.certificates[contact.fingerprint]
        if not contact.dismissed and {certificate.fingerprint, certificate.primary.key_id}.intersection(issuers):
            return certificate
    return None


def prove(attempt: Attempt, subject: Certificate, membership: Membership, anchor: Anchor, at: int) -> CertifiedStatement:
    """The statement that a certification is, once both engines found it good; raises Refused naming the rule that it breaks."""
    said = attempt.certification
    if not address_in_user_id(said.user_id):
        raise Refused("no-address", "the user ID names no mail address; certify the one that does")
    tld = _ended_tld(attempt, membership, at) if said.revokes else _noted_tld(said, anchor.list)
    return CertifiedStatement(verify(said, attempt.certifier, subject, at), anchor.list, tld)


def _noted_tld(certification: Certification, list_address: str) -> str:
    name = notation_name(list_address)
    values = [value for noted, value in certification.notations if noted == name]
    if len(values) != 1:
        advice = f"certify with: gpg --cert-notation {name}=TLD --quick-sign-key {certification.subject}"
        count = "it has no notation" if not values else "it has more than one notation"
        raise Refused("no-notation", f"{count} {name} that says for which ccTLD; {advice}")
    try:
        return str(FIELDS["TLD"].read(values[0]))
    except WrongValue as wrong:
        raise Refused("bad-tld", f"its notation {name} is wrong: {wrong.rule}") from None


def _ended_tld(attempt: Attempt, membership: Membership, at: int) -> str:
    """The ccTLD of the membership that a revoked certification had made."""
    said, address = attempt.certification, same_address(address_in_user_id(attempt.certification.user_id))
    for attestation in membership.attestations.values():
        made_it = attestation.certified and attestation.signer == attempt.certifier.fingerprint and attestation.in_force(at)
        granted = next((s.about for s in membership.said if s.entry == attestation.entry), "")  # the key may have been replaced since
        if made_it and (attestation.address, granted) == (address, said.subject):
            return attestation.cctld
    raise Refused("nothing-to-withdraw", "it takes back what made nobody a member")
