"""What comes to LIST-request besides statements in one hand: certificates, certifications, requests, two keys; and who is answered."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from people import Somebody
from statement_mails import PLAIN, REQUEST, Desk, html, keys, mail, multipart, part
from town import LIST

NOTATION = f"cctld@{LIST.partition('@')[2]}=nl"


@pytest.fixture(scope="module")
def newmember(desk: Desk, newcomer: Callable[[], Somebody]) -> Callable[[], Somebody]:
    """Makes a new member at each call."""

    def make() -> Somebody:
        who = newcomer()
        desk.town.attest(who)
        return who

    return make


def judge(desk: Desk, octets: bytes) -> tuple[str, str, object]:
    verdict = desk.town.judge(octets, "submit", "--rcpt", REQUEST)
    return str(verdict["verdict"]), str(verdict["reason"]), verdict["poster"]


def posts(desk: Desk) -> int:
    """How many posts and letters were ever queued."""
    with sqlite3.connect(desk.town.home / "securelist.db") as database:
        return int(database.execute("SELECT count(*) FROM posts").fetchone()[0])


def letters(desk: Desk, who: Somebody, after: int) -> list[str]:
    """What came to somebody since, opened; each is signed by the list."""
    desk.town.deliver()
    opened = [desk.town.opened(letter) for letter in desk.town.mails(who.address)[after:]]
    assert all(f"VALIDSIG {desk.town.key}" in status for _, status in opened)
    return [" ".join(content.decode().split()) for content, _ in opened]


def count(desk: Desk, who: Somebody) -> int:
    """How many mails somebody has."""
    desk.town.deliver()
    return len(desk.town.delivered(who.address))


def state(desk: Desk, who: Somebody) -> str | None:
    rows = json.loads(desk.town.run("member", "list", "--all", "--json"))
    return next((row["state"] for row in rows if row["fingerprint"] == who.fingerprint), None)


def certified(desk: Desk, who: Somebody, *options: str) -> Somebody:
    """Somebody with the Admin Contact's certification on their certificate."""
    signing = ["--default-key", desk.admin.fingerprint, "--default-cert-expire", "1y", *options]
    desk.people.gpg(*signing, "--quick-sign-key", who.fingerprint)
    return replace(who, certificate=desk.people.export(who.fingerprint))


def renewed(desk: Desk, who: Somebody, until: str = "3y") -> Somebody:
    """Somebody who has another end of their key."""
    desk.people.gpg("--quick-set-expire", who.fingerprint, until)
    desk.people.gpg("--quick-set-expire", who.fingerprint, until, "*")
    return replace(who, certificate=desk.people.export(who.fingerprint))


def end_of_key(desk: Desk, who: Somebody) -> object:
    """What the log knows of somebody's certificate: the number of entries about it."""
    rows = json.loads(desk.town.run("log", "show", "--json"))
    return sum(row["type"] == "certificate" and row["subject"] == who.fingerprint for row in rows)


def by(desk: Desk, who: Somebody, text: str, *parts: bytes) -> bytes:
    """A mail with a text, clearsigned by somebody, and further parts."""
    return mail(who, multipart(part(PLAIN, desk.people.clearsign(who, text)), *parts))


# --- certifications ------------------------------------------------------------------------------------------------------


def test_an_unsigned_mail_with_a_certified_certificate(desk: Desk, newcomer: Callable[[], Somebody]) -> None:
    """The certification is what counts, whoever sends it: a member; the Admin Contact, not the sender, gets the receipt."""
    who = certified(desk, newcomer(), "--cert-notation", NOTATION)
    before = count(desk, desk.admin)
    assert judge(desk, mail(who, multipart(part(PLAIN, "as agreed\n"), keys(who)))) == ("accept", "accepted", desk.admin.fingerprint)
    assert state(desk, who) == "active"
    (receipt,) = letters(desk, desk.admin, before)
    assert "Your statement took effect" in receipt
    assert ": attest-ssc .nl Dora" in receipt
    (welcome,) = letters(desk, who, 0)
    assert "Welcome to tld-ops" in welcome


