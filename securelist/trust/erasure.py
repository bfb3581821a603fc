"""`erase`: texts of entries that ended go from the log; what the entries themselves say stays, so that it can still be proved.

The statement names each entry by number and hash, and all of them are about one key in one ccTLD: so nobody, the server neither,
can make up an entry whose text is missing. A signed text goes when every entry that rests on it has been named, be it by
several statements. Nothing may rest on what goes: carried out without it, all that stays is what it was. Who changed keys
has entries that rest on each other: several `erase` in one signed text are carried out together, at the last of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from securelist.errors import Refused
from securelist.trust.anchor import Anchor
from securelist.trust.case import Case
from securelist.trust.checks import certificates_named
from securelist.trust.entry import CERTIFICATE, Entry
from securelist.trust.history import Said
from securelist.trust.membership import Membership
from securelist.trust.statement import ABOUT_MEMBERS, Statement, StatementType
from securelist.trust.trace import differs

# What only a trust root takes from the record: the person it is about could otherwise take a brake off.
_NOT_THEIRS = {StatementType.SUSPEND_MEMBER, StatementType.RESUME_MEMBER}


@dataclass(frozen=True)
class Erasure:
    """What an `erase` takes away: numbers of entries whose evidence goes, with the membership after that, not folded anew yet."""

    membership: Membership
    entries: frozenset[int]
    notes: tuple[str, ...]


def forget(case: Case, *, more_follow: bool = False) -> Erasure:
    """What the statement in `case` erases; the membership there is the one after it was entered. Raises Refused naming the line.

    `more_follow`: another `erase` stands below it in the same signed text; nothing goes before that.
    """
    for naming in _together(case):
        _check(dataclasses.replace(case, said=naming))
    if more_follow:
        return Erasure(case.membership, frozenset(), ())
    gone = gone_from(case.membership)
    said = tuple(s.without_text() if s.entry in gone and not s.erased else s for s in case.membership.said)
    left = {entry.subject for entry in case.membership.entries if entry.type == CERTIFICATE and entry.number not in gone}
    certificates = {name: certificate for name, certificate in case.membership.certificates.items() if name in left}
    after = dataclasses.replace(case.membership, said=said, certificates=certificates)
    going = frozenset((s.statement.tld, s.about) for s in case.membership.said if s.entry in gone and not s.erased)
    if going and (why := differs(case.membership, after, case.anchor, going)):
        raise case.refusal("Entry", "others-rest-on-it", why)
    return Erasure(after, gone, _notes(case, gone))


def _together(case: Case) -> list[Said]:
    """This `erase` and those above it in the same signed text: what stands between them may have changed what can go."""
    this = (case.said.evidence, case.said.signer, StatementType.ERASE)
    return [s for s in case.membership.said if (s.evidence, s.signer, s.statement.type) == this]


def _check(case: Case) -> None:
    for index, (number, hash) in enumerate(case.statement.entries):
        if why := why_not(case, number, hash):
            raise case.refusal("Entry", "not-erasable", f"entry {number}: {why}", index)


def why_not(case: Case, number: int, hash: str) -> str:
    """Why this entry cannot be erased by this statement, as a clause; empty if it can."""
    entries, statement = case.membership.entries, case.statement
    entry = entries[number - 1] if number <= len(entries) else None
    if entry is None or entry.hash != hash:
        return "the log has no such entry with this hash; make the text anew: securelist statement new erase"
    if entry.subject != statement.key:
        return f"it is not about the key {statement.key}"
    if entry.type == CERTIFICATE:
        return _why_needed(case)
    if entry.type not in ABOUT_MEMBERS or entry.cctld != statement.tld:
        return f"it says nothing about a member for .{statement.tld}"
    foreign = entry.type in _NOT_THEIRS or (entry.type == StatementType.WITHDRAW_SSC and entry.signer != statement.key)
    if foreign and case.said.signer not in case.membership.roots:
        return f"a {entry.type} that somebody else signed is for a trust root to erase"
    said = next(s for s in case.membership.said if s.entry == number)
    return "" if said.erased or _has_ended(said, case) else "it is what makes, or ended, a membership that is in force; withdraw that first"


def erasable(membership: Membership, anchor: Anchor, cctld: str, key: str, at: int, *, by_owner: bool) -> tuple[Entry, ...]:
    """The entries that an `erase` about this key could name now: what `statement new erase` fills in.

    `by_owner`: for the signature of the person whom they are about; else for a trust root's.
    """
    signer = key if by_owner else next(iter(membership.roots), "")
    statement = Statement(StatementType.ERASE, anchor.list, 0, cctld, key=key)
    said = Said(membership.head.number + 1, at, signer, signer, "", 1, at, "", key, "", statement)
    named, chosen = _named(membership.said), list[Entry]()
    # Twice: whether a certificate is still needed depends on what else is named.
    for kinds in (ABOUT_MEMBERS, {CERTIFICATE}):
        references = tuple((entry.number, entry.hash) for entry in chosen)
        naming = dataclasses.replace(said, statement=dataclasses.replace(statement, entries=references))
        case = Case(dataclasses.replace(membership, said=(*membership.said, naming)), naming, anchor)
        fitting = (entry for entry in membership.entries if entry.type in kinds and entry.number not in named)
        chosen += [entry for entry in fitting if not why_not(case, entry.number, entry.hash)]
    return tuple(sorted(chosen, key=lambda entry: entry.number))


def _named(said: Iterable[Said]) -> frozenset[int]:
    """The entries that any `erase` has named."""
    return frozenset(number for s in said if s.statement.type is StatementType.ERASE for number, _ in s.statement.entries)


def gone_from(membership: Membership) -> frozenset[int]:
    """The entries whose evidence is no more: all that rest on the same evidence were named."""
    named = _named(membership.said)
    staying = {entry.evidence for entry in membership.entries if entry.number not in named}
    return frozenset(entry.number for entry in membership.entries if entry.evidence not in staying)


def _has_ended(said: Said, case: Case) -> bool:
    """Whether nothing that holds now rests on it: the attestation is not in force, or a later one took its place."""
    attestation = dataclasses.replace(case, said=said).attestation
    return attestation is None or not attestation.in_force(case.at) or said.entry < attestation.entry


def _why_needed(case: Case) -> str:
    """Why the certificate has to stay, as a clause: somebody speaks with it, or something that stays was signed with it or names it."""
    membership, key, gone = case.membership, case.statement.key, gone_from(case.membership)
    if key in membership.roots or any(contact.fingerprint == key for contact in membership.admin_contacts.values()):
        return "this is the certificate of somebody who speaks for others"
    if any(attestation.fingerprint == key and attestation.in_force(case.at) for attestation in membership.attestations.values()):
        return "this is the certificate of a member"
    stays = [s for s in membership.said if not s.erased and s.entry not in gone]
    if case.said.signer == key or any(s.signer == key or key in certificates_named(s.statement) for s in stays):
        return "something that stays in the log was signed with this certificate, or names it; a trust root can erase all of it at once"
    return ""


def _notes(case: Case, gone: frozenset[int]) -> tuple[str, ...]:
    """A note about texts that stay for the others in them."""
    waiting = sorted({number for said in _together(case) for number, _ in said.statement.entries if number not in gone})
    if not waiting:
        return ()
    numbers = ", ".join(map(str, waiting))
    return (f"the text of entry {numbers} also holds other entries: it goes when these have ended and an erase has named them, too",)


def check_same_people(before: Membership, after: Membership, at: int) -> None:
    """Raises Refused if erasing changed who is a member, or who speaks for a ccTLD: it must never."""
    if before.members(at) != after.members(at) or before.admin_contacts != after.admin_contacts:
        raise Refused("erase-changes-members", "without these texts the log would no longer show the same members; nothing was erased")
