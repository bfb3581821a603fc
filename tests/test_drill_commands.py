"""`securelist drill`: starting, looking on, stopping; what it prints for people and for programs, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time

from command_mails import admission as admission
from command_mails import bureau as bureau
from drill_world import HOUR, Exercise, code_in
from drill_world import exercise as exercise
from town import SECURELIST

from securelist.drill.office import MAX_HOURS
from securelist.openpgp.admission import split_certificates
from securelist.trust.submission import Parcel


def run(exercise: Exercise, *args: str, status: int = 0) -> str:
    """What `securelist drill …` prints."""
    return exercise.bureau.admission.town.run("drill", *args, status=status).decode()


def watching(exercise: Exercise) -> subprocess.Popen[str]:
    """`drill show --watch`, after its first line, which says that nobody has answered."""
    command = [SECURELIST, "--home", str(exercise.bureau.admission.town.home), "drill", "show", "--watch"]
    # As at a terminal: a shell's background jobs ignore Ctrl-C, and so would what the tests start in one.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed_ctrl_c)
    assert process.stdout is not None
    assert "0 of 3 answered, 0 %" in process.stdout.readline()
    return process


def heed_ctrl_c() -> None:
    """Takes back that SIGINT is ignored, as it is where a shell started the tests in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_before_the_first_drill(exercise: Exercise) -> None:
    """There is nothing to show, and that is said."""
    assert run(exercise, "list") == "There was no drill yet.\n" and json.loads(run(exercise, "list", "--json")) == []
    for args in (["show"], ["show", "--watch"], ["stop", "1"], ["show", "7"]):
        run(exercise, *args, status=65)


def test_a_drill_from_the_command_line(exercise: Exercise) -> None:
    """Started, answered, stopped: the count is live, and the same for people and programs."""
    said = run(exercise, "start", "--hours", "48")
    drill = exercise.drill()
    assert "drill 1 has begun" in said and (drill.ends - drill.started, drill.by) == (48 * HOUR, "")
    assert "0 of 3 answered, 0 %; 0 asked and silent, 3 not asked yet" in run(exercise, "show")
    exercise.bureau.at = int(time.time())
    anna = exercise.member("Anna")
    exercise.answer(anna, code_in(exercise.letter(anna)))
    assert "1 of 3 answered, 33 %; 2 asked and silent, 0 not asked yet" in run(exercise, "show", "1")
    shown = exercise.shown()
    assert (shown["state"], shown["members"], shown["asked"], shown["answered"]) == ("running", 3, 3, 1)
    rows = {row["name"]: row for row in shown["rows"]}  # type: ignore[attr-defined]
    assert (rows["Anna"]["result"], rows["Bert"]["result"], rows["Anna"]["region"]) == ("answered", "", "EUR")
    assert rows["Anna"]["after_seconds"] >= 0 and rows["Bert"]["answered"] is None
    assert "the report follows" in run(exercise, "stop", "1")
    run(exercise, "stop", "1", status=65)
    assert "drill 1, ended, ended " in run(exercise, "show")
    exercise.end(HOUR)
    (listed,) = json.loads(run(exercise, "list", "--json"))
    assert (listed["state"], listed["answered"], listed["members"]) == ("reported", 1, 3)
    assert "reported" in run(exercise, "list") and "33 %" in run(exercise, "list")
    assert "no answer" in run(exercise, "show")


def test_hours_are_from_one_to_two_weeks(exercise: Exercise) -> None:
    """Anything else is a wrong call."""
    for hours in ("0", str(MAX_HOURS + 1), "day"):
        run(exercise, "start", "--hours", hours, status=64)


def test_watching_until_the_drill_ends(exercise: Exercise) -> None:
    """A line for each change of the count; when answers are taken no more, the table, and the end."""
    exercise.begin()
    process = watching(exercise)
    anna = exercise.member("Anna")
    exercise.answer(anna, code_in(exercise.letter(anna)))
    assert process.stdout is not None and "1 of 3 answered, 33 %" in process.stdout.readline()
    run(exercise, "stop", "1")
    rest, complaints = process.communicate(timeout=30)
    assert (process.returncode, complaints) == (0, "") and "ended" in rest and ".nl" in rest


def test_watching_until_ctrl_c(exercise: Exercise) -> None:
    """It ends without a complaint, and shows what is known."""
    exercise.begin()
    process = watching(exercise)
    process.send_signal(signal.SIGINT)
    rest, complaints = process.communicate(timeout=30)
    assert (process.returncode, complaints) == (0, "") and "Anna" in rest


def test_a_key_that_is_extended_while_the_drill_runs(exercise: Exercise) -> None:
    """Who cannot be asked is in the count with the reason, and is asked as soon as the renewed certificate is here."""
    town, people = exercise.bureau.admission.town, exercise.bureau.admission.people
    dora = people.make("Dora", f"dora-{time.time_ns()}@nl.example", expires="seconds=15")
    made = time.time()
    town.attest(dora)
    time.sleep(max(0, made + 15.5 - time.time()))
    exercise.bureau.at = int(time.time())
    exercise.begin()
    assert (exercise.row(dora).asked, exercise.row(dora).failure, exercise.row(dora).why) == (0, "key", "the key has expired")
    _, subkey = re.findall(r"^fpr:+([0-9A-F]{40}):", people.gpg("--with-colons", "--list-keys", dora.fingerprint).decode(), re.MULTILINE)
    for subkeys in ((), (subkey,)):  # gpg's "*" passes over those that have ended
        people.gpg("--quick-set-expire", dora.fingerprint, "2y", *subkeys)
    exercise.bureau.admission.house.enter(Parcel((), tuple(split_certificates(people.export(dora.fingerprint)))), int(time.time()))
    exercise.bureau.at = int(time.time())
    assert exercise.letter(dora) and exercise.row(dora).failure == "" and exercise.row(dora).asked
