"""Lies about erased texts, told by a server with the list's keys: entries that nobody ever said, under an `erase` that somebody signed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from log_forge import Log, Rich, chained, inserted, with_evidence
from trust_moves import ADDRESSES
from trust_world import COMPROMISED, DAY, LIST, revoked

from securelist.openpgp.admission import merge
from securelist.trust.entry import CERTIFICATE, Entry, digest
from securelist.trust.grammar import render
from securelist.trust.proof import prove
from securelist.trust.statement import ABOUT_MEMBERS, StatementType

WORDS, OWED = "counts only if signed by", "is missing, and no erase names it"
HASH, OTHER, ROOTS_ONLY = "the log has no such entry with this hash", "it is not about the key", "is for a trust root to erase"
NOBODY_SAID = digest(b"nobody ever signed this")


def invented(rich: Rich, log: Log, kind: str, about: str, by: str, part: int = 1, cctld: str = "nl") -> Log:
    """The log with one entry more, whose text is said to be erased."""
    made = Entry(0, log[-1][0].time, kind, cctld, rich.fingerprint(about), rich.fingerprint(by), NOBODY_SAID, part, "")
    return chained([*log, (made, None)])


def with_mallory(rich: Rich, log: Log | None = None) -> Log:
    """The log with a certificate that the server has the key of: anybody can be sent one."""
    entry = Entry(0, 0, CERTIFICATE, "", rich.fingerprint("M1"), "", "", 0, "")
    log = rich.entries if log is None else log
    return inserted(log, len(log), entry, rich.crowd.certificate("M1"))


def said(rich: Rich, log: Log, by: str, kind: str, about: str, fields: dict[str, list[str]], cctld: str = "nl") -> Log:
    """The log with a statement that somebody did sign, entered as one about `about`."""
    time = log[-1][0].time + 60
    text = render(StatementType(kind), {"List": [LIST], **fields})
    entry = Entry(0, time, kind, cctld, rich.fingerprint(about), rich.fingerprint(by), "", 1, "")
    return chained([*log, (entry, rich.signed(by, text, time))])


def erased(rich: Rich, log: Log, by: str, about: str, *places: int, wrong: bool = False) -> Log:
    """The log with an `erase` by somebody that names the entries at these places; `wrong`: with the hashes of those before them."""
    named = [log[place][0] for place in places]
    lines = [f"{entry.number} {entry.previous if wrong else entry.hash}" for entry in named]
    return said(rich, log, by, "erase", about, {"TLD": ["nl"], "Key": [rich.fingerprint(about)], "Entry": lines})


def missing(rich: Rich, place: int) -> Log:
    """The log before Carla's texts were erased, and one of its texts is not there."""
    return with_evidence(list(rich.before), place, None)


def by_anybody(rich: Rich, kind: str, signer: str) -> Log:
    """Something that ends Bert's rights, which nobody said; Mallory signs the `erase` of it."""
    log = invented(rich, with_mallory(rich), kind, "K3", signer)
    return erased(rich, log, "M1", "K3", len(log) - 1)


def beside_mallory(rich: Rich, kind: str, signer: str, *, named: bool) -> Log:
    """A text by Mallory about herself that `also` ended Anna's membership; her own `erase` names her part of it, or both."""
    log = invented(rich, with_mallory(rich), "withdraw-ssc", "M1", "M1")
    log = invented(rich, log, kind, "K2", signer, 2)
    return erased(rich, log, "M1", "M1", *range(len(log) - (1 if named else 2), len(log) - (0 if named else 1)))


def about_others(rich: Rich, by: str) -> Log:
    """Both of these are named by one `erase` about Carla's key; it is Bert's withdrawal, which is not there."""
    place = rich.place("withdraw-ssc", "K3")
    return erased(rich, missing(rich, place), by, "K4", place)


def another_subject(rich: Rich, by: str, kind: str, cctld: str = "nl", **fields: str) -> Log:
    """A genuine statement that would end a right, entered as one about Mallory, about whom all is erased."""
    log = invented(rich, with_mallory(rich), "confirm-contact", "M1", "M1")
    log = erased(rich, log, "M1", "M1", len(log) - 1)
    return said(rich, log, by, kind, "M1", {name: [value] for name, value in fields.items()}, cctld)


