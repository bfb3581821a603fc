"""Attestation by certification: what Admin Contacts sign on a certificate with their own gpg, handed in as that certificate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from certification_forge import issuer_fingerprint, notation, secret, signature, subpacket, user_id
from forge import adopt
from people import Somebody
from trust_story import AT, NOTATION, certify, proved, someone, state, types
from trust_world import BASE, BORN, DAY, LIST, World, appointment, statement

from securelist.errors import Refused
from securelist.openpgp.armor import dearmor
from securelist.openpgp.packets import read_packets
from securelist.trust.certifications import notation_name


@pytest.fixture
def whom(peopled: World) -> Somebody:
    return someone(peopled)


# --- one certification ------------------------------------------------------------------------------------------------------


def test_a_certification_makes_a_member(peopled: World, whom: Somebody) -> None:
    """This user ID's address and name, this certificate, this ccTLD, for a year; the export proves it."""
    assert notation_name("tld-ops@lists.example.org") == NOTATION
    done = peopled.submit([], certify(peopled, "admin", whom, "nl"), at=AT + 60)
    assert types(done) == ["certificate", "attest-ssc"] and (done.entries[-1].part, done.signer) == (0, peopled.cast.admin.fingerprint)
    member = peopled.membership.member_by_key(whom.fingerprint, AT + 60)
    assert member is not None and (member.cctld, member.name, member.emails, member.state) == ("nl", whom.name, (whom.address,), "active")
    assert member.expires - AT in (365 * DAY, 366 * DAY) and member.phones == ()
    proved(peopled, AT + 60)
    assert state(peopled, whom, member.expires - 1) == "active" and state(peopled, whom, member.expires) == "expired"


@pytest.mark.parametrize(("ends", "days"), [("30d", 30), ("1y", 365), ("5y", 730), ("0", 365)])
def test_it_lasts_until_its_own_end(peopled: World, whom: Somebody, ends: str, days: int) -> None:
    """To the second; without one, a year; two years at most."""
    peopled.submit([], certify(peopled, "admin", whom, "nl", ends=ends), at=AT)
    lasts = peopled.membership.attestations["nl", whom.address].expires - AT
    assert lasts in (days * DAY, (days + 1) * DAY if days > 300 else 0), lasts
    proved(peopled, AT)


Make = Callable[[World, Somebody], bytes]


def with_notations(*values: str) -> Make:
    return lambda world, whom: certify(world, "admin", whom, *values)


def by(maker: str, at: int = AT) -> Make:
    return lambda world, whom: certify(world, maker, whom, "nl", at=at)


def forged(world: World, whom: Somebody, named: str = "", algorithm: int = 8) -> bytes:
    """The certificate with a certification that the Admin Contact's key makes over any user ID, put together octet by octet."""
    admin, named = world.cast.admin, named or user_id(whom)
    hashed = subpacket(2, AT.to_bytes(4, "big")) + issuer_fingerprint(admin) + notation(NOTATION, "nl")
    signed = signature(secret(world.cast.people, admin), whom, named, hashed, algorithm=algorithm)
    theirs = [packet.octets for packet in read_packets(dearmor(whom.certificate))]
    return b"".join((*theirs[:3], signed, *theirs[3:]))


def moved(world: World, whom: Somebody) -> bytes:
    """A certification of the second user ID behind the first."""
    return forged(world, whom, named="Someone Else <else@nl.example>")


def of_another_certificate(world: World, whom: Somebody) -> bytes:
    """A certification of somebody else's certificate with the same user ID, moved to this one."""
    other = replace(world.cast.people.make(whom.name, f"twin-{whom.address}", at=BORN), address=whom.address)
    packets = read_packets(forged(world, other, named=user_id(whom)))
    theirs = [packet.octets for packet in read_packets(dearmor(whom.certificate))]
    return b"".join((*theirs[:3], packets[3].octets, *theirs[3:]))


def without_address(world: World, whom: Somebody) -> bytes:
    """A user ID that is a name alone; the one with the address is revoked."""
    people = world.cast.people
    said = people.gpg("--status-fd", "1", "--quick-gen-key", f"Nobody, not {whom.name}", "ed25519", "cert,sign", "0", at=BORN).decode()
    nameless = replace(whom, fingerprint=said.split("KEY_CREATED P ")[1].split()[0])
    people.gpg("--quick-add-key", nameless.fingerprint, "cv25519", "encr", "0", at=BORN)
    return certify(world, "admin", nameless, "nl")


def unfit(world: World, _whom: Somebody) -> bytes:
    return certify(world, "admin", someone(world, encryption=None), "nl")


def of_the_list(world: World, _whom: Somebody) -> bytes:
    return certify(world, "admin", world.cast.people.make("The list", LIST, at=BORN), "nl")


def with_a_members_address(world: World, _whom: Somebody) -> bytes:
    people = world.cast.people
    return certify(world, "admin_br", people.make("Anna", "anna@nl.example", at=BORN), "br")


