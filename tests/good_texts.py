"""Posts by what stands in them: character sets, encodings, attachments; and by their header fields, as people all over the world have
them."""

from __future__ import annotations

import base64
import os
import quopri
import time
from collections.abc import Callable
from dataclasses import replace

from bad_mails import DAY, Stage
from good_mails import SUBJECT, Made, Maker, entity, inline, post
from mail_styles import multipart, part
from town import LIST, mail_of

BASE64 = "Content-Transfer-Encoding: base64"
QUOTED = "Content-Transfer-Encoding: quoted-printable"
EIGHT_BITS = "Content-Transfer-Encoding: 8bit"
ENCODED: dict[str, Callable[[bytes], bytes]] = {BASE64: base64.encodebytes, QUOTED: quopri.encodestring, EIGHT_BITS: bytes}


def written(words: str, charset: str, codec: str = "", encoding: str = EIGHT_BITS) -> Maker:
    """A post with these words in a character set; `codec` is Python's name for what the mail program means by it."""

    def make(s: Stage, text: str) -> Made:
        octets = f"{text} {words}\r\n".encode(codec or charset)
        body = ENCODED[encoding](octets)
        return post(s, f"{text} {words}", part(f"text/plain; charset={charset}", body, encoding))

    return make


TEXTS: dict[str, Maker] = {
    "us-ascii": written("plain words", "us-ascii"),
    "UTF-8 with an emoji": written("🚨 Zürich ↯ 東京", "UTF-8"),
    "ISO 8859-1, quoted-printable": written("Zürich", "iso-8859-1", encoding=QUOTED),
    "ISO 8859-15": written("10 €", "ISO-8859-15"),
    "Windows 1252": written("„10 €“ – œuvre", "windows-1252"),
    "KOI8-R": written("Домен не отвечает", "koi8-r"),
    "Windows 1251": written("Домен не отвечает", "windows-1251", encoding=BASE64),
    "ISO-2022-JP": written("東京のサーバ", "iso-2022-jp"),
    "ISO-2022-JP, with what NEC added": lambda s, text: post(
        s, text, part("text/plain; charset=iso-2022-jp", text.encode() + b" \x1b$B-!\x1b(B\r\n", EIGHT_BITS)
    ),
    "Shift_JIS, with what Windows added": written("①株式会社", "Shift_JIS", "cp932", BASE64),
    "GB 18030": written("域名服务器", "gb18030", encoding=BASE64),
    "GB 2312, with a name that is in GBK only": written("朱镕基", "gb2312", "gbk"),
    "Big5": written("網域名稱", "big5"),
    "Big5, with Hong Kong's characters": written("啲嘢嘅", "big5", "big5hkscs"),
    "EUC-JP, with what NEC added": lambda s, text: post(
        s, text, part("text/plain; charset=euc-jp", text.encode() + b" \xad\xa1\xad\xea\r\n", EIGHT_BITS)
    ),
    "Windows 1252, with an octet that means nothing": lambda s, text: post(
        s, text, part("text/plain; charset=windows-1252", text.encode() + b" \x81 \x80\r\n", EIGHT_BITS)
    ),
    "a set that the program did not know": written("Zürich", "unknown-8bit", "latin-1"),
    "an encoding with a hyphen": lambda s, text: post(s, text, part("text/plain", text, "Content-Transfer-Encoding: 8-bit")),
    "an encoding with a comment": lambda s, text: post(
        s, text, part("text/plain", quopri.encodestring(text.encode()), "Content-Transfer-Encoding: Quoted-Printable (soft)")
    ),
    "EUC-KR": written("도메인 서버", "euc-kr"),
    "the Korean set by the name that Outlook gives it": written("똠방각하", "ks_c_5601-1987", "cp949", BASE64),
    "UTF-16": written("Zürich", "utf-16", encoding=BASE64),
    "Hebrew, from right to left": written("שרת השמות נפל", "iso-8859-8-i", "iso-8859-8"),
    "Arabic, from right to left": written("\u200fالخادم لا يستجيب\u200f .مصر", "utf-8"),
    "Thai": written("เซิร์ฟเวอร์", "windows-874", "cp874"),
    "a text without a character set": lambda s, text: post(s, text, part("text/plain", text)),
    "a text without any header": lambda s, text: replace(post(s, text, f"\r\n{text}\r\n".encode()), body=f"\r\n{text}\r\n".encode()),
    "flowed": lambda s, text: post(s, text, entity(f"{text} \n goes on \n\n-- \nAnna", "text/plain; charset=utf-8; format=flowed")),
    "flowed, blanks deleted": lambda s, text: post(s, text, entity(f"{text} \nx", "text/plain; charset=utf-8; format=flowed; delsp=yes")),
    "nothing but HTML": lambda s, text: post(s, text, entity(f"<p>{text}</p>", "text/html; charset=utf-8")),
    "a line of 20,000 characters": lambda s, text: post(s, text, entity(text + " zürich" * 3_000)),
    "lines that begin with From and dots": lambda s, text: post(s, text, entity(f"{text}\nFrom the zone\n.\n..\n--\n-- \n")),
    "blanks at the ends of lines, text mode": lambda s, text: post(s, text, entity(f"{text} \n\t\n  \nend"), "--textmode"),
    "a letter of 300 lines": lambda s, text: post(s, text, entity("\n".join([text] * 300))),
    "inline, looking like a header": lambda s, text: inline(s, f"{text}\nNote: the zone is gone\n\nUpdate: it is back"),
    "inline, in Japanese": lambda s, text: inline(s, f"{text} 東京", "text/plain; charset=iso-2022-jp", charset="iso-2022-jp"),
}

