"""Admission by mail, by people who make mistakes and by people who try their luck: who is told, who is not, and what stays as it was."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from admission_steps import answer_to, answer_welcome, appoint, attest, contact_of, fill, invited, number_of_request, request_of, ssc_of
from correspondents import SSC, STRANGER, Person, World
from mail_client import Shown

from securelist.store.requests import MAX_BY_ONE_KEY


@pytest.fixture(scope="module")
def world(founded: Callable[..., World]) -> World:
    """A list for which one of its two trust roots can act; each test has a ccTLD of its own."""
    return founded()


@pytest.fixture(scope="module")
def mallory(world: World) -> Person:
    """Somebody whom nobody here knows."""
    return world.person(STRANGER, "Mallory", "mallory@evil.example")


def nobody_is_told(world: World, before: int) -> None:
    """No mailbox has more mails than before."""
    assert world.settle() == before


# --- answers to invitations ------------------------------------------------------------------------------------------------


def test_a_token_with_one_letter_changed(world: World) -> None:
    """Refused, and nobody is told, because nothing shows who it was; the right token is still good."""
    contact, invitation = invited(world, "nl")
    text = answer_to(invitation, contact)
    token = re.findall(r"Token: (\S+)", text)[0]
    wrong = token[:-1] + ("a" if token[-1] != "a" else "b")
    before = world.settle()
    contact.send(text.replace(token, wrong), invitation.address("request"), attach=[contact.certificate], expect=550)
    nobody_is_told(world, before)
    contact.send(text, invitation.address("request"), attach=[contact.certificate])
    contact.inbox("Your answer for .nl is here")


def test_a_used_token(world: World, mallory: Person) -> None:
    """A second answer is refused: the invited is told; who is not, and has the token all the same, is not even that."""
    contact, invitation = invited(world, "br")
    text = answer_to(invitation, contact)
    contact.send(text, invitation.address("request"), attach=[contact.certificate])
    contact.inbox("Your answer for .br is here")
    contact.send(f"Once more:\n\n{text}", invitation.address("request"), attach=[contact.certificate], expect=550)
    assert "answered already" in contact.inbox("cannot be used").text
    mallory.send(fill(text, Name="Mallory"), invitation.address("request"), attach=[mallory.certificate], expect=550)
    world.settle()
    assert not mallory.unread()
    letter = world.roots[0].inbox("Appoint the Admin Contact of .br?")
    assert contact.fingerprint in letter.statement().replace(" ", "")
    assert not [mail for mail in world.roots[0].unread() if ".br" in mail.subject]


def test_a_token_of_another_cctld(world: World) -> None:
    """An invited Admin Contact cannot answer for their neighbour; the letter names the ccTLD that the token is for."""
    contact, invitation = invited(world, "cl")
    invited(world, "pe")
    text = answer_to(invitation, contact).replace("TLD: cl", "TLD: pe")
    contact.send(text, invitation.address("request"), attach=[contact.certificate], expect=550)
    told = contact.inbox("The answer to your invitation for .cl cannot be used")
    assert ".cl" in told.text.split("Why:")[1].split("\n\n")[0]


def test_an_answer_without_its_signers_certificate(world: World) -> None:
    """None attached, or another's: the invited is told in clear at the address of record, and what to click."""
    contact, invitation = invited(world, "jp", reads="hostmaster@registry-jp.example")
    anna = ssc_of(world, "jp")
    text = answer_to(invitation, contact)
    for attached in ([], [anna.certificate]):
        contact.send(text, invitation.address("request"), attach=attached, expect=550)
        told = contact.inbox("The answer to your invitation for .jp cannot be used")
        assert (told.mailbox, told.encrypted, told.signature) == ("hostmaster@registry-jp.example", False, "good")
        assert "Attach My Public Key" in " ".join(told.text.split())
    contact.send(text, invitation.address("request"), attach=[contact.certificate])
    contact.inbox("Your answer for .jp is here")


def test_an_answer_signed_by_somebody_else(world: World) -> None:
    """The certificate attached says who signed: the Secretariat is shown that key, and no other, to compare on the telephone."""
    contact, invitation = invited(world, "kr")
    clerk = world.person(SSC, "Clerk of KR", "clerk@registry-kr.example")
    text = answer_to(invitation, contact)
    contact.send(text, invitation.address("request"), attach=[contact.certificate], signer=clerk, expect=550)
    assert "certificate" in contact.inbox("cannot be used").text
    contact.send(text, invitation.address("request"), attach=[clerk.certificate], signer=clerk)
    letter = world.roots[0].inbox("Appoint the Admin Contact of .kr?")
    assert clerk.fingerprint in letter.statement().replace(" ", "")


