"""A mail to LIST-request taken apart: the signed texts in it, and the certificates that travel with them.

It may be signed (PGP/MIME, clearsigned or inline), and encrypted around that; attachments may be certificates. Nothing is
verified here: whoever takes the parts judges them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from securelist.errors import Refused
from securelist.mail.headers import block
from securelist.mail.mime import Entity, decoded, multipart, parts_of, read_entity
from securelist.openpgp.armor import blocks
from securelist.openpgp.packets import Tag, read_packets
from securelist.openpgp.signed import SignedMessage

# Mailing software nests mixed > signed > mixed > alternative; deeper is not somebody's statement.
MAX_DEPTH = 5
# Fifty statements' certificates as attachments, and the parts around them; a hundred thousand parts would cost seconds.
MAX_ENTITIES = 100

# What may be a signed text or a certificate. Mail programs name an attached .asc after its ending, whatever is in it.
_LEAVES = {"text/plain", "application/pgp-keys", "application/pgp-signature", "application/octet-stream"}

Open = Callable[[Entity], SignedMessage]
"""Decrypts an entity that is one encrypted object, and reads the one signed message in it; raises Refused."""


@dataclass
class RequestMail:
    """What a mail to LIST-request holds: signed texts and certificates, as octets."""

    signed: list[bytes] = field(default_factory=list)
    certificates: list[bytes] = field(default_factory=list)
    entities: int = 0

    def count(self, depth: int) -> None:
        """One more entity, so deep within others; raises Refused."""
        self.entities += 1
        if depth > MAX_DEPTH:
            raise Refused("too-deep", f"the mail has parts within parts more than {MAX_DEPTH} deep")
        if self.entities > MAX_ENTITIES:
            raise Refused("too-many-parts", f"the mail consists of more than {MAX_ENTITIES} parts")


def read_request(octets: bytes, open_encrypted: Open) -> RequestMail:
    """The signed texts and certificates in a whole mail; raises Refused ("not-a-mail", "too-deep", "not-for-the-list", …)."""
    found = RequestMail()
    _walk(read_entity(octets), found, open_encrypted, 0)
    return found


def _walk(entity: Entity, found: RequestMail, open_encrypted: Open, depth: int) -> None:
    found.count(depth)
    kind = entity.content_type
    if kind == "multipart/encrypted":
        _take_encrypted(entity, found, open_encrypted)
    elif kind == "multipart/signed":
        parts = parts_of(entity)
        found.signed.append(_signed_alone(parts))
        for part in parts[:1]:
            _take_certificates(read_entity(part), found, depth + 1)
    elif kind.startswith("multipart/"):
        for part in parts_of(entity):
            _walk(read_entity(part), found, open_encrypted, depth + 1)
    elif kind == "message/rfc822":  # forwarded: what counts is who signed
        _walk(read_entity(entity.body), found, open_encrypted, depth + 1)
    elif kind in _LEAVES:
        _take_blocks(entity, found, open_encrypted)


def _signed_alone(parts: list[bytes]) -> bytes:
    """A multipart/signed with a header of ours: the mail's own says where it came from, and nobody signed that."""
    boundary, body = multipart(parts)
    content_type = f'multipart/signed; protocol="application/pgp-signature"; boundary="{boundary}"'
    return block([("Content-Type", content_type)]) + b"\r\n" + body


def _take_encrypted(entity: Entity, found: RequestMail, open_encrypted: Open) -> None:
    message = open_encrypted(entity)
    found.signed.append(message.octets)
    if entity.content_type == "multipart/encrypted":
        _take_certificates(read_entity(message.content), found, 1)
    else:
        found.certificates += _certificates_in(message.content)


def _take_certificates(entity: Entity, found: RequestMail, depth: int) -> None:
    """Certificates attached inside what was signed; its text is read only after it is verified."""
    found.count(depth)
    if entity.content_type.startswith("multipart/"):
        for part in parts_of(entity):
            _take_certificates(read_entity(part), found, depth + 1)
    elif entity.content_type in _LEAVES:
        found.certificates += _certificates_in(decoded(entity))


def _certificates_in(octets: bytes) -> list[bytes]:
    """The key rings in a text or an attachment, armoured or binary; secret ones, too, which are refused with a warning."""
    if not octets or not octets[0] & 0x80:
        return [ring for kind, ring in blocks(octets) if kind.endswith("KEY BLOCK")]
    try:
        return [octets] if read_packets(octets)[0].tag in (Tag.PUBLIC_KEY, Tag.SECRET_KEY) else []
    except Refused:  # something else was attached
        return []


def _take_blocks(entity: Entity, found: RequestMail, open_encrypted: Open) -> None:
    """The armoured blocks in a text or an attachment: clearsigned or signed texts, certificates, or one encrypted object."""
    text = decoded(entity)
    if b"-----BEGIN PGP SIGNED MESSAGE-----" in text:
        found.signed.append(text)
    found.certificates += _certificates_in(text)
    for kind, octets in blocks(text):
        if kind == "MESSAGE" and read_packets(octets)[0].tag == Tag.PKESK:
            _take_encrypted(entity, found, open_encrypted)
        elif kind == "MESSAGE":
            found.signed.append(octets)
