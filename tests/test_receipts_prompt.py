"""Receipts of a running list: how soon they come; and what becomes of a post that says what was said before."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from receipts_world import World
from receipts_world import founded as founded
from receipts_world import world as world
from town import Town, entity

from securelist.errors import Refused
from securelist.letters.kinds import REPEATED_POSTS_A_DAY
from securelist.mail.addresses import ListAddress, Role
from securelist.reception import Reception, silent

AGAIN = "You posted the same words before: they went out once"


# --- how soon -------------------------------------------------------------------------------------------------------------------


def eventually(found: Callable[[], bool], seconds: float = 20) -> None:
    """What is to come without a timer: each of them has half a minute at least."""
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.05)


def receipts_in(town: Town) -> list[str]:
    """The subjects of Anna's letters."""
    return [mail["Subject"] for mail in town.mails(next(iter(town.members))) if "Auto-Submitted" in mail]


def test_a_running_server_writes_it_as_soon_as_the_copies_are_handed_over(world: World) -> None:
    """The poster need not wait for the next round of letters."""
    with world.town.serve() as running:
        time.sleep(2)  # the rounds that a server begins with
        for number in (1, 2):
            assert running.send(world.town.post(world.who("Anna"), f"attack {number}"))[0] == 250
            eventually(lambda number=number: len(receipts_in(world.town)) == number)  # type: ignore[misc]


def test_deliver_once_hands_over_the_receipt_too(world: World) -> None:
    """Copies, receipts, and those handed over, in one go; the next has nothing to do."""
    world.town.run("post", "submit", data=world.town.post(world.who("Anna"), "attack"))
    assert world.town.run("deliver", "--once").startswith(b"4 delivered, 0 to be tried later")
    assert len(receipts_in(world.town)) == 1
    assert world.town.run("deliver", "--once").startswith(b"0 delivered")


# --- the same words again --------------------------------------------------------------------------------------------------------------


def take(world: World, mail: bytes) -> str:
    """What becomes of a mail, by now."""
    try:
        return Reception(world.house).take(ListAddress(Role.LIST), "somebody@else.example", mail).reason
    except Refused as refused:
        return refused.reason


def signed_anew(world: World, words: str = "ack") -> bytes:
    """A post with these words, signed in another second than whatever came before."""
    time.sleep(1.1)
    return world.town.post(world.who("Anna"), entity(words))


def subjects(world: World) -> list[str]:
    world.deliver()
    return [told.subject for told in world.letters()]


def test_who_signs_the_same_words_anew_hears_that_they_went_out_once(world: World) -> None:
    """When they were posted, and what to do; that mail coming again brings nothing more, and another one another letter."""
    assert take(world, signed_anew(world)) == "accepted"
    accepted, second = time.strftime("%Y-%m-%d %H:%M", time.gmtime()), signed_anew(world)
    assert take(world, second) == "duplicate"
    world.deliver()
    (told,) = world.letters()
    assert told.subject == AGAIN and f"your post of {accepted} UTC" in told.words and "add a word" in told.words
    assert [take(world, second) for _ in range(3)] == 3 * ["duplicate"] and subjects(world) == []
    assert take(world, signed_anew(world)) == "duplicate" and subjects(world) == [AGAIN]


def test_a_mail_that_comes_again_causes_no_letter(world: World) -> None:
    """Whoever has it, sends it when they like, or wraps it anew: its signature is older than the post."""
    first = signed_anew(world)
    assert take(world, first) == "accepted"
    time.sleep(1.1)
    wrapped = first.replace(b"Subject: Attack", b"Subject: Once more")
    assert [take(world, mail) for mail in (first, wrapped)] == ["duplicate"] * 2
    assert subjects(world) == []


def test_looking_at_a_post_writes_nothing(world: World) -> None:
    """`post check` says that it is a duplicate, and changes nothing."""
    assert take(world, signed_anew(world)) == "accepted"
    with pytest.raises(Refused, match="duplicate"):
        Reception(world.house).check(signed_anew(world), None, silent)
    assert subjects(world) == []


def test_a_setting_turns_that_off(world: World) -> None:
    """The one for all explanations."""
    world.set(explain_refusals=False)
    assert [take(world, signed_anew(world)) for _ in range(2)] == ["accepted", "duplicate"]
    assert subjects(world) == []


def test_a_few_such_letters_a_day(world: World) -> None:
    """A program that posts the same words all day is told a few times."""
    assert take(world, signed_anew(world)) == "accepted"
    assert {take(world, signed_anew(world)) for _ in range(REPEATED_POSTS_A_DAY + 2)} == {"duplicate"}
    assert subjects(world) == [AGAIN] * REPEATED_POSTS_A_DAY
