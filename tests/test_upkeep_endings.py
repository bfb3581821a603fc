"""What ends, and when: of real certificates and a real log, asked on the days before; and whom it concerns."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from people import People, Somebody
from trust_story import certify
from trust_world import BASE, BORN, DAY, LIST, Cast, World, certificate_of

from securelist.openpgp.list_key import ListKey
from securelist.trust.anchor import Anchor
from securelist.trust.membership import Membership
from securelist.upkeep.advice import subkeys_to_extend
from securelist.upkeep.endings import Ending, Kind, Whose, concerned, ended_within, ending_within, endings
from securelist.upkeep.speakers import Speakers
from securelist.upkeep.warnings import stage_of

# Keys that end are made with this many days; a statement's `Expires` names the beginning of a day.
LIFE = 300
END = BORN + LIFE * DAY
MIDNIGHT = END - END % DAY
ENTERED = BASE + 10 * DAY


@dataclass(frozen=True)
class Case:
    """Something that ends at `ends`: the list it is in, and whom it concerns."""

    membership: Membership
    anchor: Anchor
    kind: Kind
    whose: Whose
    fingerprint: str
    ends: int
    concerned: set[str]

    def whom(self, ending: Ending, membership: Membership | None = None, dead: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Whom it concerns a day before it ends."""
        return concerned(ending, Speakers(membership or self.membership, dead, self.ends - DAY))

    def found(self, at: int) -> list[Ending]:
        """What ends within thirty days of what this case is about."""
        return [one for one in ending_within(self.membership, self.anchor, at) if one.about.fingerprint == self.fingerprint]


def of_member(world: World, who: Somebody, kind: Kind, ends: int, others: tuple[str, ...] = ()) -> Case:
    return Case(world.membership, world.cast.anchor, kind, Whose.MEMBER, who.fingerprint, ends, {who.fingerprint, *others})


def joined(world: World, who: Somebody) -> Somebody:
    """Somebody who becomes a member for longer than their key lasts."""
    until = datetime.fromtimestamp(END + 60 * DAY, UTC)
    world.attest(world.cast.admin, who, ENTERED, Expires=f"{until:%Y-%m-%d}")
    return who


def whole(world: World) -> Case:
    """A member whose key ends, gpg's way: primary key and subkey on the same second."""
    return of_member(world, joined(world, made(world, expires=f"{LIFE}d")), Kind.CERTIFICATE, END)


def encryption(world: World) -> Case:
    """A member whose subkey ends, and the primary key never."""
    who = made(world)
    people, subkey = world.cast.people, certificate_of(who.certificate).keys[1].fingerprint
    people.gpg("--quick-set-expire", who.fingerprint, f"{LIFE}d", subkey, at=BORN + 1)
    return of_member(world, joined(world, renewed(people, who)), Kind.ENCRYPTION, END + 1)


def signing(world: World) -> Case:
    """A member who signs with a subkey that ends; the primary key only certifies."""
    people, address = world.cast.people, "signing@nl.example"
    said = people.gpg("--status-fd", "1", "--quick-gen-key", f"Sign <{address}>", "ed25519", "cert", "0", at=BORN).decode()
    fingerprint = said.split("KEY_CREATED P ")[1].split()[0]
    people.gpg("--quick-add-key", fingerprint, "ed25519", "sign", f"{LIFE}d", at=BORN)
    people.gpg("--quick-add-key", fingerprint, "cv25519", "encr", "0", at=BORN)
    return of_member(world, joined(world, Somebody("Sign", address, fingerprint, people.export(fingerprint))), Kind.SIGNING, END)


def attested(world: World) -> Case:
    """A member who was attested until a day."""
    who, admin = made(world), world.cast.admin
    world.attest(admin, who, ENTERED, Expires=f"{datetime.fromtimestamp(MIDNIGHT, UTC):%Y-%m-%d}")
    return of_member(world, who, Kind.ATTESTATION, MIDNIGHT, (admin.fingerprint,))


def certified(world: World) -> Case:
    """A member whose key the Admin Contact certified for some days."""
    who, days = made(world), 200
    world.submit((), certify(world, "admin", who, "nl", at=ENTERED, ends=f"{days}d"), at=ENTERED + 5)
    return of_member(world, who, Kind.CERTIFICATION, ENTERED + days * DAY, (world.cast.admin.fingerprint,))


def contact(world: World) -> Case:
    """An Admin Contact whose key ends; the Secretariat hears."""
    who = made(world, expires=f"{LIFE}d")
    world.appoint(who, "be", ENTERED)
    roots = {root.fingerprint for root in world.cast.roots}
    return Case(world.membership, world.cast.anchor, Kind.CERTIFICATE, Whose.CONTACT, who.fingerprint, END, {who.fingerprint, *roots})


