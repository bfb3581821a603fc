"""What `securelist bench --trouble` measures: the same list with and without members who cannot be reached, through real servers."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from town import SECURELIST

from securelist.bench.trouble import MIN_MEMBERS, Trouble, second

MEASURED = ["members", "revoked", "dead_addresses", "second_addresses", "usual", "trouble", "most", "ratio", "most_ratio"]


def bench(*args: object) -> subprocess.CompletedProcess[str]:
    """One run of the command, without a state directory."""
    return subprocess.run([SECURELIST, "bench", *map(str, args)], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def keep() -> Iterator[Path]:
    """Where the bench keeps its keys; its path is short, because gpg-agent's socket lies below."""
    with tempfile.TemporaryDirectory(prefix="sl-", dir="/tmp") as name:
        yield Path(name)


def test_nine_hundred_members_have_the_trouble_that_is_named() -> None:
    """40 keys, 15 addresses, 5 members with two, and nobody twice; the others are all but those and the poster."""
    trouble = Trouble.among(900)
    assert (len(trouble.revoked), len(set(trouble.refused)), len(trouble.two)) == (40, 15, 5)
    assert len(trouble.others(900)) == 900 - 1 - 40 - 10 - 5
    assert not set(trouble.others(900)) & {*trouble.revoked, *trouble.refused, *trouble.two}
    assert second(trouble.two[3]) in trouble.refused and second(trouble.two[0]) not in trouble.refused
    assert Trouble.among(MIN_MEMBERS).others(MIN_MEMBERS)


def test_both_lists_are_measured(keep: Path) -> None:
    """Figures for both, by real posts; the second run takes the lists that the first has made."""
    for _ in range(2):
        done = bench("--trouble", "--members", MIN_MEMBERS, "--keep", keep, "--json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert list(found) == MEASURED
        assert [found[name] for name in MEASURED[:4]] == [MIN_MEMBERS, 1, 6, 5]
        assert found["usual"] > 0 and found["trouble"] > 0 and found["ratio"] > 0
        assert found["most_ratio"] == pytest.approx(found["most"] / found["usual"])
    done = bench("--trouble", "--members", MIN_MEMBERS, "--keep", keep)
    assert "with the trouble" in done.stdout and "times the usual time" in done.stdout


TYPED = {"--trouble --members 5": "too-few-members", "--trouble --log 1": "log-or-posts", "--trouble --size x": "bad-size"}


@pytest.mark.parametrize(("typed", "said"), TYPED.items(), ids=TYPED)
def test_what_is_typed_wrong(typed: str, said: str) -> None:
    """It is said before any key is made."""
    done = bench(*typed.split())
    assert (done.returncode, done.stdout) == (64, "")
    assert said in done.stderr
