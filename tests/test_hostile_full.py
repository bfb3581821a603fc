"""No room: a disk that is full, no descriptor, no memory. 451, nothing lost and nothing by halves; and on it goes when there is room."""

from __future__ import annotations

import base64
import contextlib
import os
import resource
import secrets
import smtplib
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from people import People
from town import LIST, Running, Town, entity, member

REQUEST = LIST.replace("@", "-request@")
LATER = (451, b"4.3.0 Not done, please try again later")
DONE = (250, b"2.0.0 OK")
MIB = 2**20


@dataclass(frozen=True)
class Disk:
    """A small disk of its own; where only root may mount one, a bound on what the server writes, or a folder that it cannot write to."""

    folder: Path
    is_own: bool

    def fill(self, running: Running | None = None) -> None:
        """From now on, nothing can be written to it: by this server, where one is given."""
        if not self.is_own:
            if running:
                resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
            self.folder.chmod(0o500)
            return
        with contextlib.suppress(OSError), (self.folder / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))

    def free(self, running: Running) -> None:
        """There is room again."""
        if self.is_own:
            (self.folder / "filler").unlink()
        else:
            resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            self.folder.chmod(0o700)


@pytest.fixture
def disk(base: Path) -> Iterator[Disk]:
    folder = base / f"d{secrets.token_hex(2)}"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "none", folder], capture_output=True, check=False)
    yield Disk(folder, mounted.returncode == 0)
    if mounted.returncode == 0:
        subprocess.run(["umount", "--lazy", folder], check=True)


def copies_of(town: Town) -> Counter[tuple[str, str]]:
    """How often each member's Maildir holds each post, by what it says."""
    found: Counter[tuple[str, str]] = Counter()
    for address in town.members:
        for mail in town.mails(address):
            text = town.opened(mail)[0].decode("utf-8", "replace")
            found.update((address, word) for word in text.split() if word.startswith("canary-"))
    return found


def large(town: Town, name: str, canary: str) -> bytes:
    """A post that needs more room than any file has left in it."""
    return town.post(member(town, name), entity(f"{canary}\r\n" + base64.encodebytes(secrets.token_bytes(400_000)).decode()))


