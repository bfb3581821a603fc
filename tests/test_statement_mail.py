"""Statements by mail to LIST-request: every form counts, is answered by a receipt, and can be proved; nothing else does."""

from __future__ import annotations

import email
import email.policy
import json
import os
import sqlite3
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from people import Somebody
from statement_mails import FORMS, PLAIN, REQUEST, Desk, Form, keys, mail, multipart, part
from town import LIST, SECURELIST, Town

UNIFORM = (550, b"5.7.1 Not accepted for this list")


def attestation(desk: Desk, who: Somebody, **fields: str) -> str:
    """What an Admin Contact writes: a greeting, the statement, and a mail signature after it."""
    statement = desk.town.statement("attest-ssc", who, Phone="+31 6 1234 5678", **fields)
    return f"Dear Secretariat, chère Zoë,\n\n{statement}\nKind regards\n-- \nAdmin of .nl\nFrom: nobody\n"


def judge(desk: Desk, octets: bytes) -> dict[str, object]:
    return desk.town.judge(octets, "submit", "--rcpt", REQUEST)


def members(town: Town) -> dict[str, str]:
    return {row["email"]: row["fingerprint"] for row in json.loads(town.run("member", "list", "--json"))}


RECEIPTS: list[str] = []
"""What the answers to the accepted mails said: the receipts must say the same."""


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_makes_a_member(desk: Desk, newcomer: Callable[[], Somebody], form: Form) -> None:
    """The same attestation in whatever form it is mailed: it took effect, signed by the Admin Contact."""
    who = newcomer()
    verdict = judge(desk, form(desk, who, attestation(desk, who)))
    assert (verdict["verdict"], verdict["reason"], verdict["poster"]) == ("accept", "accepted", desk.admin.fingerprint), verdict
    assert list(verdict) == ["verdict", "reason", "detail", "poster", "step"]
    shown = json.loads(desk.town.run("member", "show", "--json", who.address))
    assert (shown["fingerprint"], shown["state"], shown["phone"]) == (who.fingerprint, "active", "+31 6 1234 5678")
    assert str(verdict["detail"]).startswith(f"entered as entries {shown['entry'] - 1} to {shown['entry']}, ")
    RECEIPTS.append(str(verdict["detail"]))


def inbox(town: Town, who: Somebody) -> list[Path]:
    """The files of somebody's mails, oldest first."""
    return sorted((town.inbox / who.address / "new").glob("*"), key=lambda file: file.stat().st_mtime_ns)


def letters(town: Town, who: Somebody, after: int = 0) -> list[str]:
    """What the server wrote to somebody, but for their first mails: each letter encrypted to them and signed by the list."""
    town.deliver()
    found = []
    for file in inbox(town, who)[after:]:
        letter = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        content, status = town.opened(letter)  # type: ignore[arg-type]
        assert f"VALIDSIG {town.key}" in status
        assert status.count("] ENC_TO ") == 1
        assert (letter["Subject"], letter["Auto-Submitted"]) == ("[...]", "auto-replied")
        found.append(content.decode())
    return found


def test_every_receipt_names_entry_and_head(desk: Desk) -> None:
    """For each accepted mail the signer has a letter with the number of the entry and the head of the log."""
    entries = {entry["number"]: entry["hash"] for entry in json.loads(desk.town.run("log", "show", "--json"))}
    told = letters(desk.town, desk.admin)
    for receipt in RECEIPTS:
        number, head = receipt.partition(",")[0].split()[-1], receipt.split()[-1]
        assert entries[int(number)] == head
        assert [receipt in " ".join(letter.split()) for letter in told].count(True) == 1, receipt


# --- refused -----------------------------------------------------------------------------------------------------------

Bad = Callable[[Desk, Somebody, str], bytes]


def by(who: Callable[[Desk, Somebody], Somebody]) -> Bad:
    """Clearsigned by somebody else than the Admin Contact, in the Admin Contact's name, their certificate attached, too."""

    def make(d: Desk, w: Somebody, t: str) -> bytes:
        signer = who(d, w)
        return mail(d.admin, multipart(part(PLAIN, d.people.clearsign(signer, t)), keys(w), keys(signer)))

    return make


def secret(d: Desk, w: Somebody) -> bytes:
    return part("application/pgp-keys", d.people.gpg("--armor", "--export-secret-keys", w.fingerprint))


