"""Who becomes a member is welcomed once with each key, and answers with any signed and encrypted mail; who does not is reported."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete
from town import LIST, Town, entity
from welcome_world import World
from welcome_world import founded as founded

from securelist.installation import Installation
from securelist.procedures.welcome import Welcomes
from securelist.store.database import writing
from securelist.store.schema import WelcomeRow

REQUEST = "tld-ops-request@lists.example.org"
WELCOME = "Welcome to tld-ops: please answer this mail"
NEW_KEY = "Your new key for tld-ops: please answer this mail"


@pytest.fixture
def world(founded: Town) -> Iterator[World]:
    """The same list, with a clock, for one test alone."""
    base = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    made = World(founded.copy(base))
    yield made
    made.house.engine.dispose()
    made.town.close()
    shutil.rmtree(base, ignore_errors=True)


# --- the welcome -------------------------------------------------------------------------------------------------------


def test_a_new_member_is_welcomed_once(world: World) -> None:
    """Not again by another round, after a restart, nor for a renewed attestation of the same key."""
    anna = world.member("Anna")
    assert world.listed(anna) is None
    world.round()
    world.round()
    world.attest(anna, Phone="+31 6 8765 4321")
    world.round(1)
    assert world.subjects(anna) == [WELCOME]
    assert world.listed(anna) is False


def test_the_welcome_says_all_that_a_new_member_needs(world: World) -> None:
    """Encrypted, answered to LIST-request, with the list's certificate; who vouched, whom to ask, who else is there, the log's head."""
    bert, anna = world.member("Bert"), world.member("Anna")
    world.round()
    letter = world.letters(anna)[0]
    assert (letter.outer["Subject"], letter.outer["Reply-To"], letter.outer["Auto-Submitted"]) == ("[...]", REQUEST, "auto-generated")
    text, head = " ".join(letter.text.split()), world.house.membership().head
    grouped = " ".join(world.town.key[i : i + 4] for i in range(0, 40, 4))
    for said in (
        "Hello Anna,",
        "a member of tld-ops for .nl",
        "Its Admin Contact, Admin NL, vouches",
        grouped,
        LIST,
        REQUEST,
        bert.address,
    ):
        assert said in text, said
    assert f"entry {head.number}, hash {head.hash}" in text and "tld-ops-owner@lists.example.org" in text
    assert f"Admin NL, {world.town.admin.address}" in text and f"Bert, {bert.address}, +31 6 1234 5678" in text
    attached = world.town.people.gpg("--with-colons", "--show-keys", data=letter.attached["list.asc"]).decode()
    assert world.town.key in attached


def test_a_member_follows_the_welcome_with_gpg(world: World, tmp_path: Path) -> None:
    """The commands in it, typed as they stand on a machine with nothing but one's own key, make a post that the list accepts."""
    anna = world.member("Anna")
    world.round()
    letter = world.letters(anna)[0]
    home = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    (tmp_path / "list.asc").write_bytes(letter.attached["list.asc"])
    (tmp_path / "text.txt").write_text("name servers of .nl under attack\n")
    environment = os.environ | {"GNUPGHOME": str(home)}
    secret = world.town.people.gpg("--armor", "--export-secret-keys", anna.fingerprint)
    subprocess.run(["gpg", "--batch", "--import"], input=secret, env=environment, capture_output=True, check=True)
    lines = re.findall(r"^    gpg .*", letter.text.replace("\\\n", ""), re.MULTILINE)
    assert len(lines) == 2
    for words in map(shlex.split, lines):
        typed = [words[0], "--no-tty", "--command-fd", "0", *words[1:]]  # where it asks about the key, we answer: y
        done = subprocess.run(typed, cwd=tmp_path, input=b"y\n", env=environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False)
    shutil.rmtree(home)
    body = (tmp_path / "text.txt.asc").read_text().replace("\n", "\r\n")
    mail = f"From: {anna.address}\r\nTo: {LIST}\r\nMessage-ID: <1@nl.example>\r\nContent-Type: text/plain\r\n\r\n{body}".encode()
    assert world.town.judge(mail)["verdict"] == "accept"
    assert world.listed(anna) is True


def test_a_new_key_of_a_known_member_is_welcomed_as_such(world: World) -> None:
    """Each new key gets its letter, with words of its own; the former key's welcome is forgotten, whoever returns to it."""
    anna = world.member("Anna")
    world.round()
    newer = world.town.people.make("Anna", anna.address)
    world.attest(newer)
    assert world.listed(anna) is None
    world.round()
    world.round()
    assert world.subjects(anna) == [WELCOME, NEW_KEY]
    assert [fingerprint for _, fingerprint in Welcomes(world.house).known()] == [newer.fingerprint]
    world.attest(anna, Phone="+31 6 8765 4321")
    world.round()
    assert world.subjects(anna) == [WELCOME, NEW_KEY, NEW_KEY]


