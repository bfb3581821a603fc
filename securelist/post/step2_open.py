"""Step 2, open: the whole mail is one encrypted object; decrypt it with the list's key, and find one signed message inside.

Packets are counted before GnuPG sees them, and of the session-key packets it sees only those that may be for the list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from securelist.errors import Refused, Step
from securelist.mail.mime import Entity, decoded, parts_of, read_entity
from securelist.openpgp.armor import only_block
from securelist.openpgp.list_key import ListKey
from securelist.openpgp.packets import ANONYMOUS, Literal, Packet, Tag, read_packets, recipient_of
from securelist.openpgp.signed import SignedMessage, combined, is_multipart_signed, open_literal, read_signed
from securelist.post.step1_receive import Received

# gpg-agent tries each anonymous packet with the secret key, at some 7 ms each. A sender that hides its
# recipients hides a handful of them.
MAX_KEY_PACKETS = 8
# All that the control part says (RFC 3156, 4).
_CONTROL = re.compile(rb"\s*version:[ \t]*1\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Opened:
    """One signed message out of the encryption, unverified; `inline` when it stood in a text/plain body."""

    received: Received
    message: SignedMessage
    inline: bool


def open_post(received: Received, list_key: ListKey, list_key_ids: frozenset[str]) -> Opened:
    """The signed message in a post; raises Refused ("not-encrypted", "not-one-message", "not-for-the-list", "not-signed", …)."""
    return Opened(received, open_entity(received.mail, list_key, list_key_ids), _is_inline(received.mail))


def open_entity(mail: Entity, list_key: ListKey, list_key_ids: frozenset[str]) -> SignedMessage:
    """The one signed message in an entity that is one encrypted object; raises Refused."""
    packets, literal = open_literal(_decrypted(mail, list_key, list_key_ids))
    return _signed_inside(packets, literal, _is_inline(mail))


def open_unsigned(mail: Entity, list_key: ListKey, list_key_ids: frozenset[str]) -> SignedMessage | bytes:
    """The same, but what was encrypted without a signature around it comes back as octets, for whoever looks for signed texts in them."""
    packets, literal = open_literal(_decrypted(mail, list_key, list_key_ids))
    if not packets and literal and not is_multipart_signed(literal.data):
        return literal.data
    return _signed_inside(packets, literal, _is_inline(mail))


def _decrypted(mail: Entity, list_key: ListKey, list_key_ids: frozenset[str]) -> bytes:
    """The packets inside the encryption."""
    inline = _is_inline(mail)
    found = decoded(mail) if inline else _encrypted_part(mail)
    if not inline and found[:1] >= b"\x80":  # binary, in the base64 of its part: RFC 3156, 3 wants armour, and nothing depends on it
        kind, octets = "MESSAGE", found
    else:
        kind, octets = only_block(found) if b"-----BEGIN PGP MESSAGE-----" in found else ("", b"")
    if kind != "MESSAGE":
        raise Refused("not-encrypted", "the mail is not encrypted as a whole; encrypt it to the list's key", Step.OPEN)
    return list_key.decrypt(for_the_list(read_packets(octets), list_key_ids))


def _is_inline(mail: Entity) -> bool:
    return mail.content_type == "text/plain"


def _encrypted_part(mail: Entity) -> bytes:
    """The second part of a multipart/encrypted (RFC 3156, 4), its transfer encoding undone."""
    if mail.content_type != "multipart/encrypted":
        raise Refused("not-encrypted", "the mail is not encrypted; encrypt it as a whole to the list's key", Step.OPEN)
    parts = [read_entity(part) for part in parts_of(mail)]
    types = [part.content_type for part in parts]
    if types != ["application/pgp-encrypted", "application/octet-stream"]:
        raise Refused("not-one-object", "beside the encrypted part there must be nothing but its control part (RFC 3156, 4)", Step.OPEN)
    if any(len(entity.all("Content-Type")) != 1 for entity in (mail, *parts)):
        raise Refused("not-one-object", "a part names its type twice: programs would read different mails (RFC 2045, 5)", Step.OPEN)
    if mail.parameter("protocol").lower() not in ("", types[0]) or not _CONTROL.fullmatch(decoded(parts[0])):
        raise Refused("not-one-object", "the mail is not encrypted with OpenPGP, version 1, and nothing else (RFC 3156, 4)", Step.OPEN)
    return decoded(parts[1])


def for_the_list(packets: tuple[Packet, ...], list_key_ids: frozenset[str]) -> bytes:
    """The message cut down to what the list's key may open: its own session-key packets and the one data packet."""
    *wrapped, data = packets
    if data.tag == Tag.SED:
        raise Refused("not-whole", "the encrypted data has no integrity protection (RFC 9580, 13.7)", Step.OPEN)
    if data.tag not in (Tag.SEIPD, Tag.OCB) or any(packet.tag != Tag.PKESK for packet in wrapped):
        raise Refused("not-one-message", "the OpenPGP data is not one message encrypted to public keys (RFC 9580, 10.3)", Step.OPEN)
    ours = [packet for packet in wrapped if recipient_of(packet) in list_key_ids | {ANONYMOUS}]
    if not ours:
        raise Refused("not-for-the-list", "the message is not encrypted to the list's key; the -sendkey address sends it", Step.OPEN)
    if len(ours) > MAX_KEY_PACKETS:
        raise Refused("too-many-packets", f"more than {MAX_KEY_PACKETS} session-key packets may be for the list", Step.OPEN)
    return b"".join(packet.octets for packet in [*ours, data])


def _signed_inside(packets: tuple[Packet, ...], literal: Literal | None, inline: bool) -> SignedMessage:
    """A combined signature, or literal data that is one multipart/signed around everything (RFC 3156, 6.1)."""
    if not packets and literal and not inline and is_multipart_signed(literal.data):
        return read_signed(literal.data)
    return combined(packets, literal)
