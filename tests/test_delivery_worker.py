"""The worker: every copy once, each answer recorded at once, nobody left behind by another's trouble."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from queue_world import LIST, START, House, MailSink, house, listening, obliging, peer  # noqa: F401

from securelist.delivery.backoff import GIVE_UP_AFTER_S, MIN_ATTEMPTS
from securelist.delivery.bounce_token import copy_of, read_secret
from securelist.delivery.next_hop import OK, Answer, MaildirNextHop, SmtpNextHop, open_next_hop
from securelist.delivery.worker import Counts, deliver_due
from securelist.mail.addresses import role_of
from securelist.store import journal, queue, queue_view
from securelist.store.database import writing
from securelist.store.queue import NewCopy, lease
from securelist.store.schema import Body
from securelist.store.worker_name import own_name


def deliver(house, next_hop, *, now=START, still_member=lambda fingerprint, recipient: True, stop=None):
    try:
        return deliver_due(house.engine, house.config, next_hop, still_member, lambda: now, stop)
    finally:
        next_hop.close()


def to(port):
    return SmtpNextHop("127.0.0.1", port, "lists.example.org")


def states(house, post_id=1):
    return [copy.state for copy in queue_view.copies(house.engine, post_id)]


def test_every_copy_leaves_once(house):
    """Two posts to 130 members, more than a lease holds: 260 mails, each once, and none at the second round."""
    house.post(130)
    house.post(130, number=2)
    sink = MailSink()
    with listening(sink) as port:
        assert deliver(house, to(port)) == Counts(delivered=260)
        assert deliver(house, to(port)) == Counts()
    assert len({(sender, recipient) for sender, recipient, _ in sink.mails}) == len(sink.mails) == 260
    assert set(states(house)) == {queue.DELIVERED}
    assert journal.newest(house.engine, 1)[0].detail == "260 copies"


def test_a_copy_can_bounce_to_its_own_address_only(house):
    """The envelope sender names the copy, signed; no two copies share one."""
    house.post(3)
    sink = MailSink()
    with listening(sink) as port:
        deliver(house, to(port))
    secret = read_secret(house.config.home)
    tokens = [role_of(sender, LIST).token for sender, _, _ in sink.mails]
    by_number = {copy.id: copy.recipient for copy in queue_view.copies(house.engine, 1)}
    assert [by_number[copy_of(secret, token)] for token in tokens] == sink.recipients


def test_a_member_who_was_withdrawn_meanwhile_gets_nothing(house):
    """Membership is asked again, with key and address, when the copy leaves; the row says why."""
    house.post(3)
    asked = []

    def still_member(fingerprint, recipient):
        asked.append((fingerprint, recipient))
        return recipient != "m1@r1.example"

    sink = MailSink()
    with listening(sink) as port:
        assert deliver(house, to(port), still_member=still_member) == Counts(delivered=2, withdrawn=1)
    assert asked == [(f"{i:040X}", f"m{i}@r{i}.example") for i in range(3)]
    assert sink.recipients == ["m0@r0.example", "m2@r2.example"]
    (withdrawn,) = [c for c in queue_view.copies(house.engine, 1) if c.state == queue.WITHDRAWN]
    assert withdrawn.attempts == 0
    assert "no longer" in withdrawn.answer


def test_letters_leave_for_people_who_are_no_members(house):
    """Receipts go to Admin Contacts; membership is not asked for the server's own letters, and public ones are not armoured."""
    house.post(1, kind=queue.LETTER)
    headers = b"From: list\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
    house.post(number=2, kind=queue.PUBLIC, headers=headers, body=b"a certificate\r\n", copies=(NewCopy("x@y.example", "", "", b""),))
    sink = MailSink()
    with listening(sink) as port:
        assert deliver(house, to(port), still_member=lambda *_: False) == Counts(delivered=2)
    assert b"-----BEGIN PGP MESSAGE-----\r\n" in sink.mails[0][2]
    assert sink.mails[1][2] == headers + b"\r\na certificate\r\n"


