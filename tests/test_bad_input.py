"""Bad mail, by every way in: one clear refusal each, with the rule and the step; the server goes on. Mails: `bad_mails`."""

from __future__ import annotations

import json
import re
import smtplib
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from bad_mails import CANARY, MAILS, Bad, Stage, nested
from town import LIST, SECURELIST, Running, Town

UNIFORM = (550, b"5.7.1 Not accepted for this list")
MIB = 2**20


@pytest.fixture(scope="module")
def running(town: Town) -> Iterator[Running]:
    """One server for all that comes in by SMTP and LMTP; it must end cleanly."""
    with town.serve() as server:
        yield server


def copies_with(town: Town, canary: str) -> list[int]:
    """How many mails that hold this in their content each member got."""
    town.deliver()
    return [sum(canary.encode() in town.opened(mail)[0] for mail in town.mails(who.address)) for who in town.members.values()]


def arrived_once(town: Town, canary: str) -> bool:
    """Whether each member gets exactly one such copy: from the running server, which delivers by itself, or from us."""
    give_up = time.monotonic() + 30
    while min(counts := copies_with(town, canary)) < 1 and time.monotonic() < give_up:
        time.sleep(0.1)
    return set(counts) == {1}


def verdicts(town: Town, mail: bytes, mail_from: str, *verbs: str) -> list[dict[str, str]]:
    """What `post check` and `post submit` say about a mail that must be refused, and nothing else do they say."""
    command, options = [SECURELIST, "--home", str(town.home), "post"], ["--json", "--mail-from", mail_from]
    started = [subprocess.Popen([*command, verb, *options], stdin=-1, stdout=-1, stderr=-1) for verb in verbs or ("check", "submit")]
    answers = [process.communicate(mail, timeout=120) for process in started]
    assert {(process.returncode, errors) for process, (_, errors) in zip(started, answers, strict=True)} == {(65, b"")}, answers
    return [json.loads(output) for output, _ in answers]


# The first mail of each rule: these go through `post check`, too.
FIRST = {(bad.reason, bad.step): bad for bad in reversed(MAILS.values())}.values()


@pytest.mark.parametrize("bad", MAILS.values(), ids=MAILS)
def test_one_refusal_each_with_the_rule_and_the_step(stage: Stage, bad: Bad) -> None:
    """`post submit` and `post check` say the same: which rule, in one sentence without a word of the post, at which step."""
    said, *checked = verdicts(stage.town, bad.make(stage), bad.mail_from, "submit", *(["check"] if bad in FIRST else []))
    assert checked in ([], [said])
    assert list(said) == ["verdict", "reason", "detail", "poster", "step"]
    assert (said["verdict"], said["reason"], said["step"]) == ("refuse", bad.reason, bad.step), said
    assert re.fullmatch(r"[^\n]{15,250}", said["detail"]), said["detail"]
    assert CANARY not in said["detail"]
    assert bool(said["poster"]) == (bad.step in ("decide", "compose")), "who signed is said once it is verified, not before"


def test_nobody_got_any_of_them(stage: Stage) -> None:
    """After all those refusals not one copy holds what stood in them."""
    assert sum(copies_with(stage.town, CANARY)) == 0


def refusals(town: Town) -> Counter[str]:
    """How often which refusal stands in the journal."""
    with sqlite3.connect(town.home / "securelist.db") as database:
        return Counter(detail for (detail,) in database.execute("SELECT detail FROM journal WHERE event = 'refused'"))


def test_by_smtp_all_are_refused_alike_and_the_server_goes_on(stage: Stage, running: Running) -> None:
    """Whatever is wrong, the peer reads the same bytes, and only the journal knows why; a good post still comes through."""
    before = refusals(stage.town)

    def send(bad: Bad) -> tuple[tuple[int, bytes], str]:
        return running.send(bad.make(stage), bad.mail_from), f"{bad.step}: {bad.reason}"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, MAILS.values()))
    assert {answer for answer, _ in answers} == {UNIFORM}
    assert refusals(stage.town) - before == Counter(why for _, why in answers)
    assert running.send(stage.post(text="good after bad"))[0] == 250
    assert arrived_once(stage.town, "good after bad")


