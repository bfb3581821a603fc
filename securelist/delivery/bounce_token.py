"""The token in a copy's bounce address: which copy it was, signed, so that only a mail we sent can bounce to us.

`LIST-bounces+TOKEN@domain`; lower case and digits only, because mail systems change the case of addresses.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from pathlib import Path

from securelist.errors import ConfigurationError

FILE_NAME = "secret"
SECRET_OCTETS = 32
# 80 bits: out of reach of guessing by mail, and the whole address stays below 64 octets before the @ (RFC 5321, 4.5.3.1.1).
MAC_OCTETS = 10

_TOKEN = re.compile(r"([1-9a-f][0-9a-f]{0,14})-([a-z2-7]{16})")


def make_secret(home: Path) -> bytes:
    """A new secret of this installation in `home`, readable by its owner only, or the one that is there already."""
    secret = os.urandom(SECRET_OCTETS)
    try:
        with open(home / FILE_NAME, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        return read_secret(home)  # never replaced: addresses and Message-IDs in use depend on it
    return secret


def read_secret(home: Path) -> bytes:
    """The installation's secret; raises ConfigurationError if it is missing or was cut."""
    try:
        secret = (home / FILE_NAME).read_bytes()
    except OSError:
        secret = b""
    if len(secret) != SECRET_OCTETS:
        raise ConfigurationError("no-secret", f"{home / FILE_NAME} is missing or damaged; restore it, or run `securelist init` anew")
    return secret


def _mac(secret: bytes, number: str) -> str:
    # The prefix keeps this use of the secret apart from any other (Message-IDs).
    mac = hmac.new(secret, b"bounce " + number.encode("ascii"), hashlib.sha256).digest()[:MAC_OCTETS]
    return base64.b32encode(mac).decode("ascii").lower()


def make_token(secret: bytes, copy_id: int) -> str:
    """The token for the copy with this number (1 and up)."""
    number = format(copy_id, "x")
    return f"{number}-{_mac(secret, number)}"


def copy_of(secret: bytes, token: str) -> int | None:
    """The copy's number, if `token` is one that `make_token` made with this secret."""
    match = _TOKEN.fullmatch(token.lower())
    if match is None or not hmac.compare_digest(_mac(secret, match[1]), match[2]):
        return None
    return int(match[1], 16)
