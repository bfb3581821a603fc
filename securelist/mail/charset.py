"""Character sets by the names that mail gives them (RFC 2978), in the wide sense in which mail programs use those names."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from functools import lru_cache

# Windows and Outlook write under the name of a national standard what they added to it, and browsers and mail programs read it so
# (WHATWG Encoding Standard, 4.2): "gb2312" without the rest of GBK would refuse people's names. And names that Python does not know.
_MEANT = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "big5": "cp950",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "windows-949": "cp949",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "iso-8859-6-i": "iso-8859-6",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-6-e": "iso-8859-6",
    "iso-8859-8-e": "iso-8859-8",
    "windows-874": "cp874",
    "windows-932": "cp932",
    "gb_2312-80": "gb18030",
    "cseuckr": "cp949",
    "x-euc-jp": "euc-jp",
    "cp50220": "iso-2022-jp",
    "x-mac-roman": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
    "unknown-8bit": "latin-1",  # RFC 1428: whatever it is
}
# Python has codecs that are none of mail's: ways to write other things in letters, some of them slow. By the names that it gives them.
_NO_CHARSETS = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
# Sets that everybody reads with more in them than Python's codecs know: NEC's circled numbers, Hong Kong's characters. By their octets.
_SHAPES = {
    "iso2022_jp": re.compile(rb"[\x00-\x7f]*+"),
    "euc_jp": re.compile(rb"(?:[\x00-\x7f]++|[\xa1-\xfe]{2}|\x8e[\xa1-\xdf]|\x8f[\xa1-\xfe]{2})*+"),
    "cp950": re.compile(rb"(?:[\x00-\x7f]++|[\x81-\xfe][\x40-\x7e\xa1-\xfe])*+"),
}
# A text of 25 MiB with one character beyond the Basic Multilingual Plane takes 100 as a `str`.
PIECE_OCTETS = 2**16
# No registered name is longer, and none holds anything else (RFC 2978, 2.3).
_NAME = re.compile(r"[A-Za-z0-9._:+-]{1,40}")


@lru_cache(maxsize=256)
def codec_of(charset: str) -> str:
    """Python's own name of its codec for what is meant by `charset`; one that Python does not know comes back for what it is not."""
    name = charset.lower()
    if not _NAME.fullmatch(name):
        return "?"
    try:
        found = codecs.lookup(_MEANT.get(name, name)).name  # whatever punctuation was in it
    except LookupError:
        return name
    try:
        with suppress(UnicodeError):
            b" ".decode(found)  # takes codecs of text alone: "bz2" is one, too
    except LookupError:
        return "?"
    return "?" if found in _NO_CHARSETS else found


def is_in(octets: bytes, charset: str) -> bool:
    """Whether `octets` can be read as text in `charset`: false also where nobody knows it."""
    codec = codec_of(charset)
    if codec in _SHAPES:
        return bool(_SHAPES[codec].fullmatch(octets))
    try:
        octets = octets.translate(None, _unassigned(codec))
        decoder = codecs.getincrementaldecoder(codec)()
        for at in range(0, len(octets), PIECE_OCTETS):
            decoder.decode(octets[at : at + PIECE_OCTETS])
        decoder.decode(b"", final=True)
    except (LookupError, ValueError):
        return False
    return True


@lru_cache(maxsize=256)
def _unassigned(codec: str) -> bytes:
    """The octets of a Windows code page that mean nothing to Python, and a control to everybody else (WHATWG Encoding Standard, 9)."""
    if not re.fullmatch(r"cp125[0-8]", codec):
        return b""
    return bytes(octet for octet in range(0x80, 0xA0) if not bytes([octet]).decode(codec, "ignore"))


def of_unlabelled(octets: bytes, named: str) -> str:
    """The character set of text whose label nobody signed: UTF-8 (RFC 9580, 5.9), unless the octets say that it is another, `named`.

    A label that went wrong on the way, or that somebody changed, must not make another text of the one that was signed. No text of
    some length in another character set is valid UTF-8, but for the Japanese and Korean sets of seven bits, which have escapes.
    """
    if b"\x1b" in octets and named.lower().startswith("iso-2022-"):
        return named
    return "utf-8" if is_in(octets, "utf-8") else named
