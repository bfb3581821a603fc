"""What is gone after an erasure: from the tables, the export and every later proof, which all show the same members as before."""

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
from trust_story import AT, certify, erase_now, erasure, forget, ready, someone, take_back
from trust_world import BASE, DAY, LIST, NOW, Cast, World, attestation, statement, withdrawal

from securelist.config import Config
from securelist.errors import Refused
from securelist.store import log_store
from securelist.store.database import migrate, open_database, reading, writing
from securelist.store.log_store import LogStore
from securelist.store.requests import keep, waiting
from securelist.store.schema import Base, CertificateRow, Evidence, LogEntry
from securelist.trust.export import Link, write_export
from securelist.trust.membership import Member
from securelist.trust.proof import prove, replay_until
from securelist.trust.submission import Submission


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

    def erase(self, *whom: Somebody, at: int, by: Somebody | None = None) -> Submission:
        """A trust root, or somebody, erases what can go about these keys."""
        return erase_now(self.world, by or self.cast.root, *whom, at=at)

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
    words = (b"anna@nl.example", b"zwart", b"555 0000", b"1234 5678")
    assert all(word in decoded(house.export()) and word in house.octets().lower() for word in words)
    before = house.members(AT + 60)
    done = house.erase(cast.anna, at=AT + 120)
    assert done.notes == () and len(done.erased) == 4
    assert house.gone() == ["certificate", "attest-ssc", "update-contact", "withdraw-ssc"]
    assert house.members(AT + 120) == before and [m.name for m in before] == ["Bert"]
    assert [word for word in words[:3] if word in decoded(house.export())] == []
    assert [word for word in words[:3] if word in house.octets().lower()] == []
    assert decoded(house.export()).count(cast.anna.fingerprint.lower().encode()) >= 4


def test_the_persons_certificate_stays_for_what_they_signed(house: House) -> None:
    """Whoever asks for it themselves: the request has to be verified for good. A trust root takes that back out on request."""
    cast = house.cast
    house.say(cast.anna, withdrawal(cast.anna), at=AT)
    done = house.erase(cast.anna, at=AT + 60, by=cast.anna)
    assert done.notes == () and house.gone() == ["attest-ssc", "withdraw-ssc"]
    assert b"1234 5678" not in decoded(house.export()).split(b"bert")[0]
    house.members(AT + 60)
    assert ready(house.world, cast.anna, AT + 90) == ()


def test_all_states_of_a_certificate_go(house: House) -> None:
    """Renewed certificates are entries of their own."""
    cast = house.cast
    who = someone(house.world)
    house.world.attest(cast.admin, who, AT)
    cast.people.gpg("--quick-set-expire", who.fingerprint, "5y", at=AT)
    house.world.submit([], cast.people.export(who.fingerprint), at=AT + 60)
    house.say(cast.admin, withdrawal(who), at=AT + 60)
    house.erase(who, at=AT + 120)
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
    house.erase(who, at=AT + 120)
    assert house.gone() == ["certificate", "attest-ssc", "withdraw-ssc"]
    assert who.address.encode() not in decoded(house.export())
    house.members(AT + 120)
    with pytest.raises(Refused, match="duplicate"):
        house.world.submit([], gone, at=AT + 180)


def test_a_request_that_still_waits_goes_with_it(house: House) -> None:
    """Who asked, was attested, and left: what they wrote in their request is in the database no more; others' requests stay."""
    cast = house.cast
    for who in (cast.dora, cast.mallory):
        tld = who.address.split("@")[1].split(".")[0].replace("evil", "fr")
        text = statement("request-membership", TLD=tld, Name=who.name, Email=who.address, Key=who.fingerprint)
        (asked,) = house.say(who, text, who.certificate, at=AT).requests
        with writing(house.engine) as connection:
            keep(connection, asked)
    house.world.attest(cast.admin, cast.dora, AT + 60)
    house.say(cast.dora, withdrawal(cast.dora), at=AT + 120)
    house.erase(cast.dora, at=AT + 180)
    with reading(house.engine) as connection:
        assert [request.fingerprint for request in waiting(connection)] == [cast.mallory.fingerprint]
    assert b"dora@nl.example" not in house.octets().lower()


def test_one_text_about_three_people(house: House) -> None:
    """It stays, and the answer says so, until all three have ended and were named; then it goes as a whole, and what rested on it."""
    cast = house.cast
    house.say(cast.admin, "\n".join(withdrawal(who) for who in (cast.anna, cast.bert)), at=AT)
    three = (cast.anna, cast.bert, cast.dora)
    text = "\n".join(attestation(who, Phone="+31 6 9999 9999") for who in three)
    house.say(cast.admin, text, cast.dora.certificate, at=AT + 60)
    house.say(cast.admin, withdrawal(cast.anna) + "\nx\n", at=AT + 120)
    with pytest.raises(Refused, match="others-rest-on-it: line 5: entry 10 rests on them, and stays"):
        house.erase(cast.anna, at=AT + 150)  # the first withdrawal stands in one text with Bert's
    done = house.erase(cast.anna, cast.bert, at=AT + 180)
    assert "the text of entry 12 also holds other entries: it goes when these" in done.sentence
    assert house.gone() == ["attest-ssc", "attest-ssc", "withdraw-ssc", "withdraw-ssc", "withdraw-ssc"]
    assert b"anna@nl.example" in decoded(house.export()) and [m.name for m in house.members(AT + 180)] == ["Bert", "Dora"]
    house.say(cast.admin, withdrawal(cast.bert) + "\ny\n", at=AT + 240)
    house.say(cast.admin, withdrawal(cast.dora) + "\ny\n", at=AT + 240)
    done = house.erase(cast.bert, at=AT + 300)
    assert "the text of entry 13 also holds" in done.sentence and house.gone().count("attest-ssc") == 2
    done = house.erase(cast.dora, at=AT + 360)
    assert "also holds" not in done.sentence
    house.erase(cast.anna, cast.bert, at=AT + 420)  # their certificates, which that text named
    assert house.gone().count("attest-ssc") == 5
    assert not any(word in decoded(house.export()) for word in (b"anna@nl.example", b"bert@nl.example", b"dora@nl.example", b"9999 9999"))
    assert house.members(AT + 420) == ()


