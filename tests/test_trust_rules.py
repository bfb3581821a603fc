"""Who signs what, over which state, when: accepted, or refused and why. Every signature is real, every row goes by mail time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from people import Somebody
from trust_world import BASE, DAY, LIST, Cast, World, appointment, attestation, moment, statement, withdrawal

from securelist.errors import Refused, TryAgain
from securelist.openpgp.certificate import grouped
from securelist.openpgp.signed import Verified
from securelist.trust.grammar import founding_text
from securelist.trust.membership import Membership
from securelist.trust.rules import enter_certificate, entry_time
from securelist.trust.verified import SignedStatement

# When the statements of the tables are handed in: a day after the last one that the list has.
AT = BASE + 3 * DAY
ACCEPTED, PENDING = "accepted", "pending"


@dataclass(frozen=True)
class Row:
    """`signer` signs `text` at AT + `made`; it is handed in at AT + `handed` with the certificate of `sends`."""

    signer: str
    text: Callable[[Cast], str]
    verdict: str
    sends: tuple[str, ...] = ()
    made: int = 0
    handed: int = 0
    words: tuple[str, ...] = field(default=())


def somebody(cast: Cast, name: str) -> Somebody:
    found = getattr(cast, name)
    assert isinstance(found, Somebody)
    return found


def judge(world: World, row: Row) -> None:
    signed = world.signed(somebody(world.cast, row.signer), row.text(world.cast), AT + row.made)
    certificates = [somebody(world.cast, name).certificate for name in row.sends]
    before = world.membership
    if row.verdict in (ACCEPTED, PENDING):
        done = world.submit(signed, *certificates, at=AT + row.handed)
        assert done.pending is (row.verdict == PENDING) and all(word in done.sentence for word in row.words), done.sentence
        return
    with pytest.raises(Refused) as refused:
        world.submit(signed, *certificates, at=AT + row.handed)
    assert refused.value.reason == row.verdict, refused.value
    assert all(word in refused.value.detail for word in row.words), refused.value.detail
    assert world.membership is before


def found_list(*roots: str, key: str = "", more: str = "") -> Callable[[Cast], str]:
    def text(cast: Cast) -> str:
        return founding_text(LIST, key or cast.list_key.fingerprint, [somebody(cast, name).fingerprint for name in roots]) + more

    return text


FOUNDING = {
    "a trust root founds the list": Row("root", found_list("root"), ACCEPTED),
    "with both roots named": Row("root2", found_list("root", "root2"), ACCEPTED),
    "a stranger founds it": Row("mallory", found_list("root"), "unknown-signer", ("mallory",)),
    "a stranger names himself a root": Row("mallory", found_list("mallory"), "unknown-signer", ("mallory",)),
    "a root names a stranger a root": Row("root", found_list("root", "mallory"), "unknown-root", ("mallory",), words=("line 5",)),
    "a root that does not name itself": Row("root2", found_list("root"), "signer-not-named", words=("line 4",)),
    "another key for the list": Row("root", found_list("root", key="AB" * 20), "not-the-list-key", words=("line 3",)),
    "another list": Row(
        "root", lambda c: found_list("root")(c).replace(LIST, "other@lists.example.org"), "another-list", words=("line 2",)
    ),
    "two roots needed": Row("root", found_list("root", "root2", more="Threshold: 2\n"), PENDING, words=("1 more trust root",)),
    "two roots needed and one named": Row("root", found_list("root", more="Threshold: 2\n"), "threshold-too-high", words=("line 5",)),
    "signed 31 days ago": Row("root", found_list("root"), "too-old", handed=31 * DAY),
    "an appointment comes first": Row("root", lambda c: appointment(c.admin, "nl"), "not-founded", ("admin",)),
    "an attestation comes first": Row("root", lambda c: attestation(c.anna), "not-founded", ("anna",)),
}


@pytest.mark.parametrize("row", FOUNDING.values(), ids=FOUNDING)
def test_founding(unfounded: World, row: Row) -> None:
    """Nothing works before found-list, and only a given trust root can say it, about this list and its key."""
    judge(unfounded, row)


def text(kind: str, **fields: str) -> Callable[[Cast], str]:
    return lambda cast: statement(kind, **fields)


STATEMENTS = {
    # the list
    "the list is founded a second time": Row("root", found_list("root"), "already-founded"),
    # Admin Contacts
    "a root appoints": Row("root", lambda c: appointment(c.dora, "de"), ACCEPTED, ("dora",)),
    "the other root appoints": Row("root2", lambda c: appointment(c.dora, "de"), ACCEPTED, ("dora",)),
    "a root appoints another Admin Contact": Row("root", lambda c: appointment(c.dora, "nl"), ACCEPTED, ("dora",)),
    "one Admin Contact for a second ccTLD": Row("root", lambda c: appointment(c.admin, "aw"), ACCEPTED),
    "an Admin Contact appoints": Row("admin", lambda c: appointment(c.dora, "nl"), "not-entitled", ("dora",), words=("a trust root",)),
    "a member appoints": Row("anna", lambda c: appointment(c.dora, "nl"), "not-entitled", ("dora",)),
    "a stranger appoints": Row("mallory", lambda c: appointment(c.mallory, "nl"), "unknown-signer", ("mallory",)),
    "an appointment without the certificate": Row("root", lambda c: appointment(c.dora, "de"), "certificate-missing", words=("line 6",)),
    "an appointment with somebody else's certificate": Row(
        "root", lambda c: appointment(c.dora, "de"), "certificate-missing", ("mallory",)
    ),
    "the list's key as an Admin Contact": Row(
        "root", lambda c: appointment(c.dora, "de").replace(grouped(c.dora.fingerprint), c.list_key.fingerprint), "certificate-missing"
    ),
    "an appointment for another list": Row(
        "root", lambda c: appointment(c.dora, "de").replace(LIST, "b@c.example"), "another-list", ("dora",)
    ),
    "a root dismisses": Row("root", text("dismiss-admin-contact", TLD="nl"), ACCEPTED),
    "a root dismisses by key and address": Row(
        "root", lambda c: statement("dismiss-admin-contact", TLD="nl", Email=c.admin.address, Key=c.admin.fingerprint), ACCEPTED
    ),
    "a root dismisses the wrong key": Row(
        "root", lambda c: statement("dismiss-admin-contact", TLD="nl", Key=c.anna.fingerprint), "wrong-key"
    ),
    "a root dismisses the wrong address": Row("root", text("dismiss-admin-contact", TLD="nl", Email="x@nl.example"), "wrong-address"),
    "a root dismisses nobody": Row("root", text("dismiss-admin-contact", TLD="de"), "no-such-admin-contact", words=("line 3",)),
    "an Admin Contact dismisses another": Row("admin", text("dismiss-admin-contact", TLD="br"), "not-entitled"),
    "a root dismisses with Since": Row("root", lambda c: statement("dismiss-admin-contact", TLD="nl", Since=moment(AT - DAY)), ACCEPTED),
    "Since in the future": Row(
        "root", lambda c: statement("dismiss-admin-contact", TLD="nl", Since=moment(AT + 60)), "since-in-the-future", words=("line 4",)
    ),
    "Since for an attestation": Row("admin", lambda c: attestation(c.dora) + "Since: 2026-01-01\n", "unknown-field", ("dora",)),
    # attestations
    "the Admin Contact attests": Row("admin", lambda c: attestation(c.dora), ACCEPTED, ("dora",)),
    "the Admin Contact of another ccTLD attests": Row("admin_br", lambda c: attestation(c.dora), "not-entitled", ("dora",)),
    "the Admin Contact attests for another ccTLD": Row("admin", lambda c: attestation(c.dora, TLD="br"), "not-entitled", ("dora",)),
    "a root attests": Row("root", lambda c: attestation(c.dora), "not-entitled", ("dora",)),
    "a member attests": Row("anna", lambda c: attestation(c.dora), "not-entitled", ("dora",)),
    "somebody attests himself": Row("dora", lambda c: attestation(c.dora), "unknown-signer", ("dora",)),
    "the Admin Contact attests himself": Row("admin", lambda c: attestation(c.admin), ACCEPTED),
    "an attestation without the certificate": Row("admin", lambda c: attestation(c.dora), "certificate-missing"),
    "an attestation for another list": Row("admin", lambda c: attestation(c.dora).replace(LIST, "b@c.example"), "another-list", ("dora",)),
    "new details for a member": Row("admin", lambda c: attestation(c.anna, Phone="+31 6 9999 9999"), ACCEPTED),
    "another key for a member": Row("admin", lambda c: attestation(c.anna, Key=c.dora.fingerprint), ACCEPTED, ("dora",)),
    "a member's key for somebody else": Row("admin", lambda c: attestation(c.dora, Key=c.anna.fingerprint), "key-of-another"),
    "a member's key in another ccTLD": Row("admin_br", lambda c: attestation(c.anna, TLD="br", Email="a@br.example"), "key-of-another"),
    "a member's address for somebody else": Row(
        "admin", lambda c: attestation(c.dora) + f"Email: {c.anna.address.upper()}\n", "address-of-another", ("dora",), words=("line 8",)
    ),
    "the list as a member of itself": Row("admin", lambda c: attestation(c.dora, Email=LIST), "address-of-the-list", ("dora",)),
    "the list's other address as a member": Row(
        "admin", lambda c: attestation(c.dora, Email="TLD-OPS-request@lists.example.org"), "address-of-the-list", ("dora",)
    ),
    "the last statement but one once more": Row("admin", lambda c: attestation(c.bert), "duplicate", ("bert",), words=("entry",)),
    "a day before the one about the same subject": Row(
        "admin", lambda c: attestation(c.anna, Phone="+31 6 9999 9999"), "superseded", made=-2 * DAY, words=("same subject",)
    ),
    "the same second as the one about the same subject": Row(
        "admin", lambda c: attestation(c.anna, Phone="+31 6 9999 9999"), ACCEPTED, made=-DAY
    ),
    "before the last statement, but about another subject": Row(
        "admin", lambda c: attestation(c.dora), ACCEPTED, ("dora",), made=-DAY - 60
    ),
    "signed 30 days ago": Row("admin", lambda c: attestation(c.dora), ACCEPTED, ("dora",), handed=30 * DAY),
    "signed 30 days and a second ago": Row("admin", lambda c: attestation(c.dora), "too-old", ("dora",), handed=30 * DAY + 1),
    "signed 10 minutes ahead": Row("admin", lambda c: attestation(c.dora), ACCEPTED, ("dora",), made=600),
    "signed 10 minutes and a second ahead": Row("admin", lambda c: attestation(c.dora), "from-the-future", ("dora",), made=601),
    "ends two years later": Row("admin", lambda c: attestation(c.dora, Expires=day(AT, 730)), ACCEPTED, ("dora",)),
    "ends more than two years later": Row("admin", lambda c: attestation(c.dora, Expires=day(AT, 733)), "expires-too-late", ("dora",)),
    "ends today": Row("admin", lambda c: attestation(c.dora, Expires=day(AT, 0)), "expired", ("dora",), words=("line 8",)),
    # withdrawals
    "the Admin Contact withdraws": Row("admin", lambda c: withdrawal(c.anna), ACCEPTED),
    "the member withdraws": Row("anna", lambda c: withdrawal(c.anna, Key=c.anna.fingerprint), ACCEPTED),
    "a root withdraws": Row("root", lambda c: withdrawal(c.anna), ACCEPTED),
    "another member withdraws": Row("bert", lambda c: withdrawal(c.anna), "not-entitled", words=("the SSC",)),
    "another Admin Contact withdraws": Row("admin_br", lambda c: withdrawal(c.anna), "not-entitled"),
    "a withdrawal in another ccTLD": Row("admin_br", lambda c: withdrawal(c.anna, TLD="br"), "no-such-member"),
    "a withdrawal of nobody": Row("admin", lambda c: withdrawal(c.dora), "no-such-member", words=("line 4",)),
    "a withdrawal with another key": Row("admin", lambda c: withdrawal(c.anna, Key=c.bert.fingerprint), "wrong-key", words=("line 5",)),
    "a withdrawal older than the attestation": Row("admin", lambda c: withdrawal(c.anna), "superseded", made=-2 * DAY),
    "a withdrawal in capitals": Row("admin", lambda c: withdrawal(c.anna, Email=c.anna.address.upper()), ACCEPTED),
}


def day(at: int, later: int) -> str:
    return datetime.fromtimestamp(at + later * DAY, UTC).strftime("%Y-%m-%d")


@pytest.mark.parametrize("row", STATEMENTS.values(), ids=STATEMENTS)
def test_statement(peopled: World, row: Row) -> None:
    """Over a list with Admin Contacts for .nl and .br, and members Anna and Bert (.nl) and Carla (.br)."""
    judge(peopled, row)


def test_a_fourth_ssc_is_one_too_many(peopled: World) -> None:
    """The limit counts members in force of the same ccTLD; the answer names them, and a withdrawal makes room."""
    cast = peopled.cast
    peopled.submit(peopled.signed(cast.admin, attestation(cast.dora), AT), cast.dora.certificate, at=AT)
    fourth = peopled.signed(cast.admin, attestation(cast.admin), AT)
    with pytest.raises(Refused) as refused:
        peopled.submit(fourth, at=AT)
    assert refused.value.reason == "too-many-members" and "anna@nl.example, bert@nl.example, dora@nl.example" in refused.value.detail
    peopled.submit(peopled.signed(cast.anna, withdrawal(cast.anna), AT), at=AT)
    peopled.submit(fourth, at=AT)
    assert peopled.addresses(AT) == {"admin@nl.example", "bert@nl.example", "dora@nl.example", "carla@br.example"}


def test_a_withdrawn_member_is_not_brought_back_by_an_older_attestation(peopled: World) -> None:
    """An attestation signed before the withdrawal and handed in after it is a rollback."""
    cast = peopled.cast
    older = peopled.signed(cast.admin, attestation(cast.bert, Phone="+31 6 8765 4321"), AT)
    peopled.submit(peopled.signed(cast.admin, withdrawal(cast.bert), AT + 1), at=AT + 1)
    with pytest.raises(Refused, match="superseded"):
        peopled.submit(older, at=AT + 2)
    peopled.submit(peopled.signed(cast.admin, attestation(cast.bert, Phone="+31 6 1111 2222"), AT + 2), at=AT + 2)
    assert cast.bert.address in peopled.addresses(AT + 2)


def test_a_replay_within_the_second_of_the_withdrawal_is_refused(peopled: World) -> None:
    """Equal seconds count in order of arrival, but the same text by the same signer works once."""
    cast = peopled.cast
    attested = peopled.signed(cast.admin, attestation(cast.dora), AT)
    peopled.submit(attested, cast.dora.certificate, at=AT)
    peopled.submit(peopled.signed(cast.admin, withdrawal(cast.dora), AT), at=AT)
    for again in (attested, attested.replace(b"\n", b"\r\n"), peopled.signed(cast.admin, attestation(cast.dora), AT + 5)):
        with pytest.raises(Refused, match="duplicate"):
            peopled.submit(again, at=AT + 10)
    dated = attestation(cast.dora) + "\nSigned on 22 November.\n"
    peopled.submit(peopled.signed(cast.admin, dated, AT + 10), at=AT + 10)
    assert cast.dora.address in peopled.addresses(AT + 10)


def test_a_dismissed_admin_contact_says_nothing_more(peopled: World) -> None:
    """After a dismissal the Admin Contact attests and withdraws nobody; what was attested before stands."""
    cast = peopled.cast
    peopled.submit(peopled.signed(cast.root, statement("dismiss-admin-contact", TLD="nl"), AT), at=AT)
    for words in (attestation(cast.dora), withdrawal(cast.anna)):
        with pytest.raises(Refused, match="not-entitled"):
            peopled.submit(peopled.signed(cast.admin, words, AT + 1), cast.dora.certificate, at=AT + 1)
    assert peopled.addresses(AT + 1) == {"anna@nl.example", "bert@nl.example", "carla@br.example"}


def test_a_replaced_admin_contact_says_nothing_more(peopled: World) -> None:
    """A new appointment takes the ccTLD from the one before."""
    cast = peopled.cast
    peopled.submit(peopled.signed(cast.root, appointment(cast.dora, "nl"), AT), cast.dora.certificate, at=AT)
    with pytest.raises(Refused, match="not-entitled"):
        peopled.submit(peopled.signed(cast.admin, withdrawal(cast.anna), AT + 1), at=AT + 1)
    peopled.submit(peopled.signed(cast.dora, withdrawal(cast.anna), AT + 1), at=AT + 1)


def test_another_key_takes_the_place_of_the_old_one(peopled: World) -> None:
    """Attested again with the same address and another key, the member is the same and the old key is nobody's."""
    cast = peopled.cast
    peopled.submit(peopled.signed(cast.admin, attestation(cast.anna, Key=cast.dora.fingerprint), AT), cast.dora.certificate, at=AT)
    assert peopled.membership.member_by_key(cast.anna.fingerprint, AT) is None
    member = peopled.membership.member_by_key(cast.dora.fingerprint, AT)
    assert member is not None and member == peopled.membership.member_by_address("ANNA@nl.example", AT)
    with pytest.raises(Refused, match="not-entitled"):
        peopled.submit(peopled.signed(cast.anna, withdrawal(cast.anna), AT + 1), at=AT + 1)


