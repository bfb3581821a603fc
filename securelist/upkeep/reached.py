"""Whom a post reached: by where its copies stand, and who they were for. A pure computation.

Somebody is reached if one of their copies was handed over: with a dead first address and a living second one, too.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from securelist.mail.addresses import same_address
from securelist.store.queue import DELIVERED, FAILED, QUEUED, WITHDRAWN
from securelist.store.receipts import Standing
from securelist.trust.membership import ENDED, SUSPENDED, Member, Membership

# An answer of a mail server says it in its first words; some go on about policies, and there may be one for each of three addresses.
MAX_WHY = 120


@dataclass(frozen=True)
class Missed:
    """A member none of whose copies was handed over, the key (fingerprint) that they were for, why not, and whether one still waits."""

    member: Member
    fingerprint: str
    why: str
    waits: bool


@dataclass(frozen=True)
class Reached:
    """How many copies there are, how many were handed over, within how many seconds, and who got none: who waits comes last."""

    copies: int
    handed_over: int
    took: int
    missed: tuple[Missed, ...]

    @property
    def digest(self) -> str:
        """The same as long as the same people got none."""
        return hashlib.sha256(" ".join(sorted(one.fingerprint for one in self.missed)).encode()).hexdigest()


@dataclass(frozen=True)
class Directory:
    """The people of a list as copies name them, by key and by address: those who are or were members at `at` (Unix seconds)."""

    membership: Membership
    at: int

    @cached_property
    def _members(self) -> list[Member]:
        """Whoever is in force last, so that they are found."""
        return sorted(self.membership.members(self.at, all=True), key=lambda member: member.state not in ENDED)

    @cached_property
    def _by_key(self) -> dict[str, Member]:
        return {member.fingerprint: member for member in self._members}

    @cached_property
    def _by_address(self) -> dict[tuple[str, str], Member]:
        return {(member.cctld, same_address(email)): member for member in self._members for email in member.emails}

    def find(self, copy: Standing) -> Member | None:
        """Whom a copy is for, by their key, or by their address if they have another key by now."""
        return self._by_key.get(copy.fingerprint) or self._by_address.get((copy.cctld, same_address(copy.recipient)))


def reached(copies: Iterable[Standing], people: Directory, accepted: int) -> Reached:
    """Whom the copies of a post reached that was accepted at `accepted` (Unix seconds).

    A copy that was held back because somebody is a member no more, or suspended, counts for nothing; nor does one to an address
    that somebody no longer has. Who merely has another key or address by now, and got nothing, was missed.
    """
    by_key: dict[str, list[Standing]] = defaultdict(list)
    for copy in copies:
        by_key[copy.fingerprint].append(copy)
    found = [_missed(those, people) for those in by_key.values()]
    missed = [one for one in found if one]
    named = {one.fingerprint for one in missed}
    counted = [copy for those in by_key.values() for copy in those if copy.state != WITHDRAWN or copy.fingerprint in named]
    taken = [copy.settled for copy in counted if copy.state == DELIVERED]
    order = sorted(missed, key=lambda one: (one.waits, one.member.cctld, one.member.name, one.fingerprint))
    return Reached(len(counted), len(taken), max(max(taken, default=accepted) - accepted, 0), tuple(order))


def _missed(copies: Sequence[Standing], people: Directory) -> Missed | None:
    """The member whose copies these are, if none of them was handed over."""
    member = people.find(copies[0])
    left = [copy for copy in copies if copy.state != WITHDRAWN]
    if member is None or any(copy.state == DELIVERED for copy in copies):
        return None
    if not left and (member.state in ENDED or member.state == SUSPENDED):
        return None
    said = {copy.recipient: _why(copy)[:MAX_WHY] for copy in left or copies}
    same = len(set(said.values())) == 1
    why = next(iter(said.values())) if same else "; ".join(f"{address}: {words}" for address, words in said.items())
    return Missed(member, copies[0].fingerprint, why, any(copy.state == QUEUED for copy in copies))


def _why(copy: Standing) -> str:
    if copy.state == QUEUED:
        return f"still being tried: {copy.answer}" if copy.answer else "still being tried"
    if copy.state == WITHDRAWN:
        return "their key or address changed before the copy left"
    if copy.state == FAILED:
        return f"failed: {copy.answer}" if copy.answer and not copy.answer.startswith("bounced") else copy.answer or "failed"
    return copy.answer  # unreachable: why there was no key to encrypt to
