"""Answers to invitations: who signs one, with whose certificates, when; what waits, what enters, and what is left of it later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
from trust_story import AT, somebody
from trust_world import DAY, LIST, Cast, World, appointment, attestation, statement, withdrawal

from securelist.errors import Refused
from securelist.openpgp.armor import dearmor
from securelist.trust.submission import Parcel, Submission, submit

TOKEN = "de-k7qm-2xrt-5bpd-w3fh-6yzc"
# Dora is invited for .de, and names contacts there.
Text = Callable[[Cast], str]


def accepts(tld: str = "de", whom: str = "dora", **fields: str) -> Text:
    def text(cast: Cast) -> str:
        who = somebody(cast, whom)
        return statement("accept-invitation", **({"TLD": tld, "Token": TOKEN, "Name": who.name, "Email": who.address} | fields))

    return text


def attests(*names: str, tld: str = "de", **fields: str) -> Text:
    return lambda cast: "\n".join(attestation(somebody(cast, name), **({"TLD": tld} | fields)) for name in names)


def both(*texts: Text) -> Text:
    return lambda cast: "Dear Secretariat,\n\n" + "\n".join(text(cast) for text in texts)


def mallory_named(name: str, **fields: str) -> Text:
    """An attestation of Mallory, whom nobody knows here, with some other values."""
    return attests("mallory", **fields)


@dataclass(frozen=True)
class Row:
    """`by` signs `text` at AT + `made`, with the certificates of `sends`, handed in at AT; `holds` is in the answer.

    A reason refuses it; "waits" and "entered" say what becomes of it.
    """

    by: str
    text: Text
    verdict: str = "waits"
    sends: str = "dora"
    holds: str = ""
    made: int = 0
    limit: int = 3
    keeps: str = ""


WAITS, ENTERED = "waits", "entered"

ROWS: Mapping[str, Row] = {
    # who
    "a new key": Row("dora", accepts()),
    "a new key, with a contact": Row("dora", both(accepts(), attests("mallory")), sends="dora mallory"),
    "a new key, attesting itself": Row("dora", both(accepts(), attests("dora"))),
    "a new key without its certificate": Row("dora", accepts(), "unknown-signer", sends=""),
    "a new key with another's certificate": Row("dora", accepts(), "unknown-signer", sends="mallory"),
    "a member": Row("anna", accepts(whom="anna"), sends=""),
    "the Admin Contact of another ccTLD": Row("admin", both(accepts(whom="admin"), attests("mallory")), sends="mallory"),
    "a trust root": Row("root", accepts(whom="root"), sends=""),
    "for a ccTLD that somebody else speaks for": Row("dora", accepts("nl")),
    "the Admin Contact of this ccTLD": Row("admin", accepts("nl", "admin"), ENTERED, sends="", holds="Admin Contact of .nl already"),
    "the Admin Contact of this ccTLD, with a contact": Row(
        "admin", both(accepts("nl", "admin"), attests("dora", tld="nl")), ENTERED, holds="entered as entries"
    ),
    "under another name and address than the key's": Row("dora", accepts(Name="Dora D.", Email="hostmaster@de.example")),
    "with the token in capitals": Row("dora", accepts(Token=TOKEN.upper())),
    # what it says
    "for another list": Row("dora", lambda c: accepts()(c).replace(LIST, "b@c.example"), "another-list", holds="line 2"),
    "without a token": Row("dora", lambda c: accepts()(c).replace(f"Token: {TOKEN}\n", ""), "missing-field", holds="needs Token"),
    "with half a token": Row("dora", lambda c: accepts()(c).replace("-w3fh", ""), "bad-token", holds="line 4"),
    "with a key in it": Row("dora", lambda c: accepts()(c) + "Key: " + c.dora.fingerprint, "unknown-field", holds="Key does not belong"),
    "with the list's address": Row("dora", accepts(Email=LIST), "address-of-the-list", holds="line 6"),
    "with another field in the name": Row("dora", accepts(Name="D Key: 1"), "unclear-words", holds="line 5: Name must not contain Key:"),
    "signed 31 days ago": Row("dora", accepts(), "too-old", made=-31 * DAY),
    "signed 29 days ago": Row("dora", accepts(), made=-29 * DAY),
    "signed 11 minutes ahead": Row("dora", accepts(), "from-the-future", made=660),
    "signed 9 minutes ahead": Row("dora", accepts(), made=540),
    # what else stands in the text
    "not first": Row("dora", both(attests("mallory"), accepts()), "not-an-answer", "dora mallory", "accept-invitation comes first"),
    "twice": Row("dora", both(accepts(), accepts()), "not-an-answer", holds="only attest-ssc may follow"),
    "with a request": Row(
        "dora",
        both(accepts(), lambda c: statement("request-membership", TLD="de", Name="D", Email="d@de.example", Key=c.dora.fingerprint)),
        "not-an-answer",
        holds="sign this request-membership separately",
    ),
    "below a request": Row(
        "dora",
        both(lambda c: statement("request-membership", TLD="de", Name="D", Email="d@de.example", Key=c.dora.fingerprint), accepts()),
        "not-an-answer",
    ),
    "with a withdrawal, by the Admin Contact": Row("admin", both(accepts("nl", "admin"), lambda c: withdrawal(c.anna)), "not-an-answer"),
    "below an appointment, by a trust root": Row("root", both(lambda c: appointment(c.dora, "de"), accepts(whom="root")), "not-an-answer"),
    "with a contact of another ccTLD": Row("dora", both(accepts(), attests("mallory", tld="br")), "another-tld", "dora mallory", ".de"),
    "with a misspelt field in the contact": Row(
        "dora", both(accepts(), lambda c: attests("mallory")(c).replace("Phone", "Fax")), "unknown-field", "dora mallory", "Fax"
    ),
    # the contacts
    "a contact without the certificate": Row("dora", both(accepts(), attests("mallory")), "certificate-missing", holds="line 16"),
    "a contact whose certificate was kept": Row("dora", both(accepts(), attests("mallory")), keeps="mallory"),
    "a contact whose certificate the log knows": Row("dora", both(accepts(), attests("root2"))),
    "a contact who is a member elsewhere": Row("dora", both(accepts(), attests("anna")), "address-of-another", holds="leave this one out"),
    "a contact with a member's key": Row(
        "dora", both(accepts(), attests("anna", Email="other@de.example")), "key-of-another", holds="leave this one out"
    ),
    "the same contact twice": Row("dora", both(accepts(), attests("mallory", "mallory")), "repeated-value", "dora mallory", "primary"),
    "two contacts, one address": Row(
        "dora",
        both(accepts(), attests("mallory"), lambda c: attestation(c.root2, TLD="de") + f"Email: {c.mallory.address}\n"),
        "address-of-another",
        "dora mallory",
    ),
    "two contacts, one key": Row(
        "dora", both(accepts(), attests("mallory"), attests("mallory", Email="x@de.example")), "key-of-another", "dora mallory"
    ),
    "one contact more than the ccTLD may have": Row(
        "dora", both(accepts(), attests("mallory", "dora")), "too-many-members", "dora mallory", "at most 1", limit=1
    ),
    "a contact more than the ccTLD may have with those it has": Row(
        "dora", both(accepts("nl"), attests("mallory", "dora", tld="nl")), "too-many-members", "dora mallory", "too many"
    ),
    "a contact until yesterday": Row("dora", both(accepts(), attests("mallory", Expires="2020-01-01")), "expired", "dora mallory"),
    "a contact for ever": Row(
        "dora", both(accepts(), attests("mallory", Expires="2099-01-01")), "expires-too-late", "dora mallory", "2 years"
    ),
    "a contact with another field in the organisation": Row(
        "dora", both(accepts(), attests("mallory", Organisation="x Expires: 2028-11-20")), "unclear-words", "dora mallory", "Organisation"
    ),
    "such a contact of the Admin Contact's own": Row(
        "admin", both(accepts("nl", "admin"), attests("dora", tld="nl", Organisation="x Expires: 2028-11-20")), ENTERED
    ),
    "a contact with the list's address": Row(
        "dora", both(accepts(), attests("mallory", Email=LIST)), "address-of-the-list", "dora mallory", "line 14"
    ),
}


def hand_in(world: World, row: Row) -> Submission:
    cast = world.cast
    text = world.signed(somebody(cast, row.by), row.text(cast), AT + row.made)
    sent = tuple(dearmor(somebody(cast, name).certificate) for name in row.sends.split())
    kept = {who.fingerprint: dearmor(who.certificate) for who in (somebody(cast, name) for name in row.keeps.split())}
    return submit(Parcel((text,), sent, mailed=True, kept=kept), world.membership, cast.anchor, AT, row.limit)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_who_answers_with_what(peopled: World, row: Row) -> None:
    """Whoever holds the invitation answers; what is wrong is said with line and rule, and what waits is no entry."""
    before = peopled.membership
    try:
        done = hand_in(peopled, row)
    except Refused as refused:
        assert refused.reason == row.verdict, refused
        assert row.holds in refused.detail, refused.detail
        return
    [answer] = done.answers
    assert row.verdict == (ENTERED if answer.in_force else WAITS), done.sentence
    assert row.holds in done.sentence
    assert answer.token == TOKEN and answer.signer == done.signer == somebody(peopled.cast, row.by).fingerprint
    assert (answer.made, answer.received) == (AT + row.made, AT)
    if not answer.in_force:
        assert done.pending and (done.entries, done.evidence, done.membership) == ((), {}, before)
