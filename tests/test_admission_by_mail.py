"""Admission by mail: from an invitation, or a request, to the first post, by people who know what their mails say and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from admission_steps import (
    answer_to,
    answer_welcome,
    appoint,
    attest,
    contact_of,
    invited,
    keep_transcript,
    number_of_request,
    request_of,
    ssc_of,
)  # fmt: skip
from correspondents import ADMIN_CONTACT, SECRETARIAT, SSC, Person, World
from mail_client import Shown

# In alphabetical order, as `invite --batch` takes them.
TWENTY = ["ad", "ae", "af", "ag", "ai", "al", "am", "ao", "ar", "at", "au", "aw", "az", "ba", "bb", "bd", "be", "bf", "bg", "bh"]


@pytest.fixture(scope="module")
def world(founded: Callable[..., World]) -> World:
    """A list for which one of its two trust roots can act."""
    return founded()


def post(ssc: Person, welcome: Shown) -> None:
    """A new member's first post, at the address that the welcome gives; it comes back to them as to everybody."""
    ssc.send("There is an attack.\n", welcome.address(""), encrypt=True, subject=f"Attack, says {ssc.name}")
    assert "There is an attack." in ssc.inbox(f"Attack, says {ssc.name}").text


# --- from the Secretariat's side -------------------------------------------------------------------------------------------


def test_an_invited_admin_contact_brings_a_contact(world: World, tmp_path: Path) -> None:
    """From `invite nl` to the first post; the address of record is an alias, and the answer comes from another domain."""
    world.chapter("The Secretariat invites; the address of record is an alias")
    rita, sven = world.roots
    nora = world.person(ADMIN_CONTACT, "Nora Visser", "nora@home.example", "hostmaster@registry-nl.example")
    anna = world.person(SSC, "Anna de Vries", "anna@registry-nl.example")
    world.records(nl=("Hostmaster", "hostmaster@registry-nl.example"))

    rita.send("invite nl", world.request, encrypt=True)
    assert "hostmaster@registry-nl.example" in rita.inbox("Invited: 1").text
    invitation = nora.inbox("invites the Admin Contact of .nl")
    assert (invitation.mailbox, invitation.encrypted, invitation.signature) == ("hostmaster@registry-nl.example", False, "good")
    nora.send(answer_to(invitation, nora, anna), invitation.address("request"), attach=[nora.certificate, anna.certificate])
    assert nora.grouped in _one_line(nora.inbox("Your answer for .nl is here"))
    told = nora.inbox("Somebody answered the invitation of .nl")
    assert (told.mailbox, told.encrypted) == ("hostmaster@registry-nl.example", False)
    assert nora.grouped in _one_line(told)

    letter = rita.inbox("Appoint the Admin Contact of .nl?")
    for compared in ("Hostmaster", "hostmaster@registry-nl.example", nora.name, nora.address, nora.grouped, anna.address, anna.grouped):
        assert compared in _one_line(letter), compared
    assert sven.inbox("Appoint").statement() == letter.statement()
    rita.send(letter.statement(), letter.address("request"))

    assert anna.address in nora.inbox("You speak for .nl").text
    welcome = answer_welcome(anna)
    post(anna, welcome)
    assert (world.sent(ADMIN_CONTACT), world.sent(SECRETARIAT), world.sent(SSC)) == (1, 2, 2)
    keep_transcript(world, tmp_path, "1-invited")


def test_two_of_the_trust_roots_appoint(founded: Callable[..., World], tmp_path: Path) -> None:
    """With a threshold of 2 the second trust root gets exactly the text that the first has signed, and signs it."""
    world = founded(threshold=2)
    world.chapter("The Secretariat invites, and it takes two of them to appoint")
    rita, sven = world.roots
    contact, invitation = invited(world, "nl")
    anna = ssc_of(world, "nl")
    contact.send(answer_to(invitation, contact, anna), invitation.address("request"), attach=[contact.certificate, anna.certificate])
    letter = rita.inbox("Appoint")
    rita.send(f"{letter.statement()}\nRita\n", letter.address("request"))
    assert "waits" in rita.inbox("waits").text
    too = sven.inbox("To sign, too: appoint-admin-contact .nl")
    copied = too.text[too.text.index("Securelist-Statement:") :]  # to the end: that is what the letter asks for
    assert copied.rstrip() == f"{letter.statement()}\nRita"
    sven.send(copied, too.address("request"), style="gpg inline")
    assert anna.address in contact.inbox("You speak for .nl").text
    post(anna, answer_welcome(anna))
    assert (world.sent(ADMIN_CONTACT), world.sent(SECRETARIAT), world.sent(SSC)) == (1, 3, 2)
    keep_transcript(world, tmp_path, "2-threshold")


