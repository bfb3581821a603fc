"""Telephone numbers as people write them: what is dialled, and the extension, which is not."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"(\+[0-9][0-9 ().-]*?)(?: ?(?:ext\.?|x) ?([0-9]{1,6}))?")
# Dialled within the country alone, and written with the number all the same. In Italy and San Marino it belongs to the number.
_ZERO_AT_HOME = re.compile(r" ?\(0\)")
_ZERO_STAYS = re.compile(r"\+(?:39|378)(?![0-9])")


def dialled(number: str) -> tuple[str, str] | None:
    """An international number as (what to dial, its extension or nothing), None for what is none."""
    match = _NUMBER.fullmatch(number)
    if match is None:
        return None
    return match[1] if _ZERO_STAYS.match(match[1]) else _ZERO_AT_HOME.sub("", match[1]), match[2] or ""


def tel_uri(number: str) -> str:
    """The URI of an international telephone number (RFC 3966, 3); empty for what is none."""
    parts = dialled(number)
    if parts is None:
        return ""
    digits = re.sub(r"[^0-9]", "", parts[0])
    return f"tel:+{digits}" + (f";ext={parts[1]}" if parts[1] else "")
