"""Mails that the list must refuse, as people, their mail clients and attackers make them: each with its reason and its step.

Every mail is made anew each time it is needed: signatures have dates.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from people import People, Somebody
from town import Town, entity, mail_of

from securelist.openpgp.armor import dearmor
from securelist.openpgp.packets import read_packets
from securelist.openpgp.sequoia import armor

DAY = 86_400
# The canary stands in every post of these tables: no copy of any member may hold it.
CANARY = "canary-of-a-bad-mail"


@dataclass(frozen=True)
class Stage:
    """A list and who writes to it. Vera's key is a month old; Willem is a member no more; Mallory never was one."""

    town: Town
    people: People
    anna: Somebody
    bert: Somebody
    vera: Somebody
    willem: Somebody
    mallory: Somebody

    def mail(self, armored: bytes, **fields: str) -> bytes:
        """A PGP/MIME mail around this, in Anna's name."""
        return mail_of(armored, fields.pop("From", f"Anna <{self.anna.address}>"), **fields)

    def post(self, *inside: str, text: str = CANARY, **outside: str) -> bytes:
        """A whole post by Anna; with header fields inside and outside."""
        return self.town.post(self.anna, entity(f"{text} {time.time_ns()}", *inside), **outside)

    def inline(self, before: str = "", after: str = "", content_type: str = "text/plain; charset=utf-8", text: bytes = b"") -> bytes:
        """A mail whose body is an inline block."""
        block = self.town.encrypt(self.anna, text or f"{CANARY} {time.time_ns()}".encode())
        head = self.mail(b"", Content_Type=content_type).partition(b"\r\n\r\n")[0]
        return head + b"\r\n\r\n" + (before.encode() + block + after.encode()).replace(b"\n", b"\r\n")

    def packets(self, change: Callable[[list[bytes]], list[bytes]], *options: str) -> bytes:
        """A post by Anna whose OpenPGP packets (session keys, then data) were changed on the way."""
        encrypted = self.town.encrypt(self.anna, entity(CANARY), *options)
        return self.mail(armor(b"".join(change([packet.octets for packet in read_packets(dearmor(encrypted))])), "MESSAGE"))

    def at(self, when: int) -> bytes:
        """A post by Vera, signed at another time than now."""
        content = self.people.sign(self.vera, entity(CANARY), at=when, armor=False)
        return self.mail(self.encrypted(content), From=f"Vera <{self.vera.address}>")

    def encrypted(self, message: bytes) -> bytes:
        """A signed OpenPGP message encrypted to the list as it is, armoured: what sits between the two layers is ours."""
        return self.people.gpg("--armor", "--no-literal", "--compress-level", "0", "-r", self.town.key, "--encrypt", data=message)

    def copy(self) -> bytes:
        """A copy that the list sent to Anna."""
        self.town.judge(self.post(text="canary of a copy that comes back"))
        self.town.deliver()
        return self.town.mails(self.anna.address)[-1].as_bytes().replace(b"\n", b"\r\n")


def nested(levels: int) -> bytes:
    """A multipart in a multipart in a multipart…"""
    opening = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(levels))
    return opening + entity(CANARY) + b"".join(b"\r\n--%d--\r\n" % n for n in reversed(range(levels)))


def many_parts(boundary: str, number: int) -> bytes:
    """The body of a multipart with so many parts."""
    return f"--{boundary}\r\nContent-Type: text/plain\r\n\r\nx\r\n".encode() * number + f"--{boundary}--\r\n".encode()


def head_of(s: Stage, **fields: str) -> bytes:
    """The header of a mail by Anna, without the empty line."""
    return s.mail(b"", **fields).partition(b"\r\n\r\n")[0] + b"\r\n"


def altered(s: Stage) -> bytes:
    """Signed by Anna, changed by whoever encrypted it."""
    signed = s.people.multipart_signed(s.anna, entity(f"agreed: {CANARY}"))
    return s.mail(s.town.encrypt(None, signed.replace(b"agreed", b"denied")))


def twice_signed(s: Stage) -> bytes:
    """One content, two signers."""
    return s.mail(s.town.encrypt(s.anna, entity(CANARY), "-u", s.bert.fingerprint))


def cut(s: Stage) -> bytes:
    """A mail that ends in the midst of its armour."""
    mail = s.post()
    return mail[: mail.index(b"-----END PGP") - 200]


