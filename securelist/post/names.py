"""What a poster is called in a copy: by the name in the attestation, unless that could be taken for somebody else's."""

from __future__ import annotations

import re
import unicodedata

from securelist.mail.headers import visible

ANNOUNCEMENT, SECRETARIAT = "Announcement", "Secretariat"
"""What the posts of trust roots are called, and who they are: no member is shown by such a name."""

# What only we say, of somebody or at the head of a copy.
_OURS = (ANNOUNCEMENT, SECRETARIAT, "contact of", "admin contact", "signature verified", "below this line")
# A list's name of two or three letters may stand in anybody's.
MIN_NAME_LETTERS = 4

# Alphabets with letters that look alike; nobody writes one name in two of them.
_ALIKE = {"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU"}
# A letter of ours, whatever is added to it: small capitals, dotless, with a stroke, in a box.
_BASE = re.compile(r"(?:LATIN|REGIONAL)\b.* LETTER (?:[A-Z]{2,} )*([A-Z])(?: WITH .*)?")
LOOK_ALIKES = str.maketrans("абвгеѕзіјкмнопрстухьһӏԁԛԝѵүαβγεικνορστυχϲϳ", "a6bres3ijkmhonpctyxbhldqwvyabyeikvopstuxcj")
"""Small Cyrillic and Greek letters, and those of the Latin alphabet that they look like."""

# Digits for letters, and letters that are told apart by their length alone.
_FOLDED = str.maketrans("0134578l", "oieastbi")


def shown_name(name: str, cctld: str, list_name: str) -> str:
    """The name, visible; `contact of .nl` for one that looks like the Secretariat's, the list's, a sentence of ours or an address,
    whoever attested it."""
    plain = unicodedata.normalize("NFKC", visible(name))
    looks, of_list = skeleton(plain), skeleton(list_name)
    looks_like_the_list = looks == of_list or (len(of_list) >= MIN_NAME_LETTERS and of_list in looks)
    looks_official = looks_like_the_list or any(skeleton(words) in looks for words in _OURS)
    looks_like_an_address = any(character in '<>@"\\' for character in plain) or " via " in plain.casefold()
    if not looks or looks_official or looks_like_an_address or len(_alphabets(plain)) > 1:
        return f"contact of .{cctld}"
    return visible(name)


def skeleton(text: str) -> str:
    """Letters and digits alone, by their looks: without case, accents, and what tells l from 1. For comparing only."""
    letters = map(_letter, unicodedata.normalize("NFKD", text).casefold())
    return "".join(letters).translate(LOOK_ALIKES).translate(_FOLDED).replace("rn", "m").replace("vv", "w")


def _letter(character: str) -> str:
    """The letter of ASCII that this is a form of, or itself; nothing for what is no letter or digit."""
    if character.isascii():
        return character if character.isalnum() else ""
    base = _BASE.fullmatch(unicodedata.name(character, "").removeprefix("NEGATIVE ").removeprefix("SQUARED ").removeprefix("CIRCLED "))
    return base[1].lower() if base else character if character.isalnum() else ""


def _alphabets(text: str) -> set[str]:
    return {unicodedata.name(character, "").partition(" ")[0] for character in text if character.isalpha()} & _ALIKE
