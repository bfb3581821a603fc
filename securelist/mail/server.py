"""Mail in, by SMTP and LMTP: takes what is for the list, has it judged in a pool, and answers so that answers tell nothing.

| outcome | SMTP | LMTP (behind a queue, whose 5xx would become a bounce) |
|---|---|---|
| accepted, or accepted before | 250 | 250 for each recipient |
| refused, too large included | the same 550 at the same time, whatever the reason | 250, discarded |
| our own trouble, or out of time | 451 | 451 |
| no room for it | 452 | 452 |

**The time of an answer** is `REFUSAL_AFTER_S` after the end of the data, so that how far a mail came does not show. If the work took
longer, since the mail waited for a worker or costs much by itself, it is the next whole multiple: on a server under load all
answers come later, and the later multiples tell how long the queue was. The same holds for what a stranger can have accepted (the
list's certificate, mail to the owner, a delivery report): their 250 would otherwise tell how long the workers were busy with
another mail. The same holds for LIST-request, where some mails of strangers are dropped with a 250. A 250 to the list leaves at once.

**When more mails come than two workers can judge**, the newest is judged first, and one that has waited for the whole of its time
hears 451. What no worker has begun when its peer hangs up is forgotten: nobody was told that it was done, and mail servers come again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from securelist.errors import ConfigurationError, Refused, SecurelistError, TryAgain, Unavailable
from securelist.mail.addresses import ListAddress, Role
from securelist.mail.deadline import Deadline
from securelist.mail.incoming import Arrived
from securelist.mail.room import Limits, Room
from securelist.mail.session import ACCEPTED, BUSY, SHUTTING_DOWN, TRY_AGAIN, Handler, LmtpSession, SmtpSession
from securelist.mail.turns import Turns
from securelist.post.step1_receive import MAX_MAIL_OCTETS

Judge = Callable[[ListAddress, str, bytes, Deadline], object]
"""Judges one mail: for which address of the list, return path ("" for <>), content with CRLF line ends, its deadline.

