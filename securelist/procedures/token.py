"""The token in an invitation: it proves that whoever answers reads mail at the address that was written to.

`nl-k7qm-2xrt-5bpd-w3fh-6yzc`: the ccTLD, then the invitation's number and a code made from it with the installation's secret. So
nothing secret is kept about an invitation, and a reminder carries the same token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator

# 24 bits for the number and 76 for the code: 20 letters and digits, that somebody can read out on the telephone.
NUMBER_OCTETS = 3
LETTERS = 20
GROUP = 4
# A mail quotes an invitation once or twice; each more is somebody who tries.
MAX_TOKENS_IN_A_MAIL = 10
# Anybody can send 25 MiB of hyphens, which are searched at 1 MiB a second. Who answers writes above what was attached.
MAX_SEARCHED_CHARACTERS = 64 * 1024

_TOKEN = re.compile(r"\b((?:xn--)?[a-z0-9][a-z0-9-]{0,58}?)-((?:[a-z2-7]{4}-){4}[a-z2-7]{4})(?![a-z0-9-])")


def make_token(secret: bytes, number: int, cctld: str) -> str:
    """The token for the invitation of this number (below 2 ** 24) to this ccTLD."""
    plain = number.to_bytes(NUMBER_OCTETS, "big")
    # The prefix keeps this use of the secret apart from any other (bounce addresses, Message-IDs).
    code = hmac.new(secret, b"invitation " + plain + b" " + cctld.encode("ascii"), hashlib.sha256).digest()
    letters = base64.b32encode(plain + code).decode("ascii").lower()[:LETTERS]
    return "-".join((cctld, *(letters[i : i + GROUP] for i in range(0, LETTERS, GROUP))))


def number_of(secret: bytes, token: str) -> int | None:
    """The invitation's number, if `token` was made with this secret."""
    match = _TOKEN.fullmatch(token.lower())
    if match is None:
        return None
    letters = match[2].replace("-", "")
    number = int.from_bytes(base64.b32decode(letters[:8].upper())[:NUMBER_OCTETS], "big")
    same = hmac.compare_digest(make_token(secret, number, match[1]), token.lower())
    return number if same else None


def numbers_in(secret: bytes, text: str) -> Iterator[int]:
    """The numbers of the invitations whose tokens stand somewhere in a text, in their order."""
    for place, match in enumerate(_TOKEN.finditer(text[:MAX_SEARCHED_CHARACTERS].lower())):
        if place == MAX_TOKENS_IN_A_MAIL:
            return
        number = number_of(secret, match[0])
        if number is not None:
            yield number
