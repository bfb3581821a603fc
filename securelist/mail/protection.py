"""Header protection in both dialects: RFC 9788 (`hp`, HP-Outer) and the older `protected-headers="v1"` of Thunderbird.

A mail of ours is an outer header block that says little, and a payload, later signed and encrypted, that repeats all of
it with the real Subject, says what stood outside, and holds the text.
"""

from __future__ import annotations

from dataclasses import dataclass

from securelist.mail.headers import block, text_field
from securelist.mail.mime import multipart

OUTER_SUBJECT = "[...]"  # RFC 9788, 3.2.1 (hcp_baseline)


@dataclass(frozen=True)
class Protected:
    """The outer header block, and the payload to sign and encrypt; both with CRLF."""

    headers: bytes
    payload: bytes


def text_part(text: str, subject: str = "") -> bytes:
    """A text/plain entity in UTF-8; with `subject` it begins with the legacy display of it (RFC 9788, 2.1.2)."""
    head = 'Content-Type: text/plain; charset="utf-8"' + ('; hp-legacy-display="1"' if subject else "") + "\r\n"
    lines = ([f"Subject: {subject}", ""] if subject else []) + text.split("\n")
    return (head + "Content-Transfer-Encoding: 8bit\r\n\r\n" + "\r\n".join(lines)).encode()


def protect(outer: list[tuple[str, str]], subject: str, inner: list[tuple[str, str]], parts: list[bytes]) -> Protected:
    """Outer fields (their Subject is added here), the real subject, fields that only the payload has, and its parts."""
    hidden = [*outer, ("Subject", OUTER_SUBJECT)]
    boundary, body = multipart(parts)
    content_type = f'multipart/mixed; boundary="{boundary}";\r\n hp="cipher"; protected-headers="v1"'
    head = block([("MIME-Version", "1.0"), ("Content-Type", content_type), *outer, text_field("Subject", subject)])
    head += block([("HP-Outer", f"{name}: {value}") for name, value in hidden]) + block(inner)
    return Protected(block([*hidden, ("MIME-Version", "1.0")]), head + b"\r\n" + body)
