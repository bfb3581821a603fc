"""The gpg of whoever runs the command, with their keys, their agent and their configuration."""

from __future__ import annotations

import os
import subprocess

from securelist.errors import Refused, Unavailable


def clearsign(text: bytes, key: str | None) -> tuple[bytes, str]:
    """(`text` as cleartext under a signature without an end, fingerprint of the key or subkey that signed), by `key` as gpg
    knows it, or gpg's default. gpg complains itself. Raises Unavailable("cannot-sign", "no-gnupg")."""
    whose = ["--local-user", key] if key else []
    done, status = _run(["--clearsign", "--digest-algo", "SHA512", "--default-sig-expire", "0", *whose], text)
    created = [words[-1].decode("ascii", "replace") for words in status if words[1:2] == [b"SIG_CREATED"]]
    if done.returncode or len(created) != 1:
        raise Unavailable("cannot-sign", "gpg did not sign; its own words are above")
    return done.stdout, created[0]


def owner(key: str) -> tuple[str, str]:
    """(fingerprint of the primary key, first user ID) of the certificate that holds this key, by its fingerprint; ("", "") if none."""
    listing = _run(["--batch", "--with-colons", "--list-keys", key], b"")[0].stdout.decode("utf-8", "replace")
    rows = [line.split(":") for line in listing.split("\n")]
    found = [next((row[9] for row in rows if row[0] == kind and len(row) > 9), "") for kind in ("fpr", "uid")]
    return found[0], found[1].replace("\\x3a", ":")


def _run(args: list[str], data: bytes) -> tuple[subprocess.CompletedProcess[bytes], list[list[bytes]]]:
    """What gpg did, and the words of its status lines. They have a file of their own, in memory: neither the data nor a user
    ID in gpg's words can pretend to be one."""
    with os.fdopen(os.memfd_create("status"), "w+b") as status:
        how = ["gpg", "--status-fd", str(status.fileno()), *args]
        try:
            done = subprocess.run(how, input=data, stdout=subprocess.PIPE, pass_fds=(status.fileno(),), check=False)
        except FileNotFoundError:
            raise Unavailable("no-gnupg", "GnuPG is not installed: install Debian's package gnupg") from None
        status.seek(0)
        return done, [line.split(b" ") for line in status.read().split(b"\n")]


def unwrap(message: bytes) -> bytes:
    """The signed message inside a binary encrypted one, whole; gpg may ask for a passphrase or a card, and complains itself.

    The encryption is all that comes off: the result is not verified. Raises Refused("cannot-open"), Unavailable("no-gnupg").
    """
    # Whoever sits at a terminal can be asked; to ask a program would fail in more words.
    how = ["--quiet", *([] if os.isatty(0) else ["--batch"])]
    done, status = _run([*how, "--output", "-", "--decrypt", "--unwrap"], message)
    words = [line[1:2] for line in status]
    if done.returncode or words.count([b"DECRYPTION_OKAY"]) != 1:
        raise Refused("cannot-open", "your gpg did not open it: it is encrypted to somebody else, your key is locked, or it is damaged")
    return done.stdout
