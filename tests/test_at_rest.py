"""Nothing of a post in the clear reaches a file, at any time: every write of the relay and its children is looked at."""

from __future__ import annotations

import os
import re
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from kill_world import fresh_copy, until_nothing_is_queued
from people import People, Somebody
from secret_mails import KINDS, REQUEST, Desk, add_mail, add_opened, armored_in, dearmored
from town import LIST, SECURELIST, Town, member
from watched import Needles, Trace, Watch

CODES = {250: 0, 550: 65}
NO_CORE = re.compile(r"^Max core file size +0 +0 ", re.MULTILINE)


@dataclass(frozen=True)
class Seen:
    """What there is to see of a relay at work: each write, each file while it runs and afterwards, what it said."""

    base: Path
    trace: Trace
    files: dict[str, bytes]
    said: bytes
    journal: list[tuple[str, str]]
    needles: Needles
    statement: str
    copies: dict[str, bytes]


@dataclass(frozen=True)
class Stage:
    """A list in a folder of its own, and mails for it, by kind."""

    town: Town
    base: Path
    mails: dict[str, bytes]
    statement: bytes
    watches: list[Watch] = field(default_factory=list)

    def watch(self) -> Watch:
        self.watches.append(Watch(self.base / f"trace{len(self.watches)}"))
        return self.watches[-1]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "TMPDIR": str(self.base / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"}

    def files(self, when: str) -> dict[str, bytes]:
        """Name and content of every file below the state directory, the temporary folder and the Maildirs."""
        found = [file for part in ("home", "tmp", "inbox") for file in (self.base / part).rglob("*") if file.is_file()]
        return {f"{file} {when}": file.read_bytes() for file in found}


def by_serve(stage: Stage) -> tuple[dict[str, bytes], bytes]:
    """All mails by SMTP to one server, which delivers; the files while it runs, and its words."""
    log, watch = stage.base / "stderr", stage.watch()
    with log.open("wb") as stderr:
        running = stage.town.start(*watch.words, pass_fds=watch.pass_fds, env=stage.environment, stderr=stderr)
    try:
        for name, mail in stage.mails.items():
            assert running.send(mail, to=KINDS[name].to)[0] == KINDS[name].code, name
        assert running.send(stage.statement, to=REQUEST)[0] == 250
        until_nothing_is_queued(stage.town)
        files = stage.files("(running)")
    finally:
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(30) == 0
    assert running.process.stdout is not None
    with running.process.stdout as stdout:
        return files, stdout.read() + log.read_bytes()


def by_pipe(stage: Stage) -> tuple[dict[str, bytes], bytes]:
    """Each mail looked at by `post check`, then taken by `post submit`, at last delivered: a process each."""
    said = []

    def run(status: int, mail: bytes, *words: str) -> None:
        log, watch = stage.base / "stderr", stage.watch()
        command = [*watch.words, SECURELIST, "--home", str(stage.town.home), *words]
        how = {"pass_fds": watch.pass_fds, "env": stage.environment, "timeout": 60, "check": False}
        with log.open("wb") as stderr:  # a pipe would be held open by the tracer of the agent
            done = subprocess.run(command, input=mail, stdout=subprocess.PIPE, stderr=stderr, **how)
        said.append(done.stdout + log.read_bytes())
        assert done.returncode == status, (words, said[-1])

    for name, mail in stage.mails.items():
        if KINDS[name].to == LIST:
            run(CODES[KINDS[name].code], mail, "post", "check")
        run(CODES[KINDS[name].code], mail, "post", "submit", "--rcpt", KINDS[name].to, "--mail-from", "anna@nl.example")
    run(0, stage.statement, "post", "submit", "--rcpt", REQUEST, "--mail-from", "admin@nl.example")
    run(0, b"", "deliver", "--once")
    return {}, b"".join(said)


@pytest.fixture(scope="module")
def stranger(people: People, base: Path) -> Somebody:
    return people.make("Mallory", f"mallory-{base.name}@evil.example")


@pytest.fixture(scope="module", params=[by_serve, by_pipe])
def seen(request: pytest.FixtureRequest, town: Town, people: People, stranger: Somebody) -> Seen:
    """The relay under strace takes or refuses a mail of every kind, and delivers copies and letters."""
    work: Callable[[Stage], tuple[dict[str, bytes], bytes]] = request.param
    with fresh_copy(town) as here:
        anna, bert = member(here, "Anna"), member(here, "Bert")
        desks = {name: Desk(here, people, anna, stranger) for name in KINDS}
        text, statement = statement_mail(here, people)
        stage = Stage(here, here.home.parent, {name: KINDS[name].write(desk) for name, desk in desks.items()}, statement)
        (stage.base / "tmp").mkdir()
        files, said = work(stage)
        here.close()
        trace = Trace.of(watch.trace() for watch in stage.watches)
        needles = needles_of(stage, desks)
        copies = {mail["Message-ID"]: armored_in(mail.as_bytes()) for mail in here.mails(bert.address)}
        return Seen(stage.base, trace, files | stage.files("afterwards"), said, journal(here.home), needles, text, copies)


def needles_of(stage: Stage, desks: dict[str, Desk]) -> Needles:
    """All that must not be found, of the mails as they came and of the copies and letters as they left."""
    needles = Needles()
    for name, desk in desks.items():
        add_mail(needles, name, desk, stage.mails[name])
    for file in stage.town.inbox.glob("*/new/*"):
        add_opened(needles, f"a mail to {file.parent.parent.name}", stage.town.people.home, dearmored(file.read_bytes()))
    return needles


def journal(home: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(home / "securelist.db")) as database:
        return [(event, f"{subject} {detail}") for event, subject, detail in database.execute("SELECT event, subject, detail FROM journal")]


def statement_mail(town: Town, people: People) -> tuple[str, bytes]:
    """A statement (a member has another phone number), whose text is for everybody's eyes, and the mail that brings it."""
    text = town.statement("attest-ssc", member(town, "Carla"), Phone=f"+31 {secrets.randbelow(10**9):09}")
    head = f"From: {town.admin.address}\r\nSubject: Carla\r\n\r\n".encode()
    return text, head + people.clearsign(town.admin, text).replace(b"\n", b"\r\n")


def test_every_write_is_seen(seen):
    """What must be written is found where it belongs by the same means: copies, sealed bodies, a statement; gpg is watched, too."""
    assert {"gpg", "gpg-agent"} <= seen.trace.programs
    wanted = Needles()
    wanted.add("statement", seen.statement.encode())
    for name, armored in seen.copies.items():
        wanted.add(f"copy of {name}", armored)
        wanted.add(f"body of {name}", dearmored(armored)[-1000:])
    found = wanted.leaks(seen.trace)
    in_maildirs = {name for path, names in found.items() if path.startswith(f"{seen.base}/inbox/") for name in names}
    in_database = {name for path, names in found.items() if path == f"{seen.base}/home/securelist.db-wal" for name in names}
    assert len(seen.copies) == len([kind for kind in KINDS.values() if kind.to == LIST and kind.code == 250])
    assert {f"copy of {name} (plain)" for name in seen.copies} <= in_maildirs
    assert {"statement (plain)", *(f"body of {name} (plain)" for name in seen.copies)} <= in_database


def test_no_write_holds_anything_in_the_clear(seen, capsys):
    """No text, subject, attachment, session key or signed message is in any write to any file, in any dress; and no file lies elsewhere."""
    files = {path: octets for path, octets in seen.trace.written.items() if path.startswith("/")}
    octets = sum(map(len, files.values()))
    with capsys.disabled():
        print(f"\n{len(KINDS) + 1} mails: {octets} octets written to {len(files)} files; {len(seen.needles)} strings looked for.")
    assert seen.needles.leaks(seen.trace) == {}
    assert seen.trace.unseen == []
    assert not [path for path in files if not path.startswith(f"{seen.base}/")]


def test_no_file_holds_anything_in_the_clear(seen):
    """Neither while the relay runs nor afterwards, the journal and the names of files included; the temporary folder is empty."""
    assert f"{seen.base}/home/securelist.db afterwards" in seen.files
    assert {path: found for path, octets in seen.files.items() if (found := seen.needles.found_in(path.encode() + octets))} == {}
    assert not [path for path in seen.files if path.startswith(f"{seen.base}/tmp/")]


def test_the_relay_says_nothing_in_the_clear(seen):
    """Standard output, standard error and the journal speak of the mails without a word of them."""
    assert seen.needles.found_in(seen.said) == set()
    refused = [detail for event, detail in seen.journal if event == "refused"]
    assert len(refused) == len([kind for kind in KINDS.values() if kind.to == LIST and kind.code == 550])
    assert seen.needles.found_in("\n".join(f"{event} {detail}" for event, detail in seen.journal).encode()) == set()


@pytest.mark.parametrize("command", [("serve",), ("post", "submit"), ("post", "check")], ids=" ".join)
def test_a_crash_leaves_no_core_file(town, command):
    """What passes through memory does not reach a disk by a core file (core(5)), whatever the shell allows."""
    shell = ("bash", "-c", 'ulimit -S -c "$(ulimit -H -c)"; exec "$@"', "bash")
    words = [*shell, SECURELIST, "--home", str(town.home), *command]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 30
            while not NO_CORE.search(Path(f"/proc/{process.pid}/limits").read_text()):
                assert time.monotonic() < end, "core files are allowed"
                time.sleep(0.02)
        finally:
            process.kill()


# --- the watch itself ------------------------------------------------------------------------------------------------

# Ways to put octets into the file at `path`, as a program may; whether they are seen, or only that they could not be.
LEAKS = {
    "in one write": ("open(path, 'wb').write(it)", "seen"),
    "octet by octet": ("f = open(path, 'wb', 0); [f.write(bytes([o])) for o in it]", "seen"),
    "at a place": ("os.pwrite(file, it, 4096)", "seen"),
    "from several places": ("os.writev(file, [it[:20], it[20:]])", "seen"),
    "from several places at a place": ("os.pwritev(file, [it[:20], it[20:]], 7)", "seen"),
    "by standard output": ("os.dup2(file, 1); os.write(1, it)", "seen"),
    "by a child": ("os.fork() or os.write(file, it)", "seen"),
    "by a daemon": ("os.fork() and os._exit(0); os.setsid(); time.sleep(0.3); os.write(file, it)", "seen"),
    "by another program": ("subprocess.run(['dd', 'of=' + path, 'status=none'], input=it)", "seen"),
    "by a thread": ("t = threading.Thread(target=os.write, args=(file, it)); t.start(); t.join()", "seen"),
    "in a file that is removed at once": ("os.unlink(path); os.write(file, it)", "seen"),
    "in a file without a name": ("os.write(os.open(os.path.dirname(path), os.O_TMPFILE | os.O_RDWR), it)", "seen"),
    "in base64": ("os.write(file, base64.b64encode(b'xx' + it))", "seen"),
    "in hexadecimal": ("os.write(file, it.hex().encode())", "seen"),
    "in quoted-printable": ("os.write(file, quopri.encodestring(it))", "seen"),
    "in UTF-16": ("os.write(file, it.decode().encode('utf-16-be'))", "seen"),
    "in part": ("os.write(file, it[31:31 + 16])", "seen"),
    "as a file's name": ("open(path + it[:24].decode(), 'wb')", "seen"),
    "as a symbolic link": ("os.symlink(it, path + 'l')", "seen"),
    "as a name to be": ("os.rename(path, path + it[:24].decode())", "seen"),
    "as an attribute": ("os.setxattr(path, 'user.x', it)", "seen"),
    "through shared memory": ("os.truncate(file, 4096); mmap.mmap(file, 4096)[:len(it)] = it", "unseen"),
    "from memory": ("m = os.memfd_create('x'); os.write(m, it); os.sendfile(file, m, 0, len(it))", "unseen"),
    "from another file": ("os.copy_file_range(os.open('/proc/self/exe', 0), file, 40)", "unseen"),
    "from a pipe": ("r, w = os.pipe(); os.write(w, it); os.splice(r, file, len(it))", "unseen"),
}
PROGRAM = """
import base64, mmap, os, quopri, subprocess, sys, threading, time
path, it = sys.argv[1], sys.stdin.buffer.read()
file = os.open(path, os.O_RDWR | os.O_CREAT)
try:
    {}
except OSError:
    pass  # a file system need not have it; that it was tried is enough
"""


@pytest.mark.parametrize(("way", "expected"), LEAKS.values(), ids=LEAKS)
def test_a_leak_is_noticed(tmp_path, way, expected):
    """Whichever way a program writes plaintext, the watch finds it; and where it cannot see the octets, it says so."""
    secret = "".join(f"{secrets.token_urlsafe(9)}ä\r\n" for _ in range(6)).encode()
    needles = Needles()
    needles.add("secret", secret)
    watch = Watch(tmp_path / "trace")
    program = [*watch.words, sys.executable, "-I", "-S", "-c", PROGRAM.format(way), str(tmp_path / "leak")]
    subprocess.run(program, input=secret, check=True, stderr=subprocess.DEVNULL, pass_fds=watch.pass_fds)
    trace = watch.trace()
    assert bool(needles.leaks(trace)) is (expected == "seen")
    assert bool(trace.unseen) is (expected == "unseen")


def test_a_file_in_the_clear_is_noticed(tmp_path):
    """The search through files finds a text somewhere in a large one, and nothing in one without it."""
    desk_text = secrets.token_urlsafe(40).encode()
    needles = Needles()
    needles.add("text", desk_text)
    noise = os.urandom(100_000)
    assert needles.found_in(noise) == set()
    assert needles.found_in(noise + desk_text[5:30] + noise) == {"text (plain)"}
