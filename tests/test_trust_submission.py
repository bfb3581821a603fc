"""Submissions: what may come together, in which form, and that all of it takes effect or none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from people import People
from trust_world import BASE, BORN, DAY, LIST, NOW, Cast, World, appointment, attestation, certificate_of, withdrawal

from securelist.errors import Refused
from securelist.openpgp import admission
from securelist.openpgp.armor import dearmor
from securelist.openpgp.packets import Tag, read_packets, write_packet
from securelist.trust.certificates import own_packets
from securelist.trust.classify import MAX_OCTETS, classify
from securelist.trust.submission import MAX_TEXTS, Parcel, submit

AT = BASE + 3 * DAY

ENTITY = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"

FORMS: dict[str, Callable[[Cast, str], bytes]] = {
    "clearsigned": lambda c, text: c.people.clearsign(c.admin, text, at=AT),
    "inline-signed, armoured": lambda c, text: c.people.sign(c.admin, text, at=AT),
    "inline-signed, binary": lambda c, text: c.people.sign(c.admin, text, at=AT, armor=False),
    "PGP/MIME": lambda c, text: c.people.multipart_signed(c.admin, ENTITY + text.encode(), at=AT),
    "PGP/MIME, signed inside an encryption": lambda c, text: c.people.sign(c.admin, ENTITY + text.encode(), at=AT, armor=False),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_signature_carries_a_statement(peopled: World, form: Callable[[Cast, str], bytes]) -> None:
    """The same statement in whatever way a mail client signs it makes the same member."""
    cast = peopled.cast
    done = peopled.submit(form(cast, f"Hello,\n\n{attestation(cast.dora)}\n-- \nAdmin NL\n"), cast.dora.certificate, at=AT)
    assert [entry.type for entry in done.entries] == ["certificate", "attest-ssc"]
    assert cast.dora.address in peopled.addresses(AT)
    assert done.evidence.keys() == {entry.evidence for entry in done.entries}


def test_one_text_with_three_statements_and_their_certificates(unfounded: World) -> None:
    """An Admin Contact attests several SSCs in one mail; each certificate comes right before its statement."""
    cast = unfounded.cast
    unfounded.found()
    unfounded.appoint(cast.admin, "nl", BASE)
    three = "\n".join(map(attestation, (cast.anna, cast.bert, cast.dora)))
    ring = cast.anna.certificate + cast.bert.certificate + cast.dora.certificate
    done = unfounded.submit(unfounded.signed(cast.admin, three, AT), ring, at=AT)
    assert [(entry.type, entry.part) for entry in done.entries] == [
        ("certificate", 0), ("attest-ssc", 1), ("certificate", 0), ("attest-ssc", 2), ("certificate", 0), ("attest-ssc", 3),
    ]  # fmt: skip
    assert len({entry.evidence for entry in done.entries if entry.part}) == 1
    assert "entries 6 to 11" in done.sentence


@pytest.mark.parametrize(
    "wrong", [lambda c: attestation(c.carla), lambda c: withdrawal(c.dora), lambda c: attestation(c.dora) + "Fax: 1\n"]
)
def test_three_statements_one_of_them_wrong(peopled: World, wrong: Callable[[Cast], str]) -> None:
    """All of a submission takes effect, or nothing."""
    cast = peopled.cast
    before = peopled.membership
    text = "\n".join((withdrawal(cast.anna), wrong(cast), withdrawal(cast.bert)))
    with pytest.raises(Refused, match="line "):
        peopled.submit(peopled.signed(cast.admin, text, AT), cast.dora.certificate, at=AT)
    assert peopled.membership is before
    with pytest.raises(Refused):
        peopled.submit([peopled.signed(cast.admin, part, AT) for part in (withdrawal(cast.anna), wrong(cast))], at=AT)
    assert peopled.membership is before


def test_an_appointment_and_the_attestation_it_allows_in_one_submission(unfounded: World) -> None:
    """Files given together are entered in their order, so the second may rest on the first."""
    cast = unfounded.cast
    unfounded.found()
    texts = [unfounded.signed(cast.root, appointment(cast.admin, "nl"), AT), unfounded.signed(cast.admin, attestation(cast.anna), AT)]
    unfounded.submit(texts, cast.admin.certificate, cast.anna.certificate, at=AT)
    assert unfounded.addresses(AT) == {cast.anna.address}


def test_founding_brings_the_roots_certificates(unfounded: World) -> None:
    """found-list is the first entry, and the trust roots' certificates follow it."""
    unfounded.found()
    assert [entry.type for entry, _ in unfounded.log] == ["found-list", "certificate", "certificate"]
    assert set(unfounded.membership.certificates) == set(unfounded.membership.roots)


