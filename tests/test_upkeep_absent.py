"""Who cannot read what is posted hears that something was, and how to come back; and whoever can call them is told to."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

from absent_world import HOUR, MINUTE, SUBJECT, TEXT, World, dead, extended, revoked
from absent_world import founded as founded
from absent_world import world as world
from people import Somebody
from welcome_world import DAY
from welcome_world import World as Welcoming

from securelist.installation import Installation
from securelist.letters.kinds import ABSENCES_A_DAY, written
from securelist.openpgp.certificate import grouped
from securelist.upkeep.absent import Absent

CALL = ".nl: a contact is not reached: please call"


def told(world: World, who: Somebody) -> list[str]:
    """The subjects of the letters about people who are away."""
    return [one.subject for one in world.letters(who) if "not reached" in one.subject]


# --- to the member -------------------------------------------------------------------------------------------------------


def test_who_missed_a_post_hears_of_it_at_all_their_addresses(world: World) -> None:
    """In clear, and with nothing in it of the post: not who posted, nor about what."""
    anna, bert = world.member("Anna", "2d", "anna@elsewhere.example"), world.member("Bert")
    world.post(bert, 1)
    world.round(1)
    assert world.notices(anna.address) == []
    world.post(bert, 3)
    world.round(3)
    (notice,) = world.notices(anna.address)
    assert world.notices("anna@elsewhere.example") == [notice]
    assert world.notices(bert.address) == []
    subject, text = notice
    words = " ".join(text.split())
    assert subject == "1 post of tld-ops could not be encrypted to you"
    assert f"since {time.strftime('%Y-%m-%d', time.gmtime(world.start + 2 * DAY))}: the key has expired" in words
    assert time.strftime("The last came on %Y-%m-%d %H:%M UTC", time.gmtime(world.after(3))) in words
    assert grouped(anna.fingerprint) in text
    assert f"    gpg --quick-set-expire {anna.fingerprint} 2y" in text.replace("\\\n        ", "")
    assert f"sq key expire --expiration 2y --cert {anna.fingerprint}" in text.replace("\\\n        ", "")
    for never in ("Bert", bert.address, SUBJECT, TEXT, world.town.admin.address):
        assert never not in subject + text
    assert max(map(len, text.splitlines())) <= 76


def test_a_notice_an_hour_at_most(world: World) -> None:
    """The first post at once; those after it together, an hour later; and none where nothing came."""
    anna, bert = world.member("Anna", "2d"), world.member("Bert")
    for days in (3, 3 + 10 * MINUTE, 3 + 20 * MINUTE):
        world.post(bert, days)
        world.round(days)
        assert len(world.notices(anna.address)) == 1
    world.round(3 + HOUR)
    world.round(3 + 3 * HOUR)
    world.round(30)
    first, second = world.notices(anna.address)
    assert first[0].startswith("1 post of") and second[0].startswith("2 posts of")
    words = " ".join(second[1].split())
    assert time.strftime("since the last such notice, %Y-%m-%d %H:%M UTC", time.gmtime(world.after(3))) in words
    assert time.strftime("The last came on %Y-%m-%d %H:%M UTC", time.gmtime(world.after(3 + 20 * MINUTE))) in words


def test_rounds_that_are_killed_or_run_at_once_write_a_notice_once(world: World) -> None:
    """The letter is there, the table does not say so; and two processes at the same moment."""
    anna, bert = world.member("Anna", "2d"), world.member("Bert")
    world.post(bert, 3)
    houses = [Installation(world.town.home) for _ in range(2)]
    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda house: Absent(house).round(world.after(3)), houses))
    world.now = world.after(3)
    ((_, _, _, last_copy, noticed, contact_told),) = world.absences()
    assert noticed == contact_told == world.after(3)
    assert last_copy
    world.forget_absences()
    world.round(3)
    assert len(world.notices(anna.address)) == 1
    assert told(world, world.town.admin) == [CALL]


def test_a_revoked_key_does_not_come_back(world: World) -> None:
    """The notice says what to do instead, and gives no command that would not help."""
    anna, bert = world.member("Anna"), world.member("Bert")
    revoked(world, anna)
    world.post(bert, 1)
    world.round(1)
    ((_, text),) = world.notices(anna.address)
    assert "the key is revoked" in text and "A revoked key does not come back" in text
    assert "gpg" not in text and "sq" not in text


def test_a_suspended_member_gets_nothing(world: World) -> None:
    """Neither of what was posted before they were suspended; nor are others asked to call them."""
    anna, bert = world.member("Anna", "2d"), world.member("Bert")
    world.post(bert, 3)
    world.say(world.town.root, "suspend-member", anna)
    world.round(3)
    world.round(20)
    assert world.notices(anna.address) == []
    assert told(world, world.town.admin) == []


def test_who_is_reached_again_or_left_is_forgotten(world: World) -> None:
    """And whoever drops out anew hears of that time alone."""
    anna, bert, carla = world.member("Anna", "2d"), world.member("Bert"), world.member("Carla", "2d")
    world.post(bert, 3)
    world.round(3)
    assert len(world.absences()) == 2
    world.say(world.town.admin, "withdraw-ssc", carla)
    extended(world, anna, "4d")
    world.renew(anna)
    world.round(3.5)
    assert world.absences() == []
    world.post(bert, 5)
    world.round(5)
    assert [subject.split()[0] for subject, _ in world.notices(anna.address)] == ["1", "1"]
    assert len(world.notices(carla.address)) == 1
    assert world.returns(carla) == []


# --- to who can call them ------------------------------------------------------------------------------------------------


def test_the_admin_contact_is_told_on_the_first_day_and_weekly(world: World) -> None:
    """One letter with all of the ccTLD, with telephone numbers, whatever the reason; whoever follows within a day waits for the next."""
    anna, bert, _ = world.member("Anna", "2d"), world.member("Bert"), world.member("Carla")
    assert not _one_more(world, 1.9)
    dead(world, bert.address, world.after(2.1))
    at = [days for days in (2.2, 2.5, 3, 6, 9, 9.3, 12, 16.2, 16.4) if _one_more(world, days)]
    assert at == [2.2, 9.3, 16.4]
    letter = next(one for one in world.letters(world.town.admin) if "not reached" in one.subject)
    words = " ".join(letter.text.split())
    assert letter.subject == ".nl: 2 contacts are not reached: please call"
    for who in (anna, bert):
        assert f"{who.name}, {who.address}, +31 6 1234 5678. Since " in words
        assert f"TLD: nl\nEmail: {who.address}\n" in letter.text
    assert "the key has expired" in words
    assert f"no address works: {bert.address}: 550 5.1.1 no such user" in words
    assert "Carla" not in words and "cannot be told" not in words and max(map(len, letter.lines)) <= 76
    assert world.notices(bert.address) == []  # nothing could not be encrypted to him


def _one_more(world: World, days: float) -> bool:
    before = len(told(world, world.town.admin))
    world.round(days)
    return len(told(world, world.town.admin)) > before


def test_who_drops_out_a_day_later_is_in_a_letter_of_that_day(world: World) -> None:
    """Not a letter for each of three people whose keys were made in one week; nor a week's wait for the second of them."""
    world.member("Anna", "2d")
    bert = world.member("Bert")
    world.round(2.1)
    dead(world, bert.address, world.after(2.2))
    assert [_one_more(world, days) for days in (2.3, 3, 3.2, 3.3)] == [False, False, True, False]
    assert told(world, world.town.admin) == [CALL, ".nl: 2 contacts are not reached: please call"]


