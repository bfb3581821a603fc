"""Fresh contact details: every member is asked now and then whether theirs are right, and who does not answer is named to others.

What is due follows from when somebody last said that they are right, and from the time; that a letter was written, its occasion
tells: it holds that moment and the number of the period, so that each period has its letter, once. The queue knows a letter for
at least 31 days (`config.journal_days`), longer than a period.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby, islice

from securelist.addressees import Addressees
from securelist.contacts.contact import Contact
from securelist.contacts.freshness import OVERDUE_AFTER_DAYS, is_due, is_overdue
from securelist.contacts.own_entry import entry_facts, named, statements
from securelist.contacts.repository import repository
from securelist.installation import Installation
from securelist.letters import Addressee, Facts
from securelist.mail.addresses import same_address
from securelist.procedures.dates import day
from securelist.procedures.each import each
from securelist.store import addresses
from securelist.store.database import reading
from securelist.store.retention import DAY_S
from securelist.trust.membership import SUSPENDED, Attestation, Membership
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
        days = self._house.config.confirm_days
        if not _due(self._house.membership(), days, at):
            return
        contacts = [one for one in repository(self._house, at).contacts if one.state != SUSPENDED]
        self._ask([one for one in contacts if is_due(one.confirmed, days, at)], at)
        self._tell_of([one for one in contacts if one.overdue], at)

    # --- the members -------------------------------------------------------------------------------------------------------

    def _ask(self, due: Iterable[Contact], at: int) -> None:
        letters = self._house.letters
        waiting = (one for one in due if letters.is_due("confirm", self._addressee(one), at, self._occasion_of(one, at)))
        each(islice(waiting, LETTERS_A_ROUND), lambda one: self._ask_one(one, at))

    def _ask_one(self, one: Contact, at: int) -> None:
        days = self._house.config.confirm_days
        overdue_from = one.confirmed + (days + OVERDUE_AFTER_DAYS) * DAY_S
        facts: Facts = {"reminder": _period(one.confirmed, days, at), "until": day(overdue_from), "overdue": one.overdue, "by": one.voucher}
        facts |= entry_facts(one) | statements(self._house.config.list, one.cctld.name, one.person)
        self._house.letters.write("confirm", self._addressee(one), at, occasion=self._occasion_of(one, at), **facts)

    def _addressee(self, one: Contact) -> Addressee:
        membership = self._house.membership()
        is_root = self._people.is_root(one.fingerprint, membership)
        return Addressee(one.person.emails, one.cctld.name, membership.certificates[one.fingerprint], is_root)

    def _occasion_of(self, one: Contact, at: int) -> str:
        days = self._house.config.confirm_days
        return _occasion(one.cctld.name, one.fingerprint, one.confirmed, _period(one.confirmed, days, at))

    def answered_without(self, answers: Iterable[str], at: int, *, signer: str = "", why: str, text: str = "", message_id: str) -> bool:
        """Tells a member what to send who answered their letter, and not with a statement; whether it was such an answer. Raises TryAgain.

        `answers` are the Message-IDs that the mail names, `signer` the fingerprint of who signed it (empty: nobody who is known here),
        `why` a clause, `text` what makes what was signed the same again, `message_id` the mail's own.
        """
        own = list(islice((one for one in answers if self._house.voice.letterhead.is_own(one)), MAX_REFERENCES))
        due = _due(self._house.membership(), self._house.config.confirm_days, at) if own else []
        meant = next((one for one in due if signer in ("", one.fingerprint) and not self._letters_to(one, at).isdisjoint(own)), None)
        to = self._people.of(meant.fingerprint, at) if meant else None
        if meant is None or to is None:
            return False
        occasion = f"{_occasion(meant.cctld, meant.fingerprint, meant.confirmed, 0)} {why} {text}"
        facts: Facts = {"person": meant.person.name, "why": why, "fingerprint": meant.fingerprint}
        facts |= statements(self._house.config.list, meant.cctld, meant.person)
        self._house.letters.write("confirm-again", to, at, occasion=occasion, answers_to=message_id, **facts)
        return True

    def _letters_to(self, one: Attestation, at: int) -> set[str]:
        """The Message-IDs of the letters to them that may be answered now, written or not."""
        last = _period(one.confirmed, self._house.config.confirm_days, at)
        periods = range(max(0, last - PERIODS_ANSWERED + 1), last + 1)
        occasions = (_occasion(one.cctld, one.fingerprint, one.confirmed, period) for period in periods)
        return {self._house.letters.id_of("confirm", one.person.emails[0], occasion) for occasion in occasions}

    # --- who can ask them --------------------------------------------------------------------------------------------------

    def _tell_of(self, overdue: Sequence[Contact], at: int) -> None:
        """To the Admin Contact of each ccTLD; of those whom nobody speaks for, or can be told of, to the Secretariat in one letter."""
        if not overdue:
            return
        with reading(self._house.engine) as connection:
            dead = addresses.marks(connection)
        speakers = Speakers(self._house.membership(), dead, at)
        by_cctld = [(cctld.name, list(those)) for cctld, those in groupby(overdue, key=lambda one: one.cctld)]
        each(by_cctld, lambda pair: self._tell_contact(*pair, at))
        unheard = [one for cctld, those in by_cctld if speakers.why_not(cctld) for one in those]
        self._tell_secretariat(unheard, speakers, at)

    def _tell_contact(self, cctld: str, those: Sequence[Contact], at: int) -> None:
        to, step = self._people.contact(cctld), self._step(those, at)
        if to is not None and step:
            facts: Facts = {"tld": cctld, "people": self._named(those), "more": len(those[MAX_NAMED:])}
            self._house.letters.write("overdue", to, at, occasion=f"overdue {cctld} {step}", **facts)

    def _tell_secretariat(self, those: Sequence[Contact], speakers: Speakers, at: int) -> None:
        step = self._step(those, at)
        if step:
            why = {one.cctld.name: speakers.why_not(one.cctld.name) for one in those[:MAX_NAMED]}
            people = [one | {"why": why[one["tld"]]} for one in self._named(those)]
            facts: Facts = {"tld": "", "people": people, "more": len(those[MAX_NAMED:])}
            for root in self._people.secretariat(at):
                self._house.letters.write("overdue", root, at, occasion=f"overdue {step} to {root.fingerprint}", **facts)

    def _step(self, those: Iterable[Contact], at: int) -> int:
        days = self._house.config.confirm_days
        return max((_step(one.confirmed, days, at) for one in those), default=0)

    def _named(self, those: Sequence[Contact]) -> list[Facts]:
        return [named(one, self._house.config.list) for one in those[:MAX_NAMED]]


def overdue(membership: Membership, confirm_days: int, at: int) -> list[Attestation]:
    """Whose contact details are overdue at `at` (Unix seconds); suspended members are not asked, and not among them."""
    return [one for one in _due(membership, confirm_days, at) if is_overdue(one.confirmed, confirm_days, at)]


def attestation_of(membership: Membership, cctld: str, address: str) -> Attestation | None:
    """The last attestation of the SSC of a ccTLD with this primary address."""
    return membership.attestations.get((cctld, same_address(address)))


def _due(membership: Membership, confirm_days: int, at: int) -> list[Attestation]:
    here = (one for one in membership.attestations.values() if one.in_force(at) and not one.suspended)
    return [one for one in here if is_due(one.confirmed, confirm_days, at)]


def _period(confirmed: int, confirm_days: int, at: int) -> int:
    """How many times somebody who is due was to be reminded by `at`."""
    return (at - confirmed - confirm_days * DAY_S) // AGAIN_EVERY_S


def _occasion(cctld: str, fingerprint: str, confirmed: int, period: int) -> str:
    return f"confirm {cctld} {fingerprint} {confirmed} {period}"


def _step(confirmed: int, confirm_days: int, at: int) -> int:
    """When the last letter about somebody overdue was due (Unix seconds): the first at the end of the week in which they became so."""
    first = -(-(confirmed + (confirm_days + OVERDUE_AFTER_DAYS) * DAY_S) // TOGETHER_S) * TOGETHER_S
    return first + (at - first) // AGAIN_EVERY_S * AGAIN_EVERY_S if at >= first else 0
