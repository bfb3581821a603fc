"""The poster's receipt: whom it names, for each way in which a copy can fail to arrive, when it comes, and when none does."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from people import Somebody
from receipts_world import DAY, HOUR, MINUTE, TELEPHONE, World, rows
from receipts_world import founded as founded
from receipts_world import world as world

from securelist.letters import kinds
from securelist.letters.kinds import POSTERS_RECEIPTS_A_DAY
from securelist.store import queue_view
from securelist.store.queue import FAILED
from securelist.upkeep.receipts import Receipts, lasting

NO_SUCH_USER, BUSY = "550 5.1.1 no such user", "451 4.2.0 busy"


def message_id(world: World, post: int) -> str:
    return next(one.message_id for one in queue_view.posts(world.house.engine) if one.id == post)


# --- every copy was taken -----------------------------------------------------------------------------------------------------


def test_everybody_was_reached(world: World) -> None:
    """One receipt as soon as the copies are handed over, in answer to the post; none later, and none about the receipt."""
    post = world.post()
    Receipts(world.house).round(world.at)
    assert world.letters() == []
    world.round(9)
    (told,) = world.letters()
    assert told.subject == "3 of 3 copies of your post handed over"
    accepted = time.strftime("%Y-%m-%d %H:%M", time.gmtime(world.at - 9))
    assert f"Accepted on {accepted} UTC; 3 of 3 copies handed over in 9 s; mail servers took every copy." in told.words
    assert told.answers == message_id(world, post) and "Call" not in told.text
    for later in (MINUTE, 20 * MINUTE, HOUR, DAY, 6 * DAY):
        world.round(later)
    assert world.letters() == [] and len(rows(world)) == 1 and all(rows(world)[0])


# --- who was not, and why --------------------------------------------------------------------------------------------------------


def expired(world: World, bert: Somebody) -> None:
    """Bert's key was revoked before the post."""
    world.renewed(world.town.people.revoke(bert))


def refused(world: World, bert: Somebody) -> None:
    """His mail server does not know him."""
    world.refusals[bert.address] = NO_SUCH_USER


def gone(world: World, bert: Somebody) -> None:
    """He leaves while his copy waits."""
    world.say(bert, "withdraw-ssc", bert, Name="")


def suspended(world: World, bert: Somebody) -> None:
    """Likewise, and a trust root suspends him."""
    world.say(world.town.root, "suspend-member", bert, Name="", Key="")


def another_key(world: World, bert: Somebody) -> None:
    """He gets another key while his copy waits."""
    new = world.person("Bert Berger")
    world.attest(Somebody(bert.name, bert.address, new.fingerprint, new.certificate))


Happening = Callable[[World, Somebody], None]
BEFORE: dict[str, tuple[Happening, str]] = {
    "his key is revoked": (expired, "Why: the key is revoked"),
    "his mail server does not know him": (refused, f"Why: failed: {NO_SUCH_USER}"),
}
AFTER: dict[str, tuple[Happening, str]] = {
    "he has another key": (another_key, "Why: their key or address changed before the copy left"),
    "he left": (gone, ""),
    "he is suspended": (suspended, ""),
}


@pytest.mark.parametrize(("happening", "why", "before"), [(*h, True) for h in BEFORE.values()] + [(*h, False) for h in AFTER.values()],
                         ids=[*BEFORE, *AFTER])  # fmt: skip
def test_who_was_not_reached_is_named(world: World, happening: Happening, why: str, before: bool) -> None:
    """With ccTLD, name, telephone number and reason; who is a member no more, or suspended, is nobody to call, and counts for nothing."""
    bert = world.person("Bert Berger")
    world.attest(bert)
    if before:
        happening(world, bert)
    world.post()
    if not before:
        happening(world, bert)
    world.round()
    (told,) = world.letters()
    if why:
        assert told.subject == "3 of 4 copies of your post handed over; 1 not reached"
        assert "3 of 4 copies handed over in 0 s; not reached: 1." in told.words
        assert f"- .nl: Bert Berger, {TELEPHONE}. {why}" in told.words
        assert told.words.count(TELEPHONE) == 1
    else:
        assert told.subject == "3 of 3 copies of your post handed over"


def test_who_has_another_address_that_works_is_reached(world: World) -> None:
    """The dead one costs a copy, and the member is not named; with both dead they are, once, with a reason for each address."""
    dora, emil = world.person("Dora"), world.person("Emil")
    world.attest(dora, f"two-{dora.address}")
    world.attest(emil, f"two-{emil.address}")
    world.refusals |= {dora.address: NO_SUCH_USER, emil.address: NO_SUCH_USER, f"two-{emil.address}": "550 5.2.1 closed"}
    world.post()
    world.round()
    (told,) = world.letters()
    assert "4 of 7 copies handed over" in told.words and "not reached: 1." in told.words and "Dora" not in told.words
    why = f"{emil.address}: failed: {NO_SUCH_USER}; two-{emil.address}: failed: 550 5.2.1 closed"
    assert f"- .nl: Emil, {TELEPHONE}. Why: {why}" in told.words


# --- when ----------------------------------------------------------------------------------------------------------------------


