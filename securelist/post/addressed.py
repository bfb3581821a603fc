"""Whether what somebody signed is meant for this list: nobody's private mail, and no order to another list, is taken here."""

from __future__ import annotations

from collections.abc import Collection

from securelist.errors import Refused, Step
from securelist.mail.addresses import same_address
from securelist.mail.headers import addresses_in
from securelist.mail.mime import Entity


def check_addressed(content: Entity, intended: Collection[str], address: str, list_keys: Collection[str]) -> None:
    """Where signed content says for whom it is, `address` is among them; raises Refused("not-addressed-to-the-list").

    `intended` are the fingerprints that the signature names as its recipients (RFC 9580, 5.2.3.36), `list_keys` those of the list.
    """
    named = addresses_in(content, "To") + addresses_in(content, "Cc")
    if named and address not in map(same_address, named):
        raise Refused("not-addressed-to-the-list", "what was signed is addressed to others, not to the list", Step.DECIDE)
    if intended and not set(list_keys).intersection(intended):
        raise Refused("not-addressed-to-the-list", "the signature names other intended recipients than the list's key", Step.DECIDE)
