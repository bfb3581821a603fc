"""The framing of OpenPGP packets (RFC 9580, 4.2): where each begins and ends, read before any library sees the octets.

Counting and sorting packets first is what keeps a stranger's three thousand session-key packets away from gpg-agent,
and what tells one message from two. Nothing in here decrypts or verifies.
"""

from __future__ import annotations

import bz2
import hashlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from securelist.errors import Refused

# A message encrypted to every ccTLD's contacts has some hundred recipients; a certificate some hundred packets.
# Beyond this it is somebody's attempt to keep us busy.
MAX_PACKETS = 2000
# What a mail of 25 MiB may unpack to: twice as much as it can hold unpacked, and copies have the same limit. It is held some
# times over in memory.
MAX_DECOMPRESSED = 50 * 2**20
# RFC 9580, 4.2.1.4 asks it of the first partial length; pieces of one octet would take eighty times their size in memory.
MIN_PARTIAL_LENGTH = 512


class Tag(IntEnum):
    """Packet types (RFC 9580, 5) that this program tells apart."""

    PKESK = 1
    SIGNATURE = 2
    SKESK = 3
    ONE_PASS_SIGNATURE = 4
    SECRET_KEY = 5
    PUBLIC_KEY = 6
    SECRET_SUBKEY = 7
    COMPRESSED = 8
    SED = 9
    MARKER = 10
    LITERAL = 11
    TRUST = 12
    USER_ID = 13
    PUBLIC_SUBKEY = 14
    USER_ATTRIBUTE = 17
    SEIPD = 18
    MDC = 19
    OCB = 20
    PADDING = 21


@dataclass(frozen=True)
class Packet:
    """One packet: its type and its body without framing; `source[start:end]` is where it stood."""

    tag: int
    body: bytes
    source: bytes = field(repr=False)
    start: int
    end: int

    @property
    def octets(self) -> bytes:
        """The packet with its framing, as it stood."""
        return self.source[self.start : self.end]


def _broken(what: str) -> Refused:
    return Refused("not-openpgp", f"the OpenPGP data is damaged: {what}")


def _new_length(data: bytes, at: int) -> tuple[int, int, bool]:
    """(length, octets the length takes, partial) of a new-format length (RFC 9580, 4.2.1)."""
    first = data[at]
    if first < 192:
        return first, 1, False
    if first < 224:
        return ((first - 192) << 8) + data[at + 1] + 192, 2, False
    if first == 255:
        return int.from_bytes(data[at + 1 : at + 5], "big"), 5, False
    return 1 << (first & 0x1F), 1, True


def _new_packet(data: bytes, start: int) -> tuple[Packet, int]:
    at, chunks, partial = start + 1, [], True
    while partial:
        length, width, partial = _new_length(data, at)
        at += width
        if at + length > len(data):
            raise _broken("a packet ends early")
        if partial and length < MIN_PARTIAL_LENGTH:
            raise _broken("a packet comes in pieces that are too small (RFC 9580, 4.2.1.4)")
        chunks.append(data[at : at + length])
        at += length
    return Packet(data[start] & 0x3F, b"".join(chunks), data, start, at), at


def _old_packet(data: bytes, start: int) -> tuple[Packet, int]:
    """A packet with the legacy format (RFC 9580, 4.2.2); length type 3 reaches to the end."""
    tag, kind, at = (data[start] >> 2) & 0x0F, data[start] & 3, start + 1
    width = (1, 2, 4, 0)[kind]
    length = int.from_bytes(data[at : at + width], "big") if width else len(data) - at
    end = at + width + length
    if at + width > len(data) or end > len(data):
        raise _broken("a packet ends early")
    return Packet(tag, data[at + width : end], data, start, end), end


