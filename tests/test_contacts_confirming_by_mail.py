"""Contact details are confirmed by mail alone: a running server, people with gpg and Thunderbird, and a clock that is moved by months."""

from __future__ import annotations

from collections.abc import Callable

from admission_steps import answer_welcome, appoint, attest, contact_of, ssc_of
from correspondents import World

ASKED = "Are your contact details still right?"


def test_four_months_later(founded: Callable[..., World]) -> None:
    """Anna confirms with one reply, Bert corrects his number, Carla says nothing: her Admin Contact hears of it, and answers for her."""
    world = founded()
    contact, (anna, bert, carla) = contact_of(world, "nl"), (ssc_of(world, "nl", name) for name in ("Anna", "Bert", "Carla"))
    appoint(world, "nl", contact)
    attest(world, "nl", contact, anna, bert, carla)
    for ssc in (anna, bert, carla):
        answer_welcome(ssc)
    world.chapter("Four months later")
    world.move_clock(121)
    letters = {ssc.name: ssc.inbox(ASKED) for ssc in (anna, bert, carla)}
    anna.reply(letters[anna.name], letters[anna.name].statement(0), encrypt=True)
    assert "confirm-contact" in anna.inbox("Your statement took effect").text
    bert.reply(letters[bert.name], "yes, but the number is another one", encrypt=True, expect=550)
    again = bert.inbox("Your answer does not confirm")
    bert.reply(again, f"{again.statement(1).strip()}\nPhone: +31 20 555 8888\n", style="gpg inline", encrypt=True)
    assert "update-contact" in bert.inbox("Your statement took effect").text
    assert "+31 20 555 8888" in world.run("member", "show", bert.address)
    assert world.sent("SSC") == 3
    for days in (127, 133, 139, 145, 151, 157, 160):  # a server that stood still for longer would begin to ask anew
        world.move_clock(days)
        world.settle()
    told = contact.inbox("a contact has not confirmed their details")
    assert carla.address in told.text and anna.address not in told.text and bert.address not in told.text
    assert f"{ASKED}" in carla.inbox("Reminder").subject
    assert [mail.subject for ssc in (anna, bert) for mail in ssc.unread() if ASKED in mail.subject] == []
    assert world.run("member", "list").count("overdue") == 1
    contact.send(told.statement(0), world.request)
    contact.inbox("took effect")
    assert "overdue" not in world.run("member", "list")
