"""A founded list whose clock the tests move: invitations, answers and requests, with real keys and the product's own parts."""

from __future__ import annotations

import email
import email.policy
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import pytest
from people import People, Somebody
from rdap_world import octets, record
from statement_mails import keys, mail, multipart, part
from town import Town

from securelist.delivery.next_hop import open_next_hop
from securelist.delivery.worker import deliver_due
from securelist.installation import Installation
from securelist.mail.addresses import ListAddress, Role
from securelist.procedures.office import Done, Office
from securelist.procedures.rounds import Rounds
from securelist.reception import Accepted, Reception
from securelist.store.retention import DAY_S

ON_RECORD = ("br", "de", "fr", "jp", "nl")


@dataclass
class Admission:
    """One list, how far its clock is ahead (seconds), and what everybody has read so far."""

    town: Town
    house: Installation
    ahead: int = 0
    read: set[str] = field(default_factory=set)

    @property
    def at(self) -> int:
        """The list's time: so far ahead of ours as days have passed."""
        return int(time.time()) + self.ahead

    @property
    def people(self) -> People:
        return self.town.people

    @property
    def office(self) -> Office:
        return Office(self.house)

    def later(self, days: float) -> None:
        """So many days pass, with a round and a delivery at their end."""
        self.ahead += round(days * DAY_S)
        self.round()

    def round(self) -> None:
        """One round, and its letters delivered."""
        Rounds(self.house).run(self.at)
        next_hop = open_next_hop(self.house.config.next_hop, self.house.config.domain)
        deliver_due(self.house.engine, self.house.config, next_hop, self.house.still_member, lambda: self.at)
        next_hop.close()

    def new(self, address: str) -> list[str]:
        """What came to an address since the last look, each as its reader sees it: subject, and text."""
        found = []
        for file in sorted((self.town.inbox / address / "new").glob("*"), key=lambda file: file.stat().st_mtime_ns):
            if file.name not in self.read:
                self.read.add(file.name)
                found.append(self.shown(email.message_from_bytes(file.read_bytes(), policy=email.policy.default)))  # type: ignore[arg-type]
        return found

    def shown(self, letter: EmailMessage) -> str:
        """Subject and text of a letter, decrypted if it is encrypted."""
        if letter.get_content_type() == "multipart/encrypted":
            content, status = self.town.opened(letter)
            assert "GOODSIG" in status
            letter = email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[assignment]
        text = next(p for p in letter.walk() if p.get_content_type() == "text/plain")
        return f"{letter['Subject']}\n\n{text.get_content()}".replace("\r\n", "\n")

    def invite(self, *names: str) -> list[Done]:
        """The Secretariat's wish, and the round after it."""
        done = self.office.invite(names, self.at)
        self.round()
        return done

    def send(self, who: Somebody, text: str, *attached: Somebody, sender: Somebody | None = None, signed: bool = True) -> Accepted:
        """A mail to LIST-request with a text that `who` signs, certificates attached; raises Refused."""
        body = self.people.clearsign(who, text) if signed else text.encode()
        whole = mail(sender or who, multipart(part("text/plain; charset=utf-8", body), *map(keys, attached)))
        try:
            return Reception(self.house).take(ListAddress(Role.REQUEST), (sender or who).address, whole)
        finally:
            self.round()

    def contact(self, tld: str) -> str:
        """The address of record."""
        return {"br": "dona@registry-br.example", "jp": "taro@registry-jp.example"}.get(tld, f"admin@registry-{tld}.example")

    def appoint(self, who: Somebody, tld: str) -> None:
        """What a trust root signs."""
        self.send(self.town.root, self.town.statement("appoint-admin-contact", who, tld), who)


def statements_in(letter: str) -> str:
    """The statements of a letter, as somebody copies them out of it."""
    return "\n".join(re.findall(r"^Securelist-Statement:.*(?:\n.+)*\n", letter, re.MULTILINE))


def token_in(letter: str) -> str:
    """The token of an invitation."""
    found = re.search(r"^Token: (\S+)$", letter, re.MULTILINE)
    assert found, letter
    return found[1]


@pytest.fixture
def admission(town: Town) -> Iterator[Admission]:
    """The town's list in a folder of its own, with records of a few ccTLDs, and whoever was to be welcomed has been."""
    base = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    own = town.copy(base)
    (base / "records.json").write_bytes(octets(*map(record, ON_RECORD)))
    own.run("cctld", "import", str(base / "records.json"))
    with (own.home / "securelist.toml").open("a") as file:
        file.write("members_per_cctld = 5\n")  # .nl has three
    made = Admission(own, Installation(own.home))
    made.round()
    for address in (*own.members, own.root.address, own.admin.address):
        made.new(address)
    yield made
    own.close()
    shutil.rmtree(base, ignore_errors=True)
