"""Statements whose signature was verified: the only kind that the rules take.

A SignedStatement cannot be made from a Statement, only from what `openpgp.signed.verify` returns: it parses the verified
bytes itself. So no path leads from text that nobody signed to a change of membership.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from securelist.openpgp.signed import Verified
from securelist.trust.entry import digest
from securelist.trust.grammar import parse, signed_lines
from securelist.trust.statement import Statement
from securelist.trust.text import text_of


@lru_cache(maxsize=4)  # the parts of one text are read one after the other
def _read(content: bytes) -> tuple[tuple[Statement, ...], str]:
    text = text_of(content)
    return parse(text), digest("\n".join(signed_lines(text)).encode())


@dataclass(frozen=True)
class SignedStatement:
    """One statement of a verified text: `part` is its place in the text, from 1. Parsing may raise Refused."""

    verified: Verified
    part: int
    statement: Statement = field(init=False)
    text: str = field(init=False)
    """SHA-256 of the whole signed text, line ends and blanks at them aside: what makes it the same text again."""

    def __post_init__(self) -> None:
        statements, text = _read(self.verified.content)
        object.__setattr__(self, "statement", statements[self.part - 1])
        object.__setattr__(self, "text", text)

    @property
    def signer(self) -> str:
        """The primary fingerprint of who signed."""
        return self.verified.signer

    @property
    def made(self) -> int:
        """When the signature was made, by its own account; Unix seconds."""
        return self.verified.made


def statements_in(verified: Verified) -> tuple[SignedStatement, ...]:
    """Every statement of a verified text, in its order; raises Refused if the text breaks the grammar anywhere."""
    statements, _ = _read(verified.content)
    return tuple(SignedStatement(verified, part) for part in range(1, len(statements) + 1))
