"""What others' programs say of a delivered copy: each decrypts it with the member's exported key and verifies the list's signature.

Five implementations that share no code: GnuPG, Sequoia (sqop, and pysequoia in the test's own process), GopenPGP (gosop),
and rnp, the one in Thunderbird.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pysequoia
import pytest
from people import People
from town import Town, member, sealed_part

from securelist.openpgp.armor import dearmor
from securelist.openpgp.packets import Tag, read_packets
from securelist.openpgp.signed import read_combined

CANARY = "canary-interop grüße"


@dataclass(frozen=True)
class Reading:
    """What a program made of a copy: the text, and the fingerprints of the certificates whose signature it calls good."""

    content: bytes
    signers: tuple[str, ...] = ()


Reader = Callable[[Path, bytes, bytes, bytes], Reading]
"""Reads (in a folder of its own, a message, with a secret key, under a certificate); all three armoured."""


def call(folder: Path, command: list[str], message: bytes) -> subprocess.CompletedProcess[bytes]:
    """Runs a program on `message` with `folder` for a home."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C"}
    return subprocess.run(command, input=message, capture_output=True, timeout=60, check=False, cwd=folder, env=environment)


def files(folder: Path, secret: bytes, certificate: bytes) -> None:
    (folder / "secret").write_bytes(secret)
    (folder / "certificate").write_bytes(certificate)


def stateless(program: str, verifications: str) -> Reader:
    """A reader by a program with the Stateless OpenPGP interface; `verifications` is its option for what it verified."""

    def read(folder: Path, message: bytes, secret: bytes, certificate: bytes) -> Reading:
        files(folder, secret, certificate)
        said = folder / "said"
        done = call(folder, [program, "decrypt", "--verify-with=certificate", f"{verifications}={said}", "secret"], message)
        # Each line: when, fingerprint of the signing key, of its certificate.
        lines = said.read_text().splitlines() if said.exists() and not done.returncode else []
        return Reading(done.stdout, tuple(line.split()[2].upper() for line in lines))

    return read


def rnp(folder: Path, message: bytes, secret: bytes, certificate: bytes) -> Reading:
    """By rnp with a key ring of its own. Its exit status says nothing about signatures, its words do."""
    files(folder, secret, certificate)
    for file in ("secret", "certificate"):
        call(folder, ["rnpkeys", "--homedir", ".", "--notty", "--import-keys", file], b"")
    done = call(folder, ["rnp", "--homedir", ".", "--notty", "--password", "", "--decrypt", "--output", "-"], message)
    words = done.stderr.decode()
    good = "Signature(s) verified successfully" in words and words.count("Good signature made") == 1
    return Reading(done.stdout, tuple(f.upper() for f in re.findall(r"^ +([0-9a-f]{40})$", words, re.MULTILINE)) if good else ())


def gpg(folder: Path, message: bytes, secret: bytes, certificate: bytes) -> Reading:
    """By plain gpg in a new home."""
    home = People(folder)
    home.gpg("--import", data=secret)
    home.gpg("--import", data=certificate)
    done = call(folder, ["gpg", "--homedir", ".", "--batch", "--trust-model", "always", "--status-fd", "2", "--decrypt"], message)
    call(folder, ["gpgconf", "--homedir", ".", "--kill", "all"], b"")
    good = [] if done.returncode else re.findall(r"^\[GNUPG:\] VALIDSIG .* ([0-9A-F]{40})$", done.stderr.decode(), re.MULTILINE)
    return Reading(done.stdout, tuple(good))


# All of them can do all three kinds of key: no row is left out.
PROGRAMS: dict[str, Reader] = {
    "sqop": stateless("sqop", "--verifications-out"),
    "gosop": stateless("gosop", "--verify-out"),
    "rnp": rnp,
    "gpg": gpg,
}
KEYS = {"Anna": "Ed25519/X25519", "Bert": "RSA-3072", "Carla": "NIST P-256"}

each_program = pytest.mark.parametrize("program", PROGRAMS)
each_key = pytest.mark.parametrize("name", KEYS, ids=KEYS.values())


