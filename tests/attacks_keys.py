"""Attack mails whose signature or key is not what a member's is: forged, borrowed, weak, at the wrong time, not attested, or no more."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from attack_packets import created, issuer_of, joined, literal, sealed, signed
from bad_mails import CANARY, DAY, Bad, Stage
from certification_forge import mpi, notation, secret, subpacket
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from people import Somebody
from town import entity

from securelist.openpgp.packets import Tag, read_packets, write_packet

HASHES = {1: "md5", 2: "sha1", 8: "sha256", 10: "sha512", 11: "sha224"}
EDDSA = 22


def content() -> bytes:
    """A text/plain entity that nobody has signed before."""
    return entity(f"{CANARY} {time.time_ns()}")


# --- signatures octet by octet ------------------------------------------------------------------------------------------------


def signature(
    key: Ed25519PrivateKey, data: bytes, hashed: bytes, unhashed: bytes = b"", kind: int = 0, digest: int = 8, algorithm: int = EDDSA
) -> bytes:
    """A version 4 signature over data with just these subpackets (RFC 9580, 5.2.4), whatever key it is by."""
    part = bytes((4, kind, algorithm, digest)) + len(hashed).to_bytes(2, "big") + hashed
    value = hashlib.new(HASHES[digest], data + part + b"\4\xff" + len(part).to_bytes(4, "big")).digest()
    made = key.sign(value)
    return write_packet(Tag.SIGNATURE, part + len(unhashed).to_bytes(2, "big") + unhashed + value[:2] + mpi(made[:32]) + mpi(made[32:]))


def by(signer: str, hashed: Callable[[Stage], bytes], unhashed: Callable[[Stage], bytes] = lambda s: b"", **how: int):
    """The maker of a mail that Anna or Mallory signed, with subpackets of their choice; the signature stands first (RFC 9580, 10.3)."""

    def make(s: Stage) -> bytes:
        data, who = content(), getattr(s, signer)
        return sealed(s, signature(secret(s.people, who), data, hashed(s), unhashed(s), **how), literal(data))

    return make


def id_of(who: Somebody) -> bytes:
    """The subpacket with a key ID (RFC 9580, 5.2.3.12)."""
    return subpacket(16, bytes.fromhex(who.fingerprint[-16:]))


def name_of(who: Somebody, version: int = 4) -> bytes:
    """The subpacket with a fingerprint (RFC 9580, 5.2.3.35)."""
    return subpacket(33, bytes([version]) + bytes.fromhex(who.fingerprint))


def critical(one: bytes) -> bytes:
    """A subpacket that must not be passed over (RFC 9580, 5.2.3.7)."""
    return one[:1] + bytes([one[1] | 0x80]) + one[2:]


def intended(fingerprint: str) -> bytes:
    """The subpacket with an intended recipient (RFC 9580, 5.2.3.36)."""
    return subpacket(35, b"\4" + bytes.fromhex(fingerprint))


def ago(seconds: int) -> bytes:
    return created(int(time.time()) - seconds)


def renamed(s: Stage, change: Callable[[bytes, bytes], bytes]) -> bytes:
    """Mallory's signed message with a signature packet that is changed; `change` gets its body and Anna's fingerprint."""
    _, data, packet = signed(s, who=s.mallory)
    own, hers = bytes.fromhex(s.mallory.fingerprint), bytes.fromhex(s.anna.fingerprint)
    body = packet.body.replace(own, hers).replace(own[-8:], hers[-8:])
    return sealed(s, write_packet(Tag.SIGNATURE, change(body, hers)), data)


def bad(make: Callable[[Stage], bytes], reason: str = "bad-signature", step: str = "verify") -> Bad:
    return Bad(make, reason, step)


ONLY_NAMES = {
    "Mallory's signature that names Anna": bad(by("mallory", lambda s: created() + issuer_of(s.anna))),
    "Mallory's that names Anna's key ID alone": bad(by("mallory", lambda s: created(), lambda s: id_of(s.anna))),
    "Mallory's that names Anna where nothing is signed": bad(by("mallory", lambda s: created(), lambda s: name_of(s.anna) + id_of(s.anna))),
    "Mallory's with his fingerprint and Anna's key ID": bad(
        by("mallory", lambda s: created() + name_of(s.mallory), lambda s: id_of(s.anna)), "unknown-signer"
    ),
    "Mallory's with both fingerprints": bad(by("mallory", lambda s: created() + name_of(s.mallory) + name_of(s.anna)), "unknown-signer"),
    "Mallory's with both, Anna's first": bad(by("mallory", lambda s: created() + name_of(s.anna) + name_of(s.mallory))),
    "Mallory's with Anna's user ID": bad(
        by("mallory", lambda s: created() + issuer_of(s.mallory) + subpacket(28, f"Anna <{s.anna.address}>".encode())), "unknown-signer"
    ),
    "Mallory's with Anna in a notation": bad(
        by("mallory", lambda s: created() + issuer_of(s.mallory) + notation("issuer@nl.example", s.anna.fingerprint)), "unknown-signer"
    ),
    "Anna's signature that names Bert": bad(by("anna", lambda s: created() + issuer_of(s.bert))),
    "Anna's that names nobody": bad(by("anna", lambda s: created()), "unknown-signer"),
    "Anna's that names eight zeros": bad(by("anna", lambda s: created() + subpacket(16, bytes(8))), "unknown-signer"),
    "Anna's with a short key ID": bad(
        by("anna", lambda s: created() + subpacket(16, bytes.fromhex(s.anna.fingerprint[-8:]))), "unknown-signer"
    ),
    "Anna's with the first half of her fingerprint": bad(
        by("anna", lambda s: created() + subpacket(33, b"\4" + bytes.fromhex(s.anna.fingerprint[:20]))), "unknown-signer"
    ),
    "Anna's fingerprint as that of a version 6 key": bad(
        by("anna", lambda s: created() + subpacket(33, b"\6" + bytes.fromhex(s.anna.fingerprint) + bytes(12))), "unknown-signer"
    ),
    "an unknown algorithm": bad(lambda s: renamed(s, lambda body, _: body[:2] + b"\x64" + body[3:])),
    "a signature of nothing": bad(lambda s: renamed(s, lambda body, _: body[:-68] + mpi(b"\1") + mpi(b"\1"))),
    "a signature of zeros": bad(lambda s: renamed(s, lambda body, _: body[:-68] + bytes(4))),
}

# --- the kind of signature, its hash, its time ------------------------------------------------------------------------------------


def anna(more: Callable[[Stage], bytes], at: Callable[[], bytes] = created, **how: int) -> Callable[[Stage], bytes]:
    """Anna's own signature, with subpackets more, made at another time, or of another kind."""
    return by("anna", lambda s: at() + issuer_of(s.anna) + more(s), **how)