def altered(world: World) -> bytes:
    return world.signed(world.cast.admin, withdrawal(world.cast.anna), AT).replace(b"anna@", b"bert@")


NOT_VERIFIED: dict[str, tuple[Callable[[World], bytes], str]] = {
    "altered after signing": (altered, "bad-signature"),
    "not signed": (lambda w: withdrawal(w.cast.anna).encode(), "not-one-block"),
    "signed by a stranger": (lambda w: w.signed(w.cast.mallory, withdrawal(w.cast.anna), AT), "unknown-signer"),
    "signed with SHA-1": (lambda w: w.cast.people.clearsign(w.cast.admin, withdrawal(w.cast.anna), AT, digest="SHA1"), "weak-hash"),
    "signed, but no statement": (lambda w: w.signed(w.cast.admin, "Please withdraw Anna.", AT), "no-statement"),
    "two signed texts in one": (lambda w: 2 * w.signed(w.cast.admin, withdrawal(w.cast.anna), AT), "not-one-signature"),
    "blanks that hide what gpg did not hash": (
        lambda w: w.signed(w.cast.admin, withdrawal(w.cast.anna), AT).replace(
            b"Email: anna@nl.example", b"Email: bert@nl.example" + b" " * 20000
        ),
        "bad-signature",
    ),
}


@pytest.mark.parametrize(("text", "reason"), NOT_VERIFIED.values(), ids=NOT_VERIFIED)
def test_what_the_two_engines_do_not_vouch_for_is_refused(peopled: World, text: Callable[[World], bytes], reason: str) -> None:
    """Nothing of a text counts before both engines have said who signed it."""
    with pytest.raises(Refused) as refused:
        peopled.submit(text(peopled), at=AT)
    assert refused.value.reason in (reason, "engines-differ"), refused.value


def test_a_signer_whose_key_expired_between_signing_and_entry(unfounded: World) -> None:
    """A link is judged as of the entry: signed in time and handed in too late is refused; renewed and sent along, it counts."""
    cast, people = unfounded.cast, unfounded.cast.people
    unfounded.found()
    lender = people.make("Lender", "lender@lu.example", at=BORN, expires="60d")
    ends = certificate_of(lender.certificate).primary.expires
    assert ends is not None
    unfounded.appoint(lender, "lu", ends - 10 * DAY)
    text = unfounded.signed(lender, attestation(cast.anna, TLD="lu"), ends - DAY)
    with pytest.raises(Refused, match=r"bad-signature|signer-not-valid"):
        unfounded.submit(text, cast.anna.certificate, at=ends + DAY)
    people.gpg("--quick-set-expire", lender.fingerprint, "3y", at=ends - DAY)
    people.gpg("--quick-set-expire", lender.fingerprint, "3y", "*", at=ends - DAY)
    done = unfounded.submit(text, cast.anna.certificate, people.export(lender.fingerprint), at=ends + DAY)
    assert [entry.type for entry in done.entries] == ["certificate", "certificate", "attest-ssc"]


def test_a_renewed_certificate_is_entered_once(peopled: World) -> None:
    """Sent again unchanged it is nothing new; with a new subkey it is entered; the older export changes nothing any more."""
    cast, people = peopled.cast, peopled.cast.people
    ines = people.make("Ines", "ines@nl.example", at=BORN)
    peopled.attest(cast.admin, ines, AT)
    with pytest.raises(Refused, match="nothing-new"):
        peopled.submit([], ines.certificate, at=AT)
    people.gpg("--quick-add-key", ines.fingerprint, "cv25519", "encr", "0", at=BASE)
    renewed = people.export(ines.fingerprint)
    (entry,) = peopled.submit([], renewed, at=AT).entries
    assert (entry.type, entry.subject, entry.signer, entry.part) == ("certificate", ines.fingerprint, "", 0)
    assert len(peopled.membership.certificates[ines.fingerprint].keys) == 3
    for again in (renewed, ines.certificate, ines.certificate + renewed):
        with pytest.raises(Refused, match="nothing-new"):
            peopled.submit([], again, at=AT)


def test_a_revoked_certificate_makes_its_member_unreachable(peopled: World) -> None:
    """A revocation enters the log as a certificate, stays, and ends neither membership nor the right to be told why."""
    cast, people = peopled.cast, peopled.cast.people
    eva = people.make("Eva", "eva@nl.example", at=BORN)
    peopled.attest(cast.admin, eva, AT)
    revoked = people.revoke(eva)
    peopled.submit([], revoked, at=AT)
    member = peopled.membership.member_by_key(eva.fingerprint, AT)
    assert member is not None and (member.state, member.why) == ("unreachable", "the key is revoked")
    with pytest.raises(Refused, match="nothing-new"):
        peopled.submit([], eva.certificate, at=AT)


