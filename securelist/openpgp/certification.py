"""Certifications: what the holder of one key signed about a user ID of another's certificate (RFC 9580, 5.2.1), and its revocation.

They are read out of a certificate one by one, each as three packets that can be kept and judged without the rest of it; two
engines, GnuPG and PGPy, must find one good. What a certification means here is for the rules of trust to say.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from securelist.errors import Refused
from securelist.openpgp import gnupg, pgpy_
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.packets import Packet, Tag, fingerprint, hashed_subpackets, read_packets, unhashed_subpackets, write_packet

# Who has been to many key-signing parties has some hundred; each takes microseconds to read.
MAX_CERTIFICATIONS = 1000
# A key of RSA-16384, a user ID of GnuPG's 2 KiB, twenty notations and a signature by such a key stay below.
MAX_CERTIFICATION_OCTETS = 16 * 1024

# Generic to positive certification, and the revocation of one (RFC 9580, 5.2.1).
_REVOCATION = 0x30
_TYPES = (0x10, 0x11, 0x12, 0x13, _REVOCATION)
# Types of subpackets (RFC 9580, 5.2.3.7).
_CREATED, _EXPIRES, _EXPORTABLE, _ISSUER, _NOTATION, _ISSUER_FINGERPRINT = 2, 3, 4, 16, 20, 33
# A notation that may be marked critical (RFC 9580, 5.2.3.24): the one that rules ask for. GnuPG is told so by its command line.
_KNOWN_NOTATION = re.compile(r"cctld@[a-z0-9.-]{1,253}")


@dataclass(frozen=True)
class Certification:
    """A third-party certification or its revocation as read: verified by nobody. Times are Unix seconds."""

    octets: bytes
    """The evidence, binary: primary key, user ID, signature; its unhashed area, which anybody can write, names one issuer."""
    subject: str
    """The fingerprint of the primary key that it is about."""
    user_id: str
    revokes: bool
    issuers: tuple[str, ...]
    """Fingerprints and key IDs, upper-case hex, that the signature names."""
    made: int
    expires: int | None
    notations: tuple[tuple[str, str], ...]
    """(name, value) of each human-readable notation that is signed, in their order (RFC 9580, 5.2.3.24)."""
    text: str
    """SHA-256 (hex) of what is signed: another signature value or unhashed area does not make it another certification."""


_BY_VERIFY = object()


@dataclass(frozen=True)
class VerifiedCertification:
    """A certification that GnuPG and PGPy find good; `signer` and `key` are fingerprints. Only `verify` makes one."""

    certification: Certification
    signer: str
    key: str
    proof: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.proof is not _BY_VERIFY:
            raise TypeError("only verify() makes a VerifiedCertification")


# --- reading ---------------------------------------------------------------------------------------------------------


def read_certifications(octets: bytes) -> tuple[Certification, ...]:
    """The third-party certifications in one binary certificate, in their order; raises Refused if it is no certificate.

    Left out is what nobody could verify: unreadable, not of version 4, on a photograph or on a user ID that is not UTF-8. So
    is what is not meant for others (RFC 9580, 5.2.3.19), whoever sent it.
    """
    packets = read_packets(octets)
    if [i for i, packet in enumerate(packets) if packet.tag == Tag.PUBLIC_KEY] != [0]:
        raise Refused("bad-certificate", "this is not one OpenPGP certificate")
    found: list[Certification] = []
    for user_id, signature in _on_user_ids(packets):
        try:
            certification = _read(packets[0], user_id, signature)
        except Refused:
            continue
        if not {certification.subject, certification.subject[-16:]} & set(certification.issuers):
            found.append(certification)
    return tuple(found)


def read_misplaced(octets: bytes) -> tuple[tuple[str, ...], ...]:
    """Whom the certifications name as their issuers that stand behind no user ID; raises Refused if this is no packets.

    That is where Sequoia puts those that fit none of a certificate's user IDs (`split_certificates`).
    """
    packets = read_packets(octets)
    last = max((i for i, packet in enumerate(packets) if packet.tag == Tag.PUBLIC_SUBKEY), default=len(packets))
    signatures = [p for p in packets[last:] if p.tag == Tag.SIGNATURE and p.body[:1] == b"\4" and len(p.body) > 10 and p.body[1] in _TYPES]
    found = []
    for signature in signatures[:MAX_CERTIFICATIONS]:
        with contextlib.suppress(Refused):
            found.append(_issuers(hashed_subpackets(signature)) or _issuers(unhashed_subpackets(signature)))
    return tuple(found)


def _on_user_ids(packets: tuple[Packet, ...]) -> Iterator[tuple[Packet, Packet]]:
    """The first MAX_CERTIFICATIONS pairs of a user ID and a signature of a certification's type behind it."""
    count, user_id = 0, None
    for packet in packets:
        if packet.tag in (Tag.USER_ID, Tag.USER_ATTRIBUTE, Tag.PUBLIC_SUBKEY):
            user_id = packet if packet.tag == Tag.USER_ID else None
        elif user_id and packet.tag == Tag.SIGNATURE and packet.body[1:2] and packet.body[1] in _TYPES:
            count += 1
            if count > MAX_CERTIFICATIONS:
                return
            yield user_id, packet


