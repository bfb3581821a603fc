"""One SMTP or LMTP session: aiosmtpd's, with a DATA command of our own and nothing that tells more than it must.

Ours differs from aiosmtpd's in these points. What a peer can make us hold in memory is bounded, on lines without an end, too. A
mail is read in whole pieces, and after each reply the others have their turn: a peer that sends a million line ends is one among
many. What time a session has is the room's to say (`room.py`). No line of a mail reaches a log, and no reply repeats what
was sent. LMTP answers once for each recipient, whatever happens. Of addresses only the plain form is read, STARTTLS and AUTH
do not exist, and a session with too many wrong commands or refused mails ends.

Pipelining (RFC 2920) is not offered and does no harm: commands are read one after the other, and what follows the end of a mail
is read after its reply. TLS is not offered, so nothing can be injected before it.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from securelist.mail.addresses import role_of
from securelist.mail.incoming import Arrived, Incoming

if TYPE_CHECKING:
    from securelist.mail.server import MailServer

# Only the list's own addresses are taken, and one of them per mail: more recipients are a mistake or an attack.
MAX_RECIPIENTS = 10
# Two hundred mails: a session that wants more replies is no mail server with mail for a list.
MAX_REPLIES = 1_000
# Replies that begin with 4 or 5. Postfix hangs up after 20; here recipients beyond the tenth count, too.
MAX_WRONG_COMMANDS = 100
# Each costs a worker, and a mail server that has so much spam for a list connects anew.
MAX_REFUSED_MAILS = 10
# More than the reader ever holds: it stops reading from the connection at 2 KB, and one piece has 256 KiB at most.
_ALL_THERE_IS = 1 << 30
NULL = "<>"  # how aiosmtpd hands the null return path over

BAD_PATH = "553 5.1.7 Not a plain address in angle brackets"
NO_SUCH_ADDRESS = "550 5.1.1 No such address here"
ONE_ROLE_AT_A_TIME = "452 4.5.3 Send to this address separately"
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients"
ACCEPTED = "250 2.0.0 OK"
TRY_AGAIN = "451 4.3.0 Not done, please try again later"
NOT_UNDERSTOOD = "500 5.5.2 Not understood"
NOT_IMPLEMENTED = "502 5.5.1 Not implemented"
BUSY = "421 4.3.2 Too many connections, please try again later"
TOO_SLOW = "421 4.4.2 It took too long, please try again later"
GOODBYE = "421 4.7.0 Goodbye"
SHUTTING_DOWN = "421 4.3.2 Shutting down, please try again later"

# aiosmtpd lets quoted, half and doubled addresses pass, source routes (RFC 5321, appendix C) and nested comments; answers may go
# to a return path, so it has to be plain. Nothing else is handed to its parser, which recurses and takes its time.
# A local part has 64 octets (RFC 5321, 4.5.3.1.1), but for large providers, which write the sender's sender into it; and "_" is in
# names of machines, if not of mail domains. Nobody's mail is refused for that.
_LOCAL_PART = r"""[^\x00-\x20"\\<>()\[\]@,;:\x7f-\U0010ffff]{1,254}"""
_DOMAIN = r"[A-Za-z0-9._\[\]:-]{1,253}"
_PATH = re.compile(rf"(?i:FROM|TO): ?<(?:{_LOCAL_PART}@{_DOMAIN})?>(?: .*)?", re.DOTALL)

# aiosmtpd logs commands, and takes a mail sent without waiting for a refused DATA for commands: headers in the log.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)
_log = logging.getLogger(__name__)


class Handler:
    """aiosmtpd's hooks."""

    def __init__(self, list_address: str) -> None:
        self._list = list_address

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802 - aiosmtpd's name
        """Takes the list's addresses, those of one role at a time; by LMTP also what is nobody's, as if that were a role, too."""
        to = role_of(address, self._list)
        if to is None and not isinstance(server, LmtpSession):
            return NO_SUCH_ADDRESS
        if envelope.rcpt_tos and role_of(envelope.rcpt_tos[0], self._list) != to:
            return ONE_ROLE_AT_A_TIME
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return TOO_MANY_RECIPIENTS
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_exception(self, error: Exception) -> str:
        """For commands before DATA: our trouble is a 451; without this aiosmtpd answers 500 with the error's text."""
        _log.error("smtp: %s", type(error).__name__)
        return TRY_AGAIN


class SmtpSession(SMTP):
    """One connection by SMTP. As a guest of the room it has `ends_at`, `held`, `waits`, `judged` and `hang_up`."""

    is_lmtp = False

    def __init__(self, house: MailServer, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            house.handler,
            # LMTP announces no limit: a mail server would make a bounce of its own, to whoever it believes sent it.
            data_size_limit=None if self.is_lmtp else house.max_octets,
            hostname=house.hostname,
            ident="LMTP" if self.is_lmtp else "ESMTP",
            loop=loop,
        )
        self._house = house
        self._replies = self._wrong = self._refused = 0
        self.ends_at = 0.0
        self.held = 0
        self.waits = self.judged = False

    # --- coming and going -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Comes in, if there is room."""
        enters = self._house.room.enter(self, BUSY)
        super().connection_made(transport)
        if self._house.stopping or not enters:
            self.hang_up(SHUTTING_DOWN if self._house.stopping else BUSY)

    def connection_lost(self, error: Exception | None) -> None:
        """Leaves."""
        self._house.room.leave(self)
        super().connection_lost(error)

    def eof_received(self) -> bool:
        """Ends the session: who says no more is not answered, and must not keep the connection half open."""
        super().eof_received()
        return False

    def hang_up(self, reply: str) -> None:
        """Says this and closes, at once if the peer has stopped reading: a connection that waits to be read stays open for good."""
        transport = self.transport
        if not isinstance(transport, asyncio.WriteTransport):
            return
        transport.write(reply.encode() + b"\r\n")
        if transport.get_write_buffer_size():
            transport.abort()
        else:
            transport.close()

    def _reset_timeout(self, duration: float | None = None) -> None:
        """aiosmtpd asks for this when the connection is made, and for each command, which earn nothing here."""
        if self._timeout_handle is None:
            self._timeout_handle = self.loop.call_at(self.ends_at, self._timeout_cb)

    def _timeout_cb(self) -> None:
        if not self.waits and self.loop.time() >= self.ends_at:
            self.hang_up(TOO_SLOW)
        # Once more even so: the connection may close only when the peer has read what was said.
        again = max(self.ends_at, self.loop.time() + 1)
        self._timeout_handle = self.loop.call_at(again, self._timeout_cb)

    async def push(self, status: str | bytes) -> None:
        """One reply; then the others have their turn. Ends the session that has had enough of them."""
        reply = status if isinstance(status, str) else status.decode()
        self._replies += 1
        self._wrong += reply[:1] in "45"
        # aiosmtpd repeats the command, whatever characters are in it.
        await super().push(NOT_UNDERSTOOD if reply.startswith("500 ") else reply)
        if self._replies >= MAX_REPLIES or self._wrong >= MAX_WRONG_COMMANDS or self._refused >= MAX_REFUSED_MAILS:
            self.hang_up(GOODBYE)
        await asyncio.sleep(0)

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        try:
            return super()._getaddr(arg)
        except Exception:  # the parser stumbles over a domain literal without an end, and who knows what else
            return None, None

    # --- commands ---------------------------------------------------------------------------------------------------------

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        """Takes any plain address, and none (<>)."""
        await (super().smtp_MAIL(arg) if arg and _PATH.fullmatch(arg) else self.push(BAD_PATH))

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        """Takes a plain address; which ones, the handler knows."""
        await (super().smtp_RCPT(arg) if arg and _PATH.fullmatch(arg) else self.push(BAD_PATH))

    async def smtp_VRFY(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Tells nothing (RFC 5321, 7.3)."""
        await self.push("252 2.1.5 Cannot verify; send the mail")

    async def smtp_EXPN(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Tells nothing (RFC 5321, 7.3)."""
        await self.push(NOT_IMPLEMENTED)

    async def smtp_HELP(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Tells what little there is to tell."""
        await self.push("214 2.0.0 See RFC 5321")

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """TLS is the mail server's in front of us."""
        await self.push(NOT_IMPLEMENTED)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Who posts is who signed; there is nobody to log in."""
        await self.push(NOT_IMPLEMENTED)

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        """Takes the mail and answers once, by LMTP once for each recipient (RFC 2033, 4.2)."""
        if await self.check_helo_needed():
            return
        envelope = self.envelope
        if envelope is None or not envelope.rcpt_tos:
            await self.push("503 5.5.1 RCPT first")
            return
        if arg:
            await self.push("501 5.5.4 DATA takes nothing")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        try:
            reply = await self._take(envelope)
            self._refused += reply.startswith("5")
            await self.push("\r\n".join([reply] * (len(envelope.rcpt_tos) if self.is_lmtp else 1)))
        finally:
            self.envelope = self._create_envelope()

    async def _take(self, envelope: Envelope) -> str:
        room, incoming, to = self._house.room, Incoming(), role_of(envelope.rcpt_tos[0], self._house.list)
        if to is None:  # by LMTP
            incoming.drop()
        try:
            problem = await self._read(incoming)
            if to is None:
                return ACCEPTED
            self.waits = True
            room.renew(self)
            mail_from = "" if envelope.mail_from in (None, NULL) else str(envelope.mail_from)
            return await self._house.settle(Arrived(to, mail_from, incoming, problem, self), is_lmtp=self.is_lmtp)
        except Exception as error:  # every path after 354 has its answer, and never the error's text
            _log.error("smtp: %s", type(error).__name__)
            return TRY_AGAIN
        finally:
            self.waits = self.judged = False
            room.give_back(self)

    async def _read(self, incoming: Incoming) -> str:
        """Reads to the end of the mail; why it cannot be taken, or empty. Such a mail is read and dropped, and earns no time."""
        problem, after = "", None
        while after is None:
            before, piece = len(incoming), await self._reader.read(_ALL_THERE_IS)
            if not piece:
                raise EOFError
            after = incoming.take(piece)
            if problem:
                continue
            problem = self._house.problem_with(self, len(incoming), len(incoming) - before)
            if problem:
                incoming.drop()
                self._house.room.give_back(self)
            else:
                self._house.room.earn(self, len(piece))
        self._reader.feed_data(after)  # commands that came behind the mail
        return problem


class LmtpSession(SmtpSession, LMTP):
    """One connection by LMTP (RFC 2033), behind a queue that has said 250.

    It makes a bounce of each 5xx, to whoever was named as the sender. So no mail hears one: what was sent to nobody is dropped.
    """

    is_lmtp = True

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        """Takes what is not plain for none: nothing is answered to it."""
        await super().smtp_MAIL(arg if not arg or _PATH.fullmatch(arg) else "FROM:<>")

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        """Takes what is not plain for nobody's."""
        await super().smtp_RCPT(arg if not arg or _PATH.fullmatch(arg) else "TO:<>")

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        address, rest = super()._getaddr(arg)
        return (NULL, "") if address is None else (address, rest)
