"""One SMTP or LMTP session: aiosmtpd's, with a DATA command of our own and nothing that tells more than it must.

Ours differs from aiosmtpd's DATA in four points: what a peer can make us hold in memory is bounded, on lines without an
end, too; no line of a mail reaches a log; LMTP answers once for each recipient, whatever happens; the timer starts anew
while data keeps coming. Like aiosmtpd's it ends at CRLF.CRLF only, never at a bare line feed (SMTP smuggling).
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from securelist.mail.addresses import role_of

if TYPE_CHECKING:
    from securelist.mail.server import MailServer

# Only the list's own addresses are taken, and one of them per mail: more recipients are a mistake or an attack.
MAX_RECIPIENTS = 10
# A session that sends more of one command than this is no mail server with mail for a list.
MAX_COMMANDS = 1_000
# RFC 5321, 4.5.3.2.7: a server waits 5 minutes for the next command; and so for the next mebibyte of a mail.
SESSION_TIMEOUT_S = 300.0
MIB = 1 << 20
NULL = "<>"  # how aiosmtpd hands the null return path over

BAD_RETURN_PATH = "553 5.1.7 Not a return path"
NO_SUCH_ADDRESS = "550 5.1.1 No such address here"
ONE_ROLE_AT_A_TIME = "452 4.5.3 Send to this address separately"
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients"
TRY_AGAIN = "451 4.3.0 Not done, please try again later"

# aiosmtpd lets quoted, half and doubled addresses pass; answers may go to this one, so it has to be plain.
_RETURN_PATH = re.compile(r'[^\s"\\<>()@]{1,64}@[A-Za-z0-9.\[\]:-]{1,253}')

# aiosmtpd logs commands, and takes a mail sent without waiting for a refused DATA for commands: headers in the log.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)
_log = logging.getLogger(__name__)


class Handler:
    """aiosmtpd's hooks."""

    def __init__(self, list_address: str) -> None:
        self._list = list_address

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802 - aiosmtpd's name
        """Takes any plain address, and none (<>)."""
        if address != NULL and not _RETURN_PATH.fullmatch(address):
            return BAD_RETURN_PATH
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802 - aiosmtpd's name
        """Takes the list's addresses, those of one role at a time."""
        to = role_of(address, self._list)
        if to is None:
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
    """One connection by SMTP."""

    is_lmtp = False

    def __init__(self, house: MailServer, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            house.handler,
            # LMTP announces no limit: a mail server would make a bounce of its own, to whoever it believes sent it.
            data_size_limit=None if self.is_lmtp else house.max_octets,
            hostname=house.hostname,
            ident="LMTP" if self.is_lmtp else "ESMTP",
            timeout=SESSION_TIMEOUT_S,
            command_call_limit={"*": MAX_COMMANDS},
            loop=loop,
        )
        self._house = house
        self._held = 0
        self.in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Counts the session."""
        self._house.sessions.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Counts it no more."""
        self._house.sessions.discard(self)
        super().connection_lost(error)

    async def smtp_VRFY(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Tells nothing (RFC 5321, 7.3)."""
        await self.push("252 2.1.5 Cannot verify; send the mail")

    async def smtp_EXPN(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Tells nothing (RFC 5321, 7.3)."""
        await self.push("502 5.5.1 Not implemented")

    async def smtp_HELP(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Tells what little there is to tell."""
        await self.push("214 2.0.0 See RFC 5321")

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
        self.in_data = True
        try:
            reply = await self._take(envelope)
            await self.push("\r\n".join([reply] * (len(envelope.rcpt_tos) if self.is_lmtp else 1)))
        finally:
            self.in_data = False
            self.envelope = self._create_envelope()

    async def _take(self, envelope: Envelope) -> str:
        try:
            content, problem = await self._read()
            self._reset_timeout()
            to = role_of(envelope.rcpt_tos[0], self._house.list)
            assert to is not None  # handle_RCPT saw to it
            mail_from = "" if envelope.mail_from in (None, NULL) else str(envelope.mail_from)
            held, self._held = self._held, 0
            return await self._house.settle(to, mail_from, content, problem, held, is_lmtp=self.is_lmtp)
        except Exception as error:  # every path after 354 has its answer, and never the error's text
            _log.error("smtp: %s", type(error).__name__)
            return TRY_AGAIN
        finally:
            self._hold(-self._held)

    async def _read(self) -> tuple[bytes, str]:
        """(the mail with dots unstuffed, "") or (b"", the reply why it cannot be taken) (RFC 5321, 4.5.2)."""
        content, problem, starts_line, mebibytes = bytearray(), "", True, 0
        while True:
            try:
                piece = await self._reader.readuntil(b"\r\n")
            except asyncio.LimitOverrunError as longer:
                piece = await self._reader.read(longer.consumed)
            if starts_line and piece == b".\r\n":
                return bytes(content), problem
            if starts_line and piece.startswith(b"."):
                piece = piece[1:]
            starts_line = piece.endswith(b"\r\n")
            problem = problem or self._house.problem_with(len(content) + len(piece), len(piece))
            if problem:  # the rest is read, because only then may we answer, and dropped
                content.clear()
                self._hold(-self._held)
                continue
            content += piece
            self._hold(len(piece))
            if len(content) // MIB > mebibytes:
                mebibytes = len(content) // MIB
                self._reset_timeout()

    def _hold(self, octets: int) -> None:
        self._held += octets
        self._house.held += octets


class LmtpSession(SmtpSession, LMTP):
    """One connection by LMTP (RFC 2033)."""

    is_lmtp = True
