"""Targets: whole mails, their MIME structure, header fields and addresses, and what is made of them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from fuzz.judging import Target, check_refusal, is_line, text
from securelist.bounces.report import DELAYED, MAX_RECIPIENTS, MAX_WHY, read_report
from securelist.config import Config, read_config
from securelist.delivery.status import HARD, SOFT, UNFIT
from securelist.errors import ConfigurationError, Refused
from securelist.mail.addresses import MAX_ADDRESS_OCTETS, Role, address_for, address_problem, role_of
from securelist.mail.headers import (
    MAX_NAME_CHARACTERS,
    MAX_SUBJECT_CHARACTERS,
    address_in_user_id,
    addresses_in,
    block,
    decoded_text,
    mailbox_field,
    one_mailbox,
    subject_of,
    text_field,
    visible,
)
from securelist.mail.letterhead import Letterhead
from securelist.mail.mime import MAX_PARTS, Entity, crlf, decoded, entities_in, parts_of, read_entity
from securelist.mail.robots import is_automatic, may_be_answered
from securelist.mail.server import host_and_port
from securelist.openpgp.packets import Tag, read_packets, write_packet
from securelist.openpgp.signed import _BY_VERIFY as BY_VERIFY
from securelist.openpgp.signed import SignedMessage, Verified
from securelist.post.one_layer import check_one_layer
from securelist.post.step1_receive import Received, receive
from securelist.post.step2_open import Opened, open_post
from securelist.post.step3_verify import VerifiedPost
from securelist.post.step4_decide import AcceptedPost, Poster
from securelist.post.step5_compose import compose
from securelist.trust.membership import Membership

LIST = "tld-ops@lists.example.org"
KEY = "0123456789ABCDEF0123456789ABCDEF01234567"
AT = 1_790_000_000
HOUSE = Letterhead(Config(LIST, KEY), b"\x99", bytes(32))
POSTER = Poster(KEY, "Anna", "anna@nl.example", "nl", 7)

# Every field that a mail of the list has outside; nothing that a poster writes adds one.
OUTSIDE = [
    "From", "To", "Date", "List-Id", "List-Post", "List-Help", "List-Unsubscribe", "List-Owner", "Precedence", "Autocrypt", "Message-ID",
    "Subject", "MIME-Version", "In-Reply-To", "References",
]  # fmt: skip


def refusal_or_none(call: object, *arguments: object) -> object:
    """What a call gives, None where it refuses."""
    assert callable(call)
    try:
        return call(*arguments)
    except Refused as refused:
        check_refusal(refused)
        return None


# --- structure ---------------------------------------------------------------------------------------------------------


def entity(octets: bytes) -> None:
    """A MIME entity and all that is asked of one."""
    read = read_entity(octets)
    assert read.body in octets and read.head in octets
    assert re.fullmatch(r"[!-.0-~]+/[!-.0-~]+", read.content_type), read.content_type
    for name in ("Content-Type", "Content-Disposition", "Received", "subject"):
        assert all("\n" not in value and "\r" not in value for value in read.all(name))
    for name in ("boundary", "charset", "format", "delsp"):
        refusal_or_none(read.parameter, name)
    refusal_or_none(decoded, read)
    refusal_or_none(entities_in, read)
    refusal_or_none(check_one_layer, read)
    assert is_automatic(read, "") and may_be_answered(read) in (True, False)
    parts = refusal_or_none(parts_of, read)
    assert parts is None or (len(parts) <= MAX_PARTS and all(part in read.body for part in parts))
    assert crlf(crlf(octets)) == crlf(octets)


def headers(octets: bytes) -> None:
    """The header fields that say who wrote what to whom."""
    read = read_entity(octets)
    for field in ("From", "Sender"):
        mailbox = refusal_or_none(one_mailbox, read, field)
        assert mailbox is None or (not address_problem(mailbox.address) and is_line(mailbox.name))
        assert mailbox is None or len(mailbox.name) <= MAX_NAME_CHARACTERS
    subject = refusal_or_none(subject_of, read)
    assert subject is None or (is_line(subject) and len(subject) <= MAX_SUBJECT_CHARACTERS)
    for field in ("To", "Cc"):
        refusal_or_none(addresses_in, read, field)


def address(octets: bytes) -> None:
    """Addresses, user IDs and words, and the fields of ours that are made of them."""
    words = text(octets)
    shown = visible(words)
    assert is_line(shown) and visible(shown) == shown
    if not address_problem(words):
        assert words.isascii() and len(words) <= MAX_ADDRESS_OCTETS and not re.search(r"[\s<>\"\\,;:()]", words)
    to = role_of(words, LIST)
    if to is not None:
        assert address_for(to.role, LIST, to.token) == words.lower()
        assert to.token == "" or to.role is Role.BOUNCES
    found = address_in_user_id(words)
    assert not found or found in words
    refusal_or_none(decoded_text, words, "Subject")
    for field in (mailbox_field("From", shown[:MAX_NAME_CHARACTERS], LIST), text_field("Subject", shown[:MAX_SUBJECT_CHARACTERS])):
        _check_block(block([field]), [field[0]])
    said = refusal_or_none(decoded_text, re.sub(r"\r\n", "", text_field("Subject", shown[:MAX_SUBJECT_CHARACTERS])[1]), "Subject")
    assert said == shown[:MAX_SUBJECT_CHARACTERS].strip(), (said, shown)


def _check_block(octets: bytes, names: list[str]) -> list[str]:
    """Header fields of ours: these alone, of lines with CRLF that are not too long, in ASCII. Gives the names."""
    lines = octets.split(b"\r\n")
    assert lines.pop() == b"" and all(len(line) <= 998 for line in lines), octets
    assert octets.isascii() and not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n", octets), octets
    found = [line.split(b":")[0].decode() for line in lines if line[:1] not in b" \t"]
    assert not set(found) - set(names), octets
    return found


# --- the way of a post -------------------------------------------------------------------------------------------------


def received(octets: bytes) -> None:
    """The first step; what it lets through has whole line ends."""
    mail = receive(octets, "anna@nl.example", HOUSE.config.list_id)
    assert not re.search(rb"\r(?!\n)", mail.octets)
    assert HOUSE.config.list_id not in "".join(mail.mail.all("List-Id"))


class Transparent:
    """Stands where the list's key does: what is "encrypted" to the list stands behind the version octet of the data packet."""

    def decrypt(self, message: bytes) -> bytes:
        """The packets inside."""
        *keys, data = read_packets(message)
        assert data.tag in (Tag.SEIPD, Tag.OCB) and 0 < len(keys) <= 8 and all(key.tag == Tag.PKESK for key in keys)
        return data.body[1:]