def test_a_certification_that_counts_for_nothing(desk: Desk, newcomer: Callable[[], Somebody]) -> None:
    """Without the notation: the Admin Contact who sends it signed is told what to do; if it comes unsigned, nobody hears anything."""
    who = certified(desk, newcomer())
    before, told = posts(desk), count(desk, desk.admin)
    assert judge(desk, mail(desk.admin, multipart(part(PLAIN, "here\n"), keys(who)))) == ("refuse", "no-notation", None)
    assert posts(desk) == before
    assert judge(desk, by(desk, desk.admin, "here\n", keys(who))) == ("refuse", "no-notation", desk.admin.fingerprint)
    (letter,) = letters(desk, desk.admin, told)
    assert f"certify with: gpg --cert-notation cctld@lists.example.org=TLD --quick-sign-key {who.fingerprint}" in letter
    assert state(desk, who) is None


# --- renewed certificates ----------------------------------------------------------------------------------------------


def clearsigned(desk: Desk, who: Somebody) -> bytes:
    return by(desk, who, "my renewed key\n", keys(who))


def html_alone(desk: Desk, who: Somebody) -> bytes:
    return mail(who, desk.people.multipart_signed(who, multipart(html(b"my renewed key"), keys(who))))


def certificate_alone(desk: Desk, who: Somebody) -> bytes:
    return mail(who, desk.people.multipart_signed(who, keys(who)))


@pytest.mark.parametrize("make", [clearsigned, html_alone, certificate_alone])
def test_a_member_sends_a_renewed_certificate(
    desk: Desk, newmember: Callable[[], Somebody], make: Callable[[Desk, Somebody], bytes]
) -> None:
    """Signed by its owner, in whatever form: it is entered, and the receipt calls it what it is."""
    who = renewed(desk, newmember())
    assert judge(desk, make(desk, who)) == ("accept", "accepted", who.fingerprint)
    assert end_of_key(desk, who) == 2
    (receipt,) = letters(desk, who, 0)
    assert "Your renewed certificate took effect" in receipt
    assert f"certificate: {' '.join(who.fingerprint[i : i + 4] for i in range(0, 20, 4))}" in receipt


def test_help_with_a_certificate_attached(desk: Desk, newmember: Callable[[], Somebody]) -> None:
    """Mail programs attach one's certificate to everything: a new one is entered and help comes all the same; an old one is no matter."""
    who = newmember()
    assert judge(desk, by(desk, who, "help\n", keys(who))) == ("accept", "accepted", who.fingerprint)
    fresh = renewed(desk, who)
    assert judge(desk, by(desk, fresh, "Help\n\n-- \nDora\n", keys(fresh))) == ("accept", "accepted", who.fingerprint)
    told = letters(desk, who, 0)
    assert sum("How to use this address" in letter for letter in told) == 2
    assert sum("Your renewed certificate took effect" in letter for letter in told) == 1
    assert (len(told), end_of_key(desk, who)) == (3, 2)


def test_somebody_elses_newer_certificate(desk: Desk, newmember: Callable[[], Somebody]) -> None:
    """A longer life only its owner can have given it: taken from anybody, and its owner is told. Of anything else nobody hears."""
    who, other = newmember(), newmember()
    desk.people.gpg("--quick-add-uid", who.fingerprint, "Dora <dora@elsewhere.example>")
    named, before = replace(who, certificate=desk.people.export(who.fingerprint)), posts(desk)
    assert judge(desk, mail(who, keys(named))) == ("refuse", "not-signed", None)
    assert posts(desk) == before
    assert judge(desk, by(desk, other, "I found this\n", keys(named))) == ("refuse", "nothing-new", other.fingerprint)
    (letter,) = letters(desk, other, 0)
    assert "Your mail changed nothing" in letter
    assert (end_of_key(desk, who), count(desk, who)) == (1, 0)
    limited = desk.people.make("Dora", f"dora-limited-{desk.town.home.parent.name}@nl.example", expires="1y")
    desk.town.attest(limited)
    assert judge(desk, mail(other, keys(renewed(desk, limited)))) == ("accept", "accepted", None)
    (told,) = letters(desk, limited, 0)
    assert "Your renewed certificate is known to tld-ops" in told
    assert end_of_key(desk, limited) == 2