def compromise_hidden(rich: Rich, whose: str, by: str) -> Log:
    """Somebody's certificate comes in, revoked as compromised; the server shows the entry only, and an `erase` of it."""
    time = rich.log[-1][0].time
    octets = revoked(rich.crowd.people, rich.crowd.who[whose], COMPROMISED, time)
    entry = Entry(0, 0, CERTIFICATE, "", rich.fingerprint(whose), "", digest(merge(octets, octets)), 0, "")
    log = inserted(rich.entries, len(rich.log), entry, None)
    return erased(rich, log, by, whose, len(log) - 1)


def named_before_it_was(rich: Rich) -> Log:
    """An `erase` for stock: it names the entry after it, with a hash that the server hopes for."""
    log = invented(rich, rich.entries, "withdraw-ssc", "K3", "N1")
    ahead = invented(rich, log, "withdraw-ssc", "K3", "N1", 2)
    text = erased(rich, ahead, "R1", "K3", len(ahead) - 1)[-1]
    return chained([*rich.entries, text, ahead[-1]])


Lie = Callable[[Rich], Log]

LIES: dict[str, tuple[Lie, str]] = {
    # who may erase
    "a withdrawal that nobody said, erased by anybody": (lambda r: by_anybody(r, "withdraw-ssc", "N1"), WORDS),
    "a suspension that nobody said, erased by anybody": (lambda r: by_anybody(r, "suspend-member", "R1"), WORDS),
    "an attestation that is in force, erased by anybody": (
        lambda r: erased(r, with_mallory(r, missing(r, r.place("attest-ssc", "K1"))), "M1", "K1", r.place("attest-ssc", "K1")),
        "anna@nl.example is not the primary address"),
    "a withdrawal that nobody said, erased by the list": (
        lambda r: erased(r, invented(r, r.entries, "withdraw-ssc", "K3", "N1"), "L2", "K3", len(r.log)), "nobody's that the list knows"),
    "a suspension, erased by who was suspended": (
        lambda r: erased(r, invented(r, r.entries, "suspend-member", "K2", "R1"), "K2", "K2", len(r.log)), ROOTS_ONLY),
    "a withdrawal by the Admin Contact, erased by who was withdrawn": (
        lambda r: erased(r, missing(r, p := r.place("withdraw-ssc", "K4", nth=1)), "K4", "K4", p), ROOTS_ONLY),
    # what an erase does not name
    "a withdrawal beside a throwaway key's": (lambda r: beside_mallory(r, "withdraw-ssc", "N1", named=False), OWED),
    "a withdrawal beside a throwaway key's, named": (lambda r: beside_mallory(r, "withdraw-ssc", "N1", named=True), OTHER),
    "a suspension beside a throwaway key's": (lambda r: beside_mallory(r, "suspend-member", "R1", named=False), OWED),
    "a suspension beside a throwaway key's, named": (lambda r: beside_mallory(r, "suspend-member", "R1", named=True), OTHER),
    "a new key beside a throwaway key's": (lambda r: beside_mallory(r, "replace-key", "K1", named=False), OWED),
    "a new key beside a throwaway key's, named": (lambda r: beside_mallory(r, "replace-key", "K1", named=True), OTHER),
    "a trust root's erase that names somebody else's": (lambda r: about_others(r, "R1"), OTHER),
    "an erase that names another hash": (
        lambda r: erased(r, missing(r, r.place("withdraw-ssc", "K3")), "R1", "K3", r.place("withdraw-ssc", "K3"), wrong=True), HASH),
    "an erase that names what comes later": (named_before_it_was, HASH),
    "an erase that names an appointment": (
        lambda r: erased(r, list(r.before), "R1", "N1", r.place("appoint-admin-contact", "N1")), "it says nothing about a member"),
    "one statement of a text of three": (
        lambda r: with_evidence(list(r.before), r.place("attest-ssc", "K4"), None), "was not entered whole"),
    # genuine statements, about somebody else
    "a withdrawal entered as another's": (
        lambda r: another_subject(r, "N1", "withdraw-ssc", TLD="nl", Email=ADDRESSES["anna"]), "something else than its evidence"),
    "a suspension entered as another's": (
        lambda r: another_subject(r, "R1", "suspend-member", TLD="nl", Email=ADDRESSES["anna"]), "something else than its evidence"),
    "a dismissal entered as another's": (
        lambda r: another_subject(r, "R1", "dismiss-admin-contact", TLD="nl"), "something else than its evidence"),
    "new trust roots entered as somebody": (
        lambda r: another_subject(r, "R1", "replace-roots", "", Root=r.fingerprint("R2"), Threshold="1"),
        "something else than its evidence"),
    # certificates
    "an Admin Contact's compromise, erased by a trust root": (lambda r: compromise_hidden(r, "N1", "R1"), "who speaks for others"),
    "an Admin Contact's compromise, erased by themselves": (lambda r: compromise_hidden(r, "N1", "N1"), "who speaks for others"),
    "a dismissed Admin Contact's compromise": (lambda r: compromise_hidden(r, "N2", "R1"), "who speaks for others"),
    "a trust root's compromise": (lambda r: compromise_hidden(r, "R2", "R1"), "who speaks for others"),
    "a member's compromise": (lambda r: compromise_hidden(r, "K2", "R1"), "the certificate of a member"),
    "a compromise of the key before, which signed for the new one": (
        lambda r: compromise_hidden(r, "K1", "R1"), "was signed with this certificate"),
}  # fmt: skip


