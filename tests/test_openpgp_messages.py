"""Encrypted messages that gpg, or a library around it, has been seen to take or to choke on: what the list's key opens."""

from __future__ import annotations

import bz2
import os
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pgpy
import pysequoia
import pytest
from forge import anonymous, encrypt, key_packets, packets_of, protected, session_key, unprotected
from people import People, Somebody
from pgpy.constants import CompressionAlgorithm
from town import entity, mail_of
from trust_world import certificate_of

from securelist.errors import ConfigurationError, Refused, TryAgain
from securelist.mail.mime import read_entity
from securelist.openpgp.list_key import ListKey
from securelist.openpgp.packets import MAX_DECOMPRESSED, MAX_PACKETS, Tag, read_packets, write_packet
from securelist.openpgp.signed import SignedMessage, open_literal, verify
from securelist.post.step2_open import MAX_KEY_PACKETS, open_entity

CONTENT = entity("canary-message")

Open = Callable[..., SignedMessage]
"""Opens a binary message, as the list's key or as another; raises Refused."""


@pytest.fixture(scope="module")
def anna(people: People) -> Somebody:
    return people.make("Anna", "anna@messages.example")


@pytest.fixture(scope="module")
def key_ids(list_key: ListKey) -> frozenset[str]:
    return frozenset(key.key_id for key in certificate_of(list_key.certificate()).keys)


@pytest.fixture
def opened(list_key: ListKey, key_ids: frozenset[str]) -> Open:
    """Opens a mail around a binary message as the way of a post does; without CRC in its armour."""

    def open_message(message: bytes, key: ListKey = list_key) -> SignedMessage:
        lines = pysequoia.armor(message, pysequoia.ArmorKind.Message).encode().splitlines(keepends=True)
        return open_entity(read_entity(mail_of(b"".join(lines[:-2] + lines[-1:]), "x@messages.example")), key, key_ids)

    return open_message


def reason(opened: Open, message: bytes, **how: ListKey) -> str:
    with pytest.raises(Refused) as refused:
        opened(message, **how)
    return refused.value.reason


def post(people: People, list_key: ListKey, anna: Somebody, *options: str) -> bytes:
    """A post of Anna's: signed and encrypted to the list, binary."""
    return encrypt(people, list_key, CONTENT, *options, "-u", anna.fingerprint, "--sign")


@pytest.fixture(scope="module")
def outer(people: People, list_key: ListKey) -> tuple[bytes, bytes]:
    """(session-key packets, session key) of a message to the list, for data packets of our own."""
    message = encrypt(people, list_key, b"x", "--cipher-algo", "AES256")
    return key_packets(message), session_key(people, message)


@pytest.fixture(scope="module")
def signed(people: People, anna: Somebody) -> bytes:
    return people.gpg("-u", anna.fingerprint, "--compress-algo", "none", "--sign", data=CONTENT)


# --- what is opened ----------------------------------------------------------------------------------------------------


def test_a_post_without_crc_is_opened(people: People, list_key: ListKey, anna: Somebody, opened: Open) -> None:
    """gpg stumbles over some messages without the armour's checksum: the armour is off before it sees them."""
    for length in range(30):
        message = encrypt(people, list_key, b"x" * length, "-u", anna.fingerprint, "--sign")
        assert opened(message).content == b"x" * length


def test_a_post_among_a_thousand_recipients_is_opened(people: People, list_key: ListKey, anna: Somebody, opened: Open) -> None:
    """Session-key packets that name others are dropped, not tried."""
    message = post(people, list_key, anna)
    for_others = write_packet(Tag.PKESK, b"\3" + b"\x42" * 8 + b"\x12" + bytes(60)) * 1000
    assert opened(for_others + message).content == CONTENT


def test_a_signature_for_other_recipients_says_so(people: People, anna: Somebody, outer: tuple[bytes, bytes], opened: Open) -> None:
    """gpg ignores the intended recipients under a signature: somebody who got Anna's mail cannot send it on unseen."""
    bert = people.make("Bert", "bert@messages.example")
    key, _ = pgpy.PGPKey.from_blob(people.gpg("--armor", "--export-secret-keys", anna.fingerprint))
    private = pgpy.PGPMessage.new(CONTENT, format="b", compression=CompressionAlgorithm.Uncompressed)
    private |= key.sign(private, intended_recipients=[pgpy.PGPKey.from_blob(bert.certificate)[0]])
    message = opened(outer[0] + protected(outer[1], bytes(private)))
    assert message.intended == (bert.fingerprint,)
    assert verify(message, [certificate_of(anna.certificate)], int(time.time())).intended == (bert.fingerprint,)


# --- what is not whole -------------------------------------------------------------------------------------------------


def test_our_own_data_packets_are_as_they_should_be(outer: tuple[bytes, bytes], signed: bytes, opened: Open) -> None:
    """What these tests build is opened when nothing is wrong with it; and gpg itself reads the unprotected kind."""
    packets, key = outer
    assert opened(packets + protected(key, signed)).content == CONTENT


