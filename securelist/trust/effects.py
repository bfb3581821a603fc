"""What each type of statement does to the membership, and what it must fit. Called by `rules` after its own checks.

One function per type: it takes the case and gives the membership after it, the subject's fingerprint, and notes for the
sender; or raises Refused naming the line.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from securelist.errors import Refused
from securelist.mail.addresses import role_of, same_address
from securelist.openpgp.certificate import Certificate
from securelist.trust.grammar import refusal
from securelist.trust.membership import AdminContact, Anchor, Attestation, Founding, Membership
from securelist.trust.statement import Statement
from securelist.trust.verified import SignedStatement

DEFAULT_YEARS = 1
MAX_YEARS = 2


@dataclass(frozen=True)
class Case:
    """A verified statement, the membership it meets, and the time of its entry."""

    membership: Membership
    signed: SignedStatement
    anchor: Anchor
    at: int
    limit: int | None

    @property
    def statement(self) -> Statement:
        """What is said."""
        return self.signed.statement

    @property
    def number(self) -> int:
        """The number that the entry will have."""
        return self.membership.head.number + 1

    def refusal(self, field: str, reason: str, rule: str, index: int = 0) -> Refused:
        """A Refused that names the line of `field`, or of its value `index` where it has several."""
        return refusal(self.statement.line_of(field, index), reason, rule)


@dataclass(frozen=True)
class Effect:
    """The membership after a statement (head and time still as before it), and the fingerprint it is about."""

    membership: Membership
    subject: str
    notes: tuple[str, ...] = ()


# --- the list ---------------------------------------------------------------------------------------------------------


def found(case: Case) -> Effect:
    """`found-list`: the list's own key, the roots (all of them given to the installation, the signer among them)."""
    statement = case.statement
    if statement.key != case.anchor.key:
        raise case.refusal("Key", "not-the-list-key", f"the list's key is {case.anchor.key}")
    for index, root in enumerate(statement.roots):
        if case.anchor.root(root) is None:
            raise case.refusal("Root", "unknown-root", f"{root} is not among the trust roots that were given", index)
    if case.signed.signer not in statement.roots:
        raise case.refusal("Root", "signer-not-named", "the trust root that signs found-list must be named in it, with a line Root")
    if statement.threshold != 1:
        rule = "a threshold above 1 is not supported; leave the line out"
        raise case.refusal("Threshold", "threshold-not-supported", rule)
    founding = Founding(statement.list, statement.key, statement.roots, statement.threshold, case.number)
    return Effect(dataclasses.replace(case.membership, founding=founding), statement.key)


# --- Admin Contacts ---------------------------------------------------------------------------------------------------


def appoint(case: Case) -> Effect:
    """`appoint-admin-contact`: from now on this one speaks for the ccTLD, and nobody else."""
    statement = case.statement
    certificate = _subject_certificate(case)
    _check_not_the_list(case)
    contact = AdminContact(statement.tld, statement.person, statement.key, case.number)
    return Effect(_with_contact(case, contact), statement.key, _unnamed(statement, certificate))


def dismiss(case: Case) -> Effect:
    """`dismiss-admin-contact`: nobody speaks for the ccTLD until the next is appointed. What was attested stands."""
    statement = case.statement
    contact = case.membership.admin_contact(statement.tld)
    if contact is None:
        raise case.refusal("TLD", "no-such-admin-contact", f".{statement.tld} has no Admin Contact to dismiss")
    if statement.key and statement.key != contact.fingerprint:
        raise case.refusal("Key", "wrong-key", f"the Admin Contact of .{statement.tld} has the key {contact.fingerprint}")
    theirs = set(map(same_address, contact.person.emails))
    if not theirs.issuperset(map(same_address, statement.person.emails)):
        raise case.refusal("Email", "wrong-address", f"this is no address of the Admin Contact of .{statement.tld}")
    return Effect(_with_contact(case, dataclasses.replace(contact, dismissed=case.number)), contact.fingerprint)


def _with_contact(case: Case, contact: AdminContact) -> Membership:
    return dataclasses.replace(case.membership, admin_contacts={**case.membership.admin_contacts, contact.cctld: contact})


# --- SSCs -------------------------------------------------------------------------------------------------------------


def attest(case: Case) -> Effect:
    """`attest-ssc`: a member, or the same one with new details, another key, a later end."""
    statement = case.statement
    certificate = _subject_certificate(case)
    _check_not_the_list(case)
    attestation = Attestation(statement.tld, statement.person, statement.key, case.signed.signer, _end(case), case.number)
    others = [a for key, a in case.membership.attestations.items() if a.in_force(case.at) and key != (statement.tld, attestation.address)]
    _check_nobody_elses(case, others)
    _check_room(case, [a for a in others if a.cctld == statement.tld])
    return Effect(_with_attestation(case, attestation), statement.key, _unnamed(statement, certificate))


