"""A drill with fifty members in all regions, of whom eight fail in six ways: the report says which, and why."""

from __future__ import annotations

import csv
import email
import email.policy
import io
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path

import pytest
from people import People, Somebody
from queue_world import MailSink, listening
from statement_mails import PLAIN, mail, part
from town import Town, entity, found_town, mail_of

from securelist.delivery.next_hop import open_next_hop
from securelist.delivery.worker import deliver_due
from securelist.drill.rounds import SETTLED_AFTER_S, Drills
from securelist.errors import Refused
from securelist.installation import Installation
from securelist.mail.addresses import ListAddress, Role, role_of
from securelist.openpgp.admission import split_certificates
from securelist.reception import Reception
from securelist.trust.submission import Parcel

CCTLDS = ["nl", "de", "fr", "be", "at", "se", "br", "ar", "cl", "jp", "kr", "au", "za", "ke", "ng", "ca", "xn--p1ai"]
MEMBERS = 50
DAY_S = 86_400
# Long enough to be attested with, and over when the others have come.
SHORT_S = 45
FAILING = {
    1: "the key has expired", 12: "the key has expired",
    4: "550 5.1.1 no such user here", 20: "bounced:",
    7: "", 25: "encrypted, but not signed", 33: "signed, but not encrypted to the list", 41: "signed, but with no signature of this",
}  # fmt: skip
RESULTS = {"answered": 42, "key": 2, "address": 2, "silent": 1, "unsigned": 1, "unencrypted": 1, "other-key": 1}


@dataclass
class Fifty:
    """The list, its members in their order, and the mail server behind it."""

    town: Town
    sink: MailSink
    members: list[Somebody] = field(default_factory=list)
    expired: float = 0
    """When the keys that end soon have ended."""

    @cached_property
    def house(self) -> Installation:
        return Installation(self.town.home)

    @cached_property
    def reception(self) -> Reception:
        return Reception(self.house)

    def attest(self, cctld: str, *people: Somebody) -> None:
        """The Admin Contact of a ccTLD vouches for them in one text."""
        texts = (self.town.statement("attest-ssc", who, cctld, Phone=f"+31 20 {who.name[-2:]}00") for who in people)
        signed = self.town.people.clearsign(self.town.admin, "\n".join(texts))
        rings = tuple(octets for who in people for octets in split_certificates(who.certificate))
        self.house.enter(Parcel((signed,), rings), int(time.time()))
        self.members += people

    def letters(self, to: Somebody) -> list[tuple[str, EmailMessage]]:
        """What came to somebody, opened, with the envelope's sender."""
        mails = [(sender, octets) for sender, recipient, octets in self.sink.mails if recipient == to.address]
        return [(sender, self._opened(octets)) for sender, octets in mails]

    def _opened(self, octets: bytes) -> EmailMessage:
        outer: EmailMessage = email.message_from_bytes(octets, policy=email.policy.default)  # type: ignore[assignment]
        content, status = self.town.opened(outer)
        assert "GOODSIG" in status
        return email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[return-value]

    def code(self, who: Somebody) -> str:
        """The code in somebody's letter of the drill."""
        (_, letter) = self.letters(who)[-1]
        return re.findall(r"^    (drill-\S+)\r?$", text_in(letter), re.MULTILINE)[0]

    def take(self, octets: bytes, to: ListAddress | None = None, mail_from: str = "somebody@else.example") -> str:
        """What becomes of a mail, in one word."""
        try:
            return self.reception.take(to or ListAddress(Role.REQUEST), mail_from, octets).reason
        except Refused as refused:
            return refused.reason

    def reply(self, who: Somebody, signer: Somebody | None) -> bytes:
        """Somebody's reply with their code, encrypted to the list."""
        sender = f"{who.name} <{who.address}>"
        return mail_of(self.town.encrypt(signer, entity(f"yes\n\n> {self.code(who)}")), sender, "...")


def text_in(letter: EmailMessage) -> str:
    return next(p for p in letter.walk() if p.get_content_type() == "text/plain").get_content().replace("\r\n", "\n")


def bounce(to: Somebody) -> bytes:
    """A delivery report (RFC 3464) that a mailbox is not there."""
    status = f"Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; {to.address}\nAction: failed\nStatus: 5.1.1\n"
    status += "Diagnostic-Code: smtp; 550 5.1.1 user unknown\n"
    parts = (part(PLAIN, "It could not be delivered.\n"), part("message/delivery-status", status))
    inside = b"".join(b"--d0\n" + one + b"\n" for one in parts) + b"--d0--\n"
    head = b"From: Mailer-Daemon <mailer-daemon@mx.example>\nTo: list\nSubject: Undelivered Mail\nMIME-Version: 1.0\n"
    head += b'Content-Type: multipart/report; report-type=delivery-status; boundary="d0"\n\n'
    return (head + inside).replace(b"\n", b"\r\n")


