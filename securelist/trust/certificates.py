"""Certificates on their way into the log: reduced to their owner's own packets, and joined with what the log has.

What others certified is left out: it makes certificates large, anybody can add to it, and no rule here asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from securelist.errors import Refused
from securelist.openpgp import sequoia
from securelist.openpgp.admission import merge, read_certificate
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.packets import Packet, Tag, read_packets

# A batch of statements and their subjects' certificates (grammar.MAX_STATEMENTS), and as many again for renewals.
MAX_CERTIFICATES = 100

# What a certificate consists of (RFC 9580, 10.1). Photographs are left out: they are large, and nothing here shows them.
_KEPT = (Tag.PUBLIC_KEY, Tag.USER_ID, Tag.PUBLIC_SUBKEY)
_COMPONENTS = (*_KEPT, Tag.USER_ATTRIBUTE)


def own_packets(octets: bytes) -> bytes:
    """A binary certificate with its owner's own signatures only, in Sequoia's order of packets; raises Refused."""
    fingerprint = sequoia.fingerprint_of(octets)
    kept: list[Packet] = []
    wanted = True
    for packet in read_packets(octets):
        if packet.tag in _COMPONENTS:
            wanted = packet.tag in _KEPT
        if packet.tag in _KEPT or (wanted and packet.tag == Tag.SIGNATURE and _issued_by(packet, fingerprint)):
            kept.append(packet)
    reduced = b"".join(packet.octets for packet in kept)
    return merge(reduced, reduced)


def _issued_by(signature: Packet, fingerprint: str) -> bool:
    try:
        issuers = sequoia.read_signature(signature.octets).issuers
    except Refused:
        return False
    # A version 4 key's ID is the end of its fingerprint, a version 6 key's the beginning (RFC 9580, 5.5.4.1 and 5.5.4.3).
    return any(fingerprint == name or (len(name) == 16 and name in (fingerprint[-16:], fingerprint[:16])) for name in issuers)


def by_fingerprint(certificates: Iterable[bytes]) -> dict[str, bytes]:
    """Binary certificates by their primary fingerprint, several of the same joined; raises Refused for one that is none."""
    found: dict[str, bytes] = {}
    for count, octets in enumerate(certificates):
        if count == MAX_CERTIFICATES:
            raise Refused("too-many-certificates", f"at most {MAX_CERTIFICATES} certificates can be sent at a time")
        own = own_packets(octets)
        fingerprint = sequoia.fingerprint_of(own)
        found[fingerprint] = merge(found[fingerprint], own) if fingerprint in found else own
    return found


def renewed(known: Certificate, octets: bytes) -> Certificate | None:
    """The known certificate joined with `octets` (`own_packets` of the same one), or None if that adds nothing."""
    joined = merge(known.octets, octets)
    return None if joined == known.octets else read_certificate(joined)
