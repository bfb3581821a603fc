"""What answers, bounces and our own mail tell a stranger: nothing about keys, members or decryption, and nothing of what was sent to us."""

from __future__ import annotations

import contextlib
import email
import email.policy
import os
import re
import smtplib
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest
from attack_packets import BINARY, framed, literal, one_pass, outer, sealed, signature
from attack_stage import Judging
from attacks_certificates import LONG_AGO, New, primary_of
from bad_mails import CANARY, DAY, Stage
from certification_forge import secret
from forge import protected, unprotected
from people import Somebody
from statement_mails import REQUEST, keys, mail, multipart, part
from town import LIST, Running, entity

from securelist.openpgp.armor import dearmor
from securelist.openpgp.packets import Tag, read_packets, write_packet
from securelist.openpgp.sequoia import armor

LOCAL, _, DOMAIN = LIST.partition("@")
OWNER, SENDKEY = f"{LOCAL}-owner@{DOMAIN}", f"{LOCAL}-sendkey@{DOMAIN}"


@pytest.fixture(scope="module")
def running(stage: Stage) -> Iterator[Running]:
    with stage.town.serve() as started:
        yield started


def stranger(stage: Stage, at: int | None = None) -> Somebody:
    """Somebody whom the list never heard of."""
    return stage.people.make("Eve", f"eve-{time.time_ns()}@evil.example", at=at)


def signed_mail(stage: Stage, who: Somebody, text: str, *attached: Somebody, at: int | None = None) -> bytes:
    """A mail to LIST-request with a clearsigned text, and certificates."""
    return mail(who, multipart(part("text/plain; charset=utf-8", stage.people.clearsign(who, text, at=at)), *map(keys, attached)))


def at_once(running: Running, mails: list[bytes], to: str) -> list[tuple[int, bytes]]:
    """The answers to a stranger's mails, in their order: each takes two seconds, so all are sent together."""
    with ThreadPoolExecutor(10) as pool:
        return list(pool.map(lambda octets: running.send(octets, "eve@evil.example", to), mails))


# --- who is a member -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A stranger's question: two mails that differ in nothing but in what the list knows of others."""

    about_somebody: Callable[[Stage], bytes]
    about_nobody: Callable[[Stage], bytes]


def request(stage: Stage, address: str, tld: str = "nl", at: int | None = None, name: str = "Eve") -> bytes:
    """A request for membership with that address, by a new key."""
    eve = stranger(stage, at=at and at - DAY)
    return signed_mail(stage, eve, stage.town.statement("request-membership", eve, tld=tld, Email=address, Name=name), eve, at=at)


def free() -> str:
    return f"free-{time.time_ns()}@elsewhere.example"


def long_ago() -> int:
    return int(time.time()) - 20 * DAY


def asked_twice(stage: Stage, second: Callable[[str], str]) -> bytes:
    """A request for an address for which another key asks already."""
    address = free()
    assert stage.town.judge(request(stage, address), "submit", "--rcpt", REQUEST)["verdict"] == "accept"
    return request(stage, second(address))


def certificate(stage: Stage, who: Somebody) -> bytes:
    """A stranger mails somebody's certificate."""
    return mail(stage.mallory, multipart(part("text/plain", "fyi"), keys(who)))


def revoked(stage: Stage, who: Somebody) -> bytes:
    """A stranger mails somebody's revoked certificate, which may stand on a key server."""
    return certificate(stage, replace(who, certificate=stage.people.revoke(who, 1)))


def member_to_be_revoked(stage: Stage) -> Somebody:
    who = stage.people.make("Rita", f"rita-{time.time_ns()}@be.example")
    stage.town.submit(stage.town.root, stage.town.statement("appoint-admin-contact", stage.town.admin, tld="de"))
    stage.town.submit(stage.town.admin, stage.town.statement("attest-ssc", who, tld="de"), who.certificate)
    return who


def holding(stage: Stage, victim: Somebody) -> bytes:
    """A request with a certificate that adopted somebody's primary key, as far as a thief can."""
    eve = stranger(stage, at=LONG_AGO)
    made = New(stage, eve, secret(stage.people, eve))
    stolen = replace(eve, certificate=armor(made.octets + made.subkey(primary_of(victim), 0), "PUBLIC KEY BLOCK"))
    return signed_mail(stage, eve, stage.town.statement("request-membership", eve, tld="fr", Email=free()), stolen)


