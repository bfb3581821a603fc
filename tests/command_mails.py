"""Mail with commands, as trust roots and members write it, to a list whose clock the tests move; and the letters that answer."""

from __future__ import annotations

import email
import email.policy
import time
from dataclasses import dataclass
from email.message import EmailMessage

import pytest
from admission_world import Admission
from admission_world import admission as admission
from people import Somebody
from statement_mails import PLAIN, mail, part
from town import entity, mail_of

from securelist.command_desk import Taken
from securelist.delivery.next_hop import open_next_hop
from securelist.delivery.worker import deliver_due
from securelist.errors import Refused
from securelist.procedures.rounds import Rounds
from securelist.request import RequestDesk
from securelist.store.retention import DAY_S

# Keys that are made in the course of a test are older than what they sign.
MARGIN_S = 300


@dataclass(frozen=True)
class Letter:
    """A letter as its reader sees it: what it answers, subject, text, and attached files by name."""

    answers: str
    subject: str
    text: str
    files: dict[str, str]

    @property
    def widest(self) -> int:
        return max(map(len, self.text.split("\n")))

    @property
    def words(self) -> str:
        """The text with every run of blanks and line ends as one blank."""
        return " ".join(self.text.split())


@dataclass
class Bureau:
    """A list with records, a trust root and members, and what they write to LIST-request."""

    admission: Admission
    at: int
    """The list's time, Unix seconds: it passes when a test says so."""

    def later(self, days: float) -> None:
        """So many days pass, with a round at their end."""
        self.at += round(days * DAY_S)
        self.round()

    def round(self) -> None:
        """One round, and its letters delivered."""
        house = self.admission.house
        Rounds(house).run(self.at)
        next_hop = open_next_hop(house.config.next_hop, house.config.domain)
        deliver_due(house.engine, house.config, next_hop, house.still_member, lambda: self.at)
        next_hop.close()

    @property
    def root(self) -> Somebody:
        return self.admission.town.root

    def newcomer(self, name: str) -> Somebody:
        """A new member for .nl, who got the welcome and has not answered."""
        town = self.admission.town
        who = self.admission.people.make(name, f"{name.lower()}-{time.time_ns()}@nl.example")
        town.submit(town.admin, town.statement("attest-ssc", who), who.certificate)
        assert [one.subject for one in self.letters(who)] == ["Welcome to tld-ops: please answer this mail"]
        return who

    def signed(self, who: Somebody, text: str, *fields: str) -> bytes:
        """A clearsigned mail, signed now by our clock: what comes seven days later by the list's is too old for it."""
        return mail(who, part(PLAIN, self.admission.people.clearsign(who, text)), *fields)

    def sealed(self, who: Somebody, text: str) -> bytes:
        """A mail signed and encrypted to the list, as Thunderbird makes it."""
        town = self.admission.town
        return mail_of(town.encrypt(who, entity(text)), f"{who.name} <{who.address}>", "...")

    def take(self, octets: bytes) -> Taken | Refused:
        """What becomes of a mail to LIST-request."""
        try:
            return RequestDesk(self.admission.house).take(octets, "somebody@else.example", self.at, lambda: None)
        except Refused as refused:
            return refused

    def order(self, who: Somebody, text: str) -> list[Letter]:
        """The letters that answer somebody's signed mail."""
        self.letters(who)
        self.take(self.signed(who, text))
        return self.letters(who)

    def letters(self, who: Somebody) -> list[Letter]:
        """What came to somebody since the last look."""
        world = self.admission
        self.round()
        found = []
        for file in sorted((world.town.inbox / who.address / "new").glob("*"), key=lambda file: file.stat().st_mtime_ns):
            if file.name not in world.read:
                world.read.add(file.name)
                found.append(self._letter(email.message_from_bytes(file.read_bytes(), policy=email.policy.default)))  # type: ignore[arg-type]
        return found

    def _letter(self, outer: EmailMessage) -> Letter:
        content, status = self.admission.town.opened(outer)
        assert "GOODSIG" in status and outer["Subject"] == "[...]" and status.count("] ENC_TO ") == 1
        whole: EmailMessage = email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[assignment]
        text, *attached = [p for p in whole.walk() if not p.is_multipart()]
        files = {str(p.get_filename()): p.get_payload(decode=True).decode() for p in attached}  # type: ignore[union-attr]
        return Letter(whole["In-Reply-To"] or "", whole["Subject"], text.get_content().replace("\r\n", "\n"), files)


@pytest.fixture
def bureau(admission: Admission) -> Bureau:
    """The town's list, with records of a few ccTLDs."""
    return Bureau(admission, int(time.time()) + MARGIN_S)
