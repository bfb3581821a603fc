"""Targets: OpenPGP packets, armour, signed messages, keys, certificates and certifications, and what GnuPG says of them."""

from __future__ import annotations

import re

from fuzz.judging import Target, check_refusal, text
from fuzz.targets_mail import refusal_or_none
from securelist.errors import Refused
from securelist.openpgp import sequoia
from securelist.openpgp.admission import MAX_CERTIFICATE_OCTETS, split_certificates
from securelist.openpgp.admission import _keys_and_revocations as keys_and_revocations
from securelist.openpgp.armor import blocks, dearmor, is_armored, only_block
from securelist.openpgp.certificate import grouped, normal_fingerprint
from securelist.openpgp.certification import read_certification, read_certifications, read_misplaced
from securelist.openpgp.gnupg import _unescaped as unescaped
from securelist.openpgp.key_size import check_keys
from securelist.openpgp.packets import (
    MAX_DECOMPRESSED,
    Packet,
    Tag,
    decompress,
    fingerprint,
    hashed_subpackets,
    intended_recipients,
    keep_unhashed,
    read_literal,
    read_packets,
    recipient_of,
    retires,
    signature_type,
    unhashed_subpackets,
    write_packet,
)
from securelist.openpgp.signed import open_literal, read_combined, read_signed

_HEX = re.compile(r"[0-9A-F]*")


def packets(octets: bytes) -> None:
    """The framing of packets, and all that is read out of one."""
    found = read_packets(octets)
    assert b"".join(packet.octets for packet in found) == octets
    for packet in found[:50]:
        assert packet.tag > 63 or read_packets(write_packet(packet.tag, packet.body))[0].body == packet.body  # type: ignore[arg-type]
        _inside(packet)
    refusal_or_none(check_keys, found)


def _inside(packet: Packet) -> None:
    assert _HEX.fullmatch(fingerprint(packet)) and _HEX.fullmatch(recipient_of(packet)) and len(recipient_of(packet)) == 16
    signature_type(packet)
    retires(packet)
    unpacked = refusal_or_none(decompress, packet)
    assert unpacked is None or len(unpacked) <= MAX_DECOMPRESSED
    refusal_or_none(read_literal, packet)
    hashed, unhashed = refusal_or_none(hashed_subpackets, packet), refusal_or_none(unhashed_subpackets, packet)
    refusal_or_none(intended_recipients, packet)
    bare = refusal_or_none(keep_unhashed, packet, lambda kind, body: False)
    assert bare is None or packet.body[:1] != b"\4" or (hashed_subpackets(bare), unhashed_subpackets(bare)) == (hashed, ())
    assert bare is None or unhashed is not None


def armor(octets: bytes) -> None:
    """Armour: what is one block is one of the blocks, and what Sequoia armours comes back."""
    found = refusal_or_none(blocks, octets)
    one = refusal_or_none(only_block, octets)
    assert one is None or found is None or one == found[0]
    assert not found or is_armored(octets)
    refusal_or_none(dearmor, octets)
    kind = ("MESSAGE", "SIGNATURE", "PUBLIC KEY BLOCK")[len(octets) % 3]
    assert only_block(sequoia.armor(octets, kind)) == (kind, octets)


def signed(octets: bytes) -> None:
    """Signed messages in their three forms, not verified."""
    message = read_signed(octets)
    again = read_signed(message.octets)
    assert (again.form, again.issuers, again.content) == (message.form, message.issuers, message.content)
    assert all(_HEX.fullmatch(name) for name in (*message.issuers, *message.intended))


def combined(octets: bytes) -> None:
    """Binary messages, as they come out of the encryption."""
    found, literal = open_literal(octets)
    assert (literal is not None) == (not found or [packet.tag for packet in found].count(Tag.LITERAL) == 1)
    message = read_combined(octets)
    assert literal is not None and message.content == literal.data and read_combined(message.octets) == message


def certificates(octets: bytes) -> None:
    """Certificates, armoured or binary, up to where GnuPG would see them."""
    for certificate in split_certificates(octets):
        assert len(certificate) <= MAX_CERTIFICATE_OCTETS
        name = sequoia.fingerprint_of(certificate)
        assert normal_fingerprint(name) == name and normal_fingerprint(grouped(name)) == name
        assert name in sequoia.key_names(certificate)
        check_keys(read_packets(certificate))
        keys_and_revocations(certificate)
        for call in (read_certifications, read_misplaced, sequoia.read_certificate):
            refusal_or_none(call, certificate)
        refusal_or_none(sequoia.merge, certificate, certificate)
        refusal_or_none(sequoia.expiry_of_subkey, certificate, name)


def certifications(octets: bytes) -> None:
    """Third-party certifications: what is read out of a certificate is evidence to the letter."""
    for found in read_certifications(octets):
        assert read_certification(found.octets) == found
    read_misplaced(octets)
    try:
        assert read_certification(octets).octets == octets
    except Refused as refused:
        check_refusal(refused)


def listing(octets: bytes) -> None:
    r"""A user ID as GnuPG lists it: octets below a blank, colons and backslashes as `\x3a`."""
    escaped = re.sub(r"[\x00-\x1f:\\\x7f]", lambda found: f"\\x{ord(found[0]):02x}", text(octets))
    assert "\n" not in unescaped(escaped) and ":" not in escaped


TARGETS = {
    "packets": Target(packets, 4096),
    "armor": Target(armor, 4096),
    "signed": Target(signed, 8192),
    "combined": Target(combined, 4096),
    "certificates": Target(certificates, 8192),
    "certifications": Target(certifications, 4096),
    "listing": Target(listing, 512),
}