def swapped(d: Desk, t: str) -> bytes:
    """A text above the signature of another text."""
    text, other = d.clearsigned(t), d.clearsigned("another text\n")
    mark = b"-----BEGIN PGP SIGNATURE-----"
    return text[: text.index(mark)] + other[other.index(mark) :]


def deep(levels: int, inside: bytes) -> bytes:
    for level in range(levels):
        inside = multipart(inside, boundary=f"d{level}")
    return inside


# Who does not prove who they are hears nothing, wherever the mail says that it comes from.
UNPROVED: dict[str, tuple[Bad, str]] = {
    "not signed": (lambda d, w, t: mail(d.admin, multipart(part(PLAIN, t), keys(w))), "not-signed"),
    "not signed, encrypted": (lambda d, w, t: d.pgp_mime(d.encrypted(multipart(part(PLAIN, t), keys(w)), signed=False)), "not-signed"),
    "signed by a stranger": (by(lambda d, w: w), "unknown-signer"),
    "signed with SHA-1": (
        lambda d, w, t: mail(d.admin, multipart(part(PLAIN, d.people.clearsign(d.admin, t, digest="SHA1")), keys(w))),
        "weak-hash",
    ),
    "a wrong signature": (lambda d, w, t: mail(d.admin, multipart(part(PLAIN, swapped(d, t)), keys(w))), "bad-signature"),
    "altered": (
        lambda d, w, t: mail(d.admin, multipart(part(PLAIN, d.clearsigned(t).replace(b"TLD: nl", b"TLD: de")), keys(w))),
        "bad-signature",
    ),
    "altered, PGP/MIME": (
        lambda d, w, t: mail(d.admin, d.signed_entity(multipart(part(PLAIN, t), keys(w))).replace(b"TLD: nl", b"TLD: de")),
        "bad-signature",
    ),
    "two signed texts in one": (lambda d, w, t: mail(d.admin, multipart(part(PLAIN, 2 * d.clearsigned(t)), keys(w))), "not-one-signature"),
    "no signature under the text": (
        lambda d, w, t: mail(d.admin, part(PLAIN, d.clearsigned(t).partition(b"-----BEGIN PGP SIGNATURE")[0])),
        "not-one-signature",
    ),
    "ten thousand signatures without end": (
        lambda d, w, t: mail(d.admin, part(PLAIN, b"-----BEGIN PGP SIGNED MESSAGE-----\n\n" + b"\n-----BEGIN PGP SIGNATURE-----" * 10_000)),
        "not-one-signature",
    ),
    "encrypted to somebody else": (
        lambda d, w, t: d.pgp_mime(d.people.gpg("--armor", "-r", w.fingerprint, "-u", d.admin.fingerprint, "-se", data=t.encode())),
        "not-for-the-list",
    ),
    "nested deep": (lambda d, w, t: mail(d.admin, deep(6, part(PLAIN, d.clearsigned(t)))), "too-deep"),
    "of two thousand parts": (
        lambda d, w, t: mail(d.admin, multipart(*(multipart(*[part(PLAIN, "x")] * 45, boundary=f"i{n}") for n in range(45)))),
        "too-many-parts",
    ),
    "of nine MiB": (lambda d, w, t: mail(d.admin, part(PLAIN, d.clearsigned(t) + (b"x" * 70 + b"\n") * 2**17)), "too-large"),
    "an automatic answer": (
        lambda d, w, t: mail(d.admin, multipart(part(PLAIN, d.clearsigned(t)), keys(w)), "Auto-Submitted: auto-replied"),
        "automatic",
    ),
    "empty": (lambda d, w, t: b"", "empty"),
    "not a mail": (lambda d, w, t: b"\x00\xff" * 50, "not-a-mail"),
}


def posts(town: Town) -> int:
    """How many posts and letters were ever queued."""
    with sqlite3.connect(town.home / "securelist.db") as database:
        return int(database.execute("SELECT count(*) FROM posts").fetchone()[0])


@pytest.mark.parametrize(("make", "reason"), UNPROVED.values(), ids=UNPROVED)
def test_who_proves_nothing_hears_nothing(desk: Desk, newcomer: Callable[[], Somebody], make: Bad, reason: str) -> None:
    """Refused, with the reason for whoever runs the pipe; no letter goes to anybody."""
    who = newcomer()
    before = posts(desk.town)
    verdict = judge(desk, make(desk, who, attestation(desk, who)))
    assert (verdict["verdict"], verdict["reason"], verdict["poster"]) == ("refuse", reason, None), verdict
    assert posts(desk.town) == before