OUTCOMES: dict[str, tuple[Make, str, tuple[str, ...]]] = {
    "without a notation": (with_notations(), "no-notation", ("--cert-notation", NOTATION)),
    "with another list's notation": (with_notations("cctld@other.example.org=nl"), "no-notation", (NOTATION,)),
    "with another program's notation": (with_notations("tld@lists.example.org=nl"), "no-notation", ()),
    "with two ccTLDs": (with_notations("nl", "br"), "no-notation", ("more than one",)),
    "with the right one and another list's": (with_notations("nl", "cctld@other.example.org=br"), "", ()),
    "in capitals": (with_notations("NL"), "", ()),
    "with a dot": (with_notations(".nl"), "bad-tld", (NOTATION,)),
    "with an empty ccTLD": (with_notations(f"{NOTATION}="), "bad-tld", ()),
    "for another's ccTLD": (with_notations("br"), "not-entitled", ("ccTLD's Admin Contact",)),
    "for a ccTLD without an Admin Contact": (with_notations("de"), "not-entitled", ()),
    "at a key-signing party": (by("mallory"), "nothing-new", ()),
    "by a trust root": (by("root"), "nothing-new", ()),
    "by another SSC": (by("bert"), "nothing-new", ()),
    "by another ccTLD's Admin Contact": (by("admin_br"), "not-entitled", ()),
    "older than the appointment": (by("admin", BASE + DAY - 1), "older-than-the-appointment", ()),
    "in the second of the appointment": (by("admin", BASE + DAY), "", ()),
    "ten minutes ahead": (by("admin", AT + 600), "", ()),
    "from the future": (by("admin", AT + 601), "from-the-future", ()),
    "expired": (lambda w, whom: certify(w, "admin", whom, "nl", at=AT - DAY, ends="1d"), "expired", ()),
    "with SHA-256, octet by octet": (forged, "", ()),
    "with SHA-1": (lambda w, whom: forged(w, whom, algorithm=2), "weak-hash", ("SHA-256",)),
    "of another user ID, moved": (moved, "bad-certification", ("another user ID",)),
    "of another certificate, moved": (of_another_certificate, "bad-certification", ()),
    "of a user ID without an address": (without_address, "no-address", ()),
    "of a certificate that cannot encrypt": (unfit, "cannot-encrypt", ()),
    "of the list's own address": (of_the_list, "address-of-the-list", ()),
    "of a member's address in another ccTLD": (with_a_members_address, "address-of-another", ("anna@nl.example",)),
}


@pytest.mark.parametrize(("make", "reason", "words"), OUTCOMES.values(), ids=OUTCOMES)
def test_what_a_certification_counts_for(peopled: World, whom: Somebody, make: Make, reason: str, words: tuple[str, ...]) -> None:
    """A member, or nothing: no entry at all, and the answer says why."""
    octets, before = make(peopled, whom), peopled.membership
    if not reason:
        assert types(peopled.submit([], octets, at=AT)) == ["certificate", "attest-ssc"]
        assert state(peopled, whom) == "active"
        proved(peopled, AT)
        return
    with pytest.raises(Refused) as refused:
        peopled.submit([], octets, at=AT)
    assert refused.value.reason == reason and peopled.membership is before, refused.value
    assert all(word in refused.value.detail for word in words), refused.value


# --- what somebody else did, or does, about the same --------------------------------------------------------------------------


def test_by_a_dismissed_admin_contact(peopled: World, whom: Somebody) -> None:
    """Made while in office, handed in after the dismissal; and once more by the successor."""
    octets, cast = certify(peopled, "admin", whom, "nl"), peopled.cast
    peopled.submit(peopled.signed(cast.root, statement("dismiss-admin-contact", TLD="nl"), AT), at=AT)
    with pytest.raises(Refused, match="nothing-new"):
        peopled.submit([], octets, at=AT + 60)
    peopled.submit(peopled.signed(cast.root, appointment(cast.dora, "nl"), AT + 60), cast.dora.certificate, at=AT + 60)
    done = peopled.submit([], certify(peopled, "dora", whom, "nl", at=AT + 99), at=AT + 99)
    assert types(done) == ["certificate", "attest-ssc"] and done.signer == cast.dora.fingerprint
    proved(peopled, AT + 99)


def test_by_one_who_is_appointed_again(peopled: World, whom: Somebody) -> None:
    """What an Admin Contact certified before a dismissal does not come back with the next appointment."""
    octets, cast = certify(peopled, "admin", whom, "nl"), peopled.cast
    peopled.submit(peopled.signed(cast.root, statement("dismiss-admin-contact", TLD="nl"), AT), at=AT)
    peopled.submit(peopled.signed(cast.root, appointment(cast.admin, "nl", Organisation="Registry"), AT + 60), at=AT + 60)
    with pytest.raises(Refused, match="older-than-the-appointment"):
        peopled.submit([], octets, at=AT + 99)


