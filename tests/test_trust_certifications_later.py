"""Certifications over time: taken back, renewed, and beside what is said in words."""

from __future__ import annotations

import pytest
from certification_forge import certified as put_together
from certification_forge import user_id
from people import Somebody
from trust_story import AT, certify, proved, someone, state, take_back, types
from trust_world import DAY, World, attestation, moment, statement, withdrawal

from securelist.errors import Refused
from securelist.openpgp.armor import dearmor
from securelist.openpgp.packets import Tag, read_packets


@pytest.fixture
def whom(peopled: World) -> Somebody:
    return someone(peopled)


# --- taken back -----------------------------------------------------------------------------------------------------------------


def test_revoking_it_withdraws(peopled: World, whom: Somebody) -> None:
    """And the certificate as it was before does not bring the member back."""
    made = certify(peopled, "admin", whom, "nl")
    peopled.submit([], made, at=AT)
    gone = take_back(peopled, "admin", whom, AT + DAY)
    done = peopled.submit([], gone, at=AT + DAY)
    assert types(done) == ["withdraw-ssc"] and state(peopled, whom, AT + DAY) == "withdrawn"
    for again in (made, gone):
        with pytest.raises(Refused, match="nothing-new"):
            peopled.submit([], again, at=AT + DAY + 60)
    proved(peopled, AT + DAY)
    anew = certify(peopled, "admin", whom, "nl", at=AT + 2 * DAY)
    assert types(peopled.submit([], anew, at=AT + 2 * DAY)) == ["attest-ssc"] and state(peopled, whom, AT + 2 * DAY) == "active"
    proved(peopled, AT + 2 * DAY)


def test_made_and_taken_back_and_made_again_in_one_certificate(peopled: World, whom: Somebody) -> None:
    """What was never handed in in between is carried out in the order in which it was made."""
    certify(peopled, "admin", whom, "nl", at=AT - DAY)
    gone = take_back(peopled, "admin", whom, AT - 60)
    done = peopled.submit([], gone, at=AT)
    assert types(done) == ["certificate", "attest-ssc", "withdraw-ssc"] and state(peopled, whom) == "withdrawn"
    other = someone(peopled)
    certify(peopled, "admin", other, "nl", at=AT - DAY)
    take_back(peopled, "admin", other, AT - 60)
    done = peopled.submit([], certify(peopled, "admin", other, "nl", at=AT), at=AT)
    assert types(done) == ["certificate", "attest-ssc", "withdraw-ssc", "attest-ssc"] and state(peopled, other) == "active"
    proved(peopled, AT)


def test_made_and_taken_back_within_a_second(peopled: World, whom: Somebody) -> None:
    """Whatever order the packets are in, the revocation counts last."""
    packets = read_packets(dearmor(certify(peopled, "admin", whom, "nl")))
    revoked = read_packets(dearmor(take_back(peopled, "admin", whom, AT)))
    moved = [p.octets for p in revoked if p.tag == Tag.SIGNATURE and p.body[1] == 0x30]
    octets = b"".join((*(p.octets for p in packets[:2]), *moved, *(p.octets for p in packets[2:])))
    assert types(peopled.submit([], octets, at=AT)) == ["certificate", "attest-ssc", "withdraw-ssc"]


def test_an_older_certification_after_the_revocation_is_a_rollback(peopled: World, whom: Somebody) -> None:
    """One that was made before the revocation and kept back."""
    older = certify(peopled, "admin", whom, "nl", at=AT - DAY)
    peopled.submit([], certify(peopled, "admin", whom, "nl", at=AT - 60, ends="1y"), at=AT)
    peopled.submit([], take_back(peopled, "admin", whom, AT + 60), at=AT + 60)
    with pytest.raises(Refused, match=r"nothing-new|superseded"):
        peopled.submit([], older, at=AT + 99)
    assert state(peopled, whom, AT + 99) == "withdrawn"


def test_one_that_was_kept_back_too_long(peopled: World, whom: Somebody) -> None:
    """Without an end of its own it lasts a year: handed in later it makes nobody a member, and the answer says so."""
    octets = certify(peopled, "admin", whom, "nl")
    with pytest.raises(Refused, match="expired"):
        peopled.submit([], octets, at=AT + 400 * DAY)
    peopled.submit([], octets, at=AT + 364 * DAY)
    assert state(peopled, whom, AT + 364 * DAY) == "active"


def test_one_that_is_older_than_a_withdrawal(peopled: World, whom: Somebody) -> None:
    """What was said in words since holds: the certification does not bring the member back."""
    cast = peopled.cast
    octets = certify(peopled, "admin", whom, "nl")
    peopled.submit(peopled.signed(cast.admin, attestation(whom), AT + 60), whom.certificate, at=AT + 60)
    peopled.submit(peopled.signed(whom, withdrawal(whom), AT + 120), at=AT + 120)
    with pytest.raises(Refused, match="superseded"):
        peopled.submit([], octets, at=AT + 180)


