"""What a poster is called in a copy: by the name in the attestation, unless that could be taken for somebody else's."""

from __future__ import annotations

import unicodedata

from securelist.mail.headers import visible

ANNOUNCEMENT, SECRETARIAT = "Announcement", "Secretariat"
"""What the posts of trust roots are called, and who they are: no member is shown by such a name."""

# Alphabets with letters that look alike; nobody writes one name in two of them.
_ALIKE = {"LATIN", "GREEK", "CYRILLIC"}


def shown_name(name: str, cctld: str, list_name: str) -> str:
    """The name, visible; `contact of .nl` for one that looks like the Secretariat's, the list's or an address, whoever attested it."""
    plain = unicodedata.normalize("NFKC", visible(name))
    letters = _letters(plain)
    looks_official = any(_letters(word) in letters for word in (ANNOUNCEMENT, SECRETARIAT)) or letters == _letters(list_name)
    looks_like_an_address = any(character in '<>@"\\' for character in plain) or " via " in plain.casefold()
    if not letters or looks_official or looks_like_an_address or len(_alphabets(plain)) > 1:
        return f"contact of .{cctld}"
    return visible(name)


def _letters(text: str) -> str:
    """Letters and digits alone, without case and accents."""
    return "".join(character for character in unicodedata.normalize("NFKD", text).casefold() if character.isalnum())


def _alphabets(text: str) -> set[str]:
    return {unicodedata.name(character, "").partition(" ")[0] for character in text if character.isalpha()} & _ALIKE
