"""What a certificate must be to enter the log: read by both engines, public, strong, alive, able to sign and to decrypt."""

from __future__ import annotations

import dataclasses

from securelist.errors import Refused
from securelist.openpgp import gnupg, sequoia
from securelist.openpgp.armor import blocks, is_armored
from securelist.openpgp.certificate import Certificate, ComponentKey
from securelist.openpgp.key_size import check_keys
from securelist.openpgp.packets import (
    KEY_REVOCATION,
    SUBKEY_REVOCATION,
    Packet,
    Tag,
    fingerprint,
    read_packets,
    recipient_of,
    retires,
    signature_type,
)

# Twenty user IDs with photographs and post-quantum signatures stay below; thousands of foreign signatures do not.
MAX_CERTIFICATE_OCTETS = 256 * 1024
# RFC 9580, 12.4 asks for 3072 bits in new keys; what is in use today and not broken starts at 2048.
MIN_RSA_BITS = 2048
_RSA = {1, 2, 3}
# RFC 9580, 9.1: DSA is forbidden to be made and old keys have 1024 bits; ElGamal likewise.
_WEAK = {16: "ElGamal", 17: "DSA", 20: "ElGamal"}
# draft-ietf-openpgp-pqc: ML-KEM with X25519 or X448. GnuPG 2.2 lists such a subkey as unusable; Sequoia judges it.
POST_QUANTUM = {35, 36}
# RFC 9580, 10.1.
_COMPONENTS = (Tag.PUBLIC_SUBKEY, Tag.USER_ID, Tag.USER_ATTRIBUTE)


def _refuse_secrets(packets: tuple[Packet, ...]) -> None:
    if any(p.tag in (Tag.SECRET_KEY, Tag.SECRET_SUBKEY) for p in packets):
        raise Refused("secret-key", "this holds a SECRET key; it was not kept. Send the public one (gpg --export), and replace this key")


def split_certificates(octets: bytes) -> list[bytes]:
    """The certificates in armoured or binary input, binary, one each; raises Refused, "secret-key" among the reasons."""
    armored = [block for kind, block in blocks(octets) if kind.endswith("KEY BLOCK")]
    found: list[bytes] = []
    for ring in armored if is_armored(octets) else [octets]:
        _refuse_secrets(read_packets(ring))
        found += sequoia.split_certificates(ring)
    if not found:
        raise Refused("no-certificate", "there is no OpenPGP certificate in this")
    return found


def read_certificate(octets: bytes, seconds: int | None = None) -> Certificate:
    """The facts of one binary certificate that both engines can read, at no particular time; raises Refused.

    `seconds` is the most CPU time that one process of GnuPG may take for it ("too-costly"), for what a stranger sent.
    """
    if len(octets) > MAX_CERTIFICATE_OCTETS:
        advice = "export it with: gpg --armor --export-options export-minimal --export"
        raise Refused("certificate-too-large", f"the certificate is larger than {MAX_CERTIFICATE_OCTETS // 1024} KiB; {advice}")
    packets = read_packets(octets)
    _refuse_secrets(packets)
    sequoia.fingerprint_of(octets)  # what is no certificate is refused before GnuPG sees it
    check_keys(packets)
    first = gnupg.list_certificate(octets, seconds)
    second = _second_reading(octets, first)
    if first.fingerprint != second.fingerprint:
        raise Refused("engines-differ", "GnuPG and Sequoia read different certificates in this")
    keys = tuple(_without_weak(_judged_by_sequoia(octets, key)) for key in first.keys)
    if second.revoked:
        keys = (dataclasses.replace(keys[0], revoked=True), *keys[1:])
    if any(key.revoked for key in keys):
        keys = _with_compromised(octets, keys, seconds)
    user_ids = tuple(user_id for user_id in first.user_ids if user_id in second.user_ids)
    return Certificate(first.fingerprint, octets, user_ids, keys)


def _second_reading(octets: bytes, first: Certificate) -> sequoia.CertificateVerdict:
    """Sequoia's reading. Where it finds a certificate's own signatures wanting, a weak key is the reason that helps its owner."""
    try:
        return sequoia.read_certificate(octets)
    except Refused:
        if weak := weakness(first.primary):
            raise Refused("weak-key", f"certificate {first.fingerprint}: {weak}; make a new one") from None
        raise


