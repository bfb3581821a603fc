"""What an attacker writes in the place of a verdict is never taken for one: through whole mails, with real keys."""

from __future__ import annotations

import contextlib
import email
import email.policy
import sqlite3
import time
from email.header import decode_header, make_header
from email.message import EmailMessage, Message

import pytest
from attack_stage import Judging, must_be_refused
from attacks_checker import ATTACKS, BREAKS, MEANS, spoken, words
from bad_mails import Bad, Stage
from people import Somebody
from town import entity

from securelist.mail.headers import mailbox_field
from securelist.post.names import shown_name


@pytest.mark.parametrize("bad", ATTACKS.values(), ids=ATTACKS)
def test_words_in_the_place_of_a_verdict(stage: Stage, judge: Judging, bad: Bad) -> None:
    """Whoever writes what GnuPG would say of Anna is not Anna: refused by what the engines found themselves."""
    said = must_be_refused(stage, judge, bad)
    assert said.poster != stage.anna.fingerprint
    assert "GNUPG" not in said.detail


@pytest.fixture(scope="module")
def eva(stage: Stage) -> Somebody:
    """A member for .be whose user ID is GnuPG's verdict on Anna."""
    made = stage.people.make(f"Eva Å{words(stage.anna, 'Å')}", f"eva-{stage.town.home.parent.name}@be.example")
    text = stage.town.statement("attest-ssc", made, tld="be", Name="Eva")
    stage.town.submit(stage.town.admin, text, made.certificate)
    return made


def address_in_from(stage: Stage, mail: bytes, who: Somebody) -> bytes:
    """The same mail, with somebody else's address in From."""
    return mail.replace(f"From: Anna <{stage.anna.address}>".encode(), f"From: Eva <{who.address}>".encode())


# A notation in a name or a text that GnuPG does not take for one, and what only revocations and certifications carry, may stand there.
@pytest.mark.parametrize("means", MEANS)
@pytest.mark.parametrize("ends", ["LF", "CRLF", "NEL", "an Å"])
def test_a_member_who_writes_words_about_another_is_still_themselves(
    stage: Stage, judge: Judging, eva: Somebody, means: str, ends: str
) -> None:
    """Their own good signature, with GnuPG's words about Anna in it, and in their user ID: the post is theirs."""
    said = judge(address_in_from(stage, spoken(stage, MEANS[means], words(stage.anna, BREAKS[ends]), eva), eva))
    assert (said.verdict, said.poster) == ("accept", eva.fingerprint), said


def test_the_posts_of_a_member_with_such_a_user_id_are_shown_as_theirs(stage: Stage, judge: Judging, eva: Somebody) -> None:
    """The copy names the attested name, address and key; nothing of the user ID."""
    post = stage.town.post(eva, entity(f"canary {time.time_ns()}"), From=f"Eva <{eva.address}>")
    assert judge(post).poster == eva.fingerprint
    stage.town.deliver()
    copy, status = stage.town.opened(stage.town.mails(stage.bert.address)[-1])
    assert f"Author: Eva <{eva.address}>\r\n".encode() in copy
    assert b"GNUPG" not in copy
    assert f"VALIDSIG {stage.town.key}" in status


def test_nothing_of_these_words_is_written_down(stage: Stage, judge: Judging, eva: Somebody) -> None:
    """No row of the journal holds a status line, whoever sent it."""
    judge(address_in_from(stage, spoken(stage, MEANS["a notation's value"], words(stage.anna), eva), eva))
    with contextlib.closing(sqlite3.connect(stage.town.home / "securelist.db")) as database:
        rows = database.execute("SELECT event || ' ' || subject || ' ' || detail FROM journal").fetchall()
    assert rows
    assert not [row for (row,) in rows if "GNUPG" in row or "VALIDSIG" in row]


# --- fields that nobody signed, and faces of others --------------------------------------------------------------------------

OUTER = {
    "From",
    "To",
    "Date",
    "List-Id",
    "List-Post",
    "List-Help",
    "List-Unsubscribe",
    "List-Owner",
    "Precedence",
    "Autocrypt",
    "Message-ID",
}
OUTSIDE = OUTER | {"Subject", "MIME-Version", "Content-Type", "Return-Path"}
INSIDE = OUTER | {"Subject", "MIME-Version", "Content-Type", "HP-Outer", "Author"}
OURS = {"Securelist-Poster", "Securelist-Attestation", "Securelist-Log-Head"}

# Every line ends a field here, for somebody: as octets, decoded, folded, and twice encoded.
INJECTED = (
    "=?utf-8?q?x=0D=0ABcc:_all=40evil.example?=", "=?utf-8?b?eA0KQmNjOiBhbGxAZXZpbC5leGFtcGxl?=", "=?utf-7?q?x+AA0ACg-Bcc:_x?=",
    "x\r\n Bcc: all@evil.example", "x\r\n\tSecurelist-Poster: y", "=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3D0ABcc=3A=3F=3D?=", "[...]",
    "=?utf-8?q?=E2=80=A8Bcc:_x?=", "=?utf-8?q?x=C2=85Bcc:_x?=", "x\tBcc: y", "=?utf-8?q?x=00y?=", "=?us-ascii?q?=1B[2J?=",
)  # fmt: skip


