"""What strangers try with the protocol itself: smuggling, pipelining, odd octets, odd addresses, commands that others have."""

from __future__ import annotations

import itertools
import socket
import struct
import time

import pytest
from queue_world import LIST
from server_world import ACCEPTED, HELLO, MAIL, Running, body, host, raw, replies, running  # noqa: F401

from securelist.mail.incoming import Incoming

REFUSAL = b"550 5.7.1 Not accepted for this list"
EVIL = b"MAIL FROM:<evil@evil.example>\r\nRCPT TO:<" + LIST.encode() + b">\r\nDATA\r\nsmuggled\r\n.\r\n"


def answers(port: int, *commands: str) -> list[int]:
    """The code of the reply to each command, after EHLO, in a session whose every command waits for its reply."""
    codes = []
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection, connection.makefile("rb") as stream:
        stream.readline()
        for command in ("EHLO x", *commands):
            connection.sendall(command.encode("latin-1") + b"\r\n")
            while (line := stream.readline())[3:4] == b"-":
                pass
            codes.append(int(line[:3]))
    return codes[1:]


# --- smuggling ---------------------------------------------------------------------------------------------------------

FALSE_ENDS = {
    "LF.LF": b"\n.\n",
    "LF.CRLF": b"\n.\r\n",
    "CRLF.LF": b"\r\n.\n",
    "CR.CR": b"\r.\r",
    "CR.CRLF": b"\r.\r\n",
    "CRLF.CR": b"\r\n.\r",
    "CRLF.CRCRLF": b"\r\n.\r\r\n",
    "CRCRLF.CRLF": b"\r\r\n.\r\n",
    "CRLF.LFCR": b"\r\n.\n\r",
    "LFLF.LFLF": b"\n\n.\n\n",
    "CRLF.NUL CRLF": b"\r\n.\0\r\n",
    "CRLF NUL.CRLF": b"\r\n\0.\r\n",
    "CRLF.CR NUL LF": b"\r\n.\r\0\n",
    "CR NUL LF.CRLF": b"\r\0\n.\r\n",
    "CRLF..CRLF": b"\r\n..\r\n",
    "CRLF. CRLF": b"\r\n. \r\n",
}
ENDS_ALL_THE_SAME = {"CRCRLF.CRLF"}  # it holds CRLF.CRLF, and whoever sends that means it


@pytest.mark.parametrize("end", FALSE_ENDS)
def test_a_second_mail_is_smuggled_behind_a_false_end(host: Running, end: str) -> None:
    """Only CRLF.CRLF ends a mail; one with bare CR or LF is refused; what other servers might take for commands is content."""
    said = replies(host.smtp_port, HELLO, b"first", FALSE_ENDS[end], EVIL)
    if end in ENDS_ALL_THE_SAME:  # then the rest are commands of that sender, as he could have sent them without any trick
        assert said[3] == REFUSAL
    else:
        whole = FALSE_ENDS[end].count(b"\r\n") == FALSE_ENDS[end].count(b"\r") == FALSE_ENDS[end].count(b"\n")
        assert said[2].startswith(b"354")
        assert said[3:] == [b"250 2.0.0 OK" if whole else REFUSAL, b"221 Bye"]
        assert not [mail_from for _, _, mail_from, _ in host.judge.seen if "evil" in mail_from]


@pytest.mark.parametrize("end", FALSE_ENDS)
def test_a_false_end_in_pieces_is_the_same(end: str) -> None:
    """Wherever the network cuts the octets, the mail ends at the same one, and holds the same."""
    stream = b"..first" + FALSE_ENDS[end] + EVIL + b"QUIT\r\n"

    def read(*pieces: bytes) -> tuple[bytes, bytes]:
        incoming, after = Incoming(), None
        for number, piece in enumerate(pieces):
            if (after := incoming.take(piece)) is not None:
                return incoming.content(), after + b"".join(pieces[number + 1 :])
        raise AssertionError("it never ended")

    whole = read(stream)
    assert read(*(stream[n : n + 1] for n in range(len(stream)))) == whole
    for first, second in itertools.combinations(range(0, len(stream), 3), 2):
        assert read(stream[:first], stream[first:second], stream[second:]) == whole
    content, after = whole
    assert content.startswith(b".first")
    assert (stream.partition(b"\r\n.\r\n")[2] == after) and len(after) < len(stream)


