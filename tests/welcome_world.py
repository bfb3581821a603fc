"""A list whose clock the tests move: what is said enters its log in this process, and rounds of welcomes run when they say so."""

from __future__ import annotations

import email
import email.policy
import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import pytest
from people import People, Somebody
from sqlalchemy import insert, select, update
from town import SECURELIST, Town, found_town

from securelist.delivery.next_hop import open_next_hop
from securelist.delivery.worker import deliver_due
from securelist.installation import Installation
from securelist.openpgp.admission import split_certificates
from securelist.procedures.welcome import Welcomes
from securelist.store.database import reading, writing
from securelist.store.schema import AttestationRow, CertificateRow, WelcomeRow
from securelist.trust.submission import Parcel

DAY = 86400


@dataclass(frozen=True)
class Letter:
    """A letter as its reader has it: the outer header, the subject, the text, and the attachments by name."""

    outer: EmailMessage
    subject: str
    text: str
    attached: dict[str, bytes]

    @property
    def lines(self) -> list[str]:
        """What a mail program without header protection shows."""
        return self.text.splitlines()


@dataclass
class World:
    """One list and its people; `now` is the time of everything that happens."""

    town: Town
    now: int = field(default_factory=lambda: int(time.time()))
    house: Installation = field(init=False)

    def __post_init__(self) -> None:
        self.house = Installation(self.town.home)

    def say(self, signer: Somebody, kind: str, who: Somebody, *certificates: bytes, **fields: str) -> None:
        """A statement about somebody enters the log; no letter is written of it."""
        signed = self.town.people.clearsign(signer, self.town.statement(kind, who, **fields))
        rings = tuple(octets for ring in certificates for octets in split_certificates(ring))
        self.house.enter(Parcel((signed,), rings), int(time.time()))

    def attest(self, who: Somebody, **fields: str) -> None:
        """The Admin Contact of .nl makes somebody a member."""
        self.say(self.town.admin, "attest-ssc", who, who.certificate, **{"Phone": "+31 6 1234 5678", **fields})

    def person(self, name: str, **how: str) -> Somebody:
        """Somebody with a new key."""
        return self.town.people.make(name, f"{name.lower().replace(' ', '.')}-{time.time_ns()}@nl.example", **how)  # type: ignore[arg-type]

    def member(self, name: str) -> Somebody:
        """A new member for .nl, not welcomed yet."""
        who = self.person(name)
        self.attest(who)
        return who

    def round(self, days: float = 0) -> None:
        """A round of welcomes, so many days from now: as a process that has just been started does it."""
        self.now = int(time.time() + days * DAY)
        Welcomes(Installation(self.town.home)).round(self.now)

    def letters(self, to: Somebody) -> list[Letter]:
        """All letters that left for somebody by `now`, opened with their key; each is signed by the list."""
        return [self._opened(mail) for mail in self.delivered(to)]

    def delivered(self, to: Somebody) -> list[EmailMessage]:
        """The same, as they came."""
        hop = open_next_hop(self.house.config.next_hop, self.house.config.domain)
        deliver_due(self.house.engine, self.house.config, hop, self.house.still_member, lambda: self.now)
        return self.town.mails(to.address)

    def _opened(self, mail: EmailMessage) -> Letter:
        content, status = self.town.opened(mail)
        assert re.search(rf"\] VALIDSIG .*{self.town.key}", status), status
        inner: EmailMessage = email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[assignment]
        text, *attached = inner.iter_parts()
        octets = {part.get_filename() or "": part.get_payload(decode=True) for part in attached}
        return Letter(mail, str(inner["Subject"]), text.get_content().replace("\r\n", "\n"), octets)  # type: ignore[arg-type]

    def subjects(self, to: Somebody) -> list[str]:
        """The subjects of these letters."""
        return [letter.subject for letter in self.letters(to)]

    def listed(self, who: Somebody) -> bool | None:
        """What `member show --json` says of this member's key."""
        confirmed: bool | None = json.loads(self.town.run("member", "show", "--json", who.address))["confirmed"]
        return confirmed

    def renew(self, who: Somebody) -> None:
        """Somebody hands in the certificate that they extended."""
        self.house.enter(Parcel((), tuple(split_certificates(self.town.people.export(who.fingerprint)))), int(time.time()))

    def rows(self) -> list[tuple[object, ...]]:
        """What the table of welcomes holds."""
        with reading(self.house.engine) as connection:
            return [tuple(row) for row in connection.execute(select(WelcomeRow.__table__))]

    def age(self, days: int) -> None:
        """As if the welcomes had been sent so many days earlier."""
        with writing(self.house.engine) as connection:
            connection.execute(update(WelcomeRow).values(sent=WelcomeRow.sent - days * DAY))

    def multiply(self, who: Somebody, members: int) -> None:
        """As if there were so many members, each welcomed with a key of their own."""
        with writing(self.house.engine) as connection:
            for table in (AttestationRow, CertificateRow, WelcomeRow):
                row = dict(connection.execute(select(table.__table__).where(table.fingerprint == who.fingerprint)).one()._mapping)
                more = [row | {"fingerprint": f"{number:040X}"} for number in range(1, members)]
                if "address" in row:
                    more = [values | {"address": f"{number}@nl.example"} for number, values in enumerate(more)]
                if "person" in row:
                    more = [values | {"person": row["person"].replace(who.address, values["address"])} for values in more]
                connection.execute(insert(table), more)

    def command(self, *args: str) -> str:
        """What a command prints on a wide terminal."""
        command = [SECURELIST, "--home", str(self.town.home), *args]
        return subprocess.run(command, capture_output=True, check=True, env={"COLUMNS": "250"}).stdout.decode()


@pytest.fixture(scope="module")
def founded(people: People, base: Path) -> Iterator[Town]:
    """A list with an Admin Contact for .nl and no member."""
    made = found_town(people, base)
    with (made.home / "securelist.toml").open("a") as settings:
        settings.write("members_per_cctld = 1000\n")
    yield made
    made.close()
