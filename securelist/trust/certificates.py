"""Certificates on their way into the log: reduced to their owner's own packets, and joined with what the log has.

What others certified is left out, and so is what only claims to be the owner's: it makes certificates large, anybody can
add to it, and no rule here asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from securelist.errors import Refused
from securelist.openpgp import gnupg, sequoia
from securelist.openpgp.admission import merge, read_certificate
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.packets import Packet, Tag, hashed_subpackets, keep_unhashed, read_packets

# A batch of statements and their subjects' certificates (grammar.MAX_STATEMENTS), and as many again for renewals.
MAX_CERTIFICATES = 100
# Ten user IDs and subkeys renewed every year for decades stay below. GnuPG verifies five hundred of them in a second.
MAX_OWN_SIGNATURES = 500
# A subkey's own consent under RSA-8192 takes 1.1 kB; in a signature's unhashed area it is the only thing of any size.
MAX_CONSENT_OCTETS = 2048
# Trust roots, in the few states that the log and a file know them in.
CACHED = 64

# What a certificate consists of (RFC 9580, 10.1). Photographs are left out: they are large, and nothing here shows them.
_KEPT = (Tag.PUBLIC_KEY, Tag.USER_ID, Tag.PUBLIC_SUBKEY)
_COMPONENTS = (*_KEPT, Tag.USER_ATTRIBUTE)

# Types of subpackets (RFC 9580, 5.2.3.7), a type of signature (5.2.1), and the reasons of a revocation that leave what was
# signed before it as it was: superseded, and no longer used (5.2.3.31).
_CREATED, _ISSUER, _REASON, _CONSENT, _ISSUER_FINGERPRINT = 2, 16, 29, 32, 33
_KEY_REVOCATION = b"\x20"
_RETIRED = (b"\1", b"\3")


def own_packets(octets: bytes) -> bytes:
    """A binary certificate with its owner's own signatures only, each of which verifies, in Sequoia's order of packets.

    Raises Refused, also for a self-signature with an end of its own ("self-signature-expires").
    """
    fingerprint = sequoia.fingerprint_of(octets)
    kept: list[Packet] = []
    wanted = True
    for packet in read_packets(octets):
        if packet.tag in _COMPONENTS:
            wanted = packet.tag in _KEPT
        if packet.tag in _KEPT:
            kept.append(packet)
        elif wanted and packet.tag == Tag.SIGNATURE and _issued_by(packet, fingerprint):
            kept.append(_plain(packet, fingerprint))
    own = _verifying(kept)
    _refuse_expiring(own)
    reduced = b"".join(packet.octets for packet in own)
    return merge(reduced, reduced)


def _issued_by(signature: Packet, fingerprint: str) -> bool:
    try:
        issuers = sequoia.read_signature(signature.octets).issuers
    except Refused:
        return False
    # A version 4 key's ID is the end of its fingerprint, a version 6 key's the beginning (RFC 9580, 5.5.4.1 and 5.5.4.3).
    return any(fingerprint == name or (len(name) == 16 and name in (fingerprint[-16:], fingerprint[:16])) for name in issuers)


def _plain(signature: Packet, fingerprint: str) -> Packet:
    """A signature whose unhashed area, which anybody can write, holds nothing but its issuer and a subkey's consent."""
    issuers = {_ISSUER: bytes.fromhex(fingerprint[-16:]), _ISSUER_FINGERPRINT: b"\4" + bytes.fromhex(fingerprint)}

    def wanted(kind: int, value: bytes) -> bool:
        return value == issuers.get(kind) or (kind == _CONSENT and len(value) <= MAX_CONSENT_OCTETS)

    return keep_unhashed(signature, wanted)


def _verifying(packets: list[Packet]) -> list[Packet]:
    """The packets without signatures that do not verify: anybody can make those, and thousands of them."""
    signatures = [packet for packet in packets if packet.tag == Tag.SIGNATURE]
    if not signatures:
        return packets
    if len(signatures) > MAX_OWN_SIGNATURES:
        advice = "export it with: gpg --armor --export-options export-clean --export"
        raise Refused("too-many-signatures", f"the certificate has over {MAX_OWN_SIGNATURES} signatures in its owner's name; {advice}")
    good = gnupg.good_signatures(b"".join(packet.octets for packet in packets))
    if not any(good):
        raise Refused("bad-certificate", "GnuPG finds none of this certificate's own signatures valid")
    bad = {id(packet) for packet, is_good in zip(signatures, good, strict=True) if not is_good}
    return [packet for packet in packets if id(packet) not in bad]


def _refuse_expiring(packets: list[Packet]) -> None:
    """Keys end by key expiration (RFC 9580, 5.2.3.13); a *signature* that ends would make yesterday's log unreadable today."""
    if any(packet.tag == Tag.SIGNATURE and sequoia.read_signature(packet.octets).expires for packet in packets):
        detail = "a signature that holds this certificate together ends by itself; let the key expire instead: gpg --quick-set-expire"
        raise Refused("self-signature-expires", detail)


def by_fingerprint(certificates: Iterable[bytes]) -> dict[str, bytes]:
    """Binary certificates by their primary fingerprint, several of the same joined, none of them verified; raises Refused."""
    found: dict[str, bytes] = {}
    for count, octets in enumerate(certificates):
        if count == MAX_CERTIFICATES:
            raise Refused("too-many-certificates", f"at most {MAX_CERTIFICATES} certificates can be sent at a time")
        fingerprint = sequoia.fingerprint_of(octets)
        found[fingerprint] = merge(found[fingerprint], octets) if fingerprint in found else octets
    return found


def renewed(known: Certificate, octets: bytes) -> Certificate | None:
    """The known certificate joined with the owner's packets in `octets`, or None if that adds nothing; raises Refused."""
    together = merge(known.octets, own_packets(octets))
    return None if together == known.octets else read_certificate(together)


# --- trust roots ------------------------------------------------------------------------------------------------------

_read = lru_cache(maxsize=CACHED)(read_certificate)


@lru_cache(maxsize=CACHED)
def joined(one: Certificate, other: Certificate) -> Certificate:
    """Two states of one certificate in one: a revocation that either has, a renewal that either has. Raises Refused."""
    return one if one.octets == other.octets else _read(merge(one.octets, other.octets))


def as_known(certificate: Certificate, at: int) -> Certificate:
    """The certificate as it was known at `at`: without revocations as superseded or no longer used that were made after.

    Any other revocation (compromised, or for no reason given) tells by its date nothing about when: it is left out, too, and
    the rules void what has to be.
    """
    if not certificate.primary.revoked:
        return certificate
    packets = read_packets(certificate.octets)
    kept = b"".join(packet.octets for packet in packets if not _revokes_later(packet, at))
    return certificate if kept == certificate.octets else _read(kept)


def _revokes_later(packet: Packet, at: int) -> bool:
    if packet.tag != Tag.SIGNATURE or packet.body[1:2] != _KEY_REVOCATION:
        return False
    says = dict(hashed_subpackets(packet))
    return says.get(_REASON, b"\0")[:1] not in _RETIRED or int.from_bytes(says.get(_CREATED, b""), "big") > at
