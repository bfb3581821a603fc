"""What one participant, or one accident, could do to the log for good: make it unprovable, bloat it, or take a key that is another's."""

from __future__ import annotations

import itertools
import json
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pgpy
import pysequoia
import pytest
from people import Somebody
from pgpy.constants import EllipticCurveOID, HashAlgorithm, KeyFlags, PubKeyAlgorithm, SymmetricKeyAlgorithm
from town import Town
from trust_world import BASE, BORN, DAY, LIST, NOW, World, appointment, attestation, certificate_of, withdrawal

from securelist.errors import Refused
from securelist.openpgp.admission import MAX_CERTIFICATE_OCTETS
from securelist.openpgp.armor import dearmor
from securelist.openpgp.packets import Packet, Tag, read_packets, write_packet
from securelist.openpgp.signed import read_signed
from securelist.trust.certificates import FOR_KNOWN, MAX_OWN_SIGNATURES, own_packets
from securelist.trust.export import MAX_LINE_OCTETS, Link, write_export
from securelist.trust.proof import Proof, prove, replay_until
from securelist.trust.silence import MAX_TEXT_OCTETS

AT = BASE + 3 * DAY
_numbers = itertools.count(1)


def refusal(world: World, signed: bytes, *certificates: bytes, at: int = AT) -> Refused:
    before = world.membership
    with pytest.raises(Refused) as refused:
        world.submit(signed, *certificates, at=at)
    assert world.membership is before
    return refused.value


def proof_of(world: World, *roots: bytes) -> Proof:
    octets = write_export(LIST, world.cast.list_key, [world.cast.list_key.certificate()], world.log, NOW)
    return prove(octets, roots or (world.cast.root.certificate, world.cast.root2.certificate), NOW)


def make(world: World, name: str) -> Somebody:
    """Somebody new, whose key a test may change."""
    return world.cast.people.make(name, f"{name.lower()}-{next(_numbers)}@nl.example", at=BORN)


# --- one text that no export could carry ------------------------------------------------------------------------------


def of_size(world: World, size: int) -> bytes:
    """A withdrawal by Carla, inline-signed and compressed, whose evidence has this many octets."""
    cast, text, filling = world.cast, withdrawal(world.cast.carla).encode() + b"\n", size
    for _ in range(20):  # gpg frames what it reads in pieces, and now and then a signature is an octet shorter
        signed = cast.people.sign(cast.carla, text + b"A" * filling, at=AT, armor=False)
        too_much = len(read_signed(signed).octets) - size
        if not too_much:
            return signed
        filling -= too_much
    raise AssertionError(f"no text of {size} octets came out")


def test_a_text_that_unpacks_to_more_than_an_export_could_carry(peopled: World) -> None:
    """Two kilobytes on the wire, one octet too many in the log: refused before anybody verifies the signature."""
    large = of_size(peopled, MAX_TEXT_OCTETS + 1)
    assert refusal(peopled, large).reason == "text-too-large"
    assert len(large) < 2_000
    nobodys = peopled.cast.people.sign(peopled.cast.mallory, b"A" * MAX_TEXT_OCTETS, at=AT)
    assert refusal(peopled, nobodys).reason == "text-too-large"


def test_the_largest_text_and_certificate_are_exported_and_proved(peopled: World) -> None:
    """Whatever is accepted fits into a line of the export."""
    peopled.submit(of_size(peopled, MAX_TEXT_OCTETS), at=AT)
    proof = proof_of(peopled)
    assert proof.valid and proof.entries == len(peopled.log), proof.problems
    assert max(MAX_TEXT_OCTETS, MAX_CERTIFICATE_OCTETS) * 4 // 3 + 1000 < MAX_LINE_OCTETS


# --- trust roots that were renewed or revoked -------------------------------------------------------------------------


@pytest.fixture
def rooted(unfounded: World) -> World:
    """A list whose one trust root has a key of its own, an Admin Contact for .nl and Anna."""
    root = make(unfounded, "Root")
    world = World(replace(unfounded.cast, root=root, root2=root))
    text = f"Securelist-Statement: found-list\nList: {LIST}\nKey: {world.cast.list_key.fingerprint}\nRoot: {root.fingerprint}\n"
    world.submit(world.signed(root, text, BASE), at=BASE)
    world.appoint(world.cast.admin, "nl", BASE + DAY)
    world.attest(world.cast.admin, world.cast.anna, BASE + 2 * DAY)
    return world


def revoked(world: World, who: Somebody, reason: int, at: int) -> bytes:
    """The certificate, binary, with a revocation made at `at` for a reason as gpg numbers them."""
    answers = f"y\n{reason}\n\ny\n".encode()
    how = ("--no-batch", "--pinentry-mode", "loopback", "--command-fd", "0", "--gen-revoke", who.fingerprint)
    revocation = dearmor(world.cast.people.gpg(*how, data=answers, at=at))
    first, *rest = (packet.octets for packet in read_packets(dearmor(who.certificate)))
    return b"".join((first, revocation, *rest))


