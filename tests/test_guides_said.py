"""What guides and the public page show of the product is what the product has: tables of commands, samples, placeholders."""

from __future__ import annotations

import html
import re

import pytest
from guide_reader import GUIDES, ROOT, blocks_of

from securelist.commands import COMMANDS, commands_for
from securelist.errors import Refused
from securelist.store.database import HEAD
from securelist.trust.grammar import parse


def test_the_secretariat_reads_of_every_command_that_it_can_send() -> None:
    """Each way of writing one has a line in the table, and the table has no command that there is not."""
    text = (GUIDES / "secretariat.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)[^`]*` \|", text, re.MULTILINE)
    assert rows
    assert set(rows) <= set(COMMANDS)
    written = [line.replace("ADDRESS", "anna@registry.example") for line, _ in commands_for(is_root=True)]
    assert not [line for line in written if f"| `{line}` |" not in text]


def test_the_sample_of_doctor_is_of_this_version() -> None:
    """The operator compares it with what they see."""
    assert re.findall(r"^ok +database +the tables are of this version \((\d+)\)$", (GUIDES / "operator.md").read_text(), re.MULTILINE) == [
        HEAD
    ]


def test_a_placeholder_that_was_left_is_refused() -> None:
    """The public page's text to ask for membership: whichever line was not filled in, the grammar takes nothing; the page says so."""
    page = (ROOT / "securelist/site/index.html.j2").read_text()
    (shown,) = re.findall(r"(Securelist-Statement: request-membership\n.*?)</pre>", page, re.DOTALL)
    lines = html.unescape(shown).replace("{{ told.list }}", "tld-ops@lists.example.org").splitlines()
    right = {
        "TLD": "nl", "Name": "Anna de Vries", "Email": "anna@registry.example", "Phone": "+31 20 123 4567",
        "Key": "0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567",
    }  # fmt: skip
    left = [number for number, line in enumerate(lines) if "<" in line]
    filled = [f"{line.split(':')[0]}: {right[line.split(':')[0]]}" if number in left else line for number, line in enumerate(lines)]
    (second,) = [number for number in left if "another" in lines[number]]
    filled[second] = "Email: anna@elsewhere.example"
    assert len(left) == 6
    assert parse("\n".join(filled) + "\n")
    for number in left:
        with pytest.raises(Refused):
            parse("\n".join([*filled[:number], lines[number], *filled[number + 1 :]]) + "\n")
    assert "Replace all that stands between &lt; and &gt;" in page
    assert not blocks_of(page)
