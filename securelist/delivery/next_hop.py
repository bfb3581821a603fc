"""Next hops: where copies go. One class for each scheme, one mail for one recipient at a time, one answer for each.

A refusal concerns one copy only; the next one is tried as if nothing had happened.
"""

from __future__ import annotations

import hashlib
import os
import re
import smtplib
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from securelist.errors import ConfigurationError
from securelist.mail.addresses import address_problem

OK = "ok"  # it is theirs now
LATER = "later"  # this copy, not now
NEVER = "never"  # this copy, for good
DOWN = "down"  # nothing was tried: the next hop is out of reach, for the other copies, too

# The next hop is a mail server nearby; RFC 5321, 4.5.3.2 has minutes for servers of which nothing is known.
CONNECT_TIMEOUT_S = 30.0
COMMAND_TIMEOUT_S = 60.0
# Giving up after the last dot is how people get a mail twice (RFC 5321, 4.5.3.2.6), so this one is long.
DATA_TIMEOUT_S = 300.0
# Connections lost in a row, each in the middle of another copy, until it must be the next hop and not the copies.
MAX_BREAKS = 2
# A greeting names a dozen extensions, a refusal has a few lines; smtplib reads on for as long as a server says that there is more.
MAX_REPLY_LINES = 100
# Four times what RFC 5321, 4.5.3.1.5 allows a line.
MAX_REPLY_OCTETS = 2048


@dataclass(frozen=True)
class Answer:
    """What the next hop said to one copy: OK, LATER, NEVER or DOWN, and its words.

    `of_address`: whether a refusal is about the recipient, in answer to RCPT or to the data, and not about us or the connection.
    """

    kind: str
    text: str
    of_address: bool = False


class NextHop(Protocol):
    """Something that takes copies."""

    def hand_over(self, sender: str, recipient: str, mail: bytes) -> Answer:
        """Hands one mail (CRLF line ends) over; never raises for what the other side does."""

    def greet(self) -> Answer:
        """OK if it is there and ready for mail, else DOWN; hands nothing over."""

    def close(self) -> None:
        """Ends what was begun; a closed next hop is used no more."""


def open_next_hop(url: str, local_name: str) -> NextHop:
    """The next hop that `url` names; `local_name` is what we call ourselves in EHLO. Raises ConfigurationError."""
    scheme, _, rest = url.partition(":")
    if scheme == "maildir" and rest.strip("/"):
        return MaildirNextHop(Path(rest))
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if scheme not in ("smtp", "smtps") or not host or not port or parts.username or parts.path.strip("/"):
        raise ConfigurationError("bad-next-hop", "next_hop must be smtp://HOST:PORT, smtps://HOST:PORT or maildir:DIR")
    return SmtpNextHop(host, port, local_name, tls=scheme == "smtps")


class SmtpNextHop:
    """A mail server, over one connection for as many copies as it likes."""

    def __init__(
        self,
        host: str,
        port: int,
        local_name: str,
        *,
        tls: bool = False,
        command_timeout_s: float = COMMAND_TIMEOUT_S,
        data_timeout_s: float = DATA_TIMEOUT_S,
    ) -> None:
        self._host, self._port, self._local_name, self._tls = host, port, local_name, tls
        self._command_timeout_s, self._data_timeout_s = command_timeout_s, data_timeout_s
        self._smtp: smtplib.SMTP | None = None
        self._data_sent = False
        self._breaks = 0

    def hand_over(self, sender: str, recipient: str, mail: bytes) -> Answer:
        """One transaction; once more over a new connection if the old one broke before the mail was under way."""
        if wrong := address_problem(recipient):
            return Answer(NEVER, f"not sent: {wrong}")
        if self._breaks >= MAX_BREAKS:
            return Answer(DOWN, "the next hop breaks its connections")
        for attempt in (1, 2):
            try:
                smtp = self._connected()
            except (OSError, smtplib.SMTPException) as problem:
                self._drop()
                return Answer(DOWN, f"no connection to the next hop: {_words(problem)}")
            try:
                answer = self._transaction(smtp, sender, recipient, mail)
                self._breaks = 0
                return answer
            except (OSError, smtplib.SMTPException):
                self._drop()
                if attempt == 2 or self._data_sent:
                    break
        self._breaks += 1
        return Answer(LATER, "the connection to the next hop broke")

    def greet(self) -> Answer:
        """Connects and says hello."""
        try:
            self._connected()
        except (OSError, smtplib.SMTPException) as problem:
            self._drop()
            return Answer(DOWN, f"no connection to the next hop: {_words(problem)}")
        return Answer(OK, "it answers")

    def close(self) -> None:
        """Says goodbye, if anybody listens."""
        if self._smtp is not None:
            try:
                self._smtp.quit()
            except (OSError, smtplib.SMTPException):
                self._drop()
        self._smtp = None

    def _connected(self) -> smtplib.SMTP:
        if self._smtp is None:
            smtp: smtplib.SMTP
            if self._tls:
                context = ssl.create_default_context()
                smtp = _SmtpTls(self._host, self._port, self._local_name, timeout=CONNECT_TIMEOUT_S, context=context)
            else:
                smtp = _Smtp(self._host, self._port, self._local_name, timeout=CONNECT_TIMEOUT_S)
            self._smtp = smtp
            _time_limit(smtp, self._command_timeout_s)
            smtp.ehlo_or_helo_if_needed()
        return self._smtp

    def _transaction(self, smtp: smtplib.SMTP, sender: str, recipient: str, mail: bytes) -> Answer:
        self._data_sent = False
        _time_limit(smtp, self._command_timeout_s)
        size = [f"SIZE={len(mail)}"] if smtp.has_extn("size") else []
        code, reply = _reply(smtp.mail(sender, size))
        if code != 250:
            # Anything but "too big" speaks of us, not of this member: a setting that the operator can mend.
            return self._refused(smtp, Answer(NEVER if code == 552 else LATER, f"{code} {reply}"))
        code, reply = _reply(smtp.rcpt(recipient))
        if code not in (250, 251):
            return self._refused(smtp, _of_address(code, reply))
        code, reply = _reply(smtp.docmd("DATA"))
        if code != 354:
            return self._refused(smtp, _of_address(code, reply))
        _time_limit(smtp, self._data_timeout_s)
        self._data_sent = True
        smtp.send(dot_stuffed(mail))
        code, reply = _reply(smtp.getreply())
        if code // 100 == 2:
            return Answer(OK, f"{code} {reply}")
        return self._refused(smtp, _of_address(code, reply))

    def _refused(self, smtp: smtplib.SMTP, answer: Answer) -> Answer:
        try:
            smtp.rset()
        except (OSError, smtplib.SMTPException):
            self._drop()
        return answer

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
        self._smtp = None


