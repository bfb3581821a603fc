"""A certificate as the rest of the program knows it: octets and facts, and pure judgements of those facts at a time.

The facts come from GnuPG's verified listing (`gnupg.list_certificate`) and were agreed to by Sequoia (`admission`);
this module asks nobody and holds no time of its own. Times are Unix seconds, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf


@dataclass(frozen=True)
class ComponentKey:
    """One key of a certificate, primary or subkey (RFC 9580, 10.1.2). `capabilities` holds of "c", "s", "e", "a"."""

    fingerprint: str
    key_id: str
    algorithm: int
    bits: int
    created: int
    expires: int | None
    revoked: bool
    usable: bool
    """False when GnuPG cannot work with this key (unknown algorithm, bad binding); time plays no part."""
    capabilities: frozenset[str]
    compromised: bool = False
    """Revoked, and not merely as superseded or no longer used (RFC 9580, 5.2.3.31): all that it ever signed is void."""

    def alive(self, at: int) -> bool:
        """Whether this key is neither revoked, nor expired, nor from the future at `at`."""
        return self.usable and not self.revoked and self.created <= at and (self.expires is None or at < self.expires)


@dataclass(frozen=True)
class Certificate:
    """An OpenPGP certificate that was read and checked: never secret material. `keys[0]` is the primary key."""

    fingerprint: str
    octets: bytes
    user_ids: tuple[str, ...]
    keys: tuple[ComponentKey, ...]

    @cached_property
    def names(self) -> frozenset[str]:
        """Fingerprints and key IDs of all its keys."""
        return frozenset(name for key in self.keys for name in (key.fingerprint, key.key_id))

    @property
    def primary(self) -> ComponentKey:
        """The primary key."""
        return self.keys[0]

    @property
    def compromised(self) -> frozenset[str]:
        """Fingerprints of the keys that nothing can be believed of: each compromised one, and all if the primary key is."""
        return frozenset(k.fingerprint for k in self.keys if k.compromised or self.primary.compromised)

    def keys_for(self, capability: str, at: int) -> tuple[ComponentKey, ...]:
        """The keys usable for `capability` ("s" or "e") at `at`: none if the primary key is not alive then."""
        if not self.primary.alive(at):
            return ()
        return tuple(k for k in self.keys if capability in k.capabilities and k.alive(at))

    def can_sign(self, at: int) -> bool:
        """Whether a signature over data made at `at` can count."""
        return bool(self.keys_for("s", at))

    def can_encrypt(self, at: int) -> bool:
        """Whether a message can be encrypted to this certificate at `at`."""
        return bool(self.keys_for("e", at))

    def until(self, capability: str, at: int) -> int | None:
        """When `capability` ("s" or "e"), there at `at`, ends by itself (Unix seconds); None: never, or it is not there."""
        ends = [key.expires for key in self.keys_for(capability, at)]
        last = None if None in ends else max((end for end in ends if end is not None), default=None)
        return min((end for end in (last, self.primary.expires) if end is not None), default=None) if ends else None

    def outlasts(self, other: Certificate, at: int) -> bool:
        """Whether it can sign, or be encrypted to, for longer than `other`, an earlier state of the same certificate, could at `at`."""
        return any(self._lasts(capability, at) > other._lasts(capability, at) for capability in "es")

    def _lasts(self, capability: str, at: int) -> float:
        until = self.until(capability, at) if self.keys_for(capability, at) else at
        return inf if until is None else until

    def encryption_ended(self, at: int, revoked: int) -> int | None:
        """When it could be encrypted to for the last time before `at`, its revocations being known since `revoked`; None if it never could.

        A subkey ends with its own time or the primary key's, or when the revocation of either was known; the last one counts.
        """
        keys = [key for key in self.keys if "e" in key.capabilities and key.usable and key.created <= at]
        ends = [min(self._ends(key, revoked), self._ends(self.primary, revoked)) for key in keys]
        return max((round(end) for end in ends if end <= at), default=None)

    @staticmethod
    def _ends(key: ComponentKey, revoked: int) -> float:
        return min(inf if key.expires is None else key.expires, revoked if key.revoked else inf)

    def why_not_encrypt(self, at: int) -> str:
        """One plain clause saying why `can_encrypt` is false; empty when it is true."""
        if self.can_encrypt(at):
            return ""
        if self.primary.revoked:
            return "the key is revoked"
        if self.primary.expires is not None and self.primary.expires <= at:
            return "the key has expired"
        return "the key has no encryption subkey that is valid now"


def normal_fingerprint(text: str) -> str | None:
    """`text` as upper-case hex without blanks if it is a full fingerprint (40 hex digits, or 64 for v6), else None."""
    plain = "".join(text.split()).upper()
    if len(plain) in (40, 64) and all(c in "0123456789ABCDEF" for c in plain):
        return plain
    return None


def grouped(fingerprint: str) -> str:
    """A fingerprint as people compare it: groups of four, a wider gap in the middle."""
    fours = [fingerprint[i : i + 4] for i in range(0, len(fingerprint), 4)]
    half = len(fours) // 2
    return f"{' '.join(fours[:half])}  {' '.join(fours[half:])}"
