"""The poster's receipt: how many copies were handed over, whom the post did not reach, why, and whom to call.

It comes when every copy is settled, at the latest FIRST_AFTER_S after the post was accepted; and once more at the end, if other people
are to be named then. A letter has no receipt.
"""

from __future__ import annotations

from securelist.addressees import Addressees
from securelist.delivery.backoff import GIVE_UP_AFTER_S
from securelist.installation import Installation
from securelist.letters import Addressee, Facts
from securelist.procedures.dates import minute
from securelist.procedures.each import each
from securelist.store import receipts
from securelist.store.database import reading, writing
from securelist.store.receipts import Waiting
from securelist.trust.membership import SUSPENDED
from securelist.upkeep.reached import Directory, Missed, Reached, reached

# Whoever posts in an incident waits so long before they take up the telephone; what was not taken by then waits for hours, often.
FIRST_AFTER_S = 15 * 60
# A mail server that takes a copy, and cannot pass it on, reports that within minutes, if it is going to report it at all.
LAST_AFTER_S = 60 * 60
# By then every copy has been delivered, or has failed.
CLOSED_AFTER_S = GIVE_UP_AFTER_S
# Each is a signature and an encryption, 50 ms or so: of a backlog the next rounds write the rest.
RECEIPTS_A_ROUND = 50
# Three pages to telephone through. When the next hop is out of reach it is everybody, and `status` has them all.
MAX_NAMED = 100

KIND = "handed-over"
_NOT_TOLD = ""  # differs from every digest, that of nobody, too


class Receipts:
    """Writes the receipts of one installation."""

    def __init__(self, house: Installation) -> None:
        self._house, self._people = house, Addressees(house)

    def round(self, at: int) -> bool:
        """Writes the receipts that are due at `at` (Unix seconds): whether there were any. Costs one query where there are none.

        Any number of processes may do it. Raises TryAgain; what concerns one post holds up no other.
        """
        with reading(self._house.engine) as connection:
            due = receipts.due(connection, at - FIRST_AFTER_S, at - LAST_AFTER_S, at - CLOSED_AFTER_S, RECEIPTS_A_ROUND)
        people = Directory(self._house.membership(), at) if due else None
        return any(each(due, lambda one: people is not None and self._one(one, people, at)))

    def _one(self, one: Waiting, people: Directory, at: int) -> bool:
        with reading(self._house.engine) as connection:
            found = reached(receipts.standings(connection, one.post_id), people, one.accepted)
        to = self._poster(one.poster, people, at)
        return self._last(one, to, found, at) if one.first else self._first(one, to, found, at)

    def _poster(self, fingerprint: str, people: Directory, at: int) -> Addressee | None:
        """Who posted, unless they left, or were suspended because their key is in other hands, perhaps."""
        member = people.membership.member_by_key(fingerprint, at)
        return None if member and member.state == SUSPENDED else self._people.of(fingerprint, at, people.membership)

    def _first(self, one: Waiting, to: Addressee | None, found: Reached, at: int) -> bool:
        """Who is named is noted before: the last receipt is compared with what this one says, whoever is killed in between."""
        occasion = f"post {one.post_id}"
        was_written = bool(one.missed and to and not self._house.letters.is_due(KIND, to, at, occasion))
        if not was_written:
            with writing(self._house.engine) as connection:
                if not receipts.claim(connection, one, found.digest):
                    return False
        written = self._write(one, to, found, at, occasion)
        with writing(self._house.engine) as connection:
            receipts.mark_first(connection, one.post_id, at, None if written else _NOT_TOLD)
        return written

    def _last(self, one: Waiting, to: Addressee | None, found: Reached, at: int) -> bool:
        written = found.digest != one.missed and self._write(one, to, found, at, f"post {one.post_id} in the end")
        with writing(self._house.engine) as connection:
            receipts.close(connection, [one.post_id], at)
        return written

    def _write(self, one: Waiting, to: Addressee | None, found: Reached, at: int, occasion: str) -> bool:
        facts = {"accepted": minute(one.accepted), "later": bool(one.first), **_facts(found)}
        return to is not None and self._house.letters.write(KIND, to, at, occasion=occasion, answers_to=one.message_id, **facts)


def _facts(found: Reached) -> Facts:
    return {
        "copies": found.copies,
        "handed": found.handed_over,
        "took": lasting(found.took) if found.handed_over else "",
        "count": len(found.missed),
        "missed": [_person(one) for one in found.missed[:MAX_NAMED]],
        "more": len(found.missed[MAX_NAMED:]),
        "waits": any(one.waits for one in found.missed),
        "days": CLOSED_AFTER_S // (24 * 60 * 60),
    }


def _person(one: Missed) -> Facts:
    member = one.member
    return {"tld": member.cctld, "name": member.name, "phones": ", ".join(member.phones), "why": one.why}


def lasting(seconds: int) -> str:
    """A length of time in the largest unit of which there are two or more: `9 s`, `14 min`, `3 h`, `5 days`."""
    for unit, length in (("days", 24 * 60 * 60), ("h", 60 * 60), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
