"""The poster's receipt: how many copies were handed over, whom the post did not reach, why, and whom to call.

It comes when every copy is settled, at the latest FIRST_AFTER_S after the post was accepted; and once more, LAST_AFTER_S after it at the
earliest, if other people are to be named by then: because what waited arrived, or a mail server reported that what it took did not. That
one is the last. A letter has no receipt.
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
from securelist.store.queue import has_message_id
from securelist.store.receipts import Times, Waiting
from securelist.store.retention import DAY_S
from securelist.trust.membership import SUSPENDED
from securelist.upkeep.reached import Directory, Missed, Reached, reached

# Whoever posts in an incident waits so long before they take up the telephone; what was not taken by then waits for hours, often.
FIRST_AFTER_S = 15 * 60
# What was refused for a while is taken by then mostly, and most reports that a mailbox does not exist have come: the last receipt, of
# which there is one, is not spent on the first of them.
LAST_AFTER_S = 60 * 60
# By then every copy has been handed over, or has failed, and mail servers that tried for five days themselves have reported: they give up
# at an attempt, hours later. Whatever is reported after that is not told.
CLOSED_AFTER_S = GIVE_UP_AFTER_S + DAY_S
# Writing a receipt takes far less. Who has claimed one for so long was killed.
CLAIM_S = 60
# Each is a signature and an encryption, 50 ms or so: of a backlog the next rounds write the rest.
RECEIPTS_A_ROUND = 50
# Three pages to telephone through. When the next hop is out of reach it is everybody.
MAX_NAMED = 100

KIND = "handed-over"


class Receipts:
    """Writes the receipts of one installation."""

    def __init__(self, house: Installation) -> None:
        self._house, self._people = house, Addressees(house)

    def round(self, at: int) -> bool:
        """Writes the receipts that are due at `at` (Unix seconds): whether there were any. Costs one query where there are none.

        Any number of processes may do it. Raises TryAgain; what concerns one post holds up no other.
        """
        with reading(self._house.engine) as connection:
            times = Times(at - FIRST_AFTER_S, at - LAST_AFTER_S, at - CLOSED_AFTER_S, at - CLAIM_S, at)
            due = receipts.due(connection, times, RECEIPTS_A_ROUND)
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
        """Who is named is noted before, by one process alone: the last receipt is compared with what this one says, whoever is killed."""
        occasion = f"post {one.post_id}"
        was_written = bool(one.claimed and to and self._was_written(to, occasion))
        with writing(self._house.engine) as connection:
            if not receipts.claim(connection, one, one.missed if was_written else found.digest, at):
                return False
        written = self._write(one, to, found, at, occasion)
        with writing(self._house.engine) as connection:
            receipts.mark_first(connection, one.post_id, at, written)
        return written

    def _was_written(self, to: Addressee, occasion: str) -> bool:
        return has_message_id(self._house.engine, self._house.letters.id_of(KIND, to.emails[0], occasion))

    def _last(self, one: Waiting, to: Addressee | None, found: Reached, at: int) -> bool:
        """Whoever was told, and would read the same once more, hears nothing; until the end that may still change."""
        is_news = not one.told or found.digest != one.missed
        written = is_news and self._write(one, to, found, at, f"post {one.post_id} in the end")
        with writing(self._house.engine) as connection:
            if is_news or min(one.accepted, one.first) <= at - CLOSED_AFTER_S:
                receipts.close(connection, [one.post_id], at)
            else:
                receipts.mark_looked(connection, one.post_id, at)
        return written

    def _write(self, one: Waiting, to: Addressee | None, found: Reached, at: int, occasion: str) -> bool:
        facts = {"accepted": minute(one.accepted), "later": bool(one.first), "told": one.told, **_facts(found)}
        return to is not None and self._house.letters.write(KIND, to, at, occasion=occasion, answers_to=one.message_id, **facts)


def _facts(found: Reached) -> Facts:
    return {
        "copies": found.copies,
        "handed": found.handed_over,
        "took": lasting(found.took) if found.handed_over else "",
        "count": len(found.missed),
        "missed": [_person(one) for one in found.missed[:MAX_NAMED]],
        "more": len(found.missed[MAX_NAMED:]),
        "more_wait": sum(one.waits for one in found.missed[MAX_NAMED:]),
        "waits": any(one.waits for one in found.missed),
        "days": GIVE_UP_AFTER_S // DAY_S,
        "open": CLOSED_AFTER_S // DAY_S,
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
