"""Seeds that need no keys: header fields, addresses, statements, commands, records, tokens, settings."""

from __future__ import annotations

import json

from delivery_reports import REPORTS
from rdap_world import octets, person, record

from fuzz.targets_mail import KEY, LIST
from securelist.delivery import bounce_token
from securelist.procedures import token as invitation_token
from securelist.trust.fields import EXAMPLES, FORMS
from securelist.trust.grammar import render

SECRET = bytes(32)

_FROMS = (
    "Anna <anna@nl.example>",
    '"de Vries, Anna" <anna@nl.example>',
    "=?utf-8?q?J=C3=B6rg_M=C3=BCller?= <joerg@de.example>",
    "=?iso-8859-1?B?SvZyZw==?= =?utf-8?Q?_x?= <joerg@de.example>",
    "anna@nl.example (Anna)",
    "Anna . de . Vries <anna@nl.example>",
    "undisclosed-recipients:;",
    "Team: anna@nl.example, bert@nl.example;",
    "Anna <anna@nl.example>, Bert <bert@nl.example>",
    '"anna@nl.example" <mallory@evil.example>',
    "<@relay.example:anna@nl.example>",
    '"anna b"@nl.example',
    "anna@[192.0.2.1]",
)


def _header(sender: str) -> bytes:
    return f"From: {sender}\r\nSender: {sender}\r\nTo: {LIST},\r\n {sender}\r\nCc: {sender}\r\nSubject: Re: {sender}\r\n\r\n".encode()


def _mails() -> list[bytes]:
    report = b"""From: MAILER-DAEMON@mx.example (Mail Delivery System)\r
To: tld-ops-bounces+1f-abcdefghijklmnop@lists.example.org\r
Auto-Submitted: auto-replied\r
Content-Type: multipart/report; report-type=delivery-status;\r
\tboundary="9B.1/mx.example"\r
\r
--9B.1/mx.example\r
Content-Type: text/plain; charset=us-ascii\r
\r
I'm sorry.\r
--9B.1/mx.example\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.example\r
\r
Final-Recipient: rfc822; anna@nl.example\r
Action: failed\r
Status: 5.1.1\r
\r
--9B.1/mx.example\r
Content-Type: text/rfc822-headers\r
\r
Message-ID: <a@lists.example.org>\r
\r
--9B.1/mx.example--\r
"""
    pieces = b"Content-Type: text/plain; charset*0=us-; charset*1=ascii; format*=utf-8''flowed; delsp=yes\r\n\r\nx\r\n"
    forwarded = b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n"
    forwarded += b"--a\r\n\r\n1\r\n--a\r\n\r\n2\r\n--a--\r\n"
    quoted = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nna=C3=AFve=\r\n=20\r\n"
    return [report, pieces, forwarded, quoted, b"\r\nno header\r\n"]


_OUTSIDE = (
    b"From: Anna <anna@nl.example>\r\nSubject: [...]\r\nMessage-ID: <1@client.example>\r\nReferences: <0@client.example> <2@x>\r\n\r\n"
)
_SIGNED = (
    b"Content-Type: text/plain; charset=utf-8\r\nSubject: Attack\r\nMessage-ID: <9@client.example>\r\n\r\nna\xc3\xafve\r\n",
    b"""Content-Type: multipart/mixed; boundary="b"; protected-headers="v1"\r
From: Anna <anna@nl.example>\r
Subject: =?utf-8?q?=C3=A4?=\r
\r
--b\r
Content-Type: text/plain\r
\r
hello\r
--b\r
Content-Type: message/rfc822\r
\r
Subject: y\r
\r
z\r
--b--\r
""",
    b"Content-Type: text/plain; charset=iso-2022-jp\r\nContent-Transfer-Encoding: base64\r\n\r\nGyRCJCIbKEI=\r\n",
    b"inline text \xe2\x82\xac\0\r\n",
)

