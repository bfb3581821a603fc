"""The wrong user runs a command, or files come from somebody else: status 77, and advice that may be pasted without harm."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kill_world import fresh_copy
from test_doctor import findings
from test_hostile_home import refusal
from town import SECURELIST, Town

from securelist.doctor.finding import State
from securelist.errors import NotPermitted
from securelist.installation import Installation

NOBODY = 65534
# What another user may not read here (the interpreter may be root's) is imported before it becomes that user.
AS_NOBODY = f"""
import encodings.idna, encodings.latin_1, importlib, os
from securelist.cli import main
for module in main._COMMANDS.values():
    importlib.import_module(module)
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
main.main()
"""
COMMANDS = [
    ("member", "list"),
    ("serve",),
    ("log", "show"),
    ("queue", "list"),
    ("key", "show"),
    ("post", "submit"),
    ("statement", "submit", "-"),
]


@pytest.fixture
def here(town: Town) -> Iterator[Town]:
    """The town's list in a state directory that may be harmed, where every user may enter the folder above."""
    with fresh_copy(town) as made:
        made.home.parent.chmod(0o755)
        yield made


def as_nobody(home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """The command run by another user than root; who is not root is one already."""
    program = [sys.executable, "-c", AS_NOBODY] if os.geteuid() == 0 else [SECURELIST]
    words = [*program, "--home", home, *command]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, input="", cwd="/")


def foreign(town: Town) -> Path:
    """A state directory that is another user's than that of `as_nobody`."""
    return town.home if os.geteuid() == 0 else Path("/root")


def give(home: Path, uid: int) -> None:
    for path in (home, *home.rglob("*")):
        os.chown(path, uid, uid, follow_symlinks=False)


# --- another user ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_directory_of_root_with_another_user(here, command):
    """Whose directory it is, every command says, though it cannot look into it; and both ways out."""
    home = foreign(here)
    done = as_nobody(home, *command)
    assert (done.returncode, done.stdout) == (77, "")
    assert done.stderr.startswith(f"securelist: {home} belongs to the user root, and this command is run by ")
    assert f"runuser -u root -- securelist --home {home} …" in done.stderr
    assert f" {home} (not-ours)\n" in done.stderr.partition("chown -R ")[2]


@pytest.mark.parametrize("command", COMMANDS[:2], ids=" ".join)
def test_a_directory_that_cannot_even_be_seen(here, command):
    """In a folder that is closed nothing is known of it: the same status, one sentence, no traceback."""
    here.home.parent.chmod(0o700)
    home = foreign(here) / "none" if os.geteuid() else here.home
    done = as_nobody(home, *command)
    assert (done.returncode, done.stdout) == (77, "")
    assert done.stderr.startswith(f"securelist: {home} lies where the user ")
    assert done.stderr.endswith("(not-ours)\n")
    assert len(done.stderr.splitlines()) == 1


def test_doctor_with_another_user(here):
    """It says the same as a finding; nothing in it is a fault of the program."""
    done = as_nobody(foreign(here), "doctor")
    assert done.returncode == 78
    assert done.stdout.startswith("PROBLEM  permissions ")
    assert "belongs to the user root" in done.stdout
    assert "a fault of this program" not in done.stdout + done.stderr


def test_a_backup_that_root_restored(here):
    """What `cp -r` made root's opens again for the list's user after the command that the message names."""
    if os.geteuid() != 0:  # who cannot give it away has the advice at least
        assert f"chown -R {os.geteuid()}" in as_nobody(Path("/root"), "member", "list").stderr.replace(
            os.environ.get("USER", "?"), str(os.geteuid())
        )
        return
    give(here.home, NOBODY)
    assert as_nobody(here.home, "member", "list").returncode == 0
    restored = here.home.parent / "restored"
    subprocess.run(["cp", "-r", here.home, restored], check=True)
    refused = as_nobody(restored, "member", "list")
    assert refused.returncode == 77
    advice = refused.stderr[refused.stderr.index("chown -R") :].removesuffix(" (not-ours)\n")
    subprocess.run(advice, shell=True, check=True)
    done = as_nobody(restored, "member", "list")
    assert (done.returncode, done.stderr) == (0, "")


