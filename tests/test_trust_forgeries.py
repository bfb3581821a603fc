"""Lies told by a server that knows the format and has the list's keys: over one rich log, each is refused, and the reason named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from certification_forge import certified, issuer, issuer_fingerprint, notation, secret, signature, subpacket
from log_forge import (
    STORY,
    Log,
    Rich,
    attestation,
    fabricated,
    inserted,
    kept_back,
    moved,
    shifted,
    with_entry,
    with_evidence,
    without,
)
from trust_world import DAY, LIST

from securelist.openpgp.certification import read_certifications
from securelist.openpgp.packets import Tag, read_packets, write_packet
from securelist.trust.certifications import notation_name
from securelist.trust.entry import Entry

Lie = Callable[[Rich], Log]


def test_the_log_that_is_lied_about_is_true(rich: Rich) -> None:
    """As it stands it proves who is a member, with everything in it that can be: pending, void, erased, certified."""
    proof = rich.proof(rich.exported(rich.entries))
    assert proof.problems == () and proof.members == rich.membership.members(rich.now)
    assert {member.name for member in proof.members} == {"Anna", "Bert", "Dora"}
    assert {said.standing.value for said in rich.membership.said} == {"in effect", "pending", "void", "erased"}


# --- entries that do not follow ---------------------------------------------------------------------------------------


def entered_again(rich: Rich, kind: str, about: str = "", by: str = "") -> Log:
    return inserted(rich.entries, len(rich.log), *rich.log[rich.place(kind, about, by)])


def part(rich: Rich, number: int) -> int:
    return next(i for i, (entry, _) in enumerate(rich.log) if entry.part == number)


def unrevoked(rich: Rich) -> Log:
    """Bert's certificate as it was entered after its revocation, without that."""
    place = rich.place("certificate", "K3", nth=2)
    octets = rich.log[place][1]
    assert octets is not None
    kept = [p.octets for p in read_packets(octets) if p.tag != Tag.SIGNATURE or p.body[1] != 0x20]
    return with_evidence(rich.entries, place, b"".join(kept))


def certification(rich: Rich, whom: str = "K5", named: str = "", tld: str = "nl", kind: int = 0x10) -> bytes:
    """The evidence of a certification that Admin Contact N1 made by hand."""
    by, about = rich.crowd.who["N1"], rich.crowd.who[whom]
    made = subpacket(2, rich.log[rich.place("attest-ssc", "K5", "N1")][0].time.to_bytes(4, "big"))
    hashed = made + issuer_fingerprint(by) + (notation(notation_name(LIST), tld) if tld else b"")
    user_id = named or f"{about.name} <{about.address}>"
    packet = signature(secret(rich.crowd.people, by), about, user_id, hashed, issuer(by), kind)
    return read_certifications(certified(about, user_id, packet))[0].octets


def recertified(rich: Rich, evidence: bytes, **fields: object) -> Log:
    """Another certification in the place of the one that made Dora a member first."""
    place = rich.place("attest-ssc", "K5", "N1")
    return with_entry(with_evidence(rich.entries, place, evidence), place, **fields)


def transplanted(rich: Rich, whom: str, named: str) -> bytes:
    """Dora's certification, its signature put behind another key or user ID."""
    primary, packet = read_packets(rich.crowd.certificate(whom))[0], read_packets(certification(rich))[2]
    parts = ((primary.tag, primary.body), (Tag.USER_ID, named.encode()), (packet.tag, packet.body))
    return b"".join(write_packet(tag, body) for tag, body in parts)


def appended(rich: Rich, octets: bytes) -> Log:
    return with_evidence(rich.entries, len(rich.log) - 1, (rich.log[-1][1] or b"") + octets)


