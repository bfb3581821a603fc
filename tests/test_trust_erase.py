"""Erasing: who may ask for it, what goes and what stays, and that the log without it proves the same members."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from people import Somebody
from sqlalchemy import Engine, select
from trust_story import AT, Say, Story, Text, certify, forget, somebody, someone, story, take_back, tell
from trust_world import BASE, DAY, LIST, NOW, Cast, World, attestation, statement, withdrawal

from securelist.config import Config
from securelist.errors import Refused
from securelist.store import log_store
from securelist.store.database import migrate, open_database, reading, writing
from securelist.store.log_store import LogStore
from securelist.store.schema import Base, CertificateRow, Evidence, LogEntry
from securelist.trust.export import Link, write_export
from securelist.trust.membership import Member
from securelist.trust.proof import prove, replay_until
from securelist.trust.submission import Submission


def erasure(key: str, tld: str = "nl") -> str:
    return statement("erase", TLD=tld, Key=key)


def erase(whom: str = "anna", tld: str = "nl", more: str = "") -> Text:
    return lambda cast: erasure(somebody(cast, whom).fingerprint, tld) + more


def withdraw(cast: Cast) -> str:
    return withdrawal(cast.anna)


def first(cast: Cast) -> str:
    """The text by which Anna was attested."""
    return attestation(cast.anna)


def again(cast: Cast) -> str:
    return attestation(cast.anna, Phone="+31 6 9999 9999")


def brake(kind: str) -> Text:
    return lambda cast: statement(kind, TLD="nl", Email=cast.anna.address)


# --- who may, and when --------------------------------------------------------------------------------------------------

LEFT = Say("anna", withdraw)
DISMISSED = Say("admin", withdraw)
ERASED = Say("root", erase(), at=60)

WHO = {
    "the person, after leaving": story(LEFT, Say("anna", erase(), at=60, words=("the certificate stays",))),
    "the person, after being withdrawn": story(DISMISSED, Say("anna", erase(), at=60)),
    "a trust root": story(LEFT, ERASED),
    "the Admin Contact": story(LEFT, Say("admin", erase(), "not-entitled", at=60, words=("the key's owner or a trust root",))),
    "another member": story(LEFT, Say("bert", erase(), "not-entitled", at=60)),
    "a stranger": story(LEFT, Say("mallory", erase(), "unknown-signer", "mallory", at=60)),
    "before the end, the person": story(Say("anna", erase(), "nothing-to-erase", words=("line 4", "withdraw the")), anna="active"),
    "before the end, a trust root": story(Say("root", erase(), "nothing-to-erase"), anna="active"),
    "while suspended": story(Say("root", brake("suspend-member")), Say("anna", erase(), "nothing-to-erase", at=60), anna="suspended"),
    "when the attestation has ended by itself": story(Say("root", erase(), at=400 * DAY)),
    "for another ccTLD": story(LEFT, Say("root", erase(tld="br"), "nothing-to-erase", at=60)),
    "somebody the log does not know": story(Say("root", erase("mallory"), "nothing-to-erase", words=("nothing about this key",))),
    "an Admin Contact": story(Say("root", erase("admin"), "nothing-to-erase")),
    "a trust root's own": story(Say("root", erase("root"), "nothing-to-erase")),
    "twice, by the same text": story(LEFT, ERASED, Say("root", erase(), "duplicate", at=120)),
    "twice, by two": story(LEFT, ERASED, Say("root2", erase(), at=120)),
    "twice, by the same in another text": story(LEFT, ERASED, Say("root", erase(more="\nOn Monday.\n"), at=120)),
    "signed before the withdrawal": story(Say("admin", withdraw, at=60), Say("root", erase(), at=120, made=0)),
    "signed 31 days ago": story(LEFT, Say("root", erase(), "too-old", at=60, made=-31 * DAY)),
    # what still counts
    "the old attestation once more": story(LEFT, ERASED, Say("admin", first, "superseded", "anna", at=120, made=-DAY)),
    "the old attestation, whose signer's clock was ahead": story(
        Say("admin", again, made=300), Say("admin", withdraw, at=5, made=305), Say("root", erase(), at=400),
        Say("admin", again, "superseded", "anna", at=420, made=300),
    ),
    "attested again": story(LEFT, ERASED, Say("admin", again, sends="anna", at=DAY), anna="active", bert="active"),
    "attested again in the same words": story(LEFT, ERASED, Say("admin", first, sends="anna", at=DAY), anna="active"),
    "attested again, without the certificate": story(LEFT, ERASED, Say("admin", again, "certificate-missing", at=DAY)),
    "attested again, after the person erased it": story(
        LEFT, Say("anna", erase(), at=60), Say("admin", again, at=DAY), anna="active"
    ),
    "the old withdrawal, when attested again": story(
        DISMISSED, ERASED, Say("admin", again, sends="anna", at=DAY), Say("admin", withdraw, "superseded", at=DAY + 9, made=0),
        anna="active",
    ),
    "attested again, withdrawn again, erased again": story(
        DISMISSED, ERASED, Say("admin", again, sends="anna", at=DAY), Say("admin", lambda c: withdraw(c) + "\nx\n", at=DAY + 60),
        Say("root", erase(more="\nAgain.\n"), at=DAY + 120),
    ),
    "attested again, erased before the end": story(
        DISMISSED, ERASED, Say("admin", again, sends="anna", at=DAY), Say("root", erase(more="\nx\n"), at=DAY + 60), anna="active"
    ),
    "a suspension outlives its text": story(
        Say("root", brake("suspend-member")), Say("anna", withdraw, at=30), ERASED, Say("admin", again, sends="anna", at=DAY),
        anna="suspended",
    ),
    "a suspension that was taken back": story(
        Say("root", brake("suspend-member")), Say("root", brake("resume-member"), at=20), Say("anna", withdraw, at=30), ERASED,
        Say("admin", again, sends="anna", at=DAY), anna="active",
    ),
    "a suspension after its text was erased can be taken back": story(
        Say("root", brake("suspend-member")), Say("anna", withdraw, at=30), ERASED, Say("admin", again, sends="anna", at=DAY),
        Say("root", brake("resume-member"), at=DAY + 60), anna="active",
    ),
}  # fmt: skip


@pytest.mark.parametrize("told", WHO.values(), ids=WHO)
def test_who_erases_and_what_counts_afterwards(peopled: World, told: Story) -> None:
    """The owner of the key and the trust roots, once a membership has ended; the members stay the same throughout."""
    peopled.listeners.append(partial(forget, peopled))
    tell(peopled, told)


# --- what is gone ---------------------------------------------------------------------------------------------------------


@dataclass
class House:
    """A world whose log is in a database, too."""

    world: World
    engine: Engine

    @property
    def cast(self) -> Cast:
        return self.world.cast

    def say(self, by: Somebody, text: str, *certificates: bytes, at: int) -> Submission:
        return self.world.submit(self.world.signed(by, text, at), *certificates, at=at)

    def export(self) -> bytes:
        with reading(self.engine) as connection:
            entries = list(log_store.entries(connection))
        return write_export(LIST, self.cast.list_key, [self.cast.list_key.certificate()], entries, NOW)

    def members(self, at: int) -> tuple[Member, ...]:
        """The members, when tables, a replay of the stored log, and a proof of its export agree about everything."""
        with reading(self.engine) as connection:
            stored = LogStore().membership(connection)
            links = [Link(entry, entry.hash, octets) for entry, octets in log_store.entries(connection)]
        assert stored == self.world.membership
        assert replay_until(links, self.cast.anchor, NOW) == stored
        proof = prove(self.export(), [self.cast.root.certificate, self.cast.root2.certificate], NOW, members_at=at)
        assert proof.valid and proof.head == stored.head, proof.problems
        assert proof.members == stored.members(at)
        return proof.members

    def gone(self) -> list[str]:
        """The types of the entries whose evidence the database no longer has."""
        query = select(LogEntry.type).join(Evidence, Evidence.digest == LogEntry.evidence).where(Evidence.octets.is_(None))
        with reading(self.engine) as connection:
            return list(connection.execute(query.order_by(LogEntry.number)).scalars())

    def octets(self) -> bytes:
        """All that the tables hold."""
        with reading(self.engine) as connection:
            rows = [row for table in Base.metadata.sorted_tables for row in connection.execute(select(table))]
        return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)


@pytest.fixture
def house(unfounded: World, tmp_path: Path) -> Iterator[House]:
    """Founded, with an Admin Contact for .nl, and Anna and Bert."""
    engine = open_database(Config(list=LIST, key="AB" * 20, home=tmp_path))
    migrate(engine)

    def append(submission: Submission) -> None:
        with writing(engine) as connection:
            LogStore().append(connection, submission)

    unfounded.listeners += [append, partial(forget, unfounded)]
    unfounded.found()
    unfounded.appoint(unfounded.cast.admin, "nl", BASE + DAY)
    unfounded.attest(unfounded.cast.admin, unfounded.cast.anna, BASE + 2 * DAY)
    unfounded.attest(unfounded.cast.admin, unfounded.cast.bert, BASE + 2 * DAY)
    yield House(unfounded, engine)
    engine.dispose()


def decoded(export: bytes) -> bytes:
    """All that an export says, its evidence in the clear."""
    found = [export]
    for line in export.splitlines():
        octets = json.loads(line).get("octets")
        if octets not in (None, "erased"):
            found.append(base64.b64decode(octets))
    return b"\n".join(found).lower()


def test_nothing_of_the_person_is_left(house: House) -> None:
    """Neither in the export nor in a table: name, address, number, certificate. What others said stays, and all is proved."""
    cast = house.cast
    details = statement("update-contact", TLD="nl", Name="Anna Zwart", Email=cast.anna.address, Phone="+31 20 555 0000")
    house.say(cast.anna, details, at=AT)
    house.say(cast.anna, withdrawal(cast.anna), at=AT + 60)
    words = (b"anna", b"zwart", b"555 0000", b"1234 5678")
    assert all(word in decoded(house.export()) and word in house.octets().lower() for word in words)
    before = house.members(AT + 60)
    done = house.say(cast.root, erasure(cast.anna.fingerprint), at=AT + 120)
    assert done.notes == () and cast.anna.fingerprint in done.erased
    assert house.gone() == ["certificate", "attest-ssc", "update-contact", "withdraw-ssc"]
    assert house.members(AT + 120) == before and [m.name for m in before] == ["Bert"]
    assert [word for word in words[:3] if word in decoded(house.export())] == []
    assert [word for word in words[:3] if word in house.octets().lower()] == []
    assert decoded(house.export()).count(cast.anna.fingerprint.lower().encode()) >= 4


def test_the_persons_certificate_stays_for_what_they_signed(house: House) -> None:
    """Whoever asks for it themselves: the request has to be verified for good. A trust root takes that back out on request."""
    cast = house.cast
    house.say(cast.anna, withdrawal(cast.anna), at=AT)
    done = house.say(cast.anna, erasure(cast.anna.fingerprint), at=AT + 60)
    assert "the certificate stays" in done.sentence and house.gone() == ["attest-ssc", "withdraw-ssc"]
    assert b"phone" not in decoded(house.export()).split(b"bert")[0]
    house.members(AT + 60)


def test_all_states_of_a_certificate_go(house: House) -> None:
    """Renewed certificates are entries of their own."""
    cast = house.cast
    who = someone(house.world)
    house.world.attest(cast.admin, who, AT)
    cast.people.gpg("--quick-set-expire", who.fingerprint, "5y", at=AT)
    house.world.submit([], cast.people.export(who.fingerprint), at=AT + 60)
    house.say(cast.admin, withdrawal(who), at=AT + 60)
    house.say(cast.root, erasure(who.fingerprint), at=AT + 120)
    assert house.gone() == ["certificate", "attest-ssc", "certificate", "withdraw-ssc"]
    assert who.name.encode().lower() not in decoded(house.export())
    house.members(AT + 120)
    with reading(house.engine) as connection:
        known = connection.execute(select(CertificateRow.fingerprint)).scalars().all()
    assert who.fingerprint not in known


def test_a_certification_goes_with_its_revocation(house: House) -> None:
    """Erased like texts; the certificate that was certified goes, too."""
    who = someone(house.world)
    house.world.submit([], certify(house.world, "admin", who, "nl"), at=AT)
    gone = take_back(house.world, "admin", who, AT + 60)
    house.world.submit([], gone, at=AT + 60)
    house.say(house.cast.root, erasure(who.fingerprint), at=AT + 120)
    assert house.gone() == ["certificate", "attest-ssc", "withdraw-ssc"]
    assert who.address.encode() not in decoded(house.export())
    house.members(AT + 120)
    with pytest.raises(Refused, match=r"superseded|nothing-to-withdraw|nothing-new"):
        house.world.submit([], gone, at=AT + 180)


def test_one_text_about_three_people(house: House) -> None:
    """It stays, and the answer says so, until all three have ended; then it goes as a whole."""
    cast = house.cast
    house.say(cast.admin, withdrawal(cast.anna), at=AT)
    house.say(cast.admin, withdrawal(cast.bert), at=AT)
    three = (cast.anna, cast.bert, cast.dora)
    text = "\n".join(attestation(who, Phone="+31 6 9999 9999") for who in three)
    house.say(cast.admin, text, cast.dora.certificate, at=AT + 60)
    house.say(cast.admin, withdrawal(cast.anna) + "\nx\n", at=AT + 120)
    done = house.say(cast.root, erasure(cast.anna.fingerprint), at=AT + 180)
    assert "entries" in done.sentence and "stays" in done.sentence and house.gone().count("attest-ssc") == 1
    assert b"anna" in decoded(house.export()) and [m.name for m in house.members(AT + 180)] == ["Bert", "Dora"]
    house.say(cast.admin, "\n".join(withdrawal(who) + "\ny\n" for who in three[1:]), at=AT + 240)
    done = house.say(cast.root, erasure(cast.bert.fingerprint), at=AT + 300)
    assert "stays" not in done.sentence and house.gone().count("attest-ssc") == 5
    assert not any(word in decoded(house.export()) for word in (b"anna", b"bert", b"9999"))
    assert house.members(AT + 300) == ()
    house.say(cast.root, erasure(cast.dora.fingerprint), at=AT + 360)
    assert b"dora" not in decoded(house.export()) and house.members(AT + 360) == ()


def test_a_text_with_an_appointment_stays(house: House) -> None:
    """Who speaks for a ccTLD stays on record, and what stands in the same text with it."""
    cast = house.cast
    both = f"{withdrawal(cast.anna)}\n{statement('dismiss-admin-contact', TLD='nl')}"
    house.say(cast.root, both, at=AT)
    done = house.say(cast.root, erasure(cast.anna.fingerprint), at=AT + 60)
    assert "stays" in done.sentence and house.gone() == ["attest-ssc"]
    assert [m.name for m in house.members(AT + 60)] == ["Bert"]


@pytest.mark.parametrize("order", ["old first", "new first"])
def test_a_member_who_replaced_the_key(house: House, order: str) -> None:
    """The old key's texts and the new key's are erased one by one; in either order the members stay the same."""
    cast = house.cast
    text = statement("replace-key", TLD="nl", Email=cast.anna.address, Key=cast.dora.fingerprint)
    signed = [house.world.signed(who, text, AT) for who in (cast.anna, cast.dora)]
    house.world.submit(signed, cast.dora.certificate, at=AT)
    for key in (cast.anna, cast.dora):
        with pytest.raises(Refused, match="nothing-to-erase"):
            house.say(cast.root, erasure(key.fingerprint), at=AT + 30)
    house.say(cast.admin, withdrawal(cast.anna), at=AT + 60)
    keys = (cast.anna, cast.dora) if order == "old first" else (cast.dora, cast.anna)
    for later, key in enumerate(keys):
        house.say(cast.root, erasure(key.fingerprint), at=AT + 120 + later)
        assert [m.name for m in house.members(AT + 120 + later)] == ["Bert"]
    assert not any(word in decoded(house.export()) for word in (b"anna", b"dora"))


def test_the_old_key_of_a_member_who_lost_it(house: House) -> None:
    """Attested again with another key: what is about the old one is erased while the member stays."""
    cast = house.cast
    text = attestation(cast.anna, Key=cast.dora.fingerprint)
    house.say(cast.admin, text, cast.dora.certificate, at=AT)
    house.say(cast.root, erasure(cast.anna.fingerprint), at=AT + 60)
    assert house.gone() == ["certificate", "attest-ssc"]
    assert [(m.name, m.fingerprint) for m in house.members(AT + 60)] == [
        ("Anna", cast.dora.fingerprint), ("Bert", cast.bert.fingerprint),
    ]  # fmt: skip


def test_withdrawn_erased_and_attested_again_in_one_submission(house: House) -> None:
    """All of it is one change of the log: the texts go, and the certificate, which came along, stays."""
    cast = house.cast
    says = ((cast.admin, withdrawal(cast.anna)), (cast.root, erasure(cast.anna.fingerprint)), (cast.admin, again(cast)))
    done = house.world.submit([house.world.signed(who, text, AT) for who, text in says], cast.anna.certificate, at=AT)
    assert [entry.type for entry in done.entries] == ["withdraw-ssc", "erase", "certificate", "attest-ssc"]
    assert house.gone() == ["attest-ssc", "withdraw-ssc"]
    assert [m.phones for m in house.members(AT)] == [("+31 6 9999 9999",), ("+31 6 1234 5678",)]


def test_an_erasure_by_a_key_that_is_compromised(house: House) -> None:
    """What is gone stays gone: the erase is void like all that the key signed, and the log can be proved all the same."""
    cast = house.cast
    who = someone(house.world)
    house.world.attest(cast.admin, who, AT)
    house.say(who, withdrawal(who), at=AT + 60)
    house.say(who, erasure(who.fingerprint), at=AT + 120)
    house.world.submit([], cast.people.revoke(who), at=AT + 180)
    assert [m.name for m in house.members(AT + 180)] == ["Anna", "Bert"]
