"""Attacks on the letters that the list signs: words put into them, mailboxes filled, old signatures used for what nobody meant."""

from __future__ import annotations

import time

import pytest
from command_mails import Bureau
from command_mails import admission as admission
from command_mails import bureau as bureau
from people import Somebody
from statement_mails import PLAIN, keys, mail, multipart, part
from town import LIST, entity, mail_of, member

from securelist import command_desk
from securelist.addressees import Addressees
from securelist.commands import COMMANDS
from securelist.errors import Refused
from securelist.letters import kinds
from securelist.mail.addresses import ListAddress, Role
from securelist.openpgp.signed import MAX_AHEAD_S
from securelist.procedures.welcome import Welcomes
from securelist.reception import Reception
from securelist.store import invitations
from securelist.store.database import reading

EVIL = "+1 555 0100 URGENT: your key is stolen, call the Secretariat at this number"


@pytest.fixture
def eve(bureau: Bureau) -> Somebody:
    return bureau.admission.people.make("Eve", f"eve-{time.time_ns()}@evil.example")


def note(bureau: Bureau, who: Somebody, text: str = "Hello, lunch at noon?\n") -> bytes:
    """Something that somebody signed these days, for somebody else."""
    return part(PLAIN, bureau.admission.people.clearsign(who, text))


def invited(bureau: Bureau) -> list[str]:
    with reading(bureau.admission.house.engine) as connection:
        return [one.cctld for one in invitations.invitations(connection)]


# --- words -------------------------------------------------------------------------------------------------------------------


def wrong_request(bureau: Bureau, eve: Somebody) -> bytes:
    text = bureau.admission.town.statement("request-membership", eve) + f"Fone: {EVIL}\n"
    return part(PLAIN, bureau.admission.people.clearsign(eve, text))


@pytest.mark.parametrize("known_first", [False, True])
def test_a_stranger_dictates_a_line_of_a_refusal(bureau: Bureau, eve: Somebody, *, known_first: bool) -> None:
    """Beside what a trust root, an Admin Contact or a member signed: nobody hears of the stranger's wrong line."""
    town = bureau.admission.town
    for who in (bureau.root, town.admin, member(town, "Anna")):
        texts = [wrong_request(bureau, eve), note(bureau, who)]
        taken = bureau.take(mail(eve, multipart(*(reversed(texts) if known_first else texts), keys(eve))))
        assert isinstance(taken, Refused) and (taken.reason, taken.signer) == ("unknown-field", None)
        assert bureau.letters(who) == []
    assert bureau.letters(eve) == []


def test_a_stranger_dictates_by_a_second_request(bureau: Bureau, eve: Somebody) -> None:
    """The address of a request that waits is of their choice, too: it is quoted to nobody."""
    people, admin = bureau.admission.people, bureau.admission.town.admin
    address = "your.key.is.stolen.call.15550100@evil.example"
    for who in (eve, people.make("Mallory", f"mallory-{time.time_ns()}@evil.example")):
        text = bureau.admission.town.statement("request-membership", who, Email=address)
        bureau.take(mail(who, multipart(part(PLAIN, people.clearsign(who, text)), note(bureau, admin), keys(who))))
    assert not [letter for letter in bureau.letters(admin) if "stolen" in letter.text]


def test_a_stranger_dictates_by_a_user_id(bureau: Bureau, eve: Somebody) -> None:
    """A certificate that an Admin Contact certified for nothing is named by its fingerprint: its user IDs are its owner's words."""
    people, admin = bureau.admission.people, bureau.admission.town.admin
    who = people.make("Urgent: call 1 555 0100", f"call.15550100.{time.time_ns()}@evil.example")
    people.gpg("--default-key", admin.fingerprint, "--quick-sign-key", who.fingerprint)
    certified = Somebody(who.name, who.address, who.fingerprint, people.export(who.fingerprint))
    taken = bureau.take(mail(eve, multipart(note(bureau, admin), keys(certified))))
    assert isinstance(taken, Refused) and taken.reason == "no-notation"
    (told,) = bureau.letters(admin)
    assert who.fingerprint in told.text and "555" not in told.text and "evil" not in told.text


