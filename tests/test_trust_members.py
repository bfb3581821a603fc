"""What is said about members: details, suspensions, withdrawals, keys. Told as stories over a list with Anna and Bert of .nl."""

from __future__ import annotations

import pytest
from people import Somebody
from trust_story import AT, PENDING, Say, Story, Text, somebody, story, tell
from trust_world import BASE, DAY, LIST, World, attestation, statement

from securelist.errors import Refused
from securelist.trust.notices import notices

PHONE = "+31 6 1234 5678"


def about(kind: str, whom: str, **fields: str) -> Text:
    """A statement of this kind about somebody by ccTLD and primary address; `Email`, `TLD` say otherwise."""

    def text(cast: object) -> str:
        person: Somebody = getattr(cast, whom)
        return statement(kind, **({"TLD": person.address.split("@")[1].split(".")[0], "Email": person.address} | fields))

    return text


def update(whom: str = "anna", **fields: str) -> Text:
    return about("update-contact", whom, **({"Name": whom.title(), "Phone": PHONE} | fields))


def confirm(whom: str = "anna") -> Text:
    return about("confirm-contact", whom)


def suspend(whom: str = "anna") -> Text:
    return about("suspend-member", whom)


def resume(whom: str = "anna") -> Text:
    return about("resume-member", whom)


def withdraw(whom: str = "anna") -> Text:
    return about("withdraw-ssc", whom)


def attest(whom: str = "anna", **fields: str) -> Text:
    """The same as before, with another number: no text works twice."""
    return lambda cast: attestation(somebody(cast, whom), **({"Phone": "+31 6 9999 9999"} | fields))


def replace_key(to: str, whom: str = "anna") -> Text:
    return lambda cast: about("replace-key", whom, Key=somebody(cast, to).fingerprint)(cast)


# --- contact details ----------------------------------------------------------------------------------------------------

WITH_BERTS = f"Email: bert@nl.example\nPhone: {PHONE}"

CONTACTS = {
    "the SSC changes the number": story(Say("anna", update(Phone="+31 20 555 0000")), anna="active"),
    "the SSC leaves the number out": story(Say("anna", about("update-contact", "anna", Name="Anna"), words=("no longer", PHONE))),
    "the Admin Contact changes the details": story(Say("admin", update(Organisation="Registry"))),
    "the SSC agrees to be shown": story(Say("anna", update(Share="regional", Timezone="Europe/Amsterdam"))),
    "another member changes them": story(Say("bert", update(), "not-entitled", words=("the SSC or the ccTLD's Admin Contact",))),
    "another ccTLD's Admin Contact changes them": story(Say("admin_br", update(), "not-entitled")),
    "a trust root changes them": story(Say("root", update(), "not-entitled")),
    "a stranger changes them": story(Say("mallory", update(), "unknown-signer", "mallory")),
    "the SSC changes the primary address": story(
        Say("anna", update(Email="a@nl.example"), "no-such-member", words=("line 5", "anna@nl.example")), anna="active"
    ),
    "the Admin Contact changes the primary address": story(Say("admin", update(Email="a@nl.example"), "no-such-member", words=("line 5",))),
    "an address of another member's": story(
        Say("anna", lambda c: update()(c) + "Email: BERT@nl.example\n", "address-of-another", words=("line 7", "bert@nl.example")),
    ),
    "the list's own address": story(Say("anna", lambda c: update()(c) + f"Email: {LIST}\n", "address-of-the-list", words=("line 7",))),
    "older than the attestation": story(Say("anna", update(), "superseded", made=-2 * DAY)),
    "in another ccTLD": story(Say("anna", update(TLD="br"), "not-entitled")),
    "twice, by one signature": story(Say("anna", update()), Say("anna", update(), "duplicate", at=60, made=0)),
    "twice, signed anew": story(Say("anna", update()), Say("anna", update(), at=60)),
    "confirmed twice, by one signature": story(Say("anna", confirm()), Say("anna", confirm(), "duplicate", at=60, made=0)),
    "confirmed twice, signed anew": story(Say("anna", confirm()), Say("anna", confirm(), at=60), Say("anna", confirm(), at=120 * DAY)),
    "changed, and changed back": story(
        Say("anna", update()), Say("anna", update(Phone="+31 6 9999 9999"), at=60), Say("anna", update(), at=120)
    ),
    "by the SSC, then by the Admin Contact": story(Say("anna", update()), Say("admin", update(), at=60)),
    "while suspended, by the SSC": story(Say("root", suspend()), Say("anna", update(), "not-entitled", at=60), anna="suspended"),
    "while suspended, by the Admin Contact": story(Say("root", suspend()), Say("admin", update(), at=60), anna="suspended"),
    "after the withdrawal, by the SSC": story(Say("admin", withdraw()), Say("anna", update(), "not-entitled", at=60)),
    "after the withdrawal, by the Admin Contact": story(Say("admin", withdraw()), Say("admin", update(), "no-such-member", at=60)),
    "when the attestation has ended": story(Say("admin", update(), "no-such-member", at=400 * DAY), anna="expired"),
    "signed before the withdrawal, handed in after it": story(
        Say("anna", withdraw(), at=60), Say("admin", update(), "superseded", at=99, made=0), anna="withdrawn"
    ),
    "the SSC confirms": story(Say("anna", confirm())),
    "the Admin Contact confirms": story(Say("admin", confirm())),
    "another member confirms": story(Say("bert", confirm(), "not-entitled")),
    "a trust root confirms": story(Say("root", confirm(), "not-entitled")),
    "a suspended SSC confirms": story(Say("root", suspend()), Say("anna", confirm(), "not-entitled", at=60)),
    "somebody confirms a stranger's": story(Say("admin", confirm("dora"), "no-such-member", words=("line 4",))),
}  # fmt: skip