@pytest.fixture(scope="module")
def copies(town: Town) -> dict[str, bytes]:
    """A post's sealed part by the member's name, out of their Maildirs."""
    assert town.judge(town.post(member(town, "Anna"), CANARY))["verdict"] == "accept"
    town.deliver()
    return {who.name: sealed_part(town.mails(who.address)[-1]) for who in town.members.values()}


@pytest.fixture
def folder(base: Path) -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="r", dir=base))
    yield made
    shutil.rmtree(made, ignore_errors=True)  # an agent that ends takes its sockets away meanwhile


def secret_of(town: Town, name: str) -> bytes:
    return town.people.gpg("--armor", "--export-secret-keys", member(town, name).fingerprint)


def list_certificate(town: Town) -> bytes:
    return town.run("key", "show", "--armor")


@each_key
@each_program
def test_a_member_reads_their_copy_with_another_program(
    town: Town, copies: dict[str, bytes], folder: Path, program: str, name: str
) -> None:
    """It decrypts the copy, and says that the list, and nobody else, signed it."""
    reading = PROGRAMS[program](folder, copies[name], secret_of(town, name), list_certificate(town))
    assert CANARY.encode() in reading.content
    assert reading.signers == (town.key,)


@each_key
@each_program
def test_no_program_verifies_with_another_certificate(town: Town, copies: dict[str, bytes], folder: Path, program: str, name: str) -> None:
    """Given a member's certificate in the place of the list's, it does not report a verified signature."""
    assert PROGRAMS[program](folder, copies[name], secret_of(town, name), member(town, "Carla").certificate).signers == ()


@each_program
def test_no_program_opens_another_members_copy(town: Town, copies: dict[str, bytes], folder: Path, program: str) -> None:
    """Anna's key opens nothing of Bert's."""
    assert PROGRAMS[program](folder, copies["Bert"], secret_of(town, "Anna"), list_certificate(town)) == Reading(b"")


@each_program
def test_no_program_accepts_a_copy_that_was_altered_on_the_way(town: Town, copies: dict[str, bytes], folder: Path, program: str) -> None:
    """One bit of the encrypted body flipped: no program vouches for anything."""
    octets = bytearray(dearmor(copies["Anna"]))
    octets[-40] ^= 1
    altered = pysequoia.armor(bytes(octets), pysequoia.ArmorKind.Message).encode()
    assert PROGRAMS[program](folder, altered, secret_of(town, "Anna"), list_certificate(town)).signers == ()


# --- pysequoia, through its public interface --------------------------------------------------------------------------


@each_key
def test_pysequoia_decrypts_a_copy_and_verifies_its_signature(town: Town, copies: dict[str, bytes], people: People, name: str) -> None:
    """In two steps: its `decrypt` with a store gives up on compressed signed messages, which GnuPG's are."""
    secret = pysequoia.Tsk.from_bytes(secret_of(town, name))
    content = pysequoia.decrypt(copies[name], secret.decryptor()).bytes
    assert content is not None
    assert CANARY.encode() in content
    message = read_combined(people.gpg("--decrypt", "--unwrap", data=copies[name]))
    assert message.content == content
    verified = verify_with_pysequoia(content, message.signature, list_certificate(town))
    assert [valid.certificate.upper() for valid in verified.valid_sigs] == [town.key]
    with pytest.raises(RuntimeError):
        verify_with_pysequoia(content, message.signature, member(town, "Carla").certificate)


def verify_with_pysequoia(content: bytes, signature: bytes, certificate: bytes) -> pysequoia.Decrypted:
    known = pysequoia.Cert.from_bytes(certificate)
    return pysequoia.verify(bytes=content, store=lambda _ids: [known], signature=pysequoia.Sig.from_bytes(signature))


def test_the_signature_is_inside_the_encryption(copies: dict[str, bytes]) -> None:
    """A copy is one session-key packet and one integrity-protected packet of version 1; who signed is not seen from outside."""
    for copy in copies.values():
        wrapped, data = read_packets(dearmor(copy))
        assert (wrapped.tag, data.tag, data.body[0]) == (Tag.PKESK, Tag.SEIPD, 1)
