"""What the repository costs: made in all its forms and mailed to every member, of as many ccTLDs as there are, three for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from securelist.bench import measure
from securelist.bench.people import People
from securelist.bench.sink import Sink
from securelist.bench.town import open_town
from securelist.cctld.cctlds import cctlds
from securelist.contacts.mailing import Mailings
from securelist.installation import GNUPG_HOME, Installation

MEMBERS_OF_EACH = 3
# After one that warms the caches. The best of them: what else the machine does only makes them slower.
ROUNDS = 3
HANDED_OVER = "handed over to a sink"


@dataclass(frozen=True)
class Mailed:
    """One mailing: seconds of each step, the size of a copy in octets, and of each part (by file name) as it travels."""

    cctlds: int
    members: int
    seconds: Mapping[str, float]
    octets: int
    parts: Mapping[str, int]
    left_out: tuple[str, ...]


def measure_contacts(keep: Path, members: int, progress: Callable[[int], None]) -> Mailed:
    """The best of some mailings to so many members; keys and list are in `keep`, made where missing."""
    tlds = [*cctlds()][: max(1, members // MEMBERS_OF_EACH)]
    with Sink() as sink:
        town, people = open_town(keep, members, f"smtp://127.0.0.1:{sink.port}", progress, tlds)
        try:
            measure.deliver(town)  # what an interrupted run left behind
            mailings = [_mailing(town, len(tlds)) for _ in range(ROUNDS + 1)][1:]
        finally:
            people.close()
            People(town.home / GNUPG_HOME).close()
    return min(mailings, key=lambda one: sum(one.seconds.values()))


def _mailing(town: Installation, tlds: int) -> Mailed:
    taken: dict[str, float] = {}
    last = time.monotonic()

    def lap(step: str) -> None:
        nonlocal last
        now = time.monotonic()
        taken[step] = now - last
        last = now

    # Each has an occasion of its own: its time.
    sent = Mailings(town).send(time.time_ns() // 1_000_000_000, lap)
    measure.deliver(town)
    lap(HANDED_OVER)
    left_out = tuple(part.name for part in sent.left_out)
    return Mailed(tlds, sent.members, taken, sent.octets, {part.name: part.weight for part in sent.parts}, left_out)
