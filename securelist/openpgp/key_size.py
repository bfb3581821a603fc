"""How large the numbers in a key may be (RFC 9580, 5.5.5), looked at before any engine works with it.

Whoever makes a key chooses how long each of its signatures takes to check: an RSA key of 16384 bits whose exponent is as long takes
four seconds, and a mail has room for many. Nothing in here asks whether a key is strong enough.
"""

from __future__ import annotations

from collections.abc import Iterable

from securelist.errors import Refused
from securelist.openpgp.packets import Packet, Tag, fingerprint

# GnuPG makes RSA keys up to 4096 bits, and up to 8192 if it is told to; beyond, each doubling takes four times as long.
MAX_BITS = 8192
# Everybody's is 65537, some old ones are 17 or 41. With one of 8192 bits a single signature by RSA-8192 takes GnuPG 0.4 s, with 32
# bits a millisecond or two.
MAX_EXPONENT_BITS = 32
# The largest sizes of DSA (FIPS 186-4, 4.2); GnuPG makes no others.
MAX_DSA_BITS, MAX_DSA_GROUP_BITS = 3072, 256
# A point of the largest curve, P-521, uncompressed (RFC 9580, 11.2.1).
MAX_POINT_BITS = 8 * (1 + 2 * 66)
# An ML-DSA-87+Ed448 key takes 2649 octets, the largest that draft-ietf-openpgp-pqc has.
MAX_OTHER_OCTETS = 4096

_Numbers = tuple[tuple[str, int], ...]
_RSA: _Numbers = (("RSA modulus", MAX_BITS), ("RSA exponent", MAX_EXPONENT_BITS))
_DSA: _Numbers = (("DSA prime", MAX_DSA_BITS), ("DSA group", MAX_DSA_GROUP_BITS), ("DSA base", MAX_DSA_BITS), ("DSA key", MAX_DSA_BITS))
_ELGAMAL: _Numbers = (("ElGamal prime", MAX_BITS), ("ElGamal base", MAX_BITS), ("ElGamal key", MAX_BITS))
# By algorithm (RFC 9580, 9.1): what numbers its key consists of. Those on curves (ECDH, ECDSA, EdDSA) begin with the curve's name.
_NUMBERS: dict[int, _Numbers] = {1: _RSA, 2: _RSA, 3: _RSA, 16: _ELGAMAL, 17: _DSA, 20: _ELGAMAL}
_ECDH, _ON_CURVES = 18, (18, 19, 22)
# X25519, X448, Ed25519, Ed448; the post-quantum ones of draft-ietf-openpgp-pqc; GnuPG's own Kyber. An engine that does not know
# one does no work with it.
_OF_FIXED_SIZE = {25, 26, 27, 28, *range(30, 37), 8}
# The octets before a key's own material: version, time, algorithm; in version 6 the material's length follows.
_HEADS = {4: 6, 6: 10}


def check_keys(packets: Iterable[Packet]) -> None:
    """Raises Refused ("unknown-algorithm", "key-too-large", "bad-key") for a key among the packets that costs too much to work with."""
    for packet in packets:
        if packet.tag in (Tag.PUBLIC_KEY, Tag.PUBLIC_SUBKEY):
            _check_key(packet)


def _check_key(key: Packet) -> None:
    head = _HEADS.get(key.body[0]) if key.body else None
    if head is None or len(key.body) < head:
        raise Refused("bad-key", "a key in this is damaged, or of another version than 4 or 6 (RFC 9580, 5.5.2)")
    algorithm, material = key.body[5], key.body[head:]
    if algorithm in _OF_FIXED_SIZE:
        if len(material) > MAX_OTHER_OCTETS:
            raise _too_large(key, f"it takes {len(material)} octets, at most {MAX_OTHER_OCTETS}")
    elif algorithm in _ON_CURVES:
        _check_on_curve(key, material)
    elif algorithm in _NUMBERS:
        _check_end(key, material, _end_of_numbers(key, material, 0, _NUMBERS[algorithm]))
    else:
        raise Refused("unknown-algorithm", f"key {fingerprint(key)} is of an algorithm ({algorithm}) that is not used here (RFC 9580, 9.1)")


def _check_on_curve(key: Packet, material: bytes) -> None:
    """The curve's name, the point, and for ECDH how a session key is derived: each but the point after an octet with its length."""
    name_end = 1 + (material[0] if material else 0)
    end = _end_of_numbers(key, material, name_end, (("point", MAX_POINT_BITS),))
    if key.body[5] == _ECDH:
        end += 1 + (material[end] if end < len(material) else 0)
    _check_end(key, material, end)


def _end_of_numbers(key: Packet, material: bytes, at: int, numbers: _Numbers) -> int:
    """Where these numbers, each after two octets with its length in bits (RFC 9580, 3.2), end."""
    for name, most in numbers:
        bits = int.from_bytes(material[at : at + 2], "big")
        if bits > most:
            raise _too_large(key, f"its {name} has {bits} bits, at most {most}")
        at += 2 + (bits + 7) // 8
    return at


def _check_end(key: Packet, material: bytes, end: int) -> None:
    if end != len(material):
        raise Refused("bad-key", f"key {fingerprint(key)} is damaged (RFC 9580, 5.5.5)")


def _too_large(key: Packet, what: str) -> Refused:
    return Refused("key-too-large", f"key {fingerprint(key)} takes too long to work with: {what} are accepted; make a new key")
