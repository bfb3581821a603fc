"""The months as a chart (SVG 1.1, inside the page): two lines that the style sheet colours, and words for whoever hears it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from markupsafe import Markup

from securelist.plural import counted
from securelist.site.months import Month

# CSS pixels: the drawing, and what is left free at its edges for words. A narrow one has letters as large as a wide one.
HEIGHT, TOP, BOTTOM, LEFT, RIGHT = 260, 16, 32, 40, 112
WIDE, NARROW = 760, 340
# Between the words at the ends of two lines that meet, and for one month's name below.
_LINE, _NAME = 17, 66
_MOST_STEPS = 5
_EVERY = (1, 2, 3, 6, 12, 24, 60, 120)  # months


def chart(months: Sequence[Month], width: int, name: str) -> Markup:
    """The chart of these months (at least one), as an element of a page in which nothing else has `name` as its ID."""
    root = ET.Element("svg", {"role": "img", "class": f"chart {name}", "viewBox": f"0 0 {width} {HEIGHT}", "width": str(width)})
    root.attrib |= {"height": str(HEIGHT), "aria-labelledby": f"{name}-title {name}-desc"}
    _words(root, "title", f"ccTLDs on the list, and members, from {months[0].name} to {months[-1].name}", {"id": f"{name}-title"})
    _words(root, "desc", _described(months), {"id": f"{name}-desc"})
    step, top = _scale(max(month.members for month in months))
    _rules(root, step, top, width)
    _names(root, months, width)
    ends = _apart(_y(months[-1].members, top), _y(months[-1].cctlds, top))
    for kind, values, end in (("members", [m.members for m in months], ends[0]), ("cctlds", [m.cctlds for m in months], ends[1])):
        _line(root, kind, [(_x(place, len(values), width), _y(value, top)) for place, value in enumerate(values)])
        _text(root, width - RIGHT + 10, end + 4, _number(values[-1], kind), kind, "start")
    return Markup(ET.tostring(root, encoding="unicode"))  # every word in it was escaped when it was written


def _described(months: Sequence[Month]) -> str:
    """What the chart shows, in words."""
    first, last = months[0], months[-1]
    before = f"At the end of {first.name}: {_numbers(first)}. " if len(months) > 1 else ""
    return f"{before}At the last change, in {last.name}: {_numbers(last)}. The table below has every month."


def _numbers(month: Month) -> str:
    return f"{_number(month.cctlds, 'cctlds')} and {_number(month.members, 'members')}"


def _number(number: int, kind: str) -> str:
    return counted(number, {"members": "member", "cctlds": "ccTLD"}[kind])


def _scale(highest: int) -> tuple[int, int]:
    """How far the rules are from each other, a number that people count in, and the number at the top one."""
    step = next(factor * 10**power for power in range(9) for factor in (1, 2, 5) if highest <= factor * 10**power * _MOST_STEPS)
    return step, step * max(1, -(-highest // step))


def _x(place: int, number: int, width: int) -> float:
    return round(LEFT + (width - LEFT - RIGHT) * (place / (number - 1) if number > 1 else 1), 1)


def _y(value: int, top: int) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top, 1)


def _apart(upper: float, lower: float) -> tuple[float, float]:
    """Where the words for two lines stand, so that they do not cover each other; the first is never below the second."""
    if lower - upper >= _LINE:
        return upper, lower
    low = min(max((upper + lower + _LINE) / 2, TOP + _LINE), HEIGHT - BOTTOM)
    return low - _LINE, low


def _rules(root: ET.Element, step: int, top: int, width: int) -> None:
    for value in range(0, top + 1, step):
        y = str(_y(value, top))
        ET.SubElement(root, "line", {"class": "rule", "x1": str(LEFT), "y1": y, "x2": str(width - RIGHT), "y2": y})
        _text(root, LEFT - 8, _y(value, top) + 4, str(value), "scale", "end")


def _names(root: ET.Element, months: Sequence[Month], width: int) -> None:
    """The names of some months below: as many as there is room for, and of years alone where they are far from each other."""
    room = (width - LEFT - RIGHT) // _NAME
    every = next((step for step in _EVERY if len(months) <= step * room), _EVERY[-1])
    for place, month in enumerate(months):
        if (12 * month.year + month.month - 1) % every == 0:
            words = str(month.year) if every >= 12 else month.name
            _text(root, _x(place, len(months), width), HEIGHT - BOTTOM + 20, words, "scale", "middle")


def _line(root: ET.Element, kind: str, points: Sequence[tuple[float, float]]) -> None:
    if len(points) > 1:
        ET.SubElement(root, "polyline", {"class": f"line {kind}", "points": " ".join(f"{x},{y}" for x, y in points)})
    x, y = points[-1]
    ET.SubElement(root, "circle", {"class": f"dot {kind}", "cx": str(x), "cy": str(y), "r": "3.5"})


def _text(root: ET.Element, x: float, y: float, words: str, kind: str, anchor: str) -> None:
    _words(root, "text", words, {"class": kind, "x": f"{x:g}", "y": f"{y:g}", "text-anchor": anchor})


def _words(root: ET.Element, tag: str, words: str, attributes: dict[str, str]) -> None:
    ET.SubElement(root, tag, attributes).text = words
