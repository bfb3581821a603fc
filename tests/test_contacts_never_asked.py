"""Nobody is overdue whom the list did not ask: because it did not yet, stood still, or had suspended them. They have the same month."""

from __future__ import annotations

import json
import time

import pytest
from confirming_world import ASKED, REMINDED, World
from confirming_world import world as world
from people import Somebody

from securelist.contacts.repository import repository
from securelist.installation import Installation
from securelist.procedures.dates import day
from securelist.procedures.summary import Summary

DAY = 86_400
THREE = ".nl: 3 contacts have not confirmed their details"


def setting(world: World, days: int) -> None:
    """The operator sets `confirm_days`, and starts the list anew."""
    path = world.town.home / "securelist.toml"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("confirm_days")]
    path.write_text("\n".join([*kept, f"confirm_days = {days}", ""]))


def marked(world: World) -> int:
    """How many members the repository marks as overdue at this moment."""
    return sum(one.overdue for one in repository(Installation(world.town.home), world.now).contacts)


def told(world: World, *days: float) -> dict[float, list[list[str]]]:
    """What Anna and her Admin Contact got by each of these days, on which there was a round; the server ran all the time."""
    return {on: world.subjects_on(on, world.member("Anna"), world.town.admin) for on in days}


def test_the_first_round_ever_asks_and_reproaches_nobody(world: World) -> None:
    """A list of members who joined 200 days ago gets this version: a first letter with a month's time, then a reminder, then the mark."""
    anna, admin = world.member("Anna"), world.town.admin
    world.never_ran()
    world.stand_still_until(200)
    letter = world.only(anna)
    assert letter.subject == ASKED and f"comes until {day(world.now + 30 * DAY)}, your entry is marked as overdue" in letter.text
    assert world.new(admin) == [] and marked(world) == 0
    assert told(world, 205, 229) == {205: [[], []], 229: [[], []]} and marked(world) == 0
    assert told(world, 230)[230][0] == [REMINDED] and marked(world) == 3
    assert told(world, 238)[238] == [[], [THREE]]


@pytest.mark.parametrize("before", [0, 300])
def test_asking_sooner_gives_everybody_a_month(world: World, before: int) -> None:
    """`confirm_days` is turned on, or lowered: who is due by that is asked, and has as long as others."""
    setting(world, before)
    assert told(world, 200) == {200: [[], []]}
    setting(world, 60)
    assert told(world, 201, 230) == {201: [[ASKED], []], 230: [[], []]} and marked(world) == 0
    assert told(world, 231)[231][0] == [REMINDED] and marked(world) == 3


def test_a_server_that_stood_still_begins_anew(world: World) -> None:
    """For half a year nobody was asked. Two days for repairs change nothing."""
    assert told(world, 100) == {100: [[], []]}
    world.stand_still_until(290)
    assert [one.subject for one in world.new(world.member("Anna"))] == [ASKED] and marked(world) == 0
    assert world.new(world.town.admin) == []
    assert told(world, 318) == {318: [[], []]}
    world.stand_still_until(320)
    assert [one.subject for one in world.new(world.member("Anna"))] == [REMINDED] and marked(world) == 3


def test_while_it_stands_still_the_operators_commands_do_not_say_so_either(world: World) -> None:
    """Nor does a repository that is exported before the first round."""
    world.never_ran()
    with_age(world, 200)
    assert marked(world) == 0 and "overdue" not in world.command("member", "list")
    assert "overdue" not in world.command("member", "show", world.member("Anna").address)


def with_age(world: World, days: int) -> None:
    """As if everybody had joined so many days earlier; nothing runs."""
    world.age_details(days)
    world.now = int(time.time())


def test_who_is_suspended_is_overdue_nowhere(world: World) -> None:
    """They are not asked: no repository, command or letter says that they did not answer."""
    anna, bert, carla = (world.member(name) for name in ("Anna", "Bert", "Carla"))
    world.say(world.town.root, "suspend-member", anna)
    world.ask(158)
    assert {one.person.name: one.overdue for one in repository(Installation(world.town.home), world.now).contacts} == {
        "Anna": False, "Bert": True, "Carla": True
    }  # fmt: skip
    listed = world.command("member", "list").splitlines()
    assert [("overdue" in line) for who in (anna, bert, carla) for line in listed if who.address in line] == [False, True, True]
    assert "overdue" not in world.command("member", "show", anna.address)
    assert json.loads(world.command("member", "show", "--json", anna.address))["details"]["overdue"] is False
    assert anna.address not in world.only(world.town.admin).text
    world.run_until(8)
    Summary(Installation(world.town.home)).round(world.now)
    assert "2 of 3 members" in " ".join(world.only(world.town.root).text.split())


def test_who_may_take_part_again_is_asked_first(world: World) -> None:
    """A suspension that outlasted the four months: a month to answer, counted from its end."""
    anna = world.member("Anna")
    world.say(world.town.root, "suspend-member", anna)
    world.age_details(200)
    world.say(world.town.root, "resume-member", anna)
    world.pass_to(0)
    assert world.only(anna).subject == ASKED and overdue_now(world, anna) is False
    world.pass_to(31)
    assert world.only(anna).subject == REMINDED and overdue_now(world, anna) is True


def overdue_now(world: World, who: Somebody) -> bool:
    """Whether the repository marks somebody at this moment."""
    found = repository(Installation(world.town.home), world.now).contacts
    return next(one.overdue for one in found if one.fingerprint == who.fingerprint)
