"""Requests for membership as days pass: nobody is written to before the release, and everybody concerned when it ends."""

from __future__ import annotations

import time

import pytest
from admission_world import Admission, admission, statements_in, token_in  # noqa: F401
from people import Somebody
from test_procedures import accepting

from securelist.errors import Refused
from securelist.store import requests
from securelist.store.database import reading
from securelist.store.requests import Waiting
from securelist.trust.membership import ACTIVE


@pytest.fixture(scope="module")
def erik(people) -> Somebody:
    """Who wants to join for .nl."""
    return people.make("Erik Eersteling", "erik@registry-nl.example")


def waiting(world: Admission) -> tuple[Waiting, ...]:
    with reading(world.house.engine) as connection:
        return requests.waiting(connection)


def ask(world: Admission, who: Somebody, tld: str = "nl") -> int:
    world.send(who, world.town.statement("request-membership", who, tld, Phone="+31 6 1111 2222"), who)
    return next(one.id for one in waiting(world) if one.address == who.address)


def release(world: Admission, number: int) -> str:
    (done,) = world.office.release([number], world.at)
    assert done.done, done.sentence
    world.round()
    return done.sentence


def test_a_request_reaches_nobody_before_its_release(admission, erik):
    """Neither who asked nor the Admin Contact nor, before the weekly summary, the Secretariat; however many rounds there are."""
    ask(admission, erik)
    admission.later(1)
    for address in (erik.address, admission.town.admin.address, admission.town.root.address):
        assert admission.new(address) == []


def test_a_released_request_is_attested_by_one_mail(admission, erik):
    """The Admin Contact signs what the letter holds, and attaches nothing; who asked is told and then welcomed."""
    number = ask(admission, erik)
    assert admission.town.admin.address in release(admission, number)
    (letter,) = admission.new(admission.town.admin.address)
    assert erik.address in letter
    (told,) = admission.new(erik.address)
    assert "is with the Admin Contact" in told
    admission.send(admission.town.admin, statements_in(letter))
    assert admission.house.membership().member_by_key(erik.fingerprint, admission.at).state == ACTIVE
    assert any("welcome" in letter.lower() for letter in admission.new(erik.address))
    assert waiting(admission) == ()


def test_the_admin_contact_is_reminded_twice_and_then_it_lapses(admission, erik):
    """After 7 and 21 days; after 30 who asked, the Admin Contact and the Secretariat are told, and nothing is kept."""
    release(admission, ask(admission, erik))
    for address in (erik.address, admission.town.admin.address):
        admission.new(address)
    days = []
    for day in range(1, 35):
        admission.later(1)
        days += [(day, letter.split("\n")[0]) for letter in admission.new(admission.town.admin.address) if erik.name in letter]
    assert [day for day, _ in days] == [7, 21, 30]
    assert [subject.startswith("Reminder: ") for _, subject in days] == [True, True, False]
    (told,) = admission.new(erik.address)
    assert "has lapsed" in told
    assert any(erik.address in letter for letter in admission.new(admission.town.root.address))
    assert waiting(admission) == ()


def test_a_new_admin_contact_is_asked_anew(admission, people, erik):
    """The old one got the first letter; the new one gets it, too, and has their own thirty days."""
    release(admission, ask(admission, erik))
    admission.later(10)
    successor = people.make("Nieuwe Beheerder", "successor@registry-nl.example")
    admission.house.enter(admission_parcel(admission, successor), admission.at)
    admission.round()
    (letter,) = admission.new(successor.address)
    assert letter.startswith("Erik")
    admission.later(29)
    assert waiting(admission) != ()


def admission_parcel(world: Admission, who: Somebody):
    from securelist.openpgp.armor import dearmor
    from securelist.trust.submission import Parcel

    text = world.people.clearsign(world.town.root, world.town.statement("appoint-admin-contact", who))
    return Parcel((text,), (dearmor(who.certificate),))


def test_a_request_where_nobody_speaks_for_the_cctld(admission, people, erik):
    """Its release invites the Admin Contact of record; once they are appointed, they get the attestation to sign."""
    sentence = release(admission, ask(admission, erik, "fr"))
    assert "invited" in sentence
    (invitation,) = admission.new(admission.contact("fr"))
    francine = people.make("Francine", "francine@elsewhere.example")
    admission.send(francine, accepting(token_in(invitation), francine, "fr"), francine)
    letter = next(letter for letter in admission.new(admission.town.root.address) if letter.startswith("Appoint"))
    admission.send(admission.town.root, statements_in(letter))
    letters = admission.new(francine.address)
    assert [letter for letter in letters if "asks to join" in letter], letters
    (attest,) = [letter for letter in letters if "asks to join" in letter]
    admission.send(francine, statements_in(attest))
    assert admission.house.membership().member_by_key(erik.fingerprint, admission.at).state == ACTIVE


def test_what_cannot_be_released(admission, erik):
    """An unknown number, and what is released already."""
    number = ask(admission, erik)
    release(admission, number)
    assert [done.done for done in admission.office.release([number, 99, 0, -5, number], admission.at)] == [False] * 4


def test_a_released_request_cannot_be_sent_anew(admission, erik):
    """What the Admin Contact has in hand stays what was asked."""
    release(admission, ask(admission, erik))
    time.sleep(1.1)  # signed in another second, so that it is newer
    with pytest.raises(Refused) as refused:
        ask(admission, erik)
    assert refused.value.reason == "request-released"


def test_a_request_that_nobody_releases_is_forgotten(admission, erik):
    """After sixty days, without a letter to whoever asked: nobody has looked whose address that is."""
    ask(admission, erik)
    admission.later(61)
    assert waiting(admission) == ()
    assert admission.new(erik.address) == []
