"""Posts that fool one engine: GnuPG, or Sequoia, calls the signature good, and the other does not. Both have to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from attack_packets import (
    TEXT,
    content,
    created,
    issuer_of,
    joined,
    literal,
    old_signature,
    one_pass,
    sealed,
    signature,
)
from bad_mails import CANARY, DAY, Bad, Stage
from certification_forge import mpi, subpacket
from people import Somebody
from trust_world import certificate_of

from securelist.errors import Refused
from securelist.mail.mime import crlf
from securelist.openpgp import gnupg, sequoia
from securelist.openpgp.packets import Tag, read_packets, write_packet

# The order of Curve25519's group (RFC 8032, 5.1): a signature is as good with it added to its second number, to who does not look.
ORDER = 2**252 + 27742317777372353535851937790883648493
# GnuPG hashes so much of a line of text that stands apart from its signature.
LINE = 19_993


@dataclass(frozen=True)
class Pieces:
    """A signed message in pieces, as each engine gets it; `whole` is empty where the signature stands apart (RFC 3156, 5)."""

    content: bytes
    signature: bytes
    whole: bytes = b""

    def mail(self, s: Stage) -> bytes:
        """A post around it, in Anna's name."""
        return sealed(s, self.whole or literal(self._multipart_signed()))

    def _multipart_signed(self) -> bytes:
        head = b'Content-Type: multipart/signed; micalg=pgp-sha256; protocol="application/pgp-signature"; boundary="b"\r\n\r\n--b\r\n'
        armored = sequoia.armor(self.signature, "SIGNATURE").replace(b"\n", b"\r\n")
        return head + self.content + b"\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\n" + armored + b"\r\n--b--\r\n"

    def accepted_by(self, engine: str, certificate: bytes, at: int | None = None) -> bool:
        """Whether one engine alone, asked as the product asks it, calls the signature good."""
        octets, when = certificate_of(certificate).octets, int(time.time()) if at is None else at
        try:
            if engine == "sequoia":
                sequoia.verify(self.content, octets, self.signature)
            elif self.whole:
                gnupg.verify(self.whole, octets, when)
            else:
                gnupg.verify(crlf(self.content), octets, when, self.signature)
        except Refused:
            return False
        return True


def combined(s: Stage, data: bytes, made: bytes, form: bytes = b"b", kind: int = 0, who: Somebody | None = None) -> Pieces:
    """One-pass signature, literal data and this signature."""
    return Pieces(data, made, joined(one_pass(who or s.anna, kind), literal(data, form), made))


# --- GnuPG is fooled ---------------------------------------------------------------------------------------------------


def version_3(s: Stage) -> Pieces:
    """A signature as PGP made them in 1996: it names a key ID of eight octets, nothing of it can be extended, or tell critical."""
    data = content()
    return combined(s, data, old_signature(s, data))


def text_as_octets(form: bytes) -> Callable[[Stage], Pieces]:
    """A signature over text, whose line ends must be CRLF when they are hashed (RFC 9580, 5.2.4), over lines that end with LF."""

    def make(s: Stage) -> Pieces:
        data = content().replace(b"\r\n", b"\n")
        return combined(s, data, signature(s, data, TEXT), form, TEXT)

    return make


def numbers(made: bytes) -> tuple[bytes, bytes, bytes]:
    """(all before, first number, second number) of an Ed25519 signature (RFC 9580, 5.2.3.1)."""
    body = read_packets(made)[0].body
    hashed = 6 + int.from_bytes(body[4:6], "big")
    at = hashed + 2 + int.from_bytes(body[hashed : hashed + 2], "big") + 2
    second = at + 2 + (int.from_bytes(body[at : at + 2], "big") + 7) // 8
    return body[:at], body[at + 2 : second], body[second + 2 :]


def another_number(s: Stage) -> Pieces:
    """Anna's signature made into another one by somebody without her key."""
    data = content()
    head, first, second = numbers(signature(s, data))
    value = int.from_bytes(second.rjust(32, b"\0"), "little") + ORDER
    return combined(s, data, write_packet(Tag.SIGNATURE, head + mpi(first) + mpi(value.to_bytes(32, "little"))))


