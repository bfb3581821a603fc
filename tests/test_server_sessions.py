"""SMTP and LMTP in, over real sockets: what strangers try, and what they learn."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

import pytest
from queue_world import LIST
from server_world import ACCEPTED, HELLO, LATER, MAIL, REFUSAL, body, host, raw, replies, running  # noqa: F401

from securelist.mail.addresses import Role
from securelist.mail.session import MAX_RECIPIENTS, MAX_WRONG_COMMANDS

# --- what comes through ------------------------------------------------------------------------------------------------


def test_a_mail_reaches_the_judge_as_it_was_sent(host):
    """Role, token, return path and every byte, with dots unstuffed and line ends as they were."""
    content = b"A: \xff\x00\r\n\r\n.\r\n..x\r\n" + b"y" * 5000 + b"\r\nend\r\n"
    assert host.send(content) == ACCEPTED
    assert host.send(MAIL, rcpt=LIST.replace("@", "-REQUEST@").upper(), mail_from="") == ACCEPTED
    assert host.send(MAIL, rcpt=LIST.replace("@", "-bounces+1a-abc@"), mail_from="") == ACCEPTED
    assert host.judge.seen == [
        (Role.LIST, "", "a@nl.example", content),
        (Role.REQUEST, "", "", MAIL),
        (Role.BOUNCES, "1a-abc", "", MAIL),
    ]


def test_an_empty_mail_reaches_the_judge(host):
    """Nothing between DATA and the dot is still a mail to be judged."""
    assert raw(host.smtp_port, HELLO, b".\r\nQUIT\r\n").endswith(b"250 2.0.0 OK\r\n221 Bye\r\n")
    assert host.judge.seen[0][3] == b""


def test_several_mails_come_over_one_connection(host):
    """One session, ten mails, each judged by itself."""
    with host.smtp() as client:
        for number in range(10):
            client.sendmail(f"m{number}@nl.example", [LIST], MAIL)
    assert [mail_from for _, _, mail_from, _ in host.judge.seen] == [f"m{number}@nl.example" for number in range(10)]


def test_the_greeting_tells_no_version(host):
    """Neither the greeting nor HELP, EHLO, VRFY or EXPN tells what runs here or who is a member."""
    answer = raw(host.smtp_port, b"EHLO x\r\nHELP\r\nVRFY anna@nl.example\r\nEXPN tld-ops\r\nNOOP\r\nQUIT\r\n")
    assert answer.startswith(b"220 lists.example.org ESMTP\r\n")
    for word in (b"aiosmtpd", b"Python", b"1.4", b"anna", b"securelist"):
        assert word not in answer
    assert b"252 2.1.5" in answer
    assert b"502 5.5.1" in answer


def test_wrong_commands_get_an_answer_and_the_session_goes_on(host):
    """Broken addresses, nested comments, unknown commands: a 4xx or 5xx each, and a good mail afterwards is taken."""
    with host.smtp() as client:
        client.ehlo()
        for line in (
            "MAIL FROM:<",
            "MAIL FROM:" + "(" * 480,
            "MAIL FROM:<@@>",
            'MAIL FROM:<"\\',
            'MAIL FROM:<"a b"@x.example>',
            "MAIL FROM:<root>",
            "RCPT TO:<x>",
            "DATA",
            "DATA x",
            "MAIL",
            "NONSENSE",
            "AUTH PLAIN AAAA",
            "STARTTLS",
            "MAIL FROM:<" + "a" * 600 + "@x>",
        ):
            assert client.docmd(line)[0] // 100 in (4, 5), line
        client.rset()
        client.sendmail("a@nl.example", [LIST], MAIL)
    assert len(host.judge.seen) == 1


# --- recipients --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "somebody@elsewhere.example",
        "other@lists.example.org",
        "tld-ops-nonsense@lists.example.org",
        "tld-ops@lists.example.org.evil.example",
        "postmaster",
    ],
)
def test_a_foreign_or_unknown_address_is_refused(host, address):
    """Only the list's own addresses are taken."""
    with host.smtp() as client:
        client.ehlo()
        client.mail("a@nl.example")
        assert client.rcpt(address)[0] // 100 == 5
        assert client.docmd("DATA")[0] == 503


