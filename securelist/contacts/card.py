"""One vCard, by vobject, which is imported here only; and many of them as octets.

vobject is made for vCard 3.0. What is a URI in 4.0 is given to it as encoded, since RFC 6350, 4.2 escapes none; and lines are folded here,
because vobject counts characters and the RFCs octets (RFC 2425, 5.8.1; RFC 6350, 3.2).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable

import vobject  # type: ignore[import-untyped]  # it ships no types

from securelist.contacts.contact import Contact, Imported, region_name
from securelist.contacts.repository import Repository
from securelist.contacts.shown import works
from securelist.mail.addresses import same_address

# At most 75 octets a line, of which the blank before a continued one is the first; no letter is torn in two.
_FOLDED = re.compile(rb".{1,74}(?![\x80-\xbf])", re.DOTALL)
_UNFOLDED = 1 << 30  # longer than any line


class Card:
    """A card that is being written, with what those of every version have: VERSION, UID, FN, N, ORG, CATEGORIES."""

    def __init__(self, version: str, one: Contact | Imported, name: str, repository: Repository) -> None:
        """`one` as it is shown; `name` is what the card is called."""
        self._card = vobject.vCard()
        self.add("VERSION", version)
        self.add("UID", _uid(one, repository.list), encoded=True)
        self.add("FN", name)
        self.add("N", vobject.vcard.Name(given=name))
        if one.person.organisation:
            self.add("ORG", [one.person.organisation])
        self.add("CATEGORIES", [_category(one, repository.name), region_name(one.cctld.region), f".{one.cctld.name}"])

    def add(self, name: str, value: object, *, encoded: bool = False, **parameters: list[str]) -> None:
        """A property, whose value is escaped unless it is `encoded` already."""
        line = self._card.add(name)
        line.value, line.encoded, line.params = value, encoded, parameters

    @property
    def text(self) -> str:
        """All its lines, which end with CRLF and are not folded."""
        return str(self._card.serialize(lineLength=_UNFOLDED))


def octets(cards: Iterable[Card]) -> bytes:
    """Cards one after the other, in UTF-8, their lines folded."""
    lines = "".join(card.text for card in cards).encode().split(b"\r\n")
    return b"\r\n".join(b"\r\n ".join(_FOLDED.findall(line)) for line in lines)


def best_first(one: Contact | Imported) -> list[str]:
    """Their addresses, those that work before the others: whoever writes to "the" address of a contact should reach them."""
    return sorted(one.person.emails, key=lambda email: not works(one, email))


def _uid(one: Contact | Imported, address: str) -> str:
    """The same in every edition, also after a change of key or name: the list knows a contact by ccTLD and primary address."""
    source = one.source if isinstance(one, Imported) else ""
    who = "\n".join([same_address(address), source, one.cctld.name, *map(same_address, one.person.emails[:1] or (one.person.name,))])
    return uuid.uuid5(uuid.NAMESPACE_URL, who).urn


def _category(one: Contact | Imported, name: str) -> str:
    return f"{name}: from {one.source}" if isinstance(one, Imported) else name
