"""PGPy: the packets that no other library lets us hold. Never a judge of a signature or of a certificate.

Sequoia chooses a session key and wraps it for the members, but does not tell it; so it wraps it for a throw-away key, too,
whose packet PGPy opens here. PGPy then puts the list's signed message into the one encrypted body that all copies share.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # PGPy 0.6.0 imports ciphers that cryptography has moved, and imghdr; nothing in here uses them.
    warnings.simplefilter("ignore")
    import pgpy
    from pgpy.constants import (
        CompressionAlgorithm,
        EllipticCurveOID,
        HashAlgorithm,
        KeyFlags,
        PubKeyAlgorithm,
        SymmetricKeyAlgorithm,
    )
    from pgpy.packet.packets import IntegrityProtectedSKEDataV1


class ThrowAwayKey:
    """An X25519 key that lives in this process's memory only, and learns session keys from Sequoia.

    Its certificate does not announce RFC 9580's encryption container, which keeps Sequoia to the one that every member's
    software reads (version 1, RFC 9580, 5.13.1).
    """

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            algorithm, session_key = pgpy.packet.Packet(bytearray(key_packet)).decrypt_sk(self._subkey)
            body = IntegrityProtectedSKEDataV1()
            body.encrypt(bytes(session_key), algorithm, content)
            body.update_hlen()
            return bytes(body.__bytearray__())
