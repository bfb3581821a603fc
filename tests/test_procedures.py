"""Invitations, answers and their appointments as days pass: who is written to and when, and what ends how."""

from __future__ import annotations

import pytest
from admission_world import Admission, admission, statements_in, token_in  # noqa: F401
from people import Somebody
from town import LIST

from securelist.errors import Refused
from securelist.store import invitations
from securelist.store.database import reading
from securelist.store.invitations import Invitation, Outcome
from securelist.trust.membership import ACTIVE

DE = "admin@registry-de.example"


@pytest.fixture(scope="module")
def klara(people) -> Somebody:
    """Who is to be the Admin Contact of .de, and writes from an address of her own."""
    return people.make("Klara Kontakt", "klara@elsewhere.example")


@pytest.fixture(scope="module")
def dieter(people) -> Somebody:
    """Whom she names."""
    return people.make("Dieter Dienst", "dieter@registry-de.example")


def newest(world: Admission, tld: str = "de") -> Invitation:
    with reading(world.house.engine) as connection:
        return [one for one in invitations.invitations(connection) if one.cctld == tld][-1]


def accepting(token: str, who: Somebody, tld: str = "de") -> str:
    fields = {"List": LIST, "TLD": tld, "Token": token, "Name": who.name, "Email": who.address, "Phone": "+49 30 555 0100"}
    return "".join(f"{name}: {value}\n" for name, value in {"Securelist-Statement": "accept-invitation", **fields}.items())


def invited(world: Admission, tld: str = "de") -> str:
    """The token that comes to the address of record."""
    assert world.invite(tld)[0].done
    (letter,) = world.new(world.contact(tld))
    return token_in(letter)


def answered(world: Admission, klara: Somebody, dieter: Somebody | None = None) -> None:
    text = accepting(invited(world), klara)
    if dieter is not None:
        text += "\n" + world.town.statement("attest-ssc", dieter, "de", Phone="+49 30 555 0101")
    world.send(klara, text, klara, *([dieter] if dieter else []))


# --- invitations ----------------------------------------------------------------------------------------------------------


def test_who_does_not_answer_is_reminded_twice_and_then_left_alone(admission):
    """On the first day, after 7 and 21 days, always with the same token; after 30 days it has lapsed, and the Secretariat hears of it."""
    token = invited(admission)
    days = []
    for day in range(1, 40):
        admission.later(1)
        for letter in admission.new(DE):
            assert token_in(letter) == token
            days.append((day, letter.startswith("Reminder: ")))
    assert days == [(7, True), (21, True)]
    assert newest(admission).outcome is not Outcome.OPEN
    assert newest(admission).outcome == Outcome.LAPSED
    (told,) = [letter for letter in admission.new(admission.town.root.address) if "in vain" in letter]
    assert f"<{DE}>" in told
    assert ".de" in told


def test_after_the_lapse_its_token_is_refused(admission, klara):
    """What was answered too late is refused, and the invited is told at the address of record."""
    token = invited(admission)
    admission.later(31)
    with pytest.raises(Refused) as refused:
        admission.send(klara, accepting(token, klara), klara)
    assert refused.value.reason == "lapsed-token"
    assert refused.value.detail.startswith("line 4: ")
    (told,) = admission.new(DE)
    assert "no longer good" in told


def test_an_invitation_again_makes_the_first_void(admission, klara):
    """Within a day it is refused; later there is a new token, and the old one counts no more."""
    first = invited(admission)
    (again,) = admission.invite("de")
    assert not again.done
    assert "already" in again.sentence
    admission.later(2)
    assert admission.invite("DE.")[0].done
    (letter,) = admission.new(DE)
    assert token_in(letter) != first
    with pytest.raises(Refused) as refused:
        admission.send(klara, accepting(first, klara), klara)
    assert refused.value.reason == "lapsed-token"


@pytest.mark.parametrize(
    ("name", "sentence"), [("xx", "is no ccTLD"), ("ch", "was not imported"), ("", "is no ccTLD"), ("nl\r\nbr", "is no ccTLD")]
)
def test_who_cannot_be_invited(admission, name, sentence):
    """What is no ccTLD, and what has no record, each with the next step; nothing goes out."""
    (done,) = admission.invite(name)
    assert not done.done
    assert sentence in done.sentence


def test_a_batch_takes_the_next_in_alphabetical_order(admission):
    """With a record, nobody here, and never invited: .nl has people, .br was invited by itself."""
    admission.invite("br")
    done = admission.office.invite_batch(2, admission.at)
    assert [(one.what, one.done) for one in done] == [(".de", True), (".fr", True)]
    assert [one.what for one in admission.office.invite_batch(20, admission.at)] == [".jp"]
    assert admission.office.invite_batch(20, admission.at) == []
    for count in (0, -1, 401):
        with pytest.raises(Refused):
            admission.office.invite_batch(count, admission.at)


