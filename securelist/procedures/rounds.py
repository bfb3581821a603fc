"""A round: the letters that are due by now, whatever made them so. What was written once is not written again (see `letters`)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable

from securelist.addressees import Addressees
from securelist.errors import SecurelistError
from securelist.installation import Installation
from securelist.procedures.answering import Answering
from securelist.procedures.asking import Asking
from securelist.procedures.inviting import Inviting
from securelist.procedures.summary import Summary
from securelist.procedures.welcome import Welcomes

_log = logging.getLogger(__name__)


class Rounds:
    """The rounds of one installation; one at a time in a process, and any number of processes."""

    def __init__(self, house: Installation) -> None:
        self._house, self._one_at_a_time = house, threading.Lock()
        self._inviting, self._answering, self._asking = Inviting(house), Answering(house), Asking(house)
        self._welcomes, self._summary = Welcomes(house), Summary(house)

    def run(self, at: int) -> None:
        """Writes all that is due at `at` (Unix seconds); trouble is logged, and what it concerns comes again in the next round.

        1. Invitations, and reminders of them.
        2. Answers: to the Secretariat; after the appointment into the log.
        3. Requests that were released: to the Admin Contacts.
        4. The Secretariat hears of what has lapsed.
        5. Welcomes to new members, whom steps 2 and 3 may have brought; reports of those who did not answer theirs.
        6. The weekly summary.
        """
        with self._one_at_a_time:
            lapsed: list[str] = []
            for step in (self._inviting.round, self._answering.round, self._asking.round):
                self._try(lambda step=step: lapsed.extend(step(at)))  # type: ignore[misc]
            self._try(lambda: self._tell_lapsed(lapsed, at))
            self._try(lambda: self._welcomes.round(at))
            self._try(lambda: self._summary.round(at))

    @staticmethod
    def _try(step: Callable[[], None]) -> None:
        try:
            step()
        except SecurelistError as trouble:
            _log.warning("round: %s: %s", trouble.reason, trouble.detail)

    def _tell_lapsed(self, lapsed: Iterable[str], at: int) -> None:
        sentences = tuple(lapsed)
        for root in Addressees(self._house).secretariat(at) if sentences else ():
            self._house.letters.write("lapsed", root, at, sentences=sentences)
