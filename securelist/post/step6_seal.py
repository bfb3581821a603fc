"""Step 6, seal: one signature by the list's key, one symmetric encryption, one wrapped session key per member.

How, and why so: Sequoia chooses the session key and wraps it for every member in one call, whatever their key (RSA, the
elliptic curves, version 6, ML-KEM); it also wraps it for a throw-away key of this process, by which PGPy learns it and
puts the list's signed message (GnuPG's) into one encrypted body. Nothing that differs per member is under the signature.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from securelist.errors import Refused, Step
from securelist.mail.protection import Protected
from securelist.openpgp import sequoia
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.list_key import ListKey
from securelist.openpgp.packets import read_packets, recipient_of
from securelist.openpgp.pgpy_ import ThrowAwayKey
from securelist.post.step1_receive import MAX_MAIL_OCTETS
from securelist.store.queue import NOT_TAKEN, NewCopy


class Recipient(Protocol):
    """Who gets a copy: a member, or the addressee of a letter."""

    @property
    def fingerprint(self) -> str:
        """The primary fingerprint of the certificate to encrypt to."""

    @property
    def emails(self) -> tuple[str, ...]:
        """The addresses: a copy goes to each."""

    @property
    def cctld(self) -> str:
        """The ccTLD, or empty."""


@dataclass(frozen=True)
class Sealed:
    """A mail as it lies in the queue: outer header block, one encrypted body, one row per copy."""

    headers: bytes
    body: bytes
    copies: tuple[NewCopy, ...]


class Sealer:
    """Seals mails for members: holds the list's key and the throw-away key of this process."""

    def __init__(self, list_key: ListKey, throw_away: ThrowAwayKey) -> None:
        self._list_key = list_key
        self._throw_away = throw_away

    def seal(self, mail: Protected, members: Sequence[Recipient], certificates: Mapping[str, Certificate], at: int) -> Sealed:
        """`mail` sealed for `members`; who cannot be reached gets copies that say why. Raises Refused, TryAgain."""
        usable = {m.fingerprint: certificates[m.fingerprint] for m in members if certificates[m.fingerprint].can_encrypt(at)}
        opener, wrapped = self._wrap(usable, at)
        if not wrapped:
            raise Refused("no-recipients", "nobody who should get this has a key that can be used now", Step.SEAL)
        body = self._throw_away.seal(opener, self._list_key.sign(mail.payload))
        if len(body) * 65 // 48 + len(mail.headers) > MAX_MAIL_OCTETS:
            raise Refused("too-large", f"the copies would be larger than {MAX_MAIL_OCTETS >> 20} MiB", Step.SEAL)
        copies = tuple(_copy(m, address, wrapped.get(m.fingerprint, b""), certificates, at) for m in members for address in m.emails)
        return Sealed(mail.headers, body, copies)

    def _wrap(self, usable: Mapping[str, Certificate], at: int) -> tuple[bytes, dict[str, bytes]]:
        """(the throw-away key's packet, packets by fingerprint): one new session key for all who have a usable key."""
        first = self._throw_away.certificate
        try:
            opener, *packets = sequoia.wrap([first, *(c.octets for c in usable.values())])
        except Refused:
            # Somebody's certificate stopped pleasing Sequoia since it was admitted; the others must not wait for it.
            usable = {f: c for f, c in usable.items() if _reached(c)}
            opener, *packets = sequoia.wrap([first, *(c.octets for c in usable.values())])
        return opener, _assign(packets, usable, at)


def _reached(certificate: Certificate) -> set[str]:
    """The key IDs that Sequoia wraps a session key for when asked for this certificate alone; none if it refuses."""
    try:
        return {_key_id(packet) for packet in sequoia.wrap([certificate.octets])}
    except Refused:
        return set()


def _key_id(packet: bytes) -> str:
    return recipient_of(read_packets(packet)[0])


def _assign(packets: Sequence[bytes], usable: Mapping[str, Certificate], at: int) -> dict[str, bytes]:
    """The packets of each certificate, in the order in which they were asked for.

    One certificate never has two packets for the same key ID, and where two certificates hold the same key, Sequoia is
    asked which packets it makes for each: so a member who adopts another's subkey takes nothing from them, whatever he
    adopts it for. A packet for a subkey that is not valid now is dropped: Sequoia does not look.
    """
    named = [(_key_id(packet), packet) for packet in packets]
    held = Counter(key.key_id for certificate in usable.values() for key in certificate.keys)
    found: dict[str, bytes] = {}
    for fingerprint, certificate in usable.items():
        own, valid, taken = {k.key_id for k in certificate.keys}, {k.key_id for k in certificate.keys_for("e", at)}, set[str]()
        if any(held[key_id] > 1 for key_id in own):
            own = _reached(certificate)
        while named and named[0][0] in own - taken:
            key_id, packet = named.pop(0)
            taken.add(key_id)
            if key_id in valid:
                found[fingerprint] = found.get(fingerprint, b"") + packet
    if named:
        raise Refused("cannot-encrypt", "Sequoia wrapped the session key for a key that was not asked for", Step.SEAL)
    return found


def _copy(member: Recipient, address: str, key_packets: bytes, certificates: Mapping[str, Certificate], at: int) -> NewCopy:
    why = "" if key_packets else certificates[member.fingerprint].why_not_encrypt(at) or NOT_TAKEN
    return NewCopy(address, member.cctld, member.fingerprint, key_packets, why)
