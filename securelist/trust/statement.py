"""What a statement says, after parsing: its type and the values of its fields. Says nothing about who signed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from securelist.mail.addresses import same_address


class StatementType(StrEnum):
    """The kinds of statement; their values stand after `Securelist-Statement:` and are the types of log entries."""

    FOUND_LIST = "found-list"
    APPOINT_ADMIN_CONTACT = "appoint-admin-contact"
    DISMISS_ADMIN_CONTACT = "dismiss-admin-contact"
    ATTEST_SSC = "attest-ssc"
    WITHDRAW_SSC = "withdraw-ssc"
    REQUEST_MEMBERSHIP = "request-membership"
    UPDATE_CONTACT = "update-contact"
    CONFIRM_CONTACT = "confirm-contact"
    REPLACE_KEY = "replace-key"
    SUSPEND_MEMBER = "suspend-member"
    RESUME_MEMBER = "resume-member"
    REPLACE_LIST_KEY = "replace-list-key"
    REPLACE_ROOTS = "replace-roots"
    ERASE = "erase"
    ACCEPT_INVITATION = "accept-invitation"


# The statements by which trust roots vouch for a key of the list's.
NAMING_THE_LIST_KEY = (StatementType.FOUND_LIST, StatementType.REPLACE_LIST_KEY)


# What changes no membership: the log has no entry of it.
NEVER_ENTERED = frozenset({StatementType.REQUEST_MEMBERSHIP, StatementType.ACCEPT_INVITATION})

# What is said about members. Who speaks for a ccTLD, and for the list, is another thing, and stays on record.
ABOUT_MEMBERS = frozenset(
    {
        StatementType.ATTEST_SSC,
        StatementType.WITHDRAW_SSC,
        StatementType.UPDATE_CONTACT,
        StatementType.CONFIRM_CONTACT,
        StatementType.REPLACE_KEY,
        StatementType.SUSPEND_MEMBER,
        StatementType.RESUME_MEMBER,
    }
)


@dataclass(frozen=True)
class Person:
    """Contact details, as the signer of the statement wrote them. `emails[0]` is the primary address."""

    name: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    organisation: str = ""
    timezone: str = ""
    share_regional: bool = False


@dataclass(frozen=True)
class Statement:
    """One parsed statement. Fields that its type does not have, or that were left out, hold their defaults."""

    type: StatementType
    list: str
    line: int
    """The line of the signed text on which the statement begins, from 1."""
    tld: str = ""
    person: Person = Person()
    key: str = ""
    """A full fingerprint: the subject's; the list's for `found-list` and `replace-list-key`; the new one for `replace-key`."""
    expires: int | None = None
    """When the attestation ends, Unix seconds: 00:00 UTC of the day that `Expires` names."""
    since: int | None = None
    """From when on what the dismissed said is void, Unix seconds; None: it stands."""
    roots: tuple[str, ...] = ()
    threshold: int | None = None
    """How many trust roots have to agree; None if left out."""
    entries: tuple[tuple[int, str], ...] = ()
    """(number, hash) of each entry of the log that `erase` names."""
    token: str = ""
    """What came with the invitation that `accept-invitation` answers, in lower case."""
    lines: Mapping[str, Sequence[int]] = field(default_factory=dict, compare=False)
    """The lines on which each field stands, in the order of its values."""

    def is_about(self, cctld: str, address: str) -> bool:
        """Whether it is about the SSC with this primary address."""
        emails = self.person.emails[:1]
        return self.tld == cctld and any(same_address(email) == same_address(address) for email in emails)

    def line_of(self, name: str, index: int = 0) -> int:
        """The line of the value `index` of the field `name`; of its first value, or of the statement, if it has no such."""
        lines = self.lines.get(name, (self.line,))
        return lines[index] if index < len(lines) else lines[0]
