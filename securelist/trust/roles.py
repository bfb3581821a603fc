"""Who may say what: which role each type of statement takes, and how many of them have to sign the same text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from securelist.trust.case import Case, no_such_member
from securelist.trust.grammar import refusal
from securelist.trust.history import MAX_AGE_SECONDS, Said, Standing
from securelist.trust.statement import ABOUT_MEMBERS, StatementType

ROOT, ADMIN_CONTACT, SSC = "a trust root", "the ccTLD's Admin Contact", "the SSC"
NEW_KEY, OWNER, REQUESTER = "then the new key", "the key's owner", "the key that it names"


def _is_root(case: Case) -> bool:
    if case.statement.type is StatementType.FOUND_LIST:
        return case.anchor.root(case.said.signer) is not None
    return case.said.signer in case.membership.roots


def _is_admin_contact(case: Case) -> bool:
    contact = case.membership.admin_contact(case.statement.tld)
    return contact is not None and contact.fingerprint == case.said.signer


def _is_the_ssc(case: Case) -> bool:
    """A member in force; while suspended, they can leave and say nothing else."""
    attestation = case.attestation
    if attestation is None or not attestation.in_force(case.at) or attestation.fingerprint != case.said.signer:
        return False
    return not attestation.suspended or case.statement.type is StatementType.WITHDRAW_SSC


def _is_the_named_key(case: Case) -> bool:
    return case.statement.key == case.said.signer


def _is_the_new_key(case: Case) -> bool:
    """The key that a member's own signature on the same text has named before: nobody else is asked to prove that they hold one."""
    attestation = case.attestation
    return attestation is not None and _is_the_named_key(case) and attestation.fingerprint in supporters(case)


_ROLES: Mapping[str, Callable[[Case], bool]] = {
    ROOT: _is_root,
    ADMIN_CONTACT: _is_admin_contact,
    SSC: _is_the_ssc,
    NEW_KEY: _is_the_new_key,
    OWNER: _is_the_named_key,
    REQUESTER: _is_the_named_key,
}

_SIGNERS: Mapping[StatementType, tuple[str, ...]] = {
    StatementType.FOUND_LIST: (ROOT,),
    StatementType.APPOINT_ADMIN_CONTACT: (ROOT,),
    StatementType.DISMISS_ADMIN_CONTACT: (ROOT,),
    StatementType.ATTEST_SSC: (ADMIN_CONTACT,),
    StatementType.WITHDRAW_SSC: (ADMIN_CONTACT, SSC, ROOT),
    StatementType.REQUEST_MEMBERSHIP: (REQUESTER,),
    StatementType.UPDATE_CONTACT: (SSC, ADMIN_CONTACT),
    StatementType.CONFIRM_CONTACT: (SSC, ADMIN_CONTACT),
    StatementType.REPLACE_KEY: (SSC, NEW_KEY),
    StatementType.SUSPEND_MEMBER: (ROOT,),
    StatementType.RESUME_MEMBER: (ROOT,),
    StatementType.REPLACE_LIST_KEY: (ROOT,),
    StatementType.REPLACE_ROOTS: (ROOT,),
    StatementType.ERASE: (OWNER, ROOT),
}

# Who speaks for a ccTLD, and with which keys the list itself speaks, is for as many trust roots as the list was founded with;
# to withdraw, to suspend and to erase, which end rights or texts, one is enough.
BY_THRESHOLD = {
    StatementType.FOUND_LIST,
    StatementType.APPOINT_ADMIN_CONTACT,
    StatementType.DISMISS_ADMIN_CONTACT,
    StatementType.REPLACE_LIST_KEY,
    StatementType.REPLACE_ROOTS,
}

# Whoever is to be stopped must not be able to hold that up by saying something newer, over and over.
_BRAKES = {StatementType.WITHDRAW_SSC, StatementType.SUSPEND_MEMBER}
_OWN_WORDS = {StatementType.UPDATE_CONTACT, StatementType.CONFIRM_CONTACT, StatementType.REPLACE_KEY}


