"""What a stranger can make the list compute: nothing that was not counted and measured before an engine sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
from certification_forge import mpi
from costly import certificate, in_the_name_of, key, number, rsa, text_by
from people import Somebody
from trust_world import BASE, BORN, DAY, World, statement, withdrawal

from securelist.errors import Refused
from securelist.openpgp import gnupg
from securelist.openpgp.admission import admit, read_certificate
from securelist.openpgp.armor import dearmor
from securelist.openpgp.gnupg import good_signatures
from securelist.openpgp.key_size import MAX_BITS, MAX_DSA_BITS, MAX_EXPONENT_BITS, MAX_OTHER_OCTETS, MAX_POINT_BITS, check_keys
from securelist.openpgp.packets import Tag, read_packets, write_packet
from securelist.trust.certificates import FOR_KNOWN, MAX_OWN_SIGNATURES, MAX_SIGNATURES_OF_STRANGERS, own_packets
from securelist.trust.desk import MAX_CERTIFICATES_BY_NEW_KEYS, MAX_CERTIFICATIONS
from securelist.trust.submission import Parcel, submit

AT = BASE + 3 * DAY
P521 = bytes.fromhex("052b81040023")


def refusal(world: World, texts: Sequence[bytes], *certificates: bytes) -> Refused:
    """How a mail is refused; it must be, and not be tried again."""
    with pytest.raises(Refused) as refused:
        submit(Parcel(tuple(texts), certificates, mailed=True), world.membership, world.cast.anchor, AT, 3)
    return refused.value


# --- one key --------------------------------------------------------------------------------------------------------------

# The body of a key packet, the reason, and what the sentence must hold.
KEYS: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "RSA-16384": (lambda: rsa(16384), "key-too-large", "16384 bits, at most 8192"),
    "RSA, one bit more than is taken": (lambda: rsa(MAX_BITS + 1), "key-too-large", "RSA modulus"),
    "RSA whose exponent is as long as its modulus": (lambda: rsa(2048, 2048), "key-too-large", "RSA exponent has 2048 bits, at most 32"),
    "RSA, one bit more in its exponent": (lambda: rsa(2048, MAX_EXPONENT_BITS + 1), "key-too-large", "RSA exponent"),
    "DSA-4096": (lambda: key(17, *map(number, (4096, 256, 4096, 4096))), "key-too-large", "DSA prime"),
    "DSA with a large group": (lambda: key(17, *map(number, (MAX_DSA_BITS, 3000, 3000, 3000))), "key-too-large", "DSA group"),
    "ElGamal-16384": (lambda: key(16, *map(number, (16384, 3, 16384))), "key-too-large", "ElGamal prime"),
    "a point off every curve": (lambda: key(19, P521, number(MAX_POINT_BITS + 1)), "key-too-large", "point"),
    "a post-quantum one of 5000 octets": (lambda: key(35, bytes(MAX_OTHER_OCTETS + 1)), "key-too-large", "octets"),
    "of an algorithm for nothing": (lambda: key(99, number(2048)), "unknown-algorithm", "(99)"),
    "of version 5": (lambda: key(1, number(2048), number(17), version=5), "bad-key", "version"),
    "with more behind it": (lambda: rsa(2048) + b"\0", "bad-key", "damaged"),
    "cut short": (lambda: rsa(2048)[:-1], "bad-key", "damaged"),
    "without its numbers": (lambda: key(1), "bad-key", "damaged"),
    "on a curve without a name": (lambda: key(22), "bad-key", "damaged"),
    "ECDH without what follows the point": (lambda: key(18, P521, number(MAX_POINT_BITS)), "bad-key", "damaged"),
}


@pytest.mark.parametrize(("make", "reason", "words"), KEYS.values(), ids=KEYS)
def test_a_key_that_is_too_much_work(cast_certificate: bytes, make: Callable[[], bytes], reason: str, words: str) -> None:
    """Refused as a subkey of an ordinary certificate, wherever one comes in, and as a primary key."""
    octets = cast_certificate + write_packet(Tag.PUBLIC_SUBKEY, make())
    for way_in in (own_packets, read_certificate, lambda octets: admit(octets, AT)):
        with pytest.raises(Refused) as refused:
            way_in(octets)
        assert refused.value.reason == reason and words in refused.value.detail, refused.value
    with pytest.raises(Refused) as refused:
        check_keys(read_packets(write_packet(Tag.PUBLIC_KEY, make())))
    assert refused.value.reason == reason


@pytest.fixture
def cast_certificate(peopled: World) -> bytes:
    return dearmor(peopled.cast.dora.certificate)


ORDINARY: dict[str, Callable[[], bytes]] = {
    "RSA-8192": lambda: rsa(MAX_BITS, MAX_EXPONENT_BITS),
    "DSA-3072": lambda: key(17, *map(number, (3072, 256, 3072, 3072))),
    "ElGamal-4096": lambda: key(16, *map(number, (4096, 3, 4096))),
    "on P-521": lambda: key(19, P521, number(1059)),
    "ECDH on P-521": lambda: key(18, P521, number(1059), b"\3\1\x0a\x09"),
    "Ed25519": lambda: key(27, bytes(32)),
    "ML-KEM-1024 with X448": lambda: key(36, bytes(56 + 1568)),
    "of version 6": lambda: key(1, b"\0\0\1\x07", number(2048), number(17), version=6),
}


@pytest.mark.parametrize("make", ORDINARY.values(), ids=ORDINARY)
def test_a_key_as_people_have_them(make: Callable[[], bytes]) -> None:
    """What is in use anywhere passes, whatever else will be asked of it."""
    check_keys(read_packets(write_packet(Tag.PUBLIC_KEY, make())))


# --- one mail by nobody -----------------------------------------------------------------------------------------------------

MAILS: dict[str, tuple[Callable[[], tuple[bytes, int]], str]] = {
    "RSA-16384 with an exponent as long, nine signatures": (lambda: (rsa(16384, 16384), 9), "key-too-large"),
    "RSA-8192 with an exponent as long, five": (lambda: (rsa(8192, 8192), 5), "key-too-large"),
    "RSA-4096 with an exponent as long, two hundred": (lambda: (rsa(4096, 4096), 200), "key-too-large"),
    "RSA-4096, five hundred": (lambda: (rsa(4096), MAX_OWN_SIGNATURES), "too-many-signatures"),
    "RSA-8192, one more than is tried": (lambda: (rsa(8192), MAX_SIGNATURES_OF_STRANGERS + 1), "too-many-signatures"),
    "RSA-8192, as many as are tried": (lambda: (rsa(8192, MAX_EXPONENT_BITS), MAX_SIGNATURES_OF_STRANGERS), "bad-certificate"),
}


@pytest.mark.parametrize(("make", "reason"), MAILS.values(), ids=MAILS)
def test_a_text_by_a_costly_key(peopled: World, make: Callable[[], tuple[bytes, int]], reason: str) -> None:
    """A text that names a key, and its certificate: made of random numbers in no time, and refused as fast."""
    body, count = make()
    assert refusal(peopled, [text_by(body, AT)], certificate(body, count)).reason == reason


def test_what_takes_too_long_all_the_same() -> None:
    """GnuPG is stopped by the time that it computes, and it is a refusal: the same again tomorrow would take as long."""
    with pytest.raises(Refused, match="too-costly"):
        good_signatures(certificate(rsa(4096, 4096), 60), seconds=1)


def test_what_gnupg_crashes_over() -> None:
    """A DSA key of numbers that are no DSA key's ends GnuPG by a signal; that is no trouble of ours that may pass."""
    even = mpi(b"\x80" + bytes(31))
    body = key(17, number(2048), even, number(2040), number(2040))
    with pytest.raises(Refused, match="unreadable-by-gnupg"):
        own_packets(certificate(body, 1, values=(number(240), mpi(b"\x40" + bytes(29)))))