@dataclass(frozen=True)
class Bad:
    """How to make the mail, and the verdict: reason code and step. `mail_from` is its return path."""

    make: Callable[[Stage], bytes]
    reason: str
    step: str
    mail_from: str = "anna@nl.example"


RECEIVE = {
    "empty": Bad(lambda s: b"", "empty", "receive"),
    "nothing but line ends": Bad(lambda s: b"\r\n\r\n", "empty", "receive"),
    "not a mail": Bad(lambda s: b"\x00\xff" * 100 + b"\r\n", "not-a-mail", "receive"),
    "text without a header": Bad(lambda s: b"The name servers are down!\r\n", "not-a-mail", "receive"),
    "a web request": Bad(lambda s: b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "not-a-mail", "receive"),
    "a header of 200 KiB": Bad(lambda s: s.post(X_Long="x" * 200_000), "header-too-large", "receive"),
    "ten thousand recipients in To": Bad(
        lambda s: s.post(To=", ".join(f"ssc-{n}@registry.example" for n in range(10_000))), "header-too-large", "receive"
    ),
    "5,000 Received": Bad(lambda s: b"Received: by x\r\n" * 5000 + s.post(), "loop", "receive"),
    "a copy of the list comes back": Bad(Stage.copy, "loop", "receive"),
    "an automatic answer": Bad(lambda s: s.post(Auto_Submitted="auto-replied"), "automatic", "receive"),
    "a null return path": Bad(Stage.post, "automatic", "receive", mail_from=""),
}

