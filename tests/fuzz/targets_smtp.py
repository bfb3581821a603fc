"""Targets: what comes in by SMTP and LMTP, octet for octet: where a mail ends, and what a whole session makes of anything."""

from __future__ import annotations

import asyncio
import re
from functools import cache

from fuzz.judging import Target
from fuzz.targets_mail import LIST
from securelist.mail.addresses import ListAddress
from securelist.mail.deadline import Deadline
from securelist.mail.incoming import Incoming
from securelist.mail.server import MailServer
from securelist.mail.session import LmtpSession, SmtpSession

# Small, so that the fuzzer reaches it.
MAX_OCTETS = 600
# A session that has everything and does not end by itself within this hangs.
PATIENCE_S = 8.0
# Of the event loop, in which a session said nothing and had no mail to be judged: it waits for more.
QUIET_TURNS = 20


def incoming(octets: bytes) -> None:
    """Where a mail ends and what is in it, in pieces of whatever size, as a plain reader of lines finds it."""
    pieces, stream = 1 + octets[0] % 16 if octets else 1, octets[1:]
    mail, after = Incoming(), None
    for at in range(0, len(stream), pieces):
        after = mail.take(stream[at : at + pieces])
        if after is not None:
            after += stream[at + pieces :]
            break
    assert (after, None if after is None else mail.content()) == _by_lines(stream)


def _by_lines(stream: bytes) -> tuple[bytes | None, bytes | None]:
    """(what comes after the end, the mail), line by line (RFC 5321, 4.5.2); nothing if there is no end."""
    lines, at = b"", 0
    while (end := stream.find(b"\r\n", at)) >= 0:
        line, at = stream[at : end + 2], end + 2
        if line == b".\r\n":
            return stream[at:], lines
        lines += line.removeprefix(b".")
    return None, None


# --- whole sessions ------------------------------------------------------------------------------------------------------


class Wire(asyncio.Transport):
    """The other end of a connection: keeps what was said, and has taken each octet as soon as it is written."""

    def __init__(self, session: SmtpSession) -> None:
        super().__init__()
        self.session, self.said, self.closed = session, b"", False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """The server says something."""
        if not self.closed:
            self.said += bytes(data)

    def get_write_buffer_size(self) -> int:
        """Nothing waits to be read."""
        return 0

    def is_closing(self) -> bool:
        """Whether the server has hung up."""
        return self.closed

    def pause_reading(self) -> None:
        """The server has enough for now; what comes all the same it has to hold."""

    def resume_reading(self) -> None:
        """The server wants more."""

    def close(self) -> None:
        """The server hangs up."""
        if not self.closed:
            self.closed = True
            self.session.loop.call_soon(self.session.connection_lost, None)

    abort = close


class House:
    """A mail server that accepts everything, and remembers it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.judged: list[tuple[ListAddress, str, bytes]] = []
        self.server = self.loop.run_until_complete(self._server())

    def close(self) -> None:
        """Ends its threads and its loop."""
        self.loop.run_until_complete(self.server.stop(0))
        self.loop.close()

    async def _server(self) -> MailServer:
        return MailServer(LIST, self._judge, lambda reason: None, refusal_after_s=0.001, max_octets=MAX_OCTETS)

    def _judge(self, to: ListAddress, mail_from: str, octets: bytes, deadline: Deadline) -> None:
        self.judged.append((to, mail_from, octets))

    async def talk(self, stream: bytes, size: int, *, lmtp: bool) -> bytes:
        """One session that gets the stream in pieces, and then its end; gives what the server said."""
        session = (LmtpSession if lmtp else SmtpSession)(self.server, self.loop)
        wire = Wire(session)
        session.connection_made(wire)
        async with asyncio.timeout(PATIENCE_S):
            for at in range(0, len(stream), size):
                if not wire.closed:
                    session.data_received(stream[at : at + size])
                await asyncio.sleep(0)
            await self._quiet(session, wire)
            wire.close()
            while session in self.server.room.guests or session.waits:
                await asyncio.sleep(0)
        return wire.said

    async def _quiet(self, session: SmtpSession, wire: Wire) -> None:
        """Waits until the server has nothing more to say."""
        turns, said = 0, -1
        while turns < QUIET_TURNS and not wire.closed:
            await asyncio.sleep(0.0002 if session.waits else 0)
            turns = turns + 1 if len(wire.said) == said and not session.waits else 0
            said = len(wire.said)


@cache
def house() -> House:
    """The server that all sessions of this process talk to."""
    return House()


def session(octets: bytes) -> None:
    """A session by SMTP or LMTP: what is judged was sent so, between DATA and the end of the data, and nothing else is."""
    served, first, stream = house(), octets[0] if octets else 0, octets[1:]
    served.judged.clear()
    said = served.loop.run_until_complete(served.talk(stream, 1 + (first >> 1) * 16, lmtp=bool(first & 1)))
    assert re.fullmatch(rb"(?:[245][0-9]{2}[ -][ -~]*\r\n|354 [ -~]*\r\n)*", said), said
    assert len(served.judged) <= min((b"\r\n" + stream).count(b"\r\n.\r\n"), said.count(b"354 "))
    for to, mail_from, content in served.judged:
        assert to.role and (mail_from == "" or re.fullmatch(r"[!-~]+@[!-~]+", mail_from))
        assert content.count(b"\r\n") == content.count(b"\r") == content.count(b"\n") and len(content) <= MAX_OCTETS
        assert any(b"\r\n" + content in _unstuffed(b"\r\n" + sent) for sent in (stream, _LONE_LF.sub(b"\r\n", stream)))
    assert served.server.room.held == 0 and not served.server.room.guests


# It may end a command, never a mail: DATA itself, before the first line.
_LONE_LF = re.compile(rb"(?<!\r)\n")


def _unstuffed(octets: bytes) -> bytes:
    """Without one dot at each line's beginning (RFC 5321, 4.5.2)."""
    return octets.replace(b"\r\n.", b"\r\n")


TARGETS = {"incoming": Target(incoming, 1024), "session": Target(session, 2048)}
