"""Armoured messages within a text, read as leniently as the programs that look for them there: gpg, and those built into mail programs.

`armor.py` reads what this server takes for OpenPGP, strictly. Here the question is the other way round: what somebody's program may
decrypt although it is damaged or oddly written. So what cannot be read counts as encrypted.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from itertools import chain, pairwise

from securelist.errors import Refused
from securelist.openpgp.packets import Packet, Tag, decompress, first_tag, read_packets

# A thread quotes them (those are not counted), a tutorial shows two or three; each may have to be unpacked.
MAX_BLOCKS = 100
# What people paste is a text that somebody signed. gpg compresses it, once.
MAX_PASTED_OCTETS = 2 * 2**20
# Between the line and its beginning stand the marks of a quotation, if anything.
_MARGIN_OCTETS = 200

# Lines are broken between words by programs that fill paragraphs (RFC 3676), and joined again before anybody looks for the block.
_BEGIN = re.compile(rb"-----[ \t\n]{0,8}BEGIN[ \t\n]{1,8}PGP[ \t\n]{1,8}MESSAGE[^-\n]{0,40}-----")
_END = re.compile(rb"-----[ \t\n]{0,8}END[ \t\n]{1,8}PGP")
_END_LINE = re.compile(rb"\n[ \t]*-----END PGP MESSAGE[^-\n]{0,40}-----[ \t]*(?:\n|\Z)")
_REST_OF_LINE = re.compile(rb"[ \t]*([^\n]?)")
_EMPTY_LINE = re.compile(rb"\n[ \t]*\n")
_NO_HEADER_LINE = re.compile(rb"\n[^:\n]*(?=\n|\Z)")
_FOREIGN = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
# Programs skip these (RFC 9580, 5.8 and 5.14), as they do types that are not critical, private ones among them (4.3).
_SKIPPED, _NOT_CRITICAL = {Tag.MARKER, Tag.PADDING}, 40
_READABLE = {Tag.SIGNATURE, Tag.ONE_PASS_SIGNATURE, Tag.LITERAL}


def holds_encryption(text: bytes, page: bool = False) -> bool:
    """Whether a program may find an encrypted message in `text`: ASCII, with lines that end with LF; of a page, its lines may be lost.

    A block that is quoted (">" or "|" before its lines) is none, nor is one that holds nothing but signed or literal data, nor
    the words in the midst of a sentence. In a page, whose lines are where its tags make them, a sentence may be taken for one.
    """
    looked_at = 0
    for begin, following in pairwise(chain(_BEGIN.finditer(text), [None])):
        if begin is None or _is_quoted(text, begin) or (not page and _goes_on(text, begin.end())):
            continue
        looked_at += 1
        if looked_at > MAX_BLOCKS or any(not _is_harmless(data) for data in _readings(text, begin.end(), following)):
            return True
    return False


def _is_quoted(text: bytes, begin: re.Match[bytes]) -> bool:
    margin = text[max(0, begin.start() - _MARGIN_OCTETS) : begin.start()].rpartition(b"\n")[2].lstrip()[:1]
    below = text[begin.end() : begin.end() + _MARGIN_OCTETS].partition(b"\n")[2].lstrip()[:1]
    return margin in (b">", b"|") and below == margin


def _goes_on(text: bytes, at: int) -> bool:
    """Whether more stands in that line; then the line begins no block (RFC 9580, 6.2)."""
    rest = _REST_OF_LINE.match(text, at)
    return bool(rest and rest[1])


def _readings(text: bytes, start: int, following: re.Match[bytes] | None) -> Iterator[bytes]:
    """The octets of a block, from wherever programs may take its data to begin, to wherever they may take them to end."""
    end = following.start() if following else len(text)
    loose, line = _END.search(text, start, end), _END_LINE.search(text, start, end)
    for stop in {loose.start() if loose else end, line.start() + 1 if line else end}:
        block = text[start:stop].lstrip(b" \t")
        block = block if block.startswith(b"\n") else b"\n" + block
        empty, data = _EMPTY_LINE.search(block), _NO_HEADER_LINE.search(block)
        for begin in {empty.end() if empty else 0, data.start() if data else 0}:
            yield _octets(block[begin:])


def _octets(base: bytes) -> bytes:
    """What the base64 says up to its padding or checksum; foreign characters are dropped, as gpg does."""
    base = base.translate(None, _FOREIGN)
    before = base.partition(b"=")[0]
    if len(before) < 4:  # padding where nobody writes it
        before = base.replace(b"=", b"")
    before = before[: len(before) - (len(before) % 4 == 1)]
    return base64.b64decode(before + b"=" * (-len(before) % 4))


def _is_harmless(octets: bytes) -> bool:
    """Whether it is no OpenPGP, or nothing but signed or literal data, which no program decrypts."""
    if first_tag(octets) is None:
        return True
    try:
        return _is_readable(_real(octets), True)
    except Refused:
        return False


def _real(octets: bytes) -> list[Packet]:
    return [packet for packet in read_packets(octets) if packet.tag not in _SKIPPED and packet.tag < _NOT_CRITICAL]


def _is_readable(packets: list[Packet], unpack: bool) -> bool:
    if unpack and [packet.tag for packet in packets] == [Tag.COMPRESSED]:
        return _is_readable(_real(decompress(packets[0], MAX_PASTED_OCTETS)), False)
    return all(packet.tag in _READABLE for packet in packets)
