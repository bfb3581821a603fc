"""What the answer to a refused mail tells a stranger: nothing, neither by its octets nor by its time, whatever the mail was refused for."""

from __future__ import annotations

import itertools
import socket
import sqlite3
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from attacks_whole import MALLEABILITY
from bad_mails import MAILS, Stage
from town import LIST, Running

from securelist.delivery.bounce_token import make_token, read_secret
from securelist.mail.addresses import Role, address_for
from securelist.mail.server import REFUSAL_AFTER_S

MIB = 1 << 20
SAMPLES = 200
# As many as two workers keep up with on a busy machine: more would all be answered at a later multiple.
SENDERS = 56

# From one that costs nothing to some that take a tenth of a second or more, at every step.
CAUSES: dict[str, Callable[[Stage], bytes]] = {
    "empty": MAILS["empty"].make,
    "not encrypted": MAILS["unencrypted"].make,
    "too large": lambda s: s.post() + (b"x" * 998 + b"\r\n") * (26 * MIB // 1000),
    "bare line feed": lambda s: s.post().replace(b"\r\n", b"\n", 1),
    "for another key": MAILS["encrypted to somebody else"].make,
    "not protected": MALLEABILITY["protected data made unprotected"].make,
    "a bomb": lambda s: s.mail(s.town.encrypt(s.anna, bytes(80 * MIB), "--compress-algo", "zlib")),
    "unknown signer": MAILS["signed by a stranger"].make,
    "bad signature": MAILS["altered after signing"].make,
    "too old": MAILS["signed 8 days ago"].make,
    "another's From": MAILS["another member's From"].make,
    "bad charset": MAILS["a wrong charset"].make,
}


@pytest.fixture(scope="module")
def running(stage: Stage) -> Iterator[Running]:
    """One server for all of them."""
    with stage.town.serve() as server:
        yield server


@dataclass(frozen=True)
class Talk:
    """All that a server said in one session, from its greeting until it closed; and how long after the end of the data it answered."""

    said: bytes
    took_s: float


def talk(port: int, mail: bytes, to: str = LIST) -> Talk:
    """Sends one mail, and some commands after its answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        said = b""

        def until(end: bytes) -> None:
            nonlocal said
            while not said.endswith(end) and (more := connection.recv(4096)):
                said += more

        for line, end in ((b"EHLO x", b"HELP\r\n"), (b"MAIL FROM:<anna@nl.example>", b"250 OK\r\n"), (b"RCPT TO:<%b>", b"2.1.5 OK\r\n")):
            connection.sendall((line % to.encode() if b"%b" in line else line) + b"\r\n")
            until(end)
        connection.sendall(b"DATA\r\n")
        until(b"<CR><LF>.<CR><LF>\r\n")
        connection.sendall(mail.replace(b"\r\n.", b"\r\n.."))
        time.sleep(0.1)  # until what the kernel holds of a large mail has been read
        began, before = time.perf_counter(), said
        connection.sendall(b".\r\n")
        while said == before or not said.endswith(b"\r\n"):
            said += connection.recv(4096)
        took = time.perf_counter() - began
        connection.sendall(b"NOOP\r\nDATA\r\nMAIL FROM:<anna@nl.example>\r\nVRFY x\r\nQUIT\r\n")
        while more := connection.recv(4096):
            said += more
    return Talk(said, took)


def quantiles(times: list[float]) -> tuple[float, float, float]:
    """At 5, 50 and 95 per cent."""
    cuts = statistics.quantiles(times, n=20)
    return cuts[0], statistics.median(times), cuts[-1]


def refusals(stage: Stage) -> Counter[str]:
    """How often which refusal stands in the journal."""
    with sqlite3.connect(stage.town.home / "securelist.db") as database:
        return Counter(detail for (detail,) in database.execute("SELECT detail FROM journal WHERE event = 'refused'"))


@pytest.mark.slow
def test_refusals_for_many_causes(stage: Stage, running: Running) -> None:
    """Two hundred of each cause: the whole conversation equal byte for byte, the times of all of them overlapping."""
    mails = {cause: make(stage) for cause, make in CAUSES.items()}
    order = list(mails) * SAMPLES
    before = refusals(stage)
    began = time.monotonic()
    with ThreadPoolExecutor(SENDERS) as pool:
        talks = list(pool.map(lambda cause: talk(running.smtp, mails[cause]), order))
    print(f"\n{len(talks)} mails by {SENDERS} senders in {time.monotonic() - began:.0f} s")
    times: dict[str, list[float]] = defaultdict(list)
    for cause, one in zip(order, talks, strict=True):
        times[cause].append(one.took_s)
    print(f"{'seconds':18}{'min':>8}{'5 %':>8}{'median':>8}{'95 %':>8}{'max':>8}")
    for cause, each in times.items():
        print(f"{cause:18}" + "".join(f"{t:8.3f}" for t in (min(each), *quantiles(each), max(each))))
    assert len({one.said for one in talks}) == 1
    assert talks[0].said.count(b"\r\n550 5.7.1 Not accepted for this list\r\n") == 1
    assert len(refusals(stage) - before) == len(CAUSES), "they were refused for so many different reasons"
    assert min(one.took_s for one in talks) > REFUSAL_AFTER_S - 0.01
    for one, other in itertools.combinations(times.values(), 2):
        (low, middle, high), (other_low, other_middle, other_high) = quantiles(one), quantiles(other)
        assert low < other_high
        assert other_low < high
        assert other_low <= middle <= other_high or low <= other_middle <= high
    assert {len(each) for each in times.values()} == {SAMPLES}


def test_refusals_at_every_address(stage: Stage, running: Running) -> None:
    """At LIST, -request, -owner, -sendkey, and a bounce address that was never made: the same conversation, the same time."""
    roles = [address_for(role, LIST) for role in Role if role is not Role.BOUNCES]
    addresses = [*roles, address_for(Role.BOUNCES, LIST, "1-aaaaaaaaaaaaaaaa"), address_for(Role.BOUNCES, LIST, "nonsense")]
    before = refusals(stage)
    with ThreadPoolExecutor(len(addresses)) as pool:
        talks = list(pool.map(lambda to: talk(running.smtp, b"", to), addresses))
    assert len({one.said for one in talks}) == 1
    assert all(REFUSAL_AFTER_S - 0.01 < one.took_s < REFUSAL_AFTER_S + 1 for one in talks)
    assert (refusals(stage) - before).total() >= 1


def test_what_a_stranger_can_have_accepted(stage: Stage, running: Running) -> None:
    """A bounce address is good or not, the certificate is sent or not: until the data nothing shows it, and the 250 comes no sooner."""
    assert running.send(stage.post(text="whose copy bounces"))[0] == 250
    with sqlite3.connect(stage.town.home / "securelist.db") as database:
        [(copy_id,)] = database.execute("SELECT max(id) FROM copies").fetchall()
    good = address_for(Role.BOUNCES, LIST, make_token(read_secret(stage.town.home), copy_id))
    bad = address_for(Role.BOUNCES, LIST, f"{copy_id:x}-" + "a" * 16)
    mail = b"From: eve@evil.example\r\nSubject: key\r\n\r\nplease\r\n"
    cases = {good: b"250", bad: b"550", address_for(Role.SENDKEY, LIST): b"250", address_for(Role.OWNER, LIST): b"250"}
    with ThreadPoolExecutor(len(cases)) as pool:
        talks = list(pool.map(lambda to: talk(running.smtp, mail, to), cases))
    assert len({one.said.partition(b"354 ")[0] for one in talks}) == 1
    assert [one.said.partition(b"354 ")[2].split(b"\r\n")[1][:3] for one in talks] == list(cases.values())
    assert all(REFUSAL_AFTER_S - 0.01 < one.took_s < REFUSAL_AFTER_S + 1 for one in talks)


def test_a_members_post_is_not_kept_waiting(stage: Stage, running: Running) -> None:
    """The fixed time is for strangers: a post that is accepted hears so at once, and again when it is sent again."""
    post = stage.post(text="accepted at once")
    for _ in range(2):
        one = talk(running.smtp, post)
        assert b"\r\n250 2.0.0 OK\r\n" in one.said
        assert one.took_s < REFUSAL_AFTER_S
