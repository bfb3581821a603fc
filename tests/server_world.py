"""A mail server in this process that judges as the mails themselves say, and clients of it: smtplib's, and bare sockets."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest
from queue_world import LIST, LoopThread

from securelist.errors import Refused, TryAgain
from securelist.mail.server import MailServer

REFUSAL = (550, b"5.7.1 Not accepted for this list")
LATER = (451, b"4.3.0 Not done, please try again later")
ACCEPTED = (250, b"2.0.0 OK")
MAIL = b"From: a@nl.example\r\n\r\nhello\r\n"
HELLO = b"EHLO x\r\nMAIL FROM:<a@nl.example>\r\nRCPT TO:<" + LIST.encode() + b">\r\nDATA\r\n"


@dataclass
class Judge:
    """Judges by what the mail says, as the text after the header block orders; keeps what it was given."""

    seen: list[tuple] = field(default_factory=list)
    at_once: int = 0
    most: int = 0
    gate: threading.Event = field(default_factory=threading.Event)
    committed: list[bytes] = field(default_factory=list)

    def __call__(self, to, mail_from, content, deadline):
        self.seen.append((to.role, to.token, mail_from, content))
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            order = content.partition(b"\r\n\r\n")[2].split(b"\r\n")[0].split()
            match order:
                case [b"refuse", reason]:
                    raise Refused(reason.decode(), "some rule")
                case [b"refuse-after", seconds]:
                    time.sleep(float(seconds))
                    raise Refused("slow", "some rule")
                case [b"trouble"]:
                    raise TryAgain("disk-full", "canary")
                case [b"bug"]:
                    raise ValueError("canary\r\n250 OK\r\n")
                case [b"wait"]:
                    self.gate.wait(30)
                    deadline.in_time()
                case [b"commit-and-wait"]:
                    deadline.in_time()
                    self.gate.wait(30)
                case [b"sleep", seconds]:
                    time.sleep(float(seconds))
            self.committed.append(content)
        finally:
            self.at_once -= 1


@dataclass
class Running:
    """A mail server in a thread, with its two ports."""

    server: MailServer
    thread: LoopThread
    judge: Judge
    smtp_port: int
    lmtp_port: int
    notes: list[str]

    def smtp(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.smtp_port, "client.example", timeout=20)

    def lmtp(self) -> smtplib.LMTP:
        return smtplib.LMTP("127.0.0.1", self.lmtp_port, "client.example", timeout=20)

    def send(self, content: bytes, rcpt: str = LIST, mail_from: str = "a@nl.example") -> tuple[int, bytes]:
        with self.smtp() as client:
            client.ehlo()
            client.mail(mail_from)
            assert client.rcpt(rcpt)[0] == 250
            return client.data(content)


@contextmanager
def running(**settings) -> Iterator[Running]:
    judge, notes = Judge(), []
    with LoopThread() as thread:

        async def start():
            server = MailServer(LIST, judge, notes.append, **({"refusal_after_s": 0.05} | settings))
            ports = [await server.listen("127.0.0.1:0"), await server.listen("127.0.0.1:0", lmtp=True)]
            return server, [int(port.rpartition(":")[2]) for port in ports]

        server, ports = thread.run(start)
        try:
            yield Running(server, thread, judge, *ports, notes)
        finally:
            judge.gate.set()
            with suppress(Exception):
                thread.run(lambda: server.stop(0.2))
                thread.run(lambda: asyncio.sleep(0.05))  # connections that had just been taken are closed, too


@pytest.fixture
def host() -> Iterator[Running]:
    with running() as made:
        yield made


def body(order: str) -> bytes:
    return MAIL.replace(b"hello", order.encode())


def read_to_the_end(connection: socket.socket) -> bytes:
    """What comes until the server closes, however it does so."""
    answer = b""
    with suppress(ConnectionError):
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def raw(port: int, *lines: bytes, until: int = 0) -> bytes:
    """What comes back for these bytes, sent at once, until the server closes or so many lines have come."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        answer = b""
        with suppress(ConnectionError):  # a server that closes with something unread resets
            connection.sendall(b"".join(lines))
        with suppress(ConnectionError):
            while (not until or answer.count(b"\n") < until) and (chunk := connection.recv(65536)):
                answer += chunk
        return answer


def replies(port: int, *lines: bytes) -> list[bytes]:
    """The replies to all this, sent at once, and to a QUIT behind it; those to EHLO and the greeting left out."""
    answer = raw(port, *lines, b"QUIT\r\n")
    return [line for line in answer.split(b"\r\n")[:-1] if not line.startswith((b"220 ", b"250-", b"250 HELP"))]
