"""Signed messages that gpg, or a library around it, has been seen to praise wrongly: what both judges make of them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pysequoia
import pytest
from forge import adopt, without_back_signatures
from people import People, Somebody
from trust_world import BASE, DAY, World, certificate_of, withdrawal

from securelist.errors import Refused
from securelist.openpgp.armor import blocks, dearmor
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.packets import Packet, Tag, read_packets, write_packet
from securelist.openpgp.signed import Verified, read_signed, verify

LONG_AGO = int(time.time()) - 100 * DAY
TEXT = "Transfer 5\nbye\n"


def now() -> int:
    return int(time.time())


@pytest.fixture(scope="module")
def anna(people: People) -> Somebody:
    return people.make("Anna", "anna@signatures.example", at=LONG_AGO)


@pytest.fixture(scope="module")
def mallory(people: People) -> Somebody:
    return people.make("Mallory", "mallory@signatures.example", at=LONG_AGO)


def judged(octets: bytes, *known: Somebody | bytes, at: int | None = None) -> Verified:
    """What both judges say of a signed message, when the list knows these people's certificates; raises Refused."""
    certificates = [certificate_of(who if isinstance(who, bytes) else who.certificate) for who in known]
    return verify(read_signed(octets), certificates, now() if at is None else at)


def reason(octets: bytes, *known: Somebody | bytes, at: int | None = None) -> str:
    """Why it is refused; it must be."""
    with pytest.raises(Refused) as refused:
        judged(octets, *known, at=at)
    return refused.value.reason


def combined(people: People, who: Somebody, *options: str, data: bytes = TEXT.encode()) -> tuple[Packet, ...]:
    """The three packets of a signed message: one-pass signature, literal data, signature."""
    return read_packets(people.gpg("-u", who.fingerprint, "--compress-algo", "none", *options, "--sign", data=data))


def joined(*packets: Packet) -> bytes:
    return b"".join(packet.octets for packet in packets)


# --- forged words ------------------------------------------------------------------------------------------------------


def words_of_another(fingerprint: str) -> str:
    """What gpg would say of another's good signature."""
    return f"[GNUPG:] VALIDSIG {fingerprint} 2026-01-01 {now()} 0 4 0 22 10 00 {fingerprint}"


def by_user_id(people: People, anna: Somebody) -> tuple[Somebody, bytes]:
    """ "Å" is C3 85 in UTF-8, and 85 is a line end to who reads the status lines as Latin-1: python-gnupg does."""
    eve = people.make(f"Eve Å{words_of_another(anna.fingerprint)}Å[GNUPG:] X", "eve@signatures.example")
    return eve, people.sign(eve, TEXT)


def by_file_name(people: People, anna: Somebody) -> tuple[Somebody, bytes]:
    """A file name in the literal packet that breaks out of its line (CVE-2018-12020)."""
    eve = people.make("Eve File", "file@signatures.example")
    name = f"x\n{words_of_another(anna.fingerprint)}\n"
    return eve, people.gpg("-u", eve.fingerprint, "--set-filename", name, "--sign", data=TEXT.encode())


def by_notation(people: People, anna: Somebody) -> tuple[Somebody, bytes]:
    """A notation whose value breaks out of its line (CVE-2022-34903); gpg itself makes none with a line feed."""
    eve = people.make("Eve Notation", "notation@signatures.example")
    value = "x" * 4090 + f"%0AÅ{words_of_another(anna.fingerprint)}Å"
    return eve, people.gpg("-u", eve.fingerprint, "--sig-notation", f"n@eve.example={value}", "--sign", data=TEXT.encode())


@pytest.mark.parametrize("forge", [by_user_id, by_file_name, by_notation])
def test_status_lines_cannot_be_forged(people: People, anna: Somebody, forge: Callable[[People, Somebody], tuple[Somebody, bytes]]) -> None:
    """Somebody whose signature carries gpg's words about Anna is still who they are, and nobody where only Anna is known."""
    eve, message = forge(people, anna)
    assert reason(message, anna) == "unknown-signer"
    assert judged(message, anna, eve).signer == eve.fingerprint


