"""Requests that come again, whose key is revoked or renewed while they wait, that are too many, and that a round reads too early."""

from __future__ import annotations

import dataclasses

import pytest
from admission_world import Admission, admission, statements_in, token_in  # noqa: F401
from command_mails import Bureau, bureau  # noqa: F401
from people import Somebody
from statement_mails import PLAIN, keys, mail, multipart, part
from test_procedures import accepting, newest
from test_procedures_requests import ask, release, waiting

from securelist.errors import Refused
from securelist.letters import kinds
from securelist.mail.addresses import ListAddress, Role
from securelist.openpgp.admission import read_certificate
from securelist.procedures.asking import Asking
from securelist.reception import Reception
from securelist.store import requests
from securelist.store.database import reading
from securelist.store.invitations import Outcome
from securelist.store.requests import MAX_BY_ONE_KEY, MAX_FOR_A_CCTLD
from securelist.store.retention import DAY_S


@pytest.fixture
def nora(people) -> Somebody:
    """Who wants to join for .nl, with a key of her own for each test: some revoke it."""
    return people.make("Nora Nieuw", "nora@registry-nl.example")


def take(world: Admission, octets: bytes) -> str:
    """A mail as it is, by whoever has it; the reason if it is refused."""
    try:
        return Reception(world.house).take(ListAddress(Role.REQUEST), "somebody@evil.example", octets).reason
    except Refused as refused:
        return refused.reason
    finally:
        world.round()


def requesting(world: Admission, who: Somebody, certificate: Somebody | None = None, **fields: str) -> bytes:
    text = world.people.clearsign(who, world.town.statement("request-membership", who, **fields))
    return mail(who, multipart(part(PLAIN, text), keys(certificate or who)))


def subkeys(world: Admission, number: int) -> int:
    with reading(world.house.engine) as connection:
        return len(read_certificate(requests.text_of(connection, number).certificate).keys)


def with_another_subkey(world: Admission, who: Somebody) -> Somebody:
    world.people.gpg("--quick-add-key", who.fingerprint, "cv25519", "encr", "0")
    return dataclasses.replace(who, certificate=world.people.export(who.fingerprint))


def revoked(world: Admission, who: Somebody) -> bytes:
    """A mail by which somebody says that their key was stolen: its revoked certificate, and no signature."""
    return mail(who, multipart(part(PLAIN, "my key was stolen\n"), keys(dataclasses.replace(who, certificate=world.people.revoke(who)))))


# --- the same request again --------------------------------------------------------------------------------------------------


def test_a_recorded_request_mailed_again_with_an_older_certificate_changes_nothing(admission, nora):
    """Number and time stay, so it lapses when it would have; and the certificate keeps the subkey that the older one lacks."""
    newer = with_another_subkey(admission, nora)
    text = part(PLAIN, admission.people.clearsign(nora, admission.town.statement("request-membership", nora)))
    take(admission, mail(nora, multipart(text, keys(newer))))
    (before,) = waiting(admission)
    admission.later(3)
    take(admission, mail(nora, multipart(text, keys(nora))))
    assert waiting(admission) == (before,)
    assert subkeys(admission, before.id) == 3
    admission.later(57.5)
    assert waiting(admission) == ()


def test_who_corrects_a_request_keeps_its_number(admission, nora):
    """The newer text counts, and the older one, mailed by somebody who recorded it, does not bring back what it said."""
    recorded = requesting(admission, nora)
    take(admission, recorded)
    (before,) = waiting(admission)
    admission.people.gpg("--quick-add-uid", nora.fingerprint, "Nora Later <nora@registry-nl.example>")
    later = admission.people.clearsign(nora, admission.town.statement("request-membership", nora, Name="Nora Later"), at=before.signed + 5)
    take(admission, mail(nora, multipart(part(PLAIN, later), keys(nora))))
    take(admission, recorded)
    (after,) = waiting(admission)
    assert (after.id, after.received, after.signed) == (before.id, before.received, before.signed + 5)
    release(admission, after.id)
    (letter,) = admission.new(admission.town.admin.address)
    assert letter.startswith("Nora Later")


def test_a_released_request_mailed_again_changes_nothing(admission, nora):
    """It stays with the Admin Contact, who is not written to a second time."""
    recorded = requesting(admission, nora)
    take(admission, recorded)
    release(admission, waiting(admission)[0].id)
    before = waiting(admission)
    admission.new(admission.town.admin.address)
    take(admission, recorded)
    assert waiting(admission) == before
    assert admission.new(admission.town.admin.address) == []


# --- keys that change while they wait ----------------------------------------------------------------------------------------


def test_a_key_revoked_while_its_request_waits(admission, nora):
    """The request has ended, released or not; the recorded one, with the certificate of before, is not taken any more."""
    recorded = requesting(admission, nora)
    take(admission, recorded)
    release(admission, waiting(admission)[0].id)
    take(admission, revoked(admission, nora))
    assert waiting(admission) == ()
    assert take(admission, recorded) == "revoked"
    assert waiting(admission) == ()


def test_a_key_revoked_while_its_answer_waits(admission, nora):
    """The answer has ended, and nobody is asked to appoint that key; the ccTLD can be invited again."""
    admission.invite("de")
    (invitation,) = admission.new(admission.contact("de"))
    admission.send(nora, accepting(token_in(invitation), nora), nora)
    take(admission, revoked(admission, nora))
    assert newest(admission).outcome == Outcome.REVOKED
    assert not newest(admission).evidence
    admission.later(2)
    assert admission.invite("de")[0].done


