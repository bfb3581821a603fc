"""A list with a mail server for its next hop that refuses what it is told to, and members whose addresses fail; the tests move its clock.

Reports come as mail servers write them, to the address that the copy left with.
"""

from __future__ import annotations

import email
import email.policy
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import pytest
from delivery_reports import REPORTS
from people import Somebody
from queue_world import MailSink, listening
from town import LIST, Town
from welcome_world import founded as founded

from securelist.bounces.desk import BounceDesk
from securelist.bounces.marked import MarkedAddresses
from securelist.delivery.next_hop import open_next_hop
from securelist.delivery.worker import deliver_due
from securelist.installation import Installation
from securelist.mail.addresses import role_of
from securelist.openpgp.admission import split_certificates
from securelist.store import addresses, queue_view
from securelist.store.addresses import Mark
from securelist.store.database import reading
from securelist.store.queue import LETTER, NewCopy, NewPost, commit_post
from securelist.store.queue_view import CopyStatus
from securelist.trust.membership import Member
from securelist.trust.submission import Parcel
from securelist.upkeep.readiness import readiness

MINUTE, HOUR, DAY = 60, 3600, 86_400
GONE, FULL, SLOW = REPORTS["Postfix: no such user"], REPORTS["Exchange: mailbox full"], REPORTS["Postfix: still trying"]
BIG = REPORTS["sendmail: too large"]


@dataclass
class World:
    """One list; `now` is the time of everything that happens, `sink` its next hop."""

    town: Town
    sink: MailSink
    now: int = field(default_factory=lambda: int(time.time()))
    house: Installation = field(init=False)

    def __post_init__(self) -> None:
        self.house = Installation(self.town.home)

    def member(self, name: str, *others: str) -> Somebody:
        """A new member for .nl, with these further addresses."""
        who = self.town.people.make(name, f"{name.lower()}-{time.time_ns()}@nl.example")
        statement = self.town.statement("attest-ssc", who, Phone="+31 6 1234 5678") + "".join(f"Email: {other}\n" for other in others)
        self.enter(self.town.admin, statement, who.certificate)
        return who

    def enter(self, signer: Somebody, statement: str, *certificates: bytes) -> None:
        """A statement enters the log."""
        rings = tuple(octets for ring in certificates for octets in split_certificates(ring))
        self.house.enter(Parcel((self.town.people.clearsign(signer, statement),), rings), int(time.time()))

    def after(self, seconds: float) -> None:
        """The clock goes on: what is due is sent, and a round done."""
        self.now += int(seconds)
        self.deliver()
        MarkedAddresses(Installation(self.town.home)).round(self.now)
        self.deliver()

    def deliver(self) -> None:
        """Hands over what is due."""
        hop = open_next_hop(self.house.config.next_hop, self.house.config.domain)
        try:
            deliver_due(self.house.engine, self.house.config, hop, self.house.still_member, lambda: self.now)
        finally:
            hop.close()

    def post(self, who: Somebody) -> int:
        """A post by a member, signed now whatever the clock, and handed over to whomever the next hop takes it for; its number."""
        self.now = max(self.now, int(time.time()))  # their key was made just now
        mail = self.town.post(who, f"zone {time.time_ns()}")
        post_id = self.house.way.relay(mail, who.address, self.now, lambda: None, lambda *_: None).post_id
        self.deliver()
        return post_id

    def send(self, who: Somebody, address: str) -> None:
        """A mail of the list's queue to one address, at any time: a signature that old would make no post. It is handed over at once."""
        number = f"<{time.time_ns()}@lists.example.org>"
        copies = (NewCopy(address, "nl", who.fingerprint, b"\x84"),)
        commit_post(self.house.engine, NewPost(LETTER, number, self.now, "", "", b"Subject: x\r\n", b"\xd2", copies))
        self.deliver()

    def copy(self, post_id: int, address: str) -> CopyStatus:
        """Where the copy of a post to an address stands."""
        [found] = [copy for copy in queue_view.copies(self.house.engine, post_id) if copy.recipient == address]
        return found

    # --- what comes back ---------------------------------------------------------------------------------------------------

    def sent(self, address: str) -> list[tuple[str, bytes]]:
        """(return path, mail) of all that the next hop took for an address, oldest first."""
        return [(sender, octets) for sender, recipient, octets in self.sink.mails if recipient == address]

    def token(self, address: str, which: int = -1) -> str:
        """The token in the return path of a mail to an address, the newest if no other is meant."""
        to = role_of(self.sent(address)[which][0], LIST)
        assert to is not None
        return to.token

    def bounce(self, address: str, report: bytes = b"", mail_from: str = "") -> str:
        """A report about the newest mail to an address arrives: that it does not exist, if no other is given."""
        octets = report or GONE.about(address)
        return self.take(self.token(address), octets, mail_from)

    def take(self, token: str, octets: bytes, mail_from: str = "") -> str:
        """A mail arrives at the bounce address with that token."""
        return BounceDesk(self.house).take(token, octets, mail_from, self.now)

    # --- what is known -----------------------------------------------------------------------------------------------------

    def mark(self, address: str) -> Mark | None:
        """The mark of an address."""
        with reading(self.house.engine) as connection:
            return addresses.find(connection, address)

    def standing(self, who: Somebody) -> Member:
        """A member as they stand, marked addresses considered."""
        [one] = [one.member for one in readiness(self.house, self.now) if one.member.fingerprint == who.fingerprint]
        return one

    def letters(self, address: str) -> list[str]:
        """The subjects and texts of the server's letters that arrived at an address, opened with their owner's key."""
        return [self._text(octets) for _, octets in self.sent(address) if b"\nAuto-Submitted: auto-" in octets.replace(b"\r\n", b"\n")]

    def _text(self, octets: bytes) -> str:
        mail: EmailMessage = email.message_from_bytes(octets, policy=email.policy.default)  # type: ignore[assignment]
        content, _ = self.town.opened(mail)
        inner: EmailMessage = email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[assignment]
        text: EmailMessage = next(inner.iter_parts())  # type: ignore[assignment]
        return f"{inner['Subject']}\n\n{text.get_content()}".replace("\r\n", "\n")


@pytest.fixture
def world(founded: Town) -> Iterator[World]:
    """The same list for one test alone, with a next hop."""
    base = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    sink = MailSink()
    with listening(sink) as port:
        made = World(founded.copy(base, f"smtp://127.0.0.1:{port}"), sink)
        yield made
        made.house.engine.dispose()
        made.town.close()
    shutil.rmtree(base, ignore_errors=True)