def token(stage: Stage, tld: str) -> bytes:
    eve = stranger(stage)
    text = stage.town.statement("accept-invitation", eve, tld=tld, Token=f"{tld}-k7qm-2xrt-5bpd-w3fh-6yzc", Key="")
    return signed_mail(stage, eve, text, eve)


ASKED = {
    "is this address a member's": Asked(lambda s: request(s, s.anna.address), lambda s: request(s, free())),
    "was this address a member's": Asked(
        lambda s: request(s, s.willem.address, "be", long_ago()), lambda s: request(s, free(), "be", long_ago())
    ),
    "when was this address attested": Asked(
        lambda s: request(s, s.anna.address, at=long_ago()), lambda s: request(s, free(), at=long_ago())
    ),
    "was this address attested, badly asked": Asked(
        lambda s: request(s, s.anna.address, at=long_ago(), name="Eve Key: x"),
        lambda s: request(s, free(), at=long_ago(), name="Eve Key: x"),
    ),
    "does somebody ask for this address": Asked(lambda s: asked_twice(s, str), lambda s: asked_twice(s, lambda _: free())),
    "does this ccTLD have an Admin Contact": Asked(lambda s: request(s, free(), "nl"), lambda s: request(s, free(), "fr")),
    "is this key known": Asked(lambda s: certificate(s, s.anna), lambda s: certificate(s, stranger(s))),
    "is this revoked key known": Asked(lambda s: revoked(s, member_to_be_revoked(s)), lambda s: revoked(s, stranger(s))),
    "is this key a member's": Asked(lambda s: holding(s, s.vera), lambda s: holding(s, stranger(s))),
    "is there an invitation": Asked(lambda s: token(s, "nl"), lambda s: token(s, "fr")),
    "may this key send commands": Asked(
        lambda s: signed_mail(s, s.mallory, "help\n"), lambda s: signed_mail(s, stranger(s), "help\n")
    ),
}  # fmt: skip


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_a_stranger_asks_what_the_list_knows(stage: Stage, running: Running, asked: Asked) -> None:
    """Whatever the list knows of others, the answer is the same, octet by octet, and nobody gets a letter about it."""
    about_somebody, about_nobody = asked.about_somebody(stage), asked.about_nobody(stage)
    first, second = at_once(running, [about_somebody, about_nobody], REQUEST)
    assert first == second
    assert not list(stage.town.inbox.glob("*evil.example"))


@pytest.mark.parametrize("to", [LIST, REQUEST, OWNER, SENDKEY])
def test_the_envelope_tells_nothing(stage: Stage, running: Running, to: str) -> None:
    """MAIL FROM with a member's address and with nobody's, then RCPT, VRFY and EXPN of both: the same answers."""
    said = []
    for address in (stage.anna.address, "nobody@nl.example"):
        with smtplib.SMTP("127.0.0.1", running.smtp, timeout=60) as smtp:
            said.append([smtp.ehlo()[0], smtp.mail(address), smtp.rcpt(to), smtp.rcpt(address), smtp.verify(address), smtp.expn(address)])
    assert said[0] == said[1]


# --- what can be decrypted -------------------------------------------------------------------------------------------------


def garbled(stage: Stage, place: int) -> bytes:
    """A post of Anna's whose session-key packet has another octet at this place."""
    wrapped, data = read_packets(enc(stage))
    body = bytearray(wrapped.body)
    body[place] ^= 0x5A
    return framed(stage, write_packet(Tag.PKESK, bytes(body)) + data.octets)


def enc(stage: Stage) -> bytes:
    """A post of Anna's, encrypted, binary."""
    return dearmor(stage.town.encrypt(stage.anna, entity(CANARY)))


def damaged(stage: Stage, place: int) -> bytes:
    """A post of Anna's whose data packet has another octet at this place."""
    wrapped, data = read_packets(enc(stage))
    body = bytearray(data.body)
    body[place] ^= 0x5A
    return framed(stage, wrapped.octets + write_packet(Tag.SEIPD, bytes(body)))


def inside(stage: Stage, octets: bytes, make: Callable[..., bytes] = protected) -> bytes:
    """What an attacker encrypted to the list."""
    wrapped, key = outer(stage.town)
    return framed(stage, wrapped + make(key, octets))


