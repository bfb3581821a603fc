"""Certifications of user IDs as gpg and sq make them, what is read of them, and what is kept as evidence."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from dataclasses import replace

import pytest
from certification_forge import (
    AT,
    BORN,
    CREATED,
    MADE,
    NAME,
    NOW,
    Ring,
    certified,
    certify,
    current,
    forged,
    genuine,
    issuer,
    issuer_fingerprint,
    notation,
    primary,
    ring_of,
    signature,
    subpacket,
    user_id,
    value_of,
    with_other_value,
)
from people import People
from trust_world import DAY, certificate_of

from securelist.errors import Refused
from securelist.openpgp.armor import dearmor
from securelist.openpgp.certification import (
    MAX_CERTIFICATIONS,
    VerifiedCertification,
    read_certification,
    read_certifications,
    verify,
)
from securelist.openpgp.packets import Tag, read_packets, write_packet

UMLAUT, CJK = "Jürgen Åström", "漢字 かな"


@pytest.fixture(scope="module")
def ring(people: People) -> Ring:
    return ring_of(people)


# --- what people make -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["ed25519", "rsa2048", "nistp256", "rsa4096", "nistp384"])
@pytest.mark.parametrize("name", ["plain", UMLAUT, CJK])
def test_a_certification_by_gpg_is_found_good(people: People, algorithm: str, name: str) -> None:
    """Whatever the certifier's algorithm and the script of the name, both engines agree, and the facts are gpg's."""
    by = people.make("Certifier", "by@certifications.example", algorithm, at=BORN, encryption=None)
    whom = people.make(name, "whom@certifications.example", at=BORN)
    [found] = certify(people, by, whom, "--default-cert-expire", "30d")
    verified = verify(found, current(people, by), current(people, whom), AT)
    assert (verified.signer, verified.key, verified.certification) == (by.fingerprint, by.fingerprint, found)
    assert (found.subject, found.user_id) == (whom.fingerprint, f"{name} <whom@certifications.example>")
    assert (found.revokes, found.made, found.expires) == (False, MADE, MADE + 30 * DAY)
    assert found.notations == ((NAME, "nl"),)
    assert found.issuers == (by.fingerprint, by.fingerprint[-16:])
    assert read_certification(found.octets) == found


@pytest.mark.parametrize(
    ("options", "expected"),
    {
        "without end": ((), [(None, ((NAME, "nl"),))]),
        "a year": (("--default-cert-expire", "1y"), [(MADE + 365 * DAY, ((NAME, "nl"),))]),
        "two notations": (("--cert-notation", "a@b.example=Ü"), [(None, (("a@b.example", "Ü"), (NAME, "nl")))]),
        "a critical notation": (("--cert-notation", "!cctld@other.example=nl"), [(None, (("cctld@other.example", "nl"), (NAME, "nl")))]),
        "long hash": (("--cert-digest-algo", "SHA512"), [(None, ((NAME, "nl"),))]),
    }.values(),
)
def test_what_gpg_is_told_is_what_is_read(ring: Ring, options: tuple[str, ...], expected: list[object]) -> None:
    """Ends, notations in their order, also one that says it must be understood: all verify."""
    whom = ring.people.make("Told", "told@certifications.example", at=BORN)
    found = certify(ring.people, ring.admin, whom, *options)
    assert [(c.expires, c.notations) for c in found] == expected
    for certification in found:
        verify(certification, current(ring.people, ring.admin), current(ring.people, whom), AT)


def test_a_local_certification_is_nobody_elses_business(ring: Ring) -> None:
    """gpg does not export one; who exports it all the same shows nothing with it (RFC 9580, 5.2.3.19)."""
    whom, people = ring.people.make("Local", "local@certifications.example", at=BORN), ring.people
    people.gpg("-u", ring.admin.fingerprint, "--cert-notation", f"{NAME}=nl", "--quick-lsign-key", whom.fingerprint, at=MADE)
    assert read_certifications(dearmor(people.export(whom.fingerprint))) == ()
    forced = people.gpg("--export-options", "export-local-sigs", "--export", whom.fingerprint)
    assert len(read_packets(forced)) == len(read_packets(dearmor(people.export(whom.fingerprint)))) + 1
    assert read_certifications(forced) == ()


def test_taking_it_back_is_read_as_that(ring: Ring) -> None:
    """What gpg's --quick-revoke-sig leaves is one certification and its revocation, each good by itself; so is one made anew."""
    whom, people = ring.people.make("Revoked", "revoked@certifications.example", at=BORN), ring.people
    certify(people, ring.admin, whom)
    people.gpg("--quick-revoke-sig", whom.fingerprint, ring.admin.fingerprint, at=MADE + DAY)
    certify(people, ring.admin, whom, at=MADE + 2 * DAY)
    found = read_certifications(dearmor(people.export(whom.fingerprint)))
    assert sorted((c.made, c.revokes) for c in found) == [(MADE, False), (MADE + DAY, True), (MADE + 2 * DAY, False)]
    for certification in found:
        verify(certification, current(people, ring.admin), current(people, whom), AT)
    assert len({certification.text for certification in found}) == 3