@pytest.fixture(scope="module")
def fifty(people: People, base: Path) -> Iterator[Fifty]:
    """Fifty members of seventeen ccTLDs, each with a key; two of the keys have just expired."""
    made, sink = found_town(people, base), MailSink()
    made.submit(made.root, "\n".join(made.statement("appoint-admin-contact", made.admin, cctld) for cctld in CCTLDS[1:]))
    with listening(sink) as port, tempfile.TemporaryDirectory(prefix="sl-", dir="/tmp") as folder:
        world = Fifty(made.copy(Path(folder), f"smtp://127.0.0.1:{port}"), sink)
        number = 0
        for cctld in CCTLDS:
            those = []
            for _ in range(min(3, MEMBERS - number)):
                short = FAILING.get(number) == "the key has expired"
                address, expires = f"m{number:02}-{base.name}@registry.example", f"seconds={SHORT_S}" if short else "0"
                those.append(people.make(f"Member {number:02}", address, expires=expires))
                world.expired = time.time() + SHORT_S if short else world.expired
                number += 1
            world.attest(cctld, *those)
        sink._rcpt[world.members[4].address] = "550 5.1.1 no such user here"
        yield world
        world.town.close()
    made.close()


@pytest.mark.slow
def test_the_report_of_a_drill_with_fifty_members(fifty: Fifty) -> None:
    """Forty-two answer; of the eight others the report has name, ccTLD, telephone number and reason, by region and in the table."""
    town, members = fifty.town, fifty.members
    time.sleep(max(0, fifty.expired - time.time()))
    begun = int(time.time())
    town.run("drill", "start")
    town.run("deliver", "--once")
    assert len(members) == MEMBERS and fifty.letters(members[1]) == []
    answer_all(fifty)
    assert "42 of 50 answered, 84 %; " in town.run("drill", "show").decode()
    report = ended(fifty, begun + DAY_S + SETTLED_AFTER_S + 60)
    assert report["Subject"] == "Drill 1: 42 of 50 answered, 84 %"
    text = " ".join(text_in(report).split())
    lines = re.split(r" - (?=\.)", text)
    for number, why in FAILING.items():
        begins = f".{CCTLDS[number // 3]}: Member {number:02}, +31 20 {number:02}00: "
        assert [why in line for line in lines if line.startswith(begins)] == [True], (number, lines)
    assert all(f"- .{cctld}: Member" not in text for cctld in ("ng", "ca", "xn--p1ai"))
    for region in ("Africa 9 8 88 %", "Europe 20 16 80 %", "Latin America/Caribbean 9 7 77 %", "North America 3 3 100 %"):
        assert region in text
    table = next(p for p in report.iter_attachments() if p.get_filename() == "drill-1.csv").get_content()
    rows = list(csv.DictReader(io.StringIO(table.decode() if isinstance(table, bytes) else table)))
    assert Counter(row["result"] for row in rows) == RESULTS
    assert {int(row["name"][-2:]) for row in rows if row["result"] != "answered"} == set(FAILING)


def answer_all(fifty: Fifty) -> None:
    """Each answers in their way: forty-two as they should, one by a mail server's report, and four wrongly."""
    members, town = fifty.members, fifty.town
    stranger = town.people.make("Member 41", f"other-{time.time_ns()}@registry.example")
    for number, who in enumerate(members):
        if number not in FAILING:
            assert fifty.take(fifty.reply(who, who)) == "accepted", number
    sender, _ = fifty.letters(members[20])[-1]
    to = role_of(sender, fifty.house.config.list)
    assert to is not None and to.role is Role.BOUNCES
    assert fifty.take(bounce(members[20]), to, "") == "accepted"
    assert fifty.take(fifty.reply(members[25], None)) == "not-signed"
    clear = town.people.clearsign(members[33], f"yes\n{fifty.code(members[33])}\n")
    assert fifty.take(mail(members[33], part(PLAIN, clear))) == "not-encrypted"
    assert fifty.take(fifty.reply(members[41], stranger)) == "unknown-signer"


def ended(fifty: Fifty, at: int) -> EmailMessage:
    """The report, when the drill is over; everybody whom a letter reaches is told how they did."""
    house = fifty.house
    Drills(house).round(at)
    before = len(fifty.sink.mails)
    next_hop = open_next_hop(house.config.next_hop, house.config.domain)
    deliver_due(house.engine, house.config, next_hop, house.still_member, lambda: at)
    next_hop.close()
    told = Counter(recipient for _, recipient, _ in fifty.sink.mails[before:])
    unreached = {fifty.members[number].address for number in (1, 12, 4)}  # no key, or the mail server takes nothing
    assert all(told[who.address] >= (who.address not in unreached) for who in fifty.members)
    (report,) = [letter for _, letter in fifty.letters(fifty.town.root) if str(letter["Subject"]).startswith("Drill 1: ")]
    return report