def read_packets(data: bytes) -> tuple[Packet, ...]:
    """The packets that `data` consists of, and nothing else; raises Refused("not-openpgp") or ("too-many-packets")."""
    packets: list[Packet] = []
    at = 0
    while at < len(data):
        if not data[at] & 0x80:
            raise _broken("what follows is not a packet")
        try:
            packet, at = (_new_packet if data[at] & 0x40 else _old_packet)(data, at)
        except IndexError:
            raise _broken("a packet ends early") from None
        packets.append(packet)
        if len(packets) > MAX_PACKETS:
            raise Refused("too-many-packets", f"more than {MAX_PACKETS} OpenPGP packets in one message")
    if not packets:
        raise _broken("it is empty")
    return tuple(packets)


def write_packet(tag: Tag, body: bytes) -> bytes:
    """`body` framed as one new-format packet (RFC 9580, 4.2.1) with a five-octet length."""
    return bytes((0xC0 | tag, 0xFF)) + len(body).to_bytes(4, "big") + body


class _Engine(Protocol):
    """Undoes one kind of compression; `eof` once the end of the stream was seen."""

    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _unpacked(engine: _Engine, body: bytes) -> bytes:
    data = engine.decompress(body, MAX_DECOMPRESSED + 1)
    if len(data) <= MAX_DECOMPRESSED and not engine.eof:
        raise _broken("compressed data end early")
    return data


def decompress(packet: Packet) -> bytes:
    """What a compressed data packet holds (RFC 9580, 5.6), at most MAX_DECOMPRESSED octets; raises Refused."""
    algorithm, body = packet.body[:1], packet.body[1:]
    try:
        if algorithm == b"\0":
            data = body
        elif algorithm == b"\1":
            data = _unpacked(zlib.decompressobj(-15), body)
        elif algorithm == b"\2":
            data = _unpacked(zlib.decompressobj(15), body)
        elif algorithm == b"\3":
            data = _unpacked(bz2.BZ2Decompressor(), body)
        else:
            raise _broken("an unknown compression")
    except (zlib.error, OSError, EOFError):
        raise _broken("compressed data are not what they say") from None
    if len(data) > MAX_DECOMPRESSED:
        raise Refused("too-large", f"the message unpacks to more than {MAX_DECOMPRESSED >> 20} MiB")
    return data


@dataclass(frozen=True)
class Literal:
    """A literal data packet (RFC 9580, 5.9): its format octet ("b", "t", "u") and the data."""

    format: str
    data: bytes


def read_literal(packet: Packet) -> Literal:
    """The parts of a literal data packet; its file name and date are nobody's business and are dropped."""
    body = packet.body
    if len(body) < 6 or len(body) < 6 + body[1]:
        raise _broken("a literal data packet is too short")
    return Literal(chr(body[0]), body[6 + body[1] :])


def _subpacket_length(data: bytes, at: int) -> tuple[int, int]:
    """(length, octets the length takes): as for packets, but two octets up to 254 (RFC 9580, 5.2.3.7)."""
    if 224 <= data[at] < 255:
        return ((data[at] - 192) << 8) + data[at + 1] + 192, 2
    length, width, _ = _new_length(data, at)
    return length, width


