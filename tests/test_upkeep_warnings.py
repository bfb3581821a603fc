"""Warnings: four times, in one letter a day, with commands that do what they say; about members', contacts', roots' and the list's keys."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from people import Somebody
from town import LIST, member
from warning_world import DAY, World, commands, until
from warning_world import folder as folder
from warning_world import world as world

from securelist.installation import Installation
from securelist.openpgp.admission import read_certificate, split_certificates
from securelist.openpgp.certificate import grouped
from securelist.upkeep.advice import extend
from securelist.upkeep.endings import Whose, ending_within
from securelist.upkeep.warnings import Warnings


def dora(world: World, expires: str = "60d") -> Somebody:
    """A member with a key that ends."""
    who = world.person("Dora", expires=expires)
    world.attest(who)
    return who


# --- a member's key ---------------------------------------------------------------------------------------------------------


def test_four_warnings_and_then_none(world: World) -> None:
    """At 30, 14, 7 and 1 days, whatever rounds there are in between; not before, and not when it has happened. To nobody else."""
    who, anna = dora(world), member(world.town, "Anna")
    days = (40, 31, 30.5, 30, 29, 20, 14, 13, 8, 7, 3, 1, 0.5, 0, -2, -9)
    told = {day: world.told(who, anna, world.town.admin, ends=world.ends(who), days=day) for day in days}
    assert [day for day in days if told[day][0]] == [30, 14, 7, 1]
    assert all(told[day] == [1 if day in (30, 14, 7, 1) else 0, 0, 0] for day in days)
    assert world.remembered() == 0  # what is over is forgotten


def test_what_the_letter_says(world: World) -> None:
    """Whose key, which day, what comes of it, and the commands for this very key; encrypted, with nothing in the header."""
    who = dora(world)
    ends = world.ends(who)
    world.warn(ends - 14 * DAY)
    (letter,) = world.new(who)
    assert (letter.subject, letter.outer["Subject"], letter.outer["Auto-Submitted"]) == (
        "In 14 days your key ends",
        "[...]",
        "auto-generated",
    )
    words = " ".join(letter.text.split())
    assert f"On {datetime.fromtimestamp(ends, UTC):%Y-%m-%d}, in 14 days: all of it" in words
    assert grouped(who.fingerprint) in letter.text and "You would get no posts, and could send none." in words
    assert "attest nobody" not in words and "Change Expiration Date" in words and "sq 0.27" in words
    assert f"gpg --quick-set-expire {who.fingerprint} 2y\n" in letter.text
    assert f"sq key expire --expiration 2y \\\n        --cert {who.fingerprint}\n" in letter.text
    assert max(map(len, letter.lines)) <= 78


def test_a_server_that_was_down_tells_once(world: World) -> None:
    """Who would have been told at 30, 14 and 7 days is told once, five days ahead, and then on the last day."""
    who = dora(world)
    told = [world.told(who, ends=world.ends(who), days=days) for days in (5, 4, 2, 1, 0.2)]
    assert told == [[1], [0], [0], [1], [0]]


def test_four_processes_write_one_letter(world: World) -> None:
    """Whoever makes the round at the same moment."""
    who = dora(world)
    at = world.now = world.ends(who) - 14 * DAY
    houses = [Installation(world.town.home) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda house: Warnings(house).round(at), houses))
    assert len(world.new(who)) == 1


def test_one_letter_a_day_however_much_ends(world: World) -> None:
    """A key, and some hours later the membership: one letter lists both, and what comes due within a day of one waits until it is over."""
    who = world.person("Dora", expires="60d")
    world.attest(who, Expires=until(61))
    ends, said = (
        world.ends(who),
        max(one.expires for one in world.house.membership().members(world.now) if one.fingerprint == who.fingerprint),
    )
    assert 0 < said - ends < DAY
    world.warn(ends - 30 * DAY)
    (first,) = world.new(who)
    assert "your membership" not in first.subject and "Your key for tld-ops ends" in first.text
    world.warn(said - 30 * DAY)  # some hours later
    assert world.new(who) == []
    world.warn(ends - 29 * DAY)
    (second,) = world.new(who)
    assert "So long your Admin Contact has vouched for you" in second.text and "gpg --quick-set-expire" in second.text
    assert world.told(who, ends=said, days=14) == [1]
    assert world.told(who, ends=said, days=13) == [0]


def test_whoever_cannot_be_written_to_is_not_taken_for_told(world: World) -> None:
    """A key that encrypts nothing any more, and an attestation that ends: nothing is written, and nothing is remembered."""
    who = world.person("Dora", expires="2d")
    world.attest(who, Expires=until(20))
    world.warn(world.ends(who) + 5 * DAY)
    assert world.new(who) == []
    assert world.remembered() == 1  # of the Admin Contact, who got the text to sign


def test_a_process_that_was_killed_before_it_remembered_a_letter_does_not_write_it_again(world: World) -> None:
    """Not on the day after either; but what has come to be due since is told."""
    who = dora(world)
    midnight = -(-(world.ends(who) - 14 * DAY + 60) // DAY) * DAY
    world.warn(midnight - 60)
    assert len(world.new(who)) == 1
    world.forget()
    world.warn(midnight + 60)
    assert (world.new(who), world.remembered()) == ([], 1)
    world.forget()
    world.attest(who, Expires=until(55))
    world.warn(midnight + 120)
    (letter,) = world.new(who)
    assert "vouched for you" in letter.text


# --- renewal, by what the letter says ------------------------------------------------------------------------------------------


def test_the_gpg_commands_of_the_letter_renew_the_key(world: World, folder: Path) -> None:
    """Typed as they stand, and mailed in one signed mail: both parts of the key last two years, and there is no further warning."""
    who = dora(world)
    ends = world.ends(who)
    world.warn(ends - 14 * DAY)
    (letter,) = world.new(who)
    world.type_(commands(letter.text, "gpg --quick-set-expire"), folder)
    assert world.mail(who, "renewed\n", folder / "renewed.asc")["verdict"] == "accept"
    renewed = world.house.membership().certificates[who.fingerprint]
    for capability in "es":
        assert (renewed.until(capability, int(time.time())) or 0) > time.time() + 729 * DAY
    told = [world.told(who, ends=ends, days=days) for days in (7, 1)]
    assert told == [[1], [0]]  # the receipt of the renewal is all that came


def test_a_key_whose_subkey_has_ended_is_renewed_by_the_same_commands(world: World, folder: Path) -> None:
    """Where the primary key has no end it gets none; the subkey that ended is named, because gpg passes over it otherwise."""
    people, who = world.town.people, world.person("Dora")
    subkey = read_certificate(split_certificates(who.certificate)[0]).keys[1].fingerprint
    people.gpg("--quick-set-expire", who.fingerprint, "seconds=1", subkey)
    time.sleep(2)
    ended = read_certificate(split_certificates(people.export(who.fingerprint))[0])
    assert not ended.can_encrypt(int(time.time()))
    world.type_("\n".join(extend(ended, int(time.time())).gpg), folder)
    renewed = read_certificate(split_certificates((folder / "renewed.asc").read_bytes())[0])
    assert renewed.primary.expires is None and renewed.can_encrypt(int(time.time()) + 700 * DAY)


def test_gpg_is_not_advised_for_a_key_that_it_cannot_extend(world: World, folder: Path) -> None:
    """gpg changes nothing in the end of a key that sq made, and says that it has: the letter says so, and shows sq."""
    home = folder / "gpg"
    home.mkdir(mode=0o700)
    made = ["sq", "key", "generate", "--userid", "Sabine <sabine@nl.example>", "--expires-in", "60d", "--export", "key.asc"]
    subprocess.run(made, cwd=folder, check=True, capture_output=True)
    certificate = subprocess.run(["sq", "key", "extract-cert", "key.asc"], cwd=folder, check=True, capture_output=True).stdout
    read = read_certificate(split_certificates(certificate)[0])
    world.type_(f"gpg --import key.asc\ngpg --quick-set-expire {read.fingerprint} 2y\ngpg --export --armor > after.asc", folder, home)
    after = read_certificate(split_certificates((folder / "after.asc").read_bytes())[0])
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    assert after.primary.expires == read.primary.expires  # if not, gpg has learned it
    advice = extend(read, int(time.time()))
    assert advice.gpg == () and len([line for line in advice.sq if line.startswith("sq key")]) == 3
    sabine = Somebody("Sabine", "sabine@nl.example", read.fingerprint, certificate)
    world.town.people.gpg("--import", data=(folder / "key.asc").read_bytes())
    world.attest(sabine)
    world.warn(world.ends(sabine) - 14 * DAY)
    (letter,) = world.new(sabine)
    assert "gpg cannot extend it" in " ".join(letter.text.split()) and "gpg --quick-set-expire" not in letter.text


# --- attestations ----------------------------------------------------------------------------------------------------------------


def test_an_attestation_is_renewed_by_signing_what_the_letter_holds(world: World) -> None:
    """Member and Admin Contact are told, four times; the text at the letter's end, signed, is worth a year more than the former one."""
    who, admin = world.person("Erik"), world.town.admin
    world.attest(who, Expires=until(60))
    ends = next(one.expires for one in world.house.membership().members(world.now) if one.fingerprint == who.fingerprint)
    told = [world.told(who, admin, ends=ends, days=days) for days in (31, 30, 14, 7)]
    assert told == [[0, 0], [1, 1], [1, 1], [1, 1]]
    world.warn(ends - DAY)
    (mine,), (theirs,) = world.new(who), world.new(admin)
    assert mine.subject == "Within a day your membership ends" and "Securelist-Statement" not in mine.text
    assert f"Whom to ask: {admin.name}, {admin.address}" in " ".join(mine.text.split())
    assert theirs.subject == "Within a day memberships end that you attested"
    text = theirs.text[theirs.text.index("Securelist-Statement:") :]
    assert f"Key: {grouped(who.fingerprint)}\n" in text and "Phone: +31 6 1234 5678\n" in text
    assert world.mail(admin, text)["verdict"] == "accept"
    (renewed,) = [one for one in world.house.membership().members(world.now) if one.fingerprint == who.fingerprint]
    assert renewed.expires == ends + 365 * DAY and renewed.phones == ("+31 6 1234 5678",)


