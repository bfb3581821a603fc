"""A stolen key that posts without end: the list takes so many posts from one member within an hour, and tells the Secretariat."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from attack_stage import Judging, posts_and_entries
from bad_mails import Stage
from people import Somebody
from queue_world import START, House, a_post, house  # noqa: F401
from town import entity

from securelist.config import MAX_POSTS_PER_HOUR, read_config, write_config
from securelist.errors import ConfigurationError, Refused
from securelist.openpgp.certificate import grouped
from securelist.store.queue import HOUR_S, commit_post, posted

PER_HOUR = 4


@pytest.fixture(scope="module")
def stage(stage: Stage) -> Stage:
    """The list, which takes few posts."""
    write_config(dataclasses.replace(read_config(stage.town.home), posts_per_hour=PER_HOUR))
    return stage


@pytest.fixture(autouse=True)
def a_quiet_hour(request: pytest.FixtureRequest) -> None:
    """Nobody has posted within the last hour."""
    if "stage" in request.fixturenames:
        let_pass(request.getfixturevalue("stage"), HOUR_S)


def let_pass(stage: Stage, seconds: int) -> None:
    """What was posted was posted so much earlier."""
    with contextlib.closing(sqlite3.connect(stage.town.home / "securelist.db")) as database, database:
        database.execute("UPDATE seen SET at = at - ?", (seconds,))


def flood(stage: Stage, judge: Judging, who: Somebody, count: int) -> list[str]:
    """The verdicts on so many different posts by one signer."""
    return [judge(post(stage, who)).reason for _ in range(count)]


def post(stage: Stage, who: Somebody) -> bytes:
    return stage.town.post(who, entity(f"a flood {time.time_ns()}"))


def letters(stage: Stage, who: Somebody, words: str) -> list[str]:
    """What the list wrote to somebody with these words in it."""
    stage.town.deliver()
    opened = (stage.town.opened(mail)[0].decode() for mail in stage.town.mails(who.address))
    return [text for text in opened if words in text]


def test_a_stolen_key_posts_so_many_times_an_hour(stage: Stage, judge: Judging) -> None:
    """What comes after that is refused and changes nothing; other members post on; what was taken before is a duplicate."""
    last = post(stage, stage.anna)
    assert flood(stage, judge, stage.anna, PER_HOUR - 1) == ["accepted"] * (PER_HOUR - 1)
    assert judge(last).reason == "accepted"
    before = posts_and_entries(stage)
    refused = judge(post(stage, stage.anna))
    assert (refused.reason, refused.step, refused.poster) == ("too-many-posts", "decide", stage.anna.fingerprint)
    assert "-owner" in refused.detail and posts_and_entries(stage) == before
    assert judge(last).reason == "duplicate"
    assert flood(stage, judge, stage.bert, 1) == ["accepted"]
    assert stage.town.judge(post(stage, stage.anna), "check")["reason"] == "too-many-posts"


def test_the_hour_is_the_last_sixty_minutes(stage: Stage, judge: Judging) -> None:
    """Not the hour of the clock: two posts of fifty minutes ago and two of now, and ten minutes later there is room for two."""
    assert flood(stage, judge, stage.anna, 2) == ["accepted"] * 2
    let_pass(stage, 3000)
    assert flood(stage, judge, stage.anna, 3) == ["accepted"] * 2 + ["too-many-posts"]
    let_pass(stage, 601)
    assert flood(stage, judge, stage.anna, 3) == ["accepted"] * 2 + ["too-many-posts"]


def test_the_secretariat_hears_once_and_the_member_hears_why(stage: Stage, judge: Judging) -> None:
    """The letter says whose key it is, where to call, and has the command that suspends them ready."""
    assert flood(stage, judge, stage.bert, PER_HOUR + 5).count("too-many-posts") == 5
    (told,) = letters(stage, stage.town.root, grouped(stage.bert.fingerprint)[:24])
    for words in ("contact of .nl", "Name:  Bert", stage.bert.address, "+31 6 1234 5678", f"\n    suspend-member {stage.bert.address}"):
        assert words in told.replace("\r\n", "\n")
    let_pass(stage, HOUR_S)
    assert flood(stage, judge, stage.bert, PER_HOUR + 1)[-1] == "too-many-posts"
    assert len(letters(stage, stage.town.root, grouped(stage.bert.fingerprint)[:24])) == 1
    assert f"takes {PER_HOUR} posts an hour" in letters(stage, stage.bert, "was refused")[0]


def test_a_trust_roots_key_is_no_exception(stage: Stage, judge: Judging) -> None:
    """An announcement goes to everybody, too."""
    root = stage.town.root
    assert flood(stage, judge, root, PER_HOUR + 1) == ["accepted"] * PER_HOUR + ["too-many-posts"]
    (told,) = letters(stage, root, "Too many posts under a key of yours")
    assert "replace-roots" in told and "suspend-member" not in told


def test_posts_that_come_all_at_once(stage: Stage) -> None:
    """Twelve connections that end their mails in the same moment: exactly so many are taken."""
    mails = [post(stage, stage.anna) for _ in range(12)]
    with stage.town.serve() as running, ThreadPoolExecutor(len(mails)) as pool:
        answers = Counter(answer[0] for answer in pool.map(running.send, mails))
    assert answers == {250: PER_HOUR, 550: len(mails) - PER_HOUR}


def test_workers_that_commit_at_once(house: House) -> None:
    """Between the look and the commit another process may have committed one: the commit counts again."""
    engines = [house.again() for _ in range(4)]

    def commit(number: int) -> str:
        try:
            commit_post(engines[number % 4], a_post(1, number=number, per_hour=PER_HOUR))
        except Refused as refused:
            return refused.reason
        return "accepted"

    with ThreadPoolExecutor(8) as pool:
        assert Counter(pool.map(commit, range(20))) == {"accepted": PER_HOUR, "too-many-posts": 20 - PER_HOUR}
    assert posted(house.engine, "A" * 40, START) == PER_HOUR
    assert posted(house.engine, "A" * 40, START + HOUR_S) == 0


@pytest.fixture
def settings(stage: Stage, tmp_path: Path) -> Iterator[Path]:
    """A configuration that a test may change."""
    file = tmp_path / "securelist.toml"
    file.write_text((stage.town.home / "securelist.toml").read_text().replace(f"posts_per_hour = {PER_HOUR}\n", ""))
    yield file


@pytest.mark.parametrize("number", [0, -1, MAX_POSTS_PER_HOUR + 1])
def test_a_limit_that_is_none(settings: Path, number: int) -> None:
    """The limit cannot be left out by a number that nobody means."""
    settings.write_text(f"{settings.read_text()}posts_per_hour = {number}\n")
    with pytest.raises(ConfigurationError, match="posts_per_hour must be from 1"):
        read_config(settings.parent)


def test_who_sets_nothing_has_a_limit(settings: Path) -> None:
    """One post a minute for a whole hour: more than anybody writes, and less than floods three hundred mailboxes."""
    assert read_config(settings.parent).posts_per_hour == 60
