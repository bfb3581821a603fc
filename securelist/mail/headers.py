"""Header fields: reading the few that matter with care, and writing ours (RFC 5322, 2047)."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from email.errors import HeaderParseError, ObsoleteHeaderDefect
from email.header import Header, decode_header, make_header
from email.headerregistry import Address, HeaderRegistry
from email.utils import formataddr
from typing import Any

from securelist.errors import Refused
from securelist.mail.addresses import address_problem
from securelist.mail.mime import Entity

# RFC 5322, 2.1.1 ends a line at 998 characters; a longer subject is no subject.
MAX_SUBJECT_CHARACTERS = 900
# Names are shown in a column or two.
MAX_NAME_CHARACTERS = 80
# One address has at most 254, and a long name encoded some hundred. The parser of `email` takes quadratic time and worse: a
# From of 100 KiB of quotation marks, which anybody can send, would keep a worker busy for minutes.
MAX_MAILBOX_CHARACTERS = 2_000
# Some hundred addresses, in the fields that a member signed.
MAX_ADDRESSES_CHARACTERS = 8_000

# Letters, symbols and marks by Unicode's categories that nobody sees. In a row they could fill up a line, and begin the next as if the
# server had written it. Those that take up room become blanks: the Hangul fillers, the empty Braille cell, the empty note head, the
# Egyptian blanks. Those that take up none are left out: joiners, inherent vowels, variation selectors.
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0\U0001d159\U00013441\U00013442"
_NOTHING = "".join(map(chr, (0x034F, 0x17B4, 0x17B5, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10), 0x16FE4, *range(0xE0100, 0xE01F0))))
_UNSEEN = str.maketrans(_BLANKS, " " * len(_BLANKS), _NOTHING)

_REGISTRY = HeaderRegistry()


def visible(text: str) -> str:
    """`text` on one line, without control, format (bidirectional, zero-width) and unassigned characters, and without any that only
    look like blanks."""
    kept = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text.translate(_UNSEEN))
    return " ".join(kept.split())


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
    addresses, plain = _addresses(field, values[0]) if len(values[0]) <= MAX_MAILBOX_CHARACTERS else ((), False)
    if len(addresses) != 1 or not plain or "<" in addresses[0].display_name:
        raise Refused("bad-from", f"{field} must hold one well-formed mailbox, such as: Anna <anna@registry.example>")
    if address_problem(addresses[0].addr_spec):  # which is not quoted: it may stand in the encrypted part
        raise Refused("bad-from", f"{field} must hold a plain address of the form name@domain.example")
    return Mailbox(visible(decoded_text(addresses[0].display_name, field))[:MAX_NAME_CHARACTERS], addresses[0].addr_spec)


def _addresses(field: str, value: str) -> tuple[tuple[Address, ...], bool]:
    """The addresses in a field's value, and whether it is plain: no groups, nothing that the parser of `email` complains of."""
    try:
        parsed: Any = _REGISTRY(field, value)
        # An unquoted dot in a name (RFC 5322, 4.1: obs-phrase) is common and means nothing else to anybody.
        whole = all(isinstance(defect, ObsoleteHeaderDefect) for defect in parsed.defects)
        return tuple(parsed.addresses), whole and all(group.display_name is None for group in parsed.groups)
    except Exception:  # on malformed input it raises whatever comes
        return (), False


def addresses_in(entity: Entity, field: str) -> list[str]:
    """Every address in all fields of that name, lower case; unreadable ones are left out. Raises Refused("header-too-large")."""
    if any(len(value) > MAX_ADDRESSES_CHARACTERS for value in entity.all(field)):
        raise Refused("header-too-large", f"{field} is longer than {MAX_ADDRESSES_CHARACTERS} characters")
    return [a.addr_spec.lower() for value in entity.all(field) for a in _addresses(field, value)[0]]


def address_in_user_id(user_id: str) -> str:
    """The address that an OpenPGP user ID names (RFC 9580, 5.11: by convention a mailbox), or the empty string."""
    addresses, _ = _addresses("From", (user_id if user_id.isascii() else user_id.rpartition(" ")[2])[-MAX_MAILBOX_CHARACTERS:])
    return addresses[0].addr_spec if len(addresses) == 1 and not address_problem(addresses[0].addr_spec) else ""


def decoded_text(value: str, field: str) -> str:
    """An unstructured value with encoded words undone (RFC 2047), visible; raises Refused("bad-charset")."""
    try:
        return visible(str(make_header(decode_header(value))))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        raise Refused("bad-charset", f"{field} is not in the character set that it names") from None


def subject_of(entity: Entity) -> str | None:
    """The Subject, decoded and visible; None if there is none. Raises Refused("bad-subject")."""
    values = entity.all("Subject")
    if len(values) > 1:
        raise Refused("bad-subject", "there is more than one Subject field")
    if not values:
        return None
    return decoded_text(values[0], "Subject")[:MAX_SUBJECT_CHARACTERS]


def text_field(name: str, value: str) -> tuple[str, str]:
    """A field of ours with free text, encoded (RFC 2047) and folded with CRLF."""
    # What looks like an encoded word must not be decoded a second time by whoever reads it.
    charset = "us-ascii" if value.isascii() and "=?" not in value else "utf-8"
    return name, Header(value, charset, header_name=name, maxlinelen=76).encode(linesep="\r\n")


def mailbox_field(name: str, display: str, address: str) -> tuple[str, str]:
    """A field of ours with one mailbox."""
    return name, formataddr((display, address), charset="utf-8")


def block(fields: list[tuple[str, str]]) -> bytes:
    """Fields as octets, each line ending with CRLF, without the empty line after them; all values must be ASCII."""
    return b"".join(f"{name}: {value}\r\n".encode("ascii") for name, value in fields)
