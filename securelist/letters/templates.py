"""The words of letters: Jinja2 templates in `en/`, one for each kind, or an operator's translation of them.

How to write one (`en/KIND.txt`; the kind has its line in `kinds.KINDS`):

- The first line is `Subject: ` and the subject, short; then an empty line, then the text, in lines of up to 76 columns.
- `{{ name }}` stands for a fact. Every letter knows `list`, `request`, `owner`, `sendkey` (addresses), `name` (the list's), and `key`
  (its fingerprint, grouped); the others are given by whoever writes the letter. `{% if … %}` and `{% for … %}` as in Jinja2.
- A fact comes out on one line, visible characters only, whatever is in it; one that was given as `Verbatim` keeps its lines.
- `{{ fact | grouped }}` is a fingerprint as people compare it, `{{ rows | table }}` a table of rows of equally many cells;
  `table("Region", …)` puts a head above it.
- A line that a fact makes too long runs over into the next line of its paragraph; where somebody else's words would begin a line,
  that line is indented. `{{ fact | ours }}` says that the words are the list's own, and may begin a line as they are. A line indented
  by one to three blanks, such as `  1. Write …` or `  Why: …`, is a paragraph of its own, wrapped under its first word: write it as
  one line, however long.
- `{{ user_id | user_id }}` is a user ID of somebody's certificate, which may hold anything, as a short name and an address.
- A line indented by four blanks or more, a statement (a paragraph that begins with `Securelist-Statement:`) and what is
  `Verbatim` stay as they are: they are for copying. A statement must not be indented: the list would not read it.
- Never begin a paragraph with somebody else's words, and never quote an unsigned mail.
"""

from __future__ import annotations

import logging
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from securelist.errors import ConfigurationError
from securelist.letters.kinds import KINDS
from securelist.mail.headers import address_in_user_id, visible
from securelist.openpgp.certificate import grouped
from securelist.trust.grammar import displayable

COLUMNS = 76  # RFC 5322, 2.1.1 says 78 at most; two for the "> " of who answers
SUBJECT_COLUMNS = COLUMNS - len("Subject: ")  # mail programs without header protection show it as a line of the text
ALWAYS = frozenset({"list", "request", "owner", "sendkey", "name", "key"})
"""The facts that every letter knows."""

_SUBJECT = "Subject: "
# The longest address has 254 characters, and is copied as a whole; more than that is no word.
MAX_WORD_CHARACTERS = 300
MAX_USER_ID_CHARACTERS = 80
# Marks of our own, none of which a fact can hold, for they are not visible: before a line that stays as it is, and around a fact.
_KEPT, _FACT, _END = "\x02", "\x03", "\x04"
_MARKS = str.maketrans("", "", _KEPT + _FACT + _END)
_STATEMENT = re.compile(r"(?:\A|(?<=\n\n))Securelist-Statement:.*(?:\n.+)*")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ITEM = re.compile(r" {1,3}(?:(?:[0-9]+[.)]|[-*]|[^\W\d]+:) +)?")

Facts = dict[str, Any]
"""What a letter tells, by the names that its template has for it."""

_log = logging.getLogger(__name__)


class Verbatim(str):
    """A fact of several lines that is to stay as it is, such as a statement to sign; only what is invisible becomes a blank."""


class Ours(str):
    """A fact in the list's own words, such as its address: it may begin a line."""


@dataclass(frozen=True)
class Words:
    """A letter without its envelope: the subject, and the text with LF line ends."""

    subject: str
    text: str


