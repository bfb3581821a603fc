"""Certificates on their way into the log: reduced to their owner's own packets, and joined with what the log has.

What others certified is left out, and so is what only claims to be the owner's: it makes certificates large, anybody can
add to it, and no rule here asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar, cast

from securelist.errors import Refused
from securelist.openpgp import gnupg, sequoia
from securelist.openpgp.admission import admit, merge, read_certificate
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.key_size import check_keys
from securelist.openpgp.packets import (
    KEY_REVOCATION,
    SUBKEY_REVOCATION,
    Packet,
    Tag,
    hashed_subpackets,
    issuers_named,
    keep_unhashed,
    read_packets,
    retires,
    signature_type,
)

# A batch of statements and their subjects' certificates (grammar.MAX_STATEMENTS), and as many again for renewals.
MAX_CERTIFICATES = 100
# Ten user IDs and subkeys renewed every year for decades stay below. Five hundred take GnuPG 0.5 s of CPU time for an Ed25519 key,
# 1 s for RSA-8192, 1.3 s for P-521.
MAX_OWN_SIGNATURES = 500
# Of a key that the log does not know yet: nobody answers for it. A user ID or a subkey has one signature, and some have one for each
# time that their end was put off; `export-minimal` leaves the newest. Fifty take GnuPG 0.2 s at most.
MAX_SIGNATURES_OF_STRANGERS = 50
# CPU time of one process of GnuPG for a stranger's certificate: fifteen times what fifty of the slowest signatures take, for slower
# machines. (Not time by the clock: on a busy machine honest ones would be refused.)
STRANGERS_SECONDS = 3
# A subkey's own consent under RSA-8192 takes 1.1 kB; in a signature's unhashed area it is the only thing of any size.
MAX_CONSENT_OCTETS = 2048
# Trust roots, in the few states that the log and a file know them in.
CACHED = 64

# What a certificate consists of (RFC 9580, 10.1). Photographs are left out: they are large, and nothing here shows them.
_KEPT = (Tag.PUBLIC_KEY, Tag.USER_ID, Tag.PUBLIC_SUBKEY)
_COMPONENTS = (*_KEPT, Tag.USER_ATTRIBUTE)

# Types of subpackets (RFC 9580, 5.2.3.7).
_CREATED, _CONSENT = 2, 32


@dataclass(frozen=True)
class Effort:
    """How much one certificate may cost: signatures in its owner's name, and CPU seconds of one process of GnuPG (None: no limit)."""

    signatures: int
    seconds: int | None


FOR_STRANGERS = Effort(MAX_SIGNATURES_OF_STRANGERS, STRANGERS_SECONDS)
FOR_KNOWN = Effort(MAX_OWN_SIGNATURES, None)


def own_packets(octets: bytes, effort: Effort = FOR_STRANGERS) -> bytes:
    """A binary certificate with its owner's own signatures only, each of which verifies, in Sequoia's order of packets.

    Raises Refused, also for a self-signature with an end of its own ("self-signature-expires"), and for what would take more than
    `effort` ("too-many-signatures", "key-too-large", "too-costly").
    """
    fingerprint = sequoia.fingerprint_of(octets)
    packets = read_packets(octets)
    check_keys(packets)
    kept: list[Packet] = []
    wanted = True
    for packet in packets:
        if packet.tag in _COMPONENTS:
            wanted = packet.tag in _KEPT
        if packet.tag in _KEPT:
            kept.append(packet)
        elif wanted and packet.tag == Tag.SIGNATURE and _issued_by(packet, fingerprint):
            kept.append(_plain(packet, fingerprint))
    own = _verifying(kept, effort)
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
    issuers = issuers_named(fingerprint)

    def wanted(kind: int, value: bytes) -> bool:
        return value == issuers.get(kind) or (kind == _CONSENT and len(value) <= MAX_CONSENT_OCTETS)

    return keep_unhashed(signature, wanted)


