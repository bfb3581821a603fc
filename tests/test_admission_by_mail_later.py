"""Admission by mail when people let it lie: reminders, lapses, and members who never answered. The server's clock is moved."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from admission_steps import answer_to, appoint, attest, contact_of, invited, keep_transcript, number_of_request, request_of, ssc_of
from correspondents import Person, World
from mail_client import Shown

DAYS = (6, 8, 15, 22, 31, 61)


@dataclass
class Months:
    """Two months of a list, and what everybody got on which day; it is the last day now."""

    world: World
    silent: Person
    """Was invited for .be, and never answered."""
    slow: Person
    """Was invited for .nl, answered the second reminder, and was not appointed."""
    contact: Person
    """Speaks for .at, and attested `attested`, twice: by mistake, nobody; and did not attest who asked."""
    asked: Person
    """Asked to join for .at, was released and never attested."""
    attested: Person
    """A member for .at since the first day, who did not answer the welcome."""
    stranger: Person
    """Asked to join for .ma, and was never released."""
    first: dict[str, Shown] = field(default_factory=dict)
    letters: dict[int, dict[str, list[Shown]]] = field(default_factory=dict)

    def got(self, day: int, person: Person) -> list[str]:
        """The subjects of what somebody got by that day, since the day before it in DAYS."""
        return [mail.subject for mail in self.letters[day][person.name]]

    def text(self, day: int, person: Person, words: str) -> str:
        """The text of the one mail with these words in its subject, on one line."""
        (found,) = [mail for mail in self.letters[day][person.name] if words in mail.subject]
        return " ".join(found.text.split())

    def pass_to(self, day: int) -> None:
        """Moves the clock, and lets everybody read their mail."""
        self.world.move_clock(day)
        self.world.settle()  # the server looked when it started; this is another process, which looks once more
        everybody = (self.silent, self.slow, self.contact, self.asked, self.attested, self.stranger, *self.world.roots)
        self.letters[day] = {person.name: person.unread() for person in everybody}
        for person in everybody:
            person.discard()


@pytest.fixture(scope="module")
def months(founded: Callable[..., World], tmp_path_factory: pytest.TempPathFactory) -> Months:
    """What happens on each day; each test looks at one of these stories, and may go on with it."""
    world = founded()
    world.chapter("Two months of people who let it lie")
    contact, rita = contact_of(world, "at"), world.roots[0]
    (silent, first), (slow, _) = invited(world, "be"), invited(world, "nl")
    asked, attested, stranger = ssc_of(world, "at"), ssc_of(world, "at", "Bert"), ssc_of(world, "ma", "Stranger")
    made = Months(world, silent, slow, contact, asked, attested, stranger, {"be": first})
    appoint(world, "at", contact)
    attest(world, "at", contact, attested)
    attested.inbox("Welcome")
    for ssc, tld in ((stranger, "ma"), (asked, "at")):
        ssc.send(request_of(ssc, tld), world.request, attach=[ssc.certificate])
    rita.send("pending", world.request, encrypt=True)
    rita.send(f"release {number_of_request(rita.inbox('What waits'), asked)}", world.request, encrypt=True)
    rita.inbox("Released: 1")
    made.first["at"] = contact.inbox("asks to join for .at")
    asked.inbox("is with the Admin Contact")
    for day in DAYS:
        made.pass_to(day)
        if day == 22:
            (reminder,) = made.letters[22][slow.name]
            slow.send(answer_to(reminder, slow), reminder.address("request"), attach=[slow.certificate])
            slow.inbox("Your answer for .nl is here")
            rita.inbox("Appoint the Admin Contact of .nl?")
    keep_transcript(world, tmp_path_factory.mktemp("transcripts"), "7-later")
    return made


def token_in(mail: Shown) -> str:
    """The token in an invitation or a reminder of it."""
    return re.findall(r"^Token: (\S+)$", mail.text, re.MULTILINE)[0]


def test_nothing_is_due_before_a_week_has_passed(months: Months) -> None:
    """After six days nobody has heard anything."""
    assert set(map(len, months.letters[6].values())) == {0}


def test_an_invitation_that_nobody_answers(months: Months) -> None:
    """Reminders after 7 and 21 days, with the same token; after 30 it has lapsed: the Secretariat is told, and the token refused."""
    world, silent, rita = months.world, months.silent, months.world.roots[0]
    reminders = [months.letters[day][silent.name] for day in DAYS]
    assert list(map(len, reminders)) == [0, 1, 0, 1, 0, 0]
    for (reminder,) in filter(None, reminders):
        assert reminder.subject == "Reminder: tld-ops invites the Admin Contact of .be"
        assert token_in(reminder) == token_in(months.first["be"])
    for root in world.roots:
        lapsed = months.text(31, root, "waited for in vain")
        assert silent.address in lapsed
        assert ".nl" not in lapsed
    old = months.first["be"]
    silent.send(answer_to(old, silent), old.address("request"), attach=[silent.certificate], expect=550)
    assert "no longer good" in " ".join(silent.inbox("cannot be used").text.split())
    rita.send("invite be", world.request, encrypt=True)
    again = silent.inbox("invites the Admin Contact of .be")
    assert token_in(again) != token_in(old)
    silent.send(answer_to(again, silent), again.address("request"), attach=[silent.certificate])
    silent.inbox("Your answer for .be is here")


def test_an_answer_to_the_second_reminder(months: Months) -> None:
    """It is as good as one to the invitation; when nobody appoints them for 30 days, they and the Secretariat are told that it lapsed."""
    assert months.got(8, months.slow) == months.got(22, months.slow) == ["Reminder: tld-ops invites the Admin Contact of .nl"]
    assert months.got(31, months.slow) == []
    assert months.got(61, months.slow) == ["Your answer for .nl came to nothing"]
    assert months.letters[61][months.slow.name][0].encrypted
    assert ".nl: the answer" in months.text(61, months.world.roots[1], "waited for in vain")


def test_a_request_that_nobody_attests(months: Months) -> None:
    """The Admin Contact is reminded twice; then it lapses: who asked, who was to attest and the Secretariat are told; they can ask anew."""
    world, contact, asked, rita = months.world, months.contact, months.asked, months.world.roots[0]
    reminder = f"Reminder: {asked.name} asks to join for .at"
    assert [months.got(day, contact).count(reminder) for day in DAYS] == [0, 1, 0, 1, 0, 0]
    same = {mail.statement() for day in DAYS for mail in months.letters[day][contact.name] if mail.subject == reminder}
    assert same == {months.first["at"].statement()}
    assert [len(months.got(day, asked)) for day in DAYS] == [0, 0, 0, 0, 1, 0]
    assert contact.name in months.text(31, asked, "has lapsed")
    assert "Nothing is to be done" in months.text(31, contact, "has lapsed")
    assert asked.address in months.text(31, rita, "waited for in vain")
    asked.send(f"Again:\n\n{request_of(asked, 'at')}", world.request, attach=[asked.certificate])
    rita.send("pending", world.request, encrypt=True)
    assert number_of_request(rita.inbox("What waits"), asked)


def test_a_request_that_was_never_released(months: Months) -> None:
    """The weekly summary names it; it ends after 60 days, and who made it never hears of it, nor does anybody but the Secretariat."""
    rita, stranger = months.world.roots[0], months.stranger
    assert stranger.address in months.text(8, rita, "tld-ops, ")
    assert "never released" in months.text(61, rita, "waited for in vain")
    assert [months.got(day, stranger) for day in DAYS] == [[]] * len(DAYS)


def test_a_member_who_does_not_answer_the_welcome(months: Months) -> None:
    """After 14 days they are unconfirmed: their Admin Contact is told, once, the summary and `member list` show it, until they answer."""
    world, contact, bert = months.world, months.contact, months.attested
    told = [day for day in DAYS if any("No answer yet for .at" in subject for subject in months.got(day, contact))]
    assert told == [15]
    assert bert.address in months.text(15, contact, "No answer yet")
    assert "show that their key works: 1" in months.text(22, world.roots[0], "tld-ops, ")
    assert "unconfirmed" in world.run("member", "list")
    bert.send("I am here.", world.request, expect=550)
    assert "list.asc" in bert.inbox("Please encrypt").attachments
    bert.send("I am here.", world.request, encrypt=True)
    bert.inbox("Your key works")
    assert "unconfirmed" not in world.run("member", "list")


def test_the_weekly_summary_comes_once_a_week(months: Months) -> None:
    """To each trust root; and not at all within the same week."""
    for root in months.world.roots:
        summaries = [sum(subject.startswith("tld-ops, ") for subject in months.got(day, root)) for day in DAYS]
        assert summaries == [0, 1, 1, 1, 1, 1]
