"""The few things that a record needs from a jCard (RFC 7095), each of them plain text or refused.

What stands in a record goes into mails, tables and statements, and its writer is neither we nor whoever reads it: a name is one
line of visible characters, an address a plain one. Refusals name the field; whoever calls says of which record.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from securelist.errors import Refused
from securelist.mail.addresses import address_problem
from securelist.mail.headers import visible

# Ministries have long names; the longest manager in the root zone has some 130 characters.
MAX_TEXT = 200
# A number with its extension.
MAX_PHONE = 60
_MARKUP = re.compile(r"[<>]|&#?[A-Za-z0-9]+;")


@dataclass(frozen=True)
class Property:
    """One property of a jCard: its parameters, and its value (a text, or for structured values a list)."""

    parameters: dict[str, Any]
    value: Any


class JCard:
    """A jCard whose frame is as it should be; `field` is what refusals call it. Raises Refused("bad-record")."""

    def __init__(self, raw: object, field: str) -> None:
        self._field = field
        if not (isinstance(raw, list) and len(raw) == 2 and raw[0] == "vcard" and isinstance(raw[1], list)):
            raise Refused("bad-record", f'{field}: it must be a jCard: ["vcard", [properties]] (RFC 7095)')
        self._properties = [self._property(entry) for entry in raw[1]]

    def _property(self, raw: object) -> tuple[str, Property]:
        match raw:
            case [str(name), dict(parameters), str(_), value, *_]:
                return name.lower(), Property(parameters, value)
        raise Refused("bad-record", f"{self._field}: a property of a jCard is [name, parameters, type, value] (RFC 7095, 3.3)")

    def _all(self, name: str) -> list[Property]:
        return [found for known, found in self._properties if known == name]

    def text(self, *names: str) -> str:
        """The value of the first of these properties that is there, one line of visible characters; raises Refused."""
        for name in names:
            for found in self._all(name):
                # Organisations may be given with their units (RFC 6350, 6.6.4).
                parts = found.value if isinstance(found.value, list) else [found.value]
                if shown := ", ".join(filter(None, (plain(part, f"{self._field}.{name}") for part in parts))):
                    return shown
        raise Refused("missing-field", f"{self._field}.{names[0]}: it is missing or empty, and must be there")

    def address(self) -> str:
        """The one address in it, as written; raises Refused for none, two that differ, and what is no plain address."""
        field = f"{self._field}.email"
        addresses = {plain(found.value, field) for found in self._all("email")} - {""}
        if len(addresses) != 1:
            raise Refused("no-address", f"{field}: there must be exactly one address of record, not {len(addresses)}")
        (address,) = addresses
        if problem := address_problem(address):
            raise Refused("bad-address", f"{field}: {problem}")
        return address

    def phone(self) -> str:
        """The first telephone number that is no fax's; empty if there is none. Raises Refused for what is no line of text."""
        for found in self._all("tel"):
            kind = found.parameters.get("type", "voice")
            if "voice" in (kinds := kind if isinstance(kind, list) else [kind]) or "fax" not in kinds:
                # RFC 3966, 3: as a URI, an extension is a parameter.
                shown = plain(found.value, f"{self._field}.tel", MAX_PHONE)
                return shown.removeprefix("tel:").replace(";ext=", " ext. ")
        return ""


def plain(value: object, field: str, limit: int = MAX_TEXT) -> str:
    """A text as it may be shown anywhere: one line, no control or invisible characters, no HTML; raises Refused naming `field`."""
    if not isinstance(value, str):
        raise Refused("bad-record", f"{field}: it must be a text")
    if len(value) > limit:
        raise Refused("too-long", f"{field}: it has at most {limit} characters, this has {len(value)}")
    if hidden := next((c for c in value if unicodedata.category(c)[0] == "C"), ""):
        raise Refused("bad-character", f"{field}: the control or invisible character U+{ord(hidden):04X} is not allowed")
    if _MARKUP.search(value):
        raise Refused("markup", f"{field}: it must be plain text, and holds what looks like HTML: {value[:40]!a}")
    return visible(value)


def roles(raw: object) -> Sequence[str]:
    """The roles of an entity (RFC 9083, 10.2.4), in lower case; none if they are not a list of texts."""
    return [role.lower() for role in raw if isinstance(role, str)] if isinstance(raw, list) else []
