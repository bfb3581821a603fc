"""Statements made ready to sign, from what records and requests say of a person."""

from __future__ import annotations

import pytest

from securelist.errors import Refused
from securelist.trust.draft import draft
from securelist.trust.fields import FORMS
from securelist.trust.grammar import parse
from securelist.trust.statement import Person, Statement, StatementType

LIST, KEY, TOKEN = "tld-ops@lists.example.org", "0123456789ABCDEF0123456789ABCDEF01234567", "nl-k7qm-2xrt-5bpd-w3fh-6yzc"
ANNA = Person("Anna de Vries", ("anna@registry.example", "anna@b.example"), ("+31 6 1234 5678",), "Registry", "Europe/Amsterdam", True)
ABOUT_PEOPLE = [kind for kind, form in FORMS.items() if "TLD" in form.fields and "Entry" not in form.fields]


@pytest.mark.parametrize("kind", ABOUT_PEOPLE)
def test_a_draft_says_what_is_known_of_somebody(kind: StatementType) -> None:
    """Whoever signs it as it is says that, and nothing else; the fingerprint can be compared."""
    text = draft(kind, list=LIST, tld="nl", person=ANNA, key=KEY.lower(), token=TOKEN.upper(), expires=1795305600)
    [said] = parse(text)
    fields = FORMS[kind].fields
    assert (said.type, said.list, said.tld, said.key) == (kind, LIST, "nl", KEY if "Key" in fields else "")
    assert said.token == (TOKEN if "Token" in fields else "") and said.expires == (1795305600 if "Expires" in fields else None)
    assert said.person == (ANNA if "Phone" in fields else Person(ANNA.name if "Name" in fields else "", ANNA.emails[:1]))
    assert "Key" not in fields or "Key: 0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567\n" in text


def test_a_draft_has_words_where_nothing_is_known() -> None:
    """What is overlooked is refused, naming the line; a name alone may be anything."""
    for kind, field in ((StatementType.ACCEPT_INVITATION, "token"), (StatementType.ATTEST_SSC, "email")):
        text = draft(kind, list=LIST, tld="nl")
        assert "Name: Their name\n" in text or "Name: Your name\n" in text
        with pytest.raises(Refused, match=f"^bad-{field}: line "):
            parse(text)


@pytest.mark.parametrize(
    ("name", "emails", "phones"),
    [
        ("Anna\n\nSecurelist-Statement: withdraw-ssc", ("anna@registry.example\nKey: 1",), ("+31 6 1234 5678\r\nTLD: br",)),
        ("\u202eAnna <x@y.example>\u200b", ("<anna@registry.example>", "x" * 300 + "@b.example"), ("call me", "\x00")),
        ("A" * 500, tuple(f"a{n}@b.example" for n in range(9)), tuple(f"+31 6 {n}" * 9 for n in range(9))),
        ("", ("A@b.example", "a@b.example"), ()),
    ],
)
def test_a_record_cannot_put_lines_into_a_draft(name: str, emails: tuple[str, ...], phones: tuple[str, ...]) -> None:
    """Whatever a record holds: one statement, of this type, with the fields of a person in their places."""
    person = Person(name, emails, phones, name, name, share_regional=False)
    text = draft(StatementType.APPOINT_ADMIN_CONTACT, list=LIST, tld="nl", person=person, key=KEY)
    said = _with_address(text)
    assert (said.type, said.tld, said.key, said.expires) == (StatementType.APPOINT_ADMIN_CONTACT, "nl", KEY, None)
    assert said.person.name and len(said.person.name) <= 100 and not set('<>@"\\\n') & set(said.person.name)


def _with_address(text: str) -> Statement:
    [said] = parse(text.replace("(their mail address)", "anna@registry.example"))
    return said


MOVED = [
    "Stichting Internet Domeinregistratie Nederland, afdeling Expires: 2028-11-20",
    "Registry KEY: 1",
    "Registry Organization : x",
    "Registry securelist-statement: withdraw-ssc",
    "Registry AAAA BBBB CCCC DDDD EEEE",
    "Registry\u2800\u2800of",
]


@pytest.mark.parametrize("words", MOVED)
def test_a_draft_has_nothing_that_a_mail_program_breaks_into_another_field(words: str) -> None:
    """Thunderbird wraps at 72; what would then stand on a line of its own is left out, or for the signer to fill in."""
    person = Person(words, ("anna@registry.example",), organisation=words)
    [said] = parse(draft(StatementType.ATTEST_SSC, list=LIST, tld="nl", person=person, key=KEY))
    assert (said.person.name, said.person.organisation, said.expires, said.key) == ("Their name", "", None, KEY)


def test_a_long_name_stays_whole() -> None:
    """It may run over a line in a mail program, which undoes that (RFC 3676); but nothing of it can become a field."""
    long = "The Foundation for the Registration of Names that are Longer than a Line in a Mail"
    person = Person("W" * 60, ("a@b.example",), organisation=long)
    text = draft(StatementType.ATTEST_SSC, list=LIST, tld="nl", person=person, key="0123456789ABCDEF" * 4)
    [said] = parse(text)
    assert (said.person.organisation, said.key) == (long, "0123456789ABCDEF" * 4)
    assert all(len(line) <= 72 for line in text.split("\n") if line.startswith("Key:"))


@pytest.mark.parametrize(("list_address", "tld"), [("no list", "nl"), (LIST, ""), (LIST, "n l"), (LIST, "nl\nKey: 1")])
def test_a_draft_for_no_list_or_no_cctld(list_address: str, tld: str) -> None:
    """There is nobody who could fill that in."""
    with pytest.raises(Refused, match=r"bad-list|bad-tld"):
        draft(StatementType.ATTEST_SSC, list=list_address, tld=tld)
