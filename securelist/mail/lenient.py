"""What mail programs read where a mail is not quite right: encodings with junk, odd character sets, pages with tags between letters.

A text has several readings, because programs differ; whoever looks for something that must not be there looks in all of them. None of
them is shown to anybody: characters that are not ASCII are left out.
"""

from __future__ import annotations

import binascii
import codecs
import html
import re
from collections.abc import Iterator

from securelist.mail.charset import PIECE_OCTETS, codec_of
from securelist.mail.mime import Entity, encoding_of

# Base64 that goes on behind its padding; programs that put texts together write two or three pieces.
_MAX_PIECES = 1_000
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
_NOT_ASCII = bytes(set(range(256)) - {9, 10} - set(range(32, 127)))
# Shifts between character sets (ISO/IEC 2022), which show nothing.
_ESCAPE = re.compile(rb"\x1b[ -/]{0,3}[0-~]")
# A tag ends at a ">" outside of its quoted values; one that does not end swallows the rest, as it does for browsers.
_TAG = re.compile(
    rb"<([A-Za-z/!?][A-Za-z0-9]{0,9})[^>=]*+"
    rb"""(?:=[ \t\n]{0,9}+(?:"[^"]*+"|'[^']*+')?+[^>=]*+){0,100}+"""
    rb"[^>]*+>?"
)
_LINE_TAGS = {b"br", b"p", b"/p", b"div", b"/div", b"li", b"tr", b"td", b"pre", b"/pre", b"hr"}
_REFERENCE = re.compile(rb"&(?:#0*([0-9]{1,8})|#[xX]0*([0-9a-fA-F]{1,8})|[A-Za-z][A-Za-z0-9]{1,30})(?![0-9]);?")
# As browsers end it (WHATWG HTML, 13.2.5.42 to 51); one that does not end swallows the rest.
_COMMENT = re.compile(rb"<!--(?:-?>|.*?(?:--!?>|\Z))", re.DOTALL)
# What is in these is not shown. Whatever does not end goes to the end of the page, so that nothing is looked at twice.
_UNSHOWN = re.compile(rb"<(script|style)\b[^>]*+(?:\Z|>.*?(?:</\1[^>]*+(?:>|\Z)|\Z))", re.DOTALL | re.IGNORECASE)
_NO_BREAK_SPACE = 0xA0
_PRINTABLE = bytes(range(32, 127))


def readings(entity: Entity) -> Iterator[tuple[bytes, bool]]:
    """(text, whether tags were taken out of it) as programs may read an entity: ASCII alone, lines ending with LF."""
    for octets in _decoded(entity):
        for text in _in_ascii(octets, entity.parameter("charset")):
            yield text, False
            if entity.content_type != "text/plain":
                yield from ((_lines(_without_references(_without_tags(shown))), True) for shown in _shown(text))


def loosely_decoded(entity: Entity) -> bytes:
    """The body with its encoding undone, whatever is foreign to that dropped; raises Refused("bad-encoding") for one that nobody knows."""
    *_, last = _decoded(entity)
    return last


def _decoded(entity: Entity) -> Iterator[bytes]:
    """The body as it stands, and decoded."""
    yield entity.body
    encoding = encoding_of(entity)
    if encoding == "base64":
        yield _from_base64(entity.body)
    elif encoding == "quoted-printable":
        yield binascii.a2b_qp(entity.body)


def _from_base64(octets: bytes) -> bytes:
    pieces = octets.translate(None, _NOT_BASE64).split(b"=", _MAX_PIECES)
    pieces[-1] = pieces[-1].replace(b"=", b"")
    whole = (piece[: len(piece) - (len(piece) % 4 == 1)] for piece in pieces)
    return b"".join(binascii.a2b_base64(piece + b"==") for piece in whole if piece)


# --- character sets -----------------------------------------------------------------------------------------------------


def _in_ascii(octets: bytes, charset: str) -> Iterator[bytes]:
    """The ASCII characters of a text, and those that they are by its character set, where that says other things in ASCII."""
    yield _lines(_ESCAPE.sub(b"", octets) if b"\x1b" in octets else octets)
    try:
        codec = codec_of(charset or "ascii")
        if _PRINTABLE.decode(codec) == _PRINTABLE.decode("ascii"):
            return
    except (LookupError, UnicodeError):
        pass
    try:
        decoder = codecs.getincrementaldecoder(codec)("ignore")
        pieces = (decoder.decode(octets[at : at + PIECE_OCTETS]) for at in range(0, len(octets), PIECE_OCTETS))
        yield _lines(b"".join(piece.encode("ascii", "ignore") for piece in pieces))
    except (LookupError, ValueError, TypeError):  # nobody's character set, or one that cannot leave out what is none of it
        return


def _lines(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").translate(None, _NOT_ASCII)


# --- pages --------------------------------------------------------------------------------------------------------------


def _shown(page: bytes) -> Iterator[bytes]:
    """The page as it stands, and without what browsers leave out: programs that make text of pages know comments and scripts, or do not."""
    yield page
    commented, scripted = b"<!--" in page, bool(_UNSHOWN.search(page))
    if commented:
        yield _COMMENT.sub(b"", page)
    if scripted:
        yield _UNSHOWN.sub(b"", page)
    if commented and scripted:
        yield _UNSHOWN.sub(b"", _COMMENT.sub(b"", page))


def _without_tags(text: bytes) -> bytes:
    return _TAG.sub(lambda tag: b"\n" if tag[1].lower() in _LINE_TAGS else b"", text)


def _without_references(text: bytes) -> bytes:
    return _REFERENCE.sub(_character, text) if b"&" in text else text


def _character(reference: re.Match[bytes]) -> bytes:
    decimal, hexadecimal = reference.groups()
    if not (decimal or hexadecimal):
        shown = html.unescape(reference[0].decode("ascii"))  # knows which names need no semicolon
    else:
        number = int(decimal) if decimal else int(hexadecimal, 16)
        shown = chr(number) if number <= _NO_BREAK_SPACE else ""
    return shown.replace(chr(_NO_BREAK_SPACE), " ").encode("ascii", "ignore")
