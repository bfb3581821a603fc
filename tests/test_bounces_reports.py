"""Delivery reports of all kinds of mail servers are understood, whatever is none changes nothing, and hostile ones cost nothing."""

from __future__ import annotations

import random
import time

import pytest
from delivery_reports import BOB, NO_REPORTS, REPORTS, Written, dsn, words
from hypothesis import given, settings
from hypothesis import strategies as st

from securelist.bounces.report import DELAYED, MAX_RECIPIENTS, MAX_WHY, read_report
from securelist.delivery.status import HARD, SOFT, UNFIT, judged

KINDS = {DELAYED, SOFT, HARD, UNFIT}
FAILED = "Final-Recipient: rfc822; %s\nAction: failed\nStatus: 5.1.1\n"
# Decent programs report in milliseconds; a hostile report may take this long before anybody has to wait for it.
MOST_S = 2.0


# --- what servers write ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", REPORTS.values(), ids=REPORTS)
def test_a_report_is_understood(one: Written) -> None:
    """Whom it is about, whether there is hope, and the words of the server that refused."""
    [failure] = read_report(one.about(), one.mail_from)
    assert (failure.recipient, failure.kind) == (BOB if one.names else "", one.kind)
    assert one.said.replace("%s", BOB) in failure.why


@pytest.mark.parametrize("one", NO_REPORTS.values(), ids=NO_REPORTS)
def test_what_is_no_report_says_nothing(one: Written) -> None:
    """Answers of programs, mails of people, and reports that something went well."""
    assert read_report(one.about(), one.mail_from) == ()


@pytest.mark.parametrize("one", REPORTS.values(), ids=REPORTS)
def test_line_ends_and_case_make_no_difference(one: Written) -> None:
    """As a program hands it over that ends lines with LF, about an address that the server wrote in capitals."""
    mail = one.about(BOB.upper()).replace(b"\r\n", b"\n")
    assert [failure.kind for failure in read_report(mail, one.mail_from)] == [one.kind]
    assert {failure.recipient for failure in read_report(mail, one.mail_from)} <= {BOB, ""}


def test_a_report_about_several_says_of_each_what_holds() -> None:
    """The address was an alias: one is gone, one is full, one is slow, and one got it."""
    fields = "\n".join(
        f"Final-Recipient: rfc822; {who}@x.example\nAction: {action}\nStatus: {status}\n"
        for who, action, status in (
            ("a", "failed", "5.1.1"),
            ("b", "failed", "5.2.2"),
            ("c", "delayed", "4.4.1"),
            ("d", "delivered", "2.0.0"),
        )
    )
    found = {failure.recipient[0]: failure.kind for failure in read_report(Written(dsn("x", fields)).about(), "")}
    assert found == {"a": HARD, "b": SOFT, "c": DELAYED}


def test_who_was_meant_counts_beside_who_it_went_on_to() -> None:
    """A forwarded copy: the report may name the member's address as the original recipient, and then it is about that one, too."""
    fields = f"Original-Recipient: rfc822;{BOB}\nFinal-Recipient: rfc822;bob@home.example\nAction: failed\nStatus: 5.1.1\n"
    assert {failure.recipient for failure in read_report(Written(dsn("x", fields)).about(), "")} == {BOB, "bob@home.example"}


SAID = [
    ("", "", HARD), ("550 no such user", "", HARD), ("450 try later", "", SOFT), ("", "4.0.0", SOFT), ("", "5.0.0", HARD),
    ("552 message too big", "", UNFIT), ("552 user is over quota", "", SOFT), ("mailbox full", "5.0.0", SOFT), ("550 5.6.0 no", "", UNFIT),
    ("550 5.7.1 spam", "5.0.0", HARD), ("421 4.3.2 closing", "5.0.0", SOFT), ("554 5.2.3 too large", "", UNFIT), ("", "5.2.3", UNFIT),
    ("host 5.1.1.4 said: 451 later", "", SOFT), ("quota", "5.1.1", HARD), ("in version 4.5.1.2 no user", "", HARD), ("", "nonsense", HARD),
]  # fmt: skip


@pytest.mark.parametrize(("said", "status", "kind"), SAID)
def test_codes_say_how_hard(said: str, status: str, kind: str) -> None:
    """A status code where there is one, then the words about full mailboxes, then the reply code; numbers of networks are none."""
    assert judged(said, status) == kind


# --- what hostile people write ---------------------------------------------------------------------------------------------


def test_the_words_of_a_server_are_shown_harmlessly() -> None:
    """Nothing in them moves a cursor, turns a line around or begins a new one; and they are short."""
    evil = "550 \x1b[2J\x07\u202e gone\u2028Bcc: x\t" + "and so on " * 200
    fields = f"{FAILED}Diagnostic-Code: smtp; {evil}\n"
    [failure] = read_report(Written(dsn("x", fields)).about(), "")
    assert failure.why.isprintable() and "\u202e" not in failure.why and len(failure.why) == MAX_WHY


