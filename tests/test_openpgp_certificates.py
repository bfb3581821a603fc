"""Certificates that must not get in, or not as they are: what admission makes of them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

import pysequoia
import pytest
from forge import revoke_subkey
from people import People, Somebody
from trust_world import DAY, certificate_of

from securelist.errors import Refused
from securelist.openpgp.admission import MAX_CERTIFICATE_OCTETS, admit, merge, read_certificate, split_certificates
from securelist.openpgp.armor import dearmor
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.packets import Packet, Tag, read_packets, write_packet
from securelist.openpgp.signed import read_signed, verify

LONG_AGO = int(time.time()) - 100 * DAY
V4 = pysequoia.Profile.RFC4880


def now() -> int:
    return int(time.time())


def admitted(octets: bytes, at: int | None = None) -> Certificate:
    """The one certificate in a file, admitted; raises Refused."""
    [one] = split_certificates(octets)
    return admit(one, now() if at is None else at)


def refusal(octets: bytes, at: int | None = None) -> Refused:
    """How a file is refused; it must be."""
    with pytest.raises(Refused) as refused:
        admitted(octets, at)
    return refused.value


@pytest.fixture(scope="module")
def anna(people: People) -> Somebody:
    return people.make("Anna", "anna@certificates.example", at=LONG_AGO)


# --- what is not admitted ----------------------------------------------------------------------------------------------

Make = Callable[[People, str], bytes]
"""Makes a certificate for a name that nobody else has."""


def made(**how: str | None) -> Make:
    """By gpg, a hundred days ago."""
    return lambda people, name: people.make(name, "x@certificates.example", at=LONG_AGO, **how).certificate


def revoked(people: People, name: str) -> bytes:
    return people.revoke(people.make(name, "x@certificates.example", at=LONG_AGO))


def revoked_subkey(people: People, name: str) -> bytes:
    return revoke_subkey(people, people.make(name, "x@certificates.example", at=LONG_AGO))


def certifies_only(people: People, name: str) -> bytes:
    people.gpg("--quick-gen-key", name, "ed25519", "cert", "0")
    return people.gpg("--armor", "--export", f"={name}")


def user_id(text: str | None) -> Make:
    """By Sequoia, which does not mind what a user ID is made of."""
    return lambda people, name: bytes(pysequoia.Tsk.generate(text, profile=V4).extract_certificate())


BAD: dict[str, tuple[Make, str, str]] = {
    "RSA-1024": (made(algorithm="rsa1024"), "weak-key", "1024 bits is too weak; at least 2048"),
    "DSA-1024": (made(algorithm="dsa1024", encryption="elg1024"), "weak-key", "DSA keys are too weak"),
    "DSA-2048": (made(algorithm="dsa2048", encryption="cv25519"), "weak-key", "DSA keys are too weak"),
    "an ElGamal encryption subkey": (made(encryption="elg1024"), "cannot-encrypt", "no valid encryption subkey"),
    "an RSA-1024 encryption subkey": (made(encryption="rsa1024"), "cannot-encrypt", "no valid encryption subkey"),
    "no encryption subkey": (made(encryption=None), "cannot-encrypt", "gpg --quick-add-key"),
    "a revoked encryption subkey": (revoked_subkey, "cannot-encrypt", "gpg --quick-add-key"),
    "expired": (made(expires="10d"), "expired", "gpg --quick-set-expire"),
    "revoked": (revoked, "revoked", "is revoked"),
    "no key to sign with": (certifies_only, "cannot-sign", "no valid key to sign with"),
    "no user ID": (user_id(None), "no-user-id", "no user ID"),
    "a user ID with line ends and escapes": (user_id("Anna\n\x1b[31m <anna@nl.example>"), "no-user-id", "no user ID"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_certificate_that_cannot_serve_is_refused(people: People, name: str) -> None:
    """One refusal each, naming the rule and, where there is one, the way out."""
    make, reason, words = BAD[name]
    refused = refusal(make(people, name))
    assert refused.reason == reason
    assert words in refused.detail
    assert "\x1b" not in refused.detail


def test_a_certificate_is_judged_as_of_the_time_asked_for(people: People) -> None:
    """Before it was made, while it lives, after it has expired."""
    octets = people.make("Brief", "brief@certificates.example", at=LONG_AGO, expires="10d").certificate
    assert admitted(octets, at=LONG_AGO + DAY).can_encrypt(LONG_AGO + DAY)
    assert refusal(octets, at=LONG_AGO - DAY).reason == "cannot-sign"
    assert refusal(octets, at=LONG_AGO + 11 * DAY).reason == "expired"


def test_a_revocation_seen_once_stays(people: People) -> None:
    """The unrevoked certificate, sent again afterwards, does not undo it."""
    who = people.make("Undo", "undo@certificates.example")
    before, after = dearmor(who.certificate), dearmor(people.revoke(who))
    for joined in (merge(after, before), merge(before, after)):
        assert refusal(joined).reason == "revoked"


# --- files -------------------------------------------------------------------------------------------------------------


def test_a_secret_key_in_a_certificate_file_is_refused(people: People, anna: Somebody) -> None:
    """Binary, armoured, armoured under a false name, behind a certificate, or a lone subkey: it is not kept."""
    secret = people.gpg("--armor", "--export-secret-keys", anna.fingerprint)
    subkeys = people.gpg("--armor", "--export-secret-subkeys", anna.fingerprint)
    false_name = secret.replace(b"PRIVATE", b"PUBLIC")
    for octets in (secret, dearmor(secret), false_name, subkeys, anna.certificate + secret, dearmor(anna.certificate) + dearmor(secret)):
        refused = refusal(octets)
        assert refused.reason == "secret-key"
        assert "replace this key" in refused.detail


def test_a_file_may_hold_several_certificates(people: People, anna: Somebody) -> None:
    """Armoured one after the other, or in one ring; text around them is ignored."""
    bert = people.make("Bert", "bert@certificates.example")
    both = [dearmor(anna.certificate), dearmor(bert.certificate)]
    for octets in (b"Dear list,\n" + anna.certificate + b"and\n" + bert.certificate, b"".join(both)):
        assert [admit(one, now()).fingerprint for one in split_certificates(octets)] == [anna.fingerprint, bert.fingerprint]


FILES = {
    "nothing": (b"", "not-openpgp"),
    "text": (b"hello", "not-openpgp"),
    "armour around nothing": (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----\n", "not-openpgp"),
    "armour around noise": (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!!\n-----END PGP PUBLIC KEY BLOCK-----\n", "no-certificate"),
    "a user ID alone": (write_packet(Tag.USER_ID, b"Anna <anna@nl.example>"), "bad-certificate"),
    "a key of no kind": (write_packet(Tag.PUBLIC_KEY, b"\4\0\0\0\0\x63abc"), "unknown-algorithm"),
    "a key without contents": (write_packet(Tag.PUBLIC_KEY, b""), "bad-certificate"),
}


@pytest.mark.parametrize(("octets", "reason"), FILES.values(), ids=FILES)
def test_what_is_no_certificate_is_refused(octets: bytes, reason: str) -> None:
    """One refusal, no traceback."""
    assert refusal(octets).reason == reason


def test_half_a_certificate_is_refused(anna: Somebody) -> None:
    """Wherever it was cut."""
    whole = dearmor(anna.certificate)
    for end in range(0, len(whole) - 1, 7):
        assert refusal(whole[:end])


def test_one_flipped_bit_in_a_certificate_adds_nothing(anna: Somebody) -> None:
    """Whatever still gets in has the same keys and user IDs, or fewer."""
    whole, known = dearmor(anna.certificate), certificate_of(anna.certificate)
    for place in range(0, len(whole), 11):
        altered = bytearray(whole)
        altered[place] ^= 0x04
        try:
            certificate = admitted(bytes(altered))
        except Refused:
            continue
        assert certificate.fingerprint == known.fingerprint
        assert set(certificate.user_ids) <= set(known.user_ids)
        usable = {key.fingerprint for key in certificate.keys_for("e", now()) + certificate.keys_for("s", now())}
        assert usable <= {key.fingerprint for key in known.keys}


def test_three_thousand_foreign_certifications_are_refused(people: People, anna: Somebody) -> None:
    """They would be verified one by one, by two engines, at every look; somewhat fewer are still too large."""
    flooded = people.make("Flooded", "flooded@certificates.example")
    people.gpg("-u", anna.fingerprint, "--quick-sign-key", flooded.fingerprint)
    key, name, *signatures, _, _ = read_packets(dearmor(people.export(flooded.fingerprint)))
    assert [packet.tag for packet in signatures] == [Tag.SIGNATURE] * 2
    start, foreign = key.octets + name.octets + signatures[0].octets, signatures[1].octets
    assert refusal(start + foreign * 3000).reason == "too-many-packets"
    assert refusal(start + foreign * 1990 + write_packet(Tag.USER_ID, b"x" * MAX_CERTIFICATE_OCTETS)).reason == "certificate-too-large"


# --- revoked, and why ---------------------------------------------------------------------------------------------------

NO_REASON, COMPROMISED, SUPERSEDED, RETIRED = range(4)  # as gpg's menu numbers them


def with_revocation(people: People, who: Somebody, reason: int) -> bytes:
    """The certificate, binary, with its primary key revoked for a reason as gpg numbers them; gpg's home does not know."""
    how = ("--no-batch", "--pinentry-mode", "loopback", "--command-fd", "0", "--gen-revoke", who.fingerprint)
    revocation = dearmor(people.gpg(*how, data=f"y\n{reason}\n\ny\n".encode()))
    return with_signatures(dearmor(people.export(who.fingerprint)), 0, revocation)


