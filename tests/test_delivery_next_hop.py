"""Next hops: one answer for each copy, whatever the other side does, on real sockets and real Maildirs."""

from __future__ import annotations

import email
import smtplib
import socket
import time
from pathlib import Path

import pytest
from queue_world import MailSink, listening, obliging, peer

from securelist.bench.sink import Sink
from securelist.delivery import next_hop as hop
from securelist.delivery.next_hop import MaildirNextHop, SmtpNextHop, dot_stuffed, open_next_hop
from securelist.errors import ConfigurationError

SENDER = "tld-ops-bounces+1-abc@lists.example.org"
MAIL = b"From: list\r\n\r\nbody\r\n"


def smtp(port, **limits):
    return SmtpNextHop("127.0.0.1", port, "lists.example.org", **limits)


def kinds(next_hop, *recipients, mail=MAIL):
    return [next_hop.hand_over(SENDER, recipient, mail).kind for recipient in recipients]


# --- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "",
        "smtp://",
        "smtp://host",
        "smtp://host:x",
        "smtp://host:99999",
        "http://h:1",
        "smtp://user:pw@h:25",
        "smtp://h:25/x",
        "maildir:",
        "maildir:/",
    ],
)
def test_a_next_hop_that_cannot_be_is_a_configuration_error(url):
    """Each wrong setting is told at once, not when the first post should leave."""
    with pytest.raises(ConfigurationError):
        open_next_hop(url, "lists.example.org")


# --- SMTP --------------------------------------------------------------------------------------------------------------


def test_a_batch_goes_over_one_connection():
    """A hundred mails cost one connection; each arrives as it was, dots, long and all."""
    sink = MailSink()
    mail = b"Subject: x\r\n\r\n.dot\r\n..\r\n.\r\nend\r\n"
    with listening(sink) as port:
        next_hop = smtp(port)
        assert set(kinds(next_hop, *[f"m{i}@nl.example" for i in range(100)], mail=mail)) == {hop.OK}
        next_hop.close()
    assert sink.connections == 1
    assert {(sender, content) for sender, _, content in sink.mails} == {(SENDER, mail)}


def test_one_recipients_refusal_does_not_stop_the_others():
    """550 and 450, at RCPT and after the data: each concerns its own copy."""
    sink = MailSink(
        rcpt={"gone@x.example": "550 no such user", "full@x.example": "452 mailbox full"},
        data={"spam@x.example": "554 looks like spam", "busy@x.example": "451 later"},
    )
    asked = [
        "a@x.example",
        "gone@x.example",
        "b@x.example",
        "full@x.example",
        "spam@x.example",
        "c@x.example",
        "busy@x.example",
        "d@x.example",
    ]
    with listening(sink) as port:
        next_hop = smtp(port)
        answers = [next_hop.hand_over(SENDER, recipient, MAIL) for recipient in asked]
        next_hop.close()
    assert [answer.kind for answer in answers] == [hop.OK, hop.NEVER, hop.OK, hop.LATER, hop.NEVER, hop.OK, hop.LATER, hop.OK]
    assert answers[1].text == "550 no such user"
    assert sink.recipients == ["a@x.example", "b@x.example", "c@x.example", "d@x.example"]
    assert sink.connections == 1


@pytest.mark.parametrize("address", ["no-at-sign", "a@b", "a@x.example\r\nRCPT TO:<b@x.example>", "<a@x.example>", "ü@x.example", ""])
def test_an_address_that_is_none_is_never_sent(address):
    """What came into the queue by a mistake cannot become a command."""
    sink = MailSink()
    with listening(sink) as port:
        next_hop = smtp(port)
        assert kinds(next_hop, address, "good@x.example") == [hop.NEVER, hop.OK]
        next_hop.close()


