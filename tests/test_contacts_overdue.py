"""Whoever does not confirm is marked, and named to who can ask them: the Admin Contact, or the Secretariat; both see how it stands."""

from __future__ import annotations

import json

from confirming_world import ASKED, World, copied
from confirming_world import world as world
from people import Somebody

from securelist.contacts.repository import repository
from securelist.installation import Installation
from securelist.procedures.dates import day
from securelist.procedures.summary import Summary
from securelist.trust.grammar import parse

ONE, THREE = ".nl: a contact has not confirmed their details", ".nl: 3 contacts have not confirmed their details"


def of(world: World, cctld: str, contact: Somebody, name: str) -> Somebody:
    """A new member for another ccTLD, whose Admin Contact is appointed for that."""
    who = world.person(name)
    world.say(world.town.root, "appoint-admin-contact", contact, contact.certificate, TLD=cctld)
    world.say(contact, "attest-ssc", who, who.certificate, TLD=cctld)
    return who


def test_the_admin_contact_hears_in_one_letter_and_again_each_month(world: World) -> None:
    """Once they are overdue, within a week; the Secretariat hears nothing of a ccTLD for which somebody speaks."""
    admin, root = world.town.admin, world.town.root
    days = (149, *range(150, 159), 170, 179, *range(180, 189), 200, *range(210, 219))
    told = {days: world.subjects_on(days, admin, root) for days in days}
    got = [days for days, found in told.items() if found != [[], []]]
    assert [told[days] for days in got] == [[[THREE], []]] * 3
    assert 150 <= got[0] <= 157 and [one - got[0] for one in got] == [0, 30, 60]


def test_the_letter_says_what_is_known_and_what_to_do(world: World) -> None:
    """Whom to call, and two texts about each: to correct or confirm in their place, and to end it."""
    anna = world.member("Anna")
    for name in ("Bert", "Carla"):
        world.say(world.town.admin, "withdraw-ssc", world.member(name))
    world.pass_to(158)
    letter = world.only(world.town.admin)
    words = " ".join(letter.text.split())
    assert letter.subject == ONE and max(map(len, letter.lines)) <= 78
    confirmed = day(world.attestation(anna).confirmed)
    assert f"- Anna, {anna.address}, +31 6 1234 5678. Overdue: details last confirmed on {confirmed}." in words
    assert "This letter comes again every 30 days" in words and "Please call them" in words
    (known,), (leaving,) = parse(copied(letter, "update-contact")), parse(copied(letter, "withdraw-ssc"))
    assert known.person == world.attestation(anna).person
    assert leaving.person.emails == (anna.address,) and leaving.tld == "nl"


def test_the_admin_contact_confirms_one_and_withdraws_another(world: World) -> None:
    """By the texts of the letter, signed: the one is fresh again, the other is gone, and only the third is named a month later."""
    anna, bert, carla = (world.member(name) for name in ("Anna", "Bert", "Carla"))
    world.ask(158)
    letter = world.only(world.town.admin)
    assert letter.subject == THREE
    updates, withdrawals = (parse(copied(letter, kind)) for kind in ("update-contact", "withdraw-ssc"))
    assert [one.person.emails[0] for one in updates] == [one.person.emails[0] for one in withdrawals]
    text = f"{_about(anna, copied(letter, 'update-contact'))}\n{_about(bert, copied(letter, 'withdraw-ssc'))}"
    assert world.reply(world.town.admin, letter, text, quote=False) == "accepted"
    assert world.attestation(anna).confirmed == world.now and not world.attestation(bert).in_force(world.now)
    world.new(world.town.admin)
    world.pass_to(31)
    again = world.only(world.town.admin)
    assert again.subject == ONE and carla.address in again.text and anna.address not in again.text


def _about(who: Somebody, statements: str) -> str:
    """The one statement about somebody."""
    (found,) = [statement for statement in statements.split("\n\n") if who.address in statement]
    return f"{found.strip()}\n"


def test_the_secretariat_hears_of_those_for_whom_nobody_speaks(world: World) -> None:
    """In one letter for all ccTLDs: whose Admin Contact was dismissed, or has a key that ended. Those who can read hear of it, too."""
    gone, lapsed = world.person("Gone"), world.person("Lapsed", expires="100d")
    for cctld, contact, name in (("de", gone, "Dirk"), ("fr", lapsed, "Fanny")):
        of(world, cctld, contact, name)
    world.say(world.town.root, "dismiss-admin-contact", gone, TLD="de")
    world.pass_to(158)
    letter = world.only(world.town.root)
    words = " ".join(letter.text.split())
    assert letter.subject == "2 contacts have not confirmed their details"
    assert "- Dirk, .de, " in words and "Admin Contact: nobody speaks for it." in words
    assert "- Fanny, .fr, " in words and "update-contact" not in words and max(map(len, letter.lines)) <= 78
    assert [one.tld for one in parse(copied(letter, "withdraw-ssc"))] == ["de", "fr"]
    assert world.new(gone) == [] and world.new(lapsed) == []
    assert world.subjects_on(170, world.town.root) == [[]]
    assert world.subjects_on(188, world.town.root) == [[letter.subject]]


def test_of_somebody_who_cannot_be_asked_the_admin_contact_hears_all_the_same(world: World) -> None:
    """Their own key has ended: no letter comes to them, and after 150 days nobody knows whether the telephone number is right."""
    dora = world.person("Dora", expires="60d")
    world.attest(dora)
    for name in ("Anna", "Bert", "Carla"):
        world.say(world.town.admin, "withdraw-ssc", world.member(name))
    world.pass_to(158)
    assert world.new(dora) == [] and world.only(world.town.admin).subject == ONE


def test_they_are_marked_in_the_repository_and_for_the_operator(world: World) -> None:
    """`member list` and `member show` give the day and the mark; the shape of `member list --json` is what it was."""
    anna = world.member("Anna")
    world.ask(151)
    assert {one.overdue for one in repository(Installation(world.town.home), world.now).contacts} == {True}
    since = day(world.attestation(anna).confirmed)
    assert world.command("member", "list").count(f"active, overdue: details last confirmed on {since}") == 3
    assert f"Confirmed     overdue: details last confirmed on {since}\n" in world.command("member", "show", anna.address)
    shown = json.loads(world.command("member", "show", "--json", anna.address))
    assert shown["details"] == {"confirmed": world.attestation(anna).confirmed, "overdue": True}
    listed = json.loads(world.command("member", "list", "--json"))
    assert set(listed[0]) == {"email", "emails", "name", "phone", "cctld", "fingerprint", "state"}
    letter = world.only(anna)
    assert letter.subject == f"Reminder: {ASKED}" and f"  Overdue: details last confirmed on {since}\n" in letter.text
    assert "is asked to call you" in " ".join(letter.text.split())
    assert world.reply(anna, letter, copied(letter, "confirm-contact")) == "accepted"
    assert f"Confirmed     {day(world.now)}\n" in world.command("member", "show", anna.address)


def test_the_weekly_summary_counts_them(world: World) -> None:
    """For the trust roots; not a word of it while there are none."""
    told = []
    for days in (100, 151):
        world.run_until(days)
        Summary(Installation(world.town.home)).round(world.now)
        told.append(" ".join(world.only(world.town.root).text.split()))
    assert "contact details" not in told[0] and "3 of 3 members are overdue: nobody confirmed their contact details in time." in told[1]