def test_the_secretariat_is_told_where_there_is_no_admin_contact(world: World) -> None:
    """Dismissed, or one whose own key or address does not work: it says which."""
    anna = world.member("Anna", "2d")
    dead(world, world.town.admin.address, world.after(2))
    world.round(2.1)
    assert told(world, world.town.admin) == []
    world.say(world.town.root, "dismiss-admin-contact", world.town.admin)
    world.round(9.2)
    assert told(world, world.town.root) == [CALL] * 2
    first, second = (" ".join(one.text.split()) for one in world.letters(world.town.root) if "not reached" in one.subject)
    assert "because the Admin Contact of .nl cannot be told: no mail arrives at theirs." in first
    assert "because the Admin Contact of .nl cannot be told: it has none." in second
    assert f"Anna, {anna.address}, +31 6 1234 5678" in first


def test_an_admin_contact_whose_own_key_ended_is_not_written_to(world: World) -> None:
    """They could not read it: the Secretariat hears, and why."""
    world.member("Anna", "2d")
    nina = world.person("Nina", expires="2d")
    world.say(world.town.root, "appoint-admin-contact", nina, nina.certificate)
    world.round(2.1)
    (letter,) = [one for one in world.letters(world.town.root) if "not reached" in one.subject]
    assert "cannot be told: the key has expired" in " ".join(letter.text.split())
    assert world.letters(nina) == []


