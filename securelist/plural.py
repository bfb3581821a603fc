"""Numbers of things, as people read them; in whichever output."""

from __future__ import annotations


def counted(number: int, one: str, several: str = "") -> str:
    """`1 contact`, `2 contacts`; `several` is the plural if it is not `one` with an s."""
    return f"{number} {one if number == 1 else several or f'{one}s'}"
