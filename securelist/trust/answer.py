"""Answers to invitations: what an Admin Contact, or who is to be one, signs in a single text.

It begins with `accept-invitation`, which says who they are and gives the token back; `attest-ssc` for the same ccTLD may
follow. Before the appointment nothing of it counts: it is judged as if its signer spoke for the ccTLD already, so that whatever
is wrong is said at once, and it waits. After the appointment the same text is submitted again, and its attestations enter.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from securelist.errors import Refused
from securelist.mail.addresses import same_address
from securelist.openpgp.certificate import Certificate
from securelist.trust.anchor import Anchor
from securelist.trust.case import Case
from securelist.trust.checks import check_by_itself, check_named, check_signer
from securelist.trust.grammar import refusal
from securelist.trust.history import Said
from securelist.trust.membership import AdminContact, Membership
from securelist.trust.rules import said_of
from securelist.trust.statement import Person, Statement, StatementType
from securelist.trust.verified import SignedStatement
from securelist.trust.wording import check_wording

# The signed text and the certificates of its signer and of those attested, kept until the appointment: five people whose
# certificates were attached to the mail that they signed stay below.
MAX_ANSWER_OCTETS = 128 * 1024
# Each is a certificate to examine before anybody has looked at the token. The log's list has three contacts for a ccTLD.
MAX_ATTESTED = 10

# What a refusal says about other members, which whoever holds an invitation is not told.
_ABOUT_OTHERS = {
    "address-of-another": "an address in it belongs to another member",
    "key-of-another": "the certificate, or a key of it, is somebody else's here",
    "too-many-members": "with the contacts that this ccTLD has there would be too many",
}
_LATER = "leave this one out; once you are appointed it can be put right"


@dataclass(frozen=True)
class Answer:
    """An answer to an invitation that was found in order. Times are Unix seconds."""

    said: Said
    """`accept-invitation` as it was said; it is never entered, and the number in it means nothing."""
    certificate: Certificate
    """The signer's."""
    certificates: tuple[bytes, ...]
    """Those of the SSCs whom it attests, binary, each once."""
    attests: tuple[Statement, ...]
    evidence: bytes
    """The signed text, to be submitted again after the appointment."""
    in_force: bool
    """Whether the signer is the ccTLD's Admin Contact: then what it attests was entered."""
    notes: tuple[str, ...] = ()
    """What its signer should be told besides."""

    @property
    def token(self) -> str:
        """What came with the invitation, as given back; nobody has looked whether it is right."""
        return self.said.statement.token

    @property
    def tld(self) -> str:
        """The ccTLD that it is about."""
        return self.said.statement.tld

    @property
    def person(self) -> Person:
        """Who answers, by their own account."""
        return self.said.statement.person

    @property
    def signer(self) -> str:
        """Fingerprint of the key that signed."""
        return self.said.signer

    @property
    def made(self) -> int:
        """When it was signed, by its own account."""
        return self.said.made

    @property
    def received(self) -> int:
        """When it came."""
        return self.said.time


def is_answer(statements: Sequence[SignedStatement]) -> bool:
    """Whether a text holds an answer to an invitation, well-formed or not."""
    return any(signed.statement.type is StatementType.ACCEPT_INVITATION for signed in statements)


def to_enter(statements: Sequence[SignedStatement]) -> tuple[SignedStatement, ...]:
    """The statements of a text that become entries: all, but for `accept-invitation`. Raises Refused for an answer of another form."""
    if not is_answer(statements):
        return tuple(statements)
    accepting, *attesting = statements
    if accepting.statement.type is not StatementType.ACCEPT_INVITATION:
        rule = "accept-invitation comes first in its text, and only attest-ssc may follow"
        raise refusal(accepting.statement.line, "not-an-answer", f"{rule}; sign other statements separately")
    seen: set[str] = set()
    for signed in attesting:
        _check_attests(signed.statement, accepting.statement.tld, seen)
    if len(attesting) > MAX_ATTESTED:
        raise refusal(attesting[MAX_ATTESTED].statement.line, "too-many-statements", f"an answer attests at most {MAX_ATTESTED} contacts")
    return tuple(attesting)


