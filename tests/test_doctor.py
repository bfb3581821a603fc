"""An operator asks what is wrong with an installation, and gets told; real certificates over which the engines differ, real faults."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from guide_reader import GUIDES
from kill_world import fresh_copy
from people import People
from queue_world import MailSink, listening
from town import SECURELIST, Town, member

from securelist.doctor import examination, machine
from securelist.doctor.examination import CHECKS, Check, examine
from securelist.doctor.finding import Finding, Patient, State
from securelist.openpgp import gnupg

DAY = 86_400
ENGINES = ("certificates-gnupg", "certificates-sequoia")
OF_THE_MACHINE = {"user", "swap", "descriptors", "disk", "clock"}


@pytest.fixture
def here(town: Town) -> Iterator[Town]:
    """The town's list in a state directory that may be harmed."""
    with fresh_copy(town) as made:
        yield made


@contextlib.contextmanager
def bar(_what: str):
    """Nobody looks."""
    yield lambda _done, _all: None


def patient(town: Town, after: int = 0) -> Patient:
    return Patient(town.home, int(time.time()) + after, bar)


def findings(town: Town, after: int = 0) -> dict[str, Finding]:
    """What doctor finds, by check, so many seconds from now."""
    return {finding.check: finding for finding in examine(patient(town, after))}


def troubled(found: dict[str, Finding]) -> set[str]:
    """The checks that ended in a warning or a problem, but those of this machine."""
    return {name for name, finding in found.items() if finding.state is not State.OK} - OF_THE_MACHINE


def execute(town: Town, statement: str, *values: object) -> None:
    with contextlib.closing(sqlite3.connect(town.home / "securelist.db")) as database, database:
        assert database.execute(statement, values).rowcount


# --- a sound list ------------------------------------------------------------------------------------------------------


def test_a_sound_list(here):
    """Nothing is wrong with it: every check is made, says what it found, and asks for nothing."""
    found = findings(here)
    assert list(found) == [check.name for check in CHECKS]
    assert troubled(found) == set()
    assert all(finding.found and not finding.advice for finding in found.values() if finding.state is State.OK)
    assert all(finding.found and finding.advice for finding in found.values() if finding.state is not State.OK)
    assert here.key in found["list-key"].found
    assert "GnuPG accepts all 6 certificates" in found["certificates-gnupg"].found


def test_what_programs_read(here):
    """`--json` is a list of findings with four fields each, exit status 0 without a problem and 78 with one; the log stays as it is."""
    before = here.run("log", "show", "--json")
    told = json.loads(here.run("doctor", "--json"))
    assert [finding["check"] for finding in told] == [check.name for check in CHECKS]
    assert all(set(finding) == {"check", "state", "found", "advice"} for finding in told)
    assert {finding["state"] for finding in told} <= {"ok", "warning", "problem"}
    assert here.run("log", "show", "--json") == before
    (here.home / "secret").chmod(0o644)
    told = json.loads(here.run("doctor", "--json", status=78))
    assert told[0]["state"] == "problem"
    assert told[0]["advice"] == f"run: chmod go= {here.home}/secret"


def test_what_people_read(here):
    """A line for each check, the advice below it; the operator's guide shows these very checks."""
    lines = here.run("doctor").decode().splitlines()
    shown = [line.split()[1] for line in lines if line.split()[:1] in (["ok"], ["warning"])]
    assert shown == [check.name for check in CHECKS]
    guide = (GUIDES / "operator.md").read_text()
    assert not [check.name for check in CHECKS if f" {check.name} " not in guide]


def test_a_list_that_is_not_there(tmp_path):
    """Without a list there is one problem, and what rests on it is not looked at."""
    found = {finding.check: finding for finding in examine(Patient(tmp_path / "none", 0, bar))}
    assert found["configuration"].state is State.PROBLEM
    assert "securelist init" in found["configuration"].advice
    assert found["log"].found == "not looked at"


# --- members and keys --------------------------------------------------------------------------------------------------


