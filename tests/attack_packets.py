"""OpenPGP packets as attackers put them together around what a member really signed: for the list that is attacked.

Whoever encrypts a message makes its session key and can put anything under it; whoever holds a secret key can sign any packet.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import time
from collections.abc import Callable
from functools import cache

from bad_mails import CANARY, Stage
from certification_forge import mpi, secret, subpacket
from cryptography.hazmat.primitives.ciphers.aead import AESOCB3
from forge import BLOCK, cfb, key_packets, packets_of, protected
from people import Somebody
from town import Town, entity

from securelist.openpgp.armor import dearmor
from securelist.openpgp.packets import Packet, Tag, read_packets, write_packet
from securelist.openpgp.sequoia import armor

HASHES = {2: "sha1", 8: "sha256", 10: "sha512"}
BINARY, TEXT = 0x00, 0x01

Change = Callable[..., bytes]


# --- what a member signed ----------------------------------------------------------------------------------------------


def content() -> bytes:
    """A text/plain entity that nobody has signed before."""
    return entity(f"{CANARY} {time.time_ns()}")


def signed(s: Stage, *options: str, who: Somebody | None = None, data: bytes | None = None) -> tuple[Packet, Packet, Packet]:
    """One-pass signature, literal data, signature: a message of Anna's, or of `who`."""
    signer = (who or s.anna).fingerprint
    made = s.people.gpg("-u", signer, "--compress-algo", "none", *options, "--sign", data=content() if data is None else data)
    once, literal, signature = read_packets(made)
    return once, literal, signature


def joined(*packets: Packet | bytes) -> bytes:
    """The octets of packets in a row."""
    return b"".join(packet if isinstance(packet, bytes) else packet.octets for packet in packets)


def literal(data: bytes, form: bytes = b"b", name: bytes = b"") -> bytes:
    """A literal data packet (RFC 9580, 5.9)."""
    return write_packet(Tag.LITERAL, form + bytes([len(name)]) + name + bytes(4) + data)


def compressed(packets: bytes, algorithm: int = 0) -> bytes:
    """A compressed data packet; algorithm 0 does not compress (RFC 9580, 9.4)."""
    return write_packet(Tag.COMPRESSED, bytes([algorithm]) + packets)


def one_pass(who: Somebody, kind: int = BINARY, digest: int = 8, algorithm: int = 22, last: int = 1) -> bytes:
    """A one-pass signature packet (RFC 9580, 5.4)."""
    body = bytes((3, kind, digest, algorithm)) + bytes.fromhex(who.fingerprint[-16:]) + bytes([last])
    return write_packet(Tag.ONE_PASS_SIGNATURE, body)


def created(at: int | None = None) -> bytes:
    """The subpacket that says when (RFC 9580, 5.2.3.11)."""
    return subpacket(2, (int(time.time()) if at is None else at).to_bytes(4, "big"))


def issuer_of(who: Somebody) -> bytes:
    """The subpackets that say who (RFC 9580, 5.2.3.12 and 5.2.3.35)."""
    return subpacket(33, b"\4" + bytes.fromhex(who.fingerprint)) + subpacket(16, bytes.fromhex(who.fingerprint[-16:]))


def signature(
    s: Stage,
    data: bytes,
    kind: int = BINARY,
    digest: int = 8,
    hashed: bytes | None = None,
    unhashed: bytes = b"",
    who: Somebody | None = None,
) -> bytes:
    """A version 4 signature by Anna (or `who`) over `data`, with just these subpackets (RFC 9580, 5.2.4)."""
    area = created() + issuer_of(who or s.anna) if hashed is None else hashed
    part = bytes((4, kind, 22, digest)) + len(area).to_bytes(2, "big") + area
    value = hashlib.new(HASHES[digest], data + part + b"\4\xff" + len(part).to_bytes(4, "big")).digest()
    return write_packet(Tag.SIGNATURE, part + len(unhashed).to_bytes(2, "big") + unhashed + value[:2] + _ed25519(s, who, value))


