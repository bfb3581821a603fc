"""What tells that a machine wrote a mail: its return path and its fields (RFC 3834), never its words.

People write about zone transfers that are delayed, and call a post "Out of office". So nothing here looks at subject or text.
"""

from __future__ import annotations

import re

from securelist.mail.mime import Entity

# What is not "no" in Auto-Submitted was written by a machine (RFC 3834, 5); parameters and comments may follow.
_BY_HAND = re.compile(r"no[ \t]*(?:[;(].*)?", re.IGNORECASE)
# What answering programs put in who do not know that field; people's mail programs have neither.
_ANSWERING = ("X-Autoreply", "X-Autorespond", "X-Autoresponse")
_NOT_ANSWERING = {"no", "none"}
# RFC 6522, and its parts by themselves: delivery reports, receipts (RFC 8098), complaints (RFC 5965).
_REPORTS = {"multipart/report", "message/delivery-status", "message/disposition-notification", "message/feedback-report"}
# RFC 3834, 2: lists and mass mail want no answers; Exchange has a field of its own for that.
_UNANSWERED = {"bulk", "junk", "list", "auto_reply"}


def is_automatic(mail: Entity, mail_from: str | None) -> bool:
    """Whether this says of itself that a machine answers, or reports; `mail_from` is the return path, None where none was given."""
    if mail_from == "" or mail.content_type in _REPORTS:
        return True
    if any(not _BY_HAND.fullmatch(value) for value in mail.all("Auto-Submitted")):
        return True
    if any(value.lower() not in _NOT_ANSWERING for name in _ANSWERING for value in mail.all(name)):
        return True
    return any(value.lower() == "auto_reply" for value in mail.all("Precedence"))


def may_be_answered(mail: Entity) -> bool:
    """Whether a letter may answer this, should it not be automatic: no list and no robot hears from us (RFC 3834, 2)."""
    precedence = {value.lower() for value in mail.all("Precedence")}
    return not (precedence & _UNANSWERED or any(mail.all(name) for name in ("List-Id", "List-Unsubscribe", "X-Auto-Response-Suppress")))
