"""Statements as people mail them to LIST-request, in whatever way their mail clients sign, encrypt, wrap and encode."""

from __future__ import annotations

import base64
import itertools
import quopri
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from people import People, Somebody
from town import LIST, Town

from securelist.mail.addresses import Role, address_for
from securelist.openpgp.armor import dearmor

REQUEST = address_for(Role.REQUEST, LIST)
PLAIN = "text/plain; charset=utf-8"


def part(content_type: str, body: bytes | str, encoding: str = "", attached: str = "") -> bytes:
    """A MIME part, LF line ends; with a transfer encoding, and as an attachment with a name."""
    octets = body.encode() if isinstance(body, str) else body
    octets = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring}.get(encoding, lambda plain: plain)(octets)
    head = [f"Content-Type: {content_type}"]
    head += [f"Content-Transfer-Encoding: {encoding}"] if encoding else []
    head += [f'Content-Disposition: attachment; filename="{attached}"'] if attached else []
    return "\n".join(head).encode() + b"\n\n" + octets


def multipart(*parts: bytes, kind: str = "mixed", boundary: str = "m0") -> bytes:
    """A multipart around some parts."""
    delimiter = f"--{boundary}".encode()
    inside = b"".join(delimiter + b"\n" + each + b"\n" for each in parts) + delimiter + b"--\n"
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n'.encode() + inside


def mail(sender: Somebody, entity: bytes, *fields: str) -> bytes:
    """A mail to LIST-request, CRLF line ends."""
    head = [f"From: {sender.name} <{sender.address}>", f"To: {REQUEST}", "Subject: a new contact", "MIME-Version: 1.0"]
    head += [f"Message-ID: <{time.time_ns()}@client.example>", *fields, ""]
    return ("\n".join(head).encode() + entity).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


@dataclass(frozen=True)
class Desk:
    """Whoever sends a statement to a list: by default the Admin Contact, about somebody new, with their certificate."""

    town: Town
    people: People

    @property
    def admin(self) -> Somebody:
        return self.town.admin

    def clearsigned(self, text: str) -> bytes:
        return self.people.clearsign(self.admin, text)

    def encrypted(self, content: bytes, *, signed: bool = True) -> bytes:
        """Encrypted to the list, armoured, signed by the Admin Contact or not."""
        return self.town.encrypt(self.admin if signed else None, content)

    def pgp_mime(self, armored: bytes) -> bytes:
        """A mail that is one multipart/encrypted (RFC 3156, 4)."""
        control = part("application/pgp-encrypted", "Version: 1\n")
        inside = multipart(control, part("application/octet-stream", armored), kind="encrypted", boundary="e0")
        return mail(self.admin, inside.replace(b"encrypted;", b'encrypted; protocol="application/pgp-encrypted";', 1))

    def signed_entity(self, entity: bytes) -> bytes:
        return self.people.multipart_signed(self.admin, entity)


def keys(who: Somebody, encoding: str = "") -> bytes:
    """A certificate attached as mail clients do (RFC 3156, 7)."""
    return part('application/pgp-keys; name="key.asc"', who.certificate, encoding, "key.asc")


def binary(who: Somebody, content_type: str) -> bytes:
    """A certificate attached as `gpg --export` writes it."""
    return part(content_type, dearmor(who.certificate), "base64", "key.gpg")


def html(text: bytes) -> bytes:
    return part("text/html; charset=utf-8", b"<pre>" + text + b"</pre>")


Form = Callable[[Desk, Somebody, str], bytes]
"""The mail in which somebody's attestation, the text, goes to the list with their certificate."""

