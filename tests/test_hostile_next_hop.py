"""A next hop that hangs: what comes in does not wait for what cannot go out."""

from __future__ import annotations

import contextlib
import secrets
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from town import Town, entity, member

# What is promised to a member whose post comes while others hold the server up.
PATIENCE_S = 5.0


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of somebody who takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        yield listener.getsockname()[1]


def test_posts_are_taken_while_the_next_hop_hangs(town: Town, base: Path, silent: int) -> None:
    """Each has its 250 as soon as ever, its copies wait, and the server still ends when it is told to."""
    stuck = town.copy(base / f"c{secrets.token_hex(2)}", f"smtp://127.0.0.1:{silent}")
    anna, times = member(stuck, "Anna"), list[float]()
    with stuck.serve() as running:
        for number in range(4):
            post = stuck.post(anna, entity(f"while it hangs {number}"))
            begun = time.monotonic()
            assert running.send(post) == (250, b"2.0.0 OK")
            times.append(time.monotonic() - begun)
            time.sleep(0.5)  # the delivery has begun
        with contextlib.closing(sqlite3.connect(stuck.home / "securelist.db")) as database:
            states = database.execute("SELECT state, count(*), max(attempts) FROM copies GROUP BY state").fetchall()
    assert max(times) < PATIENCE_S
    assert states == [("queued", 4 * len(stuck.members), 0)]
    stuck.close()
