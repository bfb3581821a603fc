"""Mail in, by SMTP and LMTP: takes what is for the list, has it judged in a pool, and answers so that answers tell nothing.

| outcome | SMTP | LMTP (behind a queue, whose 5xx would become a bounce) |
|---|---|---|
| accepted, or accepted before | 250 | 250 for each recipient |
| refused | the same 550 at a fixed time, whatever the reason | 250, discarded |
| larger than the limit | 552 | 250, discarded |
| our own trouble, or out of time | 451 | 451 |
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from securelist.errors import ConfigurationError, Refused, SecurelistError, TryAgain, Unavailable
from securelist.mail.addresses import ListAddress
from securelist.mail.deadline import Deadline
from securelist.mail.session import MIB, TRY_AGAIN, Handler, LmtpSession, SmtpSession
from securelist.post.step1_receive import MAX_MAIL_OCTETS

Judge = Callable[[ListAddress, str, bytes, Deadline], object]
"""Judges one mail: for which address of the list, return path ("" for <>), content with CRLF line ends, its deadline.

Returns when the mail was taken and what it asks for is done; raises Refused or TryAgain. It calls `deadline.in_time()`
last before it commits. It runs in a thread of the pool.
"""

# gpg-agent decrypts and signs one thing at a time; a second worker checks while the first one waits for it.
WORKERS = 2
# A mail above this size is judged alone: each is held several times while it is taken apart and sealed.
LARGE_OCTETS = MIB
# Sending servers wait 10 minutes for this answer (RFC 5321, 4.5.3.2.6); the relay in front of us perhaps less.
TIME_LIMIT_S = 60.0
# Refusals leave at whole multiples of this after the end of the data: how far a mail came does not show.
REFUSAL_QUANTUM_S = 1.0
# A list has a handful of mails a day; each session can hold a mail of 25 MiB, so all together are bounded as well.
MAX_SESSIONS = 50
MAX_HELD_OCTETS = 200 * MIB

ACCEPTED = "250 2.0.0 OK"
TOO_BIG = "552 5.3.4 Message too big"
NO_ROOM = "452 4.3.1 No room now, please try again later"
BUSY = b"421 4.3.2 Too many connections, please try again later\r\n"

_log = logging.getLogger(__name__)


class _Busy(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(BUSY)
        transport.close()


class MailServer:
    """Both listeners. Made and used inside one event loop; `note` is told (in a thread) why a mail was refused here."""

    def __init__(
        self,
        list_address: str,
        judge: Judge,
        note: Callable[[str], None],
        *,
        time_limit_s: float = TIME_LIMIT_S,
        refusal_quantum_s: float = REFUSAL_QUANTUM_S,
        max_octets: int = MAX_MAIL_OCTETS,
    ) -> None:
        self.list, self.hostname = list_address, list_address.rpartition("@")[2]
        self.handler = Handler(list_address)
        self.max_octets = max_octets
        self.sessions: set[SmtpSession] = set()
        self.held = 0
        self._judge, self._note = judge, note
        self._time_limit_s, self._quantum_s = time_limit_s, refusal_quantum_s
        self._loop = asyncio.get_running_loop()
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="post")
        self._one_large = asyncio.Lock()
        self._underway: set[asyncio.Task[str]] = set()
        self._stop_now: asyncio.Future[None] = self._loop.create_future()
        self._stopping = False
        self._listeners: list[asyncio.Server] = []

    async def listen(self, address: str, *, lmtp: bool = False) -> str:
        """Listens on HOST:PORT and returns the same with the port it got. Raises ConfigurationError, Unavailable."""
        host, port = host_and_port(address)
        kind = LmtpSession if lmtp else SmtpSession

        def session() -> asyncio.BaseProtocol:
            return kind(self, self._loop) if len(self.sessions) < MAX_SESSIONS else _Busy()

        try:
            listener = await self._loop.create_server(session, host, port)
        except OSError as problem:
            raise Unavailable("cannot-listen", f"cannot listen on {address}: {problem.strerror}") from None
        self._listeners.append(listener)
        host, port = listener.sockets[0].getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def stop(self, grace_s: float) -> bool:
        """Takes no more, lets mails finish for `grace_s`, answers 451 to the rest; False if a worker is still busy."""
        self._stopping = True
        for listener in self._listeners:
            listener.close()
        if self._underway:
            await asyncio.wait(self._underway, timeout=grace_s)
        self._stop_now.set_result(None)
        patience = self._loop.time() + self._quantum_s + 1
        while any(session.in_data for session in self.sessions) and self._loop.time() < patience:
            await asyncio.sleep(0.02)
        for session in list(self.sessions):
            if session.transport is not None:
                session.transport.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        return not self._underway

    def problem_with(self, octets: int, more: int) -> str:
        """The reply to a mail that has grown to `octets`, by `more` just now, if it cannot be taken; else empty."""
        if octets > self.max_octets:
            return TOO_BIG
        return NO_ROOM if self.held + more > MAX_HELD_OCTETS else ""

    async def settle(self, to: ListAddress, mail_from: str, content: bytes, problem: str, held: int, *, is_lmtp: bool) -> str:
        """The reply to one mail whose last byte has just come; `held` octets of `self.held` are free when it is judged."""
        ended = self._loop.time()
        deadline = Deadline(ended + self._time_limit_s, self._loop.time)
        work = self._loop.create_task(self._judged(to, mail_from, content, problem, deadline))
        self._underway.add(work)
        work.add_done_callback(lambda _: self._free(work, held))
        # A peer that hangs up cancels us, not the work: it ends as it would have, and the post is known when it comes again.
        await asyncio.wait((work, self._stop_now), timeout=self._time_limit_s, return_when=asyncio.FIRST_COMPLETED)
        if not work.done() and deadline.expire():
            return TRY_AGAIN
        reply = await asyncio.shield(work)
        if not reply.startswith("5"):
            return reply
        if is_lmtp:
            return ACCEPTED
        await asyncio.sleep(self._quantum_s - (self._loop.time() - ended) % self._quantum_s)
        return reply

    def _free(self, work: asyncio.Task[str], held: int) -> None:
        self._underway.discard(work)
        self.held -= held

    async def _judged(self, to: ListAddress, mail_from: str, content: bytes, problem: str, deadline: Deadline) -> str:
        if self._stopping or problem == NO_ROOM:
            return problem or TRY_AGAIN
        try:
            if len(content) > LARGE_OCTETS:
                async with self._one_large:
                    return await self._in_pool(to, mail_from, content, problem, deadline)
            return await self._in_pool(to, mail_from, content, problem, deadline)
        except TryAgain as trouble:
            _log.warning("not done: %s: %s", trouble.reason, trouble.detail)
        except SecurelistError as trouble:
            _log.error("not done: %s: %s", trouble.reason, trouble.detail)
        except Exception as error:  # whatever it is, it is our trouble; its text may hold what nobody should read
            _log.error("not done: %s", type(error).__name__)
        return TRY_AGAIN

    async def _in_pool(self, to: ListAddress, mail_from: str, content: bytes, problem: str, deadline: Deadline) -> str:
        def work() -> str:
            if problem:
                self._note("too-large")
                return problem
            if _has_bare_line_ends(content):
                self._note("bare-line-end")
                return Refused.smtp_reply
            if deadline.over:  # it waited for a worker all the time
                return TRY_AGAIN
            try:
                self._judge(to, mail_from, content, deadline)
            except Refused as refused:
                # Who sends again because our answer was lost hears that it worked.
                return ACCEPTED if refused.reason == "duplicate" else Refused.smtp_reply
            return ACCEPTED

        return await self._loop.run_in_executor(self._pool, work)


def _has_bare_line_ends(content: bytes) -> bool:
    """RFC 5321, 2.3.8: CR and LF come in pairs only. What others take for the end of a mail is not relayed by us."""
    return not content.count(b"\r\n") == content.count(b"\r") == content.count(b"\n")


def host_and_port(address: str) -> tuple[str, int]:
    """The parts of HOST:PORT, an IPv6 address in brackets; raises ConfigurationError."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise ConfigurationError("bad-setting", f"{address!r} is not HOST:PORT")
    return host.strip("[]"), int(port)
