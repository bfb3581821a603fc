"""What the public site tells: counts, names of ccTLDs, addresses of the list, its certificate. No field of it is about a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from securelist.cctld.cctlds import CcTld, cctlds
from securelist.cctld.coverage import Row, coverage
from securelist.contacts.contact import region_name
from securelist.installation import Installation
from securelist.mail.addresses import Role, address_for, same_address
from securelist.mail.headers import address_in_user_id, visible
from securelist.openpgp.certificate import Certificate
from securelist.site.months import Month, last_change, months
from securelist.trust.root_effects import not_founded


@dataclass(frozen=True)
class Part:
    """A region: for which of its ccTLDs somebody is here and for which nobody yet, and how many members there are for all of them."""

    code: str
    """ICANN's code; empty for what is not in the list of ccTLDs (any more)."""
    name: str
    here: tuple[CcTld, ...]
    absent: tuple[CcTld, ...]
    members: int

    @property
    def cctlds(self) -> int:
        """How many ccTLDs there are."""
        return len(self.here) + len(self.absent)


@dataclass(frozen=True)
class Facts:
    """All that the site tells, as of `at` (Unix seconds): the last change of what is counted."""

    name: str
    list: str
    """The list's address; the other addresses follow from it."""
    most: int
    """How many people can be members for one ccTLD."""
    at: int
    parts: tuple[Part, ...]
    months: tuple[Month, ...]
    erased: bool
    """Whether people are missing from the months because their entries were erased."""
    certificate: Certificate

    @property
    def cctlds(self) -> int:
        """How many ccTLDs there are."""
        return sum(part.cctlds for part in self.parts)

    @property
    def here(self) -> int:
        """For how many of them somebody is here."""
        return sum(len(part.here) for part in self.parts)

    @property
    def members(self) -> int:
        """How many members there are."""
        return sum(part.members for part in self.parts)

    def address(self, role: str) -> str:
        """The list's address for a role, by its name."""
        return address_for(Role(role), self.list)

    @property
    def found_by(self) -> tuple[str, ...]:
        """Those of the list's addresses that the certificate names: under no others would a program take it."""
        named = {same_address(address_in_user_id(user_id)) for user_id in self.certificate.user_ids}
        return tuple(address for role in Role if (address := address_for(role, self.list)) in named)


def facts(house: Installation, now: int) -> Facts:
    """What the site tells at `now` (Unix seconds); raises Refused("not-founded")."""
    membership, config = house.membership(), house.config
    if membership.founding is None:
        raise not_founded()
    at = last_change(membership, max(now, membership.time))
    rows = coverage(cctlds().values(), {}, {}, membership, at)
    past = months(membership, house.anchor, at)
    erased = any(said.erased for said in membership.said)
    name = visible(config.display_name)
    return Facts(name, config.list, config.members_per_cctld, at, _parts(rows), past, erased, house.list_certificate)


def _parts(rows: Iterable[Row]) -> tuple[Part, ...]:
    parts = []
    for region, those in groupby(rows, key=lambda row: row.cctld.region):
        known = tuple(those)
        here, absent = (tuple(row.cctld for row in known if bool(row.members) is there) for there in (True, False))
        parts.append(Part(region or "", region_name(region), here, absent if region else (), sum(row.members for row in known)))
    return tuple(part for part in parts if part.cctlds)
