"""The octets after DATA, in whatever pieces they come, until the end of the mail (RFC 5321, 4.1.1.4 and 4.5.2)."""

from __future__ import annotations

from dataclasses import dataclass

from securelist.mail.addresses import ListAddress
from securelist.mail.room import Guest

# Nothing else ends a mail: who takes LF.LF or LF.CRLF for the end as well lets a second mail be smuggled in a first one.
_END = b"\r\n.\r\n"
_LINE_END = b"\r\n"


class Incoming:
    """One mail on its way in. It looks at whole pieces: a mail of thirteen million empty lines costs what one of its size costs."""

    def __init__(self) -> None:
        # The line end of the DATA command itself is the one before the first line: a dot alone there ends an empty mail.
        self._octets = bytearray(_LINE_END)
        self._drops = False

    def __len__(self) -> int:
        """How many octets are held of the mail, stuffed dots included."""
        return 0 if self._drops else len(self._octets) - len(_LINE_END)

    def take(self, piece: bytes) -> bytes | None:
        """Adds what came; what of it came after the end of the mail, or None while the end has not come."""
        overlap = len(_END) - 1
        begin = max(0, len(self._octets) - overlap)
        self._octets += piece
        end = self._octets.find(_END, begin)
        if end < 0:
            if self._drops:
                del self._octets[:-overlap]
            return None
        after = bytes(self._octets[end + len(_END) :])
        del self._octets[end + len(_LINE_END) :]
        return after

    def drop(self) -> None:
        """From now on only the end is looked for; what there is of the mail is forgotten."""
        self._drops = True
        del self._octets[: -(len(_END) - 1)]

    def content(self) -> bytes:
        """The whole mail without its stuffed dots; empty if it was dropped. What is held here is gone then."""
        octets, self._octets = self._octets, bytearray(_LINE_END)
        return b"" if self._drops else bytes(memoryview(octets.replace(_LINE_END + b".", _LINE_END))[len(_LINE_END) :])


@dataclass(frozen=True)
class Arrived:
    """A mail whose last octet has just come: for which address, from whom ("" for <>), itself, and the session that brought it.

    `problem` is why it is not judged: "too-large", "no-room", or empty.
    """

    to: ListAddress
    mail_from: str
    incoming: Incoming
    problem: str
    guest: Guest