def test_a_text_with_a_dismissal_stays(house: House) -> None:
    """Who speaks for a ccTLD stays on record, what stands in the same text with it, and so what that rests on."""
    cast = house.cast
    both = f"{withdrawal(cast.anna)}\n{statement('dismiss-admin-contact', TLD='nl')}"
    house.say(cast.root, both, at=AT)
    with pytest.raises(Refused, match="others-rest-on-it: line 5: entry 10 rests on them, and stays"):
        house.erase(cast.anna, at=AT + 60)
    last = house.world.membership.entries[9]
    done = house.say(cast.root, erasure(cast.anna, last), at=AT + 60)
    assert last.type == "withdraw-ssc" and "the text of entry 10 also holds" in done.sentence and house.gone() == []
    assert [m.name for m in house.members(AT + 60)] == ["Bert"]


@pytest.mark.parametrize("order", ["old first", "new first"])
def test_a_member_who_replaced_the_key(house: House, order: str) -> None:
    """What is about the two keys rests on each other: two erasures in one text, in either order; then the old certificate."""
    cast = house.cast
    text = statement("replace-key", TLD="nl", Email=cast.anna.address, Key=cast.dora.fingerprint)
    signed = [house.world.signed(who, text, AT) for who in (cast.anna, cast.dora)]
    house.world.submit(signed, cast.dora.certificate, at=AT)
    assert ready(house.world, cast.anna, AT + 30) == ready(house.world, cast.dora, AT + 30) == ()
    house.say(cast.admin, withdrawal(cast.anna), at=AT + 60)
    for key in (cast.anna, cast.dora):
        with pytest.raises(Refused, match="others-rest-on-it"):
            house.erase(key, at=AT + 90)
    keys = (cast.anna, cast.dora) if order == "old first" else (cast.dora, cast.anna)
    done = house.erase(*keys, at=AT + 120)
    assert done.notes == () and [m.name for m in house.members(AT + 120)] == ["Bert"]
    assert house.gone() == ["attest-ssc", "certificate", "replace-key", "replace-key", "withdraw-ssc"]
    house.erase(cast.anna, at=AT + 180)
    assert not any(word in decoded(house.export()) for word in (b"anna@nl.example", b"dora@nl.example"))
    assert [m.name for m in house.members(AT + 180)] == ["Bert"] and house.members(AT + 30)[0].name == "Bert"


def test_the_old_key_of_a_member_who_lost_it(house: House) -> None:
    """Attested again with another key: what is about the old one is erased while the member stays."""
    cast = house.cast
    text = attestation(cast.anna, Key=cast.dora.fingerprint)
    house.say(cast.admin, text, cast.dora.certificate, at=AT)
    house.erase(cast.anna, at=AT + 60)
    assert house.gone() == ["certificate", "attest-ssc"]
    assert [(m.name, m.fingerprint) for m in house.members(AT + 60)] == [
        ("Anna", cast.dora.fingerprint), ("Bert", cast.bert.fingerprint),
    ]  # fmt: skip


def test_withdrawn_erased_and_attested_again_in_one_submission(house: House) -> None:
    """All of it is one change of the log: the texts go, and the certificate, which came along, stays."""
    cast = house.cast
    left = house.world.signed(cast.anna, withdrawal(cast.anna), AT)
    told = World(cast, house.world.membership)
    told.submit(left, at=AT)
    says = ((cast.root, erasure(cast.anna, *ready(told, cast.anna, AT))), (cast.admin, attestation(cast.anna, Phone="+31 6 9999 9999")))
    done = house.world.submit([left, *(house.world.signed(who, text, AT) for who, text in says)], cast.anna.certificate, at=AT)
    assert [entry.type for entry in done.entries] == ["withdraw-ssc", "erase", "certificate", "attest-ssc"]
    assert house.gone() == ["attest-ssc", "withdraw-ssc"]
    assert [m.phones for m in house.members(AT)] == [("+31 6 9999 9999",), ("+31 6 1234 5678",)]


def test_an_erasure_by_a_key_that_is_compromised(house: House) -> None:
    """What is gone stays gone: the erase is void like all that the key signed, and the log can be proved all the same."""
    cast = house.cast
    who = someone(house.world)
    house.world.attest(cast.admin, who, AT)
    house.say(who, withdrawal(who), at=AT + 60)
    house.erase(who, at=AT + 120, by=who)
    house.world.submit([], cast.people.revoke(who), at=AT + 180)
    assert [m.name for m in house.members(AT + 180)] == ["Anna", "Bert"]