def test_a_subkey_added_while_the_request_waits_is_kept(admission, nora):
    """Whoever mails her certificate: only she can have made what is new in it."""
    number = ask(admission, nora)
    take(admission, mail(nora, multipart(part(PLAIN, "hello\n"), keys(with_another_subkey(admission, nora)))))
    assert subkeys(admission, number) == 3


# --- too many ----------------------------------------------------------------------------------------------------------------


def test_one_key_asks_a_few_times_and_no_more(admission, nora):
    """With invented addresses, for whatever ccTLDs."""
    reasons = [take(admission, requesting(admission, nora, Email=f"n{i}@evil.example")) for i in range(MAX_BY_ONE_KEY + 1)]
    assert reasons == ["pending"] * MAX_BY_ONE_KEY + ["too-many-by-one-key"]


def test_many_keys_ask_for_one_cctld(admission, people):
    """Ten wait for the Secretariat; another ccTLD is not concerned, and what is declined makes room."""
    names = [people.make(f"Flood {number}", f"flood-{number}@evil.example") for number in range(MAX_FOR_A_CCTLD // MAX_BY_ONE_KEY + 1)]
    asking = [requesting(admission, who, Email=f"e{i}@{who.address}".replace("@flood", "-flood")) for who in names for i in range(3)]
    reasons = [take(admission, octets) for octets in asking]
    assert reasons == ["pending"] * MAX_FOR_A_CCTLD + ["too-many-requests"] * (len(asking) - MAX_FOR_A_CCTLD)
    assert take(admission, requesting(admission, names[-1], TLD="br")) == "pending"
    admission.office.decline([waiting(admission)[0].id], admission.at)
    assert take(admission, asking[-1]) == "pending"


def test_the_secretariat_declines_by_mail(bureau, nora, people):
    """Nobody is told of a request that was never released; who asked is, of one that the Admin Contact had; nothing is kept."""
    world, other = bureau.admission, people.make("Otto", "otto@registry-nl.example")
    first, second = ask(world, nora), ask(world, other)
    release(world, second)
    bureau.letters(bureau.root)
    (told,) = bureau.order(bureau.root, f"decline {first} #{second} 99")
    assert told.subject == "Declined: 2, and 1 not"
    world.round()
    assert waiting(world) == ()
    assert world.new(nora.address) == []
    assert any("was declined" in letter.split("\n")[0] for letter in world.new(other.address))


def test_only_trust_roots_decline(bureau, nora):
    """A member's command is refused."""
    number = ask(bureau.admission, nora)
    member = next(iter(bureau.admission.town.members.values()))
    bureau.order(member, f"decline {number}")
    assert [one.id for one in waiting(bureau.admission)] == [number]


# --- rounds, and letters that cannot be written --------------------------------------------------------------------------------


def test_a_request_released_on_its_last_day_stays(admission, nora):
    """The round had read it before the release: it does not end what was released since."""
    number = ask(admission, nora)
    admission.ahead += 60 * DAY_S
    (stale,) = waiting(admission)
    assert admission.office.release([number], admission.at)[0].done
    assert Asking(admission.house)._one(stale, admission.at) == ""
    assert [one.id for one in waiting(admission)] == [number]


def test_one_attestation_ends_one_of_two_requests(admission, nora):
    """She asked for two ccTLDs with one key: what the one's Admin Contact signs leaves the other request where it was."""
    first, second = ask(admission, nora, "nl"), ask(admission, dataclasses.replace(nora, address="nora@registry-br.example"), "br")
    release(admission, first)
    admission.send(admission.town.admin, statements_in(admission.new(admission.town.admin.address)[-1]))
    assert admission.house.membership().member_by_key(nora.fingerprint, admission.at)
    assert [one.id for one in waiting(admission)] == [second]


def test_nobody_is_told_that_a_request_is_with_an_admin_contact_who_got_no_letter(admission, nora):
    """They had too many today: the letter goes out another day, and only then is who asked told, at the first address alone."""
    address = admission.town.admin.address
    for _ in range(kinds.REQUESTS_A_DAY):
        kinds.written(admission.house.engine, "attest", address, admission.at)
    text = admission.town.statement("request-membership", nora).replace("Key:", "Email: victim@bank.example\nKey:")
    admission.send(nora, text, nora)
    release(admission, waiting(admission)[0].id)
    assert admission.new(nora.address) == admission.new(address) == []
    assert waiting(admission)[0].asked == 0
    admission.later(1.1)
    assert len(admission.new(address)) == 1
    assert len(admission.new(nora.address)) == 1
    assert admission.new("victim@bank.example") == []


def test_a_request_that_no_letter_carries_to_the_admin_contact_lapses(admission, nora):
    """After sixty days; who asked hears why, and the Admin Contact nothing of what they never heard of."""
    release_at = ask(admission, nora)
    day = admission.at
    for number in range(70):
        for _ in range(kinds.REQUESTS_A_DAY):
            kinds.written(admission.house.engine, "attest", admission.town.admin.address, day + number * DAY_S)
    release(admission, release_at)
    admission.later(61)
    assert waiting(admission) == ()
    (told,) = admission.new(nora.address)
    assert "none of the list's" in told
    assert admission.new(admission.town.admin.address) == []


def test_pending_shows_the_newest_requests_first(bureau, nora, people):
    """What came today is not hidden behind what somebody sent before."""
    other = people.make("Otto", "otto@registry-nl.example")
    first, second = ask(bureau.admission, nora), ask(bureau.admission, other)
    bureau.letters(bureau.root)
    (told,) = bureau.order(bureau.root, "pending")
    assert told.text.index(f"  {second}. Otto") < told.text.index(f"  {first}. Nora")
