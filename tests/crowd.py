"""Hundreds of connections at once that do next to nothing, each in its own way, driven by one thread."""

from __future__ import annotations

import resource
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from town import LIST

BEGIN = b"EHLO x\r\nMAIL FROM:<a@evil.example>\r\nRCPT TO:<" + LIST.encode() + b">\r\nDATA\r\n"
KINDS: dict[str, tuple[bytes, bytes]] = {
    # what is sent at once, and what then, an octet a second
    "silent at the greeting": (b"", b""),
    "silent within the data": (BEGIN + b"Subject: x\r\n", b""),
    "slow in a command": (b"", b"EHLO slowly.example and so on, for ever and ever"),
    "slow between commands": (b"EHLO x\r\nMAIL FROM:<a@evil.example>\r\n", b"NOOP\r\n" * 20),
    "slow in the header": (BEGIN, b"Subject: a subject without an end, " * 20),
    "slow in the body": (BEGIN + b"Subject: x\r\n\r\n", b"xxx\r\n" * 100),
    "slow, and holding 200 KiB": (BEGIN + b"x" * 200 * 1024, b"x" * 500),
    "slow in the end of the data": (BEGIN + b"Subject: x\r\n\r\n", b"\r\n..\r\n.x\r\n..\r\n.." * 20),
}


@dataclass
class Crowd:
    """The connections by kind, and how many of each kind have been hung up on."""

    members: list[tuple[str, socket.socket]] = field(default_factory=list)
    gone: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def join(self, port: int, count: int) -> None:
        """So many more, of all kinds in turn."""
        with self._lock:
            self.members += [self._joined(port, list(KINDS)[number % len(KINDS)]) for number in range(count)]

    def _joined(self, port: int, kind: str) -> tuple[str, socket.socket]:
        connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        connection.sendall(KINDS[kind][0])
        connection.setblocking(False)
        return kind, connection

    def idle(self, second: int) -> None:
        """What they do in one second: an octet each, and reading what they are told."""
        with self._lock:
            for kind, connection in self.members:
                if not _lives(connection, KINDS[kind][1], second):
                    connection.close()
                    self.gone[kind] += 1
            self.members = [(kind, connection) for kind, connection in self.members if connection.fileno() >= 0]


def _lives(connection: socket.socket, drip: bytes, second: int) -> bool:
    """Sends an octet, reads what there is; whether the connection is still open and was not told to go."""
    try:
        if drip:
            connection.send(drip[second % len(drip) :][:1])
        while said := connection.recv(4096):
            if b"421 " in said:
                return False
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


@contextmanager
def crowd() -> Iterator[Crowd]:
    """A crowd that does its next to nothing in the background until the end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (10_000 if hard < 0 else min(hard, 10_000), hard))
    made, over = Crowd(), threading.Event()

    def live() -> None:
        second = 0
        while not over.wait(1):
            made.idle(second)
            second += 1

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield made
    finally:
        over.set()
        thread.join(30)
        for _, connection in made.members:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