def test_a_member_whose_key_has_expired_since(here, people: People):
    """They are named, with what to do; no engine has changed its mind for that."""
    here.submit(here.admin, here.statement("withdraw-ssc", member(here, "Carla")))
    short = people.make("Short", f"short-{here.home.parent.name}@nl.example", expires="10d")
    here.attest(short)
    found = findings(here, after=20 * DAY)
    assert found["members"].state is State.WARNING
    assert f"1 of 3 cannot be reached: {short.address} of .nl (the key has expired)" in found["members"].found
    assert f"1 cannot post, their key cannot sign now: {short.address} of .nl" in found["members"].found
    assert {found[name].state for name in ENGINES} == {State.OK}


def test_the_lists_key_ends_soon(here):
    """The end of the list's own key is announced weeks before, and a key that has ended is a problem."""
    gpg = ["gpg", "--homedir", here.home / "gnupg", "--batch", "--quick-set-expire", here.key, "70d"]
    for subkeys in ([], ["*"]):
        subprocess.run([*gpg, *subkeys], check=True, capture_output=True, umask=0o077)
    assert findings(here)["list-key"].state is State.OK
    soon = findings(here, after=20 * DAY)["list-key"]
    assert soon.state is State.WARNING
    assert f"--quick-set-expire {here.key}" in soon.advice
    assert findings(here, after=80 * DAY)["list-key"].state is State.PROBLEM


def test_the_lists_secret_key_is_gone(here):
    """A key that cannot sign is a problem, and what does not rest on it is looked at all the same."""
    shutil.rmtree(here.home / "gnupg" / "private-keys-v1.d")
    found = findings(here)
    assert found["list-key"].state is State.PROBLEM
    assert "restore" in found["list-key"].advice
    assert found["log"].state is State.OK


def test_a_trust_root_too_many(here):
    """A certificate that was slipped into the folder is named."""
    (here.home / "roots" / "x.asc").write_bytes(member(here, "Anna").certificate)
    found = findings(here)
    assert found["roots"].state is State.PROBLEM
    assert member(here, "Anna").fingerprint in found["roots"].found
    assert found["members"].state is State.OK


def test_the_trust_roots_key_has_ended(here, people: People):
    """Nobody can be appointed any more; about the members both engines are asked all the same."""
    people.gpg("--quick-set-expire", here.root.fingerprint, "10d")
    [file] = (here.home / "roots").glob("*.asc")
    file.write_bytes(people.export(here.root.fingerprint))
    people.gpg("--quick-set-expire", here.root.fingerprint, "0")
    found = findings(here, after=20 * DAY)
    assert found["roots"].state is State.PROBLEM
    assert [found[name].state for name in ENGINES] == [State.OK, State.OK]


# --- the log -----------------------------------------------------------------------------------------------------------


def test_a_member_was_written_into_the_tables(here):
    """Whoever can write to the database can send copies to themselves: the replay from the log's evidence shows it."""
    change = "UPDATE attestations SET person = replace(person, ?, 'evil@evil.example'), address = 'evil@evil.example' WHERE fingerprint = ?"
    anna = member(here, "Anna")
    execute(here, change, anna.address, anna.fingerprint)
    found = findings(here)["log"]
    assert (found.state, found.found) == (State.PROBLEM, "the tables say something else than the log about: attestations")
    assert "securelist log replay" in found.advice
    here.run("log", "replay")
    assert findings(here)["log"].state is State.OK


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE evidence SET octets = octets || x'00' WHERE digest = (SELECT evidence FROM log_entries WHERE number = 3)",
        "UPDATE evidence SET octets = NULL WHERE digest = (SELECT evidence FROM log_entries WHERE number = 3)",
        "UPDATE log_entries SET hash = replace(hash, substr(hash, 1, 4), 'ffff') WHERE number = 3",
        "UPDATE log_entries SET signer = subject WHERE number = (SELECT max(number) FROM log_entries)",
    ],
)
def test_the_log_was_changed(here, change):
    """An octet of evidence, a text that is gone without an `erase`, a hash, a field: each is found."""
    execute(here, change)
    assert findings(here)["log"].state is State.PROBLEM


