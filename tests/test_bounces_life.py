"""An address that bounces softly, hard, and recovers: its member stays one, reads on at another address, and is told."""

from __future__ import annotations

import re

import pytest
from bounces_world import BIG, DAY, FULL, GONE, HOUR, MINUTE, SLOW, World, founded, world  # noqa: F401
from delivery_reports import dsn
from sqlalchemy import update

from securelist.addressees import Addressees
from securelist.bounces.marked import SILENT_IF_PASSING_S, TELL_EVERY_S, MarkedAddresses
from securelist.delivery.backoff import GIVE_UP_AFTER_S, PAUSES_S
from securelist.errors import Refused, TryAgain
from securelist.letters import attached_mail
from securelist.store import journal, queue, queue_view, retention
from securelist.store.addresses import Mark
from securelist.store.database import writing
from securelist.store.schema_upkeep import AddressRow
from securelist.trust.membership import ACTIVE, UNREACHABLE

HOME = "bert@home.example"


# --- softly ----------------------------------------------------------------------------------------------------------------


def test_a_full_mailbox_gets_its_copy_once_it_is_emptied(world: World) -> None:
    """Each report puts the copy back, at longer and longer pauses; at last it arrives, and nothing was marked."""
    anna, bert = world.member("Anna"), world.member("Bert", HOME)
    post = world.post(anna)
    for pause in PAUSES_S[:4]:
        assert "again" in world.bounce(bert.address, FULL.about(bert.address))
        copy = world.copy(post, bert.address)
        assert (copy.state, copy.due) == (queue.QUEUED, world.now + pause)
        assert "mailbox full" in copy.answer
        world.after(pause - 1)
        assert world.copy(post, bert.address).state == queue.QUEUED
        world.after(1)
    world.after(2 * DAY)
    assert world.copy(post, bert.address).state == queue.DELIVERED
    assert (world.mark(bert.address), len(world.sent(bert.address)), len(world.sent(HOME))) == (None, 5, 1)
    assert world.letters(HOME) == []


def test_a_mailbox_that_stays_full_for_five_days_is_marked(world: World) -> None:
    """It is tried some three dozen times; then the copy has failed and the member is told at the other address."""
    anna, bert = world.member("Anna"), world.member("Bert", HOME)
    post, accepted = world.post(anna), world.now
    while world.copy(post, bert.address).state != queue.FAILED:
        assert world.now - accepted < GIVE_UP_AFTER_S + max(PAUSES_S)
        world.bounce(bert.address, FULL.about(bert.address))
        if world.copy(post, bert.address).state == queue.QUEUED:
            world.after(world.copy(post, bert.address).due - world.now)
    assert world.now - accepted >= GIVE_UP_AFTER_S
    assert 30 < len(world.sent(bert.address)) < 45
    marked = world.mark(bert.address)
    assert marked == Mark(bert.address, world.now, FULL.said, by_report=True, passing=True)
    world.after(MINUTE)
    assert [letter.partition("\n")[0] for letter in world.letters(HOME)] == ["Mail to an address of yours does not arrive"]
    assert world.standing(bert).state == ACTIVE


def test_what_cannot_be_sent_again_has_failed(world: World) -> None:
    """A server on the way tried for two days; the list keeps no body so long that nobody waited for."""
    anna, bert = world.member("Anna"), world.member("Bert", HOME)
    post = world.post(anna)
    world.after(2 * DAY)
    retention.forget(world.house.engine, world.house.config, world.now)
    world.bounce(bert.address, FULL.about(bert.address))
    assert world.copy(post, bert.address).state == queue.FAILED
    assert world.mark(bert.address) is not None
    assert queue_view.retry(world.house.engine, world.now, post) == 0


