"""Texts of what has ended, left out of an export that goes to everybody: the same that `erase` could take away, and for the same reasons.

An erased text is gone, because somebody signed that; one that is left out is in the log still, and whoever asks gets it. What stays
must show the same members and be carried out as before (`trace`), and what is left out may do nothing at all (`replay`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from itertools import pairwise

from securelist.errors import Refused
from securelist.mail.addresses import same_address
from securelist.trust.anchor import Anchor
from securelist.trust.checks import certificates_named
from securelist.trust.entry import CERTIFICATE
from securelist.trust.erasure import check_same_people
from securelist.trust.fold import refold
from securelist.trust.history import Said
from securelist.trust.membership import Membership
from securelist.trust.statement import ABOUT_MEMBERS
from securelist.trust.trace import differs, steps

# Each try carries the whole log out several times. One does for all; more are needed only where a text holds somebody else's up.
MAX_TRIES = 16

Pair = tuple[str, str]
"""A ccTLD and a key: whom an entry is about."""


def ended_texts(membership: Membership, anchor: Anchor, at: int) -> frozenset[int]:
    """Numbers of the entries whose evidence can be left out of an export at `at` (Unix seconds), which proves the same without it."""
    chosen, waiting, tries = set[Pair](), [_ended(membership, at)], 0
    while waiting and tries < MAX_TRIES:
        pairs, tries = waiting.pop(), tries + 1
        if _proves_the_same(membership, _gone(membership, chosen.union(pairs), at), anchor, at):
            chosen.update(pairs)
        elif len(pairs) > 1:  # whose texts hold others up, is found by halves
            half = len(pairs) // 2
            waiting += [pairs[half:], pairs[:half]]
    return _gone(membership, chosen, at)


def _ended(membership: Membership, at: int) -> list[Pair]:
    """Whom the log tells of who are no members now, by none of their addresses and with none of their keys."""
    in_force = [one for one in membership.attestations.values() if one.in_force(at)]
    addresses = {(one.cctld, one.address) for one in in_force}
    here = {(one.cctld, one.fingerprint) for one in in_force}
    here |= {(said.statement.tld, said.about) for said in membership.said if _address(said) in addresses}
    return sorted({(entry.cctld, entry.subject) for entry in membership.entries if entry.type in ABOUT_MEMBERS} - here)


def _address(said: Said) -> Pair | None:
    """The member whom a statement names, by ccTLD and primary address."""
    emails = said.statement.person.emails
    return (said.statement.tld, same_address(emails[0])) if emails and said.statement.type in ABOUT_MEMBERS else None


def _gone(membership: Membership, pairs: Iterable[Pair], at: int) -> frozenset[int]:
    """The entries that go with what is said of these: a signed text, when all in it is about them; a certificate, when nobody needs it."""
    those = frozenset(pairs)
    keys = {key for _, key in those}
    texts = {entry.number for entry in membership.entries if entry.type in ABOUT_MEMBERS and (entry.cctld, entry.subject) in those}
    texts &= _whole(membership, texts)
    free = keys - _needed(membership, texts, at)
    certificates = {entry.number for entry in membership.entries if entry.type == CERTIFICATE and entry.subject in free}
    return _whole(membership, texts | certificates)


def _whole(membership: Membership, named: Iterable[int]) -> frozenset[int]:
    """Of these entries, those whose evidence no other rests on."""
    numbers = frozenset(named)
    staying = {entry.evidence for entry in membership.entries if entry.number not in numbers}
    return frozenset(entry.number for entry in membership.entries if entry.number in numbers and entry.evidence not in staying)


def _needed(membership: Membership, gone: Iterable[int], at: int) -> set[str]:
    """The keys whose certificates stay: of whoever speaks for others, of members, and of whoever signed or is named in what stays."""
    going = frozenset(gone)
    needed = {*membership.roots, *(contact.fingerprint for contact in membership.admin_contacts.values())}
    needed |= {one.fingerprint for one in membership.attestations.values() if one.in_force(at)}
    for said in membership.said:
        if not said.erased and said.entry not in going:
            needed |= {said.signer, *certificates_named(said.statement)}
    return needed


def _proves_the_same(membership: Membership, gone: frozenset[int], anchor: Anchor, at: int) -> bool:
    """Whether what stays is carried out as before and shows the same people, and what is gone did nothing."""
    said = tuple(s.without_text() if s.entry in gone and not s.erased else s for s in membership.said)
    left = {entry.subject for entry in membership.entries if entry.type == CERTIFICATE and entry.number not in gone}
    certificates = {name: certificate for name, certificate in membership.certificates.items() if name in left}
    after = dataclasses.replace(membership, said=said, certificates=certificates)
    going = frozenset((s.statement.tld, s.about) for s in membership.said if s.entry in gone and not s.erased)
    if differs(membership, after, anchor, going) or _acts(after, gone, anchor):
        return False
    try:
        check_same_people(membership, refold(after, anchor), at)
    except Refused:
        return False
    return True


def _acts(after: Membership, gone: frozenset[int], anchor: Anchor) -> bool:
    """Whether an entry whose text is gone still ends or suspends something."""
    return any(step.said.entry in gone and step.attestations != before.attestations for before, step in pairwise(steps(after, anchor)))