GARBLED: dict[str, Callable[[Stage], bytes]] = {
    "another algorithm": lambda s: garbled(s, 9),
    "a point that is none": lambda s: garbled(s, 14),
    "a wrapped key of another length": lambda s: garbled(s, 45),
    "a wrapped key that does not unwrap": lambda s: garbled(s, 60),
    "the end of the wrapped key": lambda s: garbled(s, -1),
    "another key ID": lambda s: garbled(s, 3),
    "another version": lambda s: garbled(s, 0),
    "the prefix": lambda s: damaged(s, 17),
    "the midst of the data": lambda s: damaged(s, 60),
    "the code at the end": lambda s: damaged(s, -1),
    "no code": lambda s: inside(s, literal(b"x"), unprotected),
    "a wrong code": lambda s: inside(s, literal(b"x"), lambda key, octets: protected(key, octets, bytes(20))),
    "packets of noise": lambda s: inside(s, os.urandom(64)),
    "nothing": lambda s: inside(s, b""),
    "not compressed as it says": lambda s: inside(s, write_packet(Tag.COMPRESSED, b"\1" + os.urandom(40))),
    "not signed": lambda s: inside(s, literal(entity(CANARY))),
    "signed by a stranger": lambda s: s.mail(s.town.encrypt(s.mallory, entity(CANARY))),
    "signed by somebody withdrawn": lambda s: s.mail(s.town.encrypt(s.willem, entity(CANARY))),
    "a bad signature of a member": lambda s: sealed(
        s, one_pass(s.anna), literal(entity(CANARY)), signature(s, b"other", kind=BINARY, who=s.mallory, hashed=None)
    ),
    "for somebody else": lambda s: s.mail(s.people.gpg("--armor", "-r", s.bert.fingerprint, "--encrypt", data=entity(CANARY))),
}


@pytest.mark.parametrize("to", [LIST, REQUEST])
def test_the_list_is_no_oracle_for_decryption(stage: Stage, running: Running, to: str) -> None:
    """Garbled in twenty ways, in a stranger's name: one answer, no letter to anybody, and no alarm."""
    before = letters(stage)
    makers = GARBLED.items() if to == LIST else list(GARBLED.items())[::3]
    answers = at_once(running, [in_a_strangers_name(make(stage)) for _, make in makers], to)
    assert set(answers) == {(550, b"5.7.1 Not accepted for this list")}, dict(zip(GARBLED, answers, strict=False))
    assert letters(stage) == before


def in_a_strangers_name(mail_octets: bytes) -> bytes:
    return re.sub(rb"(?m)^From: .*$", b"From: Eve <eve@evil.example>\r", mail_octets, count=1)


def letters(stage: Stage) -> int:
    """How many letters were ever queued, and bounces there are none."""
    with contextlib.closing(sqlite3.connect(stage.town.home / "securelist.db")) as database:
        return int(database.execute("SELECT count(*) FROM posts WHERE kind != 'post'").fetchone()[0])


# --- what we send ----------------------------------------------------------------------------------------------------------

SECRET = "canary-that-nobody-may-quote"


def in_clear(to: str, sender: str, **fields: str) -> bytes:
    """A mail that is not encrypted, with the canary wherever it can be."""
    head = {"From": sender, "To": to, "Subject": SECRET, "Message-ID": f"<{SECRET}@client.example>", "X-Canary": SECRET, **fields}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in head.items()]
    attached = f'--b\r\nContent-Type: text/plain; name="{SECRET}.txt"\r\n\r\n{SECRET}\r\n--b--\r\n'
    return "\r\n".join([*lines, 'Content-Type: multipart/mixed; boundary="b"', "", attached]).encode()


@pytest.fixture(scope="module")
def aftermath(stage: Stage) -> dict[str, list[bytes]]:
    """Everybody's mails, as they lie there, after mails in clear to every address of the list, in names of members and strangers."""
    stage.town.deliver()
    before = {address: len(stage.town.delivered(address)) for address in people_of(stage)}
    process = stage.town.start(stderr=subprocess.PIPE)
    sent = [(in_clear(to, f"{name} <{address}>"), address, to) for to in (LIST, REQUEST, OWNER) for name, address in senders(stage)]
    sent += [(in_clear(SENDKEY, "Eve <eve@asks.example>"), "eve@asks.example", SENDKEY)]
    sent += [
        (
            in_clear(LIST, "Eve <victim@third.example>", Reply_To="victim@third.example", Sender="victim@third.example"),
            "victim@third.example",
            LIST,
        )
    ]
    sent += [(in_clear(LIST, "MAILER-DAEMON <postmaster@evil.example>"), "", LIST)]
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda one: process.send(*one), sent))
    process.process.terminate()
    said = process.process.communicate(timeout=30)[1]
    stage.town.deliver()
    assert SECRET.encode() not in said
    assert b"example" not in said, said
    return {address: stage.town.delivered(address)[before.get(address, 0) :] for address in people_of(stage)}