def test_by_lmtp_all_are_taken_and_dropped_with_one_line_for_each_recipient(stage: Stage, running: Running) -> None:
    """Behind a queue a 5xx would become a bounce to whoever From names: so 250, and nothing of it remains."""
    before = refusals(stage.town)

    def send(bad: Bad) -> list[tuple[int, bytes]]:
        with smtplib.LMTP("127.0.0.1", running.lmtp, timeout=60) as client:
            client.ehlo()
            client.mail(bad.mail_from)
            assert [client.rcpt(LIST)[0] for _ in range(3)] == [250] * 3
            return [client.data(bad.make(stage)), client.getreply(), client.getreply(), client.noop()]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, MAILS.values()))
    assert {tuple(answer) for answer in answers} == {((250, b"2.0.0 OK"),) * 3 + ((250, b"OK"),)}
    assert (refusals(stage.town) - before).total() == len(MAILS)
    assert sum(copies_with(stage.town, CANARY)) == 0


ON_THE_WIRE: dict[str, tuple[Callable[[Stage], bytes], tuple[int, bytes]]] = {
    "a bare LF": (lambda s: s.post().replace(b"\r\n", b"\n", 1), UNIFORM),
    "LF everywhere": (lambda s: s.post().replace(b"\r\n", b"\n"), UNIFORM),
    "a bare CR": (lambda s: s.post() + b"\rx\r\n", UNIFORM),
    "a mail smuggled behind LF.CRLF": (lambda s: s.post() + b"\n.\r\nMAIL FROM:<x@evil.example>\r\n", UNIFORM),
    "a NUL in From": (lambda s: s.post(From=f"A\0 <{s.anna.address}>"), UNIFORM),
    "a NUL in the armour": (lambda s: s.post().replace(b"\r\n=", b"\r\n\0="), UNIFORM),
    "a NUL in a field that nobody reads": (lambda s: s.post(X_Client="a\0b"), (250, b"2.0.0 OK")),
    "30 MiB": (lambda s: s.post() + b"x" * 30 * MIB + b"\r\n", UNIFORM),
}


@pytest.mark.parametrize(("make", "answer"), ON_THE_WIRE.values(), ids=ON_THE_WIRE)
def test_what_only_the_wire_can_bring(stage: Stage, running: Running, make: Callable[[Stage], bytes], answer: tuple[int, bytes]) -> None:
    """Line ends, zero octets and size are judged where the octets come in; by LMTP the same mails are taken and dropped."""
    assert running.send(make(stage)) == answer
    with smtplib.LMTP("127.0.0.1", running.lmtp, timeout=60) as client:
        client.ehlo()
        client.mail("anna@nl.example")
        client.rcpt(LIST)
        assert client.data(make(stage)) == (250, b"2.0.0 OK")
    assert running.send(stage.post())[0] == 250


def test_a_mail_that_announces_30_mib_is_not_even_begun(running: Running) -> None:
    """SIZE is offered (RFC 1870), and a client that says it is larger hears so at MAIL."""
    with smtplib.SMTP("127.0.0.1", running.smtp, timeout=60) as client:
        client.ehlo()
        assert client.esmtp_features["size"] == str(25 * MIB)
        assert client.mail("anna@nl.example", [f"SIZE={30 * MIB}"])[0] == 552
        assert client.mail("anna@nl.example", [f"SIZE={20 * MIB}"])[0] == 250


@pytest.mark.parametrize("beyond", [1, 5 * MIB])
def test_a_mail_over_25_mib_through_the_pipe(stage: Stage, beyond: int) -> None:
    """The pipe has the same limit as the wire, to the octet."""
    post = stage.post()
    for said in verdicts(stage.town, post + b"x" * (25 * MIB - len(post) + beyond), "anna@nl.example"):
        assert (said["reason"], said["step"], said["detail"]) == ("too-large", "receive", "the mail is larger than 25 MiB")


@pytest.mark.parametrize("bare", [b"\n", b"\r"])
def test_mixed_line_ends_through_the_pipe(stage: Stage, bare: bytes) -> None:
    """What the wire refuses, the pipe refuses, too: line ends that another program may read differently."""
    for said in verdicts(stage.town, stage.post() + b"x" + bare + b"x\r\n", "anna@nl.example"):
        assert (said["reason"], said["step"]) == ("bare-line-end", "receive")


