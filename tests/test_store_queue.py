"""The queue: posts committed once and whole, copies leased by one worker, and nothing kept longer than needed."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from queue_world import START, House, a_post, house  # noqa: F401

from securelist.errors import Refused, TryAgain
from securelist.store import journal, queue, queue_view, retention
from securelist.store.database import writing
from securelist.store.queue import NewCopy, Outcome, commit_post, content_of, lease, record, release, seen
from securelist.store.worker_name import is_dead, own_name

ELSEWHERE = "another-host 1 2 3"


def states(house, post_id=1):
    return {copy.recipient: copy.state for copy in queue_view.copies(house.engine, post_id)}


# --- committing --------------------------------------------------------------------------------------------------------


def test_a_post_that_comes_twice_is_stored_once(house):
    """The same signer's same content under another Message-ID is a duplicate, and leaves nothing."""
    house.post()
    before = house.rows()
    with pytest.raises(Refused) as caught:
        house.post(message_id="<other@lists.example.org>")
    assert caught.value.reason == "duplicate"
    assert house.rows() == before


def test_another_member_may_say_the_same(house):
    """The same content signed by somebody else is another post."""
    house.post()
    house.post(message_id="<2@lists.example.org>", seen_as=("B" * 40, f"{1:064x}"))
    assert house.rows()["posts"] == 2


