"""Certificates that strangers make: refused, or taken without their surplus; none reaches what verifies, and no secret is kept."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import resource
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from attack_stage import Judging
from attacks_certificates import HEAVY, LONG_AGO, POISON, REFUSED, SECRETS, TAKEN, Case, Make, New, secret_packets
from bad_mails import Stage
from certification_forge import secret
from statement_mails import REQUEST, mail, multipart, part

from securelist.errors import Refused
from securelist.installation import Installation
from securelist.openpgp.packets import read_packets
from securelist.openpgp.sequoia import armor
from securelist.request import RequestDesk

MAX_SECONDS = 2.0
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Door:
    """The list's two ways in for certificates, in this process."""

    stage: Stage
    house: Installation
    judge: Judging

    def new(self) -> New:
        """Somebody new, a month old."""
        number = next(_numbers)
        who = self.stage.people.make(f"Dora {number}", f"dora-{number}-{self.stage.town.home.parent.name}@be.example", at=LONG_AGO)
        return New(self.stage, who, secret(self.stage.people, who))

    def attestation(self, new: New) -> bytes:
        """By the Admin Contact, clearsigned."""
        return self.stage.people.clearsign(self.stage.town.admin, self.stage.town.statement("attest-ssc", new.who, tld="be"))

    def submit(self, new: New, octets: bytes) -> None:
        """As `statement submit` does; raises Refused."""
        self.house.enter(RequestDesk(self.house).parcel([self.attestation(new), octets]), int(time.time()))

    def send(self, new: New, text: bytes, attached: bytes) -> str:
        """The reason after a mail to LIST-request with a signed text, and a file attached."""
        body = multipart(part("text/plain; charset=utf-8", text), part("application/pgp-keys", attached, "base64", "key.gpg"))
        return self.judge(mail(new.who, body), new.who.address, REQUEST).reason

    def kept(self, new: New) -> bytes:
        """The certificate as the log has it."""
        return self.house.membership().certificates[new.who.fingerprint].octets

    def state(self) -> tuple[str, ...]:
        """Digests of what verifies: the certificates of the log, its entries, and the keyring in the list's GnuPG home."""
        with contextlib.closing(sqlite3.connect(self.stage.town.home / "securelist.db")) as database:
            rows = [repr(database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()) for table in ("certificates", "log_entries")]
        ring = (self.stage.town.home / "gnupg" / "pubring.kbx").read_bytes()
        return tuple(hashlib.sha256(octets).hexdigest() for octets in (rows[0].encode(), rows[1].encode(), ring))


@pytest.fixture(scope="module")
def door(stage: Stage, judge: Judging) -> Door:
    """The stage's list, with room for many members of one ccTLD."""
    with (stage.town.home / "securelist.toml").open("a") as file:
        file.write("members_per_cctld = 200\n")
    return Door(stage, Installation(stage.town.home), judge)


@contextlib.contextmanager
def cheaply() -> Callable[[], None]:  # type: ignore[misc]
    """What is done inside takes no more than MAX_SECONDS of processor time, GnuPG's included."""
    before = cpu_seconds()
    yield
    assert cpu_seconds() - before < MAX_SECONDS


def cpu_seconds() -> float:
    both = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(one.ru_utime + one.ru_stime for one in both)


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_a_certificate_that_must_not_enter(door: Door, case: Case) -> None:
    """Handed in with an attestation, by the command and by mail: refused for its reason, cheaply, and nothing has changed."""
    make, reason = case
    new = door.new()
    octets, before = make(new), door.state()
    with cheaply(), pytest.raises(Refused) as refused:
        door.submit(new, octets)
    assert refused.value.reason == reason, refused.value.detail
    assert refused.value.detail.isprintable()
    with cheaply():
        assert door.send(new, door.attestation(new), octets) != "accepted"
    assert door.state() == before


@pytest.mark.parametrize("case", TAKEN.values(), ids=TAKEN)
def test_a_certificate_with_more_in_it_than_its_owners(door: Door, case: tuple[Make, int]) -> None:
    """What is its owner's own is taken, and nothing else of it is kept."""
    make, packets = case
    new = door.new()
    octets, ring = make(new), door.state()[2]
    with cheaply():
        door.submit(new, octets)
    kept = door.kept(new)
    assert len(read_packets(kept)) == packets
    assert len(kept) < 1000
    assert door.state()[2] == ring


@pytest.mark.parametrize("case", (POISON | HEAVY).values(), ids=POISON | HEAVY)
def test_a_stranger_asks_to_become_a_member_with_it(door: Door, case: Case) -> None:
    """A request waits or is refused, cheaply; whichever: certificates, log and keyring are what they were."""
    new, before = door.new(), door.state()
    text = door.stage.people.clearsign(new.who, door.stage.town.statement("request-membership", new.who, tld="be"))
    octets = case[0](new)
    with cheaply():
        assert door.send(new, text, octets) != "accepted"
    assert door.state() == before
    forget_requests(door.stage.town.home)


def forget_requests(home: Path) -> None:
    """So that a ccTLD has room for the next."""
    with contextlib.closing(sqlite3.connect(home / "securelist.db")) as database, database:
        database.execute("DELETE FROM requests")


SECRET_FORMS: dict[str, Callable[[New, bytes], bytes]] = {
    "binary": lambda n, octets: part("application/octet-stream", octets, "base64", "key.gpg"),
    "armoured as a certificate": lambda n, octets: part("application/pgp-keys", armor(octets, "PUBLIC KEY BLOCK"), "", "key.asc"),
    "armoured as a secret key": lambda n, octets: part(
        "text/plain; charset=utf-8", armor(octets, "PUBLIC KEY BLOCK").replace(b"PUBLIC", b"PRIVATE")
    ),
    "encrypted to the list": lambda n, octets: part(
        "text/plain; charset=utf-8", n.stage.town.encrypt(None, armor(octets, "PUBLIC KEY BLOCK").replace(b"PUBLIC", b"PRIVATE"))
    ),
}


@pytest.mark.parametrize("form", SECRET_FORMS.values(), ids=SECRET_FORMS)
@pytest.mark.parametrize("case", SECRETS.values(), ids=SECRETS)
def test_a_secret_key_by_mail_is_kept_nowhere(door: Door, case: Case, form: Callable[[New, bytes], bytes]) -> None:
    """However it is packed: refused, and its secret octets stand in no file of the state directory."""
    new = door.new()
    whole = mail(new.who, multipart(part("text/plain; charset=utf-8", door.attestation(new)), form(new, case[0](new))))
    assert door.judge(whole, new.who.address, REQUEST).verdict == "refuse"
    hidden = [packet.body[-34:-2] for packet in secret_packets(new)]
    for file in door.stage.town.home.rglob("*"):
        if file.is_file():
            octets = file.read_bytes()
            assert not [secret_octets for secret_octets in hidden if secret_octets in octets], file


def test_a_member_whose_key_was_adopted_still_posts(door: Door) -> None:
    """After all of these, members post as themselves, and copies go out."""
    stage = door.stage
    for who in (stage.anna, stage.bert):
        assert door.judge(stage.town.post(who, f"canary after all {time.time_ns()}")).poster == who.fingerprint
