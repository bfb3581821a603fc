"""Mails that the list must take, as decent mail programs make them: each with what every member must find in their copy.

A maker gets the stage and a text that nobody else posts. The layouts follow what each program writes, down to its boundaries.
"""

from __future__ import annotations

import email.utils
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from bad_mails import Stage
from mail_styles import crlf, multipart, part, thunderbird_entity
from people import Somebody
from town import LIST

from securelist.config import Config, read_config, write_config

SUBJECT = "Attack on .nl"
UTF8 = "text/plain; charset=utf-8"
ELLIPSIS = "..."


@dataclass(frozen=True)
class Made:
    """A mail that was made. In each copy stand the octets `body`, `text` is what a member reads, and `subject` its subject."""

    mail: bytes
    body: bytes
    text: str
    subject: str
    poster: Somebody
    mail_from: str = "anna@nl.example"


Maker = Callable[[Stage, str], Made]


# Room for everybody who writes in one test, as often as they do.
_WANTED = {"members_per_cctld": 100, "posts_per_hour": 10_000}
_WIDE: dict[str, Any] = {field.name: _WANTED[field.name] for field in fields(Config) if field.name in _WANTED}


def widened(stage: Stage) -> Stage:
    """The same list with room; whoever judges reads its settings afterwards."""
    write_config(replace(read_config(stage.town.home), **_WIDE))
    return stage


def head(s: Stage, subject: str = SUBJECT, **fields: str) -> bytes:
    """The header block of Anna's mail, without a Content-Type; `fields` replace header fields, empty ones leave them out."""
    given = {"From": f"Anna <{s.anna.address}>", "To": LIST, "Subject": subject, "Date": email.utils.formatdate(localtime=True)}
    given |= {"Message-ID": f"<{time.time_ns()}@client.example>", "MIME-Version": "1.0"}
    given |= {name.replace("_", "-"): value for name, value in fields.items()}
    return "".join(f"{name}: {value}\r\n" for name, value in given.items() if value).encode()


def sealed(armored: bytes, boundary: str, preamble: str = "", control: str = "", data: str = "", quote: str = '"') -> bytes:
    """A multipart/encrypted (RFC 3156, 4), Content-Type and all; `control` and `data` are more fields of the two parts."""
    lines = [f'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary={quote}{boundary}{quote}', "", preamble]
    lines += [f"--{boundary}", f"Content-Type: application/pgp-encrypted{control}", "", "Version: 1", ""]
    lines += [f"--{boundary}", f"Content-Type: application/octet-stream{data}", "", ""]
    return "\r\n".join(lines).encode() + crlf(armored) + f"\r\n--{boundary}--\r\n".encode()


def entity(text: str, content_type: str = UTF8, *fields: str) -> bytes:
    """A text entity in 8 bits."""
    return part(content_type, f"{text}\n", "Content-Transfer-Encoding: 8bit", *fields)


def signed_inside(s: Stage, content: bytes, boundary: str, ends: Callable[[bytes], bytes] = crlf, micalg: str = "pgp-sha512") -> bytes:
    """A multipart/signed (RFC 3156, 5) around this, with the line ends that its maker signs."""
    content = ends(content)
    signature = s.people.gpg("-u", s.anna.fingerprint, "--armor", "--digest-algo", micalg[4:].upper(), "--detach-sign", data=content)
    opening = f'Content-Type: multipart/signed; micalg="{micalg}";\n protocol="application/pgp-signature"; boundary="{boundary}"\n\n'
    last = f'\n--{boundary}\nContent-Type: application/pgp-signature; name="signature.asc"\nContent-Description: OpenPGP\n\n'
    tail = last.encode() + signature + f"\n--{boundary}--\n".encode()
    return ends(opening.encode() + f"--{boundary}\n".encode()) + content + ends(tail)


def made(s: Stage, mail: bytes, content: bytes, text: str, subject: str = SUBJECT) -> Made:
    """What Anna made; `content` is the entity that she signed, whose body every copy holds."""
    blank = b"\r\n\r\n" if b"\r\n\r\n" in content else b"\n\n"
    return Made(mail, content.partition(blank)[2], text, subject, s.anna)


def post(s: Stage, text: str, content: bytes = b"", *options: str, subject: str = SUBJECT, **fields: str) -> Made:
    """The plainest of posts, around any content and with any options of gpg."""
    content = content or entity(text)
    return made(s, head(s, **fields) + sealed(s.town.encrypt(s.anna, content, *options), "b0"), content, text, subject)


