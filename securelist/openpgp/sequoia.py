"""Sequoia through pysequoia: the second engine, and the hand that wraps a session key for each member.

pysequoia raises bare RuntimeErrors whose text may hold a backtrace; none of it leaves this module. Its `encrypt` takes
expired and revoked certificates without a word, so callers check validity first (`Certificate.keys_for`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import pysequoia
from pysequoia.packet import PacketPile, SignatureType, Tag

from securelist.errors import Refused
from securelist.openpgp.packets import read_packets

# Of signatures (RFC 9580, 5.2).
_VERSIONS = {b"\3", b"\4", b"\6"}
# More than all members of a full list; a parsed certificate takes some kilobytes.
CACHED_CERTIFICATES = 2048


@lru_cache(maxsize=CACHED_CERTIFICATES)
def _parsed(octets: bytes) -> pysequoia.Cert:
    try:
        return pysequoia.Cert.from_bytes(octets)
    except Exception:
        raise Refused("bad-certificate", "Sequoia cannot read this certificate, or it is more than one") from None


@dataclass(frozen=True)
class CertificateVerdict:
    """What Sequoia reads in a certificate: fingerprint, whether it is revoked, and its valid user IDs."""

    fingerprint: str
    revoked: bool
    user_ids: tuple[str, ...]


def fingerprint_of(octets: bytes) -> str:
    """The primary fingerprint (upper-case hex) of one binary certificate, whatever its worth; raises Refused("bad-certificate")."""
    return str(_parsed(octets).fingerprint).upper()


def key_names(octets: bytes) -> frozenset[str]:
    """Fingerprints and key IDs (upper-case hex) of every key in one binary certificate, whatever their worth; raises Refused."""
    try:
        keys = [p for p in PacketPile.from_bytes(octets) if p.tag in (Tag.PublicKey, Tag.PublicSubkey)]
        return frozenset(name.upper() for key in keys for name in (key.fingerprint, key.key_id) if name)
    except Exception:
        raise Refused("bad-certificate", "Sequoia cannot read this certificate") from None


def read_certificate(octets: bytes) -> CertificateVerdict:
    """Sequoia's reading of one binary certificate; raises Refused("bad-certificate")."""
    cert = _parsed(octets)
    try:
        user_ids = tuple(str(user_id) for user_id in cert.user_ids)
        return CertificateVerdict(cert.fingerprint.upper(), cert.is_revoked, user_ids)
    except Exception:
        why = "Sequoia finds this certificate's own signatures not valid, too weak, or of a kind it does not know, such as Brainpool"
        raise Refused("bad-certificate", why) from None


def split_certificates(octets: bytes) -> list[bytes]:
    """The certificates in a binary key ring, each binary; raises Refused("bad-certificate")."""
    try:
        return [bytes(cert) for cert in pysequoia.Cert.split_bytes(octets)]
    except Exception:
        raise Refused("bad-certificate", "this is not an OpenPGP certificate that Sequoia can read") from None


def merge(old: bytes, new: bytes) -> bytes:
    """Both certificates' packets in one, binary; they must have the same primary key."""
    try:
        return bytes(_parsed(old).merge(_parsed(new)))
    except Refused:
        raise
    except Exception:
        raise Refused("bad-certificate", "the certificate does not fit the one known under the same fingerprint") from None


def expiry_of_subkey(octets: bytes, fingerprint: str) -> int | None:
    """When a subkey expires by its newest binding signature, in Unix seconds; for key algorithms GnuPG does not know."""
    key: datetime | None = None
    newest: tuple[datetime, datetime | None] | None = None
    for packet in PacketPile.from_bytes(octets):
        if packet.tag in (Tag.PublicSubkey, Tag.PublicKey):
            key = packet.key_created if (packet.fingerprint or "").upper() == fingerprint else None
        made = packet.signature_created if packet.tag == Tag.Signature else None
        if key and made and packet.signature_type == SignatureType.SubkeyBinding and (newest is None or made >= newest[0]):
            newest = (made, key + packet.key_validity_period if packet.key_validity_period else None)
    return int(newest[1].timestamp()) if newest and newest[1] else None


