"""What a file handed to `statement submit` is: a mail, signed text, or certificates, armoured or binary, several in one.

Recognised by its octets, never by its name. Nothing is verified here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from securelist.errors import Refused
from securelist.openpgp.admission import split_certificates
from securelist.openpgp.packets import Tag, read_packets
from securelist.trust.submission import Parcel

# A hundred certificates with post-quantum keys and fifty signed mails stay below.
MAX_OCTETS = 8 * 2**20

# From a mail to (signed texts, certificates as they were attached, armoured or binary).
MailReader = Callable[[bytes], tuple[list[bytes], list[bytes]]]

_BEGIN = re.compile(rb"^-----BEGIN PGP (SIGNED MESSAGE|MESSAGE|PUBLIC KEY BLOCK|PRIVATE KEY BLOCK)-----[ \t]*\r?$", re.MULTILINE)
_MAIL = re.compile(
    rb"^(?:From|Received|Message-ID|MIME-Version|Content-Type|Return-Path|Delivered-To)[ \t]*:", re.IGNORECASE | re.MULTILINE
)
_MBOX_LINE = re.compile(rb"\AFrom [^\n]*\n")


def classify(files: Iterable[bytes], mail_reader: MailReader) -> Parcel:
    """The parcel in some files; `mail_reader` takes whole mails apart. Raises Refused for a file that is none of these."""
    signed: list[bytes] = []
    certificates: list[bytes] = []
    octets = 0
    for file in files:
        octets += len(file)
        if octets > MAX_OCTETS:
            raise Refused("too-large", f"a submission has at most {MAX_OCTETS >> 20} MiB")
        texts, rings = mail_reader(_MBOX_LINE.sub(b"", file)) if _is_mail(file) else _blocks_of(file)
        signed += texts
        certificates += (certificate for ring in rings for certificate in split_certificates(ring))
    return Parcel(tuple(signed), tuple(certificates))


def _is_mail(octets: bytes) -> bool:
    head = re.split(rb"\r?\n\r?\n", octets, maxsplit=1)[0]
    return bool(_MAIL.search(head)) and not _BEGIN.search(head) and re.match(rb"From |[!-9;-~]+[ \t]*:", octets) is not None


def _blocks_of(octets: bytes) -> tuple[list[bytes], list[bytes]]:
    """(signed texts, key rings) in a file that is not a mail."""
    if not octets.strip():
        raise Refused("empty", "a file is empty")
    if octets[0] & 0x80:
        is_ring = read_packets(octets)[0].tag in (Tag.PUBLIC_KEY, Tag.SECRET_KEY)
        return ([], [octets]) if is_ring else ([octets], [])
    signed: list[bytes] = []
    rings: list[bytes] = []
    for kind, block in _armored(octets):
        (rings if kind.endswith(b"KEY BLOCK") else signed).append(block)
    if signed or rings:
        return signed, rings
    if b"securelist-statement" in octets.lower():
        raise Refused("not-signed", "this statement is not signed; sign it with: gpg --clearsign FILE")
    raise Refused("not-recognised", "this is neither a mail nor an OpenPGP-signed text nor a certificate")


def _armored(octets: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, block) of each armoured block. Lines within a clearsigned text cannot begin one: they are dash-escaped."""
    at = 0
    while begin := _BEGIN.search(octets, at):
        kind = b"SIGNATURE" if begin[1] == b"SIGNED MESSAGE" else begin[1]
        end = re.compile(rb"^-----END PGP " + kind + rb"-----[ \t]*\r?(?:\n|\Z)", re.MULTILINE).search(octets, begin.end())
        if end is None:
            raise Refused("not-whole", "an OpenPGP block begins and does not end; was the file cut short?")
        yield begin[1], octets[begin.start() : end.end()]
        at = end.end()