def sealed(packets: bytes) -> bytes:
    """Packets as `Transparent` opens them."""
    return write_packet(Tag.PKESK, b"\3" + bytes(8) + b"\x12") + write_packet(Tag.SEIPD, b"\1" + packets)


def opened(octets: bytes) -> None:
    """The second step, with nothing really encrypted: all that is between a mail and its one signed message."""
    mail = receive(octets, "anna@nl.example", HOUSE.config.list_id)
    post = open_post(mail, Transparent(), frozenset({KEY[-16:]}))  # type: ignore[arg-type]
    _check_signed(post.message)


def _check_signed(message: SignedMessage) -> None:
    assert message.form in ("combined", "detached") and message.signature
    assert message.content in message.octets


def composed(octets: bytes) -> None:
    """The fifth step: whatever members sign, the mail around it has our fields and no others."""
    outside, _, signed = octets.partition(b"\0")
    mail, inline = read_entity(outside), b"\0" in signed
    content = Entity(read_entity(b"\n").fields, b"", signed) if inline else read_entity(signed)
    verified = Verified(signed, KEY, AT, signed, (), KEY, BY_VERIFY)
    post = VerifiedPost(Opened(Received(outside, mail), SignedMessage("combined", signed, (KEY,)), inline), verified)
    accepted = AcceptedPost(post, POSTER, content, hashlib.sha256(signed).hexdigest())
    made = compose(accepted, Membership(), HOUSE, lambda _: False, AT)
    names = _check_block(made.mail.headers, OUTSIDE)
    assert len(names) == len(set(names)) and set(OUTSIDE[:13]) <= set(names)
    again = read_entity(made.mail.payload)
    assert one_mailbox(again).address == LIST and len(again.all("Author")) == len(again.all("Securelist-Poster")) == 1
    assert len(parts_of(again)) == 2 and parts_of(again)[1].endswith(signed if inline else content.body)


def report(octets: bytes) -> None:
    """A mail to a bounce address, its return path null or (first octet odd) another: what is said of whom, or that it is no report."""
    found = read_report(octets[1:], "anna@nl.example" if octets[:1] and octets[0] & 1 else "")
    assert len(found) <= 2 * MAX_RECIPIENTS
    for one in found:
        assert one.kind in (DELAYED, SOFT, HARD, UNFIT)
        assert one.why and is_line(one.why) and len(one.why) <= MAX_WHY
        assert one.recipient == one.recipient.lower() and "\n" not in one.recipient
    if not found:
        raise Refused("no-report", "this says nothing of a delivery")


# --- what operators write ------------------------------------------------------------------------------------------------


def config(octets: bytes) -> None:
    """The configuration file, and its addresses to listen on."""
    home = Path("/dev/shm") / f"securelist-fuzz-{hashlib.sha256(octets).hexdigest()[:16]}"
    home.mkdir(exist_ok=True)
    try:
        (home / "securelist.toml").write_bytes(octets)
        settings = read_config(home)
        host_and_port(settings.smtp)
    except ConfigurationError as wrong:
        assert wrong.detail and wrong.reason
    finally:
        (home / "securelist.toml").unlink()
        home.rmdir()


TARGETS = {
    "entity": Target(entity, 8192),
    "headers": Target(headers, 8192),
    "address": Target(address, 1024),
    "received": Target(received, 4096),
    "opened": Target(opened, 8192),
    "composed": Target(composed, 4096),
    "config": Target(config, 1024),
    "report": Target(report, 4096),
}