def test_a_member_hears_of_their_own_text_among_others(bureau: Bureau, eve: Somebody) -> None:
    """Whose text is wrong is told so, whoever else signed something in the same mail; the others are not."""
    town = bureau.admission.town
    anna, bert = member(town, "Anna"), member(town, "Bert")
    wrong = note(bureau, bert, f"Securelist-Statement: withdraw-ssc\nList: {LIST}\nFone: 1\n")
    taken = bureau.take(mail(eve, multipart(note(bureau, anna), wrong)))
    assert isinstance(taken, Refused) and (taken.reason, taken.signer) == ("unknown-field", bert.fingerprint)
    (told,) = bureau.letters(bert)
    assert "there is no field Fone" in told.words and bureau.letters(anna) == []


# --- mailboxes -----------------------------------------------------------------------------------------------------------------


PROVOKED = ("explanation", "refused", "unknown-command", "command-refused", "encrypt-too", "help", "forward", "engines-differ")


def test_an_outsider_uses_up_what_a_person_gets_in_a_day(bureau: Bureau) -> None:
    """However many letters of all the kinds that others can provoke: what matters is still written."""
    engine, address = bureau.admission.house.engine, "anna@nl.example"
    for kind in (*PROVOKED, "certificate", "invitation-unusable"):
        for _ in range(kinds.KINDS[kind].limit):
            kinds.written(engine, kind, address, bureau.at)
        assert not kinds.allowed(engine, kind, address, bureau.at)
    assert all(kinds.allowed(engine, kind, address, bureau.at) for kind in ("key-replaced", "welcome", "attest", "receipt"))
    for _ in range(kinds.LETTERS_A_DAY):
        kinds.written(engine, "receipt", address, bureau.at)
    assert not kinds.allowed(engine, "key-replaced", address, bureau.at)


def test_a_trust_root_who_is_a_member_is_flooded_by_way_of_the_owners_address(bureau: Bureau, eve: Somebody) -> None:
    """They count as a trust root all the same, and commands are answered after the flood."""
    town, root = bureau.admission.town, bureau.root
    town.submit(town.admin, town.statement("attest-ssc", root), root.certificate)
    for number in range(kinds.LETTERS_A_DAY + 5):
        kinds.written(bureau.admission.house.engine, "receipt" if number % 2 else "forward", root.address, bureau.at)
    Reception(bureau.admission.house).take(ListAddress(Role.OWNER), eve.address, mail(eve, part(PLAIN, "spam\n")))
    (to,) = Addressees(bureau.admission.house).secretariat(bureau.at)
    assert to.is_root and to.cctld == "nl"
    kinds.written(bureau.admission.house.engine, "receipt", root.address, bureau.at)
    assert "What waits for whom" in [letter.subject for letter in bureau.order(root, "pending\n")]


