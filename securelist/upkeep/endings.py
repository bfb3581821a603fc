"""What ends by itself, and when: asked of the membership and the certificates at a time; pure. Times are Unix seconds, UTC.

A certificate ends as a whole, by its primary key, or in part, by the last of its keys that encrypts, or that signs: then others cannot
encrypt to it any more, or nothing that is signed with it counts. An attestation ends by its own `Expires`, a certification by its own end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from securelist.mail.addresses import same_address
from securelist.mail.headers import address_in_user_id
from securelist.openpgp.certificate import Certificate
from securelist.store.retention import DAY_S
from securelist.trust.anchor import Anchor
from securelist.trust.membership import Attestation, Membership
from securelist.upkeep.speakers import Speakers

# A month: whoever is on leave when the first warning comes is back before the last one.
AHEAD_DAYS = 30
# Whom it happened to is told within this time: a server that stood still over a holiday tells them, too. Later than that they know.
ENDED_DAYS = 7
# gpg makes a key and then its subkeys, and counts their years from there: what ends within the hour ends with the whole.
TOGETHER_S = 3600


class Kind(StrEnum):
    """What ends: a certificate, its last key of one use, or what somebody said about a member."""

    CERTIFICATE = "certificate"
    ENCRYPTION = "encryption subkey"
    SIGNING = "signing subkey"
    ATTESTATION = "attestation"
    CERTIFICATION = "certification"


class Whose(StrEnum):
    """As what the person matters here whose certificate or attestation it is; the list itself has a certificate, too."""

    MEMBER = "member"
    CONTACT = "Admin Contact"
    ROOT = "trust root"
    LIST = "list"


@dataclass(frozen=True)
class About:
    """Whose it is: name, primary address, ccTLD (empty for trust roots and the list), and the certificate's fingerprint."""

    name: str
    address: str
    cctld: str
    fingerprint: str


