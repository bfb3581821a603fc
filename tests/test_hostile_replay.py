"""What was there before, once more: posts however they are wrapped anew, and mail for one address of the list at another."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attack_stage import Judging, must_be_refused, posts_and_entries
from attack_stage import judge as judge
from attack_stage import stage as stage
from attacks_replay import AGAIN, FOR_REQUEST, Recorded, record, unhashed
from bad_mails import DAY, Bad, Stage
from statement_mails import REQUEST
from town import LIST, Town, entity

from securelist.errors import Refused
from securelist.installation import Installation
from securelist.reception import silent
from securelist.store.retention import forget

ONCE = "canary-that-is-there-once"


@pytest.fixture(scope="module")
def recorded(stage: Stage, judge: Judging) -> Recorded:
    """A post that was accepted, by GnuPG without compression; long, so that it can come in pieces."""
    made = record(stage)
    assert judge(made.mail).verdict == "accept"
    return made


@pytest.mark.parametrize("again", AGAIN.values(), ids=AGAIN)
def test_a_post_comes_once_however_it_is_wrapped_again(stage: Stage, judge: Judging, recorded: Recorded, again) -> None:
    """What was signed is the same, so it is a duplicate: nothing is queued."""
    before = posts_and_entries(stage)
    said = judge(again(recorded))
    assert (said.verdict, said.reason, said.poster) == ("refuse", "duplicate", stage.anna.fingerprint), said
    assert posts_and_entries(stage) == before


@pytest.mark.parametrize("bad", FOR_REQUEST.values(), ids=FOR_REQUEST)
def test_mail_for_the_request_address_is_no_post(stage: Stage, judge: Judging, bad: Bad) -> None:
    """Nobody's order or statement reaches the members because somebody sent it on, or its writer mistook the address."""
    must_be_refused(stage, judge, bad)


def test_every_member_has_one_copy_of_it(stage: Stage, judge: Judging) -> None:
    """Sent again in ten ways by SMTP, each time answered by a plain 250, as if it had come for the first time."""
    town, post = stage.town, record(stage)
    with town.serve() as server:
        answers = {server.send(make(post)) for make in list(AGAIN.values())[:12]}
    assert [code for code, _ in answers] == [250]
    town.deliver()
    words = post.content.split(b"\r\n\r\n", 1)[1].split(b"\r\n")[0]
    for who in town.members.values():
        assert sum(words in town.opened(mail)[0] for mail in town.mails(who.address)) == 1


@pytest.fixture
def aside(stage: Stage) -> Iterator[Town]:
    """The same list in a folder of its own, for what must not happen to the others' list."""
    base = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    made = stage.town.copy(base)
    yield made
    made.close()
    shutil.rmtree(base, ignore_errors=True)


def test_a_post_stays_a_replay_until_it_is_too_old(recorded: Recorded, aside: Town) -> None:
    """What is remembered for eight days is too old after seven: there is no hour at which it goes out again."""
    house, now = Installation(aside.home), int(time.time())
    made = []
    for days in (0, 1, 6.9, 7.05, 8, 8.5, 30):
        forget(house.engine, house.config, now + round(days * DAY))
        with pytest.raises(Refused) as refused:
            house.way.check(recorded.mail, None, now + round(days * DAY), silent)
        made.append(refused.value.reason)
    assert made == ["duplicate"] * 3 + ["too-old"] * 4


def test_an_old_post_after_its_key_was_replaced(recorded: Recorded, aside: Town) -> None:
    """The old key posts no more, not even what was never seen; the new one does."""
    people, anna = aside.people, recorded.stage.anna
    unseen = aside.post(anna, "canary that was held back")
    new = people.make("Anna", f"new-{anna.address}")
    text = aside.statement("replace-key", anna, Name="", Key=new.fingerprint)
    for signer in (anna, new):
        assert aside.submit(signer, text, new.certificate)["accepted"]
    for mail in (recorded.mail, unseen):
        assert aside.judge(mail)["reason"] == "not-a-member"
    assert aside.judge(aside.post(new, "canary of the new key", From=f"Anna <{anna.address}>"))["verdict"] == "accept"


def test_the_same_words_again_and_other_words(stage: Stage, judge: Judging) -> None:
    """The same content signed anew is the same post; a single letter more, another Date in what is signed, or another signer, is not."""
    town, text = stage.town, f"canary {time.time_ns()}"
    assert judge(town.post(stage.anna, text)).verdict == "accept"
    time.sleep(1.1)
    assert judge(town.post(stage.anna, text)).reason == "duplicate"
    for other in (town.post(stage.anna, f"{text}."), town.post(stage.anna, entity(text, "Date: now")), town.post(stage.bert, text)):
        assert judge(other).verdict == "accept"