def test_both_user_ids_are_certified_one_by_one(ring: Ring) -> None:
    """gpg signs them all; each certification is about one, and a user ID that is revoked later can be taken back only."""
    people, whom = ring.people, ring.people.make("Two", "two@certifications.example", at=BORN)
    people.gpg("--quick-add-uid", whom.fingerprint, "Two <two@elsewhere.example>", at=BORN)
    found = {c.user_id: c for c in certify(people, ring.admin, whom)}
    assert set(found) == {"Two <two@certifications.example>", "Two <two@elsewhere.example>"}
    people.gpg("--quick-revoke-uid", whom.fingerprint, "Two <two@elsewhere.example>", at=MADE + DAY)
    people.gpg("--quick-revoke-sig", whom.fingerprint, ring.admin.fingerprint, at=MADE + 2 * DAY)
    subject, certifier = current(people, whom), current(people, ring.admin)
    verify(found["Two <two@certifications.example>"], certifier, subject, AT)
    with pytest.raises(Refused, match=r"bad-certification.*revoked"):
        verify(found["Two <two@elsewhere.example>"], certifier, subject, AT)
    for certification in read_certifications(subject.octets):
        if certification.revokes:
            verify(certification, certifier, subject, AT)


def test_a_certification_by_sq_is_found_good(ring: Ring) -> None:
    """`sq certify` writes new packets, critical dates, a notation that is not for people, and its issuer where it is signed."""
    files = [ring.people.home / name for name in ("by", "whom")]
    files[0].write_bytes(ring.people.gpg("--armor", "--export-secret-keys", ring.admin.fingerprint))
    files[1].write_bytes(ring.bert.certificate)
    command = ["sq", "certify", "--notation", NAME, "nl", "--expires-in", "1d", *map(str, files), user_id(ring.bert)]
    octets = dearmor(subprocess.run(command, capture_output=True, check=True).stdout)
    [found] = read_certifications(octets)
    verify(found, certificate_of(ring.admin.certificate), certificate_of(octets), NOW + 60)
    assert (found.notations, found.issuers) == (((NAME, "nl"),), (ring.admin.fingerprint, ring.admin.fingerprint[-16:]))
    assert found.expires is not None and 0 <= found.expires - found.made - DAY < 2


@pytest.mark.parametrize("at", [MADE - DAY, MADE, NOW, NOW + 900 * DAY])
@pytest.mark.parametrize("gone", ["alive", "expired", "revoked"])
def test_neither_dates_nor_the_certifiers_life_are_judged(people: People, gone: str, at: int) -> None:
    """Whether it was made by somebody is one question, whether that counts then another: engines do not answer that."""
    by = people.make("Gone", "gone@certifications.example", at=BORN, expires="20d" if gone == "expired" else "0")
    whom = people.make("Stays", "stays@certifications.example", at=BORN)
    [found] = certify(people, by, whom, "--default-cert-expire", "1d")
    if gone == "revoked":
        people.revoke(by)
    verify(found, current(people, by), current(people, whom), at)


# --- what is the same, and what is not read ---------------------------------------------------------------------------


