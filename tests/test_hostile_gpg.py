"""GnuPG is kept within bounds: what it may put out, say, and take of memory and of the processor; and who is bound by that."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from people import People, Somebody
from town import Town, entity
from trust_world import certificate_of

from securelist.errors import Refused
from securelist.openpgp import gnupg
from securelist.openpgp.bounded import MAX_OUTPUT_OCTETS, MAX_STATUS_OCTETS, Limits
from securelist.openpgp.gnupg import verify
from securelist.openpgp.list_key import ListKey
from securelist.openpgp.packets import Tag, read_packets, write_packet

MIB = 2**20


@pytest.fixture(scope="module")
def anna(people: People) -> Somebody:
    return people.make("Anna", "anna-of-bounds@nl.example")


def limits_of(pid: int) -> dict[str, str]:
    """The soft limits of a process, by the kernel's words for them."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
    return {line[:25].strip(): line[25:].split()[0] for line in lines}


def child_of_this_thread(command: str) -> int:
    """The process of that name which a thread of this process has just started."""
    for _ in range(500):
        for file in Path("/proc/self/task").glob("*/children"):
            for pid in file.read_text().split():
                if Path(f"/proc/{pid}/comm").read_text().strip() == command:
                    return int(pid)
        time.sleep(0.01)
    raise AssertionError(command)


def test_gpg_that_puts_out_without_end_is_stopped() -> None:
    """Not a gigabyte of it is held: whatever made it do so is refused."""
    with pytest.raises(Refused, match="too-costly"):
        gnupg._judging().run(["--gen-random", "0", str(2**30)], b"")
    assert len(gnupg._judging().run(["--gen-random", "0", str(MAX_OUTPUT_OCTETS)], b"").output) == MAX_OUTPUT_OCTETS


def test_a_flood_of_status_lines_is_stopped(people: People, anna: Somebody) -> None:
    """Signatures by the ten thousand, each of which gpg has three lines to say about."""
    signature = people.gpg("-u", anna.fingerprint, "--detach-sign", data=b"x")
    message = signature * 10_000 + write_packet(Tag.LITERAL, b"b\0\0\0\0\0x")
    with pytest.raises(Refused, match="too-costly"):
        verify(message, certificate_of(people.make("Bert", "bert-of-bounds@nl.example").certificate).octets, int(time.time()))


def test_as_many_notations_as_a_signature_holds_are_no_flood(people: People, anna: Somebody) -> None:
    """Of more, GnuPG 2.2 says that they are too many: the bound on status lines turns no signature away that is as it must be."""
    notations = [word for n in range(500) for word in ("--sig-notation", f"n{n}@x.y=")]
    message = people.gpg("-u", anna.fingerprint, *notations, "--sign", data=entity("x"))
    assert len(read_packets(message)) == 1
    assert verify(message, certificate_of(anna.certificate).octets, int(time.time()) + 5).signer == anna.fingerprint


def test_gpg_that_has_heard_enough_has_its_say(people: People, anna: Somebody) -> None:
    """It may end before it has read 20 MiB: that is its verdict, and no trouble of ours."""
    outcome = gnupg._judging().run(["--no-default-keyring", "--list-keys"], bytes(20 * MIB))
    assert outcome.exit_status == 2 and outcome.rests("ERROR")
    with pytest.raises(Refused):
        verify(b"\xff" * 20 * MIB, certificate_of(anna.certificate).octets, int(time.time()))


@pytest.mark.parametrize("memory", [MIB, 7 * MIB, 8 * MIB])
def test_gpg_without_memory_gives_no_verdict(people: People, anna: Somebody, memory: int) -> None:
    """Where what it was given takes more memory than there is for it, gpg complains or crashes: nothing is good then, and no error ours."""
    judge = gnupg._Judge(gnupg._NOWHERE)
    judge.limits = Limits(memory=memory)
    message = people.sign(anna, entity("x"), armor=False)
    try:
        assert judge.run(["--decrypt"], message).exit_status != 0
    except Refused as refused:
        assert refused.reason == "unreadable-by-gnupg"


def test_the_gpg_that_judges_is_bound() -> None:
    """By the kernel, and it starts no agent that would inherit that."""
    judging = threading.Thread(target=lambda: gnupg._judging().run(["--gen-random", "0", str(MAX_OUTPUT_OCTETS)], b""))
    judging.start()
    gpg, end = child_of_this_thread("gpg"), time.monotonic() + 5
    while (limits := limits_of(gpg))["Max address space"] == "unlimited" and time.monotonic() < end:
        time.sleep(0.01)  # it was started a moment before it was bound
    judging.join()
    assert (limits["Max address space"], limits["Max cpu time"]) == (str(64 * MIB), "20")


def test_no_bound_reaches_gpg_agent(list_key: ListKey) -> None:
    """It lives for months: a limit on its processor time would end it some day, in the midst of somebody's post."""
    assert list_key.sign(b"x")
    asked = ["gpg-connect-agent", "--homedir", str(list_key._home), "getinfo pid", "/bye"]
    said = subprocess.run(asked, capture_output=True, check=True).stdout.decode()
    found = re.search(r"^D (\d+)$", said, re.MULTILINE)
    assert found, said
    limits = limits_of(int(found[1]))
    assert (limits["Max address space"], limits["Max cpu time"]) == ("unlimited", "unlimited")


CONFIGURED: dict[str, Callable[[Path], None]] = {
    "gpg.conf": lambda home: (home / "gpg.conf").write_text("no-such-option\n") and None,
    "dirmngr.conf": lambda home: (home / "dirmngr.conf").write_text("no-such-option\n") and None,
    "common.conf": lambda home: (home / "common.conf").write_text("use-keyboxd\n") and None,
}


@pytest.mark.parametrize("write", CONFIGURED.values(), ids=CONFIGURED)
def test_what_a_user_configures_for_gpg_changes_nothing(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    """Neither a file in the home directory of whoever runs the command, nor GNUPGHOME, nor a GnuPG home that it names."""
    (tmp_path / ".gnupg").mkdir(mode=0o700)
    for home in (tmp_path, tmp_path / ".gnupg"):
        write(home)
    monkeypatch.setenv("GNUPGHOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    anna = next(who for who in town.members.values() if who.name == "Anna")
    monkeypatch.undo()
    post = town.post(anna, entity(f"with somebody's settings {write}"))
    monkeypatch.setenv("GNUPGHOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert town.judge(post, "check")["verdict"] == "accept"


assert MAX_STATUS_OCTETS < 10_000 * 150
