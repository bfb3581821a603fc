"""What a member sees in Thunderbird: the mail client that most of them use, and the strictest about protected headers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from people import People, Somebody
from thunderbird import Shown, shown
from town import LIST, Town, member

SUBJECT = "Zürich ist nicht erreichbar – 東京も"
REPORT = b"time;source\r\n2026-11-22;192.0.2.1\r\n"


def report() -> bytes:
    """An incident report as a mail client signs it: a subject of its own, a text, and an attachment."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = SUBJECT
    mail.set_content("Seit 14:05 Uhr, Grüße\r\n", charset="utf-8", cte="8bit")
    mail.add_attachment(REPORT, maintype="text", subtype="csv", filename="quellen.csv")
    del mail["MIME-Version"]
    return bytes(mail)


@pytest.fixture
def home(base: Path) -> Iterator[Path]:
    made = base / "thunderbird"
    made.mkdir()
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def mails(town: Town) -> dict[str, list[bytes]]:
    """What lies in everybody's inbox, by name: three mails, the last a letter of the server's own."""
    local, _, domain = LIST.partition("@")
    anna = member(town, "Anna")
    town.judge(town.post(anna, report(), Subject="..."))
    town.deliver()
    town.judge(town.post(anna, "canary-outside", Subject="Nur außen".encode().decode("latin-1").encode("latin-1").decode()))
    town.deliver()
    town.judge(town.post(anna, "help"), "submit", "--rcpt", f"{local}-request@{domain}")
    town.deliver()
    inbox = {who.name: town.inbox / who.address / "new" for who in town.members.values()}
    return {name: [file.read_bytes() for file in sorted(folder.iterdir(), key=lambda f: f.stat().st_mtime_ns)] for name, folder in inbox.items()}
