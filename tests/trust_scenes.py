"""Scenes for the tests of trust: who says what, one after the other, over some list; what each is answered, and who is a member then.

Each step enters the log of a world and a database at once; at the end the log is replayed, exported and proved.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from people import Somebody
from sqlalchemy import Engine
from trust_world import BASE, BORN, DAY, LIST, NOW, Cast, World, appointment, revoked

from securelist.config import Config
from securelist.errors import Refused
from securelist.openpgp.list_key import ListKey
from securelist.store.database import migrate, open_database, reading, writing
from securelist.store.log_store import LogStore
from securelist.store.projection import load, rebuild
from securelist.trust.anchor import Anchor
from securelist.trust.export import Link, write_export
from securelist.trust.fold import refold
from securelist.trust.grammar import founding_text
from securelist.trust.membership import Membership
from securelist.trust.proof import Proof, prove, replay_until
from securelist.trust.submission import Submission

# Scenes begin a day after the first member, and half a day after the second, was attested.
AT = BASE + 3 * DAY
ACCEPTED, PENDING = "accepted", "pending"
Text = Callable[["Company"], str]

# --- who there is ---------------------------------------------------------------------------------------------------------


@dataclass
class Company(Cast):
    """The cast with a third trust root, a second key of the list's, and keys that others may get: Anna's next, the Admin Contact's next."""

    root3: Somebody
    anna2: Somebody
    admin2: Somebody
    list_key2: ListKey
    _anchor: Anchor | None = None

    @property
    def roots(self) -> tuple[Somebody, ...]:
        return self.root, self.root2, self.root3

    @property
    def list_keys(self) -> tuple[ListKey, ...]:
        return self.list_key, self.list_key2

    @property
    def anchor(self) -> Anchor:
        self._anchor = self._anchor or super().anchor  # the cast stays who they are
        return self._anchor

    def person(self, name: str) -> Somebody:
        found = getattr(self, name)
        assert isinstance(found, Somebody)
        return found

    def fingerprint(self, name: str) -> str:
        """Of a person's key, or of one of the list's."""
        return str(getattr(self, name).fingerprint)


@pytest.fixture(scope="session")
def company(cast: Cast) -> Iterator[Company]:
    make, home = cast.people.make, cast.people.home / "list2"
    yield Company(
        **vars(cast),
        root3=make("Secretariat Three", "three@ccnso.example", at=BORN),
        anna2=make("Anna", "anna@nl.example", at=BORN),
        admin2=make("Admin NL", "admin@nl.example", at=BORN),
        list_key2=ListKey.create(home, "tld-ops", LIST),
    )
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], capture_output=True, check=False)