@pytest.mark.parametrize(("lie", "words"), LIES.values(), ids=LIES)
def test_a_server_that_lies_about_what_was_erased_is_found_out(rich: Rich, lie: Lie, words: str) -> None:
    """An `erase` licenses the entries that it names by hash, about one key, and no others."""
    proof = rich.proof(rich.exported(lie(rich)))
    assert not proof.valid and proof.members == ()
    assert any(words in problem for problem in proof.problems), proof.problems


# --- what is no lie, and changes nothing -------------------------------------------------------------------------------------


def of_mallory(rich: Rich, by: str, *said: tuple[str, str]) -> Log:
    """Entries about a throwaway key that nobody said, and an `erase` by its owner, or by a trust root who was fooled."""
    log, first = with_mallory(rich), len(rich.log) + 1
    for part, (kind, signer) in enumerate(said, 1):
        log = invented(rich, log, kind, "M1", signer, part)
    return erased(rich, log, by, "M1", *range(first, len(log)))


EVERY = tuple((kind, signer) for kind in sorted(ABOUT_MEMBERS) for signer in ("K2", "K3", "N1", "R1", "M1"))
FREE = tuple((kind, signer) for kind, signer in EVERY if kind not in ("suspend-member", "resume-member", "withdraw-ssc"))

HARMLESS: dict[str, Lie] = {
    "anything about a throwaway key, erased by its owner": lambda r: of_mallory(r, "M1", *FREE, ("withdraw-ssc", "M1")),
    "anything about a throwaway key, erased by a trust root": lambda r: of_mallory(r, "R1", *EVERY),
    "evidence that is put back": lambda r: [
        (entry, r.before[place][1] if place < len(r.before) else octets) for place, (entry, octets) in enumerate(r.log)],
}  # fmt: skip


@pytest.mark.parametrize("lie", HARMLESS.values(), ids=HARMLESS)
def test_what_can_be_invented_changes_nothing_for_anybody(rich: Rich, lie: Lie) -> None:
    """Then or later: who is a member is what it would be without the entries that were made up."""
    octets, honest = rich.exported(lie(rich)), rich.exported(rich.entries)
    last = rich.log[-1][0].time
    for at in (last - 30 * DAY, last, last + 120, rich.now):
        proof = prove(octets, rich.roots, rich.now, members_at=at)
        assert proof.valid, proof.problems
        assert proof.members == prove(honest, rich.roots, rich.now, members_at=at).members


# --- entries that are no entries --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cctld", ["n\u00e9", "nl\nsubject: X", "nl\r", "n l", "\x00", "x" * 65, "\ud800"])
@pytest.mark.parametrize("name", ["cctld", "subject", "signer", "type", "evidence", "previous"])
def test_an_entry_with_what_is_no_label_is_refused(rich: Rich, name: str, cctld: str) -> None:
    """No two entries share an encoding, and none has an encoding that cannot be written: the line is named, and nothing raised."""
    lines = rich.exported(rich.entries).splitlines(keepends=True)
    place = rich.place("withdraw-ssc", "K4") + 1
    assert b'"octets":"erased"' in lines[place]
    value = getattr(rich.log[place - 1][0], name)
    quoted = cctld.encode("unicode_escape").replace(b"\\x", b"\\u00")
    lines[place] = lines[place].replace(f'"{name}":"{value}"'.encode(), f'"{name}":"'.encode() + quoted + b'"', 1)
    above = b"".join(lines[:-1])
    proof = rich.proof(above + b'{"sha256":"' + digest(above).encode() + b'"}\n')
    assert proof.problems == (f"line {place + 1} of the export is damaged, or is not the line that should stand there",)
    assert proof.members == ()
