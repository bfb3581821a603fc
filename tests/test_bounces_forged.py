"""Twenty thousand forged bounces and automatic answers, to every address of a list: nothing changes, and no mail goes out in answer."""

from __future__ import annotations

import random
import secrets
import smtplib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from sqlite3 import connect

import pytest
from attack_stage import Judging
from attacks_robots import ANSWERS, REPORTS, forged_token
from bad_mails import Bad, Stage
from delivery_reports import NO_REPORTS, Written
from delivery_reports import REPORTS as REAL
from good_mails import widened
from people import Somebody
from town import LIST, Running, member

from securelist.delivery.bounce_token import make_token, read_secret
from securelist.mail.addresses import Role, address_for, role_of

FORGED = 20_000
BY_SMTP = 300
# A flood of a day at one in four seconds; 50 s on two cores that are busy with other things, too.
MOST_S = 120
GONE, FULL = REAL["Postfix: no such user"], REAL["Exchange: mailbox full"]
FAILURES = {name: one for name, one in REAL.items() if one.kind in ("hard", "soft", "unfit")}
# The journal says what was refused; of what a member wrote by hand in clear they hear, and that is not what is tried here.
NOT_COMPARED = {"journal"}
SILENT = {name: bad for name, bad in (ANSWERS | REPORTS).items() if (bad.reason, bad.step) == ("automatic", "receive")}
COSTLY = {name: bad for name, bad in (ANSWERS | REPORTS).items() if name not in SILENT}

Mail = tuple[bytes, str, str]
"""The octets, the return path, and the address it is sent to."""


@pytest.fixture(scope="module")
def stage(stage: Stage) -> Stage:
    """The list, with room."""
    return widened(stage)


def tables(stage: Stage) -> dict[str, list[tuple[object, ...]]]:
    """All that the list knows, whole."""
    with closing(connect(stage.town.home / "securelist.db")) as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")} - NOT_COMPARED
        return {name: sorted(database.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr) for name in names}


def events(stage: Stage) -> list[str]:
    """What the journal tells of, in order."""
    with closing(connect(stage.town.home / "securelist.db")) as database:
        return [event for (event,) in database.execute("SELECT event FROM journal ORDER BY id")]


@dataclass(frozen=True)
class Forger:
    """Makes mails to the list's addresses that must change nothing."""

    stage: Stage
    copies: dict[str, tuple[int, str]]
    """Real copies, by what became of them: number and address. `there` was handed over, `gone` has failed, `full` waits."""

    def token(self, copy: str) -> str:
        return make_token(read_secret(self.stage.town.home), self.copies[copy][0])

    def to_bounces(self, chance: random.Random, number: int) -> Mail:
        """A real failure under a token that is none, or under one of another installation, or of a copy that never was."""
        [copy_id, address] = chance.choice(list(self.copies.values()))
        token = chance.choice((
            lambda: forged_token(number),
            lambda: make_token(secrets.token_bytes(32), copy_id),
            lambda: make_token(read_secret(self.stage.town.home), 10**6 + number),
            lambda: self.changed(chance, make_token(read_secret(self.stage.town.home), copy_id)),
            lambda: f"{copy_id:x}",
            lambda: chance.choice(("0-", "1-" + "a" * 5_000, "-", "x@y", "1--", "١-" + "a" * 16)),
        ))()  # fmt: skip
        return chance.choice(list(FAILURES.values())).about(address), "", address_for(Role.BOUNCES, LIST, token)

    def changed(self, chance: random.Random, token: str) -> str:
        """One letter of it is another."""
        at = chance.randrange(len(token))
        return token[:at] + chance.choice([c for c in "abcdef234567" if c != token[at]]) + token[at + 1 :]

    def answer_to_bounces(self, chance: random.Random, _number: int) -> Mail:
        """What robots and people answer to a copy that has arrived, at its own bounce address; and failures of somebody else."""
        [_, address] = self.copies["there"]
        answers = [*NO_REPORTS.values(), *(replace(one, names=False) for one in FAILURES.values() if one.names)]
        one: Written = chance.choice(answers)
        octets = one.about(address if one.names else "somebody@else.example")
        return octets, one.mail_from, address_for(Role.BOUNCES, LIST, self.token("there").swapcase())

    def replayed(self, chance: random.Random, _number: int) -> Mail:
        """Real failures of copies about which one has come."""
        which = chance.choice(("gone", "full"))
        [_, address] = self.copies[which]
        return chance.choice(list(FAILURES.values())).about(address), chance.choice(("", "x@mx.example")), self.bounces(which)

    def bounces(self, copy: str) -> str:
        return address_for(Role.BOUNCES, LIST, self.token(copy))

    def elsewhere(self, chance: random.Random, number: int) -> Mail:
        """Robots' answers and reports to the other addresses, with and without a return path; a few of them cost a decryption."""
        role = chance.choice((Role.LIST, Role.REQUEST, Role.OWNER, Role.SENDKEY))
        if role is Role.LIST and number % 100 == 0:
            bad = chance.choice(list(COSTLY.values()))
            return made(self.stage, bad), bad.mail_from, LIST
        if chance.random() < 0.5:
            bad = chance.choice(list(SILENT.values()))
            mail_from = bad.mail_from if bad.mail_from == "" else chance.choice((bad.mail_from, ""))
            return made(self.stage, bad), mail_from, address_for(role, LIST)
        one = chance.choice(list(REAL.values()))
        return one.about(self.stage.anna.address), "", address_for(role, LIST)

    def mails(self, number: int, *kinds: Callable[[random.Random, int], Mail]) -> Iterator[Mail]:
        """So many, of all these kinds, each with a field of its own."""
        chance = random.Random(23)
        for at in range(number):
            octets, mail_from, to = kinds[at % len(kinds)](chance, at)
            yield (b"X-Number: %d\r\n" % at + octets if octets else octets), mail_from, to


