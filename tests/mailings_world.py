"""A list that mails its contacts, with a clock that the tests move: who says what, the rounds, and what came to everybody."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from people import People, Somebody
from sqlalchemy import func, select
from town import Town, found_town
from welcome_world import Letter, World

from securelist.contacts.mailing import Mailings
from securelist.installation import Installation
from securelist.openpgp.admission import split_certificates
from securelist.store.database import reading, writing
from securelist.store.queue import CONTACTS
from securelist.store.schema import Body, Copy, JournalRow, Post
from securelist.store.schema_contacts import MailedRow
from securelist.trust.submission import Parcel

# As another process does it: the state directory, and the time.
ROUND = (
    "import sys; from pathlib import Path; from securelist.installation import Installation;"
    "from securelist.contacts.mailing import Mailings; Mailings(Installation(Path(sys.argv[1]))).round(int(sys.argv[2]))"
)


def first_of_month(months: int) -> int:
    """The first day, 00:00 UTC, of the month that comes so many months after this one."""
    day = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(months):
        day = (day + timedelta(days=32)).replace(day=1)
    return int(day.timestamp())


@dataclass
class Queued:
    """A mailing in the queue: its number, and the addresses of its copies with their states."""

    id: int
    copies: dict[str, str]


@dataclass
class Office(World):
    """The list, and its members by name."""

    people: dict[str, Somebody] = field(default_factory=dict)

    def add(self, name: str, **fields: str) -> Somebody:
        """A new member for .nl."""
        who = self.people[name] = self.person(name)
        self.attest(who, **fields)
        return who

    def mail(self, at: int) -> None:
        """A round at that time, as a process that has just been started does it."""
        self.now = at
        Mailings(Installation(self.town.home)).round(at)

    def send(self) -> None:
        """The operator sends it, now."""
        self.now = int(time.time())
        Mailings(self.house).send(self.now)

    def process(self, at: int) -> subprocess.Popen[bytes]:
        """The same in another process, which has begun."""
        return subprocess.Popen([sys.executable, "-c", ROUND, str(self.town.home), str(at)], stderr=subprocess.PIPE)

    def mailings(self) -> list[Queued]:
        """What was queued for everybody, oldest first."""
        with reading(self.house.engine) as connection:
            numbers = connection.execute(select(Post.id).where(Post.kind == CONTACTS).order_by(Post.id)).scalars().all()
            rows = {n: connection.execute(select(Copy.recipient, Copy.state).where(Copy.post_id == n)).all() for n in numbers}
        return [Queued(number, {row.recipient: row.state for row in rows[number]}) for number in numbers]

    def issue(self, name: str) -> Letter:
        """The last one that came to somebody."""
        return self.letters(self.people[name])[-1]

    def changed(self, name: str) -> str:
        """What it says has changed, without its indentations."""
        text = self.issue(name).text.split("CHANGED SINCE")[1].split("WITHOUT A NETWORK")[0]
        return " ".join(text.split())

    def enter(self, *certificates: bytes) -> None:
        """Certificates enter the log: renewed, or revoked."""
        rings = tuple(octets for ring in certificates for octets in split_certificates(ring))
        self.house.enter(Parcel((), rings), int(time.time()))

    def snapshot(self) -> list[tuple[object, ...]]:
        """What is kept of the last mailing."""
        with reading(self.house.engine) as connection:
            return [tuple(row) for row in connection.execute(select(MailedRow.__table__))]

    def journal(self) -> str:
        """All of it."""
        with reading(self.house.engine) as connection:
            return "\n".join(map(str, connection.execute(select(JournalRow.__table__))))

    def forget_posts(self) -> None:
        """As if weeks had passed, after which nothing of a post is kept."""
        with writing(self.house.engine) as connection:
            for table in (Copy, Body, Post):
                connection.execute(table.__table__.delete())  # type: ignore[attr-defined]

    def waiting(self) -> int:
        """How many copies wait to be delivered."""
        with reading(self.house.engine) as connection:
            return connection.execute(select(func.count()).select_from(Copy).where(Copy.state == "queued")).scalar_one()


@pytest.fixture(scope="module")
def emptied(people: People, base: Path) -> Iterator[Town]:
    """A list with an Admin Contact for .nl, no member, and a mailing on the first of each month."""
    made = found_town(people, base)
    settings = made.home / "securelist.toml"
    settings.write_text(settings.read_text().replace("contacts_day = 0", "members_per_cctld = 20"))
    yield made
    made.close()


@pytest.fixture
def office(emptied: Town) -> Iterator[Office]:
    """That list in a folder of its own, with Anna and Bert."""
    base = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    made = Office(emptied.copy(base))
    for name in ("Anna", "Bert"):
        made.add(name)
    yield made
    made.town.close()
    shutil.rmtree(base, ignore_errors=True)
