"""Readiness at a glance: who could read a post sent now, by region, who could not, and what ends soon; as letters tell it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from securelist.cctld.cctlds import Region, cctlds
from securelist.installation import Installation
from securelist.letters import Facts
from securelist.letters.templates import Ours
from securelist.procedures.dates import day
from securelist.store.addresses import Mark
from securelist.trust.membership import ACTIVE, SUSPENDED
from securelist.upkeep.endings import AHEAD_DAYS, Ending, ending_within
from securelist.upkeep.readiness import Standing, readiness

# Of each kind, in a letter that is read on a telephone at night, and in one that comes every week; the operator has the whole list.
MAX_SHOWN = 200
MAX_SHOWN_WEEKLY = 15
# The answer of a mail server says it in its first words.
MAX_WHY = 120


def status(house: Installation, at: int, most: int = MAX_SHOWN) -> Facts:
    """What is told at `at` (Unix seconds) of who could read a post sent now, at most `most` of each kind; the rest is counted."""
    standings = [one for one in readiness(house, at) if one.member.state != SUSPENDED]
    cannot = [one for one in standings if one.member.state != ACTIVE]
    dead = [(one, mark) for one in standings if one.member.state == ACTIVE for mark in one.dead]
    ends = ending_within(house.membership(), house.anchor, at)
    return {
        "members": len(standings),
        "ready": len(standings) - len(cannot),
        "regions": (rows := regions(standings)),
        "by_region": Ours(", ".join(f"{name} {ready} of {all_of_them}" for name, all_of_them, ready, _ in rows[:-1])),
        "cannot": [_person(one) for one in cannot[:most]],
        "dead": [_address(one, mark) for one, mark in dead[:most]],
        "ends": [_ending(one, at) for one in ends[:most]],
        "counts": {"cannot": len(cannot), "dead": len(dead), "ends": len(ends)},
        "ahead": AHEAD_DAYS,
    }


def regions(standings: Iterable[Standing]) -> list[tuple[object, ...]]:
    """For each region with members, and for all: its name, how many members there are, how many of them could read a post, and not."""
    standings = list(standings)
    places = [*Region, None]
    counted = [_count(_name(place), [one for one in standings if _region(one) is place]) for place in places]
    return [*(row for row in counted if row[1]), _count("All", standings)]


def _region(one: Standing) -> Region | None:
    """None for a ccTLD that is in the list of ccTLDs no more."""
    known = cctlds().get(one.member.cctld)
    return known.region if known else None


def _name(region: Region | None) -> str:
    return region.shown if region else "Elsewhere"


def _count(name: str, those: Sequence[Standing]) -> tuple[object, ...]:
    ready = sum(one.member.state == ACTIVE for one in those)
    return Ours(name), len(those), ready, len(those) - ready


def _person(one: Standing) -> Facts:
    member = one.member
    phones, since = ", ".join(member.phones), day(one.since) if one.since else ""
    return {"tld": member.cctld, "name": member.name, "phones": phones, "since": since, "why": member.why[:MAX_WHY]}


def _address(one: Standing, mark: Mark) -> Facts:
    member = one.member
    return {"tld": member.cctld, "name": member.name, "address": mark.address, "since": day(mark.since), "why": mark.why[:MAX_WHY]}


def _ending(one: Ending, at: int) -> Facts:
    return {"what": one.clause, "on": day(one.ends), "days": one.days(at)}
