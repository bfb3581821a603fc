"""A state directory with a real database, posts to put into it, and next hops on real sockets, for the tests of the queue."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from aiosmtpd.smtp import SMTP
from sqlalchemy import Engine, func, select

from securelist.config import Config
from securelist.delivery.bounce_token import make_secret
from securelist.store.database import migrate, open_database, reading
from securelist.store.queue import NewCopy, NewPost, commit_post
from securelist.store.schema import Base

T = TypeVar("T")
LIST = "tld-ops@lists.example.org"
START = 1_800_000_000


@dataclass(frozen=True)
class House:
    """A state directory and its database."""

    config: Config
    engine: Engine
    others: list[Engine] = field(default_factory=list)

    def again(self) -> Engine:
        """The same database, opened once more, as another process would."""
        self.others.append(open_database(self.config))
        return self.others[-1]

    def rows(self) -> dict[str, int]:
        """How many rows each table has, without the empty ones."""
        with reading(self.engine) as connection:
            counted = {
                name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for name, table in Base.metadata.tables.items()
            }
        return {name: number for name, number in counted.items() if number}

    def post(self, members: int = 3, *, number: int = 1, at: int = START, **changes: object) -> int:
        """Commits a post to m0@r0.example and so on; the number makes it another one."""
        return commit_post(self.engine, a_post(members, number=number, at=at, **changes))


def a_post(members: int = 3, *, number: int = 1, at: int = START, **changes: object) -> NewPost:
    copies = tuple(NewCopy(f"m{i}@r{i}.example", "nl", f"{i:040X}", b"\x84" + os.urandom(80)) for i in range(members))
    values: dict[str, object] = {
        "kind": "post",
        "message_id": f"<{number}@lists.example.org>",
        "accepted": at,
        "poster": "A" * 40,
        "cctld": "nl",
        "headers": b"From: list <tld-ops@lists.example.org>\r\nSubject: [...]\r\nMIME-Version: 1.0\r\n",
        "body": b"\xd2" + os.urandom(2000),
        "copies": copies,
        "seen_as": ("A" * 40, f"{number:064x}"),
    }
    return NewPost(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    make_secret(tmp_path)
    config = Config(list=LIST, key="B" * 40, home=tmp_path)
    engine = open_database(config)
    migrate(engine)
    house = House(config, engine)
    yield house
    for opened in (engine, *house.others):
        opened.dispose()


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def run(self, work: Callable[[], Awaitable[T]], patience_s: float = 30) -> T:
        async def awaited() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(awaited(), self.loop).result(patience_s)

    def __enter__(self) -> LoopThread:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        async def end() -> None:
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.run(end)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


class MailSink:
    """aiosmtpd's handler of a next hop that keeps what it gets and says what it is told to, by recipient and by word."""

    def __init__(self, rcpt: dict[str, str] | None = None, data: dict[str, str] | None = None) -> None:
        self.mails: list[tuple[str, str, bytes]] = []
        self.connections = 0
        self._rcpt, self._data = rcpt or {}, data or {}

    @property
    def recipients(self) -> list[str]:
        return [recipient for _, recipient, _ in self.mails]

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if address in self._rcpt:
            return self._rcpt[address]
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        (recipient,) = envelope.rcpt_tos
        if recipient in self._data:
            return self._data[recipient]
        self.mails.append((envelope.mail_from, recipient, envelope.content))
        return "250 taken"


@contextmanager
def listening(sink: MailSink, port: int = 0) -> Iterator[int]:
    """A mail server with that handler; gives its port."""
    with LoopThread() as thread:

        def session() -> SMTP:
            sink.connections += 1
            return SMTP(sink, hostname="sink.example", loop=thread.loop)

        server = thread.run(lambda: thread.loop.create_server(session, "127.0.0.1", port))
        yield server.sockets[0].getsockname()[1]
        thread.loop.call_soon_threadsafe(server.close)


@contextmanager
def peer(talk: Callable[[socket.socket, int], None]) -> Iterator[int]:
    """A server whose every connection is `talk(connection, how many there were before)`, in a thread; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_ones: list[socket.socket] = []

    def one(connection: socket.socket, before: int) -> None:
        with suppress(OSError), connection:
            talk(connection, before)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                open_ones.append(connection)
                threading.Thread(target=one, args=(connection, len(open_ones) - 1), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    for connection in (listener, *open_ones):
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()
    thread.join(10)


def obliging(connection: socket.socket, until: bytes = b"never") -> None:
    """Talks SMTP, says yes to everything, and returns when a command begins with `until`."""
    with connection.makefile("rwb", buffering=0) as stream:
        stream.write(b"220 peer ESMTP\r\n")
        while line := stream.readline():
            if line.upper().startswith(until):
                return
            if line.upper().startswith(b"DATA"):
                stream.write(b"354 go on\r\n")
                while (data := stream.readline()) and data != b".\r\n":
                    pass
                if until == b".":
                    return
            stream.write(b"250 ok\r\n")