def test_what_anybody_can_change_makes_no_other_certification(ring: Ring) -> None:
    """The same octets of evidence whatever stands in the unhashed area; the same text though the signature's value differs."""
    hashed = CREATED + issuer_fingerprint(ring.admin) + notation(NAME, "nl")
    first = genuine(ring)
    for unhashed in (b"", issuer(ring.mallory), issuer_fingerprint(ring.mallory), subpacket(100, b"x" * 90), notation(NAME, "br"), b"\xff"):
        assert forged(ring, hashed=hashed, unhashed=unhashed) == first
    other = with_other_value(first)
    assert other.text == first.text and other.octets != first.octets
    different = [
        forged(ring, hashed=hashed + subpacket(3, bytes(4))),
        forged(ring, hashed=hashed, kind=0x13),
        forged(ring, hashed=hashed, about=ring.bert),
        forged(ring, hashed=hashed, named="anna <anna@elsewhere.example>"),
    ]
    assert len({certification.text for certification in (first, *different)}) == 5


def test_an_issuer_that_is_not_signed_is_taken_as_a_hint(ring: Ring) -> None:
    """Old software names the key ID only, outside of what is signed: the first that is there counts, and verifies."""
    certifier, subject = certificate_of(ring.admin.certificate), current(ring.people, ring.anna)
    for unhashed in (issuer(ring.admin), issuer_fingerprint(ring.admin), issuer(ring.admin) + issuer(ring.mallory)):
        found = forged(ring, hashed=CREATED, unhashed=unhashed)
        assert found.issuers == (ring.admin.fingerprint[-16:],)
        verify(found, certifier, subject, AT)


def unread(ring: Ring) -> Iterable[bytes]:
    """Signatures behind Anna's user ID that are not worth a word."""

    def one(hashed: bytes, **how: int) -> bytes:
        return signature(ring.mallory_key, ring.anna, user_id(ring.anna), hashed, **how)

    named = CREATED + issuer(ring.mallory)
    yield one(named, kind=0x18)
    yield one(CREATED)  # by nobody
    yield one(issuer(ring.mallory))  # at no time
    yield one(CREATED + issuer(ring.anna))
    yield one(named + subpacket(2, b"\1"), kind=0x1F)
    yield one(subpacket(2, b"\1") + issuer(ring.mallory))
    yield one(named + subpacket(3, b"\1"))
    yield one(named + subpacket(4, b"\0"))
    yield one(named + b"\x05")
    yield one(named + b"\x09\x14abc")
    yield one(named + b"\xff\xff\xff\xff\xff\x14")
    yield one(named + b"".join(subpacket(100, b"x" * 180) for _ in range(100)))
    good = read_packets(one(named))[0].body
    for length in (0, 1, 2, 5, 6, 9, 12, 22):
        yield write_packet(Tag.SIGNATURE, good[:length])
    yield write_packet(Tag.SIGNATURE, b"\6" + good[1:])
    yield write_packet(Tag.SIGNATURE, b"\3\5" + good[1:])


def test_what_nobody_could_verify_is_left_out(ring: Ring) -> None:
    """Junk between two good certifications hides neither, and none of it raises."""
    good = [
        signature(ring.admin_key, ring.anna, user_id(ring.anna), CREATED + issuer(ring.admin) + notation(NAME, value))
        for value in ("nl", "br")
    ]
    junk = list(unread(ring))
    for one in junk:
        assert read_certifications(certified(ring.anna, user_id(ring.anna), one)) == ()
    found = read_certifications(certified(ring.anna, user_id(ring.anna), good[0], *junk, good[1]))
    assert [certification.notations for certification in found] == [((NAME, "nl"),), ((NAME, "br"),)]


def test_a_name_that_could_be_taken_for_another_is_left_out(ring: Ring) -> None:
    """User IDs that are not UTF-8, or hold the sign for that; photographs, subkeys; notations that people cannot read."""
    one = signature(ring.admin_key, ring.anna, user_id(ring.anna), CREATED + issuer(ring.admin))
    key = primary(ring.anna).octets
    for tag, body in (
        (Tag.USER_ID, b"J\xfcrgen"),
        (Tag.USER_ID, "J\ufffdrgen".encode()),
        (Tag.USER_ATTRIBUTE, b"x"),
        (Tag.PUBLIC_SUBKEY, b"x"),
    ):
        assert read_certifications(key + write_packet(tag, body) + one) == ()
    assert read_certifications(key + one) == ()
    unreadable = [b"\0\0\0\0\0\1\0\1ab", b"\x80\0\0\0\0\1\0\2ab", b"\x80\0\0\0\0\1\0\1\xffb", b"\x80\0\0", b"\x80\0\0\0\xff\xff\xff\xffab"]
    found = forged(ring, hashed=CREATED + issuer(ring.admin) + b"".join(subpacket(20, body) for body in unreadable) + notation("a", "b"))
    assert found.notations == (("a", "b"),)


