"""A contact: a person of a ccTLD, and what is known of how to reach them. Attested ones are members; imported ones never are."""

from __future__ import annotations

from dataclasses import dataclass

from securelist.cctld.cctlds import CcTld, Region, cctlds
from securelist.trust.statement import Person


@dataclass(frozen=True)
class Contact:
    """A member, for whom the Admin Contact of the ccTLD vouches. Times are Unix seconds.

    `state` is active, unreachable (with `why`, and `since` or 0) or suspended, as in `member list`.
    """

    cctld: CcTld
    person: Person
    fingerprint: str
    certificate: bytes
    """The newest certificate in the log, binary."""
    voucher: str
    """The name of the Admin Contact; empty if nobody speaks for the ccTLD now."""
    joined: int
    """When the attestation in force was entered; `entry` is its number in the log."""
    entry: int
    expires: int
    state: str
    why: str
    since: int
    confirmed: int
    """When somebody last said that these details are right."""
    overdue: bool
    """Whether that was too long ago, and nobody said it again in the month since the list asks for it; never of who is suspended."""
    not_working: tuple[str, ...] = ()
    """Those of their addresses that do not work."""


@dataclass(frozen=True)
class Imported:
    """A contact that a Regional Organisation passed on: nobody here vouches for them, and they are no member. Times are Unix seconds."""

    cctld: CcTld
    person: Person
    fingerprint: str
    """Of the certificate that the source names for them; empty if it names none."""
    certificate: bytes
    source: str
    """Who passed them on, by the name that the operator gave."""
    made: int
    """When the source wrote it down; `received` is when it was imported here."""
    received: int
    confirmed: int = 0
    """When somebody last told the source that these details are right; 0 if it does not say."""
    until: int = 0
    """When it stops to hold, as the source says; 0 if it does not."""


def cctld_of(name: str) -> CcTld:
    """The ccTLD of that name; one without a region if it is not in the list of ccTLDs (any more)."""
    return cctlds().get(name) or CcTld(name, "", None)


def place(cctld: CcTld) -> tuple[int, str]:
    """By what ccTLDs are sorted everywhere: region, then name; those without a region last."""
    return list(Region).index(cctld.region) if cctld.region else len(Region), cctld.name


def region_name(region: Region | None) -> str:
    """A region as people read it."""
    return region.shown if region else "Not in the list of ccTLDs"
