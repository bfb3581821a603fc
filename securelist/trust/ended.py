"""Texts of what has ended, left out of an export that goes to everybody.

An erased text is gone, because somebody signed that; one that is left out is in the log still, and whoever asks gets it. All that was
ever said about a person goes, or nothing: so nothing that stays rests on what is gone, and what is gone has nothing left to act upon.
It is found in one look at the log, however long that is; no rule is asked again. That a text says what its entry says, and is about
nobody who is shown, only the whole log proves: for the ccTLDs of such entries the proof says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from securelist.mail.addresses import same_address
from securelist.trust.checks import certificates_named
from securelist.trust.entry import CERTIFICATE
from securelist.trust.history import Said
from securelist.trust.membership import Membership
from securelist.trust.statement import ABOUT_MEMBERS, StatementType

Mark = tuple[str, ...]
"""By what two statements are about the same person, or cannot be parted: a key or an address of a ccTLD's, or one evidence."""


def ended_texts(membership: Membership, at: int) -> frozenset[int]:
    """Numbers of the entries whose evidence can be left out of an export at `at` (Unix seconds), which proves the same without it."""
    families = _Families(membership)
    staying = {families.of(mark) for mark in _staying(membership, at)}
    leaving = {family: entries for family, entries in families.entries().items() if family not in staying}
    while True:
        gone = _gone(membership, [number for entries in leaving.values() for number in entries])
        kept = {entry.evidence for entry in membership.entries if entry.number not in gone}
        held_up = [family for family, entries in leaving.items() if any(membership.entries[n - 1].evidence in kept for n in entries)]
        if not held_up:
            return gone
        for family in held_up:
            del leaving[family]


class _Families:
    """What belongs together: statements that share a mark are about one person, or stand in one text, and so on from each to the next."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self._parent: dict[Mark, Mark] = {}
        for said in membership.said:
            if said.statement.type in ABOUT_MEMBERS:
                first, *others = _marks(said)
                for other in others:
                    self._parent[self.of(other)] = self.of(first)

    def of(self, mark: Mark) -> Mark:
        """What the family with this mark is known by."""
        path = []
        while (parent := self._parent.get(mark, mark)) != mark:
            path.append(mark)
            mark = parent
        self._parent |= dict.fromkeys(path, mark)
        return mark

    def entries(self) -> dict[Mark, list[int]]:
        """The entries about members, by family."""
        found: dict[Mark, list[int]] = {}
        for said in self._membership.said:
            if said.statement.type in ABOUT_MEMBERS:
                found.setdefault(self.of(_evidence(said.evidence)), []).append(said.entry)
        return found


def _marks(said: Said) -> Iterator[Mark]:
    """All by which a statement about a member is tied to others."""
    yield _evidence(said.evidence)
    yield from (_key(said.statement.tld, key) for key in (said.about, said.statement.key) if key)
    yield from (_address(said.statement.tld, email) for email in said.statement.person.emails[:1])


def _staying(membership: Membership, at: int) -> Iterator[Mark]:
    """The marks of whoever is a member, of texts that say something else besides, and of whose texts an `erase` has named."""
    for one in membership.attestations.values():
        if one.in_force(at):
            yield _key(one.cctld, one.fingerprint)
            yield _address(one.cctld, one.address)
    for said in membership.said:
        if said.statement.type not in ABOUT_MEMBERS:
            yield _evidence(said.evidence)
        if said.statement.type is StatementType.ERASE:
            yield _key(said.statement.tld, said.statement.key)


def _evidence(digest: str) -> Mark:
    return ("evidence", digest)


def _key(cctld: str, fingerprint: str) -> Mark:
    return ("key", cctld, fingerprint)


def _address(cctld: str, address: str) -> Mark:
    return ("address", cctld, same_address(address))


def _gone(membership: Membership, texts: Iterable[int]) -> frozenset[int]:
    """These entries, and with them the certificates that nothing needs which stays."""
    going = frozenset(texts)
    keys = {membership.entries[number - 1].subject for number in going} - keys_needed(membership, going)
    going |= {entry.number for entry in membership.entries if entry.type == CERTIFICATE and entry.subject in keys}
    kept = {entry.evidence for entry in membership.entries if entry.number not in going}
    return going - {entry.number for entry in membership.entries if entry.type == CERTIFICATE and entry.evidence in kept}


def keys_needed(membership: Membership, going: frozenset[int] = frozenset()) -> set[str]:
    """The keys of whoever speaks for others, and of whoever signed what stays, or is named in it; `going` are the entries that do not."""
    needed = {*membership.roots, *(contact.fingerprint for contact in membership.admin_contacts.values())}
    for said in membership.said:
        if not said.erased and said.entry not in going:
            needed |= {said.signer, *certificates_named(said.statement)}
    return needed
