"""Certificates that poison, carry secrets, or weigh too much, as somebody hands them in with an attestation: each with its verdict.

They are put together packet by packet around a real Ed25519 key of somebody new, with signatures that verify unless they need not.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from bad_mails import DAY, Stage
from certification_forge import mpi, subpacket
from costly import key as key_body
from costly import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from people import Somebody

from securelist.openpgp.armor import dearmor
from securelist.openpgp.packets import Packet, Tag, read_packets, write_packet

LONG_AGO = int(time.time()) - 30 * DAY
USER_ID, BINDING, FOREIGN = 0x13, 0x18, 0x10


@dataclass(frozen=True)
class New:
    """Somebody new, made a month ago: their certificate by packets, and the secret key that signs."""

    stage: Stage
    who: Somebody
    key: Ed25519PrivateKey

    @property
    def packets(self) -> list[Packet]:
        """Primary key, user ID, its signature; encryption subkey, its signature."""
        return list(read_packets(dearmor(self.who.certificate)))

    @property
    def primary(self) -> bytes:
        return self.packets[0].body

    @property
    def name(self) -> bytes:
        """The user ID."""
        return self.packets[1].body

    @property
    def octets(self) -> bytes:
        return joined(self.packets)

    def signed(self, about: bytes, kind: int, *more: bytes, at: int = LONG_AGO + 60, unhashed: bytes = b"", digest: int = 8) -> bytes:
        """A signature packet of one's own over what follows the primary key in the hash (RFC 9580, 5.2.4)."""
        hashed = subpacket(2, at.to_bytes(4, "big")) + subpacket(33, b"\4" + bytes.fromhex(self.who.fingerprint)) + b"".join(more)
        part = bytes((4, kind, 22, digest)) + len(hashed).to_bytes(2, "big") + hashed
        data = of_key(self.primary) + about + part + b"\4\xff" + len(part).to_bytes(4, "big")
        value = hashlib.new({1: "md5", 2: "sha1", 8: "sha256"}[digest], data).digest()
        made = self.key.sign(value)
        unhashed = subpacket(16, bytes.fromhex(self.who.fingerprint[-16:])) + unhashed  # GnuPG looks for it
        rest = len(unhashed).to_bytes(2, "big") + unhashed + value[:2] + mpi(made[:32]) + mpi(made[32:])
        return write_packet(Tag.SIGNATURE, part + rest)

    def user_id(self, text: bytes, *more: bytes, **how: object) -> bytes:
        """A user ID with one's own signature."""
        about = b"\xb4" + len(text).to_bytes(4, "big") + text
        return write_packet(Tag.USER_ID, text) + self.signed(about, USER_ID, subpacket(27, b"\3"), *more, **how)  # type: ignore[arg-type]

    def subkey(self, body: bytes, flags: int, **how: object) -> bytes:
        """A key bound in as a subkey, without its own consent (RFC 9580, 5.2.1.8)."""
        return write_packet(Tag.PUBLIC_SUBKEY, body) + self.signed(of_key(body), BINDING, subpacket(27, bytes([flags])), **how)  # type: ignore[arg-type]


def joined(packets: list[Packet]) -> bytes:
    return b"".join(packet.octets for packet in packets)


def of_key(body: bytes) -> bytes:
    """A key as it goes into a hash."""
    return b"\x99" + len(body).to_bytes(2, "big") + body


def long_notation(octets: int) -> bytes:
    """A notation with so much in it."""
    body = b"\x80\0\0\0\0\x0e" + octets.to_bytes(2, "big") + b"n@evil.example" + b"x" * octets
    return b"\xff" + (len(body) + 1).to_bytes(4, "big") + b"\x14" + body


def foreign(count: int) -> bytes:
    """So many certifications of the user ID by keys that nobody has."""
    made = []
    for number in range(count):
        issuer = number.to_bytes(4, "big") + os.urandom(4)
        hashed = subpacket(2, LONG_AGO.to_bytes(4, "big")) + subpacket(16, issuer)
        made.append(write_packet(Tag.SIGNATURE, bytes((4, FOREIGN, 22, 8, 0, len(hashed))) + hashed + bytes(4) + 2 * mpi(os.urandom(32))))
    return b"".join(made)


def after_user_id(n: New, octets: bytes) -> bytes:
    """The certificate with something behind its user ID's signature."""
    return joined(n.packets[:3]) + octets + joined(n.packets[3:])


