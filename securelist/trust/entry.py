"""An entry of the log of membership, its canonical encoding and its hash: the links of the chain.

The encoding is ASCII text, one field a line, each line ended by a single LF, in this order and with these names:

    securelist-log-entry: 1
    number: 7
    time: 1763813467
    type: attest-ssc
    cctld: nl
    subject: 0123456789ABCDEF0123456789ABCDEF01234567
    signer: 89ABCDEF0123456789ABCDEF0123456789ABCDEF
    evidence: <SHA-256 of the evidence's octets, lower-case hex>
    part: 1
    previous: <hash of entry 6, lower-case hex; 64 zeros for entry 1>

The entry's hash is the SHA-256 of that, in lower-case hex. A field that does not apply has an empty value (`cctld: `), and
no value can hold a line end, so no two entries share an encoding.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from functools import cached_property

FORMAT = 1
# What the first entry names as the hash before it.
NO_HASH = "0" * 64
# The type of an entry whose evidence is a certificate; every other type is a statement's.
CERTIFICATE = "certificate"


def digest(octets: bytes) -> str:
    """SHA-256 of `octets` in lower-case hex: how an entry names its evidence."""
    return hashlib.sha256(octets).hexdigest()


@dataclass(frozen=True)
class Head:
    """The last entry of a log: its number and hash. An empty log's head is number 0 with 64 zeros."""

    number: int = 0
    hash: str = NO_HASH


@dataclass(frozen=True)
class Entry:
    """One link of the log. `part` says which statement of the signed text it is, from 1; 0 for a certificate."""

    number: int
    time: int
    type: str
    cctld: str
    subject: str
    signer: str
    evidence: str
    part: int
    previous: str

    @property
    def encoding(self) -> bytes:
        """The canonical encoding that the hash covers."""
        lines = [f"securelist-log-entry: {FORMAT}"] + [f"{field.name}: {getattr(self, field.name)}" for field in fields(self)]
        return "".join(f"{line}\n" for line in lines).encode("ascii")

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the encoding, lower-case hex."""
        return digest(self.encoding)

    @property
    def head(self) -> Head:
        """The head of a log that ends with this entry."""
        return Head(self.number, self.hash)
