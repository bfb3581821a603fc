"""Attack mails that were there before: a post, a command or a statement once more, changed in everything that nobody signed, or sent
to another address of the list than the one that it was for. Whoever stands on the way has such mails, encrypted as they are; whoever
could decrypt them has what is inside."""

from __future__ import annotations

import base64
import bz2
import quopri
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from attack_packets import compressed, joined, sealed, signed
from attacks_keys import content
from bad_mails import CANARY, Bad, Stage
from certification_forge import notation, subpacket
from people import Somebody
from statement_mails import PLAIN, REQUEST, part
from statement_mails import mail as mail_to_request
from town import entity, mail_of

from securelist.openpgp.packets import Packet, Tag, write_packet
from securelist.openpgp.sequoia import armor

# --- a post again ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recorded:
    """A post as it came the first time: the mail, and the three packets that Anna signed it with."""

    stage: Stage
    mail: bytes
    once: Packet
    literal: Packet
    signature: Packet

    @property
    def message(self) -> bytes:
        return joined(self.once, self.literal, self.signature)

    @property
    def content(self) -> bytes:
        return self.literal.body[6 + self.literal.body[1] :]

    def with_signature(self, change: Callable[[bytes], bytes]) -> bytes:
        """With another signature packet, made of the body of this one."""
        return sealed(self.stage, self.once, self.literal, write_packet(Tag.SIGNATURE, change(self.signature.body)))

    def with_literal(self, head: bytes) -> bytes:
        """With another format, name and date in front of the same data."""
        return sealed(self.stage, self.once, write_packet(Tag.LITERAL, head + self.content), self.signature)


def record(s: Stage, *options: str) -> Recorded:
    """A new post, ready to be sent."""
    packets = signed(s, *options, data=content() + b"a line more\r\n" * 100)
    return Recorded(s, sealed(s, *packets), *packets)


def unhashed(body: bytes, area: bytes) -> bytes:
    """A version 4 signature's body with another unhashed area (RFC 9580, 5.2.3)."""
    start = 6 + int.from_bytes(body[4:6], "big")
    end = start + 2 + int.from_bytes(body[start : start + 2], "big")
    return body[:start] + len(area).to_bytes(2, "big") + area + body[end:]


def old_format(packet: Packet) -> bytes:
    """A packet with the legacy framing and a length of four octets (RFC 9580, 4.2.2)."""
    return bytes([0x80 | packet.tag << 2 | 2]) + len(packet.body).to_bytes(4, "big") + packet.body


def in_pieces(packet: Packet) -> bytes:
    """A packet of more than 1024 octets with its body in pieces, all but the last of 512 (RFC 9580, 4.2.1.4)."""
    first, second, rest = packet.body[:512], packet.body[512:1024], packet.body[1024:]
    return bytes([0xC0 | packet.tag]) + b"\xe9" + first + b"\xe9" + second + b"\xff" + len(rest).to_bytes(4, "big") + rest


def other_header(r: Recorded, old: bytes, new: str) -> bytes:
    """With another value for a field outside."""
    head, _, body = r.mail.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(old.lower() + b":")]
    return b"\r\n".join([*lines, old + b": " + new.encode(), b"", body])


def other_armor(r: Recorded, change: Callable[[bytes], bytes]) -> bytes:
    """With another armour around the same octets."""
    begin, end = r.mail.index(b"-----BEGIN PGP"), r.mail.index(b"\r\n--b0--")
    return r.mail[:begin] + change(r.mail[begin:end]) + r.mail[end:]


def other_coding(r: Recorded, name: str, code: Callable[[bytes], bytes]) -> bytes:
    """With the encrypted part in a transfer encoding."""
    head, _, rest = r.mail.partition(b"Content-Type: application/octet-stream\r\n\r\n")
    block, _, tail = rest.partition(b"\r\n--b0--")
    coded = code(block).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return (
        head
        + f"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: {name}\r\n\r\n".encode()
        + coded
        + b"\r\n--b0--"
        + tail
    )


def apart(r: Recorded, line_end: bytes = b"\r\n", boundary: str = "r0", around: bytes = b"") -> bytes:
    """The same signature apart from what it signs: a multipart/signed inside the encryption."""
    block = armor(r.signature.octets, "SIGNATURE").replace(b"\n", b"\r\n")
    head = f'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary="{boundary}"\r\n\r\n'.encode()
    delimiter = b"--" + boundary.encode()
    body = r.content.replace(b"\r\n", line_end)
    made = [head, around, delimiter, b"\r\n", body, b"\r\n", delimiter, b"\r\nContent-Type: application/pgp-signature\r\n\r\n", block]
    return r.stage.mail(r.stage.town.encrypt(None, b"".join([*made, b"\r\n", delimiter, b"--\r\n", around])))