def check_role(case: Case) -> None:
    """Raises Refused unless the signer has, in this state, one of the roles that may say this."""
    roles = _SIGNERS[case.statement.type]
    if not any(_ROLES[role](case) for role in roles):
        if SSC in roles and _names_another_address(case):
            raise no_such_member(case)
        who = f"{case.statement.type} counts only if signed by {' or '.join(roles)}; {case.said.signer} is not"
        raise refusal(case.statement.line, "not-entitled", who)


def _names_another_address(case: Case) -> bool:
    """Whether an SSC wrote a second address of theirs, or a new one, where the primary one says who is meant."""
    member = case.membership.member_by_key(case.said.signer, case.at)
    return case.attestation is None and member is not None and member.cctld == case.statement.tld


def still_missing(case: Case) -> str:
    """Whose signatures on the same text are missing before it takes effect, as a clause; empty if none is."""
    count, _ = awaited(case)
    if count and case.statement.type is StatementType.REPLACE_KEY:
        return "the new key"
    return f"{count} more trust root{'s' if count > 1 else ''}" if count else ""


def awaited(case: Case) -> tuple[int, tuple[str, ...]]:
    """How many more signatures on the same text it takes, and the fingerprints of those who may give them."""
    if case.statement.type is StatementType.REPLACE_KEY:
        return (0, ()) if case.statement.key in supporters(case) else (1, (case.statement.key,))
    if case.statement.type not in BY_THRESHOLD:
        return 0, ()
    roots, have = _roots(case), supporters(case)
    count = max(_threshold(case) - len(have.intersection(roots)), 0)
    return count, tuple(root for root in roots if root not in have)


def supporters(case: Case) -> frozenset[str]:
    """The different signers of this very text whose word still counts, this one among them.

    None counts that is over 30 days old, or older than what took effect about the same subject in the meantime.
    """
    said = case.said
    oldest = max(said.time - MAX_AGE_SECONDS, newest_in_effect(case)[1])
    same = (s for s in case.membership.said if (s.text, s.part) == (said.text, said.part) and s.standing is not Standing.VOID)
    return frozenset({said.signer, *(s.signer for s in same if s.made >= oldest)})


def newest_in_effect(case: Case) -> tuple[int, int]:
    """(entry, time of the signature) of the newest other text in effect about the same subject; zeros if there is none.

    What is dated ahead counts as signed when it was entered. An `erase` is about all that was signed before it for the ccTLD:
    nobody can tell any more what that was, so none of it comes back. (What ends a right is never held up by that.)
    """
    said = case.said
    others = (s for s in case.membership.said if _is_before(s, case) and (s.text, s.part) != (said.text, said.part))
    times = ((s.time if _erases(s, case) else min(s.made, s.time), s.entry) for s in others)
    made, entry = max(times, key=lambda found: found[0], default=(0, 0))
    return entry, made


def _is_before(earlier: Said, case: Case) -> bool:
    """Whether an earlier statement says what one about this subject has to be newer than."""
    if case.statement.type in _BRAKES and earlier.statement.type in _OWN_WORDS:
        return False
    gone = _erases(earlier, case) or _is_what_is_left(earlier, case)
    return gone or (earlier.subject == case.said.subject and earlier.standing is Standing.IN_EFFECT)


def _erases(earlier: Said, case: Case) -> bool:
    """Whether an earlier `erase` may have taken away what the case would have to be newer than, whatever became of its signer."""
    return _can_be_late(case) and earlier.statement.type is StatementType.ERASE and earlier.statement.tld == case.statement.tld


def _is_what_is_left(earlier: Said, case: Case) -> bool:
    """Whether an earlier text about the same key is gone: when it was signed nobody knows, so it counts as signed when it was entered.

    Else a server could keep an attestation back, and enter it between a withdrawal and the `erase` of that.
    """
    same = (earlier.statement.tld, earlier.about) == (case.statement.tld, case.said.about)
    return _can_be_late(case) and earlier.erased and same


def _can_be_late(case: Case) -> bool:
    return case.statement.type in ABOUT_MEMBERS and case.statement.type not in _BRAKES


def _threshold(case: Case) -> int:
    founding = case.membership.founding
    return founding.threshold if founding else case.statement.threshold or 1


def _roots(case: Case) -> tuple[str, ...]:
    return case.membership.roots or case.statement.roots
