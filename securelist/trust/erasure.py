"""`erase`: the texts of statements that ended go from the log; what the entries themselves say stays, so that it can still be proved.

Erased are the texts that hold something about one key in one ccTLD, and nothing that still holds anything up. A signed text
that also holds something about others who are members stays until that has ended, too; a certificate stays while a statement
that stays was signed with it or is about it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from securelist.errors import Refused
from securelist.trust.case import Case
from securelist.trust.checks import certificates_named
from securelist.trust.history import Said, key_subject
from securelist.trust.membership import Membership
from securelist.trust.statement import StatementType

# What is said about members. Who speaks for a ccTLD, and for the list, stays on record.
ERASABLE = {
    StatementType.ATTEST_SSC,
    StatementType.WITHDRAW_SSC,
    StatementType.UPDATE_CONTACT,
    StatementType.CONFIRM_CONTACT,
    StatementType.REPLACE_KEY,
    StatementType.SUSPEND_MEMBER,
    StatementType.RESUME_MEMBER,
}


@dataclass(frozen=True)
class Erasure:
    """What an `erase` takes away: texts and certifications by the digest of the evidence, certificates by fingerprint."""

    membership: Membership
    """With the texts gone from its history, not folded anew yet."""
    texts: frozenset[str]
    certificates: frozenset[str]
    notes: tuple[str, ...]


def forget(case: Case) -> Erasure:
    """What the statement in `case` erases; the membership there is the one after it was entered. Raises Refused."""
    membership, key = case.membership, case.statement.key
    ended = {said.entry for said in membership.said if _is_about(said, case) and _has_ended(said, case)}
    staying = {said.evidence for said in membership.said if not said.erased and not _has_ended(said, case)}
    texts = frozenset(said.evidence for said in membership.said if said.entry in ended) - staying
    gone = {said.entry for said in membership.said if said.evidence in texts}
    if not gone and not any(said.erased and said.subject == key_subject(case.statement.tld, key) for said in membership.said):
        raise case.refusal("Key", "nothing-to-erase", _why_nothing(case, ended))
    said = tuple(s.without_text() if s.entry in gone else s for s in membership.said)
    certificates = frozenset(name for name in _to_erase(membership) if not _is_needed(name, said, membership, case.at))
    kept = {name: certificate for name, certificate in membership.certificates.items() if name not in certificates}
    after = dataclasses.replace(membership, said=said, certificates=kept)
    return Erasure(after, texts, certificates, _notes(ended - gone, key in kept))


def _to_erase(membership: Membership) -> frozenset[str]:
    """All keys that an `erase` was about, now or before: their certificates go as soon as nothing needs them."""
    return frozenset(said.statement.key for said in membership.said if said.statement.type is StatementType.ERASE)


def _is_about(said: Said, case: Case) -> bool:
    return not said.erased and (said.statement.tld, said.about) == (case.statement.tld, case.statement.key)


def _has_ended(said: Said, case: Case) -> bool:
    """Whether it is about a member, and nothing that holds now rests on it: not in force, or a later attestation took its place."""
    if said.statement.type not in ERASABLE:
        return False
    attestation = dataclasses.replace(case, said=said).attestation
    return attestation is None or not attestation.in_force(case.at) or said.entry < attestation.entry


def _is_needed(key: str, said: tuple[Said, ...], membership: Membership, at: int) -> bool:
    """Whether a certificate is that of a member or of somebody who speaks for others, or something that stays rests on it."""
    if key in membership.roots or any(contact.fingerprint == key for contact in membership.admin_contacts.values()):
        return True
    if any(a.fingerprint == key and a.in_force(at) for a in membership.attestations.values()):
        return True
    return any(_rests_on(s, key) for s in said if not s.erased)


def _rests_on(said: Said, key: str) -> bool:
    """Whether it was signed with this key, or is about its holder; an `erase` names keys that need not be known."""
    about_it = said.about == key and said.statement.type is not StatementType.ERASE
    return about_it or key == said.signer or key in certificates_named(said.statement)


def _why_nothing(case: Case, ended: set[int]) -> str:
    if ended:
        return "what is about this key stands in signed texts that also hold what is still in force; they cannot be erased yet"
    if case.membership.member_by_key(case.statement.key, case.at):
        return f"this is the key of a member for .{case.statement.tld}; withdraw the membership first"
    return f"the log holds nothing about this key and .{case.statement.tld} that has ended"


def _notes(left: set[int], certificate_stays: bool) -> tuple[str, ...]:
    notes = []
    if left:
        numbers = ", ".join(map(str, sorted(left)))
        notes.append(f"the text of entries {numbers} stays, because it also holds what is still in force; erase again when that has ended")
    if certificate_stays:
        notes.append("the certificate stays, because what stays in the log was signed with it, or is about it")
    return tuple(notes)


def check_same_people(before: Membership, after: Membership, at: int) -> None:
    """Raises Refused if erasing changed who is a member, or who speaks for a ccTLD: it must never."""
    if before.members(at) != after.members(at) or before.admin_contacts != after.admin_contacts:
        raise Refused("erase-changes-members", "without these texts the log would no longer show the same members; nothing was erased")
