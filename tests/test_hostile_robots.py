"""Loops and robots: nothing that a program sends is posted or answered without end, and nothing that a person writes is taken for it."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator

import pytest
from attack_stage import Judging, must_be_refused, posts_and_entries
from attacks_robots import ANSWERS, ATTACKS, REPORTS, away, copy, letter, plain_answer, report
from bad_mails import Bad, Stage
from good_mails import entity, post, widened
from people import Somebody
from town import LIST, Town, member

from securelist.delivery.bounce_token import make_token, read_secret
from securelist.errors import Refused
from securelist.installation import Installation
from securelist.letters.kinds import CERTIFICATES_A_DAY, EXPLANATIONS_A_DAY, FORWARDS_FROM_ONE_A_DAY
from securelist.mail.addresses import Role, address_for, role_of
from securelist.reception import Reception

OTHER = "ccnso-ops@lists.example.org"
SAYING_SO = {**ANSWERS, **REPORTS}
SAYING_IT_OUTSIDE = {name: bad for name, bad in SAYING_SO.items() if (bad.reason, bad.step) == ("automatic", "receive")}


@pytest.fixture(scope="module")
def stage(stage: Stage) -> Stage:
    """The list, with room."""
    return widened(stage)


def asked(stage: Stage, question: str) -> list[tuple[object, ...]]:
    """Rows of the list's database."""
    with contextlib.closing(sqlite3.connect(stage.town.home / "securelist.db")) as database:
        return database.execute(question).fetchall()


def letters_written(stage: Stage) -> int:
    """How many letters the list ever wrote."""
    return len(asked(stage, "SELECT id FROM posts WHERE kind <> 'post'"))


def bounce_address(stage: Stage, copy_id: int) -> str:
    return address_for(Role.BOUNCES, LIST, make_token(read_secret(stage.town.home), copy_id))


# --- at the list's own address ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ATTACKS.values(), ids=ATTACKS)
def test_what_a_robot_sends_is_not_posted(stage: Stage, judge: Judging, bad: Bad) -> None:
    """Our own posts coming back, answers of programs, reports: each is refused for what it is."""
    must_be_refused(stage, judge, bad)


@pytest.mark.parametrize("bad", SAYING_SO.values(), ids=SAYING_SO)
def test_a_robot_that_says_so_hears_nothing(stage: Stage, judge: Judging, bad: Bad) -> None:
    """Not even the member in whose name it writes gets an explanation: nobody wrote anything. (In Carla's name: Anna had hers today.)"""
    carla = member(stage.town, "Carla").address.encode()
    mail, before = bad.make(stage), letters_written(stage)
    said = judge(mail if bad.step == "decide" else mail.replace(stage.anna.address.encode(), carla), bad.mail_from)
    assert said.reason == bad.reason
    assert letters_written(stage) == before


def test_a_robot_that_says_nothing_of_itself_brings_its_owner_three_letters_a_day(stage: Stage, judge: Judging) -> None:
    """It cannot be told from a person who forgot to encrypt; the owner is told so, and not again and again."""
    before = letters_written(stage)
    for _ in range(4 * EXPLANATIONS_A_DAY):
        judge(away(From=f"Vera <{stage.vera.address}>")(stage), stage.vera.address)
    assert letters_written(stage) - before == EXPLANATIONS_A_DAY


# --- at the other addresses ------------------------------------------------------------------------------------------------------

OTHERS = {role.value: address_for(role, LIST) for role in (Role.REQUEST, Role.OWNER, Role.SENDKEY)}


