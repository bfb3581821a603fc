"""Header fields: reading the few that matter with care, and writing ours (RFC 5322, 2047)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from email.charset import Charset
from email.errors import MessageError, ObsoleteHeaderDefect
from email.header import Header, decode_header, make_header
from email.headerregistry import Address, HeaderRegistry
from email.utils import formataddr
from typing import Any

from securelist.errors import Refused
from securelist.mail.addresses import address_problem
from securelist.mail.charset import codec_of
from securelist.mail.mime import Entity

# RFC 5322, 2.1.1 ends a line at 998 characters; a longer subject is no subject.
MAX_SUBJECT_CHARACTERS = 900
# So many letters of three octets each, encoded one by one, and in words (RFC 2047, 2). `email` takes quadratic time: 5 s for 120 KiB.
MAX_ENCODED_SUBJECT = 12_000
# Names are shown in a column or two.
MAX_NAME_CHARACTERS = 80
# One address has at most 254, and a long name encoded some hundred. The parser of `email` takes quadratic time and worse: a
# From of 100 KiB of quotation marks, which anybody can send, would keep a worker busy for minutes.
MAX_MAILBOX_CHARACTERS = 2_000
# Some hundred addresses, in all fields that a member signed and that name recipients.
MAX_ADDRESSES_CHARACTERS = 8_000

# Letters, symbols and marks by Unicode's categories that nobody sees. In a row they could fill up a line, and begin the next as if the
# server had written it. Those that take up room become blanks: the Hangul fillers, the empty Braille cell, the empty note head, the
# Egyptian blanks. Those that take up none are left out: joiners, inherent vowels, variation selectors.
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0\U0001d159\U00013441\U00013442"
_NOTHING = "".join(map(chr, (0x034F, 0x17B4, 0x17B5, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10), 0x16FE4, *range(0xE0100, 0xE01F0))))
_UNSEEN = str.maketrans(_BLANKS, " " * len(_BLANKS), _NOTHING)

# Controls (C1, too), format characters, surrogates, private use, unassigned, and the two separators that end lines.
_ACTS = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Vietnamese and pointed Hebrew put three or four marks on a letter; piled up by the hundred they cover the lines above.
MAX_MARKS = 6

_REGISTRY = HeaderRegistry()
_ADDRESS = re.compile(r"""[^\s<>()"',:;]+@[^\s<>()"',:;]+""")
# An address as its own name, without the quotation marks that it needs.
_TWICE = re.compile(rf"({_ADDRESS.pattern}) <\1>", re.IGNORECASE)
# What some mail programs and webmailers make of a name: an encoded word in quotation marks, or without a blank behind it.
_BADLY_ENCODED = {"encoded word inside quoted string", "missing trailing whitespace after encoded-word"}
# The beginning of an encoded word, with the language that it may name (RFC 2231, 5).
_WORD = re.compile(r"=\?([!-)+->@-~]{1,40})(?:\*[A-Za-z0-9-]*)?\?(?=[BbQq]\?)")


def visible(text: str) -> str:
    """`text` on one line, without control, format (bidirectional, zero-width) and unassigned characters, without any that only look
    like blanks, and without more than MAX_MARKS marks on one letter."""
    return " ".join(harmless(text).split())


def harmless(text: str) -> str:
    """The same with its blanks as they stand: on one line, for a log or a terminal, whatever is in it."""
    if text.isascii() and text.isprintable():
        return text
    kept, marks = [], 0
    for character in text.translate(_UNSEEN):
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if marks <= MAX_MARKS:
            kept.append(character if is_shown(character) else " ")
    return "".join(kept)


def is_shown(character: str) -> bool:
    """Whether a terminal shows this character, and does nothing else: it is no control, format or unassigned one, and ends no line."""
    return unicodedata.category(character) not in _ACTS


@dataclass(frozen=True)
class Mailbox:
    """A display name, made visible, and an address."""

    name: str
    address: str


def one_mailbox(entity: Entity, field: str = "From") -> Mailbox:
    """The one mailbox in the one field of that name; raises Refused("bad-from") saying what is wrong.

    "One field, one mailbox, no defects" is stricter than RFC 5322, 3.6.2: a From that two programs read differently
    names somebody else to one of them.
    """
    values = entity.all(field)
    if len(values) != 1:
        raise Refused("bad-from", f"there must be exactly one {field} field, not {len(values)}")
    if not values[0].isascii():
        raise Refused("bad-charset", f"{field} holds raw characters outside ASCII; they must be encoded (RFC 2047)")
    twice = _TWICE.fullmatch(values[0])
    value = f"<{twice[1]}>" if twice else values[0]
    addresses, plain = _addresses(field, value) if len(value) <= MAX_MAILBOX_CHARACTERS else ((), False)
    if len(addresses) != 1 or not plain or "<" in addresses[0].display_name:
        raise Refused("bad-from", f"{field} must hold one well-formed mailbox, such as: Anna <anna@registry.example>")
    if address_problem(addresses[0].addr_spec):  # which is not quoted: it may stand in the encrypted part
        raise Refused("bad-from", f"{field} must hold a plain address of the form name@domain.example")
    return Mailbox(visible(decoded_text(addresses[0].display_name, field))[:MAX_NAME_CHARACTERS], addresses[0].addr_spec)


def _addresses(field: str, value: str) -> tuple[tuple[Address, ...], bool]:
    """The addresses in a field's value, and whether it is plain: no groups, nothing that the parser of `email` complains of."""
    try:
        parsed: Any = _REGISTRY(field, _meant(value))
        # An unquoted dot in a name (RFC 5322, 4.1: obs-phrase) is common and means nothing else to anybody.
        whole = all(isinstance(defect, ObsoleteHeaderDefect) or str(defect) in _BADLY_ENCODED for defect in parsed.defects)
        return tuple(parsed.addresses), whole and all(group.display_name is None for group in parsed.groups)
    except Exception:  # on malformed input it raises whatever comes
        return (), False


def check_addresses(entity: Entity, fields: Iterable[str]) -> None:
    """Raises Refused("header-too-large") where these fields together are longer than it makes sense to read."""
    if sum(len(value) for field in fields for value in entity.all(field)) > MAX_ADDRESSES_CHARACTERS:
        raise Refused("header-too-large", f"the fields that name recipients are longer than {MAX_ADDRESSES_CHARACTERS} characters")


def addresses_in(entity: Entity, field: str) -> list[str]:
    """Every address in all fields of that name, lower case; unreadable ones are left out. Raises Refused("header-too-large")."""
    check_addresses(entity, [field])
    return [address for value in entity.all(field) for address in _addresses_of(field, value)]


def _addresses_of(field: str, value: str) -> list[str]:
    """Of a value that is not plain, such as `a@x.example <b@y.example>`, only those that nothing else that looks like one stands beside."""
    addresses, plain = _addresses(field, value)
    if plain:
        return [address.addr_spec.lower() for address in addresses]
    pieces = [{found.lower() for found in _ADDRESS.findall(piece)} for piece in value.split(",")]
    return [address for piece in pieces if len(piece) == 1 for address in piece]


def address_in_user_id(user_id: str) -> str:
    """The address that an OpenPGP user ID names (RFC 9580, 5.11: by convention a mailbox), or the empty string.

    It stands there to the letter: nobody decodes encoded words or takes comments out of a user ID.
    """
    addresses, _ = _addresses("From", (user_id if user_id.isascii() else user_id.rpartition(" ")[2])[-MAX_MAILBOX_CHARACTERS:])
    found = addresses[0].addr_spec if len(addresses) == 1 else ""
    return found if found in user_id and not address_problem(found) else ""


def _meant(value: str) -> str:
    """The value with each encoded word in the character set that was meant: `email` takes their names by the letter."""
    return _WORD.sub(lambda match: f"=?{codec_of(match[1])}?", value)


def decoded_text(value: str, field: str) -> str:
    """An unstructured value with encoded words undone (RFC 2047), visible; raises Refused("bad-charset")."""
    try:
        return visible(str(make_header(decode_header(_meant(value)))))
    except (MessageError, LookupError, UnicodeError, ValueError):
        raise Refused("bad-charset", f"{field} is not in the character set that it names") from None


def subject_of(entity: Entity, *, signed: bool = True) -> str | None:
    """The Subject, decoded and visible; None if there is none. Raises Refused("bad-subject"), and "bad-charset" if it is `signed`.

    One that nobody signed may have been broken on the way: then it is shown as it stands there.
    """
    values = entity.all("Subject")
    if len(values) > 1:
        raise Refused("bad-subject", "there is more than one Subject field")
    if not values:
        return None
    value = values[0][:MAX_ENCODED_SUBJECT]
    try:
        return decoded_text(value, "Subject")[:MAX_SUBJECT_CHARACTERS]
    except Refused:
        if signed:
            raise
        return visible(value)[:MAX_SUBJECT_CHARACTERS]


def text_field(name: str, value: str) -> tuple[str, str]:
    """A field of ours with free text, encoded (RFC 2047) and folded with CRLF."""
    # What looks like an encoded word must not be decoded a second time by whoever reads it.
    charset = "us-ascii" if value.isascii() and "=?" not in value else "utf-8"
    return name, Header(value, charset, header_name=name, maxlinelen=76).encode(linesep="\r\n")


def mailbox_field(name: str, display: str, address: str) -> tuple[str, str]:
    """A field of ours with one mailbox."""
    if "=?" in display:  # mail programs decode what looks like an encoded word, in a quoted name, too
        return name, f"{Charset('utf-8').header_encode(display)} <{address}>"
    return name, formataddr((display, address), charset="utf-8")


def block(fields: list[tuple[str, str]]) -> bytes:
    """Fields as octets, each line ending with CRLF, without the empty line after them; all values must be ASCII."""
    return b"".join(f"{name}: {value}\r\n".encode("ascii") for name, value in fields)
