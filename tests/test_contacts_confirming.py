"""Every four months each member is asked whether their contact details are right, and answers with one signed reply."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from confirming_world import AGAIN, ASKED, REMINDED, World, copied
from confirming_world import world as world
from sqlalchemy import func, select
from town import LIST

from securelist.contacts.confirming import LETTERS_A_ROUND, Confirming
from securelist.installation import Installation
from securelist.openpgp.certificate import grouped
from securelist.procedures.dates import day
from securelist.store import addresses
from securelist.store.database import reading, writing
from securelist.store.schema import Post
from securelist.trust.grammar import parse
from securelist.trust.statement import StatementType

RECEIPT = "Your statement took effect"
NEW_PHONE = "+31 20 555 8642"


# --- the letter ------------------------------------------------------------------------------------------------------------


def test_each_is_asked_after_120_days_and_reminded_every_30(world: World) -> None:
    """However often there is a round, and though nothing of the former letters is kept for longer than 31 days."""
    anna, bert = world.member("Anna"), world.member("Bert")
    days = (0, 30, 119, 120, 120.5, 149, 150, 151, 179.5, 180, 209, 210, 300)
    told = {days: world.subjects_on(days, anna, bert) for days in days}
    got = {days: found for days, found in told.items() if found != [[], []]}
    assert got == {120: [[ASKED]] * 2, **{days: [[REMINDED]] * 2 for days in (150, 180, 210, 300)}}


def test_the_letter_shows_all_that_the_repository_does(world: World) -> None:
    """Every detail, what does not work of it, and both statements, which the grammar takes as they stand."""
    dora = world.person("Dora")
    fields = {"Organisation": "Registry", "Timezone": "Europe/Amsterdam", "Share": "regional"}
    world.attest(dora, **fields)
    world.pass_to(121)
    letter = world.only(dora)
    assert letter.subject == ASKED and letter.outer["Subject"] == "[...]" and letter.outer["Auto-Submitted"] == "auto-generated"
    assert letter.outer["Reply-To"] == "tld-ops-request@lists.example.org"
    for said in (
        "  Name: Dora\n", "  ccTLD: .nl\n", f"  Email: {dora.address}\n", "  Phone: +31 6 1234 5678\n", "  Organisation: Registry\n",
        "  Timezone: Europe/Amsterdam\n", "  Shown to Regional Organisations: yes\n", f"  Key: {grouped(dora.fingerprint)}\n",
        f"  Attested until: {day(world.attestation(dora).expires)}\n", f"  Last confirmed: {day(int(time.time()))}\n",
        f"    gpg --clearsign -u {dora.fingerprint} reply.txt\n", f"your Admin Contact, {world.town.admin.name}, is told.",
    ):  # fmt: skip
        assert said in letter.text, said
    assert "Left out" not in letter.text and max(map(len, letter.lines)) <= 78
    (confirming,), (updating,) = (parse(copied(letter, kind)) for kind in ("confirm-contact", "update-contact"))
    assert (confirming.list, confirming.tld, confirming.person.emails) == (LIST, "nl", (dora.address,))
    assert updating.person == world.attestation(dora).person


def test_an_address_that_does_not_work_is_marked_in_it(world: World) -> None:
    """So that its owner sees why it should be taken out."""
    anna = world.member("Anna")
    with writing(world.house.engine) as connection:
        addresses.mark(connection, anna.address, "550 no such user", world.now, by_report=True)
    world.pass_to(121)
    assert f"  Email: {anna.address} (mail does not arrive there)\n" in world.only(anna).text


def test_what_a_statement_cannot_hold_is_named(world: World) -> None:
    """An organisation with words that a mail program would break into a field: it is not forgotten in silence."""
    dora = world.person("Dora")
    world.attest(dora, Organisation="Registry, Phone: none")
    world.pass_to(121)
    letter = world.only(dora)
    assert "Organisation" not in copied(letter, "update-contact")
    assert "write it anew, in other words: - Registry, Phone: none" in " ".join(letter.text.split())


def test_who_is_suspended_or_left_is_not_asked(world: World) -> None:
    """A suspended member is asked when they may take part again."""
    anna, bert = world.member("Anna"), world.member("Bert")
    world.say(world.town.root, "suspend-member", anna)
    world.say(world.town.admin, "withdraw-ssc", bert)
    assert world.subjects_on(121, anna, bert) == [[], []]
    world.now = int(time.time())
    world.say(world.town.root, "resume-member", anna)
    assert world.subjects_on(122, anna, bert) == [[ASKED], []]


def test_with_zero_days_nobody_is_asked(world: World) -> None:
    """Nor is anybody overdue."""
    path = world.town.home / "securelist.toml"
    path.write_text(f"{path.read_text()}confirm_days = 0\n")
    world.house = Installation(world.town.home)
    assert world.subjects_on(300, world.member("Anna"), world.town.admin) == [[], []]
    assert "overdue" not in world.command("member", "list", "--at", f"{day(world.now)}")


def test_a_key_that_ended_holds_up_the_letter_until_it_is_renewed(world: World) -> None:
    """There is nothing to encrypt it to; once there is, it comes."""
    dora = world.person("Dora", expires="60d")
    world.attest(dora)
    assert world.subjects_on(121, dora) == [[]]
    for subkeys in ((), ("*",)):
        world.town.people.gpg("--quick-set-expire", dora.fingerprint, "2y", *subkeys)
    world.renew(dora)
    assert world.subjects_on(122, dora) == [[ASKED]]


def test_four_processes_ask_once(world: World) -> None:
    """Whoever makes the round at the same moment."""
    world.now = world.start + 121 * 86400
    houses = [Installation(world.town.home) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda house: Confirming(house).round(world.now), houses))
    assert [len(world.new(world.member(name))) for name in ("Anna", "Bert", "Carla")] == [1, 1, 1]


def test_a_round_asks_no_more_than_it_has_time_for(world: World) -> None:
    """The others are asked in the next one."""
    anna = world.member("Anna")
    world.multiply(anna, LETTERS_A_ROUND + 8)  # and Bert, and Carla
    made = []
    for _ in range(3):
        before = _letters(world)
        Confirming(Installation(world.town.home)).round(world.start + 121 * 86400)
        made.append(_letters(world) - before)
    assert made == [LETTERS_A_ROUND, 10, 0]


def _letters(world: World) -> int:
    with reading(world.house.engine) as connection:
        return connection.execute(select(func.count()).select_from(Post)).scalar_one()


# --- the answer ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quote", [True, False])
@pytest.mark.parametrize("style", ["thunderbird", "thunderbird with HTML", "signed inside", "gpg inline", "gpg attached"])
def test_one_signed_reply_confirms(world: World, style: str, quote: bool) -> None:
    """The statement above the quoted letter, or alone, in whatever way the mail program signs and encrypts: a receipt, and then peace."""
    anna = world.member("Anna")
    world.ask()
    letter = world.only(anna)
    assert world.reply(anna, letter, copied(letter, "confirm-contact"), style, quote=quote) == "accepted"
    assert world.attestation(anna).confirmed == world.now
    assert [one.subject for one in world.new(anna)] == [RECEIPT]
    assert world.subjects_on(119, anna) == [[]]
    assert world.subjects_on(121, anna) == [[ASKED]]


def test_it_need_not_be_encrypted(world: World) -> None:
    """Signed by Thunderbird, or clearsigned with gpg as the letter says: the log holds the statement either way."""
    anna, bert = world.member("Anna"), world.member("Bert")
    world.ask()
    for who, style in ((anna, "thunderbird"), (bert, "gpg inline")):
        letter = world.only(who)
        assert world.reply(who, letter, copied(letter, "confirm-contact"), style, quote=False, encrypt=False) == "accepted"


def test_the_same_words_confirm_again_four_months_later(world: World) -> None:
    """The text is the same each time, and the signature a new one; the old mail, sent once more, does nothing."""
    anna = world.member("Anna")
    for _ in range(2):
        world.ask()
        letter = world.only(anna)
        assert letter.subject == ASKED
        assert world.reply(anna, letter, copied(letter, "confirm-contact"), "gpg inline", quote=False) == "accepted"
        assert world.attestation(anna).confirmed == world.now
        time.sleep(1)  # two signatures within one second are one
        world.new(anna)
    signed = world.town.people.clearsign(anna, copied(letter, "confirm-contact"))
    mail = b"From: a@nl.example\r\nTo: r@x.example\r\nContent-Type: text/plain\r\n\r\n" + signed.replace(b"\n", b"\r\n")
    assert [world.take(mail) for _ in range(2)] == ["accepted", "duplicate"]


def test_a_correction_in_the_reply_holds_at_once(world: World) -> None:
    """The prefilled text with another number: nothing else is lost, and nobody is asked for 120 days."""
    dora = world.person("Dora")
    world.attest(dora, Organisation="Registry", Share="regional")
    world.ask()
    letter = world.only(dora)
    before = world.attestation(dora).person
    text = copied(letter, "update-contact").replace("+31 6 1234 5678", NEW_PHONE)
    assert world.reply(dora, letter, text) == "accepted"
    after = world.attestation(dora)
    assert after.person.phones == (NEW_PHONE,) and after.confirmed == world.now
    assert (after.person.name, after.person.emails, after.person.organisation) == (before.name, before.emails, before.organisation)
    assert after.person.share_regional
    assert [one.subject for one in world.new(dora)] == [RECEIPT]
    assert world.subjects_on(100, dora) == [[]]


@pytest.mark.parametrize("text", ["yes", "confirm-contact", "All right, thank you."])
def test_a_reply_in_other_words_is_answered_with_what_to_do(world: World, text: str) -> None:
    """The whole letter quoted below it: nothing is confirmed, and both texts come once more; by them it goes."""
    anna = world.member("Anna")
    world.ask()
    letter, known = world.only(anna), world.attestation(anna).confirmed
    assert world.reply(anna, letter, text) == "not-confirmed"
    assert world.attestation(anna).confirmed == known
    answer = next(one for one in world.new(anna) if one.subject == AGAIN)
    assert "quoted do not count" in " ".join(answer.text.split()) and max(map(len, answer.lines)) <= 78
    assert copied(answer, "update-contact") == copied(letter, "update-contact")
    assert world.reply(anna, answer, copied(answer, "confirm-contact")) == "accepted"


def test_a_reply_that_is_not_signed_is_answered_to_the_member(world: World) -> None:
    """To their own addresses, encrypted; not to whoever sent it, and only while an answer is waited for."""
    anna = world.member("Anna")
    world.ask()
    letter = world.only(anna)
    statement = copied(letter, "confirm-contact")
    assert world.reply(anna, letter, statement, "unsigned", encrypt=False) == "not-signed"
    answer = world.only(anna)
    assert answer.subject == AGAIN and "it was not signed with the key that is known of you" in " ".join(answer.text.split())
    assert world.reply(anna, letter, statement) == "accepted"
    world.new(anna)
    assert world.reply(anna, letter, "yes", "unsigned", encrypt=False) == "not-signed"
    assert world.new(anna) == []


def test_nobody_is_told_of_an_answer_to_a_letter_that_was_not_theirs(world: World) -> None:
    """Bert answers with Anna's letter's Message-ID, a stranger with an invented one."""
    anna, bert = world.member("Anna"), world.member("Bert")
    world.ask()
    hers = world.only(anna)
    world.only(bert)
    assert world.reply(bert, hers, "yes") == "unknown-command"
    assert AGAIN not in [one.subject for one in world.new(bert)] and world.new(anna) == []
    hers.outer.replace_header("Message-ID", f"<{'0' * 40}@lists.example.org>")
    assert world.reply(anna, hers, "yes", "unsigned", encrypt=False) == "not-signed"
    assert world.new(anna) == []


def test_a_reply_by_which_somebody_leaves(world: World) -> None:
    """Any other statement counts in it, too."""
    anna = world.member("Anna")
    world.ask()
    letter = world.only(anna)
    text = copied(letter, "confirm-contact").replace("confirm-contact", str(StatementType.WITHDRAW_SSC))
    assert world.reply(anna, letter, text) == "accepted"
    assert anna.address not in json.dumps([one.as_json() for one in world.house.membership().members(world.now)])
