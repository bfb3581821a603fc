"""The server: mail in by SMTP and LMTP, copies out, timers; until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable

from sqlalchemy import Engine

from securelist.config import Config
from securelist.delivery.next_hop import open_next_hop
from securelist.delivery.worker import StillMember, deliver_due
from securelist.mail.addresses import ListAddress, Role
from securelist.mail.deadline import Deadline
from securelist.mail.room import Limits, sessions_for
from securelist.mail.server import Judge, MailServer
from securelist.periodic import Periodic
from securelist.store.database import writing
from securelist.store.journal import note
from securelist.store.retention import forget

# Copies leave at once; this is for those that come due, and for leases of a process that died.
DELIVER_EVERY_S = 30.0
# A receipt is written as soon as its post's copies are settled; this is for those that wait.
RECEIPTS_EVERY_S = 60.0
# What a mail makes due is written at once; this is for what the calendar does.
LETTERS_EVERY_S = 60.0
FORGET_EVERY_S = 3600
# Mails under way get this long to finish after SIGTERM, then a 451; the supervisor kills only much later.
GRACE_S = 3.0

_log = logging.getLogger(__name__)


def serve(
    config: Config,
    engine: Engine,
    judge: Judge,
    still_member: StillMember,
    write_letters: Callable[[int], None],
    write_receipts: Callable[[int], bool],
    now: Callable[[], int],
) -> None:
    """Runs until SIGTERM or SIGINT and returns then. Prints `ready smtp=HOST:PORT lmtp=HOST:PORT` once mail is taken.

    `write_letters` queues all letters that are due at a time, `write_receipts` those that tell posters whom their posts reached, and
    whether it did. Raises ConfigurationError or Unavailable before it is ready,
    never afterwards. `now` gives Unix seconds.
    """
    open_next_hop(config.next_hop, config.domain).close()
    stop = threading.Event()
    deliverer = Deliverer(config, engine, still_member, now, stop)

    def deliver() -> None:
        if deliverer.round():
            receipts.wake()

    def receipts_and_deliver() -> None:
        if write_receipts(now()):
            delivery.wake()

    delivery = Periodic("deliver", DELIVER_EVERY_S, deliver, stop)
    # A thread of its own: letters may wait for other machines, and whoever posted in an incident must not wait with them.
    receipts = Periodic("receipts", RECEIPTS_EVERY_S, receipts_and_deliver, stop)

    def write_and_deliver() -> None:
        write_letters(now())
        delivery.wake()

    writing_letters = Periodic("letters", LETTERS_EVERY_S, write_and_deliver, stop)

    def judge_and_deliver(to: ListAddress, mail_from: str, content: bytes, deadline: Deadline) -> None:
        try:
            judge(to, mail_from, content, deadline)
        finally:
            delivery.wake()  # a refusal may have written a letter, too
        if to.role is Role.REQUEST:  # nothing else makes a letter due that has not been written; no refusal does, which strangers can cause
            writing_letters.wake()

    def refused_here(reason: str) -> None:
        with writing(engine) as connection:
            note(connection, now(), "refused", "", reason)

    threads = (delivery, writing_letters, receipts)
    idle = asyncio.run(_serve(config, judge_and_deliver, refused_here, threads))
    stopped = [thread.stop(GRACE_S) for thread in threads]
    if not (idle and all(stopped)):
        # A thread still waits for somebody else: for gpg, with a mail that was answered 451 and can no more be
        # committed; or for the next hop, with a copy whose lease ends with us. Python would wait for them.
        sys.stdout.flush()
        os._exit(0)


async def _serve(config: Config, judge: Judge, refused_here: Callable[[str], None], threads: Iterable[Periodic]) -> bool:
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    limits = Limits(sessions=sessions_for(Limits.sessions))
    server = MailServer(config.list, judge, refused_here, limits=limits)
    smtp = await server.listen(config.smtp)
    lmtp = await server.listen(config.lmtp, lmtp=True)
    for thread in threads:
        thread.start()
    print(f"ready smtp={smtp} lmtp={lmtp}", flush=True)
    notify_systemd("READY=1")
    await asked_to_stop.wait()
    for thread in threads:
        thread.ask_to_stop()
    return await server.stop(GRACE_S)


class Deliverer:
    """Hands copies over, and forgets what has had its time."""

    def __init__(self, config: Config, engine: Engine, still_member: StillMember, now: Callable[[], int], stop: threading.Event) -> None:
        self._config, self._engine, self._still_member, self._now, self._stop = config, engine, still_member, now, stop
        self._forget_next = 0

    def round(self) -> bool:
        """Every copy that is due, until the next hop is out of reach or `stop` is set; whether any came to its end."""
        next_hop = open_next_hop(self._config.next_hop, self._config.domain)
        try:
            counts = deliver_due(self._engine, self._config, next_hop, self._still_member, self._now, self._stop)
        finally:
            next_hop.close()
        if counts.down:
            _log.warning("delivery: %s", counts.down)
        if self._now() >= self._forget_next:
            forget(self._engine, self._config, self._now())
            self._forget_next = self._now() + FORGET_EVERY_S
        return counts.settled > 0


def notify_systemd(state: str) -> None:
    """Tells the service manager, if it asked to be told (sd_notify(3))."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.connect("\0" + path[1:] if path.startswith("@") else path)
            notify.send(state.encode())
