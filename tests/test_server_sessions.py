"""SMTP and LMTP in, over real sockets: what strangers try, what they learn, and what a 250 is worth."""

from __future__ import annotations

import logging
import smtplib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest
from queue_world import LIST, LoopThread

from securelist.errors import ConfigurationError, Refused, TryAgain, Unavailable
from securelist.mail import server as server_module
from securelist.mail.addresses import Role
from securelist.mail.deadline import Deadline
from securelist.mail.server import MailServer
from securelist.mail.session import MAX_COMMANDS, MAX_RECIPIENTS

REFUSAL = (550, b"5.7.1 Not accepted for this list")
LATER = (451, b"4.3.0 Not done, please try again later")
ACCEPTED = (250, b"2.0.0 OK")
MAIL = b"From: a@nl.example\r\n\r\nhello\r\n"


@dataclass
class Judge:
    """Judges by what the mail says, as the text after the header block orders; keeps what it was given."""

    seen: list[tuple] = field(default_factory=list)
    at_once: int = 0
    most: int = 0
    gate: threading.Event = field(default_factory=threading.Event)
    committed: list[bytes] = field(default_factory=list)

    def __call__(self, to, mail_from, content, deadline):
        self.seen.append((to.role, to.token, mail_from, content))
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            order = content.partition(b"\r\n\r\n")[2].split(b"\r\n")[0].split()
            match order:
                case [b"refuse", reason]:
                    raise Refused(reason.decode(), "some rule")
                case [b"refuse-after", seconds]:
                    time.sleep(float(seconds))
                    raise Refused("slow", "some rule")
                case [b"trouble"]:
                    raise TryAgain("disk-full", "canary")
                case [b"bug"]:
                    raise ValueError("canary\r\n250 OK\r\n")
                case [b"wait"]:
                    self.gate.wait(30)
                    deadline.in_time()
                case [b"commit-and-wait"]:
                    deadline.in_time()
                    self.gate.wait(30)
                case [b"sleep", seconds]:
                    time.sleep(float(seconds))
            self.committed.append(content)
        finally:
            self.at_once -= 1


@dataclass
class Running:
    """A mail server in a thread, with its two ports."""

    server: MailServer
    thread: LoopThread
    judge: Judge
    smtp_port: int
    lmtp_port: int
    notes: list[str]

    def smtp(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.smtp_port, "client.example", timeout=20)

    def lmtp(self) -> smtplib.LMTP:
        return smtplib.LMTP("127.0.0.1", self.lmtp_port, "client.example", timeout=20)

    def send(self, content: bytes, rcpt: str = LIST, mail_from: str = "a@nl.example") -> tuple[int, bytes]:
        with self.smtp() as client:
            client.ehlo()
            client.mail(mail_from)
            assert client.rcpt(rcpt)[0] == 250
            return client.data(content)


@contextmanager
def running(**settings) -> Iterator[Running]:
    judge, notes = Judge(), []
    with LoopThread() as thread:

        async def start():
            server = MailServer(LIST, judge, notes.append, **({"refusal_quantum_s": 0.05} | settings))
            ports = [await server.listen("127.0.0.1:0"), await server.listen("127.0.0.1:0", lmtp=True)]
            return server, [int(port.rpartition(":")[2]) for port in ports]

        server, ports = thread.run(start)
        try:
            yield Running(server, thread, judge, *ports, notes)
        finally:
            judge.gate.set()
            with suppress(Exception):
                thread.run(lambda: server.stop(0.2))


@pytest.fixture
def host() -> Iterator[Running]:
    with running() as made:
        yield made


def body(order: str) -> bytes:
    return MAIL.replace(b"hello", order.encode())


def raw(port: int, *lines: bytes, until: int = 0) -> bytes:
    """What comes back for these bytes, sent at once, until the server closes or so many lines have come."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"".join(lines))
        answer = b""
        while (not until or answer.count(b"\n") < until) and (chunk := connection.recv(65536)):
            answer += chunk
        return answer


HELLO = b"EHLO x\r\nMAIL FROM:<a@nl.example>\r\nRCPT TO:<" + LIST.encode() + b">\r\nDATA\r\n"


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
    """Only the list's own addresses are taken, by SMTP and by LMTP."""
    for client in (host.smtp(), host.lmtp()):
        with client:
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


def test_ten_thousand_recipients_are_not_taken(host):
    """After ten recipients 452, after a thousand commands goodbye: nothing piles up."""
    answers = []
    with (
        socket.create_connection(("127.0.0.1", host.smtp_port), timeout=20) as connection,
        connection.makefile("rwb", buffering=0) as stream,
    ):
        stream.write(b"EHLO x\r\nMAIL FROM:<a@nl.example>\r\n")
        with suppress(OSError):
            for _ in range(10_000):
                stream.write(b"RCPT TO:<" + LIST.encode() + b">\r\n")
                while answers[-1:] != [b"QUIT"]:
                    line = stream.readline()
                    if not line.startswith((b"220", b"250-", b"250 HELP", b"250 2.1.0")):
                        break
                if not line:
                    break
                answers.append(line[:3])
    assert answers.count(b"250") == MAX_RECIPIENTS
    assert answers[-1] == b"421"
    assert len(answers) <= MAX_COMMANDS + 1


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
    """How far a mail came does not show: the answer leaves at a whole multiple of the quantum after the data."""
    with running(refusal_quantum_s=0.5) as host, host.smtp() as client:
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
    assert b"EHLO" in raw(host.lmtp_port, b"EHLO x\r\nQUIT\r\n")
    assert b"SIZE 26214400" in raw(host.smtp_port, b"EHLO x\r\nQUIT\r\n")


