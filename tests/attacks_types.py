"""Encryption hidden in a post by types, boundaries and names that two programs take for two things; and private mail wrapped in a post."""

from __future__ import annotations

import base64
from collections.abc import Callable

from attacks_layers import ATTACHED, BASE64, beside, hidden
from attacks_mime import encrypted_text
from bad_mails import Bad, Stage
from mail_styles import part
from town import LIST, entity

ENVELOPE = b"0\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"  # how an S/MIME mail begins that is encrypted
LAYERS = """see below

--{b}
Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=d

--d
Content-Type: application/pgp-encrypted

Version: 1

--d
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

{secret}
--d--
--{b}--
"""


def several(content_type: str, boundary: str = "c") -> Bad:
    """Parts under a Content-Type that is read in two ways: the words above them keep them from being read as an entity by chance."""

    def inside(s: Stage) -> bytes:
        secret = base64.encodebytes(encrypted_text(s).encode()).decode()
        return part(content_type, LAYERS.format(b=boundary, secret=secret).replace("\n", "\r\n").encode())

    return hidden(inside, "not-one-object")


def page(change: Callable[[str], str]) -> Bad:
    """A page that browsers show somebody's encrypted text in."""
    return hidden(lambda s: part("text/html; charset=utf-8", "<pre>" + change(encrypted_text(s)) + "</pre>"))


TYPES = {
    "a type with two slashes": several("multipart/mixed/x; boundary=c"),
    "a comment before the subtype": several("multipart/(x)mixed; boundary=c"),
    "a sign before the subtype": several("multipart/@mixed; boundary=c"),
    "no subtype": several("multipart/; boundary=c"),
    "a boundary outside ASCII": several('multipart/mixed; boundary="c\u00e9"', "c\u00e9"),
    "a comment behind the boundary": several("multipart/mixed; boundary=c (x)"),
    "words behind the boundary": several("multipart/mixed; boundary=c d"),
    "a boundary as an encoded word": several('multipart/mixed; boundary="=?us-ascii?Q?c?="'),
    "a boundary whose quotation does not end": several('multipart/mixed; boundary="c'),
    "a boundary with a blank at its end": several('multipart/mixed; boundary="c "'),
    "a boundary in pieces": several('multipart/mixed; boundary*0="c"'),
    "PGP's first type": beside(lambda s: part("application/x-pgp-message", encrypted_text(s))),
    "PGP's first type, in base64": beside(
        lambda s: part("application/x-pgp-message", base64.encodebytes(encrypted_text(s).encode()), BASE64)
    ),
    "a text that says it is encrypted, attached": beside(lambda s: part("text/plain; x-action=pgp-encrypt", encrypted_text(s), ATTACHED)),
    "an S/MIME mail by its name": beside(lambda s: part("application/octet-stream; name=smime.p7m", ENVELOPE + bytes(40), ATTACHED)),
    "a mail by its name": beside(lambda s: part("application/octet-stream; name=x.eml", s.post(), ATTACHED)),
    "a text in yEnc": beside(lambda s: part("text/plain", b"=ybegin\r\n", "Content-Transfer-Encoding: x-yencode"), "bad-encoding"),
}

PAGES = {
    "a comment that is over at once": page(lambda e: e.replace("-----BEGIN", "---<!-->--BEGIN") + "-->"),
    "a comment that ends with a mark": page(lambda e: e.replace("-----BEGIN", "---<!-- x --!>--BEGIN") + "-->"),
    "a comment that begins in an example": page(lambda e: "<xmp><!--</xmp>" + e.replace("-----BEGIN", "---<b></b>--BEGIN") + "-->"),
    "a blank without its semicolon": page(lambda e: e.replace("BEGIN PGP MESSAGE", "BEGIN&nbspPGP&nbspMESSAGE")),
    "a script between the letters": page(lambda e: e.replace("-----BEGIN", "---<script>x</script>--BEGIN")),
    "a style between the letters": page(lambda e: e.replace("-----BEGIN", "---<STYLE a=b>x</style >--BEGIN")),
    "three MiB of tags": hidden(lambda s: part("text/html", b"<b>" * 2**20), "page-too-large"),
    "pages of three MiB in all": beside(lambda s: part("text/enriched", b"<b>" * 2**20), "page-too-large"),
}


def wrapped(kind: str) -> Bad:
    """Anna's mail to Bert alone, whose header was protected in the older way: as a mail within what she signed."""
    inner = f"From: Anna <anna@nl.example>\r\nTo: Bert <bert@nl.example>\r\nSubject: between us\r\n\r\n{kind}\r\n".encode()
    return Bad(lambda s: s.town.post(s.anna, part(kind, inner)), "not-addressed-to-the-list", "decide")


def addressed(to: str) -> Bad:
    """A post that says in what was signed for whom it is."""
    return Bad(lambda s: s.town.post(s.anna, entity("not for all", f"To: {to}")), "not-addressed-to-the-list", "decide")


FOR_OTHERS = {
    "a mail in place of its text": wrapped('message/rfc822; forwarded="no"'),
    "a mail in place of its text, without a word": wrapped("message/rfc822"),
    "the list's address as somebody's name": addressed(f"{LIST} <mallory@evil.example>"),
    "the list's address as a group's name": addressed(f"{LIST}: mallory@evil.example;"),
    "two addresses without a comma": addressed(f"<{LIST}> <mallory@evil.example>"),
}

ATTACKS = TYPES | PAGES | FOR_OTHERS