def nothing(_: Stage) -> bytes:
    return b""


def hashed_with(name: str, *options: str) -> Callable[[Stage], bytes]:
    """What gpg signs with another hash."""
    return lambda s: sealed(s, *signed(s, *options, "--digest-algo", name))


UNFIT = {
    "hashed with MD5": bad(anna(nothing, digest=1)),
    "hashed with SHA-1": bad(anna(nothing, digest=2), "weak-hash"),
    "hashed with SHA-224": bad(anna(nothing, digest=11), "weak-hash"),
    "hashed with RIPEMD-160": bad(hashed_with("RIPEMD160"), "weak-hash"),
    "a text's hash with RIPEMD-160": bad(hashed_with("RIPEMD160", "--textmode"), "weak-hash"),
    **{f"a signature of type {kind:#x}": bad(anna(nothing, kind=kind)) for kind in (0x02, 0x10, 0x13, 0x18, 0x1F, 0x20, 0x30, 0x40, 0x50)},
    "a critical notation that nobody knows": bad(anna(lambda s: critical(notation("only-to@evil.example", "bert")))),
    "a critical subpacket that nobody knows": bad(anna(lambda s: critical(subpacket(101, b"x")))),
    "made at no time": bad(by("anna", lambda s: issuer_of(s.anna))),
    "made at a time that is not signed": bad(by("anna", lambda s: issuer_of(s.anna), lambda s: created())),
    "made in 1970": bad(anna(nothing, lambda: created(0))),
    "made in 2106": bad(anna(nothing, lambda: created(2**32 - 1)), "from-the-future"),
    "made in a year": bad(anna(nothing, lambda: ago(-365 * DAY)), "from-the-future"),
    "made in an hour": bad(anna(nothing, lambda: ago(-3600)), "from-the-future"),
    "made before the key": bad(anna(nothing, lambda: ago(3 * DAY))),
    "made long ago and now": bad(anna(lambda s: created(), lambda: ago(30 * DAY))),
    "with an end that has come": bad(anna(lambda s: subpacket(3, (60).to_bytes(4, "big")), lambda: ago(600))),
    "signed 7 days and an hour ago": bad(lambda s: s.at(int(time.time()) - 7 * DAY - 3600), "too-old"),
    "signed a month ago": bad(lambda s: s.at(int(time.time()) - 29 * DAY), "too-old"),
    "for Bert's key": bad(anna(lambda s: intended(s.bert.fingerprint)), "not-addressed-to-the-list", "decide"),
    "for Bert's key, the list's beside it unsigned": bad(
        by("anna", lambda s: created() + issuer_of(s.anna) + intended(s.bert.fingerprint), lambda s: intended(s.town.key)),
        "not-addressed-to-the-list",
        "decide",
    ),
    "for Bert's and Vera's keys": bad(
        anna(lambda s: intended(s.bert.fingerprint) + intended(s.vera.fingerprint)), "not-addressed-to-the-list", "decide"
    ),
    "for a key that is nobody's": bad(anna(lambda s: intended("00" * 20)), "not-addressed-to-the-list", "decide"),
}

