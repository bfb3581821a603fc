"""A drill: who starts one, what members get and answer, which answers count, and what is wrong with the others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from command_mails import admission as admission
from command_mails import bureau as bureau
from drill_world import HOUR, Exercise, code_in, quoted, reason
from drill_world import exercise as exercise

from securelist.drill.rounds import Drills
from securelist.installation import Installation
from securelist.store.database import reading, writing
from securelist.store.drills import drills
from securelist.store.schema_upkeep import DrillMemberRow

# --- how it begins -----------------------------------------------------------------------------------------------------


def test_a_trust_root_starts_a_drill_by_one_word(exercise: Exercise) -> None:
    """Every member gets one encrypted letter with a code of their own; answers go to LIST-request, and no mail program offers the list."""
    exercise.begin()
    codes = set()
    for name in ("Anna", "Bert", "Carla"):
        who = exercise.member(name)
        letter = exercise.letter(who)
        codes.add(code_in(letter))
        outer = exercise.bureau.admission.town.mails(who.address)[-1]
        assert (outer["Reply-To"], outer["List-Post"]) == ("tld-ops-request@lists.example.org", None)
        assert f"Hello {name}," in letter.text and who.fingerprint in letter.text and "no incident" in letter.words
        assert exercise.row(who).asked == exercise.drill().started
    assert len(codes) == 3
    exercise.bureau.round()
    assert all(exercise.bureau.letters(exercise.member(name)) == [] for name in ("Anna", "Bert", "Carla"))


def test_a_recorded_command_starts_no_second_drill(exercise: Exercise) -> None:
    """Whoever mails it again, after the first drill has ended, starts nothing."""
    octets = exercise.bureau.signed(exercise.bureau.root, "drill\n")
    assert reason(exercise.bureau.take(octets)) == "accepted"
    exercise.end()
    assert reason(exercise.bureau.take(octets)) == "duplicate" and exercise.drill().id == 1


def test_one_drill_at_a_time(exercise: Exercise) -> None:
    """A second one is refused until the first is reported, by mail and by the command."""
    exercise.begin()
    (told,) = exercise.bureau.order(exercise.bureau.root, "drill start\n")
    assert "drill 1 is running" in told.words
    exercise.bureau.admission.town.run("drill", "start", status=65)
    exercise.end()
    assert exercise.drill().reported
    assert [one.subject for one in exercise.bureau.order(exercise.bureau.root, "drill start\n")][-1] == "Drill 2: begun"


def test_a_member_starts_no_drill(exercise: Exercise) -> None:
    """That is the Secretariat's."""
    assert reason(exercise.bureau.take(exercise.bureau.signed(exercise.member("Anna"), "drill\n"))) == "secretariat-only"
    with reading(exercise.bureau.admission.house.engine) as connection:
        assert drills(connection) == ()


def test_how_far_a_drill_is_by_mail(exercise: Exercise) -> None:
    """`drill status` counts; before any drill it says so."""
    (told,) = exercise.bureau.order(exercise.bureau.root, "drill status\n")
    assert "there was no drill yet" in told.words
    exercise.begin()
    exercise.answer(exercise.member("Anna"), quoted(exercise.letter(exercise.member("Anna"))))
    (told,) = exercise.bureau.order(exercise.bureau.root, "drill status\n")
    assert told.subject == "Drill 1: 1 of 3 answered" and "Answered: 1 of 3, 33 %" in told.words and "no answer yet: 2" in told.words


def test_the_letters_are_written_once_whatever_was_interrupted(exercise: Exercise) -> None:
    """Four processes at once; and one that was killed after the letter, before it wrote down that it was sent."""
    house = exercise.bureau.admission.house
    exercise.bureau.take(exercise.bureau.signed(exercise.bureau.root, "drill\n"))
    houses = [Installation(house.home) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: Drills(one).round(exercise.bureau.at), houses))
    with writing(house.engine) as connection:
        connection.execute(DrillMemberRow.__table__.update().values(asked=0))  # type: ignore[attr-defined]
    exercise.bureau.round()
    for name in ("Anna", "Bert", "Carla"):
        assert exercise.letter(exercise.member(name)) and exercise.row(exercise.member(name)).asked


# --- answers that count ------------------------------------------------------------------------------------------------


def test_a_reply_that_quotes_the_letter_counts(exercise: Exercise) -> None:
    """Once: the second one changes nothing, and neither is answered by a letter."""
    exercise.begin()
    anna = exercise.member("Anna")
    text = quoted(exercise.letter(anna))
    for _ in range(2):
        assert reason(exercise.answer(anna, text)) == "accepted"
    row = exercise.row(anna)
    assert row.answered and row.answered - row.asked < HOUR and row.failure == row.why == ""
    assert exercise.bureau.letters(anna) == []


def test_a_reply_without_a_word_of_the_letter_counts(exercise: Exercise) -> None:
    """Its header names the letter's Message-ID, as every mail program does."""
    exercise.begin()
    bert = exercise.member("Bert")
    exercise.letter(bert)
    assert reason(exercise.answer(bert, "ok", answers=exercise.message_id(bert))) == "accepted"
    assert exercise.row(bert).answered


def test_a_new_mail_with_the_code_counts(exercise: Exercise) -> None:
    """As somebody writes who works with gpg alone, in whatever case."""
    exercise.begin()
    carla = exercise.member("Carla")
    code = code_in(exercise.letter(carla))
    assert reason(exercise.answer(carla, f"{code.upper()}.")) == "accepted" and exercise.row(carla).answered


def test_an_answer_is_no_command(exercise: Exercise) -> None:
    """One word is enough, whatever word it is: nothing is carried out, nor when the mail is sent once more."""
    exercise.begin()
    anna = exercise.member("Anna")
    octets = exercise.sealed(anna, quoted(exercise.letter(anna), "drill\nhelp"))
    for _ in range(2):
        assert reason(exercise.bureau.take(octets)) == "accepted" and exercise.row(anna).answered
    assert exercise.bureau.letters(anna) == []


@pytest.mark.parametrize("shows", ["code", "header"])
def test_an_answer_is_not_posted(exercise: Exercise, shows: str) -> None:
    """Neither by a member who writes to the wrong address, nor by somebody who mails an answer on to the list."""
    exercise.begin()
    anna = exercise.member("Anna")
    letter = exercise.letter(anna)
    octets = exercise.sealed(anna, quoted(letter)) if shows == "code" else exercise.sealed(anna, "ok", exercise.message_id(anna))
    if shows == "header":
        exercise.bureau.take(octets)
    verdict = exercise.bureau.admission.town.judge(octets.replace(b"To: tld-ops-request@", b"To: tld-ops@"), "submit")
    assert verdict["reason"] == {"code": "answer-as-post", "header": "command-as-post"}[shows]
