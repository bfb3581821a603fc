"""What the list remembers of former mails, as step 4 and step 5 ask for it; nothing is changed here."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from securelist.openpgp.signed import Verified
from securelist.orders import digest_of
from securelist.store import commands, queue
from securelist.trust.classify import MAX_OCTETS


@dataclass(frozen=True)
class Memory:
    """The memory of one list."""

    engine: Engine

    def posted(self, signer: str, digest: str) -> int:
        """When this signer's content was posted in the last days (Unix seconds); 0 if it was not."""
        return queue.seen_at(self.engine, signer, digest)

    def ordered(self, verified: Verified) -> bool:
        """Whether this very text came to LIST-request as commands."""
        # A larger one was not taken there.
        return len(verified.content) <= MAX_OCTETS and commands.came(self.engine, verified.signer, digest_of(verified, place=0))

    def has_message_id(self, message_id: str) -> bool:
        """Whether another post or letter has this Message-ID."""
        return queue.has_message_id(self.engine, message_id)
