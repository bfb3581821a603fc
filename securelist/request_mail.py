"""A mail to LIST-request taken apart: the signed texts in it, and the certificates that travel with them.

It may be signed (PGP/MIME, clearsigned or inline), and encrypted around that, in one layer; attachments may be certificates, or
signed texts of their own, whoever signed the mail around them. Nothing is verified here: whoever takes the parts judges them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from securelist.errors import Refused
from securelist.mail.headers import block
from securelist.mail.mime import Entity, decoded, multipart, parts_of, read_entity
from securelist.openpgp.armor import blocks
from securelist.openpgp.packets import Tag, read_packets
from securelist.openpgp.signed import SignedMessage
from securelist.trust.classify import MAX_OCTETS
from securelist.trust.flowed import as_written
from securelist.trust.text import is_text

# Mailing software nests mixed > signed > mixed > alternative; deeper is not somebody's statement.
MAX_DEPTH = 5
# Fifty statements' certificates as attachments, and the parts around them; a hundred thousand parts would cost seconds.
MAX_ENTITIES = 100
# A forwarded mail or two. Each costs gpg-agent some of its time, and may unpack to all that a mail may.
MAX_ENCRYPTED = 5

# What may be a signed text or a certificate. Mail programs name an attached .asc after its ending, whatever is in it.
_LEAVES = {"text/plain", "application/octet-stream"} | {f"application/pgp-{kind}" for kind in ("keys", "signature", "encrypted")}

# Quoted ones ("> -----BEGIN") are somebody else's, in an earlier mail.
_BEGIN = re.compile(rb"^-----BEGIN PGP SIGNED MESSAGE-----", re.MULTILINE)
_END = re.compile(rb"^-----END PGP SIGNATURE-----[ \t]*(?:\r?\n|\Z)", re.MULTILINE)

Open = Callable[[Entity], SignedMessage | bytes]
"""Decrypts an entity that is one encrypted object: to the one signed message in it, or to what nobody signed; raises Refused."""


@dataclass
class RequestMail:
    """What a mail to LIST-request holds: signed texts and certificates, as octets."""

    signed: list[bytes] = field(default_factory=list)
    sealed: set[bytes] = field(default_factory=set)
    """Those of the signed texts that were signed inside an encryption to the list, around everything in it: not those that
    anybody can have encrypted, such as a clearsigned text."""
    certificates: list[bytes] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    """What it says, as far as it is plain text, signed or not: for nothing but to see what somebody meant."""
    entities: int = 0
    encrypted: int = 0
    octets: int = 0
    """How much was unpacked out of encryptions."""

    def count(self, depth: int) -> None:
        """One more entity, so deep within others; raises Refused."""
        self.entities += 1
        if depth > MAX_DEPTH:
            raise Refused("too-deep", f"the mail has parts within parts more than {MAX_DEPTH} deep")
        if self.entities > MAX_ENTITIES:
            raise Refused("too-many-parts", f"the mail consists of more than {MAX_ENTITIES} parts")

    def count_encrypted(self) -> None:
        """One more encrypted object, before it is opened; raises Refused."""
        self.encrypted += 1
        if self.encrypted > MAX_ENCRYPTED:
            raise Refused("too-many-parts", f"the mail holds more than {MAX_ENCRYPTED} encrypted texts; send one")

    def count_unpacked(self, octets: int) -> None:
        """So many octets came out of an encryption; raises Refused."""
        self.octets += octets
        if self.octets > MAX_OCTETS:
            raise Refused("too-large", f"what was encrypted has more than {MAX_OCTETS >> 20} MiB")


def read_request(octets: bytes, open_encrypted: Open) -> RequestMail:
    """The signed texts and certificates in a whole mail; raises Refused ("not-a-mail", "too-deep", "not-for-the-list", …)."""
    found = RequestMail()
    _walk(read_entity(octets), found, open_encrypted, 0)
    return found


def _walk(entity: Entity, found: RequestMail, open_encrypted: Open | None, depth: int) -> None:
    """`open_encrypted` is None inside an encryption: what is encrypted in there once more is not looked at."""
    found.count(depth)
    kind = entity.content_type
    if kind == "multipart/encrypted":
        _take_encrypted(entity, found, open_encrypted, depth)
    elif kind == "multipart/signed":
        parts = parts_of(entity)
        found.signed.append(_signed_alone(parts))
        for part in parts[:1]:
            _take_attached(read_entity(part), found, depth + 1)
    elif kind.startswith("multipart/"):
        for part in parts_of(entity):
            _walk(read_entity(part), found, open_encrypted, depth + 1)
    elif kind == "message/rfc822":  # forwarded: what counts is who signed
        _walk(read_entity(entity.body), found, open_encrypted, depth + 1)
    elif kind in _LEAVES:
        _take_blocks(entity, found, open_encrypted, depth)


def _signed_alone(parts: list[bytes]) -> bytes:
    """A multipart/signed with a header of ours: the mail's own says where it came from, and nobody signed that."""
    boundary, body = multipart(parts)
    content_type = f'multipart/signed; protocol="application/pgp-signature"; boundary="{boundary}"'
    return block([("Content-Type", content_type)]) + b"\r\n" + body