def test_somebody_sends_a_members_revocation(desk: Desk, newmember: Callable[[], Somebody]) -> None:
    """Only its owner can have made it: taken from anybody, and nobody is answered."""
    who = newmember()
    revoked = replace(who, certificate=desk.people.revoke(who))
    before = posts(desk)
    assert judge(desk, mail(desk.admin, keys(revoked))) == ("accept", "accepted", None)
    assert state(desk, who) == "unreachable"
    assert posts(desk) == before


def test_the_same_words_with_a_mistake(desk: Desk, newmember: Callable[[], Somebody]) -> None:
    """A statement behind a quotation mark is none: the letter names the line, certificate attached or not."""
    who = newmember()
    quoted = f",\n\n> Securelist-Statement: withdraw-ssc\n> List: {LIST}\n"
    for greeting, parts in (("Hello", ()), ("Hello again", (keys(who),))):  # another text: the same one is answered once
        assert judge(desk, by(desk, who, greeting + quoted, *parts)) == ("refuse", "unknown-command", who.fingerprint)
    told = letters(desk, who, 0)
    assert len(told) == 2
    assert all("line 3: a statement's first line begins with Securelist-Statement" in letter for letter in told)


# --- requests for membership ----------------------------------------------------------------------------------------------


def test_a_stranger_asks_to_become_a_member(desk: Desk, newcomer: Callable[[], Somebody]) -> None:
    """Kept for the Secretariat and shown to it; no letter goes to anybody, and nothing is in the log."""
    who = newcomer()
    entries, before = len(json.loads(desk.town.run("log", "show", "--json"))), posts(desk)
    text = desk.town.statement("request-membership", who)
    for _ in range(2):
        assert judge(desk, by(desk, who, text, keys(who))) == ("accept", "pending", who.fingerprint)
    assert (len(json.loads(desk.town.run("log", "show", "--json"))), posts(desk)) == (entries, before)
    (asked,) = json.loads(desk.town.run("statement", "pending", "--json"))["requests"]
    assert list(asked) == ["id", "cctld", "address", "fingerprint", "since"]
    assert (asked["cctld"], asked["address"], asked["fingerprint"]) == ("nl", who.address, who.fingerprint)
    assert who.address.encode()[:12] in desk.town.run("statement", "pending")


def test_a_stranger_asks_wrongly(desk: Desk, newcomer: Callable[[], Somebody]) -> None:
    """For another list, or in the name of another key: refused, and silence."""
    who, other, before = newcomer(), newcomer(), posts(desk)
    for text, reason in (
        (desk.town.statement("request-membership", who, List="other@lists.example.org"), "another-list"),
        (desk.town.statement("request-membership", other, Email=who.address), "unknown-signer"),
        (desk.town.statement("attest-ssc", who), "unknown-signer"),
    ):
        assert judge(desk, by(desk, who, text, keys(who), keys(other))) == ("refuse", reason, None)
    assert posts(desk) == before


# --- another key ----------------------------------------------------------------------------------------------------------


def replacement(desk: Desk, old: Somebody, new: Somebody) -> str:
    return desk.town.statement("replace-key", old, Key=new.fingerprint, Name="")


