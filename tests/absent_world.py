"""A list whose members' keys run out: posts, rounds and mail at whatever time a test says, and the notices, which anybody can read."""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest
from people import Somebody
from sqlalchemy import select, update
from statement_mails import PLAIN, keys, mail, multipart, part
from town import Town, entity, mail_of
from welcome_world import DAY, Letter
from welcome_world import World as Welcoming
from welcome_world import founded as founded

from securelist.command_desk import Taken
from securelist.errors import Refused
from securelist.installation import Installation
from securelist.openpgp.admission import split_certificates
from securelist.request import RequestDesk
from securelist.store import addresses
from securelist.store.database import reading, writing
from securelist.store.queue import FAILED, Outcome, lease, record, release
from securelist.store.schema import CertificateRow
from securelist.store.schema_upkeep import AbsentRow
from securelist.trust.submission import Parcel
from securelist.upkeep.absent import Absent
from securelist.upkeep.readiness import Standing, readiness

HOUR = 1 / 24
MINUTE = HOUR / 60
SUBJECT, TEXT = "Attack on the name servers", "They come from everywhere."


@dataclass
class World(Welcoming):
    """One list; `start` is the moment from which a test counts its days."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.start = int(time.time())

    def member(self, name: str, expires: str = "0", second: str = "", **how: str) -> Somebody:
        """A new member, whose key ends after so many days ("2d"); `second` is another address of theirs."""
        who = self.person(name, expires=expires, **how)
        text = self.town.statement("attest-ssc", who, Phone="+31 6 1234 5678") + (f"Email: {second}\n" if second else "")
        parcel = Parcel((self.town.people.clearsign(self.town.admin, text),), tuple(split_certificates(who.certificate)))
        self.house.enter(parcel, int(time.time()))
        return who

    def after(self, days: float) -> int:
        """The time so many days from the start."""
        return self.start + round(days * DAY)

    def post(self, who: Somebody, days: float) -> None:
        """A post that the list accepts on that day, at most a week from now: Sequoia takes no signature from the future."""
        octets = mail_of(self.town.encrypt(who, entity(f"{TEXT} {days}")), f"{who.name} <{who.address}>", SUBJECT)
        self.house.way.relay(octets, None, self.after(days), lambda: None, lambda _step, _found: None)

    def round(self, days: float = 0) -> None:
        """A round of notices on that day, as a process that has just been started makes it."""
        self.now = self.after(days)
        Absent(Installation(self.town.home)).round(self.now)

    # --- what arrives --------------------------------------------------------------------------------------------------------

    def arrived(self, address: str) -> list[EmailMessage]:
        """All mail that left for an address by `now`."""
        return self.delivered(Somebody("", address, "", b""))

    def notices(self, address: str) -> list[tuple[str, str]]:
        """Subject and text of what came in clear; each is signed by the list."""
        return [self._read(one) for one in self.arrived(address) if one.get_content_type() == "multipart/signed"]

    def _read(self, notice: EmailMessage) -> tuple[str, str]:
        signed, signature = notice.iter_parts()
        assert signature.get_content_type() == "application/pgp-signature"
        text, certificate = signed.iter_parts()  # type: ignore[attr-defined]
        assert certificate.get_content_type() == "application/pgp-keys"
        return str(notice["Subject"]), text.get_content().replace("\r\n", "\n")

    def letters(self, to: Somebody) -> list[Letter]:
        """What came encrypted, but for posts."""
        sealed = [one for one in self.arrived(to.address) if one.get_content_type() == "multipart/encrypted"]
        return [self._opened(one) for one in sealed if one["Precedence"] != "list"]

    # --- coming back ---------------------------------------------------------------------------------------------------------

    def extend(self, notice: str) -> bytes:
        """Types the lines for gpg in a notice as they stand there, by our clock, not the list's; gives the file that they make."""
        (typed,) = re.findall(r"- gpg: type this, .*\n\n((?:    .+\n)+)", notice)
        for line in typed.replace("\\\n", "").splitlines():
            gpg, *words = shlex.split(line)
            assert gpg == "gpg"
            if ">" in words:
                assert words[-2:] == [">", "renewed.asc"]
                return self.town.people.gpg(*words[:-2])
            self.town.people.gpg(*words)
        raise AssertionError(notice)

    def send(self, octets: bytes, days: float) -> Taken | Refused:
        """What becomes of a mail to LIST-request on that day."""
        self.now = self.after(days)
        try:
            return RequestDesk(self.house).take(octets, "somebody@else.example", self.now, lambda: None)
        except Refused as refused:
            return refused

    def signed_mail(self, who: Somebody, *parts: bytes) -> bytes:
        """A clearsigned text with further parts."""
        text = self.town.people.clearsign(who, "my key, extended\n")
        return mail(who, multipart(part(PLAIN, text), *parts))

    def state(self, who: Somebody, days: float) -> str:
        """What the log says of somebody on that day."""
        member = self.house.membership().member_by_key(who.fingerprint, self.after(days))
        return member.state if member else ""

    def returns(self, who: Somebody) -> list[tuple[str, str]]:
        """Subject and text, on one line, of the letters about what did not arrive while somebody was away."""
        found = [one for one in self.letters(who) if "did not reach you" in one.subject]
        return [(one.subject, " ".join(one.text.split())) for one in found]

    def displease(self, who: Somebody) -> None:
        """Sequoia has no key to encrypt to in a certificate that by the facts in the log has one, as after an update of Sequoia."""
        less = self.town.people.gpg("--export-filter", "drop-subkey=secret=0 || secret=1", "--export", who.fingerprint)
        with writing(self.house.engine) as connection:
            connection.execute(update(CertificateRow).where(CertificateRow.fingerprint == who.fingerprint).values(octets=less))
        self.house = Installation(self.town.home)

    def fail(self, address: str, days: float) -> None:
        """On that day no copy for an address is taken by the next hop, for good: what a worker writes down then."""
        at = self.after(days)
        for copy in lease(self.house.engine, "a worker", at, 1000):
            if copy.recipient == address:
                record(self.house.engine, copy, Outcome(FAILED, "550 5.1.1 no such user", works=False), at)
        release(self.house.engine, "a worker")

    def ahead(self, days: float) -> None:
        """As if letters had been written on that day, by a clock that was ahead."""
        with writing(self.house.engine) as connection:
            connection.execute(update(AbsentRow).values(noticed=self.after(days), contact_told=self.after(days)))

    def absences(self) -> list[tuple[object, ...]]:
        """What the table of absences holds."""
        with reading(self.house.engine) as connection:
            return [tuple(row) for row in connection.execute(select(AbsentRow.__table__))]

    def forget_absences(self) -> None:
        """As if a kill had come between the letters and the note that they were written."""
        with writing(self.house.engine) as connection:
            connection.execute(update(AbsentRow).values(last_copy=0, noticed=0, contact_told=0))


