"""PGPy: the packets that no other library lets us hold. Never a judge of a signature or of a certificate.

Sequoia chooses a session key and wraps it for the members, but does not tell it; so it wraps it for a throw-away key, too,
whose packet PGPy opens here. PGPy then puts the list's signed message into the one encrypted body that all copies share.
"""

from __future__ import annotations

import warnings

# PGPy 0.6.0 names ciphers that cryptography has moved, each time it looks one up; none of them is used here. (A filter for
# good, because `catch_warnings` is not for threads.)
warnings.filterwarnings("ignore", message=".*has been moved to cryptography.hazmat.decrepit")

import pgpy  # noqa: E402 - after the filter
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