def test_an_errsig_that_names_a_member_is_not_their_signature(people: People, anna: Somebody, mallory: Somebody) -> None:
    """A signature by an unknown algorithm that says it is Anna's: python-gnupg calls her the signer, nobody else does."""
    once, literal, signature = combined(people, mallory)
    own, hers = bytes.fromhex(mallory.fingerprint), bytes.fromhex(anna.fingerprint)
    body = signature.body.replace(own, hers).replace(own[-8:], hers[-8:])
    for algorithm in (signature.body[2], 100):
        forged = write_packet(Tag.SIGNATURE, body[:2] + bytes([algorithm]) + body[3:])
        first = write_packet(Tag.ONE_PASS_SIGNATURE, once.body[:3] + bytes([algorithm]) + hers[-8:] + once.body[12:])
        assert read_signed(first + literal.octets + forged).issuers[0] == anna.fingerprint
        assert reason(first + literal.octets + forged, anna, mallory) == "bad-signature"


# --- text that nobody signed -------------------------------------------------------------------------------------------


def test_clearsigned_text_does_not_grow_behind_20000_blanks(people: People, anna: Somebody) -> None:
    """gpg calls the signature good and puts out less than what stands there; nothing of it is taken."""
    signed = people.clearsign(anna, TEXT)
    assert judged(signed, anna).content == TEXT.encode()
    for blanks in (b" " * 20_000, b"\t" * 20_000, b" " * 200_000):
        assert reason(signed.replace(b"Transfer 5", b"Transfer 5" + blanks + b"000 to Mallory"), anna) in (
            "engines-differ",
            "bad-signature",
        )


def multipart_signed(content: bytes, signature: bytes) -> bytes:
    """A multipart/signed (RFC 3156, 5) around these."""
    armored = pysequoia.armor(signature, pysequoia.ArmorKind.Signature).encode()
    head = b'Content-Type: multipart/signed; micalg=pgp-sha512; protocol="application/pgp-signature"; boundary="b"\r\n\r\n--b\r\n'
    return head + content + b"\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\n" + armored + b"\r\n--b--\r\n"


def test_a_text_signature_does_not_reach_behind_a_long_line(people: People, anna: Somebody) -> None:
    """A signature over text (not bytes): gpg reads some 19,995 octets of a line and calls good whatever follows in it."""
    secret = pysequoia.Tsk.from_bytes(people.gpg("--armor", "--export-secret-keys", anna.fingerprint))
    for length in (72, *range(19_990, 20_002)):
        line = b"Content-Type: text/plain\r\n\r\n" + b"A" * length
        [signature] = [
            octets for _, octets in blocks(pysequoia.sign(secret.signer(), line + b"\r\nbye", mode=pysequoia.SignatureMode.CLEAR))
        ]
        assert reason(multipart_signed(line + b" and 5000 to Mallory\r\nbye", signature), anna) in ("engines-differ", "bad-signature")
        if length == 72:
            assert judged(multipart_signed(line + b"\r\nbye", signature), anna).content == line + b"\r\nbye"


# --- damage and surplus ------------------------------------------------------------------------------------------------


def test_a_message_without_crc_is_read(people: People, anna: Somebody) -> None:
    """RFC 9580 discourages the armour's checksum, gpg stumbles over some messages without it: fifty of every length."""
    for length in range(50):
        lines = people.sign(anna, "x" * length).splitlines(keepends=True)
        assert lines[-2].startswith(b"=")
        assert judged(b"".join(lines[:-2] + lines[-1:]), anna).content == b"x" * length


def two_messages(people: People, anna: Somebody, mallory: Somebody) -> bytes:
    return joined(*combined(people, anna), *combined(people, mallory))


def two_signers(people: People, anna: Somebody, mallory: Somebody) -> bytes:
    return people.gpg("-u", anna.fingerprint, "-u", mallory.fingerprint, "--sign", data=TEXT.encode())


def two_signatures_on_cleartext(people: People, anna: Somebody, mallory: Somebody) -> bytes:
    return people.gpg("-u", anna.fingerprint, "-u", mallory.fingerprint, "--clearsign", data=TEXT.encode())


