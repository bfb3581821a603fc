"""Header fields: reading the few that matter with care, and writing ours (RFC 5322, 2047)."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from email.errors import HeaderParseError
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

_REGISTRY = HeaderRegistry()


def visible(text: str) -> str:
    """`text` on one line, without control, format (bidirectional, zero-width) and unassigned characters."""
    kept = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
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
    addresses, whole = _addresses(field, values[0])
    if len(addresses) != 1 or not whole or "<" in addresses[0].display_name:
        raise Refused("bad-from", f"{field} must hold one well-formed mailbox, such as: Anna <anna@registry.example>")
    if address_problem(addresses[0].addr_spec):  # which is not quoted: it may stand in the encrypted part
        raise Refused("bad-from", f"{field} must hold a plain address of the form name@domain.example")
    return Mailbox(visible(decoded_text(addresses[0].display_name, field))[:MAX_NAME_CHARACTERS], addresses[0].addr_spec)


def _addresses(field: str, value: str) -> tuple[tuple[Address, ...], bool]:
    """The addresses in a field's value, and whether the parser of `email` had nothing to complain about."""
    try:
        parsed: Any = _REGISTRY(field, value)
        return tuple(parsed.addresses), not parsed.defects
    except Exception:  # on malformed input it raises whatever comes
        return (), False


def addresses_in(entity: Entity, field: str) -> list[str]:
    """Every address in all fields of that name, lower case; unreadable ones are left out."""
    return [a.addr_spec.lower() for value in entity.all(field) for a in _addresses(field, value)[0]]


def address_in_user_id(user_id: str) -> str:
    """The address that an OpenPGP user ID names (RFC 9580, 5.11: by convention a mailbox), or the empty string."""
    addresses, _ = _addresses("From", user_id if user_id.isascii() else user_id.rpartition(" ")[2])
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
    raw = values[0]
    if not raw.isascii():
        raw = raw.encode("ascii", "surrogateescape").decode("utf-8", "replace")
    return decoded_text(raw, "Subject")[:MAX_SUBJECT_CHARACTERS]


def text_field(name: str, value: str) -> tuple[str, str]:
    """A field of ours with free text, encoded (RFC 2047) and folded with CRLF."""
    charset = "us-ascii" if value.isascii() else "utf-8"
    return name, Header(value, charset, header_name=name, maxlinelen=76).encode(linesep="\r\n")


def mailbox_field(name: str, display: str, address: str) -> tuple[str, str]:
    """A field of ours with one mailbox."""
    return name, formataddr((display, address), charset="utf-8")


def block(fields: list[tuple[str, str]]) -> bytes:
    """Fields as octets, each line ending with CRLF, without the empty line after them; all values must be ASCII."""
    return b"".join(f"{name}: {value}\r\n".encode("ascii") for name, value in fields)
