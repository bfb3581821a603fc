"""Step 6: one pass for every kind of key, and who gets no session-key packet, and why."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass

import pysequoia
import pytest
from forge import adopt, by_hand, revoke_subkey
from people import People, Somebody
from trust_world import DAY, certificate_of

from securelist.errors import Refused
from securelist.mail.protection import Protected
from securelist.openpgp.admission import admit
from securelist.openpgp.armor import dearmor
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.list_key import ListKey
from securelist.openpgp.packets import Tag, read_packets, recipient_of
from securelist.openpgp.pgpy_ import ThrowAwayKey
from securelist.openpgp.signed import read_combined, verify
from securelist.post.step6_seal import Sealed, Sealer

LONG_AGO = int(time.time()) - 400 * DAY
MAIL = Protected(b"Subject: [...]\r\n", b'Content-Type: text/plain; charset="utf-8"\r\n\r\ncanary-seal gr\xc3\xbc\xc3\x9fe\r\n')

CV25519, PQC = pysequoia.CipherSuite.Cv25519, pysequoia.CipherSuite.MLDSA65_Ed25519
V4, V6 = pysequoia.Profile.RFC4880, pysequoia.Profile.RFC9580
ML_KEM = pysequoia.EncryptionAlgorithm.MLKEM768_X25519


def now() -> int:
    return int(time.time())


@dataclass(frozen=True)
class Reader:
    """Somebody to seal for, and their secret key to open it with."""

    certificate: Certificate
    secret: pysequoia.Tsk | None = None
    cctld: str = "nl"

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint

    @property
    def emails(self) -> tuple[str, ...]:
        return (f"{self.fingerprint.lower()}@nl.example",)

    @property
    def encryption_keys(self) -> list[str]:
        return [key.key_id for key in self.certificate.keys if "e" in key.capabilities]

    def open(self, message: bytes) -> bytes:
        """The content; raises RuntimeError when this key does not open it."""
        assert self.secret is not None
        return pysequoia.decrypt(message, self.secret.decryptor()).bytes or b""


def of_gnupg(people: People, algorithm: str) -> Reader:
    who = people.make("Reader", f"{algorithm}@seal.example", algorithm)
    secret = people.gpg("--armor", "--export-secret-keys", who.fingerprint)
    return Reader(admit(dearmor(who.certificate), now()), pysequoia.Tsk.from_bytes(secret))


def of_sequoia(profile: pysequoia.Profile, suite: pysequoia.CipherSuite, encryption: pysequoia.EncryptionAlgorithm | None = None) -> Reader:
    secret = pysequoia.Tsk.generate("Reader <reader@seal.example>", profile=profile, cipher_suite=suite, encryption_algorithm=encryption)
    return Reader(by_hand(secret.extract_certificate()), secret)


@pytest.fixture(scope="module")
def readers(people: People) -> dict[str, Reader]:
    """One of each kind of key that a member may have, now or once GnuPG can read them."""
    return {
        "RSA-3072": of_gnupg(people, "rsa3072"),
        "Ed25519/X25519": of_gnupg(people, "ed25519"),
        "NIST P-256": of_gnupg(people, "nistp256"),
        "version 6": of_sequoia(V6, CV25519),
        "version 4 with ML-KEM-768": of_sequoia(V4, CV25519, ML_KEM),
        "version 6 with ML-DSA-65 and ML-KEM-768": of_sequoia(V6, PQC),
    }


@pytest.fixture(scope="module")
def sealer(list_key: ListKey) -> Sealer:
    return Sealer(list_key, ThrowAwayKey())


def seal(sealer: Sealer, *certificates: Certificate) -> Sealed:
    members = [Reader(certificate) for certificate in certificates]
    return sealer.seal(MAIL, members, {c.fingerprint: c for c in certificates}, now())


def wrapped_for(sealed: Sealed) -> dict[str, list[str]]:
    """The key IDs that each recipient's session-key packets are for."""
    copies = {copy.fingerprint: copy.key_packets for copy in sealed.copies}
    return {name: [recipient_of(packet) for packet in read_packets(packets)] if packets else [] for name, packets in copies.items()}


# --- one pass for every kind of key ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sealed(sealer: Sealer, readers: dict[str, Reader]) -> Sealed:
    return seal(sealer, *(reader.certificate for reader in readers.values()))


KINDS = ("RSA-3072", "Ed25519/X25519", "NIST P-256", "version 6", "version 4 with ML-KEM-768", "version 6 with ML-DSA-65 and ML-KEM-768")
each_kind = pytest.mark.parametrize("kind", KINDS)