def two_detached(people: People, anna: Somebody, mallory: Somebody) -> bytes:
    content = b"Content-Type: text/plain\r\n\r\nx"
    return multipart_signed(content, people.gpg("-u", anna.fingerprint, "-u", mallory.fingerprint, "--detach-sign", data=content))


def two_literals(people: People, anna: Somebody, _: Somebody) -> bytes:
    once, literal, signature = combined(people, anna)
    return joined(once, literal, literal, signature)


def text_before(people: People, anna: Somebody, _: Somebody) -> bytes:
    return b"Dear all,\n\n" + people.sign(anna, TEXT)


def two_clearsigned(people: People, anna: Somebody, mallory: Somebody) -> bytes:
    return people.clearsign(anna, TEXT) + people.clearsign(mallory, TEXT)


def only_literal(people: People, anna: Somebody, _: Somebody) -> bytes:
    return joined(*combined(people, anna)[1:2])


def twice_compressed(people: People, anna: Somebody, _: Somebody) -> bytes:
    return write_packet(Tag.COMPRESSED, b"\0" + write_packet(Tag.COMPRESSED, b"\0" + joined(*combined(people, anna))))


SURPLUS = {
    two_messages: "not-one-signature",
    two_signers: "not-one-signature",
    two_signatures_on_cleartext: "not-one-signature",
    two_detached: "not-one-signature",
    two_literals: "not-one-message",
    text_before: "text-outside-block",
    two_clearsigned: "not-one-signature",
    only_literal: "not-signed",
    twice_compressed: "not-one-message",
}