@pytest.mark.parametrize("told", CONTACTS.values(), ids=CONTACTS)
def test_contact_details(peopled: World, told: Story) -> None:
    """The SSC and the Admin Contact alone say them, of a member, and the primary address stays."""
    tell(peopled, told)


def test_details_are_replaced_as_a_whole(peopled: World) -> None:
    """What the update does not name is gone, and the answer lists it; key, end and suspension stay; the time is kept."""
    before = peopled.membership.attestations["nl", "anna@nl.example"]
    text = update(Phone="+31 20 555 0000", Organisation="Registry")(peopled.cast) + "Email: anna@elsewhere.example\n"
    done = peopled.submit(peopled.signed(peopled.cast.anna, text, AT), at=AT)
    after = peopled.membership.attestations["nl", "anna@nl.example"]
    assert done.notes == (f"no longer in the contact details: {PHONE}",)
    assert after.person.emails == ("anna@nl.example", "anna@elsewhere.example") and after.person.phones == ("+31 20 555 0000",)
    assert (after.person.organisation, after.confirmed, before.confirmed) == ("Registry", AT, BASE + 2 * DAY)
    assert (after.fingerprint, after.expires, after.entry) == (before.fingerprint, before.expires, before.entry)
    swapped = statement("update-contact", TLD="nl", Name="Anna", Email="anna@elsewhere.example")
    with pytest.raises(Refused, match=r"no-such-member: line 5: .*write the primary one, anna@nl\.example"):
        peopled.submit(peopled.signed(peopled.cast.anna, swapped, AT + 60), at=AT + 60)


# --- suspended, resumed, withdrawn ------------------------------------------------------------------------------------------

