"""What trust roots say about the list and its Admin Contacts, and what that does to the membership.

One function per type of statement: it takes the case and gives the membership after it, or raises Refused naming the line.
"""

from __future__ import annotations

import dataclasses

from securelist.errors import Refused
from securelist.mail.addresses import same_address
from securelist.trust.case import Case, Effect
from securelist.trust.history import Standing
from securelist.trust.membership import AdminContact, Founding, Membership, Void
from securelist.trust.statement import StatementType

# --- the list ---------------------------------------------------------------------------------------------------------


def found(case: Case) -> Effect:
    """`found-list`: the list's own key, the roots (all of them given, the signer among them), and how many have to agree."""
    statement = case.statement
    _check_list_key(case)
    for index, root in enumerate(statement.roots):
        if case.anchor.root(root) is None:
            raise case.refusal("Root", "unknown-root", f"{root} is not among the trust roots that were given", index)
    if case.said.signer not in statement.roots:
        raise case.refusal("Root", "signer-not-named", "the trust root that signs found-list must be named in it, with a line Root")
    threshold = statement.threshold or 1
    _check_threshold(case, threshold)
    founding = Founding(statement.list, statement.key, statement.roots, threshold, case.said.entry)
    return Effect(dataclasses.replace(case.membership, founding=case.membership.founding or founding))


def replace_list_key(case: Case) -> Effect:
    """`replace-list-key`: from now on the list signs with this key, and members encrypt to it."""
    _check_list_key(case)
    return Effect(dataclasses.replace(case.membership, founding=dataclasses.replace(_founding(case), key=case.statement.key)))


def replace_roots(case: Case) -> Effect:
    """`replace-roots`: these are the trust roots from now on. With `Since`, what the others said from then on is void."""
    founding, statement = _founding(case), case.statement
    threshold = statement.threshold or founding.threshold
    _check_threshold(case, threshold)
    gone = [root for root in founding.roots if root not in statement.roots]
    changed = dataclasses.replace(founding, roots=statement.roots, threshold=threshold)
    return Effect(_void(case, dataclasses.replace(case.membership, founding=changed), "", gone))


def _founding(case: Case) -> Founding:
    if case.membership.founding is None:
        raise not_founded()
    return case.membership.founding


def not_founded() -> Refused:
    """What everything before `found-list` is answered."""
    return Refused("not-founded", "the list is not founded yet: a trust root's found-list comes before everything else")


def _check_list_key(case: Case) -> None:
    if case.statement.key not in case.anchor.keys:
        rule = f"the list has no such key; it has {' and '.join(case.anchor.keys)}"
        raise case.refusal("Key", "not-the-list-key", rule)


def _check_threshold(case: Case, threshold: int) -> None:
    if threshold > len(case.statement.roots):
        field = "Threshold" if case.statement.threshold else "Root"
        rule = (
            f"{threshold} trust roots would have to agree, and only {len(case.statement.roots)} are named: nothing could be said any more"
        )
        raise case.refusal(field, "threshold-too-high", rule)


def _void(case: Case, membership: Membership, cctld: str, fingerprints: list[str]) -> Membership:
    since = case.statement.since
    if since is None:
        return membership
    if since > case.at:
        raise case.refusal("Since", "since-in-the-future", "Since names a time that has not come yet")
    voids = tuple(Void(cctld, fingerprint, since, case.said.entry) for fingerprint in fingerprints)
    return dataclasses.replace(membership, voids=membership.voids + voids)


# --- Admin Contacts ---------------------------------------------------------------------------------------------------


def appoint(case: Case) -> Effect:
    """`appoint-admin-contact`: from now on this one speaks for the ccTLD, and nobody else."""
    statement = case.statement
    now = case.membership.admin_contact(statement.tld)
    in_office = now is not None and now.fingerprint == statement.key
    time = now.time if now and in_office else case.at
    return Effect(_with_contact(case, AdminContact(statement.tld, statement.person, statement.key, case.said.entry, time)))


def dismiss(case: Case) -> Effect:
    """`dismiss-admin-contact`: nobody speaks for the ccTLD until the next is appointed. What was attested stands.

    With `Since`, what this Admin Contact said from then on is void; so it can be said of a former one, too, who is named by `Key`.
    """
    statement = case.statement
    contact = case.membership.admin_contact(statement.tld)
    if statement.since is not None and statement.key and (contact is None or contact.fingerprint != statement.key):
        return Effect(_void(case, case.membership, statement.tld, [_former(case)]))
    if contact is None and _is_in_effect(case):
        return Effect(case.membership)
    if contact is None:
        raise case.refusal("TLD", "no-such-admin-contact", f".{statement.tld} has no Admin Contact to dismiss")
    if statement.key and statement.key != contact.fingerprint:
        raise case.refusal("Key", "wrong-key", f"the Admin Contact of .{statement.tld} has the key {contact.fingerprint}")
    theirs = set(map(same_address, contact.person.emails))
    if not theirs.issuperset(map(same_address, statement.person.emails)):
        raise case.refusal("Email", "wrong-address", f"this is no address of the Admin Contact of .{statement.tld}")
    dismissed = _with_contact(case, dataclasses.replace(contact, dismissed=case.said.entry))
    return Effect(_void(case, dismissed, statement.tld, [contact.fingerprint]))


def _is_in_effect(case: Case) -> bool:
    """Whether another trust root's signature on this very text did it already: one more holds, should that turn out void."""
    said = case.said
    return any((s.text, s.part, s.standing) == (said.text, said.part, Standing.IN_EFFECT) for s in case.membership.said)


def _former(case: Case) -> str:
    """The key of a former Admin Contact, as the statement names it."""
    statement = case.statement
    appointed = (s for s in case.membership.said if s.statement.type is StatementType.APPOINT_ADMIN_CONTACT)
    if not any(s.about == statement.key and s.statement.tld == statement.tld and s.standing is Standing.IN_EFFECT for s in appointed):
        raise case.refusal("Key", "wrong-key", f"this key never was the Admin Contact's of .{statement.tld}")
    return statement.key


def _with_contact(case: Case, contact: AdminContact) -> Membership:
    return dataclasses.replace(case.membership, admin_contacts={**case.membership.admin_contacts, contact.cctld: contact})
