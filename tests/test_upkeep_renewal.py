"""Renewal is one mail: the extended certificate brings a member back at once; nobody attests anything, and nobody else can do more."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from absent_world import World, ring
from absent_world import founded as founded
from absent_world import world as world
from people import Somebody
from statement_mails import keys, mail, multipart

from securelist.command_desk import Taken
from securelist.errors import Refused
from securelist.openpgp.admission import read_certificate, split_certificates
from securelist.procedures.rounds import Rounds

REACHED = "You are reached again: your renewed certificate took effect"


def extended(world: World, who: Somebody, until: str = "2y") -> bytes:
    """Somebody's certificate after they extended all of their key."""
    for subkeys in ((), ("*",)):
        world.town.people.gpg("--quick-set-expire", who.fingerprint, until, *subkeys)
    return world.town.people.export(who.fingerprint)


def entries(world: World) -> list[str]:
    return [entry.type for entry in world.house.membership().entries]


def new_letters(world: World, who: Somebody) -> list[str]:
    return [one.subject for one in world.letters(who) if "Welcome" not in one.subject]


# --- the whole of it -----------------------------------------------------------------------------------------------------


def test_the_life_of_a_key_that_runs_out(world: World) -> None:
    """Expired, a post missed, a notice; its commands typed as they stand, the file mailed, signed; and the next post arrives."""
    anna, bert = world.member("Anna", "2d"), world.member("Bert")
    world.post(bert, 3)
    world.round(3)
    ((_, notice),) = world.notices(anna.address)
    file, before = world.extend(notice), entries(world)
    assert world.state(anna, 3) == "unreachable"
    taken = world.send(world.signed_mail(anna, ring(file, anna)), 3.1)
    assert isinstance(taken, Taken) and (taken.reason, taken.signer) == ("accepted", anna.fingerprint)
    assert world.state(anna, 3.1) == "active"
    assert entries(world) == [*before, "certificate"]
    receipt = world.letters(anna)[-1]
    assert receipt.subject == REACHED
    assert "You are reached again: what is posted from now on comes to you." in " ".join(receipt.text.split())
    world.round(3.2)
    assert world.absences() == []
    world.post(bert, 3.3)
    world.now = world.after(3.3)
    (post,) = [one for one in world.arrived(anna.address) if one["Precedence"] == "list"]
    content, status = world.town.opened(post)
    assert b"They come from everywhere. 3.3" in content and "GOODSIG" in status
    assert len(world.notices(anna.address)) == 1


def test_a_key_without_a_subkey_to_encrypt_to_comes_back_by_the_notice(world: World) -> None:
    """Its only one was revoked: the commands add another, and the certificate is taken."""
    anna, bert = world.member("Anna"), world.member("Bert")
    world.town.people.gpg("--command-fd", "0", "--edit-key", anna.fingerprint, data=b"key 1\nrevkey\ny\n1\n\ny\nsave\n")
    world.renew(anna)
    world.post(bert, 1)
    world.round(1)
    ((_, notice),) = world.notices(anna.address)
    assert "the key has no encryption subkey that is valid now" in " ".join(notice.split()) and "add one" in notice
    assert isinstance(world.send(world.signed_mail(anna, ring(world.extend(notice), anna)), 1.1), Taken)
    assert world.state(anna, 1.1) == "active"
    assert new_letters(world, anna) == [REACHED]


# --- without a signature -------------------------------------------------------------------------------------------------


def bare(who: Somebody, certificate: bytes) -> bytes:
    """A mail with nothing but a certificate."""
    return mail(who, ring(certificate, who))


def with_text(who: Somebody, certificate: bytes) -> bytes:
    """A mail with a greeting and a certificate, as Thunderbird sends it when its own key has expired."""
    return mail(who, multipart(b"Content-Type: text/plain\n\nHere is my key again.\n", ring(certificate, who)))


@pytest.mark.parametrize("make", [bare, with_text])
def test_an_unsigned_mail_does_as_well(world: World, make: Callable[[Somebody, bytes], bytes]) -> None:
    """Only who has the key can have extended it; they are told, encrypted, once, whoever sends it again."""
    anna = world.member("Anna", "2d")
    octets = make(anna, extended(world, anna))
    taken = world.send(octets, 3)
    assert isinstance(taken, Taken) and (taken.reason, taken.signer) == ("accepted", "")
    assert world.state(anna, 3) == "active"
    (letter,) = world.letters(anna)
    assert letter.subject == "You are reached again by tld-ops"
    assert "in a mail to tld-ops-request@lists.example.org that nobody had signed" in " ".join(letter.text.split())
    again = world.send(octets, 3.1)
    assert isinstance(again, Refused) and again.quiet
    assert len(world.letters(anna)) == 1


def test_who_extends_in_time_is_told_so_and_was_never_away(world: World) -> None:
    """Signed: a receipt as ever; unsigned: until when the list can encrypt to them."""
    anna, bert = world.member("Anna", "5d"), world.member("Bert", "5d")
    assert isinstance(world.send(world.signed_mail(anna, ring(extended(world, anna), anna)), 3), Taken)
    assert isinstance(world.send(bare(bert, extended(world, bert, "1y")), 3), Taken)
    assert new_letters(world, anna) == ["Your renewed certificate took effect"]
    (letter,) = world.letters(bert)
    assert letter.subject == "Your renewed certificate is known to tld-ops"
    certificate = read_certificate(split_certificates(world.town.people.export(bert.fingerprint))[0])
    until = certificate.until("e", world.now)
    assert until and f"can encrypt to you until {time.strftime('%Y-%m-%d', time.gmtime(until))}." in letter.text


# --- what does not bring anybody back ------------------------------------------------------------------------------------


def test_an_unsigned_mail_brings_nothing_but_a_longer_life(world: World) -> None:
    """A shorter one, another name, another's certificate with the same address: nothing changes, and nobody is answered."""
    anna = world.member("Anna", "2y")
    people = world.town.people
    people.gpg("--quick-add-uid", anna.fingerprint, "Anna <anna@elsewhere.example>")
    named = people.export(anna.fingerprint)
    shorter = extended(world, anna, "10d")
    other = people.make("Anna", anna.address)
    before = entries(world)
    for octets in (bare(anna, named), bare(anna, shorter), mail(other, keys(other))):
        refused = world.send(octets, 0.1)
        assert isinstance(refused, Refused) and refused.quiet
    assert entries(world) == before
    assert world.letters(anna) == []


def test_a_certificate_that_only_one_engine_accepts_brings_nobody_back(world: World) -> None:
    """One whose self-signature was tampered with."""
    anna = world.member("Anna", "2d")
    (octets,) = split_certificates(extended(world, anna))
    broken = octets[:-8] + bytes(octet ^ 0xFF for octet in octets[-8:])
    plain = world.town.people.gpg("--enarmor", data=broken).replace(b"ARMORED FILE", b"PUBLIC KEY BLOCK")
    world.send(bare(anna, plain), 3)
    assert world.state(anna, 3) == "unreachable"


def test_who_came_back_is_active_for_the_operator_and_by_replay(world: World) -> None:
    """`member list` says so, and the log alone proves it."""
    anna = world.member("Anna", "2d")
    world.send(bare(anna, extended(world, anna)), 0.001)
    Rounds(world.house).run(world.after(3))
    (row,) = json.loads(world.command("member", "list", "--json", "--at", time.strftime("%Y-%m-%d", time.gmtime(world.after(4)))))
    assert (row["name"], row["state"]) == ("Anna", "active")
    assert world.house.replay().member_by_key(anna.fingerprint, world.after(4)).state == "active"  # type: ignore[union-attr]