def test_doctor_of_root_beside_the_service(here):
    """Root looks at a directory of the service's user: one fault, and no command that would take a file from that user."""
    if os.geteuid() != 0:  # who is not root has no files to take
        assert findings(here)["permissions"].state is State.OK
        return
    (here.home / "letters").mkdir()
    (here.home / "letters" / "welcome.txt").write_text("Subject: Welkom\n\nWelkom\n")
    with (here.home / "securelist.toml").open("a") as file:
        file.write('\nletters = "letters"\n')
    give(here.home, NOBODY)
    found = findings(here)
    said = found["permissions"]
    assert said.state is State.PROBLEM
    assert said.found == f"{here.home} belongs to the user nobody, and this command is run by root"
    assert f"runuser -u nobody -- securelist --home {here.home}" in said.advice
    assert not [finding.check for finding in found.values() if "root /" in finding.advice]
    assert all((here.home / name).stat().st_uid == NOBODY for name in ("", "secret", "securelist.db", "gnupg"))


@pytest.mark.parametrize("what", ["", "securelist.db", "gnupg/private-keys-v1.d", "roots"], ids=lambda what: what or "the directory")
def test_what_belongs_to_another_user(here, what):
    """Somebody else's state directory, or a part of it, is not used: by root as little as by anybody."""
    if os.geteuid() != 0:  # who cannot give it away takes a directory that is somebody else's already
        with pytest.raises(NotPermitted, match="not-ours"):
            Installation(Path("/"))
        return
    os.chown(here.home / what, NOBODY, NOBODY)
    refused = refusal(here)
    assert (type(refused), refused.reason) == (NotPermitted, "not-ours")
    assert "belongs to the user nobody" in refused.detail
    assert ("runuser -u nobody" if not what else f"run: chown root {here.home}/{what}") in refused.detail


def test_a_directory_closed_to_its_own_user(here):
    """Its owner took every right from themselves: said so, with the command (root enters all the same)."""
    if os.geteuid() == 0:
        give(here.home, NOBODY)
    here.home.chmod(0)
    done = as_nobody(here.home, "member", "list")
    command = f"chmod 700 {here.home}"
    assert (done.returncode, done.stderr) == (
        77,
        f"securelist: {here.home} cannot be entered by its own user; run: {command} (closed-home)\n",
    )
    subprocess.run(command, shell=True, check=True)
    assert as_nobody(here.home, "member", "list").returncode == 0


# --- what keeps nothing from starting ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["securelist.db.2026-11-22", "securelist.db.old", "securelist.db~"])
def test_a_backup_beside_the_database(here, name):
    """A copy that others could read stops no command, for none opens it; doctor warns, and names the command."""
    (here.home / name).touch(0o644)
    (here.home / name).chmod(0o644)
    Installation(here.home).check_unchanged()
    found = findings(here)
    assert (found["permissions"].state, found["permissions"].found) == (State.WARNING, f"{here.home}/{name} is open: others can read it")
    subprocess.run(found["permissions"].advice.removeprefix("run: "), shell=True, check=True)
    assert findings(here)["permissions"].state is State.OK


# --- letters -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def letter(here: Town) -> Path:
    """Where the list looks for its own welcome; nothing is there yet."""
    (here.home / "letters").mkdir(mode=0o755)
    with (here.home / "securelist.toml").open("a") as file:
        file.write('\nletters = "letters"\n')
    return here.home / "letters" / "welcome.txt"


@pytest.fixture
def checkout(here: Town) -> Path:
    """A translation that is kept elsewhere."""
    made = here.home.parent / "checkout"
    made.mkdir(mode=0o755)
    (made / "nl.txt").write_text("Subject: Welkom\n\nWelkom\n")
    (made / "nl.txt").chmod(0o644)
    return made / "nl.txt"


def test_letters_that_others_can_change(here, letter):
    """What the server writes is nobody else's to word."""
    letter.parent.chmod(0o777)
    assert refusal(here).reason == "open-file"


@pytest.mark.parametrize("relative", [False, True])
def test_a_letter_that_is_a_link(here, letter, checkout, relative):
    """Into a checkout that nobody else can change, a link is as good as the file; one that leads nowhere is no letter."""
    letter.symlink_to(Path("../../checkout/nl.txt") if relative else checkout)
    (letter.parent / "receipt.txt").symlink_to("nothing")
    Installation(here.home).check_unchanged()


LINKED = {
    "the file": (lambda letter, there: there.chmod(0o666), "open-file"),
    "its folder": (lambda letter, there: there.parent.chmod(0o777), "open-file"),
    "a link between": (lambda letter, there: _second_link(there), "symbolic-link"),
}


def _second_link(there: Path) -> None:
    there.rename(there.with_name("moved"))
    there.symlink_to("moved")


@pytest.mark.parametrize(("harm", "reason"), LINKED.values(), ids=LINKED)
def test_a_linked_letter_that_others_can_change(here, letter, checkout, harm, reason):
    """Whoever can change what the link leads to, or turn the way there, would word the list's mail."""
    letter.symlink_to(checkout)
    harm(letter, checkout)
    assert refusal(here).reason == reason