def withdraw(case: Case) -> Effect:
    """`withdraw-ssc`: ends a membership, by its primary address."""
    statement = case.statement
    address = same_address(statement.person.emails[0])
    attestation = case.membership.attestations.get((statement.tld, address))
    if attestation is None or not attestation.in_force(case.at):
        raise case.refusal("Email", "no-such-member", _no_such_member(case, address))
    if statement.key and statement.key != attestation.fingerprint:
        raise case.refusal("Key", "wrong-key", f"the key of {address} is {attestation.fingerprint}")
    return Effect(_with_attestation(case, dataclasses.replace(attestation, withdrawn=case.number)), attestation.fingerprint)


def _with_attestation(case: Case, attestation: Attestation) -> Membership:
    attestations = {**case.membership.attestations, (attestation.cctld, attestation.address): attestation}
    return dataclasses.replace(case.membership, attestations=attestations)


def _no_such_member(case: Case, address: str) -> str:
    rule = f"{address} is not the primary address of a member for .{case.statement.tld}"
    member = case.membership.member_by_address(address, case.at)
    if member and member.cctld == case.statement.tld:
        return f"{rule}; write the primary one, {member.emails[0]}"
    return rule


def _end(case: Case) -> int:
    """When the attestation ends: 00:00 UTC of the day given, or one year after the signature."""
    expires, made = case.statement.expires, case.signed.made
    if expires is None:
        return int(_years_later(made, DEFAULT_YEARS).timestamp())
    if expires <= case.at:
        raise case.refusal(
            "Expires", "expired", "Expires names a day that has begun already; an attestation ends when that day begins, in UTC"
        )
    if datetime.fromtimestamp(expires, UTC).date() > _years_later(made, MAX_YEARS).date():
        latest = _years_later(made, MAX_YEARS).date().isoformat()
        raise case.refusal("Expires", "expires-too-late", f"an attestation lasts at most {MAX_YEARS} years; write: Expires: {latest}")
    return expires


def _years_later(time: int, years: int) -> datetime:
    moment = datetime.fromtimestamp(time, UTC)
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:  # 29 February
        return moment.replace(year=moment.year + years, month=3, day=1)


def _check_nobody_elses(case: Case, others: Iterable[Attestation]) -> None:
    """An address or a certificate has one member: it decides who posted, and to whom a copy goes."""
    for other in others:
        who = f"{other.person.emails[0]}, a member for .{other.cctld}"
        taken = set(map(same_address, other.person.emails))
        for index, email in enumerate(case.statement.person.emails):
            if same_address(email) in taken:
                raise case.refusal("Email", "address-of-another", f"{email} belongs to {who}", index)
        if other.fingerprint == case.statement.key:
            rule = f"this key belongs to {who}; to change the primary address, withdraw that membership first"
            raise case.refusal("Key", "key-of-another", rule)


def _check_room(case: Case, same_cctld: list[Attestation]) -> None:
    if case.limit is not None and len(same_cctld) >= case.limit:
        names = ", ".join(sorted(a.person.emails[0] for a in same_cctld))
        rule = f".{case.statement.tld} has {len(same_cctld)} members already ({names}), and at most {case.limit} are allowed"
        raise case.refusal("TLD", "too-many-members", f"{rule}; withdraw one first")


# --- certificates and addresses of a subject -----------------------------------------------------------------------------


def _subject_certificate(case: Case) -> Certificate:
    """The certificate that `Key` names: in the log, and fit to sign and to be encrypted to at the time of the entry."""
    key = case.statement.key
    certificate = case.membership.certificates.get(key)
    if certificate is None:
        raise case.refusal("Key", "certificate-missing", f"the certificate {key} is not known; send it with the statement")
    if why := certificate.why_not_encrypt(case.at):
        raise case.refusal("Key", "certificate-not-usable", f"the certificate {key} cannot be encrypted to: {why}")
    if not certificate.can_sign(case.at):
        raise case.refusal("Key", "certificate-not-usable", f"the certificate {key} has no key that can sign now")
    return certificate


def _check_not_the_list(case: Case) -> None:
    for index, email in enumerate(case.statement.person.emails):
        if role_of(email, case.anchor.list) is not None:
            raise case.refusal("Email", "address-of-the-list", f"{email} is the list itself: copies would go round in circles", index)


def _unnamed(statement: Statement, certificate: Certificate) -> tuple[str, ...]:
    """A note if no user ID of the certificate names an address of the person: allowed, but often a mix-up of files."""
    user_ids = " ".join(certificate.user_ids).lower()
    if any(same_address(email) in user_ids for email in statement.person.emails):
        return ()
    return (
        f"no user ID of certificate {certificate.fingerprint} names {statement.person.emails[0]}; the statement binds them all the same",
    )
