"""The rounds of upkeep: what is due by now, one after the other; each step finds by itself what was done before."""

from __future__ import annotations

from collections.abc import Callable

from securelist.installation import Installation
from securelist.procedures.each import each


class Upkeep:
    """The upkeep of one installation."""

    def __init__(self, house: Installation) -> None:
        self._steps: tuple[Callable[[int], object], ...] = ()

    def run(self, at: int) -> None:
        """Does what is due at `at` (Unix seconds); trouble with one step is logged, and holds up no other."""
        each(self._steps, lambda step: step(at))
