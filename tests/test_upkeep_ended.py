"""Memberships that end: who is told where the Admin Contact cannot act, and that all whom it concerns are told when it has happened."""

from __future__ import annotations

import pytest
from people import Somebody
from warning_world import DAY, World, until
from warning_world import world as world

from securelist.openpgp.certificate import grouped
from securelist.store import addresses
from securelist.store.database import writing

DAYS = (31, 30, 14, 7, 1, 0, -1, -9)


def appointed(world: World, jan: Somebody) -> Somebody:
    """Jan speaks for .nl from now on, and attests Eva for eighty days, whom this returns."""
    eva = world.person("Eva")
    world.say(world.town.root, "appoint-admin-contact", jan, jan.certificate)
    world.say(jan, "attest-ssc", eva, eva.certificate, Expires=until(80))
    return eva


def lapses(world: World) -> Somebody:
    """Jan's key ends before the attestations do."""
    return world.person("Jan", expires="65d")


def signs_no_more(world: World) -> Somebody:
    """Of Jan's key only the part that signs ends."""
    people, address = world.town.people, "jan-signs@nl.example"
    said = people.gpg("--status-fd", "1", "--quick-gen-key", f"Jan <{address}>", "ed25519", "cert", "0").decode()
    fingerprint = said.split("KEY_CREATED P ")[1].split()[0]
    people.gpg("--quick-add-key", fingerprint, "ed25519", "sign", "65d")
    people.gpg("--quick-add-key", fingerprint, "cv25519", "encr", "0")
    return Somebody("Jan", address, fingerprint, people.export(fingerprint))


def words(text: str) -> str:
    return " ".join(text.split())


# --- an Admin Contact who cannot act -------------------------------------------------------------------------------------------


def test_a_lapsed_admin_contact_does_not_take_the_members_along_in_silence(world: World) -> None:
    """From when nothing can be encrypted to them on, the Secretariat hears of each membership that ends, at each stage and at the end."""
    jan, root = lapses(world), world.town.root
    eva = appointed(world, jan)
    told = {days: world.told(eva, jan, root, ends=world.expires(eva), days=days) for days in (30, 14, 7, 1, 0, -1)}
    assert told == {30: [1, 1, 0], **{days: [1, 0, 1] for days in (14, 7, 1, 0)}, -1: [0, 0, 0]}
    mine, theirs = world.letters(eva), world.letters(root)
    assert "with a letter like this. Call them." in words(mine[0].text) and "the Secretariat" not in words(mine[0].text)
    assert [one.subject for one in theirs[-4:]] == [
        "In 14 days memberships end",
        "In 7 days memberships end",
        "Within a day memberships end",
        "Memberships have ended",
    ]
    for letter in mine[1:]:
        said = words(letter.text)
        assert f"Your Admin Contact, {jan.name}, {jan.address}, cannot renew it now: the key has expired" in said
        assert "Call them" not in said and "tld-ops-owner@lists.example.org" in said
    for letter in theirs[-4:]:
        assert f"Eva <{eva.address}>, .nl. Admin Contact: Jan, {jan.address}; the key has expired" in words(letter.text)


def test_who_speaks_for_a_cctld_and_extends_the_key_gets_the_text_at_once(world: World) -> None:
    """What could not be sent to them counts as not told."""
    jan = lapses(world)
    eva = appointed(world, jan)
    ends = world.expires(eva)
    assert world.told(jan, ends=ends, days=10) == [0]
    world.town.people.gpg("--quick-set-expire", jan.fingerprint, "2y")
    world.town.people.gpg("--quick-set-expire", jan.fingerprint, "2y", "*")
    world.renew(jan)
    world.warn(round(ends - 9.5 * DAY))
    (letter,) = world.new(jan)
    assert f"Key: {grouped(eva.fingerprint)}\n" in letter.text