NO_REASON, COMPROMISED, SUPERSEDED, RETIRED = range(4)


@pytest.mark.parametrize("options", [(), ("--export-options", "export-minimal"), ("--export-options", "export-clean")])
def test_a_root_that_renewed_its_key_proves_the_log_as_before(rooted: World, options: tuple[str, ...]) -> None:
    """A renewed certificate may hold the newest self-signature only; the log has the one that held when the root signed."""
    root, people = rooted.cast.root, rooted.cast.people
    people.gpg("--quick-set-expire", root.fingerprint, "3y", at=NOW - DAY)
    assert proof_of(rooted, root.certificate).valid
    proof = proof_of(rooted, people.gpg(*options, "--armor", "--export", root.fingerprint))
    assert proof.valid, proof.problems


def test_a_renewed_root_brings_its_certificate_into_the_log(rooted: World) -> None:
    """What an installation's own file knows of a root, a verifier with an older file must find in the log."""
    root, people = rooted.cast.root, rooted.cast.people
    people.gpg("--quick-set-expire", root.fingerprint, "3y", at=AT - DAY)
    changed = World(replace(rooted.cast, root=replace(root, certificate=people.export(root.fingerprint))), rooted.membership, rooted.log)
    done = changed.submit(changed.signed(root, withdrawal(changed.cast.anna), AT), at=AT)
    assert [entry.type for entry in done.entries] == ["certificate", "withdraw-ssc"]
    assert done.entries[0].subject == root.fingerprint
    assert proof_of(changed, root.certificate).valid


@pytest.mark.parametrize(("reason", "valid"), [(RETIRED, True), (SUPERSEDED, True), (COMPROMISED, False), (NO_REASON, False)])
def test_a_root_that_is_revoked_after_it_signed(rooted: World, reason: int, valid: bool) -> None:
    """Retiring voids nothing that was signed before; compromised, or for no reason given, proves nothing any more."""
    root = rooted.cast.root
    assert proof_of(rooted, revoked(rooted, root, reason, NOW - DAY)).valid is valid
    assert not proof_of(rooted, revoked(rooted, root, reason, BASE - DAY)).valid


@pytest.mark.parametrize("reason", [RETIRED, COMPROMISED])
def test_a_revocation_counts_whoever_knows_of_it(rooted: World, reason: int) -> None:
    """The root's own file or the log: what either knows ends the root's right to post and to state."""
    cast = rooted.cast
    gone = certificate_of(revoked(rooted, cast.root, reason, AT - DAY))
    anchor, fingerprint = replace(cast.anchor, roots=(gone,)), cast.root.fingerprint
    later = replace(rooted.membership, certificates={**rooted.membership.certificates, fingerprint: gone})
    for knowing, membership in ((anchor, rooted.membership), (cast.anchor, later), (anchor, later)):
        assert knowing.signers(membership)[fingerprint].primary.revoked
        known_then = reason == RETIRED or membership is later
        assert knowing.signers(membership, AT)[fingerprint].can_sign(AT) is not known_then
    changed = World(replace(cast, root=replace(cast.root, certificate=gone.octets)), rooted.membership, rooted.log)
    assert "revoked" in refusal(changed, rooted.signed(cast.root, withdrawal(cast.anna), AT)).detail


# --- certificates made to do harm -------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """PGPy warns of much that it does not judge; here it only makes keys."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def pgpy_key(subkey: pgpy.PGPKey | None = None, ends: timedelta | None = None, subkey_ends: timedelta | None = None) -> Somebody:
    """Eve, made by PGPy: with this key as her encryption subkey, or self-signatures that end by themselves."""
    address = f"eve-{next(_numbers)}@nl.example"
    key = pgpy.PGPKey.new(PubKeyAlgorithm.EdDSA, EllipticCurveOID.Ed25519)
    how = {"hashes": [HashAlgorithm.SHA256], "ciphers": [SymmetricKeyAlgorithm.AES256], "expires": ends}
    key.add_uid(pgpy.PGPUID.new("Eve", email=address), usage={KeyFlags.Sign, KeyFlags.Certify}, **how)
    usage = {KeyFlags.EncryptCommunications}
    if subkey is None:
        key.add_subkey(pgpy.PGPKey.new(PubKeyAlgorithm.ECDH, EllipticCurveOID.Curve25519), usage=usage, expires=subkey_ends)
    else:
        key._children[subkey.fingerprint.keyid] = subkey
        subkey._parent = key
        subkey |= key.bind(subkey, usage=usage)
    return Somebody("Eve", address, str(key.fingerprint).replace(" ", ""), str(key.pubkey).encode())