class Templates:
    """The templates of one list; `folder` holds translations, None: there are none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        # A translation is somebody's text: it has no way to a file or a program, and says nothing that is not a fact.
        self._environment = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined, finalize=_shown, autoescape=False, trim_blocks=True, lstrip_blocks=True
        )
        self._environment.globals.clear()
        self._environment.filters.update(grouped=_grouped, table=_table, ours=lambda fact: Ours(_one_line(fact)), user_id=_user_id)
        self._english: dict[str, Template] = {}
        self._translated: dict[str, Template | None] = {}

    def compose(self, kind: str, facts: Facts) -> Words:
        """The letter of that kind; a translation that fails with these facts is passed over for the English one, with a warning."""
        own = {name: Ours(facts[name]) for name in ALWAYS & facts.keys() if not isinstance(facts[name], Verbatim)}
        facts = {**facts, **own}
        try:
            if (template := self._translation(kind)) is not None:
                return _words(template.render(facts))
        except Exception as failed:  # whatever an expression in somebody's file comes to
            _log.warning("%s: %s; the English letter was written", self._file(kind), visible(str(failed)))
        if kind not in self._english:
            self._english[kind] = self._environment.from_string(english(kind))
        return _words(self._english[kind].render(facts))

    def check(self) -> None:
        """Raises ConfigurationError, naming file and line, for a translation that would not work."""
        if self._folder is None:
            return
        if not self._folder.is_dir():
            raise ConfigurationError("no-letters", f"letters: there is no folder {self._folder}")
        for file in sorted(self._folder.glob("*.txt")):
            if file.stem not in KINDS:
                raise ConfigurationError("unknown-letter", f"{file}: there is no such letter; known are {', '.join(sorted(KINDS))}")
            self._translation(file.stem)

    def _file(self, kind: str) -> Path | None:
        return self._folder / f"{kind}.txt" if self._folder else None

    def _translation(self, kind: str) -> Template | None:
        """The translated template, read once; None if there is none. Raises ConfigurationError."""
        if kind not in self._translated:
            file = self._file(kind)
            self._translated[kind] = self._read(file, self._names_in(english(kind))) if file and file.is_file() else None
        return self._translated[kind]

    def _read(self, file: Path, known: Mapping[str, int]) -> Template:
        try:
            source = file.read_text(encoding="utf-8-sig")
            names = self._names_in(source)
        except OSError as failed:
            raise ConfigurationError("bad-letter", f"{file} cannot be read: {failed.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigurationError("bad-letter", f"{file} is not in UTF-8") from None
        except TemplateSyntaxError as failed:
            raise ConfigurationError("bad-letter", f"{file}, line {failed.lineno}: {failed.message}") from None
        if not source.startswith(_SUBJECT):
            raise ConfigurationError("bad-letter", f"{file}, line 1: a letter begins with `{_SUBJECT}`, in English, and its subject")
        for name in names.keys() - known.keys() - ALWAYS:
            offered = ", ".join(sorted(known.keys() | ALWAYS))
            raise ConfigurationError("bad-letter", f"{file}, line {names[name]}: {name} is not known to this letter; known are {offered}")
        return self._environment.from_string(source)

    def _names_in(self, source: str) -> dict[str, int]:
        """The facts that a template asks for, each with the line on which it does so first. Raises TemplateSyntaxError."""
        self._environment.compile(source)  # finds filters that do not exist, too
        tree = self._environment.parse(source)
        wanted = meta.find_undeclared_variables(tree)
        found = ((node.name, node.lineno) for node in tree.find_all(nodes.Name) if node.name in wanted)
        return dict(sorted(found, reverse=True))  # the first line comes last, and stays


def english(kind: str) -> str:
    """The source of the English template."""
    return files("securelist.letters").joinpath("en", f"{kind}.txt").read_text(encoding="utf-8")


# --- facts made harmless ------------------------------------------------------------------------------------------------


def _shown(value: object) -> str:
    """A fact as it stands in a letter, between marks if it is somebody's words: those begin no line, unless they are Verbatim."""
    if not isinstance(value, Verbatim):
        words = _one_line(value)
        theirs = words and isinstance(value, str) and not isinstance(value, Ours) and not _DATE.fullmatch(words)
        return f"{_FACT}{words}{_END}" if theirs else words
    if not value.strip():
        return ""
    lines = value.rstrip("\n").split("\n")
    return "\n".join(_KEPT + "".join(c if unicodedata.category(c)[0] != "C" else " " for c in line).rstrip() for line in lines)


def _one_line(value: object) -> str:
    return re.sub(rf"(\S{{{MAX_WORD_CHARACTERS}}})(?=\S)", r"\1 ", visible(str(value)))