def test_what_others_certified_does_not_grow_the_log(peopled: World) -> None:
    """A key-signing party, or a flood of foreign signatures, changes nothing in the certificate that the log keeps."""
    cast, people = peopled.cast, peopled.cast.people
    people.gpg("-u", cast.mallory.fingerprint, "--quick-sign-key", cast.carla.fingerprint, at=BASE)
    signed = people.export(cast.carla.fingerprint)
    assert len(dearmor(signed)) > len(dearmor(cast.carla.certificate))
    assert own_packets(dearmor(signed)) == own_packets(dearmor(cast.carla.certificate))
    with pytest.raises(Refused, match="nothing-new"):
        peopled.submit([], signed, at=AT)


def test_a_strangers_certificate_alone_is_nothing(peopled: World, unfounded: World) -> None:
    """Only certificates that a statement names, or that the log knows, enter it."""
    with pytest.raises(Refused, match="nothing-new"):
        peopled.submit([], peopled.cast.mallory.certificate, at=AT)
    with pytest.raises(Refused, match="not-founded"):
        unfounded.submit([], peopled.cast.anna.certificate, at=AT)
    with pytest.raises(Refused, match="empty"):
        unfounded.submit([], at=AT)


def adopted(people: People, victim: str) -> bytes:
    """Mallory's certificate with the victim's primary key moved in as a subkey: the packets are put together by hand."""
    stranger = read_packets(dearmor(people.export(people.make("Eve", f"eve-{victim[:6]}@evil.example", at=BORN).fingerprint)))
    key = read_packets(dearmor(people.export(victim)))[0]
    binding = next(p for i, p in enumerate(stranger) if p.tag == Tag.SIGNATURE and stranger[i - 1].tag == Tag.PUBLIC_SUBKEY)
    return b"".join(p.octets for p in stranger) + write_packet(Tag.PUBLIC_SUBKEY, key.body) + binding.octets


def test_a_certificate_that_adopts_a_members_key(peopled: World) -> None:
    """A certificate with a member's key for a subkey never enters the log with it: the member's signatures stay theirs."""
    cast = peopled.cast
    octets = adopted(cast.people, cast.anna.fingerprint)
    fingerprint = certificate_of(octets).fingerprint
    words = attestation(cast.dora, Key=fingerprint)
    signed = peopled.signed(cast.admin, words, AT)
    try:
        peopled.submit(signed, octets, at=AT)
    except Refused as refused:
        assert refused.reason == "key-of-another", refused
    else:
        assert all(key.fingerprint != cast.anna.fingerprint for key in peopled.membership.certificates[fingerprint].keys)
    peopled.submit(peopled.signed(cast.anna, withdrawal(cast.anna), AT), at=AT)


BAD_CERTIFICATES: dict[str, tuple[dict[str, str | None], str]] = {
    "no encryption subkey": ({"encryption": None}, "cannot-encrypt"),
    "expired": ({"expires": "10d"}, "expired"),
    "RSA-1024": ({"algorithm": "rsa1024"}, "weak-key"),
}


@pytest.mark.parametrize(("how", "reason"), BAD_CERTIFICATES.values(), ids=BAD_CERTIFICATES)
def test_a_certificate_that_cannot_serve_is_refused(peopled: World, how: dict[str, str], reason: str) -> None:
    """One clear refusal each, naming the line of the statement that wants it."""
    cast = peopled.cast
    frank = cast.people.make("Frank", f"frank-{reason}@nl.example", at=BORN, **how)
    with pytest.raises(Refused) as refused:
        peopled.submit(peopled.signed(cast.admin, attestation(frank), AT), frank.certificate, at=AT)
    assert refused.value.reason in (reason, "bad-certificate"), refused.value
    assert reason == "weak-key" or refused.value.detail.startswith("line 7: "), refused.value


def test_a_revoked_certificate_is_not_admitted(peopled: World) -> None:
    """Somebody whose certificate is revoked already does not become a member with it."""
    cast = peopled.cast
    greta = cast.people.make("Greta", "greta@nl.example", at=BORN)
    revoked = cast.people.revoke(greta)
    with pytest.raises(Refused, match=r"revoked: line 7: "):
        peopled.submit(peopled.signed(cast.admin, attestation(greta), AT), revoked, at=AT)


