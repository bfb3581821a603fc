"""The poster's own signature with what it is about, for members to verify without us: put together anew, so that nothing else comes along.

What stands around it in the post nobody signed: header fields, text before and after parts, a file name, subpackets of the unhashed area.
"""

from __future__ import annotations

import base64
import re

from securelist.mail.headers import block
from securelist.mail.mime import crlf, multipart, read_head
from securelist.openpgp import sequoia
from securelist.openpgp.packets import Packet, Tag, issuers_named, keep_unhashed, read_literal, read_packets, write_packet
from securelist.openpgp.signed import SignedMessage

# Which hash the signature is made with (RFC 3156, 5): programs that read in one go want to know it before they begin.
_MICALG = re.compile(r"pgp-[a-z0-9-]{1,20}")


def original(message: SignedMessage, key: str) -> bytes:
    """A MIME part with the message as a file, its signature made by `key` (fingerprint): a mail's entity, or an armoured message."""
    if message.form == "detached":
        body, name = base64.encodebytes(_entity(message, key)), "post-as-signed.mime"
    else:
        body, name = base64.encodebytes(sequoia.armor(_packets(message, key), "MESSAGE")), "post-as-signed.asc"
    fields = [("Content-Type", "application/octet-stream"), ("Content-Disposition", f'attachment; filename="{name}"')]
    return block([*fields, ("Content-Transfer-Encoding", "base64")]) + b"\r\n" + crlf(body)


def _entity(message: SignedMessage, key: str) -> bytes:
    """The multipart/signed (RFC 3156, 5)."""
    signature = sequoia.armor(_alone(read_packets(message.signature)[0], key), "SIGNATURE")
    part = block([("Content-Type", "application/pgp-signature")]) + b"\r\n" + crlf(signature)
    boundary, body = multipart([message.content, part])
    stated = read_head(message.octets).parameter("micalg").lower()
    micalg = f" micalg={stated};" if _MICALG.fullmatch(stated) else ""
    content_type = f'multipart/signed;{micalg} protocol="application/pgp-signature"; boundary="{boundary}"'
    return block([("Content-Type", content_type)]) + b"\r\n" + body


def _packets(message: SignedMessage, key: str) -> bytes:
    """The signed message (RFC 9580, 10.3)."""
    return b"".join(_plain(packet, key) for packet in read_packets(message.octets))


def _plain(packet: Packet, key: str) -> bytes:
    if packet.tag == Tag.SIGNATURE:
        return _alone(packet, key)
    if packet.tag == Tag.LITERAL:
        literal = read_literal(packet)
        return write_packet(Tag.LITERAL, literal.format.encode("ascii") + bytes(5) + literal.data)  # no file name, no date
    return packet.octets


def _alone(signature: Packet, key: str) -> bytes:
    named = issuers_named(key)
    return keep_unhashed(signature, lambda kind, value: value == named.get(kind)).octets