def test_two_trust_roots_sign_at_the_same_time(founded: Callable[..., World]) -> None:
    """Both sign the text in their letter: that is enough, if it is the same; a greeting below it makes it another, and costs a mail."""
    world = founded(threshold=2)
    rita, sven = world.roots
    for tld, greeting in (("nl", ""), ("be", "\nRita\n")):
        contact, invitation = invited(world, tld)
        contact.send(answer_to(invitation, contact), invitation.address("request"), attach=[contact.certificate])
        letter = rita.inbox(f"Appoint the Admin Contact of .{tld}?")
        rita.send(letter.statement() + greeting, letter.address("request"), style="thunderbird with HTML")
        sven.send(sven.inbox(f"Appoint the Admin Contact of .{tld}?").statement(), world.request, style="signed inside", encrypt=True)
        if greeting:
            too = rita.inbox("To sign, too: appoint-admin-contact .be")
            rita.send(too.text[too.text.index("Securelist-Statement:") :], too.address("request"))
        contact.inbox(f"You speak for .{tld}")


def test_a_batch_of_twenty(founded: Callable[..., World], tmp_path: Path) -> None:
    """`invite --batch 20`: each of 20 mailboxes has its invitation; five answer, are appointed by one mail, and `coverage` shows it."""
    world = founded()
    world.chapter("A batch of 20 ccTLDs")
    rita = world.roots[0]
    world.records(**{tld: ("Hostmaster", f"contact@registry-{tld}.example") for tld in [*TWENTY, "zw"]})
    rita.send("invite --batch 20", world.request, encrypt=True)
    told = rita.inbox("Invited: 20").text
    assert all(f"contact@registry-{tld}.example" in told for tld in TWENTY)
    world.settle()
    assert [len(world.mails_at(f"contact@registry-{tld}.example")) for tld in [*TWENTY, "zw"]] == [1] * 20 + [0]

    texts = []
    for tld in TWENTY[::4]:
        contact = contact_of(world, tld)
        invitation = contact.inbox(f"invites the Admin Contact of .{tld}")
        contact.send(answer_to(invitation, contact), invitation.address("request"), attach=[contact.certificate])
        letter = rita.inbox(f"Appoint the Admin Contact of .{tld}?")
        assert contact.grouped in _one_line(letter)
        texts.append(letter.statement())
    rita.send("\n".join(texts), letter.address("request"))
    rita.inbox("took effect")
    assert (world.sent(ADMIN_CONTACT), world.sent(SECRETARIAT)) == (5, 2)

    rita.send("coverage", world.request, encrypt=True)
    coverage = rita.inbox("Coverage")
    rows = {line.split()[0]: line.split()[1:] for line in coverage.text.splitlines() if line.strip().startswith(".")}
    assert set(rows) == {f".{tld}" for tld in TWENTY}
    assert {name for name, cells in rows.items() if "-" not in cells[:3]} == {f".{tld}" for tld in TWENTY[::4]}
    assert next(line for line in coverage.text.splitlines() if "All" in line).split()[2:] == ["304", "20", "5", "5", "0"]
    lines = coverage.attachments["coverage.csv"].decode().splitlines()
    assert len(lines) == 310
    keep_transcript(world, tmp_path, "5-batch")


# --- from the contact's side ----------------------------------------------------------------------------------------------


def test_a_contact_asks_and_the_admin_contact_attests(founded: Callable[..., World], tmp_path: Path) -> None:
    """A request waits for the Secretariat, who learn of it from the weekly summary; two mails make it an attestation."""
    world = founded()
    contact, anna, rita = contact_of(world, "nl"), ssc_of(world, "nl"), world.roots[0]
    appoint(world, "nl", contact)
    world.chapter("A contact asks to join; the ccTLD has an Admin Contact")
    anna.send(request_of(anna, "nl"), world.request, attach=[anna.certificate])
    before = world.settle()
    world.move_clock(8)
    assert world.settle() == before + len(world.roots)  # nobody else heard of it
    number = number_of_request(summary := rita.inbox(" to "), anna)
    rita.send(f"release {number}", summary.address("request"), encrypt=True)
    assert contact.name in rita.inbox("Released: 1").text
    assert anna.grouped in _one_line(anna.inbox("is with the Admin Contact"))

    letter = contact.inbox(f"{anna.name} asks to join for .nl")
    assert anna.grouped in _one_line(letter)
    contact.send(letter.statement(), letter.address("request"))
    contact.inbox("took effect")
    post(anna, answer_welcome(anna))
    assert (world.sent(ADMIN_CONTACT), world.sent(SECRETARIAT), world.sent(SSC)) == (1, 1, 3)  # the third is the post
    keep_transcript(world, tmp_path, "3-asked")