def _grouped(fingerprint: object) -> Verbatim:
    return Verbatim(grouped(re.sub(r"[^0-9A-Za-z]", "", str(fingerprint))))


def _user_id(user_id: object) -> str:
    """What a user ID says, of a name and an address that it begins and ends with (RFC 9580, 5.11), or of anything else."""
    text = visible(str(user_id))
    address = address_in_user_id(text)
    name = displayable(text.removesuffix(address if text == address else f"<{address}>"))
    return (f"{name} <{address}>" if name and address else name or address)[:MAX_USER_ID_CHARACTERS]


def _table(rows: Iterable[Iterable[object]], *headings: str) -> Verbatim:
    """Cells in columns, under a head if one is given, two blanks between them; the last column is wrapped. Where that leaves it no
    room, there are no columns."""
    table: list[Iterable[object]] = [*([headings] if headings else []), *rows]
    cells = [[_one_line(cell) for cell in row] for row in table]
    *widths, last = [max(map(len, column)) for column in zip_longest(*cells, fillvalue="")] or [0]
    columns = sum(widths) + 2 * len(widths) + 2 + min(last, COLUMNS // 2) <= COLUMNS
    lines = []
    for row in cells:
        head = "".join(f"  {cell:{width if columns else 0}}" for cell, width in zip(row[:-1], widths, strict=False)) + "  "
        lines += _wrapped(head + row[-1], " " * (len(head) if columns else 4)) or [""]
    return Verbatim("\n".join(lines))


def _words(rendered: str) -> Words:
    first, _, rest = rendered.partition("\n")
    subject = visible(first.translate(_MARKS).removeprefix(_SUBJECT))
    text = re.sub(r"\n{3,}", "\n\n", rest.strip("\n"))
    return Words(subject if len(subject) <= SUBJECT_COLUMNS else f"{subject[: SUBJECT_COLUMNS - 1]}…", "\n".join(_folded(text)) + "\n")


def _folded(text: str) -> Iterator[str]:
    rest = ""  # what ran over from the line before
    for line in _STATEMENT.sub(lambda match: _KEPT + match[0].replace("\n", f"\n{_KEPT}"), text).split("\n"):
        if rest and (not line or line[0] in f" {_KEPT}"):
            yield rest
            rest = ""
        if line.startswith((_KEPT, "    ")):
            yield line.translate(_MARKS)
        elif item := _ITEM.match(line):
            yield from _wrapped(line, " " * len(item[0])) or [""]
        else:
            *whole, rest = _run_on(rest, line)
            yield from whole
            if len(whole) == 0:
                yield rest
                rest = ""
    if rest:
        yield rest


def _run_on(rest: str, line: str) -> list[str]:
    """What ran over and the line after it, wrapped; if a fact would begin a line, all that follow are indented."""
    before = f"{rest.lstrip()} " if rest else ""
    text = before + line.translate(_MARKS)
    lines, facts = _wrapped(text), list(_places(line, len(before)))
    found = [any(start <= at < end for start, end in facts) for at in _starts(lines, text)]
    if rest.startswith(" ") or any(found):
        lines = _wrapped(f"  {text}" if rest.startswith(" ") or found[0] else text, "  ")
    return lines or [""]


def _places(line: str, at: int) -> Iterator[tuple[int, int]]:
    """Where facts begin and end in a line, its marks not counted and its first character at `at`."""
    start = at
    for mark in re.split(f"([{_KEPT}{_FACT}{_END}])", line):
        if mark == _FACT:
            start = at
        elif mark == _END:
            yield start, at
        elif mark != _KEPT:
            at += len(mark)


def _starts(lines: Iterable[str], text: str) -> Iterator[int]:
    """Where in a text the lines begin that it was wrapped into."""
    at = 0
    for line in lines:
        at = text.index(line, at)
        yield at
        at += len(line)


def _wrapped(line: str, indent: str = "") -> list[str]:
    """Lines of at most COLUMNS; a word that is longer has a line of its own, and is whole, because people copy addresses."""
    text = line.translate(_MARKS)
    words = text.lstrip(" ")
    begin = " " * (len(text) - len(words))
    return textwrap.wrap(words, COLUMNS, initial_indent=begin, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)
