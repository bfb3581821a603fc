"""Somebody changes what lies in the state directory behind the program's back: it refuses to start, and says what to do."""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kill_world import fresh_copy
from people import People
from town import LIST, SECURELIST, Town, member

from securelist.errors import ConfigurationError, NotPermitted, SecurelistError
from securelist.installation import Installation

OTHER_KEY = "A" * 40
LAST = "SELECT max(number) FROM log_entries"
Harm = Callable[[Town], object]


@pytest.fixture
def here(town: Town) -> Iterator[Town]:
    """The town's list in a state directory that may be harmed."""
    with fresh_copy(town) as made:
        yield made


def refusal(town: Town) -> SecurelistError:
    """What opening the installation, and asking whether it is unchanged, raises."""
    with pytest.raises(SecurelistError) as caught:
        Installation(town.home).check_unchanged()
    assert caught.value.detail.isprintable()
    return caught.value


def execute(town: Town, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(town.home / "securelist.db")) as database, database:
        database.execute(statement)


def configure(town: Town, setting: str, value: str) -> None:
    file = town.home / "securelist.toml"
    file.write_text(re.sub(rf'^{setting} = ".*"', f'{setting} = "{value}"', file.read_text(), flags=re.MULTILINE))


def root_file(town: Town) -> Path:
    [file] = (town.home / "roots").glob("*.asc")
    return file


def link(path: Path) -> None:
    """A symbolic link in the place of a file or folder, which goes elsewhere."""
    elsewhere = path.parent.parent / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


# --- permissions -------------------------------------------------------------------------------------------------------

OPEN: dict[str, tuple[Harm, str]] = {
    "others may enter the directory": (lambda t: t.home.chmod(0o750), "open-home"),
    "others may read the database": (lambda t: (t.home / "securelist.db").chmod(0o640), "open-file"),
    "others may read the write-ahead log": (lambda t: (t.home / "securelist.db-wal").touch(0o644), "open-file"),
    "others may read the secret": (lambda t: (t.home / "secret").chmod(0o604), "open-file"),
    "others may read the configuration": (lambda t: (t.home / "securelist.toml").chmod(0o644), "open-file"),
    "others may enter the GnuPG home": (lambda t: (t.home / "gnupg").chmod(0o711), "open-file"),
    "others may read a secret key": (lambda t: next((t.home / "gnupg/private-keys-v1.d").iterdir()).chmod(0o640), "open-file"),
    "others may read the revocation": (lambda t: next((t.home / "gnupg/openpgp-revocs.d").iterdir()).chmod(0o644), "open-file"),
    "others may write the keyring": (lambda t: (t.home / "gnupg/pubring.kbx").chmod(0o622), "open-file"),
    "others may add a trust root": (lambda t: (t.home / "roots").chmod(0o777), "open-file"),
    "others may change a trust root": (lambda t: root_file(t).chmod(0o664), "open-file"),
    "the directory above is everybody's": (lambda t: t.home.parent.chmod(0o777), "open-file"),
    "the GnuPG home is a link": (lambda t: link(t.home / "gnupg"), "symbolic-link"),
    "the database is a link": (lambda t: link(t.home / "securelist.db"), "symbolic-link"),
    "the trust roots are a link": (lambda t: link(t.home / "roots"), "symbolic-link"),
}


@pytest.mark.parametrize(("harm", "reason"), OPEN.values(), ids=OPEN)
def test_a_state_directory_that_is_open_to_others(here, harm, reason):
    """Whatever others could read or change keeps every command from starting; the message names the file and the command to type."""
    harm(here)
    refused = refusal(here)
    assert (type(refused), refused.reason) == (NotPermitted, reason)
    assert str(here.home.parent) in refused.detail
    if reason != "symbolic-link":
        command = refused.detail.rpartition("run: ")[2]
        subprocess.run(command, shell=True, check=True)
        Installation(here.home).check_unchanged()


def test_what_others_may_read(here):
    """Trust roots and keyring are public: that others could read them keeps nothing from starting, nor does a socket."""
    for file in (here.home / "roots", root_file(here), here.home / "gnupg" / "pubring.kbx"):
        file.chmod(file.stat().st_mode | 0o044)
    here.run("key", "show")  # starts the agent
    Installation(here.home).check_unchanged()


def test_a_group_above_is_only_mentioned(here):
    """On Debian everybody has a group of their own, which may write to their folders: doctor says so, nothing is refused."""
    here.home.parent.chmod(0o770)
    Installation(here.home).check_unchanged()


@pytest.mark.parametrize("command", [("serve",), ("member", "list"), ("post", "submit"), ("statement", "submit", "-"), ("log", "show")])
def test_every_command_refuses_an_open_directory(here, command):
    """No command that opens the installation runs, and each ends with status 77 and the command that mends it."""
    (here.home / "secret").chmod(0o644)
    done = subprocess.run([SECURELIST, "--home", here.home, *command], capture_output=True, text=True, check=False, timeout=60, input="")
    assert (done.returncode, done.stdout) == (77, "")
    assert done.stderr == f"securelist: {here.home}/secret is open: others can read it; run: chmod go= {here.home}/secret (open-file)\n"


# --- what the log names ------------------------------------------------------------------------------------------------