def wrong(find: str, put: str) -> Bad:
    """A well-signed attestation with a mistake in it."""
    return lambda d, w, t: mail(d.admin, multipart(part(PLAIN, d.clearsigned(t.replace(find, put))), keys(w)))


# The third line is `Securelist-Statement:`, after the greeting.
PROVED: dict[str, tuple[Bad, str, str]] = {
    "an unknown field": (wrong("Phone:", "Fax:"), "unknown-field", "line 9: there is no field Fax"),
    "a misspelt field": (wrong("Phone:", "Phon:"), "unknown-field", "line 9: there is no field Phon; the fields of this statement are"),
    "an unknown statement": (wrong("attest-ssc", "atest-ssc"), "unknown-type", "write: Securelist-Statement: attest-ssc"),
    "another list": (wrong(LIST, "other@lists.example.org"), "another-list", f"line 4: this list is {LIST}"),
    "a ccTLD that is not theirs": (wrong("TLD: nl", "TLD: de"), "not-entitled", "line 3: attest-ssc counts only if signed by"),
    "no certificate": (lambda d, w, t: mail(d.admin, part(PLAIN, d.clearsigned(t))), "certificate-missing", "line 8: the certificate"),
    "a revoked certificate": (
        lambda d, w, t: mail(d.admin, multipart(part(PLAIN, d.clearsigned(t)), part("application/pgp-keys", d.people.revoke(w)))),
        "revoked",
        "is revoked",
    ),
    "a secret key": (
        lambda d, w, t: mail(d.admin, multipart(part(PLAIN, d.clearsigned(t)), secret(d, w))),
        "secret-key",
        "this holds a SECRET key; it was not kept",
    ),
    "one of two statements is wrong": (
        lambda d, w, t: mail(d.admin, multipart(part(PLAIN, d.clearsigned(t + "\nSecurelist-Statement: attest-ssc\nTLD: nl\n")), keys(w))),
        "missing-field",
        "line 16: attest-ssc needs List",
    ),
    "neither statement nor command": (
        lambda d, w, t: mail(d.admin, part(PLAIN, d.clearsigned("Hello, is anybody there?\n"))),
        "unknown-command",
        "The first line of your mail is no command",
    ),
}


@pytest.mark.parametrize(("make", "reason", "holds"), PROVED.values(), ids=PROVED)
def test_who_signed_is_told_line_and_rule(desk: Desk, newcomer: Callable[[], Somebody], make: Bad, reason: str, holds: str) -> None:
    """A known signer's mistake is answered by an encrypted letter that names the line and the rule."""
    who = newcomer()
    before = len(inbox(desk.town, desk.admin))
    verdict = judge(desk, make(desk, who, attestation(desk, who)))
    assert (verdict["verdict"], verdict["reason"], verdict["poster"]) == ("refuse", reason, desk.admin.fingerprint), verdict
    (told,) = letters(desk.town, desk.admin, before)
    assert holds in " ".join(told.split())


# --- by SMTP -------------------------------------------------------------------------------------------------------------


def test_by_smtp_every_form_counts_and_nothing_else_does(desk: Desk, newcomer: Callable[[], Somebody]) -> None:
    """The running server takes all forms, two at a time; whatever is wrong with the others, the peer reads the same bytes."""
    good = [(newcomer(), form) for form in FORMS.values()]
    bad = [(newcomer(), make) for make, *_ in (*UNPROVED.values(), *PROVED.values())]
    mails = [make(desk, who, attestation(desk, who)) for who, make in good + bad]
    before = members(desk.town)
    with desk.town.serve() as running, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda octets: running.send(octets, desk.admin.address, REQUEST), mails))
    assert set(answers[: len(good)]) == {(250, b"2.0.0 OK")}
    assert set(answers[len(good) :]) == {UNIFORM}
    assert members(desk.town) == before | {who.address: who.fingerprint for who, _ in good}


def test_what_all_those_forms_left_in_the_log_is_proved_offline(desk: Desk) -> None:
    """Whatever form the evidence has, `log verify` reads it again with nothing but the trust root."""
    export = desk.town.home.parent / "forms.log"
    desk.town.run("log", "export", str(export))
    command = [SECURELIST, "log", "verify", "--json", str(export), "--root", str(desk.town.home.parent / "root.asc")]
    done = subprocess.run(command, env={"PATH": os.environ["PATH"]}, cwd="/", capture_output=True, check=True)
    proof = json.loads(done.stdout)
    assert proof["valid"], proof["problems"]
    assert proof["members"] == desk.town.listed()
