"""The statements of the log as events: what was said by whom and when, and what came of it.

Membership is a fold over them (`fold`). A statement may turn out to have been void (the key that signed it was compromised),
and then everything is folded anew without it; so each is kept whole, as parsed from what was verified.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from securelist.trust.entry import Entry
from securelist.trust.statement import Statement, StatementType

# What was signed longer ago may have been thought better of, and the signer's key may have been lost since.
MAX_AGE_SECONDS = 30 * 86400


class Standing(StrEnum):
    """What came of a statement that was entered."""

    IN_EFFECT = "in effect"
    PENDING = "pending"
    """It waits for other signatures on the same text."""
    VOID = "void"
    """It turned out to have been signed with a compromised key, or rests on one that was."""
    ERASED = "erased"
    """Its text is gone. A withdrawal still withdraws; what granted something grants nothing."""


@dataclass(frozen=True)
class Said:
    """One statement of the log. Made by `rules` from what was verified, or read back from where that was stored."""

    entry: int
    time: int
    """When it was entered, Unix seconds."""
    signer: str
    key: str
    """Fingerprint of the key that signed: the signer's primary key or a subkey."""
    text: str
    """Digest of the whole signed text: with `part`, what makes it the same statement again."""
    part: int
    """Its place in the text, from 1; 0 if it is an OpenPGP certification."""
    made: int
    subject: str
    """What it is about: of two about the same subject, the one signed later holds."""
    about: str
    """Fingerprint of whom or what it is about, as in the log's entry."""
    evidence: str
    statement: Statement
    standing: Standing = Standing.IN_EFFECT

    @property
    def erased(self) -> bool:
        """Whether its text is gone."""
        return self.standing is Standing.ERASED

    def without_text(self) -> Said:
        """What is left of it once its text is erased: what the entry itself says."""
        left = Statement(self.statement.type, "", 0, self.statement.tld, key=self.about)
        bare = {"key": self.signer, "text": "", "made": self.time, "subject": "", "statement": left, "standing": Standing.ERASED}
        return Said(**vars(self) | bare)

    @classmethod
    def erased_from(cls, entry: Entry) -> Said:
        """The same, from an entry whose text was erased: what a replay has."""
        left = Statement(StatementType(entry.type), "", 0, entry.cctld, key=entry.subject)
        where = (entry.number, entry.time, entry.signer, entry.signer, "", entry.part, entry.time, "")
        return cls(*where, entry.subject, entry.evidence, left, Standing.ERASED)
