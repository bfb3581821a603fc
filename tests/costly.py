"""Keys that cost much to work with, and signatures that only claim to be by them: nobody has the secret keys, all of it is random.

Whoever sends such a thing needs no more than this file. The first octets of each signature's hash are right, so that an engine
goes on to the arithmetic.
"""

from __future__ import annotations

import hashlib
import os

from certification_forge import NAME, mpi, notation, subpacket
from trust_world import BORN

from securelist.openpgp.packets import Tag, fingerprint, read_packets, write_packet

WHO = b"Eve <eve@evil.example>"


def number(bits: int) -> bytes:
    """A random odd number of this length, as keys have it."""
    octets = bytearray(os.urandom((bits + 7) // 8))
    octets[0] = (octets[0] | 0xFF) >> (-bits % 8)
    octets[-1] |= 1
    return mpi(bytes(octets))


def key(algorithm: int, *material: bytes, version: int = 4) -> bytes:
    """The body of a key packet (RFC 9580, 5.5.2)."""
    return bytes((version,)) + BORN.to_bytes(4, "big") + bytes((algorithm,)) + b"".join(material)


def rsa(bits: int, exponent: int = 17) -> bytes:
    return key(1, number(bits), number(exponent))


def name(body: bytes) -> str:
    """The fingerprint of a key."""
    return fingerprint(read_packets(write_packet(Tag.PUBLIC_KEY, body))[0])


def signature(body: bytes, issuer: str, kind: int, made: int, values: tuple[bytes, ...], more: bytes = b"") -> bytes:
    """A certification of the user ID of this key in the name of `issuer`; `more` are further subpackets."""
    hashed = subpacket(2, made.to_bytes(4, "big")) + subpacket(27, b"\3") + subpacket(33, b"\4" + bytes.fromhex(issuer)) + more
    algorithm = body[5] if issuer == name(body) else 22
    part = bytes((4, kind, algorithm, 8)) + len(hashed).to_bytes(2, "big") + hashed
    about = b"\x99" + len(body).to_bytes(2, "big") + body + b"\xb4" + len(WHO).to_bytes(4, "big") + WHO
    digest = hashlib.sha256(about + part + b"\4\xff" + len(part).to_bytes(4, "big")).digest()
    unhashed = subpacket(16, bytes.fromhex(issuer[-16:]))
    return write_packet(Tag.SIGNATURE, part + len(unhashed).to_bytes(2, "big") + unhashed + digest[:2] + b"".join(values))


def certificate(body: bytes, signatures: int, *foreign: bytes, values: tuple[bytes, ...] = ()) -> bytes:
    """A certificate, binary, with so many signatures in its owner's name, of random `values`; then `foreign` ones."""
    own = [signature(body, name(body), 0x13, BORN + i, values or (number(1000),)) for i in range(signatures)]
    return write_packet(Tag.PUBLIC_KEY, body) + write_packet(Tag.USER_ID, WHO) + b"".join((*own, *foreign))


def in_the_name_of(issuer: str, body: bytes, count: int, made: int) -> list[bytes]:
    """So many certifications for .nl, each another one, that somebody (a fingerprint) is said to have made with an Ed25519 key."""
    values = number(255), number(250)
    return [signature(body, issuer, 0x10, made + i, values, notation(NAME, "nl")) for i in range(count)]


def text_by(body: bytes, at: int) -> bytes:
    """A signed message that names this key."""
    literal = write_packet(Tag.LITERAL, b"t\0" + bytes(4) + b"Securelist-Statement: request-membership\n")
    hashed = subpacket(2, at.to_bytes(4, "big")) + subpacket(33, b"\4" + bytes.fromhex(name(body)))
    part = bytes((4, 1, body[5], 8)) + len(hashed).to_bytes(2, "big") + hashed
    return write_packet(Tag.SIGNATURE, part + b"\0\0\0\0" + number(1000)) + literal
