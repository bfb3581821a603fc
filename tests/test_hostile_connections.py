"""A running list, and hundreds of strangers who open connections to it and keep them open: its members do not notice."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from crowd import BEGIN, crowd
from town import SECURELIST, Running, Town, member

from securelist.mail.room import OTHER_DESCRIPTORS, Limits

MIB = 1 << 20
IN_TIME_S = 5.0


@dataclass(frozen=True)
class Watched:
    """A server whose memory, descriptors and words are looked at."""

    town: Town
    running: Running
    said: Path

    def memory(self) -> int:
        """Resident octets."""
        pages = int(Path(f"/proc/{self.running.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def connections(self) -> int:
        """How many descriptors are sockets."""
        found = 0
        for name in Path(f"/proc/{self.running.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found += str(name.readlink()).startswith("socket:")
        return found

    def post_takes(self, text: str) -> float:
        """The seconds from connecting to the 250 for a new post of a member."""
        post = self.town.post(member(self.town, "Anna"), text)
        began = time.monotonic()
        assert self.running.send(post)[0] == 250
        return time.monotonic() - began

    def settled(self, connections: int) -> None:
        """Waits until no more than so many are open."""
        give_up = time.monotonic() + 20
        while self.connections() > connections:
            assert time.monotonic() < give_up, f"{self.connections()} are open"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def watched(town: Town) -> Iterator[Watched]:
    """One server for all these tests: it must live through them, say nothing, and end cleanly."""
    said = town.home.parent / "said"
    with said.open("wb") as errors:
        running = town.start(stderr=errors)
    yield Watched(town, running, said)
    running.process.terminate()
    assert running.process.wait(30) == 0
    assert running.process.stdout is not None
    running.process.stdout.close()
    assert said.read_text() == ""


def test_an_idle_connection_costs_little(watched: Watched) -> None:
    """A thousand that say nothing take some 30 KB each."""
    before, memory = watched.connections(), watched.memory()
    with contextlib.ExitStack() as stack:
        for _ in range(900):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", watched.running.smtp), timeout=30))
            connection.recv(100)
        each = (watched.memory() - memory) / 900
        print(f"{each / 1000:.1f} kB for each idle session")
        assert each < 60_000
    watched.settled(before + 1)


def test_500_slow_connections(watched: Watched) -> None:
    """Silent, an octet a second in a command, in the data, holding 200 KiB: ten posts meanwhile, each with its 250 within 5 s."""
    before = watched.connections()
    print(f"alone: {watched.post_takes('before the crowd'):.2f} s")
    with crowd() as strangers:
        strangers.join(watched.running.smtp, 500)
        took = [watched.post_takes(f"among 500: {n}") for n in range(10)]
        print(f"among 500: median {sorted(took)[5]:.2f} s, slowest {max(took):.2f} s")
        assert max(took) < IN_TIME_S
        assert not strangers.gone, "there was room for all"
        assert watched.connections() >= before + 500
    watched.settled(before + 1)


def test_a_thousand_and_more_connections(watched: Watched) -> None:
    """There is room for a thousand; of 1,500, those go that have been idle longest; posts are in time, memory and files bounded."""
    before, memory = watched.connections(), watched.memory()
    with crowd() as strangers:
        strangers.join(watched.running.smtp, 1_000)
        took = [watched.post_takes(f"among 1000: {n}") for n in range(5)]
        strangers.join(watched.running.smtp, 500)
        took += [watched.post_takes(f"among 1500: {n}") for n in range(5)]
        print(f"among 1500: median {sorted(took)[5]:.2f} s, slowest {max(took):.2f} s")
        time.sleep(1.5)
        print(f"hung up on: {dict(strangers.gone)}; {(watched.memory() - memory) / MIB:.0f} MiB more")
        assert max(took) < IN_TIME_S
        assert 500 <= strangers.gone.total() <= 520
        assert watched.connections() <= before + Limits.sessions
        assert watched.memory() - memory < 150 * MIB
    watched.settled(before + 1)
    assert watched.post_takes("after the crowd") < IN_TIME_S


def test_strangers_who_hold_all_octets(watched: Watched) -> None:
    """Twelve who send 24 MiB each and stop: no more than 200 MiB is held at once, and a post does not hear that there is no room."""
    before, memory = watched.connections(), watched.memory()
    piece = b"x" * MIB
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", watched.running.smtp), timeout=30))
            connection.sendall(BEGIN)
            for _ in range(24):
                connection.sendall(piece)
        took = [watched.post_takes(f"among holders: {n}") for n in range(3)]
        print(f"among holders: slowest {max(took):.2f} s; {(watched.memory() - memory) / MIB:.0f} MiB more")
        assert max(took) < IN_TIME_S
        assert watched.memory() - memory < 300 * MIB
    watched.settled(before + 1)


def test_connections_without_end(watched: Watched) -> None:
    """Two thousand, opened and left one after the other or cut at once: the server goes on, and keeps none of them."""
    before = watched.connections()
    for number in range(2_000):
        with socket.create_connection(("127.0.0.1", watched.running.smtp), timeout=30) as connection:
            connection.sendall(BEGIN if number % 2 else b"EHLO x\r\n")
    assert watched.post_takes("after two thousand") < IN_TIME_S
    watched.settled(before + 1)


def test_descriptors_are_counted(town: Town) -> None:
    """With few files allowed the server takes fewer sessions, so that gpg and the database still find theirs; it raises what it may."""
    hard = OTHER_DESCRIPTORS + 100

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))

    said = town.home.parent / "said with few files"
    with said.open("wb") as errors:
        running = town.start(preexec_fn=few, stderr=errors)
    try:
        with crowd() as strangers:
            strangers.join(running.smtp, 400)
            assert running.send(town.post(member(town, "Anna"), "with few files"))[0] == 250
            time.sleep(1.5)
            assert 300 <= strangers.gone.total() <= 310
    finally:
        running.process.terminate()
        assert running.process.wait(30) == 0
        assert running.process.stdout is not None
        running.process.stdout.close()
    assert said.read_text() == ""


def test_too_few_descriptors_are_said_at_the_start(town: Town) -> None:
    """Where hardly any file may be opened the server does not start, and says which setting to raise."""
    limited = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))  # noqa: E731
    command = [SECURELIST, "--home", str(town.home), "serve"]
    done = subprocess.run(command, preexec_fn=limited, capture_output=True, check=False, timeout=60)
    assert done.returncode == 78
    assert b"LimitNOFILE" in done.stderr
    assert b"Traceback" not in done.stderr
