"""What the list knows of a person: who sees it, where it lies, and that it is gone once they are gone and it was erased."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from people import People, Somebody
from statement_mails import PLAIN, REQUEST, mail, part
from test_erased_from_disk import holding
from town import LIST, Town, found_town, sealed_part

from securelist.contacts.confirming import Confirming
from securelist.contacts.formats import FORMS
from securelist.contacts.repository import repository
from securelist.delivery.next_hop import open_next_hop
from securelist.delivery.worker import deliver_due
from securelist.installation import Installation
from securelist.procedures.rounds import Rounds
from securelist.store.database import forget as truncate_log
from securelist.store.retention import DAY_S, forget

PHONE, NEW_PHONE, ORGANISATION = "+31 20 555 7777", "+31 20 555 8888", "Kanarie Quux Registry"
ABOUT = f"List: {LIST}\nTLD: nl\n"
# Where contact details lie in clear: the signed texts of the log, what was read out of them, and the members that follow from them.
MAY_HOLD = {"evidence", "statements", "attestations"}


@dataclass
class Home:
    """A list with Zelda, whose details the tests look for, and Yann, another member."""

    town: Town
    zelda: Somebody
    yann: Somebody

    def tables_with(self, *words: str) -> set[str]:
        """The tables of which a row holds one of the words, in any case and in any column."""
        found = set()
        with contextlib.closing(sqlite3.connect(self.town.home / "securelist.db")) as database:
            for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                for row in database.execute(f'SELECT * FROM "{table}"'):
                    octets = b"\0".join(value if isinstance(value, bytes) else str(value).encode() for value in row).lower()
                    found |= {table for word in words if word.lower().encode() in octets}
        return found

    def files_with(self, *words: str) -> set[str]:
        """The files of the state directory that hold one of the words."""
        return set(holding(self.town.home, *(word.lower().encode() for word in words)))

    def exports(self) -> dict[str, bytes]:
        """`contacts export` in each form; vCard folds its lines (RFC 6350, 3.2), which are put together again."""
        found = {form: self.town.run("contacts", "export", "--format", form) for form in FORMS}
        return {form: octets.replace(b"\r\n ", b"") for form, octets in found.items()}

    def attest_zelda(self) -> None:
        text = self.town.statement("attest-ssc", self.zelda, Phone=PHONE, Organisation=ORGANISATION)
        self.town.submit(self.town.admin, text, self.zelda.certificate)

    def round(self, at: int) -> None:
        """All rounds of the server at that time, and what waits, delivered."""
        house = Installation(self.town.home)
        Rounds(house).run(at)
        hop = open_next_hop(house.config.next_hop, house.config.domain)
        deliver_due(house.engine, house.config, hop, house.still_member, lambda: at)
        house.engine.dispose()

    def repositories(self, who: Somebody) -> int:
        """How many mails came to somebody with the repository in it."""
        return sum(b"contacts.vcf" in self.town.opened(mail)[0] for mail in self.town.mails(who.address))


@pytest.fixture(scope="module")
def founded(people: People, base: Path) -> Iterator[Home]:
    """The list before anything happens."""
    town = found_town(people, base)
    settings = town.home / "securelist.toml"
    settings.write_text(settings.read_text().replace("confirm_days = 0\n", ""))
    zelda, yann = (people.make(name, f"{name.lower()}-{base.name}@nl.example") for name in ("Zelda", "Yann"))
    made = Home(town, zelda, yann)
    made.attest_zelda()
    town.attest(yann)
    yield made
    town.close()


@pytest.fixture
def home(founded: Home) -> Iterator[Home]:
    """A copy of it for one test."""
    base = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    made = replace(founded, town=founded.town.copy(base))
    yield made
    made.town.close()
    shutil.rmtree(base, ignore_errors=True)


# --- who sees it -----------------------------------------------------------------------------------------------------------


def test_contact_data_lie_in_the_log_and_nowhere_else(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    """After the monthly mail, a letter to confirm, reminders, a letter to the Admin Contact and the Secretariat's summary."""
    town = home.town
    caplog.set_level(0)
    said = town.run("contacts", "send") + town.run("deliver", "--once") + town.run("queue", "list") + town.run("queue", "show", "1")
    for days in (1, 121, 151, 158):
        home.round(int(time.time()) + days * DAY_S)
    assert home.files_with(PHONE, ORGANISATION) <= {"securelist.db", "securelist.db-wal"}
    assert home.tables_with(PHONE, ORGANISATION) == MAY_HOLD
    assert PHONE not in caplog.text and ORGANISATION not in caplog.text and PHONE.encode() not in said
    assert home.repositories(home.yann) == 1


