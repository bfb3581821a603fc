"""The checks that a statement has to pass before it is carried out; each raises Refused naming line and rule. See `rules`."""

from __future__ import annotations

from securelist.errors import Refused
from securelist.mail.addresses import role_of, same_address
from securelist.openpgp.signed import MAX_AHEAD_S
from securelist.trust.case import Case
from securelist.trust.grammar import refusal
from securelist.trust.history import MAX_AGE_SECONDS, Standing
from securelist.trust.membership import Membership
from securelist.trust.roles import newest_in_effect
from securelist.trust.root_effects import not_founded
from securelist.trust.statement import Statement, StatementType


def check_by_itself(case: Case) -> None:
    """Checks 1 to 4, which ask neither who signed nor what holds now; raises Refused."""
    check_time(case.membership, case.at)
    _check_list(case)
    _check_founded(case)
    _check_age(case)
    _check_new(case)  # before the signer: an SSC who withdrew is none any more, and may send it again when no answer came


def check_order(case: Case) -> None:
    """Check 5: nothing about the same subject that was signed later is in effect. Raises Refused."""
    entry, made = newest_in_effect(case)
    if case.said.made < made:
        rule = f"it was signed before entry {entry}, which is about the same subject; sign it again if it should hold now"
        raise refusal(case.statement.line, "superseded", rule)


# --- who signed, and with what ----------------------------------------------------------------------------------------


def check_signer(case: Case) -> None:
    """Check 6, its second half: the signer's certificate can sign (its primary key: certify) at the time of the entry."""
    signer, line, by_certification = case.said.signer, case.statement.line, case.said.part == 0
    certificate = case.anchor.signers(case.membership, case.at)[signer]
    if not (certificate.primary.alive(case.at) if by_certification else certificate.can_sign(case.at)):
        rule = f"the signer's certificate {signer} is expired, revoked or has no valid signing key"
        raise refusal(line, "signer-not-valid", f"{rule}; send the renewed certificate along if there is one")
    contact = case.membership.admin_contact(case.statement.tld)
    if by_certification and contact is not None and case.said.made < contact.time:
        raise refusal(line, "older-than-the-appointment", "the certification was made before its maker spoke for the ccTLD; certify again")


# --- certificates and addresses that a statement names ----------------------------------------------------------------


_NAMES_KEY = {StatementType.APPOINT_ADMIN_CONTACT, StatementType.ATTEST_SSC, StatementType.REPLACE_KEY, StatementType.REQUEST_MEMBERSHIP}


def certificates_named(statement: Statement) -> tuple[str, ...]:
    """The fingerprints of the certificates that have to be known for a statement to hold, and may travel with it."""
    if statement.type is StatementType.REPLACE_ROOTS:
        return statement.roots
    return (statement.key,) if statement.type in _NAMES_KEY else ()


def check_named(case: Case) -> tuple[str, ...]:
    """Check 7: certificates are known and fit at the time of the entry, and no address is the list's own. Gives notes for the sender."""
    for index, email in enumerate(case.statement.person.emails):
        if role_of(email, case.anchor.list) is not None:
            raise case.refusal("Email", "address-of-the-list", f"{email} is the list itself: copies would go round in circles", index)
    for index, fingerprint in enumerate(certificates_named(case.statement)):
        _check_fit(case, fingerprint, index)
    return _unnamed(case) if case.statement.type in _NAMES_KEY else ()


def _check_fit(case: Case, key: str, index: int) -> None:
    is_root = case.statement.type is StatementType.REPLACE_ROOTS
    field = "Root" if is_root else "Key"
    certificate = case.membership.certificates.get(key)
    if certificate is None:
        raise case.refusal(field, "certificate-missing", f"the certificate {key} is not known; send it with the statement", index)
    if not is_root and (why := certificate.why_not_encrypt(case.at)):
        raise case.refusal(field, "certificate-not-usable", f"the certificate {key} cannot be encrypted to: {why}", index)
    if not certificate.can_sign(case.at):
        raise case.refusal(field, "certificate-not-usable", f"the certificate {key} has no key that can sign now", index)


def _unnamed(case: Case) -> tuple[str, ...]:
    """A note if no user ID of the certificate names an address of the person: allowed, but often a mix-up of files."""
    certificate, emails = case.membership.certificates[case.statement.key], case.statement.person.emails
    user_ids = " ".join(certificate.user_ids).lower()
    if any(same_address(email) in user_ids for email in emails):
        return ()
    return (f"no user ID of certificate {certificate.fingerprint} names {emails[0]}; the statement binds them all the same",)


# --- the other checks -------------------------------------------------------------------------------------------------


def check_time(membership: Membership, at: int) -> None:
    """Entries are in the order of their times; raises Refused."""
    if at < membership.time:
        raise Refused("time-runs-backwards", f"entry {membership.head.number + 1} would be older than the one before it")


def _check_list(case: Case) -> None:
    if case.statement.list != case.anchor.list:
        rule = f"this list is {case.anchor.list}; the statement is for another one"
        raise refusal(case.statement.line_of("List"), "another-list", rule)


def _check_founded(case: Case) -> None:
    founding, is_founding = case.membership.founding, case.statement.type is StatementType.FOUND_LIST
    if founding is None and not is_founding:
        raise not_founded()
    if founding is not None and is_founding and not _is_same_founding(case):
        raise refusal(case.statement.line, "already-founded", f"the list was founded by entry {founding.entry}")


def _is_same_founding(case: Case) -> bool:
    """Whether another trust root signs the very text by which the list was founded: that is welcome, should the first be lost."""
    founding = (s for s in case.membership.said if s.statement.type is StatementType.FOUND_LIST and s.standing is Standing.IN_EFFECT)
    return any(said.text == case.said.text for said in founding)


def _check_age(case: Case) -> None:
    line, made = case.statement.line, case.said.made
    if made > case.at + MAX_AHEAD_S:
        rule = "the signature is dated more than 10 minutes ahead; set the signing machine's clock right and sign again"
        raise refusal(line, "from-the-future", rule)
    if case.said.part == 0:
        if case.statement.expires is not None and case.statement.expires <= case.at:
            raise refusal(line, "expired", "the certification has expired; certify again")
    elif made < case.at - MAX_AGE_SECONDS:
        raise refusal(line, "too-old", "the statement was signed over 30 days ago; sign it again")


# What is said again and again, in the same words each time: a later signature under them says it anew, the same one once more does not.
_SAID_ANEW = (StatementType.UPDATE_CONTACT, StatementType.CONFIRM_CONTACT)


def _check_new(case: Case) -> None:
    said = case.said
    for earlier in case.membership.said:
        if case.statement.type in _SAID_ANEW and said.made > earlier.made:
            continue
        same = earlier.evidence == said.evidence if earlier.erased else earlier.text == said.text
        if same and (earlier.signer, earlier.part) == (said.signer, said.part):
            rule = f"this text by this signer was entered already, as entry {earlier.entry}"
            advice = "to say it once more, add a line with today's date below it and sign again"
            raise refusal(case.statement.line, "duplicate", f"{rule}; {advice}")
