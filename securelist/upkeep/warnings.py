"""Warnings ahead of time: to each whom it concerns one letter about all of theirs that ends soon, with what is to be done.

What is due follows from what ends (`endings`) and from the table of warnings; a round writes it, whatever was interrupted before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from securelist.addressees import Addressees
from securelist.installation import Installation
from securelist.procedures.attached import certificate_part
from securelist.procedures.each import each
from securelist.store.database import reading, writing
from securelist.store.retention import DAY_S
from securelist.store.warned import Warned, forget, remember, warned
from securelist.upkeep.endings import Ending, Whose, concerned, ending_within
from securelist.upkeep.renewal import Renewal

# Days ahead. A month is longer than a leave; the last warning comes when there is a day left to do it in.
STAGES = (30, 14, 7, 1)
# For trust roots about the keys of Admin Contacts, who are told each time themselves: there are three hundred of them, and what is left to
# do for the Secretariat is to call those who did nothing. The weekly summary has them all.
STAGES_OF_CONTACTS = (7, 1)
# A person is not written to more often than this, however much ends.
BETWEEN_LETTERS_S = DAY_S
# In one letter: as many statements as one signed text may hold. What is beyond comes the next day.
MAX_SHOWN = 50


@dataclass(frozen=True)
class Told:
    """What somebody was told: by what ends and when, the fewest days ahead; and when they got the last letter, 0 for never."""

    stages: Mapping[tuple[str, int], int]
    last: int

    def knows(self, ending: Ending, stage: int) -> bool:
        """Whether they were told of this at that stage, or at a later one."""
        return self.stages.get((ending.what, ending.ends), stage + 1) <= stage


class Warnings:
    """Warns the people of one installation."""

    def __init__(self, house: Installation) -> None:
        self._house, self._people = house, Addressees(house)

    def round(self, at: int) -> None:
        """Writes the letters that are due at `at` (Unix seconds), and forgets what has ended. Raises TryAgain; the next goes on.

        Whoever cannot be written to, because their key is of no use or they had too many letters, is tried again in the next round.
        """
        with reading(self._house.engine) as connection:
            rows = warned(connection)
        membership = self._house.membership()
        by_person: dict[str, list[Ending]] = {}
        for ending in ending_within(membership, self._house.anchor, at):
            for whom in concerned(ending, membership):
                by_person.setdefault(whom, []).append(ending)
        each(by_person.items(), lambda pair: self._warn(*pair, _told(rows, pair[0], at), at))
        if any(row.ends < at - BETWEEN_LETTERS_S for row in rows):
            with writing(self._house.engine) as connection:
                forget(connection, at - BETWEEN_LETTERS_S)

    def _warn(self, whom: str, theirs: list[Ending], told: Told, at: int) -> None:
        if at < told.last + BETWEEN_LETTERS_S or not any(_is_due(one, whom, told, at) for one in theirs):
            return
        to = self._people.of(whom, at)
        if to is None:
            return
        due_first = sorted(theirs, key=lambda one: (not _is_due(one, whom, told, at), one.ends))
        shown = sorted(due_first[:MAX_SHOWN], key=lambda one: one.ends)
        # By the day: of two processes that find different things due at the same moment, one writes.
        about, renewal = f"ending {whom} day {at // DAY_S}", Renewal(self._house, to.certificate, shown, at)
        parts = tuple(map(certificate_part, renewal.certified))
        if self._house.letters.write("ending", to, at, parts=parts, occasion=about, **renewal.facts()):
            self._remember(whom, shown, at)

    def _remember(self, whom: str, shown: Iterable[Ending], at: int) -> None:
        rows = [Warned(whom, one.what, one.ends, stage, at) for one in shown if (stage := stage_of(one, whom, at))]
        with suppress(IntegrityError), writing(self._house.engine) as connection:  # another process does the same
            remember(connection, rows)


def stage_of(ending: Ending, whom: str, at: int) -> int:
    """The stage that has been reached at `at` for this person, in days ahead; 0 for none, and for what has ended."""
    heard = ending.whose is Whose.CONTACT and whom != ending.about.fingerprint
    stages = STAGES_OF_CONTACTS if heard else STAGES
    return min((stage for stage in stages if at < ending.ends <= at + stage * DAY_S), default=0)


def _is_due(ending: Ending, whom: str, told: Told, at: int) -> bool:
    stage = stage_of(ending, whom, at)
    return stage > 0 and not told.knows(ending, stage)


def _told(rows: Iterable[Warned], whom: str, at: int) -> Told:
    """What is remembered of one person; a letter from the future, by a clock that was wrong, holds up nothing."""
    own = [row for row in rows if row.whom == whom]
    return Told({(row.what, row.ends): row.days for row in own}, max((row.at for row in own if row.at <= at), default=0))
