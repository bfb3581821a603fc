"""The drills so far as a chart (SVG 1.1): the share of members who answered, with the numbers on it, and as a text for whoever hears it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from securelist.drill.outcome import share, span
from securelist.procedures.dates import day
from securelist.store.drills import Drill

# Three years of one a month; with more, nobody could read the figures.
MAX_DRILLS = 36
# Pixels: a bar with its place around it, the drawing's height, and what is left free at its edges for words.
PLACE, BAR, HEIGHT, TOP, BOTTOM, LEFT, RIGHT = 84, 44, 220, 64, 76, 56, 24
MIN_WIDTH = 460
_GREY, _INK, _BLUE, _PAPER = "#d0d4d9", "#1b1f24", "#1f5fa8", "#ffffff"


def chart(name: str, drills: Sequence[Drill]) -> str:
    """The chart of these drills (settled, oldest first; the newest MAX_DRILLS of them), as a document. `name` is the list's."""
    shown = drills[-MAX_DRILLS:]
    width, height = max(MIN_WIDTH, LEFT + PLACE * len(shown) + RIGHT), TOP + HEIGHT + BOTTOM
    root = ET.Element("svg", xmlns="http://www.w3.org/2000/svg", role="img", viewBox=f"0 0 {width} {height}")
    root.attrib |= {"width": str(width), "height": str(height), "aria-labelledby": "title desc", "font-family": "sans-serif"}
    title = f"Drills of {name}: who answered"
    _text_child(root, "title", title, id="title")
    _text_child(root, "desc", _described(shown), id="desc")
    ET.SubElement(root, "rect", width=str(width), height=str(height), fill=_PAPER)
    _text(root, LEFT, 28, title, size=16, anchor="start")
    _scale(root, width)
    for place, drill in enumerate(shown):
        _bar(root, LEFT + PLACE * place + PLACE // 2, drill)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _described(drills: Sequence[Drill]) -> str:
    """What the chart shows, in words."""
    said = (f"Drill {d.id}, {day(d.started)}: {d.answered} of {d.members} members answered, {share(d.answered, d.members)}" for d in drills)
    return "; ".join(said) + "."


def _scale(root: ET.Element, width: int) -> None:
    for percent in (0, 25, 50, 75, 100):
        y = TOP + HEIGHT - HEIGHT * percent // 100
        ET.SubElement(root, "line", x1=str(LEFT), y1=str(y), x2=str(width - RIGHT), y2=str(y), stroke=_GREY)
        _text(root, LEFT - 8, y + 4, f"{percent} %", anchor="end")


def _bar(root: ET.Element, middle: int, drill: Drill) -> None:
    """One drill: its bar, the figures above, the number and the day below; a reader's pointer finds the same as a title."""
    tall = HEIGHT * drill.answered // drill.members if drill.members else 0
    group = ET.SubElement(root, "g")
    _text_child(group, "title", _described([drill]))
    bar = {"x": str(middle - BAR // 2), "y": str(TOP + HEIGHT - tall), "width": str(BAR), "height": str(tall), "fill": _BLUE}
    ET.SubElement(group, "rect", bar)
    _text(group, middle, TOP + HEIGHT - tall - 6, f"{drill.answered} of {drill.members}")
    below = (f"Drill {drill.id}", day(drill.started), *(("median", span(drill.median)) if drill.answered else ()))
    for line, words in enumerate(below):
        _text(group, middle, TOP + HEIGHT + 18 + 15 * line, words, size=11)


def _text(parent: ET.Element, x: int, y: int, words: str, *, size: int = 12, anchor: str = "middle") -> None:
    _text_child(parent, "text", words, x=str(x), y=str(y), fill=_INK, **{"font-size": str(size), "text-anchor": anchor})


def _text_child(parent: ET.Element, tag: str, words: str, **attributes: str) -> None:
    ET.SubElement(parent, tag, attributes).text = words