def test_a_next_hop_that_is_not_there_is_down():
    """Nobody listens: nothing was tried, and that is not the copy's fault."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    answer = smtp(port).hand_over(SENDER, "a@x.example", MAIL)
    assert answer.kind == hop.DOWN
    assert "refused" in answer.text.lower()


@pytest.mark.parametrize("greeting", [b"554 go away\r\n", b"421 busy\r\n", b"hello?\r\n", b""])
def test_a_next_hop_that_does_not_want_us_is_down(greeting):
    """A greeting other than 220 speaks of the server, not of a copy."""
    with peer(lambda connection, _: connection.sendall(greeting)) as port:
        assert kinds(smtp(port), "a@x.example") == [hop.DOWN]


def test_a_connection_that_broke_between_mails_is_made_again():
    """A server that closes after each mail, or says 421 to the next: the copy goes over a new connection, nothing is lost."""
    for ending in (b"", b"421 enough for now\r\n"):
        taken = []

        def one_mail_each(connection, before, ending=ending, taken=taken):
            obliging(connection, b"DATA")
            taken.append(before)
            with connection.makefile("rwb", buffering=0) as stream:
                stream.write(b"354 go on\r\n")
                while (line := stream.readline()) and line != b".\r\n":
                    pass
                stream.write(b"250 ok\r\n")
                stream.readline()
                stream.write(ending)

        with peer(one_mail_each) as port:
            next_hop = smtp(port)
            assert kinds(next_hop, "a@x.example", "b@x.example", "c@x.example") == [hop.OK] * 3
            next_hop.close()
        assert taken == [0, 1, 2]


def test_a_mail_that_may_have_arrived_is_not_sent_again_at_once():
    """The connection breaks after the last dot: later, not immediately; nobody gets two for a moment's trouble."""
    received = []

    def drops_the_first(connection, before):
        received.append(before)
        obliging(connection, b"." if before == 0 else b"never")

    with peer(drops_the_first) as port:
        next_hop = smtp(port)
        assert kinds(next_hop, "a@x.example", "b@x.example") == [hop.LATER, hop.OK]
        next_hop.close()
    assert received == [0, 1]


def test_one_poisonous_copy_does_not_stop_the_others():
    """A server that hangs up whenever it hears one recipient's name delivers to everybody else."""
    taken = []

    def fragile(connection, _):
        with connection.makefile("rwb", buffering=0) as stream:
            stream.write(b"220 x\r\n")
            while line := stream.readline():
                if b"poison" in line:
                    return
                if line.upper().startswith(b"RCPT"):
                    taken.append(line.split(b"<")[1].split(b">")[0].decode())
                stream.write(b"354 go\r\n" if line.upper().startswith(b"DATA") else b"250 ok\r\n")
                while line.upper().startswith(b"DATA") and stream.readline() != b".\r\n":
                    pass
                if line.upper().startswith(b"DATA"):
                    stream.write(b"250 ok\r\n")

    with peer(fragile) as port:
        next_hop = smtp(port)
        assert kinds(next_hop, "a@x.example", "poison@x.example", "b@x.example", "c@x.example") == [hop.OK, hop.LATER, hop.OK, hop.OK]
        next_hop.close()
    assert taken == ["a@x.example", "b@x.example", "c@x.example"]


def test_a_next_hop_that_always_breaks_is_given_up():
    """Two copies in a row break: it is the next hop; the others are not tried, and that is said."""
    attempts = []

    def breaks(connection, before):
        attempts.append(before)
        obliging(connection, b".")

    with peer(breaks) as port:
        next_hop = smtp(port)
        assert kinds(next_hop, *["a@x.example"] * 5) == [hop.LATER, hop.LATER, hop.DOWN, hop.DOWN, hop.DOWN]
    assert len(attempts) == 2


def test_a_next_hop_that_hangs_costs_bounded_time():
    """A server that says nothing more is left after the time limit; the copies come again later."""
    with peer(lambda connection, _: (obliging(connection, b"RCPT"), time.sleep(60))) as port:
        next_hop = smtp(port, command_timeout_s=0.2, data_timeout_s=0.2)
        began = time.monotonic()
        assert kinds(next_hop, *["a@x.example"] * 10) == [hop.LATER] * 2 + [hop.DOWN] * 8
        assert time.monotonic() - began < 5


def test_a_mail_that_is_too_big_for_the_next_hop_fails_for_good():
    """552 to MAIL with SIZE means never; another refusal of our sender is something that the operator can mend."""
    for reply, kind in ((b"552 too big\r\n", hop.NEVER), (b"550 sender rejected\r\n", hop.LATER)):

        def refuses(connection, _, reply=reply):
            with connection.makefile("rwb", buffering=0) as stream:
                stream.write(b"220 x\r\n")
                while line := stream.readline():
                    verb = line[:4].upper()
                    stream.write(b"250-x\r\n250 SIZE 100\r\n" if verb == b"EHLO" else reply if verb == b"MAIL" else b"250 ok\r\n")

        with peer(refuses) as port:
            next_hop = smtp(port)
            assert kinds(next_hop, "a@x.example") == [kind]
            next_hop.close()