AGAIN: dict[str, Callable[[Recorded], bytes]] = {
    "byte for byte": lambda r: r.mail,
    "with another Message-ID": lambda r: other_header(r, b"Message-ID", "<another@client.example>"),
    "without a Message-ID": lambda r: other_header(r, b"Message-ID", ""),
    "with another Subject": lambda r: other_header(r, b"Subject", "Attack on .be"),
    "with another date": lambda r: other_header(r, b"Date", "Mon, 01 Jan 2024 00:00:00 +0000"),
    "with another name in From": lambda r: other_header(r, b"From", f"Somebody Else <{r.stage.anna.address}>"),
    "with another address in From": lambda r: other_header(r, b"From", "Somebody <somebody@else.example>"),
    "as an answer to another": lambda r: other_header(r, b"In-Reply-To", "<x@y.example>"),
    "to another": lambda r: other_header(r, b"To", r.stage.bert.address),
    "armoured without a checksum": lambda r: other_armor(r, lambda block: re.sub(rb"\r\n=[^\r]+(?=\r\n-----END)", b"", block)),
    "armoured with a comment": lambda r: other_armor(r, lambda block: block.replace(b"\r\n\r\n", b"\r\nComment: hello\r\n\r\n", 1)),
    "in base64": lambda r: other_coding(r, "base64", base64.encodebytes),
    "quoted-printable": lambda r: other_coding(r, "quoted-printable", quopri.encodestring),
    "with another session key": lambda r: r.stage.mail(r.stage.encrypted(r.message)),
    "encrypted by a stranger, in his name": lambda r: mail_of(r.stage.encrypted(r.message), "Mallory <mallory@evil.example>"),
    "encrypted to others, too": lambda r: r.stage.mail(
        r.stage.people.gpg(
            "--armor", "--no-literal", "--compress-level", "0", "-r", r.stage.bert.fingerprint, "-r", r.stage.town.key, "--encrypt",
            data=r.message,
        )
    ),
    "stored as if compressed": lambda r: sealed(r.stage, compressed(r.message)),
    "compressed with zip": lambda r: sealed(r.stage, compressed(zlib.compress(r.message, wbits=-15), 1)),
    "compressed with zlib": lambda r: sealed(r.stage, compressed(zlib.compress(r.message), 2)),
    "compressed with bzip2": lambda r: sealed(r.stage, compressed(bz2.compress(r.message), 3)),
    "the signature first": lambda r: sealed(r.stage, r.signature, r.literal),
    "with the legacy framing": lambda r: sealed(r.stage, *map(old_format, (r.once, r.literal, r.signature))),
    "with lengths of five octets": lambda r: sealed(r.stage, *(write_packet(Tag(p.tag), p.body) for p in (r.once, r.literal, r.signature))),
    "in pieces": lambda r: sealed(r.stage, r.once, in_pieces(r.literal), r.signature),
    "with nothing unsigned in the signature": lambda r: r.with_signature(lambda body: unhashed(body, b"")),
    "with something unsigned in the signature": lambda r: r.with_signature(lambda body: unhashed(body, notation("a@b.example", "c"))),
    "with another issuer where nothing is signed": lambda r: r.with_signature(
        lambda body: unhashed(body, subpacket(33, b"\4" + bytes.fromhex(r.stage.bert.fingerprint)))
    ),
    "with a file name": lambda r: r.with_literal(b"b\x05a.txt\0\0\0\1"),
    "as text": lambda r: r.with_literal(b"t\0\0\0\0\0"),
    "as UTF-8 text": lambda r: r.with_literal(b"u\0\0\0\0\0"),
    "signed apart": apart,
    "signed apart, with LF": lambda r: apart(r, b"\n"),
    "signed apart, with words around": lambda r: apart(r, around=b"This is a signed message.\r\n"),
}  # fmt: skip


# --- from one address to another ------------------------------------------------------------------------------------------------


def posted(signer: str, text: str, *fields: str) -> Callable[[Stage], bytes]:
    """A text that somebody signed, as a post; LIST-request would take it."""
    return lambda s: s.town.post(person(s, signer), entity(text.replace("BERT", s.bert.address), *fields))


def person(s: Stage, who: str) -> Somebody:
    return s.town.root if who == "root" else getattr(s, who)


def statement(signer: str, kind: str, wrap: Callable[[Stage, str], bytes]) -> Callable[[Stage], bytes]:
    """A statement about Bert, wrapped in some way."""
    fields = {"Name": "", "Key": ""}
    return lambda s: s.town.post(person(s, signer), wrap(s, s.town.statement(kind, s.bert, **fields)))