def attested(world: World, eve: Somebody) -> Refused | None:
    """What an attestation of Eve, who was made just now, is refused for."""
    at = int(time.time())
    signed = world.signed(world.cast.admin, attestation(eve), at)
    try:
        world.submit(signed, eve.certificate, at=at)
    except Refused as refused:
        return refused
    return None


def test_a_key_by_pgpy_is_admitted_as_it_is(peopled: World) -> None:
    """So that what the next tests see is refused for the one thing that is wrong with it."""
    peopled.submit(peopled.signed(peopled.cast.admin, withdrawal(peopled.cast.bert), AT), at=AT)
    assert attested(peopled, pgpy_key()) is None


@pytest.mark.parametrize("ends", [{"ends": timedelta(days=1)}, {"subkey_ends": timedelta(days=1)}], ids=["user ID", "subkey"])
def test_a_certificate_that_falls_apart_by_itself(peopled: World, ends: dict[str, timedelta]) -> None:
    """A self-signature with an end would make the log unreadable the day after."""
    refused = attested(peopled, pgpy_key(**ends))
    assert refused is not None and refused.reason == "self-signature-expires" and refused.detail.startswith("line 7: "), refused


def test_a_certificate_with_the_lists_own_key_for_a_subkey(peopled: World) -> None:
    """Its copies would be encrypted to the list, which then could open its own queue."""
    the_list, _ = pgpy.PGPKey.from_blob(peopled.cast.list_key.certificate())
    refused = attested(peopled, pgpy_key(next(iter(the_list.subkeys.values()))))
    assert refused is not None and refused.reason == "key-of-another", refused


def test_a_certificate_with_the_encryption_subkey_of_somebody_yet_to_come(peopled: World) -> None:
    """Whoever adopts it first does not keep its owner out: it is not by an encryption subkey that anybody is told apart."""
    cast = peopled.cast
    peopled.submit(peopled.signed(cast.admin, withdrawal(cast.bert), AT), at=AT)
    doras, _ = pgpy.PGPKey.from_blob(cast.dora.certificate)
    assert attested(peopled, pgpy_key(next(iter(doras.subkeys.values())))) is None
    assert attested(peopled, cast.dora) is None
    proof = proof_of(peopled)
    assert proof.valid and "dora@nl.example" in {member.emails[0] for member in proof.members}, proof.problems


def signature(packets: tuple[Packet, ...]) -> int:
    """The place of the first self-signature."""
    return next(place for place, packet in enumerate(packets) if packet.tag == Tag.SIGNATURE)


def forged(good: Packet, number: int) -> bytes:
    body = bytearray(good.body)
    body[-20] ^= 1 + number % 255
    body[-21] ^= number // 255
    return write_packet(Tag.SIGNATURE, bytes(body))


def with_more_unhashed(good: Packet, number: int) -> bytes:
    """The same signature with 10 kB of private use in the area that it does not cover."""
    body, start = good.body, 6 + int.from_bytes(good.body[4:6], "big")
    length = int.from_bytes(body[start : start + 2], "big")
    more = b"\xff" + (10_001).to_bytes(4, "big") + bytes([100]) + number.to_bytes(2, "big") * 5_000
    end = start + 2 + length
    return write_packet(Tag.SIGNATURE, body[:start] + (length + len(more)).to_bytes(2, "big") + body[start + 2 : end] + more + body[end:])


@pytest.mark.parametrize(("junk", "count"), [(forged, 300), (with_more_unhashed, 20)])
def test_junk_in_the_owners_name_does_not_get_in(peopled: World, junk: Callable[[Packet, int], bytes], count: int) -> None:
    """Anybody can make signatures that only claim to be the owner's, or write into what a signature does not cover."""
    clean = dearmor(peopled.cast.anna.certificate)
    packets = read_packets(clean)
    place = signature(packets)
    poisoned = b"".join(
        packet.octets + (b"".join(junk(packet, i) for i in range(count)) if at == place else b"") for at, packet in enumerate(packets)
    )
    assert len(poisoned) > 40_000
    assert own_packets(poisoned, FOR_KNOWN) == own_packets(clean)
    with pytest.raises(Refused, match="nothing-new"):
        peopled.submit([], poisoned, at=AT)


def test_thousands_of_signatures_are_not_even_tried(peopled: World) -> None:
    """What one certificate can cost is bounded before GnuPG sees it."""
    packets = read_packets(dearmor(peopled.cast.anna.certificate))
    good = packets[signature(packets)]
    octets = b"".join(p.octets for p in packets) + b"".join(forged(good, i) for i in range(MAX_OWN_SIGNATURES))
    assert refusal(peopled, peopled.signed(peopled.cast.anna, withdrawal(peopled.cast.anna), AT), octets).reason == "too-many-signatures"