# --- over which list --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """A list that was founded with these roots and this threshold; by whom it was, and by whom its Admin Contacts are appointed."""

    roots: tuple[str, ...]
    threshold: int | None
    founders: tuple[str, ...]
    appointers: tuple[str, ...]

    def founding(self, cast: Company) -> str:
        text = founding_text(LIST, cast.list_key.fingerprint, [cast.person(root).fingerprint for root in self.roots])
        return text + (f"Threshold: {self.threshold}\n" if self.threshold else "")

    def begin(self, world: World, cast: Company) -> None:
        """Admin Contacts after a day, Anna and Carla after two, Bert half a day later."""
        for who in self.founders:
            world.submit(world.signed(cast.person(who), self.founding(cast), BASE), at=BASE)
        for contact, cctld in ((cast.admin, "nl"), (cast.admin_br, "br")):
            for who in self.appointers:
                text = world.signed(cast.person(who), appointment(contact, cctld), BASE + DAY)
                world.submit(text, contact.certificate, at=BASE + DAY)
        world.attest(cast.admin, cast.anna, BASE + 2 * DAY)
        world.attest(cast.admin_br, cast.carla, BASE + 2 * DAY)
        world.attest(cast.admin, cast.bert, AT - DAY // 2)


ONE, BOTH, ALL = ("root",), ("root", "root2"), ("root", "root2", "root3")
STATES = {
    "nothing": State((), None, (), ()),
    "one of two": State(BOTH, None, BOTH, ("root2",)),
    "one of two, all by the first": State(BOTH, None, ONE, ONE),
    "two of two": State(BOTH, 2, BOTH, BOTH),
    "two of three": State(ALL, 2, ALL, BOTH),
    "two of three, all by two": State(ALL, 2, BOTH, BOTH),
    "two of three, all by three": State(ALL, 2, ALL, ALL),
}


class Stage:
    """A world and a database that takes in the same; after each submission they have to be equal."""

    def __init__(self, world: World, home: Path) -> None:
        self.world = world
        self.engine = open_database(Config(list=LIST, key="AB" * 20, home=home))
        world.listeners.append(self._append)

    def _append(self, submission: Submission) -> None:
        with writing(self.engine) as connection:
            LogStore().append(connection, submission)
        assert stored(self.engine, self.world.membership) == self.world.membership


StageOf = Callable[[str], Stage]


def stored(engine: Engine, like: Membership) -> Membership:
    """The membership as the tables have it."""
    with reading(engine) as connection:
        return load(connection, like.head)


@pytest.fixture(scope="session")
def beginnings(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[World, Path]]:
    """Each state, once it is asked for: its world, and the folder of its database."""
    made: dict[str, tuple[World, Path]] = {}

    def begun(name: str) -> tuple[World, Path]:
        if name not in made:
            world, home = World(company), tmp_path_factory.mktemp("state")
            stage = Stage(world, home)
            migrate(stage.engine)
            if STATES[name].roots:
                STATES[name].begin(world, company)
            stage.engine.dispose()
            made[name] = world, home
        return made[name]

    return begun


@pytest.fixture
def stage_of(beginnings: Callable[[str], tuple[World, Path]], tmp_path: Path) -> Iterator[StageOf]:
    """A state to go on from, by its name."""
    stages: list[Stage] = []

    def stage(name: str) -> Stage:
        world, home = beginnings(name)
        copy = Path(shutil.copytree(home, tmp_path / str(len(stages))))
        stages.append(Stage(World(world.cast, world.membership, list(world.log)), copy))
        return stages[-1]

    yield stage
    for made in stages:
        made.engine.dispose()


# --- what is said, and what comes of it -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """`who` signs `text` on the day `made` (when it is handed in, if None), handed in on `day`: days after AT, seconds may follow.

    With a `reason`, `who`'s certificate is handed in, revoked for it; then there may be no text.
    """

    who: str
    text: Text | None
    verdict: str = ACCEPTED
    day: float = 0
    made: float | None = None
    sends: tuple[str, ...] = ()
    words: str = ""
    reason: int | None = None

    @property
    def at(self) -> int:
        return AT + round(self.day * DAY)

    def play(self, world: World, cast: Company) -> None:
        before = world.membership
        try:
            done = self._submit(world, cast)
        except Refused as refused:
            assert (refused.reason, world.membership is before) == (self.verdict, True), f"{self}: {refused}"
            assert self.words in refused.detail, refused.detail
        else:
            assert self.verdict == (PENDING if done.pending else ACCEPTED), f"{self}: {done.sentence}"
            assert self.words in done.sentence, done.sentence

    def _submit(self, world: World, cast: Company) -> Submission:
        who = cast.person(self.who)
        certificates = [cast.person(name).certificate for name in self.sends]
        if self.reason is not None:
            certificates.append(revoked(cast.people, who, self.reason, self.at))
        made = self.at if self.made is None else AT + round(self.made * DAY)
        signed = [world.signed(who, self.text(cast), made)] if self.text else []
        return world.submit(signed, *certificates, at=self.at)


def says(who: str, text: Text, verdict: str = ACCEPTED, *sends: str, day: float = 0, made: float | None = None, words: str = "") -> Step:
    return Step(who, text, verdict, day, made, sends, words)


def shows(who: str, reason: int, verdict: str = ACCEPTED, *, day: float = 0, words: str = "", text: Text | None = None) -> Step:
    """Somebody's certificate comes in, revoked for a reason."""
    return Step(who, text, verdict, day, words=words, reason=reason)


@dataclass(frozen=True)
class Scene:
    """Some steps, and what is otherwise than at the beginning after the last: the state of members by name, who speaks for a ccTLD."""

    steps: tuple[Step, ...]
    members: Mapping[str, str] = field(default_factory=dict)
    contacts: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    """Whose key a member has by now."""
    proved: bool = True
    """Whether the export at the end is one that holds."""


MEMBERS = {"anna": "active", "bert": "active", "carla": "active"}
CONTACTS = {"nl": "admin", "br": "admin_br"}
GONE = dict.fromkeys(MEMBERS, "dismissed")


def perform(stage: Stage, scene: Scene, over: str, *, export: bool = True) -> None:
    """Plays a scene, and looks at its end from every side; without `export`, not from outside, which takes time."""
    world = stage.world
    cast = world.cast
    assert isinstance(cast, Company)
    for step in scene.steps:
        step.play(world, cast)
    at = max(step.at for step in scene.steps)
    begun = STATES[over].roots
    _check_people(world, at, dict(MEMBERS if begun else {}) | scene.members, cast, scene.keys)
    expected = dict(CONTACTS if begun else {}) | scene.contacts
    spoken = {c.cctld: c.fingerprint for c in world.membership.admin_contacts.values() if not c.dismissed}
    assert spoken == {cctld: cast.person(name).fingerprint for cctld, name in expected.items() if name}
    check_everywhere(stage, at)
    if export:
        proof = proof_of(world, at)
        assert proof.valid is scene.proved, proof.problems
        assert not proof.valid or proof.members == world.membership.members(at)


def _check_people(world: World, at: int, expected: Mapping[str, str], cast: Company, keys: Mapping[str, str]) -> None:
    everybody = world.membership.members(at, all=True)
    states = {member.emails[0]: member.state for member in everybody}
    assert states == {cast.person(name).address: state for name, state in expected.items() if state}
    theirs = {member.emails[0]: member.fingerprint for member in everybody}
    for name in (name for name, state in expected.items() if state):
        assert theirs[cast.person(name).address] == cast.person(keys.get(name, name)).fingerprint, name


def check_everywhere(stage: Stage, at: int) -> None:
    """Folded anew, replayed from the log, rebuilt in the database: everywhere the same membership."""
    world, anchor = stage.world, stage.world.cast.anchor
    membership = world.membership
    assert refold(membership, anchor) == membership
    replayed = replay_until([Link(entry, entry.hash, evidence) for entry, evidence in world.log], anchor, at)
    assert replayed == membership
    with writing(stage.engine) as connection:
        rebuild(connection, replayed)
    assert stored(stage.engine, membership) == membership


def proof_of(world: World, at: int) -> Proof:
    """The export of a world, judged by all the roots that were given; its members are those at `at`."""
    keys = {key.fingerprint: key for key in world.cast.list_keys}
    present = world.membership.founding.key if world.membership.founding else world.cast.list_key.fingerprint
    order = [key for key in keys.values() if key.fingerprint != present and key.fingerprint in world.membership.list_keys]
    certificates = [key.certificate() for key in (*order, keys[present])]
    octets = write_export(LIST, keys[present], certificates, world.log, NOW)
    return prove(octets, [root.certificate for root in world.cast.roots], NOW, members_at=at)