def _with_compromised(octets: bytes, keys: tuple[ComponentKey, ...], seconds: int | None) -> tuple[ComponentKey, ...]:
    """The keys, marked where a revocation that GnuPG finds good says more than that a key retired; `keys` in their order."""
    block = _keys_and_revocations(octets)
    signed = any(packet.tag == Tag.SIGNATURE for packet in block)
    good = iter(gnupg.good_signatures(b"".join(packet.octets for packet in block), seconds) if signed else ())
    compromised: set[str] = set()
    for packet in block:
        if packet.tag != Tag.SIGNATURE:
            key = fingerprint(packet)
        elif next(good) and not retires(packet):
            compromised.add(key)
    return tuple(dataclasses.replace(key, compromised=key.revoked and key.fingerprint in compromised) for key in keys)


def _keys_and_revocations(octets: bytes) -> list[Packet]:
    """Each key of a certificate with what is said to revoke it after it; that of the primary key wherever it stood."""
    packets = read_packets(octets)
    block = [p for p in packets if p.tag == Tag.PUBLIC_KEY] + [p for p in packets if signature_type(p) == KEY_REVOCATION]
    of_subkey = False
    for packet in packets:
        if packet.tag in _COMPONENTS:
            of_subkey = packet.tag == Tag.PUBLIC_SUBKEY
        if packet.tag == Tag.PUBLIC_SUBKEY or (of_subkey and signature_type(packet) == SUBKEY_REVOCATION):
            block.append(packet)
    return block


def _judged_by_sequoia(octets: bytes, key: ComponentKey) -> ComponentKey:
    """A post-quantum subkey as Sequoia sees it; any other key as it is."""
    if key.algorithm not in POST_QUANTUM or key.usable:
        return key
    reached = [recipient_of(read_packets(packet)[0]) for packet in sequoia.wrap([octets])]
    expires = sequoia.expiry_of_subkey(octets, key.fingerprint)
    return dataclasses.replace(key, usable=key.key_id in reached, expires=expires)


def _without_weak(key: ComponentKey) -> ComponentKey:
    return dataclasses.replace(key, usable=False) if weakness(key) else key


def weakness(key: ComponentKey) -> str:
    """One clause saying why this key is too weak, or the empty string."""
    if key.algorithm in _WEAK:
        return f"{_WEAK[key.algorithm]} keys are too weak"
    if key.algorithm in _RSA and key.bits < MIN_RSA_BITS:
        return f"an RSA key of {key.bits} bits is too weak; at least {MIN_RSA_BITS} are needed"
    return ""


def admit(octets: bytes, at: int, seconds: int | None = None) -> Certificate:
    """`read_certificate`, and fit to post and to receive at `at`; raises Refused naming the rule that it breaks."""
    certificate = read_certificate(octets, seconds)
    name, primary = certificate.fingerprint, certificate.primary
    if weak := weakness(primary):
        raise Refused("weak-key", f"certificate {name}: {weak}; make a new one")
    if primary.revoked:
        raise Refused("revoked", f"certificate {name} is revoked")
    if primary.expires is not None and primary.expires <= at:
        raise Refused("expired", f"certificate {name} has expired; its owner can extend it: gpg --quick-set-expire {name} 2y")
    if not certificate.can_sign(at):
        raise Refused("cannot-sign", f"certificate {name} has no valid key to sign with")
    if not certificate.can_encrypt(at):
        advice = f"add one: gpg --quick-add-key {name} default encr"
        raise Refused("cannot-encrypt", f"certificate {name} has no valid encryption subkey; {advice}")
    if not certificate.user_ids:
        raise Refused("no-user-id", f"certificate {name} has no user ID that both GnuPG and Sequoia accept")
    sequoia.wrap([octets])
    return certificate


def merge(old: bytes, new: bytes) -> bytes:
    """The packets of both in one certificate, binary: a revocation seen once stays. Raises Refused."""
    return sequoia.merge(old, new)