def pending_twice(rich: Rich) -> Log:
    """The one root who wanted N2 for .de signs the same text again; gpg makes another signature of it."""
    entry, evidence = rich.log[rich.place("appoint-admin-contact", "N2", "R3")]
    move = next(m for m in STORY if m.signers == ("R3",))
    again = rich.signed("R3", rich.crowd.text(move, entry.time, rich.membership), entry.time + 60)
    assert again != evidence
    return inserted(rich.entries, entry.number, entry, again)


def for_de(rich: Rich) -> Log:
    """N2, whose appointment is pending, makes Mallory a member for .de."""
    log = fabricated(rich, "N2", attestation(rich).replace("TLD: nl", "TLD: de"))
    return with_entry(log, len(log) - 1, cctld="de")


def by_dismissed(rich: Rich) -> Log:
    log = fabricated(rich, "N2", attestation(rich).replace("TLD: nl", "TLD: br"))
    return with_entry(log, len(log) - 1, cctld="br")


def erase_moved_before(rich: Rich) -> Log:
    """The `erase`, where nothing has ended yet."""
    return moved(rich.entries, rich.place("erase"), rich.place("withdraw-ssc", "K4"))


def wrong_root(rich: Rich) -> Log:
    """`replace-roots` with Mallory as a root, signed by her and by one root."""
    place = rich.place("replace-roots")
    roots = "".join(f"Root: {rich.fingerprint(name)}\n" for name in ("R1", "M1"))
    text = f"Securelist-Statement: replace-roots\nList: {LIST}\n{roots}"
    log = inserted(rich.entries, place, Entry(0, 0, "certificate", "", rich.fingerprint("M1"), "", "", 0, ""), rich.crowd.certificate("M1"))
    for number, who in enumerate(("R1", "M1"), place + 1):
        entry = replace(rich.log[place][0], signer=rich.fingerprint(who))
        log = inserted(log, number, entry, rich.signed(who, text, log[place][0].time))
    return log


def founding_with(rich: Rich, name: str, value: str) -> Log:
    """`found-list` as both roots would have had to sign it."""
    log, (entry, _) = rich.entries, rich.log[0]
    fields = {"List": LIST, "Key": rich.fingerprint("L1"), "Root": rich.fingerprint("R1")} | {name: value}
    text = "Securelist-Statement: found-list\n" + "".join(f"{field}: {value}\n" for field, value in fields.items())
    return with_entry(with_evidence(log, 0, rich.signed("R1", text, entry.time)), 0, subject=fields["Key"])


NAMES, WORDS = "it says something else than its evidence", "counts only if signed by"
OWED, HASH = "is missing, and no erase names it", "the log has no such entry with this hash"