def test_the_dots_of_a_mail_come_out_as_they_went_in(host: Running) -> None:
    """Stuffed dots are taken away once for each line, at the first line, too (RFC 5321, 4.5.2)."""
    sent = b"..\r\n...\r\n..x\r\n.y\r\n.\0\r\n..\r\n\r\n..\r\n.\r\n"
    assert raw(host.smtp_port, HELLO, sent, b"QUIT\r\n").endswith(b"250 2.0.0 OK\r\n221 Bye\r\n")
    assert host.judge.seen[0][3] == b".\r\n..\r\n.x\r\ny\r\n\0\r\n.\r\n\r\n.\r\n"


# --- pipelining --------------------------------------------------------------------------------------------------------


def test_two_mails_and_all_commands_in_one_packet(host: Running) -> None:
    """Whoever does not wait for replies is served in order all the same: each mail whole, each reply in its place."""
    said = replies(host.smtp_port, HELLO, body("refuse x"), b".\r\n", HELLO.partition(b"\r\n")[2], MAIL, b".\r\nNOOP\r\n")
    assert [line[:3] for line in said] == [b"250", b"250", b"354", b"550", b"250", b"250", b"354", b"250", b"250", b"221"]
    assert [content for *_, content in host.judge.seen] == [body("refuse x"), MAIL]


def test_commands_within_a_mail_do_not_run(host: Running) -> None:
    """RSET, QUIT, DATA or another MAIL between DATA and the end are text."""
    text = b"QUIT\r\nRSET\r\nMAIL FROM:<evil@evil.example>\r\nRCPT TO:<x@evil.example>\r\nDATA\r\nNOOP\r\n"
    assert replies(host.smtp_port, HELLO, text, b".\r\n")[2:] == [b"354 End data with <CR><LF>.<CR><LF>", b"250 2.0.0 OK", b"221 Bye"]
    assert [content for *_, content in host.judge.seen] == [text]


def test_a_pipelined_mail_behind_one_that_is_too_large(host: Running) -> None:
    """What is dropped ends where it ends; the next mail is whole."""
    with running(max_octets=50_000) as small:
        said = replies(small.smtp_port, HELLO, b"x" * 300_000, b"\r\n.\r\n", HELLO.partition(b"\r\n")[2], MAIL, b".\r\n")
        assert said[3] == REFUSAL
        assert said[-2:] == [b"250 2.0.0 OK", b"221 Bye"]
        assert [content for *_, content in small.judge.seen] == [MAIL]


def test_an_octet_at_a_time(host: Running) -> None:
    """Every octet of a session in a packet of its own: the same replies."""
    octets = HELLO + b"..a\r\n.\r\nQUIT\r\n"
    with socket.create_connection(("127.0.0.1", host.smtp_port), timeout=20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for n in range(len(octets)):
            connection.sendall(octets[n : n + 1])
            time.sleep(0.001)
        answer = connection.makefile("rb").read()
    assert answer.endswith(b"\r\n354 End data with <CR><LF>.<CR><LF>\r\n250 2.0.0 OK\r\n221 Bye\r\n")
    assert host.judge.seen[0][3] == b".a\r\n"


# --- odd octets, odd addresses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\0",
        "NO\0OP",
        "MAIL FROM:<a\0b@nl.example>",
        "MAIL FROM:<a@nl.example\0>",
        "MAIL FROM:<a@nl.example>\0",
        "MAIL FROM:<a@nl.example> SIZE=1\0",
        "MAIL FROM:<a\x1b[2J@nl.example>",
        "MAIL FROM:<a\rb@nl.example>",
        "MAIL FROM:<a@nl.example>\rRCPT TO:<tld-ops@lists.example.org>",
        "\xff\xfe",
        "MAIL FROM:<zo\xc3\xab@nl.example>",
        "GET / HTTP/1.1",
        "MAIL FROM:<" + "a" * 480 + "@nl.example>",
        "NOOP " + "x" * 600,
        "x" * 2_000_000,
        "MAIL FROM:" + "(" * 450,
        "MAIL FROM:<" + "@a," * 150 + ":a@nl.example>",
    ],
    ids=range(18),
)
def test_a_line_with_what_no_line_should_hold(host: Running, line: str) -> None:
    """Zero octets, controls, bare CR, eight bits, other protocols, lines without measure: 5xx, and the session goes on."""
    began = time.process_time()
    first, *others = answers(host.smtp_port, line, "RSET", "MAIL FROM:<a@nl.example>", f"RCPT TO:<{LIST}>", "RSET")
    assert first // 100 == 5
    assert others == [250] * 4
    assert time.process_time() - began < 2


