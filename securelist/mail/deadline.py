"""The time a mail has: one decision, taken once, whether it was committed or given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from securelist.errors import TryAgain


class Deadline:
    """Between a worker that wants to commit and a server that wants to answer 451: the first to ask gets it."""

    def __init__(self, at: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._at, self._clock = at, clock
        self._lock = threading.Lock()
        self._claimed = False
        self._expired = False

    def in_time(self) -> None:
        """Claims the right to commit, last thing before it; raises TryAgain once the mail was given up or the time is over."""
        with self._lock:
            if self._expired or self._clock() >= self._at:
                self._expired = True
                raise TryAgain("too-slow", "the mail took too long; nothing of it was kept")
            self._claimed = True

    def expire(self) -> bool:
        """Gives the mail up; False if its commit is under way or done, and its outcome has to be awaited."""
        with self._lock:
            self._expired = self._expired or not self._claimed
            return self._expired
