"""Copies of posts as witnesses: what the list told one member at the time, held against what an export tells everybody.

Each copy of a post says, under the list's signature, number and hash of the log's last entry at that moment. A server that
shows different people different logs, or cuts an export short, contradicts itself there. What opens a member's encryption
comes in as a function: it needs their secret key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from securelist.errors import Refused
from securelist.mail.mime import decoded, parts_of, read_entity
from securelist.openpgp.admission import read_certificate
from securelist.openpgp.armor import dearmor
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.packets import Tag, read_packets
from securelist.openpgp.signed import MAX_AHEAD_S, Verified, read_combined, verify
from securelist.trust.certificates import as_known
from securelist.trust.entry import Entry, Head
from securelist.trust.export import Export
from securelist.trust.proof import Proof
from securelist.trust.statement import NAMING_THE_LIST_KEY

# Under the list's signature, in the header of what was encrypted.
HEAD_FIELD = "Securelist-Log-Head"
_HEAD = re.compile(r"entry=([0-9]{1,9}); hash=([0-9a-f]{64})")
# What our own Message-IDs are made of, and nothing that a terminal would act upon.
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")

# A copy is encrypted to one member, whose certificate has an encryption subkey or two. Each packet may cost their agent, or
# their smart card, a decryption.
MAX_KEY_PACKETS = 8


@dataclass(frozen=True)
class Witness:
    """What one copy testifies: the log's head when it was sent, and when the list signed that (Unix seconds)."""

    message_id: str
    head: Head
    made: int


@dataclass(frozen=True)
class Hearing:
    """What came of one copy: the name of its file, what it testifies (None if it proves nothing), and what is wrong."""

    file: str
    witness: Witness | None
    problem: str
    """One sentence; empty if copy and export agree."""

    @property
    def sentence(self) -> str:
        """What came of it, for people."""
        return self.problem or (f"{self.file}: agrees, the log's head was entry {self.witness.head.number}" if self.witness else "")

    def as_json(self) -> dict[str, object]:
        """The shape that `log verify --json` promises."""
        witness = self.witness
        return {
            "file": self.file,
            "message_id": witness.message_id if witness else None,
            "entry": witness.head.number if witness else None,
            "agrees": not self.problem,
        }


def hear(copies: Iterable[tuple[str, bytes]], export: Export, open_sealed: Callable[[bytes], bytes], at: int) -> tuple[Hearing, ...]:
    """Holds copies, (name of the file, its octets), against an export that was proved; a bad one gives a Hearing with a problem.

    `open_sealed` takes the encryption off a binary OpenPGP message, leaves the signed message inside whole, and raises
    Refused if it cannot; `at` is now.
    """
    entries = [link.entry for link in export.links]
    # The server can put any certificate into an export; trust roots vouch for the list's own.
    vouched_for = {entry.subject for entry in entries if entry.type in NAMING_THE_LIST_KEY}
    certificates = [known for known in map(read_certificate, export.certificates) if known.fingerprint in vouched_for]

    def hearing(file: str, octets: bytes) -> Hearing:
        try:
            witness = read_witness(signed_message_in(octets, open_sealed), certificates, at)
        except Refused as refused:
            return Hearing(file, None, f"{file}: {refused.detail}")
        problem = compare(witness, entries, export.head, export.time)
        return Hearing(file, witness, problem and f"{file}: {problem}")

    return tuple(hearing(file, octets) for file, octets in copies)


def weighed(proof: Proof, heard: Sequence[Hearing]) -> Proof:
    """The verdict once copies were heard: what is wrong with one is a problem of the proof, and nobody is proved a member."""
    problems = tuple(hearing.problem for hearing in heard if hearing.problem)
    return replace(proof, members=(), problems=proof.problems + problems) if problems else proof


# --- from a member's mail to the list's word ---------------------------------------------------------------------------