def test_a_question_about_membership_that_fails_sends_nothing(house):
    """If nobody can say who is a member, nothing leaves, nothing is lost, nothing stays leased."""
    house.post(3)

    def broken(fingerprint, recipient):
        raise OSError("no answer")

    sink = MailSink()
    with listening(sink) as port:
        with pytest.raises(OSError, match="no answer"):
            deliver(house, to(port), still_member=broken)
        assert sink.mails == []
        assert deliver(house, to(port)).delivered == 3


def test_refusals_part_way_leave_the_others_alone(house):
    """One is refused for good, one for now; all others get theirs, the one for now gets it when it is due."""
    house.post(5)
    sink = MailSink(rcpt={"m1@r1.example": "550 no such user", "m3@r3.example": "451 greylisted"})
    with listening(sink) as port:
        assert deliver(house, to(port)) == Counts(delivered=3, later=1, failed=1)
        assert states(house) == ["delivered", "failed", "delivered", "queued", "delivered"]
        sink._rcpt.clear()
        assert deliver(house, to(port), now=START + 59) == Counts()
        assert deliver(house, to(port), now=START + 60) == Counts(delivered=1)
    assert sorted(sink.recipients) == ["m0@r0.example", "m2@r2.example", "m3@r3.example", "m4@r4.example"]
    assert [(note.event, note.subject) for note in journal.newest(house.engine, 5) if note.event == "failed"] == [
        ("failed", "m1@r1.example")
    ]


def test_a_copy_that_is_never_taken_fails_after_five_days(house):
    """Each refusal for now pushes it further away; after five days it has failed, and the journal says so."""
    house.post(1)
    now, rounds = START, 0
    with listening(MailSink(rcpt={"m0@r0.example": "451 not now"})) as port:
        while states(house) == ["queued"]:
            (copy,) = queue_view.copies(house.engine, 1)
            now, rounds = copy.due, rounds + 1
            deliver(house, to(port), now=now)
    assert GIVE_UP_AFTER_S <= now - START <= GIVE_UP_AFTER_S + 14_400
    (copy,) = queue_view.copies(house.engine, 1)
    assert (copy.state, copy.attempts, copy.answer) == ("failed", rounds, "451 not now")
    assert journal.newest(house.engine, 1)[0].event == "failed"


def test_while_the_next_hop_is_down_nobody_loses_an_attempt(house):
    """A refused connection is nobody's fault: all copies stay due, the reason is shown, and all leave once it is back."""
    house.post(150)
    counts = deliver(house, open_next_hop("smtp://127.0.0.1:1", "x"))
    assert "refused" in counts.down
    assert {(c.state, c.attempts, c.due) for c in queue_view.copies(house.engine, 1)} == {("queued", 0, START)}
    assert any("refused" in c.answer for c in queue_view.copies(house.engine, 1))
    with listening(MailSink()) as port:
        assert deliver(house, to(port), now=START + 1).delivered == 150


def test_a_next_hop_that_stays_down_ends_in_five_days(house):
    """What could not even be tried for five days fails as well, after some rounds and not at the first one."""
    house.post(3)
    now = START + GIVE_UP_AFTER_S
    for _ in range(MIN_ATTEMPTS):
        assert set(states(house)) == {"queued"}
        deliver(house, open_next_hop("smtp://127.0.0.1:1", "x"), now=now)
        now += 3600
    assert set(states(house)) == {"failed"}


def test_a_next_hop_that_drops_every_connection_starves_nobody(house):
    """Copies that break are put behind the others; those who were not tried come first in the next round."""
    house.post(6)
    with peer(lambda connection, _: obliging(connection, b".")) as port:
        counts = deliver(house, to(port))
        assert (counts.later, bool(counts.down)) == (2, True)
    sink = MailSink()
    with listening(sink) as port:
        deliver(house, to(port), now=START + 1)
        assert sink.recipients == [f"m{i}@r{i}.example" for i in range(2, 6)]
        deliver(house, to(port), now=START + 60)
    assert set(states(house)) == {"delivered"}