def test_a_flood_of_certifications_is_read_up_to_a_limit(ring: Ring) -> None:
    """A certificate of nothing but strangers' signatures costs a second at most."""
    one = signature(ring.mallory_key, ring.anna, user_id(ring.anna), CREATED + issuer(ring.mallory))
    start = time.monotonic()
    assert len(read_certifications(certified(ring.anna, user_id(ring.anna), *[one] * 1500))) == MAX_CERTIFICATIONS
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("octets", [b"", b"hello", b"\xc6\x03abc", b"\xcd\x03abc", b"\xc5\x03abc"])
def test_what_is_no_certificate_is_refused(octets: bytes) -> None:
    """Or is more than one; a key that nobody knows how to read has no certifications."""
    if octets == b"\xc6\x03abc":
        assert read_certifications(octets) == ()
        octets += octets
    with pytest.raises(Refused):
        read_certifications(octets)


# --- the evidence -----------------------------------------------------------------------------------------------------


def test_evidence_has_one_form_only(ring: Ring) -> None:
    """Other framing, another order, something more, something less: none of it is what the log keeps."""
    whole = genuine(ring).octets
    key, name, signed = read_packets(whole)
    old = bytes((0x98, len(key.body)))
    longer = signed.body[: 6 + int.from_bytes(signed.body[4:6], "big")] + b"\0\0" + signed.body[-68:]
    others = [
        b"",
        b"x",
        whole[:-1],
        whole + b"\0",
        whole + write_packet(Tag.TRUST, b""),
        whole + signed.octets,
        old + key.body + name.octets + signed.octets,
        name.octets + key.octets + signed.octets,
        key.octets + signed.octets,
        key.octets + name.octets + write_packet(Tag.SIGNATURE, longer),
        key.octets + name.octets + write_packet(Tag.SIGNATURE, b"\4"),
        key.octets + name.octets + write_packet(Tag.SIGNATURE, b""),
        write_packet(Tag.PUBLIC_SUBKEY, key.body) + name.octets + signed.octets,
        write_packet(Tag.PUBLIC_KEY, b"") + name.octets + signed.octets,
        write_packet(Tag.PUBLIC_KEY, b"\4" * 70_000) + name.octets + signed.octets,
        key.octets + write_packet(Tag.USER_ID, b"x" * 70_000) + signed.octets,
    ]
    for octets in others:
        with pytest.raises(Refused, match=r"^bad-evidence"):
            read_certification(octets)


def test_a_flipped_bit_in_the_evidence_shows(ring: Ring) -> None:
    """Everywhere but in the two octets that only speed up looking (RFC 9580, 5.2.3); never a traceback."""
    whole = genuine(ring)
    certifier, subject = certificate_of(ring.admin.certificate), current(ring.people, ring.anna)
    hint = len(whole.octets) - len(value_of(whole.octets))
    for place in (place for place in range(0, len(whole.octets), 5) if place not in (hint, hint + 1)):
        octets = bytearray(whole.octets)
        octets[place] ^= 0x10
        with pytest.raises(Refused):
            verify(read_certification(bytes(octets)), certifier, subject, AT)


def test_what_is_said_of_the_octets_must_be_in_them(ring: Ring) -> None:
    """A certification that somebody filled in otherwise than it was read proves nothing."""
    certifier, subject, true = certificate_of(ring.admin.certificate), current(ring.people, ring.anna), genuine(ring)
    for lie in ({"user_id": "x"}, {"made": MADE + 1}, {"expires": NOW}, {"notations": ((NAME, "br"),)}, {"revokes": True}, {"text": ""}):
        with pytest.raises(Refused, match=r"^bad-evidence"):
            verify(replace(true, **lie), certifier, subject, AT)  # type: ignore[arg-type]


def test_only_verify_makes_what_is_verified(ring: Ring) -> None:
    """No other code can claim that somebody certified something."""
    with pytest.raises(TypeError):
        VerifiedCertification(genuine(ring), ring.admin.fingerprint, ring.admin.fingerprint)