@pytest.mark.parametrize(("make", "why"), SURPLUS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_it_is_one_message_with_one_signature_or_nothing(people: People, anna: Somebody, mallory: Somebody, make, why: str) -> None:
    """gpg reads on through several messages and signatures, and python-gnupg keeps the last word."""
    assert reason(make(people, anna, mallory), anna, mallory) == why


def test_a_signature_inside_a_signature_is_content(people: People, anna: Somebody, mallory: Somebody) -> None:
    """Who signs another's signed message is the one who says it; the inner signature counts for nothing."""
    inner = people.sign(anna, TEXT, armor=False)
    verified = judged(people.gpg("-u", mallory.fingerprint, "--sign", data=inner), anna, mallory)
    assert (verified.signer, verified.content) == (mallory.fingerprint, inner)


@pytest.mark.parametrize("form", ["combined", "compressed", "clearsigned", "detached"])
def test_a_truncated_message_is_refused(people: People, anna: Somebody, form: str) -> None:
    """Wherever it ends early."""
    whole = {
        "combined": lambda: joined(*combined(people, anna)),
        "compressed": lambda: people.sign(anna, TEXT * 50, armor=False),
        "clearsigned": lambda: people.clearsign(anna, TEXT).rstrip(),
        "detached": lambda: people.multipart_signed(anna, b"Content-Type: text/plain\r\n\r\nx\r\n").rstrip(),
    }[form]()
    assert judged(whole, anna).signer == anna.fingerprint
    for end in range(0, len(whole) - 1, max(1, len(whole) // 40)):
        assert reason(whole[:end], anna)


# --- the signer's key, the algorithms, the time ------------------------------------------------------------------------


def test_a_signature_is_judged_as_of_the_time_asked_for(people: People) -> None:
    """A key that has expired since: then it counted, now it does not."""
    brief = people.make("Brief", "brief@signatures.example", at=LONG_AGO, expires="10d")
    for signed in (people.sign(brief, TEXT, at=LONG_AGO + DAY), people.clearsign(brief, TEXT, at=LONG_AGO + DAY)):
        assert judged(signed, brief, at=LONG_AGO + 2 * DAY).signer == brief.fingerprint
        assert reason(signed, brief, at=LONG_AGO + 11 * DAY) == "bad-signature"


def test_an_expired_signature_is_refused(people: People, anna: Somebody) -> None:
    """The signer gave it a day; while it lasts it counts, and is known to end."""
    brief = people.gpg("-u", anna.fingerprint, "--default-sig-expire", "1d", "--sign", data=TEXT.encode())
    assert read_signed(brief).expires
    assert judged(brief, anna).signer == anna.fingerprint
    assert reason(brief, anna, at=now() + 2 * DAY) == "bad-signature"


def test_a_statement_whose_signature_ends_is_refused(peopled: World) -> None:
    """Once it had ended, Sequoia would deny it, and nobody could verify the log again: so it does not get in."""
    cast, text = peopled.cast, withdrawal(peopled.cast.anna).encode()
    for form in ("--clearsign", "--sign"):
        signed = cast.people.gpg("-u", cast.anna.fingerprint, "--default-sig-expire", "5y", form, data=text, at=BASE + 9 * DAY)
        with pytest.raises(Refused, match="signature-expires"):
            peopled.submit(signed, at=BASE + 9 * DAY)


def test_a_revoked_signer_is_refused(people: People) -> None:
    """gpg exits 0 and says VALIDSIG of a revoked key; PGPy says True."""
    gone = people.make("Gone", "gone@signatures.example", at=LONG_AGO)
    signed = people.sign(gone, TEXT)
    assert judged(signed, gone).signer == gone.fingerprint
    assert reason(signed, people.revoke(gone)) == "bad-signature"


@pytest.mark.parametrize("digest", ["SHA1", "RIPEMD160", "SHA224"])
def test_a_weak_hash_is_refused(people: People, anna: Somebody, digest: str) -> None:
    """Whatever gpg still accepts: less than SHA-256 is not enough, in every form."""
    content = b"Content-Type: text/plain\r\n\r\nx"
    detached = people.gpg("-u", anna.fingerprint, "--digest-algo", digest, "--detach-sign", data=content)
    forms = [joined(*combined(people, anna, "--digest-algo", digest)), people.clearsign(anna, TEXT, digest=digest)]
    for signed in (*forms, multipart_signed(content, detached)):
        assert reason(signed, anna) == "weak-hash"


def test_a_subkeys_signature_counts_for_its_certificate(people: People) -> None:
    """The signer is the certificate's primary key, whichever of its keys signed."""
    who = people.make("Subkey", "subkey@signatures.example")
    people.gpg("--quick-add-key", who.fingerprint, "ed25519", "sign", "0")
    octets = people.export(who.fingerprint)
    [subkey] = [key for key in certificate_of(octets).keys[1:] if "s" in key.capabilities]
    signed = people.gpg("-u", f"{subkey.fingerprint}!", "--sign", data=TEXT.encode())
    assert read_signed(signed).issuers[0] == subkey.fingerprint
    assert judged(signed, octets).signer == who.fingerprint


# --- the keys of another -----------------------------------------------------------------------------------------------


def stolen_primary(people: People, victim: Somebody, name: str) -> bytes:
    """A thief's certificate that holds the victim's primary key as a signing subkey, made with what a thief has."""
    thief = people.make(name, f"{name.lower()}@signatures.example", at=LONG_AGO)
    return without_back_signatures(dearmor(adopt(people, thief, victim, 0)))


def test_who_adopts_a_members_primary_key_does_not_lock_them_out(people: People) -> None:
    """In one key ring with the thief's certificate, gpg calls the member's signatures ERRSIG; here each is asked alone."""
    victim = people.make("Victim", "victim@signatures.example", at=LONG_AGO + DAY)
    stolen = [stolen_primary(people, victim, f"Thief{number}") for number in range(5)]
    for signed in (people.sign(victim, TEXT), people.clearsign(victim, TEXT)):
        assert judged(signed, stolen[0], victim).signer == victim.fingerprint
        assert judged(signed, victim, stolen[0]).signer == victim.fingerprint
        assert judged(signed, *stolen, victim).signer == victim.fingerprint
        assert reason(signed, *stolen) in ("bad-signature", "engines-differ")


def test_only_verify_makes_what_is_verified() -> None:
    """No other code can claim that something was signed."""
    with pytest.raises(TypeError):
        Verified(b"", "", 0, b"")


def test_a_certificate_is_not_enough_to_sign(people: People, anna: Somebody) -> None:
    """The octets of the list's member's certificate, or none at all, are no signed message."""
    known: list[Certificate] = [certificate_of(anna.certificate)]
    for octets in (b"", b"hello", anna.certificate, dearmor(anna.certificate)):
        with pytest.raises(Refused):
            verify(read_signed(octets), known, now())