_ADDRESSES = [
    "anna@nl.example", "tld-ops@lists.example.org", "TLD-ops-request@lists.example.org", "Anna <anna@nl.example>", '"a b"@x.example',
    "tld-ops-bounces+1f-abcdefghijklmnop@lists.example.org", "Jörg Müller (Registry) <joerg@de.example>", "\u202eevil\u2800\u3164name",
    "=?utf-8?q?=C3=A4?= =?utf-8?b?w6Q=?=", "=?koi8-r?Q?=D0?= x =?utf-8?q?y?=",
    "Re: =?x?= [tld-ops] Ünïcödé 日本語 subject that is long enough to be folded",
]  # fmt: skip

_STATEMENTS = [render(kind, {name: [EXAMPLES[name]] for name in form.fields}) for kind, form in FORMS.items()]
_LOOSE = [
    "Dear list,\n\n" + _STATEMENTS[3] + "\n\n" + _STATEMENTS[4] + "\n-- \nAnna\n",
    _STATEMENTS[3].replace("Email: ", "E-Mail: ").replace(" ", "\u00a0"),
    _STATEMENTS[3].lower(),
    "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + _STATEMENTS[0] + "-----BEGIN PGP SIGNATURE-----\n",
    _STATEMENTS[0].replace("Threshold: 2", "Threshold: 0"),
    _STATEMENTS[3].replace("2027-11-22", "22.11.2027").replace("+31", "0031"),
]

_COMMANDS = [
    "help",
    "invite nl, br, --batch 20\r\n\r\nthanks\r\n",
    "coverage\npending\nrelease 7\n-- \nRoot",
    "suspend-member anna@nl.example\nhello",
]
_FLOWED = b"Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes\r\n\r\n help \r\nme\r\n"
_NESTED = b"""Content-Type: multipart/mixed; boundary="m"\r
\r
--m\r
Content-Type: multipart/alternative; boundary=a\r
\r
--a\r
Content-Type: text/plain; charset=windows-1252\r
Content-Transfer-Encoding: quoted-printable\r
\r
=80 help\r
--a\r
Content-Type: text/html\r
\r
<p>x\r
--a--\r
--m\r
Content-Type: text/plain\r
Content-Disposition: attachment\r
\r
no\r
--m--\r
"""


def _small(record: dict[str, object]) -> dict[str, object]:
    return {name: record[name] for name in ("objectClassName", "ldhName", "entities")}


_JAPANESE = person("administrative", "日本 太郎", "JPRS", "taro@jp.example", "tel:+81-3-1234;ext=5")
_RECORDS = [
    octets(record()),
    octets(_small(record("br"))),
    octets(_small(record("nl")), _small(record("xn--p1ai")), _small(record("jp"))),
    json.dumps(_small(record("jp", entities=[_JAPANESE]))).encode(),
    b'\xef\xbb\xbf{"objectClassName":"domain","ldhName":"nl","ldhName":"br","x":[NaN,1e999,-0]}',
    b"[[[[[[[[]]]]]]]]",
    '{"objectClassName":"domain","ldhName":"РФ."}'.encode(),
]

_TOKENS = [bounce_token.make_token(SECRET, number) for number in (1, 31, 2**40)]
_TOKENS += [invitation_token.make_token(SECRET, number, name) for number, name in ((1, "nl"), (2**24 - 1, "xn--p1ai"))]

_SETTINGS = f"""list = "{LIST}"
key = "{KEY}"
next_hop = "smtp://127.0.0.1:25"
smtp = "[::1]:8025"
lmtp = "127.0.0.1:0"
name = "TLD-OPS"
show_poster = false
members_per_cctld = 3
"""

