"""How people's mail programs and gpg sign, encrypt, wrap and encode what they write: Thunderbird, and gpg on the command line."""

from __future__ import annotations

import itertools
import quopri
from collections.abc import Callable
from dataclasses import dataclass

from mail_client import GnuPG

# Thunderbird flows text at this width (RFC 3676).
FLOW_COLUMNS = 72
_numbers = itertools.count(1)


# --- entities, with CRLF line ends ------------------------------------------------------------------------------------


def part(content_type: str, body: bytes | str, *fields: str) -> bytes:
    """A MIME part."""
    octets = body.encode() if isinstance(body, str) else body
    return "\r\n".join([f"Content-Type: {content_type}", *fields, "", ""]).encode() + crlf(octets)


def crlf(octets: bytes) -> bytes:
    """With CRLF at each line's end."""
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def multipart(kind: str, *parts: bytes, words: str = "", fields: str = "") -> bytes:
    """A multipart; `words` stand before its first part, `fields` go into its header."""
    boundary = f"------------{next(_numbers):024d}"
    inside = b"".join(f"--{boundary}\r\n".encode() + each + b"\r\n" for each in parts)
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n{fields}\r\n{words}'
    return head.encode() + (b"\r\n" if words else b"") + inside + f"--{boundary}--\r\n".encode()


def attached_key(certificate: bytes) -> bytes:
    """A certificate as Thunderbird attaches it."""
    name = f'name="OpenPGP_0x{next(_numbers):016X}.asc"'
    disposition = f"Content-Disposition: attachment; file{name}"
    return part(f"application/pgp-keys; {name}", certificate, disposition, "Content-Description: OpenPGP public key")


def attached_file(name: str, octets: bytes) -> bytes:
    """A file as mail programs attach one that they do not know."""
    return part(f'application/octet-stream; name="{name}"', octets, f'Content-Disposition: attachment; filename="{name}"')


def flowed(text: str) -> str:
    """`text` as Thunderbird writes it with format=flowed: long lines broken after a blank, some with a blank in front; quotations stay."""
    lines = []
    for line in text.split("\n"):
        rest = line
        if line.startswith(">"):
            lines.append(line)
            continue
        while len(rest) > FLOW_COLUMNS and " " in rest[:FLOW_COLUMNS]:
            at = rest.rindex(" ", 0, FLOW_COLUMNS) + 1
            lines.append(rest[:at])
            rest = rest[at:]
        lines.append(f" {rest}" if rest.startswith((" ", "From ")) else rest)
    return "\n".join(lines)


def thunderbird_entity(text: str, keys: tuple[bytes, ...], head: dict[str, str], html: bool = False) -> bytes:
    """What Thunderbird signs: the text, the keys attached, and the mail's header once more."""
    encoded = quopri.encodestring(flowed(text).encode()).decode()
    body = part("text/plain; charset=UTF-8; format=flowed", encoded, "Content-Transfer-Encoding: quoted-printable")
    if html:
        page = "<html><body><pre>" + text.replace("&", "&amp;").replace("<", "&lt;") + "</pre></body></html>\n"
        body = multipart("alternative", body, part("text/html; charset=UTF-8", page, "Content-Transfer-Encoding: 8bit"))
    if keys:
        body = multipart("mixed", body, *map(attached_key, keys))
    fields = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return multipart("mixed", body, fields=fields).replace(b"; boundary=", b'; protected-headers="v1";\r\n boundary=', 1)


def pgp_mime_signed(entity: bytes, gpg: GnuPG, key: str) -> bytes:
    """An entity inside a multipart/signed (RFC 3156, 5)."""
    signature = gpg("-u", key, "--armor", "--digest-algo", "SHA256", "--detach-sign", data=entity).stdout
    name = 'name="OpenPGP_signature.asc"'
    last = part(f"application/pgp-signature; {name}", signature, "Content-Description: OpenPGP digital signature")
    made = multipart("signed", entity, last, words="This is an OpenPGP/MIME signed message (RFC 4880 and 3156)")
    return made.replace(b"; boundary=", b'; micalg=pgp-sha256;\r\n protocol="application/pgp-signature"; boundary=', 1)


def pgp_mime_encrypted(armored: bytes) -> bytes:
    """A multipart/encrypted (RFC 3156, 4)."""
    control = part("application/pgp-encrypted", "Version: 1\r\n", "Content-Description: PGP/MIME version identification")
    sealed = part('application/octet-stream; name="encrypted.asc"', armored, 'Content-Disposition: inline; filename="encrypted.asc"')
    made = multipart("encrypted", control, sealed, words="This is an OpenPGP/MIME encrypted message (RFC 4880 and 3156)")
    return made.replace(b"; boundary=", b';\r\n protocol="application/pgp-encrypted"; boundary=', 1)


# --- the ways to sign ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Draft:
    """What somebody has written, before their mail program signs it: with which gpg and key, and for which list's key."""

    gpg: GnuPG
    key: str
    list_key: str
    text: str
    attached: tuple[bytes, ...]
    head: dict[str, str]
    encrypt: bool

    def signed(self, how: str, data: bytes) -> bytes:
        """Signed by the person and, where they want that, encrypted to the list."""
        to = ["--encrypt", "-r", self.list_key] if self.encrypt else []
        return self.gpg("-u", self.key, "--armor", how, *to, data=data).stdout

    def with_keys(self, body: bytes) -> bytes:
        """A body with the certificates attached, outside of any signature."""
        return multipart("mixed", body, *map(attached_key, self.attached)) if self.attached else body


def _thunderbird(draft: Draft, html: bool = False) -> bytes:
    entity = thunderbird_entity(draft.text, draft.attached, draft.head, html)
    if draft.encrypt:
        return pgp_mime_encrypted(draft.signed("--sign", entity))
    return pgp_mime_signed(entity, draft.gpg, draft.key)


def _signed_inside(draft: Draft) -> bytes:
    """Signed, and encrypted around that (RFC 3156, 6.1)."""
    entity = thunderbird_entity(draft.text, draft.attached, draft.head)
    signed = pgp_mime_signed(entity, draft.gpg, draft.key)
    return pgp_mime_encrypted(draft.gpg("--armor", "--encrypt", "-r", draft.list_key, data=signed).stdout)


def _gpg_inline(draft: Draft) -> bytes:
    signed = draft.signed("--sign" if draft.encrypt else "--clearsign", draft.text.encode())
    return draft.with_keys(part("text/plain; charset=utf-8", signed))


def _gpg_attached(draft: Draft) -> bytes:
    signed = draft.signed("--sign" if draft.encrypt else "--clearsign", draft.text.encode())
    keys = (attached_file(f"key{number}.asc", key) for number, key in enumerate(draft.attached))
    return multipart("mixed", part("text/plain; charset=utf-8", "See the files.\n"), attached_file("text.txt.asc", signed), *keys)


STYLES: dict[str, Callable[[Draft], bytes]] = {
    "thunderbird": _thunderbird,
    "thunderbird with HTML": lambda draft: _thunderbird(draft, html=True),
    "signed inside": _signed_inside,
    "gpg inline": _gpg_inline,
    "gpg attached": _gpg_attached,
    "unsigned": lambda draft: draft.with_keys(part("text/plain; charset=utf-8", draft.text)),
}
