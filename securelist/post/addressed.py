"""Whether what somebody signed is meant for this address: nobody's private mail is taken here, and no mail for another address."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import suppress

from securelist.drill.code import shows_code
from securelist.errors import Refused, Step
from securelist.mail.addresses import same_address
from securelist.mail.headers import addresses_in, check_addresses
from securelist.mail.mime import Entity, parts_of, read_entity, read_head
from securelist.openpgp.signed import Verified
from securelist.orders import orders_in
from securelist.trust.classify import MAX_OCTETS
from securelist.trust.grammar import begins_statement
from securelist.trust.silence import MAX_TEXT_OCTETS
from securelist.trust.text import text_of

# Whom a mail is for (RFC 5322, 3.6.3 and 3.6.6). A mail program may sign its blind copies' addresses, too.
_RECIPIENTS = ("To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc")
# What stands there when nobody is to be named: `undisclosed-recipients:;`.
_EMPTY_GROUP = re.compile(r"[^:;<>@,]*:\s*;")


def recipients_named(content: Entity) -> list[str]:
    """The addresses in signed content for which it says it is, as compared; what cannot be read is somebody, too ("")."""
    check_addresses(content, _RECIPIENTS)
    found: list[str] = []
    for field in _RECIPIENTS:
        named = [same_address(address) for address in addresses_in(content, field)]
        unreadable = not named and any(value and not _EMPTY_GROUP.fullmatch(value) for value in content.all(field))
        found += named or [""] * unreadable
    return found + [address for inner in _wrapped(content) for address in recipients_named(inner)]


def _wrapped(content: Entity) -> Iterator[Entity]:
    """The mail that was signed in place of its text, with fields of its own: an older way to protect them, which RFC 9788 tells to read."""
    whole = [content] if content.content_type == "message/rfc822" else []
    for entity in whole or _not_forwarded(content):
        with suppress(Refused):  # what is no mail says nothing of whom it is for
            yield read_entity(entity.body)


def _not_forwarded(content: Entity) -> Iterator[Entity]:
    parts: list[bytes] = []
    with suppress(Refused):  # what does not end is refused where it is composed
        parts = parts_of(content) if content.content_type.startswith("multipart/") else []
    for part in parts:
        with suppress(Refused):
            head = read_head(part)
            if head.content_type == "message/rfc822" and head.parameter("forwarded").lower() == "no":
                yield read_entity(part)


def check_addressed(content: Entity, intended: Collection[str], address: str, list_keys: Collection[str]) -> None:
    """Where signed content says for whom it is, `address` is among them; raises Refused("not-addressed-to-the-list").

    `intended` are the fingerprints that the signature names as its recipients (RFC 9580, 5.2.3.36), `list_keys` those of the list.
    """
    named = recipients_named(content)
    if named and address not in named:
        raise Refused("not-addressed-to-the-list", "what was signed is addressed to others, not to the list", Step.DECIDE)
    if intended and not set(list_keys).intersection(intended):
        raise Refused("not-addressed-to-the-list", "the signature names other intended recipients than the list's key", Step.DECIDE)
    if content.all("List-Id"):
        raise Refused("not-addressed-to-the-list", "what was signed is a copy that a list sent out, not a mail to this one", Step.DECIDE)


def check_is_post(verified: Verified, content: Entity, address: str, *, ordered: bool) -> None:
    """Refuses what belongs to LIST-request: anybody who has such a mail, as it left its sender, can send it on to the list.

    Commands whose signed part says that they are for the list are a post all the same. `ordered`: this very text came there as
    commands. Raises Refused("statement-as-post"), ("answer-as-post") or ("command-as-post").
    """
    if _is_statement(verified):
        detail = "a statement is not posted; send it to the -request address, or put a blank before its first line to show it to members"
        raise Refused("statement-as-post", detail, Step.DECIDE)
    if _answers_drill(verified):
        detail = "this shows the code of a drill, and nobody but the list's server is to have the answer; send it to the -request address"
        raise Refused("answer-as-post", detail, Step.DECIDE)
    # What is larger than a mail to LIST-request may be is not taken there, so it need not be read for commands.
    is_command = ordered or (len(verified.content) <= MAX_OCTETS and orders_in(verified).are_meant)
    if is_command and address not in recipients_named(content):
        detail = "what was signed begins with a command and goes to the -request address; to post it, begin with other words"
        raise Refused("command-as-post", detail, Step.DECIDE)


def _is_statement(verified: Verified) -> bool:
    if len(verified.content) > MAX_TEXT_OCTETS:  # nor is it taken where statements are
        return False
    try:
        return begins_statement(text_of(verified.content))
    except Refused:  # what cannot be read as text takes no effect, either
        return False


def _answers_drill(verified: Verified) -> bool:
    if len(verified.content) > MAX_OCTETS:  # nor is it taken where answers are
        return False
    with suppress(Refused):  # what cannot be read as text shows nobody a code
        return shows_code(text_of(verified.content))
    return False