BRAKES = {
    "a trust root suspends": story(Say("root", suspend()), anna="suspended", bert="active"),
    "the other trust root resumes": story(Say("root", suspend()), Say("root2", resume(), at=60), anna="active"),
    "the Admin Contact suspends": story(Say("admin", suspend(), "not-entitled", words=("a trust root",)), anna="active"),
    "a member suspends": story(Say("anna", suspend("bert"), "not-entitled")),
    "a member resumes": story(Say("root", suspend()), Say("anna", resume(), "not-entitled", at=60), anna="suspended"),
    "the Admin Contact resumes": story(Say("root", suspend()), Say("admin", resume(), "not-entitled", at=60), anna="suspended"),
    "suspended twice": story(Say("root", suspend()), Say("root2", suspend(), "already-suspended", at=60, words=("entry",))),
    "resumed without being suspended": story(Say("root", resume(), "not-suspended")),
    "nobody is suspended": story(Say("root", suspend("dora"), "no-such-member")),
    "by another key than theirs": story(
        Say("root", lambda c: about("suspend-member", "anna", Key=c.bert.fingerprint)(c), "wrong-key", words=("line 5",)), anna="active"
    ),
    "attested again while suspended": story(Say("root", suspend()), Say("admin", attest(), at=60), anna="suspended"),
    "attested with another key while suspended": story(
        Say("root", suspend()), Say("admin", lambda c: attest(Key=c.dora.fingerprint)(c), sends="dora", at=60), anna="suspended"
    ),
    "withdrawn while suspended, attested again": story(
        Say("root", suspend()), Say("admin", withdraw(), at=60), Say("admin", attest(), at=120), anna="suspended"
    ),
    "withdrawn while suspended, another address": story(
        Say("root", suspend()), Say("admin", withdraw(), at=60),
        Say("admin", attest(Email="second@nl.example"), at=120), anna="withdrawn", second="suspended",
    ),
    "attested again while suspended, and resumed": story(
        Say("root", suspend()), Say("admin", attest(), at=60), Say("root", resume(), at=120), anna="active"
    ),
    "a suspended SSC leaves": story(Say("root", suspend()), Say("anna", withdraw(), at=60), anna="withdrawn"),
    "a suspended SSC changes the key": story(
        Say("root", suspend()), Say("anna dora", replace_key("dora"), "not-entitled", "dora", at=60), anna="suspended"
    ),
    "the suspension that was signed before the resumption": story(
        Say("root", suspend()), Say("root", resume(), at=60), Say("root2", suspend(), "superseded", at=99, made=30), anna="active"
    ),
    "a suspended SSC makes room for nobody": story(
        Say("root", suspend()), Say("admin", attest("dora"), sends="dora", at=60),
        Say("admin", attest("admin"), "too-many-members", at=99), anna="suspended", dora="active",
    ),
    "a withdrawal right after what was dated ahead": story(
        Say("anna", confirm(), made=600), Say("admin", withdraw(), at=1), anna="withdrawn"
    ),
    "a suspension right after what was dated ahead": story(
        Say("admin", attest(), made=600), Say("root", suspend(), at=1), anna="suspended"
    ),
    "a withdrawal that was on its way when the SSC said something": story(
        Say("anna", confirm(), at=60), Say("anna", update(), at=70), Say("admin", withdraw(), at=99, made=0), anna="withdrawn"
    ),
    "a suspension that was on its way when the key was replaced": story(
        Say("anna dora", replace_key("dora"), sends="dora", at=60), Say("root", suspend(), at=99, made=0), anna="suspended"
    ),
    "a withdrawal that was on its way when the Admin Contact attested again": story(
        Say("admin", attest(), at=60), Say("root", withdraw(), "superseded", at=99, made=0), anna="active"
    ),
    "the SSC leaves": story(Say("anna", withdraw()), anna="withdrawn", bert="active"),
    "the Admin Contact withdraws": story(Say("admin", withdraw()), anna="withdrawn"),
    "a trust root withdraws": story(Say("root", withdraw()), anna="withdrawn"),
    "another SSC withdraws": story(Say("bert", withdraw(), "not-entitled"), anna="active"),
    "withdrawn twice": story(Say("anna", withdraw()), Say("admin", withdraw(), "no-such-member", at=60)),
    "withdrawn, attested again, withdrawn by the same text": story(
        Say("admin", withdraw()), Say("admin", attest(), at=60), Say("admin", withdraw(), "duplicate", at=99, words=("today's date",)),
        Say("admin", lambda c: withdraw()(c) + "\nOn Monday.\n", at=120), anna="withdrawn",
    ),
}  # fmt: skip


@pytest.mark.parametrize("told", BRAKES.values(), ids=BRAKES)
def test_suspended_resumed_withdrawn(peopled: World, told: Story) -> None:
    """The brake is a trust root's alone and survives what others say; to leave is everybody's right."""
    tell(peopled, told)


# --- another key ------------------------------------------------------------------------------------------------------------

MONTH = 30 * DAY
OLD_KEY = Say("anna", replace_key("dora"), PENDING, "dora", words=("the new key",))

