"""The rules of trust: which entry may follow in which state of the log, and what the state is after it.

No clock, no file, no database, and no OpenPGP engine but where `Anchor.signers` joins a root's certificates. Submitting and
proving both go through `enter_statement` and `enter_certificate`, so whatever one accepts, the other does. A statement must,
in this order,

1. belong to this list,
2. come after the founding, or be it,
3. be made at most 30 days before its entry and at most 10 minutes after it,
4. be new: the same text by the same signer works once,
5. be signed by somebody who may say this, with a certificate that can sign at the time of the entry,
6. be no older than the last statement about the same subject; of equal seconds, the later to arrive counts,
7. fit what is there already (`effects`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from securelist.errors import Refused, TryAgain
from securelist.mail.addresses import same_address
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.signed import MAX_AHEAD_S
from securelist.trust.effects import Case, Effect, appoint, attest, dismiss, found, withdraw
from securelist.trust.entry import CERTIFICATE, Entry, digest
from securelist.trust.grammar import refusal
from securelist.trust.membership import Anchor, Membership, Said
from securelist.trust.statement import Statement, StatementType
from securelist.trust.verified import SignedStatement

# What was signed longer ago may have been thought better of, and the signer's key may have been lost since.
MAX_AGE_SECONDS = 30 * 86400
# How far our own clock may fall back (a time server's correction) before we stop rather than write times that are not true.
MAX_FALL_BACK_SECONDS = 600


@dataclass(frozen=True)
class Entered:
    """An entry that the rules allow, the membership after it, and what its sender should be told besides."""

    entry: Entry
    membership: Membership
    notes: tuple[str, ...] = ()


def entry_time(membership: Membership, now: int) -> int:
    """The time of the next entry: never before the last one's. Raises TryAgain if the clock was set back far."""
    if now < membership.time - MAX_FALL_BACK_SECONDS:
        raise TryAgain("clock-set-back", "this machine's clock is behind the last entry of the log; set it right, then try again")
    return max(now, membership.time)


# --- certificates -----------------------------------------------------------------------------------------------------


def enter_certificate(membership: Membership, certificate: Certificate, anchor: Anchor, at: int) -> Entered:
    """Enters a certificate, new or changed, at the time `at`; raises Refused.

    It gives nobody a right. But a key that is part of another certificate is refused: whoever adopts a member's key as
    a subkey of his own could otherwise make that member's signatures look like his, or like nobody's; and a copy for a
    member with the list's subkey could be opened by the list, which must not be able to read what it has queued.
    """
    if membership.founding is None:
        raise Refused("not-founded", _NOT_FOUNDED)
    _check_time(membership, at)
    if certificate.fingerprint == anchor.key:
        raise Refused("the-list-key", "the list's own certificate is not part of the log")
    mine = {name for key in certificate.keys for name in (key.fingerprint, key.key_id)}
    for other in (anchor.certificate, *membership.certificates.values()):
        if other.fingerprint != certificate.fingerprint and any(k.fingerprint in mine or k.key_id in mine for k in other.keys):
            detail = f"certificate {certificate.fingerprint} holds a key that is part of certificate {other.fingerprint}"
            raise Refused("key-of-another", detail)
    fields = {"type": CERTIFICATE, "subject": certificate.fingerprint, "evidence": digest(certificate.octets)}
    entry = Entry(membership.head.number + 1, at, cctld="", signer="", part=0, previous=membership.head.hash, **fields)
    certificates = {**membership.certificates, certificate.fingerprint: certificate}
    return Entered(entry, dataclasses.replace(membership, head=entry.head, time=at, certificates=certificates))


# --- statements -------------------------------------------------------------------------------------------------------


def enter_statement(membership: Membership, signed: SignedStatement, anchor: Anchor, at: int, limit: int | None) -> Entered:
    """Enters a verified statement at the time `at`; raises Refused naming line and rule.

    `limit` is the most SSCs of one ccTLD; None in a proof, because it is a setting of the installation, not of the log.
    """
    case = Case(membership, signed, anchor, at, limit)
    statement = signed.statement
    _check_time(membership, at)
    _check_list(case)
    _check_founded(case)
    _check_age(case)
    _check_new(case)  # before the signer: an SSC who withdrew is none any more, and may send it again when no answer came
    _check_signer(case)
    subject = _SUBJECTS[statement.type](statement)
    _check_order(case, subject)
    effect = _EFFECTS[statement.type](case)
    said = Said(case.number, signed.signer, signed.text, signed.part, subject, signed.made)
    entry = _entry(case, effect)
    after = dataclasses.replace(effect.membership, head=entry.head, time=at, said=(*membership.said, said))
    return Entered(entry, after, effect.notes)


def _entry(case: Case, effect: Effect) -> Entry:
    return Entry(
        case.number, case.at, case.statement.type, case.statement.tld, effect.subject, case.signed.signer,
        digest(case.signed.verified.evidence), case.signed.part, case.membership.head.hash,
    )  # fmt: skip


