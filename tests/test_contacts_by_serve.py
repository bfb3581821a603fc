"""The monthly mail of the contact repository, from a server that runs: nobody calls for it. The server's clock is moved."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from admission_steps import appoint, attest, contact_of, ssc_of
from correspondents import DAY_S, Person, World
from mailings_world import first_of_month


@pytest.fixture(scope="module")
def world(founded: Callable[..., World]) -> World:
    return founded(settings="")


@pytest.fixture(scope="module")
def members(world: World) -> list[Person]:
    """Two members for .at; both have answered the welcome."""
    contact = contact_of(world, "at")
    people = [ssc_of(world, "at", name) for name in ("Vera", "Paul")]
    appoint(world, "at", contact)
    attest(world, "at", contact, *people)
    for who in people:
        who.inbox("Welcome")
        who.send("Here I am.", world.request, encrypt=True)
        who.inbox("Your key works")
    world.chapter("Months pass")
    return people


def days_until(then: int) -> int:
    """How far a clock is to be moved, so that it is later than this, by a day at most."""
    return (then - int(time.time())) // DAY_S + 1


def test_every_month_each_member_has_the_contacts(world: World, members: list[Person]) -> None:
    """Once, whenever the server starts again; encrypted, signed by the list, with every member in it. A month later comes the next."""
    first, second = (days_until(first_of_month(month)) for month in (1, 2))
    world.move_clock(first)
    for who in members:
        mail = who.inbox("tld-ops contacts, ")
        assert mail.encrypted and "2 contacts of 1 ccTLD" in mail.subject
        assert all(member.address in mail.text for member in members)
    world.move_clock(first + 1)
    world.settle()
    assert not [mail.subject for who in members for mail in who.unread() if "contacts, " in mail.subject]
    world.move_clock(second)
    for who in members:
        who.inbox("nothing changed")