_MADE: dict[int, bytes] = {}


def made(stage: Stage, bad: Bad) -> bytes:
    """The mail, made once: keys cost more than all the rest."""
    if id(bad) not in _MADE:
        _MADE[id(bad)] = bad.make(stage)
    return _MADE[id(bad)]


def newest_copy(stage: Stage, who: Somebody) -> tuple[int, str]:
    """Number and address of the newest copy to somebody."""
    with closing(connect(stage.town.home / "securelist.db")) as database:
        [[number]] = database.execute("SELECT max(id) FROM copies WHERE recipient = ?", (who.address,)).fetchall()
    return number, who.address


@pytest.fixture(scope="module")
def forger(stage: Stage) -> Forger:
    """After a post to all; nothing has come back yet."""
    assert stage.town.judge(stage.post(text="to be bounced"))["verdict"] == "accept"
    stage.town.deliver()
    people = {"there": stage.anna, "gone": stage.bert, "full": member(stage.town, "Carla")}
    return Forger(stage, {copy: newest_copy(stage, who) for copy, who in people.items()})


def settled(stage: Stage) -> dict[str, list[tuple[object, ...]]]:
    """The tables, once a server that was just started has done all that is due."""
    before, now = {}, tables(stage)
    while now != before:
        time.sleep(2)
        before, now = now, tables(stage)
    return now


def test_hundreds_of_them_by_smtp(stage: Stage, forger: Forger) -> None:
    """Through a running server, twenty at a time: each is answered, nothing is changed, nothing is sent."""

    def send(running: Running, mails: list[Mail]) -> list[int]:
        return [answer(running, *mail) for mail in mails]

    def answer(running: Running, octets: bytes, mail_from: str, to: str) -> int:
        with smtplib.SMTP("127.0.0.1", running.smtp, timeout=60) as smtp:
            smtp.ehlo()
            assert smtp.mail(mail_from)[0] == 250
            assert smtp.rcpt(to)[0] == 250
            return smtp.data(octets)[0]

    ascii_ = (mail for mail in forger.mails(2 * BY_SMTP, forger.to_bounces, forger.answer_to_bounces, forger.elsewhere) if fits(mail))
    mails = [mail for mail, _ in zip(ascii_, range(BY_SMTP), strict=False)]
    with stage.town.serve() as running:
        before = settled(stage)
        with ThreadPoolExecutor(20) as pool:
            codes = [code for part in pool.map(lambda n: send(running, mails[n::20]), range(20)) for code in part]
        assert len(codes) == BY_SMTP
        assert set(codes) == {250, 550}
        assert codes.count(250) > BY_SMTP // 10 and codes.count(550) > BY_SMTP // 3
        assert settled(stage) == before


def fits(mail: Mail) -> bool:
    """Whether a client can say the address, the list has it, and there is something to send."""
    octets, _, to = mail
    return to.isascii() and len(to) < 200 and to.count("@") == 1 and role_of(to, LIST) is not None and bool(octets)


def test_twenty_thousand_of_them(stage: Stage, judge: Judging, forger: Forger) -> None:
    """Whole tables are compared: members, copies, marks, posts and all others; and it is over in less than two minutes."""
    assert judge(GONE.about(stage.bert.address), "", forger.bounces("gone")).detail.endswith("has failed")
    assert judge(FULL.about(forger.copies["full"][1]), "", forger.bounces("full")).detail.endswith("again")
    before, told, since = tables(stage), events(stage), time.monotonic()
    assert len(before["addresses"]) == 1 and len(before["posts"]) > 0
    kinds = (forger.to_bounces, forger.answer_to_bounces, forger.replayed, forger.elsewhere)
    said = {
        (to.partition("+")[0], verdict.verdict, verdict.reason)
        for octets, mail_from, to in forger.mails(FORGED, *kinds)
        if role_of(to, LIST) is not None  # the server refuses the others before any mail
        for verdict in [judge(octets, mail_from, to)]
    }
    took = time.monotonic() - since
    after = tables(stage)
    assert {name for name in after if after[name] != before.get(name)} == set()
    assert set(events(stage)[len(told) :]) <= {"refused"}
    bounces = LIST.replace("@", "-bounces@").partition("@")[0]
    assert {(verdict, reason) for to, verdict, reason in said if to == bounces} == {("accept", "accepted"), ("refuse", "not-ours")}
    assert {verdict for to, verdict, _ in said if to != bounces} == {"refuse"}
    print(f"\n{FORGED} in {took:.1f} s")
    assert took < MOST_S


def test_who_saw_a_return_path_can_mark_that_address_and_no_more(stage: Stage, judge: Judging, forger: Forger) -> None:
    """The worst that a stranger can do with one: everything still goes there, the member is a member, and posts as before."""
    before = tables(stage)
    assert judge(GONE.about(stage.anna.address), "", forger.bounces("there")).detail.endswith("has failed")
    after = tables(stage)
    assert {name for name in after if after[name] != before[name]} == {"addresses", "copies"}
    assert len(after["addresses"]) == len(before["addresses"]) + 1
    assert judge(stage.post(text="still here")).verdict == "accept"
    stage.town.deliver()
    with closing(connect(stage.town.home / "securelist.db")) as database:
        newest, _ = newest_copy(stage, stage.anna)
        assert database.execute("SELECT state FROM copies WHERE id = ?", (newest,)).fetchone() == ("delivered",)
