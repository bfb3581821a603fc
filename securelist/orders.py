"""Commands as people write them: lines at the head of a signed text. What each does is in `commands`; `command_desk` carries them out."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from securelist.cctld.cctlds import find_cctld
from securelist.errors import Refused
from securelist.openpgp.signed import Verified
from securelist.trust.text import text_of

# Each is answered by a letter. A person writes two or three at a time.
MAX_COMMANDS = 10
# How much of a text is looked at: ten commands with three hundred ccTLDs each fit in twice, and a text may have a million lines.
MAX_CHARACTERS = 32 * 1024
# How much of what somebody wrote is quoted to them.
MAX_QUOTED = 60
# What ends the commands without a word: an empty line, a quotation, the mail signature (RFC 3676, 4.3).
_SIGNATURE, _EMPTY_OR_QUOTED = re.compile(r"--\s*\Z"), re.compile(r"\s*\Z|\s*>")


@dataclass(frozen=True)
class Order:
    """One line with a command: its place among them, the command's word, and the words after it."""

    place: int
    word: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((self.word, *self.arguments))

    @property
    def is_meant(self) -> bool:
        """Whether it is written as that command is: it may be the beginning of a sentence, such as "Release 4 is out"."""
        return COMMAND_WORDS[self.word](list(self.arguments))


@dataclass(frozen=True)
class Orders:
    """The commands in a signed text, and the line that is none and so ended them; empty if they ended as they should."""

    lines: tuple[Order, ...] = ()
    left_out: str = ""

    @property
    def are_meant(self) -> bool:
        """Whether the text is for LIST-request, and no post, whatever stands below its commands.

        A line that names what to do with whom says enough. One word alone ("help") brings its signer an answer and does nothing else:
        with a sentence right below it is the beginning of that.
        """
        meant = [order for order in self.lines if order.is_meant]
        return any(order.arguments for order in meant) or (bool(meant) and len(meant) == len(self.lines) and not self.left_out)


def orders_in(verified: Verified) -> Orders:
    """The commands at the head of a signed text; none if its first line is none, or if it holds no text."""
    orders: list[Order] = []
    for line in _lines(verified):
        if _SIGNATURE.match(line) or _EMPTY_OR_QUOTED.match(line):
            return Orders(tuple(orders))
        word, *arguments = _words(line)
        if word not in COMMAND_WORDS or len(orders) == MAX_COMMANDS:
            return Orders(tuple(orders), line[:MAX_QUOTED])
        orders.append(Order(len(orders) + 1, word, tuple(arguments)))
    return Orders(tuple(orders))


def digest_of(verified: Verified, place: int) -> str:
    """What makes a command the same again: the text that was signed, when, and the line's place in it (0: the text as a whole).

    A second "invite --batch 20" in the same words is another mail with another date; the same mail cannot be given one. Line ends
    and blanks before them are left aside: they may differ under one and the same signature (RFC 9580, 5.2.1.2 and 7.2).
    """
    digest = hashlib.sha256(b"%d %d" % (verified.made, place))
    for line in io.BytesIO(verified.content.rstrip().replace(b"\r\n", b"\n").replace(b"\r", b"\n") + b"\n"):
        digest.update(b"\n" + line.rstrip())
    return digest.hexdigest()


def _lines(verified: Verified) -> list[str]:
    try:
        return text_of(verified.content).strip()[:MAX_CHARACTERS].splitlines()
    except Refused:  # HTML alone, say
        return []


def _words(line: str) -> list[str]:
    """The words of a line, the first in lower case; one that is empty where there are none."""
    word, *arguments = line.replace(",", " ").split() or [""]
    return [word.lower(), *arguments]


# --- what is behind each word where it is meant as a command: a post may begin with "Release 4 is out", or "Help us" --------------


def _nothing(words: list[str]) -> bool:
    return not words


def _numbers(words: list[str]) -> bool:
    return bool(words) and all(re.fullmatch(r"#?[0-9]{1,9}\.?", word) for word in words)


def _drill(words: list[str]) -> bool:
    return words in ([], ["start"], ["status"])


def _address(words: list[str]) -> bool:
    return len(words) == 1 and "@" in words[0]


def _cctlds(words: list[str]) -> bool:
    if words and words[0].strip("-\u2013\u2014").lower() == "batch":
        return _numbers(words[1:])
    try:
        return bool([find_cctld(word) for word in words])
    except Refused:
        return False


def _cctlds_or_nothing(words: list[str]) -> bool:
    return not words or _cctlds(words)


COMMAND_WORDS: Mapping[str, Callable[[list[str]], bool]] = {
    **dict.fromkeys(("help", "sendkey", "status", "members", "log", "coverage", "pending"), _nothing),
    **dict.fromkeys(("release", "decline"), _numbers),
    **dict.fromkeys(("suspend-member", "resume-member"), _address),
    "contacts": _cctlds_or_nothing,
    "invite": _cctlds,
    "drill": _drill,
}
