"""A whole list in a state directory of its own, driven by the `securelist` command as its users do, and its members' mail.

`found_town` makes one; the fixture `town` is one per module, with an Ed25519, an RSA-3072 and a NIST P-256 member.
"""

from __future__ import annotations

import contextlib
import email
import email.policy
import email.utils
import json
import shutil
import signal
import smtplib
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from people import People, Somebody

LIST = "tld-ops@lists.example.org"
SECURELIST = str(Path(sys.executable).with_name("securelist"))


def entity(text: str, *fields: str) -> bytes:
    """A text/plain entity, with further header fields as given, each without its line end."""
    head = [*fields, "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
    return "\r\n".join([*head, "", text, ""]).encode()


def mail_of(armored: bytes, sender: str, subject: str = "Attack on .nl", **fields: str) -> bytes:
    """A PGP/MIME mail (RFC 3156, 4) around armoured OpenPGP data; `fields` replace header fields, empty ones leave them out."""
    head = {"From": sender, "To": LIST, "Subject": subject, "Date": email.utils.formatdate(), "MIME-Version": "1.0"}
    head["Message-ID"] = f"<{time.time_ns()}@client.example>"
    head["Content-Type"] = 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary="b0"'
    head |= {name.replace("_", "-"): value for name, value in fields.items()}
    block = "".join(f"{name}: {value}\r\n" for name, value in head.items() if value)
    body = armored.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    control = b"--b0\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n"
    return block.encode() + b"\r\n" + control + b"--b0\r\nContent-Type: application/octet-stream\r\n\r\n" + body + b"\r\n--b0--\r\n"


def sealed_part(mail: EmailMessage) -> bytes:
    """The armoured OpenPGP message in an encrypted mail (RFC 3156, 4)."""
    control, sealed = mail.iter_parts()
    assert control.get_content_type() == "application/pgp-encrypted"
    return sealed.get_payload(decode=True)  # type: ignore[return-value]


@dataclass(frozen=True)
class Running:
    """A server that takes mail: its process and ports."""

    process: subprocess.Popen[bytes]
    smtp: int
    lmtp: int

    def send(self, mail: bytes, sender: str = "anna@nl.example", to: str = LIST) -> tuple[int, bytes]:
        """The answer to DATA by SMTP."""
        with smtplib.SMTP("127.0.0.1", self.smtp, timeout=60) as smtp:
            smtp.ehlo()
            smtp.mail(sender)
            assert smtp.rcpt(to)[0] == 250
            return smtp.data(mail)


@dataclass
class Town:
    """One list: its state directory, its people, its members by address, and the Maildirs that it delivers to."""

    people: People
    home: Path
    inbox: Path
    root: Somebody
    admin: Somebody
    key: str = ""
    members: dict[str, Somebody] = field(default_factory=dict)

    def run(self, *args: str, data: bytes | None = None, status: int = 0) -> bytes:
        """The output of one `securelist` command, which must exit with `status`."""
        done = subprocess.run([SECURELIST, "--home", str(self.home), *args], input=data, capture_output=True, timeout=120, check=False)
        assert done.returncode == status, f"{args}: exit {done.returncode}: {done.stdout[-800:]!r} {done.stderr[-800:]!r}"
        return done.stdout

    def submit(self, signer: Somebody, text: str, *certificates: bytes, status: int = 0) -> dict[str, object]:
        """Hands in `text`, clearsigned by `signer`, with certificates; the answer of `statement submit --json`."""
        files = [self.home.parent / f"{time.time_ns()}-{i}" for i in range(1 + len(certificates))]
        for file, octets in zip(files, [self.people.clearsign(signer, text), *certificates], strict=True):
            file.write_bytes(octets)
        answer: dict[str, object] = json.loads(self.run("statement", "submit", "--json", *map(str, files), status=status))
        for file in files:
            file.unlink()
        return answer

    def statement(self, kind: str, who: Somebody, tld: str = "nl", **fields: str) -> str:
        """The text of a statement about somebody."""
        values = {"List": LIST, "TLD": tld, "Name": who.name, "Email": who.address, "Key": who.fingerprint, **fields}
        return "".join(f"{name}: {value}\n" for name, value in {"Securelist-Statement": kind, **values}.items() if value)

    def attest(self, who: Somebody) -> None:
        """Makes somebody a member for .nl."""
        self.submit(self.admin, self.statement("attest-ssc", who, Phone="+31 6 1234 5678"), who.certificate)
        self.members[who.address] = who
        self.welcomed(who)

    def welcomed(self, who: Somebody) -> None:
        """Notes that somebody got and answered the welcome, so that their mailbox begins with what a test is about."""
        with contextlib.closing(sqlite3.connect(self.home / "securelist.db")) as database, database:
            row = ("nl", who.fingerprint, who.address, int(time.time()), int(time.time()), 0)
            database.execute("INSERT INTO welcomes VALUES (?, ?, ?, ?, ?, ?)", row)

    def listed(self) -> list[dict[str, object]]:
        """`member list --json`."""
        rows: list[dict[str, object]] = json.loads(self.run("member", "list", "--json"))
        return rows

    def encrypt(self, signer: Somebody | None, content: bytes, *options: str) -> bytes:
        """`content` signed by `signer` (or nobody) and encrypted to the list, armoured."""
        signing = ["-u", signer.fingerprint, "--sign"] if signer else []
        return self.people.gpg("--armor", *options, "-r", self.key, *signing, "--encrypt", data=content)

    def post(self, signer: Somebody, text: str | bytes, **fields: str) -> bytes:
        """A whole post by `signer`, PGP/MIME, combined signature."""
        content = text if isinstance(text, bytes) else entity(text)
        sender = fields.pop("From", f"{signer.name} <{signer.address}>")
        return mail_of(self.encrypt(signer, content), sender, fields.pop("Subject", "Attack on .nl"), **fields)

    def judge(self, mail: bytes, verb: str = "submit", *options: str) -> dict[str, object]:
        """The verdict of `post submit --json` (or check)."""
        command = [SECURELIST, "--home", str(self.home), "post", verb, "--json", *options]
        done = subprocess.run(command, input=mail, capture_output=True, timeout=120, check=False)
        verdict: dict[str, object] = json.loads(done.stdout)
        assert done.returncode == {"accept": 0, "refuse": 65}[str(verdict["verdict"])], done.stderr
        assert b"Traceback" not in done.stderr
        return verdict

    def deliver(self) -> None:
        """Empties what is due."""
        self.run("deliver", "--once")

    def delivered(self, address: str) -> list[bytes]:
        """The mails in somebody's Maildir as they lie there, oldest first."""
        return [file.read_bytes() for file in sorted((self.inbox / address / "new").glob("*"), key=lambda file: file.stat().st_mtime_ns)]

    def mails(self, address: str) -> list[EmailMessage]:
        """The same, parsed."""
        return [email.message_from_bytes(octets, policy=email.policy.default) for octets in self.delivered(address)]  # type: ignore[misc]

    def opened(self, mail: EmailMessage) -> tuple[bytes, str]:
        """(content, gpg's status lines) of an encrypted mail to one of the people here."""
        armored = sealed_part(mail)
        command = ["gpg", "--homedir", str(self.people.home), "--batch", "--trust-model", "always", "--status-fd", "2", "--decrypt"]
        done = subprocess.run(command, input=armored, capture_output=True, check=False)
        return done.stdout, done.stderr.decode(errors="replace")

    @contextlib.contextmanager
    def serve(self) -> Iterator[Running]:
        """A running server; ended by SIGTERM, which must be clean."""
        running = self.start()
        try:
            yield running
        finally:
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(30) == 0
            assert running.process.stdout is not None
            running.process.stdout.close()

    def start(self, *before: str, **how: Any) -> Running:
        """A running server that the caller ends; `before` are words in front of the command, `how` is for Popen."""
        process = subprocess.Popen([*before, SECURELIST, "--home", str(self.home), "serve"], stdout=subprocess.PIPE, **how)
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        assert line.startswith("ready "), line
        smtp, lmtp = (int(word.rpartition(":")[2]) for word in line.split()[1:3])
        return Running(process, smtp, lmtp)

    def copy(self, base: Path, next_hop: str = "") -> Town:
        """The same list in a state directory of its own under `base`, as it is now: no server may be running."""
        home, inbox = base / "home", base / "inbox"
        shutil.copytree(self.home, home, ignore=shutil.ignore_patterns("S.*"))  # gpg-agent's sockets are no files
        settings = (home / "securelist.toml").read_text()
        moved = settings.replace(f"maildir:{self.inbox}", next_hop or f"maildir:{inbox}")
        assert moved != settings
        (home / "securelist.toml").write_text(moved)
        return replace(self, home=home, inbox=inbox)

    def close(self) -> None:
        """Ends the agent of the list's key."""
        subprocess.run(["gpgconf", "--homedir", str(self.home / "gnupg"), "--kill", "all"], capture_output=True, check=False)


def found_town(people: People, base: Path) -> Town:
    """A founded list under `base` (a short path) with an Admin Contact for .nl, and nobody in it."""
    root = people.make("Secretariat", f"{base.name}@ccnso.example")
    admin = people.make("Admin NL", f"{base.name}@nl.example")
    made = Town(people, base / "home", base / "inbox", root, admin)
    (base / "root.asc").write_bytes(root.certificate)
    places = ("--next-hop", f"maildir:{made.inbox}", "--smtp", "127.0.0.1:0", "--lmtp", "127.0.0.1:0")
    made.run("init", LIST, "--root", str(base / "root.asc"), *places)
    settings = made.home / "securelist.toml"
    # Members' mailboxes hold copies of posts; receipts, and what comes by the calendar, have tests of their own.
    settings.write_text(f"{settings.read_text()}receipts = false\ncontacts_day = 0\nconfirm_days = 0\n")
    certificate = made.run("key", "show", "--armor")
    people.gpg("--import", data=certificate)
    listing = people.gpg("--with-colons", "--show-keys", data=certificate).decode()
    made.key = listing.split("fpr:::::::::")[1].split(":")[0]
    made.submit(root, f"Securelist-Statement: found-list\nList: {LIST}\nKey: {made.key}\nRoot: {root.fingerprint}\n")
    made.submit(root, made.statement("appoint-admin-contact", admin), admin.certificate)
    return made


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    """A short folder of its own: gpg-agent's socket lies in it."""
    made = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def town(people: People, base: Path) -> Iterator[Town]:
    """A list with three members."""
    made = found_town(people, base)
    for name, algorithm in (("Anna", "ed25519"), ("Bert", "rsa3072"), ("Carla", "nistp256")):
        made.attest(people.make(name, f"{name.lower()}-{base.name}@nl.example", algorithm))
    yield made
    made.close()


def member(town: Town, name: str) -> Somebody:
    """The member of that name."""
    return next(who for who in town.members.values() if who.name == name)
