"""Erasing: who may ask for it, which entries can go and when, and what still counts afterwards; the members stay the same throughout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from trust_story import Choice, Erase, Say, Story, Text, about, erasure, forget, replayed, somebody, story, tell
from trust_world import DAY, Cast, World, attestation, statement, withdrawal

from securelist.errors import Refused
from securelist.trust.entry import Entry


def withdraw(cast: Cast) -> str:
    return withdrawal(cast.anna)


def first(cast: Cast) -> str:
    """The text by which Anna was attested."""
    return attestation(cast.anna)


def again(cast: Cast) -> str:
    return attestation(cast.anna, Phone="+31 6 9999 9999")


def with_new_key(cast: Cast) -> str:
    return attestation(cast.anna, Key=cast.dora.fingerprint)


def brake(kind: str) -> Text:
    return lambda cast: statement(kind, TLD="nl", Email=cast.anna.address)


def details(cast: Cast) -> str:
    return statement("update-contact", TLD="nl", Name="Anna", Email=cast.anna.address)


def replacing(cast: Cast) -> str:
    return statement("replace-key", TLD="nl", Email=cast.anna.address, Key=cast.dora.fingerprint)


ALL = about()
ATTESTED, WITHDRAWN, CERTIFIED = about("attest-ssc"), about("withdraw-ssc"), about("certificate")


def tell_with_erasures(world: World, told: Story) -> None:
    world.listeners.append(partial(forget, world))
    tell(world, told)
    replayed(world)


# --- who may, and when --------------------------------------------------------------------------------------------------

LEFT = Say("anna", withdraw)
DISMISSED = Say("admin", withdraw)
ERASED = Say("root", Erase(), at=60)
EVERYTHING = Erase(names=ALL)

WHO = {
    "the person, after leaving": story(LEFT, Say("anna", Erase(), at=60)),
    "a trust root": story(LEFT, ERASED),
    "a trust root, who names everything": story(DISMISSED, Say("root", EVERYTHING, at=60)),
    "the Admin Contact": story(LEFT, Say("admin", EVERYTHING, "not-entitled", at=60, words=("the key's owner or a trust root",))),
    "another member": story(LEFT, Say("bert", EVERYTHING, "not-entitled", at=60)),
    "a stranger": story(LEFT, Say("mallory", EVERYTHING, "unknown-signer", "mallory", at=60)),
    "the person, a part of it": story(LEFT, Say("anna", Erase(names=WITHDRAWN), at=60), anna="withdrawn"),
    "a trust root, a part of it": story(
        Say("anna", details), Say("anna", withdraw, at=30), Say("root", Erase(names=about("update-contact")), at=60),
        Say("root", Erase(), at=90),
    ),
    "the person, what a newer attestation replaced": story(Say("admin", again), Say("anna", Erase(), at=60), anna="active"),
    "when the attestation has ended by itself": story(Say("root", Erase(), at=400 * DAY)),
    "twice, by the same text": story(LEFT, Say("root", EVERYTHING, at=60), Say("root", EVERYTHING, "duplicate", at=120)),
    "twice, by two": story(LEFT, Say("root", EVERYTHING, at=60), Say("root2", EVERYTHING, at=120)),
    "twice, in another text": story(LEFT, Say("root", EVERYTHING, at=60), Say("root", replace(EVERYTHING, more="\nOn Monday.\n"), at=120)),
    "signed before the withdrawal": story(Say("admin", withdraw, at=60), Say("root", Erase(), at=120, made=0)),
    "signed 31 days ago": story(LEFT, Say("root", Erase(), "too-old", at=60, made=-31 * DAY)),
}  # fmt: skip


@pytest.mark.parametrize("told", WHO.values(), ids=WHO)
def test_who_erases(peopled: World, told: Story) -> None:
    """The owner of the key and the trust roots, once a membership has ended."""
    tell_with_erasures(peopled, told)


# --- why not --------------------------------------------------------------------------------------------------------------


def wrong_hash(world: World, key: str) -> Iterator[Entry]:
    """Entries that the log has, but for one letter of what they say."""
    return (replace(entry, cctld="") for entry in ATTESTED(world, key))


def not_there(world: World, key: str) -> Iterator[Entry]:
    return (replace(entry, number=900) for entry in ATTESTED(world, key))


def of(whom: str, choice: Choice) -> Choice:
    """The same about somebody else."""
    return lambda world, key: choice(world, somebody(world.cast, whom).fingerprint)


def of_type(kind: str) -> Choice:
    return lambda world, key: (entry for entry in world.membership.entries if entry.type == kind)


def no(by: str, whom: str = "anna", names: Choice = ATTESTED, *words: str, tld: str = "nl", at: int = 60) -> Say:
    return Say(by, Erase(whom, tld, names=names), "not-erasable", at=at, words=("line 5: entry ", *words))


SUSPENDED = (Say("root", brake("suspend-member")), Say("root", brake("resume-member"), at=20), Say("anna", withdraw, at=30))
NEEDED = "something that stays in the log was signed with this certificate, or names it"

WHY_NOT = {
    "an entry with another hash": story(LEFT, no("root", "anna", wrong_hash, "no such entry with this hash", "statement new erase")),
    "an entry that is not there": story(LEFT, no("root", "anna", not_there, "no such entry")),
    "an entry about another key": story(LEFT, no("root", "anna", of("bert", ATTESTED), "not about the key")),
    "a withdrawal of another": story(DISMISSED, no("root", "bert", of("anna", WITHDRAWN), "not about the key")),
    "for another ccTLD": story(LEFT, no("root", "anna", ATTESTED, "nothing about a member for .br", tld="br")),
    "an appointment": story(no("root", "admin", about("appoint-admin-contact"), "nothing about a member")),
    "an appointment, after the dismissal": story(
        Say("root", lambda c: statement("dismiss-admin-contact", TLD="nl")), no("root", "admin", of_type("appoint-admin-contact"), ""),
    ),
    "a dismissal": story(
        Say("root", lambda c: statement("dismiss-admin-contact", TLD="nl")), no("root", "admin", about("dismiss-admin-contact"), ""),
    ),
    "another erase": story(LEFT, ERASED, no("root", "anna", about("erase"), "nothing about a member", at=90)),
    "the founding": story(no("root", "anna", of_type("found-list"), "not about the key")),
    "the certificate of an Admin Contact": story(no("root", "admin", CERTIFIED, "somebody who speaks for others")),
    "the certificate of a trust root": story(no("root2", "root", CERTIFIED, "somebody who speaks for others")),
    "the certificate of a member": story(no("root", "anna", CERTIFIED, "the certificate of a member")),
    "the certificate of one who has ended, alone": story(LEFT, no("root", "anna", CERTIFIED, NEEDED, "a trust root can erase all of it")),
    "the certificate, by its owner": story(LEFT, no("anna", "anna", ALL, NEEDED)),
    "what makes somebody a member": story(no("root", "anna", ATTESTED, "in force; withdraw that first"), anna="active"),
    "what makes oneself a member": story(no("anna", "anna", ATTESTED, "in force"), anna="active"),
    "what a member said of themselves": story(Say("anna", details), no("anna", "anna", about("update-contact"), "in force"), anna="active"),
    "a suspension in force": story(
        Say("root", brake("suspend-member")), no("root", "anna", about("suspend-member"), "in force"), anna="suspended",
    ),
    "one's own suspension": story(
        *SUSPENDED, no("anna", "anna", about("suspend-member"), "a suspend-member that somebody else signed is for a trust root to erase"),
    ),
    "one's own resumption": story(*SUSPENDED, no("anna", "anna", about("resume-member"), "a resume-member that", "trust root")),
    "a withdrawal that the Admin Contact signed": story(DISMISSED, no("anna", "anna", WITHDRAWN, "a withdraw-ssc that", "trust root")),
    "a withdrawal that a trust root signed": story(Say("root", withdraw), no("anna", "anna", WITHDRAWN, "a withdraw-ssc that")),
}  # fmt: skip


@pytest.mark.parametrize("told", WHY_NOT.values(), ids=WHY_NOT)
def test_why_an_entry_cannot_be_erased(peopled: World, told: Story) -> None:
    """The refusal names the line, the entry and the reason; nothing is erased."""
    tell_with_erasures(peopled, told)


RESTING = {
    "by the person, the attestation under somebody else's withdrawal": story(
        DISMISSED, Say("anna", Erase(), "others-rest-on-it", at=60, words=("line 5: entry 14 rests on them, and stays",)),
    ),
    "by the person, the attestation under a suspension": story(
        *SUSPENDED, Say("anna", Erase(), "others-rest-on-it", at=60, words=("entry 14 rests on them",)),
    ),
    "by a trust root, the attestation under a withdrawal": story(DISMISSED, Say("root", Erase(names=ATTESTED), "others-rest-on-it", at=60)),
    "by a trust root, the withdrawal of what stays": story(
        Say("admin", again), Say("admin", withdraw, at=30),
        Say("root", Erase(names=WITHDRAWN), at=60), Say("root", Erase(), at=90),
    ),
    "the key before the last": story(
        Say("admin", with_new_key, sends="dora"), Say("root", Erase(), at=60), anna="active",
    ),
    "the last key while the one before stays": story(
        Say("admin", with_new_key, sends="dora"), Say("admin", withdraw, at=30),
        Say("root", Erase("dora"), "others-rest-on-it", at=60, words=("as a member who was none", "earlier key first")),
        Say("root", Erase(), at=70), Say("root", Erase("dora"), at=80),
    ),
    "a key that was replaced, alone": story(
        Say("anna dora", replacing, sends="dora"), Say("dora", withdraw, at=30),
        Say("root", Erase("anna"), "others-rest-on-it", at=60, words=("rests on them, and stays", "in the same signed text")),
        Say("root", Erase("dora"), "others-rest-on-it", at=60, words=("in the same signed text",)),
    ),
    "a key that was replaced, while the new one is a member": story(
        Say("anna dora", replacing, sends="dora"), no("root", "anna", ATTESTED, "in force"), no("root", "dora", ALL, ""), anna="active",
    ),
}  # fmt: skip


@pytest.mark.parametrize("told", RESTING.values(), ids=RESTING)
def test_what_rests_on_other_entries(peopled: World, told: Story) -> None:
    """Nothing goes that something else needs to be what it was, then or now."""
    tell_with_erasures(peopled, told)


def test_too_many_entries(peopled: World) -> None:
    """A text names a hundred at most: what is beyond that goes with the next."""
    entries = [replace(peopled.membership.entries[0], number=number) for number in range(1, 102)]
    with pytest.raises(Refused, match="repeated-field: line 105: Entry may stand at most 100 times"):
        erasure(peopled.cast.anna, *entries)


# --- what still counts ------------------------------------------------------------------------------------------------------

BACK = Say("admin", again, sends="anna", at=DAY)

AFTERWARDS = {
    "the old attestation once more": story(LEFT, ERASED, Say("admin", first, "duplicate", "anna", at=120, made=-DAY)),
    "an old attestation that was never handed in": story(LEFT, ERASED, Say("admin", again, "superseded", "anna", at=120, made=30)),
    "an old attestation of another of their keys": story(
        LEFT, ERASED, Say("admin", with_new_key, "superseded", "dora", at=120, made=-60),
    ),
    "the old attestation, whose signer's clock was ahead": story(
        Say("admin", again, made=300), Say("admin", withdraw, at=5, made=305), Say("root", Erase(), at=400),
        Say("admin", again, "duplicate", "anna", at=420, made=300), Say("admin", first, "superseded", "anna", at=420, made=390),
    ),
    "somebody else's attestation that was on its way": story(
        LEFT, ERASED, Say("admin", lambda c: attestation(c.dora), "superseded", "dora", at=120, made=30),
        Say("admin", lambda c: attestation(c.dora), sends="dora", at=130), dora="active",
    ),
    "another ccTLD's statements": story(
        LEFT, ERASED, Say("carla", lambda c: statement("confirm-contact", TLD="br", Email=c.carla.address), at=120, made=30),
    ),
    "a withdrawal that was on its way": story(
        LEFT, ERASED, Say("admin", lambda c: withdrawal(c.bert), at=120, made=30), bert="withdrawn",
    ),
    "attested again": story(LEFT, ERASED, BACK, anna="active", bert="active"),
    "attested again in the same words": story(LEFT, ERASED, Say("admin", first, sends="anna", at=DAY), anna="active"),
    "attested again, without the certificate": story(LEFT, ERASED, Say("admin", again, "certificate-missing", at=DAY)),
    "attested again, after the person erased it": story(
        LEFT, Say("anna", Erase(), at=60), Say("admin", again, at=DAY), anna="active",
    ),
    "attested again, under an erase of everything by the person": story(
        LEFT, ERASED, BACK, Say("anna", EVERYTHING, "not-erasable", at=DAY + 60), anna="active",
    ),
    "the old withdrawal, when attested again": story(
        DISMISSED, ERASED, BACK, Say("admin", withdraw, "duplicate", at=DAY + 9, made=0),
        Say("root", withdraw, "superseded", at=DAY + 9, made=DAY - 1), anna="active",
    ),
    "attested again, withdrawn again, erased again": story(
        DISMISSED, ERASED, BACK, Say("admin", lambda c: withdraw(c) + "\nx\n", at=DAY + 60), Say("root", Erase(), at=DAY + 120),
    ),
    "attested again, erased before the end": story(
        DISMISSED, ERASED, BACK, no("root", "anna", ALL, "", at=DAY + 60), anna="active",
    ),
    "a suspension outlives its text": story(
        Say("root", brake("suspend-member")), Say("anna", withdraw, at=30), ERASED, BACK, anna="suspended",
    ),
    "a suspension that was taken back": story(*SUSPENDED, ERASED, BACK, anna="active"),
    "a suspension after its text was erased can be taken back": story(
        Say("root", brake("suspend-member")), Say("anna", withdraw, at=30), ERASED, BACK,
        Say("root", brake("resume-member"), at=DAY + 60), anna="active",
    ),
}  # fmt: skip


@pytest.mark.parametrize("told", AFTERWARDS.values(), ids=AFTERWARDS)
def test_what_counts_afterwards(peopled: World, told: Story) -> None:
    """What was signed before it comes back for nobody of that ccTLD; who is attested anew is a member as ever."""
    tell_with_erasures(peopled, told)
