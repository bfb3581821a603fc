"""What a mail to a bounce address says of the delivery of a copy: delivery reports, whoever wrote them and however; all else says nothing.

Reports of RFC 3464 are known by their parts. Those in words are believed only with the null return path of reports (RFC 5321, 4.5.5):
people write, too, that something could not be delivered. `flufl.bounce` says whom a report is about, and whether it is a failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from email.message import Message
from itertools import islice

from flufl.bounce import Recipients, all_failures

from securelist.delivery.status import judged
from securelist.errors import Refused
from securelist.mail.addresses import same_address
from securelist.mail.lenient import loosely_decoded
from securelist.mail.mime import Entity, parts_of, read_entity
from securelist.store.journal import plain

DELAYED = "delayed"  # not arrived, and the server that says so goes on trying; beside SOFT, HARD and UNFIT of delivery/status.py

# A report says its own in its first lines; what follows is the mail that it is about. Looked at are so many octets of a part...
MAX_PART_OCTETS = 16 * 1024
# ... in lines as long as a mail's at most: some patterns of flufl.bounce take quadratic time in the length of a line, 1 s for 20 KiB.
MAX_LINE = 500
MAX_LINES = 400  # dozens of patterns look at each
# A report about one copy names one recipient, or those of an alias.
MAX_RECIPIENTS = 20
# A report has three parts (RFC 6522, 3), the first perhaps in two versions; virus scanners put theirs around it.
MAX_LEAVES = 20
MAX_LEVELS = 2
# What of a server's words is kept: two lines on a terminal.
MAX_WHY = 200

_STATUS_PARTS = {"message/delivery-status", "message/global-delivery-status"}  # RFC 3464, 2; RFC 6533, 4
_HINTS = ("From", "X-Mailer", "X-Failed-Recipients")  # fields by which flufl.bounce knows reports in words
_BLANK_LINE = re.compile(rb"\r?\n[ \t]*\r?\n")
_UTF8_TYPE = re.compile(r"^\s*utf-8\s*;", re.IGNORECASE)  # RFC 6533, 3; our own addresses are ASCII, whatever they are called there
_DIAGNOSTIC_TYPE = re.compile(r"^[A-Za-z0-9-]{1,20}\s*;\s*")  # RFC 3464, 2.3.6: "smtp; 550 …"


@dataclass(frozen=True)
class Failure:
    """That a copy has not arrived: at whom (as compared; empty: the report does not say), how (DELAYED, SOFT, HARD, UNFIT), and why.

    `why` are a mail server's words: visible characters on one line.
    """

    recipient: str
    kind: str
    why: str


def read_report(octets: bytes, mail_from: str | None) -> tuple[Failure, ...]:
    """The failures that a mail reports, none if it is no report; raises nothing, and the work is bounded.

    `mail_from` is the return path, None where none was given.
    """
    try:
        mail = read_entity(octets)
        leaves = list(islice(_leaves(mail, MAX_LEVELS), MAX_LEAVES))
    except Refused:
        return ()
    blocks = (block for leaf in leaves if leaf.content_type in _STATUS_PARTS for block in _blocks(loosely_decoded(leaf)))
    if about := list(islice(blocks, MAX_RECIPIENTS)):
        return tuple(failure for block in about for failure in _of_block(block))
    return () if mail_from else _of_words(mail, [_text(leaf) for leaf in leaves if leaf.content_type == "text/plain"])


def _leaves(entity: Entity, levels: int) -> Iterator[Entity]:
    """What is not made of parts, each with the beginning of its body; nothing of attached mails."""
    if not entity.content_type.startswith("multipart/"):
        yield replace(entity, body=entity.body[:MAX_PART_OCTETS])
    elif levels:
        for part in parts_of(entity):
            with suppress(Refused):
                yield from _leaves(read_entity(part), levels - 1)


# --- reports of RFC 3464 -----------------------------------------------------------------------------------------------


def _blocks(octets: bytes) -> Iterator[Entity]:
    """The fields of each recipient (RFC 3464, 2.1); those of the mail as a whole have no Action."""
    for block in _BLANK_LINE.split(octets):
        with suppress(Refused):
            fields = read_entity(block.strip(b"\r\n") + b"\r\n\r\n")
            if fields.all("Action"):
                yield fields


def _field(block: Entity, name: str) -> str:
    return next(iter(block.all(name)), "")[:MAX_LINE]


def _of_block(block: Entity) -> Iterator[Failure]:
    named = {name: _UTF8_TYPE.sub("rfc822;", _field(block, name)) for name in ("Original-Recipient", "Final-Recipient")}
    given = {name: value for name, value in named.items() if value}
    # Where nobody is named, the token alone says whom it is about; flufl.bounce wants some name.
    asked = given or {"Final-Recipient": "rfc822; nobody@nowhere.invalid"}
    delayed, failed = _failures(_report(_field(block, "Action"), asked))
    status, words = _field(block, "Status"), _DIAGNOSTIC_TYPE.sub("", _field(block, "Diagnostic-Code"))
    why = plain(words if status in words else f"{status} {words}", MAX_WHY)
    for whom, kind in ((delayed, DELAYED), (failed, judged(words, status))):
        for recipient in sorted(whom) if given else [""] * bool(whom):
            yield Failure(recipient, kind, why or "a delivery report")


def _report(action: str, recipients: dict[str, str]) -> Message:
    """A report about one recipient with as many blocks as names for them: flufl.bounce takes one name of a block."""
    part = Message()
    part["Content-Type"] = "message/delivery-status"
    for name, value in recipients.items():
        block = Message()
        block["Action"], block[name] = _ascii(action), _ascii(value)
        part.attach(block)
    return part


# --- reports in words --------------------------------------------------------------------------------------------------


def _of_words(mail: Entity, texts: list[str]) -> tuple[Failure, ...]:
    delayed, failed = _failures(_message(mail, texts))
    found = [Failure(one, DELAYED, _beside(one, texts)) for one in sorted(delayed)]
    for one in sorted(failed)[:MAX_RECIPIENTS]:
        words = _beside(one, texts)
        found.append(Failure(one, judged(words), words))
    return tuple(found[:MAX_RECIPIENTS])


def _text(leaf: Entity) -> str:
    lines = loosely_decoded(leaf)[:MAX_PART_OCTETS].decode("utf-8", "replace").splitlines()[:MAX_LINES]
    return _ascii("\n".join(line[:MAX_LINE] for line in lines) + "\n")


def _message(mail: Entity, texts: list[str]) -> Message:
    """The mail as flufl.bounce gets to see it."""
    made = Message()
    for name in _HINTS:
        if value := _field(mail, name):
            made[name] = _ascii(value)
    made["Content-Type"] = mail.content_type
    if not mail.content_type.startswith("multipart/"):
        made.set_payload("".join(texts))
        return made
    for text in texts:
        part = Message()
        part["Content-Type"], part["Content-Description"] = "text/plain", "Notification"  # as Postfix calls it
        part.set_payload(text)
        made.attach(part)
    return made


def _beside(recipient: str, texts: list[str]) -> str:
    """What is said of a recipient: from where they are named first to the end of the paragraph, or of the next one."""
    for text in texts:
        at = text.lower().find(recipient)
        if at >= 0:
            said = text[at + len(recipient) : at + 4 * MAX_LINE].lstrip("> :\r\n\t")
            return plain(said.partition("\n\n")[0], MAX_WHY) or "a delivery report"
    return "a delivery report"


# --- flufl.bounce ------------------------------------------------------------------------------------------------------


def _failures(report: Message) -> tuple[set[str], set[str]]:
    """(whom it was delayed for, whom it failed for), as addresses are compared."""
    try:
        delayed, failed = all_failures(report)
    except Exception:  # on malformed fields `email` raises whatever comes
        return set(), set()
    return _addresses(delayed), _addresses(failed)


def _addresses(found: Recipients) -> set[str]:
    return {same_address(octets.decode("ascii", "replace").strip()) for octets in found} - {""}


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()
