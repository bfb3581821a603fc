"""A list of 900 members of whom some have no usable key, some no address that works, and some a second address: whom the receipt names."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pysequoia
import pytest
from people import Somebody
from receipts_world import DAY, MINUTE, World, open_world
from receipts_world import founded as founded
from town import Town

from securelist.trust.grammar import MAX_STATEMENTS
from securelist.trust.submission import Parcel
from securelist.upkeep.receipts import MAX_NAMED
from securelist.upkeep.status import status

MEMBERS = 900
UNUSABLE = range(1, 41)  # their keys expire before the post
DEAD = range(41, 51)  # their one address does not work
FIRST_DEAD = range(51, 54)  # nor does the first of these, who have two
BOTH_DEAD, BOTH_WORK = 54, 55
HAVE_TWO = range(51, 56)
CCTLDS = ("nl", "be", "br", "jp")
NO_SUCH_USER = "550 5.1.1 no such user"


def address(number: int, place: str = "far") -> str:
    return f"m{number}@{place}.example"


def phone(number: int) -> str:
    return f"+31 20 555 {number:04}"


@dataclass(frozen=True)
class Named:
    """Somebody whom a receipt names."""

    cctld: str
    name: str
    phone: str
    why: str


def named_in(words: str) -> dict[str, Named]:
    """By name, everybody whom the receipt names."""
    found = re.findall(r"- \.(\w+): (Member [0-9]+), (\+[0-9 ]+)\. Why: (.*?)(?= - \.| And [0-9]+ more|$)", words)
    people = [Named(*one) for one in found]
    assert len({one.name for one in people}) == len(people)
    return {one.name: one for one in people}


def certificate(number: int) -> pysequoia.Cert:
    """A key that nobody has; Sequoia makes one in a millisecond."""
    made = pysequoia.Tsk.generate(f"M <{address(number)}>", validity_seconds=DAY if number in UNUSABLE else 30 * DAY)
    return made.extract_certificate()


def statement(town: Town, number: int, fingerprint: str) -> str:
    """Makes somebody a member."""
    who = Somebody(f"Member {number}", address(number), fingerprint, b"")
    emails = [address(number), address(number, "elsewhere")] if number in HAVE_TWO else [address(number)]
    fields = {"tld": CCTLDS[number % len(CCTLDS)], "Email": "\nEmail: ".join(emails), "Phone": phone(number)}
    return town.statement("attest-ssc", who, **fields)


@pytest.fixture(scope="module")
def crowd(founded: Town) -> Iterator[World]:
    """The list with Anna, Bert and Carla, and with so many more that there are 900."""
    with open_world(founded) as world:
        town = world.town
        for tld in CCTLDS[1:]:
            world.say(town.root, "appoint-admin-contact", town.admin, town.admin.certificate, TLD=tld)
        numbers = range(1, MEMBERS - len(town.members) + 1)
        for start in range(0, len(numbers), MAX_STATEMENTS):
            batch = numbers[start : start + MAX_STATEMENTS]
            keys = {number: certificate(number) for number in batch}
            text = "\n".join(statement(town, i, key.fingerprint.upper()) for i, key in keys.items())
            signed = town.people.clearsign(town.admin, text)
            world.house.enter(Parcel((signed,), tuple(map(bytes, keys.values()))), int(time.time()))
        assert len(world.house.membership().members(world.at)) == MEMBERS
        world.at += 2 * DAY
        yield world


def test_the_receipt_names_exactly_those_not_reached(crowd: World) -> None:
    """40 without a usable key, 10 with one dead address, 1 with two; not the 3 whose second address works. All others got their copy."""
    dead = [address(number) for number in (*DEAD, *FIRST_DEAD, BOTH_DEAD)] + [address(BOTH_DEAD, "elsewhere")]
    assert len(dead) == 15
    crowd.refusals |= dict.fromkeys(dead, NO_SUCH_USER)
    crowd.post()
    crowd.deliver()
    got = Counter(crowd.sink.recipients)
    crowd.round()
    (told,) = crowd.letters()
    missed = {*UNUSABLE, *DEAD, BOTH_DEAD}
    assert told.subject == "850 of 905 copies of your post handed over; 51 not reached"
    found = named_in(told.words)
    assert set(found) == {f"Member {number}" for number in missed}
    for number in missed:
        one = found[f"Member {number}"]
        assert (one.cctld, one.phone) == (CCTLDS[number % len(CCTLDS)], phone(number))
        assert ("the key has expired" if number in UNUSABLE else NO_SUCH_USER) in one.why
    assert found[f"Member {BOTH_DEAD}"].why.count(NO_SUCH_USER) == 1
    reached = [number for number in range(1, MEMBERS - 2) if number not in missed]
    works = {address(number) for number in reached if number not in FIRST_DEAD}
    works |= {address(number, "elsewhere") for number in (*FIRST_DEAD, BOTH_WORK)}
    assert got == Counter({*works, *crowd.town.members})
    facts = status(crowd.house, crowd.at)  # by then the dead addresses are known, too
    assert {(one["name"], one["phones"]) for one in facts["cannot"]} == {(f"Member {number}", phone(number)) for number in missed}
    assert {one["address"] for one in facts["dead"]} == {address(number) for number in FIRST_DEAD}
    assert len(facts["ends"]) < facts["counts"]["ends"] == MEMBERS - len(UNUSABLE) - len(crowd.town.members)


def test_a_page_of_people_and_no_more(crowd: World) -> None:
    """When next to nobody can be reached, the receipt names so many, those first of whom it is certain, and says where the others are."""
    crowd.refusals |= {address(number, place): "451 4.3.0 later" for number in range(1, MEMBERS) for place in ("far", "elsewhere")}
    crowd.refusals |= dict.fromkeys((address(number) for number in DEAD), NO_SUCH_USER)
    crowd.post()
    crowd.round(15 * MINUTE)
    (told,) = crowd.letters()
    assert told.subject == f"3 of 905 copies of your post handed over; {MEMBERS - 3} not reached"
    found = named_in(told.words)
    assert len(found) == MAX_NAMED and {f"Member {number}" for number in (*UNUSABLE, *DEAD)} <= set(found)
    more = MEMBERS - 3 - MAX_NAMED
    assert f"And {more} more, {more} of whom merely wait: a copy for them is still being tried, and no list names them." in told.words
    assert "The word `status`, as a signed mail to tld-ops-request@lists.example.org" in told.words
