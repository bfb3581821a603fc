"""Step 5, compose: what members will read. Headers come from an allow-list; the poster's entity stays as it was signed."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass

from securelist.config import Config
from securelist.errors import Refused, Step
from securelist.mail.charset import is_in, of_unlabelled
from securelist.mail.headers import block, mailbox_field, subject_of
from securelist.mail.letterhead import Letterhead
from securelist.mail.mime import Entity, crlf, decoded
from securelist.mail.protection import Protected, protect, text_part
from securelist.openpgp.armor import stated_charset
from securelist.openpgp.certificate import grouped
from securelist.post.names import ANNOUNCEMENT, SECRETARIAT, shown_name
from securelist.post.one_layer import check_one_layer
from securelist.post.original import original
from securelist.post.step4_decide import AcceptedPost, Poster
from securelist.trust.entry import Head
from securelist.trust.membership import Membership

# A thread of more than this many posts is cut at the front; RFC 5322, 3.6.4 lets us.
MAX_REFERENCES = 30

# Printable ASCII alone: what else stands there would reach the outer header or a terminal.
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")


@dataclass(frozen=True)
class Composed:
    """One post as every member reads it: nothing in here differs from member to member."""

    accepted: AcceptedPost
    message_id: str
    mail: Protected


def compose(accepted: AcceptedPost, membership: Membership, letterhead: Letterhead, taken: Callable[[str], bool], at: int) -> Composed:
    """The post as members read it; `taken` tells which Message-IDs other posts have. Raises Refused ("bad-charset", "bad-subject")."""
    outside, content, poster = accepted.post.opened.received.mail, accepted.content, accepted.poster
    signed_subject = subject_of(content)
    subject = signed_subject if signed_subject is not None else subject_of(outside, signed=False)
    message_id = _message_id(accepted, letterhead, taken)
    outer = letterhead.list_fields(_from_name(poster, letterhead.config), at)
    outer += [("Message-ID", message_id), *_thread_fields(accepted, letterhead)]
    text = _introduction(accepted, letterhead.config, signed_subject is not None, at)
    parts = [text_part(text, subject or ""), _entity(accepted, outside, content)]
    if letterhead.config.attach_signed_original:
        parts.append(original(accepted.post.opened.message, accepted.post.verified.key))
    inner = _provenance(poster, letterhead.config, membership.head, signed_subject is not None)
    return Composed(accepted, message_id, protect(outer, subject or "", inner, parts))


# --- header fields ---------------------------------------------------------------------------------------------------


def _from_name(poster: Poster, config: Config) -> str:
    name = ANNOUNCEMENT if poster.announcement else shown_name(poster.name, poster.cctld, config.display_name)
    return f"{name} via {config.display_name}" if config.show_poster else config.display_name


def _signed_or_outside(accepted: AcceptedPost, name: str) -> list[str]:
    return accepted.content.all(name) or accepted.post.opened.received.mail.all(name)


def _message_id(accepted: AcceptedPost, letterhead: Letterhead, taken: Callable[[str], bool]) -> str:
    """From the poster's Message-ID; from the content if there is none, or if somebody used that Message-ID before."""
    found = _MESSAGE_ID.findall(" ".join(_signed_or_outside(accepted, "Message-ID")[:1]))
    by_content = letterhead.message_id(f"{accepted.poster.fingerprint}:{accepted.digest}")
    own = letterhead.message_id(found[0]) if found and not letterhead.is_own(found[0]) else by_content
    return by_content if taken(own) else own


def _thread_fields(accepted: AcceptedPost, letterhead: Letterhead) -> list[tuple[str, str]]:
    fields = []
    for name in ("In-Reply-To", "References"):
        ids = _MESSAGE_ID.findall(" ".join(_signed_or_outside(accepted, name)[:1]))[-MAX_REFERENCES:]
        if ids:
            fields.append((name, "\r\n ".join(letterhead.message_id(original) for original in ids)))
    return fields


def _provenance(poster: Poster, config: Config, head: Head, subject_signed: bool) -> list[tuple[str, str]]:
    """Who posted and why that is believed, as fields under the list's signature; Author is RFC 9057's."""
    name = shown_name(poster.name, poster.cctld, config.display_name)
    fields = [] if poster.announcement else [mailbox_field("Author", name, poster.address)]
    fields += [
        ("Securelist-Poster", f"{poster.fingerprint}; {'announcement' if poster.announcement else 'cctld=' + poster.cctld}"),
        ("Securelist-Attestation", f"entry={poster.entry}"),
        ("Securelist-Log-Head", f"entry={head.number}; hash={head.hash}"),
    ]
    return fields if subject_signed else [*fields, ("Securelist-Subject", "not covered by the poster's signature")]


# --- parts -----------------------------------------------------------------------------------------------------------


def _introduction(accepted: AcceptedPost, config: Config, subject_signed: bool, at: int) -> str:
    poster, when = accepted.poster, datetime.datetime.fromtimestamp(at, datetime.UTC)
    name = shown_name(poster.name, poster.cctld, config.display_name)
    who = f"{ANNOUNCEMENT} of the {SECRETARIAT}" if poster.announcement else f"{name} <{poster.address}>, contact of .{poster.cctld}"
    lines = [f"{who}, to {config.display_name}, {when:%Y-%m-%d %H:%M} UTC.", f"Signature verified: {grouped(poster.fingerprint)}"]
    unsigned = [] if subject_signed else ["The subject was not covered by that signature."]
    return "\n".join([*lines, *unsigned, "All below this line is the poster's own."])


def _entity(accepted: AcceptedPost, outside: Entity, content: Entity) -> bytes:
    """The poster's own entity: its Content-* fields and its body as they were signed, no other field of it."""
    check_one_layer(content)
    if accepted.post.opened.inline:
        charset = of_unlabelled(content.body, stated_charset(decoded(outside)) or outside.parameter("charset"))
        _check_charset(charset, content.body)
        head = [("Content-Type", f'text/plain; charset="{charset}"'), ("Content-Transfer-Encoding", "8bit")]
        return block(head) + b"\r\n" + content.body
    if content.content_type.startswith("text/") and (charset := content.parameter("charset")):
        _check_charset(charset, decoded(content))
    fields = [field for field in re.findall(rb"[^\r\n]+(?:\r?\n[ \t][^\r\n]*)*", content.head) if field.lower().startswith(b"content-")]
    return b"".join(crlf(field) + b"\r\n" for field in fields) + b"\r\n" + content.body


def _check_charset(charset: str, text: bytes) -> None:
    """Refuses text that nobody could read: an unknown character set (RFC 2978), or octets that are not in it."""
    if not is_in(text, charset):
        raise Refused("bad-charset", "the text is not in the character set that it names", Step.COMPOSE)