def test_the_same_post_to_two_workers_at_once_goes_out_once(house):
    """Eight threads commit one post at the same moment: one number, seven duplicates, one set of rows."""
    outcomes, gate = [], threading.Barrier(8)

    def commit():
        gate.wait()
        try:
            outcomes.append(house.post(message_id=f"<{threading.get_ident()}@x.example>"))
        except Refused as refused:
            outcomes.append(refused.reason)

    threads = [threading.Thread(target=commit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(map(str, outcomes)) == ["1"] + ["duplicate"] * 7
    assert house.rows()["posts"] == 1


def test_a_message_id_that_was_used_is_a_refusal_of_its_own(house):
    """Other content under a used Message-ID is refused with a reason that says what to do, not taken for a duplicate."""
    house.post()
    with pytest.raises(Refused) as caught:
        house.post(seen_as=("A" * 40, f"{2:064x}"))
    assert caught.value.reason == "duplicate-message-id"
    assert house.rows()["posts"] == 1


def test_a_post_for_nobody_is_refused(house):
    """No recipients is an error, not a success."""
    with pytest.raises(Refused, match="no-recipients"):
        house.post(0)
    assert house.rows() == {}


def test_a_post_whose_time_is_over_leaves_nothing(house):
    """What the last question before the commit raises undoes all of it."""

    def too_late():
        raise TryAgain("too-slow", "over")

    with pytest.raises(TryAgain):
        commit_post(house.engine, a_post(), too_late)
    assert house.rows() == {}
    assert not seen(house.engine, "A" * 40, f"{1:064x}")
    assert house.post() == 1


def test_a_member_without_a_usable_key_gets_a_row_that_says_so(house):
    """An unreachable member's copy is recorded with the reason and never leased."""
    copies = (NewCopy("a@nl.example", "nl", "A" * 40, b"k"), NewCopy("b@br.example", "br", "B" * 40, b"", "the key has expired"))
    house.post(copies=copies)
    (copy,) = [c for c in queue_view.copies(house.engine, 1) if c.state == queue.UNREACHABLE]
    assert (copy.recipient, copy.answer, copy.settled) == ("b@br.example", "the key has expired", START)
    assert [c.recipient for c in lease(house.engine, own_name(), START, 10)] == ["a@nl.example"]


def test_one_address_of_one_member_gets_one_copy(house):
    """An address that is named twice is written to once; two members who share an address each get theirs."""
    a, b = NewCopy("role@nl.example", "nl", "A" * 40, b"a"), NewCopy("role@nl.example", "nl", "B" * 40, b"b")
    house.post(copies=(a, a, b))
    assert house.rows()["copies"] == 2


# --- leasing -----------------------------------------------------------------------------------------------------------


def test_two_workers_never_hold_the_same_copy(house):
    """What one worker leased, the other does not get."""
    house.post(10)
    first = lease(house.engine, own_name(), START, 6)
    second = lease(house.again(), ELSEWHERE, START, 6)
    assert (len(first), len(second)) == (6, 4)
    assert not {c.id for c in first} & {c.id for c in second}
    assert lease(house.engine, own_name(), START, 6) == []


def test_a_copy_is_not_leased_before_it_is_due(house):
    """Due copies come in order of their time; others wait."""
    house.post(1, number=1, at=START + 10)
    house.post(1, number=2, at=START)
    assert lease(house.engine, own_name(), START - 1, 10) == []
    assert [c.post_id for c in lease(house.engine, own_name(), START + 10, 10)] == [2, 1]


LEASE_AND_WAIT = """
import sys, time; from pathlib import Path; from securelist.config import Config
from securelist.store.database import open_database; from securelist.store.queue import lease
from securelist.store.worker_name import own_name
engine = open_database(Config(list="l@example.org", key="", home=Path(sys.argv[1])))
print(len(lease(engine, own_name(), int(sys.argv[2]), 100)), flush=True); time.sleep(600)
"""


@pytest.fixture
def another_worker(house):
    process = subprocess.Popen([sys.executable, "-c", LEASE_AND_WAIT, str(house.config.home), str(START)], stdout=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("reaped", [True, False])
def test_a_killed_worker_holds_nothing(house, another_worker, reaped):
    """The leases of a killed process on this host are void at once, even while it is still a zombie."""
    house.post(5)
    process = another_worker
    assert process.stdout.readline() == b"5\n"
    assert lease(house.engine, own_name(), START, 10) == []
    process.kill()
    if reaped:
        process.wait()
    else:
        while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            pass
    assert len(lease(house.engine, own_name(), START, 10)) == 5


def test_another_hosts_worker_holds_its_copies_until_the_lease_ends(house):
    """Nobody here can know whether a process elsewhere lives: its lease is waited for."""
    house.post(2)
    assert len(lease(house.engine, ELSEWHERE, START, 10)) == 2
    assert lease(house.engine, own_name(), START + queue.LEASE_S - 1, 10) == []
    assert len(lease(house.engine, own_name(), START + queue.LEASE_S, 10)) == 2


def test_a_process_with_a_dead_ones_number_is_another_process():
    """Host, process ID and start time together name a worker; nonsense and other hosts never count as dead."""
    mine = own_name()
    host, pid, start, boot = mine.split()
    assert not is_dead(mine)
    assert is_dead(f"{host} {pid} {int(start) - 1} {boot}")
    assert is_dead(f"{host} {pid} {start} 00000000")
    assert not is_dead(ELSEWHERE)
    assert not is_dead("")
    assert not is_dead(f"{host} nonsense")


def test_released_copies_are_due_as_before(house):
    """A worker that gives up leaves its copies as they were, with the reason to be seen."""
    house.post(3)
    lease(house.engine, own_name(), START, 10)
    release(house.engine, own_name(), "no connection")
    assert {c.answer for c in queue_view.copies(house.engine, 1)} == {"no connection"}
    assert [c.attempts for c in lease(house.engine, own_name(), START, 10)] == [0, 0, 0]


def test_a_delivered_copy_stays_delivered(house):
    """A worker that comes late with another answer changes nothing."""
    house.post(1)
    (copy,) = lease(house.engine, own_name(), START, 10)
    record(house.engine, copy, Outcome(queue.DELIVERED, "250 ok"), START + 1)
    record(house.engine, copy, Outcome(queue.QUEUED, "connection lost", START + 60), START + 2)
    (seen_by_operator,) = queue_view.copies(house.engine, 1)
    assert (seen_by_operator.state, seen_by_operator.answer, seen_by_operator.attempts) == (queue.DELIVERED, "250 ok", 1)
    assert lease(house.engine, own_name(), START + 100, 10) == []


# --- looking, sending again, forgetting --------------------------------------------------------------------------------


def settle(house, *outcomes):
    for copy, state in zip(lease(house.engine, own_name(), START, 100), outcomes, strict=True):
        record(house.engine, copy, Outcome(state, f"{state} it is", START + 60), START + 1)


def test_the_operator_sees_where_each_copy_stands(house):
    """Posts newest first with counts by state; each copy with its state, attempts and last answer."""
    house.post(3)
    settle(house, queue.DELIVERED, queue.FAILED, queue.QUEUED)
    house.post(1, number=2, at=START + 5)
    newest, first = queue_view.posts(house.engine)
    assert (newest.id, newest.counts) == (2, {"queued": 1})
    assert first.counts == {"delivered": 1, "failed": 1, "queued": 1}
    assert [(c.state, c.attempts, c.answer) for c in queue_view.copies(house.engine, 1)][1] == ("failed", 1, "failed it is")
    assert queue_view.copies(house.engine, 77) == []


def test_retry_sends_failed_copies_again_and_delivered_ones_never(house):
    """Queued and failed copies are due now, with a fresh count of attempts."""
    house.post(3)
    settle(house, queue.DELIVERED, queue.FAILED, queue.QUEUED)
    assert queue_view.retry(house.engine, START + 2, post_id=99) == 0
    assert queue_view.retry(house.engine, START + 2, post_id=1) == 2
    assert [(c.attempts, c.recipient) for c in lease(house.engine, own_name(), START + 2, 10)] == [
        (0, "m1@r1.example"),
        (0, "m2@r2.example"),
    ]


def test_a_duplicate_is_known_for_as_long_as_its_signature_would_be_accepted(house):
    """Seven days of a signature's life and one more; then it is forgotten."""
    house.post()
    retention.forget(house.engine, house.config, START + 8 * retention.DAY_S)
    assert seen(house.engine, "A" * 40, f"{1:064x}")
    retention.forget(house.engine, house.config, START + 8 * retention.DAY_S + 1)
    assert not seen(house.engine, "A" * 40, f"{1:064x}")


def test_a_body_that_nobody_waits_for_is_deleted(house):
    """Once all copies have left, the ciphertext goes; while one is queued or failed, it stays."""
    for number, outcomes in enumerate(((queue.DELIVERED,) * 2, (queue.DELIVERED, queue.FAILED), (queue.WITHDRAWN, queue.QUEUED)), 1):
        house.post(2, number=number)
        settle(house, *outcomes)
    retention.forget(house.engine, house.config, START + retention.BODY_KEPT_S + 1)
    assert [content_of(house.engine, number) is None for number in (1, 2, 3)] == [True, False, False]


def test_what_is_old_goes_and_what_is_queued_stays(house):
    """After weeks posts, copies and journal are gone, but never a post with a copy that waits."""
    house.post(2)
    settle(house, queue.DELIVERED, queue.FAILED)
    house.post(2, number=2)
    retention.forget(house.engine, house.config, START + house.config.journal_days * retention.DAY_S + 10)
    assert house.rows() == {"posts": 1, "bodies": 1, "copies": 2}
    assert states(house, 2) == {"m0@r0.example": "queued", "m1@r1.example": "queued"}


def test_numbers_are_never_used_twice(house):
    """After everything was forgotten, a late bounce or a file in a Maildir cannot be taken for a new copy's."""
    house.post(3)
    settle(house, *[queue.DELIVERED] * 3)
    retention.forget(house.engine, house.config, START + house.config.journal_days * retention.DAY_S + 10)
    assert house.rows() == {}
    later = START + house.config.journal_days * retention.DAY_S + 20
    assert house.post(1, at=later) == 2
    assert [c.id for c in lease(house.engine, own_name(), later, 10)] == [4]


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("two\r\nlines", "two lines"),
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("\u202egnp.exe\u2028x\x00y\udc80", "gnp.exe x y"),
        ("Zoë ☎", "Zoë ☎"),
        ("x" * 900, "x" * 500),
    ],
)
def test_the_journal_takes_no_control_characters(house, raw, kept):
    """What a stranger wrote cannot make lines, colours or reversed text in an operator's terminal."""
    with writing(house.engine) as connection:
        journal.note(connection, 1, "refused", "somebody", raw)
    (row,) = journal.newest(house.engine, 5)
    assert row.detail == kept


def test_the_journal_counts_since(house):
    """At most three letters a day: counted by event, subject and time."""
    with writing(house.engine) as connection:
        for at in (10, 20, 30):
            journal.note(connection, at, "explained", "a@nl.example")
        journal.note(connection, 30, "explained", "b@nl.example")
    assert journal.count(house.engine, "explained", "a@nl.example", since=20) == 2