_EFFECTS: Mapping[StatementType, Callable[[Case], Effect]] = {
    StatementType.FOUND_LIST: found,
    StatementType.APPOINT_ADMIN_CONTACT: appoint,
    StatementType.DISMISS_ADMIN_CONTACT: dismiss,
    StatementType.ATTEST_SSC: attest,
    StatementType.WITHDRAW_SSC: withdraw,
}


def _ssc(statement: Statement) -> str:
    return f"ssc {statement.tld} {same_address(statement.person.emails[0])}"


# What a statement is about: of two about the same, the one signed later holds.
_SUBJECTS: Mapping[StatementType, Callable[[Statement], str]] = {
    StatementType.FOUND_LIST: lambda statement: "list",
    StatementType.APPOINT_ADMIN_CONTACT: lambda statement: f"admin-contact {statement.tld}",
    StatementType.DISMISS_ADMIN_CONTACT: lambda statement: f"admin-contact {statement.tld}",
    StatementType.ATTEST_SSC: _ssc,
    StatementType.WITHDRAW_SSC: _ssc,
}


# --- who may say it ---------------------------------------------------------------------------------------------------


def _is_root(case: Case) -> bool:
    signer, founding = case.signed.signer, case.membership.founding
    return case.anchor.root(signer) is not None and (founding is None or signer in founding.roots)


def _is_admin_contact(case: Case) -> bool:
    contact = case.membership.admin_contact(case.statement.tld)
    return contact is not None and contact.fingerprint == case.signed.signer


def _is_the_ssc(case: Case) -> bool:
    statement = case.statement
    attestation = case.membership.attestations.get((statement.tld, same_address(statement.person.emails[0])))
    return attestation is not None and attestation.in_force(case.at) and attestation.fingerprint == case.signed.signer


_ROLES: Mapping[str, Callable[[Case], bool]] = {
    "a trust root": _is_root,
    "the ccTLD's Admin Contact": _is_admin_contact,
    "the SSC": _is_the_ssc,
}

_SIGNERS: Mapping[StatementType, tuple[str, ...]] = {
    StatementType.FOUND_LIST: ("a trust root",),
    StatementType.APPOINT_ADMIN_CONTACT: ("a trust root",),
    StatementType.DISMISS_ADMIN_CONTACT: ("a trust root",),
    StatementType.ATTEST_SSC: ("the ccTLD's Admin Contact",),
    StatementType.WITHDRAW_SSC: ("the ccTLD's Admin Contact", "the SSC", "a trust root"),
}


def _check_signer(case: Case) -> None:
    roles = _SIGNERS[case.statement.type]
    line = case.statement.line
    if not any(_ROLES[role](case) for role in roles):
        raise refusal(
            line, "not-entitled", f"{case.statement.type} counts only if signed by {' or '.join(roles)}; {case.signed.signer} is not"
        )
    if not case.anchor.signers(case.membership, case.at)[case.signed.signer].can_sign(case.at):
        rule = f"the signer's certificate {case.signed.signer} is expired, revoked or has no valid signing key"
        raise refusal(line, "signer-not-valid", f"{rule}; send the renewed certificate along if there is one")


# --- the other checks -------------------------------------------------------------------------------------------------


_NOT_FOUNDED = "the list is not founded yet: a trust root's found-list comes before everything else"


def _check_time(membership: Membership, at: int) -> None:
    if at < membership.time:
        raise Refused("time-runs-backwards", f"entry {membership.head.number + 1} would be older than the one before it")


def _check_list(case: Case) -> None:
    if case.statement.list != case.anchor.list:
        rule = f"this list is {case.anchor.list}; the statement is for another one"
        raise refusal(case.statement.line_of("List"), "another-list", rule)


def _check_founded(case: Case) -> None:
    founding = case.statement.type == StatementType.FOUND_LIST
    if case.membership.founding is None and not founding:
        raise refusal(case.statement.line, "not-founded", _NOT_FOUNDED)
    if case.membership.founding is not None and founding:
        raise refusal(case.statement.line, "already-founded", f"the list was founded by entry {case.membership.founding.entry}")


def _check_age(case: Case) -> None:
    if case.signed.made < case.at - MAX_AGE_SECONDS:
        raise refusal(case.statement.line, "too-old", "the statement was signed over 30 days ago; sign it again")
    if case.signed.made > case.at + MAX_AHEAD_S:
        rule = "the signature is dated more than 10 minutes ahead; set the signing machine's clock right and sign again"
        raise refusal(case.statement.line, "from-the-future", rule)


def _check_new(case: Case) -> None:
    signed = case.signed
    for said in case.membership.said:
        if (said.signer, said.text, said.part) == (signed.signer, signed.text, signed.part):
            rule = f"this text by this signer was entered already, as entry {said.entry}"
            raise refusal(
                case.statement.line, "duplicate", f"{rule}; to say it once more, add a line with today's date below it and sign again"
            )


def _check_order(case: Case, subject: str) -> None:
    newest = max((said for said in case.membership.said if said.subject == subject), key=lambda said: said.made, default=None)
    if newest is not None and case.signed.made < newest.made:
        rule = f"it was signed before entry {newest.entry}, which is about the same subject; sign it again if it should hold now"
        raise refusal(case.statement.line, "superseded", rule)
