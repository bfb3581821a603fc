"""The log in the database: what was appended is what comes back, and two writers never both win."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, select, update
from trust_world import BASE, DAY, LIST, Cast, World, attestation, certificate_of, withdrawal

from securelist.config import Config
from securelist.errors import ConfigurationError, TryAgain
from securelist.openpgp.certificate import Certificate, ComponentKey
from securelist.store import log_store
from securelist.store.database import migrate, open_database, reading, writing
from securelist.store.log_store import LogStore
from securelist.store.projection import rebuild
from securelist.store.schema import AttestationRow, CertificateRow, Evidence, LogEntry
from securelist.trust.membership import Membership
from securelist.trust.submission import Parcel, Submission, submit

AT = BASE + 3 * DAY


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_database(Config(list=LIST, key="AB" * 20, home=tmp_path))
    migrate(made)
    yield made
    made.dispose()


def stored(engine: Engine) -> Membership:
    """As a process sees it that has loaded nothing yet."""
    with reading(engine) as connection:
        return LogStore().membership(connection)


def append(engine: Engine, submission: Submission) -> None:
    with writing(engine) as connection:
        LogStore().append(connection, submission)


def fill(engine: Engine, world: World) -> None:
    """A world's first steps, each appended to the database on its own."""
    cast = world.cast
    world.listeners.append(lambda submission: append(engine, submission))
    world.found()
    world.appoint(cast.admin, "nl", BASE + DAY)
    world.attest(cast.admin, cast.anna, BASE + 2 * DAY, Organisation="Registry", Timezone="Europe/Amsterdam", Share="regional")
    world.attest(cast.admin, cast.bert, BASE + 2 * DAY)
    world.submit(world.signed(cast.admin, withdrawal(cast.bert), AT), at=AT)
    world.listeners.clear()


def test_the_projection_comes_back_as_it_was(engine: Engine, unfounded: World) -> None:
    """Founding, certificates with their facts, contacts, attestations and statements: all equal, without a call of gpg."""
    assert stored(engine) == Membership()
    fill(engine, unfounded)
    assert stored(engine) == unfounded.membership
    assert [m.emails[0] for m in stored(engine).members(AT)] == ["anna@nl.example"]


def test_the_log_comes_back_with_its_evidence(engine: Engine, unfounded: World) -> None:
    """What `log export` reads is what was entered, in order."""
    fill(engine, unfounded)
    with reading(engine) as connection:
        assert list(log_store.entries(connection)) == unfounded.log
        assert list(log_store.entries(connection, first=4)) == unfounded.log[3:]


def parcel(world: World, text: str, *rings: bytes) -> Parcel:
    return Parcel((world.signed(world.cast.admin, text, AT + DAY),), tuple(certificate_of(ring).octets for ring in rings))


def judged(world: World, engine: Engine, what: Parcel) -> Submission:
    return submit(what, stored(engine), world.cast.anchor, AT + DAY, 3)


def test_two_writers_at_once(engine: Engine, unfounded: World) -> None:
    """Both judged over the same head: the second to append is told to try again, and nothing of it is written."""
    fill(engine, unfounded)
    cast = unfounded.cast
    first = judged(unfounded, engine, parcel(unfounded, attestation(cast.dora), cast.dora.certificate))
    second = judged(unfounded, engine, parcel(unfounded, withdrawal(cast.anna)))
    append(engine, first)
    with pytest.raises(TryAgain, match="log-moved"):
        append(engine, second)
    assert stored(engine) == first.membership
    append(engine, judged(unfounded, engine, parcel(unfounded, withdrawal(cast.anna))))
    assert stored(engine).head.number == first.membership.head.number + 1


def test_a_submission_that_fails_half_way_leaves_nothing(engine: Engine, unfounded: World) -> None:
    """Entries, evidence and projection are one transaction."""
    fill(engine, unfounded)
    before = stored(engine)
    submission = judged(unfounded, engine, parcel(unfounded, withdrawal(unfounded.cast.anna)))
    with pytest.raises(RuntimeError, match="power"), writing(engine) as connection:
        LogStore().append(connection, submission)
        raise RuntimeError("power failure")
    assert stored(engine) == before
    append(engine, submission)


def test_the_membership_is_loaded_again_only_when_the_head_moved(engine: Engine, unfounded: World) -> None:
    """A worker asks before every copy; only another process's entry makes it read the tables again."""
    fill(engine, unfounded)
    store = LogStore()
    with reading(engine) as connection:
        loaded = store.membership(connection)
        assert store.membership(connection) is loaded
    append(engine, judged(unfounded, engine, parcel(unfounded, withdrawal(unfounded.cast.anna))))
    with reading(engine) as connection:
        assert store.membership(connection).members(AT) == ()


def test_the_projection_can_be_rebuilt(engine: Engine, unfounded: World) -> None:
    """Whatever happened to the tables, replacing them by the replayed log's gives the same rows again."""
    fill(engine, unfounded)
    with writing(engine) as connection:
        connection.execute(delete(CertificateRow))
        connection.execute(update(AttestationRow).values(withdrawn=0))
    assert stored(engine) != unfounded.membership
    with writing(engine) as connection:
        rebuild(connection, unfounded.membership)
    assert stored(engine) == unfounded.membership


DAMAGE = {
    "a ccTLD changed": update(LogEntry).where(LogEntry.type == "attest-ssc").values(cctld="de"),
    "a certificate changed": update(Evidence).values(octets=b"x"),
    "evidence gone": update(Evidence).values(octets=None),
    "a hash changed": update(LogEntry).where(LogEntry.number == 2).values(hash="0" * 64),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_log_that_somebody_changed_in_the_database_is_not_exported(engine: Engine, unfounded: World, damage: object) -> None:
    """The export says which entry is not what was written, rather than sign it."""
    fill(engine, unfounded)
    with writing(engine) as connection:
        connection.execute(damage)  # type: ignore[call-overload]
    with reading(engine) as connection, pytest.raises(ConfigurationError, match=r"entry [0-9]+"):
        list(log_store.entries(connection))


def test_the_facts_of_a_certificate_are_stored_whole(engine: Engine, unfounded: World, cast: Cast) -> None:
    """Every kind of fact survives: an unusable key, a key without end, a user ID in another script, no capability at all."""
    fill(engine, unfounded)
    key = ComponentKey("AB" * 20, "CD" * 8, 22, 255, 5, None, True, False, frozenset())
    ring = Certificate(
        cast.anna.fingerprint, b"\x00\xff", ("Анна <anna@nl.example>", ""), (key, *certificate_of(cast.anna.certificate).keys)
    )
    changed = replace(unfounded.membership, certificates={ring.fingerprint: ring})
    with writing(engine) as connection:
        rebuild(connection, changed)
        rows = connection.execute(select(CertificateRow.fingerprint)).scalars().all()
    assert rows == [ring.fingerprint] and stored(engine).certificates == {ring.fingerprint: ring}