@pytest.mark.parametrize("new_first", [False, True])
def test_both_keys_in_one_mail(desk: Desk, newmember: Callable[[], Somebody], newcomer: Callable[[], Somebody], *, new_first: bool) -> None:
    """In either order: the member has another key, whoever had the old one gets the receipt, the Admin Contact one letter."""
    old, new = newmember(), newcomer()
    told, text = count(desk, desk.admin), replacement(desk, old, new)
    signed = [part(PLAIN, desk.people.clearsign(who, text)) for who in ((new, old) if new_first else (old, new))]
    assert judge(desk, mail(old, multipart(*signed, keys(new)))) == ("accept", "accepted", old.fingerprint)
    assert state(desk, new) == "active"
    (letter,) = letters(desk, desk.admin, told)
    assert "A contact of .nl has a new key" in letter
    receipt, welcome = letters(desk, old, 0)
    assert "Your statement took effect" in receipt
    assert "Your new key for tld-ops" in welcome


def test_one_key_after_the_other(desk: Desk, newmember: Callable[[], Somebody], newcomer: Callable[[], Somebody]) -> None:
    """The old key's text waits, as its receipt and `pending` say; the new key's completes it, and has the receipt."""
    old, new = newmember(), newcomer()
    told, text = count(desk, desk.admin), replacement(desk, old, new)
    assert judge(desk, by(desk, old, text, keys(new))) == ("accept", "pending", old.fingerprint)
    (receipt,) = letters(desk, old, 0)
    assert "Your statement waits" in receipt
    assert "it waits for the signature of the new key on the same text" in receipt
    (waiting,) = json.loads(desk.town.run("statement", "pending", "--json"))["statements"]
    assert (waiting["type"], waiting["about"], waiting["signed"]) == ("replace-key", new.fingerprint, [old.fingerprint])
    assert (waiting["missing"], waiting["awaited"]) == (1, [new.fingerprint])
    assert (count(desk, desk.admin), state(desk, new)) == (told, None)
    assert judge(desk, by(desk, new, text, keys(new))) == ("accept", "accepted", new.fingerprint)
    assert "Your statement took effect" in letters(desk, old, 1)[0]
    assert len(letters(desk, desk.admin, told)) == 1
    assert json.loads(desk.town.run("statement", "pending", "--json"))["statements"] == []


def test_on_the_command_line_the_admin_contact_hears_of_it_too(
    desk: Desk, newmember: Callable[[], Somebody], newcomer: Callable[[], Somebody], base: Path
) -> None:
    """Whichever way a new key comes in, a letter goes out."""
    old, new = newmember(), newcomer()
    told, text = count(desk, desk.admin), replacement(desk, old, new)
    files = [base / name for name in ("old.asc", "new.asc", "certificate.asc")]
    for file, octets in zip(files, (desk.people.clearsign(old, text), desk.people.clearsign(new, text), new.certificate), strict=True):
        file.write_bytes(octets)
    desk.town.run("statement", "submit", *map(str, files))
    (letter,) = letters(desk, desk.admin, told)
    assert "withdraw-ssc" in letter


def test_a_wrong_replacement_is_explained_to_the_old_key(
    desk: Desk, newmember: Callable[[], Somebody], newcomer: Callable[[], Somebody]
) -> None:
    """Even where the unknown key's text stands first in the mail."""
    old, new = newmember(), newcomer()
    text = replacement(desk, old, new).replace("TLD: nl", "TLD: de")
    signed = [part(PLAIN, desk.people.clearsign(who, text)) for who in (new, old)]
    assert judge(desk, mail(old, multipart(*signed, keys(new)))) == ("refuse", "not-entitled", old.fingerprint)
    (letter,) = letters(desk, old, 0)
    assert "line 1: replace-key counts only if signed by the SSC" in letter


def test_who_leaves_has_a_receipt(desk: Desk, newmember: Callable[[], Somebody]) -> None:
    """The last letter to a member: that the withdrawal took effect."""
    who = newmember()
    assert judge(desk, by(desk, who, desk.town.statement("withdraw-ssc", who, Name=""))) == ("accept", "accepted", who.fingerprint)
    (receipt,) = letters(desk, who, 0)
    assert "Your statement took effect" in receipt
    assert state(desk, who) == "withdrawn"