def inline(s: Stage, signer: str, text: str) -> bytes:
    """A signed text in a text/plain body."""
    head = mail_of(b"", person(s, signer).address, Content_Type="text/plain; charset=utf-8").partition(b"\r\n\r\n")[0]
    return head + b"\r\n\r\n" + s.town.encrypt(person(s, signer), text.encode()).replace(b"\n", b"\r\n")


def mixed(s: Stage, text: str) -> bytes:
    """A text behind another in a multipart."""
    parts = b"".join(b"--m\r\n" + entity(one) + b"\r\n" for one in (f"Dear all, {CANARY}", text))
    return b'Content-Type: multipart/mixed; boundary="m"\r\n\r\n' + parts + b"--m--\r\n"


def as_base64(s: Stage, text: str) -> bytes:
    return b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(text.encode()).replace(
        b"\n", b"\r\n"
    )


def is_statement(make: Callable[[Stage], bytes]) -> Bad:
    return Bad(make, "statement-as-post", "decide")


def is_command(make: Callable[[Stage], bytes]) -> Bad:
    return Bad(make, "command-as-post", "decide")


FOR_REQUEST = {
    "a withdrawal by the member": is_statement(statement("bert", "withdraw-ssc", lambda s, text: entity(text))),
    "a suspension by a trust root": is_statement(statement("root", "suspend-member", lambda s, text: entity(text))),
    "a statement below a greeting": is_statement(
        statement("bert", "withdraw-ssc", lambda s, text: entity(f"Dear list,\n\n{text}\n-- \nBert"))
    ),
    "a statement in the second part": is_statement(statement("bert", "withdraw-ssc", mixed)),
    "a statement in base64": is_statement(statement("bert", "withdraw-ssc", as_base64)),
    "a statement for the list by its header": is_statement(
        statement("bert", "withdraw-ssc", lambda s, text: entity(text, "To: tld-ops@lists.example.org"))
    ),
    "a statement for another list": is_statement(
        statement("bert", "withdraw-ssc", lambda s, text: entity(text.replace("tld-ops@", "other-list@")))
    ),
    "a statement with a mistake in it": is_statement(posted("bert", "securelist-statement : withdraw\nEmail: BERT")),
    "an answer to an invitation": is_statement(posted("bert", "Securelist-Statement: accept-invitation\nTLD: nl\nToken: nl-aaaa")),
    "a statement, inline": is_statement(lambda s: inline(s, "bert", s.town.statement("withdraw-ssc", s.bert, Name="", Key=""))),
    "a trust root's invitation": is_command(posted("root", "invite nl br")),
    "a trust root's batch of invitations": is_command(posted("root", "Invite --batch 20\n\n-- \nThe Secretariat")),
    "a trust root's release": is_command(posted("root", "release #7, 8")),
    "a trust root's order to suspend": is_command(posted("root", "suspend-member BERT")),
    "a member's call for help": is_command(posted("anna", "help")),
    "several commands": is_command(posted("anna", "HELP\nsendkey\n\n> help\n-- \nAnna\nRegistry of the Netherlands")),
    "a trust root's order with words below": is_command(posted("root", "suspend-member BERT\n\nIt is urgent.")),
    "a trust root's order with a sentence right below": is_command(posted("root", "resume-member BERT\nplease, at once")),
    "an invitation with a greeting below": is_command(posted("root", "invite br\n\nRegards,\nthe Secretariat")),
    "one wrong command and a good one": is_command(posted("root", "release four\ninvite br")),
    "a call for help with thanks": is_command(posted("anna", "help\n\nThank you,\nAnna")),
    "a command, inline": is_command(lambda s: inline(s, "anna", "help\n")),
    "a command, signed apart": is_command(lambda s: s.mail(s.town.encrypt(None, s.people.multipart_signed(s.anna, entity("help"))))),
    "a command for LIST-request by its header": Bad(posted("anna", "help", f"To: {REQUEST}"), "not-addressed-to-the-list", "decide"),
    "a clearsigned command": Bad(
        lambda s: mail_to_request(s.anna, part(PLAIN, s.people.clearsign(s.anna, "help"))), "not-encrypted", "open"
    ),
    "a clearsigned command, encrypted by a stranger": Bad(
        lambda s: s.mail(s.town.encrypt(None, s.people.clearsign(s.anna, "help"))), "not-signed", "open"
    ),
    "a clearsigned statement": Bad(
        lambda s: mail_to_request(s.bert, part(PLAIN, s.people.clearsign(s.bert, s.town.statement("withdraw-ssc", s.bert)))),
        "not-encrypted",
        "open",
    ),
}
