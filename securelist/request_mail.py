"""A mail to LIST-request taken apart: the signed texts in it, and the certificates that travel with them.

It may be signed (PGP/MIME, clearsigned or inline), and encrypted around that; attachments may be certificates. Nothing is
verified here: whoever takes the parts judges them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from securelist.errors import Refused
from securelist.mail.mime import Entity, decoded, parts_of, read_entity
from securelist.openpgp.armor import blocks
from securelist.openpgp.packets import Tag, read_packets
from securelist.openpgp.signed import SignedMessage

# Mailing software nests mixed > signed > mixed > alternative; deeper is not somebody's statement.
MAX_DEPTH = 5

Open = Callable[[Entity], SignedMessage]
"""Decrypts an entity that is one encrypted object, and reads the one signed message in it; raises Refused."""


@dataclass
class RequestMail:
    """What a mail to LIST-request holds: signed texts and certificates, as octets, and whether it was encrypted."""

    signed: list[bytes] = field(default_factory=list)
    certificates: list[bytes] = field(default_factory=list)
    encrypted: bool = False


def read_request(octets: bytes, open_encrypted: Open) -> RequestMail:
    """The signed texts and certificates in a whole mail; raises Refused ("not-a-mail", "too-deep", "not-for-the-list", …)."""
    found = RequestMail()
    _walk(read_entity(octets), found, open_encrypted, 0)
    return found


def _walk(entity: Entity, found: RequestMail, open_encrypted: Open, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise Refused("too-deep", f"the mail has parts within parts more than {MAX_DEPTH} deep")
    kind = entity.content_type
    if kind == "multipart/encrypted":
        _take_encrypted(entity, found, open_encrypted)
    elif kind == "multipart/signed":
        found.signed.append(entity.head + b"\r\n\r\n" + entity.body)
        for part in parts_of(entity)[:1]:
            _take_certificates(read_entity(part), found, depth + 1)
    elif kind.startswith("multipart/"):
        for part in parts_of(entity):
            _walk(read_entity(part), found, open_encrypted, depth + 1)
    elif kind in ("text/plain", "application/pgp-keys", "application/octet-stream"):
        _take_blocks(entity, found, open_encrypted)


def _take_encrypted(entity: Entity, found: RequestMail, open_encrypted: Open) -> None:
    message = open_encrypted(entity)
    found.encrypted = True
    found.signed.append(message.octets)
    if entity.content_type == "multipart/encrypted":
        _take_certificates(read_entity(message.content), found, 1)


def _take_certificates(entity: Entity, found: RequestMail, depth: int) -> None:
    """Certificates attached inside what was signed; its text is read only after it is verified."""
    if depth > MAX_DEPTH:
        raise Refused("too-deep", f"the mail has parts within parts more than {MAX_DEPTH} deep")
    if entity.content_type.startswith("multipart/"):
        for part in parts_of(entity):
            _take_certificates(read_entity(part), found, depth + 1)
    elif entity.content_type in ("application/pgp-keys", "text/plain", "application/octet-stream"):
        found.certificates += [octets for kind, octets in blocks(decoded(entity)) if kind.endswith("KEY BLOCK")]


def _take_blocks(entity: Entity, found: RequestMail, open_encrypted: Open) -> None:
    """The armoured blocks in a text or an attachment: clearsigned or signed texts, certificates, or one encrypted object."""
    text = decoded(entity)
    if b"-----BEGIN PGP SIGNED MESSAGE-----" in text:
        found.signed.append(text)
    for kind, octets in blocks(text):
        if kind.endswith("KEY BLOCK"):
            found.certificates.append(octets)
        elif kind == "MESSAGE" and read_packets(octets)[0].tag == Tag.PKESK:
            _take_encrypted(entity, found, open_encrypted)
        elif kind == "MESSAGE":
            found.signed.append(octets)