def test_an_admin_contact_whose_key_signs_no_more_is_told_to_extend_it_first(world: World) -> None:
    """They can read the letter, but not do what it asks: it says so, with the commands, and the Secretariat hears as well."""
    jan, root = signs_no_more(world), world.town.root
    eva = appointed(world, jan)
    ends = world.expires(eva)
    assert [world.told(eva, jan, root, ends=ends, days=days) for days in (30, 14, 7, 1)] == [[1, 1, 0], *[[1, 1, 1]] * 3]
    before, *after = world.letters(jan)
    assert "sign nothing now" not in before.text and len(after) == 3
    assert all("your key can sign nothing now. Extend it first" in words(letter.text) for letter in after)
    assert all("gpg --quick-set-expire" in letter.text and max(map(len, letter.lines)) <= 78 for letter in after)
    assert "cannot renew it now: the key can sign nothing now" in words(world.letters(eva)[-1].text)


def test_where_no_mail_reaches_the_admin_contact_the_secretariat_is_told(world: World) -> None:
    """Mail goes to them all the same, at each stage; the trust roots hear from when no address works any more."""
    jan, root = world.person("Jan"), world.town.root
    eva = appointed(world, jan)
    ends = world.expires(eva)
    assert world.told(eva, root, ends=ends, days=30) == [1, 0]
    with writing(world.house.engine) as connection:
        addresses.mark(connection, jan.address.upper(), "550 nobody of that name", world.now, by_report=True)
    assert [world.told(eva, root, ends=ends, days=days) for days in (14, 7, 1)] == [[1, 1]] * 3
    assert "no mail arrives at theirs" in words(world.letters(eva)[-1].text)
    assert "no mail arrives at theirs" in words(world.letters(root)[-1].text)


# --- what has ended --------------------------------------------------------------------------------------------------------------


def erik(world: World, **how: str) -> Somebody:
    who = world.person("Erik", **how)
    world.attest(who, Expires=until(60))
    return who


def test_whose_membership_has_ended_is_told_so_once_and_so_is_the_admin_contact(world: World) -> None:
    """Who is a member no more can still read it; the Admin Contact's letter has the text, and signing it makes them a member again."""
    who, admin = erik(world), world.town.admin
    ends = world.expires(who)
    assert [world.told(who, admin, ends=ends, days=days) for days in DAYS[:5]] == [[0, 0], *[[1, 1]] * 4]
    world.warn(ends)
    (mine,), (theirs,) = world.new(who), world.new(admin)
    assert (mine.subject, theirs.subject) == ("Your membership has ended", "Memberships have ended that you attested")
    assert f"until {until(60)}: it has ended. Whom to ask: {admin.name}, {admin.address}" in words(mine.text)
    assert "until somebody attests you anew, you get no posts" in words(mine.text) and "After that" not in mine.text
    assert f"Until {until(60)}, it has ended: Erik <{who.address}>, .nl" in words(theirs.text)
    assert [world.told(who, admin, ends=ends, days=days) for days in (-0.5, -1, -3, -7, -8)] == [[0, 0]] * 5
    assert world.mail(admin, theirs.text[theirs.text.index("Securelist-Statement:") :])["verdict"] == "accept"
    assert world.expires(who) == ends + 365 * DAY


@pytest.mark.parametrize(("days", "expected"), [(-5, [1, 1]), (-6.9, [1, 1]), (-7, [0, 0]), (-20, [0, 0])])
def test_a_server_that_was_down_tells_within_a_week(world: World, days: float, expected: list[int]) -> None:
    """Of what ended longer ago nothing is told."""
    who = erik(world)
    assert world.told(who, world.town.admin, ends=world.expires(who), days=days) == expected
    assert world.remembered() == sum(expected)
    world.told(who, ends=world.expires(who), days=-16)
    assert world.remembered() == 0


def test_one_letter_a_day_holds_for_what_has_ended(world: World) -> None:
    """Told of the end half a day before: the next letter waits until a day is over, and then says that it has ended."""
    who = erik(world)
    ends = world.expires(who)
    assert [world.told(who, ends=ends, days=days) for days in (0.5, 0, -0.4, -0.5, -1.5)] == [[1], [0], [0], [1], [0]]


def test_of_a_former_member_who_cannot_read_it_the_admin_contact_hears(world: World) -> None:
    """A key that lapsed before: nothing can be encrypted to it, and nothing goes in clear."""
    who = erik(world, expires="10d")
    ends = world.expires(who)
    assert [world.told(who, world.town.admin, ends=ends, days=days) for days in (0, -1)] == [[0, 1], [0, 0]]
