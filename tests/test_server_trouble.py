"""SMTP and LMTP in, over real sockets: how much is held, what happens when something goes wrong, and what a 250 is worth."""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import suppress

import pytest
from queue_world import LIST
from server_world import ACCEPTED, HELLO, LATER, MAIL, body, host, raw, read_to_the_end, running  # noqa: F401

from securelist.errors import ConfigurationError, TryAgain, Unavailable
from securelist.mail.deadline import Deadline
from securelist.mail.room import Limits
from securelist.mail.session import BUSY

# --- size and memory ---------------------------------------------------------------------------------------------------


def test_a_mail_above_the_limit_is_refused_before_and_after_the_data():
    """552 to an announced size, the uniform 550 to the data themselves; the limit itself is taken; the session goes on."""
    with running(max_octets=100_000) as host, host.smtp() as client:
        client.ehlo()
        assert client.mail("a@nl.example", ["SIZE=100001"])[0] == 552
        for size, code in ((100_001, 550), (100_000, 250), (100_002, 550)):
            client.mail("a@nl.example")
            client.rcpt(LIST)
            assert (
                client.data(b"x" * 98 + (b"\r\n" + b"y" * 98) * ((size - 98) // 100) + b"z" * ((size - 98) % 100 - 2) + b"\r\n")[0] == code
            )
        assert [len(content) for _, _, _, content in host.judge.seen] == [100_000]
        assert host.notes == ["too-large"] * 2
        assert host.server.room.held == 0


def test_a_line_without_an_end_is_not_kept():
    """What is above the limit is read and dropped, line ends or none: the server's memory does not grow with it."""
    with running(max_octets=1_000_000) as host, socket.create_connection(("127.0.0.1", host.smtp_port), timeout=20) as connection:
        connection.sendall(HELLO)
        most = 0
        for _ in range(60):
            connection.sendall(b"x" * 1_000_000)
            most = max(most, host.server.room.held, *(len(s._reader._buffer) for s in list(host.server.room.guests)))
        connection.sendall(b"\r\n.\r\nQUIT\r\n")
        answer = read_to_the_end(connection)
    assert b"\r\n550 5.7.1 Not accepted for this list\r\n221" in answer
    assert most < 3_000_000


def test_who_holds_octets_and_waits_makes_room_for_others():
    """What all sessions hold has a limit, too: at that limit the one that was idle longest is hung up on, and the next mail is taken."""
    with running(limits=Limits(held_octets=100_000, held_by_large=100_000)) as host:
        with socket.create_connection(("127.0.0.1", host.smtp_port), timeout=20) as hog:
            hog.sendall(HELLO + b"x" * 99_000 + b"\r\n")
            while host.server.room.held < 90_000:
                time.sleep(0.01)
            assert host.send(b"y" * 2_000 + b"\r\n") == ACCEPTED
            assert read_to_the_end(hog).endswith(b"\r\n" + BUSY.encode() + b"\r\n")
        assert host.server.room.held == 0


def test_a_mail_that_is_judged_makes_room_for_nobody():
    """What waits for its verdict is never given up for others: the mail that would need its room is put off, until it is free."""
    with running(limits=Limits(held_octets=100_000, held_by_large=100_000)) as host:
        first = threading.Thread(target=host.send, args=(body("wait") + b"x" * 98_000 + b"\r\n",))
        first.start()
        while not host.judge.seen:
            time.sleep(0.01)
        assert host.send(b"y" * 3_000 + b"\r\n")[0] == 452
        host.judge.gate.set()
        first.join(20)
        assert host.send(b"y" * 3_000 + b"\r\n") == ACCEPTED
    assert len(host.judge.committed) == 2


def test_large_mails_leave_room_for_small_ones():
    """Large mails that wait for a worker hold no more than their share; a small one is taken meanwhile."""
    with running(limits=Limits(held_octets=60_000, held_by_large=40_000, large_octets=10_000)) as host:
        first = threading.Thread(target=host.send, args=(body("wait") + b"x" * 30_000 + b"\r\n",))
        first.start()
        while not host.judge.seen:
            time.sleep(0.01)
        assert host.send(b"y" * 15_000 + b"\r\n")[0] == 452
        assert host.send(b"y" * 9_000 + b"\r\n") == ACCEPTED
        host.judge.gate.set()
        first.join(20)


def test_one_session_too_many_is_let_in_and_the_oldest_goes():
    """Who has waited longest without a mail hears 421; who has just brought one stays."""
    with running(limits=Limits(sessions=3)) as host:
        held = [host.smtp() for _ in range(3)]
        held[0].sendmail("a@nl.example", [LIST], MAIL)
        assert host.send(MAIL) == ACCEPTED
        assert held[1].getreply() == (421, BUSY[4:].encode())
        assert [held[n].docmd("NOOP")[0] for n in (0, 2)] == [250, 250]
        for client in held:
            client.close()


def test_nobody_is_let_in_while_all_wait_for_a_verdict():
    """A session whose mail is judged is never the one to go: then the new one hears 421."""
    with running(limits=Limits(sessions=1)) as host:
        first = threading.Thread(target=host.send, args=(body("wait"),))
        first.start()
        while not host.judge.seen:
            time.sleep(0.01)
        assert raw(host.smtp_port) == BUSY.encode() + b"\r\n"
        host.judge.gate.set()
        first.join(20)
        assert host.send(MAIL) == ACCEPTED
    assert len(host.judge.committed) == 2


def test_large_mails_are_judged_one_at_a_time_and_small_ones_meanwhile():
    """Two large mails never run together; a small one does not wait for them."""
    with running() as host:
        large = body("wait") + b"x" * Limits.large_octets + b"\r\n"
        threads = [threading.Thread(target=host.send, args=(large,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        while not host.judge.seen:
            time.sleep(0.01)
        assert host.send(MAIL) == ACCEPTED
        assert len(host.judge.seen) == 2
        host.judge.gate.set()
        for thread in threads:
            thread.join(20)
    assert len(host.judge.committed) == 4


# --- our own trouble ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["trouble", "bug"])
def test_our_own_trouble_is_a_451_without_its_text(host, order, caplog):
    """The peer and the log learn that something failed, never an exception's text; the session stays in step."""
    with host.smtp() as client:
        client.ehlo()
        for _ in range(2):
            client.mail("a@nl.example")
            client.rcpt(LIST)
            assert client.data(body(order)) == LATER
        assert client.noop()[0] == 250
    assert order == "trouble" or "canary" not in caplog.text


def test_nothing_of_a_mail_reaches_the_log(host, caplog):
    """Not at the most talkative level, and not when a client sends a mail without waiting for a refused DATA."""
    with caplog.at_level(logging.INFO):
        host.send(body("refuse canary-in-a-refusal"))
        raw(
            host.smtp_port,
            b"EHLO x\r\nMAIL FROM:<a@nl.example>\r\nRCPT TO:<x@elsewhere.example>\r\nDATA\r\ncanary-subject: x\r\n.\r\nQUIT\r\n",
        )
        logging.getLogger("mail.log").warning("canary by aiosmtpd")
    assert "canary" not in caplog.text


def test_after_the_time_limit_a_451_and_nothing_remains():
    """A mail that takes too long hears 451 in time; its worker cannot commit any more, and the next mail is taken."""
    with running(time_limit_s=0.3) as host:
        began = time.monotonic()
        assert host.send(body("wait")) == LATER
        assert 0.25 < time.monotonic() - began < 2
        host.judge.gate.set()
        assert host.send(MAIL) == ACCEPTED
        assert host.judge.committed == [MAIL]


def test_a_commit_under_way_is_waited_for():
    """Who claimed the commit in time is done, even if the clock passes the limit meanwhile: 250 means done."""
    with running(time_limit_s=0.3) as host:
        threading.Timer(0.8, host.judge.gate.set).start()
        assert host.send(body("commit-and-wait")) == ACCEPTED
        assert len(host.judge.committed) == 1


def test_a_mail_that_waited_too_long_for_a_worker_is_not_begun():
    """When all workers hang, the mails behind them hear 451 and are not judged afterwards for nothing."""
    with running(time_limit_s=0.4) as host:
        threads = [threading.Thread(target=host.send, args=(body("wait"),)) for _ in range(2)]
        for thread in threads:
            thread.start()
        while len(host.judge.seen) < 2:
            time.sleep(0.01)
        assert host.send(body("third")) == LATER
        host.judge.gate.set()
        for thread in threads:
            thread.join(20)
        assert host.send(MAIL) == ACCEPTED
    assert not [content for *_, content in host.judge.seen if b"third" in content]


def test_a_client_that_hangs_up_does_not_stop_its_post(host):
    """The post is committed as it would have been; its octets are free again, and so is the worker."""
    with socket.create_connection(("127.0.0.1", host.smtp_port), timeout=20) as connection:
        connection.sendall(HELLO + body("sleep 0.2") + b".\r\n")
        while not host.judge.seen:
            time.sleep(0.01)
    while not host.judge.committed or host.server.room.held or host.server.room.guests:
        time.sleep(0.01)
    assert host.send(MAIL) == ACCEPTED


def test_a_connection_that_breaks_within_the_data_leaves_nothing(host):
    """Half a mail is no mail."""
    with socket.create_connection(("127.0.0.1", host.smtp_port), timeout=20) as connection:
        connection.sendall(HELLO + MAIL * 100)
        while not host.server.room.held:
            time.sleep(0.01)
    while host.server.room.held or host.server.room.guests:
        time.sleep(0.01)
    assert host.judge.seen == []


def test_either_the_commit_or_the_451_but_never_both():
    """A thousand races between worker and clock: exactly one of them wins each."""
    for _ in range(1000):
        deadline, outcome, gate = Deadline(2, lambda: 1), [], threading.Barrier(2)

        def commit(deadline=deadline, outcome=outcome, gate=gate):
            gate.wait()
            with suppress(TryAgain):
                deadline.in_time()
                outcome.append("committed")

        worker = threading.Thread(target=commit)
        worker.start()
        gate.wait()
        if deadline.expire():
            outcome.append("expired")
        worker.join()
        assert len(outcome) == 1


def test_a_deadline_that_has_passed_lets_nobody_commit():
    """The clock alone is enough, whether or not anybody looked."""
    deadline = Deadline(1, lambda: 1)
    with pytest.raises(TryAgain):
        deadline.in_time()
    assert deadline.expire()


# --- beginning and ending ----------------------------------------------------------------------------------------------


def test_a_stop_lets_mails_finish_and_answers_the_rest():
    """Within the grace 250; after it 451; both within seconds, and new connections are refused."""
    with running() as host:
        answers = {}

        def send(order):
            answers[order] = host.send(body(order))

        threads = [threading.Thread(target=send, args=(order,)) for order in ("sleep 0.3", "wait")]
        for thread in threads:
            thread.start()
        while len(host.judge.seen) < 2:
            time.sleep(0.01)
        began = time.monotonic()
        idle = host.thread.run(lambda: host.server.stop(0.8))
        assert time.monotonic() - began < 3
        for thread in threads:
            thread.join(20)
        assert answers == {"sleep 0.3": ACCEPTED, "wait": LATER}
        assert not idle
        with pytest.raises(OSError):
            host.smtp()


@pytest.mark.parametrize("address", ["", "127.0.0.1", ":25", "127.0.0.1:x", "127.0.0.1:70000"])
def test_a_wrong_listening_address_is_a_configuration_error(address):
    """What cannot be an address is said before anything runs."""
    with running() as host, pytest.raises(ConfigurationError):
        host.thread.run(lambda: host.server.listen(address))


def test_a_port_in_use_is_said_plainly():
    """Another program listens there already: unavailable, with the address."""
    with running() as host, pytest.raises(Unavailable, match=str(host.smtp_port)):
        host.thread.run(lambda: host.server.listen(f"127.0.0.1:{host.smtp_port}"))