# --- size and memory ---------------------------------------------------------------------------------------------------


def test_a_mail_above_the_limit_is_refused_before_and_after_the_data():
    """552 to an announced size, and to the data themselves; the limit itself is taken; the session goes on."""
    with running(max_octets=100_000) as host, host.smtp() as client:
        client.ehlo()
        assert client.mail("a@nl.example", ["SIZE=100001"])[0] == 552
        for size, code in ((100_001, 552), (100_000, 250), (100_002, 552)):
            client.mail("a@nl.example")
            client.rcpt(LIST)
            assert (
                client.data(b"x" * 98 + (b"\r\n" + b"y" * 98) * ((size - 98) // 100) + b"z" * ((size - 98) % 100 - 2) + b"\r\n")[0] == code
            )
        assert [len(content) for _, _, _, content in host.judge.seen] == [100_000]
        assert host.notes == ["too-large"] * 2
        assert host.server.held == 0


def test_a_line_without_an_end_is_not_kept():
    """What is above the limit is read and dropped, line ends or none: the server's memory does not grow with it."""
    with running(max_octets=1_000_000) as host, socket.create_connection(("127.0.0.1", host.smtp_port), timeout=20) as connection:
        connection.sendall(HELLO)
        most = 0
        for _ in range(60):
            connection.sendall(b"x" * 1_000_000)
            most = max(most, host.server.held, *(len(s._reader._buffer) for s in list(host.server.sessions)))
        connection.sendall(b"\r\n.\r\nQUIT\r\n")
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    assert b"\r\n552 5.3.4 Message too big\r\n221" in answer
    assert most < 3_000_000


def test_all_mails_together_are_bounded(monkeypatch):
    """What all sessions hold has a limit, too: the mail that would break it is put off, and its room is free again."""
    monkeypatch.setattr(server_module, "MAX_HELD_OCTETS", 100_000)
    with running() as host:
        with socket.create_connection(("127.0.0.1", host.smtp_port), timeout=20) as hog:
            hog.sendall(HELLO + b"x" * 99_000 + b"\r\n")
            while host.server.held < 90_000:
                time.sleep(0.01)
            assert host.send(b"y" * 2_000 + b"\r\n")[0] == 452
        while host.server.held:
            time.sleep(0.01)
        assert host.send(b"y" * 2_000 + b"\r\n") == ACCEPTED


def test_too_many_sessions_are_put_off(host, monkeypatch):
    """One session too many hears 421 and nothing else; when another ends, there is room."""
    monkeypatch.setattr(server_module, "MAX_SESSIONS", 3)
    held = [host.smtp() for _ in range(3)]
    assert raw(host.smtp_port) == server_module.BUSY
    held.pop().quit()
    while len(host.server.sessions) > 2:
        time.sleep(0.01)
    assert host.send(MAIL) == ACCEPTED
    for client in held:
        client.close()


def test_large_mails_are_judged_one_at_a_time_and_small_ones_meanwhile():
    """Two large mails never run together; a small one does not wait for them."""
    with running() as host:
        large = body("wait") + b"x" * server_module.LARGE_OCTETS + b"\r\n"
        threads = [threading.Thread(target=host.send, args=(large,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        while not host.judge.seen:
            time.sleep(0.01)
        assert host.send(MAIL) == ACCEPTED
        assert len(host.judge.seen) == 2
        host.judge.gate.set()
        for thread in threads:
            thread.join(20)
    assert len(host.judge.committed) == 4


# --- our own trouble ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["trouble", "bug"])
def test_our_own_trouble_is_a_451_without_its_text(host, order, caplog):
    """The peer and the log learn that something failed, never an exception's text; the session stays in step."""
    with host.smtp() as client:
        client.ehlo()
        for _ in range(2):
            client.mail("a@nl.example")
            client.rcpt(LIST)
            assert client.data(body(order)) == LATER
        assert client.noop()[0] == 250
    assert order == "trouble" or "canary" not in caplog.text


def test_nothing_of_a_mail_reaches_the_log(host, caplog):
    """Not at the most talkative level, and not when a client sends a mail without waiting for a refused DATA."""
    with caplog.at_level(logging.INFO):
        host.send(body("refuse canary-in-a-refusal"))
        raw(
            host.smtp_port,
            b"EHLO x\r\nMAIL FROM:<a@nl.example>\r\nRCPT TO:<x@elsewhere.example>\r\nDATA\r\ncanary-subject: x\r\n.\r\nQUIT\r\n",
        )
        logging.getLogger("mail.log").warning("canary by aiosmtpd")
    assert "canary" not in caplog.text


def test_after_the_time_limit_a_451_and_nothing_remains():
    """A mail that takes too long hears 451 in time; its worker cannot commit any more, and the next mail is taken."""
    with running(time_limit_s=0.3) as host:
        began = time.monotonic()
        assert host.send(body("wait")) == LATER
        assert 0.25 < time.monotonic() - began < 2
        host.judge.gate.set()
        assert host.send(MAIL) == ACCEPTED
        assert host.judge.committed == [MAIL]


def test_a_commit_under_way_is_waited_for():
    """Who claimed the commit in time is done, even if the clock passes the limit meanwhile: 250 means done."""
    with running(time_limit_s=0.3) as host:
        threading.Timer(0.8, host.judge.gate.set).start()
        assert host.send(body("commit-and-wait")) == ACCEPTED
        assert len(host.judge.committed) == 1


def test_a_mail_that_waited_too_long_for_a_worker_is_not_begun():
    """When all workers hang, the mails behind them hear 451 and are not judged afterwards for nothing."""
    with running(time_limit_s=0.4) as host:
        threads = [threading.Thread(target=host.send, args=(body("wait"),)) for _ in range(2)]
        for thread in threads:
            thread.start()
        while len(host.judge.seen) < 2:
            time.sleep(0.01)
        assert host.send(body("third")) == LATER
        host.judge.gate.set()
        for thread in threads:
            thread.join(20)
        assert host.send(MAIL) == ACCEPTED
    assert not [content for *_, content in host.judge.seen if b"third" in content]


def test_a_client_that_hangs_up_does_not_stop_its_post(host):
    """The post is committed as it would have been; its octets are free again, and so is the worker."""
    with socket.create_connection(("127.0.0.1", host.smtp_port), timeout=20) as connection:
        connection.sendall(HELLO + body("sleep 0.2") + b".\r\n")
        while not host.judge.seen:
            time.sleep(0.01)
    while not host.judge.committed or host.server.held or host.server.sessions:
        time.sleep(0.01)
    assert host.send(MAIL) == ACCEPTED


def test_a_connection_that_breaks_within_the_data_leaves_nothing(host):
    """Half a mail is no mail."""
    with socket.create_connection(("127.0.0.1", host.smtp_port), timeout=20) as connection:
        connection.sendall(HELLO + MAIL * 100)
        while not host.server.held:
            time.sleep(0.01)
    while host.server.held or host.server.sessions:
        time.sleep(0.01)
    assert host.judge.seen == []


def test_either_the_commit_or_the_451_but_never_both():
    """A thousand races between worker and clock: exactly one of them wins each."""
    for _ in range(1000):
        deadline, outcome, gate = Deadline(2, lambda: 1), [], threading.Barrier(2)

        def commit(deadline=deadline, outcome=outcome, gate=gate):
            gate.wait()
            with suppress(TryAgain):
                deadline.in_time()
                outcome.append("committed")

        worker = threading.Thread(target=commit)
        worker.start()
        gate.wait()
        if deadline.expire():
            outcome.append("expired")
        worker.join()
        assert len(outcome) == 1


def test_a_deadline_that_has_passed_lets_nobody_commit():
    """The clock alone is enough, whether or not anybody looked."""
    deadline = Deadline(1, lambda: 1)
    assert deadline.over
    with pytest.raises(TryAgain):
        deadline.in_time()
    assert deadline.expire()


# --- beginning and ending ----------------------------------------------------------------------------------------------


def test_a_stop_lets_mails_finish_and_answers_the_rest():
    """Within the grace 250; after it 451; both within seconds, and new connections are refused."""
    with running() as host:
        answers = {}

        def send(order):
            answers[order] = host.send(body(order))

        threads = [threading.Thread(target=send, args=(order,)) for order in ("sleep 0.3", "wait")]
        for thread in threads:
            thread.start()
        while len(host.judge.seen) < 2:
            time.sleep(0.01)
        began = time.monotonic()
        idle = host.thread.run(lambda: host.server.stop(0.8))
        assert time.monotonic() - began < 3
        for thread in threads:
            thread.join(20)
        assert answers == {"sleep 0.3": ACCEPTED, "wait": LATER}
        assert not idle
        with pytest.raises(OSError):
            host.smtp()


@pytest.mark.parametrize("address", ["", "127.0.0.1", ":25", "127.0.0.1:x", "127.0.0.1:70000"])
def test_a_wrong_listening_address_is_a_configuration_error(address):
    """What cannot be an address is said before anything runs."""
    with running() as host, pytest.raises(ConfigurationError):
        host.thread.run(lambda: host.server.listen(address))


def test_a_port_in_use_is_said_plainly():
    """Another program listens there already: unavailable, with the address."""
    with running() as host, pytest.raises(Unavailable, match=str(host.smtp_port)):
        host.thread.run(lambda: host.server.listen(f"127.0.0.1:{host.smtp_port}"))