def copy_of(sealed: Sealed, reader: Reader) -> bytes:
    [copy] = [copy for copy in sealed.copies if copy.fingerprint == reader.fingerprint]
    assert not copy.unreachable
    return copy.key_packets + sealed.body


@each_kind
def test_every_kind_of_key_opens_its_own_copy(
    people: People, list_key: ListKey, sealed: Sealed, readers: dict[str, Reader], kind: str
) -> None:
    """What it gets is the very content that the list signed: the signature inside the one body verifies over it."""
    content = readers[kind].open(copy_of(sealed, readers[kind]))
    assert content == MAIL.payload
    inside = read_combined(people.gpg("--decrypt", "--unwrap", data=copy_of(sealed, readers["RSA-3072"])))
    verified = verify(dataclasses.replace(inside, content=content), [certificate_of(list_key.certificate())], now())
    assert (verified.signer, verified.content) == (list_key.fingerprint, content)


@each_kind
def test_a_copy_has_one_session_key_packet_and_it_is_its_owners(sealed: Sealed, readers: dict[str, Reader], kind: str) -> None:
    """Nobody else's packet is in it, and none hides for whom it is; the body has none."""
    assert wrapped_for(sealed)[readers[kind].fingerprint] == readers[kind].encryption_keys
    assert len(readers[kind].encryption_keys) == 1
    assert [packet.tag for packet in read_packets(sealed.body)] == [Tag.SEIPD]


@each_kind
def test_nobody_opens_anothers_copy(sealed: Sealed, readers: dict[str, Reader], kind: str) -> None:
    """Each of the other keys fails on it."""
    for other in readers.values():
        if other is not readers[kind]:
            with pytest.raises(RuntimeError):
                other.open(copy_of(sealed, readers[kind]))


def test_a_copy_for_each_address(sealer: Sealer, readers: dict[str, Reader]) -> None:
    """A member with two addresses gets the same session-key packet twice, and no other body."""

    class TwoAddresses(Reader):
        emails = ("one@nl.example", "two@nl.example")

    reader = TwoAddresses(readers["NIST P-256"].certificate)
    first, second = sealer.seal(MAIL, [reader], {reader.fingerprint: reader.certificate}, now()).copies
    assert (first.recipient, second.recipient) == TwoAddresses.emails
    assert first.key_packets == second.key_packets


def test_every_mail_has_a_session_key_of_its_own(sealer: Sealer, readers: dict[str, Reader]) -> None:
    """The packets of one mail do not open the body of another."""
    reader = readers["Ed25519/X25519"]
    first, second = seal(sealer, reader.certificate), seal(sealer, reader.certificate)
    with pytest.raises(RuntimeError):
        reader.open(first.copies[0].key_packets + second.body)


# --- who gets no packet, and why ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reachable(readers: dict[str, Reader]) -> Reader:
    return readers["Ed25519/X25519"]


def aged(people: People, name: str, **how: str | None) -> Somebody:
    return people.make(name, f"{name.replace(' ', '-').lower()}@seal.example", at=LONG_AGO, **how)


def expired_subkey(people: People, name: str = "Expired subkey") -> bytes:
    who = aged(people, name, encryption=None)
    people.gpg("--quick-add-key", who.fingerprint, "cv25519", "encr", "30d", at=LONG_AGO)
    return people.export(who.fingerprint)


UNREACHABLE = {
    "the certificate has expired": (lambda people: aged(people, "Expired", expires="30d").certificate, "the key has expired"),
    "the certificate is revoked": (lambda people: people.revoke(aged(people, "Revoked")), "the key is revoked"),
    "the encryption subkey has expired": (expired_subkey, "no encryption subkey that is valid now"),
    "the encryption subkey is revoked": (lambda people: revoke_subkey(people, aged(people, "Revoked subkey")), "no encryption subkey"),
    "there is no encryption subkey": (lambda people: aged(people, "Signs only", encryption=None).certificate, "no encryption subkey"),
}


@pytest.mark.parametrize(("make", "why"), UNREACHABLE.values(), ids=UNREACHABLE)
def test_who_has_no_usable_key_gets_a_row_that_says_so(people: People, sealer: Sealer, reachable: Reader, make, why: str) -> None:
    """No packet is wrapped, although Sequoia would; the row says why; the others get theirs."""
    certificate = certificate_of(make(people))
    copies = {copy.fingerprint: copy for copy in seal(sealer, certificate, reachable.certificate).copies}
    assert copies[certificate.fingerprint].key_packets == b""
    assert why in copies[certificate.fingerprint].unreachable
    assert copies[reachable.fingerprint].key_packets
    assert not copies[reachable.fingerprint].unreachable


