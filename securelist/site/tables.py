"""What the site counts, for programs and spreadsheets: the same as on the page, and as free of persons."""

from __future__ import annotations

import json

from securelist import spreadsheet
from securelist.procedures.dates import minute
from securelist.site.facts import Facts


def as_json(told: Facts) -> bytes:
    """`{"list", "as_of", "cctlds": [{"cctld", "country", "region", "on_the_list"}], "regions": […], "months": […]}`; times in UTC."""
    regions = [
        {"region": part.code or None, "name": part.name, "cctlds": part.cctlds, "on_the_list": len(part.here), "members": part.members}
        for part in told.parts
    ]
    months = [{"month": month.name, "cctlds": month.cctlds, "members": month.members} for month in told.months]
    document = {"list": told.list, "as_of": f"{minute(told.at)}Z".replace(" ", "T"), "cctlds": _cctlds(told)}
    return f"{json.dumps({**document, 'regions': regions, 'months': months}, indent=1)}\n".encode()


def as_csv(told: Facts) -> bytes:
    """A line for each ccTLD (RFC 4180), with `yes` or `no` for being on the list."""
    rows = ((row["cctld"], row["country"], row["region"], "yes" if row["on_the_list"] else "no") for row in _cctlds(told))
    return spreadsheet.as_csv(("cctld", "country", "region", "on_the_list"), rows).encode()


def _cctlds(told: Facts) -> list[dict[str, object]]:
    """By region and name; the region is empty for one that is not in the list of ccTLDs (any more)."""
    return [
        {"cctld": one.name, "country": one.country, "region": part.code, "on_the_list": there}
        for part in told.parts
        for one, there in sorted([(one, True) for one in part.here] + [(one, False) for one in part.absent], key=lambda row: row[0].name)
    ]
