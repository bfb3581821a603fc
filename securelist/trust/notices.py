"""Who else must know of what was entered, and what they are told: nothing about a member changes behind their Admin Contact's back."""

from __future__ import annotations

from collections.abc import Iterator

from securelist.openpgp.certificate import grouped
from securelist.trust.history import Said, Standing
from securelist.trust.statement import StatementType
from securelist.trust.submission import Submission

Notice = tuple[str, str, str]
"""The fingerprint of whom to tell, a subject, and a text."""


def notices(submission: Submission) -> Iterator[Notice]:
    """The letters that a submission makes necessary, receipts to its own sender aside."""
    for said in submission.said:
        contact = submission.membership.admin_contact(said.statement.tld)
        is_new = said.statement.type is StatementType.REPLACE_KEY and said.signer == said.about  # its last signature, by the new key
        if is_new and said.standing is Standing.IN_EFFECT and contact:
            old = next(s.signer for s in submission.membership.said if s.text == said.text and s.signer != said.about)
            yield contact.fingerprint, f"A contact of .{said.statement.tld} has a new key", _replaced(said, old)


def _replaced(said: Said, old: str) -> str:
    address = said.statement.person.emails[0]
    return (
        f"{address} has replaced their key (entry {said.entry} of the log). Both keys signed this:\n\n"
        f"  old  {grouped(old)}\n  new  {grouped(said.about)}\n\n"
        "What you attested holds for the new key, until the same day. If you know of this, nothing is to be done.\n"
        "If not: call them, by the number that you know. If it was not them, withdraw the membership at once:\n\n"
        f"  Securelist-Statement: withdraw-ssc\n  List: {said.statement.list}\n  TLD: {said.statement.tld}\n  Email: {address}\n"
    )