def test_only_the_subkeys_that_are_valid_now_get_a_packet(people: People, sealer: Sealer) -> None:
    """Beside an expired encryption subkey, a valid one: one packet, for the valid one."""
    before = certificate_of(expired_subkey(people, "Renewed"))
    people.gpg("--quick-add-key", before.fingerprint, "cv25519", "encr", "0")
    certificate = certificate_of(people.export(before.fingerprint))
    [added] = set(certificate.keys) - set(before.keys)
    assert wrapped_for(seal(sealer, certificate)) == {before.fingerprint: [added.key_id]}


def test_two_encryption_subkeys_get_two_packets(people: People, sealer: Sealer) -> None:
    """A member with a key on each of two machines reads the copy on both."""
    who = people.make("Two subkeys", "two-subkeys@seal.example")
    people.gpg("--quick-add-key", who.fingerprint, "rsa3072", "encr", "0")
    certificate = certificate_of(people.export(who.fingerprint))
    sealed = seal(sealer, certificate)
    assert sorted(wrapped_for(sealed)[who.fingerprint]) == sorted(key.key_id for key in certificate.keys[1:])
    for packet in read_packets(sealed.copies[0].key_packets):
        assert people.gpg("--decrypt", data=packet.octets + sealed.body) == MAIL.payload


# A thief's certificate holds a victim's subkey; what he adopts it for decides whether Sequoia makes a packet for it.
THEFTS = {"an X25519 subkey to encrypt to": ("ed25519", ""), "an RSA subkey to sign with": ("rsa3072", "E")}


@pytest.mark.parametrize(("algorithm", "toggle"), THEFTS.values(), ids=THEFTS)
def test_who_adopts_a_members_subkey_takes_nothing_from_them(people: People, sealer: Sealer, algorithm: str, toggle: str) -> None:
    """Whoever comes first in the list: the victim's copy has the victim's packet, and both can be opened."""
    thief = aged(people, f"Thief {algorithm}")
    victim = people.make("Victim", f"victim-{algorithm}@seal.example", algorithm, at=LONG_AGO + DAY)
    theirs, mine = certificate_of(adopt(people, thief, victim, 1, toggle)), certificate_of(victim.certificate)
    for order in ([theirs, mine], [mine, theirs]):
        sealed = seal(sealer, *order)
        assert wrapped_for(sealed)[victim.fingerprint] == [mine.keys[1].key_id]
        assert wrapped_for(sealed)[thief.fingerprint]
        assert not any(copy.unreachable for copy in sealed.copies)


@pytest.mark.parametrize("octets", [b"", b"\xc6\x01x"], ids=["a certificate that only signs", "octets that are no certificate"])
def test_sequoia_failing_for_one_does_not_stop_the_others(people: People, sealer: Sealer, reachable: Reader, octets: bytes) -> None:
    """A certificate in the log that Sequoia does not take any more: its owner's row says so, and nobody else notices."""
    signs_only = certificate_of(aged(people, f"Displeasing {len(octets)}", encryption=None).certificate)
    listed = (signs_only.primary, dataclasses.replace(reachable.certificate.keys[1], key_id="0123456789ABCDEF"))
    displeasing = dataclasses.replace(signs_only, octets=octets or signs_only.octets, keys=listed)
    assert displeasing.can_encrypt(now())
    sealed = seal(sealer, displeasing, reachable.certificate)
    copies = {copy.fingerprint: copy for copy in sealed.copies}
    assert copies[displeasing.fingerprint].unreachable == "Sequoia does not encrypt to this certificate"
    assert reachable.open(copies[reachable.fingerprint].key_packets + sealed.body) == MAIL.payload


# --- admission ---------------------------------------------------------------------------------------------------------


def test_a_version_6_certificate_is_refused_with_advice(readers: dict[str, Reader]) -> None:
    """GnuPG 2.2 cannot read it, so both engines cannot agree on it: admission says so."""
    for kind in ("version 6", "version 6 with ML-DSA-65 and ML-KEM-768"):
        with pytest.raises(Refused) as refused:
            admit(readers[kind].certificate.octets, now())
        assert refused.value.reason == "unreadable-by-gnupg"
        assert "send a version 4 one" in refused.value.detail


def test_a_version_4_certificate_with_an_ml_kem_subkey_is_admitted(sealer: Sealer, readers: dict[str, Reader]) -> None:
    """GnuPG 2.2 does not know such a subkey, Sequoia does: its owner posts by the one and receives by the other."""
    reader = readers["version 4 with ML-KEM-768"]
    admitted = admit(reader.certificate.octets, now())
    assert [key.key_id for key in admitted.keys_for("e", now())] == reader.encryption_keys
    sealed = seal(sealer, admitted)
    assert reader.open(sealed.copies[0].key_packets + sealed.body) == MAIL.payload