BROKEN = {
    "a number with zeros in front": lambda body: body[:-66] + b"\x01\x08\x00" + body[-64:],
    "a number one bit longer than it says": lambda body: body[:-34] + b"\x00\xff" + body[-32:],
    "another hash's first octets": lambda body: body[:-70] + b"\0\0" + body[-68:],
    "an octet behind": lambda body: body + b"\0",
    "an unhashed area that is too long": lambda body: unhashed(body, b"\xff" * 40),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_a_signature_that_was_written_otherwise(stage: Stage, judge: Judging, recorded: Recorded, change) -> None:
    """Whatever the engines think of it, what it covers came before: nothing goes out a second time."""
    before = posts_and_entries(stage)
    assert judge(recorded.with_signature(change)).verdict == "refuse"
    assert posts_and_entries(stage) == before


ELSEWHERE = {
    REQUEST: ("refuse", "unknown-command"),
    LIST.replace("@", "-owner@"): ("accept", "accepted"),
    LIST.replace("@", "-sendkey@"): ("accept", "accepted"),
    LIST.replace("@", "-bounces+1.0.AAAA@"): ("refuse", "not-ours"),
}


@pytest.mark.parametrize(("to", "expected"), ELSEWHERE.items(), ids=lambda value: str(value)[:20])
def test_a_post_at_another_address_of_the_list(stage: Stage, judge: Judging, to: str, expected: tuple[str, str]) -> None:
    """The Secretariat gets it as it is, encrypted to the list; no member gets it from there, and nothing enters the log."""
    post = stage.post(text="canary that took another way")
    before = posts_and_entries(stage)
    said = judge(post, to=to)
    assert (said.verdict, said.reason) == expected, said
    assert posts_and_entries(stage) == before
    assert judge(post).verdict == "accept"


# --- posts as commands, and commands as posts ---------------------------------------------------------------------------------------


def test_a_post_that_begins_like_a_command_is_not_obeyed(stage: Stage, judge: Judging) -> None:
    """A trust root wrote an announcement; whoever sends it to LIST-request, invites nobody with it."""
    for text in ("Invite nl and br\n\nThat is what we did today.", "help\nWe all need it."):
        post = stage.town.post(stage.town.root, text)
        assert judge(post).verdict == "accept"
        before = posts_and_entries(stage)
        said = judge(post, to=REQUEST)
        assert (said.verdict, said.reason, said.poster) == ("refuse", "post-as-command", stage.town.root.fingerprint)
        assert posts_and_entries(stage) == before


def test_a_command_with_words_below_it_is_no_post(stage: Stage, judge: Judging) -> None:
    """Whoever has the Secretariat's mail cannot stop what it orders by sending it to the list first."""
    root = stage.town.root
    for text in ("suspend-member BERT\n\nIt is urgent.", "invite nl\nthen please de", "sendkey\n\nRegards,\nthe Secretariat"):
        mail = stage.town.post(root, text.replace("BERT", stage.bert.address))
        said = judge(mail)
        assert (said.verdict, said.reason) == ("refuse", "command-as-post")
        assert judge(mail, to=REQUEST).verdict == "accept"


def test_a_post_cannot_be_stopped_by_sending_it_as_commands_first(stage: Stage, judge: Judging) -> None:
    """What only begins like a command, or says under its signature that it is for the list, is a post whatever came before."""
    for text, field in (("Release 4 is out", "X-A: b"), ("Help\nthe servers are down", "X-A: b"), ("coverage", f"To: {LIST}")):
        mail = stage.town.post(stage.town.root, entity(f"{text}\n", field))
        judge(mail, to=REQUEST)
        assert judge(mail).verdict == "accept", text


def test_a_command_that_was_taken_is_not_posted(stage: Stage, judge: Judging) -> None:
    """Also with words below it, which make it look like a post: the list remembers it, for whom it was not meant."""
    for who, text in ((stage.anna, "help\n\nThank you, Anna"), (stage.town.root, "coverage\n\nand soon, please")):
        mail = stage.town.post(who, text)
        assert judge(mail, to=REQUEST).verdict == "accept"
        for again in (mail, mail.replace(b"Subject: ", b"Subject: Attack! ")):
            said = judge(again)
            assert (said.verdict, said.reason) == ("refuse", "command-as-post")


def test_what_only_begins_like_a_command_is_a_post(stage: Stage, judge: Judging) -> None:
    """Nobody's announcement is refused for its first word; and who says under their signature that it is for the list, is believed."""
    town = stage.town
    for text in (
        "Help us, the name servers of .nl are down",
        "Release 4 of the software is out",
        "Help\nthe servers are down",
        "Invite de, fr and jp to the dinner\n\nWho else comes?",
        "Pending",
    ):
        assert judge(town.post(town.root, f"{text}\n{time.time_ns()}")).verdict == "accept"
    assert judge(town.post(stage.anna, entity("help", f"To: {LIST}"))).verdict == "accept"
    quoted = "> Securelist-Statement: withdraw-ssc\n\n Securelist-Statement: begins such a text\nThe Securelist-Statement: is quoted"
    assert judge(town.post(stage.anna, quoted)).verdict == "accept"
