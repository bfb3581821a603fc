"""Text that came as format=flowed (RFC 3676), as its writer saw it: Thunderbird and others wrap and stuff lines on their way."""

from __future__ import annotations

import re

from securelist.mail.mime import Entity

# A field of a statement, or of armour. Some clients leave blanks at the ends of lines that the writer ended: those lines stay apart.
_FIELD = re.compile(rb"[A-Za-z][A-Za-z-]*:(?: |\Z)")
_SIGNATURE = b"-- "


def is_flowed(entity: Entity) -> bool:
    """Whether a text/plain entity says that it is flowed."""
    return entity.parameter("format").lower() == "flowed"


def unflowed(text: bytes, *, delete_space: bool = False) -> bytes:
    """The lines without what was stuffed in front of them (4.4), and joined where they were wrapped (4.2); quoted ones stay as they are.

    `delete_space`: the parameter DelSp was "yes" (4.1). Line ends become LF.
    """
    lines: list[bytes] = []
    wrapped = False
    for raw in text.replace(b"\r\n", b"\n").split(b"\n"):
        quoted = raw.startswith(b">")
        line = raw[1:] if raw.startswith(b" ") else raw
        if wrapped and line and not quoted and not _FIELD.match(line) and line != _SIGNATURE:
            lines[-1] = (lines[-1][:-1] if delete_space else lines[-1]) + line
        else:
            lines.append(line)
        wrapped = line.endswith(b" ") and line != _SIGNATURE and not quoted
    return b"\n".join(lines)


def as_written(entity: Entity, text: bytes) -> bytes:
    """The decoded text of a text/plain entity, flowed or not, as its writer saw it."""
    return unflowed(text, delete_space=entity.parameter("delsp").lower() == "yes") if is_flowed(entity) else text