def test_a_warning_that_a_copy_is_slow_changes_nothing(world: World) -> None:
    """The server that says so goes on trying: the copy is not sent twice."""
    anna, bert = world.member("Anna"), world.member("Bert", HOME)
    post = world.post(anna)
    before = world.copy(post, bert.address)
    world.bounce(bert.address, SLOW.about(bert.address))
    after = world.copy(post, bert.address)
    assert (after.state, after.due, after.settled, world.mark(bert.address)) == (before.state, before.due, before.settled, None)
    assert after.answer == "delayed: 4.4.1"
    world.after(HOUR)
    assert len(world.sent(bert.address)) == 1


# --- hard, and back --------------------------------------------------------------------------------------------------------


def test_an_address_that_is_gone_and_comes_back(world: World) -> None:
    """Marked at the first report; told at the mark and weekly; everything still goes there, too, and the first copy that stays ends it."""
    anna, bert = world.member("Anna"), world.member("Bert", HOME)
    post = world.post(anna)
    world.after(5 * MINUTE)
    world.bounce(bert.address)
    assert (world.copy(post, bert.address).state, world.copy(post, HOME).state) == (queue.FAILED, queue.DELIVERED)
    assert (marked := world.mark(bert.address)) is not None and marked.why.startswith("550 5.1.1 ")
    assert world.standing(bert).state == ACTIVE
    for weeks in range(3):
        for _ in range(2):
            world.after(HOUR)
            assert len(world.letters(HOME)) == weeks + 1
        world.bounce(bert.address)  # the letter went to that address, too
        world.after(TELL_EVERY_S - 2 * HOUR)
    world.after(HOUR)
    assert (len(world.letters(HOME)), len(world.letters(bert.address))) == (4, 4)
    world.after(DAY - 1)
    assert world.mark(bert.address) is not None
    world.after(1)  # and no report came any more
    assert world.mark(bert.address) is None
    world.after(TELL_EVERY_S)
    assert len(world.letters(HOME)) == 4


def test_the_letter_says_what_to_do(world: World) -> None:
    """The server's words, where mail still arrives, and the statement that leaves the address out; signed as it stands, it takes effect."""
    anna, bert = world.member("Anna"), world.member("Bert", HOME)
    world.post(anna)
    world.bounce(HOME)
    world.after(MINUTE)
    [letter] = world.letters(bert.address)
    assert f"  - {HOME}, since " in letter and "User unknown" in letter and f"  - {bert.address}\n" in letter
    [statement] = re.findall(r"^Securelist-Statement: update-contact\n(?:.+\n)+", letter, re.MULTILINE)
    assert "Phone: +31 6 1234 5678" in statement
    world.enter(bert, statement)
    world.after(MINUTE)
    assert world.standing(bert).emails == (bert.address,)
    assert world.mark(HOME) is None  # it is nobody's any more


def test_who_is_known_by_the_address_that_failed_asks_their_admin_contact(world: World) -> None:
    """A statement of their own cannot change the primary address, so none is offered."""
    anna, bert = world.member("Anna"), world.member("Bert", HOME)
    world.post(anna)
    world.bounce(bert.address)
    world.after(MINUTE)
    [letter] = world.letters(HOME)
    assert "your Admin Contact" in letter and "Securelist-Statement" not in letter


def test_a_member_whose_only_address_fails_is_unreachable_and_still_a_member(world: World) -> None:
    """Never removed by a bounce; copies still go there, and with the first that stays they are reached again."""
    anna, bert = world.member("Anna"), world.member("Bert")
    world.post(anna)
    world.bounce(bert.address)
    world.after(MINUTE)
    standing = world.standing(bert)
    assert standing.state == UNREACHABLE and "User unknown" in standing.why
    before = len(world.sent(bert.address))
    world.after(DAY)
    assert len(world.sent(bert.address)) == before  # there is no address that works to tell them at
    world.post(anna)
    assert len(world.sent(bert.address)) == before + 1
    assert world.house.membership().member_by_key(bert.fingerprint, world.now) is not None
    world.after(DAY)
    assert world.standing(bert).state == ACTIVE