def rows(town: Town) -> dict[str, int]:
    """How many rows the tables have that a post or a statement adds to; the database is whole."""
    with contextlib.closing(sqlite3.connect(f"file:{town.home}/securelist.db?mode=ro", uri=True)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tables = ("posts", "bodies", "copies", "seen", "log_entries")
        return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


def until(wanted: object, look: object) -> None:
    """Waits until `look()` is as wanted."""
    assert callable(look)
    give_up = time.monotonic() + 60
    while look() != wanted:
        assert time.monotonic() < give_up, (look(), wanted)
        time.sleep(0.2)


def statement_mail(town: Town, people: People, name: str) -> bytes:
    """The attestation of somebody new, with their certificate, by mail."""
    who = people.make(name, f"{name.lower()}-{town.home.parent.name}@nl.example")
    text = people.clearsign(town.admin, town.statement("attest-ssc", who)) + who.certificate
    head = f"From: {town.admin.address}\r\nTo: {REQUEST}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    return head.encode() + text.replace(b"\n", b"\r\n")


def allow_more(town: Town) -> None:
    """.nl may have more contacts than three."""
    with (town.home / "securelist.toml").open("a") as file:
        file.write("members_per_cctld = 10\n")


def test_a_full_disk_takes_no_post_and_no_statement_and_loses_none(town: Town, people: People, disk: Disk) -> None:
    """Each hears 451, and the tables are as before; sent again when there is room, each takes effect, once."""
    full = town.copy(disk.folder)
    full.inbox.mkdir()
    allow_more(full)
    mails = [(large(full, name, f"canary-{i}-"), LIST) for i, name in enumerate(("Anna", "Bert", "Anna"))]
    mails.append((statement_mail(full, people, "Nina"), REQUEST))
    with full.serve() as running:
        before = rows(full)
        disk.fill(running)
        assert [running.send(mail, to=to) for mail, to in mails] == [LATER] * 4
        assert rows(full) == before
        disk.free(running)
        assert [running.send(mail, to=to) for mail, to in mails] == [DONE] * 4
        assert [running.send(mail, to=LIST) for mail, _ in mails[:3]] == [DONE] * 3
        after = rows(full)
        assert after["seen"] == before["seen"] + 3 and after["log_entries"] > before["log_entries"]
        everybody = [*full.members]
        until({(address, f"canary-{i}-"): 1 for address in everybody for i in range(3)}, lambda: dict(copies_of(full)))
    assert "Nina" in [one["name"] for one in full.listed()]
    full.close()


def test_a_full_disk_under_the_next_hop_loses_no_copy(town: Town, base: Path, disk: Disk) -> None:
    """The Maildirs' disk is full: posts are taken all the same, nothing half-written lies there, and all copies come later."""
    elsewhere = town.copy(base / f"c{secrets.token_hex(2)}", f"maildir:{disk.folder}/inbox")
    elsewhere.inbox = disk.folder / "inbox"
    with elsewhere.serve() as running:
        disk.fill()
        assert running.send(large(elsewhere, "Anna", "canary-late-")) == DONE
        time.sleep(3)
        assert not [file for file in elsewhere.inbox.rglob("new/*") if file.stat().st_size]
        disk.free(running)
        elsewhere.run("queue", "retry")
    elsewhere.deliver()
    assert copies_of(elsewhere) == {(address, "canary-late-"): 1 for address in elsewhere.members}
    assert not [file for file in elsewhere.inbox.rglob("tmp/*") if file.is_file()]
    elsewhere.close()


@contextlib.contextmanager
def session(running: Running) -> Iterator[smtplib.SMTP]:
    """One that is open already when the trouble begins."""
    with smtplib.SMTP("127.0.0.1", running.smtp, timeout=60) as smtp:
        smtp.ehlo()
        yield smtp


def sent(smtp: smtplib.SMTP, mail: bytes) -> tuple[int, bytes]:
    smtp.mail("anna@nl.example")
    smtp.rcpt(LIST)
    return smtp.data(mail)


@contextlib.contextmanager
def limited(running: Running, what: int, most: int) -> Iterator[None]:
    """The server may have no more of something than this."""
    before = resource.prlimit(running.process.pid, what)
    resource.prlimit(running.process.pid, what, (most, before[1]))
    yield
    resource.prlimit(running.process.pid, what, before)


def address_space(running: Running) -> int:
    """How much the server has."""
    return int(Path(f"/proc/{running.process.pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")


@pytest.fixture(scope="module")
def running(town: Town) -> Iterator[Running]:
    with town.serve() as running:
        yield running


@pytest.mark.parametrize("what", ["descriptors", "memory"])
def test_no_descriptor_or_no_memory_is_a_451(town: Town, running: Running, what: str) -> None:
    """GnuPG cannot be started, or a post not be held: it is put off, in the same session it is taken when there is room again."""
    mail = large(town, "Anna", f"canary-{what}-") if what == "descriptors" else large_of(town, 8 * MIB)
    with session(running) as smtp:
        assert sent(smtp, town.post(member(town, "Bert"), entity(f"before {what}"))) == DONE
        before = rows(town)
        kind, most = (resource.RLIMIT_NOFILE, 5) if what == "descriptors" else (resource.RLIMIT_AS, address_space(running) + 12 * MIB)
        with limited(running, kind, most):
            assert sent(smtp, mail) == LATER
        assert rows(town)["seen"] == before["seen"]
        assert sent(smtp, mail) == DONE
        assert rows(town)["seen"] == before["seen"] + 1


def large_of(town: Town, octets: int) -> bytes:
    """A post of that size."""
    return town.post(member(town, "Anna"), entity(base64.encodebytes(secrets.token_bytes(octets)).decode()))