@pytest.mark.parametrize(
    ("mail", "wire"),
    [
        (b"a\r\n", b"a\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r\n.", b"a\r\n..\r\n.\r\n"),
        (b"a\r\n..b\r\n.c\r\n", b"a\r\n...b\r\n..c\r\n.\r\n"),
    ],
)
def test_no_line_ends_the_mail_early(mail, wire):
    """Every line that begins with a dot gets another one (RFC 5321, 4.5.2)."""
    assert dot_stuffed(mail) == wire


def test_the_sink_of_the_bench_counts_what_it_takes():
    """The loopback sink takes mails from any client, small and large."""
    with Sink() as sink, smtplib.SMTP("127.0.0.1", sink.port) as client:
        for size in (0, 10, 3_000_000):
            client.sendmail("a@x.example", ["b@x.example"], b"x" * size + b"\r\n.\r\nend")
        assert sink.taken == 3
        assert sink.last > 0


# --- Maildir -----------------------------------------------------------------------------------------------------------


def test_a_maildir_gets_a_mail_that_any_client_reads(tmp_path):
    """One directory per recipient, made when needed; line ends of this system; the return path on top."""
    next_hop = MaildirNextHop(tmp_path / "inbox")
    assert kinds(next_hop, "anna@nl.example") == [hop.OK]
    (file,) = (tmp_path / "inbox" / "anna@nl.example" / "new").iterdir()
    assert file.read_bytes() == f"Return-Path: <{SENDER}>\nFrom: list\n\nbody\n".encode()
    assert email.message_from_bytes(file.read_bytes())["Return-Path"] == f"<{SENDER}>"
    assert not list((tmp_path / "inbox" / "anna@nl.example" / "tmp").iterdir())


def test_the_same_copy_again_replaces_itself(tmp_path):
    """A redelivery after a crash leaves one file; one that the member has seen already stays seen."""
    next_hop = MaildirNextHop(tmp_path)
    assert kinds(next_hop, *["anna@nl.example"] * 3) == [hop.OK] * 3
    (file,) = (tmp_path / "anna@nl.example" / "new").iterdir()
    file.rename(tmp_path / "anna@nl.example" / "cur" / f"{file.name}:2,S")
    assert kinds(next_hop, "anna@nl.example") == [hop.OK]
    assert not list((tmp_path / "anna@nl.example" / "new").iterdir())


def test_two_copies_for_one_address_are_two_mails(tmp_path):
    """The bounce address tells copies apart, and so does the mail; neither is lost to the other."""
    next_hop = MaildirNextHop(tmp_path)
    for sender, mail in ((SENDER, MAIL), ("other@lists.example.org", MAIL), (SENDER, MAIL + b"more\r\n")):
        assert next_hop.hand_over(sender, "anna@nl.example", mail).kind == hop.OK
    assert len(list((tmp_path / "anna@nl.example" / "new").iterdir())) == 3


@pytest.mark.parametrize(
    "address", ["../x@nl.example", "/etc/x@nl.example", "..", ".", "", "a/../../b@nl.example", "x@nl.example/..", "a\x00@nl.example"]
)
def test_a_recipient_cannot_leave_the_directory(tmp_path, address):
    """An address with a path in it is refused for good and makes no file anywhere."""
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    assert kinds(MaildirNextHop(inside), address) == [hop.NEVER]
    assert [path for path in tmp_path.rglob("*") if path not in (tmp_path / "a", inside)] == []


def test_a_maildir_that_cannot_be_written_comes_later(tmp_path):
    """A file where the directory should be is the operator's to mend, one recipient's only."""
    (tmp_path / "anna@nl.example").write_text("in the way")
    next_hop = open_next_hop(f"maildir:{tmp_path}", "x")
    assert kinds(next_hop, "anna@nl.example", "bert@nl.example") == [hop.LATER, hop.OK]
    assert Path(tmp_path / "bert@nl.example" / "new").is_dir()
    next_hop.close()
