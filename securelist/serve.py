"""The server: mail in by SMTP and LMTP, copies out, timers; until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable

from sqlalchemy import Engine

from securelist.config import Config
from securelist.delivery.next_hop import open_next_hop
from securelist.delivery.worker import StillMember, deliver_due
from securelist.errors import SecurelistError
from securelist.mail.addresses import ListAddress
from securelist.mail.deadline import Deadline
from securelist.mail.server import Judge, MailServer
from securelist.store.database import writing
from securelist.store.journal import note
from securelist.store.retention import forget

# Copies leave at once; this is for those that come due, and for leases of a process that died.
DELIVER_EVERY_S = 30.0
FORGET_EVERY_S = 3600
# Mails under way get this long to finish after SIGTERM, then a 451; the supervisor kills only much later.
GRACE_S = 3.0

_log = logging.getLogger(__name__)


def serve(config: Config, engine: Engine, judge: Judge, still_member: StillMember, now: Callable[[], int]) -> None:
    """Runs until SIGTERM or SIGINT and returns then. Prints `ready smtp=HOST:PORT lmtp=HOST:PORT` once mail is taken.

    Raises ConfigurationError or Unavailable before it is ready, never afterwards. `now` gives Unix seconds.
    """
    open_next_hop(config.next_hop, config.domain).close()
    deliverer = Deliverer(config, engine, still_member, now)

    def judge_and_deliver(to: ListAddress, mail_from: str, content: bytes, deadline: Deadline) -> None:
        try:
            judge(to, mail_from, content, deadline)
        finally:
            deliverer.wake()  # a refusal may have written a letter, too

    def refused_here(reason: str) -> None:
        with writing(engine) as connection:
            note(connection, now(), "refused", "", reason)

    idle = asyncio.run(_serve(config, judge_and_deliver, refused_here, deliverer))
    idle = deliverer.stop(GRACE_S) and idle
    if not idle:
        # A thread still waits for somebody else: for gpg, with a mail that was answered 451 and can no more be
        # committed; or for the next hop, with a copy whose lease ends with us. Python would wait for them.
        sys.stdout.flush()
        os._exit(0)


async def _serve(config: Config, judge: Judge, refused_here: Callable[[str], None], deliverer: Deliverer) -> bool:
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    server = MailServer(config.list, judge, refused_here)
    smtp = await server.listen(config.smtp)
    lmtp = await server.listen(config.lmtp, lmtp=True)
    deliverer.start()
    print(f"ready smtp={smtp} lmtp={lmtp}", flush=True)
    notify_systemd("READY=1")
    await asked_to_stop.wait()
    deliverer.ask_to_stop()
    return await server.stop(GRACE_S)


class Deliverer:
    """The thread that hands copies over, when woken and now and then, and forgets what has had its time."""

    def __init__(self, config: Config, engine: Engine, still_member: StillMember, now: Callable[[], int]) -> None:
        self._config, self._engine, self._still_member, self._now = config, engine, still_member, now
        self._woken, self._stop = threading.Event(), threading.Event()
        self._forget_next = 0
        self._thread = threading.Thread(target=self._run, name="deliver", daemon=True)

    def start(self) -> None:
        """Begins with what is due already."""
        self._thread.start()

    def wake(self) -> None:
        """There may be something due."""
        self._woken.set()

    def ask_to_stop(self) -> None:
        """No further copy after the one under way."""
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
                self._round()
            except SecurelistError as trouble:
                _log.warning("delivery: %s: %s", trouble.reason, trouble.detail)
            except Exception as error:  # the next round may go well; delivery must not end for good
                _log.error("delivery: %s", type(error).__name__)
            self._woken.wait(DELIVER_EVERY_S)
            self._woken.clear()

    def _round(self) -> None:
        next_hop = open_next_hop(self._config.next_hop, self._config.domain)
        try:
            counts = deliver_due(self._engine, self._config, next_hop, self._still_member, self._now, self._stop)
        finally:
            next_hop.close()
        if counts.down:
            _log.warning("delivery: %s", counts.down)
        if self._now() >= self._forget_next:
            forget(self._engine, self._now())
            self._forget_next = self._now() + FORGET_EVERY_S


def notify_systemd(state: str) -> None:
    """Tells the service manager, if it asked to be told (sd_notify(3))."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.connect("\0" + path[1:] if path.startswith("@") else path)
            notify.send(state.encode())