def test_recipients_of_different_roles_come_separately(host):
    """The second role in one transaction is put off with 452, two bounce addresses likewise; the first one's mail goes on."""
    with host.smtp() as client:
        client.ehlo()
        client.mail("a@nl.example")
        assert client.rcpt(LIST)[0] == 250
        for other in ("-request", "-owner", "-sendkey", "-bounces+1-a"):
            assert client.rcpt(LIST.replace("@", f"{other}@"))[0] == 452
        assert client.rcpt(LIST.upper())[0] == 250
        assert client.data(MAIL) == ACCEPTED
        client.mail("")
        assert client.rcpt(LIST.replace("@", "-bounces+1-a@"))[0] == 250
        assert client.rcpt(LIST.replace("@", "-bounces+2-a@"))[0] == 452
    assert len(host.judge.seen) == 1


def test_twenty_thousand_recipients_are_not_taken(host):
    """After ten recipients 452, after a hundred of those goodbye: nothing piles up."""
    answers = []
    with (
        socket.create_connection(("127.0.0.1", host.smtp_port), timeout=20) as connection,
        connection.makefile("rwb", buffering=0) as stream,
    ):
        stream.write(b"EHLO x\r\nMAIL FROM:<a@nl.example>\r\n")
        with suppress(OSError):
            for _ in range(20_000):
                stream.write(b"RCPT TO:<" + LIST.encode() + b">\r\n")
                while answers[-1:] != [b"QUIT"]:
                    line = stream.readline()
                    if not line.startswith((b"220", b"250-", b"250 HELP", b"250 OK")):
                        break
                if not line:
                    break
                answers.append(line[:3])
    assert answers.count(b"250") == MAX_RECIPIENTS
    assert answers[-1] == b"421"
    assert len(answers) == MAX_RECIPIENTS + MAX_WRONG_COMMANDS + 1


# --- refusing ----------------------------------------------------------------------------------------------------------


def test_all_refusals_are_the_same_bytes(host):
    """Whatever the rule, a stranger reads the same line; a mail with bare line ends likewise."""
    orders = ("not-signed-by-known", "not-encrypted", "loop", "too-late", "no-member")
    assert {host.send(body(f"refuse {reason}")) for reason in orders} == {REFUSAL}
    lines = [
        raw(host.smtp_port, HELLO, data, b"\r\n.\r\nQUIT\r\n").split(b"\r\n")[-3] for data in (b"a\nb", b"a\rb", b"\n.\nMAIL", b"a\r\r\n")
    ]
    assert set(lines) == {b"550 5.7.1 Not accepted for this list"}
    assert host.notes == ["bare-line-end"] * 4


