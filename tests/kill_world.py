"""A relay that is killed and started again: ten posts going in, copies going out to a next hop that outlives it.

`Run` is one such life: what was answered, what the next hop had confirmed, what the queue had recorded at the kill.
"""

from __future__ import annotations

import email
import email.policy
import json
import os
import shutil
import signal
import smtplib
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from people import Somebody
from queue_world import LIST, MailSink
from town import Running, Town

POSTS = 10
PATIENCE_S = 60
Copies = Counter[tuple[str, str]]
"""How often each (recipient, Message-ID) was confirmed."""


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


class CountingSink(MailSink):
    """A next hop that takes everything, keeps it before it says 250, and tells the progress."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        answer = await super().handle_DATA(server, session, envelope)
        self._progress.step()
        return answer


class Client(threading.Thread):
    """A mail server with posts for the list: hands them in one by one; `answers` has the codes that it got."""

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
                    assert session.rcpt(LIST)[0] == 250
                    self._progress.step()
                    self.answers[number] = session.data(mail)[0]
                    self._progress.step()
        except (OSError, smtplib.SMTPException):
            return  # the relay is gone, and with it the answer to this one and to those that were to follow


def hand_in(running: Running, posts: dict[int, bytes], progress: Progress, *, clients: int = 1, lmtp: bool = False) -> list[Client]:
    """Clients at work, each with its share of the posts."""
    shares = [dict(list(posts.items())[first::clients]) for first in range(clients)]
    made = [Client(running, share, progress, lmtp=lmtp) for share in shares]
    for client in made:
        client.start()
    return made


def answers_of(clients: Sequence[Client]) -> dict[int, int]:
    """All answers, when the last client has ended."""
    for client in clients:
        client.join(PATIENCE_S)
        assert not client.is_alive()
    return {number: code for client in clients for number, code in client.answers.items()}


def recorded(home: Path) -> dict[tuple[str, str], str]:
    """The state of each copy of a post, by (recipient, Message-ID), in the database as a dead process left it: read from a copy."""
    with tempfile.TemporaryDirectory(dir=home.parent) as folder:
        for file in home.glob("securelist.db*"):
            shutil.copy(file, folder)
        with closing(sqlite3.connect(Path(folder) / "securelist.db")) as database:
            rows = database.execute(
                "SELECT recipient, message_id, state FROM copies JOIN posts ON posts.id = copies.post_id WHERE kind = 'post'"
            )
            return {(recipient, message_id): state for recipient, message_id, state in rows}


def until_nothing_is_queued(town: Town) -> list[dict[str, object]]:
    """The posts as `queue list` shows them, once no copy waits any more."""
    end = time.monotonic() + PATIENCE_S
    while True:
        posts = json.loads(town.run("queue", "list", "--json"))
        if not any("queued" in post["counts"] for post in posts):
            return [post for post in posts if post["kind"] == "post"]
        assert time.monotonic() < end, f"still queued: {posts}"
        time.sleep(0.05)


def message_id(mail: bytes) -> str:
    return str(email.message_from_bytes(mail, policy=email.policy.default)["Message-ID"])


def confirmed(sink: MailSink) -> Copies:
    """What the next hop has said 250 to."""
    return Counter((recipient, message_id(content)) for _, recipient, content in list(sink.mails))


def in_maildirs(town: Town) -> Copies:
    """What lies in the members' Maildirs, ready to be read."""
    return Counter((address, message_id(file.read_bytes())) for address in town.members for file in (town.inbox / address / "new").glob("*"))


def opened_posts(town: Town, who: Somebody, mails: Sequence[bytes]) -> dict[str, int]:
    """The number of the post that each of somebody's mails holds, by Message-ID: decrypted, signed by the list, whole."""
    found: dict[str, int] = {}
    for mail in mails:
        content, status = town.opened(email.message_from_bytes(mail, policy=email.policy.default))  # type: ignore[arg-type]
        assert f"VALIDSIG {town.key}" in status
        numbers = [number for number in range(POSTS) if canary(number).encode() in content]
        assert len(numbers) == 1
        found[message_id(mail)] = numbers[0]
    return found


def canary(number: int) -> str:
    return f"canary-of-post-{number}-"


def kill(running: Running, *, whole: bool) -> None:
    """SIGKILL to the relay, or to it and the gpg processes that it runs just now."""
    if whole:
        os.killpg(running.process.pid, signal.SIGKILL)
    else:
        running.process.kill()
    running.process.wait(PATIENCE_S)
    assert running.process.stdout is not None
    running.process.stdout.close()


@contextmanager
def fresh_copy(town: Town, next_hop: str = "") -> Iterator[Town]:
    """The list in a short folder of its own that is gone afterwards, with its gpg-agent."""
    base = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    made = town.copy(base, next_hop)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(base, ignore_errors=True)


@dataclass
class Life:
    """What is known of one relay that was killed, once or more often, while posts went in."""

    town: Town
    arrived: Callable[[], Copies]
    posts: dict[int, bytes]
    answered: set[int] = field(default_factory=set)
    done: Copies = field(default_factory=Counter)
    """Copies that the queue had recorded as delivered at a kill, with how often they had arrived by then."""
    kills: int = 0

    @property
    def unanswered(self) -> dict[int, bytes]:
        return {number: mail for number, mail in self.posts.items() if number not in self.answered}

    def note_answers(self, clients: Sequence[Client]) -> None:
        """Takes note of who got an answer: it must be 250, for nothing is wrong with these posts."""
        answers = answers_of(clients)
        assert set(answers.values()) <= {250}, answers
        self.answered |= set(answers)

    def note_kill(self, clients: Sequence[Client]) -> None:
        """Takes note of what a kill left: answers that were given, copies that were recorded."""
        self.kills += 1
        self.note_answers(clients)
        arrived, states = self.arrived(), recorded(self.town.home)
        for copy in (copy for copy, state in states.items() if state == "delivered"):
            assert arrived[copy], f"recorded as delivered, and never arrived: {copy}"
            self.done.setdefault(copy, arrived[copy])

    def check(self, opened: dict[str, int]) -> None:
        """Every promise, now that nothing is queued: `opened` are one member's posts by Message-ID."""
        arrived = self.arrived()
        messages = {message_id for _, message_id in arrived}
        missing = [(who, message_id) for message_id in messages for who in self.town.members if not arrived[who, message_id]]
        assert not missing, f"somebody has what these do not: {missing}"
        assert messages == set(opened)
        assert sorted(opened.values()) == sorted(set(opened.values())), "one post under two Message-IDs"
        assert self.answered <= set(opened.values()), "a post that got its 250 did not arrive"
        again = {copy: (count, arrived[copy]) for copy, count in self.done.items() if arrived[copy] != count}
        assert not again, f"sent again although it was recorded: {again}"
        assert arrived.total() - len(arrived) <= self.kills, "more copies twice than there were kills, with one under way at each"


@dataclass
class Tally:
    """What the runs were, for the summary."""

    phases: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    recorded: int = 0
    arrived: Copies = field(default_factory=Counter)

    def __str__(self) -> str:
        phases = ", ".join(f"{self.phases[phase]} {phase}" for phase in ("before", "during", "after"))
        return (
            f"{self.phases.total()} runs, killed {phases} the posts and copies. At the kills {self.answered} posts had their 250, and"
            f" {self.recorded} copies were recorded as delivered; in the end {len(self.arrived)} copies arrived,"
            f" {self.arrived.total() - len(self.arrived)} of them a second time because their 250 had not been recorded."
        )