def test_a_suspended_member_is_welcomed_when_they_may_take_part(world: World) -> None:
    """Nothing is sent while they are suspended, and nobody else hears of them as present."""
    anna, bert = world.member("Anna"), world.member("Bert")
    world.say(world.town.root, "suspend-member", anna)
    world.round()
    assert world.subjects(anna) == []
    assert anna.address not in world.letters(bert)[0].text
    world.say(world.town.root, "resume-member", anna)
    world.round()
    assert world.subjects(anna) == [WELCOME]


def test_an_unreachable_member_is_welcomed_once_they_renewed_their_key(world: World) -> None:
    """A key that nobody can encrypt to by now, and a round that therefore waits."""
    anna = world.person("Anna", expires="20d")
    world.attest(anna)
    world.round(30)
    assert world.subjects(anna) == []
    for subkeys in ((), ("*",)):
        world.town.people.gpg("--quick-set-expire", anna.fingerprint, "2y", *subkeys)
    world.renew(anna)
    world.round(30)
    assert world.subjects(anna) == [WELCOME]


def test_two_rounds_at_once_welcome_once(world: World) -> None:
    """Two processes, several new members: one letter for each, and no trouble."""
    new = [world.member(name) for name in ("Anna", "Bert", "Carla")]
    program = (
        "import sys, time; from pathlib import Path; from securelist.installation import Installation\n"
        "from securelist.procedures.welcome import Welcomes\n"
        "house = Installation(Path(sys.argv[1])); house.letters; print('ready', flush=True); sys.stdin.readline()\n"
        "Welcomes(house).round(int(time.time()))\n"
    )
    command = [sys.executable, "-c", program, str(world.town.home)]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    for one in both:
        assert one.stdout is not None and one.stdout.readline() == b"ready\n"
    for one in both:
        assert one.stdin is not None
        one.stdin.write(b"go\n")
        one.stdin.flush()
    assert [(*one.communicate(timeout=60), one.returncode) for one in both] == [(b"", b"", 0)] * 2
    world.now = int(time.time()) + 1
    assert [world.subjects(who) for who in new] == [[WELCOME]] * 3


def test_a_round_that_was_killed_after_the_letter_does_not_write_it_again(world: World) -> None:
    """The letter is in the queue, the table does not say so: the next round finds out."""
    anna = world.member("Anna")
    world.round()
    with writing(world.house.engine) as connection:
        connection.execute(delete(WelcomeRow))
    world.round()
    assert world.subjects(anna) == [WELCOME]
    assert world.listed(anna) is False


def test_who_comes_back_is_welcomed_again(world: World) -> None:
    """With the same key: what was there of the first time went when they left."""
    anna = world.member("Anna")
    world.round()
    world.say(world.town.admin, "withdraw-ssc", anna)
    world.round()
    assert Welcomes(world.house).known() == {}
    world.attest(anna, Phone="+31 6 8765 4321")
    world.round()
    assert world.subjects(anna) == [WELCOME, WELCOME]


# --- the answer --------------------------------------------------------------------------------------------------------


def test_a_post_confirms_the_key(world: World) -> None:
    """The first accepted post does; `member list` and `member show` say so, and nothing is written for the next."""
    anna = world.member("Anna")
    world.round()
    assert "not confirmed: welcomed on" in world.command("member", "show", anna.address)
    assert world.town.judge(world.town.post(anna, "first"))["verdict"] == "accept"
    before = world.rows()
    assert world.town.judge(world.town.post(anna, "second"))["verdict"] == "accept"
    assert world.rows() == before
    assert world.listed(anna) is True
    assert "yes: a signed and encrypted mail came on" in world.command("member", "show", anna.address)


def test_a_refused_post_confirms_nothing(world: World) -> None:
    """Signed but not encrypted, or encrypted and signed by somebody else: the member's key has not been shown to work."""
    anna, bert = world.member("Anna"), world.member("Bert")
    world.round()
    assert world.town.judge(world.town.post(bert, "I am Anna", From=anna.address))["verdict"] == "refuse"
    assert world.town.judge(world.town.people.multipart_signed(anna, entity("hello")))["verdict"] == "refuse"
    assert (world.listed(anna), world.listed(bert)) == (False, False)


def test_the_first_word_of_a_member_counts_once(world: World) -> None:
    """`confirm` is True for it, and False for the next, for strangers, for who left, and for a trust root."""
    anna, bert = world.member("Anna"), world.member("Bert")
    world.round()
    world.say(world.town.admin, "withdraw-ssc", bert)
    confirm = Welcomes(world.house).confirm
    asked = (anna, anna, world.person("Mallory"), bert, world.town.root)
    assert [confirm(who.fingerprint, world.now, world.now) for who in asked] == [True, False, False, False, False]


