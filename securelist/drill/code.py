"""The code in a drill's letter: who shows it in what they sign has read the letter.

`drill-7-k7qm-2xrt-5bpd-w3fh`: the drill's number, and what is made from the drill and the member's key with the installation's
secret; so nothing is kept about it. No other text looks like that: a post that shows one was meant as an answer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator

# 80 bits, as in a bounce address: out of reach of guessing by mail.
CODE_OCTETS = 10
GROUP = 4
# A mail quotes the letter once or twice; each more is somebody who tries.
MAX_CODES_IN_A_MAIL = 10
# Anybody can send 25 MiB of hyphens. Who answers writes above what was attached.
MAX_SEARCHED_CHARACTERS = 64 * 1024

_CODE = re.compile(r"\bdrill-([1-9][0-9]{0,8})-((?:[a-z2-7]{4}-){3}[a-z2-7]{4})(?![a-z0-9-])")


def make_code(secret: bytes, drill: int, started: int, fingerprint: str) -> str:
    """The code of the member with this key in the drill of this number, which began at `started` (Unix seconds)."""
    # The prefix keeps this use of the secret apart from any other; the time, from a drill of the same number in a restored database.
    octets = hmac.new(secret, f"drill {drill} {started} {fingerprint}".encode("ascii"), hashlib.sha256).digest()[:CODE_OCTETS]
    letters = base64.b32encode(octets).decode("ascii").lower()
    return "-".join(("drill", str(drill), *(letters[i : i + GROUP] for i in range(0, len(letters), GROUP))))


def codes_in(text: str) -> Iterator[str]:
    """What looks like a code in a text, in its order, some of them at most; nobody checked it."""
    for place, match in enumerate(_CODE.finditer(text[:MAX_SEARCHED_CHARACTERS].lower())):
        if place == MAX_CODES_IN_A_MAIL:
            return
        yield match[0]


def shows_code(text: str) -> bool:
    """Whether a text shows what looks like the code of any drill."""
    return next(codes_in(text), None) is not None
