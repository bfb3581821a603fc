"""The grammar of statements: a strict parser, and its inverse. The table of fields and types is in `fields`.

`parse` takes text that was signed and nothing else. A statement is a paragraph that begins with `Securelist-Statement:`
and ends at the first empty line; other text is ignored. Inside a statement nothing is ignored: what is not understood
is refused, with the line, the rule, and the corrected line where one can be guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from securelist.errors import Refused
from securelist.mail.addresses import same_address
from securelist.openpgp.certificate import grouped, normal_fingerprint
from securelist.trust.fields import ALSO_KNOWN, EXAMPLES, FIELDS, FORMS, Form, WrongValue
from securelist.trust.statement import Person, Statement, StatementType

BEGIN = "Securelist-Statement"
# A signed mail with a greeting, some statements and a mail signature has some kilobytes.
MAX_TEXT_CHARACTERS = 256 * 1024
# Each statement costs a certificate's reading by two engines, some 50 ms; a batch of all Admin Contacts fits in six mails.
MAX_STATEMENTS = 50

# Controls (tab and carriage return too), and what is invisible or turns the direction of writing: a name must be what it
# looks like. A fixed list, not Unicode categories: those grow, and a log must read the same under every Python.
_FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_FIELD_LINE = re.compile(r"([A-Za-z][A-Za-z-]*):(?: +(.*))?")
_ARMOUR = re.compile(r"-----(?:BEGIN|END) PGP [A-Z ]+-----")
_BEGINS = re.compile(rf"{BEGIN}\s*:", re.IGNORECASE | re.ASCII)


# --- the parser -------------------------------------------------------------------------------------------------------


def refusal(line: int, reason: str, rule: str, correction: str = "") -> Refused:
    """A Refused whose detail names the line (0: there is none), the rule, and the corrected line if there is one."""
    return Refused(reason, (f"line {line}: " if line else "") + rule + (f"; write: {correction}" if correction else ""))


def parse(text: str) -> tuple[Statement, ...]:
    """The statements in a signed text, in their order; at least one. Raises Refused naming line and rule."""
    if len(text) > MAX_TEXT_CHARACTERS:
        raise Refused("too-long", f"the signed text is longer than {MAX_TEXT_CHARACTERS // 1024} KiB")
    lines = _lines(text)
    statements: list[Statement] = []
    at = 0
    while at < len(lines):
        if _BEGINS.match(lines[at]) is None:
            at += 1
            continue
        if at and lines[at - 1]:
            raise refusal(at + 1, "no-paragraph", f"a statement begins a paragraph; put an empty line before {BEGIN}")
        if len(statements) == MAX_STATEMENTS:
            raise refusal(at + 1, "too-many-statements", f"one signed text holds at most {MAX_STATEMENTS} statements")
        end = next((i for i in range(at, len(lines)) if not lines[i]), len(lines))
        statements.append(_statement(list(enumerate(lines[at:end], at + 1))))
        at = end
    if not statements:
        raise _none_found(lines)
    return tuple(statements)


def signed_lines(text: str) -> list[str]:
    """The lines of a signed text as compared and parsed: without the white space at their ends, which a cleartext
    signature does not cover (RFC 9580, 7.2), and without empty lines at the end."""
    return [line.rstrip(" \t\r") for line in text.rstrip(" \t\r\n").split("\n")]


def _lines(text: str) -> list[str]:
    """The lines as the grammar reads them. What people compose as HTML has no-break spaces, where two blanks stood together
    (a fingerprint's middle) and in lines that look empty; in a name, too, they are what they look like. And people paste a
    clearsigned statement into a mail that their client signs once more: armour ends a paragraph."""
    return ["" if _ARMOUR.fullmatch(line) else line for line in signed_lines(text.replace("\u00a0", " "))]


def begins_statement(text: str) -> bool:
    """Whether a line of the text begins a statement, well-formed or not."""
    return any(map(_BEGINS.match, _lines(text)))


def _none_found(lines: list[str]) -> Refused:
    for number, line in enumerate(lines, 1):
        if BEGIN.lower() in line.lower():
            return refusal(number, "no-statement", f"a statement's first line begins with {BEGIN} and a colon, with nothing in front of it")
    return Refused("no-statement", f"the signed text holds no statement: no line begins with {BEGIN}:")


def _statement(lines: list[tuple[int, str]]) -> Statement:
    first, rest = lines[0], lines[1:]
    kind = _type(*first)
    form, values, numbers = FORMS[kind], dict[str, list[Any]](), dict[str, list[int]]()
    for number, line in rest:
        name, value = _split(number, line, form)
        known = values.setdefault(name, [])
        _check_count(number, name, len(known))
        read = _read(number, name, value)
        if FIELDS[name].distinct(read) in map(FIELDS[name].distinct, known):
            raise refusal(number, "repeated-value", f"this {name} stands in the statement already; leave the line out")
        known.append(read)
        numbers.setdefault(name, []).append(number)
    if missing := [name for name in form.required if name not in values]:
        raise refusal(first[0], "missing-field", f"{kind} needs {' and '.join(missing)}", f"{missing[0]}: {EXAMPLES[missing[0]]}")
    return _built(kind, first[0], values, numbers)


def _type(number: int, line: str) -> StatementType:
    _check_characters(number, line)
    name, _, value = line.partition(":")
    value = value.strip()
    if name == BEGIN and value in FORMS:
        return StatementType(value)
    guess = get_close_matches(value.lower(), list(StatementType), 1)
    correction = f"{BEGIN}: {guess[0]}" if guess else ""
    if name != BEGIN:
        raise refusal(number, "unknown-field", f"the field is written {BEGIN}", correction)
    raise refusal(number, "unknown-type", f"{value[:40]!a} is no statement; known are {', '.join(FORMS)}", correction)


def _check_characters(number: int, line: str) -> None:
    if found := _FORBIDDEN.search(line):
        what = f"the invisible or control character U+{ord(found[0]):04X} is not allowed"
        raise refusal(number, "bad-character", f"{what} (character {found.start() + 1} of the line)")


def _split(number: int, line: str, form: Form) -> tuple[str, str]:
    """Name and value of one line; the name is one that the form has."""
    _check_characters(number, line)
    match = _FIELD_LINE.fullmatch(line)
    if match is None:
        loose = re.fullmatch(r"\s*([A-Za-z-]+)\s*:\s*(\S.*)", line)
        correction = f"{loose[1]}: {loose[2]}" if loose and loose[1] in form.fields else ""
        rule = "every line of a statement is a field, a colon, a blank and a value; an empty line ends the statement"
        raise refusal(number, "bad-line", rule, correction)
    name, value = match[1], (match[2] or "").strip()
    if name == BEGIN:
        raise refusal(number, "no-paragraph", f"put an empty line before the next {BEGIN}")
    if name not in form.fields:
        raise refusal(number, "unknown-field", _unknown(name, form), _corrected(name, value, form))
    return name, value


def _unknown(name: str, form: Form) -> str:
    if name in FIELDS:
        return f"{name} does not belong into this statement; its fields are {', '.join(form.fields)}"
    return f"there is no field {name[:40]}; the fields of this statement are {', '.join(form.fields)}"


def _corrected(name: str, value: str, form: Form) -> str:
    if name in FIELDS:
        return ""
    lower = {known.lower(): known for known in form.fields}
    guess = ALSO_KNOWN.get(name.lower()) or next((lower[near] for near in get_close_matches(name.lower(), lower, 1)), "")
    return f"{guess}: {value[:120]}" if guess in form.fields else ""


def _check_count(number: int, name: str, already: int) -> None:
    times = FIELDS[name].times
    if already < times:
        return
    if times == 1:
        raise refusal(number, "repeated-field", f"{name} stands in this statement already, and may stand once")
    raise refusal(number, "repeated-field", f"{name} may stand at most {times} times")


def _read(number: int, name: str, value: str) -> Any:  # noqa: ANN401 - each field's own type, see FIELDS
    rules = FIELDS[name]
    if not value:
        raise refusal(number, "empty-value", f"{name} has no value; leave the line out or fill it")
    if len(value) > rules.characters:
        raise refusal(number, "too-long", f"{name} has at most {rules.characters} characters, this has {len(value)}")
    try:
        return rules.read(value)
    except WrongValue as wrong:
        correction = f"{name}: {wrong.correction}" if wrong.correction else ""
        raise refusal(number, f"bad-{name.lower()}", wrong.rule, correction) from None


def problem_of(name: str, value: str, earlier: Iterable[str]) -> str:
    """The rule that a value of a field breaks, with what was probably meant; empty if none. `earlier`: its values before this."""
    try:
        _check_characters(0, value)
        read, distinct = _read(0, name, value), FIELDS[name].distinct
        again = distinct(read) in [distinct(FIELDS[name].read(other)) for other in earlier]
    except Refused as refused:
        return refused.detail
    return f"this {name} was given already" if again else ""


def _built(kind: StatementType, line: int, values: Mapping[str, list[Any]], numbers: dict[str, list[int]]) -> Statement:
    def one(name: str, default: Any) -> Any:  # noqa: ANN401
        return values.get(name, [default])[0]

    person = Person(
        one("Name", ""), tuple(values.get("Email", ())), tuple(values.get("Phone", ())),
        one("Organisation", ""), one("Timezone", ""), one("Share", False),
    )  # fmt: skip
    return Statement(
        kind, same_address(one("List", "")), line, one("TLD", ""), person, one("Key", ""), one("Expires", None),
        one("Since", None), tuple(values.get("Root", ())), one("Threshold", None), tuple(values.get("Entry", ())), one("Token", ""),
        numbers,
    )  # fmt: skip


def displayable(name: str) -> str:
    """A name from a user ID without what no statement may hold in one: controls, invisible characters, <>@ and the like."""
    plain = re.sub(r'[<>@"\\]', "", _FORBIDDEN.sub("", name))
    return " ".join(plain.split())[: FIELDS["Name"].characters]


# --- the inverse ------------------------------------------------------------------------------------------------------


def render(kind: StatementType, values: Mapping[str, Iterable[str]]) -> str:
    """The text of a statement, ready to sign, from its fields' values as a person would write them.

    Raises Refused for what `parse` would refuse, with the line of the text that would have come out.
    """
    lines = [f"{BEGIN}: {kind}"]
    for name in (*FORMS[kind].fields, *(name for name in values if name not in FORMS[kind].fields)):
        for value in values.get(name, ()):
            plain = normal_fingerprint(value) if name in ("Key", "Root") else None
            lines.append(f"{name}: {grouped(plain) if plain else value.strip()}")
    if any("\n" in line for line in lines):
        raise Refused("bad-line", "a value must stand on one line")
    text = "".join(f"{line}\n" for line in lines)
    parse(text)
    return text


def founding_text(list_address: str, key: str, roots: Iterable[str]) -> str:
    """The `found-list` statement that a trust root signs to found this list."""
    return render(StatementType.FOUND_LIST, {"List": [list_address], "Key": [key], "Root": list(roots)})
