"""A copy as a mail, its bounce address, and the times at which it is tried."""

from __future__ import annotations

import email
import email.policy
import os

import pytest
from queue_world import LIST

from securelist.delivery import backoff
from securelist.delivery.bounce_token import copy_of, make_secret, make_token, read_secret
from securelist.delivery.copy import assemble, assemble_public
from securelist.errors import ConfigurationError
from securelist.mail.addresses import Role, address_for, role_of
from securelist.openpgp.armor import dearmor
from securelist.openpgp.packets import read_packets

HEADERS = b"From: list <tld-ops@lists.example.org>\r\nTo: tld-ops@lists.example.org\r\nMIME-Version: 1.0\r\n"


@pytest.mark.parametrize("size", [1, 47, 48, 49, 5000, 300_000])
def test_a_copy_is_a_pgp_mime_mail(size):
    """RFC 3156, 4: two parts, version and armour; the packets come out as they went in; every line ends in CRLF."""
    key_packets, body = b"\x84" + os.urandom(300), b"\xd2" + os.urandom(size)
    mail = assemble(HEADERS, key_packets, body)
    lines = mail.split(b"\r\n")
    assert mail.endswith(b"\r\n")
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert max(map(len, lines)) <= 78
    assert mail.startswith(HEADERS)
    parsed = email.message_from_bytes(mail, policy=email.policy.SMTP)
    assert not parsed.defects
    assert parsed.get_content_type() == "multipart/encrypted"
    assert parsed.get_param("protocol") == "application/pgp-encrypted"
    version, encrypted = parsed.iter_parts()
    assert (version.get_content_type(), version.get_payload(decode=True).strip()) == ("application/pgp-encrypted", b"Version: 1")
    assert encrypted.get_content_type() == "application/octet-stream"
    assert dearmor(encrypted.get_payload(decode=True)) == key_packets + body
    assert b"\r\n=" in mail  # GnuPG 2.2 wants the CRC of the armour


def test_gpg_reads_a_copy(people):
    """A real message, taken apart into session key and body and put together again, is decrypted by gpg."""
    somebody = people.make("Anna", "anna@nl.example")
    whole = people.gpg("--recipient", somebody.fingerprint, "--encrypt", data=b"attack on .nl")
    packets = read_packets(whole)
    split = len(packets[0].octets)
    mail = email.message_from_bytes(assemble(HEADERS, whole[:split], whole[split:]))
    assert people.gpg("--decrypt", data=mail.get_payload(1).get_payload(decode=True)) == b"attack on .nl"


def test_a_public_letter_is_what_it_is():
    """A mail with nothing to hide is its header block, an empty line, its body."""
    assert assemble_public(b"A: b\r\n", b"text\r\n") == b"A: b\r\n\r\ntext\r\n"


# --- bounce addresses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copy_id", [1, 9, 10, 255, 4096, 2**40])
def test_a_bounce_address_names_its_copy(copy_id):
    """The token survives mail systems that change the case, and the address is short enough for all of them."""
    secret = os.urandom(32)
    address = address_for(Role.BOUNCES, LIST, make_token(secret, copy_id))
    assert len(address.partition("@")[0]) <= 64
    assert address == address.lower()
    found = role_of(address.upper(), LIST)
    assert found is not None
    assert copy_of(secret, found.token) == copy_id


def test_a_forged_bounce_address_is_nobodys():
    """Another copy's number, another secret, a changed, cut or padded token: none is ours."""
    secret = os.urandom(32)
    token = make_token(secret, 26)
    number, _, mac = token.partition("-")
    other = "a" if mac[-1] != "a" else "b"
    forged = [
        f"1b-{mac}",
        f"0{token}",
        mac,
        "",
        "-",
        number,
        f"{number}-",
        token[:-1],
        token + "a",
        token[:-1] + other,
        f" {token}",
        "1a-ü",
    ]
    assert [copy_of(secret, one) for one in forged] == [None] * len(forged)
    assert copy_of(os.urandom(32), token) is None
    assert copy_of(secret, token) == 26


def test_the_secret_is_made_once_and_for_its_owner_only(tmp_path):
    """Made again it stays the same; lost or cut it is a configuration error."""
    secret = make_secret(tmp_path)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert make_secret(tmp_path) == read_secret(tmp_path) == secret
    (tmp_path / "secret").write_bytes(secret[:31])
    with pytest.raises(ConfigurationError):
        read_secret(tmp_path)
    with pytest.raises(ConfigurationError):
        read_secret(tmp_path / "absent")


# --- times -------------------------------------------------------------------------------------------------------------


def test_attempts_go_on_for_five_days_and_no_longer():
    """The pauses grow from a minute to four hours; the last attempt is within hours of the fifth day's end."""
    now, attempts = 0, 1
    times = []
    while (due := backoff.next_attempt(0, attempts, now)) is not None:
        times.append(due - now)
        now, attempts = due, attempts + 1
    assert times[:6] == [60, 300, 900, 1800, 3600, 7200]
    assert set(times[6:]) == {14_400}
    assert backoff.GIVE_UP_AFTER_S <= now <= backoff.GIVE_UP_AFTER_S + 14_400


def test_a_copy_that_waited_for_the_server_gets_its_attempts():
    """After a week without power the first temporary refusal is not the end; the fifth is."""
    week = 7 * 24 * 3600
    assert [backoff.next_attempt(0, attempts, week) is None for attempts in range(1, 7)] == [False] * 4 + [True] * 2
