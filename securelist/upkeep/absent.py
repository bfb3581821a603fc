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
from securelist.openpgp.certificate import Certificate
from securelist.procedures.dates import day, minute
from securelist.procedures.each import each
from securelist.store import absent, addresses
from securelist.store.absent import Absence, Key, Missed
from securelist.store.database import reading, writing
from securelist.store.retention import DAY_S
from securelist.trust.membership import ACTIVE, UNREACHABLE, Membership
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
        """Writes what is due at `at` (Unix seconds), and forgets who is reached again or left. Raises TryAgain."""
        standings = {(one.member.cctld, one.member.fingerprint): one for one in readiness(self._house, at)}
        away = {key: one for key, one in standings.items() if one.member.state == UNREACHABLE}
        self._keep(away, standings)
        with reading(self._house.engine) as connection:
            known, missed = absent.absences(connection), absent.missed(connection)
        membership = self._house.membership()
        each((key for key in known if key in away), lambda key: self._notice(known[key], away[key], missed.get(key), membership, at))
        here = [(known[key], away[key]) for key in known if key in away]
        each(_by_cctld(here), lambda pair: self._tell_of(*pair, at))

    def _keep(self, away: Mapping[Key, Standing], standings: Mapping[Key, Standing]) -> None:
        """The table has who is away; a suspended member stays in it, and is told nothing meanwhile."""
        with reading(self._house.engine) as connection:
            known = absent.absences(connection)
        new = [Absence(*key, one.since) for key, one in away.items() if key not in known]
        gone = [one for key, one in known.items() if key not in standings or standings[key].member.state == ACTIVE]
        if new or gone:
            with suppress(IntegrityError), writing(self._house.engine) as connection:  # another process does the same
                absent.begin(connection, new)
                absent.end(connection, gone)

    # --- to the member -----------------------------------------------------------------------------------------------------

    def _notice(self, known: Absence, one: Standing, missed: Missed | None, membership: Membership, at: int) -> None:
        """What they missed since the last notice, to each of their addresses."""
        certificate = membership.certificates[known.fingerprint]
        if missed is None or at < known.noticed + NOTICE_EVERY_S or certificate.can_encrypt(at):
            return
        facts = _missed(one, missed, known.noticed) | _way_back(certificate, at)
        occasion = f"missed {known.cctld} {known.fingerprint} up to copy {missed.last_copy}"
        letters = self._house.letters
        written = [letters.publish("missed", address, at, occasion=occasion, **facts) for address in one.member.emails]
        if any(written):
            with writing(self._house.engine) as connection:
                absent.mark_noticed(connection, known, missed.last_copy, at)

    # --- to who can call them ----------------------------------------------------------------------------------------------

    def _tell_of(self, cctld: str, those: Sequence[tuple[Absence, Standing]], at: int) -> None:
        """All of a ccTLD who are away, to its Admin Contact; to the Secretariat where that cannot be."""
        told = [known.contact_told for known, _ in those]
        is_due = 0 in told or at >= min(told) + CONTACT_EVERY_S
        if not is_due or at < max(told) + CONTACT_AT_MOST_EVERY_S:
            return
        occasion = " ".join(["absent", cctld, f"after {max(told)}", *(known.fingerprint for known, _ in those)])
        if self._write(cctld, [one for _, one in those], occasion, at):
            with writing(self._house.engine) as connection:
                absent.mark_told(connection, [known for known, _ in those], at)

    def _write(self, cctld: str, those: Sequence[Standing], occasion: str, at: int) -> bool:
        contact = self._people.contact(cctld)
        facts = _away(cctld, those)
        if (
            contact
            and self._has_address(contact)
            and self._house.letters.write("absent", contact, at, occasion=occasion, instead="", **facts)
        ):
            return True
        instead, letters = _instead(contact, at), self._house.letters
        written = [letters.write("absent", root, at, occasion=occasion, instead=instead, **facts) for root in self._people.secretariat(at)]
        return any(written)

    def _has_address(self, to: Addressee) -> bool:
        """Whether mail arrives anywhere at theirs."""
        with reading(self._house.engine) as connection:
            return any(addresses.find(connection, address) is None for address in to.emails)


def _by_cctld(here: Iterable[tuple[Absence, Standing]]) -> Iterator[tuple[str, Sequence[tuple[Absence, Standing]]]]:
    for cctld, those in groupby(here, key=lambda pair: pair[0].cctld):
        yield cctld, tuple(those)


# --- what the letters say ----------------------------------------------------------------------------------------------


def _missed(one: Standing, missed: Missed, noticed: int) -> Facts:
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


def _way_back(certificate: Certificate, at: int) -> Facts:
    """The commands for this very key: to extend it, or where there is nothing to extend to add what it lacks."""
    lapsed = {key.fingerprint for key in certificate.keys if "e" in key.capabilities and not key.revoked}
    adds = certificate.primary.alive(at) and lapsed.isdisjoint(subkeys_to_extend(certificate, at))
    found = _adding(certificate.fingerprint) if adds else extend(certificate, at)
    shown = {"gpg": _indented(found.gpg), "sq": _indented(found.sq)}
    return {"revoked": certificate.primary.revoked, "adds": adds, **shown}


def _adding(key: str) -> Advice:
    return Advice((f"gpg --quick-add-key {key} \\", f"    default encr {YEARS}y", f"gpg --armor --export {key} > renewed.asc"), ())


def _indented(lines: Iterable[str]) -> Verbatim:
    return Verbatim("\n".join(f"    {line}" for line in lines))


def _away(cctld: str, those: Iterable[Standing]) -> Facts:
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
    return {"tld": cctld, "people": people}


def _instead(contact: Addressee | None, at: int) -> str:
    """Why the Secretariat is told, and not the Admin Contact."""
    if contact is None:
        return "it has none"
    return "no mail arrives at theirs" if contact.certificate.can_encrypt(at) else f"{contact.certificate.why_not_encrypt(at)}"
