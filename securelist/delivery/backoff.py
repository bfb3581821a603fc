"""When a copy that the next hop would not take now is tried again, and when it has failed."""

from __future__ import annotations

MINUTE_S = 60
HOUR_S = 3_600
# An incident message is worth little after hours, so the first attempts are close together; four hours is the longest
# pause, so that a mail system which comes back at night has its mail in the morning.
PAUSES_S = (MINUTE_S, 5 * MINUTE_S, 15 * MINUTE_S, 30 * MINUTE_S, HOUR_S, 2 * HOUR_S, 4 * HOUR_S)
# RFC 5321, 4.5.4.1: at least 4 to 5 days.
GIVE_UP_AFTER_S = 5 * 24 * HOUR_S
# However old: after a week without power (or a `queue retry`) a copy gets about an hour's worth of attempts.
MIN_ATTEMPTS = 5


def is_old(accepted: int, now: int) -> bool:
    """Whether a copy accepted then has waited for so long that it should come to an end."""
    return now - accepted >= GIVE_UP_AFTER_S


def next_attempt(accepted: int, attempts: int, now: int) -> int | None:
    """When to try again after `attempts` attempts (at least 1); None: give up. All times in Unix seconds."""
    if attempts >= MIN_ATTEMPTS and is_old(accepted, now):
        return None
    return now + PAUSES_S[min(attempts, len(PAUSES_S)) - 1]