def inline(
    s: Stage, text: str, content_type: str = UTF8, change: Callable[[bytes], bytes] = bytes, charset: str = "utf-8", **fields: str
) -> Made:
    """A mail whose body is a block that gpg made; `change` is what the mail program does to it."""
    octets = f"{text}\n".encode(charset)
    block = change(crlf(s.town.encrypt(s.anna, octets)))
    return Made(head(s, Content_Type=content_type, **fields) + b"\r\n" + block, octets, text, SUBJECT, s.anna)


# --- mail programs -----------------------------------------------------------------------------------------------------------


def _thunderbird(s: Stage, text: str, html: bool = False) -> Made:
    fields = {"From": f"Anna <{s.anna.address}>", "To": f"Security contacts <{LIST}>", "Subject": "Zone is gone", "Date": "now"}
    content = thunderbird_entity(text, (s.anna.certificate,), fields, html)
    mail = head(s, ELLIPSIS, User_Agent="Mozilla Thunderbird", Autocrypt=f"addr={s.anna.address}; prefer-encrypt=mutual; keydata=\r\n AAAA")
    preamble, name = "This is an OpenPGP/MIME encrypted message (RFC 4880 and 3156)", 'name="encrypted.asc"'
    data = f"; {name}\r\nContent-Description: OpenPGP encrypted message\r\nContent-Disposition: inline; file{name}"
    described = "\r\nContent-Description: PGP/MIME version identification"
    boundary = "------------0aWq3y5zkB8vT1LrJ0cXnUq7"
    return made(s, mail + sealed(s.town.encrypt(s.anna, content), boundary, preamble, described, data), content, text, "Zone is gone")


def _legacy_display(s: Stage, text: str) -> Made:
    shown = part('text/rfc822-headers; protected-headers="v1"', "Subject: Zone is gone\n", "Content-Disposition: inline")
    content = multipart("mixed", shown, entity(text), fields="Subject: Zone is gone\r\n").replace(
        b"mixed;", b'mixed; protected-headers="v1";', 1
    )
    return made(s, head(s, "Encrypted Message") + sealed(s.town.encrypt(s.anna, content), "QnO5AhEk"), content, text, "Zone is gone")


def _apple_mail(s: Stage, text: str) -> Made:
    page = part("text/html; charset=utf-8", f"<html><body><div>{text}</div></body></html>", "Content-Transfer-Encoding: 8bit")
    content = multipart("alternative", part(UTF8, text, "Content-Transfer-Encoding: quoted-printable"), page)
    data = (
        "; name=encrypted.asc\r\nContent-Description: OpenPGP encrypted message\r\nContent-Disposition: inline;\r\n\tfilename=encrypted.asc"
    )
    control = "\r\nContent-Transfer-Encoding: 7bit\r\nContent-Description: PGP/MIME Versions Identification"
    mail = head(s, MIME_Version="1.0 (Mac OS X Mail 16.0 \\(3774.100\\))", X_Mailer="Apple Mail (2.3774.100)")
    armored = s.town.encrypt(s.anna, content)
    return made(s, mail + sealed(armored, "Apple-Mail=_0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9", "", control, data), content, text)


def _gpgol(s: Stage, text: str) -> Made:
    content = multipart(
        "mixed", entity(text, "text/plain; charset=utf-8"), part("text/plain", "", 'Content-Disposition: attachment; filename="empty.txt"')
    )
    data = '\r\nContent-Disposition: inline; filename="gpgolPGP.dat"\r\nContent-Transfer-Encoding: 7Bit'
    control = '\r\nContent-Disposition: attachment; filename="GpgOL_MIME_structure.txt"'
    mail = head(s, X_MS_Exchange_Organization_SCL="-1", Thread_Topic="x", Thread_Index="AdX", Accept_Language="de-DE")
    return made(s, mail + sealed(s.town.encrypt(s.anna, content), "=-=Em4Fq2PtLbAzW3+kRjXo=-=", "", control, data), content, text)


def _around(boundary: str, inner: str, control: str, data: str, ends: Callable[[bytes], bytes] = crlf, micalg: str = "pgp-sha512") -> Maker:
    """A program that signs first and encrypts that (RFC 3156, 6.1)."""

    def make(s: Stage, text: str) -> Made:
        content = ends(entity(text))
        armored = s.town.encrypt(None, signed_inside(s, content, inner, ends, micalg))
        return made(s, head(s) + sealed(armored, boundary, "", control, data), content, text)

    return make