RECIPIENTS = {
    "foreign": "somebody@evil.example",
    "a source route": "@evil.example:tld-ops@lists.example.org",
    "a source route through us": "@lists.example.org:somebody@evil.example",
    "per cent": "somebody%evil.example@lists.example.org",
    "a bang path": "evil.example!somebody@lists.example.org",
    "a quoted local part": '"tld-ops"@lists.example.org',
    "quoted with a foreign address in it": '"somebody@evil.example"@lists.example.org',
    "quoted with a NUL": '"tld-ops\\\0"@lists.example.org',
    "two at signs": "somebody@evil.example@lists.example.org",
    "no domain": "tld-ops",
    "a domain literal": "tld-ops@[127.0.0.1]",
    "a trailing dot": "tld-ops@lists.example.org.",
    "a comment": "tld-ops(@evil.example)@lists.example.org",
    "a blank": "tld-ops @lists.example.org",
    "a NUL": "tld-ops\0@lists.example.org",
    "a longer domain": "tld-ops@lists.example.org.evil.example",
    "a bounce address without its token": "tld-ops-bounces@lists.example.org",
    "a token on another role": "tld-ops-owner+x@lists.example.org",
    "empty": "",
    "a Kelvin sign": "tld-ops-send\u212aey@lists.example.org".encode().decode("latin-1"),
}


@pytest.mark.parametrize("address", RECIPIENTS.values(), ids=RECIPIENTS)
def test_a_recipient_that_is_not_ours(host: Running, address: str) -> None:
    """No relaying by any spelling: 5xx, and no DATA without a recipient of ours."""
    codes = answers(host.smtp_port, "MAIL FROM:<a@nl.example>", f"RCPT TO:<{address}>", "DATA", "NOOP")
    assert codes[1] // 100 == 5
    assert codes[2:] == [503, 250]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("", 250),
        (" SIZE=0", 250),
        (" SIZE=26214400", 250),
        (" BODY=8BITMIME SIZE=100", 250),
        (" BODY=7BIT", 250),
        (" body=8bitmime size=7", 250),
        (" SIZE=26214401", 552),
        (" SIZE=" + "9" * 400, 552),
        (" SIZE=-1", 501),
        (" SIZE=junk", 501),
        (" SIZE=", 501),
        (" SIZE", 501),
        (" BODY=BINARYMIME", 501),
        (" SMTPUTF8", 501),
        (" AUTH=<>", 555),
        (" RET=FULL ENVID=x", 555),
        (" MT-PRIORITY=9", 501),
        (" X", 555),
        (" =x", 501),
        ("junk", 553),
        (" <b@nl.example>", 501),
    ],
)
def test_a_mail_command_with_parameters(host: Running, options: str, code: int) -> None:
    """What was announced is taken, all else refused, and the next MAIL finds nothing left of it."""
    codes = answers(host.smtp_port, f"MAIL FROM:<a@nl.example>{options}", "RSET", "MAIL FROM:<a@nl.example>", "MAIL FROM:<b@nl.example>")
    assert codes == [code, 250, 250, 503]


@pytest.mark.parametrize("options", [" NOTIFY=NEVER", " ORCPT=rfc822;a@b", " X", " =", " <x@evil.example>"])
def test_a_rcpt_command_with_parameters(host: Running, options: str) -> None:
    """Reports on delivery are not offered: 5xx, and the recipient is not taken."""
    codes = answers(host.smtp_port, "MAIL FROM:<a@nl.example>", f"RCPT TO:<{LIST}>{options}", "DATA")
    assert codes[1] // 100 == 5
    assert codes[2] == 503


# --- commands that are not there ---------------------------------------------------------------------------------------