def test_five_hundred_are_looked_at_of_a_known_key(peopled: World) -> None:
    """Somebody's junk does not keep a member's own renewal out."""
    clean = dearmor(peopled.cast.anna.certificate)
    packets = read_packets(clean)
    junk = [_altered(packets[2].octets, i) for i in range(MAX_SIGNATURES_OF_STRANGERS)]
    octets = b"".join((*(packet.octets for packet in packets[:3]), *junk, *(packet.octets for packet in packets[3:])))
    assert own_packets(octets, FOR_KNOWN) == own_packets(clean)
    assert refusal(peopled, [], octets).reason == "nothing-new"
    with pytest.raises(Refused, match="too-many-signatures"):
        own_packets(octets)


def _altered(octets: bytes, count: int) -> bytes:
    return octets[:-2] + count.to_bytes(2, "big")


# --- certifications -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What GnuPG is asked about certificates from now on, in one word each; it does it as ever."""
    asked: list[str] = []
    run = gnupg.Gpg.run

    def counted(self: gnupg.Gpg, args: Sequence[str], *more: object) -> gnupg.Outcome:
        asked.extend(word for word in args if word in ("--check-sigs", "--list-keys"))
        return run(self, args, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(gnupg.Gpg, "run", counted)
    yield asked


def certified(world: World, who: Somebody, count: int) -> bytes:
    """Somebody's certificate with so many certifications in the Admin Contact's name, who made none of them."""
    packets = read_packets(dearmor(who.certificate))
    junk = in_the_name_of(world.cast.admin.fingerprint, rsa(2048), count, AT - 60)
    return b"".join((*(packet.octets for packet in packets[:3]), *junk, *(packet.octets for packet in packets[3:])))


def test_more_certifications_than_are_looked_at(peopled: World, runs: list[str]) -> None:
    """Anybody can write an Admin Contact's name; counted before anything is tried."""
    octets = certified(peopled, peopled.cast.dora, MAX_CERTIFICATIONS + 1)
    assert refusal(peopled, [], octets).reason == "too-many-certifications"
    halves = [certified(peopled, who, MAX_CERTIFICATIONS // 2 + 1) for who in (peopled.cast.dora, peopled.cast.mallory)]
    assert refusal(peopled, [], *halves).reason == "too-many-certifications"
    assert runs == []


def test_a_certificate_is_read_once_for_all_its_certifications(peopled: World, runs: list[str]) -> None:
    """Each certification costs one process of GnuPG, the certificate two; nothing of it comes in."""
    octets = certified(peopled, peopled.cast.dora, MAX_CERTIFICATIONS)
    assert refusal(peopled, [], octets).reason == "bad-certification"
    assert runs == ["--check-sigs", "--list-keys", *["--check-sigs"] * MAX_CERTIFICATIONS]


def test_a_certificate_is_refused_once_for_all_its_certifications(peopled: World, runs: list[str]) -> None:
    """One that GnuPG finds nothing good in is not tried again for the next certification."""
    body = rsa(8192)
    foreign = in_the_name_of(peopled.cast.admin.fingerprint, body, MAX_CERTIFICATIONS, AT - 60)
    octets = certificate(body, MAX_SIGNATURES_OF_STRANGERS, *foreign)
    assert refusal(peopled, [], octets).reason == "bad-certificate"
    assert runs == ["--check-sigs"]


# --- several -------------------------------------------------------------------------------------------------------------------


def holding(who: Somebody, *others: Somebody) -> bytes:
    """Somebody's certificate with others' primary keys behind it, as subkeys that nobody bound."""
    keys = [read_packets(dearmor(other.certificate))[0].body for other in others]
    return dearmor(who.certificate) + b"".join(write_packet(Tag.PUBLIC_SUBKEY, body) for body in keys)


def test_texts_by_new_keys_come_with_few_certificates(peopled: World) -> None:
    """Whoever asks twice, and lets many certificates hold the same key, is stopped."""
    cast = peopled.cast
    others = [cast.people.make(f"Holder {i}", f"holder{i}@nl.example", at=BORN) for i in range(MAX_CERTIFICATES_BY_NEW_KEYS)]
    rings = [dearmor(cast.dora.certificate), holding(others[0], cast.dora), *(holding(other, cast.mallory) for other in others[1:])]
    request = statement("request-membership", TLD="nl", Name="Dora", Email=cast.dora.address, Key=cast.dora.fingerprint)
    texts = [peopled.signed(cast.dora, request, AT), peopled.signed(cast.mallory, withdrawal(cast.dora), AT)]
    assert refusal(peopled, texts, *rings).reason == "too-many-certificates"
