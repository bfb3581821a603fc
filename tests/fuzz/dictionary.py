"""Words that the fuzzer puts into what it makes up: it would have to find them letter by letter."""

from __future__ import annotations

from pathlib import Path

from securelist.commands import COMMANDS
from securelist.trust.fields import FIELDS, FORMS
from securelist.trust.grammar import BEGIN

_HEADERS = """
From To Cc Sender Reply-To Subject Date Message-ID In-Reply-To References List-Id Received Auto-Submitted MIME-Version Content-Type
Content-Transfer-Encoding Content-Disposition HP-Outer Comment Hash Charset
"""
_WORDS = """
multipart/mixed multipart/signed multipart/encrypted multipart/alternative multipart/report message/rfc822 message/delivery-status
text/plain text/html application/octet-stream application/pgp-encrypted application/pgp-signature application/pgp-keys
boundary= boundary*0= charset= charset*=utf-8'' format=flowed delsp=yes protected-headers= report-type=delivery-status
base64 quoted-printable 8bit utf-8 us-ascii iso-8859-1 iso-2022-jp utf-7 =?utf-8?q? =?utf-8?b? ?= attachment inline
EHLO LHLO MAIL RCPT DATA RSET QUIT FROM:< TO:< SIZE= BODY=8BITMIME nl xn--p1ai null true erased certificates entry octets hash
"""
_JSON = "objectClassName ldhName entities roles vcardArray vcard administrative registrant domain fn org email tel text"
_ENDS = ["\r\n", "\r\n\r\n", "\r\n.\r\n", "\r\n--", "--\r\n", "\n\n", "-- \n", "\r\n ", "\u00a0", "\u202e", "\ufeff", "\u0130"]


def words() -> list[bytes]:
    """The words, each once."""
    armour = [f"-----{edge} PGP {kind}-----" for edge in ("BEGIN", "END") for kind in ("MESSAGE", "SIGNATURE", "PUBLIC KEY BLOCK")]
    armour.append("-----BEGIN PGP SIGNED MESSAGE-----")
    statements = [*(f"{BEGIN}: {kind}" for kind in FORMS), *(f"{name}: " for name in (*FIELDS, *_HEADERS.split()))]
    names = _JSON.split()
    found = [*_WORDS.split(), *names, *(f'"{name}":' for name in names), *_ENDS, *armour, *statements, *COMMANDS]
    return [word.encode() for word in dict.fromkeys(found)]


def write(path: Path) -> None:
    """Writes the words in libFuzzer's form."""
    path.write_text("".join('"' + "".join(f"\\x{octet:02x}" for octet in word) + '"\n' for word in words()), encoding="ascii")