def read_certification(octets: bytes) -> Certification:
    """The certification that these octets are the evidence of, to the letter; raises Refused("bad-evidence")."""
    try:
        key, user_id, signature = read_packets(octets)
        if (key.tag, user_id.tag, signature.tag) == (Tag.PUBLIC_KEY, Tag.USER_ID, Tag.SIGNATURE):
            found = _read(key, user_id, signature)
            if found.octets == octets:
                return found
    except (Refused, ValueError):
        pass
    raise Refused("bad-evidence", "this is not one certification as the log keeps it: primary key, user ID and signature")


def _read(key: Packet, user_id: Packet, signature: Packet) -> Certification:
    """The facts of one; raises Refused for what nobody could verify."""
    body = signature.body
    if key.body[:1] != b"\4" or body[:1] != b"\4" or len(body) < 10 or body[1] not in _TYPES or len(key.body) > MAX_CERTIFICATION_OCTETS:
        raise _unreadable()
    hashed = hashed_subpackets(signature)
    says = dict(reversed(hashed))  # of two that contradict each other GnuPG takes the first; what it takes is compared
    if len(says.get(_CREATED, b"")) != 4 or len(says.get(_EXPIRES, bytes(4))) != 4 or says.get(_EXPORTABLE) in (b"", b"\0"):
        raise _unreadable()
    issuers = _issuers(hashed) or tuple(map(_key_id, _issuers(unhashed_subpackets(signature))))[:1]
    octets = _evidence(key, user_id, signature, issuers)
    made, lasts = (int.from_bytes(says.get(kind, b""), "big") for kind in (_CREATED, _EXPIRES))
    return Certification(
        octets=octets,
        subject=fingerprint(key),
        user_id=_text(user_id.body),
        revokes=body[1] == _REVOCATION,
        issuers=tuple(dict.fromkeys((*issuers, *(_key_id(name) for name in issuers)))),
        made=made,
        expires=made + lasts if lasts else None,
        notations=tuple(_notations(hashed)),
        text=hashlib.sha256(_signed(key, user_id, signature)).hexdigest(),
    )


def _unreadable() -> Refused:
    return Refused("bad-certification", "this certification cannot be read")


def _issuers(subpackets: tuple[tuple[int, bytes], ...]) -> tuple[str, ...]:
    """Whom subpackets name as the issuer, fingerprints first (RFC 9580, 5.2.3.12 and 5.2.3.35)."""
    fingerprints = [body[1:] for kind, body in subpackets if kind == _ISSUER_FINGERPRINT and len(body) == 21 and body[0] == 4]
    key_ids = [body for kind, body in subpackets if kind == _ISSUER and len(body) == 8]
    return tuple(name.hex().upper() for name in (*fingerprints, *key_ids))


def _key_id(name: str) -> str:
    return name[-16:]


def _evidence(key: Packet, user_id: Packet, signature: Packet, issuers: tuple[str, ...]) -> bytes:
    """The three packets in one form only; the unhashed area holds the first issuer's key ID, which engines look for."""
    if not issuers:
        raise _unreadable()
    body, start = signature.body, _end_of_hashed(signature)
    rest = start + 2 + int.from_bytes(body[start : start + 2], "big")
    named = bytes((9, _ISSUER)) + bytes.fromhex(_key_id(issuers[0]))
    plain = body[:start] + len(named).to_bytes(2, "big") + named + body[rest:]
    parts = ((Tag.PUBLIC_KEY, key.body), (Tag.USER_ID, user_id.body), (Tag.SIGNATURE, plain))
    octets = b"".join(write_packet(tag, content) for tag, content in parts)
    if rest > len(body) or len(octets) > MAX_CERTIFICATION_OCTETS:
        raise _unreadable()
    return octets