_TALK = f"""EHLO mx.example\r
MAIL FROM:<anna@nl.example> SIZE=100 BODY=8BITMIME\r
RCPT TO:<{LIST}>\r
DATA\r
From: anna@nl.example\r
\r
..dot\r
.\r
MAIL FROM:<>\r
RCPT TO:<tld-ops-bounces+1f-abcdefghijklmnop@lists.example.org>\r
DATA\r
x\r
.\r
QUIT\r
"""
_ODD_TALK = f"""HELO x\r
VRFY anna\r
EXPN x\r
STARTTLS\r
AUTH PLAIN AAAA\r
NOOP\r
HELP\r
RSET\r
MAIL FROM:<@relay.example:"a b"@nl.example>\r
RCPT TO:<nobody@lists.example.org>\r
DATA\r
MAIL FROM:<a@b.example>\r
RCPT TO:<{LIST}>\r
RCPT TO:<tld-ops-request@lists.example.org>\r
DATA\r
smuggled\n.\n\r\n.\r.\r
MAIL FROM:<c@d.example>\r\n.\r
QUIT\r
"""
_TALKS = [_TALK, _ODD_TALK, _TALK.replace("EHLO", "LHLO"), _TALK.replace("..dot", "y" * 700)]


def bundle(*contacts: dict[str, object], **other: object) -> bytes:
    """The document of a bundle."""
    head = {"securelist-bundle": 1, "source": {"address": "contacts@centr.example", "fingerprint": KEY}, "made": "2026-09-20T05:00:00Z"}
    return json.dumps({**head, "recipient": KEY, "contacts": contacts, **other}, ensure_ascii=False).encode()


EMMA: dict[str, object] = {
    "cctld": "be", "name": "Emma Peeters", "emails": ["emma@be.example", "noc@be.example"], "phones": ["+32 2 555 0101", "+32 (470) 5 x7"],
    "organisation": "Registry, BE", "timezone": "Europe/Brussels", "confirmed": "2026-01-02T03:04:05Z", "until": "2027-01-01T00:00:00Z",
}  # fmt: skip
_IVAN: dict[str, object] = {"cctld": "xn--p1ai", "name": "Иван Петров", "emails": ["ivan@ru.example"], "fingerprint": KEY}
_BUNDLES = [
    bundle(),
    bundle(EMMA),
    bundle(_IVAN),
    bundle(EMMA, _IVAN),
    bundle(EMMA | {"cctld": "lu", "phones": []}, made="2026-08-01T00:00:00Z"),
]

SEEDS: dict[str, list[bytes]] = {
    "bundle": _BUNDLES,
    "entity": _mails(),
    "headers": list(map(_header, _FROMS)),
    "address": [words.encode() for words in (*_ADDRESSES, *_FROMS)],
    "received": [*map(_header, _FROMS[:3]), *_mails()],
    "incoming": [b"\x03" + talk.encode() for talk in _TALKS[:2]],
    "session": [bytes((kind,)) + talk.encode() for kind, talk in zip((0x80, 0x02, 0x81, 0x40), _TALKS, strict=True)],
    "composed": [_OUTSIDE + b"\0" + signed for signed in _SIGNED],
    "config": [_SETTINGS.encode(), _SETTINGS.replace("= ", "='''x'''#").encode(), b'list = "a@b.c"\n[key]\nx = 1979-05-27T07:32:00Z\n'],
    "listing": [words.encode() for words in ("Anna <anna@nl.example>", "a:b\\c\nd", "\\x3a", "Å ü €", "[GNUPG:] GOODSIG")],
    "statement": [words.encode() for words in (*_STATEMENTS, *_LOOSE)],
    "drafted": [f"{person}\n{KEY}".encode() for person in ("Anna\nRegistry\nanna@nl.example\n+31 6 1234 5678", "A: B\nKey: x\n\n")],
    "signed_text": [*(words.encode() for words in (*_COMMANDS, *_STATEMENTS[:2])), _FLOWED, _NESTED],
    "rdap": _RECORDS,
    "report": [bytes([bool(one.mail_from)]) + one.about() for one in REPORTS.values()],
    "tokens": [token.encode() for token in (*_TOKENS, f"Token: {_TOKENS[-1]}\n> {_TOKENS[3].upper()} x")],
}
