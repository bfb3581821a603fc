"""PGPy: the packets that no other library lets us hold. Never the only judge of a signature, and no judge of a certificate.

Sequoia chooses a session key and wraps it for the members, but does not tell it; so it wraps it for a throw-away key, too,
whose packet PGPy opens here. PGPy then puts the list's signed message into the one encrypted body that all copies share.

Sequoia does not tell third-party certifications through pysequoia, so PGPy is the second engine for those.
"""

from __future__ import annotations

import warnings

# PGPy 0.6.0 names ciphers that cryptography has moved, each time it looks one up; none of them is used here. (A filter for
# good, because `catch_warnings` is not for threads.)
warnings.filterwarnings("ignore", message=".*has been moved to cryptography.hazmat.decrepit")

import pgpy  # noqa: E402 - after the filter
from cryptography.hazmat.primitives import hashes  # noqa: E402
from pgpy.constants import (  # noqa: E402
    CompressionAlgorithm,
    EllipticCurveOID,
    HashAlgorithm,
    KeyFlags,
    PubKeyAlgorithm,
    SymmetricKeyAlgorithm,
)
from pgpy.packet.packets import IntegrityProtectedSKEDataV1  # noqa: E402


class ThrowAwayKey:
    """An X25519 key that lives in this process's memory only, and learns session keys from Sequoia.

    Its certificate does not announce RFC 9580's encryption container, which keeps Sequoia to the one that every member's
    software reads (version 1, RFC 9580, 5.13.1).
    """

    def __init__(self) -> None:
        key = pgpy.PGPKey.new(PubKeyAlgorithm.EdDSA, EllipticCurveOID.Ed25519)
        key.add_uid(
            pgpy.PGPUID.new("throw-away"),
            usage={KeyFlags.Sign},
            hashes=[HashAlgorithm.SHA256],
            ciphers=[SymmetricKeyAlgorithm.AES256],
            compression=[CompressionAlgorithm.Uncompressed],
        )
        key.add_subkey(pgpy.PGPKey.new(PubKeyAlgorithm.ECDH, EllipticCurveOID.Curve25519), usage={KeyFlags.EncryptCommunications})
        self._subkey = next(iter(key.subkeys.values()))._key
        self.certificate = bytes(key.pubkey)

    def seal(self, key_packet: bytes, content: bytes) -> bytes:
        """`content` (OpenPGP packets) as one integrity-protected data packet under the session key in `key_packet`."""
        algorithm, session_key = pgpy.packet.Packet(bytearray(key_packet)).decrypt_sk(self._subkey)
        body = IntegrityProtectedSKEDataV1()
        body.encrypt(bytes(session_key), algorithm, content)
        body.update_hlen()
        return bytes(body.__bytearray__())


def certifies(certification: bytes, certifier: bytes, signed: bytes) -> bool:
    """Whether PGPy, too, finds a certification good: three packets (primary key, user ID, signature), by one key packet.

    `signed` is what the signature is over. PGPy would put that together itself, but writes some subpackets otherwise than
    they stood, a notation in another script for one. Its own `verify` warns each time of what it leaves out, and minds some
    expiry and no revocation. Whatever it raises means no.
    """
    try:
        subject = pgpy.PGPKey.from_blob(certification)[0]  # held on to: its user ID refers to it weakly
        [user_id] = subject.userids
        [signature] = user_id.__sig__
        key = pgpy.PGPKey.from_blob(certifier)[0]
        over = b"".join((bytes(subject.hashdata), b"\xb4", len(user_id.hashdata).to_bytes(4, "big"), bytes(user_id.hashdata)))
        if not signed[3:].startswith(over + bytes((4, signature.type))) or signature.signer != key.fingerprint.keyid:
            return False
        return key._key.verify(signed, signature.__sig__, getattr(hashes, signature.hash_algorithm.name)()) is True
    except Exception:
        return False