def test_a_renewal_counts_only_with_the_signer_or_the_subject(peopled: World) -> None:
    """Whoever attaches somebody else's certificate to a statement changes nothing about it."""
    cast, ines = peopled.cast, make(peopled, "Ines")
    peopled.submit(peopled.signed(cast.admin, withdrawal(cast.bert), AT), at=AT)
    peopled.attest(cast.admin, ines, AT)
    cast.people.gpg("--quick-add-key", ines.fingerprint, "cv25519", "encr", "0", at=AT)
    newer = cast.people.export(ines.fingerprint)
    done = peopled.submit(peopled.signed(cast.carla, withdrawal(cast.carla), AT), newer, at=AT)
    assert [entry.type for entry in done.entries] == ["withdraw-ssc"]
    again = peopled.submit(peopled.signed(cast.admin, attestation(ines, Phone="+31 6 1234 9999"), AT), newer, at=AT)
    assert [(entry.type, entry.subject) for entry in again.entries] == [("certificate", ines.fingerprint), ("attest-ssc", ines.fingerprint)]
    cast.people.gpg("--quick-add-key", ines.fingerprint, "ed25519", "sign", "0", at=AT)
    done = peopled.submit(peopled.signed(ines, withdrawal(ines, TLD="nl"), AT), cast.people.export(ines.fingerprint), at=AT)
    assert [(entry.type, entry.subject) for entry in done.entries] == [
        ("certificate", ines.fingerprint),
        ("withdraw-ssc", ines.fingerprint),
    ]
    assert proof_of(peopled).valid


# --- once more, and as it was -----------------------------------------------------------------------------------------


def test_a_withdrawal_that_comes_again_is_a_duplicate(peopled: World) -> None:
    """Its answer was lost and the SSC sends it again: it took effect, and nobody tells them that they are not entitled."""
    signed = peopled.signed(peopled.cast.anna, withdrawal(peopled.cast.anna), AT)
    (entry,) = peopled.submit(signed, at=AT).entries
    again = refusal(peopled, signed, at=AT + 60)
    assert again.reason == "duplicate" and f"entry {entry.number}" in again.detail


def test_who_was_a_member_then(peopled: World) -> None:
    """Replayed up to a time, the log says who was a member: not those attested since, but those withdrawn since."""
    cast = peopled.cast
    peopled.submit(peopled.signed(cast.admin, f"{withdrawal(cast.anna)}\n{attestation(cast.dora)}", AT), cast.dora.certificate, at=AT)
    peopled.submit(peopled.signed(cast.root, appointment(cast.mallory, "nl"), AT + DAY), cast.mallory.certificate, at=AT + DAY)
    links = [Link(entry, entry.hash, evidence) for entry, evidence in peopled.log]

    def members(at: int) -> set[str]:
        return {member.emails[0] for member in replay_until(links, cast.anchor, at).members(at)}

    before = {cast.anna.address, cast.bert.address, cast.carla.address}
    assert members(BASE - 1) == members(BASE + DAY) == set()
    assert members(BASE + 2 * DAY) == members(AT - 1) == before
    assert members(AT) == (before - {cast.anna.address}) | {cast.dora.address}
    assert replay_until(links, cast.anchor, NOW) == peopled.membership


def test_member_list_at_a_time(town: Town) -> None:
    """The command asks the log, not the tables: nobody was a member before the list was founded."""
    addresses = {m["email"] for m in json.loads(town.run("member", "list", "--json"))}
    assert len(addresses) == 3
    tomorrow = json.loads(town.run("member", "list", "--json", "--at", "2099-01-01", "--all"))
    assert {m["email"] for m in tomorrow} == addresses and {m["state"] for m in tomorrow} == {"expired"}
    assert json.loads(town.run("member", "list", "--json", "--all", "--at", "2025-01-01")) == []


def test_an_ordinary_certificate_keeps_all_of_it(peopled: World) -> None:
    """Nothing is lost when it is reduced to what its owner signed: not a signing subkey's consent, not a post-quantum subkey."""
    people, signing, cv25519 = peopled.cast.people, make(peopled, "Sam"), pysequoia.CipherSuite.Cv25519
    people.gpg("--quick-add-key", signing.fingerprint, "rsa4096", "sign", "0", at=BASE)
    v4, ml_kem = pysequoia.Profile.RFC4880, pysequoia.EncryptionAlgorithm.MLKEM768_X25519
    made = pysequoia.Tsk.generate("Q <q@nl.example>", cipher_suite=cv25519, profile=v4, encryption_algorithm=ml_kem)
    for certificate in (people.export(signing.fingerprint), peopled.cast.carla.certificate, bytes(made.extract_certificate())):
        clean = dearmor(certificate)
        assert certificate_of(own_packets(clean)).keys == certificate_of(clean).keys
        assert [p.tag for p in read_packets(own_packets(clean))] == [p.tag for p in read_packets(clean)]
