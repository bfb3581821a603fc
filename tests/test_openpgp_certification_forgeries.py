"""Certifications that were moved, altered, forged, or made by a key that may not: each refused for its reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from certification_forge import (
    AT,
    BORN,
    CREATED,
    MADE,
    Ring,
    altered,
    certified_evidence,
    current,
    forged,
    genuine,
    issuer,
    issuer_fingerprint,
    moved,
    notation,
    ring_of,
    signature,
    subpacket,
    user_id,
    with_other_value,
)
from forge import adopt
from people import People
from trust_world import DAY, certificate_of

from securelist.errors import Refused
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.certification import (
    Certification,
    read_certification,
    read_certifications,
    verify,
)


@pytest.fixture(scope="module")
def ring(people: People) -> Ring:
    return ring_of(people)


Forgery = Callable[[Ring], Certification]

FORGERIES: dict[str, tuple[Forgery, str]] = {
    "moved to another user ID": (lambda r: moved(genuine(r), r.anna, "anna <anna@elsewhere.example>"), "bad-certification"),
    "moved to another certificate": (lambda r: moved(genuine(r), r.bert, user_id(r.anna)), "bad-certification"),
    "on a user ID that the certificate does not have": (lambda r: forged(r, named="anna <anna@evil.example>"), "bad-certification"),
    "of another's certificate": (lambda r: forged(r, about=r.bert, named=user_id(r.bert)), "bad-certification"),
    "another ccTLD written into it": (lambda r: altered(genuine(r), b"orgnl", b"orgbr"), "bad-certification"),
    "the type changed": (lambda r: altered(genuine(r), b"\4\x10\x16\x08", b"\4\x30\x16\x08"), "bad-certification"),
    "another time written into it": (
        lambda r: altered(genuine(r), CREATED, subpacket(2, (MADE + 1).to_bytes(4, "big"))),
        "bad-certification",
    ),
    "another signature value": (lambda r: with_other_value(genuine(r)), "bad-certification"),
    "SHA-1": (lambda r: forged(r, algorithm=2), "weak-hash"),
    "SHA-1, from before it was given up": (
        lambda r: forged(r, algorithm=2, hashed=subpacket(2, (1_400_000_000).to_bytes(4, "big")) + issuer(r.admin)),
        "weak-hash",
    ),
    "SHA-224": (lambda r: forged(r, algorithm=11), "weak-hash"),
    "by a stranger": (lambda r: forged(r, key=r.mallory_key, hashed=CREATED + issuer_fingerprint(r.mallory)), "bad-certification"),
    "by a stranger who names another in what is not signed": (
        lambda r: forged(r, key=r.mallory_key, hashed=CREATED, unhashed=issuer(r.admin)),
        "bad-certification",
    ),
    "by a stranger who names another in what is signed": (lambda r: forged(r, key=r.mallory_key), "bad-certification"),
    "fingerprint and key ID name different people": (
        lambda r: forged(r, hashed=CREATED + issuer(r.mallory) + issuer_fingerprint(r.admin)),
        "engines-differ",
    ),
    "something in it must be understood": (
        lambda r: forged(r, hashed=CREATED + issuer_fingerprint(r.admin) + subpacket(0x80 | 100, b"x")),
        "engines-differ",
    ),
    "a notation of somebody else's must be understood": (
        lambda r: forged(r, hashed=CREATED + issuer_fingerprint(r.admin) + subpacket(0x80 | 20, notation("a@b.example", "nl")[2:])),
        "engines-differ",
    ),
    "made before the key": (
        lambda r: forged(r, hashed=subpacket(2, (BORN - DAY).to_bytes(4, "big")) + issuer_fingerprint(r.admin)),
        "engines-differ",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_refused(ring: Ring, name: str) -> None:
    """Each for one plain reason; what differs from it in nothing else is good."""
    make, reason = FORGERIES[name]
    certifier, subject = certificate_of(ring.admin.certificate), current(ring.people, ring.anna)
    verify(genuine(ring), certifier, subject, AT)
    with pytest.raises(Refused) as refused:
        verify(make(ring), certifier, subject, AT)
    assert refused.value.reason == reason


def by_a_subkey(ring: Ring) -> tuple[Certification, Certificate]:
    """Mallory made it with her primary key, which somebody else's certificate holds as a subkey."""
    thief = ring.people.make("Thief", "thief@certifications.example", at=BORN - DAY)
    stolen = certificate_of(adopt(ring.people, thief, ring.mallory, 0))
    return forged(ring, key=ring.mallory_key, hashed=CREATED + issuer_fingerprint(ring.mallory)), stolen


def test_only_the_primary_key_certifies(ring: Ring) -> None:
    """A certificate that holds the key as a subkey is not the certifier's; whose primary key it is, is."""
    found, stolen = by_a_subkey(ring)
    subject = current(ring.people, ring.anna)
    assert verify(found, certificate_of(ring.mallory.certificate), subject, AT).signer == ring.mallory.fingerprint
    with pytest.raises(Refused, match=r"^bad-certification"):
        verify(found, stolen, subject, AT)


def test_nobody_certifies_themselves(ring: Ring) -> None:
    """Not by a self-signature, and not by naming nobody's certificate but the own one."""
    itself = certificate_of(ring.admin.certificate)
    assert read_certifications(itself.octets) == ()
    own = signature(ring.admin_key, ring.admin, user_id(ring.admin), CREATED + issuer(ring.admin))
    with pytest.raises(Refused, match="by somebody else"):
        verify(read_certification(certified_evidence(ring.admin, own)), itself, itself, AT)
