"""Step 1, receive: is this a mail for us to look at at all? Size, header block, loops, automatic mail."""

from __future__ import annotations

from dataclasses import dataclass

from securelist.errors import Refused, Step
from securelist.mail.mime import Entity, read_entity
from securelist.mail.robots import is_automatic

# On the wire, encrypted and encoded: the limit that large mail providers set, so that copies arrive.
MAX_MAIL_OCTETS = 25 * 2**20
# RFC 5321, 6.3: a hundred Received fields are a loop.
MAX_RECEIVED_FIELDS = 100


@dataclass(frozen=True)
class Received:
    """A mail within bounds: as it came, and as an entity whose header has been read."""

    octets: bytes
    mail: Entity


def receive(octets: bytes, mail_from: str | None, list_id: str) -> Received:
    """The mail in `octets`; `mail_from` is the envelope's return path, None where none was given.

    Raises Refused: "empty", "too-large", "bare-line-end", "not-a-mail", "header-too-large", "loop", "automatic".
    """
    if not octets.strip():
        raise Refused("empty", "the mail is empty", Step.RECEIVE)
    if len(octets) > MAX_MAIL_OCTETS:
        raise Refused("too-large", f"the mail is larger than {MAX_MAIL_OCTETS >> 20} MiB", Step.RECEIVE)
    crlf = octets.count(b"\r\n")
    if octets.count(b"\r") != crlf or crlf not in (0, octets.count(b"\n")):
        raise Refused("bare-line-end", "the mail mixes line ends; CR and LF come in pairs only (RFC 5321, 2.3.8)", Step.RECEIVE)
    mail = read_entity(octets)
    if any(list_id in value.lower() for value in mail.all("List-Id")):
        raise Refused("loop", "this is a copy that the list itself sent", Step.RECEIVE)
    if len(mail.all("Received")) > MAX_RECEIVED_FIELDS:
        raise Refused("loop", f"the mail has passed more than {MAX_RECEIVED_FIELDS} servers (RFC 5321, 6.3)", Step.RECEIVE)
    if is_automatic(mail, mail_from):
        raise Refused("automatic", "this is an automatic mail (RFC 3834); the list takes posts from people", Step.RECEIVE)
    return Received(octets, mail)