def photo(octets: int) -> bytes:
    """A user attribute with a photograph (RFC 9580, 5.12.1)."""
    body = b"\1" + b"\x10\0\1\1" + bytes(12) + os.urandom(octets)
    return write_packet(Tag.USER_ATTRIBUTE, b"\xff" + len(body).to_bytes(4, "big") + body)


def subkeys(n: New, count: int, *, bound: bool) -> bytes:
    """So many X25519 subkeys."""
    bodies = [encryption_key() for _ in range(count)]
    return b"".join(n.subkey(body, 0x0C) if bound else write_packet(Tag.PUBLIC_SUBKEY, body) for body in bodies)


def encryption_key() -> bytes:
    """The body of an X25519 key that nobody can use."""
    curve = bytes.fromhex("0a2b060104019755010501")
    return b"\4" + LONG_AGO.to_bytes(4, "big") + b"\x12" + curve + b"\x01\x07\x40" + os.urandom(32) + b"\3\1\x08\x07"


def whole(n: New, body: bytes) -> bytes:
    """A certificate around another primary key, whose signatures cannot verify."""
    return write_packet(Tag.PUBLIC_KEY, body) + joined(n.packets[1:])


def primary_of(who: Somebody) -> bytes:
    """The body of somebody's primary key."""
    return read_packets(dearmor(who.certificate))[0].body


def subkey_of(who: Somebody) -> bytes:
    """The body of somebody's first subkey."""
    return next(packet.body for packet in read_packets(dearmor(who.certificate)) if packet.tag == Tag.PUBLIC_SUBKEY)


def with_user_id(n: New, text: bytes, *more: bytes, **how: object) -> bytes:
    """The certificate with another user ID, or its own, signed anew."""
    return n.packets[0].octets + n.user_id(text, *more, **how) + joined(n.packets[3:])


def own_signatures(n: New, count: int) -> bytes:
    """So many good signatures of its own on its user ID, one a second."""
    about = b"\xb4" + len(n.name).to_bytes(4, "big") + n.name
    return b"".join(n.signed(about, USER_ID, subpacket(27, b"\3"), at=LONG_AGO + 100 + i) for i in range(count))


def list_subkey(s: Stage) -> bytes:
    return next(p.body for p in read_packets(dearmor(s.town.run("key", "show", "--armor"))) if p.tag == Tag.PUBLIC_SUBKEY)


def secret_packets(n: New) -> list[Packet]:
    return list(read_packets(n.stage.people.gpg("--export-secret-keys", n.who.fingerprint)))


def resigned(n: New, digest: int) -> bytes:
    """All of its own signatures by another hash."""
    text = n.packets[1].body
    return n.packets[0].octets + n.user_id(text, digest=digest) + n.subkey(n.packets[3].body, 0x0C, digest=digest)


Make = Callable[[New], bytes]
Case = tuple[Make, str]
"""How it is made, and the reason code of the refusal."""

SECRETS: dict[str, Case] = {
    "a secret key": (lambda n: joined(secret_packets(n)), "secret-key"),
    "a secret subkey under a public primary key": (lambda n: joined(n.packets[:3] + secret_packets(n)[3:]), "secret-key"),
    "a secret primary key behind the certificate": (lambda n: n.octets + secret_packets(n)[0].octets, "secret-key"),
    "a secret key in front of a ring of others": (lambda n: joined(secret_packets(n)) + dearmor(n.stage.anna.certificate), "secret-key"),
    "a secret key in the midst of a ring": (
        lambda n: dearmor(n.stage.anna.certificate) + joined(secret_packets(n)) + dearmor(n.stage.bert.certificate), "secret-key"
    ),
    "a secret key alone": (lambda n: secret_packets(n)[0].octets, "secret-key"),
    "a secret key behind a marker": (lambda n: write_packet(Tag.MARKER, b"PGP") + joined(secret_packets(n)), "certificate-missing"),
}  # fmt: skip

POISON: dict[str, Case] = {
    "a member's primary key as a subkey for nothing": (lambda n: n.octets + n.subkey(primary_of(n.stage.anna), 0), "key-of-another"),
    "a member's primary key as a subkey to encrypt to": (lambda n: n.octets + n.subkey(primary_of(n.stage.bert), 0x0C), "key-of-another"),
    "the list's subkey to encrypt to": (lambda n: n.octets + n.subkey(list_subkey(n.stage), 0x0C), "key-of-another"),
}  # fmt: skip