def test_a_stop_ends_after_the_copy_under_way(house):
    """What was handed over is recorded; the rest is due, leased by nobody."""
    house.post(10)
    stop = threading.Event()

    class StopsAfterThree(MaildirNextHop):
        taken = 0

        def hand_over(self, sender, recipient, mail):
            self.taken += 1
            if self.taken == 3:
                stop.set()
            return Answer(OK, "ok")

    assert deliver(house, StopsAfterThree(Path("/nonexistent")), stop=stop).delivered == 3
    assert states(house).count("queued") == 7
    assert len(lease(house.engine, own_name(), START, 20)) == 7


def test_a_lease_that_is_nearly_over_is_not_used(house):
    """A copy whose lease ends soon could be handed over by another worker meanwhile: it is leased anew first."""
    house.post(3)
    times = iter([START, START, *[START + queue.LEASE_S] * 100])
    sink = MailSink()
    with listening(sink) as port:
        next_hop = to(port)
        counts = deliver_due(house.engine, house.config, next_hop, lambda *_: True, lambda: next(times))
        next_hop.close()
    assert counts.delivered == len(sink.mails) == 3


def test_a_post_whose_body_is_gone_fails_and_the_others_leave(house):
    """One broken row cannot stop the queue."""
    house.post(2)
    house.post(2, number=2)
    with writing(house.engine) as connection:
        connection.execute(Body.__table__.delete().where(Body.post_id == 1))
    with listening(MailSink()) as port:
        assert deliver(house, to(port)) == Counts(delivered=2, failed=2)


DELIVER = """
import sys, time; from pathlib import Path
sys.path.insert(0, sys.argv[2])
from queue_world import LIST; from securelist.config import Config
from securelist.store.database import open_database; from securelist.delivery.next_hop import open_next_hop
from securelist.delivery.worker import deliver_due
config = Config(list=LIST, key="", home=Path(sys.argv[1])); print("go", flush=True)
deliver_due(open_database(config), config, open_next_hop(sys.argv[3], "x"), lambda *_: True, lambda: int(sys.argv[4]))
"""


@pytest.mark.parametrize("after", [1, 40, 170])
def test_a_kill_part_way_loses_nobody_and_repeats_one_at_most(house, after):
    """Killed in the middle of 200 copies; another worker goes on at once; at most the copy under way comes twice."""
    house.post(200)
    sink = MailSink()
    with listening(sink) as port:
        arguments = [str(house.config.home), str(Path(__file__).parent), f"smtp://127.0.0.1:{port}", str(START)]
        process = subprocess.Popen([sys.executable, "-c", DELIVER, *arguments], stdout=subprocess.PIPE)
        while len(sink.mails) < after:
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        deliver(house, to(port))
    assert set(sink.recipients) == {f"m{i}@r{i}.example" for i in range(200)}
    assert len(sink.mails) <= 201
    assert set(states(house)) == {"delivered"}


def test_a_redelivery_into_a_maildir_leaves_one_mail(house, tmp_path):
    """Handed over but not recorded, as after a kill: the second delivery replaces the first."""
    house.post(3)
    inbox = tmp_path / "inbox"

    class Forgetful(MaildirNextHop):
        def hand_over(self, sender, recipient, mail):
            answer = super().hand_over(sender, recipient, mail)
            return answer if recipient != "m1@r1.example" else dataclasses.replace(answer, kind="later")

    deliver(house, Forgetful(inbox))
    assert states(house) == ["delivered", "queued", "delivered"]
    deliver(house, MaildirNextHop(inbox), now=START + 60)
    assert [len(list((inbox / f"m{i}@r{i}.example" / "new").iterdir())) for i in range(3)] == [1, 1, 1]
