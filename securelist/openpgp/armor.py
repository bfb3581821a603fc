"""ASCII armour (RFC 9580, 6): off in Python, so that GnuPG gets binary; on by Sequoia, with the CRC that GnuPG 2.2 wants."""

from __future__ import annotations

import base64
import binascii
import re

from securelist.errors import Refused
from securelist.mail.mime import WHITE

# The armour's own header lines ("Version:", "Comment:", "Charset:") say nothing that counts: nobody signed them. The empty line after
# them holds a blank that does not break (in UTF-8) when the block was pasted into a mailer that writes HTML.
# Nothing that is matched is tried again in another length (*+), and the header has as many lines as any program writes, and more: `re`
# keeps a note of each, 40 octets for every one of theirs.
_BLOCK = re.compile(
    rb"(?:\A|(?<=\n))-----BEGIN PGP (?P<kind>[A-Z ]{3,30})-----[ \t]*\r?\n"
    rb"(?P<headers>(?:[!-9;-~]{1,60}:[^\r\n]*\r?\n){0,100})[ \t\xc2\xa0]*+\r?\n"
    rb"(?P<text>[A-Za-z0-9+/=\s]*+)"
    rb"-----END PGP (?P=kind)-----[ \t]*(?=\r?\n|\Z)",
)


def _octets(text: bytes) -> bytes:
    text = text.rstrip()
    if re.fullmatch(rb"(?:.*\s)?=[A-Za-z0-9+/]{4}", text[-6:], re.DOTALL):
        text = text[:-5]  # the CRC-24: no protection against anybody; RFC 9580, 6.1 says to ignore it
    try:
        return base64.b64decode(text.translate(None, WHITE), validate=True)
    except (binascii.Error, ValueError):
        raise Refused("bad-armor", "the ASCII armour is damaged: not base64") from None


def blocks(text: bytes) -> list[tuple[str, bytes]]:
    """(kind, octets) of each armoured block in `text`, such as ("PGP MESSAGE" without the "PGP ", …), in order."""
    return [(m["kind"].decode("ascii"), _octets(m["text"])) for m in _BLOCK.finditer(text)]


def only_block(text: bytes) -> tuple[str, bytes]:
    """(kind, octets) if `text` is one armoured block and white space, nothing else; raises Refused("not-one-block")."""
    match = _BLOCK.search(text)
    if match is None:
        raise Refused("not-one-block", "there is no whole ASCII-armoured OpenPGP block")
    if text[: match.start()].strip() or text[match.end() :].strip():
        raise Refused("text-outside-block", "there is text before or after the OpenPGP block, which nobody encrypted or signed")
    return match["kind"].decode("ascii"), _octets(match["text"])


def stated_charset(text: bytes) -> str:
    """What the first block's header says that its text is in (RFC 9580, 6.2.2), or the empty string; nobody signed that."""
    match = _BLOCK.search(text)
    stated = re.search(rb"(?im)^Charset:[ \t]*([!-~]{1,40})[ \t]*\r?$", match["headers"]) if match else None
    return stated[1].decode("ascii") if stated else ""


def is_armored(octets: bytes) -> bool:
    """Whether the octets are text with an armoured block rather than binary packets."""
    return b"-----BEGIN PGP " in octets


def dearmor(octets: bytes) -> bytes:
    """Binary octets of the one block in `octets`; what is binary already comes back as it is."""
    if octets[:1] and octets[0] & 0x80:
        return octets
    return only_block(octets)[1]
