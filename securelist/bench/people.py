"""The bench's people: keys made once by gpg and kept, so that only the first run takes a minute."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from securelist.errors import Unavailable

_RSA = "Key-Type: RSA\nKey-Length: 3072\nKey-Usage: sign,cert\nSubkey-Type: RSA\nSubkey-Length: 3072\nSubkey-Usage: encrypt\n"
_ED25519 = "Key-Type: EDDSA\nKey-Curve: ed25519\nKey-Usage: sign,cert\nSubkey-Type: ECDH\nSubkey-Curve: cv25519\nSubkey-Usage: encrypt\n"
# Keys in one run of gpg: few enough that progress moves.
KEYS_AT_A_TIME = 10


class People:
    """People with keys in one GnuPG home of their own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(mode=0o700, parents=True, exist_ok=True)

    def gpg(self, *args: str, data: bytes = b"") -> bytes:
        """The output of one gpg process; raises Unavailable("gpg-failed")."""
        command = ["gpg", "--homedir", str(self.home), "--batch", "--quiet", "--yes", "--no-options", "--trust-model", "always", *args]
        try:
            done = subprocess.run(command, input=data, capture_output=True, check=False)
        except FileNotFoundError:
            raise Unavailable("no-gnupg", "GnuPG is not installed: install Debian's package gnupg") from None
        if done.returncode:
            raise Unavailable("gpg-failed", f"gpg {args[0]} failed in {self.home}")
        return done.stdout

    def fingerprints(self) -> dict[str, str]:
        """Fingerprint of each address that has a key."""
        rows = [line.split(":") for line in self.gpg("--with-colons", "--list-keys").decode().splitlines()]
        found: dict[str, str] = {}
        fingerprint = ""
        for before, row in zip([[""], *rows[:-1]], rows, strict=True):
            if row[0] == "fpr" and before[0] == "pub":
                fingerprint = row[9]
            if row[0] == "uid":
                found[row[9].partition("<")[2].rstrip(">")] = fingerprint
        return found

    def make(self, addresses: Sequence[tuple[str, bool]], progress: Callable[[int], None]) -> dict[str, str]:
        """Fingerprints of (address, whether RSA), made where they are missing; `progress` hears of each batch."""
        known = self.fingerprints()
        missing = [(address, rsa) for address, rsa in addresses if address not in known]
        progress(len(addresses) - len(missing))
        for i in range(0, len(missing), KEYS_AT_A_TIME):
            batch = missing[i : i + KEYS_AT_A_TIME]
            wanted = [f"{_RSA if rsa else _ED25519}Name-Real: Bench\nName-Email: {a}\nExpire-Date: 0\n%commit\n" for a, rsa in batch]
            self.gpg("--gen-key", data=("%no-protection\n" + "".join(wanted)).encode())
            progress(len(batch))
        known = self.fingerprints()
        return {address: known[address] for address, _ in addresses}

    def certificate(self, fingerprint: str) -> bytes:
        """One certificate, binary."""
        return self.gpg("--export", fingerprint)

    def clearsigned(self, fingerprint: str, text: str) -> bytes:
        """`text`, clearsigned."""
        return self.gpg("--local-user", fingerprint, "--clearsign", data=text.encode())

    def close(self) -> None:
        """Ends the agent of this home."""
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], capture_output=True, check=False)
