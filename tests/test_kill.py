"""The relay is killed with SIGKILL at a random moment: what got a 250 arrives, and what was recorded is not sent again.

The seed is printed when a run fails; SECURELIST_KILL_SEED=SEED makes the same fifty runs again.
"""

from __future__ import annotations

import os
import random
import time

import pytest
from kill_world import POSTS, Life, MaildirEnd, Progress, SinkEnd, Tally, canary, fresh_copy, gone, hand_in, kill, until_nothing_is_queued
from people import People
from queue_world import listening
from town import Town, entity, found_town

RUNS = 50
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


def pause(chance: random.Random) -> None:
    """0.1 to 200 ms, each order of magnitude as likely: so short is an answer under way, so long a post."""
    time.sleep(10 ** chance.uniform(-4, -0.7))


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
        assert until_nothing_is_queued(life.town) == [{"delivered": len(MEMBERS)}] * POSTS
    life.check()


def live(untouched: Town, posts: dict[int, bytes], chance: random.Random, step: int, tally: Tally, *, lmtp: bool = False) -> None:
    """One run: killed in the pause after that many steps, started again, checked."""
    progress = Progress()
    sink = SinkEnd(progress)
    with listening(sink) as port, fresh_copy(untouched, f"smtp://127.0.0.1:{port}") as town:
        life = Life(town, sink, posts, chance.choice(list(town.members.values())))
        running = town.start(start_new_session=True)
        clients = hand_in(running, posts, progress, clients=chance.choice((1, 2)), lmtp=lmtp)
        progress.wait_for(step)
        pause(chance)
        reached = progress.count
        kill(running, whole=chance.random() < 0.5)
        life.note_kill(clients)
        tally.phases[{0: "before", STEPS: "after"}.get(reached, "during")] += 1
        tally.answered += len(life.answered)
        tally.recorded += len(life.recorded)
        finish(life, at_once=chance.random() < 0.5, lmtp=lmtp)
        tally.copies += len(sink.arrived())
        tally.twice += sink.arrived().total() - len(sink.arrived())


@pytest.mark.slow
def test_fifty_kills_lose_nothing_and_repeat_nothing(untouched, posts, capsys):
    """Killed before, during and after ten posts and their copies: every 250 is kept to every member, no recorded copy comes twice."""
    seed = os.environ.get("SECURELIST_KILL_SEED") or str(random.SystemRandom().randrange(10**9))
    tally = Tally()
    for run in range(RUNS):
        print(f"seed {seed}, run {run}")
        live(untouched, posts, random.Random(f"{seed} {run}"), step_to_wait_for(run), tally)
    with capsys.disabled():
        print(f"\n{tally} Seed {seed}.")
    assert tally.phases["during"] >= RUNS // 2
    assert tally.copies == RUNS * POSTS * len(MEMBERS)


def test_a_kill_while_posts_come_by_lmtp(untouched, posts):
    """The same by LMTP, in the middle of the posts."""
    live(untouched, posts, random.Random("lmtp"), STEPS // 2, Tally(), lmtp=True)


def test_killed_again_and_again(untouched, posts):
    """Killed whenever it has run for a moment, the clients sending again each time: the promises hold, once it lives long enough."""
    chance, sink = random.Random("again"), SinkEnd(Progress())
    with listening(sink) as port, fresh_copy(untouched, f"smtp://127.0.0.1:{port}") as town:
        life = Life(town, sink, posts, next(iter(town.members.values())))
        for _ in range(8):
            running = town.start(start_new_session=True)
            clients = hand_in(running, life.unanswered, Progress())
            pause(chance)
            kill(running, whole=True)
            life.note_kill(clients)
        finish(life, at_once=True)


MOMENTS = {
    "while a mail is written": "fsync:when=3",
    "before a mail is moved to its place": "rename:when=2",
    "before the delivery is recorded": "fsync:when=4",
}


@pytest.mark.parametrize("inject", MOMENTS.values(), ids=MOMENTS)
def test_a_kill_in_the_middle_of_a_maildir_delivery(untouched, posts, inject):
    """Killed at the very system call: nobody finds half a mail, and everybody has each mail once."""
    call = inject.partition(":")[0]
    with fresh_copy(untouched) as town:
        far = MaildirEnd(town)
        life = Life(town, far, posts, next(iter(town.members.values())))
        tracer = ("strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={inject}:signal=KILL")
        running = town.start(*tracer)
        clients = hand_in(running, posts, Progress())
        gone(running)
        life.note_kill(clients)
        assert 1 <= far.arrived().total() < STEPS
        finish(life, at_once=False)
        assert set(far.arrived().values()) == {1}
        assert far.unfinished() == []
