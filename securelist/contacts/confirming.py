"""Fresh contact details: every member is asked now and then whether theirs are right, and who does not answer is named to others.

Who is due follows from when somebody last said that they are right, and from the time; from when on they are asked, from when the list
began to ask, too (see `freshness`), which the first round writes down. That a letter was written, its occasion tells: it holds that
moment and the number of the period, so that each period has its letter, once. The queue knows a letter for at least 31 days
(`config.journal_days`), longer than a period.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby, islice

from securelist.addressees import Addressees
from securelist.contacts.contact import Contact
from securelist.contacts.freshness import Freshness, carried_on, overdue_from
from securelist.contacts.own_entry import entry_facts, named, statements
from securelist.contacts.repository import freshness_of, repository
from securelist.installation import Installation
from securelist.letters import Addressee, Facts
from securelist.mail.addresses import same_address
from securelist.procedures.dates import day
from securelist.procedures.each import each
from securelist.store import addresses, asking
from securelist.store.database import reading, writing
from securelist.store.retention import DAY_S
from securelist.trust.membership import Attestation, Membership
from securelist.upkeep.speakers import Speakers

# A month: whoever did not find the minute by then needs reminding, and more often would be a nuisance. Shorter than posts are kept.
AGAIN_EVERY_S = 30 * DAY_S
# Who becomes overdue within one week is named in one letter: the contacts of a ccTLD joined on days near one another.
TOGETHER_S = 7 * DAY_S
# Each is a signature and an encryption, 50 ms or so: a list whose members are all due at once asks them within minutes.
LETTERS_A_ROUND = 200
# As many statements as one signed text may hold; whom a letter leaves out comes into the next, once others were dealt with.
MAX_NAMED = 50
# People answer this month's letter, or find last month's; older ones they have had again since.
PERIODS_ANSWERED = 3
# Message-IDs in References: a thread of a week; each is compared with those of everybody's letters.
MAX_REFERENCES = 20


class Confirming:
    """Asks the members of one installation for their contact details, and tells of those who do not answer."""

    def __init__(self, house: Installation) -> None:
        self._house, self._people = house, Addressees(house)

    def round(self, at: int) -> None:
        """Writes what is due at `at` (Unix seconds). Raises TryAgain; the next round goes on.

        Who cannot be written to, because their key is of no use, is tried again in each round; of them others hear, once it is overdue.
        """
        self._carry_on(at)
        fresh, asked = _asked(self._house, at)
        if asked:
            since = {one.fingerprint: fresh.asked_from(one) for one in asked}
            contacts = [one for one in repository(self._house, at).contacts if one.fingerprint in since]
            self._ask(contacts, since, at)
            self._tell_of([one for one in contacts if one.overdue], since, at)

    def _carry_on(self, at: int) -> None:
        """Writes down that there was a round; of two first ones at once, one begins."""
        days = self._house.config.confirm_days
        with reading(self._house.engine) as connection:
            kept = asking.kept(connection)
        if carried_on(kept, days, at) != kept:
            with writing(self._house.engine) as connection:
                asking.keep(connection, carried_on(asking.kept(connection), days, at))

    # --- the members -------------------------------------------------------------------------------------------------------

    def _ask(self, contacts: Iterable[Contact], since: Mapping[str, int], at: int) -> None:
        def is_due(one: Contact) -> bool:
            return self._house.letters.is_due("confirm", self._addressee(one), at, _occasion_of(one, since[one.fingerprint], at))

        each(islice(filter(is_due, contacts), LETTERS_A_ROUND), lambda one: self._ask_one(one, since[one.fingerprint], at))

    def _ask_one(self, one: Contact, since: int, at: int) -> None:
        until = day(overdue_from(since))
        facts: Facts = {"reminder": _period(since, at), "until": until, "overdue": one.overdue, "by": one.voucher}
        facts |= entry_facts(one) | statements(self._house.config.list, one.cctld.name, one.person)
        self._house.letters.write("confirm", self._addressee(one), at, occasion=_occasion_of(one, since, at), **facts)

    def _addressee(self, one: Contact) -> Addressee:
        membership = self._house.membership()
        is_root = self._people.is_root(one.fingerprint, membership)
        return Addressee(one.person.emails, one.cctld.name, membership.certificates[one.fingerprint], is_root)

    def answered_without(self, answers: Iterable[str], at: int, *, signer: str = "", why: str, text: str = "", message_id: str) -> bool:
        """Tells a member what to send who answered their letter, and not with a statement; whether it was such an answer. Raises TryAgain.

        `answers` are the Message-IDs that the mail names, `signer` the fingerprint of who signed it (empty: nobody who is known here),
        `why` a clause, `text` what makes what was signed the same again, `message_id` the mail's own.
        """
        own = list(islice((one for one in answers if self._house.voice.letterhead.is_own(one)), MAX_REFERENCES))
        meant = self._meant(own, signer, at) if own else None
        to = self._people.of(meant.fingerprint, at) if meant else None
        if meant is None or to is None:
            return False
        occasion = f"{_occasion(meant.cctld, meant.fingerprint, meant.confirmed, 0)} {why} {text}"
        facts: Facts = {"person": meant.person.name, "why": why, "fingerprint": meant.fingerprint}
        facts |= statements(self._house.config.list, meant.cctld, meant.person)
        self._house.letters.write("confirm-again", to, at, occasion=occasion, answers_to=message_id, **facts)
        return True

    def _meant(self, answers: Collection[str], signer: str, at: int) -> Attestation | None:
        """Whose letter it is that one of these Message-IDs names."""
        fresh, asked = _asked(self._house, at)
        theirs = (one for one in asked if signer in ("", one.fingerprint))
        return next((one for one in theirs if not self._letters_to(one, fresh.asked_from(one), at).isdisjoint(answers)), None)

    def _letters_to(self, one: Attestation, since: int, at: int) -> set[str]:
        """The Message-IDs of the letters to them that may be answered now, written or not."""
        last = _period(since, at)
        periods = range(max(0, last - PERIODS_ANSWERED + 1), last + 1)
        occasions = (_occasion(one.cctld, one.fingerprint, since, period) for period in periods)
        return {self._house.letters.id_of("confirm", one.person.emails[0], occasion) for occasion in occasions}

    # --- who can ask them --------------------------------------------------------------------------------------------------

    def _tell_of(self, overdue: Sequence[Contact], since: Mapping[str, int], at: int) -> None:
        """To the Admin Contact of each ccTLD; of those whom nobody speaks for, or can be told of, to the Secretariat in one letter."""
        if not overdue:
            return
        with reading(self._house.engine) as connection:
            dead = addresses.marks(connection)
        speakers = Speakers(self._house.membership(), dead, at)
        by_cctld = [(cctld.name, list(those)) for cctld, those in groupby(overdue, key=lambda one: one.cctld)]
        each(by_cctld, lambda pair: self._tell_contact(*pair, since, at))
        unheard = [one for cctld, those in by_cctld if speakers.why_not(cctld) for one in those]
        self._tell_secretariat(unheard, speakers, _step_of(unheard, since, at), at)

    def _tell_contact(self, cctld: str, those: Sequence[Contact], since: Mapping[str, int], at: int) -> None:
        to, step = self._people.contact(cctld), _step_of(those, since, at)
        if to is not None and step:
            facts: Facts = {"tld": cctld, "people": self._named(those), "more": len(those[MAX_NAMED:])}
            self._house.letters.write("overdue", to, at, occasion=f"overdue {cctld} {step}", **facts)

    def _tell_secretariat(self, those: Sequence[Contact], speakers: Speakers, step: int, at: int) -> None:
        if step:
            why = {one.cctld.name: speakers.why_not(one.cctld.name) for one in those[:MAX_NAMED]}
            people = [one | {"why": why[one["tld"]]} for one in self._named(those)]
            facts: Facts = {"tld": "", "people": people, "more": len(those[MAX_NAMED:])}
            for root in self._people.secretariat(at):
                self._house.letters.write("overdue", root, at, occasion=f"overdue {step} to {root.fingerprint}", **facts)

    def _named(self, those: Sequence[Contact]) -> list[Facts]:
        return [named(one, self._house.config.list) for one in those[:MAX_NAMED]]


def overdue(house: Installation, at: int) -> list[Attestation]:
    """Whose contact details are overdue at `at` (Unix seconds)."""
    fresh, asked = _asked(house, at)
    return [one for one in asked if fresh.is_overdue(one, at)]


def attestation_of(membership: Membership, cctld: str, address: str) -> Attestation | None:
    """The last attestation of the SSC of a ccTLD with this primary address."""
    return membership.attestations.get((cctld, same_address(address)))


def _asked(house: Installation, at: int) -> tuple[Freshness, list[Attestation]]:
    membership = house.membership()
    fresh = freshness_of(house, membership, at)
    return fresh, [one for one in membership.attestations.values() if fresh.is_asked(one, at)]


def _period(since: int, at: int) -> int:
    """How many times somebody who is asked since `since` was to be reminded by `at`."""
    return (at - since) // AGAIN_EVERY_S


def _occasion_of(one: Contact, since: int, at: int) -> str:
    return _occasion(one.cctld.name, one.fingerprint, since, _period(since, at))


def _occasion(cctld: str, fingerprint: str, since: int, period: int) -> str:
    return f"confirm {cctld} {fingerprint} {since} {period}"


def _step_of(those: Iterable[Contact], since: Mapping[str, int], at: int) -> int:
    return max((_step(since[one.fingerprint], at) for one in those), default=0)


def _step(since: int, at: int) -> int:
    """When the last letter about somebody overdue was due (Unix seconds): the first at the end of the week in which they became so."""
    first = -(-overdue_from(since) // TOGETHER_S) * TOGETHER_S
    return first + (at - first) // AGAIN_EVERY_S * AGAIN_EVERY_S if at >= first else 0