def _lf(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n")


def _neomutt(s: Stage, text: str) -> Made:
    content = _lf(entity(text, 'text/plain; protected-headers="v1"; charset=utf-8', "Content-Disposition: inline", "Subject: Zone is gone"))
    control, data = "\r\nContent-Disposition: attachment", '\r\nContent-Disposition: inline; filename="msg.asc"'
    mail = head(s, ELLIPSIS, Content_Disposition="inline", User_Agent="NeoMutt/20220429")
    armored = s.town.encrypt(s.anna, content, "--textmode")
    # Text under a text-mode signature has CRLF line ends on its way (RFC 9580, 5.9).
    return made(s, mail + sealed(armored, "k1lZvvs/B4yU6o8G", "", control, data), crlf(content), text, "Zone is gone")


def _chat(s: Stage, text: str) -> Made:
    inside = f'From: "Anna" <{s.anna.address}>\r\nTo: <{LIST}>\r\nSubject: Message from Anna\r\nChat-Version: 1.0\r\n'
    content = multipart("mixed", entity(text, "text/plain; charset=utf-8; format=flowed; delsp=no"), fields=inside)
    content = content.replace(b"mixed;", b'mixed; protected-headers="v1";', 1)
    autocrypt = f"addr={s.anna.address}; prefer-encrypt=mutual;\r\n keydata=xjMEAAAA"
    mail = head(s, "[...]", To='"hidden-recipients": ;', From=f"<{s.anna.address}>", Chat_Version="1.0", Autocrypt=autocrypt)
    return made(s, mail + sealed(s.town.encrypt(s.anna, content), "BhLy0c1KqVYfzBMcLsbxs7Y8ThPkmQ"), content, text, "Message from Anna")


def _fairemail(s: Stage, text: str) -> Made:
    content = multipart("mixed", entity(text, "text/html; charset=utf-8"), fields="Subject: Zone is gone\r\n")
    content = content.replace(b"mixed;", b'mixed; protected-headers="v1";', 1)
    mail = head(
        s, ELLIPSIS, X_Correlation_ID="<b1@localhost>", Autocrypt=f"addr={s.anna.address};\r\n prefer-encrypt=mutual;\r\n keydata=AAAA"
    )
    return made(s, mail + sealed(s.town.encrypt(s.anna, content), "----=_Part_7_4711.1795")[:-2], content, text, "Zone is gone")


def _k9(s: Stage, text: str) -> Made:
    content = part(UTF8, text, "Content-Transfer-Encoding: quoted-printable")
    armored = s.town.encrypt(s.anna, content, "--no-emit-version", "--comment", "")
    return made(s, head(s) + sealed(armored, "----5UAY4LYJ2BDAYR9WPYGXF7BX4UVN5K", quote=""), content, text)


def _proton(s: Stage, text: str) -> Made:
    key = part('application/pgp-keys; filename="publickey - anna - 0x1.asc"; name="publickey - anna - 0x1.asc"', s.anna.certificate)
    content = multipart("mixed", multipart("mixed", entity(text)), key, fields="Subject: Zone is gone\r\n")
    content = content.replace(b"mixed;", b'mixed;protected-headers="v1";', 1)
    preamble = "This is an OpenPGP/MIME encrypted message (RFC 4880 and 3156)"
    boundary, named = "------4f9e2bb52a8a3c5d1f7a4c7d3bb1c0de1a0d9c6f;x", '; name="encrypted.asc"'
    mail = head(s, ELLIPSIS, X_Pm_Message_ID="x", X_Pm_Content_Encryption="on-compose", X_Pm_Origin="internal")
    return made(s, mail + sealed(s.town.encrypt(s.anna, content), boundary, preamble, data=named), content, text, "Zone is gone")


def _gnus(s: Stage, text: str) -> Made:
    content = b"Content-Type: text/plain\r\n\r\n" + f"{text}\r\n".encode()
    mail = head(s, User_Agent="Gnus/5.13 (Gnus v5.13)")
    return made(s, mail + sealed(s.town.encrypt(s.anna, content), "=-=-="), content, text)


def _python(s: Stage, text: str) -> Made:
    content = b'Content-Type: text/plain; charset="utf-8"\nMIME-Version: 1.0\nContent-Transfer-Encoding: 8bit\n\n' + f"{text}\n".encode()
    armored = s.town.encrypt(None, signed_inside(s, content, "===============1530873==", _lf, "pgp-sha256"))
    control, data = "; charset=us-ascii\r\nMIME-Version: 1.0", "; name=encrypted.asc\r\nMIME-Version: 1.0"
    return made(s, head(s) + sealed(armored, "===============7340962334==", "", control, data), content, text)


def _mailvelope(block: bytes) -> bytes:
    return block.replace(b"MESSAGE-----\r\n", b"MESSAGE-----\r\nVersion: Mailvelope v5.1\r\nComment: https://mailvelope.com\r\n", 1)


def _armor_charset(name: bytes) -> Callable[[bytes], bytes]:
    return lambda block: block.replace(b"MESSAGE-----\r\n", b"MESSAGE-----\r\nCharset: " + name + b"\r\nVersion: GnuPG v2\r\n", 1)


def _pasted_into_webmail(block: bytes) -> bytes:
    """Quoted-printable, with a blank that does not break in the line that should be empty."""
    return block.replace(b"=", b"=3D").replace(b"MESSAGE-----\r\n\r\n", b"MESSAGE-----\r\n=C2=A0\r\n")


def _nested(s: Stage, text: str) -> Made:
    picture = part("image/png; name=map.png", "iVBORw0KGgo=\n", "Content-ID: <map@nl>", "Content-Transfer-Encoding: base64")
    page = part("text/html; charset=utf-8", f'<p>{text}</p><img src="cid:map@nl">', "Content-Transfer-Encoding: 8bit")
    letter = multipart("alternative", entity(text), multipart("related", page, picture))
    report = part(
        'application/pdf; name="report.pdf"',
        "JVBERi0xLjcK\n",
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: attachment; filename=report.pdf",
    )
    return post(s, text, multipart("mixed", letter, report))


_DATA = '; name="encrypted.asc"\r\nContent-Disposition: inline; filename="encrypted.asc"'
CLIENTS: dict[str, Maker] = {
    "Thunderbird, with its protected header": _thunderbird,
    "Thunderbird, with HTML": lambda s, text: _thunderbird(s, text, html=True),
    "Enigmail, with the subject in a part of its own": _legacy_display,
    "Apple Mail with GPG Suite": _apple_mail,
    "Outlook with GpgOL": _gpgol,
    "KMail, signed inside": _around("nextPart2719364.mvXUDI8C0e", "nextPart5.X", "\r\nContent-Disposition: attachment", "; name=msg.asc"),
    "Evolution, signed inside": _around("=-Rk3+Fz1o/Zi0K4nq8xQd", "=-mYp/7Yj+q", "\r\nContent-Transfer-Encoding: 7bit", _DATA),
    "Claws, signed inside": _around("MP_/Fk8.zK=wT1x", "Sig_/aB3=x.Q+1", "", "", micalg="pgp-sha256"),
    "Roundcube, signed inside": _around("=_2b1c3d4e5f60718293a4b5c6d7e8f901", "=_d0", "; name=version.txt", "; name=encrypted.asc"),
    "neomutt through GPGME, signed inside with LF": _around("2fHTh5uZTiUOsy+g", "x/Y", "\r\nContent-Disposition: attachment", "", _lf),
    "neomutt, text mode": _neomutt,
    "Sylpheed": lambda s, text: made(
        s, head(s) + sealed(s.town.encrypt(s.anna, entity(text)), "Multipart=_Sun__22_Nov_2026_10_11_12_+0100_nPXu0wM"), entity(text), text
    ),
    "K-9 Mail": _k9,
    "FairEmail, without a last line end": _fairemail,
    "Delta Chat": _chat,
    "Proton": _proton,
    "Gnus": _gnus,
    "alot, signed inside with LF": _python,
    "Mailvelope in Gmail, which says us-ascii": lambda s, t: inline(
        s, f"{t} Zürich", 'text/plain; charset="us-ascii"; format=flowed', _mailvelope
    ),
    "Enigmail inline, charset in the armour": lambda s, t: inline(
        s, f"{t} 10 €", "text/plain; charset=us-ascii", _armor_charset(b"windows-1252"), "windows-1252"
    ),
    "PGP Desktop": lambda s, t: inline(s, f"{t} Zoë", 'text/plain; charset="iso-8859-1"', _armor_charset(b"utf-8")),
    "gpg's output as a mail without MIME": lambda s, t: inline(s, f"{t} Zoë", "", MIME_Version=""),
    "gpg's output pasted into a web mailer": lambda s, t: inline(
        s, f"{t} Zoë", UTF8, _pasted_into_webmail, Content_Transfer_Encoding="quoted-printable"
    ),
    "gpg's output, the text in Latin 1": lambda s, t: inline(s, f"{t} Zoë", "text/plain; charset=iso-8859-1", charset="latin-1"),
    "pictures in HTML, and a PDF": _nested,
}