def test_whoever_mails_a_roots_pending_again_has_nothing_worked_out(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first mail is answered; the same mail, and any beyond the limit of the day, cost no more than its signature."""
    ran: list[str] = []
    run = command_desk.CommandDesk._run

    def counting(desk: command_desk.CommandDesk, *args: object) -> object:
        ran.append("run")
        return run(desk, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(command_desk.CommandDesk, "_run", counting)
    octets = bureau.signed(bureau.root, "pending\ncoverage\nsuspend-member anna@nl.example\n")
    bureau.take(octets)
    before = len(ran)
    taken = bureau.take(octets)
    assert "answered before" in taken.detail
    assert (before, len(ran)) == (3, 4)  # the command that was refused is looked at again
    for _ in range(kinds.COMMANDS_A_DAY):
        kinds.written(bureau.admission.house.engine, "pending", bureau.root.address, bureau.at)
    assert "too many today" in bureau.take(bureau.signed(bureau.root, "pending\n-- \nanother\n")).detail
    assert len(ran) == 4


def test_every_command_that_changes_something_is_worked_out(bureau: Bureau) -> None:
    """Those that only answer have the kind of their letter; no other may be skipped."""
    assert {word for word, command in COMMANDS.items() if not command.answer} == {"invite", "release", "decline", "drill"}
    assert {command.answer for command in COMMANDS.values()} - {""} <= set(kinds.KINDS)


# --- ordinary sentences --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("Invite de, fr and jp to the dinner, please.", "nobody was invited: 'and' is no ccTLD"),
        ("Invite br xx", "nobody was invited: 'xx' is no ccTLD"),
        ("Invite nobody", "'nobody' is no ccTLD"),
        ("invite batch of 20 people", "'of' is no number"),
        ("Release 1 of the software is out.", "'of' is no number"),
    ],
)
def test_a_trust_roots_ordinary_sentence_is_forwarded(bureau: Bureau, eve: Somebody, sentence: str, why: str) -> None:
    """It is no command, though it begins with one: nothing happens, and the trust root reads why."""
    taken = bureau.take(mail(eve, note(bureau, bureau.root, f"{sentence}\nYours\n")))
    assert isinstance(taken, Refused) and invited(bureau) == []
    (told,) = bureau.letters(bureau.root)
    assert why in told.words


def test_several_cctlds_as_people_write_them(bureau: Bureau) -> None:
    """Commas, a dot in front, a full stop at the end; one that cannot be invited now has its sentence, and the others are invited."""
    (told,) = bureau.order(bureau.root, "Invite .DE, fr, uk, jp.\n")
    assert told.subject == "Invited: 3, and 1 not" and invited(bureau) == ["de", "fr", "jp"]
    assert "IANA's record of .uk was not imported" in told.words


# --- the answer to the welcome -------------------------------------------------------------------------------------------------


def answered(bureau: Bureau, who: Somebody) -> bool:
    known = Welcomes(bureau.admission.house).known()["nl", who.fingerprint]
    return known.answered(bureau.at) is True


def wrapped(bureau: Bureau, inside: bytes) -> bytes:
    """Encrypted to the list by somebody who signs nothing."""
    return mail_of(bureau.admission.town.encrypt(None, inside), "Eve <eve@evil.example>", "...")


def test_somebody_else_encrypts_what_a_new_member_signed(bureau: Bureau) -> None:
    """A clearsigned note in a stranger's encryption, alone or in a part, shows nothing of whether the member can encrypt."""
    gina, people = bureau.newcomer("Gina"), bureau.admission.people
    signed = people.clearsign(gina, "See you at lunch\n")
    part_of = multipart(part(PLAIN, "fyi\n"), people.multipart_signed(gina, entity("See you at tea\n")))
    for inside in (entity(signed.decode()), part_of):
        assert bureau.take(wrapped(bureau, inside)).reason == "not-encrypted"
        assert not answered(bureau, gina)
    inside = people.multipart_signed(gina, entity("Thanks!\n"))  # signed as a whole inside, as some mail programs do
    assert bureau.take(wrapped(bureau, inside)).reason == "accepted" and answered(bureau, gina)


def test_a_mail_of_before_the_welcome_is_mailed_again(bureau: Bureau) -> None:
    """Signed and encrypted when its signer asked to become a member: it is no answer to a welcome that came later."""
    gina = bureau.newcomer("Gina")
    early = bureau.sealed(gina, "I would like to join\n")
    now, bureau.at = bureau.at, bureau.at + 2 * MAX_AHEAD_S
    late = bureau.newcomer("Hugo")
    octets = bureau.sealed(late, "I would like to join\n")
    assert bureau.take(octets).reason == "unknown-command" and not answered(bureau, late)
    bureau.at = now
    assert bureau.take(early).reason == "accepted" and answered(bureau, gina)
