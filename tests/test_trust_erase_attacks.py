"""Erasing as a means to something else: to come back, to take off a brake, to change the past, or to leave a log that nobody can prove."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from people import Somebody
from trust_story import (
    AT,
    about,
    certify,
    erase_now,
    erasure,
    forget,
    proved,
    ready,
    replayed,
    someone,
    state,
    take_back,
    types,
)  # fmt: skip
from trust_world import (
    BASE,
    COMPROMISED,
    DAY,
    LIST,
    SUPERSEDED,
    Cast,
    World,
    appointment,
    attestation,
    moment,
    revoked,
    statement,
    withdrawal,
)  # fmt: skip

from securelist.errors import Refused
from securelist.trust.grammar import render
from securelist.trust.history import Standing
from securelist.trust.statement import StatementType
from securelist.trust.submission import Submission


@pytest.fixture
def world(peopled: World) -> Iterator[World]:
    """The peopled list; at the end its log is proved, and a replay comes to the same state."""
    peopled.listeners.append(partial(forget, peopled))
    yield peopled
    proved(peopled, peopled.membership.time)
    replayed(peopled)


def say(world: World, by: Somebody, text: str, *certificates: bytes, at: int) -> Submission:
    return world.submit(world.signed(by, text, at), *certificates, at=at)


def another_key(of: Somebody, cast: Cast) -> Somebody:
    """The same person, with the same address and another key."""
    return cast.people.make(of.name, of.address, at=BASE)


def suspension(whom: Somebody) -> str:
    return statement("suspend-member", TLD="nl", Email=whom.address)


def until(days: int) -> str:
    """The day so many days after AT."""
    return moment(AT + days * DAY)[:10]


# --- to come back -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_owner", [True, False])
def test_what_was_kept_back_does_not_count_after_an_erase(world: World, cast: Cast, by_owner: bool) -> None:
    """An attestation and a certification of another key, made before the withdrawal: refused before the erase, and ever after."""
    key = someone(world)
    other = another_key(key, cast)
    world.attest(cast.admin, key, AT)
    held, text = certify(world, "admin", other, "nl", at=AT + 5), world.signed(cast.admin, attestation(other), AT + 5)
    say(world, key, withdrawal(key), at=AT + 10)

    def comes_back(at: int) -> None:
        for signed, ring in (([], held), ([text], other.certificate)):
            if at < AT + 30 * DAY or not signed:
                with pytest.raises(Refused, match="superseded"):
                    world.submit(signed, ring, at=at)

    comes_back(AT + 20)
    erase_now(world, key if by_owner else cast.root, key, at=AT + 30)
    comes_back(AT + 40)
    comes_back(AT + 100 * DAY)
    assert key.address not in world.addresses(AT + 100 * DAY)


def test_a_certification_that_was_taken_back_and_erased(world: World) -> None:
    """The certificate with both signatures in it, the one before, and an older one make nobody a member; a new one does."""
    whom = someone(world)
    older = certify(world, "admin", whom, "nl", at=AT - 60)
    made = certify(world, "admin", whom, "nl", at=AT)
    world.submit([], made, at=AT)
    gone = take_back(world, "admin", whom, AT + 60)
    world.submit([], gone, at=AT + 60)
    erase_now(world, world.cast.root, whom, at=AT + 120)
    for ring in (older, made, gone):
        with pytest.raises(Refused, match=r"superseded|duplicate|nothing-to-withdraw"):
            world.submit([], ring, at=AT + 180)
    done = world.submit([], certify(world, "admin", whom, "nl", at=AT + DAY), at=AT + DAY)
    assert types(done) == ["certificate", "attest-ssc"] and state(world, whom, AT + DAY) == "active"


def test_the_same_key_again_and_again(world: World, cast: Cast) -> None:
    """Attested, withdrawn, erased and attested anew with the same certificate, three times over; it goes each time."""
    whom = someone(world)
    for day in range(3):
        at, note = AT + day * DAY, f"\n{day}\n"
        say(world, cast.admin, attestation(whom) + note, whom.certificate, at=at)
        say(world, whom, withdrawal(whom) + note, at=at + 60)
        done = erase_now(world, cast.root, whom, at=at + 120)
        assert done.notes == () and whom.fingerprint not in world.membership.certificates
        theirs = [octets for entry, octets in world.log if entry.subject == whom.fingerprint and entry.type != "erase"]
        assert theirs == [None] * 3 * (day + 1)
    say(world, cast.admin, attestation(whom) + "\n3\n", whom.certificate, at=AT + 3 * DAY)
    assert state(world, whom, AT + 3 * DAY) == "active"


# --- to take off a brake --------------------------------------------------------------------------------------------------------


def test_a_suspension_is_not_the_members_to_take_off(world: World, cast: Cast) -> None:
    """Suspended, left, and back with another key: the erase of what was said is refused, and the new key is suspended."""
    whom = someone(world)
    world.attest(cast.admin, whom, AT)
    say(world, cast.root, suspension(whom), at=AT + 5)
    say(world, whom, withdrawal(whom), at=AT + 10)
    for entries in (ready(world, whom, AT + 20, by_owner=True), about("attest-ssc")(world, whom.fingerprint)):
        with pytest.raises(Refused, match="others-rest-on-it"):
            say(world, whom, erasure(whom, *entries), at=AT + 20)
    with pytest.raises(Refused, match="a suspend-member that somebody else signed is for a trust root"):
        say(world, whom, erasure(whom, *about("suspend-member")(world, whom.fingerprint)), at=AT + 20)
    new = another_key(whom, cast)
    world.attest(cast.admin, new, AT + 30)
    assert state(world, new, AT + 40) == "suspended"


def test_a_suspension_under_a_key_that_was_given_up(world: World, cast: Cast) -> None:
    """Not even a trust root's erase about the first key alone takes the brake off the second; both in one text can go."""
    whom = someone(world)
    new = another_key(whom, cast)
    world.attest(cast.admin, whom, AT)
    say(world, cast.root, suspension(whom), at=AT + 5)
    world.attest(cast.admin, new, AT + 10)
    with pytest.raises(Refused, match="others-rest-on-it"):
        erase_now(world, cast.root, whom, at=AT + 20)
    assert state(world, new, AT + 20) == "suspended"
    say(world, cast.admin, withdrawal(new), at=AT + 30)
    for one in (whom, new):
        with pytest.raises(Refused, match="others-rest-on-it"):
            erase_now(world, cast.root, one, at=AT + 40)
    assert erase_now(world, cast.root, whom, new, at=AT + 50).notes == ()
    assert whom.address not in {m.emails[0] for m in proved(world, AT + 15)}