def with_signatures(octets: bytes, index: int, *signatures: bytes) -> bytes:
    """A binary certificate with signatures put right behind its key number `index`."""
    packets = [packet.octets for packet in read_packets(octets)]
    keys = [i for i, packet in enumerate(read_packets(octets)) if packet.tag in (Tag.PUBLIC_KEY, Tag.PUBLIC_SUBKEY)]
    return b"".join((*packets[: keys[index] + 1], *signatures, *packets[keys[index] + 1 :]))


def with_subkey_revoked(people: People, who: Somebody, reason: int) -> bytes:
    people.gpg("--command-fd", "0", "--edit-key", who.fingerprint, data=f"key 1\nrevkey\ny\n{reason}\n\ny\nsave\n".encode())
    return dearmor(people.export(who.fingerprint))


def revocation_in(octets: bytes, kind: int) -> Packet:
    return next(packet for packet in read_packets(octets) if packet.tag == Tag.SIGNATURE and packet.body[1] == kind)


def junk(revocation: Packet, reason: int) -> bytes:
    """The revocation with this reason, as RFC 9580, 5.2.3.31 numbers them, written over its own: nothing that its key signed."""
    at = revocation.body.index(b"\x02\x1d") + 2  # no text: a length of two, and the type
    return write_packet(Tag.SIGNATURE, revocation.body[:at] + bytes((reason,)) + revocation.body[at + 1 :])