def verify(content: bytes, certificate: bytes, detached: bytes | None = None) -> tuple[str, bytes]:
    """(signer's primary fingerprint, content) if exactly one signature verifies under this one certificate.

    With `detached`, that signature packet over `content`; else `content` is clearsigned text and the text comes back.
    Judged as of the signature's own time. Raises Refused("bad-signature").
    """
    cert = _parsed(certificate)
    try:
        signature = None if detached is None else pysequoia.Sig.from_bytes(detached)
        result = pysequoia.verify(bytes=content, store=lambda _ids: [cert], signature=signature)
        signers = [valid.certificate.upper() for valid in result.valid_sigs]
    except Exception:
        raise Refused("bad-signature", "Sequoia does not accept the signature") from None
    if len(signers) != 1:
        raise Refused("bad-signature", "there is not exactly one signature that Sequoia accepts")
    return signers[0], content if detached is not None else result.bytes or b""


@dataclass(frozen=True)
class SignatureFacts:
    """What a signature packet says of itself, verified by nobody: who, when, and whether it ends by itself."""

    issuers: tuple[str, ...]
    claimed: int
    expires: bool


def read_signature(octets: bytes) -> SignatureFacts:
    """The issuers (fingerprint and key ID, upper-case hex) and the time that one signature packet names; raises Refused."""
    damaged = Refused("bad-signature", "the signature packet is damaged or of an unknown version")
    try:
        if read_packets(octets)[0].part(0, 1) not in _VERSIONS:  # of another one Sequoia says nothing, and not that it does not know it
            raise damaged
        packet = next(iter(PacketPile.from_bytes(octets)))
        named = (packet.issuer_fingerprint, packet.issuer_key_id)
        claimed = int(packet.signature_created.timestamp()) if packet.signature_created else 0
        expires = packet.signature_expiration_time is not None
    except Exception:
        raise damaged from None
    return SignatureFacts(tuple(name.upper() for name in named if name), claimed, expires)


def wrap(certificates: Sequence[bytes]) -> list[bytes]:
    """Session-key packets (RFC 9580, 5.1) of one new session key, in the order of `certificates`; binary, framed.

    The message around them is empty and dropped. A certificate with several encryption subkeys gets several packets.
    Raises Refused("cannot-encrypt") if one of them has no key that Sequoia encrypts to.
    """
    try:
        message = pysequoia.encrypt(b"", [_parsed(octets) for octets in certificates], armor=False)
        return [bytes(packet) for packet in PacketPile.from_bytes(message) if packet.tag == Tag.PKESK]
    except Refused:
        raise
    except Exception:
        raise Refused("cannot-encrypt", "Sequoia cannot encrypt to this certificate") from None


def encrypt(content: bytes, certificate: bytes) -> bytes:
    """`content`, unsigned, encrypted to one certificate, binary. Raises Refused("cannot-encrypt")."""
    try:
        return bytes(pysequoia.encrypt(content, [_parsed(certificate)], armor=False))
    except Refused:
        raise
    except Exception:
        raise Refused("cannot-encrypt", "Sequoia cannot encrypt to this certificate") from None


_KINDS = {
    "MESSAGE": pysequoia.ArmorKind.Message,
    "PUBLIC KEY BLOCK": pysequoia.ArmorKind.PublicKey,
    "SIGNATURE": pysequoia.ArmorKind.Signature,
}


def armor(octets: bytes, kind: str) -> bytes:
    """ASCII armour of `kind` ("MESSAGE", "PUBLIC KEY BLOCK", "SIGNATURE") with CRC-24 and LF line ends."""
    return pysequoia.armor(octets, _KINDS[kind]).encode("ascii")