OPEN = {
    "unencrypted": Bad(lambda s: head_of(s, Content_Type="", MIME_Version="") + entity(CANARY), "not-encrypted", "open"),
    "signed and not encrypted": Bad(
        lambda s: head_of(s, Content_Type="") + s.people.multipart_signed(s.anna, entity(CANARY)), "not-encrypted", "open"
    ),
    "clearsigned and not encrypted": Bad(
        lambda s: head_of(s, Content_Type="") + b"\r\n" + s.people.clearsign(s.anna, CANARY).replace(b"\n", b"\r\n"),
        "not-encrypted",
        "open",
    ),
    "inline in HTML": Bad(lambda s: s.inline("<pre>", "</pre>", "text/html"), "not-encrypted", "open"),
    "text around an encrypted attachment": Bad(
        lambda s: s.post().replace(b'encrypted; protocol="application/pgp-encrypted"', b"mixed"), "not-encrypted", "open"
    ),
    "not MIME at all": Bad(lambda s: b"From: anna@nl.example\r\n\r\nhelp!\r\n", "not-encrypted", "open"),
    "nested 2,000 deep": Bad(lambda s: head_of(s, Content_Type="") + nested(2000), "not-encrypted", "open"),
    "nested 2,000 deep where the encrypted part should be": Bad(
        lambda s: re.sub(rb"Content-Type: application/octet-stream\r\n.*", nested(2000) + b"\r\n--b0--\r\n", s.post(), flags=re.DOTALL),
        "not-one-object",
        "open",
    ),
    "10,000 parts": Bad(lambda s: head_of(s) + b"\r\n" + many_parts("b0", 10_000), "too-many-parts", "open"),
    "one part more": Bad(
        lambda s: s.post().replace(b"--b0--", b"--b0\r\nContent-Type: text/plain\r\n\r\nfooter\r\n--b0--"), "not-one-object", "open"
    ),
    "the control part is missing": Bad(
        lambda s: s.post().replace(b"--b0\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n", b""),
        "not-one-object",
        "open",
    ),
    "another boundary": Bad(lambda s: s.post().replace(b'boundary="b0"', b'boundary="b1"'), "bad-multipart", "open"),
    "100 KiB of semicolons for a boundary": Bad(
        lambda s: s.post().replace(b'boundary="b0"', b'boundary="' + b";" * 100_000), "header-too-large", "open"
    ),
    "no boundary": Bad(lambda s: s.post().replace(b'; boundary="b0"', b""), "bad-multipart", "open"),
    "cut short": Bad(cut, "bad-multipart", "open"),
    "a transfer encoding that it is not in": Bad(
        lambda s: s.post().replace(b"octet-stream\r\n", b"octet-stream\r\nContent-Transfer-Encoding: base64\r\n"), "bad-encoding", "open"
    ),
    "an unknown transfer encoding": Bad(
        lambda s: s.post().replace(b"octet-stream\r\n", b"octet-stream\r\nContent-Transfer-Encoding: x-zip\r\n"), "bad-encoding", "open"
    ),
    "the armour is cut": Bad(lambda s: re.sub(rb"\r\n[^\r]*\r\n-----END PGP MESSAGE-----", b"", s.post()), "not-one-block", "open"),
    "an armour of header lines": Bad(lambda s: s.mail(b"-----BEGIN PGP MESSAGE-----\n" + b"Hash: x\n" * 1000), "not-one-block", "open"),
    "lines of the armour are lost": Bad(
        lambda s: re.sub(rb"(\r\n\r\n(?:[^\r\n]{64}\r\n){3})(?:[^\r\n]{64}\r\n){2}", rb"\1", s.post()), "not-openpgp", "open"
    ),
    "the armour is no base64": Bad(lambda s: s.post().replace(b"\r\n=", b"\r\nA=A="), "bad-armor", "open"),
    "a byte is changed on the way": Bad(
        lambda s: s.packets(lambda p: [*p[:-1], p[-1][:-9] + bytes([p[-1][-9] ^ 1]) + p[-1][-8:]]), "not-whole", "open"
    ),
    "a byte of the session key is changed": Bad(
        lambda s: s.packets(lambda p: [p[0][:-1] + bytes([p[0][-1] ^ 1]), *p[1:]]), "not-for-the-list", "open"
    ),
    "text before the inline block": Bad(lambda s: s.inline("Hello,\n\n"), "text-outside-block", "open"),
    "text after the inline block": Bad(lambda s: s.inline(after="\n-- \nmailing list footer\n"), "text-outside-block", "open"),
    "encrypted to somebody else": Bad(
        lambda s: s.mail(s.people.gpg("--armor", "-r", s.bert.fingerprint, "-u", s.anna.fingerprint, "-se", data=entity(CANARY))),
        "not-for-the-list",
        "open",
    ),
    "encrypted to somebody else who is hidden": Bad(
        lambda s: s.mail(s.people.gpg("--armor", "-R", s.bert.fingerprint, "-u", s.anna.fingerprint, "-se", data=entity(CANARY))),
        "not-for-the-list",
        "open",
    ),
    "encrypted with a password": Bad(
        lambda s: s.mail(s.people.gpg("--armor", "--symmetric", "--pinentry-mode", "loopback", "--passphrase", "x", data=entity(CANARY))),
        "not-one-message",
        "open",
    ),
    "a session key for each of nine hidden recipients": Bad(
        lambda s: s.packets(lambda p: 9 * p[:1] + p[1:], "--throw-keyids"), "too-many-packets", "open"
    ),
    "ten thousand recipients": Bad(lambda s: s.packets(lambda p: 10_000 * p[:1] + p[1:]), "too-many-packets", "open"),
    "two messages in one": Bad(lambda s: s.packets(lambda p: 2 * p), "not-one-message", "open"),
    "unsigned": Bad(lambda s: s.mail(s.town.encrypt(None, entity(CANARY))), "not-signed", "open"),
    "unsigned, inline": Bad(
        lambda s: head_of(s, Content_Type="") + b"\r\n" + s.town.encrypt(None, CANARY.encode()).replace(b"\n", b"\r\n"),
        "not-signed",
        "open",
    ),
    "two signatures": Bad(twice_signed, "not-one-signature", "open"),
    "an encrypted message in an encrypted message": Bad(
        lambda s: s.mail(s.encrypted(dearmor(s.town.encrypt(s.anna, entity(CANARY))))), "nested-encryption", "open"
    ),
}

VERIFY = {
    "signed by a stranger": Bad(lambda s: s.mail(s.town.encrypt(s.mallory, entity(CANARY))), "unknown-signer", "verify"),
    "altered after signing": Bad(altered, "bad-signature", "verify"),
    "a signature with SHA-1": Bad(lambda s: s.mail(s.town.encrypt(s.anna, entity(CANARY), "--digest-algo", "SHA1")), "weak-hash", "verify"),
    "signed 8 days ago": Bad(lambda s: s.at(int(time.time()) - 8 * DAY), "too-old", "verify"),
    "signed in 11 minutes": Bad(lambda s: s.at(int(time.time()) + 660), "from-the-future", "verify"),
}