@pytest.mark.parametrize("to", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("bad", SAYING_IT_OUTSIDE.values(), ids=SAYING_IT_OUTSIDE)
def test_what_answers_or_reports_is_refused_at_every_address(stage: Stage, judge: Judging, bad: Bad, to: str) -> None:
    """A letter of ours that a program answers brings no second letter."""
    mail, before = bad.make(stage), letters_written(stage)
    assert judge(mail, bad.mail_from, to).verdict == "refuse"
    assert letters_written(stage) == before


@pytest.mark.parametrize(
    ("to", "most"),
    [(LIST, 0), (OTHERS["request"], 0), (OTHERS["sendkey"], CERTIFICATES_A_DAY), (OTHERS["owner"], FORWARDS_FROM_ONE_A_DAY)],
    ids=["list", "request", "sendkey", "owner"],
)
def test_a_program_without_manners_that_answers_our_letters_comes_to_an_end(stage: Stage, judge: Judging, to: str, most: int) -> None:
    """It answers each of our letters with one of its own, without a word that it is a program: soon there is nothing to answer."""
    robot, before, rounds = f"robot-{time.time_ns()}@robot.example", letters_written(stage), 0
    written = -1
    while written < letters_written(stage) and rounds < 100:
        written, rounds = letters_written(stage), rounds + 1
        judge(f"From: {robot}\r\nTo: {to}\r\n".encode() + plain_answer(letter(stage)), robot, to)
    assert rounds < 100
    assert letters_written(stage) - before == most


@pytest.mark.parametrize("role", [Role.LIST, Role.REQUEST, Role.OWNER, Role.SENDKEY])
def test_nobody_makes_the_list_write_to_itself(stage: Stage, judge: Judging, role: Role) -> None:
    """Who asks for the certificate with one of the list's own addresses for a return path gets none sent there."""
    asking, own = b"From: x@y.example\r\n\r\nplease\r\n", address_for(role, LIST)
    before = letters_written(stage)
    assert judge(asking, own, OTHERS["sendkey"]).reason == "automatic"
    assert letters_written(stage) == before


# --- two lists -------------------------------------------------------------------------------------------------------------------


def judge_of(town: Town, address: str) -> Callable[[bytes, str], str]:
    """What another list says to a mail: its reason."""
    reception, to = Reception(Installation(town.home)), role_of(address, address)
    assert to is not None

    def judged(octets: bytes, mail_from: str) -> str:
        try:
            return reception.take(to, mail_from, octets).reason
        except Refused as refused:
            return refused.reason

    return judged


@pytest.fixture(scope="module")
def other(stage: Stage) -> Iterator[Town]:
    """Another list with a key of its own. Either list is a member of the other, with its address and its key; Anna is on both."""
    base = stage.town.home.parent
    there = Town(stage.people, base / "other", base / "there", stage.town.root, stage.town.admin)
    there.run("init", OTHER, "--root", str(base / "root.asc"), "--next-hop", f"maildir:{there.inbox}")
    certificate = there.run("key", "show", "--armor")
    stage.people.gpg("--import", data=certificate)
    there.key = stage.people.gpg("--with-colons", "--show-keys", data=certificate).decode().split("fpr:::::::::")[1].split(":")[0]
    there.submit(there.root, f"Securelist-Statement: found-list\nList: {OTHER}\nKey: {there.key}\nRoot: {there.root.fingerprint}\n")
    there.submit(there.root, there.statement("appoint-admin-contact", there.admin, List=OTHER), there.admin.certificate)
    here = Somebody("This list", LIST, stage.town.key, stage.people.export(stage.town.key))
    for who in (here, stage.anna):
        there.submit(there.admin, there.statement("attest-ssc", who, List=OTHER), who.certificate)
    that = Somebody("That list", OTHER, there.key, certificate)
    stage.town.submit(stage.town.admin, stage.town.statement("attest-ssc", that, tld="be"), certificate)
    yield there
    there.close()


def test_two_lists_that_are_members_of_each_other_do_not_loop(stage: Stage, judge: Judging, other: Town) -> None:
    """A copy of either, encrypted to the other and signed by a member there, is refused: it says for which list it is."""
    judge_there = judge_of(other, OTHER)
    assert judge(stage.post(text="to this list")).verdict == "accept"
    to_other = other.post(stage.anna, entity("to that list"), To=OTHER)
    assert judge_there(to_other, stage.anna.address) == "accepted"
    stage.town.deliver()
    other.deliver()
    before = posts_and_entries(stage), letters_written(stage)
    copies = [octets.partition(b"\n")[2] for octets in stage.town.delivered(OTHER) if b"\nPrecedence: list" in octets]
    assert copies
    assert {judge_there(octets, bounce_address(stage, 1)) for octets in copies} == {"not-addressed-to-the-list"}
    copies = [octets.partition(b"\n")[2] for octets in other.delivered(LIST) if b"\nPrecedence: list" in octets]
    assert copies
    assert {judge(octets, "x@lists.example.org").reason for octets in copies} == {"not-addressed-to-the-list"}
    assert (posts_and_entries(stage), letters_written(stage)) == before


def test_a_program_that_carries_posts_from_list_to_list_carries_none_back(stage: Stage, judge: Judging, other: Town) -> None:
    """A member of both has a program that decrypts each copy of one list, signs it anew and posts it to the other."""
    judge_there = judge_of(other, OTHER)
    copy(stage)
    newest = [mail for mail in stage.town.mails(stage.anna.address) if mail["Precedence"] == "list"][-1]
    content, _ = stage.town.opened(newest)
    carried = other.post(stage.anna, content, To=OTHER)
    assert judge_there(carried, stage.anna.address) == "foreign-from"  # this list is a member there, and stands in the signed From
    bare = content.replace(b"\r\nFrom: ", b"\r\nX-From: ", 1)
    assert judge_there(other.post(stage.anna, bare, To=OTHER), stage.anna.address) == "not-addressed-to-the-list"


def test_a_plain_list_that_is_a_member_does_not_loop(stage: Stage, judge: Judging) -> None:
    """Its members get what it cannot read; if this list is among them, it refuses its own copy, and tells nobody."""
    before = letters_written(stage)
    sent_on = b"List-Id: Staff <staff.nl.example>\r\nSender: staff-bounces@nl.example\r\n" + copy(stage).replace(
        b"tld-ops.lists", b"gone.lists"
    )
    assert judge(sent_on, "staff-bounces@nl.example").reason == "not-for-the-list"
    assert letters_written(stage) == before


# --- delivery reports anywhere else ----------------------------------------------------------------------------------------------


def state(stage: Stage) -> list[list[tuple[object, ...]]]:
    """All that a bounce could change, but for what was last said of a copy."""
    tables = ("copies: id, state, settled, due, attempts, recipient", "posts: id", "log_entries: number", "journal: id", "welcomes: *")
    return [asked(stage, "SELECT {1} FROM {0}".format(*table.split(": "))) for table in tables]


@pytest.mark.parametrize("to", [LIST, *OTHERS.values()], ids=["list", *OTHERS])
def test_a_report_to_any_other_address_changes_nothing(stage: Stage, judge: Judging, to: str) -> None:
    """Reports are for the bounce address alone."""
    before = state(stage)
    assert judge(report(stage, "failed"), "", to).reason == "automatic"
    assert [*before[:3], before[4]] == [*(after := state(stage))[:3], after[4]]


# --- what people write -----------------------------------------------------------------------------------------------------------

SUBJECTS = [
    "Zone transfer delayed", "Out of office network", "Out of Office: who is on duty?", "Delivery Status Notification (Failure)",
    "Undeliverable: mail to .be", "Undelivered Mail Returned to Sender", "Automatic reply: what ours says", "Auto: lost keys",
    "Returned mail: see transcript for details", "failure notice", "Mail delivery failed", "Warning: could not send message", "Vacation",
    "help", "unsubscribe", "subscribe", "test", "Bounce", "MAILER-DAEMON", "autoreply", "[...]", "Read: Attack on .nl", "Re: Fwd: bounced",
]  # fmt: skip
FIELDS = {
    "Precedence: bulk": {"Precedence": "bulk"},
    "Precedence: first-class": {"Precedence": "first-class"},
    "Auto-Submitted: no": {"Auto_Submitted": "no"},
    "Auto-Submitted: no, with a comment": {"Auto_Submitted": "No (by hand); x=y"},
    "X-Auto-Response-Suppress": {"X_Auto_Response_Suppress": "OOF"},
    "X-Autoreply: no": {"X_Autoreply": "No", "X_Autorespond": "none"},
    "List-Unsubscribe": {"List_Unsubscribe": "<mailto:x@nl.example>"},
    "by way of another list": {"List_Id": "Staff <staff.nl.example>", "Precedence": "list"},
    "a hundred Received": {"Received": "\r\nReceived: ".join(["from a by b; now"] * 100)},
    "X-Failed-Recipients": {"X_Failed_Recipients": "ceo@nl.example"},
}


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("who", ["anna@nl.example", "MAILER-DAEMON@nl.example", "postmaster@nl.example"])
def test_a_persons_post_is_not_taken_for_a_robots_by_its_words(stage: Stage, judge: Judging, subject: str, who: str) -> None:
    """Whatever it is called, whatever it says, and whatever its sender's address is called."""
    text = f"{subject} {time.time_ns()}\nDelivery to the following recipient failed permanently. I am out of the office."
    said = judge(post(stage, text, b"", Subject=subject, From=f"<{who}>").mail, who)
    assert (said.verdict, said.poster) == ("accept", stage.anna.fingerprint), said


@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
def test_a_persons_post_with_a_robots_fields_is_taken(stage: Stage, judge: Judging, fields: dict[str, str]) -> None:
    """Servers on the way add such fields, and mail programs do, too."""
    said = judge(post(stage, f"canary {time.time_ns()}", b"", **fields).mail)
    assert (said.verdict, said.poster) == ("accept", stage.anna.fingerprint), said


# --- what we send ----------------------------------------------------------------------------------------------------------------


def role(address: str) -> Role:
    """Which of this list's addresses that is."""
    found = role_of(address, LIST)
    assert found is not None, address
    return found.role


def test_copies_tell_robots_to_be_silent(stage: Stage) -> None:
    """A list's fields (RFC 2919, 2369) and its precedence, and a return path that belongs to this copy alone."""
    copy(stage)
    copies = [mail for mail in stage.town.mails(stage.anna.address) if mail["Precedence"]]
    for mail in copies:
        assert (mail["Precedence"], mail["List-Id"]) == ("list", "<tld-ops.lists.example.org>")
        assert role(mail["Return-Path"].strip("<>")) is Role.BOUNCES
    assert len({mail["Return-Path"] for mail in copies}) == len(copies)


def test_letters_tell_robots_to_be_silent(stage: Stage, judge: Judging) -> None:
    """Encrypted or in clear, they say that a machine wrote them, and an answer never goes to the address that posts (RFC 3834, 3.1)."""
    letter(stage)
    judge(b"From: x@y.example\r\n\r\nplease\r\n", "somebody@y.example", OTHERS["sendkey"])
    stage.town.deliver()
    written = [mail for box in (stage.bert.address, "somebody@y.example") for mail in stage.town.mails(box) if not mail["Precedence"]]
    assert {mail["Auto-Submitted"] for mail in written} <= {"auto-replied", "auto-generated"}
    assert {mail.get_content_type() for mail in written} == {"multipart/encrypted", "multipart/signed"}
    for mail in written:
        assert mail["List-Id"] == "<tld-ops.lists.example.org>"
        assert role(mail["Reply-To"]) in (Role.REQUEST, Role.OWNER)
        assert role(mail["Return-Path"].strip("<>")) is Role.BOUNCES
