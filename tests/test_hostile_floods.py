"""Strangers with much to send and no end: they get little, hold little, and nobody else waits for them."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from server_world import ACCEPTED, HELLO, MAIL, Running, body, host, raw, read_to_the_end, replies, running  # noqa: F401

from securelist.mail.room import Limits
from securelist.mail.session import BUSY, GOODBYE, MAX_REFUSED_MAILS, MAX_REPLIES, MAX_WRONG_COMMANDS, TOO_SLOW

REFUSED = b"550 5.7.1 Not accepted for this list"
MIB = 1 << 20

# --- enough is enough --------------------------------------------------------------------------------------------------


def test_wrong_commands_without_end(host: Running) -> None:
    """After a hundred of them the session ends; empty lines count, and so do recipients that do not exist."""
    for line in (b"\r\n", b"\n", b"RCPT TO:<x@evil.example>\r\n"):
        assert raw(host.smtp_port, b"EHLO x\r\n", line * MAX_WRONG_COMMANDS).endswith(b"\r\n" + GOODBYE.encode() + b"\r\n")
        assert raw(host.smtp_port, b"EHLO x\r\n", line * (MAX_WRONG_COMMANDS - 1), b"QUIT\r\n").endswith(b"\r\n221 Bye\r\n")
        assert len(replies(host.smtp_port, b"EHLO x\r\n", line * 10_000)) <= MAX_WRONG_COMMANDS + 1


def test_right_commands_without_end(host: Running) -> None:
    """A session that only says NOOP, RSET or EHLO ends as well."""
    for line in (b"NOOP\r\n", b"RSET\r\n", b"VRFY x\r\n"):
        said = raw(host.smtp_port, b"HELO x\r\n", line * (MAX_REPLIES - 2))
        assert said.count(b"\r\n") == MAX_REPLIES + 1
        assert said.endswith(b"\r\n" + GOODBYE.encode() + b"\r\n")
    assert raw(host.smtp_port, b"EHLO x\r\n" * 5_000).count(b"\r\n") <= MAX_REPLIES + 1


def test_refused_mails_without_end(host: Running) -> None:
    """After ten refused mails the session ends, whatever they were refused for; each of the ten has its reply."""
    one = HELLO.partition(b"\r\n")[2]
    for bad in (body("refuse not-signed"), b"bare\nline\r\n"):
        said = raw(host.smtp_port, b"EHLO x\r\n", (one + bad + b".\r\n") * MAX_REFUSED_MAILS).split(b"\r\n")
        assert said.count(REFUSED) == MAX_REFUSED_MAILS
        assert said[-3:] == [REFUSED, GOODBYE.encode(), b""]


# --- nobody waits for them ---------------------------------------------------------------------------------------------


@contextmanager
def flooding(port: int, begin: bytes, piece: bytes, senders: int = 4) -> Iterator[None]:
    """So many connections that send as fast as they can and connect anew when they are hung up on; replies are read."""
    over = threading.Event()

    def send() -> None:
        while not over.is_set():
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                reading = threading.Thread(target=swallow, args=(connection,))
                reading.start()
                with suppress(OSError):
                    connection.sendall(begin)
                    while not over.is_set():
                        connection.sendall(piece)
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                reading.join(10)

    def swallow(connection: socket.socket) -> None:
        with suppress(OSError):
            while connection.recv(65536):
                pass

    threads = [threading.Thread(target=send) for _ in range(senders)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(20)


FLOODS = {
    "empty lines for commands": (b"", b"\n" * 200_000),
    "NOOP": (b"EHLO x\r\n", b"NOOP\r\n" * 30_000),
    "brackets": (b"EHLO x\r\n", (b"MAIL FROM:" + b"(" * 480 + b"\r\n") * 300),
    "a command line without an end": (b"EHLO x\r\n", b"x" * 200_000),
    "empty lines for a mail": (HELLO, b"\r\n" * 100_000),
    "dots for a mail": (HELLO, b"..\r\n" * 50_000),
    "a line without an end for a mail": (HELLO, b"x" * 200_000),
    "mails in one piece": (b"EHLO x\r\n", (HELLO.partition(b"\r\n")[2] + b".\r\n") * 1_000),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_flood_keeps_nobody_waiting(host: Running, flood: tuple[bytes, bytes]) -> None:
    """Four connections at full speed, and twenty mails meanwhile: each gets its 250, the slowest in a second or so."""
    took = []
    with flooding(host.smtp_port, *flood):
        time.sleep(0.3)
        for _ in range(20):
            began = time.monotonic()
            assert host.send(MAIL) == ACCEPTED
            took.append(time.monotonic() - began)
    print(f"median {sorted(took)[10] * 1000:.0f} ms, slowest {max(took) * 1000:.0f} ms")
    assert max(took) < 3


# --- they hold little --------------------------------------------------------------------------------------------------


def test_a_line_of_24_mib_is_a_mail(host: Running) -> None:
    """It reaches the judge whole, in the time of any mail of that size: lines are nothing that costs."""
    line = b"x" * (24 * MIB) + b"\r\n"
    assert host.send(line) == ACCEPTED
    assert host.judge.seen[0][3] == line


@pytest.mark.parametrize("piece", [b"x" * 100_000, b"X-Header: y\r\n" * 8_000, b"\r\n" * 50_000], ids=["line", "header", "lines"])
def test_data_without_an_end(piece: bytes) -> None:
    """Nothing is kept of it beyond the limit, and octets beyond the limit earn no time: then it is hung up on, in full flood."""
    with running(max_octets=1_000_000, limits=Limits(allowance_s=1.0)) as host, flooding(host.smtp_port, HELLO, piece, 1):
        most, began = 0, time.monotonic()
        with socket.create_connection(("127.0.0.1", host.smtp_port), timeout=20) as connection:
            connection.sendall(HELLO)
            with suppress(OSError):
                while time.monotonic() < began + 15:
                    connection.sendall(piece)
                    most = max(most, host.server.room.held, *(len(s._reader._buffer) for s in list(host.server.room.guests)))
            assert read_to_the_end(connection).rstrip().endswith(TOO_SLOW.encode())
        assert time.monotonic() - began < 10
    assert most < 2_500_000


def test_an_octet_now_and_then_keeps_no_session_open() -> None:
    """Whether in a command or in a mail, waiting spends the allowance, and so little earns none."""
    with running(limits=Limits(allowance_s=1.0, octets_per_s=1_000)) as host:
        for begin in (b"", b"EHLO x\r\n", HELLO, HELLO + b"x" * 500):
            began = time.monotonic()
            with socket.create_connection(("127.0.0.1", host.smtp_port), timeout=20) as connection:
                connection.sendall(begin)
                with suppress(OSError):
                    while time.monotonic() < began + 10:
                        connection.sendall(b"x")
                        time.sleep(0.02)
            assert 0.9 < time.monotonic() - began < 5


def test_a_mail_that_is_judged_for_long() -> None:
    """Whoever waits for a verdict is not too slow, however long it takes."""
    with running(limits=Limits(allowance_s=0.3)) as host:
        assert host.send(body("sleep 1.5")) == ACCEPTED


def test_a_poor_line_is_good_enough() -> None:
    """A mail that takes much longer than the allowance is taken, as long as its octets keep coming."""
    with running(limits=Limits(allowance_s=0.5, octets_per_s=1_000)) as host:
        with socket.create_connection(("127.0.0.1", host.smtp_port), timeout=20) as connection:
            connection.sendall(HELLO)
            for _ in range(20):
                connection.sendall(b"x" * 400 + b"\r\n")
                time.sleep(0.1)
            connection.sendall(b".\r\nQUIT\r\n")
            assert read_to_the_end(connection).endswith(b"250 2.0.0 OK\r\n221 Bye\r\n")
        assert len(host.judge.committed) == 1


def test_idle_holders_go_before_busy_ones() -> None:
    """When octets are short, who fell silent is hung up on first, not who is sending: a large mail gets through between such."""
    limits = Limits(held_octets=3 * MIB, held_by_large=3 * MIB)
    with running(limits=limits) as host:
        idle = [socket.create_connection(("127.0.0.1", host.smtp_port), timeout=20) for _ in range(5)]
        for connection in idle:
            connection.sendall(HELLO + b"x" * (MIB // 2))
        while host.server.room.held < 2.4 * MIB:
            time.sleep(0.01)
        assert host.send(b"y" * (2 * MIB) + b"\r\n") == ACCEPTED
        ends = [read_to_the_end(connection) for connection in idle[:3]]
        assert all(end.endswith(BUSY.encode() + b"\r\n") for end in ends)
        idle[4].sendall(b"\r\n.\r\nQUIT\r\n")
        assert read_to_the_end(idle[4]).endswith(b"250 2.0.0 OK\r\n221 Bye\r\n")
        for connection in idle:
            connection.close()


def test_a_peer_that_reads_no_reply_is_let_go() -> None:
    """Replies that nobody fetches cannot keep a connection open: when its time is over it is cut, said or not said."""
    with running(limits=Limits(allowance_s=1.0)) as host:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        connection.connect(("127.0.0.1", host.smtp_port))
        while not host.server.room.guests:
            time.sleep(0.01)
        [guest] = host.server.room.guests
        guest.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2_048)
        connection.sendall(b"EHLO x\r\n" + b"EHLO x\r\n" * 240)
        time.sleep(0.5)
        assert guest.transport.get_write_buffer_size()
        for _ in itertools.takewhile(lambda _: host.server.room.guests, range(500)):
            time.sleep(0.01)
        assert not host.server.room.guests
        connection.close()
