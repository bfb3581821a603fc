"""A thread that does something again and again: when woken, and else every so often."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from securelist.errors import SecurelistError

_log = logging.getLogger(__name__)


class Periodic:
    """Does `do` in a thread of its own, from `start` on until `stop` is set; what goes wrong in one round does not end it."""

    def __init__(self, name: str, every_s: float, do: Callable[[], None], stop: threading.Event) -> None:
        self._name, self._every_s, self._do, self._stop = name, every_s, do, stop
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begins with what is due already."""
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    def ask_to_stop(self) -> None:
        """No further round after the one under way, and that one ends as soon as it can."""
        self._stop.set()
        self._woken.set()

    def stop(self, patience_s: float) -> bool:
        """Whether the thread has ended, within that time."""
        self.ask_to_stop()
        if self._thread.ident is not None:
            self._thread.join(patience_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._do()
            except SecurelistError as trouble:
                _log.warning("%s: %s: %s", self._name, trouble.reason, trouble.detail)
            except Exception as error:  # the next round may go well; this must not end for good
                _log.error("%s: %s", self._name, type(error).__name__)
            self._woken.wait(self._every_s)
            self._woken.clear()