Returns when the mail was taken and what it asks for is done; raises Refused or TryAgain. It calls `deadline.in_time()`
last before it commits. It runs in a thread of the pool.
"""

# gpg-agent decrypts and signs one thing at a time; a second worker checks while the first one waits for it.
WORKERS = 2
# Sending servers wait 10 minutes for this answer (RFC 5321, 4.5.3.2.6); the relay in front of us perhaps less.
TIME_LIMIT_S = 60.0
# Connections that the kernel keeps until we take them. Beyond, a client waits a whole second before it tries again (RFC 6298, 2.1).
BACKLOG = 500
# Connections taken in one turn of the event loop; they are counted, and others hung up on, a turn or two later.
TAKEN_AT_ONCE = 50
# More than any mail takes that is refused on an idle machine (half a second), and nothing to a server that waits for minutes.
REFUSAL_AFTER_S = 2.0

NO_ROOM = "452 4.3.1 No room now, please try again later"
_AT_ONCE = {Role.LIST}

_log = logging.getLogger(__name__)


class MailServer:
    """Both listeners. Made and used inside one event loop; `note` is told (in a thread) why a mail was refused here."""

    def __init__(
        self,
        list_address: str,
        judge: Judge,
        note: Callable[[str], None],
        *,
        time_limit_s: float = TIME_LIMIT_S,
        refusal_after_s: float = REFUSAL_AFTER_S,
        max_octets: int = MAX_MAIL_OCTETS,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        self.list, self.hostname = list_address, list_address.rpartition("@")[2]
        self.handler = Handler(list_address)
        self.max_octets = max_octets
        self._loop = asyncio.get_running_loop()
        self.room = Room(limits, self._loop.time)
        self._judge, self._note = judge, note
        self._time_limit_s, self._refusal_after_s = time_limit_s, refusal_after_s
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="post")
        self._workers, self._one_large = Turns(WORKERS), Turns(1)
        self._underway: set[asyncio.Task[str]] = set()
        self._stop_now: asyncio.Future[None] = self._loop.create_future()
        self.stopping = False
        self._listeners: list[asyncio.Server] = []

    async def listen(self, address: str, *, lmtp: bool = False) -> str:
        """Listens on HOST:PORT and returns the same with the port it got. Raises ConfigurationError, Unavailable."""
        host, port = host_and_port(address)
        kind = LmtpSession if lmtp else SmtpSession
        try:
            listener = await self._loop.create_server(lambda: kind(self, self._loop), host, port, backlog=TAKEN_AT_ONCE)
        except OSError as problem:
            raise Unavailable("cannot-listen", f"cannot listen on {address}: {problem.strerror}") from None
        self._listeners.append(listener)
        for each in listener.sockets:
            with each.dup() as same:  # asyncio has one number for both
                same.listen(BACKLOG)
        host, port = listener.sockets[0].getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def stop(self, grace_s: float) -> bool:
        """Takes no more, lets mails finish for `grace_s`, answers 451 to the rest; False if a worker is still busy."""
        self.stopping = True
        for listener in self._listeners:
            listener.close()
        if self._underway:
            await asyncio.wait(self._underway, timeout=grace_s)
        self._stop_now.set_result(None)
        patience = self._loop.time() + self._refusal_after_s + 1
        while any(guest.waits for guest in self.room.guests) and self._loop.time() < patience:
            await asyncio.sleep(0.02)
        for guest in list(self.room.guests):
            guest.hang_up(SHUTTING_DOWN)
        self._pool.shutdown(wait=False, cancel_futures=True)
        return not self._underway

    def problem_with(self, session: SmtpSession, octets: int, more: int) -> str:
        """Why a mail that has grown to `octets`, by `more` just now, cannot be taken: "too-large", "no-room", or empty."""
        if octets > self.max_octets:
            return "too-large"
        return "" if self.room.take(session, more, BUSY) else "no-room"

    async def settle(self, mail: Arrived, *, is_lmtp: bool) -> str:
        """The reply to one mail; what it holds of the room is free when it is judged."""
        ended = self._loop.time()
        deadline = Deadline(ended + self._time_limit_s, self._loop.time)
        work = self._loop.create_task(self._judged(mail, deadline))
        self._underway.add(work)
        work.add_done_callback(self._underway.discard)
        try:
            await asyncio.wait((work, self._stop_now), timeout=self._time_limit_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Also when the peer hangs up, which cancels us. What has begun ends as it would have: the post is known when it comes again.
            if not mail.guest.judged:
                work.cancel()
        if not work.done() and deadline.expire():
            return TRY_AGAIN
        reply = await asyncio.shield(work)
        if is_lmtp:
            return ACCEPTED if reply == Refused.smtp_reply else reply
        if reply != ACCEPTED or mail.to.role not in _AT_ONCE:
            await asyncio.sleep(self._refusal_after_s - (self._loop.time() - ended) % self._refusal_after_s)
        return reply

    async def _judged(self, mail: Arrived, deadline: Deadline) -> str:
        if mail.problem == "no-room":
            return NO_ROOM
        if self.stopping:
            return TRY_AGAIN
        try:
            if len(mail.incoming) > self.room.limits.large_octets:
                async with self._one_large:
                    return await self._in_pool(mail, deadline)
            return await self._in_pool(mail, deadline)
        except TryAgain as trouble:
            _log.warning("not done: %s: %s", trouble.reason, trouble.detail)
        except SecurelistError as trouble:
            _log.error("not done: %s: %s", trouble.reason, trouble.detail)
        except Exception as error:  # whatever it is, it is our trouble; its text may hold what nobody should read
            _log.error("not done: %s", type(error).__name__)
        return TRY_AGAIN

    async def _in_pool(self, mail: Arrived, deadline: Deadline) -> str:
        def work() -> str:
            content = mail.incoming.content()
            problem = mail.problem or ("bare-line-end" if _has_bare_line_ends(content) else "")
            if problem:
                self._note(problem)
                return Refused.smtp_reply
            try:
                self._judge(mail.to, mail.mail_from, content, deadline)
            except Refused as refused:
                # Who sends again because our answer was lost hears that it worked.
                return ACCEPTED if refused.reason == "duplicate" or refused.quiet else Refused.smtp_reply
            return ACCEPTED

        async with self._workers:
            held = self.room.begin(mail.guest)
            try:
                return await self._loop.run_in_executor(self._pool, work)
            finally:
                self.room.held -= held


def _has_bare_line_ends(content: bytes) -> bool:
    """RFC 5321, 2.3.8: CR and LF come in pairs only. What others take for the end of a mail is not relayed by us."""
    return not content.count(b"\r\n") == content.count(b"\r") == content.count(b"\n")


def host_and_port(address: str) -> tuple[str, int]:
    """The parts of HOST:PORT, an IPv6 address in brackets; raises ConfigurationError."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise ConfigurationError("bad-setting", f"{address!r} is not HOST:PORT")
    return host.strip("[]"), int(port)