def ring(certificate: bytes, who: Somebody) -> bytes:
    """A certificate as an attachment."""
    return keys(Somebody(who.name, who.address, who.fingerprint, certificate))


def revoked(world: World, who: Somebody) -> None:
    """Their key is revoked, and the log knows."""
    certificates = tuple(split_certificates(world.town.people.revoke(who)))
    world.house.enter(Parcel((), certificates), int(time.time()))


def dead(world: World, address: str, at: int) -> None:
    """Mail to an address comes back."""
    with writing(world.house.engine) as connection:
        addresses.mark(connection, address, "550 5.1.1 no such user", at, by_report=False)


def mailed(world: World, who: Somebody, days: float) -> None:
    """Their certificate, as it is by then, comes to LIST-request on that day, signed."""
    octets = world.signed_mail(who, ring(world.town.people.export(who.fingerprint), who))
    assert isinstance(world.send(octets, days), Taken)


def extended(world: World, who: Somebody, until: str) -> None:
    """The key and its subkeys last so many days."""
    for subkeys in ((), ("*",)):
        world.town.people.gpg("--quick-set-expire", who.fingerprint, until, *subkeys)


def standing(world: World, who: Somebody, days: float) -> Standing:
    """Whether they are reached on that day."""
    house = Installation(world.town.home)
    (found,) = [one for one in readiness(house, world.after(days)) if one.member.fingerprint == who.fingerprint]
    return found


@pytest.fixture
def world(founded: Town) -> Iterator[World]:
    """The same list, with a clock, for one test alone."""
    base = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    made = World(founded.copy(base))
    yield made
    made.house.engine.dispose()
    made.town.close()
    shutil.rmtree(base, ignore_errors=True)
