"""Somebody with a shell on the machine looks at the running relay, or makes it crash: while posts pass through its memory."""

from __future__ import annotations

import os
import re
import resource
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from kill_world import fresh_copy
from town import LIST, SECURELIST, Running, Town, entity, member

POSTS = 6
# Long enough that gpg is seen at work, several times for each post.
POST_OCTETS = 2_000_000
NOBODY = 65534
REQUEST = LIST.replace("@", "-request@")


@pytest.fixture(scope="module")
def canary() -> str:
    return secrets.token_hex(12)


@pytest.fixture(scope="module")
def posts(town: Town, canary: str) -> list[bytes]:
    """Posts that take a while, all of them with the canary in text and subject."""
    anna = member(town, "Anna")
    filling = "x" * 70 + "\r\n"
    text = [f"{canary} number {number}\r\n{filling * (POST_OCTETS // 72)}" for number in range(POSTS)]
    return [town.post(anna, entity(one, f"Subject: {canary}"), Subject="...") for one in text]


@pytest.fixture
def here(town: Town) -> Iterator[Town]:
    with fresh_copy(town) as made:
        yield made


@contextmanager
def serving(town: Town, **how: object) -> Iterator[Running]:
    """A server that may be killed; whatever is left of it ends here."""
    running = town.start(stderr=subprocess.PIPE, **how)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.communicate(timeout=30)


def children(pid: int) -> list[int]:
    """The processes that this one started and that still run."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, task.read_text().split())
    return found


@dataclass
class Looker(threading.Thread):
    """Reads again and again what /proc tells of a process and its children, while `pid` lives and nobody says stop."""

    pid: int
    programs: set[str] = field(default_factory=set)
    told: set[bytes] = field(default_factory=set)
    """Words, environments, and where descriptors lead."""
    written: set[str] = field(default_factory=set)
    """Files that are open for writing."""

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        while not self.over.is_set():
            for pid in (self.pid, *children(self.pid)):
                with suppress(OSError):
                    self._look(Path(f"/proc/{pid}"))

    def _look(self, process: Path) -> None:
        self.told.add((process / "cmdline").read_bytes())
        self.programs.add((process / "comm").read_text().strip())
        if os.geteuid() == 0:  # the kernel shows the relay's to root alone
            self.told.add((process / "environ").read_bytes())
            for descriptor in (process / "fd").iterdir():
                with suppress(OSError):
                    self._look_at(descriptor, process / "fdinfo" / descriptor.name)

    def _look_at(self, descriptor: Path, facts: Path) -> None:
        target = os.fsencode(descriptor.readlink())
        self.told.add(target)
        flags = int(re.search(r"^flags:\s*(\d+)", facts.read_text(), re.MULTILINE)[1], 8)
        is_same = os.fsencode(descriptor.readlink()) == target  # else its number was given to another file in between
        if is_same and target.startswith(b"/") and flags & os.O_ACCMODE != os.O_RDONLY:
            self.written.add(target.decode())


def test_what_is_seen_in_proc_while_posts_are_judged(here, posts, canary):
    """Words and environment of the relay and each gpg that it starts hold nothing of a post; descriptors lead to no file outside."""
    with serving(here) as running:
        looker = Looker(running.process.pid)
        looker.start()
        with ThreadPoolExecutor(3) as senders:
            assert [answer[0] for answer in senders.map(running.send, posts)] == [250] * POSTS
        looker.over.set()
        looker.join(10)
    assert {"gpg", "securelist"} <= looker.programs
    assert [told for told in looker.told if canary.encode() in told] == []
    ours = (f"{here.home}/", f"{here.inbox}/", "/dev/null", "/memfd:")
    assert looker.written or os.geteuid() != 0
    assert [file for file in looker.written if not file.startswith(ours)] == []


def test_another_user_looks_into_the_process(here, posts):
    """Memory, environment and open files of relay and gpg are nobody else's to see: not even, for the relay's, its own user's."""
    with serving(here) as running, ThreadPoolExecutor(1) as senders:
        sent = senders.submit(running.send, posts[0])
        gpg = 0
        while not gpg:
            assert not sent.done()
            gpg = next(iter(children(running.process.pid)), 0)
        os.kill(gpg, signal.SIGSTOP)  # so that there is time to look
        try:
            assert readable(running.process.pid) == ""
            assert os.geteuid() != 0 or readable(gpg) == ""
        finally:
            os.kill(gpg, signal.SIGCONT)
        assert sent.result()[0] == 250
    # What this asks for can be had of a process that is open to whoever asks.
    assert len(readable(os.getpid(), "")) > 100