# --- to change the past ---------------------------------------------------------------------------------------------------------


def test_nobody_turns_up_who_was_no_member(world: World, cast: Cast) -> None:
    """Key 1 was attested for a month, key 2 in its place, and withdrawn: without the texts of key 2 the log would show key 1 again."""
    whom = someone(world)
    new = another_key(whom, cast)
    world.attest(cast.admin, whom, AT, Expires=until(30))
    world.attest(cast.admin, new, AT + 5)
    say(world, cast.admin, withdrawal(whom), at=AT + 10)
    late = AT + 40 * DAY
    with pytest.raises(Refused, match=r"others-rest-on-it.*as a member who was none"):
        erase_now(world, cast.root, new, at=late)
    erase_now(world, cast.root, whom, at=late)
    erase_now(world, cast.root, new, at=late + 60)
    for day in (0, 1, 20):
        assert whom.address not in {member.emails[0] for member in proved(world, AT + day * DAY + 60)}


def test_who_comes_back_by_a_compromise_is_not_erased_on_the_way(world: World, cast: Cast) -> None:
    """Named and withdrawn, in texts that wait for others in them; then the withdrawal turns out void: the attestation stays."""
    admin = someone(world, "fr")
    one, two = someone(world, "fr"), someone(world, "fr")
    world.appoint(admin, "fr", AT)
    say(world, admin, f"{attestation(one)}\n{attestation(two)}", one.certificate, two.certificate, at=AT + 5)
    say(world, cast.root2, f"{withdrawal(one)}\n{withdrawal(cast.bert)}", at=AT + 120)
    assert "also holds" in erase_now(world, cast.root, one, at=AT + 180, tld="fr").sentence
    assert one.address not in world.addresses(AT + 180)
    text = {"List": [LIST], "Root": [cast.root.fingerprint], "Threshold": ["1"], "Since": [moment(AT + 60)]}
    say(world, cast.root, render(StatementType.REPLACE_ROOTS, text), at=AT + 240)
    assert one.address in world.addresses(AT + 240)
    say(world, cast.root, withdrawal(two), at=AT + 300)
    with pytest.raises(Refused, match=r"others-rest-on-it|erase-changes-members"):
        erase_now(world, cast.root, two, at=AT + 360, tld="fr")


