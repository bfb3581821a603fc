"""What a member sees in Thunderbird: the client that most members use, and the strictest about whose key signed."""

from __future__ import annotations

import email
import shutil
from collections.abc import Callable, Sequence
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from thunderbird import Shown, shown
from town import LIST, Town, member

SUBJECT = "Zürich ist nicht erreichbar – 東京も"
OUTSIDE = "Nur außen"
TEXT = "Seit 14:05 Uhr – viele Grüße"

Show = Callable[[Sequence[bytes], bytes], list[Shown]]


def incident_report() -> bytes:
    """A report as a mail client signs it: with its real subject, a text, and an attachment."""
    report = EmailMessage(policy=SMTP)
    report["Subject"] = SUBJECT
    report.set_content(f"{TEXT}\r\n", charset="utf-8", cte="8bit")
    report.add_attachment(b"time;source\r\n2026-11-22;192.0.2.1\r\n", maintype="text", subtype="csv", filename="quellen.csv")
    return bytes(report)


@pytest.fixture(scope="module")
def show(town: Town, base: Path) -> Show:
    """Opens mails in Thunderbird as Anna, with one certificate accepted as verified."""
    anna = member(town, "Anna")
    secret = town.people.gpg("--armor", "--export-secret-keys", anna.fingerprint)

    def in_a_new_profile(mails: Sequence[bytes], certificate: bytes) -> list[Shown]:
        home = base / "thunderbird"
        home.mkdir()
        try:
            return shown(home, mails, secret, anna.fingerprint, [certificate])
        finally:
            shutil.rmtree(home)

    return in_a_new_profile


@pytest.fixture(scope="module")
def delivered(town: Town) -> dict[str, list[bytes]]:
    """Everybody's mails by name, oldest first: two posts; Anna, who asked for help, has the answer as a third."""
    anna, (local, _, domain) = member(town, "Anna"), LIST.partition("@")
    assert town.judge(town.post(anna, incident_report(), Subject="..."))["verdict"] == "accept"
    town.deliver()
    assert town.judge(town.post(anna, "canary-outside", Subject=Header(OUTSIDE, "utf-8").encode()))["verdict"] == "accept"
    town.deliver()
    assert town.judge(town.post(anna, "help"), "submit", "--rcpt", f"{local}-request@{domain}")["verdict"] == "accept"
    town.deliver()
    return {who.name: town.delivered(who.address) for who in town.members.values()}


@pytest.fixture(scope="module")
def seen(town: Town, show: Show, delivered: dict[str, list[bytes]]) -> list[Shown]:
    """What Anna sees of her three mails, in the order in which they came."""
    found = {one.message_id: one for one in show(delivered["Anna"], town.run("key", "show", "--armor"))}
    return [found[email.message_from_bytes(mail)["Message-ID"].strip("<>")] for mail in delivered["Anna"]]


def test_every_mail_of_the_list_is_encrypted_and_its_signature_verified(seen: list[Shown]) -> None:
    """Posts and the server's own letters alike: Thunderbird says encrypted, and signed by the key it accepted."""
    assert [(one.encrypted, one.signature) for one in seen] == [("ok", "verified")] * 3


def test_a_member_reads_the_whole_report(seen: list[Shown]) -> None:
    """The subject that the poster signed, where it says so, although outside it is hidden; the text; the attachment."""
    post = seen[0]
    assert post.subject == SUBJECT
    assert post.sender == f"Anna via tld-ops <{LIST}>"
    assert post.attachments == ["quellen.csv"]
    assert TEXT in post.body
    assert "Signature verified: " in post.body
    assert "not covered" not in post.body


def test_a_subject_that_only_stood_outside_is_shown_and_said_to_be_unsigned(seen: list[Shown]) -> None:
    """The poster's client signed no subject: it is shown all the same, with a warning in the text."""
    post = seen[1]
    assert post.subject == OUTSIDE
    assert "The subject was not covered by that signature." in post.body
    assert "canary-outside" in post.body


def test_an_answer_of_the_server_is_read_like_a_post(seen: list[Shown]) -> None:
    """The subject of a letter is protected like that of a post."""
    assert seen[2].subject not in ("", "[...]")
    assert "sendkey" in seen[2].body


def test_thunderbird_does_not_praise_everything(town: Town, show: Show, delivered: dict[str, list[bytes]]) -> None:
    """Without the list's certificate the signature is unknown; what is encrypted to Bert, Anna cannot read."""
    first, second = show([delivered["Anna"][0], delivered["Bert"][1]], member(town, "Carla").certificate)
    if first.encrypted != "ok":
        first, second = second, first
    assert (first.encrypted, first.signature) == ("ok", "unknown")
    assert (second.encrypted, second.signature) == ("notok", "")
    assert "canary" not in second.body
