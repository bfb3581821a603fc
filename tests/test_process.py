"""The process itself: what it inherits and sets, what it writes, and what it says when it has a fault of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kill_world import fresh_copy
from town import LIST, SECURELIST, Town, member

CANARY = "canary-of-a-fault"
COMMANDS = [("serve",), ("post", "submit"), ("post", "check"), ("statement", "submit", "-")]


@pytest.fixture
def here(town: Town) -> Iterator[Town]:
    with fresh_copy(town) as made:
        yield made


def status_of(pid: int, field: str) -> str:
    """A field of /proc/PID/status (proc(5))."""
    return re.search(rf"^{field}:\s*(.*)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_writes_for_its_user_alone(town, command):
    """Whatever the shell allows, no file that a command makes can be read by others."""
    words = [SECURELIST, "--home", str(town.home), *command]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, umask=0) as process:
        try:
            end = time.monotonic() + 30
            while status_of(process.pid, "Umask") != "0077":
                assert time.monotonic() < end, "others may read what it writes"
                time.sleep(0.02)
        finally:
            process.kill()


def test_the_files_of_a_whole_list(here, tmp_path):
    """After a post, a statement, an export, a receipt and a delivery, under the most generous umask, all is the user's alone."""

    def run(*words: str, data: bytes = b"") -> None:
        subprocess.run([SECURELIST, "--home", str(here.home), *words], input=data, check=True, umask=0, capture_output=True)

    anna = member(here, "Anna")
    text = here.people.clearsign(anna, here.statement("confirm-contact", anna, Name="", Key=""))
    run("post", "submit", data=here.post(anna, "canary"))
    run("statement", "submit", "--receipt", str(tmp_path / "receipt"), "-", data=text)
    run("log", "export", str(tmp_path / "export"))
    run("deliver", "--once")
    made = [path for top in (here.home, here.inbox, tmp_path) for path in top.rglob("*") if not path.is_symlink()]
    assert {tmp_path / "receipt", tmp_path / "export"} <= set(made)
    assert list(here.inbox.glob("*/new/*"))
    assert not [path for path in made if path.stat().st_mode & 0o077 and not path.is_socket()]


def test_a_new_list_is_its_users_alone(here, tmp_path):
    """So it is after `init`."""
    (tmp_path / "root.asc").write_bytes(here.root.certificate)
    home = here.home.parent / "new"
    words = [SECURELIST, "--home", str(home), "init", LIST, "--root", str(tmp_path / "root.asc")]
    subprocess.run(words, check=True, umask=0, capture_output=True)
    subprocess.run(["gpgconf", "--homedir", str(home / "gnupg"), "--kill", "all"], check=True)
    assert not [path for path in (home, *home.rglob("*")) if path.stat().st_mode & 0o077 and not path.is_socket()]


# --- faults of its own ---------------------------------------------------------------------------------------------------

# Ways in which a program of ours can fail, each with the plaintext that it holds: {fault} runs once the process is set up.
FAULTS = {
    "in a command": "raise ValueError(CANARY)",
    "with a cause": "try:\n        int(CANARY)\n    except ValueError as error:\n        raise RuntimeError(CANARY) from error",
    "that cannot be shown": "raise type('E', (Exception,), {'__str__': lambda self: 1 / 0})(CANARY)",
    "deep down": "f = lambda n: f(n + 1)\n    f(0)",
    "in a thread": "t = threading.Thread(target=lambda: int(CANARY)); t.start(); t.join()",
    "while something is cleared away": "type('G', (), {'__del__': lambda self: int(CANARY)})()",
    "in a callback": "run(loop_with(lambda loop: loop.call_soon(int, CANARY)))",
    "in a task": "run(loop_with(lambda loop: loop.create_task(failing(CANARY))))",
    "in a slow callback": "run(loop_with(lambda loop: loop.call_soon(slow, CANARY)))",
    "in a module of others": "logging.getLogger('aiosmtpd').error('got %r', CANARY)",
    "in a logged error": "try:\n        int(CANARY)\n    except ValueError:\n        logging.getLogger('securelist').exception('not done')",
}
PROGRAM = """
import asyncio, logging, sys, threading, time
import click
from securelist.cli import main
from securelist.cli.output import log_to_standard_error
CANARY = sys.stdin.read()
sys.argv = ["securelist", "fault"]
run = asyncio.run
def slow(_what):
    time.sleep(0.2)
async def failing(what):
    int(what)
async def loop_with(begin):
    held = begin(asyncio.get_running_loop())
    await asyncio.sleep(0.4)
    del held
@click.command()
def fault():
    log_to_standard_error()
    {fault}
main._COMMANDS["fault"] = "__main__"
main.main()
"""


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_of_our_own(fault):
    """One line that says where it happened, to be reported; never a traceback, never what it was about, not even in developers' mode."""
    environment = {**os.environ, "PYTHONASYNCIODEBUG": "1", "PYTHONDEVMODE": "1", "PYTHONFAULTHANDLER": "1", "PYTHONWARNINGS": "ignore"}
    program = PROGRAM.replace("{fault}", fault)
    done = subprocess.run([sys.executable, "-c", program], input=CANARY, capture_output=True, text=True, check=False, env=environment)
    assert CANARY not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert all(re.match(r"securelist: internal error|ERROR |WARNING ", line) for line in lines), lines
    if fault.startswith("raise") or "raise" in fault or "f(0)" in fault:
        assert done.returncode == 70
        assert re.search(r"Error|\bE\b", lines[0])
    if "slow" not in fault:
        assert lines


def test_a_fault_is_reported_by_its_place():
    """The line names the kind of error, our modules and the lines in them."""
    program = "from securelist.process import harden; harden()\nfrom securelist.trust.grammar import parse\nparse(None)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"securelist: internal error, .*: \w+Error at .*trust/grammar\.py:\d+.* \(internal\)\n", done.stderr)


def test_nobody_reads_on():
    """A reader that goes away, as `head` does, is no error to speak of."""
    command = f"{SECURELIST} --help | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("U", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_service_is_asked_to_end(here, number):
    """It ends cleanly, and says nothing."""
    running = here.start(stderr=subprocess.PIPE)
    running.process.send_signal(number)
    out, err = running.process.communicate(timeout=30)
    assert (running.process.returncode, out, err) == (0, b"", b"")
