"""Mails that cost nothing to make and much to read: bombs, floods, depth and width; for the list, and for LIST-request.

Each is as large as its trick needs and a mail may be. What a member signs here is signed: a stolen key can do that.
"""

from __future__ import annotations

import bz2
import re
import zlib
from collections.abc import Callable
from functools import cache

from bad_mails import CANARY, Bad, Stage, head_of, many_parts, nested
from forge import anonymous
from people import Somebody
from town import LIST, entity

from securelist.openpgp.packets import MAX_DECOMPRESSED, Tag, read_packets, write_packet
from securelist.openpgp.sequoia import armor

MIB = 2**20
REQUEST = LIST.replace("@", "-request@")
TEXT = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
ENGINES: dict[str, tuple[int, Callable[[], object]]] = {
    "zip": (1, lambda: zlib.compressobj(9, zlib.DEFLATED, -15)),
    "zlib": (2, lambda: zlib.compressobj(9, zlib.DEFLATED, 15)),
    "bzip2": (3, lambda: bz2.BZ2Compressor(9)),
}

Piece = bytes | tuple[bytes, int]
"""Some octets, or (octets, how many times): put together when the mail is made, not when this module is read."""


def whole(pieces: tuple[Piece, ...]) -> bytes:
    return b"".join(piece if isinstance(piece, bytes) else piece[0] * piece[1] for piece in pieces)


# --- compression ---------------------------------------------------------------------------------------------------------


@cache
def unpacking_to(mebibytes: int, kind: str) -> bytes:
    """A compressed packet that unpacks to a literal packet with so many MiB of zeros."""
    algorithm, make = ENGINES[kind]
    engine, zeros = make(), bytes(MIB)
    head = write_packet(Tag.LITERAL, b"")[:2] + (mebibytes * MIB + 6).to_bytes(4, "big") + b"b\0\0\0\0\0"
    pieces = [engine.compress(head), *(engine.compress(zeros) for _ in range(mebibytes)), engine.flush()]  # type: ignore[attr-defined]
    return write_packet(Tag.COMPRESSED, bytes([algorithm]) + b"".join(pieces))


def compressed(packets: bytes, kind: str = "bzip2") -> bytes:
    algorithm, make = ENGINES[kind]
    engine = make()
    return write_packet(Tag.COMPRESSED, bytes([algorithm]) + engine.compress(packets) + engine.flush())  # type: ignore[attr-defined]


def bomb(kind: str) -> Callable[[Stage], bytes]:
    """512 MiB of zeros: as bzip2 in 1 kB."""
    return lambda s: s.mail(s.encrypted(unpacking_to(512, kind)))


def signed(s: Stage, who: Somebody, content: bytes) -> bytes:
    """One signed message, compressed as far as it goes."""
    return s.mail(s.encrypted(s.people.gpg("-u", who.fingerprint, "--compress-algo", "bzip2", "--sign", data=content)))