def test_two_rounds_write_no_letter_twice(admission):
    """A second round, and one after a kill that lost the count of letters, find that it is written."""
    invited(admission)
    with admission.house.engine.begin() as connection:
        invitations.count_letter(connection, newest(admission).id, 0)
    admission.round()
    assert admission.new(DE) == []


def test_a_ccTLD_that_has_an_admin_contact_can_be_invited_by_name(admission):  # noqa: N802
    """Their key may be lost; the sentence says who speaks for it until then."""
    (done,) = admission.invite("nl")
    assert done.done
    assert "Admin NL speaks for it already" in done.sentence


# --- answers --------------------------------------------------------------------------------------------------------------


def test_an_answer_waits_for_the_appointment_and_then_takes_effect(admission, klara, dieter):
    """One mail of the Admin Contact; the appointment that the letter holds is all that the Secretariat signs, and attaches nothing."""
    answered(admission, klara, dieter)
    assert admission.house.membership().admin_contact("de") is None
    (letter,) = [letter for letter in admission.new(admission.town.root.address) if letter.startswith("Appoint")]
    assert DE in letter
    assert dieter.name in letter
    (kept,) = admission.new(klara.address)
    assert dieter.name in kept
    admission.send(admission.town.root, statements_in(letter))
    membership = admission.house.membership()
    assert membership.admin_contact("de").fingerprint == klara.fingerprint
    assert membership.member_by_key(dieter.fingerprint, admission.at).state == ACTIVE
    (told,) = admission.new(klara.address)
    assert told.startswith("You speak for .de")
    assert dieter.name in told
    assert any("welcome" in letter.lower() for letter in admission.new(dieter.address))
    assert newest(admission).outcome == Outcome.APPOINTED
    assert newest(admission).evidence == newest(admission).certificate == b""


def test_an_answer_that_nobody_follows_lapses(admission, klara, dieter):
    """After 30 days who answered is told, and the Secretariat; what they signed is gone."""
    answered(admission, klara, dieter)
    admission.new(klara.address)
    admission.later(29)
    assert admission.new(klara.address) == []
    admission.later(2)
    (told,) = admission.new(klara.address)
    assert "came to nothing" in told
    assert any(".de: the answer" in letter for letter in admission.new(admission.town.root.address))
    assert newest(admission).outcome == Outcome.LAPSED
    assert newest(admission).evidence == b""


def test_an_answer_is_overtaken_by_somebody_elses_appointment(admission, people, klara, dieter):
    """The trust roots appointed another key: what the answer attests never counts, and who answered is told."""
    answered(admission, klara, dieter)
    admission.new(klara.address)
    admission.appoint(people.make("Somebody Else", "else@registry-de.example"), "de")
    (told,) = admission.new(klara.address)
    assert "somebody else" in told
    assert admission.house.membership().member_by_key(dieter.fingerprint, admission.at) is None
    assert newest(admission).outcome == Outcome.OVERTAKEN


def test_what_cannot_take_effect_any_more_is_told(admission, people, klara, dieter):
    """Between the answer and the appointment the contact became a member elsewhere: the appointment stands, and the letter says why not."""
    answered(admission, klara, dieter)
    letter = next(letter for letter in admission.new(admission.town.root.address) if letter.startswith("Appoint"))
    admission.new(klara.address)
    admission.send(admission.town.admin, admission.town.statement("attest-ssc", dieter), dieter)
    admission.send(admission.town.root, statements_in(letter))
    assert admission.house.membership().admin_contact("de").fingerprint == klara.fingerprint
    (told,) = admission.new(klara.address)
    assert "could not take effect" in told


@pytest.mark.parametrize("count", [1, 2])
def test_a_token_works_once(admission, people, klara, count):
    """The same answer again, or another one by another key, with the token that was used: refused, and the first one stands."""
    token = invited(admission)
    admission.send(klara, accepting(token, klara), klara)
    other = klara if count == 1 else people.make("Mallory", "mallory@elsewhere.example")
    with pytest.raises(Refused) as refused:
        admission.send(other, accepting(token, other) + "\nOnce more.\n", other)
    assert refused.value.reason == "used-token"
    assert newest(admission).signer == klara.fingerprint


def test_the_token_of_another_cctld(admission, klara):
    """It is good for its own only."""
    token = invited(admission, "fr")
    with pytest.raises(Refused) as refused:
        admission.send(klara, accepting(token, klara), klara)
    assert refused.value.reason == "token-of-another"
