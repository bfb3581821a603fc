"""Encryption hidden in a post that a member signed: armour, encodings, character sets, pages and parts that programs mend, and read."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Callable

from attack_packets import compressed, joined, one_pass
from attacks_mime import CLOSE, LEAK, encrypted_part, encrypted_text, smime, twice
from bad_mails import Bad, Stage
from mail_styles import multipart, part
from town import entity

from securelist.openpgp.armor import dearmor
from securelist.openpgp.packets import Tag, write_packet
from securelist.openpgp.sequoia import armor

BEGIN = "-----BEGIN PGP MESSAGE-----"
BASE64, ATTACHED = "Content-Transfer-Encoding: base64", "Content-Disposition: attachment"


def hidden(inside: Callable[[Stage], bytes], reason: str = "nested-encryption") -> Bad:
    """A post of Anna's around this entity, which must be refused."""
    return Bad(twice(inside), reason, "compose")


def beside(inside: Callable[[Stage], bytes], reason: str = "nested-encryption") -> Bad:
    """The same for a part after another."""
    return hidden(lambda s: multipart("mixed", entity("see below"), inside(s)), reason)


def text(change: Callable[[str], str]) -> Bad:
    """A text that holds somebody's encrypted text, changed."""
    return hidden(lambda s: entity(change(encrypted_text(s))))


def packets(change: Callable[[Stage, bytes], bytes]) -> Bad:
    """A text that holds packets around somebody's encrypted message, in armour."""
    return hidden(lambda s: entity(armor(change(s, dearmor(encrypted_text(s).encode())), "MESSAGE").decode()))


def coded(
    encoding: str, change: Callable[[bytes], bytes], kind: str = "text/plain; charset=utf-8", reason: str = "nested-encryption"
) -> Bad:
    """A part with somebody's encrypted text in it, in some encoding or character set."""
    return beside(lambda s: part(kind, change(encrypted_text(s).encode()), f"Content-Transfer-Encoding: {encoding}"), reason)


def page(change: Callable[[str], str]) -> Bad:
    """A page that shows somebody's encrypted text."""
    return hidden(lambda s: part("text/html; charset=utf-8", "<pre>" + change(encrypted_text(s)) + "</pre>"))


def with_star(octets: bytes) -> bytes:
    encoded = base64.encodebytes(octets)
    return encoded[:20] + b"*" + encoded[20:]


def uuencoded(octets: bytes) -> bytes:
    lines = b"".join(binascii.b2a_uu(octets[at : at + 45]) for at in range(0, len(octets), 45))
    return b"begin 644 x\n" + lines + b"`\nend\n"


