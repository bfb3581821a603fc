"""The rules of trust: which entry may follow in which state of the log, and what the state is after it.

No clock, no file, no database, and no OpenPGP engine but where `Anchor.signers` joins a root's certificates. Submitting and
proving both go through `enter_statement` and `enter_certificate`, so whatever one accepts, the other does. A statement must,
in this order,

1. belong to this list,
2. come after the founding, or be it,
3. be made at most 30 days before its entry and at most 10 minutes after it,
4. be new: the same text by the same signer works once; about contact details once for each signature,
5. be no older than the last statement about the same subject; of equal seconds, the later to arrive counts,
6. be signed by somebody who may say this (`roles`), with a certificate that can sign at the time of the entry,
7. name certificates that are known and fit,
8. fit what is there already (`root_effects`, `member_effects`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from securelist.errors import Refused, TryAgain
from securelist.mail.addresses import same_address
from securelist.openpgp.certificate import Certificate
from securelist.trust.anchor import Anchor
from securelist.trust.case import Case, about
from securelist.trust.checks import check_by_itself, check_named, check_order, check_signer, check_time
from securelist.trust.entry import CERTIFICATE, Entry, digest
from securelist.trust.erasure import check_same_people, forget
from securelist.trust.fold import carry_out, carry_out_erased, refold
from securelist.trust.grammar import refusal
from securelist.trust.history import Said, Standing
from securelist.trust.membership import Membership
from securelist.trust.roles import check_role
from securelist.trust.root_effects import not_founded
from securelist.trust.statement import NEVER_ENTERED, Statement, StatementType
from securelist.trust.verified import ProvenStatement
from securelist.trust.wording import check_wording

# How far our own clock may fall back (a time server's correction) before we stop rather than write times that are not true.
MAX_FALL_BACK_SECONDS = 600

# Anybody can make a key and ask, and requests wait (store.requests.MAX_WAITING): a post-quantum certificate is 20 kB.
MAX_REQUEST_OCTETS = 64 * 1024


@dataclass(frozen=True)
class Entered:
    """An entry that the rules allow, the membership after it, what its sender should be told besides, and what it erased."""

    entry: Entry
    membership: Membership
    notes: tuple[str, ...] = ()
    erased: frozenset[int] = frozenset()
    """Numbers of the entries whose evidence goes."""


def entry_time(membership: Membership, now: int) -> int:
    """The time of the next entry: never before the last one's. Raises TryAgain if the clock was set back far."""
    if now < membership.time - MAX_FALL_BACK_SECONDS:
        raise TryAgain("clock-set-back", "this machine's clock is behind the last entry of the log; set it right, then try again")
    return max(now, membership.time)


# --- certificates -----------------------------------------------------------------------------------------------------


def enter_certificate(membership: Membership, certificate: Certificate, anchor: Anchor, at: int) -> Entered:
    """Enters a certificate, new or changed, at the time `at`; raises Refused.

    It gives nobody a right; but if it shows a key to be compromised, what that key signed is void. A key that is part of
    another certificate is refused: whoever adopts a member's key as a subkey of his own could otherwise make that member's
    signatures look like his, or like nobody's; and a copy for a member with the list's subkey could be opened by the list.
    """
    if not membership.said:
        raise not_founded()
    check_time(membership, at)
    _check_own_keys(membership, certificate, anchor)
    fields = {"type": CERTIFICATE, "subject": certificate.fingerprint, "evidence": digest(certificate.octets)}
    entry = Entry(membership.head.number + 1, at, cctld="", signer="", part=0, previous=membership.head.hash, **fields)
    certificates = {**membership.certificates, certificate.fingerprint: certificate}
    after = dataclasses.replace(_after(membership, entry), certificates=certificates)
    known = membership.certificates.get(certificate.fingerprint)
    if certificate.compromised == (known.compromised if known else frozenset()):  # a root signs before its certificate is entered
        return Entered(entry, after)
    note = "a key of it is revoked as compromised, or for no reason given: all that this key ever signed here is void"
    return Entered(entry, refold(after, anchor), (note,))


def _check_own_keys(membership: Membership, certificate: Certificate, anchor: Anchor) -> None:
    if certificate.fingerprint in anchor.keys:
        raise Refused("the-list-key", "the list's own certificate is not part of the log")
    if any(not certificate.names.isdisjoint(own.names) for own in anchor.certificates):
        raise Refused("key-of-another", f"certificate {certificate.fingerprint} holds a key that is part of the list's certificate")
    for other in membership.certificates.values():
        if other.fingerprint != certificate.fingerprint and not certificate.names.isdisjoint(other.names):
            _check_is_theirs(certificate, other)


def _check_is_theirs(certificate: Certificate, other: Certificate) -> None:
    """Of two certificates with a key in common, the one whose primary key it is has it by right; a key that signs is one's alone.

    A key to encrypt to can be adopted without its owner's consent, who must not be kept out by that.
    """
    shared = certificate.names & other.names
    signing = {
        name for one in (certificate, other) for key in one.keys if "s" in key.capabilities for name in (key.fingerprint, key.key_id)
    }
    theirs = {other.fingerprint, other.primary.key_id}
    if shared & theirs or (shared & signing) - {certificate.fingerprint, certificate.primary.key_id}:
        detail = f"certificate {certificate.fingerprint} holds a key that is part of certificate {other.fingerprint}"
        raise Refused("key-of-another", detail)


# --- statements -------------------------------------------------------------------------------------------------------


