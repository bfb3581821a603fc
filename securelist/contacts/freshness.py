"""How fresh contact details are: when somebody is asked whether theirs are right, and when the answer is overdue."""

from __future__ import annotations

from securelist.store.retention import DAY_S

# A month to answer one mail: holidays pass, and nobody's Admin Contact hears of them for a week away.
OVERDUE_AFTER_DAYS = 30


def is_due(confirmed: int, confirm_days: int, at: int) -> bool:
    """Whether they are to be asked at `at`, having confirmed at `confirmed` (Unix seconds); `confirm_days` 0: nobody ever is."""
    return bool(confirm_days) and at >= confirmed + confirm_days * DAY_S


def is_overdue(confirmed: int, confirm_days: int, at: int) -> bool:
    """Whether they were asked, and had time enough to answer."""
    return is_due(confirmed, confirm_days, at - OVERDUE_AFTER_DAYS * DAY_S)
