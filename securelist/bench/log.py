"""What `log verify` takes: a log of many statements, made by real keys through the real rules, proved on one core.

It is the worst case: each statement is a signed text by itself, and each certificate an entry by itself. Of ten statements
three appoint an Admin Contact and seven attest an SSC; half of the keys are RSA-3072, half Ed25519.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from securelist.bench.people import People
from securelist.bench.town import LIST, ROOT, member_addresses
from securelist.errors import Unavailable
from securelist.openpgp.admission import read_certificate
from securelist.openpgp.list_key import ListKey
from securelist.openpgp.sequoia import fingerprint_of, split_certificates
from securelist.trust.anchor import Anchor
from securelist.trust.entry import Entry
from securelist.trust.export import write_export
from securelist.trust.grammar import founding_text, render
from securelist.trust.membership import Membership
from securelist.trust.statement import StatementType
from securelist.trust.submission import Parcel, submit

# Three of ten are Admin Contacts, each for a ccTLD of two letters, of which there are 676.
MAX_STATEMENTS = 2000
_PER_CCTLD = 3
# The list's key lies in it, and gpg-agent's sockets need a short path.
_SHORT = "/tmp"

# What the process that proves it finds in its folder.
EXPORT, ROOT_FILE = "export.log", "root.gpg"

# What is being done, how many are done, and how many there are.
Progress = Callable[[str, int, int], None]


def text_of(number: int) -> str:
    """The file of a signed text."""
    return f"{number}.asc"


def ring_of(number: int) -> str:
    """The file of the certificate of who signed it."""
    return f"{number}.gpg"


@dataclass(frozen=True)
class Row:
    """A part of the time: calls (for GnuPG, processes; 0 where nobody counts) and CPU seconds."""

    what: str
    calls: int
    seconds: float


@dataclass(frozen=True)
class Measured:
    """What a proof took: seconds by the clock; CPU seconds, and where they went; CPU seconds of a bare `gpg --verify` for each text."""

    statements: int
    entries: int
    members: int
    seconds: float
    cpu: float
    rows: tuple[Row, ...]
    bare_gpg: float

    @property
    def ratio(self) -> float:
        """How many times as much as the bare processes."""
        return self.cpu / self.bare_gpg


def measure_log(keep: Path, statements: int, progress: Progress) -> Measured:
    """What proving a log of so many statements takes, `found-list` not counted. The keys are in `keep`, made where missing."""
    people = People(keep / "people")
    with tempfile.TemporaryDirectory(prefix="sl-", dir=_SHORT) as name:
        folder = Path(name)
        try:
            _make(folder, people, statements, progress)
        finally:
            people.close()
            People(folder / "list").close()
        progress("verifying on one core", 0, 0)
        return _measured(folder, statements)


def _measured(folder: Path, statements: int) -> Measured:
    """In a process of its own, which has read none of these certificates before."""
    command = [sys.executable, "-m", "securelist.bench.proving", str(folder), str(statements)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise Unavailable("not-proved", "the log that the bench made was not proved; see above")
    said = json.loads(done.stdout)
    return Measured(**said | {"rows": tuple(Row(**row) for row in said["rows"])})


def _make(folder: Path, people: People, statements: int, progress: Progress) -> None:
    """The export, the trust root's certificate, and each signed text with its signer's certificate, as files in `folder`."""
    fingerprints = _keys(people, statements, progress)
    author = _Author.found(folder, people, fingerprints)
    someone = [(address, fingerprints[address]) for address, _ in member_addresses(statements)]
    contacts = -(-statements * 3 // 10)
    for i, (address, fingerprint) in enumerate(someone):
        by, kind = (author.root, _APPOINT) if i < contacts else (someone[i % contacts][1], _ATTEST)
        author.say(by, _text(kind, _cctld(i % contacts), address, fingerprint), fingerprint)
        (folder / text_of(i)).write_bytes(author.last)
        (folder / ring_of(i)).write_bytes(author.certificates[by])
        progress("making the log", i + 1, statements)
    author.export()


def _keys(people: People, statements: int, progress: Progress) -> dict[str, str]:
    """The fingerprint of each address: the trust root's, and one for each statement."""
    addresses = [(ROOT, False), *member_addresses(statements)]
    made = 0

    def count(more: int) -> None:
        nonlocal made
        made += more
        progress("making keys", made, len(addresses))

    return people.make(addresses, count)


_APPOINT, _ATTEST = StatementType.APPOINT_ADMIN_CONTACT, StatementType.ATTEST_SSC


def _cctld(number: int) -> str:
    return chr(ord("a") + number // 26) + chr(ord("a") + number % 26)


def _text(kind: StatementType, cctld: str, address: str, fingerprint: str) -> str:
    fields = {"List": [LIST], "TLD": [cctld], "Name": [address.partition("@")[0]], "Email": [address], "Key": [fingerprint]}
    return render(kind, fields | {"Phone": ["+31 20 000 0000"]})


@dataclass
class _Author:
    """Whoever signs, and the log as it grows."""

    folder: Path
    people: People
    list_key: ListKey
    root: str
    certificates: Mapping[str, bytes]
    anchor: Anchor
    membership: Membership = field(default_factory=Membership)
    entries: list[tuple[Entry, bytes]] = field(default_factory=list)
    last: bytes = b""
    """The signed text that was entered last."""

    @classmethod
    def found(cls, folder: Path, people: People, fingerprints: Mapping[str, str]) -> _Author:
        """With a list key of its own, and the list founded by its trust root."""
        list_key = ListKey.create(folder / "list", "bench", LIST)
        certificates = {fingerprint_of(octets): octets for octets in split_certificates(people.gpg("--export"))}
        root = fingerprints[ROOT]
        anchor = Anchor(LIST, (read_certificate(list_key.certificate()),), (read_certificate(certificates[root]),))
        author = cls(folder, people, list_key, root, certificates, anchor)
        author.say(root, founding_text(LIST, list_key.fingerprint, [root]))
        return author

    def say(self, signer: str, text: str, *subjects: str) -> None:
        """Enters `text`, signed by `signer`, with the certificates of those it is about."""
        self.last = self.people.clearsigned(signer, text)
        parcel = Parcel((self.last,), tuple(self.certificates[subject] for subject in subjects))
        submission = submit(parcel, self.membership, self.anchor, int(time.time()), _PER_CCTLD)
        self.membership = submission.membership
        self.entries += [(entry, submission.evidence[entry.evidence]) for entry in submission.entries]

    def export(self) -> None:
        """Writes what `log verify` is given."""
        octets = write_export(LIST, self.list_key, [self.list_key.certificate()], self.entries, int(time.time()))
        (self.folder / EXPORT).write_bytes(octets)
        (self.folder / ROOT_FILE).write_bytes(self.certificates[self.root])
