"""Who else must know of what was entered, and of what: nothing about a member changes behind their Admin Contact's back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from securelist.trust.history import Standing
from securelist.trust.statement import StatementType
from securelist.trust.submission import Submission

Notice = tuple[str, str, dict[str, Any]]
"""The fingerprint of whom to tell, the kind of letter, and the facts that it tells."""


def notices(submission: Submission) -> Iterator[Notice]:
    """The letters that a submission makes necessary, receipts to its own sender aside."""
    for said in submission.said:
        tld = said.statement.tld
        contact = submission.membership.admin_contact(tld)
        is_new = said.statement.type is StatementType.REPLACE_KEY and said.signer == said.about  # its last signature, by the new key
        if is_new and said.standing is Standing.IN_EFFECT and contact:
            old = next(s.signer for s in submission.membership.said if s.text == said.text and s.signer != said.about)
            facts = {"tld": tld, "address": said.statement.person.emails[0], "entry": said.entry, "old": old, "new": said.about}
            yield contact.fingerprint, "key-replaced", facts
