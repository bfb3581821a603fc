"""A list that asks its members for their contact details, a clock that the tests move, and members who answer as their mail programs do."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from mail_client import GnuPG
from mail_styles import STYLES, Draft, crlf
from people import Somebody
from sqlalchemy import delete, update
from statement_mails import REQUEST
from town import Town, member
from warning_world import World as Warned
from welcome_world import DAY, Letter

from securelist.command_desk import Taken
from securelist.contacts.confirming import Confirming
from securelist.contacts.freshness import Asking
from securelist.errors import Refused
from securelist.installation import Installation
from securelist.request import RequestDesk
from securelist.store import asking
from securelist.store.database import writing
from securelist.store.retention import forget
from securelist.store.schema import AttestationRow
from securelist.store.schema_contacts import AskingRow
from securelist.trust.membership import Attestation

ASKED = "Are your contact details still right?"
REMINDED = f"Reminder: {ASKED}"
CONFIRM_DAYS = 120
AGAIN = "Your answer does not confirm your contact details yet"


class World(Warned):
    """One list and its people, at a time of its own; the server has asked them for a year, and runs all the time."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.start = int(time.time()) + 60  # the people of the town joined before
        with writing(self.house.engine) as connection:
            asking.keep(connection, Asking(CONFIRM_DAYS, self.start - 365 * DAY, self.start))

    def member(self, name: str) -> Somebody:
        """Anna, Bert or Carla of .nl."""
        return member(self.town, name)

    def pass_to(self, days: float) -> None:
        """So many days after the start: what was kept too long is forgotten, and there is a round, and another that finds nothing to do."""
        self.run_until(days)
        self.stand_still_until(days)

    def run_until(self, days: float) -> None:
        """As if there had been rounds all the time until so many days after the start, in which nothing was due."""
        self.now = round(self.start + days * DAY)
        with writing(self.house.engine) as connection:
            connection.execute(update(AskingRow).values(last=self.now))

    def stand_still_until(self, days: float) -> None:
        """The server stands still until so many days after the start; then there is a round, and another that finds nothing to do."""
        self.now = round(self.start + days * DAY)
        forget(self.house.engine, self.house.config, self.now)
        for _ in range(2):
            Confirming(Installation(self.town.home)).round(self.now)

    def never_ran(self) -> None:
        """As if there had been no round yet."""
        with writing(self.house.engine) as connection:
            connection.execute(delete(AskingRow))

    def age_details(self, days: float) -> None:
        """As if everybody had confirmed so many days earlier than they did."""
        with writing(self.house.engine) as connection:
            connection.execute(update(AttestationRow).values(confirmed=AttestationRow.confirmed - round(days * DAY)))

    def ask(self, days: float = 121) -> None:
        """As if everybody had confirmed so many days earlier than they did: signatures are made, and judged, at this moment."""
        self.age_details(days)
        self.now = int(time.time())
        Confirming(Installation(self.town.home)).round(self.now)

    def subjects_on(self, days: float, *whom: Somebody) -> list[list[str]]:
        """The subjects of what each of them got by that day, since the last look."""
        self.pass_to(days)
        return [[letter.subject for letter in self.new(who)] for who in whom]

    def attestation(self, who: Somebody) -> Attestation:
        """What is known of a member."""
        return next(one for one in self.house.membership().attestations.values() if one.fingerprint == who.fingerprint)

    def only(self, who: Somebody) -> Letter:
        """The one letter that came to somebody since the last look."""
        (letter,) = self.new(who)
        return letter

    def reply(self, who: Somebody, letter: Letter, text: str, style: str = "thunderbird", *, quote: bool = True, **how: object) -> str:
        """What becomes of somebody's reply to a letter: `text`, and below it the whole letter, quoted, if they `quote`. A reason."""
        quoted = "".join(f"> {line}\n" for line in letter.text.split("\n"))
        said = f"{text}\n\nOn Monday tld-ops wrote:\n{quoted}" if quote else text
        head = {"Subject": f"Re: {letter.subject}", "From": f"{who.name} <{who.address}>", "To": REQUEST}
        head |= {"Message-ID": f"<{time.time_ns()}@client.example>", "In-Reply-To": str(letter.outer["Message-ID"])}
        draft = Draft(GnuPG(self.town.people.home), who.fingerprint, self.town.key, said, (), head, bool(how.pop("encrypt", True)))
        entity = STYLES[style](replace(draft, **how))  # type: ignore[arg-type]
        outside = "".join(f"{name}: {value}\n" for name, value in (head | {"MIME-Version": "1.0"}).items())
        return self.take(crlf(outside.encode()) + entity)

    def take(self, octets: bytes) -> str:
        """The reason of the verdict on a mail to LIST-request."""
        self.now = int(time.time())
        taken: Taken | Refused
        try:
            taken = RequestDesk(Installation(self.town.home)).take(octets, "somebody@else.example", self.now, lambda: None)
        except Refused as refused:
            taken = refused
        return taken.reason


def copied(letter: Letter, kind: str) -> str:
    """What somebody copies out of a letter: all statements of that kind, as they stand there."""
    found = re.findall(rf"^Securelist-Statement: {kind}\n(?:.+\n)*", letter.text, re.MULTILINE)
    assert found, letter.text
    return "\n".join(found)


@pytest.fixture
def world(town: Town) -> Iterator[World]:
    """The town's list in a folder of its own, which asks its members every 120 days, and keeps posts no longer than it must."""
    base = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    own = replace(town.copy(base), members=dict(town.members))
    settings = own.home / "securelist.toml"
    text = settings.read_text().replace("confirm_days = 0\n", "")
    settings.write_text(f"{text}members_per_cctld = 1000\njournal_days = 31\n")
    made = World(own)
    yield made
    made.house.engine.dispose()
    own.close()
    shutil.rmtree(base, ignore_errors=True)
