"""Asks a person at a terminal for the fields of a statement, one after the other, so that nobody has to know the grammar."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import click

from securelist.cli.output import say
from securelist.trust.fields import EXAMPLES, FIELDS, FORMS
from securelist.trust.grammar import problem_of
from securelist.trust.statement import StatementType

_MEANINGS = {
    "List": "the list's address",
    "TLD": "the ccTLD, without a dot",
    "Token": "the token that the invitation gave you",
    "Name": "the person's name",
    "Email": "mail address",
    "Phone": "telephone number, international",
    "Organisation": "who they work for",
    "Timezone": "where they are",
    "Share": "the word regional, if Regional Organisations may see these details",
    "Key": "full fingerprint of the person's certificate",
    "Expires": "the day on which it ends; one year from now if left out",
    "Since": "the time from which on their word is void; what they said stands if left out",
    "Root": "full fingerprint of a trust root",
    "Entry": "number and hash of an entry whose text goes; `statement new erase` on the list's own machine fills them in",
    "Threshold": "how many trust roots have to agree; 1 if left out",
}

# Where a field says something else, or more, in one type of statement.
_MEANINGS_IN: Mapping[tuple[StatementType, str], str] = {
    (StatementType.FOUND_LIST, "Key"): "full fingerprint of the list's key, as `securelist init` printed it",
    (StatementType.REPLACE_LIST_KEY, "Key"): "full fingerprint of the list's new key, as `securelist key new` printed it",
    (StatementType.REPLACE_KEY, "Key"): "full fingerprint of the new certificate; the old key and the new one both sign this",
    (StatementType.REPLACE_ROOTS, "Threshold"): "how many of these have to agree; as before if left out",
    (StatementType.ACCEPT_INVITATION, "Name"): "your name",
    (StatementType.ACCEPT_INVITATION, "Email"): "your mail address",
    (StatementType.UPDATE_CONTACT, "Email"): "mail address; the primary one first, it says whose details these are, and is not changed",
    (StatementType.UPDATE_CONTACT, "Phone"): "telephone number, international; those that you leave out are forgotten",
}


def overview() -> str:
    """Every type of statement with its fields, those in brackets may be left out, and what the fields say."""
    lines = ["\b", "Types, and their fields after List (those in brackets may be left out):"]
    for kind, form in FORMS.items():
        names = [name if name in form.required else f"[{name}]" for name in form.fields if name != "List"]
        lines.append(f"  {kind:22} {' '.join(names)}")
    return "\n".join([*lines, "", "\b", "What they say:", *(f"  {name:13} {meaning}" for name, meaning in _MEANINGS.items())])


def ask(kind: StatementType, given: Mapping[str, Sequence[str]], *, optional: bool) -> dict[str, list[str]]:
    """The values of a statement's fields: those `given`, and what the person at the terminal answers for the others.

    Each answer is checked at once. Fields that may be left out are asked for if `optional`. Questions go to standard error.
    """
    form = FORMS[kind]
    values = {name: list(found) for name, found in given.items()}
    for name in form.fields:
        if name not in given and (optional or name in form.required):
            values[name] = _ask_field(kind, name, required=name in form.required)
    return {name: found for name, found in values.items() if found}


def _ask_field(kind: StatementType, name: str, *, required: bool) -> list[str]:
    meaning = _MEANINGS_IN.get((kind, name), _MEANINGS[name])
    question = f"{name} ({meaning}; such as {EXAMPLES[name]}{'' if required else '; empty to leave it out'})"
    values: list[str] = []
    while len(values) < FIELDS[name].times and (value := _answer(name, question, values, required=required and not values)):
        values.append(value)
        question = f"Another {name} (empty for none)"
    return values


def _answer(name: str, question: str, earlier: list[str], *, required: bool) -> str:
    while True:
        say(f"{question}:", err=True, end=" ")  # click.prompt writes a blank to standard output, where the statement goes
        line = sys.stdin.readline()
        if not line:
            raise click.Abort
        value = line.strip()
        problem = problem_of(name, value, earlier) if value or required else ""
        if not problem:
            return value
        say(f"  {problem}", err=True)