def test_a_contact_asks_where_nobody_speaks_for_the_cctld(world: World, tmp_path: Path) -> None:
    """`release` invites the Admin Contact of record by itself; once they are appointed, they are asked for the attestation."""
    world.chapter("A contact asks to join; nobody speaks for the ccTLD yet")
    rita, contact, anna = world.roots[0], contact_of(world, "se"), ssc_of(world, "se")
    world.records(se=("Hostmaster", contact.address))
    anna.send(request_of(anna, "se"), world.request, attach=[anna.certificate], style="gpg inline")
    rita.send("pending", world.request, encrypt=True)
    number = number_of_request(pending := rita.inbox("What waits"), anna)
    rita.send(f"release {number}", pending.address("request"), encrypt=True)
    assert contact.address in rita.inbox("Released").text
    invitation = contact.inbox("invites the Admin Contact of .se")
    contact.send(answer_to(invitation, contact), invitation.address("request"), attach=[contact.certificate])
    letter = rita.inbox("Appoint the Admin Contact of .se?")
    rita.send(letter.statement(), letter.address("request"))
    contact.inbox("You speak for .se")
    letter = contact.inbox(f"{anna.name} asks to join for .se")
    contact.send(letter.statement(), letter.address("request"), style="gpg attached")
    anna.inbox("is with the Admin Contact")
    post(anna, answer_welcome(anna))
    assert (world.sent(ADMIN_CONTACT), world.sent(SECRETARIAT), world.sent(SSC)) == (2, 3, 3)
    keep_transcript(world, tmp_path, "4-asked-where-nobody-speaks")


# --- the Secretariat's desk, and everybody's mail programs ------------------------------------------------------------------


def test_the_secretariat_needs_no_shell(world: World, tmp_path: Path) -> None:
    """`coverage`, `pending` and `suspend-member` by mail, one or several in a mail; what comes back to be signed is signed, and acts."""
    world.chapter("The Secretariat by mail")
    rita, contact, bert = world.roots[1], contact_of(world, "be"), ssc_of(world, "be", "Bert")
    appoint(world, "be", contact)
    attest(world, "be", contact, bert)
    welcome = answer_welcome(bert)
    rita.send("coverage\npending\n", world.request, style="gpg inline")
    assert ".be" in rita.inbox("Coverage").text
    rita.inbox("What waits for whom")
    rita.send(f"suspend-member {bert.address}", world.request, encrypt=True)
    letter = rita.inbox("To sign: suspend-member")
    assert bert.name in letter.text
    rita.send(letter.statement(), letter.address("request"), style="gpg attached")
    rita.inbox("took effect")
    bert.send("May I?\n", welcome.address(""), encrypt=True, expect=550)
    assert [one["state"] for one in json.loads(world.run("member", "list", "--json")) if one["email"] == bert.address] == ["suspended"]
    rita.send(f"resume-member {bert.address}", world.request, encrypt=True, style="signed inside")
    rita.send(rita.inbox("To sign: resume-member").statement(), world.request, encrypt=True)
    rita.inbox("took effect")
    post(bert, welcome)
    keep_transcript(world, tmp_path, "6-secretariat")


@pytest.mark.parametrize(
    ("tld", "style", "encrypt"),
    [
        ("ch", "thunderbird", True),
        ("dk", "thunderbird with HTML", False),
        ("ee", "signed inside", True),
        ("fi", "gpg inline", False),
        ("fr", "gpg attached", False),
        ("gr", "gpg inline", True),
        ("hu", "gpg attached", True),
    ],
)
def test_every_mail_program_will_do(world: World, tld: str, style: str, encrypt: bool) -> None:
    """Command, answer, appointment and the answer to the welcome, each in the same style: signed or also encrypted."""
    world.chapter(f"{style}, {'encrypted' if encrypt else 'in clear'}")
    rita, contact, anna = world.roots[0], contact_of(world, tld), ssc_of(world, tld)
    world.records(**{tld: ("A hostmaster with a name that goes on and on, over the end of any line of a mail", contact.address)})
    rita.send(f"Invite {tld.upper()}\n\n-- \nRita\n", world.request, style=style, encrypt=encrypt)
    rita.inbox("Invited: 1")
    invitation = contact.inbox(f"invites the Admin Contact of .{tld}")
    organisation = "Organisation: The Foundation for the Registration of Names that are Longer than a Line in a Mail\n"
    text = f"Dear list,\n\n{answer_to(invitation, contact, anna).replace('Name: ', organisation + 'Name: ', 1)}\nKind regards\n"
    contact.reply(invitation, text, style=style, encrypt=encrypt, attach=[contact.certificate, anna.certificate])
    letter = rita.inbox(f"Appoint the Admin Contact of .{tld}?")
    assert "Organisation: The Foundation for the Registration of Names that are Longer than a Line in a Mail" in letter.statement()
    rita.send(letter.statement(), letter.address("request"), style=style, encrypt=encrypt)
    contact.inbox(f"You speak for .{tld}")
    welcome = anna.inbox("Welcome")
    anna.reply(welcome, "Hello", style=style, encrypt=True)
    anna.inbox("Your key works")


def test_the_log_proves_it_all(world: World) -> None:
    """What came in by mail is in the log, and proved offline from the trust roots' certificates alone."""
    world.run("log", "export", str(world.base / "log.export"))
    roots = [word for root in world.roots for word in ("--root", str(world.write(f"{root.name}.asc", root.certificate)))]
    verdict = json.loads(world.run("log", "verify", "--json", str(world.base / "log.export"), *roots))
    assert verdict["valid"], verdict["problems"]


def _one_line(mail: Shown) -> str:
    """A mail's text with single blanks, to look for what may have been wrapped or grouped."""
    return " ".join(mail.text.split())
