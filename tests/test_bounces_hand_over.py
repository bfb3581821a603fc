"""What the next hop itself says of an address when copies are handed over: what marks it, what takes the mark away, at what cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from queue_world import START, House, MailSink, house, listening, obliging, peer  # noqa: F401
from sqlalchemy import event
from test_delivery_worker import deliver, states, to

from securelist.delivery.backoff import GIVE_UP_AFTER_S
from securelist.delivery.next_hop import open_next_hop
from securelist.store import addresses, queue, queue_view
from securelist.store.addresses import Mark
from securelist.store.database import reading, writing

M1 = "m1@r1.example"
HOUR = 3600


def marks(house: House) -> dict[str, Mark]:
    with reading(house.engine) as connection:
        return dict(addresses.marks(connection))


@contextmanager
def counted(house: House, word: str) -> Iterator[list[str]]:
    """The SQL statements meanwhile that hold a word."""
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        if word in statement:
            seen.append(statement)

    event.listen(house.engine, "before_cursor_execute", note)
    yield seen
    event.remove(house.engine, "before_cursor_execute", note)


def test_an_address_that_the_next_hop_refuses_is_marked_until_it_takes_a_copy(house):
    """In the transaction that records the answer; the next copy still goes there, and once it is taken the mark is gone."""
    house.post(3)
    sink = MailSink(rcpt={M1: "550 5.1.1 no such user"})
    with listening(sink) as port:
        deliver(house, to(port))
        assert marks(house) == {M1: Mark(M1, START, "550 5.1.1 no such user", by_report=False)}
        house.post(3, number=2, at=START + 60)
        deliver(house, to(port), now=START + 60)
        assert marks(house)[M1].since == START
        sink._rcpt.clear()
        house.post(3, number=3, at=START + 120)
        deliver(house, to(port), now=START + 120)
    assert (marks(house), states(house, 2)[1], states(house, 3)[1]) == ({}, queue.FAILED, queue.DELIVERED)


def test_a_refusal_of_what_was_sent_marks_as_one_of_the_recipient_does(house):
    """Some servers say so only after the data; case makes no other address."""
    house.post(1, copies=(queue.NewCopy("M1@R1.example", "nl", "A" * 40, b"\x84"),))
    with listening(MailSink(data={"M1@R1.example": "554 5.7.1 refused by policy"})) as port:
        deliver(house, to(port))
    assert marks(house)[M1].why == "554 5.7.1 refused by policy"


def test_an_address_that_is_not_taken_for_five_days_is_marked_then(house):
    """Not before: the copy may still get through."""
    house.post(2)
    with listening(MailSink(rcpt={M1: "451 4.7.1 greylisted"})) as port:
        now = START
        while states(house)[1] == queue.QUEUED:
            assert marks(house) == {}
            now = queue_view.copies(house.engine, 1)[1].due
            deliver(house, to(port), now=now)
    assert now - START >= GIVE_UP_AFTER_S
    assert marks(house) == {M1: Mark(M1, now, "451 4.7.1 greylisted", by_report=False)}


@pytest.mark.parametrize("refusal", ["552 5.3.4 message too large", "552 message size exceeds limit", "554 5.6.0 cannot convert"])
def test_a_mail_that_does_not_fit_marks_no_address(house, refusal):
    """The copy has failed; the address takes mail."""
    house.post(3)
    with listening(MailSink(data={M1: refusal})) as port:
        deliver(house, to(port))
    assert (states(house)[1], marks(house)) == (queue.FAILED, {})


def test_a_next_hop_that_is_away_for_days_marks_nobody(house):
    """Out of reach, or breaking its connections: that is about us, and the operator's to mend."""
    house.post(3)
    with peer(lambda connection, _: obliging(connection, b".")) as port:
        for round_ in range(40):
            now = START + GIVE_UP_AFTER_S + round_ * 5 * HOUR
            deliver(house, to(port) if round_ % 2 else open_next_hop("smtp://127.0.0.1:1", "x"), now=now)
    assert set(states(house)) == {queue.FAILED}
    assert marks(house) == {}


def test_a_next_hop_that_refuses_our_own_address_marks_nobody(house):
    """What it says to MAIL is no word about the members."""
    house.post(2)

    def refusing(connection, _before):
        with connection.makefile("rwb", buffering=0) as stream:
            stream.write(b"220 peer ESMTP\r\n")
            while line := stream.readline():
                stream.write(b"550 5.7.1 who are you?\r\n" if line.upper().startswith(b"MAIL") else b"250 ok\r\n")

    with peer(refusing) as port:
        for round_ in range(40):
            deliver(house, to(port), now=START + GIVE_UP_AFTER_S + round_ * 5 * HOUR)
    assert set(states(house)) == {queue.FAILED}
    assert marks(house) == {}


def test_that_the_next_hop_takes_a_copy_clears_no_mark_of_a_report(house):
    """It is a queue that takes everything; a day without a report tells."""
    with writing(house.engine) as connection:
        addresses.mark(connection, M1, "5.1.1 gone", START, by_report=True)
    house.post(3)
    with listening(MailSink()) as port:
        deliver(house, to(port))
    assert marks(house)[M1].by_report


def test_copies_that_are_taken_ask_for_marks_once(house):
    """260 copies in one round: the marks are read once, and nothing else is asked of that table; one refusal costs two questions more."""
    house.post(130)
    house.post(130, number=2)
    with listening(MailSink()) as port, counted(house, "addresses") as asked:
        deliver(house, to(port))
        assert len(asked) == 1
        house.post(130, number=3, at=START + 1)
        with listening(MailSink(rcpt={M1: "550 no"})) as other:
            deliver(house, to(other), now=START + 1)
        assert len(asked) == 4


def test_two_processes_that_mark_an_address_at_once_mark_it_once(house):
    """The second finds it marked, and its own record of the answer holds."""
    with writing(house.engine) as connection:
        assert addresses.mark(connection, M1, "first", START, by_report=False)
    with writing(house.again()) as connection:
        assert not addresses.mark(connection, M1.upper(), "second", START + 1, by_report=True)
    assert marks(house)[M1].why == "first"
