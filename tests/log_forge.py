"""A server that lies: it knows the format, has the list's own keys, and chains and signs anew whatever it likes.

What it lies about is one list's rich life (`rich`): two of three trust roots agree, Admin Contacts come and go, members are attested
by statement and by certification, change keys, leave, are erased; one key is compromised, and the list's own key is replaced.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from people import People
from trust_moves import ADDRESSES, ROOTS, Crowd, Move, crowd_of, move, said
from trust_world import BASE, DAY, LIST, NOW

from securelist.config import Config
from securelist.openpgp.list_key import ListKey
from securelist.store import log_store
from securelist.store.database import migrate, open_database, reading, writing
from securelist.store.log_store import LogStore
from securelist.trust.anchor import Anchor
from securelist.trust.entry import NO_HASH, Entry, digest
from securelist.trust.export import write_export
from securelist.trust.membership import Member, Membership
from securelist.trust.proof import Proof, prove
from securelist.trust.submission import Submission, submit

Log = list[tuple[Entry, bytes | None]]


# --- a server ---------------------------------------------------------------------------------------------------------


@dataclass
class Server:
    """A database that is filled step by step, as the program does it, and the membership as it went on."""

    home: Path
    anchor: Anchor
    limit: int = 3
    """The most members of one ccTLD."""
    membership: Membership = field(default_factory=Membership)
    shown: dict[int, tuple[Member, ...]] = field(default_factory=dict)
    """Who was a member after each submission, by the number of its last entry."""

    def __post_init__(self) -> None:
        self.store = LogStore()
        self.engine = open_database(Config(list=LIST, key="AB" * 20, home=self.home))
        if not (self.home / "made").exists():
            migrate(self.engine)
            (self.home / "made").touch()

    def submit(self, crowd: Crowd, move: Move, text: str, at: int) -> Submission:
        """Judges a move at `at` and enters what it holds; raises Refused."""
        parcel = crowd.parcel(text, move.signers, at - move.lag, move.ring)
        submission = submit(parcel, self.membership, self.anchor, at, self.limit)
        with writing(self.engine) as connection:
            self.store.append(connection, submission)
        self.membership = submission.membership
        self.shown[self.membership.head.number] = self.membership.members(self.membership.time)
        return submission

    def loaded(self) -> Membership:
        """As a process sees it that has loaded nothing yet."""
        with reading(self.engine) as connection:
            return LogStore().membership(connection)

    def log(self) -> Log:
        """The entries with their evidence, as an export has them."""
        with reading(self.engine) as connection:
            return list(log_store.entries(connection))


@pytest.fixture(scope="session")
def crowd(people: People) -> Iterator[Crowd]:
    made = crowd_of(people)
    yield made
    subprocess.run(["gpgconf", "--homedir", str(people.home / "moves"), "--kill", "all"], capture_output=True, check=False)


# --- a list's life ------------------------------------------------------------------------------------------------------


def _nl(kind: str, whom: str, **fields: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return said(kind, TLD="nl", Email=whom, **fields)


STORY = (
    move("R1 R2", said("found-list", Key="L1", Root="R1 R2 R3", Threshold="2"), step=300 * DAY),
    move("R1 R2", said("appoint-admin-contact", TLD="nl", Key="N1")),
    move("R1 R2", said("appoint-admin-contact", TLD="br", Key="N2")),
    move("N1", _nl("attest-ssc", "anna", Key="K1")),
    move("N1", _nl("attest-ssc", "bert", Key="K3"), _nl("attest-ssc", "carla", Key="K4"), _nl("confirm-contact", "anna")),
    move("K3", _nl("update-contact", "bert", Phone="+31 1 111111")),
    move("K1 K2", _nl("replace-key", "anna", Key="K2")),
    move("R1", _nl("suspend-member", "bert")),
    move("R2", _nl("resume-member", "bert")),
    move("N1", _nl("withdraw-ssc", "carla")),
    move("N1", _nl("withdraw-ssc", "bert"), note=1),
    move("R3", said("appoint-admin-contact", TLD="de", Key="N2")),
    move("", ring="K5 by N1"),
    move("", ring="K5 not by N1"),
    move("N2", said("attest-ssc", TLD="br", Email="dora", Key="K5")),
    move("N1", _nl("attest-ssc", "bert", Key="K3"), note=2),
    move("R1 R2", said("dismiss-admin-contact", TLD="br", Since="10")),
    move("", ring="K5 by N1"),
    move("K3", _nl("confirm-contact", "bert"), note=1),
    move("", ring="K3 1"),
    move("", ring="K3 renewed"),
    move("R1 R2", said("replace-list-key", Key="L2")),
    move("R1 R2", said("replace-roots", Root="R1 R2", Threshold="2")),
    move("N1", _nl("attest-ssc", "carla", Key="K4"), note=3),
    move("N1", _nl("withdraw-ssc", "carla"), note=3),
    move("R1", said("erase", TLD="nl", Key="K4")),
    move("N1", _nl("confirm-contact", "anna"), note=4),
)


@dataclass(frozen=True)
class Rich:
    """That list as it stands in the end, and who was there."""

    crowd: Crowd
    log: tuple[tuple[Entry, bytes | None], ...]
    membership: Membership
    before: tuple[tuple[Entry, bytes | None], ...]
    """The log before Carla's texts were erased."""

    @property
    def entries(self) -> Log:
        return list(self.log)

    @property
    def roots(self) -> list[bytes]:
        """The trust roots' certificates, as the verifier has them."""
        return [self.crowd.who[name].certificate for name in ROOTS]

    def fingerprint(self, name: str) -> str:
        """Of a person's key, or of one of the list's; empty for no name."""
        return (self.crowd.list_keys.get(name) or self.crowd.who[name]).fingerprint if name else ""

    def place(self, kind: str, about: str = "", by: str = "", nth: int = 0) -> int:
        """Where in the log an entry is: the `nth` of its type, subject and signer; -1 is the last."""
        found = [i for i, (e, _) in enumerate(self.log) if e.type == kind and self._fits(e, about, by)]
        return found[nth]

    def _fits(self, entry: Entry, about: str, by: str) -> bool:
        return (not about or entry.subject == self.fingerprint(about)) and (not by or entry.signer == self.fingerprint(by))

    def signed(self, who: str, text: str, made: int) -> bytes:
        """A text as evidence: signed by one of the people, or by one of the list's keys."""
        key = self.crowd.list_keys.get(who)
        return key.sign(text.encode()) if key else self.crowd.people.clearsign(self.crowd.who[who], text, at=made).rstrip()

    def exported(self, log: Log, key: str = "L2", keys: Iterable[str] = ("L1", "L2"), at: int = 0) -> bytes:
        """The export of any log whatever, its head signed by one of the list's keys."""
        certificates = [self.crowd.list_keys[name].certificate() for name in keys]
        return write_export(LIST, self.crowd.list_keys[key], certificates, log, at or self.now)

    @property
    def now(self) -> int:
        """When heads are dated and proofs are asked for: the list's keys were made when the tests began to run."""
        return NOW + 3600

    def proof(self, octets: bytes) -> Proof:
        return prove(octets, self.roots, self.now)