def test_ten_thousand_recipients(stage: Stage, running: Running) -> None:
    """Ten are taken, the next ones put off with 452, and a client that goes on is hung up on; the next one is served."""
    answers: list[int] = []
    with smtplib.SMTP("127.0.0.1", running.smtp, timeout=60) as client:
        client.ehlo()
        client.mail("anna@nl.example")
        with pytest.raises(smtplib.SMTPServerDisconnected):
            answers += (client.rcpt(LIST)[0] for _ in range(10_000))
    assert answers[:10] == [250] * 10
    assert answers[-1] == 421
    assert set(answers[10:-1]) == {452}
    assert len(answers) < 1_100
    assert running.send(stage.post())[0] == 250


def test_recipients_beyond_the_limit_do_not_harm_the_others(stage: Stage, running: Running) -> None:
    """Eleven recipients: the eleventh is put off, the post goes out once."""
    with smtplib.SMTP("127.0.0.1", running.smtp, timeout=60) as client:
        client.ehlo()
        client.mail("anna@nl.example")
        assert [client.rcpt(LIST)[0] for _ in range(11)] == [250] * 10 + [452]
        assert client.data(stage.post(text="eleven recipients"))[0] == 250
    assert arrived_once(stage.town, "eleven recipients")


def test_a_duplicate_is_refused_on_the_pipe_and_a_plain_250_by_smtp(stage: Stage, running: Running) -> None:
    """Who sends again because an answer was lost hears that it worked; whoever asks is told why; it goes out once."""
    mail = stage.post(text="canary once")
    assert running.send(mail) == running.send(mail) == (250, b"2.0.0 OK")
    for said in verdicts(stage.town, mail, "anna@nl.example"):
        assert (said["reason"], said["step"], said["poster"]) == ("duplicate", "decide", stage.anna.fingerprint)
    assert arrived_once(stage.town, "canary once")


ODD: dict[str, Callable[[Stage], bytes]] = {
    "a display name that looks like an address": lambda s: s.post(From=f'"bert@elsewhere.example" <{s.anna.address}>'),
    "an address of hers that the list does not know": lambda s: s.post(From="anna@home.example"),
    "comments in From": lambda s: s.post(From=f"{s.anna.address} (Anna (at home))"),
    "signed for the list among others": lambda s: s.post(f"To: a@b.example, {LIST.upper()}"),
    "signed for undisclosed recipients": lambda s: s.post("To: undisclosed-recipients:;"),
    "90 Received": lambda s: b"Received: from x by y\r\n" * 90 + s.post(),
    "LF line ends, as programs pipe them": lambda s: s.post().replace(b"\r\n", b"\n"),
    "Auto-Submitted: no": lambda s: s.post(Auto_Submitted="no"),
    "Precedence: bulk": lambda s: s.post(Precedence="bulk"),
    "a Subject in raw UTF-8": lambda s: s.post(Subject="Zoë"),
    "a Subject in raw octets": lambda s: s.post().replace(b"Subject: ", b"Subject: \xff\xfe"),
    "a Subject that is cut within a letter": lambda s: s.post(Subject="=?utf-8?Q?Z=C3?="),
    "a Subject in an unknown charset, as some programs name it": lambda s: s.post(Subject="=?x-unknown?Q?Z=FCrich?="),
    "a signed Subject in raw UTF-8": lambda s: s.post("Subject: Zoë"),
    "a Subject with line ends and a NUL, encoded": lambda s: s.post(Subject="=?utf-8?q?a=00b=0D=0AX:_y?="),
    "a Message-ID in raw UTF-8": lambda s: s.post(Message_ID="<zoë@nl.example>"),
    "no Message-ID, Subject, Date nor To": lambda s: s.post(Message_ID="", Subject="", Date="", To=""),
    "no MIME-Version": lambda s: s.post(MIME_Version=""),
    "twenty levels of parts": lambda s: s.town.post(s.anna, nested(20)),
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_what_is_odd_and_no_reason_to_refuse(stage: Stage, make: Callable[[Stage], bytes]) -> None:
    """Who posted is who signed: what mail clients and people make of the rest is taken, if only one can read it."""
    verdict = stage.town.judge(make(stage), "check")
    assert (verdict["verdict"], verdict["poster"]) == ("accept", stage.anna.fingerprint), verdict
