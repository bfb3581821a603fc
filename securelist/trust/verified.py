"""Statements whose signature was verified: the only kind that the rules take.

A SignedStatement cannot be made from a Statement, only from what `openpgp.signed.verify` returns: it parses the verified
bytes itself. A CertifiedStatement likewise, from what `openpgp.certification.verify` returns. So no path leads from what
nobody signed to a change of membership.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from securelist.mail.headers import address_in_user_id
from securelist.openpgp.certification import VerifiedCertification
from securelist.openpgp.signed import Verified
from securelist.trust.entry import digest
from securelist.trust.grammar import displayable, parse, signed_lines
from securelist.trust.statement import Person, Statement, StatementType
from securelist.trust.text import text_of


@lru_cache(maxsize=4)  # the parts of one text are read one after the other
def _read(content: bytes) -> tuple[tuple[Statement, ...], str]:
    text = text_of(content)
    return parse(text), digest("\n".join(signed_lines(text)).encode())


class _BySomebody:
    """What signed texts and certifications have in common: both engines agree on who made them, with which key."""

    verified: Verified | VerifiedCertification

    @property
    def signer(self) -> str:
        """The primary fingerprint of who signed, or certified."""
        return self.verified.signer

    @property
    def key(self) -> str:
        """The fingerprint of the very key that did, primary or subkey."""
        return self.verified.key


@dataclass(frozen=True)
class SignedStatement(_BySomebody):
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
    def made(self) -> int:
        """When the signature was made, by its own account; Unix seconds."""
        return self.verified.made

    @property
    def following(self) -> tuple[Statement, ...]:
        """The statements after it in the same text."""
        return _read(self.verified.content)[0][self.part :]

    @property
    def evidence(self) -> bytes:
        """What shows it to anybody: the signed text."""
        return self.verified.evidence


def statements_in(verified: Verified) -> tuple[SignedStatement, ...]:
    """Every statement of a verified text, in its order; raises Refused if the text breaks the grammar anywhere."""
    statements, _ = _read(verified.content)
    return tuple(SignedStatement(verified, part) for part in range(1, len(statements) + 1))


@dataclass(frozen=True)
class CertifiedStatement(_BySomebody):
    """What an OpenPGP certification of a user ID says: `attest-ssc`, or `withdraw-ssc` if it was taken back. Its `part` is 0.

    `list` and `tld` say which list and ccTLD it was read for: by its notation, or by the attestation that it ends.
    """

    verified: VerifiedCertification
    list: str
    tld: str
    part: int = field(default=0, init=False)
    following: tuple[Statement, ...] = field(default=(), init=False)

    @property
    def statement(self) -> Statement:
        """The statement that it stands for: this user ID's address, this certificate, this ccTLD, until the certification ends."""
        said = self.verified.certification
        address = address_in_user_id(said.user_id)
        name = displayable(said.user_id.partition("<")[0]) if "<" in said.user_id else ""
        kind = StatementType.WITHDRAW_SSC if said.revokes else StatementType.ATTEST_SSC
        return Statement(kind, self.list, 0, self.tld, Person(name or address, (address,)), said.subject, said.expires)

    @property
    def text(self) -> str:
        """Digest of what was certified, by whom and when: what makes it the same certification again."""
        return self.verified.certification.text

    @property
    def made(self) -> int:
        """When it was made, by its own account; Unix seconds."""
        return self.verified.certification.made

    @property
    def evidence(self) -> bytes:
        """What shows it to anybody: the key, the user ID and the signature over both."""
        return self.verified.certification.octets


ProvenStatement = SignedStatement | CertifiedStatement
"""Said by somebody, and both engines agree that they said it."""
