"""A list whose posters get receipts: posts at any time, a mail server that refuses whom it is told to, and what the posters read."""

from __future__ import annotations

import email
import email.policy
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from people import People, Somebody
from queue_world import MailSink, listening
from sqlalchemy import select
from town import Town, entity, found_town, member

from securelist.delivery.next_hop import SmtpNextHop
from securelist.delivery.worker import deliver_due
from securelist.installation import Installation
from securelist.openpgp.admission import split_certificates
from securelist.store.database import reading
from securelist.store.schema_upkeep import ReceiptRow
from securelist.trust.submission import Parcel
from securelist.upkeep.receipts import Receipts

MINUTE, HOUR, DAY = 60, 3600, 86400
TELEPHONE = "+31 6 1234 5678"


@dataclass(frozen=True)
class Letter:
    """A letter as its reader sees it: what it answers, subject, and text, in which every run of blanks is one."""

    answers: str
    subject: str
    text: str

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


@dataclass
class World:
    """One list, its next hop, and the time, which passes when a test says so."""

    town: Town
    sink: MailSink
    hop: SmtpNextHop
    at: int
    refusals: dict[str, str]
    """What the mail server says to a recipient's address."""
    house: Installation = field(init=False)
    _read: int = 0

    def __post_init__(self) -> None:
        self.house = Installation(self.town.home)

    def set(self, **settings: object) -> None:
        """Other settings, as after a restart."""
        self.house.config = replace(self.house.config, **settings)  # type: ignore[arg-type]

    def who(self, name: str) -> Somebody:
        """A member."""
        return member(self.town, name)

    def say(self, signer: Somebody, kind: str, who: Somebody, *certificates: bytes, **fields: str) -> None:
        """A statement enters the log."""
        signed = self.town.people.clearsign(signer, self.town.statement(kind, who, **fields))
        self.house.enter(Parcel((signed,), tuple(one for ring in certificates for one in split_certificates(ring))), int(time.time()))

    def attest(self, who: Somebody, *further: str) -> None:
        """The Admin Contact of .nl makes somebody a member, with further addresses."""
        emails = "\nEmail: ".join((who.address, *further))
        self.say(self.town.admin, "attest-ssc", who, who.certificate, Phone=TELEPHONE, Email=emails)

    def person(self, name: str, **how: str) -> Somebody:
        """Somebody with a new key."""
        return self.town.people.make(name, f"{name.split()[0].lower()}-{time.time_ns()}@nl.example", **how)  # type: ignore[arg-type]

    def renewed(self, certificate: bytes) -> None:
        """Somebody's certificate, extended or revoked, enters the log."""
        self.house.enter(Parcel((), tuple(split_certificates(certificate))), int(time.time()))

    def post(self, words: str = "Attack", by: Somebody | None = None, *fields: str, **outside: str) -> int:
        """A post, signed now, that comes at the list's time; its number. `fields` are in what is signed, `outside` around it."""
        signer = by or self.who("Anna")
        return self.take(self.town.post(signer, entity(f"{words} {time.time_ns()}", *fields), **outside))

    def take(self, mail: bytes) -> int:
        """A mail to the list; its number. Raises Refused."""
        return self.house.way.relay(mail, None, self.at, lambda: None, lambda *_: None).post_id

    def deliver(self) -> None:
        """Hands over whatever is due."""
        deliver_due(self.house.engine, self.house.config, self.hop, self.house.still_member, lambda: self.at)

    def round(self, later: int = 0) -> None:
        """So many seconds pass, then what is due is handed over, receipts are written, and handed over."""
        self.at += later
        self.deliver()
        Receipts(self.house).round(self.at)
        self.deliver()

    def letters(self, to: Somebody | None = None) -> list[Letter]:
        """The letters that came to somebody since the last look at anybody's."""
        address = (to or self.who("Anna")).address
        new, self._read = self.sink.mails[self._read :], len(self.sink.mails)
        mails = [email.message_from_bytes(octets, policy=email.policy.default) for _, recipient, octets in new if recipient == address]
        return [self._opened(mail) for mail in mails if "Auto-Submitted" in mail]  # type: ignore[arg-type]

    def _opened(self, mail: EmailMessage) -> Letter:
        content, status = self.town.opened(mail)
        assert re.search(rf"\] VALIDSIG .*{self.town.key}", status), status
        inner: EmailMessage = email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[assignment]
        text = next(part for part in inner.walk() if part.get_content_type() == "text/plain")
        return Letter(str(inner["In-Reply-To"] or ""), str(inner["Subject"]), text.get_content().replace("\r\n", "\n"))


def rows(world: World) -> list[tuple[int, int]]:
    """When the first and the last receipt of each post were written."""
    with reading(world.house.engine) as connection:
        return [(row.first, row.last) for row in connection.execute(select(ReceiptRow.first, ReceiptRow.last))]


@pytest.fixture(scope="module")
def founded(people: People, base: Path) -> Iterator[Town]:
    """A list with receipts, and with three members for .nl."""
    made = found_town(people, base)
    settings = made.home / "securelist.toml"
    settings.write_text(settings.read_text().replace("receipts = false", "members_per_cctld = 1000"))
    for name in ("Anna", "Bert", "Carla"):
        made.attest(people.make(name, f"{name.lower()}-{base.name}@nl.example"))
    yield made
    made.close()


@contextmanager
def open_world(founded: Town) -> Iterator[World]:
    """The same list in a folder of its own, with a mail server that takes everything at first."""
    base = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    refusals = {"nobody@else.example": "550 no"}
    sink = MailSink(rcpt=refusals)
    with listening(sink) as port:
        hop = SmtpNextHop("127.0.0.1", port, "lists.example.org")
        made = World(founded.copy(base), sink, hop, int(time.time()) + MINUTE, refusals)  # keys that a test makes are older
        try:
            yield made
        finally:
            hop.close()
            made.house.engine.dispose()
            made.town.close()
            shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def world(founded: Town) -> Iterator[World]:
    """The same list for one test alone."""
    with open_world(founded) as made:
        yield made