def signed_message_in(octets: bytes, open_sealed: Callable[[bytes], bytes]) -> bytes:
    """The signed message in a copy: a whole encrypted mail (RFC 3156, 4), its OpenPGP data alone, or opened already.

    `open_sealed` as in `hear`. Raises Refused ("not-a-copy", "not-one-message", "too-many-packets", …).
    """
    message = _openpgp_data(octets)
    tags = [packet.tag for packet in read_packets(message)]
    if not {Tag.PKESK, Tag.SKESK, Tag.SEIPD, Tag.SED, Tag.OCB}.intersection(tags):
        return message
    if set(tags[:-1]) != {Tag.PKESK} or tags[-1] not in (Tag.SEIPD, Tag.OCB):
        raise Refused("not-one-message", "it is not one message encrypted to somebody's certificate, as copies are (RFC 9580, 10.3)")
    if len(tags) - 1 > MAX_KEY_PACKETS:
        raise Refused("too-many-packets", f"it has more than {MAX_KEY_PACKETS} session-key packets; a copy is encrypted to one member")
    return open_sealed(message)


def _openpgp_data(octets: bytes) -> bytes:
    if (octets[:1] and octets[0] & 0x80) or octets.lstrip().startswith(b"-----BEGIN PGP "):
        return dearmor(octets)
    mail = read_entity(octets)
    parts = [read_entity(part) for part in parts_of(mail)] if mail.content_type == "multipart/encrypted" else []
    if [part.content_type for part in parts] != ["application/pgp-encrypted", "application/octet-stream"]:
        raise Refused("not-a-copy", "it is no copy of a post, which is an encrypted mail (RFC 3156, 4); save the mail whole, as it came")
    return dearmor(decoded(parts[1]))


def read_witness(octets: bytes, list_certificates: Sequence[Certificate], at: int) -> Witness:
    """What a copy testifies. `octets`: the signed message that was inside it, armoured or binary, as `gpg --unwrap` gives it.

    Both engines verify it under one of the list's certificates, as of when it was signed, which is not after `at` (now, in
    Unix seconds). Raises Refused: "not-from-the-list", "no-log-head", or why the signature does not hold.
    """
    verified = _of_the_list(octets, list_certificates, at)
    fields = read_entity(verified.content)
    heads, ids = fields.all(HEAD_FIELD), fields.all("Message-ID")
    head = _HEAD.fullmatch(heads[0]) if len(heads) == 1 else None
    if head is None or len(ids) != 1 or not _MESSAGE_ID.fullmatch(ids[0]):
        raise Refused(
            "no-log-head", f"the list signed it, but it does not say once what the log's head was ({HEAD_FIELD}); give a post's copy"
        )
    return Witness(ids[0], Head(int(head[1]), head[2]), verified.made)


def _of_the_list(octets: bytes, list_certificates: Sequence[Certificate], at: int) -> Verified:
    message = read_combined(dearmor(octets))
    if message.claimed > at + MAX_AHEAD_S:
        raise Refused("misdated", "it is signed with a date in the future; is this machine's clock right?")
    signed = min(message.claimed, at)
    try:
        return verify(message, [_as_of(certificate, signed) for certificate in list_certificates], signed)
    except Refused as refused:
        if refused.reason != "unknown-signer":
            raise
        raise Refused("not-from-the-list", "it is not signed with the list's key, so it says nothing about the log") from None


def _as_of(certificate: Certificate, at: int) -> Certificate:
    """The certificate without a retirement after `at`. A compromised key stays one: a thief could accuse the server with it."""
    return certificate if certificate.compromised else as_known(certificate, at)


# --- the comparison ----------------------------------------------------------------------------------------------------


def compare(witness: Witness, entries: Sequence[Entry], head: Head, dated: int) -> str:
    """Empty if an export (its entries in order, its head, and when that was dated) agrees with a copy, else one sentence."""
    seen = witness.head
    sent = f"the copy {witness.message_id} was sent when the log had entry {seen.number} with hash {seen.hash}"
    if seen.number <= head.number:
        there = entries[seen.number - 1].head if seen.number else Head()
        return "" if there == seen else f"{sent}; this export has another: the server shows different people different logs"
    if dated <= witness.made:  # in the same second, an honest server may have entered something in between
        day = datetime.fromtimestamp(dated, UTC)
        return f"{sent}; this export ends at {head.number} and is older, of {day:%Y-%m-%d %H:%M} UTC: ask for one made after the copy"
    return f"{sent}; this export ends at {head.number}: it was cut short, or the server shows different people different logs"
