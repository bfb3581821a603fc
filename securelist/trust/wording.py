"""What people say of themselves in requests and answers, and how it may be worded: it comes into statements that others sign.

Mail programs break long lines, and a signature covers what they made of them. What stood in the draft of an attestation as
`Organisation: Registry, department Expires: 2028-11-20` would be signed as two fields. The grammar cannot tell, and a log must
replay whatever it took; so this is asked only of words that strangers send, before anybody is given them to sign.
"""

from __future__ import annotations

import re

from securelist.mail.headers import visible
from securelist.trust.fields import ALSO_KNOWN, FIELDS
from securelist.trust.grammar import BEGIN, refusal
from securelist.trust.statement import Statement

_FIELD = re.compile(rf"(?:{'|'.join(map(re.escape, (BEGIN, *FIELDS, *ALSO_KNOWN)))})\s*:", re.IGNORECASE)
# A third of a fingerprint is more than people compare by eye, and no name has so many letters from A to F in a row.
_FINGERPRINT = re.compile(r"(?:[0-9a-f][\s:.-]*){16}", re.IGNORECASE)


def wording_problem(name: str, value: str) -> str:
    """The rule that a value of Name or Organisation breaks where others are to sign it; empty if none."""
    if name not in ("Name", "Organisation"):
        return ""
    if field := _FIELD.search(value):
        return f"{name} must not contain {visible(field[0])}, which begins a field where a mail program breaks the line"
    if _FINGERPRINT.search(value):
        return f"{name} must not contain what looks like a fingerprint"
    if visible(value) != " ".join(value.split()):
        return f"{name} must not contain characters that look like blanks, or like nothing"
    return ""


def check_wording(statement: Statement) -> None:
    """Whether others can be given the words of a statement to sign; raises Refused naming line and rule."""
    for name, value in (("Name", statement.person.name), ("Organisation", statement.person.organisation)):
        if problem := wording_problem(name, value):
            raise refusal(statement.line_of(name), "unclear-words", problem)