def test_a_member_makes_room_for_another_in_one_submission(peopled: World) -> None:
    """What was made first is carried out first, on whichever certificate it is."""
    cast, first, second = peopled.cast, someone(peopled), someone(peopled)
    peopled.submit([], certify(peopled, "admin", first, "nl"), at=AT)
    gone = take_back(peopled, "admin", first, AT + 60)
    done = peopled.submit([], certify(peopled, "admin", second, "nl", at=AT + 120), gone, at=AT + 120)
    assert types(done) == ["withdraw-ssc", "certificate", "attest-ssc"] and done.signer == cast.admin.fingerprint


def test_taken_back_by_another(peopled: World, whom: Somebody) -> None:
    """Everybody takes back their own signatures only."""
    peopled.submit([], certify(peopled, "admin", whom, "nl"), at=AT)
    certify(peopled, "admin_br", whom, at=AT)
    certify(peopled, "mallory", whom, at=AT)
    take_back(peopled, "mallory", whom, AT + 60)
    octets = take_back(peopled, "admin_br", whom, AT + 60)
    with pytest.raises(Refused, match=r"no-notation|nothing-to-withdraw"):
        peopled.submit([], octets, at=AT + 60)
    assert state(peopled, whom, AT + 60) == "active"


def test_taking_back_what_a_statement_attested(peopled: World, whom: Somebody) -> None:
    """A certification that a signed statement followed holds nothing up any more: taking it back ends nothing."""
    cast = peopled.cast
    peopled.submit([], certify(peopled, "admin", whom, "nl"), at=AT)
    peopled.submit(peopled.signed(cast.admin, attestation(whom), AT + 60), at=AT + 60)
    with pytest.raises(Refused, match="nothing-to-withdraw"):
        peopled.submit([], take_back(peopled, "admin", whom, AT + 99), at=AT + 99)
    peopled.submit(peopled.signed(cast.admin, withdrawal(whom), AT + 120), at=AT + 120)
    assert state(peopled, whom, AT + 120) == "withdrawn"
    proved(peopled, AT + 120)


def test_taking_back_what_the_first_of_two_made(peopled: World, whom: Somebody) -> None:
    """A renewed certification is the one that counts; gpg takes both back at once, and that withdraws once."""
    peopled.submit([], certify(peopled, "admin", whom, "nl", ends="30d"), at=AT)
    peopled.submit([], certify(peopled, "admin", whom, "nl", at=AT + DAY, ends="1y"), at=AT + DAY)
    assert peopled.membership.attestations["nl", whom.address].expires == AT + DAY + 365 * DAY
    done = peopled.submit([], take_back(peopled, "admin", whom, AT + 2 * DAY), at=AT + 2 * DAY)
    assert types(done) == ["withdraw-ssc"]
    proved(peopled, AT + 2 * DAY)


def test_taking_it_back_after_the_key_was_replaced(peopled: World, whom: Somebody) -> None:
    """It made the membership, which has another key now: that ends all the same."""
    cast, new = peopled.cast, someone(peopled)
    peopled.submit([], certify(peopled, "admin", whom, "nl"), at=AT)
    text = statement("replace-key", TLD="nl", Email=whom.address, Key=new.fingerprint)
    peopled.submit([peopled.signed(who, text, AT + 10) for who in (whom, new)], new.certificate, at=AT + 10)
    done = peopled.submit([], take_back(peopled, "admin", whom, AT + 20), at=AT + 30)
    assert types(done) == ["withdraw-ssc"] and done.entries[0].subject == whom.fingerprint
    assert state(peopled, new, AT + 30) == "withdrawn" and cast.anna.address in peopled.addresses(AT + 30)
    proved(peopled, AT + 30)


# --- together with statements ----------------------------------------------------------------------------------------------------


def test_details_stay_on_a_renewed_certification(peopled: World, whom: Somebody) -> None:
    """A certification says nothing of telephone numbers; what the SSC said of them holds, until the new end."""
    peopled.submit([], certify(peopled, "admin", whom, "nl", ends="30d"), at=AT)
    details = statement("update-contact", TLD="nl", Name="Some One", Email=whom.address, Phone="+31 20 555 0000")
    peopled.submit(peopled.signed(whom, details, AT + 60), at=AT + 60)
    peopled.submit([], certify(peopled, "admin", whom, "nl", at=AT + DAY, ends="60d"), at=AT + DAY)
    member = peopled.membership.member_by_key(whom.fingerprint, AT + DAY)
    assert member is not None and (member.name, member.phones) == ("Some One", ("+31 20 555 0000",))
    assert member.expires == AT + 61 * DAY
    proved(peopled, AT + DAY)