def test_a_copy_that_is_slow_is_no_sign_of_recovery(world: World) -> None:
    """Only one about which nothing was reported at all for a day."""
    anna, bert = world.member("Anna"), world.member("Bert", HOME)
    world.post(anna)
    world.bounce(bert.address)
    world.now += HOUR
    world.post(anna)
    world.bounce(bert.address, SLOW.about(bert.address))
    world.after(3 * DAY)
    assert world.mark(bert.address) is not None


def test_a_copy_from_before_the_mark_is_no_sign_of_recovery(world: World) -> None:
    """Two posts an hour apart, and the report about the first comes last."""
    anna, bert = world.member("Anna"), world.member("Bert", HOME)
    world.post(anna)
    first = world.token(bert.address)
    world.now += HOUR
    world.post(anna)
    world.now += HOUR
    world.take(first, GONE.about(bert.address))
    world.after(0)
    del world.sink.mails[:]
    world.now += DAY - HOUR
    MarkedAddresses(world.house).round(world.now)
    assert world.mark(bert.address) is not None


def test_an_address_that_works_on_and_off_brings_few_letters(world: World) -> None:
    """Every other day it is gone; its owner hears of it once a week, as if it had been marked all the time."""
    bert = world.member("Bert", HOME)
    for days in range(1, 13):
        world.send(bert, bert.address)
        world.bounce(bert.address)
        world.after(HOUR)
        world.send(bert, bert.address)
        world.after(DAY)
        assert world.mark(bert.address) is None
        assert len(world.letters(HOME)) == (1 if days <= 7 else 2)
    world.after(8 * DAY)
    world.send(bert, bert.address)
    world.bounce(bert.address)
    world.after(HOUR)
    assert len(world.letters(HOME)) == 3  # forgotten by then: told at once


def test_a_host_that_is_down_stays_marked(world: World) -> None:
    """Whoever takes the copies for it reports each five days later; its owner hears of it weekly, until nothing is reported any more."""
    bert = world.member("Bert", HOME)
    taken: list[int] = []  # when the server took each copy, or letter
    reported, marked = 0, []
    for day in range(19):
        if day < 14:
            world.send(bert, bert.address)
        for pause in (0, DAY, MINUTE):
            world.after(pause)
            taken += [world.now] * (len(world.sent(bert.address)) - len(taken))
            while reported < len(taken) and taken[reported] + GIVE_UP_AFTER_S <= world.now:
                world.take(world.token(bert.address, reported), FULL.about(bert.address))
                reported += 1
        marked.append(world.mark(bert.address) is not None)
    assert marked == 4 * [False] + 15 * [True]
    assert len(world.letters(HOME)) in (2, 3)
    world.send(bert, bert.address)
    world.after(SILENT_IF_PASSING_S + DAY)
    assert world.mark(bert.address) is None


def test_a_clock_that_was_ahead_holds_up_nothing(world: World) -> None:
    """A mark of next month, told then, ends and is told of as one of now."""
    anna, bert = world.member("Anna"), world.member("Bert", HOME)
    world.post(anna)
    world.bounce(bert.address)
    ahead = world.now + 30 * DAY
    with writing(world.house.engine) as connection:
        connection.execute(update(AddressRow).values(since=ahead, told=ahead))
    world.after(MINUTE)
    marked = world.mark(bert.address)
    assert marked is not None and marked.since == marked.told == world.now and world.letters(HOME) == []
    world.after(TELL_EVERY_S)
    assert len(world.letters(HOME)) == 1
    world.after(DAY)
    assert world.mark(bert.address) is None


# --- what a report is about ------------------------------------------------------------------------------------------------


def test_a_mail_that_is_too_large_fails_alone(world: World) -> None:
    """The address takes mail, only not this one: nothing is marked."""
    anna, bert = world.member("Anna"), world.member("Bert")
    post = world.post(anna)
    world.bounce(bert.address, BIG.about(bert.address))
    assert (world.copy(post, bert.address).state, world.mark(bert.address)) == (queue.FAILED, None)