def test_what_is_offered(host: Running) -> None:
    """SIZE and 8BITMIME; no STARTTLS, AUTH, CHUNKING, PIPELINING, SMTPUTF8, DSN, XCLIENT."""
    assert raw(host.smtp_port, b"EHLO x\r\nQUIT\r\n").split(b"\r\n")[1:-2] == [
        b"250-lists.example.org",
        b"250-SIZE 26214400",
        b"250-8BITMIME",
        b"250 HELP",
    ]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("VRFY anna@nl.example", 252),
        ("VRFY nobody@nl.example", 252),
        ("EXPN tld-ops", 502),
        ("HELP", 214),
        ("HELP MAIL", 214),
        ("STARTTLS", 502),
        ("AUTH PLAIN AGEAYg==", 502),
        ("AUTH LOGIN", 502),
        ("TURN", 500),
        ("ETRN lists.example.org", 500),
        ("BDAT 10 LAST", 500),
        ("XCLIENT ADDR=127.0.0.1", 500),
        ("XFORWARD NAME=x", 500),
        ("SEND FROM:<a@nl.example>", 500),
        ("DEBUG", 500),
        ("LHLO x", 500),
        ("__init__", 500),
        ("smtp_MAIL", 500),
    ],
)
def test_a_command_that_tells_or_does_nothing(host: Running, command: str, code: int) -> None:
    """Who is a member, what runs here, what could be done: nothing of that; and no reply repeats what was sent."""
    [said] = [line for line in replies(host.smtp_port, b"EHLO x\r\n", command.encode() + b"\r\n") if not line.startswith(b"221")]
    assert int(said[:3]) == code
    for word in command.split()[1:] or [command]:
        assert word.encode() not in said


def test_commands_injected_behind_starttls(host: Running) -> None:
    """There is no TLS to inject them into: they are answered in clear, one after the other, and nothing is kept for later."""
    said = replies(host.smtp_port, b"EHLO x\r\nSTARTTLS\r\nMAIL FROM:<a@nl.example>\r\nRSET\r\n\x16\x03\x01\x02\x00\r\n")
    assert [line[:3] for line in said] == [b"502", b"250", b"250", b"500", b"221"]


# --- the order of things -----------------------------------------------------------------------------------------------


def test_commands_out_of_order(host: Running) -> None:
    """Each finds the state that the ones before it have made, and no other."""
    mail, rcpt = "MAIL FROM:<a@nl.example>", f"RCPT TO:<{LIST}>"
    assert answers(host.smtp_port, rcpt, "DATA", mail, mail, "DATA", rcpt, "RSET", "DATA", rcpt) == [
        *(503, 503, 250, 503, 503, 250, 250, 503, 503),
    ]
    assert answers(host.smtp_port, mail, rcpt, "EHLO y", rcpt, "DATA") == [250, 250, 250, 503, 503]
    assert answers(host.smtp_port, mail, rcpt, "HELO y", "DATA") == [250, 250, 250, 503]
    assert answers(host.smtp_port, mail, rcpt, "DATA", "x\r\n.", "DATA", rcpt) == [250, 250, 354, 250, 503, 503]
    assert [line[:3] for line in raw(host.smtp_port, HELLO.partition(b"\r\n")[2], b"QUIT\r\n").split(b"\r\n")[1:4]] == [b"503"] * 3


STAGES = [
    *(b"", b"EH", b"EHLO x\r\n", HELLO[:30], HELLO[:-6], HELLO),
    *(HELLO + rest for rest in (b"half a li", b"x\r\n.", b"x\r\n.\r\n", EVIL)),
]


@pytest.mark.parametrize("stage", STAGES, ids=range(len(STAGES)))
@pytest.mark.parametrize("how", ["closed", "reset", "half closed"])
def test_a_connection_that_ends_at_any_stage(host: Running, stage: bytes, how: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of it is held afterwards, no half mail is judged, nothing is logged, and the next mail is taken."""
    with socket.create_connection(("127.0.0.1", host.smtp_port), timeout=20) as connection:
        connection.sendall(stage)
        time.sleep(0.02)
        if how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if how == "half closed":
            connection.shutdown(socket.SHUT_WR)
            connection.makefile("rb").read()  # until the server closes as well
    give_up = time.monotonic() + 10
    while (host.server.room.guests or host.server.room.held) and time.monotonic() < give_up:
        time.sleep(0.01)
    assert (len(host.server.room.guests), host.server.room.held) == (0, 0)
    assert host.send(MAIL) == ACCEPTED
    assert len(host.judge.seen) <= 2 + (stage.endswith(EVIL))
    assert not caplog.records