def root(world: World) -> Case:
    """A trust root whose file says that the key ends; the other root hears, too."""
    people, mine = world.cast.people, world.cast.root2
    home = people.home / "root2"  # everybody else's second trust root has no end
    home.mkdir(mode=0o700)
    other = People(home)
    other.gpg("--import", data=people.gpg("--export-secret-keys", mine.fingerprint))
    other.gpg("--quick-set-expire", mine.fingerprint, f"{LIFE}d", at=BORN + 1)
    given = certificate_of(other.export(mine.fingerprint))
    other.close()
    anchor = replace(world.cast.anchor, roots=(world.cast.anchor.roots[0], given))
    all_roots = {one.fingerprint for one in world.cast.roots}
    return Case(world.membership, anchor, Kind.CERTIFICATE, Whose.ROOT, mine.fingerprint, END + 1, all_roots)


def list_key(world: World) -> Case:
    """The list's own key, which somebody made with an end."""
    home = world.cast.people.home / "ends"
    key = ListKey.create(home, "tld-ops", LIST)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quick-set-expire", key.fingerprint, "40d"]
    subprocess.run(gpg, check=True, capture_output=True)
    certificate = certificate_of(key.certificate())
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
    anchor, ends = replace(world.cast.anchor, certificates=(certificate,)), certificate.primary.expires or 0
    roots = {one.fingerprint for one in world.cast.roots}
    return Case(world.membership, anchor, Kind.CERTIFICATE, Whose.LIST, key.fingerprint, ends, roots)


_numbers = itertools.count(1)


def made(world: World, expires: str = "0") -> Somebody:
    """Somebody new, whose key is as old as everybody's."""
    return world.cast.people.make("Erna", f"erna{next(_numbers)}@nl.example", at=BORN, expires=expires)


def renewed(people: People, who: Somebody) -> Somebody:
    return replace(who, certificate=people.export(who.fingerprint))


THINGS: tuple[Callable[[World], Case], ...] = (whole, encryption, signing, attested, certified, contact, root, list_key)


@pytest.fixture(scope="module")
def cases(_peopled: World) -> Iterator[dict[str, Case]]:
    """One of each, each in a list of its own."""
    yield {make.__name__: make(World(_peopled.cast, _peopled.membership)) for make in THINGS}


@pytest.mark.parametrize("thing", [make.__name__ for make in THINGS])
def test_what_ends_is_known_thirty_days_before_and_no_longer_once_it_has(cases: dict[str, Case], thing: str) -> None:
    """One ending, of the right kind and at the right second: not 31 days ahead, on 30, 14, 7 and 1, and not on the day itself."""
    case = cases[thing]
    for days, expected in ((31, 0), (30, 1), (14, 1), (7, 1), (1, 1), (0, 0)):
        found = case.found(case.ends - days * DAY)
        assert [(one.kind, one.whose, one.ends) for one in found] == [(case.kind, case.whose, case.ends)] * expected, days
        assert all(one.days(case.ends - days * DAY) == days for one in found)


@pytest.mark.parametrize("thing", [make.__name__ for make in THINGS])
def test_whom_it_concerns(cases: dict[str, Case], thing: str) -> None:
    """Its owner, and whoever must act or hears of it; nobody twice."""
    case = cases[thing]
    (ending,) = case.found(case.ends - DAY)
    whom = case.whom(ending)
    assert (set(whom), len(whom)) == (case.concerned, len(case.concerned))


@pytest.mark.parametrize("thing", [make.__name__ for make in THINGS])
def test_at_which_stages_people_are_told(cases: dict[str, Case], thing: str) -> None:
    """Everybody at 30, 14, 7 and 1 days, but the Secretariat of an Admin Contact's key at 7 and 1; when it is over, of memberships only."""
    case = cases[thing]
    (ending,) = case.found(case.ends - DAY)
    others = case.concerned - {case.fingerprint} if thing == "contact" else set()
    for whom in case.concerned:
        stages = [stage_of(ending, whom, case.ends - days * DAY) for days in (31, 30, 29, 14, 8, 7, 2, 1, 0)]
        over = 0 if thing in ("attested", "certified") else None
        assert stages == ([None] * 5 + [7, 7, 1, over] if whom in others else [None, 30, 30, 14, 14, 7, 7, 1, over])


def test_where_nobody_speaks_for_a_cctld_the_secretariat_must_act(cases: dict[str, Case], peopled: World) -> None:
    """The attestation of a ccTLD whose Admin Contact was dismissed concerns the member and all trust roots."""
    case = cases["attested"]
    nobody = {"nl": replace(case.membership.admin_contacts["nl"], dismissed=99)}
    (ending,) = case.found(case.ends - DAY)
    roots = {one.fingerprint for one in peopled.cast.roots}
    assert set(case.whom(ending, replace(case.membership, admin_contacts=nobody))) == {case.fingerprint} | roots


