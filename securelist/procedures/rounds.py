"""A round: the letters that are due by now, whatever made them so. What was written once is not written again (see `letters`)."""

from __future__ import annotations

import threading

from securelist.addressees import Addressees
from securelist.installation import Installation
from securelist.procedures.answering import Answering
from securelist.procedures.asking import Asking
from securelist.procedures.dates import day
from securelist.procedures.each import each
from securelist.procedures.inviting import Inviting
from securelist.procedures.summary import Summary
from securelist.procedures.welcome import Welcomes
from securelist.store import invitations
from securelist.store.database import reading, writing
from securelist.store.invitations import Invitation
from securelist.upkeep.rounds import Upkeep


class Rounds:
    """The rounds of one installation; one at a time in a process, and any number of processes."""

    def __init__(self, house: Installation) -> None:
        self._house, self._one_at_a_time = house, threading.Lock()
        self._inviting, self._answering, self._asking = Inviting(house), Answering(house), Asking(house)
        self._welcomes, self._summary, self._upkeep = Welcomes(house), Summary(house), Upkeep(house)
        self._lapsed_requests: list[str] = []

    def run(self, at: int) -> None:
        """Writes all that is due at `at` (Unix seconds); trouble is logged, and what it concerns comes again in the next round.

        1. Invitations, and reminders of them.
        2. Answers: to the Secretariat; after the appointment into the log.
        3. Requests that were released: to the Admin Contacts.
        4. The Secretariat hears of what has lapsed.
        5. Welcomes to new members, whom steps 2 and 3 may have brought; reports of those who did not answer theirs.
        6. The weekly summary.
        7. Upkeep: warnings, notices, drills (`upkeep.rounds`).
        """
        with self._one_at_a_time:
            each((self._inviting.round, self._answering.round, self._ask, self._tell_lapsed), lambda step: step(at))
            each((self._welcomes.round, self._summary.round, self._upkeep.run), lambda step: step(at))

    def _ask(self, at: int) -> None:
        self._lapsed_requests += self._asking.round(at)

    def _tell_lapsed(self, at: int) -> None:
        """To each trust root, once, what has lapsed and they have not heard of."""
        with reading(self._house.engine) as connection:
            lapsed = invitations.lapsed(connection)
        sentences = (*map(_sentence, lapsed), *self._lapsed_requests)
        if not sentences:
            return
        for root in Addressees(self._house).secretariat(at):
            self._house.letters.write("lapsed", root, at, occasion=f"lapsed to {root.fingerprint}: {sentences}", sentences=sentences)
        self._lapsed_requests.clear()
        with writing(self._house.engine) as connection:
            for one in lapsed:
                invitations.mark_told(connection, one.id)


def _sentence(one: Invitation) -> str:
    """How an invitation lapsed."""
    if one.answered:
        return f".{one.cctld}: the answer of {day(one.answered)} was not followed by an appointment"
    return f".{one.cctld}: {one.name} <{one.address}>, invited on {day(one.made)}, did not answer"
