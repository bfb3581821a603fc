"""Mail in a drill that is no answer: what is wrong with it, who hears of that, and what remains of it."""

from __future__ import annotations

import time

import pytest
from command_mails import admission as admission
from command_mails import bureau as bureau
from drill_world import HOUR, Exercise, code_in, quoted, reason
from drill_world import exercise as exercise
from town import LIST, entity


def wrong(exercise: Exercise, way: str, code: str) -> bytes:
    """Anna's answer, with something wrong about it."""
    anna, bert = exercise.member("Anna"), exercise.member("Bert")
    stranger = exercise.bureau.admission.people.make("Anna", f"anna-{time.time_ns()}@else.example")
    return {
        "neither": lambda: exercise.clear(anna, f"yes\n> {code}\n", signed=False),
        "not signed": lambda: exercise.sealed(None, f"yes\n> {code}\n"),
        "not encrypted": lambda: exercise.clear(anna, f"yes\n> {code}\n"),
        "by another member": lambda: exercise.sealed(bert, f"yes\n> {code}\n"),
        "by a new key": lambda: exercise.sealed(stranger, f"yes\n> {code}\n"),
    }[way]()


WRONG = {
    "neither": ("unsigned", "neither signed nor encrypted"),
    "not signed": ("unsigned", "encrypted, but not signed"),
    "not encrypted": ("unencrypted", "signed, but not encrypted to the list"),
    "by another member": ("other-key", "signed by another key, "),
    "by a new key": ("other-key", "signed, but with no signature of this member's key that holds"),
}


@pytest.mark.parametrize("way", WRONG)
def test_who_errs_is_told_at_once_and_can_try_again(exercise: Exercise, way: str) -> None:
    """By one letter however often that mail comes; what is wrong is remembered until the answer that counts."""
    exercise.begin()
    anna = exercise.member("Anna")
    code = code_in(exercise.letter(anna))
    octets = wrong(exercise, way, code)
    for _ in range(2):
        assert reason(exercise.bureau.take(octets)) != "accepted"
    row = exercise.row(anna)
    assert (row.answered, row.failure) == (0, WRONG[way][0]) and row.why.startswith(WRONG[way][1])
    (told,) = exercise.bureau.letters(anna)
    assert told.subject == "Drill 1: your answer does not count yet" and WRONG[way][1].strip() in told.words
    assert reason(exercise.answer(anna, code_in(told))) == "accepted"
    assert exercise.row(anna).answered and exercise.row(anna).why == ""
    exercise.bureau.take(octets)
    assert exercise.row(anna).failure == "" and exercise.bureau.letters(anna) == []


def test_a_reply_encrypted_to_another_key_is_noticed(exercise: Exercise) -> None:
    """To the member's own, say: nothing can be read of it, and its header says whose it was."""
    exercise.begin()
    anna, town = exercise.member("Anna"), exercise.bureau.admission.town
    exercise.letter(anna)
    armored = town.people.gpg("--armor", "-r", anna.fingerprint, "-u", anna.fingerprint, "--sign", "--encrypt", data=entity("ok"))
    own = exercise.sealed(anna, "x", exercise.message_id(anna))
    head, _, _ = own.partition(b"-----BEGIN PGP MESSAGE-----")
    body = armored.replace(b"\n", b"\r\n") + b"\r\n--b0--\r\n"
    assert reason(exercise.bureau.take(head + body)) == "not-for-the-list"
    assert exercise.row(anna).failure == "unencrypted" and "not to the list's key" in exercise.row(anna).why


def test_an_old_mail_under_the_letters_header_is_no_answer(exercise: Exercise) -> None:
    """Somebody mails what a member signed an hour before the drill, and adds a header that names the letter."""
    anna = exercise.member("Anna")
    octets = exercise.sealed(anna, "hello")
    exercise.bureau.at += HOUR
    exercise.begin()
    exercise.letter(anna)
    exercise.bureau.take(f"In-Reply-To: {exercise.message_id(anna)}\r\n".encode() + octets)
    assert (exercise.row(anna).answered, exercise.row(anna).failure) == (0, "")


def test_a_post_under_the_letters_header_is_no_answer(exercise: Exercise) -> None:
    """What a member posts while the drill runs, mailed to LIST-request by somebody else."""
    exercise.begin()
    anna = exercise.member("Anna")
    exercise.letter(anna)
    answers = f"In-Reply-To: {exercise.message_id(anna)}\r\n".encode()
    posted = exercise.sealed(anna, "name servers of .nl under attack", to=LIST)
    assert exercise.bureau.admission.town.judge(posted)["verdict"] == "accept"
    exercise.bureau.take(answers + posted)
    assert (exercise.row(anna).answered, exercise.row(anna).failure) == (0, "")


def test_a_code_of_another_drill_or_list_is_no_code(exercise: Exercise) -> None:
    """Nobody can make one up, or use an earlier drill's."""
    exercise.begin()
    anna = exercise.member("Anna")
    first = code_in(exercise.letter(anna))
    exercise.end()
    exercise.bureau.letters(anna)
    exercise.bureau.at = int(time.time())
    exercise.begin()
    for code in (first, first.replace("drill-1", "drill-2"), "drill-2-aaaa-bbbb-cccc-dddd"):
        exercise.answer(anna, code)
    assert exercise.row(anna).drill == 2 and exercise.row(anna).answered == 0 and exercise.row(anna).failure == ""


def test_an_answer_that_comes_too_late(exercise: Exercise) -> None:
    """Signed after the end: it is remembered as that, without a letter; a command in it is one again."""
    exercise.begin()
    anna, bert = exercise.member("Anna"), exercise.member("Bert")
    texts = {who.name: quoted(exercise.letter(who)) for who in (anna, bert)}
    in_time = exercise.sealed(bert, texts["Bert"])
    time.sleep(1.1)
    exercise.bureau.admission.town.run("drill", "stop", "1")
    time.sleep(1.1)
    exercise.bureau.at = int(time.time()) + 60
    assert reason(exercise.answer(anna, texts["Anna"])) == "accepted"
    assert (exercise.row(anna).answered, exercise.row(anna).failure) == (0, "late")
    assert reason(exercise.bureau.take(in_time)) == "accepted" and exercise.row(bert).answered  # it was long on its way
    exercise.end(0)
    (told,) = exercise.bureau.letters(anna)
    assert told.subject == "Drill 1: your answer is missing" and "the answer came too late" in told.words
    exercise.answer(anna, f"help\n{texts['Anna']}")
    assert [one.subject for one in exercise.bureau.letters(anna)] == ["How to use this address"]


def test_after_the_report_nothing_is_counted(exercise: Exercise) -> None:
    """What was signed in time and comes days later is remembered as late; the figures stay."""
    exercise.begin()
    anna = exercise.member("Anna")
    octets = exercise.sealed(anna, quoted(exercise.letter(anna)))
    exercise.end()
    before = exercise.drill()
    assert reason(exercise.bureau.take(octets)) == "accepted"
    assert exercise.drill() == before and before.answered == 0
    assert (exercise.row(anna).answered, exercise.row(anna).failure) == (0, "late")
