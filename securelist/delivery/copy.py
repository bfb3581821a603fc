"""A copy as a mail: PGP/MIME (RFC 3156, 4), the session key for one member before the body that all share."""

from __future__ import annotations

from securelist.openpgp.sequoia import armor

# Neither "_" nor a "=" at the start of a line occurs in base64 or in armour, so no content can hold this line.
BOUNDARY = b"=_securelist"

_BEFORE = (
    b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";\r\n boundary="' + BOUNDARY + b'"\r\n'
    b"\r\n"
    b"--" + BOUNDARY + b"\r\n"
    b"Content-Type: application/pgp-encrypted\r\n"
    b"Content-Description: PGP/MIME version identification\r\n"
    b"\r\n"
    b"Version: 1\r\n"
    b"\r\n"
    b"--" + BOUNDARY + b"\r\n"
    b'Content-Type: application/octet-stream; name="encrypted.asc"\r\n'
    b"Content-Description: OpenPGP encrypted message\r\n"
    b'Content-Disposition: inline; filename="encrypted.asc"\r\n'
    b"\r\n"
)
_AFTER = b"\r\n--" + BOUNDARY + b"--\r\n"


def assemble(headers: bytes, key_packets: bytes, body: bytes) -> bytes:
    """The mail, with CRLF line ends throughout, for the next hop.

    `headers`: whole header lines, each with its CRLF, MIME-Version among them and no Content-* field. `key_packets`
    and `body`: binary packets (RFC 9580, 5.1 and 5.13).
    """
    return b"".join((headers, _BEFORE, armor(key_packets + body, "MESSAGE").replace(b"\n", b"\r\n"), _AFTER))


def assemble_public(headers: bytes, body: bytes) -> bytes:
    """A mail that is for everybody's eyes: header block (with its own Content-Type) and body, CRLF line ends."""
    return headers + b"\r\n" + body
