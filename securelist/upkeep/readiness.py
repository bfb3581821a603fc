"""Readiness: who could read a post sent now, and since when and why the others could not. Asked of the log and of the marked addresses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from securelist.installation import Installation
from securelist.mail.addresses import same_address
from securelist.store import addresses
from securelist.store.addresses import Mark
from securelist.store.database import reading
from securelist.trust.entry import CERTIFICATE
from securelist.trust.membership import ACTIVE, UNREACHABLE, Member, Membership


@dataclass(frozen=True)
class Standing:
    """A member, and whether a post reaches them: `member.state` and `member.why` say so, `since` from when on (Unix seconds, or 0).

    `dead` are those of their addresses that do not work; while another one does, they are reached.
    """

    member: Member
    since: int = 0
    dead: tuple[Mark, ...] = ()

    @property
    def key_works(self) -> bool:
        """Whether a message can be encrypted to them, wherever it could be sent."""
        return self.member.state == ACTIVE or (self.member.state == UNREACHABLE and len(self.dead) == len(self.member.emails))


def readiness(house: Installation, at: int, *, all: bool = False) -> tuple[Standing, ...]:
    """Every member in force at `at` (Unix seconds), suspended ones included, by ccTLD and name; with `all` former members, too."""
    with reading(house.engine) as connection:
        marked = addresses.marks(connection)
    membership = house.membership()
    return standings(membership, membership.members(at, all=all), marked, at)


def standings(membership: Membership, members: Iterable[Member], marked: Mapping[str, Mark], at: int) -> tuple[Standing, ...]:
    """The standing of each of these members; `marked` by address as compared."""
    return tuple(_standing(membership, member, marked, at) for member in members)


def _standing(membership: Membership, member: Member, marked: Mapping[str, Mark], at: int) -> Standing:
    dead = tuple(marked[address] for address in map(same_address, member.emails) if address in marked)
    if member.state == UNREACHABLE:
        return Standing(member, _since(membership, member, at), dead)
    if member.state == ACTIVE and len(dead) == len(member.emails):
        why = "no address works: " + "; ".join(f"{one.address}: {one.why}" for one in dead)
        return Standing(dataclasses.replace(member, state=UNREACHABLE, why=why), max(one.since for one in dead), dead)
    return Standing(member, 0, dead)


def _since(membership: Membership, member: Member, at: int) -> int:
    """From when on their certificate could not be encrypted to: it ended, or a revocation came into the log."""
    ended = membership.certificates[member.fingerprint].encryption_ended(at)
    entered = [entry.time for entry in membership.entries if entry.type == CERTIFICATE and entry.subject == member.fingerprint]
    return ended if ended is not None else entered[-1]