def test_an_admin_contact_is_compromised_after_an_erase(world: World, cast: Cast) -> None:
    """What fell with the key stays fallen, what is gone stays gone."""
    admin = someone(world, "fr")
    one, two = someone(world, "fr"), someone(world, "fr")
    world.appoint(admin, "fr", AT)
    world.attest(admin, one, AT + 5)
    world.attest(admin, two, AT + 5)
    say(world, cast.root2, withdrawal(one), at=AT + 10)
    erase_now(world, cast.root, one, at=AT + 20, tld="fr")
    world.submit([], revoked(cast.people, admin, COMPROMISED, AT + 30), at=AT + 40)
    assert world.addresses(AT + 50).isdisjoint((one.address, two.address))
    done = erase_now(world, cast.root, two, at=AT + 60, tld="fr")
    assert len(done.erased) == 5 and Standing.VOID not in {said.standing for said in world.membership.said}


def test_whose_key_is_compromised_after_they_erased(world: World, cast: Cast) -> None:
    """The erase is void like all that the key signed; the texts do not come back, and nobody takes part in anything by it."""
    whom = someone(world)
    world.attest(cast.admin, whom, AT)
    say(world, whom, withdrawal(whom), at=AT + 10)
    erase_now(world, whom, whom, at=AT + 20)
    world.submit([], revoked(cast.people, whom, COMPROMISED, AT + 30), at=AT + 40)
    assert whom.address not in world.addresses(AT + 50)
    assert [said.standing for said in world.membership.said[-3:]] == [Standing.ERASED, Standing.ERASED, Standing.VOID]
    with pytest.raises(Refused, match="superseded"):
        world.submit(world.signed(cast.admin, attestation(whom) + "\nx\n", AT + 5), at=AT + 60)


# --- to leave a log that nobody can prove -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_owner", [True, False])
def test_a_shared_text_and_one_of_them_comes_back(world: World, cast: Cast, by_owner: bool) -> None:
    """Anna and Dora in one text; Anna leaves, is erased, and is attested with the same key; then Dora leaves and is erased."""
    one, two = someone(world), cast.dora
    say(world, cast.root, withdrawal(cast.bert), at=AT)
    say(world, cast.admin, f"{attestation(one)}\n{attestation(two)}", one.certificate, two.certificate, at=AT)
    say(world, one, withdrawal(one), at=AT + 10)
    done = erase_now(world, one if by_owner else cast.root, one, at=AT + 20)
    assert "also holds other entries" in done.sentence
    proved(world, AT + 20)
    say(world, cast.admin, attestation(one) + "\nx\n", at=AT + 30)
    proved(world, AT + 30)
    say(world, cast.admin, withdrawal(two), at=AT + 40)
    before = len([octets for _, octets in world.log if octets is None])
    done = erase_now(world, cast.root, two, at=AT + 50)
    assert "also holds" not in done.sentence and state(world, one, AT + 50) == "active"
    assert len([octets for _, octets in world.log if octets is None]) > before


def test_a_shared_text_erased_once_more_by_its_owner(world: World, cast: Cast) -> None:
    """What a trust root named already and still stays, its owner names again: nothing is changed, nothing is lost."""
    one, two = someone(world), cast.dora
    say(world, cast.root, withdrawal(cast.bert), at=AT)
    say(world, cast.admin, f"{attestation(one)}\n{attestation(two)}", one.certificate, two.certificate, at=AT)
    say(world, one, withdrawal(one), at=AT + 10)
    erase_now(world, cast.root, one, at=AT + 20)
    assert ready(world, one, AT + 30) == ()
    done = say(world, one, erasure(one, *about("attest-ssc", "withdraw-ssc")(world, one.fingerprint)), at=AT + 30)
    assert "also holds other entries" in done.sentence
    say(world, two, withdrawal(two), at=AT + 40)
    erase_now(world, cast.root, two, at=AT + 50)
    assert world.membership.certificates.keys() >= {one.fingerprint}  # the owner's own erase was signed with it


