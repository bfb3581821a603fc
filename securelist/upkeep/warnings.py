"""Warnings ahead of time: to each whom it concerns one letter about all of theirs that ends soon, with what is to be done.

Of a membership that has ended they are told once more, when it has.

What is due follows from what ends (`endings`) and from the table of warnings; a round writes it, whatever was interrupted before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from securelist.addressees import Addressees
from securelist.installation import Installation
from securelist.letters import Addressee
from securelist.mail.addresses import same_address
from securelist.procedures.attached import certificate_part
from securelist.procedures.each import each
from securelist.store import addresses
from securelist.store.database import reading, writing
from securelist.store.retention import DAY_S
from securelist.store.warned import Warned, forget, remember, warned
from securelist.trust.membership import Membership
from securelist.upkeep.endings import ENDED_DAYS, Ending, Whose, concerned, ended_within, ending_within
from securelist.upkeep.renewal import Renewal
from securelist.upkeep.speakers import Speakers

# Days ahead. A month is longer than a leave; the last warning comes when there is a day left to do it in.
STAGES = (30, 14, 7, 1)
# The stage of what has ended: what is remembered of it, in days ahead.
ENDED = 0
# For trust roots about the keys of Admin Contacts, who are told each time themselves: there are three hundred of them, and what is left to
# do for the Secretariat is to call those who did nothing. The weekly summary has them all.
STAGES_OF_CONTACTS = (7, 1)
# A person is not written to more often than this, however much ends.
BETWEEN_LETTERS_S = DAY_S
# For as long after the end as somebody may still be told of it, and kept from a second letter.
REMEMBERED_S = ENDED_DAYS * DAY_S + BETWEEN_LETTERS_S
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
        """Writes the letters that are due at `at` (Unix seconds), and forgets what ended long ago. Raises TryAgain; the next goes on.

        Whoever cannot be written to, because their key is of no use or they had too many letters, is tried again in the next round.
        """
        with reading(self._house.engine) as connection:
            rows, dead = warned(connection), addresses.marks(connection)
        speakers = Speakers(self._house.membership(), dead, at)
        each(self._by_person(speakers).items(), lambda pair: self._warn(*pair, _told(rows, pair[0], at), speakers))
        if any(row.ends < at - REMEMBERED_S for row in rows):
            with writing(self._house.engine) as connection:
                forget(connection, at - REMEMBERED_S)

    def _by_person(self, speakers: Speakers) -> dict[str, list[Ending]]:
        membership, at = speakers.membership, speakers.at
        found: dict[str, list[Ending]] = {}
        for ending in (*ended_within(membership, at), *ending_within(membership, self._house.anchor, at)):
            for whom in concerned(ending, speakers):
                found.setdefault(whom, []).append(ending)
        return found

    def _warn(self, whom: str, theirs: list[Ending], told: Told, speakers: Speakers) -> None:
        at = speakers.at
        due = [one for one in theirs if _is_due(one, whom, told, at)]
        if not due or at < told.last + BETWEEN_LETTERS_S:
            return
        to = self._people.of(whom, at) or _former(whom, due, speakers.membership)
        if to is None:
            return
        others = [one for one in theirs if one not in due and at < one.ends]
        shown = sorted([*due, *others][:MAX_SHOWN], key=lambda one: one.ends)
        renewal = Renewal(self._house, to.certificate, shown, speakers)
        parts = tuple(map(certificate_part, renewal.certified))
        occasion = _occasion(whom, due[:MAX_SHOWN], at)
        if self._house.letters.write("ending", to, at, parts=parts, occasion=occasion, **renewal.facts()):
            self._remember(whom, shown, at)

    def _remember(self, whom: str, shown: Iterable[Ending], at: int) -> None:
        rows = [Warned(whom, one.what, one.ends, stage, at) for one in shown if (stage := stage_of(one, whom, at)) is not None]
        with suppress(IntegrityError), writing(self._house.engine) as connection:  # another process does the same
            remember(connection, rows)


def stage_of(ending: Ending, whom: str, at: int) -> int | None:
    """The stage that has been reached at `at` for this person, in days ahead, or `ENDED`; None for none.

    Only of what was said about a member is it told that it has ended: it ends for others, too, who need not do anything for that.
    """
    if ending.ends <= at:
        return ENDED if ending.is_said else None
    heard = ending.whose is Whose.CONTACT and whom != ending.about.fingerprint
    stages = STAGES_OF_CONTACTS if heard else STAGES
    return min((stage for stage in stages if ending.ends <= at + stage * DAY_S), default=None)


def _is_due(ending: Ending, whom: str, told: Told, at: int) -> bool:
    stage = stage_of(ending, whom, at)
    return stage is not None and not told.knows(ending, stage)


def _occasion(whom: str, due: Iterable[Ending], at: int) -> str:
    """By all that is due, and how near it is: a process that was killed before it could remember a letter finds it written, on
    whatever day that is; and nothing is taken for told that was not in it. Two processes, between whose clocks something becomes due,
    may write one letter each: once too often is better than never.
    """
    return " ".join(["ending", whom, *sorted(f"{one.what} {one.ends} {stage_of(one, whom, at)};" for one in due)])


def _former(whom: str, due: Iterable[Ending], membership: Membership) -> Addressee | None:
    """Somebody who is a member no more, and nothing else here, by what ended."""
    own = next((one for one in due if one.is_said and one.about.fingerprint == whom), None)
    if own is None:
        return None
    emails = membership.attestations[own.about.cctld, same_address(own.about.address)].person.emails
    return Addressee(emails, own.about.cctld, membership.certificates[whom])


def _told(rows: Iterable[Warned], whom: str, at: int) -> Told:
    """What is remembered of one person; a letter from the future, by a clock that was wrong, holds up nothing."""
    own = [row for row in rows if row.whom == whom]
    return Told({(row.what, row.ends): row.days for row in own}, max((row.at for row in own if row.at <= at), default=0))
