"""A relay that is killed and started again while posts go in: the clients, the far ends, and what must hold afterwards."""

from __future__ import annotations

import email
import email.policy
import json
import os
import shutil
import signal
import smtplib
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from people import Somebody
from queue_world import LIST, MailSink
from town import Running, Town

from securelist.config import read_config
from securelist.store import queue_view
from securelist.store.database import open_database

POSTS = 10
PATIENCE_S = 60
Copies = Counter[tuple[str, str]]
"""How often each copy, by (recipient, Message-ID), has arrived."""


def canary(number: int) -> str:
    """What the post of this number says, and no other."""
    return f"canary-of-post-{number}-"


def message_id(mail: bytes) -> str:
    return str(email.message_from_bytes(mail, policy=email.policy.default)["Message-ID"])


class Progress:
    """Counts what has happened so far, for the one who waits to kill."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = threading.Condition()

    def step(self) -> None:
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.count >= count, PATIENCE_S), f"{self.count} of {count} steps happened"


# --- far ends: where copies arrive, out of reach of the kill ---------------------------------------------------------


class FarEnd(Protocol):
    def arrived(self) -> Copies: ...

    def mails_of(self, address: str) -> list[bytes]: ...


class SinkEnd(MailSink):
    """A mail server that keeps every mail before it says 250 to it, and tells the progress."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        answer = await super().handle_DATA(server, session, envelope)
        self._progress.step()
        return answer

    def arrived(self) -> Copies:
        return Counter((recipient, message_id(mail)) for _, recipient, mail in tuple(self.mails))

    def mails_of(self, address: str) -> list[bytes]:
        return [mail for _, recipient, mail in tuple(self.mails) if recipient == address]


@dataclass(frozen=True)
class MaildirEnd:
    """The members' Maildirs: what is ready to be read, which half a mail never is."""

    town: Town

    def arrived(self) -> Copies:
        return Counter((address, message_id(mail)) for address in self.town.members for mail in self.mails_of(address))

    def mails_of(self, address: str) -> list[bytes]:
        return [file.read_bytes() for file in (self.town.inbox / address / "new").glob("*")]

    def unfinished(self) -> list[Path]:
        return list(self.town.inbox.glob("*/tmp/*"))


# --- clients: mail servers with posts for the list -------------------------------------------------------------------


class Client(threading.Thread):
    """Hands its posts in one by one; `answers` has the code to each DATA that was answered."""

    def __init__(self, running: Running, posts: dict[int, bytes], progress: Progress, *, lmtp: bool) -> None:
        super().__init__(daemon=True)
        self.answers: dict[int, int] = {}
        self._posts, self._progress = posts, progress
        self._protocol, self._port = (smtplib.LMTP, running.lmtp) if lmtp else (smtplib.SMTP, running.smtp)

    def run(self) -> None:
        try:
            with self._protocol("127.0.0.1", self._port, timeout=PATIENCE_S) as session:
                session.ehlo()
                for number, mail in self._posts.items():
                    session.mail("anna@nl.example")
                    session.rcpt(LIST)
                    self._progress.step()
                    self.answers[number] = session.data(mail)[0]
                    self._progress.step()
        except (OSError, smtplib.SMTPException):
            return  # the relay is gone, and with it the answer to this post and to those that were to follow


def hand_in(running: Running, posts: dict[int, bytes], progress: Progress, *, clients: int = 1, lmtp: bool = False) -> list[Client]:
    """Clients at work, each with its share of the posts."""
    shares = [dict(list(posts.items())[first::clients]) for first in range(clients)]
    made = [Client(running, share, progress, lmtp=lmtp) for share in shares]
    for client in made:
        client.start()
    return made


# --- the relay ---------------------------------------------------------------------------------------------------------


@contextmanager
def fresh_copy(town: Town, next_hop: str = "") -> Iterator[Town]:
    """The list in a short folder of its own, which is gone afterwards, with its gpg-agent."""
    base = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    made = town.copy(base, next_hop)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(base, ignore_errors=True)


@contextmanager
def doomed(town: Town, *before: str) -> Iterator[Running]:
    """A relay, and what it starts but the agent, in a session of its own; whatever happens, it is gone afterwards."""
    # The agent comes first: as under a supervisor, it survives its first user.
    subprocess.run(["gpgconf", "--homedir", str(town.home / "gnupg"), "--launch", "gpg-agent"], check=True)
    running = town.start(*before, start_new_session=True)
    try:
        yield running
        assert running.process.wait(PATIENCE_S) == -signal.SIGKILL
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait(PATIENCE_S)
        assert running.process.stdout is not None
        running.process.stdout.close()


def kill(running: Running, *, whole: bool) -> None:
    """SIGKILL to the relay, or to it and the gpg processes that it runs just now."""
    if whole:
        os.killpg(running.process.pid, signal.SIGKILL)
    else:
        running.process.kill()


