"""Which fields each type of statement has, and how the time of `Since` is written: what people once wrote must be read for good."""

from __future__ import annotations

import pytest

from securelist.errors import Refused
from securelist.trust.grammar import parse
from securelist.trust.statement import StatementType

KEY = "0123456789ABCDEF0123456789ABCDEF01234567"

# --- the fields of each type ------------------------------------------------------------------------------------------

VALUES = {
    "List": "tld-ops@lists.example.org", "TLD": "nl", "Token": "nl-k7qm-2xrt-5bpd-w3fh-6yzc", "Name": "Anna",
    "Email": "anna@registry.example", "Phone": "+31 6 1234 5678", "Organisation": "Registry", "Timezone": "Europe/Amsterdam",
    "Share": "regional", "Key": KEY, "Expires": "2027-11-22", "Since": "2026-11-22", "Root": KEY, "Threshold": "1",
    "Entry": f"7 {'3fa9' * 16}",
}  # fmt: skip
DETAILS = "Phone Organisation Timezone Share"
# What each type must have -> what it may have; written out here once more, because a change shuts out what people wrote before.
FIELDS_OF = {
    "found-list": ("List Key Root", "Threshold"),
    "appoint-admin-contact": ("List TLD Name Email Key", DETAILS),
    "dismiss-admin-contact": ("List TLD", "Name Email Key Since"),
    "attest-ssc": ("List TLD Name Email Key", f"{DETAILS} Expires"),
    "withdraw-ssc": ("List TLD Email", "Name Key"),
    "request-membership": ("List TLD Name Email Key", DETAILS),
    "update-contact": ("List TLD Name Email", DETAILS),
    "confirm-contact": ("List TLD Email", "Name"),
    "replace-key": ("List TLD Email Key", "Name"),
    "suspend-member": ("List TLD Email", "Name Key"),
    "resume-member": ("List TLD Email", "Name Key"),
    "replace-list-key": ("List Key", ""),
    "replace-roots": ("List Root", "Threshold Since"),
    "erase": ("List TLD Key Entry", ""),
    "accept-invitation": ("List TLD Token Name Email", DETAILS),
}


def test_every_type_is_in_the_table() -> None:
    """A new type of statement gets a row."""
    assert set(FIELDS_OF) == set(StatementType)


@pytest.mark.parametrize("kind", FIELDS_OF)
def test_which_fields_a_type_must_and_may_have(kind: str) -> None:
    """Without one that it must have it is refused, naming it; with one that it does not have, too; the others may be left out."""
    required, optional = (names.split() for names in FIELDS_OF[kind])

    def with_fields(names: list[str]) -> str:
        return f"Securelist-Statement: {kind}\n" + "".join(f"{name}: {VALUES[name]}\n" for name in names)

    for names in (required, [*required, *optional], [*optional, *reversed(required)], *([*required, name] for name in optional)):
        assert set(parse(with_fields(names))[0].lines) == set(names)
    for missing in required:
        with pytest.raises(Refused, match=rf"missing-field: line 1: {kind} needs {missing}; write: {missing}: "):
            parse(with_fields([name for name in required if name != missing]))
    for unknown in VALUES.keys() - {*required, *optional}:
        with pytest.raises(Refused, match=rf"unknown-field: line {len(required) + 2}: {unknown} does not belong"):
            parse(with_fields([*required, unknown]))


# --- Since ------------------------------------------------------------------------------------------------------------

SINCE_FORM = "a time is written YYYY-MM-DD, or YYYY-MM-DDThh:mmZ in UTC"
SINCE: dict[str, int | str] = {  # the seconds that it means, or what the answer must hold
    "2026-11-22": 1795305600,
    "2026-11-22T00:00Z": 1795305600,
    "2026-11-22T04:30Z": 1795305600 + 16200,
    "2026-11-22T23:59Z": 1795305600 + 86340,
    "2026-11-22 04:30": "write: Since: 2026-11-22T04:30Z",
    "2026-11-22T04:30": "write: Since: 2026-11-22T04:30Z",
    "2026-11-22 04:30 UTC": "write: Since: 2026-11-22T04:30Z",
    "2026-11-22T24:00Z": SINCE_FORM,
    "2026-11-22T04:60Z": SINCE_FORM,
    "2026-11-22T04:30:00Z": SINCE_FORM,
    "2026-11-22T04:30+01:00": SINCE_FORM,
    "2026-11-22T4:30Z": SINCE_FORM,
    "2026/11/22": SINCE_FORM,
    "22-11-2026": SINCE_FORM,
    "yesterday": SINCE_FORM,
    "2026-02-30": "the calendar has no such day",
    "2026-02-30T04:00Z": "the calendar has no such day",
    "\u0662\u0660\u0662\u0666-11-22": SINCE_FORM,
}


@pytest.mark.parametrize("value", SINCE)
def test_since(value: str) -> None:
    """A day begins at 00:00 UTC; a time says that it is UTC, to the minute; nothing else is guessed at, only proposed."""
    text, meant = f"Securelist-Statement: dismiss-admin-contact\nList: l@b.example\nTLD: nl\nSince: {value}\n", SINCE[value]
    if isinstance(meant, int):
        assert parse(text)[0].since == meant
        return
    with pytest.raises(Refused) as refused:
        parse(text)
    assert refused.value.reason == "bad-since" and refused.value.detail.startswith("line 4: ") and meant in refused.value.detail
