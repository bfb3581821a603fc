"""What a mail server's refusal says: of the address, for now or for good, or of this mail alone (RFC 3463; RFC 5321, 4.2)."""

from __future__ import annotations

import re

SOFT = "soft"  # it may be taken later
HARD = "hard"  # this address takes no mail
UNFIT = "unfit"  # it takes mail, but not this one: too large, or of a kind that it does not take

# A code, and not a part of an IP address or a version.
_STATUS = re.compile(r"(?<![0-9.])([245])\.([0-9]{1,3})\.([0-9]{1,3})(?!\.?[0-9])")
_REPLY = re.compile(r"(?<![0-9.])([245][0-9][0-9])(?=[ -]|\Z)")
# What a refusal for good leaves hope for: a full mailbox (X.2.2), and a server that gave up trying (X.4.7).
_PASSING = {(2, 2), (4, 7)}
# The mail is too large for this mailbox (X.2.3) or this system (X.3.4); all of X.6 is about what is in a mail.
_TOO_LARGE = {(2, 3), (3, 4)}
_ABOUT_CONTENT = 6
_STORAGE = "552"  # either of both (RFC 5321, 4.2.3): the words tell
# The one cause that servers without status codes (RFC 2034) write in words, and that passes by itself.
_FULL = re.compile(
    r"quota|(?:mail ?box|mail ?folder|user|account) is (?:over)?full|mailbox full|insufficient (?:system )?storage", re.IGNORECASE
)


def judged(words: str, status: str = "") -> str:
    """SOFT, HARD or UNFIT, by the `status` that a report gives and a server's `words`; each may be empty. HARD where neither tells."""
    stated = _STATUS.search(status)
    if stated is None or stated[0].endswith(".0.0"):  # "other": the words know more
        stated = _STATUS.search(words) or stated
    if stated is not None and not stated[0].endswith(".0.0"):
        return _by_status(int(stated[1]), (int(stated[2]), int(stated[3])))
    if _FULL.search(words):
        return SOFT
    reply = _REPLY.search(words)
    if reply is not None and reply[1] == _STORAGE:
        return UNFIT
    first = stated or reply
    return SOFT if first is not None and first[1].startswith("4") else HARD


def _by_status(kind: int, about: tuple[int, int]) -> str:
    if kind == 4 or about in _PASSING:
        return SOFT
    return UNFIT if about in _TOO_LARGE or about[0] == _ABOUT_CONTENT else HARD