LIES: dict[str, tuple[Lie, str]] = {
    # entries left out
    "an attestation dropped": (lambda r: without(r.entries, r.place("attest-ssc", "K1")), "not the primary address of a member"),
    "a suspension dropped": (lambda r: without(r.entries, r.place("suspend-member")), "is not suspended"),
    "a withdrawal dropped, and the key went elsewhere": (
        lambda r: without(r.entries, r.place("withdraw-ssc", "K5")), "dora@nl.example belongs to dora@nl.example, a member for .nl"),
    "a dismissal dropped, and the key went elsewhere": (
        lambda r: without(r.entries, r.place("dismiss-admin-contact"), r.place("dismiss-admin-contact", nth=1)), ", a member for .br"),
    "half of replace-list-key dropped": (lambda r: without(list(r.before), r.place("replace-list-key")), "vouch for another list key"),
    "half of the founding dropped": (lambda r: without(r.entries, 1), "is not founded yet"),
    "half of an appointment dropped": (lambda r: without(r.entries, r.place("appoint-admin-contact", "N1", "R2")), WORDS),
    "the old key's half of replace-key dropped": (lambda r: without(r.entries, r.place("replace-key", by="K1")), WORDS),
    "the new key's half of replace-key dropped": (lambda r: without(r.entries, r.place("replace-key", by="K2")), HASH),
    "a certificate dropped": (lambda r: without(r.entries, r.place("certificate", "K3")), "is not known"),
    "an Admin Contact's certificate dropped": (lambda r: without(r.entries, r.place("certificate", "N1")), "is not known"),
    "a text of three entered in part": (lambda r: without(r.entries, part(r, 2)), "part"),
    "a text of three entered without its end": (lambda r: without(r.entries, part(r, 3)), "not entered whole"),
    "the erase dropped": (lambda r: without(r.entries, r.place("erase")), OWED),
    # certificates
    "an older certificate put in": (
        lambda r: inserted(r.entries, len(r.log), *r.log[r.place("certificate", "K3")]), "lacks what an earlier entry's had"),
    "a revocation taken out": (unrevoked, "lacks what an earlier entry's had"),
    "the list's certificate in the log": (
        lambda r: inserted(r.entries, len(r.log), replace(r.log[2][0], subject=r.fingerprint("L2")),
            r.crowd.list_keys["L2"].certificate()), "the list's own certificate"),
    # erased
    "an erased withdrawal, and no erase": (
        lambda r: with_evidence(r.entries, r.place("withdraw-ssc", "K3"), None), OWED),
    "an erase of somebody else": (
        lambda r: with_evidence(r.entries, r.place("update-contact", "K3"), None), OWED),
    "an erased entry said to be about somebody else": (
        lambda r: with_entry(r.entries, r.place("withdraw-ssc", "K4"), subject=r.fingerprint("K3")),
        "bert@nl.example is not the primary address"),
    "an erased entry said to be of another ccTLD": (
        lambda r: with_entry(r.entries, r.place("withdraw-ssc", "K4"), cctld="br"), HASH),
    "an erased certificate that is needed": (
        lambda r: with_evidence(r.entries, r.place("certificate", "K4"), None), "is not known"),
    "an erased appointment": (
        lambda r: with_evidence(r.entries, r.place("appoint-admin-contact", "N1"), None), "can neither be erased nor be left out"),
    "an erased dismissal": (
        lambda r: with_evidence(r.entries, r.place("dismiss-admin-contact"), None), "can neither be erased nor be left out"),
    "the erase moved before what it erases": (erase_moved_before, "10 minutes ahead"),
    "an erased withdrawal moved behind the erase": (
        lambda r: moved(r.entries, r.place("withdraw-ssc", "K4", nth=1), r.place("erase")), HASH),
    "an attestation kept back, before the erase": (lambda r: kept_back(r, r.place("erase")), "it was signed before entry"),
    "an attestation kept back, after the erase": (lambda r: kept_back(r, r.place("erase") + 1), "it was signed before entry"),
    # times and order
    "times that run backwards": (lambda r: with_entry(r.entries, 20, time=r.log[2][0].time), "older than the one before"),
    "all a month and more later": (lambda r: shifted(r.entries, 31 * DAY), "30 days"),
    "all an hour earlier": (lambda r: shifted(r.entries, -3600), "10 minutes ahead"),
    "an entry from the future": (lambda r: with_entry(r.entries, len(r.log) - 1, time=r.now + DAY), "in the future"),
    "an attestation before its certificate": (
        lambda r: moved(r.entries, r.place("attest-ssc", "K1"), r.place("certificate", "K1")), "is not known"),
    "an attestation before the appointment": (lambda r: fabricated(r, "N1", at=r.place("appoint-admin-contact", "N1", "R2")), WORDS),
    "a withdrawal before the attestation": (
        lambda r: moved(r.entries, r.place("withdraw-ssc", "K3"), r.place("attest-ssc", "K3")), "10 minutes ahead"),
    "two halves of a text exchanged": (
        lambda r: with_entry(with_entry(r.entries, part(r, 2), part=3), part(r, 3), part=2), NAMES),
    # said twice, or by too few
    "a text entered twice": (lambda r: entered_again(r, "confirm-contact", "K2"), "was entered already"),
    "a withdrawal entered twice": (lambda r: entered_again(r, "withdraw-ssc", "K3"), "was entered already"),
    "one root's signature twice": (pending_twice, "was entered already"),
    "a pending appointment taken for one": (for_de, WORDS),
    # fields
    "another subject": (lambda r: with_entry(r.entries, r.place("attest-ssc", "K1"), subject=r.fingerprint("M1")), "subject"),
    "another signer": (lambda r: with_entry(r.entries, r.place("attest-ssc", "K1"), signer=r.fingerprint("N2")), "signer"),
    "another ccTLD": (lambda r: with_entry(r.entries, r.place("attest-ssc", "K1"), cctld="br"), "cctld"),
    "another type": (lambda r: with_entry(r.entries, r.place("confirm-contact", "K2"), type="update-contact"), "type"),
    "another part": (lambda r: with_entry(r.entries, r.place("attest-ssc", "K1"), part=2), "part"),
    "no part": (lambda r: with_entry(r.entries, r.place("attest-ssc", "K1"), part=0), "not one certification"),
    "a certification as a part": (lambda r: with_entry(r.entries, r.place("attest-ssc", "K5", "N1"), part=1), ""),
    # evidence
    "octets behind the evidence": (lambda r: appended(r, b"\n-- \nmore"), "more in the evidence"),
    "a line end behind the evidence": (lambda r: appended(r, b"\n"), "more in the evidence"),
    "another statement's evidence": (
        lambda r: with_evidence(r.entries, len(r.log) - 1, r.log[r.place("erase")][1]), "was entered already"),
    "a statement of another list": (
        lambda r: fabricated(r, "N1", attestation(r, list_address="other@lists.example.org")), "for another one"),
    # certifications
    "a certification on another certificate": (
        lambda r: recertified(r, transplanted(r, "K3", "Bert <bert@nl.example>"), subject=r.fingerprint("K3")), "does not verify"),
    "a certification of another user ID": (
        lambda r: recertified(r, transplanted(r, "K5", "Dora <mallory@nl.example>")), "user ID that the certificate does not have"),
    "a certification without notation": (lambda r: recertified(r, certification(r, tld="")), "it has no notation"),
    "a certification for another ccTLD": (lambda r: recertified(r, certification(r, tld="br")), WORDS),
    "a certification for another ccTLD, entered for this one": (
        lambda r: recertified(r, certification(r, tld="br"), cctld="nl"), WORDS),
    "a revoked certification taken for one": (lambda r: recertified(r, certification(r, kind=0x30)), "made nobody a member"),
    "a certification with an octet more": (lambda r: recertified(r, certification(r) + b"x"), "not one certification"),
    # people without the right
    "a member attested by the list itself": (lambda r: fabricated(r, "L2"), "nobody's that the list knows"),
    "a member attested by herself": (lambda r: fabricated(r, "M1"), WORDS),
    "a member attested by another member": (lambda r: fabricated(r, "K2"), WORDS),
    "a member attested by a trust root": (lambda r: fabricated(r, "R1"), WORDS),
    "a member attested by a dismissed Admin Contact": (by_dismissed, WORDS),
    "a root added by one root and herself": (wrong_root, WORDS),
    "a founding by one root for herself alone": (lambda r: founding_with(r, "Root", r.fingerprint("M1")), "not among the trust roots"),
    "a founding with a key of another list's": (lambda r: founding_with(r, "Key", r.fingerprint("M1")), "the list has no such key"),
}  # fmt: skip


@pytest.mark.parametrize(("lie", "words"), LIES.values(), ids=LIES)
def test_a_server_that_lies_about_an_entry_is_found_out(rich: Rich, lie: Lie, words: str) -> None:
    """Chained anew and signed with the list's own key: still each entry must follow from its evidence and those before."""
    log = lie(rich)
    assert log != rich.entries
    proof = rich.proof(rich.exported(log))
    assert not proof.valid and proof.members == ()
    assert any(words in problem for problem in proof.problems), proof.problems