def just_below(tail: int = 4096, line: bytes = b"x" * 70 + b"\r\n") -> bytes:
    """A text that unpacks to nearly as much as is taken."""
    return TEXT + line * ((MAX_DECOMPRESSED - tail) // len(line))


def just_below_altered(s: Stage) -> bytes:
    """A multipart/signed of nearly 25 MiB, changed after signing: an engine could hash it in three ways."""
    mime = s.people.multipart_signed(s.anna, just_below()).replace(b"xxx\r\n", b"xxy\r\n", 1)
    return s.mail(s.encrypted(compressed(write_packet(Tag.LITERAL, b"b\0\0\0\0\0" + mime))))


# --- packets -------------------------------------------------------------------------------------------------------------


def with_session_keys(s: Stage, make: Callable[[bytes], bytes]) -> bytes:
    """A post by Anna with packets in front, made for the key ID of the list's subkey."""
    return s.packets(lambda p: [make(read_packets(p[0])[0].body[1:9]), *p])


def for_rsa(key_id: bytes, count: int) -> bytes:
    """Session-key packets of 366 octets, as for RSA."""
    return write_packet(Tag.PKESK, b"\3" + key_id + b"\1\x0a\xa0" + bytes(range(1, 171)) * 2 + bytes(14)) * count


# --- MIME ----------------------------------------------------------------------------------------------------------------


def by_anna(s: Stage, content: bytes) -> bytes:
    """Signed by Anna, and so compressed that the mail is small."""
    return s.mail(s.town.encrypt(s.anna, content, "--compress-algo", "bzip2"))


def posted(*pieces: Piece) -> Callable[[Stage], bytes]:
    return lambda s: by_anna(s, whole(pieces))


def deep(levels: int, *filling: Piece) -> Callable[[Stage], bytes]:
    """Parts within parts, the innermost full of something."""
    return lambda s: by_anna(s, nested(levels).replace(CANARY.encode(), whole(filling), 1))


def fields(*lines: str) -> Callable[[Stage], bytes]:
    """Signed by Anna, with such fields."""
    return lambda s: by_anna(s, entity(CANARY, *lines))


def body(content_type: str, *pieces: Piece) -> Callable[[Stage], bytes]:
    """A mail that is not encrypted at all."""
    return lambda s: head_of(s, Content_Type=content_type) + b"\r\n" + whole(pieces)


def armored(*pieces: Piece) -> Callable[[Stage], bytes]:
    """A mail whose encrypted part is said to be this."""
    return lambda s: s.mail(b"@").replace(b"@\r\n--b0--", whole(pieces) + b"\r\n--b0--")


def in_base64(*pieces: Piece) -> Callable[[Stage], bytes]:
    """The same, in an encoding."""
    part = b"Content-Transfer-Encoding: base64\r\n\r\n"
    return lambda s: s.mail(b"@").replace(b"\r\n@", part + whole(pieces), 1)


BEGIN, END = b"-----BEGIN PGP MESSAGE-----\r\n", b"-----END PGP MESSAGE-----"
MIXED = b'Content-Type: multipart/mixed; boundary="b0"\r\n\r\n'
BOX = 'multipart/mixed; boundary="b0"'
ENCRYPTED = 'multipart/encrypted; boundary="b0"'

ATTACKS_COSTLY = {
    "a bomb of 512 MiB, zip": Bad(bomb("zip"), "too-large", "open"),
    "a bomb of 512 MiB, zlib": Bad(bomb("zlib"), "too-large", "open"),
    "a bomb of 512 MiB in 1 kB, bzip2": Bad(bomb("bzip2"), "too-large", "open"),
    "a bomb in a bomb": Bad(lambda s: s.mail(s.encrypted(compressed(unpacking_to(512, "zlib"), "zlib"))), "not-one-message", "open"),
    "a bomb just below the limit": Bad(lambda s: s.mail(s.encrypted(unpacking_to(24, "bzip2"))), "not-signed", "open"),
    "just below the limit, by a stranger": Bad(lambda s: signed(s, s.mallory, just_below()), "unknown-signer", "verify"),
    "just below the limit, by a former member": Bad(lambda s: signed(s, s.willem, just_below()), "not-a-member", "decide"),
    "just below the limit, lines of one character, by a former member": Bad(
        lambda s: signed(s, s.willem, just_below(line=b"x\r\n")), "not-a-member", "decide"
    ),
    "just below the limit, altered": Bad(just_below_altered, "bad-signature", "verify"),
    "four million packets in 2 kB": Bad(
        lambda s: s.mail(s.encrypted(compressed(b"\xca\3PGP" * 4 * MIB))),
        "too-many-packets",
        "open",
    ),
    "3,000 session keys for nobody says whom, 1.1 MB": Bad(
        lambda s: with_session_keys(s, lambda _: for_rsa(bytes(8), 3000)), "too-many-packets", "open"
    ),
    "3,000 session keys for the list, 1.1 MB": Bad(
        lambda s: with_session_keys(s, lambda key_id: for_rsa(key_id, 3000)), "too-many-packets", "open"
    ),
    "1,900 session keys of the right size": Bad(lambda s: with_session_keys(s, lambda _: anonymous(1900)), "too-many-packets", "open"),
    "48,000 session keys, 24 MB": Bad(lambda s: with_session_keys(s, lambda _: for_rsa(bytes(8), 48_000)), "too-many-packets", "open"),
    "17 MB in pieces of 512 octets": Bad(
        lambda s: s.mail(armor(b"\xd2" + (b"\xe9" + bytes(512)) * (17 * MIB // 512) + b"\0", "MESSAGE")), "not-for-the-list", "open"
    ),
    "a thousand levels, outside": Bad(lambda s: head_of(s, Content_Type="") + nested(1000), "not-encrypted", "open"),
    "a thousand levels where the encrypted part should be": Bad(
        lambda s: re.sub(rb"Content-Type: application/octet-stream\r\n.*", nested(1000) + b"\r\n--b0--\r\n", s.post(), flags=re.DOTALL),
        "not-one-object",
        "open",
    ),
    "a thousand levels, signed": Bad(deep(1000), "too-deep", "compose"),
    "a hundred thousand levels, signed": Bad(deep(100_000), "too-deep", "compose"),
    "21 levels around 20 MiB of what looks like delimiters": Bad(deep(21, (b"\r\n--x", 4 * MIB)), "too-deep", "compose"),
    "ten thousand parts, signed": Bad(posted(MIXED, many_parts("b0", 10_000)), "too-many-parts", "compose"),
    "a thousand parts with 4,000 fields each": Bad(
        posted(
            b'Content-Type: multipart/mixed; boundary="b0"\r\n\r\n' + (b"--b0\r\n" + b"a:\r\n" * 6000 + b"\r\nx\r\n") * 1000 + b"--b0--"
        ),
        "too-many-parts",
        "compose",
    ),
    "20,000 header fields": Bad(lambda s: b"X-Y: z\r\n" * 20_000 + s.post(), "header-too-large", "receive"),
    "32,000 header fields of two characters": Bad(
        lambda s: b"a:\r\n" * 32_000 + b"From: anna@nl.example\r\n\r\nhi\r\n", "not-encrypted", "open"
    ),
    "31,000 lines of one header field": Bad(
        lambda s: b"From: anna@nl.example\r\nX: y\r\n" + b" z\r\n" * 31_000 + b"\r\nhi\r\n", "not-encrypted", "open"
    ),
    "30,000 parameters": Bad(body("multipart/encrypted" + ";a=b" * 30_000, b"x\r\n"), "header-too-large", "open"),
    "a boundary in 200 pieces": Bad(
        body("multipart/encrypted" + "".join(f";boundary*{n}*=%41" for n in range(200)), b"x\r\n"), "bad-multipart", "open"
    ),
    "a boundary whose last piece has the number 999999999": Bad(
        body("multipart/encrypted;boundary*999999999*=%41;boundary*0*=x", b"x\r\n"), "bad-multipart", "open"
    ),
    "a signed subject of 10,000 words in no character set": Bad(fields("Subject: " + "=?none?q?a?= " * 9000), "bad-charset", "compose"),
    "a From of 1,900 quotation marks": Bad(lambda s: s.post(From='"' * 1900), "bad-from", "decide"),
    "a From of 650 comments": Bad(lambda s: s.post(From="(a)" * 650), "bad-from", "decide"),
    "a From of 120,000 quotation marks": Bad(lambda s: s.post(From='"' * 120_000), "bad-from", "decide"),
    "a signed To of 2,600 comments": Bad(fields("To: " + "(a)" * 2600 + " x@evil.example"), "not-addressed-to-the-list", "decide"),
    "a signed To, Cc and Bcc of 5,000 characters each": Bad(
        fields("To: " + '"a""' * 1200, "Cc: " + '"a""' * 1200, "Bcc: " + "(a)" * 1700), "header-too-large", "decide"
    ),
    "7,000 signed To": Bad(fields(*["To: a@b.example"] * 7000), "header-too-large", "decide"),
    "24 MiB of base64": Bad(in_base64((b"LS0t\r\n", 4 * MIB)), "not-encrypted", "open"),
    "24 MiB of base64 in one column": Bad(in_base64((b"A\r\n", 8 * MIB)), "not-encrypted", "open"),
    "half a MiB in Punycode": Bad(
        posted(b"Content-Type: text/plain; charset=punycode\r\n\r\n", (b"a", MIB // 4), b"-", (b"b", MIB // 4)),
        "bad-charset",
        "compose",
    ),
    "an armour of 12 million empty lines": Bad(armored(BEGIN, (b"\r\n", 12 * MIB), END), "not-openpgp", "open"),
    "an armour of 12 million empty lines that does not end": Bad(armored(BEGIN, (b"\r\n", 12 * MIB)), "not-one-block", "open"),
    "an armour of one line": Bad(armored(BEGIN, b"\r\n", (b"A", 24 * MIB), b"\r\n", END), "not-openpgp", "open"),
    "an armour in one column": Bad(armored(BEGIN, b"\r\n", (b"A\r\n", 8 * MIB), END), "not-openpgp", "open"),
    "an armour of equals signs": Bad(armored(BEGIN, b"\r\n", (b"=", 24 * MIB), b"\r\n", END), "bad-armor", "open"),
    "an armour of tabulators": Bad(armored(BEGIN, (b"\t", 24 * MIB)), "not-one-block", "open"),
    "two million header lines of an armour": Bad(armored(BEGIN, (b"Hash: x\r\n", 2 * MIB), b"!"), "not-one-block", "open"),
    "800,000 armours that begin": Bad(armored((BEGIN, 24 * MIB // 29)), "not-one-block", "open"),
    "800,000 armours that begin, with a header": Bad(armored((BEGIN + b"H:\r\n", 24 * MIB // 33)), "not-one-block", "open"),
    "three million lines that look like delimiters": Bad(body(ENCRYPTED, (b"--b0x\r\n", 3 * MIB)), "bad-multipart", "open"),
    "delimiters with a thousand blanks each": Bad(body(ENCRYPTED, (b"--b0" + b" " * 1000 + b"x\r\n", 24_000)), "bad-multipart", "open"),
}


# --- the same for LIST-request -------------------------------------------------------------------------------------------


def request(*pieces: Piece, content_type: str = "text/plain; charset=utf-8") -> Callable[[Stage], bytes]:
    """A mail to LIST-request that says this."""
    return lambda s: head_of(s, To=REQUEST, Content_Type=content_type) + b"\r\n" + re.sub(rb"\r?\n", b"\r\n", whole(pieces))


def clearsigned(line: str, times: int) -> Callable[[Stage], bytes]:
    """By Anna."""
    return lambda s: request(s.people.clearsign(s.anna, line * times))(s)


def in_parts(s: Stage, part: bytes) -> bytes:
    """48 times the same."""
    return request((b"--b0\nContent-Type: text/plain\n\n" + part + b"\n", 48), b"--b0--\n", content_type=BOX)(s)


def signed_bomb(s: Stage) -> bytes:
    """48 texts, each signed by a stranger and of 24 MiB."""
    message = s.people.gpg("-u", s.mallory.fingerprint, "--compress-algo", "bzip2", "--sign", data=bytes(24 * MIB))
    return in_parts(s, armor(message, "MESSAGE"))


def thousand_statements(s: Stage) -> bytes:
    text = "\n".join([s.town.statement("attest-ssc", s.mallory)] * 1000)
    return request(s.people.clearsign(s.town.admin, text))(s)


def thousand_certificates(s: Stage) -> bytes:
    text = s.people.clearsign(s.town.admin, s.town.statement("attest-ssc", s.mallory))
    return request(text + s.mallory.certificate * 1000)(s)


FLOWED = "text/plain; charset=utf-8; format=flowed"
CLEAR = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nx\n-----BEGIN PGP SIGNATURE-----\n\n"
ATTACKS_COSTLY_REQUESTS = {
    "a paragraph of 700,000 flowed lines": Bad(request((b"x \n", 700_000), content_type=FLOWED), "text-too-large", "decide"),
    "a paragraph of six million flowed lines": Bad(request((b"x \n", 6 * MIB), content_type=FLOWED), "too-large", "decide"),
    "200,000 signed lines": Bad(clearsigned("x\n", 200_000), "text-too-large", "decide"),
    "a signed text of lines that are dash-escaped": Bad(clearsigned("-\n", 700_000), "text-too-large", "decide"),
    "a thousand statements": Bad(thousand_statements, "too-many-statements", "decide"),
    "a thousand certificates": Bad(thousand_certificates, "too-many-certificates", "decide"),
    "a bomb of 512 MiB": Bad(lambda s: s.mail(s.encrypted(unpacking_to(512, "bzip2")), To=REQUEST), "too-large", "decide"),
    "48 bombs just below the limit": Bad(lambda s: in_parts(s, s.encrypted(unpacking_to(24, "bzip2"))), "too-large", "decide"),
    "48 encrypted texts": Bad(lambda s: in_parts(s, s.town.encrypt(None, b"x")), "too-many-parts", "decide"),
    "48 signed bombs": Bad(signed_bomb, "text-too-large", "decide"),
    "100,000 armoured packets": Bad(
        request((b"-----BEGIN PGP MESSAGE-----\n\nxA0=\n-----END PGP MESSAGE-----\n", 100_000)), "not-openpgp", "decide"
    ),
    "a signed text with 200,000 ends": Bad(request(CLEAR, (b"-----END PGP SIGNATURE-----x\n", 200_000)), "not-one-signature", "decide"),
    "260,000 armours that begin": Bad(request((b"-----BEGIN PGP MESSAGE-----\n\n", 260_000)), "not-signed", "verify"),
    "a thousand levels": Bad(lambda s: head_of(s, To=REQUEST, Content_Type="") + nested(1000), "too-deep", "decide"),
    "ten thousand parts": Bad(request(many_parts("b0", 10_000), content_type=BOX), "too-many-parts", "decide"),
}