def test_data_without_integrity_protection_is_refused(list_key: ListKey, outer: tuple[bytes, bytes], signed: bytes, opened: Open) -> None:
    """python-gnupg calls it valid. Neither the packets nor gpg's words pass: each would refuse alone."""
    packets, key = outer
    message = packets + unprotected(key, signed)
    assert reason(opened, message) == "not-whole"
    with pytest.raises(Refused, match="not-whole"):
        list_key.decrypt(message)


@pytest.mark.parametrize("check", [bytes(20), b"\xff" * 20])
def test_a_wrong_modification_detection_code_is_refused(outer: tuple[bytes, bytes], signed: bytes, opened: Open, check: bytes) -> None:
    """python-gnupg calls it valid."""
    packets, key = outer
    assert reason(opened, packets + protected(key, signed, check)) == "not-whole"


def test_one_flipped_bit_anywhere_in_the_data_is_refused(people: People, list_key: ListKey, anna: Somebody, opened: Open) -> None:
    """Malleability is what integrity protection is for."""
    message = post(people, list_key, anna)
    start = len(message) - len(packets_of(message, Tag.SEIPD)[0].body) + 1
    for place in range(start, len(message), max(1, (len(message) - start) // 30)):
        altered = bytearray(message)
        altered[place] ^= 0x10
        assert reason(opened, bytes(altered)) == "not-whole"


def test_a_truncated_post_is_refused(people: People, list_key: ListKey, anna: Somebody, opened: Open) -> None:
    """Cut anywhere, with a length that was made to fit or with one that was not."""
    message = post(people, list_key, anna)
    head, data = key_packets(message), packets_of(message, Tag.SEIPD)[0]
    for end in range(0, len(message), max(1, len(message) // 30)):
        assert reason(opened, message[:end]) in ("not-openpgp", "not-one-message", "not-encrypted", "not-one-block")
    for end in range(1, len(data.body), max(1, len(data.body) // 30)):
        assert reason(opened, head + write_packet(Tag.SEIPD, data.body[:end])) in ("not-whole", "not-openpgp", "not-for-the-list")


Make = Callable[[bytes, bytes, tuple[bytes, bytes]], bytes]
"""Makes something of (a post, a signed message, session-key packets with their session key)."""

SEVERAL: dict[str, tuple[Make, str]] = {
    "two messages": (lambda post, signed, outer: post + post, "not-one-message"),
    "protected, then unprotected": (
        lambda post, signed, outer: outer[0] + protected(outer[1], signed) + unprotected(outer[1], signed),
        "not-whole",
    ),
    "unprotected, then protected": (
        lambda post, signed, outer: outer[0] + unprotected(outer[1], signed) + protected(outer[1], signed),
        "not-one-message",
    ),
    "signed, then encrypted": (lambda post, signed, outer: signed + post, "not-one-message"),
    "encrypted, then signed": (lambda post, signed, outer: post + signed, "not-one-message"),
    "only signed": (lambda post, signed, outer: signed, "not-one-message"),
    "no data": (lambda post, signed, outer: key_packets(post), "not-one-message"),
    "no session key": (lambda post, signed, outer: packets_of(post, Tag.SEIPD)[0].octets, "not-for-the-list"),
    "a marker before it": (lambda post, signed, outer: write_packet(Tag.MARKER, b"PGP") + post, "not-one-message"),
}


@pytest.mark.parametrize(("make", "why"), SEVERAL.values(), ids=SEVERAL)
def test_it_is_one_encrypted_message_or_nothing(
    people: People, list_key: ListKey, anna: Somebody, outer: tuple[bytes, bytes], signed: bytes, opened: Open, make: Make, why: str
) -> None:
    """python-gnupg says ok with exit status 2 to several messages in a row, and puts out both texts."""
    assert reason(opened, make(post(people, list_key, anna), signed, outer)) == why


INSIDE: dict[str, tuple[Make, str]] = {
    "nobody's signature": (lambda post, signed, outer: write_packet(Tag.LITERAL, b"b\0\0\0\0\0" + CONTENT), "not-signed"),
    "an encrypted message": (lambda post, signed, outer: post, "nested-encryption"),
    "two signed messages": (lambda post, signed, outer: signed + signed, "not-one-signature"),
    "a signature too many": (lambda post, signed, outer: signed + read_packets(signed)[2].octets, "not-one-signature"),
    "compression in compression": (lambda post, signed, outer: stored(stored(signed)), "not-one-message"),
    "an unknown compression": (lambda post, signed, outer: write_packet(Tag.COMPRESSED, b"\x09" + signed), "not-openpgp"),
    "nothing": (lambda post, signed, outer: b"", "not-openpgp"),
    "noise": (lambda post, signed, outer: b"hello", "not-openpgp"),
}


def stored(packets: bytes) -> bytes:
    """A compressed packet that does not compress (RFC 9580, 9.4)."""
    return write_packet(Tag.COMPRESSED, b"\0" + packets)


@pytest.mark.parametrize(("inside", "why"), INSIDE.values(), ids=INSIDE)
def test_inside_is_one_signed_message_or_nothing(
    people: People, list_key: ListKey, anna: Somebody, outer: tuple[bytes, bytes], signed: bytes, opened: Open, inside: Make, why: str
) -> None:
    """The decryption may be perfect: one layer of it, one signature, at most one compression."""
    packets, key = outer
    assert opened(packets + protected(key, stored(signed))).content == CONTENT
    assert reason(opened, packets + protected(key, inside(post(people, list_key, anna), signed, outer))) == why


# --- what would keep us busy -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def no_key(people: People) -> ListKey:
    """A list's key that is not there: whoever asks it for anything does not get far."""
    home = people.home / "empty"
    home.mkdir(mode=0o700)
    return ListKey(home, "0" * 40)


@pytest.mark.parametrize("count", [3000, MAX_PACKETS, MAX_KEY_PACKETS + 1])
def test_three_thousand_session_key_packets_are_refused_before_gpg_runs(
    people: People, list_key: ListKey, anna: Somebody, opened: Open, no_key: ListKey, count: int
) -> None:
    """Anonymous ones, which gpg-agent would try each with the secret key, some 7 ms apiece."""
    message = anonymous(count) + post(people, list_key, anna)
    assert reason(opened, message, key=no_key) == "too-many-packets"


def test_without_its_key_the_list_opens_nothing(people: People, list_key: ListKey, anna: Somebody, opened: Open, no_key: ListKey) -> None:
    """The control to the test above: a message within the bound does reach gpg."""
    with pytest.raises((TryAgain, Refused)) as raised:
        opened(post(people, list_key, anna), key=no_key)
    assert raised.value.reason in ("cannot-decrypt", "not-for-the-list")


BOMBS = {
    "zip": (1, lambda: zlib.compressobj(9, zlib.DEFLATED, -15)),
    "zlib": (2, lambda: zlib.compressobj(9, zlib.DEFLATED, 15)),
    "bzip2": (3, lambda: bz2.BZ2Compressor(1)),
}


def unpacking_to(mebibytes: int, kind: str) -> bytes:
    """The body of a compressed packet that unpacks to a literal packet of so many MiB of zeros."""
    algorithm, engine = BOMBS[kind][0], BOMBS[kind][1]()
    head = write_packet(Tag.LITERAL, b"")[:2] + (mebibytes * 2**20 + 6).to_bytes(4, "big") + b"b\0\0\0\0\0"
    chunks = [engine.compress(head), *(engine.compress(bytes(2**20)) for _ in range(mebibytes)), engine.flush()]
    return bytes([algorithm]) + b"".join(chunks)


@pytest.mark.parametrize("kind", BOMBS)
def test_a_compression_bomb_is_refused(outer: tuple[bytes, bytes], opened: Open, kind: str) -> None:
    """Some hundred kilobytes that would unpack to more than the bound."""
    body = unpacking_to((MAX_DECOMPRESSED >> 20) + 1, kind)
    assert len(body) < 150_000
    packets, key = outer
    assert reason(opened, packets + protected(key, write_packet(Tag.COMPRESSED, body))) == "too-large"


@pytest.mark.parametrize("kind", BOMBS)
def test_compressed_data_that_end_early_are_refused(kind: str) -> None:
    """And data that are not what they say."""
    whole = unpacking_to(1, kind)
    assert open_literal(write_packet(Tag.COMPRESSED, whole))[1] is not None
    for body in (whole[:-9], whole[:20], whole[:1], whole[:1] + b"hello", b""):
        with pytest.raises(Refused, match="not-openpgp"):
            open_literal(write_packet(Tag.COMPRESSED, body))


# --- the list's key ----------------------------------------------------------------------------------------------------


def test_a_path_too_long_for_gpg_agents_socket_is_said_at_once(people: People) -> None:
    """Beyond some 108 octets gpg-agent fails without a word; where it has /run/user/UID, it does not need the path."""
    home = people.home / ("long-" * 20) / "gnupg"
    home.parent.mkdir()
    if Path(f"/run/user/{os.getuid()}").is_dir():
        assert ListKey.create(home, "tld-ops", "tld-ops@lists.example.org").sign(b"x")
    else:
        with pytest.raises(ConfigurationError, match="path-too-long"):
            ListKey.create(home, "tld-ops", "tld-ops@lists.example.org")


def test_a_users_gpg_conf_changes_nothing(list_key: ListKey, people: People, anna: Somebody, opened: Open) -> None:
    """What somebody wrote into the list's GnuPG home, or into their own, is not read."""
    conf = people.home / "sealing" / "gpg.conf"
    conf.write_text("this-option-does-not-exist\nstatus-fd 2\n")
    try:
        assert opened(post(people, list_key, anna)).content == CONTENT
        assert list_key.sign(b"x")
    finally:
        conf.unlink()