def test_where_no_mail_reaches_who_speaks_for_a_cctld_the_secretariat_must_act(cases: dict[str, Case], peopled: World) -> None:
    """Once none of the Admin Contact's addresses works; they still hear of it, and so do all trust roots."""
    case, admin = cases["attested"], peopled.cast.admin
    (ending,) = case.found(case.ends - DAY)
    roots = {one.fingerprint for one in peopled.cast.roots}
    assert set(case.whom(ending, dead=("anna@nl.example",))) == case.concerned
    assert set(case.whom(ending, dead=(admin.address,))) == case.concerned | roots


@pytest.mark.parametrize("thing", ["attested", "certified"])
def test_what_has_ended_is_known_for_a_week(cases: dict[str, Case], thing: str) -> None:
    """From the very second on: not before, and not eight days after. A certificate that ended is not among it."""
    case = cases[thing]
    for after, expected in ((-1, 0), (0, 1), (DAY, 1), (7 * DAY - 1, 1), (7 * DAY, 0), (8 * DAY, 0)):
        found = [one for one in ended_within(case.membership, case.ends + after) if one.about.fingerprint == case.fingerprint]
        assert [(one.kind, one.ends, one.days(case.ends + after)) for one in found] == [(case.kind, case.ends, 0)] * expected, after
    assert ended_within(cases["whole"].membership, END + DAY) == ()


def test_whoever_was_attested_anew_has_not_dropped_out(cases: dict[str, Case]) -> None:
    """By another address with the same key, or by another key at the same address; for another ccTLD does not count."""
    case = cases["attested"]
    (old,) = [one for one in case.membership.attestations.values() if one.fingerprint == case.fingerprint]
    later, other = old.expires + 90 * DAY, replace(old.person, emails=("new@nl.example",))
    anew = {
        "another address": (replace(old, person=other, expires=later), 0),
        "another key": (
            replace(old, person=replace(other, emails=(*other.emails, old.person.emails[0])), fingerprint="F" * 40, expires=later),
            0,
        ),
        "another ccTLD": (replace(old, cctld="be", person=other, expires=later), 1),
    }
    for name, (attestation, expected) in anew.items():
        known = {**case.membership.attestations, (attestation.cctld, attestation.address): attestation}
        assert len(ended_within(replace(case.membership, attestations=known), case.ends + DAY)) == expected, name


def test_what_has_no_end_is_no_ending_and_what_ends_first_comes_first(cases: dict[str, Case], peopled: World) -> None:
    """Of keys without an end nothing is said; attestations all end, a year after the signature where nothing else was said."""
    found = endings(peopled.membership, peopled.cast.anchor, BASE + 3 * DAY)
    assert {(one.kind, one.about.name) for one in found} == {(Kind.ATTESTATION, name) for name in ("Anna", "Bert", "Carla")}
    everything = endings(cases["attested"].membership, cases["attested"].anchor, BASE + 20 * DAY)
    assert [one.ends for one in everything] == sorted(one.ends for one in everything) and everything[0].about.name == "Erna"
    assert everything[0].clause == f"the attestation of Erna <{everything[0].about.address}>, member of .nl"
    assert len(everything[0].what) <= 160


def test_before_the_founding_nothing_ends(unfounded: World) -> None:
    """There is nobody to be told yet."""
    assert endings(unfounded.membership, unfounded.cast.anchor, BASE) == ()


def test_former_subkeys_are_left_alone(cast: Cast, people: People) -> None:
    """Of two encryption subkeys the one that is in use is extended; once both have ended, the one that ended last."""
    who = people.make("Rolls", "rolls@nl.example", at=BORN, encryption=None)
    for days in ("100d", "200d"):
        people.gpg("--quick-add-key", who.fingerprint, "cv25519", "encr", days, at=BORN)
    certificate = certificate_of(people.export(who.fingerprint))
    first, last = (key.fingerprint for key in sorted(certificate.keys[1:], key=lambda key: key.expires or 0))
    at = {"both": BORN + 50 * DAY, "one": BORN + 150 * DAY, "none": BORN + 250 * DAY}
    found = {when: set(subkeys_to_extend(certificate, moment)) for when, moment in at.items()}
    assert found == {"both": {first, last}, "one": {last}, "none": {last}}


@pytest.fixture(autouse=True, scope="module")
def no_agents(people: People) -> Iterator[Path]:
    """Homes within the people's own go with it."""
    yield people.home
    for home in ("root2", "ends"):
        subprocess.run(["gpgconf", "--homedir", str(people.home / home), "--kill", "all"], capture_output=True, check=False)