class _Smtp(smtplib.SMTP):
    """smtplib's, but for answers without an end."""

    def getreply(self) -> tuple[int, bytes]:
        """The whole answer (RFC 5321, 4.2.1); raises SMTPServerDisconnected if it is none, or has too many lines."""
        assert self.sock is not None  # whoever waits for an answer is connected
        file = self.file = self.file or self.sock.makefile("rb")
        said = []
        for _ in range(MAX_REPLY_LINES):
            line = file.readline(MAX_REPLY_OCTETS + 1)
            if not re.match(rb"[2-5][0-9]{2}[ \r\n-]", line) or len(line) > MAX_REPLY_OCTETS:
                break
            said.append(line[4:].strip())
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(said)
        self.close()
        raise smtplib.SMTPServerDisconnected("the next hop's answer is none, or has no end")


class _SmtpTls(_Smtp, smtplib.SMTP_SSL):
    """The same over TLS."""


def _time_limit(smtp: smtplib.SMTP, seconds: float) -> None:
    if smtp.sock is not None:
        smtp.sock.settimeout(seconds)


def dot_stuffed(mail: bytes) -> bytes:
    """The mail as it goes over the wire after DATA, with its last line (RFC 5321, 4.5.2); CRLF line ends are given."""
    stuffed = (b"." if mail.startswith(b".") else b"") + mail.replace(b"\r\n.", b"\r\n..")
    return stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n")


def _of_address(code: int, reply: str) -> Answer:
    return Answer(NEVER if code >= 500 else LATER, f"{code} {reply}", of_address=True)


def _reply(answer: tuple[int, bytes]) -> tuple[int, str]:
    code, words = answer
    # 421 comes at any time and means that the server hangs up (RFC 5321, 3.8).
    if code == 421 or code < 200:
        raise smtplib.SMTPServerDisconnected("the next hop closes the connection")
    return code, words.decode("ascii", "replace")


def _words(problem: Exception) -> str:
    if isinstance(problem, smtplib.SMTPResponseException):
        return f"{problem.smtp_code} {problem.smtp_error!r}"
    return problem.strerror or type(problem).__name__ if isinstance(problem, OSError) else type(problem).__name__


class MaildirNextHop:
    """A directory with one Maildir for each recipient address, made when it is needed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def hand_over(self, sender: str, recipient: str, mail: bytes) -> Answer:
        """Delivers, for good once it returns OK; the same copy again replaces itself, or is there already."""
        # An address has no "/" and begins with no dot: it cannot name anything outside the directory.
        if wrong := address_problem(recipient):
            return Answer(NEVER, f"not delivered: {wrong}")
        # The sender names the copy. A mail of another list or installation that happens to number copies the same differs.
        name = hashlib.sha256(sender.encode() + b"\n" + mail).hexdigest()[:40]
        maildir = self._directory / recipient
        try:
            for part in ("tmp", "new", "cur"):
                (maildir / part).mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.scandir(maildir / "cur") as seen:
                if any(entry.name.partition(":")[0] == name for entry in seen):
                    return Answer(OK, "it was there already, and seen")
            text = f"Return-Path: <{sender}>\n".encode("ascii") + mail.replace(b"\r\n", b"\n")
            _write_durably(maildir / "tmp" / name, text)
            (maildir / "tmp" / name).replace(maildir / "new" / name)
            _sync_directory(maildir / "new")
        except OSError as problem:
            return Answer(LATER, f"the Maildir cannot be written: {problem.strerror}")
        return Answer(OK, "delivered to the Maildir")

    def greet(self) -> Answer:
        """Looks whether the directory can be written, or made."""
        place = next(folder for folder in (self._directory, *self._directory.absolute().parents) if folder.exists())
        if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            return Answer(DOWN, f"{place} cannot be written")
        return Answer(OK, "it can be written")

    def close(self) -> None:
        """Nothing is held open."""


def _write_durably(path: Path, octets: bytes) -> None:
    with path.open("wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
