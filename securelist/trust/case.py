"""One statement over one state of the membership: what `roles` and the effects are asked about, and what they answer."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from securelist.errors import Refused
from securelist.mail.addresses import same_address
from securelist.trust.anchor import Anchor
from securelist.trust.grammar import refusal
from securelist.trust.history import Said
from securelist.trust.membership import Attestation, Membership
from securelist.trust.statement import Statement, StatementType


@dataclass(frozen=True)
class Case:
    """A statement that was said, and the membership that it meets (everything in the log before it)."""

    membership: Membership
    said: Said
    anchor: Anchor
    limit: int | None = None
    """The most SSCs of one ccTLD; None where that is not asked: it is a setting of the installation, not of the log."""

    @property
    def statement(self) -> Statement:
        """What is said."""
        return self.said.statement

    @property
    def at(self) -> int:
        """When it was entered, Unix seconds."""
        return self.said.time

    @property
    def attestation(self) -> Attestation | None:
        """The last attestation of the SSC whom the statement names by ccTLD and primary address."""
        emails = self.statement.person.emails
        return self.membership.attestations.get((self.statement.tld, same_address(emails[0]))) if emails else None

    def refusal(self, field: str, reason: str, rule: str, index: int = 0) -> Refused:
        """A Refused that names the line of `field`, or of its value `index` where it has several."""
        return refusal(self.statement.line_of(field, index), reason, rule)


def no_such_member(case: Case) -> Refused:
    """The refusal of a statement whose `Email` is no SSC's primary address; it names the right one to whoever may know it."""
    address, tld = same_address(case.statement.person.emails[0]), case.statement.tld
    rule = f"{address} is not the primary address of a member for .{tld}"
    found = (case.membership.member_by_address(address, case.at), case.membership.member_by_key(case.said.signer, case.at))
    meant = next((member for member in found if member and member.cctld == tld), None)
    return case.refusal("Email", "no-such-member", f"{rule}; write the primary one, {meant.emails[0]}" if meant else rule)


def about(membership: Membership, statement: Statement) -> str:
    """The fingerprint that a statement is about, as the log's entry names it; empty if it is about no one key."""
    if statement.key:
        return statement.key
    emails = statement.person.emails
    if emails and statement.type is not StatementType.DISMISS_ADMIN_CONTACT:
        attestation = membership.attestations.get((statement.tld, same_address(emails[0])))
        return attestation.fingerprint if attestation else ""
    contact = membership.admin_contact(statement.tld)
    return contact.fingerprint if contact else ""


@dataclass(frozen=True)
class Effect:
    """The membership after a statement (head, time and history still as before it), and notes for its sender."""

    membership: Membership
    notes: tuple[str, ...] = ()


def with_attestation(case: Case, attestation: Attestation, **changes: Any) -> Effect:  # noqa: ANN401 - fields of Attestation
    """The effect of giving an SSC's attestation some other values."""
    changed = dataclasses.replace(attestation, **changes)
    attestations = {**case.membership.attestations, (changed.cctld, changed.address): changed}
    return Effect(dataclasses.replace(case.membership, attestations=attestations))
