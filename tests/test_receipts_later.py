"""The poster's receipt after the first one: what mail servers report later, when it ends, and that each is written once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from receipts_world import DAY, HOUR, MINUTE, TELEPHONE, World, rows
from receipts_world import founded as founded
from receipts_world import world as world
from sqlalchemy import select, update

from securelist.installation import Installation
from securelist.store import receipts
from securelist.store.database import reading, writing
from securelist.store.queue import FAILED, POST
from securelist.store.receipts import Times, Waiting
from securelist.store.schema import Copy, Post
from securelist.store.schema_upkeep import ReceiptRow
from securelist.upkeep.receipts import CLAIM_S, CLOSED_AFTER_S, FIRST_AFTER_S, LAST_AFTER_S, Receipts

BUSY = "451 4.2.0 busy"


def due(world: World, later: int) -> list[Waiting]:
    """The receipts that a round would look at so many seconds from now."""
    at = world.at + later
    with reading(world.house.engine) as connection:
        return receipts.due(connection, Times(at - FIRST_AFTER_S, at - LAST_AFTER_S, at - CLOSED_AFTER_S, at - CLAIM_S, at), 50)


def report(world: World, name: str = "Bert") -> None:
    """A mail server took Bert's copy, and reports now that it came no further."""
    with writing(world.house.engine) as connection:
        bert = Copy.recipient == world.who(name).address
        of_posts = Copy.post_id.in_(select(Post.id).where(Post.kind == POST))
        connection.execute(update(Copy).where(bert, of_posts).values(state=FAILED, answer="bounced: mailbox full", settled=world.at))


def test_a_report_within_the_hour_is_told(world: World) -> None:
    """Not before it is over: others may follow."""
    world.post()
    world.round()
    assert [told.subject for told in world.letters()] == ["3 of 3 copies of your post handed over"]
    report(world)
    world.round(59 * MINUTE)
    assert world.letters() == []
    world.round(MINUTE)
    (told,) = world.letters()
    assert told.subject == "Now 2 of 3 copies of your post handed over; 1 not reached"
    assert f"- .nl: Bert, {TELEPHONE}. Why: bounced: mailbox full" in told.words


def test_a_report_after_five_days_is_told(world: World) -> None:
    """A host was down all the time, and whoever took the copy for it gave up; that is the last receipt, whatever is reported afterwards."""
    world.post()
    world.round()
    assert "may still report" in world.letters()[0].words
    for _ in range(5):
        world.round(DAY)
    assert world.letters() == [] and rows(world)[0][1] == 0
    world.at += 3 * HOUR
    report(world)
    world.round(MINUTE)
    (told,) = world.letters()
    assert told.subject == "Now 2 of 3 copies of your post handed over; 1 not reached" and "changed since the first receipt" in told.words
    assert rows(world)[0][1] == world.at
    report(world, "Carla")
    world.round(MINUTE)
    assert world.letters() == []


def test_a_report_after_the_end_is_not_told(world: World) -> None:
    """Six days after the post nothing is looked at any more."""
    world.post()
    world.round()
    world.round(6 * DAY)
    assert len(world.letters()) == 1 and rows(world)[0][1] == world.at
    report(world)
    world.round(MINUTE)
    assert world.letters() == []


def test_an_open_receipt_is_looked_at_once(world: World) -> None:
    """After the hour, and then only when something became of a copy: fifty of them cost a round one query."""
    world.post()
    world.round()
    assert [len(found) for found in (due(world, 59 * MINUTE), due(world, HOUR))] == [0, 1]
    world.round(HOUR)
    assert [len(found) for found in (due(world, MINUTE), due(world, DAY))] == [0, 0]
    world.at += DAY
    report(world)
    assert len(due(world, 0)) == 1


# --- once, whatever happens -------------------------------------------------------------------------------------------------------


def test_several_processes_write_one(world: World) -> None:
    """Whoever looks at the same moment."""
    world.post()
    world.deliver()
    houses = [Installation(world.house.home) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda house: Receipts(house).round(world.at), houses))
    world.deliver()
    assert len(world.letters()) == 1
    for house in houses:
        house.engine.dispose()


def test_what_is_noted_is_what_the_letter_says(world: World) -> None:
    """One process writes it; another that looks meanwhile, and finds more people reached, changes nothing."""
    world.refusals[world.who("Bert").address] = BUSY
    world.post()
    world.at += 15 * MINUTE
    world.deliver()
    (one,) = due(world, 0)
    with writing(world.house.engine) as connection:
        assert receipts.claim(connection, one, "a" * 64, world.at)
    assert due(world, 0) == []
    with writing(world.house.engine) as connection:
        assert not receipts.claim(connection, one, "b" * 64, world.at)
        assert connection.execute(select(ReceiptRow.missed)).scalar_one() == "a" * 64


def test_a_claim_of_a_clock_that_was_ahead_holds_up_nothing(world: World) -> None:
    """Nor do the other times that such a clock left."""
    world.post()
    with writing(world.house.engine) as connection:
        connection.execute(update(ReceiptRow).values(claimed=world.at + 30 * DAY))
    world.round()
    assert len(world.letters()) == 1
    with writing(world.house.engine) as connection:
        connection.execute(update(ReceiptRow).values(looked=world.at + 30 * DAY))
        connection.execute(update(Post).values(accepted=world.at + 30 * DAY))
    report(world)
    world.round(HOUR)
    assert len(world.letters()) == 1


def test_killed_after_the_letter_was_written(world: World) -> None:
    """It is not written again, and what has changed since is told in the end as against what it said."""
    world.refusals[world.who("Bert").address] = BUSY
    world.post()
    world.round(15 * MINUTE)
    assert len(world.letters()) == 1
    with writing(world.house.engine) as connection:  # as if it had not come to this
        connection.execute(update(ReceiptRow).values(first=0))
    world.refusals.clear()
    world.round(10 * MINUTE)
    assert world.letters() == [] and rows(world)[0] == (world.at, 0)
    world.round(HOUR)
    assert [told.subject for told in world.letters()] == ["Now 3 of 3 copies of your post handed over"]


def test_killed_before_the_letter_was_written(world: World) -> None:
    """Who was to be named is noted by then; the letter says how it is when it is written."""
    world.refusals[world.who("Bert").address] = BUSY
    world.post()
    with writing(world.house.engine) as connection:
        connection.execute(update(ReceiptRow).values(missed="0" * 64, claimed=world.at + 15 * MINUTE))
    world.round(15 * MINUTE)
    assert world.letters() == []  # whoever claimed it may be about to write it
    world.round(MINUTE)
    assert [told.subject for told in world.letters()] == ["2 of 3 copies of your post handed over; 1 not reached"]
    world.round(HOUR)
    assert world.letters() == []
