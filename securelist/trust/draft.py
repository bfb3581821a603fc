"""Statements made ready for somebody to sign: from what is known of a person, which may come from records that hold anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from securelist.openpgp.certificate import grouped, normal_fingerprint
from securelist.trust.fields import FIELDS, FORMS
from securelist.trust.grammar import BEGIN, displayable, parse, problem_of, refusal
from securelist.trust.statement import Person, StatementType
from securelist.trust.wording import wording_problem

# What the signer has to fill in. Of these the grammar takes the name alone, so that nothing wrong takes effect by being overlooked.
_TO_FILL_IN = {
    "Name": "Their name",
    "Email": "(their mail address)",
    "Key": "(the full fingerprint of their certificate)",
    "Token": "(the token that the invitation gave you)",
}
_YOURS = {"Name": "Your name", "Email": "(your mail address)", "Key": "(the full fingerprint of your certificate)"}

_NOBODY = Person()

VERSION_4_DIGITS = 40

# Statements by somebody about themselves.
_BY_THEMSELVES = {StatementType.ACCEPT_INVITATION, StatementType.REQUEST_MEMBERSHIP, StatementType.UPDATE_CONTACT}


def draft(
    kind: StatementType, *, list: str, tld: str, person: Person = _NOBODY, key: str = "", token: str = "", expires: int | None = None
) -> str:
    """The text of a statement about somebody, ready to sign, ended by a line end; fingerprints are grouped.

    Fields that the type does not have are left out, and so are values that the grammar would refuse, or that a mail program might
    break into two fields; what the type must have then holds words that say what to fill in. `expires`, Unix seconds, is written as
    its day in UTC. Raises Refused for a wrong list or ccTLD.
    """
    form = FORMS[kind]
    detailed = "Phone" in form.fields
    given: dict[str, Iterable[str]] = {
        "List": [list],
        "TLD": [tld],
        "Token": [token],
        "Name": [displayable(person.name)],
        "Email": person.emails if detailed else person.emails[:1],
        "Phone": person.phones,
        "Organisation": [displayable(person.organisation)],
        "Timezone": [person.timezone],
        "Share": ["regional"] if person.share_regional else [],
        "Key": [_grouped(key)],
        "Expires": [] if expires is None else [datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%d")],
    }
    values = {name: _good(name, given.get(name, ())) for name in form.fields}
    words = _TO_FILL_IN | (_YOURS if kind in _BY_THEMSELVES else {})
    lines = [f"{name}: {value}\n" for name in form.fields for value in values[name] or _missing(name, form.required, words)]
    text = f"{BEGIN}: {kind}\n" + "".join(lines)
    if all(values[name] or name == "Name" for name in form.required):
        parse(text)
    return text


def _grouped(key: str) -> str:
    plain = normal_fingerprint(key)
    if plain is None:
        return key
    return grouped(plain) if len(plain) <= VERSION_4_DIGITS else plain  # mail programs break lines of over 72 characters


def _good(name: str, values: Iterable[str]) -> list[str]:
    """Those values that the grammar takes, and that are one value wherever a mail program breaks them; as many as may stand there."""
    good: list[str] = []
    for value in values:
        if len(good) < FIELDS[name].times and not (wording_problem(name, value) or problem_of(name, value, good)):
            good.append(value)
    return good


def _missing(name: str, required: Iterable[str], words: Mapping[str, str]) -> list[str]:
    if name not in required:
        return []
    if name not in words:
        raise refusal(0, f"bad-{name.lower()}", f"the statement cannot be made ready: it needs a {name}")
    return [words[name]]