BROKEN: dict[str, Case] = {
    "held together by SHA-1": (lambda n: resigned(n, 2), "bad-certificate"),
    "held together by MD5": (lambda n: resigned(n, 1), "bad-certificate"),
    "held together from tomorrow on": (lambda n: with_user_id(n, n.name, at=int(time.time()) + DAY), "bad-certificate"),
    "held together for ninety days": (
        lambda n: with_user_id(n, n.name, subpacket(3, (90 * DAY).to_bytes(4, "big"))), "self-signature-expires"
    ),
    "expired": (lambda n: with_user_id(n, n.name, subpacket(9, DAY.to_bytes(4, "big"))), "expired"),
    "a critical notation that nobody knows": (
        lambda n: with_user_id(n, n.name, subpacket(20 | 0x80, b"\x80\0\0\0\0\1\0\1nx")), "bad-certificate"
    ),
    "a user ID with line feeds and escapes": (lambda n: with_user_id(n, b"x\n[GNUPG:] GOODSIG\x1b[2J <x@y.example>"), "no-user-id"),
    "a user ID with a NUL": (lambda n: with_user_id(n, b"x\0y <x@y.example>"), "no-user-id"),
    "a user ID of 60 kB": (lambda n: with_user_id(n, b"x" * 60_000), "unreadable-by-gnupg"),
    "a notation of 60 kB": (lambda n: with_user_id(n, n.name, long_notation(60_000)), "unreadable-by-gnupg"),
    "without any signature": (lambda n: b"".join(n.packets[i].octets for i in (0, 1, 3)), "bad-certificate"),
    "a primary key alone": (lambda n: n.packets[0].octets, "bad-certificate"),
    "of version 3": (lambda n: whole(n, b"\3" + n.primary[1:5] + b"\0\0" + n.primary[5:]), "bad-certificate"),
    "of version 5": (lambda n: whole(n, b"\5" + n.primary[1:6] + b"\0\0\0\x2c" + n.primary[6:]), "bad-certificate"),
    "of version 6 that is none": (lambda n: whole(n, b"\6" + n.primary[1:6] + b"\0\0\0\x2c" + n.primary[6:]), "bad-certificate"),
    "of version 0": (lambda n: whole(n, b"\0" + n.primary[1:]), "bad-certificate"),
    "of an unknown algorithm": (lambda n: whole(n, n.primary[:5] + b"\x63" + n.primary[6:]), "certificate-missing"),
    "on an unknown curve": (lambda n: whole(n, n.primary[:6] + b"\5\1\2\3\4\5" + n.primary[16:]), "certificate-missing"),
    "on a curve that runs over its end": (lambda n: whole(n, n.primary[:6] + b"\xff" + n.primary[7:]), "bad-certificate"),
    "in the wrong order": (lambda n: joined(n.packets[::-1]), "certificate-missing"),
    "behind a marker": (lambda n: write_packet(Tag.MARKER, b"PGP") + n.octets, "certificate-missing"),
    "in a literal": (lambda n: write_packet(Tag.LITERAL, b"b\0\0\0\0\0" + n.octets), "certificate-missing"),
    "compressed": (lambda n: write_packet(Tag.COMPRESSED, b"\0" + n.octets), "certificate-missing"),
    "with a literal in it": (lambda n: n.octets + write_packet(Tag.LITERAL, b"b\0\0\0\0\0hi"), "bad-certificate"),
    "with an unknown packet in it": (lambda n: n.octets + bytes((0xC0 | 60, 1)) + b"x", "bad-certificate"),
}  # fmt: skip