def _subpackets(area: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """(type, body, octets with framing) of each subpacket in an area (RFC 9580, 5.2.3.7)."""
    at = 0
    while at < len(area):
        try:
            length, taken = _subpacket_length(area, at)
            kind = area[at + taken] & 0x7F
        except IndexError:
            raise _broken("a signature's subpackets end early") from None
        end = at + taken + length
        if end > len(area):
            raise _broken("a signature's subpackets end early")
        yield kind, area[at + taken + 1 : end], area[at:end]
        at = end


def hashed_subpackets(signature: Packet) -> tuple[tuple[int, bytes], ...]:
    """(type, body) of each subpacket that a v4 or v6 signature covers (RFC 9580, 5.2.3.7)."""
    body = signature.body
    if not body or body[0] not in (4, 6):
        return ()
    width = 2 if body[0] == 4 else 4
    end = 4 + width + int.from_bytes(body[4 : 4 + width], "big")
    return tuple((kind, value) for kind, value, _ in _subpackets(body[4 + width : end]))


def unhashed_subpackets(signature: Packet) -> tuple[tuple[int, bytes], ...]:
    """(type, body) of each subpacket of a v4 signature that it does not cover: anybody can have written them."""
    body = signature.body
    if body[:1] != b"\4":
        return ()
    start = 6 + int.from_bytes(body[4:6], "big")
    end = start + 2 + int.from_bytes(body[start : start + 2], "big")
    return tuple((kind, value) for kind, value, _ in _subpackets(body[start + 2 : end]))


def keep_unhashed(signature: Packet, wanted: Callable[[int, bytes], bool]) -> Packet:
    """A v4 signature with those subpackets only of its unhashed area, which anybody can write, that are `wanted` (type, body)."""
    body = signature.body
    if body[:1] != b"\4":
        return signature
    start = 6 + int.from_bytes(body[4:6], "big")
    end = start + 2 + int.from_bytes(body[start : start + 2], "big")
    kept = b"".join(octets for kind, value, octets in _subpackets(body[start + 2 : end]) if wanted(kind, value))
    less = body[:start] + len(kept).to_bytes(2, "big") + kept + body[end:]
    return read_packets(write_packet(Tag.SIGNATURE, less))[0]


def signature_type(packet: Packet) -> int | None:
    """The type of a signature of version 3 or 4, those that GnuPG knows (RFC 9580, 5.2.1 and 5.2.3); None for anything else."""
    where = {3: 2, 4: 1}.get(packet.body[0]) if packet.tag == Tag.SIGNATURE and len(packet.body) > 2 else None
    return None if where is None else packet.body[where]


# Revocations among those types.
KEY_REVOCATION, SUBKEY_REVOCATION = 0x20, 0x28
_REASON = 29
# Superseded, and no longer used (RFC 9580, 5.2.3.31): what was signed before stays as it was.
_RETIRED = {1, 3}


def retires(revocation: Packet) -> bool:
    """Whether a key's revocation says no worse than "superseded" or "no longer used"; what its unhashed area says counts for nothing."""
    try:
        reasons = {body[0] for kind, body in hashed_subpackets(revocation) if kind == _REASON and body}
    except Refused:
        return False
    return bool(reasons) and reasons <= _RETIRED


INTENDED_RECIPIENT = 35


def intended_recipients(signature: Packet) -> tuple[str, ...]:
    """Fingerprints (upper-case hex) to which the signer says the message was addressed (RFC 9580, 5.2.3.36)."""
    return tuple(body[1:].hex().upper() for kind, body in hashed_subpackets(signature) if kind == INTENDED_RECIPIENT)


def fingerprint(key: Packet) -> str:
    """The fingerprint (upper-case hex) of a key packet of version 4 or 6 (RFC 9580, 5.5.4); empty for another version."""
    body = key.body
    if body[:1] == b"\4" and len(body) < 1 << 16:
        return hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False).hexdigest().upper()
    if body[:1] == b"\6":
        return hashlib.sha256(b"\x9b" + len(body).to_bytes(4, "big") + body).hexdigest().upper()
    return ""


def recipient_of(pkesk: Packet) -> str:
    """The key ID (16 upper-case hex digits) a session-key packet is for; sixteen zeros when it does not say (5.1)."""
    body = pkesk.body
    if body[:1] == b"\3" and len(body) > 9:
        return body[1:9].hex().upper()
    # In version 6: the length of what follows, the key's version, its fingerprint, whose end or beginning is the key ID.
    if body[:3] == b"\6\x15\4" and len(body) >= 23:
        return body[15:23].hex().upper()
    if body[:3] == b"\6\x21\6" and len(body) >= 35:
        return body[3:11].hex().upper()
    return ANONYMOUS


ANONYMOUS = "0" * 16