# --- several signatures ------------------------------------------------------------------------------------------------------------


def twice(first: str, second: str, change: Callable[[bytes], bytes] = lambda packet: packet) -> Bad:
    """One content with two signatures in front, the second one changed."""

    def make(s: Stage) -> bytes:
        data = content()
        made = [signature(secret(s.people, who), data, created() + issuer_of(who)) for who in (getattr(s, first), getattr(s, second))]
        return sealed(s, made[0], change(made[1]), literal(data))

    return bad(make, "not-one-signature", "open")


def broken(packet: bytes) -> bytes:
    return packet[:-1] + bytes([packet[-1] ^ 1])


def apart(s: Stage, *signers: Somebody) -> bytes:
    """A multipart/signed with a signature by each of them, in one block."""
    content_ = content()
    made = s.people.multipart_signed(signers[0], content_)
    both = s.people.gpg("--armor", *(word for who in signers for word in ("-u", who.fingerprint)), "--detach-sign", data=content_)
    head, _, tail = made.partition(b"-----BEGIN PGP SIGNATURE-----")
    return s.mail(s.town.encrypt(None, head + both.replace(b"\n", b"\r\n") + b"\r\n--b--\r\n" + tail[:0]))


SEVERAL = {
    "a member's and a stranger's": twice("anna", "mallory"),
    "a stranger's and a member's": twice("mallory", "anna"),
    "a good one and a bad one": twice("anna", "anna", broken),
    "two of the same member": twice("anna", "anna"),
    "one before and one behind": bad(
        lambda s: sealed(s, signed(s)[2], *signed(s)),
        "not-one-signature",
        "open",
    ),
    "apart, a member's and a stranger's": bad(lambda s: apart(s, s.anna, s.mallory), "not-one-signature", "open"),
    "apart, a stranger's and a member's": bad(lambda s: apart(s, s.mallory, s.anna), "not-one-signature", "open"),
}

# --- what nobody signed as a whole ------------------------------------------------------------------------------------------------


def lengthened(s: Stage) -> bytes:
    """A clearsigned text with more in a line than GnuPG hashes of it."""
    return s.people.clearsign(s.anna, "Transfer 5").replace(b"Transfer 5", b"Transfer 5" + b" " * 20_000 + b"000 to Mallory")


CLEARSIGNED = {
    "a clearsigned text": bad(lambda s: s.mail(s.town.encrypt(None, s.people.clearsign(s.anna, CANARY))), "not-signed", "open"),
    "a clearsigned text that grew": bad(lambda s: s.mail(s.town.encrypt(None, lengthened(s))), "not-signed", "open"),
    "a clearsigned text that grew, inline": bad(
        lambda s: (
            s.mail(b"", Content_Type="text/plain").partition(b"\r\n\r\n")[0]
            + b"\r\n\r\n"
            + s.town.encrypt(None, lengthened(s)).replace(b"\n", b"\r\n")
        ),
        "not-signed",
        "open",
    ),
    "a member's certificate": bad(
        lambda s: sealed(s, joined(*read_packets(s.people.gpg("--export", s.anna.fingerprint)))), "not-one-signature", "open"
    ),
}

KEYS = {**ONLY_NAMES, **UNFIT, **SEVERAL, **CLEARSIGNED}