def timed(octets: bytes, mail_from: str = "") -> float:
    """How long reading it takes, in seconds of this thread; whatever comes of it has the form of failures."""
    before = time.thread_time()
    found = read_report(octets, mail_from)
    spent = time.thread_time() - before
    assert len(found) <= 2 * MAX_RECIPIENTS
    assert all(one.kind in KINDS and one.why.isprintable() and len(one.why) <= MAX_WHY for one in found)
    return spent


def nested(levels: int) -> str:
    opening = "".join(f'Content-Type: multipart/mixed; boundary="{n}"\n\n--{n}\n' for n in range(levels))
    return opening + "Content-Type: text/plain\n\nx" + "".join(f"\n--{n}--\n" for n in reversed(range(levels)))


def many(part: str, times: int, kind: str = "report") -> str:
    return f"MIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary=b\n\n" + f"--b\n{part}\n" * times + "--b--\n"


BOTTOMLESS = "Content-Type: multipart/mixed; boundary=c\n\n" + "--c\nno header\n\n" * 49 + "--c--\n"
STATUS = "Content-Type: message/delivery-status\n\n"
NETSCAPE = "This Message was undeliverable due to the following reason:\n"
QUIET = "From: mailer-daemon@yahoo.com\n"
COSTLY = {
    "24 MiB of text": words("x" * (24 << 20), "From: x\n"),
    "24 MiB of short lines": words("Hi. This is the\n\n" + "<a\n" * (8 << 20), "From: x\n"),
    "24 MiB of fields": dsn("x", "Action: failed\n\n" * (3 << 19)),
    "one line with every beginning": words("Your message to:" + "a" * 200_000 + "\n", QUIET),
    "lines that almost match": words("\n".join(["Your message to: delivery failed: <" + "a" * 450] * 400), QUIET),
    "lines of commas": words("\n".join(["," * 499] * 400), QUIET),
    "long decoded lines": many(f"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n{'PDw8' * 30_000}", 2),
    "what Netscape wrote": many(f"Content-Type: text/plain\n\n{NETSCAPE}{'x' * 400_000}", 3),
    "five thousand parts": many("Content-Type: text/plain\n\nx", 5_000),
    "fifty parts": many(f"{STATUS}Reporting-MTA: x\n\n{FAILED * 20}", 50),
    "parts of parts without any": many(BOTTOMLESS, 49),
    "two thousand levels": nested(2_000),
    "a thousand recipients": dsn("x", f"{FAILED}\n" * 1_000),
    "a field with an open quotation mark": dsn("x", f'Final-Recipient: rfc822; "{";" * 100_000}\nAction: failed\n'),
    "a type with an open quotation mark": f'Content-Type: multipart/report; boundary="{";" * 3_000}\n\nx',
    "a From without an end": words("x", f"From: {'(' * 100_000}\nX-Failed-Recipients: {'<,' * 50_000}\n"),
    "a Final-Recipient of brackets": dsn("x", f"Final-Recipient: rfc822; {'(<' * 40_000}\nAction: failed\n"),
}  # fmt: skip


@pytest.mark.parametrize("mail", COSTLY.values(), ids=COSTLY)
def test_a_costly_report_costs_little(mail: str) -> None:
    """However long, deep or twisted: the work is bounded, and nothing goes wrong."""
    assert timed(Written(mail).about()) < MOST_S


def test_broken_reports_are_read_or_not() -> None:
    """Real reports with octets changed, cut, doubled and put together at random, four thousand of them: never an error."""
    chance = random.Random(7)
    whole = [one.about() for one in (*REPORTS.values(), *NO_REPORTS.values()) if one.mail]
    for _ in range(4_000):
        octets = bytearray(chance.choice(whole))
        for _ in range(chance.randint(1, 8)):
            at, length = chance.randrange(len(octets) + 1), chance.randrange(40)
            octets[at : at + length] = chance.choice(
                (b"", b"\r\n\r\n", b"\xff\x00", b'"', b"--9B095B5ADSN\r\n", chance.choice(whole)[at : at + 300])
            )
        assert timed(bytes(octets)) < MOST_S


@settings(max_examples=300, deadline=None)
@given(action=st.text(max_size=40), recipient=st.text(max_size=80), status=st.text(max_size=20), said=st.text(max_size=200))
def test_any_field_is_read_or_not(action: str, recipient: str, status: str, said: str) -> None:
    """Whatever stands in the fields of a recipient."""
    fields = f"Final-Recipient: rfc822;{recipient}\nAction: fail{action}\nStatus: {status}\nDiagnostic-Code: smtp; {said}\n"
    mail = Written(dsn("x", fields)).mail.encode("utf-8", "surrogatepass")
    assert timed(mail) < MOST_S


@settings(max_examples=300, deadline=None)
@given(octets=st.binary(max_size=600), mail_from=st.sampled_from(["", BOB]))
def test_any_octets_are_read_or_not(octets: bytes, mail_from: str) -> None:
    """By themselves, and as the text and the fields of a report."""
    for before in (b"", b"From: x\r\n\r\n", b"Content-Type: message/delivery-status\r\n\r\nAction: failed\r\nFinal-Recipient: "):
        assert timed(before + octets, mail_from) < MOST_S