def recorded(home: Path) -> list[tuple[str, str]]:
    """The copies that the queue of a dead relay has as delivered; read from a copy of its database, which stays untouched."""
    query = "SELECT recipient, message_id FROM copies JOIN posts ON posts.id = post_id WHERE kind = 'post' AND state = 'delivered'"
    with tempfile.TemporaryDirectory(dir=home.parent) as folder:
        for file in home.glob("securelist.db*"):
            shutil.copy(file, folder)
        with closing(sqlite3.connect(Path(folder) / "securelist.db")) as database:
            return [tuple(row) for row in database.execute(query)]


def until_nothing_is_queued(town: Town) -> None:
    """Waits for the last copy."""
    engine = open_database(read_config(town.home))
    end = time.monotonic() + PATIENCE_S
    while any("queued" in post.counts for post in queue_view.posts(engine)):
        assert time.monotonic() < end, "some copy is still queued"
        time.sleep(0.02)
    engine.dispose()


def listed(town: Town) -> list[dict[str, int]]:
    """How many copies of each post are in which state, as `queue list` says."""
    return [post["counts"] for post in json.loads(town.run("queue", "list", "--json"))]


# --- what must hold ----------------------------------------------------------------------------------------------------


@dataclass
class Life:
    """One relay that is killed, once or more often: what was promised until then, and whether it was kept."""

    town: Town
    far: FarEnd
    posts: dict[int, bytes]
    reader: Somebody
    answered: set[int] = field(default_factory=set)
    recorded: Copies = field(default_factory=Counter)
    """The copies that were recorded as delivered at a kill, with how often they had arrived by then."""
    kills: int = 0
    _read: dict[bytes, int] = field(default_factory=dict)

    @property
    def unanswered(self) -> dict[int, bytes]:
        return {number: mail for number, mail in self.posts.items() if number not in self.answered}

    def note_answers(self, clients: Sequence[Client]) -> None:
        """An answer, if there was one, is 250: nothing is wrong with any of the posts."""
        for client in clients:
            client.join(PATIENCE_S)
            assert not client.is_alive()
            assert set(client.answers.values()) <= {250}, client.answers
            self.answered |= set(client.answers)

    def note_kill(self, clients: Sequence[Client] = ()) -> None:
        """What a kill left: answers that were given, copies that were recorded as delivered."""
        self.kills += 1
        self.note_answers(clients)
        arrived = self.far.arrived()
        for copy in recorded(self.town.home):
            assert arrived[copy], f"recorded as delivered, but it never arrived: {copy}"
            self.recorded.setdefault(copy, arrived[copy])

    def check(self) -> None:
        """Every promise, now that nothing is queued."""
        arrived, opened = self.far.arrived(), self._opened()
        lacking = [(who, mail) for mail in {mail for _, mail in arrived} for who in self.town.members if not arrived[who, mail]]
        assert not lacking, f"some members have what these have not: {lacking}"
        assert sorted(opened.values()) == sorted(set(opened.values())), "one post came under two Message-IDs"
        assert self.answered <= set(opened.values()), "a post that got its 250 did not arrive"
        again = {copy: arrived[copy] for copy, times in self.recorded.items() if arrived[copy] != times}
        assert not again, f"recorded as delivered, and sent again: {again}"
        assert arrived.total() - len(arrived) <= self.kills, "more copies came twice than were under way when it was killed"

    def _opened(self) -> dict[str, int]:
        """The number of the post in each mail of one member, by Message-ID."""
        for mail in self.far.mails_of(self.reader.address):
            if mail not in self._read:
                self._read[mail] = self._number_of(mail)
        return {message_id(mail): number for mail, number in self._read.items()}

    def _number_of(self, mail: bytes) -> int:
        """The number of the post in a mail that the reader decrypts: whole, and signed by the list."""
        content, status = self.town.opened(email.message_from_bytes(mail, policy=email.policy.default))  # type: ignore[arg-type]
        assert f"VALIDSIG {self.town.key}" in status
        (number,) = (number for number in self.posts if canary(number).encode() in content)
        return number


@dataclass(frozen=True)
class Run:
    """One run in figures: when the kill fell, what was known by then, what arrived in the end."""

    phase: str
    answered: int
    recorded: int
    copies: int
    twice: int


def summary(runs: Sequence[Run]) -> str:
    phases = Counter(run.phase for run in runs)
    fell = ", ".join(f"{phases[phase]} {phase}" for phase in ("before", "during", "after"))
    return (
        f"{len(runs)} runs, killed {fell} the posts and their copies. At the kills {sum(r.answered for r in runs)} posts had their 250 and"
        f" {sum(r.recorded for r in runs)} copies were recorded as delivered; in the end {sum(r.copies for r in runs)} copies had arrived,"
        f" {sum(r.twice for r in runs)} of them twice because their 250 had not been recorded yet."
    )