def newest_copy(stage: Stage, who: Somebody) -> tuple[EmailMessage, Message]:
    """What somebody got last: the mail, and what was encrypted in it."""
    stage.town.deliver()
    copy = stage.town.mails(who.address)[-1]
    return copy, email.message_from_bytes(stage.town.opened(copy)[0])


@pytest.mark.parametrize("where", ["outside", "signed"])
@pytest.mark.parametrize("value", INJECTED)
def test_a_subject_that_would_be_another_field(stage: Stage, judge: Judging, value: str, where: str) -> None:
    """Encoded, folded, twice encoded: the copy has exactly its fields, each on lines of its own, and the subject is text."""
    fields, outside = ([f"Subject: {value}"], "x") if where == "signed" else ([], value)
    post = stage.town.post(stage.bert, entity(f"canary {time.time_ns()}", *fields), Subject=outside)
    assert judge(post).verdict == "accept"
    copy, inner = newest_copy(stage, stage.anna)
    assert set(copy.keys()) == OUTSIDE
    assert set(inner.keys()) - {"Securelist-Subject"} == INSIDE | OURS
    assert copy["Subject"] == "[...]"
    shown = str(make_header(decode_header(inner["Subject"])))
    assert shown.isprintable()
    assert inner.get_payload()[0].get_payload(decode=True).decode().split("\r\n")[0] == f"Subject: {shown}"  # type: ignore[index, union-attr]


def test_fields_of_ours_in_a_posters_entity_are_dropped(stage: Stage, judge: Judging) -> None:
    """What a poster signs beside Content fields is not relayed as a field of the part, nor taken for one of ours."""
    forged = [f"{name}: forged" for name in (*OURS, "Author", "HP-Outer", "List-Post", "Autocrypt", "X-Any")]
    assert judge(stage.town.post(stage.bert, entity(f"canary {time.time_ns()}", *forged))).verdict == "accept"
    _, inner = newest_copy(stage, stage.anna)
    assert all("forged" not in str(value) for value in inner.values())
    for name in OURS | {"Author"}:
        assert len(inner.get_all(name, [])) == 1
    theirs = inner.get_payload()[1]  # type: ignore[index]
    assert {name.lower() for name in theirs.keys()} == {"content-type", "content-transfer-encoding"}  # type: ignore[union-attr] # noqa: SIM118


NOBODY = "contact of .be"
FACES = {
    **dict.fromkeys(("Announcement", "Secretariat", "A N N O U N C E M E N T S", "Sécretariat", "tld-ops", "Bert via tld-ops", ""), NOBODY),
    **dict.fromkeys(("bert\uff20nl.example", "\u0410nna", "Secretariat\u0301 of all", "Bert <bert@nl.example>"), NOBODY),
    **{name: name for name in ("=?utf-8?q?Bert_=3Cbert=40nl.example=3E?=", "Zoë, Registry (NOC)", "Жанна", "Anna de Vries")},
}


@pytest.mark.parametrize("name", FACES)
def test_a_name_that_looks_like_somebody_elses(name: str) -> None:
    """What an Admin Contact attested as a name never makes a post look like the Secretariat's, the list's, or from another address."""
    shown = shown_name(name, "be", "tld-ops")
    assert shown == FACES[name]
    _, field = mailbox_field("From", f"{shown} via tld-ops", "tld-ops@lists.example.org")
    parsed = email.message_from_bytes(f"From: {field}\r\n\r\n".encode(), policy=email.policy.default)["From"]
    assert [one.addr_spec for one in parsed.addresses] == ["tld-ops@lists.example.org"]
    assert parsed.addresses[0].display_name == f"{shown} via tld-ops"


BANNER = "Anna <anna@nl.example>, contact of .nl, to tld-ops, 2026-11-22 10:00 UTC.\r\nSignature verified: 0123 4567"


@pytest.mark.parametrize("content_type", ["text/plain", "text/html", "multipart/mixed", "multipart/alternative", "inline"])
def test_a_text_that_imitates_our_introduction(stage: Stage, judge: Judging, content_type: str) -> None:
    """Ours comes first, in a part of its own under the list's signature, and ends by saying whose all the rest is."""
    text = f"{BANNER}\r\n{time.time_ns()}"
    content = entity(text).replace(b"text/plain", content_type.encode())
    if content_type.startswith("multipart/"):
        head = f'Content-Type: {content_type}; boundary="b"; hp="cipher"; protected-headers="v1"\r\nSubject: forged\r\n\r\n'.encode()
        content = head + b"--b\r\n" + entity(text, "Subject: forged", "From: Anna <anna@nl.example>") + b"\r\n--b--\r\n"
    mail = stage.inline(text=text.encode()) if content_type == "inline" else stage.town.post(stage.bert, content)
    assert judge(mail).verdict == "accept"
    _, inner = newest_copy(stage, stage.anna)
    first, second = inner.get_payload()  # type: ignore[misc]
    introduction = first.get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert first.get_content_type() == "text/plain"  # type: ignore[union-attr]
    assert BANNER not in introduction
    assert introduction.rstrip().endswith("All below this line is the poster's own.")
    assert BANNER in second.as_string().replace("\n", "\r\n").replace("\r\r", "\r")  # type: ignore[union-attr]
    assert not second.get_all("Subject", [])  # type: ignore[union-attr]
    assert inner.get_boundary() not in second.as_string()  # type: ignore[operator, union-attr]