@pytest.fixture(scope="session")
def rich(crowd: Crowd, tmp_path_factory: pytest.TempPathFactory) -> Rich:
    home = tmp_path_factory.mktemp("rich")
    server, at = Server(home, crowd.anchor, limit=4), BASE
    before: Log = []
    for step in STORY:
        at += step.step
        before = server.log() if step.says and step.says[0][0] == "erase" else before
        server.submit(crowd, step, crowd.text(step, at, server.membership), at)
    log = server.log()
    server.engine.dispose()
    shutil.rmtree(home)
    return Rich(crowd, tuple(log), server.membership, tuple(before))


# --- what a liar does to a log ---------------------------------------------------------------------------------------------


def chained(log: Log) -> Log:
    """The entries numbered and chained anew, as a server would that wants to hide what it did."""
    made: Log = []
    for entry, evidence in log:
        previous = made[-1][0].hash if made else NO_HASH
        named = entry.evidence if evidence is None else digest(evidence)
        made.append((replace(entry, number=len(made) + 1, previous=previous, evidence=named), evidence))
    return made


def with_entry(log: Log, at: int, **fields: object) -> Log:
    """One entry says something else."""
    return chained([*log[:at], (replace(log[at][0], **fields), log[at][1]), *log[at + 1 :]])  # type: ignore[arg-type]


