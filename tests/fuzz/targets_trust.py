"""Targets: what people say to the list: statements, requests, commands, tokens; and what they bring along: exports, records."""

from __future__ import annotations

import re

from fuzz.judging import Target, is_line, text
from fuzz.targets_mail import AT, BY_VERIFY, KEY, LIST, Transparent, refusal_or_none
from securelist.cctld.cctlds import cctlds
from securelist.cctld.rdap import read_answer, read_file
from securelist.cctld.record import Record
from securelist.commands import COMMANDS, MAX_QUOTED
from securelist.delivery import bounce_token
from securelist.mail.mime import Entity, read_entity
from securelist.openpgp.signed import SignedMessage, Verified
from securelist.orders import MAX_COMMANDS, orders_in
from securelist.post.step2_open import open_unsigned
from securelist.procedures import token as invitation_token
from securelist.request_mail import MAX_ENTITIES, read_request
from securelist.trust.classify import classify
from securelist.trust.draft import draft
from securelist.trust.entry import digest
from securelist.trust.export import octets_of, read_export
from securelist.trust.fields import FIELDS
from securelist.trust.flowed import as_written
from securelist.trust.grammar import MAX_STATEMENTS, begins_statement, displayable, parse, problem_of, render
from securelist.trust.statement import Person, Statement, StatementType
from securelist.trust.text import is_entity, text_of
from securelist.trust.wording import check_wording

SECRET = bytes(32)


# --- statements ----------------------------------------------------------------------------------------------------------


def statement(octets: bytes) -> None:
    """The grammar: what is read has no field that was not written, and each statement alone reads the same."""
    words = text(octets)
    statements = parse(words)
    assert begins_statement(words) and 0 < len(statements) <= MAX_STATEMENTS
    lines = words.replace("\u00a0", " ").split("\n")
    for one in statements:
        assert one.type in lines[one.line - 1]
        for name, numbers in one.lines.items():
            assert name in FIELDS and all(lines[number - 1].startswith(f"{name}:") for number in numbers)
        assert is_line(one.person.name) and is_line(one.person.organisation)
        assert all(address.isascii() and is_line(address) for address in (one.list, *one.person.emails))
        refusal_or_none(check_wording, one)
        _again(one)


def _again(one: Statement) -> None:
    """A draft about the same person is a statement that says no more of them."""
    made = refusal_or_none(lambda: draft(StatementType.ATTEST_SSC, list=LIST, tld="nl", person=one.person, key=one.key))
    if isinstance(made, str):
        assert made.count("\n") == made.count(": ") or ": " in made
        assert all(address in one.person.emails for address in re.findall(r"^Email: ([^(].*)$", made, re.MULTILINE))


def drafted(octets: bytes) -> None:
    """A person from records that hold anything: name, organisation, address, telephone, key, one on each line."""
    name, organisation, address, phone, key, *_ = [*text(octets).split("\n"), *[""] * 5]
    person = Person(name, (address,), (phone,), organisation, "", False)
    made = draft(StatementType.REQUEST_MEMBERSHIP, list=LIST, tld="nl", person=person, key=key)
    assert made.endswith("\n") and all(is_line(line) for line in made.rstrip("\n").split("\n"))
    assert [line.partition(":")[0] for line in made.split("\n")].count("Key") == 1
    assert is_line(displayable(name)) and not set(displayable(name)) & set('<>@"\\')
    for field, value in (("Name", name), ("Email", address), ("Phone", phone), ("Key", key), ("Organisation", organisation)):
        assert is_line(problem_of(field, value, ()))
    refusal_or_none(render, StatementType.REQUEST_MEMBERSHIP, {"List": [LIST], "TLD": ["nl"], "Name": [name], "Email": [address]})


def signed_text(octets: bytes) -> None:
    """From what was signed to its text, and to the commands at its head."""
    for order in (orders := orders_in(Verified(octets, KEY, AT, octets, (), KEY, BY_VERIFY))).lines:
        assert order.word in COMMANDS and is_line(order.word)
    assert len(orders.lines) <= MAX_COMMANDS and len(orders.left_out) <= MAX_QUOTED
    if is_entity(octets):
        as_written(read_entity(octets), octets)
    text_of(octets)


# --- what mails and files hold ---------------------------------------------------------------------------------------------


def _open(entity: Entity) -> SignedMessage | bytes:
    return open_unsigned(entity, Transparent(), frozenset({KEY[-16:]}))  # type: ignore[arg-type]


def request(octets: bytes) -> None:
    """A mail to LIST-request taken apart."""
    found = read_request(octets, _open)
    assert found.entities <= MAX_ENTITIES and found.sealed <= set(found.signed)
    assert all(isinstance(part, bytes) for part in (*found.signed, *found.certificates, *found.texts))


def parcel(octets: bytes) -> None:
    """Files handed to `statement submit`."""

    def read_mail(mail: bytes) -> tuple[list[bytes], list[bytes]]:
        found = read_request(mail, _open)
        return found.signed, found.certificates

    found = classify([octets], read_mail)
    assert isinstance(found.certificates, tuple)


_SUM = re.compile(rb'\{"sha256":"[0-9a-f]{64}"\}\n\Z')


def export(octets: bytes) -> None:
    """An exported log; with the checksum put right, too, for what stands behind it."""
    summed = _SUM.sub(b"", octets)
    for file in (octets, summed + b'{"sha256":"%s"}\n' % digest(summed).encode()):
        read = refusal_or_none(read_export, file)
        assert read is None or octets_of(read) == file  # type: ignore[arg-type]
    read_export(octets)


def rdap(octets: bytes) -> None:
    """Records of ccTLDs, as a file and as a server's answer."""
    answer = refusal_or_none(read_answer, octets, "nl", "https://rdap.example", AT)
    records = read_file(octets, "file", AT)
    assert not isinstance(answer, Record) or (answer.cctld == "nl" and len(records) == 1)
    for record in records:
        assert record.cctld in cctlds() and record.address.isascii()
        assert all(is_line(value) for value in (record.manager, record.name, record.address, record.phone))


def tokens(octets: bytes) -> None:
    """The tokens in bounce addresses and invitations: none is taken that was not made here."""
    words = text(octets)
    copy = bounce_token.copy_of(SECRET, words)
    assert copy is None or bounce_token.make_token(SECRET, copy) == words.lower()
    invitation_token.number_of(SECRET, words)
    for number in invitation_token.numbers_in(SECRET, words):
        assert any(invitation_token.make_token(SECRET, number, name) in words.lower() for name in ("nl", "xn--p1ai", *cctlds()))


TARGETS = {
    "statement": Target(statement, 4096),
    "drafted": Target(drafted, 1024),
    "signed_text": Target(signed_text, 4096),
    "request": Target(request, 8192),
    "parcel": Target(parcel, 8192),
    "export": Target(export, 8192),
    "rdap": Target(rdap, 8192),
    "tokens": Target(tokens, 512),
}
