"""People who certify each other's user IDs, and what gpg does not make: signature packets put together octet by octet.

The secret keys are taken out of gpg's own; whoever holds one can sign whatever packet they like.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from people import People, Somebody
from trust_world import DAY, certificate_of

from securelist.openpgp.armor import dearmor
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.certification import Certification, read_certification, read_certifications
from securelist.openpgp.packets import Packet, Tag, read_packets, write_packet

NOW = int(time.time())
BORN, MADE, AT = NOW - 100 * DAY, NOW - 90 * DAY, NOW - 80 * DAY
NAME = "cctld@lists.example.org"


@dataclass(frozen=True)
class Ring:
    """Who certifies, and whose user IDs. `admin_key` and `mallory_key` are the secrets, for what gpg does not make."""

    people: People
    admin: Somebody
    anna: Somebody
    bert: Somebody
    mallory: Somebody
    admin_key: Ed25519PrivateKey
    mallory_key: Ed25519PrivateKey


def ring_of(people: People) -> Ring:
    """The four of them, with new keys; Anna has two user IDs."""
    made = [people.make(name, f"{name}@certifications.example", at=BORN) for name in ("admin", "anna", "bert", "mallory")]
    people.gpg("--quick-add-uid", made[1].fingerprint, "anna <anna@elsewhere.example>", at=BORN)
    return Ring(people, *made, secret(people, made[0]), secret(people, made[3]))


def secret(people: People, who: Somebody) -> Ed25519PrivateKey:
    """The secret key itself, out of its packet (RFC 9580, 5.5.3); nobody here has a passphrase."""
    body = read_packets(people.gpg("--export-secret-keys", who.fingerprint))[0].body
    public = primary(who).body
    assert body[: len(public) + 1] == public + b"\0"
    mpi = body[len(public) + 1 : -2]
    return Ed25519PrivateKey.from_private_bytes(mpi[2:].rjust(32, b"\0"))


def primary(who: Somebody) -> Packet:
    return read_packets(dearmor(who.certificate))[0]


def certify(people: People, by: Somebody, whom: Somebody, *options: str, at: int = MADE) -> tuple[Certification, ...]:
    """What gpg makes, with the notation that the list asks for, as it is read out of the certificate that gpg exports."""
    how = ("-u", by.fingerprint, "--cert-notation", f"{NAME}=nl", *options)
    people.gpg(*how, "--force-sign-key", "--quick-sign-key", whom.fingerprint, at=at)
    return by_whom(by, dearmor(people.export(whom.fingerprint)), at)


def by_whom(by: Somebody, octets: bytes, at: int) -> tuple[Certification, ...]:
    return tuple(c for c in read_certifications(octets) if by.fingerprint in c.issuers and c.made == at)


def current(people: People, who: Somebody) -> Certificate:
    return certificate_of(people.export(who.fingerprint))


def user_id(who: Somebody) -> str:
    return f"{who.name} <{who.address}>"


# --- signatures octet by octet ---------------------------------------------------------------------------------------


def subpacket(kind: int, body: bytes) -> bytes:
    return bytes((len(body) + 1, kind)) + body


def mpi(number: bytes) -> bytes:
    value = int.from_bytes(number, "big")
    return value.bit_length().to_bytes(2, "big") + value.to_bytes((value.bit_length() + 7) // 8, "big")


def notation(name: str, value: str) -> bytes:
    lengths = len(name.encode()).to_bytes(2, "big") + len(value.encode()).to_bytes(2, "big")
    return subpacket(20, b"\x80\0\0\0" + lengths + name.encode() + value.encode())


CREATED = subpacket(2, MADE.to_bytes(4, "big"))
HASHES = {2: "sha1", 8: "sha256", 11: "sha224"}


def signature(
    key: Ed25519PrivateKey, about: Somebody, named: str, hashed: bytes, unhashed: bytes = b"", kind: int = 0x10, algorithm: int = 8
) -> bytes:
    """A signature packet over a user ID, with just these subpackets (RFC 9580, 5.2.3)."""
    part = bytes((4, kind, 22, algorithm)) + len(hashed).to_bytes(2, "big") + hashed
    body, name = primary(about).body, named.encode()
    data = b"\x99" + len(body).to_bytes(2, "big") + body + b"\xb4" + len(name).to_bytes(4, "big") + name + part
    digest = hashlib.new(HASHES[algorithm], data + b"\4\xff" + len(part).to_bytes(4, "big")).digest()
    value = key.sign(digest)
    rest = len(unhashed).to_bytes(2, "big") + unhashed + digest[:2] + mpi(value[:32]) + mpi(value[32:])
    return write_packet(Tag.SIGNATURE, part + rest)


def certified(about: Somebody, named: str, *signatures: bytes) -> bytes:
    """One user ID of a certificate with signatures behind it, binary."""
    return primary(about).octets + write_packet(Tag.USER_ID, named.encode()) + b"".join(signatures)


def only(octets: bytes) -> Certification:
    [found] = read_certifications(octets)
    return found


def issuer(who: Somebody) -> bytes:
    return subpacket(16, bytes.fromhex(who.fingerprint[-16:]))


def issuer_fingerprint(who: Somebody) -> bytes:
    return subpacket(33, b"\4" + bytes.fromhex(who.fingerprint))


def forged(ring: Ring, **how: object) -> Certification:
    """By the admin's own key, on Anna's first user ID, but for what is told otherwise."""
    known = {"key": ring.admin_key, "about": ring.anna, "named": user_id(ring.anna)}
    known |= {"hashed": CREATED + issuer_fingerprint(ring.admin), "unhashed": issuer(ring.admin)} | how
    return only(certified(known["about"], known["named"], signature(**known)))  # type: ignore[arg-type]


def genuine(ring: Ring) -> Certification:
    return forged(ring, hashed=CREATED + issuer_fingerprint(ring.admin) + notation(NAME, "nl"))


def moved(certification: Certification, about: Somebody, named: str) -> Certification:
    return only(certified(about, named, read_packets(certification.octets)[2].octets))


def altered(certification: Certification, old: bytes, new: bytes) -> Certification:
    assert old in certification.octets
    return read_certification(certification.octets.replace(old, new))


def with_other_value(certification: Certification) -> Certification:
    return read_certification(certification.octets[:-1] + bytes((certification.octets[-1] ^ 1,)))


def certified_evidence(about: Somebody, signed: bytes) -> bytes:
    """The evidence of a signature whose hashed area names its issuer's key ID."""
    body = read_packets(signed)[0].body
    start = 6 + int.from_bytes(body[4:6], "big")
    plain = write_packet(Tag.SIGNATURE, body[:start] + b"\0\x0a" + issuer(about) + body[start + 2 :])
    return write_packet(Tag.PUBLIC_KEY, primary(about).body) + write_packet(Tag.USER_ID, user_id(about).encode()) + plain


def value_of(evidence: bytes) -> bytes:
    """What follows the subpackets in a certification's evidence: two octets of its hash, and the signature's value."""
    body = read_packets(evidence)[2].body
    start = 6 + int.from_bytes(body[4:6], "big")
    return body[start + 2 + int.from_bytes(body[start : start + 2], "big") :]
