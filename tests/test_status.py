"""Readiness at a glance: what `status` tells members and trust roots, and the Secretariat's weekly letter; and whom it tells nothing."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from command_mails import Bureau
from command_mails import admission as admission
from command_mails import bureau as bureau
from people import Somebody
from statement_mails import PLAIN, mail, part
from town import member

from securelist.command_desk import Taken
from securelist.errors import Refused
from securelist.letters import kinds
from securelist.letters.kinds import STATUSES_A_DAY
from securelist.openpgp.admission import split_certificates
from securelist.store import addresses
from securelist.store.database import writing
from securelist.trust.membership import ACTIVE, UNREACHABLE
from securelist.trust.submission import Parcel
from securelist.upkeep.readiness import readiness
from securelist.upkeep.status import MAX_SHOWN, MAX_SHOWN_WEEKLY, regions, status

DAY_S = 86400


def anna(bureau: Bureau) -> Somebody:
    return member(bureau.admission.town, "Anna")


def today(bureau: Bureau, days: int = 0) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(bureau.at + days * DAY_S))


def newcomer(bureau: Bureau, name: str, tld: str = "nl", **fields: str) -> Somebody:
    """A new member with a telephone number."""
    town = bureau.admission.town
    who = bureau.admission.people.make(name, f"{name.lower()}-{time.time_ns()}@nl.example")
    town.submit(town.admin, town.statement("attest-ssc", who, tld, Phone="+31 20 555 0100", **fields), who.certificate)
    return who


def revoke(bureau: Bureau, who: Somebody) -> None:
    """Somebody hands in that they revoked their key."""
    revoked = bureau.admission.people.revoke(who)
    bureau.admission.house.enter(Parcel((), tuple(split_certificates(revoked))), int(time.time()))


def mark(bureau: Bureau, address: str) -> None:
    """A mail server reported that there is no such address, after it had taken what waited."""
    bureau.round()
    with writing(bureau.admission.house.engine) as connection:
        addresses.mark(connection, address, "550 5.1.1 no such user", bureau.at, by_report=True)


# --- what it tells -----------------------------------------------------------------------------------------------------------


def test_everybody_could(bureau: Bureau) -> None:
    """A table by region, and that nothing is wrong; the help of a member has the word."""
    (told,) = bureau.order(anna(bureau), "status\n")
    assert told.subject == "3 of 3 members could read a post sent now"
    lines = [line.split() for line in told.text.split("\n")]
    assert ["Europe", "3", "3", "0"] in lines and ["All", "3", "3", "0"] in lines and not any(line[:1] == ["Africa"] for line in lines)
    assert "Every address works, and nothing ends within 30 days." in told.words and told.widest <= 76
    (told,) = bureau.order(anna(bureau), "help\n")
    assert "  status          for members: who could read a post sent now" in told.text


def test_who_could_not_and_why(bureau: Bureau) -> None:
    """By ccTLD, name, telephone number, reason and day; a dead address beside one that works is told by itself; what ends, too."""
    gina = newcomer(bureau, "Gina", Email=f"gina-{time.time_ns()}@nl.example", Expires=today(bureau, 10))
    (found,) = [one.member for one in readiness(bureau.admission.house, bureau.at) if one.member.name == "Gina"]
    mark(bureau, found.emails[0].upper())
    (told,) = bureau.order(bureau.root, "status")
    assert told.subject == "3 of 4 members could read a post sent now"
    assert f"COULD NOT: 1 - .nl: Gina, +31 20 555 0100. Why: no address works: {found.emails[0]}: 550 5.1.1" in told.words
    assert f"since {today(bureau)}" in told.words
    assert "ENDS WITHIN 30 DAYS: 1" in told.words and f"- {today(bureau, 10)}: the attestation of Gina" in told.words
    revoke(bureau, gina)
    time.sleep(1.1)  # signed in another second, it is another mail
    (told,) = bureau.order(bureau.root, "status")
    assert "Gina, +31 20 555 0100. Why: the key is revoked, since" in told.words


def test_an_address_that_does_not_work_beside_one_that_does(bureau: Bureau) -> None:
    """Its member could read, and is told of with the address."""
    first, second = (f"{place}-{time.time_ns()}@nl.example" for place in ("first", "second"))
    newcomer(bureau, "Hans", Email=f"{first}\nEmail: {second}")
    mark(bureau, second)
    (told,) = bureau.order(anna(bureau), "status")
    assert told.subject == "4 of 4 members could read a post sent now" and "COULD NOT" not in told.text
    assert f"- {second}, of Hans for .nl, since {today(bureau)}. Why: 550 5.1.1 no such user" in told.words
    assert first not in told.text


def test_a_suspended_member_is_not_waited_for(bureau: Bureau) -> None:
    """They are to get nothing: they are neither among those who could nor among those who could not."""
    town, gina = bureau.admission.town, newcomer(bureau, "Gina")
    town.submit(bureau.root, town.statement("suspend-member", gina, Name="", Key=""))
    (told,) = bureau.order(bureau.root, "status")
    assert told.subject == "3 of 3 members could read a post sent now" and "Gina" not in told.text


def test_regions_in_their_order(bureau: Bureau) -> None:
    """Those that have members, whatever their state, one that is in no list of ccTLDs at the end, and all together."""
    one = readiness(bureau.admission.house, bureau.at)[0]
    them = [("jp", ACTIVE), ("nl", ACTIVE), ("za", UNREACHABLE), ("ke", ACTIVE), ("xx", UNREACHABLE), ("us", ACTIVE)]
    made = regions(replace(one, member=replace(one.member, cctld=cctld, state=state)) for cctld, state in them)
    assert made == [
        ("Africa", 2, 1, 1), ("Asia/Australia/Pacific", 1, 1, 0), ("Europe", 1, 1, 0), ("North America", 1, 1, 0), ("Elsewhere", 1, 0, 1),
        ("All", 6, 4, 2),
    ]  # fmt: skip
    assert regions([]) == [("All", 0, 0, 0)]


def test_what_is_too_much_for_a_letter_is_counted(bureau: Bureau) -> None:
    """So many of each kind, fewer in the weekly letter; the counts are of all."""
    assert MAX_SHOWN_WEEKLY < MAX_SHOWN
    revoke(bureau, newcomer(bureau, "Gina"))
    revoke(bureau, newcomer(bureau, "Hans"))
    facts = status(bureau.admission.house, bureau.at, most=1)
    assert (len(facts["cannot"]), facts["counts"]["cannot"]) == (1, 2)
    text = bureau.admission.house.letters.templates.compose("status", {**facts, "request": "r@x.example"}).text
    assert "And 1 more, whom the operator can list." in text


# --- the weekly line -----------------------------------------------------------------------------------------------------------


def test_the_weekly_letter_has_it_too(bureau: Bureau) -> None:
    """Who could not, which address does not work, what ends, and how to get all of it; without telephone numbers."""
    first, second = (f"{place}-{time.time_ns()}@nl.example" for place in ("first", "second"))
    revoke(bureau, newcomer(bureau, "Gina"))
    newcomer(bureau, "Hans", Email=f"{first}\nEmail: {second}", Expires=today(bureau, 20))
    bureau.at += 6 * DAY_S
    bureau.letters(bureau.root)
    mark(bureau, second)
    bureau.later(1.1)
    (told,) = [one for one in bureau.letters(bureau.root) if one.subject.startswith("tld-ops, ")]
    assert "4 of 5 members could read a post sent now: Europe 4 of 5." in told.words
    assert "- .nl: Gina could not. Why: the key is revoked, since" in told.words and "+31 20 555 0100" not in told.text
    assert f"- .nl: Hans's address {second} does not work" in told.words
    assert f"- {today(bureau, 20 - 7)[:8]}" in told.words and "end of the attestation of Hans" in told.words
    assert "The word `status`" in told.words and told.widest <= 76


# --- whom ------------------------------------------------------------------------------------------------------------------------


def test_it_is_for_members_and_trust_roots(bureau: Bureau) -> None:
    """An Admin Contact who is no member, and a suspended member, get no names and numbers; a stranger gets nothing."""
    town, gina = bureau.admission.town, newcomer(bureau, "Gina")
    town.submit(bureau.root, town.statement("suspend-member", gina, Name="", Key=""))
    for who in (town.admin, gina):
        bureau.letters(who)
        taken = bureau.take(bureau.signed(who, "status"))
        assert isinstance(taken, Refused) and taken.reason == "members-only"
        (told,) = bureau.letters(who)
        assert told.subject == "Your command was not carried out" and "could read" not in told.words.replace("who could read", "")
    mallory = bureau.admission.people.make("Mallory", f"{time.time_ns()}@else.example")
    assert bureau.take(bureau.signed(mallory, "status")).reason == "unknown-signer"


def test_a_recorded_mail_brings_no_second_answer(bureau: Bureau) -> None:
    """Nobody fills a member's mailbox by mailing their `status` again."""
    octets = mail(anna(bureau), part(PLAIN, bureau.admission.people.clearsign(anna(bureau), "status\n")))
    bureau.letters(anna(bureau))
    for _ in range(3):
        taken = bureau.take(octets)
        assert isinstance(taken, Taken)
    assert len(bureau.letters(anna(bureau))) == 1


@pytest.mark.parametrize(("already", "more"), [(STATUSES_A_DAY - 1, 1), (STATUSES_A_DAY, 0)])
def test_so_many_a_day(bureau: Bureau, already: int, more: int) -> None:
    """A limit of its own."""
    bureau.letters(anna(bureau))
    for _ in range(already):
        kinds.written(bureau.admission.house.engine, "status", anna(bureau).address, bureau.at)
    assert len(bureau.order(anna(bureau), "status")) == more
