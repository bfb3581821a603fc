"""Who is reached again hears what did not arrive meanwhile; and since when, and why, somebody is not reached."""

from __future__ import annotations

import time

from absent_world import HOUR, MINUTE, World, dead, extended, mailed, revoked, standing
from absent_world import founded as founded
from absent_world import world as world
from people import Somebody

from securelist.letters.kinds import RETURNS_A_DAY, written

# --- to whoever is reached again -------------------------------------------------------------------------------------------


def test_who_is_reached_again_hears_once_of_all_that_did_not_arrive(world: World) -> None:
    """What was posted between the last notice and the renewal, too; and whoever missed nothing hears nothing."""
    anna, bert, carla = world.member("Anna", "2d"), world.member("Bert"), world.member("Carla", "4d")
    for days in (3, 3 + 10 * MINUTE):
        world.post(bert, days)
        world.round(days)
    world.round(5)
    for who in (anna, carla):
        extended(world, who, "9d")
        mailed(world, who, 5.1)
    for days in (5.2, 5.3):
        world.round(days)
    ((subject, words),) = world.returns(anna)
    assert subject == "You are reached again: 2 posts of tld-ops did not reach you"
    since, last = (time.gmtime(world.after(days)) for days in (2, 3 + 10 * MINUTE))
    assert time.strftime("since %Y-%m-%d, 2 posts could not be delivered to you, the last on ", since) in words
    assert time.strftime("the last on %Y-%m-%d %H:%M UTC.", last) in words and "ask other members, or the poster, to send them" in words
    assert world.returns(carla) == [] and world.absences() == []


def test_an_absence_is_remembered_until_its_letter_is_written(world: World) -> None:
    """They had too many of the kind that day: it comes on the next."""
    anna, bert = world.member("Anna", "2d"), world.member("Bert")
    world.post(bert, 3)
    world.round(3)
    extended(world, anna, "9d")
    mailed(world, anna, 3.1)
    for _ in range(RETURNS_A_DAY):
        written(world.house.engine, "back", anna.address, world.after(3.1))
    world.round(3.2)
    assert world.returns(anna) == [] and len(world.absences()) == 1
    world.round(4.2)
    assert [subject.split()[4] for subject, _ in world.returns(anna)] == ["1"] and world.absences() == []


def test_whose_only_address_works_again_hears_of_what_failed(world: World) -> None:
    """The post whose copy showed that the address is dead is one of them; what comes when it works again is none."""
    anna, bert = world.member("Anna"), world.member("Bert")
    for days in (1, 2):
        world.post(bert, days)
        world.fail(anna.address, days + HOUR)
        world.round(days + 2 * HOUR)
    assert standing(world, anna, 2.5).since == world.after(1 + HOUR)
    world.post(bert, 3)
    world.now = world.after(3)
    assert len(world.arrived(anna.address)) == 1
    world.round(3.1)
    ((subject, words),) = world.returns(anna)
    assert "2 posts of" in subject and time.strftime("the last on %Y-%m-%d %H:%M UTC.", time.gmtime(world.after(2))) in words
    assert world.returns(bert) == [] and world.absences() == []


def test_who_comes_back_with_another_key_hears_of_it_too(world: World) -> None:
    """The Admin Contact attested the new key, at the same address."""
    anna, bert = world.member("Anna"), world.member("Bert")
    revoked(world, anna)
    world.post(bert, 1)
    world.round(1)
    again = world.town.people.make("Anna", anna.address)
    world.attest(again)
    world.round(1.1)
    assert [subject.split()[4] for subject, _ in world.returns(again)] == ["1"] and world.absences() == []


# --- whom Sequoia no longer takes ------------------------------------------------------------------------------------------


def test_whose_certificate_sequoia_refuses_is_not_reached_and_everybody_knows(world: World) -> None:
    """By the newest post: the operator, they themselves, the Admin Contact; until another certificate of theirs came."""
    anna, bert = world.member("Anna"), world.member("Bert")
    world.displease(anna)
    assert standing(world, anna, 0.9).key_works  # nobody can know yet
    for days in (1, 1 + MINUTE):
        world.post(bert, days)
    world.round(1 + HOUR)
    found = standing(world, anna, 1 + HOUR)
    why = "Sequoia does not encrypt to this certificate"
    assert (found.member.state, found.member.why, found.since, found.key_works) == ("unreachable", why, world.after(1), False)
    assert standing(world, bert, 1 + HOUR).member.state == "active"
    ((subject, text),) = world.notices(anna.address)
    assert subject.startswith("2 posts of") and f'what it says is "{why}"' in " ".join(text.split())
    assert f"    gpg --quick-add-key {anna.fingerprint} \\\n        default encr 2y\n" in text
    assert "tld-ops-owner@lists.example.org" in text and "has expired" not in text and max(map(len, text.splitlines())) <= 76
    (letter,) = [one for one in world.letters(world.town.admin) if "not reached" in one.subject]
    assert f": {why}." in letter.text and "Please tell the Secretariat" in " ".join(letter.text.split())
    world.town.people.gpg("--quick-add-key", anna.fingerprint, "cv25519", "encr")
    mailed(world, anna, 2)
    assert standing(world, anna, 2).key_works
    world.round(2)
    assert [subject.split()[4] for subject, _ in world.returns(anna)] == ["2"]


# --- since when, and why ---------------------------------------------------------------------------------------------------


def test_a_dead_address_does_not_hide_a_key_that_ended_nor_a_suspension_one_that_works(world: World) -> None:
    """Whether a message can be encrypted to somebody is asked of their key alone."""
    anna, bert, carla = world.member("Anna", "2d"), world.member("Bert"), world.member("Carla")
    for who in (anna, bert):
        dead(world, who.address, world.after(1))
    world.say(world.town.root, "suspend-member", carla)
    assert [standing(world, who, 3).key_works for who in (anna, bert, carla)] == [False, True, True]
    assert [standing(world, who, 3).member.state for who in (anna, bert, carla)] == ["unreachable", "unreachable", "suspended"]


def test_since_is_when_the_last_usable_subkey_ended_or_its_revocation_came(world: World) -> None:
    """A subkey ran out on the first day, when another had taken its place; that one is revoked on the third."""
    anna, gpg = world.person("Anna", encryption=None), world.town.people.gpg
    gpg("--quick-add-key", anna.fingerprint, "cv25519", "encr", "1d")
    first = Somebody(anna.name, anna.address, anna.fingerprint, world.town.people.export(anna.fingerprint))
    world.attest(first)
    ended = standing(world, first, 1.5).since
    assert abs(ended - world.after(1)) < 60
    gpg("--quick-add-key", anna.fingerprint, "cv25519", "encr")
    mailed(world, first, 0.5)
    assert standing(world, first, 1.5).member.state == "active"
    gpg("--command-fd", "0", "--edit-key", anna.fingerprint, data=b"key 2\nrevkey\ny\n0\n\ny\nsave\n")
    mailed(world, first, 3)
    assert standing(world, first, 4).since == world.after(3)