def test_a_secret_key_in_a_submission(peopled: World) -> None:
    """A secret key is refused, and the answer says so, whatever else is in the parcel."""
    cast = peopled.cast
    secret = cast.people.gpg("--armor", "--export-secret-keys", cast.dora.fingerprint)
    for file in (secret, dearmor(secret)):
        with pytest.raises(Refused, match="secret-key"):
            classify([file], no_mail)


def test_more_texts_than_fit(peopled: World) -> None:
    """The work that one submission can cause is bounded before any of it is done."""
    with pytest.raises(Refused, match="too-many-texts"):
        submit(Parcel((b"x",) * (MAX_TEXTS + 1)), peopled.membership, peopled.cast.anchor, AT, 3)
    with pytest.raises(Refused, match="too-many-certificates"):
        submit(Parcel((), (dearmor(peopled.cast.anna.certificate),) * 101), peopled.membership, peopled.cast.anchor, AT, 3)


def test_an_address_that_no_user_id_names_is_noted(peopled: World) -> None:
    """The statement binds address and certificate; that they do not name each other is said, and no more."""
    cast = peopled.cast
    done = peopled.submit(peopled.signed(cast.admin, attestation(cast.dora, Email="d@elsewhere.example"), AT), cast.dora.certificate, at=AT)
    assert "no user ID" in done.sentence and "d@elsewhere.example" in done.sentence


# --- files ------------------------------------------------------------------------------------------------------------


def no_mail(octets: bytes) -> tuple[list[bytes], list[bytes]]:
    raise AssertionError(f"taken for a mail: {octets[:60]!r}")


def test_files_are_told_apart_by_their_octets(cast: Cast) -> None:
    """Clearsigned, inline-signed and certificates, armoured or binary, alone or one after the other in a file."""
    clear, inline = cast.people.clearsign(cast.admin, "one"), cast.people.sign(cast.admin, "two", armor=False)
    ring = dearmor(cast.anna.certificate) + dearmor(cast.bert.certificate)
    files = [b"Some words above.\n\n" + clear + cast.dora.certificate, inline, ring, cast.people.sign(cast.admin, "three")]
    parcel = classify(files, no_mail)
    assert (len(parcel.signed), len(parcel.certificates)) == (3, 3)
    inside = cast.people.clearsign(cast.admin, cast.dora.certificate.decode())
    assert classify([inside], no_mail) == Parcel((inside,), ())


def test_mails_are_given_to_the_mail_reader(cast: Cast) -> None:
    """A whole mail, also from an mbox, goes to the reader of mails; what that finds goes into the parcel."""
    seen: list[bytes] = []

    def reader(octets: bytes) -> tuple[list[bytes], list[bytes]]:
        seen.append(octets)
        return [b"signed"], [cast.anna.certificate]

    mail = b"Received: by x\r\nFrom: a@b.example\r\n\r\n" + cast.people.clearsign(cast.admin, "one")
    parcel = classify([mail, b"From a@b.example Sun Nov 22\n" + mail], reader)
    assert seen == [mail, mail] and parcel.signed == (b"signed", b"signed") and len(parcel.certificates) == 2


NOT_FILES = {
    "nothing": (b"", "empty"),
    "white space": (b" \n\n", "empty"),
    "an unsigned statement": (b"Securelist-Statement: withdraw-ssc\nList: a@b.example\n", "not-signed"),
    "words": (b"hello", "not-recognised"),
    "zeros": (b"\0" * 100, "not-recognised"),
    "bytes like a packet": (b"\xff" * 100, "not-openpgp"),
    "a block cut short": (b"-----BEGIN PGP MESSAGE-----\n\nabc", "not-whole"),
    "a certificate cut short": (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEaaaa\n-----END PGP PUBLIC KEY BLOCK-----\n", "not-openpgp"),
    "more than fits": (b"x" * (MAX_OCTETS + 1), "too-large"),
}


@pytest.mark.parametrize(("file", "reason"), NOT_FILES.values(), ids=NOT_FILES)
def test_a_file_that_is_nothing_of_the_kind(file: bytes, reason: str) -> None:
    """One clear refusal, never a traceback."""
    with pytest.raises(Refused) as refused:
        classify([file], no_mail)
    assert refused.value.reason == reason, refused.value


def test_the_world_of_these_tests_lies_in_the_past(cast: Cast) -> None:
    """The engines judge as of the time they are given; were BASE in the future, every test here would pass for no reason."""
    assert NOW - 365 * DAY > AT > BORN and cast.anchor.list == LIST
    assert admission.read_certificate(dearmor(cast.anna.certificate)).primary.created == BORN