def test_a_report_about_somebody_else_changes_nothing(world: World) -> None:
    """The address is an alias, and one of those behind it has left; a report that names nobody is about the copy's own address."""
    anna, bert = world.member("Anna"), world.member("Bert")
    post = world.post(anna)
    assert "another address" in world.bounce(bert.address, GONE.about("someone@else.example"))
    assert (world.copy(post, bert.address).state, world.mark(bert.address)) == (queue.DELIVERED, None)
    world.bounce(bert.address, dsn("x", "Action: failed\nStatus: 5.1.1\n").lstrip().encode())
    assert world.copy(post, bert.address).state == queue.FAILED


def test_a_report_counts_once(world: World) -> None:
    """However often it comes, whatever comes behind it, and while the copy waits to be sent again."""
    anna, bert = world.member("Anna"), world.member("Bert")
    post = world.post(anna)
    world.bounce(bert.address, FULL.about(bert.address))
    waiting = world.copy(post, bert.address)
    assert "again anyway" in world.bounce(bert.address)
    assert world.copy(post, bert.address) == waiting
    world.after(MINUTE)
    world.bounce(bert.address)
    world.now += HOUR
    failed, marked = world.copy(post, bert.address), world.mark(bert.address)
    for report in (FULL, GONE, SLOW, BIG):
        assert world.bounce(bert.address, report.about(bert.address)) == "it changes nothing"
    assert (world.copy(post, bert.address), world.mark(bert.address)) == (failed, marked)
    assert [note.event for note in journal.newest(world.house.engine, 50)].count("bounce") == 2


def test_a_report_that_overtakes_the_answer_to_the_copy_comes_again(world: World) -> None:
    """The copy is being handed over: whoever reports already is told to try later."""
    anna, bert = world.member("Anna"), world.member("Bert")
    post = world.post(anna)
    world.bounce(bert.address, FULL.about(bert.address))
    world.now += HOUR
    assert queue.lease(world.house.engine, "another-host 1", world.now, 10)
    with pytest.raises(TryAgain, match="not-yet"):
        world.bounce(bert.address)
    assert world.bounce(bert.address, b"From: x@y.example\r\n\r\nI am away.\r\n") == "it changes nothing"
    assert world.copy(post, bert.address).state == queue.QUEUED


def test_a_letter_of_the_server_bounces_like_a_post(world: World) -> None:
    """An Admin Contact's only address is gone: the letter has failed, the address is marked, and a full mailbox gets it again."""
    admin, contact = world.town.admin, Addressees(world.house).contact("nl")
    assert contact is not None
    world.house.letters.write("forward", contact, world.now, parts=(attached_mail(b"From: x@y.example\r\n\r\nhello\r\n"),))
    world.deliver()
    world.bounce(admin.address, FULL.about(admin.address))
    world.after(MINUTE)
    assert (len(world.sent(admin.address)), world.mark(admin.address)) == (2, None)
    world.bounce(admin.address)
    world.after(MINUTE)
    assert (len(world.sent(admin.address)), world.mark(admin.address) is None) == (2, False)


def test_once_a_post_is_forgotten_its_addresses_are_nobodys(world: World) -> None:
    """A report that comes after six weeks is refused like an invented one."""
    anna, bert = world.member("Anna"), world.member("Bert")
    world.post(anna)
    world.now += world.house.config.journal_days * DAY + DAY
    retention.forget(world.house.engine, world.house.config, world.now)
    with pytest.raises(Refused, match="not-ours"):
        world.bounce(bert.address)
    assert world.mark(bert.address) is None


def test_marks_of_people_who_left_are_forgotten(world: World) -> None:
    """Nothing is kept about an address that is nobody's."""
    anna, bert = world.member("Anna"), world.member("Bert", HOME)
    world.post(anna)
    world.bounce(bert.address)
    world.after(MINUTE)
    assert world.mark(bert.address) is not None
    world.enter(world.town.admin, world.town.statement("withdraw-ssc", bert, Name="", Key=""))
    world.after(MINUTE)
    assert world.mark(bert.address) is None