def test_a_smuggled_second_mail_is_part_of_the_first(host):
    """LF.LF, CR.CR, LF.CRLF and CRLF.LF do not end the data: one mail, refused; no second one is heard."""
    for end in (b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n\x00.\r\n"):
        smuggled = b"MAIL FROM:<evil@evil.example>\r\nRCPT TO:<" + LIST.encode() + b">\r\nDATA\r\nsmuggled\r\n.\r\n"
        raw(host.smtp_port, HELLO, b"first" + end + smuggled, b"QUIT\r\n")
    assert not [mail_from for _, _, mail_from, _ in host.judge.seen if "evil" in mail_from]


@pytest.mark.parametrize("seconds", [0, 0.1, 0.35])
def test_a_refusal_comes_at_a_fixed_time(seconds):
    """How far a mail came does not show: the answer leaves at a fixed time after the data."""
    with running(refusal_after_s=0.5) as host, host.smtp() as client:
        client.ehlo()
        client.mail("a@nl.example")
        client.rcpt(LIST)
        client.docmd("DATA")
        client.send(body(f"refuse-after {seconds}") + b".\r\n")
        began = time.monotonic()
        assert client.getreply() == REFUSAL
        assert 0.45 < time.monotonic() - began < 0.75


def test_a_post_sent_again_hears_250(host):
    """A duplicate is what a server sends that lost our answer: plain 250 by SMTP."""
    assert host.send(body("refuse duplicate")) == ACCEPTED


def test_lmtp_refusals_become_no_bounce(host):
    """Behind a queue a 5xx would make a bounce to whoever was forged as the sender: 250, discarded."""
    with host.lmtp() as client:
        for content in (body("refuse not-signed"), body("refuse duplicate"), MAIL):
            client.lhlo() if hasattr(client, "lhlo") else client.ehlo()
            client.mail("a@nl.example")
            client.rcpt(LIST)
            assert client.data(content) == ACCEPTED


OURS = b"RCPT TO:<" + LIST.encode() + b">\r\nDATA\r\n"
NOBODYS = [b"<x@elsewhere.example>", b"<tld-ops-nonsense@lists.example.org>", b"<a..b@lists.example.org>", b'<"a b"@lists.example.org>']
ODD_PATHS = [
    b'<"anna b"@nl.example>',
    b"<a@[nl.example>",
    b"<@relay.example:a@nl.example>",
    b"<anna>",
    b"<" + b"x" * 300 + b"@nl.example>",
]


@pytest.mark.parametrize("nobodys", NOBODYS)
def test_lmtp_takes_mail_to_nobody_and_drops_it(host, nobodys):
    """A 550 to RCPT would become a bounce as well. The list's own address in the same mail comes by itself, as with other roles."""
    rcpt = b"RCPT TO:" + nobodys + b"\r\n"
    said = replies(host.lmtp_port, b"LHLO x\r\nMAIL FROM:<a@nl.example>\r\n", rcpt * 2, OURS, MAIL, b".\r\n")
    assert [line[:3] for line in said] == [b"250", b"250", b"250", b"452", b"354", b"250", b"250", b"221"]
    assert host.judge.seen == []
    assert host.server.room.held == 0


@pytest.mark.parametrize("path", ODD_PATHS)
def test_lmtp_takes_a_return_path_that_is_not_plain_for_none(host, path):
    """What cannot be answered to hears no 553, which would become a bounce; its mail is judged as one from <>."""
    said = replies(host.lmtp_port, b"LHLO x\r\nMAIL FROM:" + path + b"\r\n", OURS, MAIL, b".\r\n")
    assert [line[:3] for line in said] == [b"250", b"250", b"354", b"250", b"221"]
    assert [mail_from for _, _, mail_from, _ in host.judge.seen] == [""]


@pytest.mark.parametrize(
    "path", ["x" * 200 + "@nl.example", "SRS0=" + "y" * 70 + "=nl.example=anna@relay.example", "anna@mail_1.nl.example"]
)
def test_a_return_path_as_large_providers_write_it(host, path):
    """Local parts beyond 64 octets, and "_" in a domain, are taken."""
    assert host.send(MAIL, mail_from=path) == ACCEPTED
    assert host.judge.seen[0][2] == path


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (MAIL, b"250 2.0.0 OK"),
        (body("refuse not-signed"), b"250 2.0.0 OK"),
        (body("trouble"), b"451 4.3.0 Not done, please try again later"),
        (body("bug"), b"451 4.3.0 Not done, please try again later"),
        (b"bare\nline\r\n", b"250 2.0.0 OK"),
        (b"x" * 200_000 + b"\r\n", b"250 2.0.0 OK"),
        (b"", b"250 2.0.0 OK"),
    ],
)
def test_lmtp_answers_once_for_each_recipient_on_every_path(data, line):
    """Three recipients, three lines, whatever happens (RFC 2033, 4.2); the session is in step afterwards."""
    with running(max_octets=100_000) as host:
        rcpt = b"RCPT TO:<" + LIST.encode() + b">\r\n"
        answer = raw(host.lmtp_port, b"LHLO x\r\nMAIL FROM:<a@nl.example>\r\n" + rcpt * 3 + b"DATA\r\n" + data + b".\r\nNOOP\r\nQUIT\r\n")
    after = answer.partition(b"354 ")[2].split(b"\r\n")[1:-1]
    assert after == [line] * 3 + [b"250 OK", b"221 Bye"]


def test_lmtp_announces_no_size(host):
    """A mail server that reads SIZE makes its own bounce for a large mail, to whoever it believes sent it."""
    assert b"SIZE" not in raw(host.lmtp_port, b"LHLO x\r\nQUIT\r\n")
    assert b"500 5.5.2" in raw(host.lmtp_port, b"EHLO x\r\nQUIT\r\n")
    assert b"SIZE 26214400" in raw(host.smtp_port, b"EHLO x\r\nQUIT\r\n")
