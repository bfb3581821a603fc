"""`securelist log verify` as members call it, with the copies that they got: its verdict, what it prints, its exit status."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import time
from pathlib import Path

import pytest
from copies_world import Story, own_gpg, story  # noqa: F401
from town import SECURELIST

from securelist.trust.export import read_export


def run(story: Story, log: str, *options: object, status: int = 0, stderr: int = subprocess.PIPE) -> tuple[str, str]:
    """(output, errors) of `log verify` on a machine that has no state directory."""
    root = story.logs[log].with_name("root.asc")
    command = [SECURELIST, "log", "verify", str(story.logs[log]), "--root", str(root), *map(str, options)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, cwd="/", check=False)
    errors = (done.stderr or b"").decode()
    assert done.returncode == status and "Traceback" not in errors, errors
    return done.stdout.decode(), errors


@pytest.fixture
def mails(story: Story, tmp_path: Path) -> dict[str, Path]:
    """The copies as files, one of them no copy at all."""
    octets = {"early": story.early_copy, "late": story.late_copy, "none": b"hello"}
    found = {name: tmp_path / f"{name}.eml" for name in octets}
    for name, path in found.items():
        path.write_bytes(octets[name])
    return found


@pytest.mark.usefixtures("own_gpg")
def test_copies_that_agree_change_nothing(story: Story, mails: dict[str, Path]) -> None:
    """The verdict stays, and each copy is named with the entry at which it was sent."""
    proof = json.loads(run(story, "late", "--copy", mails["early"], "--copy", mails["late"], "--json")[0])
    assert (proof["valid"], proof["problems"]) == (True, []) and len(proof["members"]) == 3
    assert [list(copy) for copy in proof["copies"]] == [["file", "message_id", "entry", "agrees"]] * 2
    assert [(copy["file"], copy["agrees"]) for copy in proof["copies"]] == [(str(mails["early"]), True), (str(mails["late"]), True)]
    assert proof["copies"][0]["entry"] < proof["copies"][1]["entry"] == proof["entries"]


@pytest.mark.usefixtures("own_gpg")
@pytest.mark.parametrize(("log", "wrong"), [("short", "late"), ("forked", "late"), ("late", "none")])
def test_one_bad_copy_makes_the_verdict(story: Story, mails: dict[str, Path], log: str, wrong: str) -> None:
    """Exit status 65, no members, and one problem that names the file; the copy that agrees is still said to."""
    options = ("--copy", mails["early"], "--copy", mails[wrong])
    proof = json.loads(run(story, log, *options, "--json", status=65)[0])
    assert (proof["valid"], proof["members"], len(proof["problems"])) == (False, [], 1)
    assert str(mails[wrong]) in proof["problems"][0]
    assert [copy["agrees"] for copy in proof["copies"]] == [True, False]
    output, errors = run(story, log, *options, status=65)
    assert (output, "NOT PROVED" in errors, str(mails[wrong]) in errors, str(mails["early"]) in errors) == ("", True, True, False)


def test_an_export_that_does_not_hold_is_not_compared(story: Story, mails: dict[str, Path], base: Path) -> None:
    """What the export says is worth nothing then, so the copies are not even opened."""
    story.logs["bad"] = base / "bad.log"
    story.logs["bad"].write_bytes(story.logs["late"].read_bytes()[:-100])
    proof = json.loads(run(story, "bad", "--copy", mails["late"], "--json", status=65)[0])
    assert (proof["valid"], proof["copies"], len(proof["problems"])) == (False, [], 1)


@pytest.mark.usefixtures("own_gpg")
def test_what_was_checked_is_said_unless_it_is_not_wanted(story: Story, mails: dict[str, Path]) -> None:
    """A line for each entry, one for each copy, then the members; `--quiet` leaves out the first; JSON has them, too."""
    proof = json.loads(run(story, "late", "--json")[0])
    assert len(proof["checked"]) == proof["entries"]
    lines = run(story, "late", "--copy", mails["late"])[0].splitlines()
    quiet = run(story, "late", "--copy", mails["late"], "--quiet")[0].splitlines()
    assert lines == [*proof["checked"], *quiet]
    assert quiet[0] == f"{mails['late']}: agrees, the log's head was entry {proof['entries']}"
    assert quiet[1].endswith("UTC. Members:") and "Dora" in "".join(quiet[2:])


def test_the_members_of_another_day(story: Story) -> None:
    """`--at` asks the entries up to then: Carla was a member before she was withdrawn, and Dora was not yet; bad times are refused."""
    early = read_export(story.logs["early"].read_bytes()).links[-1].entry.time
    then = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(early))
    names = {m["name"] for m in json.loads(run(story, "late", "--at", then, "--json")[0])["members"]}
    assert names == {"Anna", "Bert", "Carla"}
    assert f"Members at {then[:10]} " in run(story, "late", "--at", then)[0]
    for text in ("yesterday", "", "0001-01-01T00:00+14:00"):
        assert "is not a time" in run(story, "late", "--at", text, status=64)[1]


def test_who_waits_at_a_terminal_sees_that_it_goes_on(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar on standard error while it verifies; what is printed for programs stays clean."""
    monkeypatch.setenv("TERM", "xterm")
    ours, its = pty.openpty()
    output, _ = run(story, "late", "--json", stderr=its)
    os.close(its)
    assert json.loads(output)["valid"] and b"verifying" in os.read(ours, 65536)
    os.close(ours)