def test_an_admin_contact_who_had_too_many_letters_is_said_to_have_had_them(world: World) -> None:
    """The Secretariat is not told that mail does not arrive where it does."""
    world.member("Anna", "2d")
    for _ in range(ABSENCES_A_DAY):
        written(world.house.engine, "absent", world.town.admin.address, world.after(2))
    world.round(2.1)
    (letter,) = [one for one in world.letters(world.town.root) if "not reached" in one.subject]
    assert "cannot be told: they had as many letters within a day as one person gets" in " ".join(letter.text.split())


def test_a_clock_that_was_ahead_silences_nobody(world: World) -> None:
    """Letters with a date in the future are taken as never written; the next ones come, once."""
    anna, bert = world.member("Anna", "2d"), world.member("Bert")
    world.post(bert, 3)
    world.round(3)
    world.ahead(400)
    world.post(bert, 3.1)
    for days in (3.1, 3.11):
        world.round(days)
    assert [subject.split()[0] for subject, _ in world.notices(anna.address)] == ["1", "1"]
    assert told(world, world.town.admin) == [CALL, CALL]


# --- what the operator sees -----------------------------------------------------------------------------------------------


def test_the_list_of_members_says_who_is_not_reached_since_when_and_why(world: World) -> None:
    """For people and for programs; by key or by address; and what one address lacks, where another works."""
    anna, bert, carla = world.member("Anna"), world.member("Bert"), world.member("Carla", second="carla@elsewhere.example")
    now = int(time.time())
    revoked(world, anna)
    for address in (bert.address, carla.address):
        dead(world, address, now - DAY)
    minute = time.strftime("%Y-%m-%d %H:%M", time.gmtime(now - DAY))
    listed = world.command("member", "list", "--unreachable")
    assert "Anna" in listed and "unreachable since" in listed and "the key is revoked" in listed
    assert f"unreachable since {minute}: no address works: {bert.address}: 550" in " ".join(listed.split()) and "Carla" not in listed
    rows = json.loads(world.command("member", "list", "--unreachable", "--json"))
    assert [row["name"] for row in rows] == ["Anna", "Bert"]
    assert list(rows[0]) == ["email", "emails", "name", "phone", "cctld", "fingerprint", "state", "since", "why"]
    assert rows[0]["since"] >= now and rows[0]["why"] == "the key is revoked"
    assert (rows[1]["since"], rows[1]["why"]) == (now - DAY, f"no address works: {bert.address}: 550 5.1.1 no such user")
    everybody = json.loads(world.command("member", "list", "--json"))
    assert {row["name"]: row["state"] for row in everybody} == {"Anna": "unreachable", "Bert": "unreachable", "Carla": "active"}
    assert all("since" not in row for row in everybody)
    assert f"{carla.address} does not work since {minute}: 550 5.1.1 no such user" in world.command("member", "show", carla.address)
    shown = json.loads(world.command("member", "show", "--json", carla.address))
    assert (shown["state"], shown["not_working"]) == (
        "active",
        [{"address": carla.address, "since": now - DAY, "why": "550 5.1.1 no such user"}],
    )


def test_of_a_former_time_only_the_log_is_asked(world: World) -> None:
    """An address that does not work now is no news of then; a key that ends will."""
    world.member("Anna", "2d")
    bert = world.member("Bert")
    dead(world, bert.address, int(time.time()))
    then = time.strftime("%Y-%m-%d", time.gmtime(world.after(4)))
    rows = json.loads(world.command("member", "list", "--unreachable", "--json", "--at", then))
    assert [(row["name"], row["why"]) for row in rows] == [("Anna", "the key has expired")]
    assert "Everybody is reached." in world.command("member", "list", "--unreachable", "--at", time.strftime("%Y-%m-%d"))


# --- size ----------------------------------------------------------------------------------------------------------------


def test_a_round_with_nothing_due_costs_little(world: World) -> None:
    """Every minute, with 900 members of whom none is away: less than half a second of this process's time."""
    anna = world.member("Anna")
    Welcoming.round(world)
    world.multiply(anna, 900)
    house = Installation(world.town.home)
    Absent(house).round(world.after(1))
    began = time.process_time()
    Absent(house).round(world.after(1.1))
    assert time.process_time() - began < 0.5
