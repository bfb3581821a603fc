"""Invitations and answers when things cross: an answer on the last day, an appointment by hand, a second invitation, a kill."""

from __future__ import annotations

from dataclasses import replace

import pytest
from admission_world import Admission, admission, token_in  # noqa: F401
from test_procedures import DE, accepting, answered, dieter, invited, klara, newest  # noqa: F401

from securelist.procedures.inviting import Inviting
from securelist.procedures.rounds import Rounds
from securelist.store import invitations
from securelist.store.database import reading, writing
from securelist.store.invitations import Outcome
from securelist.store.retention import DAY_S


def told_root(world: Admission, words: str) -> list[str]:
    return [letter for letter in world.new(world.town.root.address) if words in letter]


def test_an_answer_that_comes_while_its_invitation_lapses_is_kept(admission, klara, dieter):
    """The round had read the row before the answer came: it ends nothing that was answered since."""
    token = invited(admission)
    stale = newest(admission)
    admission.send(klara, accepting(token, klara), klara)
    Inviting(admission.house)._one(stale, admission.at + 31 * DAY_S)
    assert newest(admission).outcome == Outcome.OPEN
    assert newest(admission).evidence


def test_a_second_invitation_voids_an_answer_and_its_sender_is_told(admission, people, klara):
    """Whoever read the alias was faster than who was meant: the Secretariat invites again, and the new token is good."""
    mallory = people.make("Mallory", "mallory@elsewhere.example")
    admission.send(mallory, accepting(invited(admission), mallory), mallory)
    admission.new(mallory.address)
    (noticed,) = admission.new(DE)
    assert "Somebody answered" in noticed
    admission.later(2)
    (done,) = admission.invite("de")
    assert done.done
    assert "the answer to it are void" in done.sentence
    (told,) = admission.new(mallory.address)
    assert "another invitation" in told
    (letter,) = admission.new(DE)
    admission.send(klara, accepting(token_in(letter), klara), klara)
    assert newest(admission).signer == klara.fingerprint
    with reading(admission.house.engine) as connection:
        assert not any(one.evidence for one in invitations.invitations(connection) if one.signer == mallory.fingerprint)


def test_who_answers_from_the_address_of_record_is_not_told_twice(admission, klara):
    """The letter that the answer is there goes to that address already."""
    me = replace(klara, address=DE)
    admission.send(klara, accepting(invited(admission), me), klara)
    (kept,) = admission.new(DE)
    assert kept.startswith("Your answer")


def test_an_answer_writes_to_its_first_address_only(admission, klara):
    """Whoever has a token cannot have the list write to others."""
    text = accepting(invited(admission), klara).replace("Phone:", "Email: victim@bank.example\nPhone:")
    admission.send(klara, text, klara)
    assert len(admission.new(klara.address)) == 1
    assert admission.new("victim@bank.example") == []


def test_an_appointment_by_hand_ends_the_invitation(admission, klara):
    """Nobody is reminded, and nobody is said not to have answered."""
    invited(admission)
    admission.appoint(klara, "de")
    assert newest(admission).outcome == Outcome.OVERTAKEN
    admission.new(DE)
    for _ in range(5):
        admission.later(7)
    assert admission.new(DE) == []
    assert told_root(admission, "in vain") == []


def test_an_answer_lapses_as_its_signature_does(admission, klara):
    """Signed twenty days before it came, it counts ten days more, and the letter says so."""
    admission.send(klara, accepting(invited(admission), klara), klara)
    with writing(admission.house.engine) as connection:
        invitations.keep_answer(connection, newest(admission).id, _signed_before(admission, 20), newest(admission).answered)
    admission.later(9)
    assert newest(admission).outcome == Outcome.OPEN
    admission.later(2)
    assert newest(admission).outcome == Outcome.LAPSED


def _signed_before(world: Admission, days: int) -> invitations.Answered:
    one = newest(world)
    return invitations.Answered(one.signer, one.signed - days * DAY_S, one.evidence, one.certificate, one.certificates)


@pytest.mark.parametrize("kill", [False, True])
def test_a_lapse_is_told_once(admission, kill):
    """By several processes, and by one that was killed after the invitation was ended and before the letter."""
    invited(admission)
    admission.ahead += 31 * DAY_S
    if kill:
        Inviting(admission.house).round(admission.at)
    for _ in range(3):
        Rounds(admission.house).run(admission.at)
    admission.round()
    assert len(told_root(admission, "did not answer")) == 1


def test_the_secretariat_can_send_another_as_the_refusal_says(admission, klara):
    """Not on the day itself; from the next day on."""
    answered(admission, klara)
    (done,) = admission.invite("de")
    assert not done.done
    assert "see: pending" in done.sentence
    admission.later(1)
    assert admission.invite("de")[0].done
