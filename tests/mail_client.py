"""What a person has on their own machine: gpg with their key, and a mail program; `show` gives a mail as its reader sees it.

Nothing of the product is in here.
"""

from __future__ import annotations

import email
import email.policy
import email.utils
import itertools
import re
import subprocess
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

NO_SIGNATURE, GOOD, UNKNOWN_KEY = "not signed", "good", "by a key that the reader does not have"
_numbers = itertools.count(1)


class GnuPG:
    """gpg in a home of its own; `ahead` seconds are added to its clock, for people in a world whose clock was moved."""

    def __init__(self, home: Path) -> None:
        self.home, self.ahead = home, 0

    def __call__(self, *args: str, data: bytes = b"", check: bool = True) -> subprocess.CompletedProcess[bytes]:
        """gpg's output, with its status lines and complaints on stderr."""
        clock = ["--faked-system-time", str(int(time.time()) + self.ahead)] if self.ahead else []
        quiet = ["--batch", "--yes", "--no-tty", "--trust-model", "always", "--passphrase", "", "--status-fd", "2", *clock]
        done = subprocess.run(["gpg", "--homedir", str(self.home), *quiet, *args], input=data, capture_output=True, check=False)
        assert done.returncode == 0 or not check, f"gpg {' '.join(args)}: {done.stderr.decode(errors='replace')[-500:]}"
        return done

    def make_key(self, user_id: str) -> str:
        """Makes an Ed25519 key with an X25519 subkey, quick to make; its fingerprint."""
        said = self("--quick-gen-key", user_id, "ed25519", "cert,sign", "0").stderr.decode()
        fingerprint = said.split("KEY_CREATED P ")[1].split()[0]
        self("--quick-add-key", fingerprint, "cv25519", "encr", "0")
        return fingerprint

    def close(self) -> None:
        """Ends its agent."""
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], capture_output=True, check=False)


# --- reading ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """A mail as its reader sees it: `text` is what stands on the screen, `signature` one of the three above."""

    mailbox: str
    subject: str
    reply_to: str
    text: str
    encrypted: bool
    signature: str
    signer: str
    attachments: dict[str, bytes] = field(repr=False)
    mail: EmailMessage = field(repr=False)

    def statement(self, number: int = 0) -> str:
        """What a person copies: from the n-th `Securelist-Statement:` on to the end of the last paragraph that is one."""
        paragraphs = re.split(r"\n[ \t]*\n", self.text)
        begin = [i for i, paragraph in enumerate(paragraphs) if _copied(paragraph) is not None][number]
        taken = itertools.takewhile(lambda text: text is not None, map(_copied, paragraphs[begin:]))
        return "\n\n".join(text for text in taken if text) + "\n"

    def address(self, kind: str) -> str:
        """The first address in the text that has this word in its local part (`request`, `owner`); empty: the one without any."""
        found = re.findall(r"[A-Za-z0-9.+-]+@[A-Za-z0-9.-]+[A-Za-z0-9]", self.text)
        own = [address for address in found if address.endswith(self.reply_to.partition("@")[2])]
        if kind:
            return next(address for address in own if f"-{kind}@" in address)
        return next(address for address in own if not re.search(r"-(request|owner|sendkey)@", address))


def _copied(paragraph: str) -> str | None:
    lines = paragraph.strip("\n").split("\n")
    return "\n".join(lines) if lines[0].startswith("Securelist-Statement:") else None


def show(octets: bytes, gpg: GnuPG, mailbox: str) -> Shown:
    """A mail from the Maildir, decrypted and verified by the reader's gpg; the list's certificate in it is imported."""
    mail = parsed(octets)
    for _ in range(2):  # the second time with the certificate that came along
        content, encrypted, status = _open(octets, mail, gpg)
        inner = parsed(content)
        texts, attachments = _parts(inner)
        signature, signer = _signature(status)
        if signature != UNKNOWN_KEY or "list.asc" not in attachments:
            break
        gpg("--import", data=attachments["list.asc"])
    subject, reply_to = str(inner["Subject"] or mail["Subject"]), email.utils.parseaddr(str(mail["Reply-To"]))[1]
    return Shown(mailbox, subject, reply_to, "\n".join(texts), encrypted, signature, signer, attachments, mail)


def parsed(octets: bytes) -> EmailMessage:
    """A mail or an entity, parsed."""
    return email.message_from_bytes(octets, policy=email.policy.default)  # type: ignore[return-value]


def _open(octets: bytes, mail: EmailMessage, gpg: GnuPG) -> tuple[bytes, bool, str]:
    """(the entity that is shown, whether it was encrypted, gpg's status lines)."""
    if mail.get_content_type() == "multipart/encrypted":
        _, sealed = mail.iter_parts()
        done = gpg("--decrypt", data=sealed.get_payload(decode=True), check=False)  # type: ignore[arg-type]
        status = done.stderr.decode(errors="replace")
        assert "DECRYPTION_OKAY" in status, status
        return done.stdout, True, status
    if mail.get_content_type() == "multipart/signed":
        inside = _first_part(octets, mail.get_boundary())
        signature = gpg.home / f"signature-{next(_numbers)}"
        signature.write_bytes(list(mail.iter_parts())[1].get_payload(decode=True))  # type: ignore[arg-type]
        status = gpg("--verify", str(signature), "-", data=inside, check=False).stderr.decode(errors="replace")
        signature.unlink()
        return inside, False, status
    return octets, False, ""


def _first_part(octets: bytes, boundary: str | None) -> bytes:
    """The octets that a multipart/signed covers (RFC 3156, 5): line ends are CRLF, the last one belongs to the boundary."""
    delimiter = b"\r\n--" + str(boundary).encode() + b"\r\n"
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n").split(delimiter)[1]


def _signature(status: str) -> tuple[str, str]:
    assert "BADSIG" not in status, status
    if valid := re.search(r"VALIDSIG .* ([0-9A-F]{40})$", status, re.MULTILINE):
        return GOOD, valid[1]
    return (UNKNOWN_KEY, "") if "NO_PUBKEY" in status else (NO_SIGNATURE, "")


def _parts(entity: EmailMessage) -> tuple[list[str], dict[str, bytes]]:
    texts: list[str] = []
    attachments: dict[str, bytes] = {}
    for part in entity.walk():
        if part.get_filename():
            attachments[str(part.get_filename())] = part.get_payload(decode=True)  # type: ignore[assignment]
        elif part.get_content_type() == "text/plain":
            texts.append(str(part.get_content()).replace("\r\n", "\n"))
    return texts, attachments