def revoked_keys(octets: bytes) -> tuple[list[bool], list[bool]]:
    """Of each key whether it is revoked, and whether it is compromised."""
    certificate = read_certificate(octets)
    marks = [key.fingerprint in certificate.compromised for key in certificate.keys]
    return [key.revoked for key in certificate.keys], marks


@pytest.mark.parametrize("reason", [NO_REASON, COMPROMISED, SUPERSEDED, RETIRED])
def test_what_a_key_signed_stands_or_falls_by_the_reason_of_its_revocation(people: People, reason: int) -> None:
    """A primary key takes its subkeys with it; a subkey only itself; no reason given may mean the worst."""
    who, void = people.make("Gone", "gone@certificates.example"), reason in (NO_REASON, COMPROMISED)
    assert revoked_keys(dearmor(who.certificate)) == ([False, False], [False, False])
    assert revoked_keys(with_revocation(people, who, reason)) == ([True, True], [void, void])
    one_subkey = with_subkey_revoked(people, who, reason)
    assert revoked_keys(one_subkey) == ([False, True], [False, void])
    retired = with_revocation(people, who, RETIRED)
    assert revoked_keys(retired) == ([True, True], [False, void])


def test_the_worst_of_several_reasons_counts(people: People) -> None:
    """Who retired a key first, and lost it then, revokes it twice; a place where no revocation belongs hides none."""
    who = people.make("Twice", "twice@certificates.example")
    soft, hard = (with_revocation(people, who, reason) for reason in (RETIRED, COMPROMISED))
    worse = revocation_in(hard, 0x20).octets
    assert revoked_keys(with_signatures(soft, 0, worse)) == ([True, True], [True, True])
    assert revoked_keys(soft + worse) == ([True, True], [True, True])
    assert revoked_keys(merge(soft, hard)) == ([True, True], [True, True])