def with_evidence(log: Log, at: int, evidence: bytes | None) -> Log:
    """One entry has other evidence, or none any more."""
    return chained([*log[:at], (log[at][0], evidence), *log[at + 1 :]])


def without(log: Log, *gone: int) -> Log:
    """Some entries never were."""
    return chained([link for i, link in enumerate(log) if i not in gone])


def inserted(log: Log, at: int, entry: Entry, evidence: bytes | None) -> Log:
    """One entry more, dated as the one after which it comes."""
    time = log[at - 1][0].time
    return chained([*log[:at], (replace(entry, time=time), evidence), *log[at:]])


def moved(log: Log, old: int, new: int) -> Log:
    """One entry stands elsewhere, dated as the one whose place it takes."""
    entry, evidence = log[old]
    rest = without(log, old)
    return chained([*rest[:new], (replace(entry, time=log[new][0].time), evidence), *rest[new:]])


def shifted(log: Log, seconds: int, first: int = 0) -> Log:
    """All entries from `first` on are dated otherwise."""
    later = [(replace(entry, time=entry.time + seconds), evidence) for entry, evidence in log[first:]]
    return chained([*log[:first], *later])


def another_list_key(rich: Rich) -> ListKey:
    """A key that the server made and no trust root ever named."""
    name = "L3"
    if name not in rich.crowd.list_keys:
        rich.crowd.list_keys[name] = rich.crowd.list_keys["L1"].another("tld-ops", LIST)
    return rich.crowd.list_keys[name]


def attestation(rich: Rich, whom: str = "mallory", key: str = "M1", list_address: str = LIST) -> str:
    """The text that makes somebody a member for .nl."""
    named = {"List": list_address, "TLD": "nl", "Name": whom.title(), "Email": ADDRESSES[whom], "Key": rich.fingerprint(key)}
    return "Securelist-Statement: attest-ssc\n" + "".join(f"{name}: {value}\n" for name, value in named.items())


def fabricated(rich: Rich, by: str, text: str = "", at: int = -1) -> Log:
    """At the end of the log (or before entry `at`) Mallory's certificate, and a text that makes her a member, signed by `by`."""
    log, end = rich.entries, len(rich.log) if at < 0 else at
    time = log[end - 1][0].time
    ring = rich.crowd.certificate("M1")
    log = inserted(log, end, Entry(0, 0, "certificate", "", rich.fingerprint("M1"), "", "", 0, ""), ring)
    evidence = rich.signed(by, text or attestation(rich), time)
    entry = Entry(0, 0, "attest-ssc", "nl", rich.fingerprint("M1"), rich.fingerprint(by), "", 1, "")
    return inserted(log, end + 1, entry, evidence)


def kept_back(rich: Rich, place: int) -> Log:
    """An attestation of Carla that the server kept: N1 signed it before the withdrawal that is erased now. Entered before entry `place`."""
    again, left = (rich.log[rich.place(kind, "K4", nth=1)][0] for kind in ("attest-ssc", "withdraw-ssc"))
    evidence = rich.signed("N1", attestation(rich, "carla", "K4"), again.time + 60)
    return inserted(rich.entries, place, replace(again, time=left.time), evidence)