def test_what_waits_is_told_after_fifteen_minutes_and_once_more_when_it_arrived(world: World) -> None:
    """The last receipt comes an hour after the post at the earliest, though all was well before; then nothing more."""
    world.refusals[world.who("Bert").address] = BUSY
    world.post()
    world.round(14 * MINUTE)
    assert world.letters() == []
    world.round(1 * MINUTE)
    (told,) = world.letters()
    assert f"- .nl: Bert, {TELEPHONE}. Why: still being tried: {BUSY}" in told.words and "is tried for 5 days" in told.words
    world.refusals.clear()
    world.round(44 * MINUTE)
    assert world.letters() == []
    world.round(1 * MINUTE)
    (told,) = world.letters()
    assert told.subject == "Now 3 of 3 copies of your post handed over"
    assert "handed over in 59 min; mail servers took every copy" in told.words and "the end of it" in told.words
    world.round(6 * DAY)
    assert world.letters() == []


def test_what_never_arrives_is_told_once(world: World) -> None:
    """The same people are named as at first: there is nothing to add, and a day after the last attempt nothing is looked at any more."""
    world.refusals[world.who("Bert").address] = BUSY
    world.post()
    world.round(15 * MINUTE)
    assert [told.subject for told in world.letters()] == ["2 of 3 copies of your post handed over; 1 not reached"]
    for _ in range(35):
        world.round(4 * HOUR)
        assert rows(world)[0][1] == 0
    world.round(DAY)
    assert world.letters() == [] and rows(world)[0][1] == world.at
    assert [copy.state for copy in queue_view.copies(world.house.engine, 1)].count(FAILED) <= 1


# --- when none is wanted ----------------------------------------------------------------------------------------------------------


def test_a_setting_turns_receipts_off(world: World) -> None:
    """Nothing is kept about posts that come meanwhile."""
    world.set(receipts=False)
    world.post()
    world.round(HOUR)
    assert (world.letters(), rows(world)) == ([], [])


@pytest.mark.parametrize("value", ["no", "No ", " NO"])
def test_a_field_in_the_signed_part_turns_it_off(world: World, value: str) -> None:
    """For that post alone."""
    world.post("Attack", None, f"Securelist-Receipt: {value}")
    world.round(HOUR)
    assert (world.letters(), rows(world)) == ([], [])
    world.post("Attack", None, "Securelist-Receipt: yes")
    world.round()
    assert len(world.letters()) == 1


def test_a_field_that_nobody_signed_turns_nothing_off(world: World) -> None:
    """Whoever forwards a post could add it, and the poster would not learn whom to call."""
    world.post("Attack", None, Securelist_Receipt="no")
    world.round()
    assert len(world.letters()) == 1


def test_an_announcement_has_a_receipt(world: World) -> None:
    """A trust root, who is no member, gets one at the address of their certificate."""
    world.refusals[world.who("Bert").address] = NO_SUCH_USER
    world.post("Announcement", world.town.root)
    world.round()
    (told,) = world.letters(world.town.root)
    assert told.subject == "2 of 3 copies of your post handed over; 1 not reached" and "- .nl: Bert" in told.words


# --- a poster who gets none -------------------------------------------------------------------------------------------------------


def test_a_suspended_poster_gets_none(world: World) -> None:
    """Perhaps somebody else has the key; names and telephone numbers are not for them."""
    bert = world.who("Bert")
    world.post("Attack", bert)
    world.say(world.town.root, "suspend-member", bert, Name="", Key="")
    world.round()
    world.round(HOUR)
    assert world.letters(bert) == [] and all(rows(world)[0])


def test_a_poster_who_renews_their_key_within_the_hour(world: World) -> None:
    """Who cannot be written to is told in the end, if that has changed by then."""
    people, dora = world.town.people, world.person("Dora", encryption=None)
    people.gpg("--quick-add-key", dora.fingerprint, "cv25519", "encr", "1d")
    dora = Somebody(dora.name, dora.address, dora.fingerprint, people.export(dora.fingerprint))
    world.attest(dora)
    world.at += 2 * DAY
    world.post("Attack", dora)
    world.round()
    assert world.letters(dora) == []
    people.gpg("--quick-set-expire", dora.fingerprint, "9d", "*")
    world.renewed(people.export(dora.fingerprint))
    world.round(HOUR)
    (told,) = world.letters(dora)
    assert told.subject.startswith("3 of 4") and "changed since" not in told.words  # there was no first one
    assert "- .nl: Dora" in told.words and "the key has no encryption subkey that is valid now" in told.words


def test_so_many_a_day_and_no_more(world: World) -> None:
    """What runs wild under a key fills nobody's mailbox, and nothing of it waits for the next day."""
    for _ in range(POSTERS_RECEIPTS_A_DAY):
        kinds.written(world.house.engine, "handed-over", world.who("Anna").address, world.at)
    world.post()
    world.round()
    world.round(HOUR)
    world.round(2 * DAY)
    assert world.letters() == [] and all(rows(world)[0])


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (9, "9 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (2 * DAY, "2 days")]
)
def test_how_long_it_took(seconds: int, said: str) -> None:
    """In the largest unit of which there are two."""
    assert lasting(seconds) == said
