"""What doctor and the service's unit do for each other: swap is told rightly while the service is stopped, no agent is left over."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kill_world import fresh_copy
from town import Town

from securelist.doctor import machine

UNIT = Path(__file__).parent.parent / "deploy" / "securelist.service"
PATIENCE_S = 30


@pytest.fixture
def here(town: Town) -> Iterator[Town]:
    """The town's list in a state directory of its own."""
    with fresh_copy(town) as made:
        yield made


@pytest.mark.parametrize("said", ["MemorySwapMax=0\n", "0\n"])
def test_the_service_is_kept_out_of_swap(said):
    """So says systemd of a unit, whether it runs or not, and the kernel of one that runs."""
    assert machine.is_zero(said)


@pytest.mark.parametrize("said", ["MemorySwapMax=infinity\n", "max\n", "MemorySwapMax=10\n", "MemorySwapMax=\n", ""])
def test_the_service_may_be_swapped(said):
    """A limit that is none, one above nothing, and no answer at all."""
    assert not machine.is_zero(said)


def test_the_shipped_unit_keeps_it_out():
    """What doctor asks systemd for stands in the unit, under the name by which it is asked."""
    assert UNIT.name == machine.UNIT
    [line] = [line for line in UNIT.read_text().splitlines() if line.startswith("MemorySwapMax=")]
    assert machine.is_zero(line)


def test_systemd_does_not_answer(monkeypatch):
    """Without a systemctl, or where it runs nothing, there is no answer, and no fault."""
    answer = machine.unit_property("MemorySwapMax")
    assert answer == "" or answer.startswith("MemorySwapMax=")
    monkeypatch.setenv("PATH", "/none")
    assert machine.unit_property("MemorySwapMax") == ""


def agent_of(town: Town) -> int:
    """The process of the agent that keeps the list's key; 0 if there is none."""
    ask = ["gpg-connect-agent", "--homedir", town.home / "gnupg", "--no-autostart", "GETINFO pid", "/bye"]
    said = subprocess.run(ask, capture_output=True, text=True, check=False).stdout
    return int(said.split()[1]) if said.startswith("D ") else 0


def test_the_agent_that_doctor_started_does_not_serve(here):
    """The unit's first command ends it, and the service starts one of its own, under the unit's limits."""
    here.run("doctor", "--json")
    left = agent_of(here)
    assert left
    [line] = [line for line in UNIT.read_text().splitlines() if line.startswith("ExecStartPre=-")]
    command = line.removeprefix("ExecStartPre=-").replace("/var/lib/securelist", str(here.home))
    subprocess.run(command.split(), check=True)
    end = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{left}").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not Path(f"/proc/{left}").exists()
    with here.serve() as _running:
        assert agent_of(here) not in (0, left)
