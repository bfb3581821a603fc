"""What `securelist bench --log` says about proving a log: a real log, a real proof, and where its time went."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from town import SECURELIST

from securelist.bench.proving import Stopwatch, cpu

MEASURED = ["statements", "entries", "members", "seconds", "cpu", "rows", "bare_gpg", "ratio"]
ROW = ["what", "calls", "seconds"]


def bench(*args: object) -> subprocess.CompletedProcess[str]:
    """One run of the command, without a state directory."""
    return subprocess.run([SECURELIST, "bench", *map(str, args)], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def keep() -> Iterator[Path]:
    """Where the bench keeps its keys; its path is short, because gpg-agent's socket lies below."""
    with tempfile.TemporaryDirectory(prefix="sl-", dir="/tmp") as name:
        yield Path(name)


# How many statements: how many Admin Contacts are among them, the rest being members in the end.
SHAPES = {1: 1, 4: 2, 10: 3}


@pytest.mark.parametrize(("statements", "contacts"), SHAPES.items(), ids=map(str, SHAPES))
def test_a_log_is_made_and_proved(keep: Path, statements: int, contacts: int) -> None:
    """A text and a certificate for each statement enter the log; each costs the proof a process of GnuPG, which it counts."""
    done = bench("--log", statements, "--keep", keep, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found) == MEASURED
    founding = 2  # found-list, and the trust root's certificate
    assert (found["statements"], found["entries"], found["members"]) == (statements, founding + 2 * statements, statements - contacts)
    assert all(list(row) == ROW for row in found["rows"])
    parts = {row["what"]: row for row in found["rows"]}
    assert parts["GnuPG's processes"]["calls"] >= statements
    assert min(parts[part]["calls"] for part in ("Sequoia", "the rules, and the grammar")) >= statements
    assert sum(row["seconds"] for row in found["rows"]) == pytest.approx(found["cpu"])
    assert found["seconds"] > 0.9 * found["cpu"]  # one core does no more than a second's work in a second
    assert all(parts[part]["seconds"] > 0 for part in ("GnuPG's processes", "Sequoia", "the rules, and the grammar", "the rest"))
    assert found["ratio"] == pytest.approx(found["cpu"] / found["bare_gpg"])


def test_a_table_for_people(keep: Path) -> None:
    """Without --json it is a table, with the whole and the bare processes at its end, and progress is not mixed with it."""
    done = bench("--log", 4, "--keep", keep)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("4 statements, 10 entries")
    assert [line.split("  ")[0] for line in lines[-4:-2]] == ["log verify", "beside: gpg --verify, nothing else"]
    assert "times the CPU time of gpg alone" in lines[-1]
    assert "making" not in done.stdout


TYPED = {"--log 0": "is not in the range", "--log x": "not a valid integer", "--log 1 --size 2KiB": "log-or-posts"}
TYPED |= {"--log 1 --members 5": "log-or-posts", "--log 99999": "is not in the range"}


@pytest.mark.parametrize(("typed", "said"), TYPED.items(), ids=TYPED)
def test_what_is_typed_wrong(typed: str, said: str) -> None:
    """It is said before any key is made."""
    done = bench(*typed.split())
    assert (done.returncode, done.stdout) == (64, "")
    assert said in done.stderr


def test_a_log_that_is_not_proved_has_no_figures(tmp_path: Path) -> None:
    """A refusal is quick, and must not be taken for a fast proof."""
    for name in ("export.log", "root.gpg"):
        (tmp_path / name).write_bytes(b"junk\n")
    command = [sys.executable, "-m", "securelist.bench.proving", str(tmp_path), "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("not proved: ")


def test_time_counts_where_it_is_spent() -> None:
    """A part that calls another stands still meanwhile; what is raised goes through, its time counted; waiting is no work."""
    watch = Stopwatch()

    def work(seconds: float) -> None:
        end = cpu() + seconds
        while cpu() < end:
            pass

    def sign() -> None:
        work(0.05)
        raise ValueError

    inner = watch.timed("engine", sign)

    def judge() -> None:
        work(0.01)
        time.sleep(0.1)
        inner()

    with pytest.raises(ValueError, match=r"^$"):
        watch.timed("rules", judge)()
    assert watch.calls == {"engine": 1, "rules": 1}
    assert watch.seconds["engine"] >= 0.05
    assert 0.01 <= watch.seconds["rules"] < 0.05
