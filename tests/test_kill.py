"""The relay is killed with SIGKILL at a random moment: what got a 250 arrives, and what was recorded is not sent again.

The seed of a run is printed when it fails; SECURELIST_KILL_SEED=SEED runs the same fifty again.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kill_world import POSTS, CountingSink, Life, Progress, Tally, canary, confirmed, fresh_copy, hand_in, in_maildirs, kill, opened_posts, until_nothing_is_queued
from people import People
from queue_world import listening
from town import Town, entity, found_town

RUNS = 50
MEMBERS = ("Anna", "Bert", "Carla")
# Ten posts that begin, ten that are answered, a copy of each for every member.
STEPS = POSTS * (2 + len(MEMBERS))


@pytest.fixture(scope="module")
def settled(people: People, base: Path) -> Town:
    """A list with three members that nobody has posted to; every run has a copy of it."""
    made = found_town(people, base)
    for name in MEMBERS:
        made.attest(people.make(name, f"{name.lower()}-{base.name}@nl.example"))
    made.close()
    return made


@pytest.fixture(scope="module")
def posts(settled: Town) -> dict[int, bytes]:
    """Ten different posts by three members, by number."""
    posters = list(settled.members.values())
    return {n: settled.post(posters[n % 3], entity(canary(n) + "x" * 300 * n, f"Subject: post {n}")) for n in range(POSTS)}


def pause(chance: random.Random) -> None:
    """0.1 to 200 ms, each order of magnitude as likely: an answer is on its way that briefly, a post that long."""
    time.sleep(10 ** chance.uniform(-4, -0.7))


def step_to_wait_for(run: int) -> int:
    """Run by run from before the first step to after the last, some runs at either end."""
    return max(0, min(STEPS, round((run - 2) * STEPS / (RUNS - 5))))


def finish(life: Life, opened, *, at_once: bool, lmtp: bool = False) -> None:
    """The relay is started again; clients without an answer send again, at once or when nothing is queued any more."""
    with life.town.serve() as running:
        if not at_once:
            until_nothing_is_queued(life.town)
            life.check(opened())
        life.note_answers(hand_in(running, life.unanswered, Progress(), lmtp=lmtp))
        assert life.answered == set(life.posts)
        listed = until_nothing_is_queued(life.town)
        life.check(opened())
    assert [post["counts"] for post in listed] == [{"delivered": len(MEMBERS)}] * POSTS