def _end_of_hashed(signature: Packet) -> int:
    return 6 + int.from_bytes(signature.body[4:6], "big")


def _signed(key: Packet, user_id: Packet, signature: Packet) -> bytes:
    """What a certification of version 4 is a signature over (RFC 9580, 5.2.4)."""
    part = signature.body[: _end_of_hashed(signature)]
    about = b"\x99" + len(key.body).to_bytes(2, "big") + key.body + b"\xb4" + len(user_id.body).to_bytes(4, "big") + user_id.body
    return about + part + b"\4\xff" + len(part).to_bytes(4, "big")


def _text(user_id: bytes) -> str:
    """A user ID as text. One that is not UTF-8, or that looks as if it had not been, could be taken for another."""
    try:
        text = user_id.decode("utf-8")
    except UnicodeDecodeError:
        raise _unreadable() from None
    if "\ufffd" in text:
        raise _unreadable()
    return text


def _notations(hashed: tuple[tuple[int, bytes], ...]) -> Iterator[tuple[str, str]]:
    """The human-readable notations (RFC 9580, 5.2.3.24); one whose lengths are wrong, or that is not UTF-8, is none."""
    for kind, body in hashed:
        name_end = 8 + int.from_bytes(body[4:6], "big")
        if kind != _NOTATION or len(body) < 8 or not body[0] & 0x80 or len(body) != name_end + int.from_bytes(body[6:8], "big"):
            continue
        try:
            yield body[8:name_end].decode("utf-8"), body[name_end:].decode("utf-8")
        except UnicodeDecodeError:
            continue


# --- verifying -------------------------------------------------------------------------------------------------------


def verify(certification: Certification, certifier: Certificate, subject: Certificate, at: int) -> VerifiedCertification:
    """The certification, if GnuPG (as of `at`, Unix seconds) and PGPy find that the certifier's primary key made it.

    Neither its dates nor whether the certifier's key is alive are looked at. A certification must be of a user ID that
    `subject` has; its revocation counts though that user ID is revoked as well. Raises Refused: "weak-hash",
    "bad-certification", "engines-differ", and "bad-evidence" for one that was not read from its own octets.
    """
    if read_certification(certification.octets) != certification:
        raise Refused("bad-evidence", "this certification says other things than the octets that it was read from")
    _refuse_misplaced(certification, certifier, subject)
    key, user_id, signature = read_packets(certification.octets)
    if str(signature.body[3]) not in gnupg.ACCEPTED_HASHES:
        raise Refused("weak-hash", "the certification uses a hash algorithm that is too weak; SHA-256 or longer is needed")
    known = [name for name, _ in certification.notations if _KNOWN_NOTATION.fullmatch(name)]
    first = gnupg.check_certification(certification.octets, certifier.octets, at, known)
    second = pgpy_.certifies(certification.octets, _primary_key(certifier), _signed(key, user_id, signature))
    if (first == _expected(certification, certifier, signature)) != second:
        raise Refused("engines-differ", "GnuPG and PGPy do not agree about this certification; nothing is taken on the word of one")
    if not second:
        raise Refused("bad-certification", f"the certification does not verify as one by the primary key of {certifier.fingerprint}")
    return VerifiedCertification(certification, certifier.fingerprint, certifier.fingerprint, _BY_VERIFY)


def _refuse_misplaced(certification: Certification, certifier: Certificate, subject: Certificate) -> None:
    if certification.subject != subject.fingerprint or certifier.fingerprint == subject.fingerprint:
        raise Refused("bad-certification", f"this is no certification of {subject.fingerprint} by somebody else")
    if certification.user_id not in subject.user_ids and not certification.revokes:
        raise Refused("bad-certification", "the certification is of a user ID that the certificate does not have, or has revoked")


def _primary_key(certificate: Certificate) -> bytes:
    return next(packet.octets for packet in read_packets(certificate.octets) if packet.tag == Tag.PUBLIC_KEY)


def _expected(certification: Certification, certifier: Certificate, signature: Packet) -> gnupg.GoodCertification:
    """What GnuPG must have seen: this very signature, and dates as they are read here."""
    return gnupg.GoodCertification(certifier.primary.key_id, certification.made, certification.expires, signature.body[1])
