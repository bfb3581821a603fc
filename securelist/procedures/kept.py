"""What was signed and is kept while it waits: read again, so that nothing about it is stored twice."""

from __future__ import annotations

from dataclasses import dataclass

from securelist.openpgp.admission import read_certificate
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.signed import read_signed, verify
from securelist.trust.statement import Person, Statement
from securelist.trust.verified import statements_in


@dataclass(frozen=True)
class KeptText:
    """A kept text, verified again: its signer's certificate and its statements. There is at least one."""

    certificate: Certificate
    statements: tuple[Statement, ...]

    @property
    def person(self) -> Person:
        """The person whom the first statement is about: the signer, in a request as in an answer."""
        return self.statements[0].person


def read_kept(evidence: bytes, certificate: bytes, at: int) -> KeptText:
    """Verifies a kept text as of the time when it came (Unix seconds); raises Refused, which it did not then."""
    signer = read_certificate(certificate)
    verified = verify(read_signed(evidence), [signer], at)
    return KeptText(signer, tuple(signed.statement for signed in statements_in(verified)))