@pytest.mark.parametrize("names", ["both keys", "the new key", "the old key"])
def test_a_replacement_that_turned_out_void(world: World, cast: Cast, names: str) -> None:
    """Key 1 replaced by key 2; key 1 was compromised, so nobody is a member; a text that is refused changes nothing."""
    old = someone(world)
    new = another_key(old, cast)
    world.attest(cast.admin, old, AT)
    text = statement("replace-key", TLD="nl", Email=old.address, Key=new.fingerprint)
    world.submit([world.signed(who, text, AT + 10) for who in (old, new)], new.certificate, at=AT + 10)
    world.submit([], revoked(cast.people, old, COMPROMISED, AT + 20), at=AT + 20)
    say(world, cast.admin, withdrawal(old), at=AT + 30)
    keys = {"both keys": (old, new), "the new key": (new,), "the old key": (old,)}[names]
    before = world.membership
    try:
        erase_now(world, cast.root, *keys, at=AT + 40)
    except Refused as refused:
        assert refused.reason == "others-rest-on-it" and names != "both keys" and world.membership is before
    assert old.address not in world.addresses(AT + 50)


def test_three_keys_one_after_the_other(world: World, cast: Cast) -> None:
    """Key 1 to key 2 to key 3: what is about any one or two of them stays, what is about all three goes, with the log proved throughout."""
    one, two, three = (someone(world), someone(world), someone(world))
    world.attest(cast.admin, one, AT)
    for step, (old, new) in enumerate(((one, two), (two, three)), 1):
        text = statement("replace-key", TLD="nl", Email=one.address, Key=new.fingerprint)
        world.submit([world.signed(who, text, AT + step) for who in (old, new)], new.certificate, at=AT + step)
    say(world, three, statement("withdraw-ssc", TLD="nl", Email=one.address), at=AT + 10)
    for keys in ((one,), (two,), (three,), (one, two), (one, three), (two, three)):
        with pytest.raises(Refused, match="others-rest-on-it"):
            erase_now(world, cast.root, *keys, at=AT + 20)
    assert erase_now(world, cast.root, one, two, three, at=AT + 30).notes == ()
    erase_now(world, cast.root, one, two, at=AT + 40)
    proved(world, AT + 5)
    assert {one.fingerprint, two.fingerprint, three.fingerprint}.isdisjoint(world.membership.certificates)


def test_what_changes_between_two_erasures_in_one_text(world: World, cast: Cast) -> None:
    """A trust root erases a key with its certificate, appoints that key, and erases another's: nobody in office is left without one."""
    one, two = someone(world), someone(world)
    for who in (one, two):
        world.attest(cast.admin, who, AT)
        say(world, who, withdrawal(who), at=AT + 10)
    first, second = (erasure(who, *ready(world, who, AT + 20)) for who in (one, two))
    with pytest.raises(Refused, match=r"not-erasable: line 5: .*too-many|not-erasable: .*somebody who speaks for others"):
        say(world, cast.root, f"{first}\n{appointment(one, 'fr')}\n{second}", at=AT + 20)
    assert one.fingerprint in world.membership.certificates
    say(world, cast.root, f"{first}\n{second}\n{withdrawal(cast.bert)}", at=AT + 30)
    assert world.addresses(AT + 30) == {cast.anna.address, cast.carla.address}


def test_left_and_erased_in_one_text(world: World, cast: Cast) -> None:
    """The withdrawal above the erase is not in the log when the text is made, so it stays, and with it what it rests on."""
    text = f"{withdrawal(cast.anna)}\n{erasure(cast.anna, *about('attest-ssc')(world, cast.anna.fingerprint))}"
    before = world.membership
    with pytest.raises(Refused, match="others-rest-on-it"):
        say(world, cast.root, text, at=AT)
    assert world.membership is before and state(world, cast.anna) == "active"


def test_a_key_retired_after_the_erase(world: World, cast: Cast) -> None:
    """A revocation as superseded comes in for a certificate that an erase kept: it voids nothing, and the log is proved."""
    whom = someone(world)
    world.attest(cast.admin, whom, AT)
    say(world, whom, withdrawal(whom), at=AT + 10)
    erase_now(world, whom, whom, at=AT + 20)
    world.submit([], revoked(cast.people, whom, SUPERSEDED, AT + 30), at=AT + 40)
    assert world.membership.said[-1].standing is Standing.IN_EFFECT