def test_answers_that_are_not_filled_in(world: World) -> None:
    """The example left in, a contact's certificate not attached, the text quoted: the invited is told which line, or how to do it."""
    contact, invitation = invited(world, "nz")
    anna = ssc_of(world, "nz")
    contact.send(invitation.statement(), invitation.address("request"), attach=[contact.certificate], expect=550)
    told = contact.inbox("cannot be used")
    assert told.encrypted
    assert "line 12: " in told.text
    contact.send(answer_to(invitation, contact, anna), invitation.address("request"), attach=[contact.certificate], expect=550)
    assert anna.grouped.replace(" ", "") in contact.inbox("cannot be used").text.replace(" ", "").replace("\n", "")
    quoted = "".join(f"> {line}\n" for line in invitation.statement().splitlines())
    contact.send(quoted, invitation.address("request"), attach=[contact.certificate], expect=550)
    assert "nothing in front of it" in " ".join(contact.inbox("cannot be used").text.split())
    assert not [mail for mail in world.roots[0].unread() if ".nz" in mail.subject]


def test_a_plain_reply_to_an_invitation(world: World) -> None:
    """Not signed, the invitation quoted: they are told how to sign; after three mails a day no more, however many they send."""
    contact, invitation = invited(world, "in")
    for number in range(4):
        contact.reply(invitation, "Yes please!", style="unsigned", expect=550)
        if number < 3:
            told = contact.inbox("The answer to your invitation for .in cannot be used")
            assert "Digitally Sign" in told.text
            assert not told.encrypted
    world.settle()
    assert not contact.unread()


def test_an_out_of_office_reply(world: World) -> None:
    """A robot quotes the invitation: nobody is told."""
    contact, invitation = invited(world, "mx")
    before = world.settle()
    contact.reply(invitation, "I am out of the office.", style="unsigned", expect=550, robot=True)
    contact.reply(invitation, "Automatic reply", expect=550, robot=True)
    nobody_is_told(world, before)


def test_an_invitation_for_who_is_not_the_admin_contact(world: World, mallory: Person) -> None:
    """Without the token, a stranger's well-formed answer is refused in silence, whatever they put in its place."""
    contact, invitation = invited(world, "za")
    before = world.settle()
    for token in ("za-aaaa-aaaa-aaaa-aaaa-aaaa", "za"):
        text = fill(answer_to(invitation, mallory), Token=token)
        mallory.send(text, world.request, attach=[mallory.certificate], from_=contact.address, expect=550)
    nobody_is_told(world, before)


# --- requests for membership -------------------------------------------------------------------------------------------------


def test_strangers_requests_reach_nobody(world: World, mallory: Person) -> None:
    """Four requests by one key, for a ccTLD with an Admin Contact and for another: no mail to anybody; the Secretariat sees three.

    The answer to the fourth is the others': nobody learns from it who else has asked.
    """
    contact = contact_of(world, "pl")
    appoint(world, "pl", contact)
    before = world.settle()
    for number in range(MAX_BY_ONE_KEY + 1):
        text = fill(request_of(mallory, ["pl", "ma"][number % 2]), Email=f"victim-{number}@pl.example")
        mallory.send(text, world.request, attach=[mallory.certificate])
    nobody_is_told(world, before)
    rita = world.roots[0]
    rita.send("pending", world.request, encrypt=True)
    waiting = rita.inbox("What waits").text
    assert "victim-2@pl.example" in waiting and "victim-3@pl.example" not in waiting


def test_a_request_for_the_same_address_by_another_key(world: World, mallory: Person) -> None:
    """The first keeps its place: what is released, and what the Admin Contact signs, names the first one's key."""
    contact, anna, rita = contact_of(world, "pt"), ssc_of(world, "pt"), world.roots[0]
    appoint(world, "pt", contact)
    anna.send(request_of(anna, "pt"), world.request, attach=[anna.certificate])
    before = world.settle()
    stolen = fill(request_of(anna, "pt"), Key=mallory.grouped)
    mallory.send(stolen, world.request, attach=[mallory.certificate], from_=anna.address)
    nobody_is_told(world, before)
    rita.send("pending", world.request, encrypt=True)
    number = number_of_request(rita.inbox("What waits"), anna)
    rita.send(f"release {number}", world.request, encrypt=True)
    assert anna.fingerprint in contact.inbox("asks to join for .pt").statement().replace(" ", "")


def test_a_release_of_what_does_not_wait(world: World) -> None:
    """A number that nobody has, and one that was released already: the trust root is told, and no second letter goes out."""
    contact, anna, rita = contact_of(world, "ro"), ssc_of(world, "ro"), world.roots[0]
    appoint(world, "ro", contact)
    rita.send("release 99", world.request, encrypt=True)
    assert "no such request" in " ".join(rita.inbox("Nothing was released").text.split())
    anna.send(request_of(anna, "ro"), world.request, attach=[anna.certificate])
    rita.send("pending", world.request, encrypt=True)
    number = number_of_request(rita.inbox("What waits"), anna)
    rita.send(f"release {number}", world.request, encrypt=True)
    rita.inbox("Released: 1")
    contact.inbox("asks to join for .ro")
    rita.send(f"release {number}", world.request, encrypt=True)
    assert "already" in rita.inbox("Nothing was released").text
    world.settle()
    assert not contact.unread()


