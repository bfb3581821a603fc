"""Readiness: who could read a post sent now, and since when and why the others could not. Asked of the log and of the marked addresses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from securelist.installation import Installation
from securelist.mail.addresses import same_address
from securelist.store import absent, addresses
from securelist.store.absent import Refusal
from securelist.store.addresses import Mark
from securelist.store.database import reading
from securelist.trust.entry import CERTIFICATE
from securelist.trust.membership import ACTIVE, UNREACHABLE, Member, Membership


@dataclass(frozen=True)
class Standing:
    """A member, and whether a post reaches them: `member.state` and `member.why` say so, `since` from when on (Unix seconds, or 0).

    `dead` are those of their addresses that do not work; while another one does, they are reached. `key_works`: whether a message can
    be encrypted to them, wherever it could be sent, and whether or not it may be. `refused`: whether it is only Sequoia that does not.
    """

    member: Member
    since: int = 0
    dead: tuple[Mark, ...] = ()
    key_works: bool = True
    refused: bool = False


_NONE_REFUSED: Mapping[str, Refusal] = MappingProxyType({})


def readiness(house: Installation, at: int, *, all: bool = False) -> tuple[Standing, ...]:
    """Every member in force at `at` (Unix seconds), suspended ones included, by ccTLD and name; with `all` former members, too."""
    with reading(house.engine) as connection:
        marked, refused = addresses.marks(connection), absent.refused(connection)
    membership = house.membership()
    return standings(membership, membership.members(at, all=all), marked, at, refused)


def standings(
    membership: Membership,
    members: Iterable[Member],
    marked: Mapping[str, Mark],
    at: int,
    refused: Mapping[str, Refusal] = _NONE_REFUSED,
) -> tuple[Standing, ...]:
    """The standing of each of these members; `marked` by address as compared, `refused` by fingerprint."""
    return tuple(_standing(membership, member, marked, refused.get(member.fingerprint), at) for member in members)


def _standing(membership: Membership, member: Member, marked: Mapping[str, Mark], refusal: Refusal | None, at: int) -> Standing:
    dead = tuple(marked[address] for address in map(same_address, member.emails) if address in marked)
    certificate = membership.certificates.get(member.fingerprint)
    can = certificate is not None and certificate.can_encrypt(at)
    if member.state == UNREACHABLE:
        return Standing(member, _since(membership, member, at), dead, can)
    if can and refusal and (entered := _entered(membership, member)) <= refusal.last:
        state, why = (UNREACHABLE, refusal.why) if member.state == ACTIVE else (member.state, member.why)
        since = max(refusal.first, entered) if state == UNREACHABLE else 0
        return Standing(dataclasses.replace(member, state=state, why=why), since, dead, key_works=False, refused=True)
    if member.state == ACTIVE and len(dead) == len(member.emails):
        why = "no address works: " + "; ".join(f"{one.address}: {one.why}" for one in dead)
        return Standing(dataclasses.replace(member, state=UNREACHABLE, why=why), max(one.since for one in dead), dead, can)
    return Standing(member, 0, dead, can)


def _since(membership: Membership, member: Member, at: int) -> int:
    """From when on their certificate could not be encrypted to: it ended, or a revocation came into the log with its last entry."""
    entered = _entered(membership, member)
    ended = membership.certificates[member.fingerprint].encryption_ended(at, entered)
    return entered if ended is None else ended


def _entered(membership: Membership, member: Member) -> int:
    """When their certificate, as it is known, entered the log."""
    return max(entry.time for entry in membership.entries if entry.type == CERTIFICATE and entry.subject == member.fingerprint)
