"""What letters bring along."""

from __future__ import annotations

import binascii

from securelist.mail.headers import block
from securelist.mail.mime import crlf
from securelist.openpgp import sequoia
from securelist.openpgp.certificate import Certificate


def certificate_part(certificate: Certificate) -> bytes:
    """Somebody's certificate as a MIME part, named after its fingerprint."""
    name = f"{certificate.fingerprint}.asc"
    fields = [("Content-Type", f'application/pgp-keys; name="{name}"'), ("Content-Disposition", f'attachment; filename="{name}"')]
    return block(fields) + b"\r\n" + crlf(sequoia.armor(certificate.octets, "PUBLIC KEY BLOCK"))


def text_file(name: str, text: str, kind: str = "plain") -> bytes:
    """A text as an attached file of that name (plain ASCII); its lines arrive as they are."""
    fields = [
        ("Content-Type", f'text/{kind}; charset="utf-8"; name="{name}"'),
        ("Content-Disposition", f'attachment; filename="{name}"'),
        ("Content-Transfer-Encoding", "8bit"),
    ]
    return block(fields) + b"\r\n" + crlf(text.encode())


def octets_file(name: str, media_type: str, octets: bytes) -> bytes:
    """Octets as an attached file of that name (plain ASCII): whoever saves it has each of them.

    Quoted-printable (RFC 2045, 6.7), line ends encoded, too: unlike base64 it leaves to the compression of the signed message what it
    can compress.
    """
    fields = [
        ("Content-Type", f'{media_type}; name="{name}"'),
        ("Content-Disposition", f'attachment; filename="{name}"'),
        ("Content-Transfer-Encoding", "quoted-printable"),
    ]
    return block(fields) + b"\r\n" + crlf(binascii.b2a_qp(octets, istext=False))


def svg_file(name: str, drawing: str) -> bytes:
    """A drawing as an attached file of that name (plain ASCII)."""
    fields = [
        ("Content-Type", f'image/svg+xml; charset="utf-8"; name="{name}"'),
        ("Content-Disposition", f'attachment; filename="{name}"'),
        ("Content-Transfer-Encoding", "8bit"),
    ]
    return block(fields) + b"\r\n" + crlf(drawing.encode())