# --- the rest ----------------------------------------------------------------------------------------------------------


def test_permissions_are_told_all_at_once(here):
    """Every file that is wrong is named with its command; the rest waits until that is mended."""
    (here.home / "secret").chmod(0o644)
    (here.home / "roots").chmod(0o777)
    here.home.parent.chmod(0o770)
    found = findings(here)
    said = found["permissions"]
    assert said.state is State.PROBLEM
    assert all(f"chmod {what}" in said.advice for what in (f"go= {here.home}/secret", f"go-w {here.home}/roots"))
    assert "permissions" in found["log"].advice


@pytest.mark.parametrize(
    ("setting", "check"), [('lmtp = "nowhere"', "configuration"), ("colour = 1", "configuration"), ('letters = "none"', "letters")]
)
def test_a_configuration_that_means_nothing(here, setting, check):
    """The setting is named."""
    file = here.home / "securelist.toml"
    kept = [line for line in file.read_text().splitlines() if not line.startswith(setting.split(" =")[0])]
    file.write_text("\n".join([*kept, setting, ""]))
    found = findings(here)[check]
    assert found.state is State.PROBLEM
    assert found.advice


def test_the_next_hop_is_away(here):
    """Nobody listens: a problem; somebody does: greeted, and no mail is sent."""
    file = here.home / "securelist.toml"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file.write_text(file.read_text().replace(f"maildir:{here.inbox}", f"smtp://127.0.0.1:{port}"))
    found = findings(here)["next-hop"]
    assert (found.state, f"127.0.0.1:{port}: no connection" in found.found) == (State.PROBLEM, True)
    sink = MailSink()
    with listening(sink, port):
        assert findings(here)["next-hop"].state is State.OK
    assert not sink.mails


def test_copies_that_should_have_left(here):
    """Copies that are due for long say that no service runs; just after the post they do not, after an upgrade it is a warning."""
    here.judge(here.post(member(here, "Anna"), "canary"))
    assert findings(here)["queue"].state is State.OK
    found = findings(here, after=7200)["queue"]
    assert found.state is State.WARNING
    assert found.found.startswith("3 copies should have left, the first 1")
    assert findings(here, after=7 * 3600)["queue"].state is State.PROBLEM


def test_the_clock_went_back(here):
    """What was done already cannot be in the future."""
    assert findings(here, after=-3600)["clock"].state is State.PROBLEM


def test_a_full_disk():
    """Where nothing is free, posts are answered 451: a problem."""
    assert machine.disk(Patient(Path("/proc"), 0, bar)).state is State.PROBLEM


def test_this_machine(here):
    """The user, swap, descriptors and versions of this machine are what its kernel and its programs say."""
    of = patient(here)
    assert (machine.user(of).state is State.WARNING) == (os.geteuid() == 0)
    assert machine.programs(of).found.startswith(f"GnuPG {gnupg.version()}, ")
    assert gnupg.version() in subprocess.run(["gpg", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    swap_is_on = len(Path("/proc/swaps").read_text().splitlines()) > 1
    assert swap_is_on or machine.swap(of).state is State.OK


def test_too_few_descriptors(here):
    """A limit that leaves no room for sessions is told before mail servers find out."""
    command = f"ulimit -n 220; exec {SECURELIST} --home {here.home} doctor --json"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
    found = {finding["check"]: finding for finding in json.loads(done.stdout)}
    assert found["descriptors"]["state"] != "ok"
    assert "LimitNOFILE" in found["descriptors"]["advice"]


def test_a_check_that_fails_by_itself(here):
    """A fault of this program in one check becomes a finding, without its words."""

    def look(_patient: Patient) -> Finding:
        raise ValueError("canary")

    finding = examination._looked(Check("broken", look), patient(here))
    assert finding.state is State.PROBLEM
    assert "ValueError at" in finding.found
    assert "canary" not in finding.found