KEYS = {
    "both keys at once, the old one first": story(Say("anna dora", replace_key("dora"), sends="dora"), anna="active"),
    "both keys at once, the new one first": story(Say("dora anna", replace_key("dora"), sends="dora"), anna="active"),
    "a new key that the log knows already, first": story(Say("admin anna", replace_key("admin")), anna="active"),
    "one after the other": story(OLD_KEY, Say("dora", replace_key("dora"), at=60)),
    "the old key alone": story(OLD_KEY, Say("anna", withdraw(), at=60), anna="withdrawn"),
    "the old key without the new certificate": story(Say("anna", replace_key("dora"), "certificate-missing", words=("line 5",))),
    "the new key 30 days later": story(OLD_KEY, Say("dora", replace_key("dora"), at=MONTH)),
    "the new key over 30 days later": story(OLD_KEY, Say("dora", replace_key("dora"), "not-entitled", at=MONTH + 1), anna="active"),
    "the new key alone": story(Say("dora", replace_key("dora"), "not-entitled", "dora"), anna="active"),
    "the new key first, and never the old one": story(
        Say("dora", replace_key("dora"), "not-entitled", "dora"), OLD_KEY, Say("dora", replace_key("dora"), at=60), anna="active"
    ),
    "a stranger takes the membership over": story(Say("mallory", replace_key("mallory"), "not-entitled", "mallory")),
    "a third key signs": story(OLD_KEY, Say("mallory", replace_key("dora"), "unknown-signer", "mallory", at=60)),
    "the Admin Contact signs for the new key": story(OLD_KEY, Say("admin", replace_key("dora"), "not-entitled", at=60)),
    "the new key signs another text": story(
        OLD_KEY, Say("dora", lambda c: replace_key("dora")(c) + "\nMonday.\n", "not-entitled", at=60), anna="active"
    ),
    "another member's key": story(Say("anna bert", replace_key("bert"), "key-of-another", words=("line 5", "bert@nl.example"))),
    "the same key": story(Say("anna", replace_key("anna"), "same-key", words=("line 5",))),
    "the old key says nothing more": story(
        Say("anna dora", replace_key("dora"), sends="dora"), Say("anna", withdraw(), "not-entitled", at=60), Say("dora", withdraw(), at=99)
    ),
    "twice": story(
        Say("anna dora", replace_key("dora"), sends="dora"), Say("anna", replace_key("dora"), "duplicate", at=60),
        Say("dora", replace_key("dora"), "duplicate", at=60),
    ),
    "the Admin Contact withdraws then": story(
        Say("anna dora", replace_key("dora"), sends="dora"), Say("admin", withdraw(), at=60), anna="withdrawn"
    ),
    "the Admin Contact withdraws in between": story(
        OLD_KEY, Say("admin", withdraw(), at=60), Say("dora", replace_key("dora"), "not-entitled", at=99), anna="withdrawn"
    ),
    "withdrawn and attested again in between": story(
        OLD_KEY, Say("admin", withdraw(), at=60), Say("admin", attest(), at=90), Say("dora", replace_key("dora"), "not-entitled", at=99)
    ),
    "suspended in between": story(OLD_KEY, Say("root", suspend(), at=60), Say("dora", replace_key("dora"), "not-entitled", at=99)),
    "another replacement in between": story(
        OLD_KEY, Say("anna admin", replace_key("admin"), at=60), Say("dora", replace_key("dora"), "not-entitled", at=99)
    ),
    "when the attestation has ended": story(Say("anna dora", replace_key("dora"), "not-entitled", "dora", at=400 * DAY), anna="expired"),
    "the key is lost: the Admin Contact attests again": story(
        Say("admin", lambda c: attest(Key=c.dora.fingerprint)(c), sends="dora"), Say("anna", withdraw(), "not-entitled", at=1),
        Say("dora", confirm(), at=1), anna="active",
    ),
}  # fmt: skip


@pytest.mark.parametrize("told", KEYS.values(), ids=KEYS)
def test_another_key(peopled: World, told: Story) -> None:
    """It takes both keys' signatures on one text within 30 days, and nothing about the member in between."""
    tell(peopled, told)


def test_a_replaced_key_lasts_as_long_as_the_attestation(peopled: World) -> None:
    """Same end, same details, same entry; the Admin Contact is told of both keys, nobody else of anything."""
    cast = peopled.cast
    before = peopled.membership.attestations["nl", "anna@nl.example"]
    text = replace_key("dora")(cast)
    first = peopled.submit(peopled.signed(cast.anna, text, AT), cast.dora.certificate, at=AT)
    assert list(notices(first)) == [] and [s.signer for s in peopled.membership.pending(AT + MONTH)] == [cast.anna.fingerprint]
    assert peopled.membership.pending(AT + MONTH + 1) == ()
    done = peopled.submit(peopled.signed(cast.dora, text, AT + DAY), at=AT + DAY)
    after = peopled.membership.attestations["nl", "anna@nl.example"]
    assert (after.fingerprint, after.replaced, after.expires) == (cast.dora.fingerprint, done.entries[-1].number, before.expires)
    assert (after.person, after.entry, after.signer) == (before.person, before.entry, before.signer)
    assert peopled.membership.pending(AT + DAY) == () and peopled.membership.member_by_key(cast.anna.fingerprint, AT + DAY) is None
    [(whom, kind, facts)] = notices(done)
    assert (whom, kind, facts["address"]) == (cast.admin.fingerprint, "key-replaced", cast.anna.address)
    assert (facts["old"], facts["new"]) == (cast.anna.fingerprint, cast.dora.fingerprint)


UNFIT = {
    "no encryption subkey": ({"encryption": None}, "cannot-encrypt"),
    "expired": ({"expires": "10d"}, "expired"),
}


@pytest.mark.parametrize(("how", "reason"), UNFIT.values(), ids=UNFIT)
def test_a_new_key_that_cannot_serve(peopled: World, how: dict[str, str | None], reason: str) -> None:
    """The refusal names the line with the key, and nothing waits."""
    cast = peopled.cast
    new = cast.people.make("New", f"new-{reason}@nl.example", at=BASE - DAY * 20, **how)  # type: ignore[arg-type]
    text = about("replace-key", "anna", Key=new.fingerprint)(cast)
    with pytest.raises(Refused, match=rf"{reason}: line 5: "):
        peopled.submit(peopled.signed(cast.anna, text, AT), new.certificate, at=AT)
    assert peopled.membership.pending(AT) == ()
