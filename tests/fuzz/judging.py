"""What every target has in common: how a parser may end, and what its texts may hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from securelist.errors import Refused

# The longest sentence that a refusal may be: it stands in a mail, and on one line of a terminal.
MAX_DETAIL = 700


@dataclass(frozen=True)
class Target:
    """One parser, or several that belong together: `run` returns or raises Refused, anything else is a finding."""

    run: Callable[[bytes], object]
    longest: int = 4096
    """The most octets that the fuzzer makes up."""


def feed(target: Target, octets: bytes) -> str:
    """Gives octets to a target; the reason of its refusal, or the empty string. What it must not do comes out as an exception."""
    try:
        target.run(octets)
    except Refused as refused:
        check_refusal(refused)
        return refused.reason
    return ""


def check_refusal(refused: Refused) -> None:
    """A refusal has a stable reason and one line that can be shown to anybody."""
    assert re.fullmatch(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", refused.reason), refused.reason
    assert is_line(refused.detail), refused.detail
    assert 10 <= len(refused.detail) <= MAX_DETAIL, refused.detail


# Controls, what ends a line or turns the direction of writing, half characters.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def is_line(text: str) -> bool:
    """Whether a text is one line that is safe on a terminal."""
    return _UNSAFE.search(text) is None


def text(octets: bytes) -> str:
    """Octets as text, whatever they are: as header fields come in."""
    return octets.decode("utf-8", "replace")
