"""Receipts: what the list says, under its signature, about a submission that it took: what was said, entries, head, date."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime

from securelist.openpgp.certificate import grouped
from securelist.trust.entry import CERTIFICATE, Entry
from securelist.trust.history import Said
from securelist.trust.submission import Submission

COLUMNS = 76  # as in all letters


def receipt(list_address: str, submission: Submission, at: int) -> str:
    """The text of the receipt, lines of `Name: value` and a paragraph for each thing entered; `at` is Unix seconds."""
    head = submission.membership.head
    lines = [f"Receipt: {list_address}", f"Date: {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"]
    if submission.entries:
        lines.append(f"Entries: {', '.join(str(entry.number) for entry in submission.entries)}")
        lines.append(f"Head: entry {head.number}, {head.hash}")
    lines += [f"Note: {note}" for note in dict.fromkeys(submission.notes)]
    said = {one.entry: one for one in submission.said}
    paragraphs = ["\n".join(lines)]
    paragraphs += ["\n".join(_entered(entry, said.get(entry.number))) for entry in submission.entries]
    paragraphs += ["\n".join(_asked(request.said)) for request in submission.requests]
    return "".join(f"{_wrapped(paragraph)}\n\n" for paragraph in paragraphs)


def _wrapped(paragraph: str) -> str:
    """The same lines; one that is too long goes on in the next, indented by four blanks."""
    lines = (textwrap.wrap(line, COLUMNS, subsequent_indent="    ", break_on_hyphens=False) for line in paragraph.split("\n"))
    return "\n".join("\n".join(wrapped) for wrapped in lines)


def _entered(entry: Entry, said: Said | None) -> Iterator[str]:
    yield f"Entry {entry.number}: {entry.type}{f' .{entry.cctld}' if entry.cctld else ''}"
    yield from _who(said)
    if entry.subject:
        yield f"  {'certificate' if entry.type == CERTIFICATE else 'key'}: {grouped(entry.subject)}"
    if entry.signer:
        yield f"  signed by: {grouped(entry.signer)}"
    if said is not None:
        yield f"  {said.standing}"


def _asked(said: Said) -> Iterator[str]:
    yield f"Kept, and not in the log: {said.statement.type} .{said.statement.tld}"
    yield from _who(said)
    yield f"  signed by: {grouped(said.signer)}"


def _who(said: Said | None) -> Iterator[str]:
    """About whom: those who sign may be somebody else, and several at once."""
    if said is not None and said.statement.person.emails:
        yield f"  {', '.join(filter(None, (said.statement.person.name, said.statement.person.emails[0])))}"
