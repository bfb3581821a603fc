"""The grammar of statements: what an Admin Contact may write, and what the answer says when it is not that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securelist.errors import Refused
from securelist.trust.fields import FORMS
from securelist.trust.grammar import MAX_STATEMENTS, MAX_TEXT_CHARACTERS, founding_text, parse, render
from securelist.trust.statement import Person, Statement, StatementType
from securelist.trust.text import text_of

KEY = "0123456789ABCDEF0123456789ABCDEF01234567"
GOOD = """Securelist-Statement: attest-ssc
List: TLD-ops@lists.example.org
TLD: NL
Name: Anna de Vries
Email: anna@registry.example
Email: anna.devries@elsewhere.example
Phone: +31 6 1234 5678
Organisation: Registry of the Netherlands
Timezone: Europe/Amsterdam
Share: regional
Key: 0123 4567 89ab cdef 0123  4567 89AB CDEF 0123 4567
Expires: 2027-11-22
"""
PARSED = Statement(
    StatementType.ATTEST_SSC, "tld-ops@lists.example.org", 1, "nl",
    Person("Anna de Vries", ("anna@registry.example", "anna.devries@elsewhere.example"), ("+31 6 1234 5678",),
           "Registry of the Netherlands", "Europe/Amsterdam", True),
    KEY, 1826841600,
)  # fmt: skip


def with_line(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


ACCEPTED = {
    "as in the handbook": GOOD,
    "with the line ends of a mail": GOOD.replace("\n", "\r\n"),
    "blanks at the ends of lines, which cleartext signatures do not cover": GOOD.replace("\n", " \t\n"),
    "without a last line end": GOOD.rstrip(),
    "the fields in another order": "\n".join([GOOD.split("\n")[0], *sorted(GOOD.strip().split("\n")[1:], reverse=True)])
    .replace("Email: anna@registry.example\n", "")
    .replace("Email: anna.devries", "Email: anna@registry.example\nEmail: anna.devries"),
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_a_good_statement_says_what_it_says(text: str) -> None:
    """However the mail client ended the lines, the same statement comes out."""
    assert parse(text) == (PARSED,)


def test_what_else_stands_in_the_mail_is_ignored() -> None:
    """A greeting, a quoted statement and a mail signature are no part of any statement; two statements are both found."""
    second = f"Securelist-Statement: withdraw-ssc\nList: {PARSED.list}\nTLD: nl\nEmail: bert@registry.example\n"
    quoted = "".join(f"> {line}\n" for line in GOOD.splitlines())
    text = f"Dear Secretariat,\nplease enter this:\n\n{GOOD}\nand this:\n\n{second}\nYou wrote:\n{quoted}\n-- \nAdmin: 24/7\n"
    found = parse(text)
    assert [statement.type for statement in found] == [StatementType.ATTEST_SSC, StatementType.WITHDRAW_SSC]
    assert [statement.line for statement in found] == [4, 19] and found[1].line_of("Email") == 22


# What was written -> (reason, words that the answer must hold).
REFUSED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "nothing at all": ("", "no-statement", ("no line begins with",)),
    "a friendly letter": ("Please add Anna.\n", "no-statement", ("Securelist-Statement",)),
    "only a quoted statement": ("> " + GOOD.replace("\n", "\n> "), "no-statement", ("line 1", "in front")),
    "no empty line before it": ("Hello,\n" + GOOD, "no-paragraph", ("line 2", "empty line")),
    "two without an empty line between": (GOOD + GOOD, "no-paragraph", ("line 13", "empty line")),
    "a mail signature without an empty line": (GOOD + "-- \nAdmin\n", "bad-line", ("line 13",)),
    "the first field in small letters": (
        with_line("Securelist-S", "securelist-s"),
        "unknown-field",
        ("line 1", "write: Securelist-Statement: attest-ssc"),
    ),
    "an unknown type": (with_line("attest-ssc", "attest-scc"), "unknown-type", ("line 1", "write: Securelist-Statement: attest-ssc")),
    "an unknown field": (with_line("Name:", "Shoe-Size: 42\nName:"), "unknown-field", ("line 4", "Shoe-Size")),
    "a misspelt field": (with_line("Phone:", "Fone:"), "unknown-field", ("line 7", "write: Phone: +31 6 1234 5678")),
    "a field by another name": (with_line("Key:", "Fingerprint:"), "unknown-field", ("line 11", "write: Key: 0123")),
    "a field in small letters": (with_line("TLD: NL", "tld: nl"), "unknown-field", ("line 3", "write: TLD: nl")),
    "a field of another statement": (with_line("Expires", "Threshold"), "unknown-field", ("line 12", "does not belong")),
    "no List": (with_line("List: TLD-ops@lists.example.org\n", ""), "missing-field", ("line 1", "needs List")),
    "no Key": (with_line("Key: 0123 4567 89ab cdef 0123  4567 89AB CDEF 0123 4567\n", ""), "missing-field", ("needs Key",)),
    "two names": (with_line("Name: Anna de Vries", "Name: Anna\nName: Bert"), "repeated-field", ("line 5",)),
    "six addresses": (
        with_line("Email: anna@", "".join(f"Email: a{i}@b.example\n" for i in range(5)) + "Email: anna@"),
        "repeated-field",
        ("5 times",),
    ),
    "the same address twice": (with_line("anna.devries@elsewhere", "ANNA@registry"), "repeated-value", ("line 6",)),
    "no value": (with_line("Anna de Vries", ""), "empty-value", ("line 4", "Name")),
    "no colon": (with_line("Name:", "Name"), "bad-line", ("line 4",)),
    "no blank after the colon": (with_line("Name: ", "Name:"), "bad-line", ("line 4", "write: Name: Anna de Vries")),
    "a value wrapped by the mail client": (with_line("de Vries", "\n de Vries"), "bad-line", ("line 5",)),
    "a name of 101 characters": (with_line("Anna de Vries", "A" * 101), "too-long", ("line 4", "100")),
    "an escape sequence in a name": (with_line("Anna", "\x1b[31mAnna"), "bad-character", ("line 4", "U+001B")),
    "a tab in a line": (with_line("Name: ", "Name:\t"), "bad-character", ("U+0009",)),
    "a carriage return inside a line": (with_line("de Vries", "de\rVries"), "bad-character", ("U+000D",)),
    "text that runs from right to left": (with_line("Anna", "\u202eannA"), "bad-character", ("U+202E",)),
    "a zero-width space": (with_line("Anna", "An\u200bna"), "bad-character", ("U+200B",)),
    "another line separator": (with_line("Anna", "Anna\u2028Key: x"), "bad-character", ("U+2028",)),
    "an address inside the name": (with_line("Anna de Vries", "Anna <a@b.example>"), "bad-name", ("line 4", "write: Name: Anna")),
    "a TLD with its dot": (with_line("TLD: NL", "TLD: .nl"), "bad-tld", ("line 3", "write: TLD: nl")),
    "a TLD in its own script": (with_line("TLD: NL", "TLD: рф"), "bad-tld", ("write: TLD: xn--p1ai",)),
    "a domain for a TLD": (with_line("TLD: NL", "TLD: registry.nl"), "bad-tld", ("line 3",)),
    "an address with its display name": (
        with_line("anna@registry.example", "Anna <anna@registry.example>"),
        "bad-email",
        ("write: Email: anna@registry.example",),
    ),
    "an address without a domain": (with_line("anna@registry.example", "anna@localhost"), "bad-email", ("line 5",)),
    "two addresses in one line": (with_line("anna@registry.example", "a@b.example, c@d.example"), "bad-email", ("line 5",)),
    "a national phone number": (with_line("+31 6 1234", "06 1234"), "bad-phone", ("line 7", "international")),
    "a phone number with 00": (with_line("+31 6 1234", "0031 6 1234"), "bad-phone", ("write: Phone: +31 6 1234 5678",)),
    "a short key ID": (
        with_line("0123 4567 89ab cdef 0123  4567 89AB CDEF 0123 4567", "89ABCDEF01234567"),
        "bad-key",
        ("line 11", "in full"),
    ),
    "a fingerprint with 0x": (with_line("Key: 0123", "Key: 0x0123"), "bad-key", ("write: Key: 0123 4567",)),
    "a fingerprint with an O for a zero": (with_line("Key: 0", "Key: O"), "bad-key", ("line 11",)),
    "a date the other way round": (with_line("2027-11-22", "22-11-2027"), "bad-expires", ("YYYY-MM-DD",)),
    "a date with slashes": (with_line("2027-11-22", "2027/11/22"), "bad-expires", ("write: Expires: 2027-11-22",)),
    "the 30th of February": (with_line("2027-11-22", "2027-02-30"), "bad-expires", ("no such day",)),
    "sharing with the world": (with_line("Share: regional", "Share: everybody"), "bad-share", ("write: Share: regional",)),
    "a time zone in words": (with_line("Europe/Amsterdam", "Amsterdam, of course"), "bad-timezone", ("line 9",)),
    "a threshold of a hundred": (founding_text("l@b.example", KEY, [KEY]) + "Threshold: 100\n", "bad-threshold", ("1 to 99",)),
    "the same root twice": (founding_text("l@b.example", KEY, [KEY]) + f"Root: {KEY.lower()}\n", "repeated-value", ("line 5",)),
    "twenty-one roots": (
        founding_text("l@b.example", KEY, [KEY]) + "".join(f"Root: {i:040X}\n" for i in range(20)),
        "repeated-field",
        ("20 times",),
    ),
    "a threshold of none": (founding_text("l@b.example", KEY, [KEY]) + "Threshold: 0\n", "bad-threshold", ("line 5",)),
    "more statements than fit": ("\n".join([GOOD] * (MAX_STATEMENTS + 1)), "too-many-statements", (str(MAX_STATEMENTS),)),
    "a book": ("x" * (MAX_TEXT_CHARACTERS + 1), "too-long", ("KiB",)),
}


@pytest.mark.parametrize(("text", "reason", "words"), REFUSED.values(), ids=REFUSED)
def test_a_bad_statement_is_refused_with_line_and_rule(text: str, reason: str, words: tuple[str, ...]) -> None:
    """The answer names the line, the rule and, where it can be guessed, the line that was meant."""
    with pytest.raises(Refused) as refused:
        parse(text)
    assert refused.value.reason == reason, refused.value
    assert all(word in refused.value.detail for word in words), refused.value.detail
    assert refused.value.detail.isprintable()


def test_one_bad_statement_spoils_the_whole_text() -> None:
    """A good statement in the same text as a bad one does not count."""
    with pytest.raises(Refused, match="line 16"):
        parse(f"{GOOD}\n{with_line('TLD: NL', 'TLD: n')}")


@pytest.mark.parametrize("kind", list(StatementType))
def test_every_type_can_be_written_and_read_again(kind: StatementType) -> None:
    """What `render` writes with all fields filled, `parse` reads back, for every type in the table."""
    values = {
        "List": [PARSED.list],
        "TLD": ["nl"],
        "Token": [" NL-K7qm-2xrt-5bpd-w3fh-6yzc"],
        "Name": ["Ánna 李"],
        "Email": ["a@b.example"],
        "Phone": ["+31 6 1234 5678"],
        "Organisation": ["R"],
        "Timezone": ["UTC+01:00"],
        "Share": ["regional"],
        "Key": [KEY.lower()],
        "Expires": ["2027-11-22"],
        "Since": ["2026-11-22T04:00Z"],
        "Root": [KEY, KEY[::-1]],
        "Threshold": ["2"],
        "Entry": [f"7 {'3fa9' * 16}", f"1234 {'0' * 64}"],
    }
    text = render(kind, {name: values[name] for name in FORMS[kind].fields})
    (statement,) = parse(text)
    assert statement.type == kind and statement.list == PARSED.list
    assert set(statement.lines) == set(FORMS[kind].fields)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"Name": ["Anna\nKey: " + KEY]}, "bad-line"),
        ({"Name": ["Anna\n\nSecurelist-Statement: attest-ssc"]}, "bad-line"),
        ({"Shoe-Size": ["42"]}, "unknown-field"),
        ({"Key": ["1234"]}, "bad-key"),
    ],
)
def test_what_cannot_be_parsed_is_not_written(values: dict[str, list[str]], reason: str) -> None:
    """`statement new` refuses values that would smuggle in a line or a statement, or that the server would refuse later."""
    fields = {"List": [PARSED.list], "TLD": ["nl"], "Name": ["A"], "Email": ["a@b.example"], "Key": [KEY]}
    with pytest.raises(Refused) as refused:
        render(StatementType.ATTEST_SSC, fields | values)
    assert refused.value.reason == reason


@given(st.text())
def test_no_text_gets_more_than_a_refusal(text: str) -> None:
    """Whatever follows the magic words, the parser answers with statements or a refusal, never with another error."""
    for candidate in (
        text,
        f"Securelist-Statement: attest-ssc\n{text}",
        with_line("Anna de Vries", text),
        with_line("anna@registry.example", text),
    ):
        try:
            assert parse(candidate)
        except Refused as refused:
            assert refused.detail


PLAIN = b"Content-Type: text/plain; charset=utf-8\r\n"
ENTITIES: dict[str, tuple[bytes, str]] = {
    "plain text": (GOOD.encode(), GOOD),
    "text that begins with a byte order mark": (b"\xef\xbb\xbf" + GOOD.encode(), GOOD),
    "a text part": (PLAIN + b"\r\n" + GOOD.encode(), GOOD),
    "quoted-printable": (PLAIN + b"Content-Transfer-Encoding: quoted-printable\r\n\r\nName: =C3=81nna=\r\n x", "Name: Ánna x"),
    "base64": (PLAIN + b"Content-Transfer-Encoding: base64\r\n\r\nTmFtZTogw4FubmE=\r\n", "Name: Ánna"),
    "Latin 1": (b"Content-Type: text/plain; charset=ISO-8859-1\r\n\r\nName: \xc1nna", "Name: Ánna"),
    "protected headers, a text part and an attachment": (
        b'Content-Type: multipart/mixed; boundary="m"; protected-headers="v1"\r\nSubject: hello\r\n\r\n--m\r\n'
        + PLAIN
        + b"\r\nfirst\r\n--m\r\n"
        b"Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nattached\r\n--m\r\n"
        b"Content-Type: text/html\r\n\r\n<p>\r\n--m--\r\n",
        "first",
    ),
    "two text parts do not run into each other": (
        b"Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\r\nfirst\r\n--m\r\n\r\nsecond\r\n--m--\r\n",
        "first\n\nsecond",
    ),
    "a statement is never taken for a header": (
        GOOD.encode() + b"Content-Type: text/plain\r\n\r\nrest",
        GOOD + "Content-Type: text/plain\r\n\r\nrest",
    ),
    "a letter that begins like a header": (b"Dear Anna: hello\r\n\r\nrest", "Dear Anna: hello\r\n\r\nrest"),
}


@pytest.mark.parametrize(("content", "text"), ENTITIES.values(), ids=ENTITIES)
def test_the_text_is_found_in_what_was_signed(content: bytes, text: str) -> None:
    """Mail clients sign MIME entities, gpg signs text: the statements are read from either."""
    assert text_of(content) == text


NOT_TEXT = {
    "not UTF-8": (b"Name: \xc1nna", "bad-text"),
    "a charset that hides things": (b"Content-Type: text/plain; charset=utf-7\r\n\r\n+AGE-", "unknown-charset"),
    "HTML only": (b"Content-Type: text/html\r\n\r\n<p>" + GOOD.encode(), "no-statement"),
    "parts within parts within parts": (
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(2000))
        + b"\r\nx\r\n"
        + b"".join(b"--b%d--\r\n" % i for i in reversed(range(2000))),
        "too-deep",
    ),
    "a multipart without end": (b"Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\r\nfirst\r\n", "bad-multipart"),
}


@pytest.mark.parametrize(("content", "reason"), NOT_TEXT.values(), ids=NOT_TEXT)
def test_what_is_signed_but_no_text_is_refused(content: bytes, reason: str) -> None:
    """One clear refusal, whatever the signed bytes are."""
    with pytest.raises(Refused) as refused:
        text_of(content)
    assert refused.value.reason == reason
