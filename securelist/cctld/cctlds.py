"""The list of ccTLDs, read from the dated file beside this module, which names its sources: which there are, and in what region.

A ccTLD is its A-label in lower case, without dots: `nl`, `xn--p1ai`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from securelist.errors import Refused

# RFC 1035, 2.3.4: no label is longer. What is longer is not compared with 300 ccTLDs in search of the nearest.
MAX_LABEL = 63


class Region(StrEnum):
    """ICANN's Geographic Regions, by ICANN's own codes."""

    AFRICA = "AF"
    ASIA_PACIFIC = "AP"
    EUROPE = "EUR"
    LATIN_AMERICA = "LAC"
    NORTH_AMERICA = "NA"

    @property
    def shown(self) -> str:
        """The region's name, as people read it."""
        return _NAMES[self]

    @property
    def organisation(self) -> str:
        """The Regional Organisation of ccTLDs there; empty for North America, which has none.

        A ccTLD may have joined another region's: this is the one that follows from the region.
        """
        return _ORGANISATIONS.get(self, "")


_NAMES = {
    Region.AFRICA: "Africa",
    Region.ASIA_PACIFIC: "Asia/Australia/Pacific",
    Region.EUROPE: "Europe",
    Region.LATIN_AMERICA: "Latin America/Caribbean",
    Region.NORTH_AMERICA: "North America",
}
_ORGANISATIONS = {Region.AFRICA: "AFTLD", Region.ASIA_PACIFIC: "APTLD", Region.EUROPE: "CENTR", Region.LATIN_AMERICA: "LACTLD"}


@dataclass(frozen=True)
class CcTld:
    """One ccTLD: its A-label, the country's code (ISO 3166-1 alpha-2), and its region.

    The region is None, and the country empty, for one that has people in the log but is not in the list (any more).
    """

    name: str
    country: str
    region: Region | None

    @property
    def shown(self) -> str:
        """With its dot, as people read it; an IDN with its own letters behind the A-label."""
        return f".{self.name} ({self.letters})" if self.letters else f".{self.name}"

    @property
    def letters(self) -> str:
        """An IDN's own letters; empty for any other."""
        return _own_letters(self.name) if self.name.startswith("xn--") else ""


@cache
def cctlds() -> Mapping[str, CcTld]:
    """Every ccTLD by its name, in alphabetical order."""
    text = files(__package__).joinpath("cctlds.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return MappingProxyType({row["cctld"]: CcTld(row["cctld"], row["country"], Region(row["region"])) for row in rows})


def find_cctld(written: str) -> CcTld:
    """The ccTLD that somebody wrote, in any case, with or without its dot; raises Refused("unknown-cctld") with the nearest one."""
    label = written.strip().lower().removeprefix(".").removesuffix(".")
    found = cctlds().get(label)
    if found is None:
        nearest = _nearest(label)
        rest = f"did you mean {nearest}?" if nearest else "a ccTLD is written as its ASCII label, such as nl or xn--p1ai"
        raise Refused("unknown-cctld", f"{written[: MAX_LABEL + 1]!a} is no ccTLD; {rest}")
    return found


def _nearest(label: str) -> str:
    """The ccTLD that was probably meant: an IDN's A-label, two letters that change places, or much the same letters; or empty."""
    if not 0 < len(label) <= MAX_LABEL:
        return ""
    if not label.isascii():
        guess = f"xn--{label.encode('punycode', 'replace').decode('ascii', 'replace')}"
        return guess if guess in cctlds() else ""
    return label[::-1] if label[::-1] in cctlds() else next(iter(get_close_matches(label, cctlds(), 1)), "")


def _own_letters(name: str) -> str:
    """The letters of an IDN (RFC 3492); a question mark for an A-label that has none, which no name in the list is."""
    try:
        return name.removeprefix("xn--").encode("ascii").decode("punycode")
    except UnicodeError:
        return "?"