def _check_attests(statement: Statement, tld: str, seen: set[str]) -> None:
    if statement.type is not StatementType.ATTEST_SSC:
        rule = f"after accept-invitation only attest-ssc may follow; sign this {statement.type} separately"
        raise refusal(statement.line, "not-an-answer", rule)
    if statement.tld != tld:
        raise refusal(statement.line_of("TLD"), "another-tld", f"the invitation is for .{tld}, and so is all that is signed with it")
    address = same_address(statement.person.emails[0])
    if address in seen:
        rule = f"{address} is the primary address of somebody above already; each contact has another"
        raise refusal(statement.line_of("Email"), "repeated-value", rule)
    seen.add(address)


def check_effort(accepting: SignedStatement, attesting: Sequence[SignedStatement], earlier: Sequence[Answer], limit: int) -> None:
    """Whether an answer that nobody has looked for yet may cost what it costs to try out, after those `earlier` in the same mail.

    `limit` is the most SSCs of one ccTLD. Raises Refused naming line and rule.
    """
    if any(not answer.in_force for answer in earlier):
        rule = "one answer at a time: send each in a mail of its own, with its certificates"
        raise refusal(accepting.statement.line, "too-many-answers", rule)
    if len(attesting) > limit:
        raise refusal(attesting[limit].statement.line, "too-many-members", f"a ccTLD has at most {limit} contacts; leave this one out")


def check_accepting(membership: Membership, accepting: SignedStatement, anchor: Anchor, at: int) -> None:
    """Checks `accept-invitation` by itself, its signer's certificate being in the membership; raises Refused naming line and rule."""
    case = Case(membership, said_of(membership, accepting, at), anchor)
    check_by_itself(case)
    check_signer(case)
    check_named(case)
    check_wording(case.statement)
    certificate = anchor.signers(membership, at)[accepting.signer]
    if why := certificate.why_not_encrypt(at):
        rule = f"nobody could write to you: the certificate {accepting.signer} cannot be encrypted to: {why}"
        raise refusal(case.statement.line, "certificate-not-usable", rule)


def unknown_token(accepting: Statement) -> Refused:
    """The refusal of an answer whose token was made for no invitation."""
    rule = "this is the token of no invitation; copy the whole line from the invitation"
    return refusal(accepting.line_of("Token"), "unknown-token", rule)


def speaks_for(membership: Membership, accepting: SignedStatement) -> bool:
    """Whether who signed an answer is the Admin Contact of its ccTLD."""
    contact = membership.admin_contact(accepting.statement.tld)
    return contact is not None and contact.fingerprint == accepting.signer


def as_if_appointed(membership: Membership, accepting: SignedStatement, at: int) -> Membership:
    """The membership in which the signer of an answer speaks for the ccTLD: to try out what they attest, never to be kept."""
    said = accepting.statement
    contact = AdminContact(said.tld, said.person, accepting.signer, membership.head.number, at)
    return dataclasses.replace(membership, admin_contacts={**membership.admin_contacts, said.tld: contact})


def without_others(refused: Refused, statement: Statement) -> Refused:
    """The refusal of an attestation as its signer may read it who is not appointed yet: it says nothing about others."""
    if refused.reason not in _ABOUT_OTHERS:
        return refused
    return refusal(statement.line, refused.reason, f"{_ABOUT_OTHERS[refused.reason]}; {_LATER}")


def answer_of(membership: Membership, statements: Sequence[SignedStatement], anchor: Anchor, at: int, *, in_force: bool) -> Answer:
    """The answer, once all of it was found in order over `membership`, which has the certificates; raises Refused if it is too large."""
    accepting, *attesting = statements
    said = dataclasses.replace(said_of(membership, accepting, at), about=accepting.signer)
    certificate = anchor.signers(membership)[accepting.signer]
    attests = tuple(signed.statement for signed in attesting)
    keys = dict.fromkeys(statement.key for statement in attests)
    certificates = tuple(membership.certificates[key].octets for key in keys)
    if len(accepting.evidence) + len(certificate.octets) + sum(map(len, certificates)) > MAX_ANSWER_OCTETS:
        advice = "export smaller ones with: gpg --armor --export-options export-minimal --export"
        raise Refused("answer-too-large", f"an answer and its certificates have at most {MAX_ANSWER_OCTETS // 1024} KiB; {advice}")
    return Answer(said, certificate, certificates, attests, accepting.evidence, in_force)