def test_an_attestation_ends_by_itself(peopled: World) -> None:
    """One year after the signature without Expires, at 00:00 UTC of the day with it; no process has to run for it."""
    cast, membership = peopled.cast, peopled.membership
    end = next(member.expires for member in membership.members(AT) if member.emails[0] == cast.anna.address)
    assert end - (BASE + 2 * DAY) in (365 * DAY, 366 * DAY)
    assert membership.member_by_key(cast.anna.fingerprint, end - 1) and membership.member_by_key(cast.anna.fingerprint, end) is None
    assert {m.state for m in membership.members(end, all=True)} == {"expired"} and membership.members(end) == ()
    peopled.submit(peopled.signed(cast.admin, attestation(cast.dora, Expires=day(AT, 10)), AT), cast.dora.certificate, at=AT)
    dora = peopled.membership.member_by_key(cast.dora.fingerprint, AT)
    assert dora is not None and dora.expires % DAY == 0 and dora.expires - AT <= 10 * DAY


def test_states_and_json_of_members(peopled: World) -> None:
    """Withdrawn members are listed on demand only, with the reason; the JSON has the promised names."""
    cast = peopled.cast
    peopled.submit(peopled.signed(cast.admin, withdrawal(cast.anna), AT), at=AT)
    assert cast.anna.address not in peopled.addresses(AT)
    (anna,) = (m for m in peopled.membership.members(AT, all=True) if m.emails[0] == cast.anna.address)
    assert anna.state == "withdrawn" and "entry" in anna.why
    bert = next(m for m in peopled.membership.members(AT) if m.emails[0] == cast.bert.address)
    assert bert.as_json() == {
        "email": "bert@nl.example", "emails": ["bert@nl.example"], "name": "Bert", "phone": "+31 6 1234 5678", "cctld": "nl",
        "fingerprint": cast.bert.fingerprint, "state": "active",
    }  # fmt: skip


def test_a_statement_that_nobody_verified_cannot_be_applied() -> None:
    """The rules take a SignedStatement, which takes a Verified, which only the two engines' verdict makes."""
    with pytest.raises(TypeError):
        SignedStatement(Verified(b"Securelist-Statement: found-list", "AB" * 20, AT, b""), 1)


def test_entry_times_never_decrease(peopled: World) -> None:
    """A clock that fell back a little takes the last entry's time; one that fell back far stops everything."""
    last = peopled.membership.time
    assert entry_time(peopled.membership, last + 5) == last + 5
    assert entry_time(peopled.membership, last - 600) == last
    with pytest.raises(TryAgain, match="clock-set-back"):
        entry_time(peopled.membership, last - 601)
    anna = peopled.membership.certificates[peopled.cast.anna.fingerprint]
    with pytest.raises(Refused, match="time-runs-backwards"):
        enter_certificate(peopled.membership, anna, peopled.cast.anchor, last - 1)
    with pytest.raises(Refused, match="not-founded"):
        enter_certificate(Membership(), anna, peopled.cast.anchor, last)