def padded_number(s: Stage) -> Pieces:
    """The same by zeros in front of a number, which RFC 9580, 3.2 does not allow."""
    data = content()
    head, first, second = numbers(signature(s, data))
    padded = (8 * len(first) + 8).to_bytes(2, "big") + b"\0" + first
    return combined(s, data, write_packet(Tag.SIGNATURE, head + padded + mpi(second)))


def behind_a_long_line(s: Stage) -> Pieces:
    """Text that Anna never signed, so far behind in a line that GnuPG does not read it."""
    start = b"Content-Type: text/plain\r\n\r\n" + CANARY.encode() + b" " + str(time.time_ns()).encode()
    line = start + b"A" * (LINE - len(start.rpartition(b"\n")[2]))
    made = signature(s, line + b"\r\nbye", TEXT)
    return Pieces(line + b" and 5000 to Mallory\r\nbye", made)


# --- Sequoia is fooled -------------------------------------------------------------------------------------------------


def other_line_ends(end: bytes, form: bytes) -> Callable[[Stage], Pieces]:
    """Text whose line ends changed after Anna signed it: the same text to some, another file to others."""

    def make(s: Stage) -> Pieces:
        data = content()
        return combined(s, data.replace(b"\r\n", end), signature(s, data, TEXT), form, TEXT)

    return make


def two_times(s: Stage) -> Pieces:
    """One signature that says it was made a month ago, and now: before the key was, and since."""
    data = content()
    hashed = created(int(time.time()) - 30 * DAY) + created() + issuer_of(s.anna)
    return combined(s, data, signature(s, data, hashed=hashed))


def critical_outside(s: Stage) -> Pieces:
    """What must be understood (RFC 9580, 5.2.3.7) and nobody does, where it is not signed."""
    data = content()
    return combined(s, data, signature(s, data, unhashed=b"\x02\xe3x"))


def announced_otherwise(s: Stage) -> Pieces:
    """The one-pass signature announces another hash: Sequoia is never asked about it."""
    data = content()
    made = signature(s, data)
    return Pieces(data, made, joined(one_pass(s.anna, digest=10), literal(data), made))


def ending(s: Stage) -> Pieces:
    """A signature that Anna gave a day."""
    data = content()
    return combined(s, data, signature(s, data, hashed=created() + issuer_of(s.anna) + subpacket(3, DAY.to_bytes(4, "big"))))


@dataclass(frozen=True)
class Fooling:
    """How to make the message, which engine takes it, and why the product does not."""

    make: Callable[[Stage], Pieces]
    fooled: str
    reason: str
    step: str = "verify"


FOOLING = {
    "a signature of version 3": Fooling(version_3, "gnupg", "engines-differ"),
    "signed text that was hashed as octets": Fooling(text_as_octets(b"t"), "gnupg", "engines-differ"),
    "signed text that was hashed as octets, in octets": Fooling(text_as_octets(b"b"), "gnupg", "engines-differ"),
    "a signature made into another one": Fooling(another_number, "gnupg", "engines-differ"),
    "a signature with zeros in front of a number": Fooling(padded_number, "gnupg", "unknown-signer"),
    "signed text with LF for CRLF": Fooling(other_line_ends(b"\n", b"t"), "sequoia", "bad-signature"),
    "signed text with LF for CRLF, in octets": Fooling(other_line_ends(b"\n", b"b"), "sequoia", "bad-signature"),
    "signed text with CR for CRLF": Fooling(other_line_ends(b"\r", b"b"), "sequoia", "bad-signature"),
    "a signature made twice, a month apart": Fooling(two_times, "sequoia", "bad-signature"),
    "an unsigned subpacket that must be understood": Fooling(critical_outside, "sequoia", "bad-signature"),
    "a one-pass signature with another hash than its signature": Fooling(announced_otherwise, "sequoia", "not-one-message", "open"),
}


def _mail(fooling: Fooling) -> Callable[[Stage], bytes]:
    return lambda s: fooling.make(s).mail(s)


ATTACKS_ENGINES = {name: Bad(_mail(fooling), fooling.reason, fooling.step) for name, fooling in FOOLING.items()}
ATTACKS_ENGINES["more text at the end of a long line"] = Bad(lambda s: behind_a_long_line(s).mail(s), "bad-signature", "verify")