ARMOUR = {
    "a marker before the session key": packets(lambda s, secret: write_packet(Tag.MARKER, b"PGP") + secret),
    "padding before the session key": packets(lambda s, secret: write_packet(Tag.PADDING, b"x" * 9) + secret),
    "a private packet before the session key": packets(lambda s, secret: bytes((0xC0 | 60, 3)) + b"xyz" + secret),
    "encrypted and then compressed": packets(lambda s, secret: compressed(secret)),
    "encrypted and compressed twice": packets(lambda s, secret: compressed(compressed(secret))),
    "encrypted behind an announced signature": packets(lambda s, secret: joined(one_pass(s.anna), secret)),
    "encrypted behind a signature": packets(
        lambda s, secret: dearmor(s.people.gpg("-u", s.anna.fingerprint, "--detach-sign", "--armor", data=b"x")) + secret
    ),
    "armour without an end": text(lambda block: block.split("-----END")[0]),
    "armour whose end is not where it seems": text(
        lambda block: re.sub(r"\n\n(.+\n)", r"\n\n\1-----END PGP MESSAGE----- x\n", block, count=1)
    ),
    "armour with 101 header lines": text(lambda block: block.replace("-----\n\n", "-----\n" + "Comment: x\n" * 101 + "\n", 1)),
    "armour with a blank in a header's name": text(lambda block: block.replace("-----\n\n", "-----\nfoo bar: x\n\n", 1)),
    "armour without its empty line": text(lambda block: block.replace("-----\n\n", "-----\nVersion: 1\n", 1)),
    "armour with a star in it": text(lambda block: re.sub(r"\n\n(.{9})", r"\n\n\1*", block, count=1)),
    "armour that is cut": text(lambda block: block[: len(block) // 2]),
    "armour in more blocks than anybody shows": text(lambda block: f"{BEGIN}\n\nbye\n" * 101 + block),
    "armour with words before it": text(lambda block: "see " + block),
    "armour begun in a line that was wrapped": text(lambda block: block.replace("BEGIN PGP", "BEGIN \nPGP", 1)),
    "armour whose first line alone is quoted": text(lambda block: "> " + block),
}

ENCODINGS = {
    "base64 with a star in it": coded("base64", with_star),
    "base64 that goes on behind padding": coded("base64", lambda octets: base64.b64encode(b"hello, ") + base64.encodebytes(octets)),
    "base64 with a comment": coded("base64 (x)", base64.encodebytes),
    "base64 with a parameter": coded("base64; x=y", base64.encodebytes, reason="bad-encoding"),
    "quoted-printable in quotation marks": coded(
        '"quoted-printable"', lambda octets: quopri.encodestring(octets).replace(b"BEGIN", b"=42EGIN"), reason="bad-encoding"
    ),
    "uuencoded text": coded("x-uuencode", uuencoded, reason="bad-encoding"),
    "an encoding that nobody knows": coded("x-unknown", base64.encodebytes, reason="bad-encoding"),
    "UTF-16": coded("base64", lambda octets: base64.encodebytes(octets.decode().encode("utf-16")), "text/plain; charset=utf-16"),
    "UTF-16 as the whole post": hidden(
        lambda s: part("text/plain; charset=utf-16", base64.encodebytes(encrypted_text(s).encode("utf-16")), BASE64)
    ),
    "UTF-7": coded(
        "7bit", lambda octets: octets.replace(b"+", b"+-").replace(b"-----BEGIN", b"+AC0-----BEGIN"), "text/plain; charset=utf-7"
    ),
    "EBCDIC": coded("base64", lambda octets: base64.encodebytes(octets.decode().encode("cp037")), "text/plain; charset=cp037"),
    "a shift between Japanese and Latin letters": coded(
        "7bit", lambda octets: octets.replace(b"-----BEGIN", b"--\x1b(B---BEGIN"), "text/plain; charset=iso-2022-jp"
    ),
    "NUL between letters": coded("8bit", lambda octets: octets.replace(b"BEGIN", b"BEG\0IN")),
    "a blank of no width between letters": coded("8bit", lambda octets: octets.replace(b"BEGIN", b"BEG\xe2\x80\x8bIN")),
}

PAGES = {
    "a page with a tag at each line's end": page(lambda block: block.replace("\n", "<br>\r\n")),
    "a page all in one line": page(lambda block: block.replace("\n", "<br>")),
    "a page with a character by its number": page(lambda block: block.replace("-----BEGIN", "&#45;----BEGIN")),
    "a page with a character by its long number": page(lambda block: block.replace("-----BEGIN", "&#x0000000002D;----BEGIN")),
    "a page with blanks that do not break": page(lambda block: block.replace("BEGIN PGP MESSAGE", "BEGIN&nbsp;PGP&#160;MESSAGE")),
    "a page with tags between letters": page(lambda block: block.replace("-----BEGIN", "-----<b></b>BEGIN")),
    "a page with tags that hold tags": page(lambda block: block.replace("-----BEGIN", "-----<b title='<'></b><b title=\">\"></b>BEGIN")),
    "a page with a comment between letters": page(lambda block: block.replace("-----BEGIN", "---<!-- > -->--BEGIN")),
    "a page whose tag has a quotation mark too many": page(
        lambda block: '<i title=a"b></i>' + block.replace("-----BEGIN", '-----<b title=">"></b>BEGIN')
    ),
}

PARTS = {
    "a part with two types": beside(lambda s: b"Content-Type: multipart/mixed; boundary=zz\r\n" + encrypted_part(s), "bad-multipart"),
    "a part with two encodings": beside(
        lambda s: part("text/plain", "x", BASE64, "Content-Transfer-Encoding: quoted-printable"), "not-one-object"
    ),
    "a lone CR between a part's types": beside(
        lambda s: b"Content-Type: text/plain\r\r" + part("text/html", base64.b64encode(b"x")), "not-one-object"
    ),
    "two boundaries in a part's type": hidden(
        lambda s: multipart("mixed", entity("x")).replace(b"boundary=", b"boundary=bb; boundary=", 1), "not-one-object"
    ),
    "a boundary beside one in pieces": hidden(
        lambda s: multipart("mixed", entity("x")).replace(b"boundary=", b'boundary*0="b"; boundary*1="b"; boundary=', 1), "not-one-object"
    ),
    "an attached mail in base64": beside(lambda s: part("message/rfc822", base64.encodebytes(s.post()), BASE64), "not-one-object"),
    "an attached mail in quoted-printable": beside(
        lambda s: part("message/rfc822", quopri.encodestring(s.post()), "Content-Transfer-Encoding: quoted-printable"), "bad-multipart"
    ),
    "a multipart in base64": beside(
        lambda s: part("multipart/mixed; boundary=b", base64.encodebytes(encrypted_part(s)), BASE64), "bad-multipart"
    ),
    "an attached mail of RFC 6532": beside(lambda s: part("message/global", s.post())),
    "an attached article": beside(lambda s: part("message/news", s.post())),
    "a piece of a mail": beside(lambda s: part("message/partial; id=x; number=1; total=1", s.post()), "not-one-object"),
    "a mail that is elsewhere": beside(lambda s: part("message/external-body; access-type=local-file; name=x", "\r\n"), "not-one-object"),
    "a mail in a digest, without a type": hidden(
        lambda s: multipart("digest", b"\r\nSubject: x\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n")
    ),
    "PGP/MIME's forerunner": beside(lambda s: part("application/pgp; format=text; x-action=encrypt", encrypted_text(s))),
    "junk before a part's header": beside(lambda s: b"(junk)\r\n" + encrypted_part(s)),
    "an attached mail that begins as in a mailbox": beside(
        lambda s: part("message/rfc822", b"From anna@nl.example Sun Nov 22 10:00:00 2026\r\n" + encrypted_part(s))
    ),
    "a block instead of a part": hidden(
        lambda s: multipart("mixed", entity("x")).replace(b"--\r\n", b"--\r\n\r\n" + encrypted_text(s).replace("\n", "\r\n").encode(), 1)
    ),
    "a block before the first part": hidden(
        lambda s: multipart("mixed", entity("x")).replace(b"\r\n\r\n", b"\r\n\r\n" + encrypted_text(s).replace("\n", "\r\n").encode(), 1)
    ),
    "a block in a multipart without a boundary": hidden(lambda s: part("multipart/mixed", encrypted_text(s)), "not-one-object"),
    "a control part that is said to be attached": hidden(
        lambda s: multipart("mixed", LEAK, part("application/pgp-encrypted", "Version: 1", ATTACHED), CLOSE)
    ),
    "a control part in base64, attached": beside(
        lambda s: part("application/pgp-encrypted", base64.b64encode(b"Version: 1"), BASE64, ATTACHED)
    ),
    "a text that is the post, attached": hidden(lambda s: part("text/plain; charset=utf-8", encrypted_text(s), ATTACHED)),
    "a text both attached and shown": beside(
        lambda s: part("text/plain; charset=utf-8", encrypted_text(s), ATTACHED, "Content-Disposition: inline")
    ),
    "S/MIME as S/MIME attaches it": hidden(
        lambda s: multipart(
            "mixed", LEAK, smime("enveloped-data").replace(b"\r\n", f"\r\n{ATTACHED}; filename=smime.p7m\r\n".encode(), 1), CLOSE
        )
    ),
    "S/MIME that says that it is signed": beside(
        lambda s: part(
            "application/pkcs7-mime; smime-type=signed-data",
            base64.b64encode(b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x80"),
            BASE64,
        )
    ),
}

ATTACKS_LAYERS = {**ARMOUR, **ENCODINGS, **PAGES, **PARTS}

# A CR alone ends a field for some programs: the copy would carry what no check has seen.
CR_ALONE = {
    "a lone CR before another type": b"Content-Type: text/plain\r\rContent-Type: multipart/mixed; boundary=zz\r\n\r\n",
    "a lone CR in a type": b"Content-Type: text/plain\rContent-Type: text/html\r\n\r\n",
    "a lone CR in another field": b"X-A: b\rContent-Type: text/html\r\n\r\n",
    "a lone CR before an addressee": b"Content-Type: text/plain\r\nSubject: a\rTo: bert@nl.example\r\n\r\n",
}