# --- attachments -------------------------------------------------------------------------------------------------------------


def attached(content_type: str, octets: bytes, *fields: str) -> Maker:
    """A post with a file."""
    body = base64.encodebytes(octets)
    file = part(content_type, body, BASE64, *(fields or ('Content-Disposition: attachment; filename="file"',)))
    return lambda s, text: post(s, text, multipart("mixed", entity(text), file))


def _empty(s: Stage, text: str) -> Made:
    """Nothing but a subject; a parameter of its type tells it from other empty ones."""
    content = f'Content-Type: text/plain; x="{text}"\r\n\r\n'.encode()
    return replace(post(s, text, content, subject=text, Subject=text), body=content)


def _large(s: Stage, text: str) -> Made:
    """Ten mebibytes that nothing compresses."""
    return attached("application/octet-stream", os.urandom(10 * 2**20))(s, text)


_MAIL = b"From: a@b.example\r\nSubject: abuse\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSee there.\r\n"
FILES: dict[str, Maker] = {
    "a PDF": attached('application/pdf; name="report.pdf"', b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
    "a mail as an attachment": lambda s, text: post(s, text, multipart("mixed", entity(text), part("message/rfc822", _MAIL))),
    "a delivery report that somebody asks about": lambda s, text: post(
        s, text, multipart("mixed", entity(text), part("message/delivery-status", "Reporting-MTA: dns; mx.example\n\nAction: failed\n"))
    ),
    "names of S/MIME": attached(
        'application/pkcs7-signature; name="smime.p7s"', b"0\x80\x06\x09", "Content-Disposition: attachment; filename=smime.p7s"
    ),
    "names of OpenPGP": attached('application/octet-stream; name="encrypted.asc"', b"-----BEGIN PGP MESSAGE-----\n\nno message\n"),
    "a certificate": lambda s, text: post(s, text, multipart("mixed", entity(text), part("application/pgp-keys", s.bert.certificate))),
    "a name in Japanese (RFC 2231)": attached(
        "text/csv", b"time;source\n", "Content-Disposition: attachment;\r\n filename*0*=utf-8''%E6%9D%B1;\r\n filename*1*=%E4%BA%AC.csv"
    ),
    "a name in an encoded word": attached("text/csv; name==?utf-8?B?5p2x5LqsLmNzdg==?=", b"a;b\n"),
    "a file without a byte": attached("application/octet-stream", b""),
    "ten mebibytes": _large,
}

# --- header fields -----------------------------------------------------------------------------------------------------------


def subject(raw: str, shown: str) -> Maker:
    """A post with this Subject under its signature, which is shown so."""
    return lambda s, text: post(s, text, entity(text, "text/plain; charset=utf-8", f"Subject: {raw}"), subject=shown)


def fields(**given: str) -> Maker:
    """A post with these fields outside; `{}` in them is Anna's address."""
    return lambda s, text: post(s, text, b"", **{name: value.format(s.anna.address) for name, value in given.items()})


def inside(*lines: str) -> Maker:
    """A post with these fields under its signature."""
    return lambda s, text: post(s, text, entity(text, "text/plain; charset=utf-8", *lines))


def signed(ago: Callable[[], int]) -> Maker:
    """A post by Vera, signed so many seconds ago."""

    def make(s: Stage, text: str) -> Made:
        content = entity(text)
        armored = s.encrypted(s.people.sign(s.vera, content, at=int(time.time()) - ago(), armor=False))
        return Made(mail_of(armored, f"Vera <{s.vera.address}>"), content.partition(b"\r\n\r\n")[2], text, SUBJECT, s.vera)

    return make


def _encoded(text: str, charset: str, label: str = "", width: int = 20) -> str:
    """Encoded words, split by octets, as some programs do in the midst of a character."""
    octets = text.encode(charset)
    pieces = [octets[at : at + width] for at in range(0, len(octets), width)]
    return "\r\n ".join(f"=?{label or charset}?B?{base64.b64encode(piece).decode()}?=" for piece in pieces)


LONG = "Angriff auf die Namensserver in Zürich und Genf, seit 14:05 Uhr UTC – bitte zurückrufen " * 6
HEADERS: dict[str, Maker] = {
    "an encoded subject": subject("=?iso-8859-1?Q?Z=FCrich_=3D_weg?=", "Zürich = weg"),
    "a subject in Japanese": subject("=?ISO-2022-JP?B?GyRCRWw1fhsoQg==?= down", "東京 down"),
    "a subject in Chinese, a character in two words": subject(
        _encoded("朱镕基：域名服务器没有响应", "gbk", "gb2312", 7), "朱镕基：域名服务器没有响应"
    ),
    "a subject in its language": subject("=?utf-8*de?Q?Z=C3=BCrich?=", "Zürich"),
    "a subject in raw UTF-8": subject("Zürich ist weg", "Zürich ist weg"),
    "a subject with an emoji": subject(_encoded("🚨 .nl", "utf-8"), "🚨 .nl"),
    "a subject in Arabic": subject(_encoded("الخادم لا يستجيب", "utf-8"), "الخادم لا يستجيب"),
    "a very long subject": subject(_encoded(LONG, "utf-8", width=42), LONG.strip()),
    "a folded subject": subject("Attack on .nl\r\n\tand on .be", "Attack on .nl and on .be"),
    "an empty subject": subject("", ""),
    "no subject at all": lambda s, text: post(s, text, subject="", Subject=""),
    "an empty body": _empty,
    "no name in From": fields(From="{}"),
    "From in brackets": fields(From="<{}>"),
    "the name in a comment": fields(From="{} (Anna de Vries)"),
    "the address as its name": fields(From='"{0}" <{0}>'),
    "a comma in the name": fields(From='"de Vries, Anna" <{}>'),
    "a dot in the name": fields(From="Anna J. de Vries <{}>"),
    "an encoded name": fields(From="=?utf-8?Q?Zo=C3=AB_de_Vries?= <{}>"),
    "a Chinese name": fields(From="=?gb2312?B?1uzpRrv5?= <{}>"),
    "From with a detail": fields(From="Anna <anna+tld-ops@elsewhere.example>"),
    "From an address that the list does not know": fields(From="Anna <anna.privately@freemail.example>"),
    "From in capitals": lambda s, text: post(s, text, From=f"ANNA <{s.anna.address.upper()}>"),
    "Sender and Reply-To": fields(Sender="Assistant <office@nl.example>", Reply_To="noc@nl.example"),
    "To with others, and somebody in Cc": fields(To=f"NOC <noc@be.example>, tld-ops <{LIST}>", Cc="ceo@nl.example"),
    "To nobody, outside": fields(To="undisclosed-recipients:;"),
    "the list in Cc, signed": inside("To: noc@be.example", f"Cc: TLD-OPS <{LIST.upper()}>"),
    "many recipients, signed": inside(f"To: {', '.join(f'ssc{n}@registry.example' for n in range(60))}, {LIST}"),
    "From an unknown address, signed": inside("From: Anna <anna@freemail.example>", f"To: {LIST}"),
    "an answer": fields(In_Reply_To="<1@x.example>", References="<0@x.example>\r\n <1@x.example>"),
    "no Date": fields(Date=""),
    "a Date in Nepal": fields(Date="Sun, 22 Nov 2026 22:00:00 +0545 (NPT)"),
    "a Date of long ago": fields(Date="Thu, 1 Jan 1970 00:00:00 -0000"),
    "a Date that is none": fields(Date="yesterday"),
    "no Message-ID": fields(Message_ID=""),
    "a Message-ID without brackets": fields(Message_ID="4711"),
    "fields of the way": fields(Received="from a by b;\r\n now", DKIM_Signature="v=1; a=rsa-sha256", ARC_Seal="i=1", X_Spam_Status="No"),
    "signed 7 days ago, but for an hour": signed(lambda: 7 * DAY - 3_600),
    "signed 9 minutes ahead": signed(lambda: -540),
}