@dataclass(frozen=True)
class Ending:
    """Something that ends by itself at `ends`."""

    kind: Kind
    whose: Whose
    about: About
    ends: int

    @property
    def what(self) -> str:
        """What it is known by, at most 160 characters; with `ends`, until it is renewed."""
        return f"{self.whose} {self.kind} {self.about.cctld} {self.about.fingerprint}"

    @property
    def clause(self) -> str:
        """What ends, and whose it is, for people."""
        cctld = f" of .{self.about.cctld}" if self.about.cctld else ""
        return f"the {self.kind} of {self.about.name} <{self.about.address}>, {self.whose}{cctld}"

    def days(self, at: int) -> int:
        """How many days are left at `at`, begun ones counted; 0 once it has ended."""
        return max(0, -(-(self.ends - at) // DAY_S))

    @property
    def is_said(self) -> bool:
        """Whether it is what an Admin Contact said about a member, and not a certificate's own end."""
        return self.kind in (Kind.ATTESTATION, Kind.CERTIFICATION)


def endings(membership: Membership, anchor: Anchor, at: int) -> tuple[Ending, ...]:
    """All that is in force at `at` and ends by itself some day, what ends first first; nothing before the founding."""
    if membership.founding is None:
        return ()
    known = anchor.signers(membership)
    holders = chain(_members(membership, at), _contacts(membership), _roots(membership, known), _list(anchor))
    found = chain(
        (ending for whose, about in holders for ending in _of_certificate(whose, about, known | _by_key(anchor), at)),
        (_said(one) for one in membership.attestations.values() if one.in_force(at)),
    )
    return tuple(sorted(found, key=lambda ending: (ending.ends, ending.what)))


def ending_within(membership: Membership, anchor: Anchor, at: int, days: int = AHEAD_DAYS) -> tuple[Ending, ...]:
    """What ends within so many days from `at` on, what ends first first; what has ended by then is not among it."""
    return tuple(ending for ending in endings(membership, anchor, at) if ending.ends <= at + days * DAY_S)


def ended_within(membership: Membership, at: int, days: int = ENDED_DAYS) -> tuple[Ending, ...]:
    """What was said about people, and ended by itself within so many days before `at`; not where it was said anew since."""
    stood = (one for one in membership.attestations.values() if not one.in_force(at) and one.in_force(at - days * DAY_S))
    return tuple(sorted((_said(one) for one in stood if not _goes_on(one, membership, at)), key=lambda one: (one.ends, one.what)))


def concerned(ending: Ending, speakers: Speakers) -> tuple[str, ...]:
    """The fingerprints of all whom it concerns, each once; those who must act are among them.

    One's own certificate: its owner. An Admin Contact's: the trust roots hear. A trust root's, and the list's: all trust roots. What was
    said about a member: they, and who speaks for the ccTLD; the trust roots as well where nobody does, or who does cannot act.
    """
    roots = speakers.membership.roots
    own = () if ending.whose is Whose.LIST else (ending.about.fingerprint,)
    others: tuple[str, ...] = () if ending.whose is Whose.MEMBER else roots
    if ending.is_said:
        contact = speakers.membership.admin_contact(ending.about.cctld)
        others = (*((contact.fingerprint,) if contact else ()), *(roots if speakers.why_not(ending.about.cctld) else ()))
    return tuple(dict.fromkeys((*own, *others)))


# --- whose certificates matter, and as what ------------------------------------------------------------------------------

_Holder = tuple[Whose, About]


def _members(membership: Membership, at: int) -> Iterator[_Holder]:
    for one in membership.members(at):
        yield Whose.MEMBER, About(one.name, one.emails[0], one.cctld, one.fingerprint)


def _contacts(membership: Membership) -> Iterator[_Holder]:
    for one in membership.admin_contacts.values():
        if not one.dismissed:
            yield Whose.CONTACT, About(one.person.name, one.person.emails[0], one.cctld, one.fingerprint)


def _roots(membership: Membership, known: dict[str, Certificate]) -> Iterator[_Holder]:
    for root in membership.roots:
        if root in known:
            yield Whose.ROOT, _named(known[root])


def _list(anchor: Anchor) -> Iterator[_Holder]:
    for certificate in anchor.certificates[-1:]:
        yield Whose.LIST, About("the list", anchor.list, "", certificate.fingerprint)


def _by_key(anchor: Anchor) -> dict[str, Certificate]:
    return {certificate.fingerprint: certificate for certificate in anchor.certificates}


def _named(certificate: Certificate) -> About:
    """Somebody of whom nothing is known but the certificate: by its first user ID with an address."""
    user_id, address = next(((one, found) for one in certificate.user_ids if (found := address_in_user_id(one))), ("", ""))
    name = user_id.removesuffix(f"<{address}>").strip() if address else ""
    return About(name or address or certificate.fingerprint, address, "", certificate.fingerprint)


# --- when ----------------------------------------------------------------------------------------------------------------


def _of_certificate(whose: Whose, about: About, known: dict[str, Certificate], at: int) -> Iterator[Ending]:
    for kind, ends in _parts(known[about.fingerprint], at):
        yield Ending(kind, whose, about, ends)


def _parts(certificate: Certificate, at: int) -> Iterator[tuple[Kind, int]]:
    """What of a certificate works at `at` and ends by itself: the whole, and each use that ends before the whole does."""
    whole = certificate.primary.expires
    if whole is not None and certificate.primary.alive(at):
        yield Kind.CERTIFICATE, whole
    for kind, capability in ((Kind.ENCRYPTION, "e"), (Kind.SIGNING, "s")):
        ends = certificate.until(capability, at)
        if ends is not None and (whole is None or ends < whole - TOGETHER_S):
            yield kind, ends


def _said(one: Attestation) -> Ending:
    kind = Kind.CERTIFICATION if one.certified else Kind.ATTESTATION
    return Ending(kind, Whose.MEMBER, About(one.person.name, one.person.emails[0], one.cctld, one.fingerprint), one.expires)


def _goes_on(one: Attestation, membership: Membership, at: int) -> bool:
    """Whether somebody is a member for the same ccTLD all the same, by the same key or this address."""
    others = (other for other in membership.attestations.values() if other.cctld == one.cctld and other.in_force(at))
    return any(other.fingerprint == one.fingerprint or one.address in map(same_address, other.person.emails) for other in others)