def test_what_leaves_is_encrypted_to_the_one_who_gets_it(home: Home) -> None:
    """Every mail that holds her details, to whomever: nothing of them outside of the encryption, which is for one key alone."""
    town = home.town
    town.run("contacts", "send")
    text = f"Securelist-Statement: update-contact\n{ABOUT}Name: Zelda\nEmail: {home.zelda.address}\nPhone: {NEW_PHONE}\n"
    town.judge(mail(home.zelda, part(PLAIN, town.people.clearsign(home.zelda, text))), "submit", "--rcpt", REQUEST)
    for days in (0, 121, 158):
        home.round(int(time.time()) + days * DAY_S)
    readers = {who.address: who for who in (home.zelda, home.yann, town.admin, town.root)}
    holders = set()
    for address, who in readers.items():
        for octets, whole in zip(town.delivered(address), town.mails(address), strict=True):
            assert not any(word.encode() in octets for word in (PHONE, NEW_PHONE, ORGANISATION))
            content, status = town.opened(whole)
            if any(word.encode() in content for word in (PHONE, NEW_PHONE, ORGANISATION)):
                holders.add(who.name)
                assert status.count("] ENC_TO ") == 1 and _opens(town.people, who, sealed_part(whole))
    assert {folder.name for folder in town.inbox.iterdir()} == set(readers)
    assert holders == {"Zelda", "Yann", "Admin NL"}  # the Secretariat is told how many, and of whom where nobody speaks for a ccTLD


def _opens(people: People, who: Somebody, armored: bytes) -> bool:
    """Whether a key of this person's is the one that the message is encrypted to."""
    listed = people.gpg("--with-colons", "--list-keys", who.fingerprint).decode()
    wanted = people.gpg("--list-packets", "--list-only", data=armored).decode().split("keyid ")[1].split()[0]
    return f":{wanted}:" in listed


# --- whoever it is about ----------------------------------------------------------------------------------------------------


def test_a_correction_by_mail_is_in_the_very_next_repository(home: Home) -> None:
    """In every form of it; the former number is nowhere in them."""
    town = home.town
    assert all(PHONE.encode() in octets for form, octets in home.exports().items() if form != "openpgp" and form != "vcard")
    text = f"Securelist-Statement: update-contact\n{ABOUT}Name: Zelda\nEmail: {home.zelda.address}\nPhone: {NEW_PHONE}\n"
    octets = mail(home.zelda, part(PLAIN, town.people.clearsign(home.zelda, text)))
    assert town.judge(octets, "submit", "--rcpt", REQUEST)["verdict"] == "accept"
    for form, written in home.exports().items():
        assert PHONE.encode() not in written and ORGANISATION.encode() not in written, form
        assert form == "openpgp" or NEW_PHONE.encode() in written or NEW_PHONE.replace(" ", "").encode() in written.replace(b"-", b""), form


def test_who_leaves_is_gone_from_the_next_repository_at_once(home: Home) -> None:
    """From every form of it and from the mail; what was queued for them before is withdrawn, and nothing more comes to them."""
    town = home.town
    town.run("contacts", "send")
    post = max(row["id"] for row in json.loads(town.run("queue", "list", "--json")) if row["kind"] == "contacts")
    town.submit(home.zelda, f"Securelist-Statement: withdraw-ssc\n{ABOUT}Email: {home.zelda.address}\n")
    town.deliver()
    states = {row["recipient"]: row["state"] for row in json.loads(town.run("queue", "show", "--json", str(post)))}
    assert states == {home.zelda.address: "withdrawn", home.yann.address: "delivered"}
    assert home.repositories(home.zelda) == 0 and home.repositories(home.yann) == 1
    for form, octets in home.exports().items():
        assert not any(word.encode() in octets for word in (PHONE, ORGANISATION, home.zelda.address)), form
    time.sleep(1)
    town.run("contacts", "send")
    town.deliver()
    newest = town.opened(town.mails(home.yann.address)[-1])[0]
    contacts = newest.split(b"contacts.vcf")[0]
    assert b"contacts.vcf" in newest and PHONE.encode() not in contacts and ORGANISATION.encode() not in newest


def test_what_was_erased_is_in_no_export_file_or_mail(home: Home) -> None:
    """And once the journal has had its time, not even the address is left anywhere; the list goes on."""
    town, words = home.town, (PHONE, ORGANISATION, home.zelda.address)
    town.run("contacts", "send")
    home.round(int(time.time()))
    now = int(time.time()) + 121 * DAY_S
    house = Installation(town.home)
    Confirming(house).round(now)
    house.engine.dispose()
    town.submit(home.zelda, f"Securelist-Statement: withdraw-ssc\n{ABOUT}Email: {home.zelda.address}\n")
    town.submit(town.root, town.run("statement", "new", "erase", "--field", "TLD=nl", "--field", f"Key={home.zelda.fingerprint}").decode())
    assert home.files_with(PHONE, ORGANISATION) == set() and home.tables_with(PHONE, ORGANISATION) == set()
    export = town.home.parent / "after.log"
    town.run("log", "export", str(export))
    assert not any(word.encode() in export.read_bytes() for word in words)
    time.sleep(1)
    town.run("contacts", "send")
    town.deliver()
    assert not any(word.encode() in town.opened(town.mails(home.yann.address)[-1])[0] for word in words)
    assert home.tables_with(home.zelda.fingerprint).isdisjoint({"mailed", "imported"})
    home.round(now)  # a letter to her was on its way
    house = Installation(town.home)
    forget(house.engine, house.config, now + (house.config.journal_days + 1) * DAY_S)
    truncate_log(house.engine)
    house.engine.dispose()
    assert home.tables_with(*words) == set() and home.files_with(*words) == set()
    assert [one.person.name for one in repository(Installation(town.home), int(time.time())).contacts] == ["Yann"]
