"""People with real OpenPGP keys, made at run time by gpg in a GnuPG home of their own. For every test that needs somebody.

A test that wants other dates than today's passes `at` (Unix seconds): gpg then believes it is that time.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Somebody:
    """A person with a key: full fingerprint, address, and the certificate as it was exported first."""

    name: str
    address: str
    fingerprint: str
    certificate: bytes


class People:
    """A gpg home and what its owners do with it. All keys are without passphrase."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def gpg(self, *args: str, data: bytes = b"", at: int | None = None) -> bytes:
        """gpg's output; raises CalledProcessError with its complaint."""
        time = ["--faked-system-time", f"{at}!"] if at is not None else []
        command = [
            "gpg",
            "--homedir",
            str(self.home),
            "--batch",
            "--yes",
            "--no-tty",
            "--trust-model",
            "always",
            "--passphrase",
            "",
            *time,
            *args,
        ]
        done = subprocess.run(command, input=data, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"gpg {' '.join(args)}: {done.stderr.decode(errors='replace')[-500:]}")
        return done.stdout

    def make(
        self, name: str, address: str, algorithm: str = "ed25519", at: int | None = None, expires: str = "0", encryption: str | None = ""
    ) -> Somebody:
        """Somebody new: `algorithm` as gpg calls it; `encryption` likewise, None for no such subkey, empty for the usual one."""
        user_id = f"{name} <{address}>"
        said = self.gpg("--status-fd", "1", "--quick-gen-key", user_id, algorithm, "cert,sign", expires, at=at).decode()
        fingerprint = said.split("KEY_CREATED P ")[1].split()[0]  # another test may have made somebody of that name
        if encryption is not None:
            self.gpg("--quick-add-key", fingerprint, encryption or {"ed25519": "cv25519"}.get(algorithm, algorithm), "encr", expires, at=at)
        return Somebody(name, address, fingerprint, self.export(fingerprint))

    def export(self, fingerprint: str) -> bytes:
        """The armoured certificate as it is now."""
        return self.gpg("--armor", "--export", fingerprint)

    def clearsign(self, who: Somebody, text: str, at: int | None = None, digest: str = "SHA512") -> bytes:
        """`text` as cleartext with a signature (RFC 9580, 7)."""
        return self.gpg("-u", who.fingerprint, "--digest-algo", digest, "--clearsign", data=text.encode(), at=at)

    def sign(self, who: Somebody, text: str | bytes, at: int | None = None, armor: bool = True) -> bytes:
        """`text` as one signed OpenPGP message."""
        data = text.encode() if isinstance(text, str) else text
        return self.gpg("-u", who.fingerprint, *(["--armor"] if armor else []), "--sign", data=data, at=at)

    def multipart_signed(self, who: Somebody, entity: bytes, at: int | None = None) -> bytes:
        """A MIME entity inside a multipart/signed (RFC 3156, 5); line ends become CRLF."""
        inner = entity.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        signature = self.gpg("-u", who.fingerprint, "--armor", "--digest-algo", "SHA512", "--detach-sign", data=inner, at=at)
        head = b'Content-Type: multipart/signed; micalg=pgp-sha512; protocol="application/pgp-signature"; boundary="b"\r\n\r\n'
        tail = b"\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\n" + signature.replace(b"\n", b"\r\n") + b"\r\n--b--\r\n"
        return head + b"--b\r\n" + inner + tail

    def revoke(self, who: Somebody, reason: int = 0) -> bytes:
        """The certificate with a revocation in it; `reason` as in RFC 9580, 5.2.3.31. The key here is revoked from now on."""
        made = (self.home / "openpgp-revocs.d" / f"{who.fingerprint}.rev").read_text()
        self.gpg("--import", data=made.replace(":-----BEGIN", "-----BEGIN").encode())
        return self.export(who.fingerprint)

    def close(self) -> None:
        """Ends this home's gpg-agent and removes all keys."""
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], capture_output=True, check=False)
        shutil.rmtree(self.home, ignore_errors=True)


@pytest.fixture(scope="session")
def people() -> Iterator[People]:
    """One home for all tests of a run; its path is short, because gpg-agent's socket lies in it."""
    made = People(Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp")))
    yield made
    made.close()