def old_signature(s: Stage, data: bytes, kind: int = BINARY) -> bytes:
    """A version 3 signature by Anna (RFC 9580, 5.2.2)."""
    part = bytes([kind]) + int(time.time()).to_bytes(4, "big")
    value = hashlib.sha256(data + part).digest()
    body = b"\3\5" + part + bytes.fromhex(s.anna.fingerprint[-16:]) + bytes((22, 8)) + value[:2] + _ed25519(s, None, value)
    return write_packet(Tag.SIGNATURE, body)


def _ed25519(s: Stage, who: Somebody | None, digest: bytes) -> bytes:
    value = _secret(s.people, who or s.anna).sign(digest)
    return mpi(value[:32]) + mpi(value[32:])


_secret = cache(secret)


# --- what is encrypted to the list -------------------------------------------------------------------------------------


@cache
def _outer(town_home: str, key: str, people: object) -> tuple[bytes, bytes]:
    encrypted = people.gpg("--cipher-algo", "AES256", "-r", key, "--encrypt", data=b"x")  # type: ignore[attr-defined]
    return key_packets(encrypted), session_key(town_home, encrypted)


def outer(town: Town) -> tuple[bytes, bytes]:
    """(session-key packets, session key) of a message to the list, for data packets of one's own."""
    return _outer(str(town.home / "gnupg"), town.key, town.people)


def session_key(home: str, message: bytes) -> bytes:
    """The session key of a message, as who made it knows it; told here by the gpg home that can decrypt it."""
    command = ["gpg", "--homedir", home, "--batch", "--status-fd", "2", "--show-session-key", "--decrypt"]
    said = subprocess.run(command, input=message, capture_output=True, check=False).stderr.decode(errors="replace")
    found = re.search(r"SESSION_KEY \d+:([0-9A-F]+)", said)
    assert found, said
    return bytes.fromhex(found[1])


def sealed(s: Stage, *inside: Packet | bytes) -> bytes:
    """A mail to the list; whoever encrypted it put these packets inside. The encryption is as it should be."""
    keys, key = outer(s.town)
    return framed(s, keys + protected(key, joined(*inside)))


def framed(s: Stage, message: bytes) -> bytes:
    """A PGP/MIME mail in Anna's name around binary OpenPGP data."""
    return s.mail(armor(message, "MESSAGE"))


def contained(s: Stage, tail: Callable[[bytes, bytes], bytes], container: Callable[[bytes], bytes] | None = None) -> bytes:
    """A mail whose data packet holds, encrypted, what `tail` makes of (random prefix, a message of Anna's)."""
    keys, key = outer(s.town)
    start = os.urandom(BLOCK)
    prefix = start + start[-2:]
    body = cfb(key, bytes(BLOCK), prefix + tail(prefix, joined(*signed(s))))
    return framed(s, keys + (container(body) if container else write_packet(Tag.SEIPD, b"\1" + body)))


def code(prefix: bytes, packets: bytes, header: bytes = b"\xd3\x14") -> bytes:
    """The modification detection code over prefix and packets (RFC 9580, 5.13.1), with its header."""
    return header + hashlib.sha1(prefix + packets + header).digest()


def data_packet(s: Stage, change: Callable[[bytes], bytes], *options: str) -> bytes:
    """A real post of Anna's whose data packet is another: made of the body of the one that gpg made."""
    message = dearmor(s.town.encrypt(s.anna, content(), "--compress-algo", "none", *options))
    return framed(s, key_packets(message) + change(packets_of(message, Tag.SEIPD)[0].body))


def ocb(s: Stage, chunks: Callable[[list[bytes]], list[bytes]], head: bytes = b"\1\x09\2\0") -> bytes:
    """A mail with GnuPG's AEAD packet (type 20): OCB in chunks of 64 octets, of which `chunks` makes others. The last is the tag of all."""
    keys, key = outer(s.town)
    plain, nonce, made = joined(*signed(s)), os.urandom(15), []
    pieces = [plain[at : at + 64] for at in range(0, len(plain), 64)]
    for number, piece in enumerate([*pieces, b""]):
        counted = (int.from_bytes(nonce, "big") ^ number).to_bytes(15, "big")
        more = len(plain).to_bytes(8, "big") if number == len(pieces) else b""
        made.append(AESOCB3(key).encrypt(counted, piece, b"\xd4\1\x09\2\0" + number.to_bytes(8, "big") + more))
    return framed(s, keys + write_packet(Tag.OCB, head + nonce + b"".join(chunks(made))))