def enter_statement(membership: Membership, proven: ProvenStatement, anchor: Anchor, at: int, limit: int | None) -> Entered:
    """Enters a statement that both engines verified, at the time `at`; raises Refused naming line and rule.

    `limit` is the most SSCs of one ccTLD; None in a proof, because it is a setting of the installation, not of the log.
    """
    if proven.statement.type in NEVER_ENTERED:
        raise refusal(proven.statement.line, "never-entered", f"{proven.statement.type} is no entry of the log")
    case = Case(membership, said_of(membership, proven, at), anchor, limit)
    check_by_itself(case)
    check_order(case)
    check_role(case)
    check_signer(case)
    notes = check_named(case)
    effect = carry_out(case)
    entry, gone, more = _entry(membership, case.said), frozenset[int](), effect.notes
    after = _after(effect.membership, entry)
    if case.statement.type is StatementType.ERASE:
        more_follow = any(other.type is StatementType.ERASE for other in proven.following)
        erasure = forget(dataclasses.replace(case, membership=after), more_follow=more_follow)
        after, gone, more = refold(erasure.membership, anchor), erasure.entries, erasure.notes
        check_same_people(effect.membership, after, at)
    elif after.voids != membership.voids:
        after = refold(after, anchor)
        _check_not_void(case, after)
    return Entered(entry, after, (*notes, *more), gone)


def _after(membership: Membership, entry: Entry) -> Membership:
    return dataclasses.replace(membership, head=entry.head, time=entry.time, entries=(*membership.entries, entry))


def _check_not_void(case: Case, after: Membership) -> None:
    if after.said[-1].standing is Standing.VOID:
        rule = "it would void what its own signer's right rests on; name a later time, or let another trust root say it"
        raise case.refusal("Since", "undoes-itself", rule)


def enter_erased(membership: Membership, entry: Entry) -> Entered:
    """Enters what is left of an entry whose evidence is erased, as far as it still does anything; raises Refused. Only a replay does."""
    check_time(membership, entry.time)
    after = membership if entry.type == CERTIFICATE else carry_out_erased(membership, Said.erased_from(entry))
    entry = dataclasses.replace(entry, number=membership.head.number + 1, previous=membership.head.hash)
    return Entered(entry, _after(after, entry))


@dataclass(frozen=True)
class Request:
    """A `request-membership` that was found in order: it changes nothing, and waits for the Secretariat."""

    said: Said
    evidence: bytes
    certificate: Certificate


def check_request(membership: Membership, proven: ProvenStatement, certificate: Certificate, anchor: Anchor, at: int) -> Request:
    """A request by somebody whom the log does not know, with their own admitted certificate; raises Refused naming line and rule.

    What the log holds of others is asked last: a request that is wrong in itself is refused as such, whomever it names.
    """
    certificates = {**membership.certificates, certificate.fingerprint: certificate}
    with_theirs = dataclasses.replace(membership, certificates=certificates)
    case = Case(with_theirs, said_of(membership, proven, at), anchor)
    check_by_itself(case)
    check_role(case)
    check_signer(case)
    check_named(case)
    check_wording(case.statement)
    if len(proven.evidence) + len(certificate.octets) > MAX_REQUEST_OCTETS:
        detail = f"a request and its certificate have at most {MAX_REQUEST_OCTETS // 1024} KiB; export a smaller one (gpg: export-minimal)"
        raise Refused("request-too-large", detail)
    check_order(case)
    address = case.statement.person.emails[0]
    if membership.member_by_address(address, at):
        raise case.refusal(
            "Email", "already-a-member", f"{address} is a member; to change the key send replace-key, or ask the Admin Contact"
        )
    enter_certificate(membership, certificate, anchor, at)  # for its refusals: what could not enter later is not kept now
    return Request(case.said, proven.evidence, certificate)


def said_of(membership: Membership, proven: ProvenStatement, at: int) -> Said:
    """A proven statement as the event that it would be, entered next at the time `at`."""
    statement = proven.statement
    return Said(
        membership.head.number + 1, at, proven.signer, proven.key, proven.text, proven.part, proven.made,
        _SUBJECTS[statement.type](statement), about(membership, statement), digest(proven.evidence), statement,
    )  # fmt: skip


def _entry(membership: Membership, said: Said) -> Entry:
    tld, previous = said.statement.tld, membership.head.hash
    return Entry(said.entry, said.time, said.statement.type, tld, said.about, said.signer, said.evidence, said.part, previous)


def _list(_statement: Statement) -> str:
    return "list"


def _contact(statement: Statement) -> str:
    return f"admin-contact {statement.tld}"


def _ssc(statement: Statement) -> str:
    return f"ssc {statement.tld} {same_address(statement.person.emails[0])}"


def _invitation(statement: Statement) -> str:
    return f"invitation {statement.tld}"


def _erasure(statement: Statement) -> str:
    return f"erase {statement.tld} {statement.key}"


# What a statement is about: of two about the same, the one signed later holds. A list has one key and one set of roots at a
# time, and each has its own order: a new key says nothing about the roots.
_SUBJECTS: Mapping[StatementType, Callable[[Statement], str]] = {
    StatementType.FOUND_LIST: _list,
    StatementType.REPLACE_LIST_KEY: lambda statement: "list key",
    StatementType.REPLACE_ROOTS: lambda statement: "list roots",
    StatementType.APPOINT_ADMIN_CONTACT: _contact,
    StatementType.DISMISS_ADMIN_CONTACT: _contact,
    StatementType.ERASE: _erasure,
    StatementType.ACCEPT_INVITATION: _invitation,
} | dict.fromkeys(
    (
        StatementType.ATTEST_SSC, StatementType.WITHDRAW_SSC, StatementType.REQUEST_MEMBERSHIP, StatementType.UPDATE_CONTACT,
        StatementType.CONFIRM_CONTACT, StatementType.REPLACE_KEY, StatementType.SUSPEND_MEMBER, StatementType.RESUME_MEMBER,
    ),
    _ssc,
)  # fmt: skip
