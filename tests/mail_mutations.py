"""Mails changed at random, at every layer that a stranger or a member can reach: for tests that nothing changed is taken.

A mutation is made of numbers that hypothesis draws, so that what breaks a property can be made small and made again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from securelist.openpgp.armor import dearmor
from securelist.openpgp.packets import Tag, read_packets
from securelist.openpgp.sequoia import armor

# How many changes one mail gets: one alone finds what is checked in one place only, several what checks hide behind each other.
MOST_CHANGES = 3
_ARMOURED = re.compile(rb"-----BEGIN PGP MESSAGE-----.*?-----END PGP MESSAGE-----\r?\n?", re.DOTALL)


@dataclass(frozen=True)
class Edit:
    """One change of some octets: what is done, where (a fraction of the whole), over how many octets, and with which others."""

    kind: str
    where: float
    length: int
    octets: bytes

    def apply(self, whole: bytes, other: bytes) -> bytes:
        """The octets after the change; `other` is another mail, to be spliced with."""
        at = int(self.where * len(whole))
        end = at + self.length
        if self.kind == "flip":
            return whole[:at] + bytes(octet ^ (1 << self.length % 8) for octet in whole[at : at + 1]) + whole[at + 1 :]
        new = {"drop": b"", "put": self.octets + whole[at:end], "replace": self.octets, "twice": whole[at:end] * 2}
        if self.kind == "splice":
            return whole[:at] + other[int(self.where * len(other)) :]
        if self.kind == "take over":
            new["take over"] = other[at:end]
        return whole[:at] + new[self.kind] + whole[end:]


_KINDS = ("flip", "drop", "put", "replace", "twice", "splice", "take over")
# What means something to one layer or another.
_WORDS = (
    b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b"--b0\r\n", b"\r\n--b0--\r\n", b"From: bert@nl.example\r\n", b"Subject: x\r\n",
    b"Content-Type: text/plain\r\n", b"-----BEGIN PGP MESSAGE-----\r\n\r\n", b"-----END PGP MESSAGE-----\r\n", b"=AAAA", b"\xd3\x14",
)  # fmt: skip

edits = st.lists(
    st.builds(
        Edit,
        st.sampled_from(_KINDS),
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 200),
        st.sampled_from(_WORDS) | st.binary(max_size=20),
    ),
    min_size=1,
    max_size=MOST_CHANGES,
)


def edited(whole: bytes, other: bytes, changes: list[Edit]) -> bytes:
    """The octets after all the changes."""
    for change in changes:
        whole = change.apply(whole, other)
    return whole


# --- packets -------------------------------------------------------------------------------------------------------------

_PACKET_CHANGES = ("drop", "twice", "swap", "foreign", "alter", "retag", "old", "marker", "wrap", "instead", "beside")
packet_changes = st.lists(
    st.tuples(st.sampled_from(_PACKET_CHANGES), st.integers(0, 9), st.integers(0, 9), st.floats(0, 1, exclude_max=True)),
    min_size=1,
    max_size=MOST_CHANGES,
)


def repacked(message: bytes, other: bytes, changes: list[tuple[str, int, int, float]]) -> bytes:
    """A binary OpenPGP message whose packets were dropped, doubled, moved, altered, or taken from another message."""
    packets, foreign = ([packet.octets for packet in read_packets(octets)] for octets in (message, other))
    for kind, one, two, where in changes:
        packets = _one_change(kind, packets, foreign, one, two, where) or packets
    return b"".join(packets)


def _one_change(kind: str, packets: list[bytes], foreign: list[bytes], one: int, two: int, where: float) -> list[bytes]:
    at, theirs = one % len(packets), foreign[two % len(foreign)]
    packet = read_packets(packets[at])[0]
    place = int(where * max(1, len(packet.body)))
    altered = packet.body[:place] + bytes(octet ^ (1 << two % 8) for octet in packet.body[place : place + 1]) + packet.body[place + 1 :]
    new = {
        "drop": [],
        "twice": [packets[at]] * 2,
        "foreign": [theirs],
        "instead": [_framed(packet.tag, read_packets(theirs)[0].body)],
        "beside": [theirs, packets[at]],
        "alter": [_framed(packet.tag, altered)],
        "retag": [_framed((one * 7 + two) % 64, packet.body)],
        "old": [bytes((0x82 | (packet.tag & 15) << 2,)) + len(packet.body).to_bytes(4, "big") + packet.body],
        "marker": [_framed(Tag.MARKER, b"PGP"), packets[at]],
        "wrap": [_framed(Tag.COMPRESSED, b"\0" + packets[at])],
    }
    if kind == "swap":
        swapped = list(packets)
        swapped[at], swapped[two % len(packets)] = swapped[two % len(packets)], swapped[at]
        return swapped
    return packets[:at] + new[kind] + packets[at + 1 :]


def _framed(tag: int, body: bytes) -> bytes:
    """A packet of any type, one that nobody knows, too."""
    return bytes((0xC0 | tag, 0xFF)) + len(body).to_bytes(4, "big") + body


def with_message(mail: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """A mail whose armoured message was changed, packet by packet, and armoured anew."""
    found = _ARMOURED.search(mail)
    assert found
    changed = armor(change(dearmor(found[0])), "MESSAGE").replace(b"\n", b"\r\n")
    return mail[: found.start()] + changed + mail[found.end() :]


# --- structure -------------------------------------------------------------------------------------------------------------

_FIELDS = (
    "From: Bert <bert@nl.example>", "Sender: bert@nl.example", "Reply-To: x@evil.example", "To: other@list.example", "X: \u0130",
    "List-Id: <tld-ops.lists.example.org>", "Auto-Submitted: no", "Content-Type: text/plain", "Content-Transfer-Encoding: base64",
    'Content-Type: multipart/mixed; boundary="b0"', 'Content-Type: multipart/encrypted; boundary="b0"; protocol="x"',
    "Content-Type: text/html", "MIME-Version: 2.0", "From: =?utf-8?b?////?= <anna@nl.example>", "Subject: =?utf-8?q?x?=",
    "Precedence: bulk", "HP-Outer: Subject: x",
)  # fmt: skip
field_changes = st.lists(
    st.tuples(st.sampled_from(("add", "drop", "replace", "first")), st.integers(0, 20), st.sampled_from(_FIELDS)),
    min_size=1,
    max_size=MOST_CHANGES,
)


def with_fields(mail: bytes, changes: list[tuple[str, int, str]]) -> bytes:
    """A mail whose header fields were added to, dropped or replaced."""
    head, blank, body = mail.partition(b"\r\n\r\n")
    fields = re.split(rb"\r\n(?![ \t])", head)
    for kind, at, field in changes:
        at %= len(fields) + 1
        if kind != "add" and at < len(fields) and kind != "first":
            del fields[at]
        if kind != "drop":
            fields.insert(0 if kind == "first" else at, field.encode())
    return b"\r\n".join(fields) + blank + body


_PARTS = (
    b"Content-Type: text/plain\r\n\r\nfooter\r\n", b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n", b"\r\n", b"",
    b"Content-Type: application/octet-stream\r\n\r\n\r\n", b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny\r\n",
)  # fmt: skip
part_changes = st.lists(
    st.tuples(st.sampled_from(("add", "drop", "wrap", "twice")), st.integers(0, 9), st.sampled_from(_PARTS)), min_size=1, max_size=2
)


def with_parts(mail: bytes, changes: list[tuple[str, int, bytes]], boundary: bytes = b"b0") -> bytes:
    """A multipart mail with parts added, dropped, doubled, or inside another multipart."""
    head, _, body = mail.partition(b"\r\n\r\n")
    parts = body.split(b"--" + boundary)
    for kind, at, new in changes:
        at = 1 + at % max(1, len(parts) - 1)
        if kind == "add":
            parts.insert(at, b"\r\n" + new)
        elif kind == "drop":
            parts = parts[:at] + parts[at + 1 :]
        elif kind == "twice":
            parts = parts[: at + 1] + parts[at:]
        else:
            inside = b"--".join((b"", b"w\r\n" + head[head.find(b"Content-Type") :] + b"\r\n\r\n" + body + b"\r\n", b"w--\r\n"))
            head = re.sub(rb"Content-Type:.*", b'Content-Type: multipart/mixed; boundary="w"', head, count=1, flags=re.DOTALL)
            return head + b"\r\n\r\n" + inside
    return head + b"\r\n\r\n" + (b"--" + boundary).join(parts)