HEAVY: dict[str, Case] = {
    "3,000 foreign certifications": (lambda n: after_user_id(n, foreign(3000)), "too-many-packets"),
    "20,000 foreign certifications": (lambda n: after_user_id(n, foreign(20_000)), "too-many-packets"),
    "10 MB of foreign certifications": (lambda n: after_user_id(n, foreign(3000) * 35), "too-large"),
    "1,000 signatures of its own": (lambda n: after_user_id(n, own_signatures(n, 1000)), "too-many-signatures"),
    "1,000 that only claim to be its own": (
        lambda n: after_user_id(n, b"".join(n.signed(os.urandom(9), USER_ID) for _ in range(1000))), "too-many-signatures"
    ),
    "1,000 user IDs": (lambda n: n.octets + b"".join(n.user_id(b"u%d <u%d@x.example>" % (i, i)) for i in range(1000)), "too-many-packets"),
    "255 subkeys": (lambda n: n.octets + subkeys(n, 255, bound=True), "too-many-signatures"),
    "2,000 subkeys that nobody bound": (lambda n: n.octets + subkeys(n, 2000, bound=False), "too-many-packets"),
    "a photograph of 10 MB": (lambda n: after_user_id(n, photo(10 << 20)), "too-large"),
    "twenty user IDs with 60 kB each": (
        lambda n: n.octets + b"".join(n.user_id(b"u%d <u@x.example>" % i, long_notation(60_000)) for i in range(20)), "unreadable-by-gnupg"
    ),
    "RSA of 16,384 bits": (lambda n: n.octets + n.subkey(rsa(16_384), 0x0C), "key-too-large"),
    "RSA with an exponent as long": (lambda n: n.octets + n.subkey(rsa(4096, 4096), 0x0C), "key-too-large"),
    "ElGamal of 65,535 bits": (lambda n: n.octets + n.subkey(key_body(16, b"\xff\xff" + b"a" * 8192), 0x0C), "key-too-large"),
}  # fmt: skip

REFUSED = SECRETS | POISON | BROKEN | HEAVY

TAKEN: dict[str, tuple[Make, int]] = {
    "as it is": (lambda n: n.octets, 5),
    "its own signatures anew": (lambda n: resigned(n, 8), 5),
    "900 foreign certifications": (lambda n: after_user_id(n, foreign(900)), 5),
    "40 that only claim to be its own": (lambda n: after_user_id(n, b"".join(n.signed(os.urandom(9), USER_ID) for _ in range(40))), 5),
    "a photograph of 1 MB": (lambda n: after_user_id(n, photo(1 << 20)), 5),
    "1,000 photographs": (lambda n: after_user_id(n, photo(1000) * 1000), 5),
    "60 kB that nobody signed in a signature": (lambda n: with_user_id(n, n.name, unhashed=long_notation(60_000)), 5),
    "a marker in its midst": (lambda n: after_user_id(n, write_packet(Tag.MARKER, b"PGP")), 5),
    "padding at its end": (lambda n: n.octets + write_packet(Tag.PADDING, bytes(100_000)), 5),
    "a trust packet": (lambda n: after_user_id(n, write_packet(Tag.TRUST, b"\6")), 5),
    "a signature of version 5": (lambda n: after_user_id(n, write_packet(Tag.SIGNATURE, b"\5" + n.packets[2].body[1:])), 5),
    "a signature of version 99": (lambda n: after_user_id(n, write_packet(Tag.SIGNATURE, b"\x63" + os.urandom(60))), 5),
    "a signature of nothing": (lambda n: after_user_id(n, write_packet(Tag.SIGNATURE, b"")), 5),
    "a ring with another's in front": (lambda n: dearmor(n.stage.anna.certificate) + n.octets, 5),
    "its primary key twice": (lambda n: n.packets[0].octets + n.octets, 5),
    "everything twice": (lambda n: joined(n.packets + n.packets[1:]), 5),
    "another's user ID": (lambda n: with_user_id(n, f"Anna <{n.stage.anna.address}>".encode()), 5),
    "a user ID in Latin-1": (lambda n: with_user_id(n, b"Zo\xeb <zoe@y.example>"), 5),
    "a member's subkey to encrypt to": (lambda n: n.octets + n.subkey(subkey_of(n.stage.anna), 0x0C), 7),
    # Without the consent of the key itself, such a subkey counts for nothing, and the certificate enters without it.
    "a member's primary key as a subkey that signs": (lambda n: n.octets + n.subkey(primary_of(n.stage.anna), 2), 5),
    "a member's primary key as a subkey that nobody bound": (
        lambda n: n.octets + write_packet(Tag.PUBLIC_SUBKEY, primary_of(n.stage.anna)), 5
    ),
    "the Secretariat's primary key": (lambda n: n.octets + n.subkey(primary_of(n.stage.town.root), 2), 5),
    "the Admin Contact's primary key": (lambda n: n.octets + n.subkey(primary_of(n.stage.town.admin), 2), 5),
}  # fmt: skip
"""How it is made, and how many packets of it are kept."""
