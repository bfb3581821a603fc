"""The measuring itself: a post's steps one by one, and the whole way through a server of its own to a sink."""

from __future__ import annotations

import base64
import secrets
import smtplib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from securelist.bench.people import People
from securelist.bench.sink import Sink
from securelist.bench.town import LIST, member_addresses
from securelist.delivery.next_hop import open_next_hop
from securelist.delivery.worker import deliver_due
from securelist.errors import Step, Unavailable
from securelist.installation import Installation
from securelist.mail.mime import crlf
from securelist.openpgp import sequoia

# Median of so many, after one that warms the caches as in a server that has run for a minute.
ROUNDS = 5
WAIT_S = 120
HAND_OVER = "hand-over"


def post_of(people: People, installation: Installation, signer: str, size: int) -> bytes:
    """A post of `size` octets from `signer`, PGP/MIME, as gpg and a mail client make it: random, in base64, as attachments are."""
    lines = crlf(base64.encodebytes(secrets.token_bytes(size)))[:size]
    entity = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + lines + b"\r\n"
    people.gpg("--import", data=installation.list_certificate.octets)
    args = ("--local-user", signer, "--recipient", installation.config.key, "--sign", "--encrypt")
    armored = crlf(sequoia.armor(people.gpg(*args, data=entity), "MESSAGE"))
    head = f"From: {member_addresses(1)[0][0]}\r\nTo: {LIST}\r\nSubject: Bench\r\nMessage-ID: <{secrets.token_hex(8)}@bench.example>\r\n"
    head += 'MIME-Version: 1.0\r\nContent-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="b"\r\n\r\n'
    control = b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n"
    return head.encode() + control + b"--b\r\nContent-Type: application/octet-stream\r\n\r\n" + armored + b"\r\n--b--\r\n"


def steps(installation: Installation, posts: list[bytes]) -> dict[str, float]:
    """Median seconds of each step of the way and of the hand-over of all copies, one after the other in this process."""
    taken: dict[str, list[float]] = {name: [] for name in [*map(str, Step), HAND_OVER]}
    for post in posts:
        last = time.monotonic()

        def lap(name: str, _found: str = "") -> None:
            nonlocal last
            now = time.monotonic()
            taken[name].append(now - last)
            last = now

        installation.way.relay(post, None, int(time.time()), lambda: None, lap)
        deliver(installation)
        lap(HAND_OVER)
    return {name: statistics.median(values[1:] or values) for name, values in taken.items()}


def deliver(installation: Installation) -> None:
    """Hands over everything that is due, what an interrupted run left behind as well."""
    next_hop = open_next_hop(installation.config.next_hop, installation.config.domain)
    try:
        deliver_due(installation.engine, installation.config, next_hop, installation.still_member, lambda: int(time.time()))
    finally:
        next_hop.close()


@contextmanager
def server(installation: Installation) -> Iterator[int]:
    """The port of a `securelist serve` of its own, ended by its process."""
    command = [sys.executable, "-m", "securelist", "--home", str(installation.home), "serve"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line.startswith("ready smtp="):
            raise Unavailable("no-server", "`securelist serve` did not start")
        yield int(line.split()[1].rpartition(":")[2])
    finally:
        process.terminate()
        process.communicate(timeout=WAIT_S)


@dataclass(frozen=True)
class WholeWay:
    """Seconds from the last octet of DATA: to our 250, and to the sink's last one."""

    accepted: float
    delivered: float


def send(port: int, post: bytes) -> tuple[float, float]:
    """When the last octet of the post left by SMTP (time.monotonic()), and the seconds from there to the 250; raises Unavailable."""
    with smtplib.SMTP("127.0.0.1", port, timeout=WAIT_S) as smtp:
        smtp.ehlo()
        smtp.mail(member_addresses(1)[0][0])
        smtp.rcpt(LIST)
        smtp.docmd("DATA")
        smtp.send(b"".join(b"." + line if line.startswith(b".") else line for line in post.splitlines(keepends=True)))
        started = time.monotonic()
        code, reply = smtp.docmd(".")
        accepted = time.monotonic() - started
    if code != 250:
        raise Unavailable("not-accepted", f"the server answered {code} {reply.decode('ascii', 'replace')}")
    return started, accepted


def whole_way(port: int, sink: Sink, post: bytes, copies: int) -> WholeWay:
    """One post by SMTP, until the sink has answered 250 to every copy; raises Unavailable if they do not come."""
    before = sink.taken
    started, accepted = send(port, post)
    while sink.taken < before + copies:
        if time.monotonic() > started + WAIT_S:
            raise Unavailable("not-delivered", f"only {sink.taken - before} of {copies} copies came within {WAIT_S} s")
        time.sleep(0.002)
    return WholeWay(accepted, sink.last - started)