def readable(pid: int, of: str = "another") -> str:
    """What a shell can read of a process: as another user, if we are root; else, or if it is not to be another, as ourselves."""
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if of and os.geteuid() == 0 else {}
    script = f"cd /proc/{pid}; head -qc 200 environ maps auxv | base64; ls fd | base64; dd if=mem bs=1 count=1 | base64"
    return subprocess.run(["sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, text=True, **user).stdout


# --- crashes -------------------------------------------------------------------------------------------------------------

COMMANDS: dict[str, Callable[[Town], list[str]]] = {
    "serve": lambda town: [SECURELIST, "--home", str(town.home), "serve"],
    "post submit": lambda town: [SECURELIST, "--home", str(town.home), "post", "submit"],
    "statement submit": lambda town: [SECURELIST, "--home", str(town.home), "statement", "submit", "-"],
    "another program": lambda _town: [sys.executable, "-c", "import time; time.sleep(60)"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_crash_leaves_no_core_file(here, tmp_path, name):
    """The kernel writes the memory of no command to a file when it crashes; of another program it does, where the limits allow it."""
    begins = ["bash", "-c", 'ulimit -S -c "$(ulimit -H -c)"; exec "$@"', "bash", *COMMANDS[name](here)]
    with subprocess.Popen(begins, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=tmp_path) as process:
        try:
            time.sleep(0.5 if name == "another program" else wait_until_closed(process.pid))
            process.send_signal(signal.SIGSEGV)
            _, status = os.waitpid(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGSEGV
    left = [file.name for file in tmp_path.iterdir()]
    if name == "another program":
        allowed = resource.getrlimit(resource.RLIMIT_CORE)[1] != 0
        assert os.WCOREDUMP(status) == allowed, left
    else:
        assert (os.WCOREDUMP(status), left) == (False, [])


def wait_until_closed(pid: int) -> float:
    """Waits until the limits of a process allow no core file; gives 0."""
    end = time.monotonic() + 30
    while not re.search(r"^Max core file size +0 +0 ", Path(f"/proc/{pid}/limits").read_text(), re.MULTILINE):
        assert time.monotonic() < end, "core files are allowed"
        time.sleep(0.02)
    return 0


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "another program"])
def test_no_command_is_dumpable(here, tmp_path, name):
    """Before it reads a single octet of a mail, each command has told the kernel to keep its memory to itself (prctl(2)), and was heard."""
    trace = tmp_path / "trace"
    words = ["strace", "-D", "-qq", "-e", "trace=prctl,read,listen", "-o", str(trace), *COMMANDS[name](here)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 60
            while not re.search(r"^(read\(0,|listen\()", trace.read_text() if trace.exists() else "", re.MULTILINE):
                assert time.monotonic() < end
                time.sleep(0.05)
        finally:
            process.kill()
    calls = trace.read_text()
    asked = re.search(r"^prctl\(PR_SET_DUMPABLE, (SUID_DUMP_DISABLE|0)[^)]*\)\s+= 0$", calls, re.MULTILINE)
    taken = re.search(r"^(read\(0,|listen\()", calls, re.MULTILINE)
    assert asked and asked.start() < taken.start()


def test_a_crash_with_posts_under_way(here, posts, canary):
    """After a crash in the middle of posts nothing of them lies in the state directory, the temporary folder or the Maildirs."""
    temporary = here.home.parent / "tmp"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with serving(here, cwd=temporary, env=environment) as running:
        with ThreadPoolExecutor(3) as senders:
            sent = [senders.submit(attempt, running, post) for post in posts[:3]]
            while not children(running.process.pid):
                time.sleep(0.01)
            running.process.send_signal(signal.SIGSEGV)
            running.process.wait(30)
        assert running.process.returncode == -signal.SIGSEGV
        assert not any(one.result() for one in sent)
    here.close()
    files = [path for path in here.home.parent.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if canary.encode() in path.read_bytes()] == []
    assert list(temporary.iterdir()) == []


def attempt(running: Running, post: bytes) -> bool:
    """Whether the post was answered 250 before the crash."""
    with suppress(OSError, EOFError):
        try:
            return running.send(post)[0] == 250
        except Exception as broken:
            assert type(broken).__module__ == "smtplib", broken
    return False


# --- logs ----------------------------------------------------------------------------------------------------------------


def test_the_service_in_developers_mode(here, posts, canary):
    """With every switch on by which Python tells more, the service's messages hold nothing of posts, taken or refused."""
    switches = {
        "PYTHONDEVMODE": "1",
        "PYTHONASYNCIODEBUG": "1",
        "PYTHONFAULTHANDLER": "1",
        "PYTHONTRACEMALLOC": "5",
        "PYTHONUNBUFFERED": "1",
    }
    running = here.start(stderr=subprocess.PIPE, env={**os.environ, **switches})
    stranger = here.people.make("Stranger", f"stranger-{here.home.parent.name}@evil.example")
    try:
        assert running.send(posts[0])[0] == 250
        assert running.send(here.post(stranger, canary))[0] == 550
        assert running.send(here.post(member(here, "Anna"), canary, Subject=canary), to=f"{LIST.replace('@', '-request@')}")[0] in (
            250,
            550,
        )
    finally:
        running.process.send_signal(signal.SIGTERM)
        out, err = running.process.communicate(timeout=60)
    assert canary.encode() not in out + err
    assert b"Traceback" not in err