def _verifying(packets: list[Packet], effort: Effort) -> list[Packet]:
    """The packets without signatures that do not verify: anybody can make those, and thousands of them."""
    signatures = [packet for packet in packets if packet.tag == Tag.SIGNATURE]
    if not signatures:
        return packets
    if len(signatures) > effort.signatures:
        advice = "export it with: gpg --armor --export-options export-minimal --export"
        raise Refused("too-many-signatures", f"the certificate has over {effort.signatures} signatures in its owner's name; {advice}")
    good = gnupg.good_signatures(b"".join(packet.octets for packet in packets), effort.seconds)
    if not any(good):
        raise Refused("bad-certificate", "GnuPG finds none of this certificate's own signatures valid")
    bad = {id(packet) for packet, is_good in zip(signatures, good, strict=True) if not is_good}
    return _bound([packet for packet in packets if id(packet) not in bad])


def _bound(packets: list[Packet]) -> list[Packet]:
    """The packets without user IDs and subkeys that no signature of the owner's follows.

    Anybody can put another's key there, who could then not bring in a certificate of their own with it.
    """
    following = [*(packet.tag for packet in packets[1:]), None]
    return [p for p, after in zip(packets, following, strict=True) if p.tag in (Tag.PUBLIC_KEY, Tag.SIGNATURE) or after == Tag.SIGNATURE]


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


_T = TypeVar("_T")


@dataclass(frozen=True)
class Examination:
    """The certificates of one submission, each reduced and read once, however often something asks for it; refused ones, too."""

    _done: dict[Hashable, object] = field(default_factory=dict)

    def own(self, octets: bytes, effort: Effort = FOR_STRANGERS) -> bytes:
        """`own_packets`; what was not too much for a stranger is not for anybody else."""
        reduced = self._done.get(("own", octets, FOR_STRANGERS))
        if isinstance(reduced, bytes):
            return reduced
        return self._once(("own", octets, effort), lambda: own_packets(octets, effort))

    def admitted(self, octets: bytes, at: int) -> Certificate:
        """A stranger's certificate, reduced, as `admit` finds it; raises Refused."""
        return self._once(("admit", octets, at), lambda: admit(self.own(octets), at, STRANGERS_SECONDS))

    def read(self, octets: bytes) -> Certificate:
        """A stranger's certificate, reduced, whatever it can do; raises Refused."""
        return self._once(("read", octets), lambda: read_certificate(self.own(octets), STRANGERS_SECONDS))

    def renewed(self, known: Certificate, octets: bytes) -> Certificate | None:
        """The known certificate joined with the owner's packets in `octets`, or None if that adds nothing; raises Refused."""
        together = self._once(("merge", known.octets, octets), lambda: merge(known.octets, self.own(octets, FOR_KNOWN)))
        return None if together == known.octets else self._once(("known", together), lambda: read_certificate(together))

    def key_names(self, octets: bytes) -> frozenset[str]:
        """`sequoia.key_names`."""
        return self._once(("names", octets), lambda: sequoia.key_names(octets))

    def _once(self, what: Hashable, work: Callable[[], _T]) -> _T:
        if what not in self._done:
            try:
                self._done[what] = work()
            except Refused as refused:
                self._done[what] = refused
        done = self._done[what]
        if isinstance(done, Refused):
            raise Refused(done.reason, done.detail)
        return cast(_T, done)


# --- trust roots ------------------------------------------------------------------------------------------------------

_read = lru_cache(maxsize=CACHED)(read_certificate)


@lru_cache(maxsize=CACHED)
def joined(one: Certificate, other: Certificate) -> Certificate:
    """Two states of one certificate in one: a revocation that either has, a renewal that either has. Raises Refused."""
    return one if one.octets == other.octets else _read(merge(one.octets, other.octets))


def as_known(certificate: Certificate, at: int) -> Certificate:
    """The certificate as it was known at `at`: without revocations of its keys, the primary one or subkeys, that were made after.

    That is for those as superseded or no longer used. Any other (compromised, or for no reason given) tells by its date nothing
    about when: it is left out whenever it was made, and the rules void what has to be.
    """
    if not any(key.revoked for key in certificate.keys):
        return certificate
    packets = read_packets(certificate.octets)
    kept = b"".join(packet.octets for packet in packets if not _revokes_later(packet, at))
    return certificate if kept == certificate.octets else _read(kept)


def _revokes_later(packet: Packet, at: int) -> bool:
    if signature_type(packet) not in (KEY_REVOCATION, SUBKEY_REVOCATION):
        return False
    made = dict(hashed_subpackets(packet)).get(_CREATED, b"")
    return not retires(packet) or int.from_bytes(made, "big") > at
