"""A drill's rounds: the letters to the members, then the end, the report and the letters about it. Each may be interrupted anywhere.

1. While it runs, `_ask` writes to whoever has not been written to; who can be reached only now, is asked now.
2. A while after its end, `_settle` says of each member without an answer why; from then on nothing counts any more.
3. `_report` writes to the trust roots, then to each member how they did; when all is written, the next drill can begin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from securelist.addressees import Addressees
from securelist.delivery.bounce_token import read_secret
from securelist.drill.code import make_code
from securelist.drill.outcome import counted, final, middle, outcome_of
from securelist.drill.report import facts_for, facts_of, files_of
from securelist.installation import Installation
from securelist.letters import Addressee, Facts
from securelist.procedures.dates import minute
from securelist.procedures.each import each
from securelist.store import drills
from securelist.store.database import reading, writing
from securelist.store.drills import Drill, DrillMember
from securelist.store.queue_view import copies_of_letters
from securelist.trust.membership import SUSPENDED
from securelist.upkeep.readiness import Standing, readiness

# Each is a signature and an encryption, 50 ms or so: 900 members are asked within minutes, and nothing else waits for all of them.
LETTERS_A_ROUND = 200
# An answer that was signed in time may be on its way: a mail server that keeps strangers waiting (greylisting) tries again by then.
SETTLED_AFTER_S = 900

Key = tuple[str, str]
"""ccTLD and fingerprint."""


def occasion(drill: Drill, fingerprint: str) -> str:
    """By which a member's letter is known, and its Message-ID derived; nobody's is the same in a restored database."""
    return f"drill {drill.id} {drill.started} {fingerprint}"


class Drills:
    """Carries out the drills of one installation."""

    def __init__(self, house: Installation) -> None:
        self._house, self._people = house, Addressees(house)

    def round(self, at: int) -> None:
        """Does what is due at `at` (Unix seconds). Raises TryAgain; the next round goes on."""
        with reading(self._house.engine) as connection:
            drill = drills.newest(connection)
        if drill is None or drill.reported:
            return
        if at < drill.ends:
            self._ask(drill, at)
        elif at >= drill.ends + SETTLED_AFTER_S:
            self._report(drill if drill.settled else self._settle(drill, at), at)

    # --- 1. asking -----------------------------------------------------------------------------------------------------------

    def _ask(self, drill: Drill, at: int) -> None:
        waiting = [row for row in self._rows(drill) if not row.asked and not row.answered]
        if waiting:
            secret, standings = read_secret(self._house.home), self._standings(at)
            found = [(row, standings[key]) for row in waiting if (key := _key(row)) in standings]
            present = [(row, one) for row, one in found if one.member.state != SUSPENDED]  # who is, is not asked
            able = [(row, one) for row, one in present if one.key_works]
            self._note_unable(one for one in present if one not in able)
            each(able[:LETTERS_A_ROUND], lambda pair: self._ask_one(drill, *pair, secret, at))

    def _ask_one(self, drill: Drill, row: DrillMember, one: Standing, secret: bytes, at: int) -> None:
        code = make_code(secret, drill.id, drill.started, row.fingerprint)
        facts: Facts = {"person": row.name, "code": code, "until": minute(drill.ends), "fingerprint": row.fingerprint}
        to = self._addressee(one)
        if self._house.letters.write("drill", to, at, occasion=occasion(drill, row.fingerprint), **facts):
            with writing(self._house.engine) as connection:
                drills.mark_asked(connection, row, at)

    def _note_unable(self, those: Iterable[tuple[DrillMember, Standing]]) -> None:
        """Whose key has stopped working since the drill began: `drill show` says so while it runs."""
        new = [(row, found) for row, one in those if (found := outcome_of(one)) != (row.failure, row.why) and found[0]]
        if new:
            with writing(self._house.engine) as connection:
                for row, found in new:
                    drills.mark_failure(connection, row.drill, row.fingerprint, *found)

    # --- 2. settling ---------------------------------------------------------------------------------------------------------

    def _settle(self, drill: Drill, at: int) -> Drill:
        standings, ids = self._standings(at), self._letter_ids(drill, at)
        with writing(self._house.engine) as connection:
            copies = copies_of_letters(connection, ids.values())
            for row in drills.members(connection, drill.id):
                if not row.answered:
                    found = final(row, standings.get(_key(row)), copies.get(ids.get(row.fingerprint, ""), ()))
                    drills.mark_failure(connection, drill.id, row.fingerprint, *found)
            rows = counted(drills.members(connection, drill.id))
            answered = sum(row.answered > 0 for row in rows)
            settled = replace(drill, settled=at, members=len(rows), answered=answered, median=middle(rows))
            drills.settle(connection, settled)
        return settled

    def _letter_ids(self, drill: Drill, at: int) -> Mapping[str, str]:
        return letter_ids(self._house, drill, at)

    # --- 3. telling ----------------------------------------------------------------------------------------------------------

    def _report(self, drill: Drill, at: int) -> None:
        with reading(self._house.engine) as connection:
            rows, past = drills.members(connection, drill.id), [one for one in drills.drills(connection) if one.settled]
        standings = self._standings(at)
        phones = {_key(row): one.member.phones[0] for row in rows if (one := standings.get(_key(row))) and one.member.phones}
        facts, files = facts_of(drill, rows, past, phones), files_of(drill, rows, past, self._house.config.display_name)
        for root in self._people.secretariat(at):
            to_root = f"report {occasion(drill, root.fingerprint)}"
            self._house.letters.write("drill-report", root, at, parts=files, occasion=to_root, **facts)
        if self._tell(drill, rows, standings, at):
            with writing(self._house.engine) as connection:
                drills.mark_reported(connection, drill.id, at)

    def _tell(self, drill: Drill, rows: Iterable[DrillMember], standings: Mapping[Key, Standing], at: int) -> bool:
        """Tells each member how they did; whether all were told who can be. Of an unusable key its owner hears elsewhere."""
        due = [(row, one) for row in counted(rows) if not row.told and (one := standings.get(_key(row))) and one.key_works]
        done = each(due[:LETTERS_A_ROUND], lambda pair: self._tell_one(drill, *pair, at))
        return len(done) == len(due)  # with whom there was trouble comes again in the next round

    def _tell_one(self, drill: Drill, row: DrillMember, one: Standing, at: int) -> None:
        told = f"result {occasion(drill, row.fingerprint)}"
        if self._house.letters.write("drill-result", self._addressee(one), at, occasion=told, **facts_for(drill, row)):
            with writing(self._house.engine) as connection:
                drills.mark_told(connection, row, at)

    # --- whom ----------------------------------------------------------------------------------------------------------------

    def _rows(self, drill: Drill) -> tuple[DrillMember, ...]:
        with reading(self._house.engine) as connection:
            return drills.members(connection, drill.id)

    def _standings(self, at: int) -> Mapping[Key, Standing]:
        return {(one.member.cctld, one.member.fingerprint): one for one in readiness(self._house, at)}

    def _addressee(self, one: Standing) -> Addressee:
        membership, member = self._house.membership(), one.member
        is_root = self._people.is_root(member.fingerprint, membership)
        return Addressee(member.emails, member.cctld, membership.certificates[member.fingerprint], is_root)


def letter_ids(house: Installation, drill: Drill, at: int) -> Mapping[str, str]:
    """The Message-ID of each present member's letter in a drill, by fingerprint, whether it was written or not."""
    letters = house.letters
    members = house.membership().members(at)
    return {one.fingerprint: letters.id_of("drill", one.emails[0], occasion(drill, one.fingerprint)) for one in members}


def _key(row: DrillMember) -> Key:
    return row.cctld, row.fingerprint
