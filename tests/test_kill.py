"""The relay is killed with SIGKILL at a random moment: what got a 250 arrives, and what was recorded is not sent again.

The seed is printed when a run fails; SECURELIST_KILL_SEED=SEED makes the same fifty runs again.
"""

from __future__ import annotations

import math
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from kill_world import (
    POSTS,
    Life,
    MaildirEnd,
    Progress,
    Run,
    SinkEnd,
    canary,
    doomed,
    fresh_copy,
    hand_in,
    kill,
    listed,
    summary,
    until_nothing_is_queued,
)
from people import People
from queue_world import listening
from town import Town, entity, found_town

RUNS = 50
AT_A_TIME = 2  # one waits for a disk or a process while the other works
MEMBERS = ("Anna", "Bert", "Carla")
# Ten posts that begin, ten that are answered, a copy of each for every member.
STEPS = POSTS * (2 + len(MEMBERS))


@pytest.fixture(scope="module")
def untouched(people: People, base) -> Town:
    """A list with three members to whom nobody has posted yet; every run has a copy of it."""
    made = found_town(people, base)
    for name in MEMBERS:
        made.attest(people.make(name, f"{name.lower()}-{base.name}@nl.example"))
    made.close()
    return made


@pytest.fixture(scope="module")
def posts(untouched: Town) -> dict[int, bytes]:
    """Ten different posts by the three members, by number."""
    posters = list(untouched.members.values())
    return {n: untouched.post(posters[n % 3], entity(canary(n) + "x" * 300 * n, f"Subject: post {n}")) for n in range(POSTS)}


def pause(chance: random.Random, longest_s: float = 0.2) -> None:
    """At least 0.1 ms, each order of magnitude as likely: so short is an answer under way; a post takes longer."""
    time.sleep(10 ** chance.uniform(-4, math.log10(longest_s)))


def step_to_wait_for(run: int) -> int:
    """Run by run later, from before the first step to after the last one, with three runs at either end."""
    return max(0, min(STEPS, round((run - 2) * STEPS / (RUNS - 5))))


def finish(life: Life, *, at_once: bool, lmtp: bool = False) -> None:
    """The relay runs again; clients without an answer send again, at once or when everything else has arrived."""
    with life.town.serve() as running:
        if not at_once:
            until_nothing_is_queued(life.town)
            life.check()
        life.note_answers(hand_in(running, life.unanswered, Progress(), lmtp=lmtp))
        assert life.answered == set(life.posts)
        until_nothing_is_queued(life.town)
        assert listed(life.town) == [{"delivered": len(MEMBERS)}] * POSTS
    life.check()


def live(untouched: Town, posts: dict[int, bytes], chance: random.Random, step: int, *, lmtp: bool = False) -> Run:
    """One run: killed in the pause after that many steps, started again, checked."""
    progress = Progress()
    sink = SinkEnd(progress)
    with listening(sink) as port, fresh_copy(untouched, f"smtp://127.0.0.1:{port}") as town:
        life = Life(town, sink, posts, chance.choice(list(town.members.values())))
        with doomed(town) as running:
            clients = hand_in(running, posts, progress, clients=chance.choice((1, 2)), lmtp=lmtp)
            progress.wait_for(step)
            pause(chance, longest_s=0.2 if step else 0.001)
            phase = {0: "before", STEPS: "after"}.get(progress.count, "during")
            kill(running, whole=chance.random() < 0.5)
        life.note_kill(clients)
        assert set(life.recorded.values()) <= {1}
        answered = len(life.answered)
        finish(life, at_once=chance.random() < 0.5, lmtp=lmtp)
        copies = sink.arrived()
        return Run(phase, answered, len(life.recorded), len(copies), copies.total() - len(copies))


@pytest.mark.slow
def test_fifty_kills_lose_nothing_and_repeat_nothing(untouched, posts, capsys):
    """Killed before, during and after ten posts and their copies: every 250 is kept to every member, no recorded copy comes twice."""
    seed = os.environ.get("SECURELIST_KILL_SEED") or str(random.SystemRandom().randrange(10**9))

    def one(run: int) -> Run:
        try:
            return live(untouched, posts, random.Random(f"{seed} {run}"), step_to_wait_for(run))
        except BaseException:
            print(f"failed: run {run} with SECURELIST_KILL_SEED={seed}")
            raise

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        runs = list(pool.map(one, range(RUNS)))
    with capsys.disabled():
        print(f"\n{summary(runs)} Seed {seed}.")
    assert sum(run.phase == "during" for run in runs) >= RUNS // 2
    assert sum(run.copies for run in runs) == RUNS * POSTS * len(MEMBERS)


def test_a_kill_while_posts_come_by_lmtp(untouched, posts):
    """The same by LMTP, in the middle of the posts."""
    assert live(untouched, posts, random.Random("lmtp"), STEPS // 2, lmtp=True).phase == "during"


def test_killed_again_and_again(untouched, posts):
    """Killed whenever it has run for a moment, the clients sending again each time: the promises hold, once it lives long enough."""
    chance, sink = random.Random("again"), SinkEnd(Progress())
    with listening(sink) as port, fresh_copy(untouched, f"smtp://127.0.0.1:{port}") as town:
        life = Life(town, sink, posts, next(iter(town.members.values())))
        for _ in range(8):
            with doomed(town) as running:
                clients = hand_in(running, life.unanswered, Progress())
                pause(chance)
                kill(running, whole=True)
            life.note_kill(clients)
        finish(life, at_once=True)


# At which system call of the delivering thread (the second copy's), whether the mail lies unfinished, and whether it has
# arrived without a record.
MOMENTS = {
    "before it is on the disk": ("fsync:when=3", 1, 0),
    "before it is moved to its place": ("rename:when=2", 1, 0),
    "before it is recorded": ("fsync:when=4", 0, 1),
}


@pytest.mark.parametrize(("inject", "unfinished", "unrecorded"), MOMENTS.values(), ids=MOMENTS)
def test_a_kill_in_the_middle_of_a_maildir_delivery(untouched, posts, inject, unfinished, unrecorded):
    """Killed at the very system call: nobody finds half a mail, and everybody has each mail once."""
    tracer = ("strace", "-f", "-o", "/dev/null", "-e", f"trace={inject.partition(':')[0]}", "-e", f"inject={inject}:signal=KILL")
    with fresh_copy(untouched) as town:
        far = MaildirEnd(town)
        life = Life(town, far, posts, next(iter(town.members.values())))
        with doomed(town, *tracer) as running:
            clients = hand_in(running, posts, Progress())
        life.note_kill(clients)
        assert len(far.unfinished()) == unfinished
        assert len(far.arrived()) == len(life.recorded) + unrecorded == 1 + unrecorded
        for file in far.unfinished():
            os.truncate(file, file.stat().st_size // 2)  # what a power failure would leave
        finish(life, at_once=False)
        assert set(far.arrived().values()) == {1}
        assert far.unfinished() == []
