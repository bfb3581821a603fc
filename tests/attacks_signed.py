"""Posts whose encryption is as it should be, around what is not one signed message: surplus, gaps, signatures of every odd kind."""

from __future__ import annotations

import time
import zlib

from attack_packets import (
    TEXT,
    compressed,
    content,
    created,
    issuer_of,
    joined,
    literal,
    one_pass,
    outer,
    sealed,
    signature,
    signed,
)
from bad_mails import CANARY, DAY, Bad, Stage
from certification_forge import notation, subpacket
from forge import protected, unprotected
from town import entity

from securelist.openpgp.armor import dearmor
from securelist.openpgp.packets import Packet, Tag, write_packet

OTHER = literal(entity(f"{CANARY}: nobody signed this"))


# --- more, or less, than one signed message ----------------------------------------------------------------------------


def rows(s: Stage, order: str, *others: bytes) -> bytes:
    """Packets of Anna's signed message in this order: o(ne-pass), l(iteral), s(ignature); x, y, z are the others."""
    once, data, made = signed(s)
    known: dict[str, Packet | bytes] = {"o": once, "l": data, "s": made, **dict(zip("xyz", others, strict=False))}
    return sealed(s, *(known[letter] for letter in order))


def by_two(s: Stage, order: str) -> bytes:
    """One content, signed by Anna and by Bert: O, L, S are what Anna made, p and q Bert's one-pass signature and signature."""
    data = content()
    once, held, made = signed(s, data=data)
    his_once, _, his = signed(s, data=data, who=s.bert)
    known = {"O": once, "L": held, "S": made, "p": his_once, "q": his}
    return sealed(s, *(known[letter] for letter in order))


def nested_one_pass(s: Stage) -> bytes:
    """A signature around a signed message, as RFC 9580, 10.3 lets one do: two signatures, each over something else."""
    inner = joined(*signed(s))
    return sealed(s, one_pass(s.anna), inner, signature(s, inner))


def in_literal(s: Stage, inside: bytes) -> bytes:
    """A literal that nobody signed, with something signed for its data."""
    return sealed(s, literal(inside))


