"""Character sets by the names that mail gives them (RFC 2978), in the wide sense in which mail programs use those names."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress

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
    "windows-874": "cp874",
}
# Python has codecs that are none of mail's: ways to write other things in letters, some of them slow.
_NO_CHARSETS = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
# A text of 25 MiB with one character beyond the Basic Multilingual Plane takes 100 as a `str`.
PIECE_OCTETS = 2**16
# No registered name is longer, and none holds anything else (RFC 2978, 2.3).
_NAME = re.compile(r"[A-Za-z0-9._:+-]{1,40}")


def codec_of(charset: str) -> str:
    """The name of Python's codec for what is meant by `charset`; one that Python does not know comes back for what it is not."""
    name = charset.lower()
    if not _NAME.fullmatch(name) or re.sub(r"[_.+:]", "-", name) in _NO_CHARSETS:
        return "?"
    return _MEANT.get(name, name)


def is_in(octets: bytes, charset: str) -> bool:
    """Whether `octets` can be read as text in `charset`: false also where nobody knows it."""
    if charset.lower() == "iso-2022-jp":  # with NEC's circled numbers and the like, which all read and Python does not
        return octets.isascii()
    try:
        decoder = _decoder(codec_of(charset))
        for at in range(0, len(octets), PIECE_OCTETS):
            decoder.decode(octets[at : at + PIECE_OCTETS])
        decoder.decode(b"", final=True)
    except (LookupError, ValueError):
        return False
    return True


def _decoder(codec: str) -> codecs.IncrementalDecoder:
    with suppress(UnicodeError):
        b" ".decode(codec)  # unlike the next line, this takes codecs of text alone: "bz2" is one, too
    return codecs.getincrementaldecoder(codec)()


def of_unlabelled(octets: bytes, named: str) -> str:
    """The character set of text whose label nobody signed: UTF-8 (RFC 9580, 5.9), unless the octets say that it is another, `named`.

    A label that went wrong on the way, or that somebody changed, must not make another text of the one that was signed. No text of
    some length in another character set is valid UTF-8, but for the Japanese and Korean sets of seven bits, which have escapes.
    """
    if b"\x1b" in octets and named.lower().startswith("iso-2022-"):
        return named
    return "utf-8" if is_in(octets, "utf-8") else named