def test_by_one_whose_key_has_expired_since(peopled: World, whom: Somebody) -> None:
    """A certifier is judged as of the entry, like every signer."""
    lender = someone(peopled, "lu", expires="60d")
    peopled.appoint(lender, "lu", AT)
    octets = certify(peopled, lender, whom, "lu", at=AT)
    with pytest.raises(Refused, match=r"signer-not-valid|bad-certification"):
        peopled.submit([], octets, at=AT + 40 * DAY)
    peopled.submit([], octets, at=AT + DAY)
    proved(peopled, AT + DAY)
    assert state(peopled, whom, AT + 60 * DAY) == "active"


def test_a_fourth_ssc(peopled: World, whom: Somebody) -> None:
    """The limit is the same as for statements."""
    peopled.submit([], certify(peopled, "admin", someone(peopled), "nl"), at=AT)
    with pytest.raises(Refused, match=r"too-many-members.*anna@nl\.example"):
        peopled.submit([], certify(peopled, "admin", whom, "nl"), at=AT)


def test_a_second_user_id_of_a_member(peopled: World, whom: Somebody) -> None:
    """A certificate has one member: gpg signs all user IDs, the first counts, and the answer tells of the other."""
    people = peopled.cast.people
    people.gpg("--quick-add-uid", whom.fingerprint, f"{whom.name} <second-{whom.address}>", at=BORN)
    done = peopled.submit([], certify(peopled, "admin", whom, "nl"), at=AT)
    assert types(done) == ["certificate", "attest-ssc"]
    assert "without effect" in done.sentence and "belongs to" in done.sentence
    proved(peopled, AT)


@pytest.mark.parametrize("first", ["thief", "owner"])
def test_whoever_binds_somebodys_encryption_key_keeps_nobody_out(peopled: World, whom: Somebody, first: str) -> None:
    """Anybody can bind a key to encrypt to, without its owner: both become members, and each has their own copy."""
    people = peopled.cast.people
    owner = people.make("Owner", f"owner-{whom.address}", at=BORN + 100)
    stolen = replace(whom, certificate=adopt(people, whom, owner, 1))
    certified = {"thief": certify(peopled, "admin_br", stolen, "br"), "owner": certify(peopled, "admin_br", owner, "br")}
    for name in (first, "owner", "thief"):
        if name != first or not state(peopled, owner if name == "owner" else whom):
            peopled.submit([], certified[name], at=AT)
    assert state(peopled, whom) == state(peopled, owner) == "active"
    people.gpg("--quick-set-expire", owner.fingerprint, "5y", at=AT)
    assert types(peopled.submit([], people.export(owner.fingerprint), at=AT + 60)) == ["certificate"]
    proved(peopled, AT + 60)


@pytest.mark.parametrize("index", [0, 1], ids=["primary key", "signing subkey"])
def test_a_certificate_with_a_members_signing_key(peopled: World, whom: Somebody, index: int) -> None:
    """What a member signs stays theirs: who has a key of theirs that signs for a subkey does not enter the log."""
    people = peopled.cast.people
    owner = people.make("Owner", f"signing-{whom.address}", at=BORN + 100, encryption=None)
    for algorithm, use in (("ed25519", "sign"), ("cv25519", "encr")):
        people.gpg("--quick-add-key", owner.fingerprint, algorithm, use, "0", at=BORN + 200)
    owner = replace(owner, certificate=people.export(owner.fingerprint))
    peopled.submit([], certify(peopled, "admin_br", owner, "br"), at=AT)
    adopt(people, whom, owner, index)
    with pytest.raises(Refused, match="key-of-another"):
        peopled.submit([], certify(peopled, "admin", whom, "nl"), at=AT)


def test_a_user_id_that_is_an_address_alone(peopled: World, whom: Somebody) -> None:
    """The address is the name, too, letter for letter."""
    people, address = peopled.cast.people, f"bare-{whom.address}"
    said = people.gpg("--status-fd", "1", "--quick-gen-key", address, "ed25519", "cert,sign", "0", at=BORN).decode()
    bare = replace(whom, fingerprint=said.split("KEY_CREATED P ")[1].split()[0])
    people.gpg("--quick-add-key", bare.fingerprint, "cv25519", "encr", "0", at=BORN)
    peopled.submit([], certify(peopled, "admin", bare, "nl"), at=AT)
    member = peopled.membership.member_by_key(bare.fingerprint, AT)
    assert member is not None and (member.name, member.emails) == (address, (address,))
    proved(peopled, AT)


def test_a_revoked_user_id_makes_nobody(peopled: World, whom: Somebody) -> None:
    """Who gave an address up is not a member by it."""
    people = peopled.cast.people
    people.gpg("--quick-add-uid", whom.fingerprint, f"{whom.name} <other-{whom.address}>", at=BORN)
    certify(peopled, "admin", whom, "nl")
    people.gpg("--quick-revoke-uid", whom.fingerprint, user_id(whom), at=AT)
    done = peopled.submit([], people.export(whom.fingerprint), at=AT + 60)
    assert peopled.membership.members(AT + 60)[-1].emails == (f"other-{whom.address}",) and "revoked" in done.sentence
