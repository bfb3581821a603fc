"""What the tutorial stands on: people with a key, everybody's gpg, and the product from outside.

Nothing of securelist is imported here: it is driven through its command line and SMTP, as its users and operators do.
"""

from __future__ import annotations

import os
import re
import shutil
import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SECURELIST = Path(sys.executable).with_name("securelist")
PATIENCE = 30  # seconds for anything that takes one or two


@dataclass(frozen=True)
class Person:
    """Somebody with a key: Ed25519 unless they prefer RSA, as in any real group."""

    name: str
    address: str
    rsa: bool = False
    phone: str = ""


@dataclass(frozen=True)
class Opened:
    """What a person's gpg makes of a mail: the content, and whose keys opened and signed it (primary fingerprints)."""

    content: bytes
    opened_by: str
    signed_by: str


class Keyring:
    """Everybody's own gpg; one GnuPG home plays all the people's computers."""

    def __init__(self, home: Path) -> None:
        home.mkdir(mode=0o700)
        self.home = home
        self.fingerprints: dict[Person, str] = {}

    def gpg(self, *arguments: str, data: bytes = b"") -> tuple[bytes, str]:
        """gpg's output and its status lines."""
        command = ["gpg", "--homedir", str(self.home), "--batch", "--no-tty", "--quiet", "--trust-model", "always", "--status-fd", "2"]
        done = subprocess.run([*command, *arguments], input=data, capture_output=True, check=False)
        status = done.stderr.decode(errors="replace")
        if done.returncode:
            raise RuntimeError(f"gpg {' '.join(arguments)} ended with {done.returncode}:\n{status}")
        return done.stdout, status

    def make(self, person: Person) -> None:
        """A new key: one part signs, the other encrypts."""
        signing, encryption = ("rsa3072", "rsa3072") if person.rsa else ("ed25519", "cv25519")
        user_id = f"{person.name} <{person.address}>"
        _, status = self.gpg("--passphrase", "", "--quick-gen-key", user_id, signing, "cert,sign", "2y")
        fingerprint = found(r"KEY_CREATED P ([0-9A-F]{40})", status)
        self.gpg("--passphrase", "", "--quick-add-key", fingerprint, encryption, "encr", "2y")
        self.fingerprints[person] = fingerprint

    def certificate(self, person: Person) -> bytes:
        """The public part, to be given to others."""
        return self.gpg("--armor", "--export", self.fingerprints[person])[0]

    def add(self, certificate: bytes) -> str:
        """Imports somebody's certificate; returns its fingerprint."""
        return found(r"IMPORT_OK \d+ ([0-9A-F]{40})", self.gpg("--import", data=certificate)[1])

    def clearsign(self, person: Person, text: str) -> bytes:
        """The text with the person's signature, still readable."""
        return self.gpg("--local-user", self.fingerprints[person], "--clearsign", data=text.encode())[0]

    def seal(self, content: bytes, recipient: str, signer: Person | None) -> bytes:
        """The content encrypted to a fingerprint and, if there is a signer, signed."""
        signature = ["--local-user", self.fingerprints[signer], "--sign"] if signer else []
        return self.gpg("--armor", "--recipient", recipient, *signature, "--encrypt", data=content)[0]

    def open(self, message: bytes) -> Opened:
        """Decrypts and verifies; anything but a good signature is an error."""
        content, status = self.gpg("--decrypt", data=message)
        return Opened(content, found(r"DECRYPTION_KEY [0-9A-F]+ ([0-9A-F]+)", status), found(r"VALIDSIG (?:\S+ ){9}([0-9A-F]+)", status))


def found(pattern: str, text: str) -> str:
    """What the pattern's group matched; it must match."""
    match = re.search(pattern, text)
    if match is None:
        raise RuntimeError(f"{pattern} is not in:\n{text}")
    return match.group(1)


class Relay:
    """The securelist command, its state directory, and the server while it runs."""

    def __init__(self, folder: Path, list_address: str) -> None:
        self.list_address = list_address
        self.home = folder / "list"
        self.inbox = folder / "inbox"
        self.log = folder / "serve.log"
        temporary = folder / "tmp"
        temporary.mkdir(mode=0o700)
        self.environment = {**os.environ, "TMPDIR": str(temporary)}
        self.server: subprocess.Popen[bytes] | None = None
        self.port = 0

    def command(self, *arguments: str) -> list[str]:
        """The full command line."""
        return [str(SECURELIST), "--home", str(self.home), *arguments]

    def run(self, *arguments: str, data: bytes = b"", may_refuse: bool = False) -> bytes:
        """Runs one command; returns what it prints."""
        done = subprocess.run(self.command(*arguments), input=data, capture_output=True, check=False, env=self.environment)
        if done.returncode and not (may_refuse and done.returncode == os.EX_DATAERR):
            raise RuntimeError(f"securelist {' '.join(arguments)} ended with {done.returncode}:\n{(done.stderr + done.stdout).decode()}")
        return done.stdout

    def start(self) -> None:
        """Starts the server and waits until it says that it is ready."""
        with self.log.open("wb") as log:
            command = self.command("serve")
            # A session of its own: Ctrl-C reaches this program alone, which then stops the server in order.
            self.server = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment, start_new_session=True)
        for _ in waiting("the relay to be ready"):
            if ready := re.search(rb"^ready .*smtp=\S*:(\d+)", self.log.read_bytes(), re.MULTILINE):
                self.port = int(ready.group(1))
                return
            if self.server.poll() is not None:
                raise RuntimeError(f"the relay ended:\n{self.log.read_text(errors='replace')}")

    def stop(self) -> None:
        """Ends the server, if it runs: SIGTERM, so that it finishes what it is doing."""
        if self.server is None:
            return
        self.server.terminate()
        try:
            self.server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.server.kill()

    def send(self, sender: str, mail: bytes) -> str:
        """Hands a mail to the relay by SMTP, as any mail server does; returns the answer to it."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=PATIENCE) as smtp:
            smtp.ehlo()
            smtp.mail(sender)
            code, text = smtp.rcpt(self.list_address)
            if code == 250:
                code, text = smtp.data(mail)
        return f"{code} {text.decode(errors='replace')}"

    def copies(self, person: Person) -> list[bytes]:
        """The mails in somebody's mailbox, oldest first."""
        files = (self.inbox / person.address / "new").glob("*")
        return [path.read_bytes() for path in sorted(files, key=lambda path: path.stat().st_mtime_ns)]


def waiting(what: str) -> Iterator[None]:
    """Lets a loop look again and again, until PATIENCE is over."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        yield
        time.sleep(0.1)
    raise RuntimeError(f"waited {PATIENCE} seconds for {what}")


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder with a short name, for gpg-agent's socket path is limited; gone at the end, with the agents that served in it."""
    short = len(tempfile.gettempdir()) <= len("/tmp/of-a-few-letters")
    folder = Path(tempfile.mkdtemp(prefix="sl-", dir=None if short else "/tmp"))
    try:
        yield folder
    finally:
        for secret in folder.rglob("private-keys-v1.d"):
            subprocess.run(["gpgconf", "--homedir", str(secret.parent), "--kill", "all"], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)
