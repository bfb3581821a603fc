"""What attackers put together: OpenPGP messages and certificates made by packets and by gpg's expert ways.

Everything here is made for real: keys by gpg or Sequoia, session keys told by gpg, ciphers by the library that PGPy uses.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator

import pysequoia
import pytest
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from people import People, Somebody
from town import LIST
from trust_world import certificate_of

from securelist.openpgp.certificate import Certificate, ComponentKey
from securelist.openpgp.list_key import ListKey
from securelist.openpgp.packets import Packet, Tag, read_packets, write_packet

BLOCK = 16


@pytest.fixture(scope="session")
def list_key(people: People) -> Iterator[ListKey]:
    """A list's key in a GnuPG home of its own; the people here have its certificate."""
    home = people.home / "sealing"
    made = ListKey.create(home, "tld-ops", LIST)
    people.gpg("--import", data=made.certificate())
    yield made
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], capture_output=True, check=False)


# --- messages ----------------------------------------------------------------------------------------------------------


def encrypt(people: People, list_key: ListKey, content: bytes, *options: str) -> bytes:
    """`content` encrypted to the list by gpg, binary; with `-u FPR --sign` among the options signed as well."""
    return people.gpg(*options, "-r", list_key.fingerprint, "--encrypt", data=content)


def key_packets(message: bytes) -> bytes:
    """The session-key packets in front of an encrypted message."""
    return b"".join(packet.octets for packet in read_packets(message)[:-1])


def session_key(people: People, message: bytes) -> bytes:
    """The AES session key of a message to the list, as the holder of its secret key can have it told."""
    command = ["gpg", "--homedir", str(people.home / "sealing"), "--batch", "--status-fd", "2", "--show-session-key", "--decrypt"]
    said = subprocess.run(command, input=message, capture_output=True, check=False).stderr.decode(errors="replace")
    found = re.search(r"SESSION_KEY \d+:([0-9A-F]+)", said)
    assert found, said
    return bytes.fromhex(found[1])


def cfb(key: bytes, iv: bytes, octets: bytes) -> bytes:
    """AES in CFB mode (RFC 9580, 5.13.1)."""
    encryptor = Cipher(AES(key), CFB(iv)).encryptor()
    return encryptor.update(octets) + encryptor.finalize()


def protected(key: bytes, packets: bytes, check: bytes | None = None) -> bytes:
    """An integrity-protected data packet, version 1 (RFC 9580, 5.13.1); `check` in the place of the right SHA-1."""
    start = os.urandom(BLOCK)
    plain = start + start[-2:] + packets + b"\xd3\x14"
    return write_packet(Tag.SEIPD, b"\1" + cfb(key, bytes(BLOCK), plain + (check or hashlib.sha1(plain).digest())))


def unprotected(key: bytes, packets: bytes) -> bytes:
    """A data packet without integrity protection (RFC 9580, 5.7): CFB is started anew after the prefix."""
    start = os.urandom(BLOCK)
    prefix = cfb(key, bytes(BLOCK), start + start[-2:])
    return write_packet(Tag.SED, prefix + cfb(key, prefix[2:], packets))


def anonymous(count: int) -> bytes:
    """Session-key packets for nobody says whom, each the size of one for X25519 (RFC 9580, 5.1)."""
    body = b"\3" + bytes(8) + b"\x12" + b"\x01\x07\x40" + os.urandom(32) + b"\x30" + os.urandom(48)
    return write_packet(Tag.PKESK, body) * count


# --- certificates ------------------------------------------------------------------------------------------------------


def adopt(people: People, thief: Somebody, victim: Somebody, index: int, toggle: str = "") -> bytes:
    """The thief's certificate, armoured, with the victim's key number `index` (0 the primary) bound in as a subkey.

    gpg does it with the victim's secret key at hand, so it is bound as well as it can be: a thief alone has less. `toggle`
    is what gpg is told to change about the subkey's use ("S", "E"). The thief's key must be older than the victim's, and
    the victim's not made right now: gpg does not freeze its clock at the second that it is.
    """
    key = certificate_of(victim.certificate).keys[index]
    listing = people.gpg("--with-colons", "--with-keygrip", "--list-keys", victim.fingerprint).decode()
    grip = [line.split(":")[9] for line in listing.splitlines() if line.startswith("grp:")][index]
    answers = "\n".join(["addkey", "13", grip, *toggle, "Q", "0", "save", ""])
    people.gpg("--expert", "--command-fd", "0", "--edit-key", thief.fingerprint, data=answers.encode(), at=key.created)
    stolen = people.export(thief.fingerprint)
    assert key.fingerprint in [k.fingerprint for k in certificate_of(stolen).keys[1:]]
    return stolen


def _subpacket(body: bytes) -> tuple[int, int]:
    """(octets, type) of the subpacket that `body` begins with (RFC 9580, 5.2.3.7); all we meet are shorter than 255 octets."""
    first, more = body[0], body[1]
    return (1 + first, body[1]) if first < 192 else (2 + ((first - 192) << 8) + more + 192, body[2])


def without_back_signatures(octets: bytes) -> bytes:
    """A certificate, binary, whose subkeys' own consent (RFC 9580, 5.2.3.34) is gone: what a thief can make alone."""
    found = []
    for packet in read_packets(octets):
        body = packet.body
        if packet.tag != Tag.SIGNATURE or body[1] != 0x18:
            found.append(packet.octets)
            continue
        start = 6 + int.from_bytes(body[4:6], "big")
        rest, kept = body[start + 2 : start + 2 + int.from_bytes(body[start : start + 2], "big")], b""
        end = start + 2 + len(rest)
        while rest:
            length, kind = _subpacket(rest)
            kept += rest[:length] if kind != 32 else b""
            rest = rest[length:]
        found.append(write_packet(Tag.SIGNATURE, body[:start] + len(kept).to_bytes(2, "big") + kept + body[end:]))
    return b"".join(found)


def revoke_subkey(people: People, who: Somebody, index: int = 1) -> bytes:
    """Somebody's certificate, armoured, with a subkey revoked."""
    people.gpg("--command-fd", "0", "--edit-key", who.fingerprint, data=f"key {index}\nrevkey\ny\n0\n\ny\nsave\n".encode())
    return people.export(who.fingerprint)


def by_hand(certificate: pysequoia.Cert) -> Certificate:
    """A certificate that GnuPG cannot read, with facts taken from its packets: what `read_certificate` would say."""
    keys: list[ComponentKey] = []
    for packet in pysequoia.packet.PacketPile.from_bytes(bytes(certificate)):
        if packet.tag in (pysequoia.packet.Tag.PublicKey, pysequoia.packet.Tag.PublicSubkey):
            created = int(packet.key_created.timestamp())
            keys.append(ComponentKey(packet.fingerprint.upper(), packet.key_id.upper(), 0, 0, created, None, False, True, frozenset()))
        elif packet.key_flags is not None:
            flags = packet.key_flags
            uses = {"c": flags.certification, "s": flags.signing, "e": flags.transport_encryption}
            keys[-1] = ComponentKey(**{**vars(keys[-1]), "capabilities": frozenset(use for use, given in uses.items() if given)})
    return Certificate(keys[0].fingerprint, bytes(certificate), tuple(map(str, certificate.user_ids)), tuple(keys))


def packets_of(octets: bytes, *tags: Tag) -> list[Packet]:
    """The packets of these types."""
    return [packet for packet in read_packets(octets) if packet.tag in tags]