SURPLUS = {
    "a second literal before the signature": Bad(lambda s: rows(s, "olxs", OTHER), "not-one-message", "open"),
    "a second literal in front": Bad(lambda s: rows(s, "oxls", OTHER), "not-one-message", "open"),
    "a second literal at the end": Bad(lambda s: rows(s, "olsx", OTHER), "not-one-message", "open"),
    "a literal before the signed message": Bad(lambda s: rows(s, "xols", OTHER), "not-one-message", "open"),
    "the literal twice": Bad(lambda s: rows(s, "olls"), "not-one-message", "open"),
    "an empty literal and the one": Bad(lambda s: rows(s, "oxls", literal(b"")), "not-one-message", "open"),
    "a one-pass signature without its signature": Bad(lambda s: rows(s, "ol"), "not-one-message", "open"),
    "a signature behind its literal, unannounced": Bad(lambda s: rows(s, "ls"), "not-one-message", "open"),
    "a signature before its one-pass signature": Bad(lambda s: rows(s, "slo"), "not-one-message", "open"),
    "two one-pass signatures and one signature": Bad(lambda s: rows(s, "ools"), "not-one-message", "open"),
    "one one-pass signature and its signature twice": Bad(lambda s: rows(s, "olss"), "not-one-signature", "open"),
    "two signed messages": Bad(lambda s: sealed(s, *signed(s), *signed(s)), "not-one-signature", "open"),
    "a signed message, then one that is not": Bad(lambda s: rows(s, "olsx", compressed(OTHER)), "not-one-message", "open"),
    "nothing between": Bad(lambda s: rows(s, "os"), "not-one-message", "open"),
    "a signature alone": Bad(lambda s: rows(s, "s"), "not-one-message", "open"),
    "a marker in front": Bad(lambda s: rows(s, "xols", write_packet(Tag.MARKER, b"PGP")), "not-one-message", "open"),
    "padding at the end": Bad(lambda s: rows(s, "olsx", write_packet(Tag.PADDING, bytes(64))), "not-one-message", "open"),
    "a trust packet at the end": Bad(lambda s: rows(s, "olsx", write_packet(Tag.TRUST, b"\6")), "not-one-message", "open"),
    "the signer's certificate at the end": Bad(lambda s: rows(s, "olsx", dearmor(s.mallory.certificate)), "not-one-signature", "open"),
    "an integrity code at the end": Bad(lambda s: rows(s, "olsx", write_packet(Tag.MDC, bytes(20))), "not-one-message", "open"),
    "the literal compressed under the signature": Bad(
        lambda s: rows(s, "oxs", compressed(joined(signed(s)[1]))), "not-one-message", "open"
    ),
    "compressed twice": Bad(lambda s: sealed(s, compressed(compressed(joined(*signed(s))))), "not-one-message", "open"),
    "compressed, with two messages in it": Bad(
        lambda s: sealed(s, compressed(joined(*signed(s), *signed(s)))), "not-one-signature", "open"
    ),
    "compressed, and a literal beside it": Bad(lambda s: sealed(s, compressed(joined(*signed(s))), OTHER), "not-one-message", "open"),
    "compressed, and compressed": Bad(lambda s: sealed(s, compressed(joined(*signed(s))), compressed(OTHER)), "not-one-message", "open"),
    "compressed by a private algorithm": Bad(lambda s: sealed(s, compressed(joined(*signed(s)), 110)), "not-openpgp", "open"),
    "compressed data with octets behind their end": Bad(
        lambda s: sealed(s, compressed(zlib.compress(joined(*signed(s))) + OTHER, 2)), "not-openpgp", "open"
    ),
    "signed by two, properly": Bad(lambda s: by_two(s, "pOLSq"), "not-one-signature", "open"),
    "signed by two, announced once": Bad(lambda s: by_two(s, "OLSq"), "not-one-signature", "open"),
    "two announced, one signature": Bad(lambda s: by_two(s, "pOLS"), "not-one-message", "open"),
    "announced by one, signed by the other": Bad(lambda s: by_two(s, "pLS"), "not-one-message", "open"),
    "two signatures in front": Bad(lambda s: by_two(s, "SqL"), "not-one-signature", "open"),
    "a signature around a signed message": Bad(nested_one_pass, "not-one-signature", "open"),
    "an encrypted message under a signature": Bad(
        lambda s: rows(s, "oxs", dearmor(s.town.encrypt(s.anna, content()))), "nested-encryption", "open"
    ),
    "an encrypted message beside the signed one": Bad(
        lambda s: rows(s, "olsx", dearmor(s.town.encrypt(s.anna, content()))), "nested-encryption", "open"
    ),
    "encrypted twice under one session key": Bad(
        lambda s: sealed(s, protected(outer(s.town)[1], joined(*signed(s)))), "nested-encryption", "open"
    ),
    "unprotected inside protected": Bad(
        lambda s: sealed(s, unprotected(outer(s.town)[1], joined(*signed(s)))), "nested-encryption", "open"
    ),
    "a password's message inside": Bad(
        lambda s: sealed(s, s.people.gpg("--symmetric", "--pinentry-mode", "loopback", "--passphrase", "x", data=content())),
        "nested-encryption",
        "open",
    ),
    "a signed message as unsigned data": Bad(lambda s: in_literal(s, joined(*signed(s))), "not-signed", "open"),
    "an armoured signed message as unsigned data": Bad(lambda s: in_literal(s, s.people.sign(s.anna, content())), "not-signed", "open"),
    "clearsigned text as unsigned data": Bad(lambda s: in_literal(s, s.people.clearsign(s.anna, CANARY)), "not-signed", "open"),
    "clearsigned text in an unsigned part": Bad(
        lambda s: in_literal(s, entity(s.people.clearsign(s.anna, CANARY).decode())), "not-signed", "open"
    ),
    "clearsigned text with text around": Bad(
        lambda s: in_literal(s, b"Hello,\n\n" + s.people.clearsign(s.anna, CANARY) + b"\nbye\n"), "not-signed", "open"
    ),
    "clearsigned text without a literal": Bad(lambda s: sealed(s, s.people.clearsign(s.anna, CANARY)), "not-openpgp", "open"),
    "a certificate": Bad(lambda s: sealed(s, dearmor(s.anna.certificate)), "not-one-signature", "open"),
    "nothing": Bad(lambda s: sealed(s), "not-openpgp", "open"),
}


# --- one-pass signatures that announce something else ------------------------------------------------------------------


def announced(s: Stage, at: int, value: int) -> bytes:
    """Anna's message; one octet of its one-pass signature (RFC 9580, 5.4) is another."""
    once, data, made = signed(s)
    body = bytearray(once.body)
    body[at] = value
    return sealed(s, write_packet(Tag.ONE_PASS_SIGNATURE, bytes(body)), data, made)


ANNOUNCED = {
    "a one-pass signature of version 6": Bad(lambda s: announced(s, 0, 6), "not-one-message", "open"),
    "a one-pass signature over text, a signature over octets": Bad(lambda s: announced(s, 1, TEXT), "not-one-message", "open"),
    "a one-pass signature of a timestamp": Bad(lambda s: announced(s, 1, 0x40), "not-one-message", "open"),
    "a one-pass signature with another hash": Bad(lambda s: announced(s, 2, 9), "not-one-message", "open"),
    "a one-pass signature with SHA-1": Bad(lambda s: announced(s, 2, 2), "not-one-message", "open"),
    "a one-pass signature by another algorithm": Bad(lambda s: announced(s, 3, 1), "not-one-message", "open"),
    "a one-pass signature by another key": Bad(lambda s: announced(s, 8, 0), "not-one-message", "open"),
    "a one-pass signature that is too short": Bad(
        lambda s: rows(s, "xls", write_packet(Tag.ONE_PASS_SIGNATURE, b"\3\0\x0a")), "not-one-message", "open"
    ),
}


# --- signatures of every odd kind --------------------------------------------------------------------------------------


def kind(s: Stage, number: int) -> bytes:
    """Signed as data are, with a type that is for something else (RFC 9580, 5.2.1)."""
    data = content()
    return sealed(s, one_pass(s.anna, number), literal(data), signature(s, data, number))


