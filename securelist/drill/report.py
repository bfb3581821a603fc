"""What came of a drill, as letters tell it: by region and ccTLD, who answered after how long, who did not and why; the drills so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from securelist.cctld.cctlds import CcTld, Region, cctlds
from securelist.drill.chart import chart
from securelist.drill.outcome import MEANINGS, after, counted, middle, share, span, state_of
from securelist.drill.sheet import as_csv
from securelist.letters import Facts
from securelist.procedures.attached import svg_file, text_file
from securelist.procedures.dates import day, minute
from securelist.store.drills import Drill, DrillMember

# A year of one a month stands in the letter itself; the chart shows more.
DRILLS_IN_THE_LETTER = 12
_NOBODY = "-"


def facts_of(drill: Drill, rows: Sequence[DrillMember], past: Sequence[Drill], phones: Mapping[tuple[str, str], str]) -> Facts:
    """What the report is given. `past` are the settled drills, this one the last; `phones` by ccTLD and fingerprint."""
    those = counted(rows)
    by_region = [(region, list(found)) for region, found in groupby(sorted(those, key=_place), key=lambda row: _cctld(row).region)]
    return {
        **_facts(drill),
        "slowest": _slowest(those),
        "gone": len(rows) - len(those),
        "figures": [(_name(region), *_figures(found)) for region, found in by_region],
        "reasons": _reasons(those),
        "trend": [(one.id, *_past(one)) for one in past[-DRILLS_IN_THE_LETTER:]],
        "regions": [_region(region, found, phones) for region, found in by_region],
    }


def files_of(drill: Drill, rows: Iterable[DrillMember], past: Sequence[Drill], name: str) -> tuple[bytes, ...]:
    """The report's attachments, as MIME parts: a line for each member, and the chart. `name` is the list's."""
    return text_file(f"drill-{drill.id}.csv", as_csv(rows), "csv"), svg_file("drills.svg", chart(name, past))


def facts_for(drill: Drill, row: DrillMember) -> Facts:
    """What one member is told."""
    took = span(after(row)) if row.answered else ""
    return {**_facts(drill), "person": row.name, "took": took, "meaning": MEANINGS.get(row.failure, ""), "why": row.why}


def status_of(drill: Drill, rows: Sequence[DrillMember], at: int) -> Facts:
    """How far a drill is, as a letter and `drill show` tell it: once it is settled, what was counted then."""
    those = counted(rows)
    count = drill if drill.settled else replace(drill, members=len(those), answered=sum(row.answered > 0 for row in those))
    unanswered = [row for row in those if not row.answered]
    return {
        **_facts(replace(count, median=count.median if count.settled else middle(those))),
        "state": state_of(drill, at),
        "open": sum(row.asked > 0 and not row.failure for row in unanswered),
        "unasked": sum(not row.asked and not row.failure for row in unanswered),
        "reasons": _reasons(those),
        "begun": False,
    }


def _facts(drill: Drill) -> Facts:
    figures = {"members": drill.members, "answered": drill.answered, "share": share(drill.answered, drill.members)}
    median = span(drill.median) if drill.answered else _NOBODY
    return {"number": drill.id, "began": minute(drill.started), "ended": minute(drill.ends), "median": median, **figures}


def _past(one: Drill) -> tuple[object, ...]:
    median = span(one.median) if one.answered else _NOBODY
    return day(one.started), one.members, one.answered, share(one.answered, one.members), median


def _reasons(rows: Iterable[DrillMember]) -> list[tuple[int, str]]:
    """How many there are of each reason for which there is no answer."""
    found = Counter(row.failure for row in rows if not row.answered)
    return [(found[word], meaning) for word, meaning in MEANINGS.items() if found[word]]


def _figures(rows: Sequence[DrillMember]) -> tuple[object, ...]:
    answered = sum(row.answered > 0 for row in rows)
    return len(rows), answered, share(answered, len(rows)), span(middle(rows)) if answered else _NOBODY, _slowest(rows)


def _slowest(rows: Iterable[DrillMember]) -> str:
    return max(((after(row), span(after(row))) for row in rows if row.answered), default=(0, _NOBODY))[1]


def _region(region: Region | None, rows: Sequence[DrillMember], phones: Mapping[tuple[str, str], str]) -> Facts:
    by_cctld = [(cctld, list(found)) for cctld, found in groupby(rows, key=lambda row: row.cctld)]
    missing = [_missing(row, phones.get((row.cctld, row.fingerprint), "")) for row in rows if not row.answered]
    return {"name": _name(region), "cctlds": [_line(cctld, found) for cctld, found in by_cctld], "missing": missing}


def _line(cctld: str, rows: Sequence[DrillMember]) -> tuple[object, ...]:
    """A ccTLD: how many of its members answered, and who, after how long."""
    answered = [row for row in rows if row.answered]
    who = "; ".join(f"{row.name} {span(after(row))}" for row in sorted(answered, key=after))
    return f".{cctld}", f"{len(answered)} of {len(rows)}", who or _NOBODY


def _missing(row: DrillMember, phone: str) -> Facts:
    return {"tld": row.cctld, "name": row.name, "phone": phone, "meaning": MEANINGS.get(row.failure, ""), "why": row.why}


def _name(region: Region | None) -> str:
    return region.shown if region else "Not in the list of ccTLDs"


def _cctld(row: DrillMember) -> CcTld:
    return cctlds().get(row.cctld) or CcTld(row.cctld, "", None)


def _place(row: DrillMember) -> tuple[int, str]:
    region = _cctld(row).region
    return list(Region).index(region) if region else len(Region), row.cctld
