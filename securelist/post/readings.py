"""Whose address a reader could find in a From, whatever a mail program makes of name, comment and encoded words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from securelist.errors import Refused
from securelist.mail.addresses import same_address
from securelist.mail.headers import decoded_text, one_mailbox, visible
from securelist.mail.mime import Entity
from securelist.post.names import LOOK_ALIKES

# What may stand between the letters of an address, and a reader still sees that address; backslash and quotation marks belong to its
# form in a header (RFC 5322, 3.2.4).
_BETWEEN = re.compile(r"""[\s\\"]+""")
# What continues an address: "bert+x@nl.example" and "bert@nl.example.org" are somebody else's than "bert@nl.example". Whatever else
# an address may hold by the standard, such as an apostrophe or "=", readers take for the end of the address, and programs put it there.
_GOES_ON_BEFORE, _GOES_ON_BEHIND = re.compile(r"[a-z0-9._+-]"), re.compile(r"[a-z0-9-]|\.[a-z0-9]")
# Dots of other scripts, which browsers take for dots (UTS 46, 4).
_DOTS = str.maketrans("\u3002\uff61", "..")


@dataclass(frozen=True)
class Reading:
    """One way to read a From: its letters without blanks, in lower case, and before which of them there was a blank."""

    letters: str
    breaks: frozenset[int]

    def names(self, address: str) -> bool:
        """Whether this address, in lower case, stands there."""
        return address in self.letters and any(True for _ in self._places(address))

    def without(self, addresses: Iterable[str]) -> Reading:
        """The same with these addresses blackened where they stand."""
        letters = self.letters
        for address in sorted(addresses, key=len, reverse=True):
            for at in replace(self, letters=letters)._places(address):
                letters = letters[:at] + "<" * len(address) + letters[at + len(address) :]
        return replace(self, letters=letters)

    def _places(self, address: str) -> Iterable[int]:
        for found in re.finditer(f"(?={re.escape(address)})", self.letters):
            start, end = found.start(), found.start() + len(address)
            begins = start in self.breaks or not _GOES_ON_BEFORE.match(self.letters[start - 1 : start])
            if begins and (end in self.breaks or not _GOES_ON_BEHIND.match(self.letters, end)):
                yield start


def readings(mail: Entity) -> Sequence[Reading]:
    """The ways to read the one From of a mail: as it stands there, decoded, and as its mailbox.

    Raises Refused("bad-from"), or ("bad-charset") where each program could read something else.
    """
    mailbox, value = one_mailbox(mail), mail.all("From")[0]
    decoded = decoded_text(value, "From")
    texts = [value, decoded, f"{mailbox.name} <{mailbox.address}>"]
    with suppress(Refused):  # some programs decode twice; what cannot be, nobody does
        texts.append(decoded_text(decoded, "From"))
    return [_reading(text) for text in dict.fromkeys(texts) if "@" in unicodedata.normalize("NFKC", text)]


def _reading(text: str) -> Reading:
    plain = same_address(visible(unicodedata.normalize("NFKC", visible(text)))).translate(LOOK_ALIKES).translate(_DOTS)
    letters, breaks = "", set()
    for piece in _BETWEEN.split(plain):
        breaks.add(len(letters))
        letters += piece
    return Reading(letters, frozenset(breaks | {len(letters)}))