def over(s: Stage, hashed: bytes, unhashed: bytes = b"") -> bytes:
    """A signature by Anna's own key, with subpackets of the attacker's choice."""
    data = content()
    return sealed(s, one_pass(s.anna), literal(data), signature(s, data, hashed=hashed, unhashed=unhashed))


def version(s: Stage, number: int) -> bytes:
    """Anna's message whose signature says it is of another version."""
    once, data, made = signed(s)
    return sealed(s, once, data, write_packet(Tag.SIGNATURE, bytes([number]) + made.body[1:]))


def named(s: Stage) -> bytes:
    """Who the signature says it is by, and when."""
    return created() + issuer_of(s.anna)


def converted(s: Stage, form: str, before: bytes, after: bytes) -> bytes:
    """Anna's message, its data changed in blanks and line ends after she signed."""
    once, data, made = signed(s, form, "--digest-algo", "SHA256", data=entity(f"{CANARY} one \r\ntwo"))
    changed = data.body.replace(before, after)
    assert changed != data.body
    return sealed(s, once, write_packet(Tag.LITERAL, changed), made)


def formatted(s: Stage, form: bytes) -> bytes:
    """Anna's message, in a literal of an odd format: which one is not signed (RFC 9580, 5.9)."""
    once, data, made = signed(s)
    return sealed(s, once, write_packet(Tag.LITERAL, form + data.body[1:]), made)


def critical(number: int, body: bytes) -> bytes:
    """A subpacket that must be understood (RFC 9580, 5.2.3.7)."""
    made = subpacket(number, body)
    return made[:1] + bytes([made[1] | 0x80]) + made[2:]


def critical_notation(name: str) -> bytes:
    made = notation(name, "x")
    return made[:1] + bytes([made[1] | 0x80]) + made[2:]


SIGNATURES = {
    **{
        f"a signature of type {number:#04x}": Bad(lambda s, number=number: kind(s, number), "bad-signature", "verify")  # type: ignore[misc]
        for number in (0x02, 0x10, 0x13, 0x18, 0x19, 0x1F, 0x20, 0x28, 0x30, 0x40, 0x50, 0xFF)
    },
    "a signature over another literal": Bad(lambda s: rows(s, "oxs", OTHER), "bad-signature", "verify"),
    "a signature of version 2": Bad(lambda s: version(s, 2), "bad-signature", "open"),
    "a signature of GnuPG's version 5": Bad(lambda s: version(s, 5), "bad-signature", "open"),
    "a signature of version 6 that is none": Bad(lambda s: version(s, 6), "not-openpgp", "open"),
    "a signature of version 0": Bad(lambda s: version(s, 0), "bad-signature", "open"),
    "a critical subpacket that nobody knows": Bad(lambda s: over(s, named(s) + critical(99, b"x")), "bad-signature", "verify"),
    "a critical notation that nobody knows": Bad(lambda s: over(s, named(s) + critical_notation("x@e.example")), "bad-signature", "verify"),
    "a signature without a time": Bad(lambda s: over(s, issuer_of(s.anna)), "bad-signature", "verify"),
    "a signature whose time is not signed": Bad(lambda s: over(s, issuer_of(s.anna), created()), "bad-signature", "verify"),
    "a signature with two times": Bad(lambda s: over(s, created(int(time.time()) - 30 * DAY) + named(s)), "bad-signature", "verify"),
    "a signature by nobody": Bad(lambda s: over(s, created()), "unknown-signer", "verify"),
    "a signature that has expired": Bad(
        lambda s: over(s, created(int(time.time()) - 60) + subpacket(3, b"\0\0\0\1") + issuer_of(s.anna)), "bad-signature", "verify"
    ),
    "subpackets beyond their area": Bad(lambda s: over(s, named(s) + b"\x40\x14"), "not-openpgp", "open"),
    "a subpacket of no octets": Bad(lambda s: over(s, b"\0" + named(s)), "unknown-signer", "verify"),
    "signed text whose line ends were changed": Bad(lambda s: converted(s, "--textmode", b"\r\n", b"\n"), "bad-signature", "verify"),
    "signed text with a CR more": Bad(lambda s: converted(s, "--textmode", b"\r\n", b"\r\r\n"), "bad-signature", "verify"),
    "signed text without its blanks": Bad(lambda s: converted(s, "--textmode", b" \r\n", b"\r\n"), "bad-signature", "verify"),
    "signed octets whose line ends were changed": Bad(lambda s: converted(s, "--no-textmode", b"\r\n", b"\n"), "bad-signature", "verify"),
    **{
        f"a literal of format {form!r}": Bad(lambda s, form=form: formatted(s, form), "not-one-message", "open")  # type: ignore[misc]
        for form in (b"m", b"l", b"1", b"\0", b"\xff")
    },
    "a literal whose name is longer than itself": Bad(
        lambda s: rows(s, "oxs", write_packet(Tag.LITERAL, b"b\xffname")), "not-openpgp", "open"
    ),
}

ATTACKS_SIGNED = {**SURPLUS, **ANNOUNCED, **SIGNATURES}
