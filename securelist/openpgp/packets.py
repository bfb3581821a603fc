"""The framing of OpenPGP packets (RFC 9580, 4.2): where each begins and ends, read before any library sees the octets.

Counting and sorting packets first is what keeps a stranger's three thousand session-key packets away from gpg-agent,
and what tells one message from two. Nothing in here decrypts or verifies.
"""

from __future__ import annotations

import bz2
import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from securelist.errors import Refused

# A message encrypted to every ccTLD's contacts has some hundred recipients; a certificate some hundred packets.
# Beyond this it is somebody's attempt to keep us busy.
MAX_PACKETS = 2000
# What a mail may unpack to: attachments do not compress, so a mail of 25 MiB holds no more of them (base64 of what fits into base64).
# The members' mail clients unpack it, too. It is held up to four times in memory.
MAX_DECOMPRESSED = 25 * 2**20
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
    """One packet: its type; `source[start:end]` is where it stood, `spans` where in `source` the pieces of its body are."""

    tag: int
    source: bytes = field(repr=False)
    start: int
    end: int
    spans: tuple[tuple[int, int], ...] = field(repr=False)

    @property
    def body(self) -> bytes:
        """The packet without its framing: a copy, each time."""
        return self.part(0, len(self.source))

    def part(self, begin: int, end: int) -> bytes:
        """`body[begin:end]`, without a copy of the whole where it stood in one piece."""
        first, last = self.spans[0]
        if len(self.spans) == 1:
            return self.source[first + begin : min(first + end, last)]
        return b"".join(self.source[start:stop] for start, stop in self.spans)[begin:end]

    @property
    def size(self) -> int:
        """How many octets the body has."""
        return sum(end - start for start, end in self.spans)

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
    at, spans, partial = start + 1, list[tuple[int, int]](), True
    while partial:
        length, width, partial = _new_length(data, at)
        at += width
        if at + length > len(data):
            raise _broken("a packet ends early")
        if partial and length < MIN_PARTIAL_LENGTH:
            raise _broken("a packet comes in pieces that are too small (RFC 9580, 4.2.1.4)")
        spans.append((at, at + length))
        at += length
    return Packet(data[start] & 0x3F, data, start, at, tuple(spans)), at


def _old_packet(data: bytes, start: int) -> tuple[Packet, int]:
    """A packet with the legacy format (RFC 9580, 4.2.2); length type 3 reaches to the end."""
    tag, kind, at = (data[start] >> 2) & 0x0F, data[start] & 3, start + 1
    width = (1, 2, 4, 0)[kind]
    length = int.from_bytes(data[at : at + width], "big") if width else len(data) - at
    end = at + width + length
    if at + width > len(data) or end > len(data):
        raise _broken("a packet ends early")
    return Packet(tag, data, start, end, ((at + width, end),)), end


def first_tag(data: bytes) -> int | None:
    """The type of the packet that `data` begins with; None if it begins with none. What follows is not looked at."""
    first = data[0] if data else 0
    if not first & 0x80:
        return None
    return first & 0x3F if first & 0x40 else (first >> 2) & 0x0F


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
    """Undoes one kind of compression; `eof` once the end of the stream was seen, `unused_data` is what stood behind it."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _unpacked(engine: _Engine, body: bytes, most: int) -> bytes:
    data = engine.decompress(body, most + 1)
    if len(data) <= most and not engine.eof:
        raise _broken("compressed data end early")
    if engine.unused_data:
        raise _broken("something follows the compressed data")
    return data


def decompress(packet: Packet, most: int = MAX_DECOMPRESSED) -> bytes:
    """What a compressed data packet holds (RFC 9580, 5.6), at most so many octets; raises Refused("not-openpgp") or ("too-large")."""
    algorithm, body = packet.part(0, 1), packet.part(1, packet.size)
    try:
        if algorithm == b"\0":
            data = body
        elif algorithm == b"\1":
            data = _unpacked(zlib.decompressobj(-15), body, most)
        elif algorithm == b"\2":
            data = _unpacked(zlib.decompressobj(15), body, most)
        elif algorithm == b"\3":
            data = _unpacked(bz2.BZ2Decompressor(), body, most)
        else:
            raise _broken("an unknown compression")
    except (zlib.error, OSError, EOFError):
        raise _broken("compressed data are not what they say") from None
    if len(data) > most:
        raise Refused("too-large", f"the message unpacks to more than {most / 2**20:g} MiB")
    return data


@dataclass(frozen=True)
class Literal:
    """A literal data packet (RFC 9580, 5.9): its format octet ("b", "t", "u") and the data."""

    format: str
    data: bytes


def read_literal(packet: Packet) -> Literal:
    """The parts of a literal data packet; its file name and date are nobody's business and are dropped."""
    head, size = packet.part(0, 2), packet.size
    if size < 6 or size < 6 + head[1]:
        raise _broken("a literal data packet is too short")
    return Literal(chr(head[0]), packet.part(6 + head[1], size))


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


def _areas(body: bytes) -> tuple[bytes, int, bytes, int]:
    """(hashed area, its end, unhashed area, its end) of a signature of version 4 or 6 (RFC 9580, 5.2.3); raises Refused."""
    width, ends, areas = (2 if body[0] == 4 else 4), list[int](), list[bytes]()
    end = 4
    for _ in range(2):
        start = end + width
        end = start + int.from_bytes(body[end:start], "big")
        if end > len(body):
            raise _broken("a signature's subpackets end early")
        areas.append(body[start:end])
        ends.append(end)
    return areas[0], ends[0], areas[1], ends[1]


def hashed_subpackets(signature: Packet) -> tuple[tuple[int, bytes], ...]:
    """(type, body) of each subpacket that a v4 or v6 signature covers (RFC 9580, 5.2.3.7); raises Refused("not-openpgp")."""
    if signature.body[:1] not in (b"\4", b"\6"):
        return ()
    return tuple((kind, value) for kind, value, _ in _subpackets(_areas(signature.body)[0]))


def unhashed_subpackets(signature: Packet) -> tuple[tuple[int, bytes], ...]:
    """(type, body) of each subpacket of a v4 signature that it does not cover: anybody can have written them. Raises Refused."""
    if signature.body[:1] != b"\4":
        return ()
    return tuple((kind, value) for kind, value, _ in _subpackets(_areas(signature.body)[2]))


def keep_unhashed(signature: Packet, wanted: Callable[[int, bytes], bool]) -> Packet:
    """A v4 signature with those subpackets only of its unhashed area, which anybody can write, that are `wanted` (type, body)."""
    body = signature.body
    if body[:1] != b"\4":
        return signature
    _, start, unhashed, end = _areas(body)
    kept = b"".join(octets for kind, value, octets in _subpackets(unhashed) if wanted(kind, value))
    less = body[:start] + len(kept).to_bytes(2, "big") + kept + body[end:]
    return read_packets(write_packet(Tag.SIGNATURE, less))[0]


def issuers_named(fingerprint: str) -> Mapping[int, bytes]:
    """The subpackets that name a version 4 key as a signature's issuer, by type (RFC 9580, 5.2.3.12 and 5.2.3.35)."""
    return {16: bytes.fromhex(fingerprint[-16:]), 33: b"\4" + bytes.fromhex(fingerprint)}


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
