"""Mails whose every text stands nowhere else, in all forms that the relay takes or refuses; and what must never be written of them."""

from __future__ import annotations

import base64
import re
import secrets
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from people import People, Somebody
from town import LIST, Town, entity, mail_of
from watched import Needles

LOCAL, _, DOMAIN = LIST.partition("@")
REQUEST, OWNER = f"{LOCAL}-request@{DOMAIN}", f"{LOCAL}-owner@{DOMAIN}"
ATTACHMENT_OCTETS = 200 * 1024

_ARMOR = re.compile(
    rb"(-----BEGIN PGP MESSAGE-----\r?\n\r?\n)([A-Za-z0-9+/=\r\n]+?)(\r?\n=[A-Za-z0-9+/]{4})?(\r?\n-----END PGP MESSAGE-----)"
)


def sentences() -> str:
    """Words that stand nowhere else, in lines, some not in ASCII."""
    return "\r\n".join(" ".join(f"{secrets.token_urlsafe(7)}äß€" for _ in range(5)) for _ in range(8))


@dataclass(frozen=True)
class Desk:
    """Somebody writes one mail: who, the text, the subject under the signature, and one word for all that stands outside."""

    town: Town
    people: People
    who: Somebody
    stranger: Somebody
    text: str = field(default_factory=sentences)
    subject: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    outside: str = field(default_factory=lambda: secrets.token_hex(16))
    attachment: bytes = field(default_factory=lambda: secrets.token_bytes(ATTACHMENT_OCTETS))

    def mail(self, armored: bytes, **fields: str) -> bytes:
        fields = {"X_Mailer": self.outside, "Message_ID": f"<{self.outside}@{self.outside}.example>", **fields}
        return mail_of(armored, f"{self.who.name} <{self.who.address}>", f"About {self.outside}", **fields)

    def entity(self) -> bytes:
        return entity(self.text, f"Subject: {self.subject}")

    def combined(self) -> bytes:
        return self.mail(self.town.encrypt(self.who, self.entity()))

    def multipart_signed(self) -> bytes:
        return self.mail(self.town.encrypt(None, self.people.multipart_signed(self.who, self.entity())))

    def inline(self) -> bytes:
        head = self.mail(b"", Content_Type="text/plain; charset=utf-8").partition(b"\r\n\r\n")[0]
        return head + b"\r\n\r\n" + self.town.encrypt(self.who, self.text.encode()).replace(b"\n", b"\r\n")

    def with_attachment(self) -> bytes:
        head = f'Subject: {self.subject}\r\nContent-Type: multipart/mixed; boundary="b1"\r\n\r\n--b1\r\n'.encode()
        field = b"\r\n--b1\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        attached = field + base64.encodebytes(self.attachment).replace(b"\n", b"\r\n")
        return self.mail(self.town.encrypt(self.who, head + entity(self.text) + attached + b"--b1--\r\n"))

    def by_a_stranger(self) -> bytes:
        return self.mail(self.town.encrypt(self.stranger, self.entity()))

    def unsigned(self) -> bytes:
        return self.mail(self.town.encrypt(None, self.entity()))

    def in_a_wrong_charset(self) -> bytes:
        return self.mail(self.town.encrypt(self.who, self.entity().replace(b"utf-8", b"us-ascii")))

    def altered(self) -> bytes:
        """Its last octets, which prove that it is whole, are others: gpg puts the text out before it notices."""
        armored = self.town.encrypt(self.who, self.entity())
        octets = bytearray(dearmored(armored))
        octets[-5] ^= 1
        return self.mail(_ARMOR.sub(lambda found: found[1] + base64.encodebytes(octets).strip() + found[4], armored))

    def in_the_clear(self) -> bytes:
        return (
            self.mail(b"", Content_Type="text/plain; charset=utf-8").partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + self.text.encode() + b"\r\n"
        )


@dataclass(frozen=True)
class Kind:
    """How it is written, to which address it goes, and the answer to it."""

    write: Callable[[Desk], bytes]
    to: str = LIST
    code: int = 250


KINDS = {
    "combined": Kind(Desk.combined),
    "multipart/signed": Kind(Desk.multipart_signed),
    "inline": Kind(Desk.inline),
    "with an attachment": Kind(Desk.with_attachment),
    "by a stranger": Kind(Desk.by_a_stranger, code=550),
    "unsigned": Kind(Desk.unsigned, code=550),
    "in a wrong charset": Kind(Desk.in_a_wrong_charset, code=550),
    "altered on its way": Kind(Desk.altered, code=550),
    "in the clear": Kind(Desk.in_the_clear, code=550),
    "to -request, but no command": Kind(Desk.combined, REQUEST, 550),
    "to -owner, in the clear": Kind(Desk.in_the_clear, OWNER),
}


def armored_in(mail: bytes) -> bytes:
    """The armoured message in a mail; empty if there is none."""
    found = _ARMOR.search(mail)
    return found[0] if found else b""


def dearmored(armored: bytes) -> bytes:
    found = _ARMOR.search(armored)
    assert found
    return base64.b64decode(found[2])


def add_mail(needles: Needles, name: str, desk: Desk, mail: bytes) -> None:
    """What must not be written of a mail that comes in: its texts, and what the list's key could open."""
    needles.add(f"text, {name}", desk.text.encode())
    needles.add(f"signed subject, {name}", desk.subject.encode())
    needles.add(f"outside, {name}", desk.outside.encode())
    if KINDS[name].write is Desk.with_attachment:
        needles.add(f"attachment, {name}", desk.attachment)
    if armored := armored_in(mail):
        needles.add(f"armour, {name}", armored.partition(b"-----\r\n\r\n")[2].partition(b"-----END")[0])
        needles.add(f"ciphertext, {name}", dearmored(armored))
        add_opened(needles, f"{name}, as it came", desk.town.home / "gnupg", dearmored(armored))


def add_opened(needles: Needles, name: str, home: Path, message: bytes) -> None:
    """What the owner of this GnuPG home gets out of a message: the session key, and the signed message as it was packed."""
    gpg = ["gpg", "--homedir", str(home), "--batch", "--trust-model", "always"]
    shown = subprocess.run([*gpg, "--show-session-key", "--decrypt"], input=message, capture_output=True, check=False).stderr
    key = re.search(rb"session key: '\d+:([0-9A-F]+)'", shown)
    assert key, shown
    needles.add(f"session key, {name}", bytes.fromhex(key[1].decode()))
    packed = subprocess.run([*gpg, "--unwrap", "--decrypt"], input=message, capture_output=True, check=False).stdout
    needles.add(f"signed message, {name}", packed)