# --- commands ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tld", "encrypt"), [("si", True), ("sk", False)])
def test_a_captured_command_sent_again(world: World, mallory: Person, tld: str, encrypt: bool) -> None:
    """Somebody mails a trust root's `invite` a second time, as it was or under another header: no second invitation."""
    contact, _ = invited(world, tld)
    rita = world.roots[0]
    rita.send(f"invite {tld}", world.request, encrypt=encrypt)  # too soon; and now there is a mail to capture
    assert "already" in rita.inbox("Nobody was invited").text
    captured = rita.last_sent
    before = len(world.mails_at(contact.address))
    world.post(captured, "mallory@evil.example", world.request, None)
    again = re.sub(rb"(?m)^(From|Message-ID|Date|Subject): .*\r\n", b"", captured)
    head = b"From: mallory@evil.example\r\nSubject: x\r\nMessage-ID: <1@evil.example>\r\n"
    world.post(head + again, mallory.address, world.request, None)
    world.settle()
    assert len(world.mails_at(contact.address)) == before
    assert not mallory.unread()


def test_a_captured_release_sent_again(world: World, mallory: Person) -> None:
    """It says in whose name nothing was done, to that trust root alone, and releases nothing that came in the meantime."""
    contact, anna, rita = contact_of(world, "tr"), ssc_of(world, "tr"), world.roots[0]
    appoint(world, "tr", contact)
    anna.send(request_of(anna, "tr"), world.request, attach=[anna.certificate])
    rita.send("pending", world.request, encrypt=True)
    number = number_of_request(rita.inbox("What waits"), anna)
    rita.send(f"release {number}", world.request)
    rita.inbox("Released: 1")
    contact.inbox("asks to join")
    world.post(rita.last_sent, mallory.address, world.request, None)
    assert "second" in rita.inbox("carried out already").text
    world.settle()
    assert not contact.unread()


def test_a_kill_right_after_an_invite(world: World) -> None:
    """The server dies as it answers 250: after it has started again each was invited, once, and the trust root was answered."""
    names = ["dz", "eg", "gh", "ke", "ng"]
    world.records(**{name: ("Hostmaster", f"hostmaster@registry-{name}.example") for name in names})
    world.roots[0].send(f"invite {' '.join(names)}", world.request, encrypt=True)
    world.kill()
    world.start()
    world.settle()
    assert [len(world.mails_at(f"hostmaster@registry-{name}.example")) for name in names] == [1] * len(names)
    world.roots[0].inbox("Invited: 5")


def test_commands_of_people_who_are_not_the_secretariat(world: World, mallory: Person) -> None:
    """A member and an Admin Contact are told, encrypted, that they cannot; a stranger is not; nobody is invited."""
    contact, bert = contact_of(world, "at"), ssc_of(world, "at", "Bert")
    appoint(world, "at", contact)
    attest(world, "at", contact, bert)
    answer_welcome(bert)
    world.records(hr=("Hostmaster", "hostmaster@registry-hr.example"))
    for who in (contact, mallory):
        who.send("", world.request.replace("request", "sendkey"), style="unsigned")
        who.inbox("The certificate of")
    for who, commands in ((bert, ["invite hr", "pending"]), (contact, ["release 1", f"suspend-member {bert.address}"])):
        who.send("\n".join(commands), world.request, encrypt=True, expect=550)
        for _ in commands:
            told = who.inbox("Your command was not carried out")
            assert told.encrypted
            assert "only the Secretariat" in told.text
    before = world.settle()
    mallory.send("invite hr", world.request, encrypt=True, expect=550)
    mallory.send("help", world.request, attach=[mallory.certificate], from_=world.roots[0].address, expect=550)
    nobody_is_told(world, before)
    assert world.mails_at("hostmaster@registry-hr.example") == []


def test_a_request_that_names_a_member(world: World, mallory: Person) -> None:
    """Somebody asks to join under a member's address: nobody is told, they neither, and the member stays who they are."""
    contact, anna = contact_of(world, "cz"), ssc_of(world, "cz")
    appoint(world, "cz", contact)
    attest(world, "cz", contact, anna)
    welcome: Shown = answer_welcome(anna)
    before = world.settle()
    mallory.send(fill(request_of(mallory, "cz"), Email=anna.address), world.request, attach=[mallory.certificate])
    nobody_is_told(world, before)
    anna.send("Still here.\n", welcome.address(""), encrypt=True, subject="Still here")
    anna.inbox("Still here")
