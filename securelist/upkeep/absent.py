"""Members whom posts do not reach: a notice to them of what they missed, and to whoever can do something about it.

A notice holds nothing of a post, and goes in clear to all their addresses: there is no key to encrypt it to. What is due follows
from who can be reached, the queue, and the table of absences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby

from sqlalchemy.exc import IntegrityError

from securelist.addressees import Addressees
from securelist.installation import Installation
from securelist.letters import Addressee, Facts, Verbatim
from securelist.mail.addresses import same_address
from securelist.openpgp.certificate import Certificate
from securelist.procedures.dates import day, minute
from securelist.procedures.each import each
from securelist.store import absent, addresses
from securelist.store.absent import Absence, Key, Lost, Unheard
from securelist.store.database import reading, writing
from securelist.store.queue import NOT_TAKEN
from securelist.store.retention import DAY_S
from securelist.trust.membership import ACTIVE, UNREACHABLE, Member, Membership
from securelist.upkeep.advice import YEARS, Advice, extend, subkeys_to_extend
from securelist.upkeep.readiness import Standing, readiness

# A post a minute in an incident must not be a mail a minute to somebody who cannot read it.
NOTICE_EVERY_S = 3600
CONTACT_EVERY_S = 7 * DAY_S
# Whoever becomes unreachable within a day of such a letter comes into the next one, and not into a letter of their own.
CONTACT_AT_MOST_EVERY_S = DAY_S


class Absent:
    """Tells the unreachable members of one installation, and those who can call them."""

    def __init__(self, house: Installation) -> None:
        self._house, self._people = house, Addressees(house)

    def round(self, at: int) -> None:
        """Writes what is due at `at` (Unix seconds), and forgets who left, or is reached again and was told. Raises TryAgain."""
        standings = {(one.member.cctld, one.member.fingerprint): one for one in readiness(self._house, at)}
        away = {key: one for key, one in standings.items() if one.member.state == UNREACHABLE}
        self._keep(away, standings, at)
        with reading(self._house.engine) as connection:
            known, missed = absent.absences(connection), absent.missed(connection)
        membership = self._house.membership()
        each((key for key in known if key in away), lambda key: self._notice(known[key], away[key], missed.get(key), membership, at))
        here = [(known[key], away[key]) for key in known if key in away]
        each(_by_cctld(here), lambda pair: self._tell_of(*pair, at))

    def _keep(self, away: Mapping[Key, Standing], standings: Mapping[Key, Standing], at: int) -> None:
        """The table has who is away; a suspended member stays in it, and is told nothing meanwhile."""
        with reading(self._house.engine) as connection:
            known = absent.absences(connection)
        # An address that was marked by a clock that was ahead does not hide what is posted until then.
        new = [Absence(*key, min(one.since, at)) for key, one in away.items() if key not in known]
        if new:
            with suppress(IntegrityError), writing(self._house.engine) as connection:  # another process does the same
                absent.begin(connection, new)
        over = [one for key, one in known.items() if key not in standings or standings[key].member.state == ACTIVE]
        each(over, lambda one: self._end(one, standings, at))

    # --- to whoever is reached again -----------------------------------------------------------------------------------------

    def _end(self, one: Absence, standings: Mapping[Key, Standing], at: int) -> None:
        """Forgets an absence, once who is reached again has a letter of what did not arrive; of who left there is nobody to tell."""
        with reading(self._house.engine) as connection:
            lost = absent.lost(connection, one)
        member = _successor(one, lost, standings) if lost else None
        if lost is None or member is None or (member.state == ACTIVE and self._back(one, lost, member, at)):
            with writing(self._house.engine) as connection:
                absent.end(connection, [one])

    def _back(self, one: Absence, lost: Lost, member: Member, at: int) -> bool:
        membership = self._house.membership()
        certificate, is_root = membership.certificates[member.fingerprint], self._people.is_root(member.fingerprint, membership)
        to = Addressee(member.emails, member.cctld, certificate, is_root)
        facts: Facts = {"person": member.name, "posts": lost.posts, "since": day(one.since), "last": f"{minute(lost.last)} UTC"}
        occasion = f"back {one.cctld} {one.fingerprint} up to post {lost.last_post}"
        return self._house.letters.write("back", to, at, occasion=occasion, **facts)

    # --- to the member -----------------------------------------------------------------------------------------------------

    def _notice(self, known: Absence, one: Standing, missed: Unheard | None, membership: Membership, at: int) -> None:
        """What they missed since the last notice, to each of their addresses."""
        noticed = _by_now(known.noticed, at)
        if missed is None or at < noticed + NOTICE_EVERY_S or one.key_works:
            return
        facts = _missed(one, missed, noticed) | _way_back(one, membership.certificates[known.fingerprint], at)
        occasion = f"missed {known.cctld} {known.fingerprint} up to copy {missed.last_copy}"
        letters = self._house.letters
        written = [letters.publish("missed", address, at, occasion=occasion, **facts) for address in one.member.emails]
        if any(written):
            with writing(self._house.engine) as connection:
                absent.mark_noticed(connection, known, missed.last_copy, at)

    # --- to who can call them ----------------------------------------------------------------------------------------------

    def _tell_of(self, cctld: str, those: Sequence[tuple[Absence, Standing]], at: int) -> None:
        """All of a ccTLD who are away, to its Admin Contact; to the Secretariat where that cannot be."""
        told = [_by_now(known.contact_told, at) for known, _ in those]
        is_due = 0 in told or at >= min(told) + CONTACT_EVERY_S
        if not is_due or at < max(told) + CONTACT_AT_MOST_EVERY_S:
            return
        # By what the table has, true or not: after a letter from the future this is not the first one again.
        after = max(known.contact_told for known, _ in those)
        occasion = " ".join(["absent", cctld, f"after {after}", *(known.fingerprint for known, _ in those)])
        if self._write(cctld, [one for _, one in those], occasion, at):
            with writing(self._house.engine) as connection:
                absent.mark_told(connection, [known for known, _ in those], at)

    def _write(self, cctld: str, those: Sequence[Standing], occasion: str, at: int) -> bool:
        contact, letters, facts = self._people.contact(cctld), self._house.letters, _away(cctld, those)
        instead = self._hindrance(contact, at)
        if contact and not instead:
            if letters.write("absent", contact, at, occasion=occasion, instead="", **facts):
                return True
            had_enough = not letters.is_due("absent", contact, at, occasion)
            instead = "they had as many letters within a day as one person gets" if had_enough else NOT_TAKEN
        written = [letters.write("absent", root, at, occasion=occasion, instead=instead, **facts) for root in self._people.secretariat(at)]
        return any(written)

    def _hindrance(self, contact: Addressee | None, at: int) -> str:
        """Why an Admin Contact could not read a letter; empty if nothing is known against it."""
        if contact is None:
            return "it has none"
        with reading(self._house.engine) as connection:
            works = any(addresses.find(connection, address) is None for address in contact.emails)
        return contact.certificate.why_not_encrypt(at) or ("" if works else "no mail arrives at theirs")


def _by_cctld(here: Iterable[tuple[Absence, Standing]]) -> Iterator[tuple[str, Sequence[tuple[Absence, Standing]]]]:
    for cctld, those in groupby(here, key=lambda pair: pair[0].cctld):
        yield cctld, tuple(those)


def _by_now(time: int, at: int) -> int:
    """When something was done; what a clock that was ahead put into the future, holds up nothing."""
    return time if time <= at else 0


def _successor(one: Absence, lost: Lost, standings: Mapping[Key, Standing]) -> Member | None:
    """Who was absent, as they are now: with the same key, or with another one at an address where something did not arrive."""
    if one.key in standings:
        return standings[one.key].member
    known = (standing.member for standing in standings.values() if standing.member.cctld == one.cctld)
    theirs = set(map(same_address, lost.recipients))
    return next((member for member in known if theirs.intersection(map(same_address, member.emails))), None)


# --- what the letters say ----------------------------------------------------------------------------------------------


def _missed(one: Standing, missed: Unheard, noticed: int) -> Facts:
    """Nothing of a post but that it came, and nothing of its poster."""
    member = one.member
    return {
        "person": member.name,
        "why": member.why,
        "since": day(one.since),
        "posts": missed.posts,
        "before": f"{minute(noticed)} UTC" if noticed else "",
        "last": f"{minute(missed.last)} UTC",
        "fingerprint": member.fingerprint,
    }


def _way_back(one: Standing, certificate: Certificate, at: int) -> Facts:
    """The commands for this very key: to extend it, or to add what it lacks where there is nothing to extend, or Sequoia refuses it."""
    lapsed = {key.fingerprint for key in certificate.keys if "e" in key.capabilities and not key.revoked}
    adds = one.refused or (certificate.primary.alive(at) and lapsed.isdisjoint(subkeys_to_extend(certificate, at)))
    found = _adding(certificate.fingerprint) if adds else extend(certificate, at)
    shown = {"gpg": _indented(found.gpg), "sq": _indented(found.sq)}
    return {"refused": one.refused, "revoked": certificate.primary.revoked, "adds": adds, **shown}


def _adding(key: str) -> Advice:
    add = (f"gpg --quick-add-key {key} \\", f"    default encr {YEARS}y")
    return Advice((*add, "gpg --armor \\", f"    --export {key} > renewed.asc"), ())


def _indented(lines: Iterable[str]) -> Verbatim:
    return Verbatim("\n".join(f"    {line}" for line in lines))


def _away(cctld: str, those: Sequence[Standing]) -> Facts:
    people = [
        {
            "name": one.member.name,
            "address": one.member.emails[0],
            "phones": ", ".join(one.member.phones) or "no telephone number",
            "why": one.member.why,
            "since": day(one.since),
        }
        for one in those
    ]
    return {"tld": cctld, "people": people, "refused": any(one.refused for one in those)}