DECIDE = {
    "no From": Bad(lambda s: s.post(From="", X_From="x"), "bad-from", "decide"),
    "two Froms": Bad(lambda s: b"From: Anna <anna@nl.example>\r\n" + s.post(), "bad-from", "decide"),
    "two mailboxes in From": Bad(lambda s: s.post(From="anna@nl.example, bert@nl.example"), "bad-from", "decide"),
    "ten thousand mailboxes in From": Bad(lambda s: s.post(From="a@nl.example," * 9_000), "bad-from", "decide"),
    "an address before the address": Bad(lambda s: s.post(From="bert@nl.example <anna@nl.example>"), "bad-from", "decide"),
    "an address in an address": Bad(lambda s: s.post(From="<bert@nl.example> <anna@nl.example>"), "bad-from", "decide"),
    "a group in From": Bad(lambda s: s.post(From="Contacts: anna@nl.example;"), "bad-from", "decide"),
    "an empty From": Bad(lambda s: s.post(From=" "), "bad-from", "decide"),
    "100 KiB of quotation marks in From": Bad(lambda s: s.post(From='"' * 100_000), "bad-from", "decide"),
    "brackets without end in From": Bad(lambda s: s.post(From="(" * 50_000), "bad-from", "decide"),
    "a From in raw UTF-8": Bad(lambda s: s.post(From="Zoë <zoe@nl.example>"), "bad-charset", "decide"),
    "another member's From": Bad(lambda s: s.post(From=f"Anna <{s.bert.address}>"), "foreign-from", "decide"),
    "another member's From, in capitals": Bad(lambda s: s.post(From=s.bert.address.upper()), "foreign-from", "decide"),
    "another member's From under the signature": Bad(lambda s: s.post(f"From: {s.bert.address}"), "foreign-from", "decide"),
    "no MIME entity under the signature": Bad(lambda s: s.mail(s.town.encrypt(s.anna, CANARY.encode())), "not-mime", "decide"),
    "signed for somebody else": Bad(lambda s: s.post(f"To: {s.bert.address}"), "not-addressed-to-the-list", "decide"),
    "signed for ten thousand others": Bad(
        lambda s: s.post("To: " + ",".join(f"{n}@b.nl" for n in range(10_000))), "header-too-large", "decide"
    ),
    "signed by an Admin Contact": Bad(lambda s: s.town.post(s.town.admin, CANARY), "not-a-member", "decide"),
    "signed by somebody withdrawn": Bad(lambda s: s.town.post(s.willem, CANARY), "not-a-member", "decide"),
}

COMPOSE = {
    "an unknown charset": Bad(lambda s: s.town.post(s.anna, entity(CANARY).replace(b"utf-8", b"x-klingon")), "bad-charset", "compose"),
    "a wrong charset": Bad(lambda s: s.town.post(s.anna, entity(f"{CANARY} Zoë").replace(b"utf-8", b"us-ascii")), "bad-charset", "compose"),
    "a wrong charset, inline": Bad(
        lambda s: s.inline(content_type="text/plain; charset=us-ascii", text="Zoë".encode("latin-1")), "bad-charset", "compose"
    ),
    "two Subjects": Bad(lambda s: b"Subject: another\r\n" + s.post(), "bad-subject", "compose"),
    "two Subjects under the signature": Bad(lambda s: s.post("Subject: one", "Subject: two"), "bad-subject", "compose"),
    "a Subject in an unknown charset": Bad(lambda s: s.post("Subject: =?x-klingon?B?AAAA?="), "bad-charset", "compose"),
    "a Subject that is not in its charset": Bad(lambda s: s.post("Subject: =?utf-8?Q?=FF=FE?="), "bad-charset", "compose"),
    "nested 2,000 deep under the signature": Bad(lambda s: s.town.post(s.anna, nested(2000)), "too-deep", "compose"),
    "10,000 parts under the signature": Bad(
        lambda s: s.town.post(s.anna, b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + many_parts("b", 10_000)),
        "too-many-parts",
        "compose",
    ),
}

MAILS = {**RECEIVE, **OPEN, **VERIFY, **DECIDE, **COMPOSE}