def _take_encrypted(entity: Entity, found: RequestMail, open_encrypted: Open | None, depth: int) -> None:
    if open_encrypted is None:
        return
    found.count_encrypted()
    inside, is_mime = open_encrypted(entity), entity.content_type == "multipart/encrypted"
    found.count_unpacked(len(inside.octets if isinstance(inside, SignedMessage) else inside))
    if isinstance(inside, SignedMessage):
        found.signed.append(inside.octets)
        found.sealed.add(inside.octets)
        if is_mime:
            _take_attached(read_entity(inside.content), found, depth + 1)
        else:
            found.texts.append(inside.content)
            found.certificates += _certificates_in(inside.content)
    elif is_mime:
        _walk(read_entity(inside), found, None, depth + 1)
    else:
        _take_signed_and_certificates(inside, found)


def _take_attached(entity: Entity, found: RequestMail, depth: int) -> None:
    """What is attached inside what was signed: certificates, and texts that were signed before. The text around them is the
    signer's own, and read only after it is verified."""
    found.count(depth)
    if entity.content_type.startswith("multipart/"):
        for part in parts_of(entity):
            _take_attached(read_entity(part), found, depth + 1)
    elif entity.content_type == "message/rfc822":
        _walk(read_entity(entity.body), found, None, depth + 1)
    elif is_text(entity):
        found.texts.append(decoded(entity))
        found.certificates += _certificates_in(found.texts[-1])
    elif entity.content_type in _LEAVES:
        _take_signed_and_certificates(decoded(entity), found)


def _certificates_in(octets: bytes) -> list[bytes]:
    """The key rings in a text or an attachment, armoured or binary; secret ones, too, which are refused with a warning."""
    if not octets or not octets[0] & 0x80:
        return [ring for kind, ring in blocks(octets) if kind.endswith("KEY BLOCK")]
    try:
        return [octets] if read_packets(octets)[0].tag in (Tag.PUBLIC_KEY, Tag.SECRET_KEY) else []
    except Refused:  # something else was attached
        return []


def _take_blocks(entity: Entity, found: RequestMail, open_encrypted: Open | None, depth: int) -> None:
    """The armoured blocks in a text or an attachment: clearsigned or signed texts, certificates, or one encrypted object."""
    text = as_written(entity, decoded(entity))
    _take_signed_and_certificates(text, found)
    for kind, octets in blocks(text):
        if kind == "MESSAGE" and read_packets(octets)[0].tag == Tag.PKESK:
            # As a body of its own: an encrypted file may be attached, too.
            _take_encrypted(read_entity(b"\n" + text), found, open_encrypted, depth)


def _take_signed_and_certificates(text: bytes, found: RequestMail) -> None:
    found.texts.append(text)
    begins = [match.start() for match in _BEGIN.finditer(text)]
    if begins:
        end = _END.search(text, begins[0]) if len(begins) == 1 else None
        found.signed.append(text[begins[0] : end.end()] if end else text)
    found.certificates += _certificates_in(text)
    for kind, octets in blocks(text):
        if kind == "MESSAGE" and read_packets(octets)[0].tag != Tag.PKESK:
            found.signed.append(octets)
