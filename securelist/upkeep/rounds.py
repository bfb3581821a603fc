"""The rounds of upkeep: what is due by now, one after the other; each step finds by itself what was done before."""

from __future__ import annotations

from collections.abc import Callable

from securelist.bounces.marked import MarkedAddresses
from securelist.contacts.confirming import Confirming
from securelist.contacts.mailing import Mailings
from securelist.drill.rounds import Drills
from securelist.installation import Installation
from securelist.procedures.each import each
from securelist.upkeep.absent import Absent
from securelist.upkeep.directory import Directory
from securelist.upkeep.warnings import Warnings


class Upkeep:
    """The upkeep of one installation; posters' receipts have a thread of their own, because they cannot wait for all this."""

    def __init__(self, house: Installation) -> None:
        steps = (MarkedAddresses(house).round, Warnings(house).round, Absent(house).round, Drills(house).round, Confirming(house).round)
        # Last, because it asks others' servers: nothing that is due here waits for them.
        self._steps: tuple[Callable[[int], object], ...] = (*steps, Mailings(house).round, Directory(house).round)

    def run(self, at: int) -> None:
        """Does what is due at `at` (Unix seconds); trouble with one step is logged, and holds up no other."""
        each(self._steps, lambda step: step(at))
