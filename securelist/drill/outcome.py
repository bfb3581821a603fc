"""What becomes of a member in a drill, in one word and one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from securelist.store.drills import Drill, DrillMember
from securelist.store.queue import DELIVERED
from securelist.store.queue_view import LetterCopy
from securelist.trust.membership import SUSPENDED
from securelist.upkeep.readiness import Standing

# Why there is no answer. The first two: the letter could not be read; then: what came was none.
KEY, ADDRESS = "key", "address"
UNSIGNED, UNENCRYPTED, OTHER_KEY, UNREADABLE, LATE = "unsigned", "unencrypted", "other-key", "unreadable", "late"
SILENT, NOT_ASKED, GONE = "silent", "not-asked", "gone"
ANSWERED = "answered"

MEANINGS = {
    KEY: "their key cannot be used",
    ADDRESS: "mail does not arrive at their addresses",
    UNSIGNED: "the answer was not signed",
    UNENCRYPTED: "the answer was not encrypted to the list",
    OTHER_KEY: "the answer was signed by another key",
    UNREADABLE: "the answer could not be read",
    LATE: "the answer came too late",
    SILENT: "no answer",
    NOT_ASKED: "no letter could be written",
    GONE: "left, suspended, or with another key since; not counted",
}
"""Each of these words as people read it, in the order in which a report counts them."""

_BOUNCED = "bounced: "  # begins the answer of a copy about which a report came


def outcome_of(one: Standing) -> tuple[str, str]:
    """(word, sentence) for a member who could not read a letter sent now; two empty texts for one who could."""
    if not one.key_works:
        return KEY, one.member.why
    if len(one.dead) == len(one.member.emails):
        return ADDRESS, one.member.why
    return "", ""


def final(row: DrillMember, one: Standing | None, copies: Sequence[LetterCopy]) -> tuple[str, str]:
    """(word, sentence) for a member without an answer when the drill is settled; `copies` are those of their letter."""
    if one is None:
        return GONE, "no longer a member with this key"
    if one.member.state == SUSPENDED:
        return GONE, one.member.why
    if row.failure in (UNSIGNED, UNENCRYPTED, OTHER_KEY, UNREADABLE, LATE):
        return row.failure, row.why
    now, lost = outcome_of(one), "; ".join(f"{copy.recipient}: {copy.answer or copy.state}" for copy in copies if not _arrived(copy))
    if now[0] == KEY:
        return now
    if not row.asked:
        return NOT_ASKED, "no letter was written: the list was not running, could not encrypt to the key, or had written too often that day"
    if copies and not any(map(_arrived, copies)):
        return ADDRESS, lost
    return now if now[0] else (SILENT, lost)


def _arrived(copy: LetterCopy) -> bool:
    """As far as anybody said."""
    return copy.state == DELIVERED and not copy.answer.startswith(_BOUNCED)


def counted(rows: Iterable[DrillMember]) -> list[DrillMember]:
    """Those who are counted: all but who is no member any more."""
    return [row for row in rows if row.failure != GONE]


def after(row: DrillMember) -> int:
    """How many seconds somebody took to answer who did."""
    return max(0, row.answered - row.asked)


def middle(rows: Iterable[DrillMember]) -> int:
    """The median of the seconds that it took those to answer who did; 0 for nobody."""
    took = [after(row) for row in rows if row.answered]
    return round(median(took)) if took else 0


def state_of(drill: Drill, at: int) -> str:
    """`running`, then `ended` until the report is written, then `reported`."""
    if drill.reported:
        return "reported"
    return "running" if at < drill.ends else "ended"


def span(seconds: int) -> str:
    """A length of time as people say it: 45 s, 12 min, 2 h 05 min, 3 d 4 h."""
    minutes, hours = seconds // 60, seconds // 3600
    if seconds < 60:
        return f"{seconds} s"
    if hours < 1:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60:02} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"


def share(answered: int, members: int) -> str:
    """How many of all, in whole percent; nobody of nobody is a dash."""
    return f"{100 * answered // members} %" if members else "-"