def another_key(town: Town) -> None:
    """Another key takes the place of the list's, as a thief of the directory could make one."""
    home = town.home / "gnupg"
    shutil.rmtree(home)
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", home, "--batch", "--passphrase", "", "--quick-gen-key", f"tld-ops <{LIST}>", "ed25519"]
    subprocess.run(gpg, check=True, capture_output=True, umask=0o077)


CHANGED: dict[str, tuple[Harm, str]] = {
    "another key in the configuration": (lambda t: configure(t, "key", OTHER_KEY), "changed-key"),
    "another address in the configuration": (lambda t: configure(t, "list", "evil@lists.example.org"), "changed-list"),
    "another key in the GnuPG home": (another_key, "no-list-key"),
    "no GnuPG home": (lambda t: shutil.rmtree(t.home / "gnupg"), "no-list-key"),
    "no secret key": (lambda t: shutil.rmtree(t.home / "gnupg/private-keys-v1.d"), "no-list-key"),
    "no secret": (lambda t: (t.home / "secret").unlink(), "no-secret"),
    "a secret that was cut": (lambda t: (t.home / "secret").write_bytes(b"short"), "no-secret"),
    "no trust root": (lambda t: root_file(t).unlink(), "no-roots"),
    "a trust root too many": (lambda t: (t.home / "roots/x.asc").write_bytes(member(t, "Anna").certificate), "added-root"),
    "another trust root": (lambda t: root_file(t).write_bytes(member(t, "Anna").certificate), "missing-root"),
    "a trust root that is no certificate": (lambda t: root_file(t).write_bytes(b"nothing"), "bad-root"),
    "another key in the tables": (lambda t: execute(t, f"UPDATE founding SET key = '{OTHER_KEY}'"), "changed-tables"),
    "an entry changed": (lambda t: execute(t, "UPDATE log_entries SET cctld = 'be' WHERE number = 3"), "damaged-log"),
    "the last entry cut off": (
        lambda t: execute(t, "DELETE FROM log_entries WHERE number = (SELECT max(number) FROM log_entries)"),
        "damaged-log",
    ),
    "an entry taken out": (lambda t: execute(t, "DELETE FROM log_entries WHERE number = 4"), "damaged-log"),
}


@pytest.mark.parametrize(("harm", "reason"), CHANGED.values(), ids=CHANGED)
def test_something_was_exchanged(here, harm, reason):
    """What is not as the log says keeps the server from starting; the message says what, and where the right one is."""
    harm(here)
    refused = refusal(here)
    assert (type(refused), refused.reason) == (ConfigurationError, reason)
    assert any(word in refused.detail for word in ("restore", "put ", "take ", "make "))


@pytest.mark.parametrize("command", [("serve",), ("deliver", "--once")], ids=" ".join)
@pytest.mark.parametrize("name", ["a trust root too many", "no secret key", "an entry changed", "another key in the configuration"])
def test_neither_mail_nor_copies_with_something_exchanged(here, name, command):
    """Neither is mail taken nor a copy sent; the command ends with status 78 before it has said that it is ready."""
    harm, reason = CHANGED[name]
    harm(here)
    done = subprocess.run([SECURELIST, "--home", here.home, *command], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.endswith(f"({reason})\n")


def test_a_trust_root_that_was_renewed(here, people: People):
    """A certificate whose owner extended it is the same trust root; it takes the place of the old one."""
    people.gpg("--quick-set-expire", here.root.fingerprint, "9y")
    renewed = people.export(here.root.fingerprint)
    assert renewed != root_file(here).read_bytes()
    root_file(here).write_bytes(renewed)
    Installation(here.home).check_unchanged()


def test_the_certificate_of_a_later_trust_root(here, people: People):
    """Who became a trust root by the others' word may have a file, too; before that it is refused."""
    later = people.make("Later", f"later-{here.home.parent.name}@ccnso.example")
    (here.home / "roots" / "later.asc").write_bytes(later.certificate)
    assert refusal(here).reason == "added-root"
    (here.home / "roots" / "later.asc").unlink()
    text = f"Securelist-Statement: replace-roots\nList: {LIST}\nRoot: {here.root.fingerprint}\nRoot: {later.fingerprint}\n"
    assert here.submit(here.root, text, later.certificate)["accepted"]
    (here.home / "roots" / "later.asc").write_bytes(later.certificate)
    Installation(here.home).check_unchanged()


def test_before_the_founding_nothing_is_named(base: Path, people: People):
    """A list that is not founded starts with whatever trust roots init was given."""
    one, two = (people.make(name, f"{name}-{base.name}@ccnso.example") for name in ("one", "two"))
    files = [base / f"{who.name}.asc" for who in (one, two)]
    for who, file in zip((one, two), files, strict=True):
        file.write_bytes(who.certificate)
    words = ["init", LIST, *(f"--root={file}" for file in files), "--next-hop", f"maildir:{base}/m"]
    subprocess.run([SECURELIST, "--home", base / "new", *words], check=True, capture_output=True)
    Installation(base / "new").check_unchanged()
    subprocess.run(["gpgconf", "--homedir", base / "new" / "gnupg", "--kill", "all"], check=False, capture_output=True)
