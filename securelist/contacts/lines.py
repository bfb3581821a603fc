"""Lines of the contacts' text: labelled, wrapped by the columns that a terminal takes, and none that begins with a stranger's words.

Whatever somebody wrote stands behind a label of ours, and where it runs over it is indented below it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from securelist.mail.headers import visible

WIDTH = 75  # under 76: two more for the "> " of who answers stay below what RFC 5322, 2.1.1 advises
MARGIN = "  "
LABEL = len("Confirmed")


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: letters of East Asia two (Unicode, Annex 11), marks on a letter none."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def labelled(label: str, *values: str) -> str:
    """Somebody's words (or ours) behind a label of ours, values joined by commas; each is made visible here."""
    shown = [word for value in values if (word := visible(value))]
    return wrapped(", ".join(shown), f"{MARGIN}{label:{LABEL}}  ", MARGIN + " " * (LABEL + 2))


def wrapped(text: str, first: str = "", indent: str = "") -> str:
    """`text` in lines of at most WIDTH columns behind `first`, those after the first line behind `indent`.

    An address is copied: one that is longer than a line stays whole, on a line of its own. Any other word is broken.
    """
    lines, line = list[str](), first
    for word in _words(text, WIDTH - max(columns(first), columns(indent))):
        begun = line.strip() and line not in (first, indent)
        if begun and columns(line) + 1 + columns(word) > WIDTH:
            lines.append(line)
            line, begun = indent, False
        line += f" {word}" if begun else word
    return "\n".join([*lines, line.rstrip()])


def _words(text: str, room: int) -> Iterator[str]:
    for word in text.split():
        yield from [word] if "@" in word else _pieces(word, room)


def _pieces(word: str, room: int) -> Iterable[str]:
    piece, used = "", 0
    for character in word:
        wide = _columns(character)
        if used + wide > room:
            yield piece
            piece, used = "", 0
        piece, used = piece + character, used + wide
    yield piece