def senders(stage: Stage) -> list[tuple[str, str]]:
    return [("Anna", stage.anna.address), ("Eve", "eve@evil.example"), ("Willem", stage.willem.address)]


def people_of(stage: Stage) -> list[str]:
    return [folder.name for folder in stage.town.inbox.iterdir()] if stage.town.inbox.exists() else []


def test_nothing_that_was_sent_to_us_is_sent_on_in_clear(aftermath: dict[str, list[bytes]]) -> None:
    """Neither subject nor text, attachment, name or Message-ID of a mail stands outside of what is encrypted."""
    assert aftermath
    for address, mails in aftermath.items():
        for octets in mails:
            shown = octets.replace(b"=\n", b"").replace(b"\n ", b" ")
            if address != "eve@asks.example":
                assert SECRET.encode() not in shown, address
            assert f"Subject: {SECRET}".encode() not in shown
            assert b"multipart/report" not in octets


def test_nobody_is_written_to_but_who_is_known_or_asked(stage: Stage, aftermath: dict[str, list[bytes]]) -> None:
    """No bounce, no explanation and no answer goes to a stranger, nor to an address that somebody put into a field."""
    town = stage.town
    known = {*town.members, stage.vera.address, town.root.address, town.admin.address, "eve@asks.example"}
    assert {address for address, mails in aftermath.items() if mails} <= known
    [answer] = aftermath["eve@asks.example"]
    assert b"BEGIN PGP PUBLIC KEY BLOCK" in answer


def test_what_a_member_hears_is_encrypted_to_them(stage: Stage, aftermath: dict[str, list[bytes]]) -> None:
    """The explanation of what was refused in Anna's name can be opened by her alone, and does not say what the mail said."""
    [explained] = [email.message_from_bytes(octets, policy=email.policy.default) for octets in aftermath[stage.anna.address]]
    assert explained["Subject"] == "[...]"
    opened, status = stage.town.opened(explained)  # type: ignore[arg-type]
    assert status.count("] ENC_TO ") == 1
    assert SECRET.encode() not in opened


def test_a_copy_names_nobody_else(stage: Stage, judge: Judging) -> None:
    """Each member's copy, as it travels: no other member's address or key; the poster's time zone, host and Message-ID are not in it."""
    post = stage.town.post(
        stage.anna, f"canary {time.time_ns()}", Date="Sun, 22 Nov 2026 03:04:05 +1234", Message_ID="<secret-host@laptop.internal>",
        Received="from laptop.internal by mail.nl.example", In_Reply_To="<other@laptop.internal>",
    )  # fmt: skip
    assert judge(post).verdict == "accept"
    stage.town.deliver()
    ids = {who.address: who.fingerprint[-16:].lower() for who in stage.town.members.values()}
    for address in stage.town.members:
        octets = stage.town.delivered(address)[-1].lower()
        others = [other for other in ids if other != address]
        assert not [word for other in others for word in (other, ids[other]) if word.encode() in octets]
        assert not [word for word in (b"+1234", b"laptop", b"received:", stage.anna.name.lower().encode() + b" <") if word in octets]
        copy = email.message_from_bytes(octets)
        assert str(copy["date"]).endswith("+0000")


def test_the_journal_names_no_stranger_who_was_refused(stage: Stage, aftermath: dict[str, list[bytes]]) -> None:
    """The journal holds reasons, not what was sent, nor who sent it; who got a letter, and whose mail was forwarded, is counted."""
    with contextlib.closing(sqlite3.connect(stage.town.home / "securelist.db")) as database:
        rows = [
            " ".join(map(str, row))
            for row in database.execute("SELECT event, subject, detail FROM journal WHERE event != 'forwarded from'")
        ]
    assert rows
    assert not [row for row in rows if SECRET in row or "evil.example" in row or "third.example" in row]
