"""What stands beside the product's figures, in the same run: one gpg process per member, and OpenSSL's bare operations."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.asymmetric import padding, rsa, x25519

from securelist.bench.people import People

# One gpg process takes 9 ms at 2 KiB and 54 ms at 1 MiB: as many as show the mean, not as many as there are members.
GPG_SAMPLE = 40
OPENSSL_ROUNDS = 200


def gpg_per_member(people: People, signer: str, members: Sequence[str], content: bytes) -> float:
    """Seconds per member when each copy is signed and encrypted by a gpg process of its own, as others do it."""
    sample = members[:GPG_SAMPLE]
    started = time.perf_counter()
    for fingerprint in sample:
        people.gpg("--local-user", signer, "--recipient", fingerprint, "--sign", "--encrypt", data=content)
    return (time.perf_counter() - started) / len(sample)


def openssl_limit() -> float:
    """Seconds per member of OpenSSL's bare public-key operation, half RSA-3072, half X25519 (two multiplications)."""
    public = rsa.generate_private_key(65537, 3072).public_key()
    other = x25519.X25519PrivateKey.generate().public_key()
    wrap_rsa = _each(lambda: public.encrypt(bytes(35), padding.PKCS1v15()))
    return (wrap_rsa + _each(lambda: x25519.X25519PrivateKey.generate().exchange(other))) / 2


def _each(operation: Callable[[], object]) -> float:
    started = time.perf_counter()
    for _ in range(OPENSSL_ROUNDS):
        operation()
    return (time.perf_counter() - started) / OPENSSL_ROUNDS
