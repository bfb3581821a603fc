"""The parsers that see a stranger's octets first: whatever comes, they read it or refuse it, and nothing else happens."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from people import People, Somebody

from securelist.errors import Refused
from securelist.mail.mime import Entity, crlf, decoded, multipart, parts_of, read_entity
from securelist.openpgp import admission, armor, sequoia
from securelist.openpgp.packets import (
    MAX_PACKETS,
    Tag,
    decompress,
    hashed_subpackets,
    intended_recipients,
    read_literal,
    read_packets,
    recipient_of,
    write_packet,
)
from securelist.openpgp.signed import open_literal, read_signed

quietly = settings(deadline=None, max_examples=300)

tags = st.sampled_from(Tag)
bodies = st.binary(max_size=400)


def read_or_refuse(parser: Callable[[bytes], object], octets: bytes) -> object:
    """What a parser gives, or None when it refuses; any other exception is a failure."""
    try:
        return parser(octets)
    except Refused as refused:
        assert refused.reason
        assert "\n" not in refused.detail
        return None


# --- packets -----------------------------------------------------------------------------------------------------------


def with_new_format(tag: int, body: bytes) -> list[bytes]:
    """Every way to write a packet in the new format (RFC 9580, 4.2.1)."""
    size = len(body)
    lengths = [b"\xff" + size.to_bytes(4, "big")]
    if size < 192:
        lengths.append(bytes([size]))
    elif size < 8384:
        lengths.append(bytes([192 + (size - 192 >> 8), (size - 192) & 0xFF]))
    lengths_and_bodies = [length + body for length in lengths]
    if size >= 512:  # the smallest piece that is allowed (RFC 9580, 4.2.1.4)
        rest = size % 512
        pieces = b"".join(b"\xe9" + body[at : at + 512] for at in range(0, size - rest, 512))
        last = bytes([rest]) if rest < 192 else bytes([192 + (rest - 192 >> 8), (rest - 192) & 0xFF])
        lengths_and_bodies.append(pieces + last + body[size - rest :])
    return [bytes([0xC0 | tag]) + rest for rest in lengths_and_bodies]


def with_old_format(tag: int, body: bytes) -> list[bytes]:
    """Every way to write a packet in the old format (RFC 9580, 4.2.2); the last reaches to the end."""
    widths = [(kind, width) for kind, width in enumerate((1, 2, 4)) if len(body) < 256**width]
    found = [bytes([0x80 | tag << 2 | kind]) + len(body).to_bytes(width, "big") + body for kind, width in widths]
    return [*found, bytes([0x83 | tag << 2]) + body]


@quietly
@given(tags, bodies)
def test_a_packet_is_read_in_every_framing(tag: Tag, body: bytes) -> None:
    """Its type, its body, and its octets as they stood."""
    ways = with_new_format(tag, body) + (with_old_format(tag, body) if tag < 16 else [])
    for octets in ways:
        [packet] = read_packets(octets)
        assert (packet.tag, packet.body, packet.octets, packet.size) == (tag, body, octets, len(body))
        assert [packet.part(begin, begin + 3) for begin in (0, 1, len(body))] == [body[begin : begin + 3] for begin in (0, 1, len(body))]


@quietly
@given(st.lists(st.tuples(tags, bodies), min_size=1, max_size=20))
def test_what_was_written_is_read(packets: list[tuple[Tag, bytes]]) -> None:
    """Written one after the other, they come back one by one, and together they are all the octets."""
    octets = b"".join(write_packet(tag, body) for tag, body in packets)
    found = read_packets(octets)
    assert [(packet.tag, packet.body) for packet in found] == packets
    assert b"".join(packet.octets for packet in found) == octets


@quietly
@given(st.one_of(st.binary(), st.builds(lambda head, rest: bytes([head]) + rest, st.integers(0x80, 0xFF), st.binary())))
def test_any_octets_are_packets_or_refused(octets: bytes) -> None:
    """And when they are packets, these are all of the octets."""
    found = read_or_refuse(read_packets, octets)
    if found is not None:
        assert b"".join(packet.octets for packet in found) == octets


@quietly
@given(tags, st.binary())
def test_any_body_of_a_packet_is_read_or_refused(tag: Tag, body: bytes) -> None:
    """Literal data, compressed data, signatures, session keys: whatever the octets are."""
    octets = write_packet(tag, body)
    [packet] = read_packets(octets)
    for parser in (read_literal, decompress, hashed_subpackets, intended_recipients):
        read_or_refuse(lambda _, parser=parser: parser(packet), octets)
    assert len(recipient_of(packet)) == 16
    read_or_refuse(open_literal, octets)


@quietly
@given(st.integers(3, 7), st.binary(max_size=200), st.binary(max_size=200))
def test_any_subpackets_are_read_or_refused(version: int, hashed: bytes, rest: bytes) -> None:
    """A signature that says how long its subpackets are, and then anything."""
    width = 4 if version == 6 else 2
    body = bytes([version, 0, 22, 8]) + len(hashed).to_bytes(width, "big") + hashed + rest
    read_or_refuse(lambda octets: intended_recipients(read_packets(octets)[0]), write_packet(Tag.SIGNATURE, body))
    read_or_refuse(sequoia.read_signature, write_packet(Tag.SIGNATURE, body))


@pytest.mark.parametrize("framing", [with_new_format, with_old_format])
def test_a_packet_too_many_is_refused(framing: Callable[[int, bytes], list[bytes]]) -> None:
    """At the bound they are read; one more is refused."""
    octets = framing(Tag.MARKER, b"PGP")[0]
    assert len(read_packets(octets * MAX_PACKETS)) == MAX_PACKETS
    with pytest.raises(Refused, match="too-many-packets"):
        read_packets(octets * (MAX_PACKETS + 1))


# --- armour ------------------------------------------------------------------------------------------------------------

KINDS = ["MESSAGE", "PUBLIC KEY BLOCK", "SIGNATURE"]
# Pieces that armour, signed texts and MIME are made of, in any order, and noise between them.
PIECES = [
    b"-----BEGIN PGP MESSAGE-----", b"-----END PGP MESSAGE-----", b"-----BEGIN PGP SIGNED MESSAGE-----",
    b"-----BEGIN PGP SIGNATURE-----", b"-----END PGP SIGNATURE-----", b"Hash: SHA512", b"Version: x", b"- -----",
    b"\n", b"\r\n", b"\n\n", b" ", b"=", b"=abcd", b"wsBc", b"aGVsbG8=", b"\n--b\n", b"--b--", b"--b", b"\0", b"\xff", b"=?x?b?",
    b"Content-Type: multipart/signed; boundary=b", b'Content-Type: text/plain; charset="', b"Content-Type:", b"From: ",
    b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: quoted-printable", b"; boundary*0*=utf-8''%ff",
]  # fmt: skip
texts = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=30).map(b"".join)


@quietly
@given(st.binary(min_size=1), st.sampled_from(KINDS), st.sampled_from([b"\n", b"\r\n"]), st.booleans(), st.booleans())
def test_armour_comes_off_as_it_went_on(octets: bytes, kind: str, line_end: bytes, crc: bool, headers: bool) -> None:
    """With either line end, with and without checksum and header lines."""
    lines = sequoia.armor(octets, kind).splitlines()
    if not crc:
        lines = [line for line in lines if not (line.startswith(b"=") and len(line) == 5)]
    if headers:
        lines[1:1] = [b"Version: any", b"Comment:"]
    text = line_end.join([b"", *lines, b" "])
    assert armor.only_block(text) == (kind, octets)
    assert armor.blocks(text * 2) == [(kind, octets)] * 2


@quietly
@given(st.one_of(st.binary(), texts))
def test_any_text_is_armour_or_refused(text: bytes) -> None:
    """Blocks in it, one block, octets in it, certificates in it, something signed in it: read or refused."""
    for parser in (armor.blocks, armor.only_block, armor.dearmor, admission.split_certificates, read_signed):
        read_or_refuse(parser, text)


@quietly
@given(st.sampled_from(KINDS), st.binary())
def test_any_contents_of_armour_are_read_or_refused(kind: str, body: bytes) -> None:
    """Whatever is inside, or is base64 no more."""
    begin, end = (f"-----{word} PGP {kind}-----\n".encode() for word in ("BEGIN", "END"))
    for text in (begin + b"\n" + base64.b64encode(body) + b"\n" + end, begin + b"\n" + body + b"\n" + end):
        for parser in (armor.blocks, armor.dearmor, admission.split_certificates, read_signed):
            read_or_refuse(parser, text)


# --- MIME --------------------------------------------------------------------------------------------------------------


def all_of(entity: Entity) -> None:
    """Everything that is ever asked of an entity."""
    assert entity.content_type
    for name in ("boundary", "charset"):
        assert isinstance(read_or_refuse(lambda _, name=name: entity.parameter(name), b""), str | None)
    assert isinstance(entity.all("Subject") + entity.all("From"), list)
    read_or_refuse(lambda _: parts_of(entity), b"")
    read_or_refuse(lambda _: decoded(entity), b"")


@quietly
@given(st.one_of(st.binary(), texts))
def test_any_octets_are_a_mime_entity_or_refused(octets: bytes) -> None:
    """And an entity answers whatever it is asked."""
    entity = read_or_refuse(read_entity, octets)
    if isinstance(entity, Entity):
        all_of(entity)


FIELDS = ["Content-Type", "Content-Transfer-Encoding", "Subject", "From", "Content-Disposition"]
VALUES = [
    "multipart/mixed", "text/plain", "; boundary=", '"', "=?utf-8?q?=ff?=", "*0*=", "''", "%ff", "\r\n\t", "ä", "base64",
    "(", ")", "<", "@", "\\", "=?utf-8?b?//8=?=", "; charset*=x''y", "; charset*0=",
]  # fmt: skip
values = st.lists(st.one_of(st.sampled_from(VALUES), st.text(max_size=5)))


@quietly
@given(st.lists(st.tuples(st.sampled_from(FIELDS), values), max_size=5), st.binary())
@example([("Content-Type", ["multipart/mixed", "; boundary*=x''y", "; boundary*0=z"])], b"--y--")
def test_any_header_fields_are_read_or_refused(fields: list[tuple[str, list[str]]], body: bytes) -> None:
    """Fields that matter, with values that programs have stumbled over."""
    head = "".join(f"{name}: {''.join(values)}\r\n" for name, values in fields)
    entity = read_or_refuse(read_entity, head.encode("utf-8", "surrogatepass") + b"\r\n" + body)
    if isinstance(entity, Entity):
        all_of(entity)


@quietly
@given(st.lists(st.binary(), min_size=1, max_size=8))
def test_parts_come_out_as_they_went_in(parts: list[bytes]) -> None:
    """Byte for byte, but for an empty line at the beginning, which a part without header fields begins with."""
    parts = [b"Content-Type: text/plain\r\n\r\n" + part for part in parts]
    boundary, body = multipart(parts)
    whole = f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'.encode() + body
    assert parts_of(read_entity(whole)) == parts


@quietly
@given(st.binary())
def test_line_ends_are_made_once(octets: bytes) -> None:
    """Doing it again changes nothing."""
    assert crlf(crlf(octets)) == crlf(octets)
    assert crlf(octets).count(b"\n") == crlf(octets).count(b"\r\n") == octets.count(b"\n")


def test_two_thousand_levels_of_mime_are_not_looked_into() -> None:
    """The email package gives up at some 1,200 with an exception; here nobody goes in."""
    body = b"deep"
    for level in range(2000):
        body = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n%b\r\n--b%d--\r\n" % (level, level, body, level)
    [part] = parts_of(read_entity(body))
    assert part.startswith(b"Content-Type: multipart/mixed; boundary=b1998\r\n")


# --- damaged originals -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def originals(people: People) -> list[bytes]:
    """Real ones of every kind, to be damaged."""
    who: Somebody = people.make("Original", "original@parsers.example")
    signed = people.multipart_signed(who, b"Content-Type: text/plain\r\n\r\nhello\r\n")
    binary = people.sign(who, "hello", armor=False)
    return [who.certificate, armor.dearmor(who.certificate), binary, people.clearsign(who, "hello\n"), signed]


@settings(quietly, max_examples=600)
@given(st.integers(0, 4), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), st.binary(max_size=4)), min_size=1, max_size=5))
def test_a_damaged_original_is_read_or_refused(originals: list[bytes], which: int, damages: list[tuple[float, int, bytes]]) -> None:
    """Octets written over, put in, taken out, or everything behind them cut off."""
    octets = originals[which]
    for where, kind, new in damages:
        at = int(where * len(octets))
        behind = (octets[at + len(new) :], octets[at:], octets[at + 1 + len(new) :], b"")[kind]
        octets = octets[:at] + (new if kind < 2 else b"") + behind
    for parser in (read_signed, read_packets, admission.split_certificates, armor.blocks, sequoia.read_signature):
        read_or_refuse(parser, octets)