def test_revocations_that_do_not_verify_void_nothing(people: People) -> None:
    """Anybody can append them: on a key in use, on one that retired, on a subkey, and another's that is good."""
    who, other = (people.make(name, "x@certificates.example") for name in ("Junked", "Other"))
    soft = with_revocation(people, who, RETIRED)
    junks = [junk(revocation_in(soft, 0x20), reason) for reason in (0, 2)]
    junks.append(revocation_in(with_revocation(people, other, COMPROMISED), 0x20).octets)
    junks.append(write_packet(Tag.SIGNATURE, b"\4\x20\x16\x08\0\0\0\0\0\0\0\1\1\0\1\1"))  # by nobody
    for octets in junks:
        assert revoked_keys(with_signatures(dearmor(who.certificate), 0, octets)) == ([False, False], [False, False])
        assert revoked_keys(with_signatures(soft, 0, octets)) == ([True, True], [False, False])
        assert revoked_keys(soft + octets) == ([True, True], [False, False])
    subkey = with_subkey_revoked(people, who, SUPERSEDED)
    hard = junk(revocation_in(subkey, 0x28), 2)
    assert revoked_keys(with_signatures(subkey, 1, hard)) == ([False, True], [False, False])
    assert revoked_keys(with_signatures(dearmor(who.certificate), 1, hard)) == ([False, False], [False, False])


@pytest.mark.parametrize("form", ["--sign", "--clearsign"])
def test_what_is_verified_names_the_key_that_made_it(people: People, form: str) -> None:
    """A compromised subkey voids what it signed, and not what the primary key did: so it is known which of them it was."""
    who = people.make("Signs with both", "both@certificates.example")
    people.gpg("--quick-add-key", who.fingerprint, "ed25519", "sign")
    certificate = certificate_of(people.export(who.fingerprint))
    able = certificate.keys_for("s", now())
    assert len(able) == 2
    for key in able:
        message = people.gpg("-u", f"{key.fingerprint}!", form, data=b"hello")
        verified = verify(read_signed(message), [certificate], now())
        assert (verified.signer, verified.key) == (who.fingerprint, key.fingerprint)


def test_a_revoked_user_id_leaves_the_keys_as_they_are(people: People) -> None:
    """Who changes registries revokes an address, not what was signed."""
    who = people.make("Moved", "moved@certificates.example")
    people.gpg("--quick-add-uid", who.fingerprint, "Moved <new@certificates.example>")
    people.gpg("--quick-revoke-uid", who.fingerprint, "Moved <moved@certificates.example>")
    assert revoked_keys(dearmor(people.export(who.fingerprint))) == ([False, False], [False, False])


# --- what is said ------------------------------------------------------------------------------------------------------

NOISE = """
import sys
from securelist.errors import Refused
from securelist.openpgp import admission, sequoia

certificate, signs_only = (open(name, "rb").read() for name in sys.argv[1:])
calls = [
    lambda: admission.split_certificates(b"\\xc6\\x03abc"), lambda: admission.read_certificate(b"\\xc6\\x03abc"),
    lambda: sequoia.merge(certificate, signs_only), lambda: sequoia.wrap([signs_only]), lambda: sequoia.wrap([b"x"]),
    lambda: sequoia.verify(b"hello", certificate, b"\\xc2\\x03abc"), lambda: sequoia.verify(b"hello", certificate),
    lambda: sequoia.read_signature(b"\\xc2\\x03abc"), lambda: sequoia.read_signature(b""), lambda: sequoia.read_certificate(b""),
]
for call in calls:
    try:
        call()
    except Refused as refused:
        print(refused, refused.__cause__, refused.__suppress_context__)
    else:
        print("NOT REFUSED")
"""


def test_a_rust_backtrace_does_not_get_into_an_error(people: People, anna: Somebody) -> None:
    """pysequoia's errors carry one, of many lines, when the operator has set RUST_BACKTRACE; ours are one sentence."""
    signs_only = people.make("Signs", "signs@certificates.example", encryption=None)
    files = [people.home / name for name in ("one", "two")]
    for file, who in zip(files, (anna, signs_only), strict=True):
        file.write_bytes(dearmor(who.certificate))
    environment = {**os.environ, "RUST_BACKTRACE": "1", "RUST_LIB_BACKTRACE": "1"}
    done = subprocess.run([sys.executable, "-c", NOISE, *map(str, files)], capture_output=True, text=True, env=environment, check=False)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert len(lines) == 10
    assert all(line.endswith(" None True") and "::" not in line and "backtrace" not in line.lower() for line in lines), lines