def test_a_certification_is_made_again_by_the_commands_of_the_letter(world: World, folder: Path) -> None:
    """The member's certificate comes along; the notation and both keys are filled in, and what comes out renews the membership."""
    people, admin, who = world.town.people, world.town.admin, world.person("Greta")
    noted = ("--cert-notation", "cctld@lists.example.org=nl", "--default-cert-expire", "60d")
    people.gpg("--default-key", admin.fingerprint, *noted, "--quick-sign-key", who.fingerprint)
    world.renew(who)
    ends = next(one.expires for one in world.house.membership().members(world.now) if one.fingerprint == who.fingerprint)
    world.warn(ends - 7 * DAY)
    (letter,) = world.new(admin)
    assert list(letter.attached) == [f"{who.fingerprint}.asc"]
    time.sleep(1)  # a certification made in the same second as another is the other
    world.type_(commands(letter.text, "gpg --default-key"), folder)
    assert world.mail(admin, "certified\n", folder / "certified.asc")["verdict"] == "accept"
    (renewed,) = [one for one in world.house.membership().members(world.now) if one.fingerprint == who.fingerprint]
    assert ends + 300 * DAY < renewed.expires < ends + 310 * DAY


def test_an_admin_contact_whose_key_lapses_takes_nobody_with_them(world: World) -> None:
    """They are told four times, the Secretariat at 7 and 1 days; then it ends: their members go on, and who they are is still known."""
    town, jan = world.town, world.person("Jan", expires="60d")
    world.say(town.root, "appoint-admin-contact", jan, jan.certificate)
    three = [world.person(name) for name in ("Eva", "Finn", "Gerda")]
    for one in three:
        world.say(jan, "attest-ssc", one, one.certificate)
    ends = world.ends(jan)
    told = [world.told(jan, town.root, *three, ends=ends, days=days) for days in (31, 30, 14, 7, 1, 0, -5)]
    assert told == [[0] * 5, [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [0] * 5, [0] * 5]
    last = world.letters(town.root)[-1]
    assert last.subject == "Within a day the key of an Admin Contact ends" and f"Jan <{jan.address}>, .nl" in last.text
    states = {one.fingerprint: one.state for one in world.house.membership().members(ends + 5 * DAY)}
    assert {states[one.fingerprint] for one in three} == {"active"}


# --- everything of one person, and the list's key ------------------------------------------------------------------------------


def test_who_is_member_admin_contact_and_trust_root_gets_one_letter(world: World) -> None:
    """The end of one key that somebody has for everything is one thing, told once, with all that comes of it."""
    town, house = world.town, world.house
    jan = world.person("Jan", expires="60d")
    roots = f"Securelist-Statement: replace-roots\nList: {LIST}\nRoot: {town.root.fingerprint}\nRoot: {jan.fingerprint}\n"
    town.submit(town.root, roots, jan.certificate)
    world.say(town.root, "appoint-admin-contact", jan, jan.certificate)
    world.say(jan, "attest-ssc", jan, jan.certificate)
    ends = world.ends(jan)
    found = ending_within(house.membership(), house.anchor, ends - 30 * DAY)
    assert {one.whose for one in found if one.about.fingerprint == jan.fingerprint} == {Whose.MEMBER, Whose.CONTACT, Whose.ROOT}
    world.warn(ends - 30 * DAY)
    (letter,) = world.new(jan)
    assert letter.text.count("all of it") == 1 and letter.text.count("--quick-set-expire") == 2
    assert "You would get no posts" in letter.text and "attest nobody" in letter.text and "sign nothing for the" in letter.text
    (heard,) = world.new(town.root)
    assert heard.subject == "In 30 days the key of a trust root ends" and jan.address in heard.text


def test_the_lists_key_near_its_end(world: World, folder: Path) -> None:
    """The trust roots are told; the operator types what the letter holds; the process that runs takes the extended key up by itself:
    what it sends out, and what it signs, has the new end."""
    town, house, home = world.town, world.house, world.town.home / "gnupg"
    for subkeys in ((), ("*",)):
        world.type_(f"gpg --homedir {home} --quick-set-expire {town.key} 60d {' '.join(map(repr, subkeys))}", folder)
    before = house.list_certificate.primary.expires or 0
    assert 59 * DAY < before - time.time() < 61 * DAY
    told = [world.told(town.root, town.admin, member(town, "Anna"), ends=before, days=days) for days in (31, 30, 14, 7, 1)]
    assert told == [[0, 0, 0], *([[1, 0, 0]] * 4)]
    letter = world.letters(town.root)[-1]
    assert letter.subject == "Within a day the list's key ends" and grouped(town.key) in letter.text
    world.type_(commands(letter.text, "gpg --homedir"), folder)
    after = house.list_certificate
    for capability in "es":
        assert (after.until(capability, int(time.time())) or 0) > time.time() + 1800 * DAY
    assert after.fingerprint == town.key
    asked = world.mail(town.root, "sendkey\n")
    assert asked["verdict"] == "accept"
    (sent,) = [one for one in world.letters(town.root) if one.subject.startswith("The certificate of")]
    mailed = read_certificate(split_certificates(sent.attached["list.asc"])[0])
    assert mailed.primary.expires == after.primary.expires
    assert world.told(town.root, ends=before, days=0.5) == [1]  # what was asked for, and no warning


def test_what_is_told_once_is_told_to_each_by_their_own_key(world: World) -> None:
    """Two members whose keys end on the same day: each gets one letter, about their own key and nobody else's."""
    first, second = (dora(world) for _ in range(2))
    world.warn(world.ends(first) - 7 * DAY)
    for who, other in ((first, second), (second, first)):
        (letter,) = world.new(who)
        assert who.fingerprint in letter.text and other.fingerprint not in letter.text