def test_a_member_by_statement_is_renewed_by_certification(peopled: World, whom: Somebody) -> None:
    """Both ways are equal: one may follow the other, with the details that are known; a suspension stays."""
    cast = peopled.cast
    peopled.attest(cast.admin, whom, AT)
    peopled.submit(peopled.signed(cast.root, statement("suspend-member", TLD="nl", Email=whom.address), AT), at=AT)
    done = peopled.submit([], certify(peopled, "admin", whom, "nl", at=AT + DAY, ends="2y"), at=AT + DAY)
    assert types(done) == ["attest-ssc"] and state(peopled, whom, AT + DAY) == "suspended"
    assert peopled.membership.attestations["nl", whom.address].person.phones == ("+31 6 1234 5678",)
    proved(peopled, AT + DAY)


@pytest.mark.parametrize("attested", ["by a statement", "by a certification"])
def test_nobody_shortens_a_membership_by_a_shorter_certification(peopled: World, whom: Somebody, attested: str) -> None:
    """A certification of the same key, mailed by whoever has it, never ends what was attested earlier than it would have."""
    if attested == "by a statement":
        peopled.attest(peopled.cast.admin, whom, AT, Expires=moment(AT + 700 * DAY)[:10])
    else:
        peopled.submit([], certify(peopled, "admin", whom, "nl", ends="700d"), at=AT)
    before = peopled.membership.attestations["nl", whom.address].expires
    peopled.submit([], certify(peopled, "admin", whom, "nl", at=AT + 5, ends="10d"), at=AT + DAY)
    assert peopled.membership.attestations["nl", whom.address].expires == before > AT + 698 * DAY
    proved(peopled, AT + DAY)


def test_a_certification_beside_a_statement(peopled: World, whom: Somebody) -> None:
    """Where something is said in words, that counts; a certification that came along is told of, and counts when it comes alone."""
    cast = peopled.cast
    octets = certify(peopled, "admin", whom, "nl")
    done = peopled.submit(peopled.signed(cast.admin, withdrawal(cast.anna), AT), octets, at=AT)
    assert types(done) == ["withdraw-ssc"] and state(peopled, whom) == ""
    assert "certification" in done.sentence and "by itself" in done.sentence
    assert types(peopled.submit([], octets, at=AT)) == ["certificate", "attest-ssc"]
    proved(peopled, AT)


def test_a_certification_on_the_certificate_that_a_statement_attests(peopled: World, whom: Somebody) -> None:
    """The same Admin Contact says the same in both ways: once is enough."""
    octets = certify(peopled, "admin", whom, "nl")
    done = peopled.submit(peopled.signed(peopled.cast.admin, attestation(whom), AT), octets, at=AT)
    assert types(done) == ["certificate", "attest-ssc"] and done.entries[-1].part == 1


def test_several_of_which_one_is_bad(peopled: World, whom: Somebody) -> None:
    """The good one counts, and the note tells of the other and why."""
    other = someone(peopled)
    done = peopled.submit([], certify(peopled, "admin", whom, "nl"), certify(peopled, "admin", other), at=AT)
    assert types(done) == ["certificate", "attest-ssc"] and (state(peopled, whom), state(peopled, other)) == ("active", "")
    assert "without effect" in done.sentence and other.fingerprint in done.sentence and "no notation" in done.sentence
    assert done.evidence.keys() == {entry.evidence for entry in done.entries}
    proved(peopled, AT)


def test_many_at_once(peopled: World) -> None:
    """Two people and a revocation in one submission."""
    first, second, third = (someone(peopled, "br") for _ in range(3))
    peopled.submit([], certify(peopled, "admin_br", first, "br"), at=AT)
    rings = [certify(peopled, "admin_br", who, "br", at=AT + 60) for who in (second, third)]
    done = peopled.submit([], take_back(peopled, "admin_br", first, AT + 30), *rings, at=AT + 60)
    assert sorted(types(done)) == ["attest-ssc", "attest-ssc", "certificate", "certificate", "withdraw-ssc"]
    proved(peopled, AT + 60)


def test_the_same_twice_is_nothing_new(peopled: World, whom: Somebody) -> None:
    """Handed in again, alone or among its own packets only; nor is it the certificate's owner who decides."""
    octets = certify(peopled, "admin", whom, "nl")
    peopled.submit([], octets, octets, at=AT)
    for again in (octets, put_together(whom, user_id(whom), *(p.octets for p in read_packets(dearmor(octets))[2:4]))):
        with pytest.raises(Refused, match="nothing-new"):
            peopled.submit([], again, at=AT)