def test_who_posts_before_the_welcome_is_not_asked_to_answer_it(world: World) -> None:
    """They are confirmed, and the welcome still brings the rest."""
    anna = world.member("Anna")
    assert Welcomes(world.house).confirm(anna.fingerprint, world.now, world.now)
    world.round()
    world.round()
    letter, *more = world.letters(anna)
    assert (letter.subject, more) == ("Welcome to tld-ops", [])
    assert "Answer this mail" not in letter.text and world.town.key[-4:] in letter.text
    assert world.listed(anna) is True


def test_an_answer_to_the_welcome_confirms_the_key(world: World) -> None:
    """Sent to LIST-request, for which the list's certificate has a user ID, as Thunderbird demands; the list says that it worked."""
    anna = world.member("Anna")
    world.round()
    letter = world.letters(anna)[0]
    found = world.town.people.gpg("--with-colons", "--list-keys", str(letter.outer["Reply-To"])).decode()
    assert f"fpr:::::::::{world.town.key}:" in found
    answer = world.town.post(anna, "yes", Subject=f"Re: {letter.subject}", To=REQUEST)
    assert world.town.judge(answer, "submit", "--rcpt", REQUEST)["verdict"] == "accept"
    assert world.listed(anna) is True
    world.now += 60
    told = world.letters(anna)[-1]
    assert told.subject == "Your key works with tld-ops" and "Thank you, Anna: your mail came encrypted and signed" in told.text


# --- no answer ---------------------------------------------------------------------------------------------------------


def test_who_does_not_answer_is_reported_once(world: World) -> None:
    """After 14 days, to the Admin Contact, all of a ccTLD in one letter; from then on they are listed as unconfirmed."""
    anna, bert, carla = (world.member(name) for name in ("Anna", "Bert", "Carla"))
    world.round()
    Welcomes(world.house).confirm(carla.fingerprint, world.now, world.now)
    world.round(13.9)
    assert world.subjects(world.town.admin) == []
    for days in (14.1, 14.2, 40):
        world.round(days)
    report, *more = world.letters(world.town.admin)
    assert (report.subject, more) == ("No answer yet for .nl: please call", [])
    for who in (anna, bert):
        assert f"{who.name}, {who.address}, +31 6 1234 5678" in " ".join(report.text.split())
        assert f"TLD: nl\nEmail: {who.address}\n" in report.text
    assert carla.address not in report.text and max(map(len, report.lines)) <= 76
    missing = Welcomes(world.house).unconfirmed(world.house.membership(), world.now)
    assert [one.member.name for one in missing] == ["Anna", "Bert"]
    world.age(15)
    listed = world.command("member", "list").splitlines()
    assert {line.split()[1]: "active, unconfirmed" in line for line in listed[1:]} == {"Anna": True, "Bert": True, "Carla": False}
    Welcomes(world.house).confirm(anna.fingerprint, int(time.time()), int(time.time()))
    assert world.command("member", "list").count("unconfirmed") == 1


def test_who_left_or_is_suspended_is_not_reported(world: World) -> None:
    """Nobody is asked to call somebody who was withdrawn or stopped before the 14 days were over."""
    anna, bert = world.member("Anna"), world.member("Bert")
    world.round()
    world.say(world.town.admin, "withdraw-ssc", anna)
    world.say(world.town.root, "suspend-member", bert)
    world.round(15)
    assert world.subjects(world.town.admin) == []
    assert Welcomes(world.house).unconfirmed(world.house.membership(), world.now) == ()


def test_the_report_waits_for_an_admin_contact(world: World) -> None:
    """Nobody speaks for the ccTLD at the moment: who does next is told."""
    world.member("Anna")
    world.round()
    world.say(world.town.root, "dismiss-admin-contact", world.town.admin)
    world.round(15)
    world.say(world.town.root, "appoint-admin-contact", world.town.admin, world.town.admin.certificate, Phone="+31 26 352 5500")
    world.round(16)
    assert world.subjects(world.town.admin) == ["No answer yet for .nl: please call"]


# --- size --------------------------------------------------------------------------------------------------------------

NINE_HUNDRED = 900


def test_a_round_with_nothing_due_is_quick(world: World) -> None:
    """Every minute, over 900 members: it must not be felt."""
    anna = world.member("Anna")
    world.round()
    world.multiply(anna, NINE_HUNDRED)
    house, took = Installation(world.town.home), []
    for _ in range(4):  # the first one loads the membership
        began = time.process_time()
        Welcomes(house).round(world.now)
        took.append(time.process_time() - began)
    assert len(house.membership().members(world.now)) == NINE_HUNDRED
    house.engine.dispose()
    assert min(took) < 0.05, took