IN_THE_CLEAR: dict[str, Form] = {
    "clearsigned, the certificate attached": lambda d, w, t: mail(d.admin, multipart(part(PLAIN, d.clearsigned(t)), keys(w))),
    "clearsigned, the certificate below it, words around": lambda d, w, t: mail(
        d.admin, part(PLAIN, b"Dear list,\n\n" + d.clearsigned(t) + b"\n" + w.certificate + b"\n-- \nAdmin\n")
    ),
    "clearsigned, quoted-printable": lambda d, w, t: mail(
        d.admin, multipart(part(PLAIN, d.clearsigned(t), "quoted-printable"), keys(w, "quoted-printable"))
    ),
    "clearsigned, base64": lambda d, w, t: mail(d.admin, multipart(part(PLAIN, d.clearsigned(t), "base64"), keys(w, "base64"))),
    "clearsigned in a file": lambda d, w, t: mail(
        d.admin, multipart(part(PLAIN, "see the file\n"), part("application/octet-stream", d.clearsigned(t), "base64", "st.asc"), keys(w))
    ),
    "clearsigned, beside it the same as HTML": lambda d, w, t: mail(
        d.admin,
        multipart(multipart(part(PLAIN, (c := d.clearsigned(t))), html(c), kind="alternative", boundary="a0"), keys(w)),
    ),
    "clearsigned, the certificate as text": lambda d, w, t: mail(
        d.admin, multipart(part(PLAIN, d.clearsigned(t)), part('text/plain; name="key.asc"', w.certificate))
    ),
    "clearsigned, the certificate binary": lambda d, w, t: mail(
        d.admin, multipart(part(PLAIN, d.clearsigned(t)), binary(w, "application/octet-stream"))
    ),
    "forwarded by a colleague": lambda d, w, t: mail(
        w,
        multipart(
            part(PLAIN, "fyi\n"),
            part("message/rfc822", mail(d.admin, multipart(part(PLAIN, d.clearsigned(t)), keys(w), boundary="f0"))),
        ),
    ),
    "inline-signed, the certificate attached": lambda d, w, t: mail(d.admin, multipart(part(PLAIN, d.people.sign(d.admin, t)), keys(w))),
    "PGP/MIME": lambda d, w, t: mail(d.admin, d.signed_entity(multipart(part(PLAIN, t), keys(w)))),
    "PGP/MIME, quoted-printable and base64": lambda d, w, t: mail(
        d.admin, d.signed_entity(multipart(part(PLAIN, t, "quoted-printable"), keys(w, "base64")))
    ),
    "PGP/MIME, the certificate binary": lambda d, w, t: mail(
        d.admin, d.signed_entity(multipart(part(PLAIN, t), binary(w, "application/pgp-keys")))
    ),
    "PGP/MIME with HTML beside the text": lambda d, w, t: mail(
        d.admin, d.signed_entity(multipart(multipart(part(PLAIN, t), html(t.encode()), kind="alternative", boundary="a0"), keys(w)))
    ),
    "PGP/MIME, certificate and a footer outside": lambda d, w, t: mail(
        d.admin, multipart(d.signed_entity(part(PLAIN, t)), keys(w), part(PLAIN, "sent by a list\n"))
    ),
}

ENCRYPTED: dict[str, Form] = {
    "PGP/MIME, signed and encrypted at once": lambda d, w, t: d.pgp_mime(d.encrypted(multipart(part(PLAIN, t), keys(w)))),
    "the same with CRLF": lambda d, w, t: d.pgp_mime(d.encrypted(multipart(part(PLAIN, t), keys(w)).replace(b"\n", b"\r\n"))),
    "PGP/MIME, signed inside the encryption": lambda d, w, t: d.pgp_mime(
        d.encrypted(d.signed_entity(multipart(part(PLAIN, t), keys(w))), signed=False)
    ),
    "clearsigned text in a signed and encrypted mail": lambda d, w, t: d.pgp_mime(
        d.encrypted(multipart(part(PLAIN, d.clearsigned(t)), keys(w)))
    ),
    "inline, the certificate attached": lambda d, w, t: mail(d.admin, multipart(part(PLAIN, d.encrypted(t.encode())), keys(w))),
    "inline, the certificate encrypted with it": lambda d, w, t: mail(
        d.admin, part(PLAIN, d.encrypted(t.encode() + b"\n" + w.certificate))
    ),
    "inline, quoted-printable": lambda d, w, t: mail(d.admin, multipart(part(PLAIN, d.encrypted(t.encode()), "quoted-printable"), keys(w))),
}

FORMS = {**IN_THE_CLEAR, **{f"encrypted: {name}": form for name, form in ENCRYPTED.items()}}


@pytest.fixture(scope="module")
def desk(town: Town, people: People) -> Desk:
    """The town's list, with room for many SSCs of one ccTLD."""
    with (town.home / "securelist.toml").open("a") as file:
        file.write("members_per_cctld = 200\n")
    return Desk(town, people)


@pytest.fixture(scope="module")
def newcomer(people: People, town: Town) -> Callable[[], Somebody]:
    """Makes somebody new at each call."""
    numbers = itertools.count(1)

    def make() -> Somebody:
        number = next(numbers)
        return people.make(f"Dora {number}", f"dora-{number}-{town.home.parent.name}@nl.example")

    return make
