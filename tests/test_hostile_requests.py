"""Statements and commands at LIST-request once more, from whoever recorded them: nothing happens a second time."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable

import pytest
from attack_packets import joined, signed
from attack_stage import Judging, posts_and_entries
from attack_stage import judge as judge
from attack_stage import stage as stage
from attacks_keys import intended, signature
from bad_mails import Stage
from certification_forge import secret
from people import Somebody
from statement_mails import PLAIN, REQUEST, keys, mail, multipart, part
from town import LIST, entity, mail_of

from securelist import commands
from securelist.orders import COMMAND_WORDS


def letters(stage: Stage) -> int:
    """How many letters the list has written."""
    with contextlib.closing(sqlite3.connect(stage.town.home / "securelist.db")) as database:
        [count] = database.execute("SELECT count(*) FROM posts WHERE kind != 'post'").fetchone()
    return int(count)


def states(stage: Stage) -> list[tuple[object, ...]]:
    return sorted((row["email"], row["fingerprint"], row["state"], row["phone"]) for row in stage.town.listed())


# --- statements ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def said(stage: Stage, judge: Judging) -> dict[str, tuple[Somebody, bytes]]:
    """What became of somebody in one day, as recorded: who signed, and the signed text of each statement; all took effect by mail."""
    town, made = stage.town, {}
    nora = stage.people.make("Nora", f"nora-{town.home.parent.name}@be.example")
    new = stage.people.make("Nora", nora.address)
    admin = stage.people.make("Admin BE", f"admin-{town.home.parent.name}@be.example")
    short = {"Name": "", "Key": ""}
    steps = {
        "an attestation": (town.admin, town.statement("attest-ssc", nora, tld="be"), (nora,)),
        "a suspension": (town.root, town.statement("suspend-member", nora, tld="be", **short), ()),
        "its end": (town.root, town.statement("resume-member", nora, tld="be", **short), ()),
        "an update": (nora, town.statement("update-contact", nora, tld="be", Key="", Phone="+32 2 555 0100"), ()),
        "a confirmation": (nora, town.statement("confirm-contact", nora, tld="be", **short), ()),
        "the old key's part of a replacement": (nora, town.statement("replace-key", nora, "be", Name="", Key=new.fingerprint), (new,)),
        "the new key's part": (new, town.statement("replace-key", nora, "be", Name="", Key=new.fingerprint), (new,)),
        "a withdrawal": (new, town.statement("withdraw-ssc", new, tld="be", **short), ()),
        "another's appointment": (town.root, town.statement("appoint-admin-contact", admin, tld="be"), (admin,)),
        "their dismissal": (town.root, town.statement("dismiss-admin-contact", admin, tld="be", Name="", Email="", Key=""), ()),
    }
    for name, (signer, text, with_) in steps.items():
        time.sleep(1.1)  # each in a second of its own, so that it is newer
        made[name] = (signer, stage.people.clearsign(signer, text))
        taken = judge(mail(signer, multipart(part(PLAIN, made[name][1]), *map(keys, with_))), to=REQUEST)
        assert taken.verdict == "accept", (name, taken)
    return made


WRAPPED: dict[str, Callable[[Stage, Somebody, bytes], bytes]] = {
    "the same mail": lambda s, who, text: mail(who, part(PLAIN, text)),
    "encrypted by a stranger": lambda s, who, text: mail_of(s.town.encrypt(None, entity(text.decode())), "Mallory <mallory@evil.example>"),
    "forwarded with other certificates": lambda s, who, text: mail(
        s.mallory, multipart(part("message/rfc822", mail(who, part(PLAIN, text))), keys(s.mallory), keys(s.bert))
    ),
}


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_a_recorded_statement_changes_nothing(stage: Stage, judge: Judging, said: dict[str, tuple[Somebody, bytes]], wrap) -> None:
    """Ten kinds of them, each refused, at the end of the day and however wrapped; nobody is a member, or none, because of it."""
    before, members = posts_and_entries(stage), states(stage)
    for name, (signer, text) in said.items():
        again = judge(wrap(stage, signer, text), mail_from="mallory@evil.example", to=REQUEST)
        assert again.verdict == "refuse", (name, again)
        assert again.reason in ("duplicate", "unknown-signer"), (name, again)
    assert (posts_and_entries(stage), states(stage)) == (before, members)


def test_a_statement_for_another_list_is_none_here(stage: Stage, judge: Judging) -> None:
    """A trust root may be one of two lists; what it says about the members of one does nothing at the other."""
    town, before = stage.town, posts_and_entries(stage)
    text = town.statement("suspend-member", stage.bert, Name="", Key="").replace(LIST, "other-list@lists.example.org")
    said = judge(mail(town.root, part(PLAIN, stage.people.clearsign(town.root, text))), to=REQUEST)
    assert (said.verdict, said.reason) == ("refuse", "another-list")
    assert posts_and_entries(stage) == before


# --- commands -----------------------------------------------------------------------------------------------------------------------

COMMANDS = (
    "invite nl",
    "Invite --batch 1",
    "release 1",
    "decline #1",
    "suspend-member BERT",
    "coverage",
    "pending",
    "help",
    "sendkey",
    "help\nrelease 2",
)
WAYS: dict[str, Callable[[Stage, bytes], bytes]] = {
    "with another session key": lambda s, message: mail_of(s.encrypted(message), "Mallory <mallory@evil.example>"),
    "as a file": lambda s, message: mail(
        s.mallory, multipart(part(PLAIN, "see the file\n"), part("application/octet-stream", s.encrypted(message), "base64", "x.asc"))
    ),
    "not encrypted": lambda s, message: mail(
        s.mallory, multipart(part(PLAIN, "fyi\n"), part("application/octet-stream", message, "base64", "x.gpg"))
    ),
}


@pytest.mark.parametrize("line", COMMANDS)
def test_a_recorded_command_brings_nothing_new(stage: Stage, judge: Judging, line: str) -> None:
    """Carried out and answered once: sent again, nothing is done, nobody gets a second answer, and it is no post."""
    root = stage.town.root
    message = joined(*signed(stage, who=root, data=entity(line.replace("BERT", stage.bert.address))))
    assert judge(mail_of(stage.encrypted(message), f"Root <{root.address}>"), to=REQUEST).verdict == "accept"
    judge(mail_of(stage.encrypted(message), f"Root <{root.address}>"), to=REQUEST)  # which says that it was carried out already
    before = posts_and_entries(stage), letters(stage), states(stage)
    for name, way in WAYS.items():
        judge(way(stage, message), to=REQUEST)
        assert (posts_and_entries(stage), letters(stage), states(stage)) == before, name
    said = judge(mail_of(stage.encrypted(message), "Mallory <mallory@evil.example>"))
    assert (said.verdict, said.reason) == ("refuse", "command-as-post")


def test_a_command_that_was_signed_for_somebody_else(stage: Stage, judge: Judging) -> None:
    """What a trust root signed for Bert's key alone, he cannot send on; what it signed for the list's, too, it meant."""
    root, data = stage.town.root, entity(f"invite nl\n\n{time.time_ns()}")
    for key, reason in ((stage.bert.fingerprint, "not-addressed-to-the-list"), (stage.town.key, "accepted")):
        _, literal, packet = signed(stage, who=root, data=data)
        made = signature(secret(stage.people, root), data, hashed_by(packet.body) + intended(key))
        said = judge(mail_of(stage.encrypted(joined(made, literal)), f"Root <{root.address}>"), to=REQUEST)
        assert said.reason == reason, said


def hashed_by(body: bytes) -> bytes:
    """The hashed area of a version 4 signature (RFC 9580, 5.2.3)."""
    return body[6 : 6 + int.from_bytes(body[4:6], "big")]


def test_every_command_is_told_from_a_post() -> None:
    """What the desk obeys is what a post may not consist of."""
    assert set(COMMAND_WORDS) == set(commands.COMMANDS)
