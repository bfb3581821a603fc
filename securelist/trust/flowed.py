"""Text that came as format=flowed (RFC 3676), as its writer saw it: Thunderbird and others wrap and stuff lines on their way."""

from __future__ import annotations

import re

from securelist.errors import Refused
from securelist.mail.mime import Entity

# A field of a statement, or of armour. RFC 3676 would join it to a line before it that ends in a blank; it stays apart. People paste
# lines with blanks at their ends, and joined, a field that they wrote would become part of the value above: an `Expires` below an
# `Organisation` would silently not hold. Refused, they would have to look for what cannot be seen, and logs hold texts that came so.
# The price is that a long value with a colon in it may come apart where it was wrapped. Who wrote it themselves is told then, or meant
# a field; what strangers wrote never comes to that, because it is not given to anybody to sign (`wording`).
_FIELD = re.compile(rb"[A-Za-z][A-Za-z-]*:(?: |\Z)")
_SIGNATURE = b"-- "
# Fifty statements with their signature, and a dozen certificates pasted below: a text of a mebibyte is nobody's writing.
MAX_FLOWED_OCTETS = 2**20


def is_flowed(entity: Entity) -> bool:
    """Whether a text/plain entity says that it is flowed."""
    return entity.parameter("format").lower() == "flowed"


def unflowed(text: bytes, *, delete_space: bool = False) -> bytes:
    """The lines without what was stuffed in front of them (4.4), and joined where they were wrapped (4.2); quoted ones stay as they are.

    `delete_space`: the parameter DelSp was "yes" (4.1). Line ends become LF. Raises Refused("text-too-large").
    """
    if len(text) > MAX_FLOWED_OCTETS:
        raise Refused("text-too-large", f"the text has more than {MAX_FLOWED_OCTETS // 1024} KiB; send what it holds in attachments")
    # One piece of memory that grows at its end: a paragraph of a million lines must not be copied for each of them.
    joined, wrapped = bytearray(), False
    for raw in text.replace(b"\r\n", b"\n").split(b"\n"):
        quoted = raw.startswith(b">")
        line = raw[1:] if raw.startswith(b" ") else raw
        if not (wrapped and line and not quoted and not _FIELD.match(line) and line != _SIGNATURE):
            joined += b"\n"
        elif delete_space:
            del joined[-1:]
        joined += line
        wrapped = line.endswith(b" ") and line != _SIGNATURE and not quoted
    return bytes(joined[1:])


def as_written(entity: Entity, text: bytes) -> bytes:
    """The decoded text of a text/plain entity, flowed or not, as its writer saw it."""
    return unflowed(text, delete_space=entity.parameter("delsp").lower() == "yes") if is_flowed(entity) else text
