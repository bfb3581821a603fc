"""What is said about members, and what that does to the membership.

One function per type of statement: it takes the case and gives the membership after it, or raises Refused naming the line.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import UTC, datetime

from securelist.mail.addresses import same_address
from securelist.trust.case import Case, Effect, no_such_member, with_attestation
from securelist.trust.history import Standing
from securelist.trust.membership import Attestation
from securelist.trust.statement import Person, StatementType

DEFAULT_YEARS = 1
MAX_YEARS = 2

# --- who is a member ---------------------------------------------------------------------------------------------------


def attest(case: Case) -> Effect:
    """`attest-ssc`: a member, or the same one with new details, another key, a later end.

    A certification says nothing of telephone numbers: what is known of the person stays.
    """
    statement, said, known = case.statement, case.said, case.attestation
    certified = said.part == 0
    person = known.person if certified and known and known.in_force(case.at) else statement.person
    others = [a for a in case.membership.attestations.values() if a.in_force(case.at) and a is not known]
    _check_nobody_elses(case, person, others)
    _check_room(case, [a for a in others if a.cctld == statement.tld])
    fresh = Attestation(statement.tld, person, statement.key, said.signer, _end(case), said.entry)
    return with_attestation(case, fresh, suspended=_still_suspended(case), confirmed=case.at, certified=certified)


def withdraw(case: Case) -> Effect:
    """`withdraw-ssc`: ends a membership, by its primary address. Taking back a certification ends what that made, and no more."""
    by_certification = case.said.part == 0
    attestation = _in_force(case, named_key=not by_certification)
    if by_certification and not _made_by_it(case, attestation):
        raise case.refusal("Email", "not-by-certification", f"{attestation.address} was not attested by this certification")
    return with_attestation(case, attestation, withdrawn=case.said.entry)


def _made_by_it(case: Case, attestation: Attestation) -> bool:
    """Whether the certification that is taken back made this; the member may have replaced the key that was certified."""
    certified = next((s.about for s in case.membership.said if s.entry == attestation.entry), "")
    return attestation.certified and (attestation.signer, certified) == (case.said.signer, case.statement.key)


def suspend(case: Case) -> Effect:
    """`suspend-member`: neither posts nor receives until a trust root resumes it, whoever attests in the meantime."""
    attestation = _in_force(case)
    if attestation.suspended:
        rule = f"{attestation.address} is suspended already, by entry {attestation.suspended}"
        raise case.refusal("Email", "already-suspended", rule)
    return with_attestation(case, attestation, suspended=case.said.entry)


def resume(case: Case) -> Effect:
    """`resume-member`: takes a suspension back."""
    attestation = _in_force(case)
    if not attestation.suspended:
        raise case.refusal("Email", "not-suspended", f"{attestation.address} is not suspended")
    return with_attestation(case, attestation, suspended=0)


def replace_key(case: Case) -> Effect:
    """`replace-key`: the same membership with another key, until the end that the Admin Contact set."""
    attestation = _in_force(case, named_key=False)
    if attestation.fingerprint == case.statement.key:
        raise case.refusal("Key", "same-key", f"this is the key that {attestation.address} has; Key names the new one")
    others = [a for a in case.membership.attestations.values() if a.in_force(case.at) and a is not attestation]
    _check_nobody_elses(case, attestation.person, others)
    return with_attestation(case, attestation, fingerprint=case.statement.key, replaced=case.said.entry)


def _in_force(case: Case, *, named_key: bool = True) -> Attestation:
    """The attestation in force that the statement is about; raises Refused."""
    attestation, statement = case.attestation, case.statement
    if attestation is None or not attestation.in_force(case.at):
        raise no_such_member(case)
    if named_key and statement.key and statement.key != attestation.fingerprint:
        raise case.refusal("Key", "wrong-key", f"the key of {attestation.address} is {attestation.fingerprint}")
    return attestation


def _still_suspended(case: Case) -> int:
    """The entry of a suspension that the person had: neither a new key, nor another address, nor `erase` takes the brake off."""
    statement = case.statement
    same = (
        a
        for a in case.membership.attestations.values()
        if a.cctld == statement.tld and (a.fingerprint == statement.key or a is case.attestation)
    )
    return max((a.suspended for a in same), default=0) or _suspended_when_erased(case)


def _suspended_when_erased(case: Case) -> int:
    """The same, of an attestation whose text is erased: by what is left of what trust roots said about the key."""
    kinds, theirs = (StatementType.SUSPEND_MEMBER, StatementType.RESUME_MEMBER), (case.statement.tld, case.statement.key)
    about = [s for s in case.membership.said if s.statement.type in kinds and (s.statement.tld, s.about) == theirs]
    last = next((s for s in reversed(about) if s.standing in (Standing.IN_EFFECT, Standing.ERASED)), None)
    return last.entry if last and last.erased and last.statement.type is StatementType.SUSPEND_MEMBER else 0


# --- contact details -----------------------------------------------------------------------------------------------------


def update(case: Case) -> Effect:
    """`update-contact`: these details in place of all that were known; the primary address says whose."""
    attestation, person = _in_force(case), case.statement.person
    others = [a for a in case.membership.attestations.values() if a.in_force(case.at) and a is not attestation]
    _check_nobody_elses(case, person, others)
    gone = [value for value in attestation.person.emails + attestation.person.phones if value not in person.emails + person.phones]
    notes = (f"no longer in the contact details: {', '.join(gone)}",) if gone else ()
    return dataclasses.replace(with_attestation(case, attestation, person=person, confirmed=case.at), notes=notes)


def confirm(case: Case) -> Effect:
    """`confirm-contact`: the details are still right."""
    return with_attestation(case, _in_force(case), confirmed=case.at)


# --- what an attestation must fit ------------------------------------------------------------------------------------------


def _end(case: Case) -> int:
    """When the attestation ends: 00:00 UTC of the day given, or one year after the signature. Raises Refused."""
    expires, made = case.statement.expires, case.said.made
    if case.said.part == 0:
        return _certified_end(case)
    if expires is None:
        return int(_years_later(made, DEFAULT_YEARS).timestamp())
    latest = _years_later(made, MAX_YEARS)
    if expires <= case.at:
        rule = "Expires names a day that has begun already; an attestation ends when that day begins, in UTC"
        raise case.refusal("Expires", "expired", rule)
    if datetime.fromtimestamp(expires, UTC).date() > latest.date():
        rule = f"an attestation lasts at most {MAX_YEARS} years; write: Expires: {latest.date().isoformat()}"
        raise case.refusal("Expires", "expires-too-late", rule)
    return expires


def _certified_end(case: Case) -> int:
    """A certification's own end, but two years at most: nobody who certifies a key thinks of our limit. Raises Refused."""
    expires, made = case.statement.expires, case.said.made
    longest = int(_years_later(made, MAX_YEARS if expires else DEFAULT_YEARS).timestamp())
    end = min(expires or longest, longest)
    known = case.attestation
    if known and known.in_force(case.at) and known.fingerprint == case.statement.key:
        end = max(end, known.expires)  # whoever passes on a certificate must not shorten what was attested
    if end <= case.at:
        raise case.refusal("Expires", "expired", "what it attests has ended already; certify again")
    return end


def _years_later(time: int, years: int) -> datetime:
    moment = datetime.fromtimestamp(time, UTC)
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:  # 29 February
        return moment.replace(year=moment.year + years, month=3, day=1)


def _check_nobody_elses(case: Case, person: Person, others: Iterable[Attestation]) -> None:
    """An address or a certificate has one member: it decides who posted, and to whom a copy goes."""
    wanted = set(map(same_address, person.emails))
    for other in others:
        if other.fingerprint != case.statement.key and wanted.isdisjoint(map(same_address, other.person.emails)):
            continue
        who = f"{other.person.emails[0]}, a member for .{other.cctld}"
        taken = set(map(same_address, other.person.emails))
        for index, email in enumerate(person.emails):
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
