"""The fields of statements: how the value of each is read, and which type of statement has which.

Everything that the grammar knows of a particular field or type stands in the tables `FIELDS` and `FORMS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from securelist.mail.addresses import MAX_ADDRESS_OCTETS, address_problem, same_address
from securelist.openpgp.certificate import grouped, normal_fingerprint
from securelist.trust.statement import StatementType


class WrongValue(Exception):
    """A value breaks `rule`; `correction` is the value that was probably meant."""

    def __init__(self, rule: str, correction: str = "") -> None:
        super().__init__(rule)
        self.rule = rule
        self.correction = correction


# --- one reader per kind of value -----------------------------------------------------------------------------------


def _tld(value: str) -> str:
    label = value.lower()
    if re.fullmatch(r"[a-z]{2,63}|xn--[a-z0-9]+(?:-[a-z0-9]+)*", label) and len(label) <= 63:
        return label
    try:
        guess = label.removeprefix(".").encode("idna").decode("ascii")
    except UnicodeError:
        guess = ""
    rule = "a TLD is its ASCII label without dots, such as nl or xn--p1ai"
    raise WrongValue(rule, guess if re.fullmatch(r"[a-z]{2,63}|xn--[a-z0-9-]+", guess) else "")


def _address(value: str) -> str:
    if problem := address_problem(value):
        inside = re.search(r"<([^<>]+)>\s*$", value)
        raise WrongValue(problem, inside[1] if inside and not address_problem(inside[1]) else "")
    return value


def _phone(value: str) -> str:
    digits = re.sub(r"\D", "", value)
    if re.fullmatch(r"\+[0-9][0-9 ().-]*(?: ?(?:ext\.?|x) ?[0-9]{1,6})?", value) and 6 <= len(digits) <= 21:
        return value
    guess = re.sub(r"^00(?=[1-9])", "+", value)
    rule = "a phone number is international: a plus, then digits, blanks, dots, hyphens or parentheses"
    raise WrongValue(rule, guess if guess != value and re.fullmatch(r"\+[0-9][0-9 ().-]{5,30}", guess) else "")


def _fingerprint(value: str) -> str:
    bare = value[2:] if value[:2] in ("0x", "0X") else value
    plain = normal_fingerprint(bare)
    if plain is None:
        raise WrongValue("a fingerprint is given in full: 40 hex digits, or 64 for a version 6 key")
    if bare is not value:
        raise WrongValue("a fingerprint has no 0x in front", grouped(plain))
    return plain


def _date(value: str) -> int:
    match = re.fullmatch(r"([0-9]{4})([-/. ]?)([0-9]{2})\2([0-9]{2})", value)
    rule = "a date is written YYYY-MM-DD, such as 2027-11-22"
    try:
        day = datetime(int(match[1]), int(match[3]), int(match[4]), tzinfo=UTC) if match else None
    except ValueError:
        raise WrongValue(f"{rule}; the calendar has no such day") from None
    if day is None or match is None or match[2] != "-":
        raise WrongValue(rule, day.strftime("%Y-%m-%d") if day else "")
    return int(day.timestamp())


def _moment(value: str) -> int:
    match = re.fullmatch(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2})(?: ?(?:Z|UTC))?)?", value)
    rule = "a time is written YYYY-MM-DD, or YYYY-MM-DDThh:mmZ in UTC, such as 2027-11-22T04:00Z"
    if match is None or int(match[2] or 0) > 23 or int(match[3] or 0) > 59:
        raise WrongValue(rule)
    minutes = int(match[2] or 0) * 60 + int(match[3] or 0)
    if match[2] and value != (right := f"{match[1]}T{match[2]}:{match[3]}Z"):
        raise WrongValue(rule, right)
    return _date(match[1]) + minutes * 60


def _words(value: str) -> str:
    # These five end or restructure a display name in a mail's header; no person's name needs them.
    if found := re.search(r'[<>@"\\]', value):
        raise WrongValue(f"it must not contain {found[0]}", re.sub(r'\s*<[^<>]*>|[<>@"\\]', "", value).strip())
    return value


def _timezone(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_+:-]+(?:/[A-Za-z0-9_+-]+){0,2}", value):
        raise WrongValue("a time zone is a name such as Europe/Amsterdam, or UTC+01:00")
    return value


def _share(value: str) -> bool:
    if value != "regional":
        raise WrongValue("the one thing that can be written here is regional", "regional")
    return True


def _threshold(value: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]?", value):
        raise WrongValue("a threshold is a whole number from 1 to 99")
    return int(value)


def _entry(value: str) -> tuple[int, str]:
    match = re.fullmatch(r"([1-9][0-9]{0,8}) ([0-9a-fA-F]{64})", value)
    if match is None:
        raise WrongValue("an entry is its number, a blank, and its hash of 64 hex digits, as the log has them")
    return int(match[1]), match[2].lower()


def _token(value: str) -> str:
    token = value.lower()
    if not re.fullmatch(r"(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})(?:-[a-z0-9]{4}){5}", token):
        raise WrongValue("a token is copied from the invitation as it stands there, such as nl-k7qm-2xrt-5bpd-w3fh-6yzc")
    return token


# --- the tables -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Field:
    """How the value of one field is read: its parser, its most characters, and how often it may stand in a statement."""

    read: Callable[[str], Any]
    characters: int = 100
    times: int = 1
    distinct: Callable[[Any], Any] = lambda value: value


# Five addresses and five numbers: every address gets every copy, and more would make one member many.
FIELDS: Mapping[str, Field] = {
    "List": Field(_address, MAX_ADDRESS_OCTETS),
    "TLD": Field(_tld, 63),
    "Token": Field(_token, 100),
    "Name": Field(_words),
    "Email": Field(_address, MAX_ADDRESS_OCTETS, 5, same_address),
    "Phone": Field(_phone, 50, 5),
    "Organisation": Field(_words),
    "Timezone": Field(_timezone, 64),
    "Share": Field(_share, 20),
    "Key": Field(_fingerprint, 120),
    "Expires": Field(_date, 20),
    "Since": Field(_moment, 24),
    "Root": Field(_fingerprint, 120, 20),
    "Threshold": Field(_threshold, 20),
    # Ten years of a member who renewed and confirmed four times a year.
    "Entry": Field(_entry, 80, 100),
}


@dataclass(frozen=True)
class Form:
    """The fields of one type of statement: those it must have and those it may have, in the order of writing."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """All of them, in the order in which `render` writes them."""
        return tuple(name for name in FIELDS if name in self.required or name in self.optional)


_DETAILS = ("Phone", "Organisation", "Timezone", "Share")

FORMS: Mapping[StatementType, Form] = {
    StatementType.FOUND_LIST: Form(("List", "Key", "Root"), ("Threshold",)),
    StatementType.APPOINT_ADMIN_CONTACT: Form(("List", "TLD", "Name", "Email", "Key"), _DETAILS),
    StatementType.DISMISS_ADMIN_CONTACT: Form(("List", "TLD"), ("Name", "Email", "Key", "Since")),
    StatementType.ATTEST_SSC: Form(("List", "TLD", "Name", "Email", "Key"), (*_DETAILS, "Expires")),
    StatementType.WITHDRAW_SSC: Form(("List", "TLD", "Email"), ("Name", "Key")),
    StatementType.REQUEST_MEMBERSHIP: Form(("List", "TLD", "Name", "Email", "Key"), _DETAILS),
    StatementType.UPDATE_CONTACT: Form(("List", "TLD", "Name", "Email"), _DETAILS),
    StatementType.CONFIRM_CONTACT: Form(("List", "TLD", "Email"), ("Name",)),
    StatementType.REPLACE_KEY: Form(("List", "TLD", "Email", "Key"), ("Name",)),
    StatementType.SUSPEND_MEMBER: Form(("List", "TLD", "Email"), ("Name", "Key")),
    StatementType.RESUME_MEMBER: Form(("List", "TLD", "Email"), ("Name", "Key")),
    StatementType.REPLACE_LIST_KEY: Form(("List", "Key")),
    StatementType.REPLACE_ROOTS: Form(("List", "Root"), ("Threshold", "Since")),
    StatementType.ERASE: Form(("List", "TLD", "Key", "Entry")),
    StatementType.ACCEPT_INVITATION: Form(("List", "TLD", "Token", "Name", "Email"), _DETAILS),
}

# Words that people write for a field, besides misspellings of it.
ALSO_KNOWN = {
    "mail": "Email", "e-mail": "Email", "address": "Email", "fingerprint": "Key", "cctld": "TLD", "domain": "TLD", "tel": "Phone",
    "telephone": "Phone", "mobile": "Phone", "organization": "Organisation", "expiry": "Expires", "valid-until": "Expires",
}  # fmt: skip

# What a missing field might look like.
EXAMPLES = {
    "List": "tld-ops@lists.example.org", "TLD": "nl", "Token": "nl-k7qm-2xrt-5bpd-w3fh-6yzc", "Name": "Anna de Vries",
    "Email": "anna@registry.example", "Phone": "+31 6 1234 5678", "Organisation": "Registry of the Netherlands",
    "Timezone": "Europe/Amsterdam", "Share": "regional",
    "Key": "0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567", "Root": "0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567",
    "Expires": "2027-11-22", "Since": "2027-11-22T04:00Z", "Threshold": "2",
    "Entry": f"7 {'3fa9' * 16}",
}  # fmt: skip
