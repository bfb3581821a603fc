"""`serve` as a process: ready when it says so, delivering by itself, ending cleanly, and worth its 250 under a kill."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from queue_world import LIST, House, MailSink, house, listening  # noqa: F401

from securelist.store import queue_view

SERVE = """
import hashlib, sys, time; from pathlib import Path
sys.path.insert(0, sys.argv[2])
from queue_world import LIST, a_post
from securelist.config import Config; from securelist.errors import Refused; from securelist.serve import serve
from securelist.store.database import open_database; from securelist.store.queue import commit_post
config = Config(list=LIST, key="", home=Path(sys.argv[1]), next_hop=sys.argv[3], smtp="127.0.0.1:0", lmtp="127.0.0.1:0")
engine = open_database(config)

def judge(to, mail_from, content, deadline):
    if b"hang" in content:
        print("hanging", flush=True); time.sleep(600)
    if b"refuse" in content:
        raise Refused("no", "some rule")
    digest = hashlib.sha256(content).hexdigest()
    post = a_post(3, at=int(time.time()), message_id=f"<{digest}@x.example>", seen_as=("A" * 40, digest))
    commit_post(engine, post, deadline.in_time)

serve(config, engine, judge, lambda fingerprint, recipient: True, lambda at: None, lambda at: False, lambda: int(time.time()))
"""


@dataclass
class Served:
    process: subprocess.Popen
    smtp: int
    lmtp: int

    def send(self, content: str, protocol=smtplib.SMTP) -> tuple[int, bytes]:
        with protocol("127.0.0.1", self.lmtp if protocol is smtplib.LMTP else self.smtp, timeout=20) as client:
            client.ehlo()
            client.mail("a@nl.example")
            client.rcpt(LIST)
            return client.data(f"Subject: x\r\n\r\n{content}\r\n".encode())


@contextlib.contextmanager
def served(house: House, next_hop: str, **environment: str) -> Iterator[Served]:
    command = [sys.executable, "-c", SERVE, str(house.config.home), str(Path(__file__).parent), next_hop]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **environment})
    try:
        line = process.stdout.readline().decode()
        found = re.fullmatch(r"ready smtp=127\.0\.0\.1:(\d+) lmtp=127\.0\.0\.1:(\d+)\n", line)
        assert found, line
        yield Served(process, int(found[1]), int(found[2]))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def eventually(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(house, number):
    """Exit status 0 within seconds, with an idle client still connected, which is told (RFC 5321, 3.8)."""
    with served(house, f"maildir:{house.config.home}/inbox") as it:
        client = smtplib.SMTP("127.0.0.1", it.smtp)
        it.process.send_signal(number)
        assert it.process.wait(10) == 0
        assert client.getreply()[0] == 421
        client.close()


def test_a_signal_ends_it_although_a_worker_hangs(house):
    """A post that hangs hears 451, the process ends with 0 all the same, and nothing of the post remains."""
    with served(house, f"maildir:{house.config.home}/inbox") as it:
        client = smtplib.SMTP("127.0.0.1", it.smtp, timeout=20)
        client.ehlo()
        client.mail("a@nl.example")
        client.rcpt(LIST)
        client.docmd("DATA")
        client.send(b"hang\r\n.\r\n")
        assert it.process.stdout.readline() == b"hanging\n"
        it.process.terminate()
        assert client.getreply()[0] == 451
        assert it.process.wait(15) == 0
        client.close()
    assert house.rows() == {}


def test_a_post_is_delivered_at_once(house):
    """From 250 to the next hop without waiting for a timer; by LMTP likewise."""
    sink = MailSink()
    with listening(sink) as port, served(house, f"smtp://127.0.0.1:{port}") as it:
        assert it.send("one")[0] == 250
        eventually(lambda: len(sink.mails) == 3, seconds=5)
        assert it.send("two", smtplib.LMTP)[0] == 250
        eventually(lambda: len(sink.mails) == 6, seconds=5)
        assert it.send("refuse")[0] == 550
        assert it.send("two")[0] == 250  # a duplicate
    assert len(sink.mails) == 6


def test_a_kill_right_after_250_loses_nothing(house):
    """Killed at once after the last 250, started again: every member has every post, and nobody has two."""
    inbox = house.config.home / "inbox"
    with served(house, f"maildir:{inbox}") as it:
        for number in range(5):
            assert it.send(f"post {number}")[0] == 250
        it.process.kill()
        it.process.wait()
    with served(house, f"maildir:{inbox}") as it:
        assert it.send("post 0")[0] == 250  # as a server does that lost our answer
        eventually(lambda: all(set(post.counts) == {"delivered"} for post in queue_view.posts(house.engine)))
        it.process.terminate()
        assert it.process.wait(10) == 0
    assert [len(list((inbox / f"m{i}@r{i}.example" / "new").iterdir())) for i in range(3)] == [5, 5, 5]


def test_systemd_is_told_when_mail_is_taken(house, tmp_path):
    """READY=1 on the socket of the service manager, after the ready line."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(10)
        with served(house, f"maildir:{house.config.home}/inbox", NOTIFY_SOCKET=path):
            assert manager.recv(100) == b"READY=1"


def test_a_wrong_next_hop_is_said_before_it_is_ready(house):
    """A setting that cannot work ends the start, not the first delivery."""
    command = [sys.executable, "-c", SERVE, str(house.config.home), str(Path(__file__).parent), "nonsense"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=30)
    assert done.returncode != 0
    assert b"bad-next-hop" in done.stderr
    assert b"ready" not in done.stdout


def test_a_next_hop_that_is_down_does_not_end_the_server(house):
    """Posts are taken and wait; the log says what is the matter."""
    with served(house, "smtp://127.0.0.1:1") as it:
        assert it.send("one")[0] == 250
        eventually(lambda: any("refused" in copy.answer.lower() for copy in queue_view.copies(house.engine, 1)))
        assert it.send("two")[0] == 250
        it.process.terminate()
        assert it.process.wait(10) == 0
    assert [post.counts for post in queue_view.posts(house.engine)] == [{"queued": 3}] * 2
