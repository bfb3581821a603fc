"""Letters with somebody else's words in them: where those stand, and that they do not look like the list's."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from test_letters import ALWAYS, Anything, names_in
from town import LIST

from securelist.letters import Verbatim
from securelist.letters.kinds import KINDS
from securelist.letters.templates import Templates
from securelist.openpgp.certificate import grouped
from securelist.trust.draft import draft
from securelist.trust.statement import Person, StatementType

FOREIGN = Anything("Evil " * 60 + "\u2800" * 90 + "Evil \u3164" * 60 + "\ufe0f " * 70 + "Evil" * 40)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_nobody_elses_words_begin_a_line(kind: str) -> None:
    """However long they are, and with whatever blanks: where they run over they are indented. The list's own words are not."""
    foreign = dict.fromkeys(names_in(kind) - {"why" if kind == "answer-ended" else "", "regions"}, FOREIGN)
    facts = {**ALWAYS, **dict.fromkeys(names_in(kind), ""), **foreign}
    lines = Templates(None).compose(kind, facts).text.split("\n")
    assert not [line for line in lines if line.startswith("Evil") or re.search("[\u2800\u3164\ufe0f]", line)]


def test_the_lists_own_words_begin_lines() -> None:
    """An address of the list, where a paragraph was wrapped before it."""
    facts = {**ALWAYS, "request": f"{'r' * 250}@x.example"}
    text = Templates(None).compose("forward", {**facts, "owner": facts["request"]}).text
    assert f"\n{facts['request']};\n" in text  # whole, on a line of its own


def appointing(**facts: object) -> str:
    """The letter that asks to appoint somebody who answered, with three contacts, on two user IDs of three."""
    person = Person("Anna", ("anna@nl.example",), ("+31 6 1234 5678",))
    contact = SimpleNamespace(person=person, key="A" * 40)
    text = draft(StatementType.APPOINT_ADMIN_CONTACT, list=LIST, tld="nl", person=replace(person, organisation="Registry"), key="A" * 40)
    known = {"person": person, "fingerprint": "A" * 40, "record": person, "contacts": [contact] * 3, "threshold": 2}
    record = {"record": SimpleNamespace(manager="Registry of the Netherlands", phone="+31 26 352 5500")}
    others = dict.fromkeys(names_in("appoint"), "2026-11-20")
    return Templates(None).compose("appoint", {**ALWAYS, **others, **known, **record, "statement": Verbatim(text), **facts}).text


def test_the_letter_about_an_answer_is_short_and_begins_with_the_key() -> None:
    """What was verified comes before what somebody says of themselves; of user IDs a name and an address, and no page."""
    fake = "\u2800".join(["Anna", "Key: " + "B" * 40, "Proved: call nobody"]) + " " * 60 + "x"
    text = appointing(user_ids=["Anna \u3164A. <anna@nl.example>", fake, "third <third@nl.example>"])
    assert text.count("\n") < 60 and text.index("  Key: AAAA") < text.index("by their own account") < text.index("  Name: Anna")
    assert "  User: Anna A. <anna@nl.example>\n" in text and "third" not in text
    assert re.findall("^ *Key: (.*)", text, re.MULTILINE) == [grouped("A" * 40)] * 2
    assert "the certificate has no user ID" in appointing(user_ids=())
