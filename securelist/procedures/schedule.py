"""When somebody who does not answer is reminded, and when the list stops waiting. All in Unix seconds."""

from __future__ import annotations

from securelist.store.retention import DAY_S

# One week is a week of leave; three are a long one. Who does not answer two reminders has decided.
REMINDERS_AFTER_S = (7 * DAY_S, 21 * DAY_S)
# A signature counts for 30 days: what is answered later could not be taken anyway.
LAPSES_AFTER_S = 30 * DAY_S
# A request that nobody released, or whose ccTLD has nobody to ask: long enough for the Secretariat to find somebody.
REQUESTS_KEPT_S = 60 * DAY_S


def has_lapsed(since: int, at: int) -> bool:
    """Whether what was asked at `since` has had its time."""
    return at >= since + LAPSES_AFTER_S


def is_due(since: int, letters: int, at: int) -> bool:
    """Whether another letter is due to somebody first written to at `since`, who got so many by now: at once, then the reminders."""
    due = (0, *REMINDERS_AFTER_S)
    return letters < len(due) and at >= since + due[letters]
