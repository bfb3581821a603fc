"""Attack mails signed with a key that belongs to a member, or says so, and must not sign: not attested, not bound, not for that, weak,
expired, revoked, or its owner no member any more. `cast` has the people."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from attack_packets import created, literal, sealed
from attacks_keys import content, signature
from bad_mails import DAY, Bad, Stage
from certification_forge import subpacket
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from forge import adopt, revoke_subkey, without_back_signatures
from people import Somebody
from town import entity, sealed_part
from trust_world import COMPROMISED, SUPERSEDED, certificate_of, revoked

from securelist.openpgp.armor import dearmor
from securelist.openpgp.packets import Tag, fingerprint, read_packets, write_packet
from securelist.openpgp.sequoia import armor

NOW = int(time.time())
BORN = NOW - 30 * DAY
# Longer than it takes to have somebody attested, on a busy machine.
ENDS_AFTER_S = 30


@dataclass(frozen=True)
class Cast(Stage):
    """The stage, and people for .be by what is wrong with their key; `subkeys` are the fingerprints of what they sign with."""

    owners: dict[str, Somebody] = field(default_factory=dict)
    subkeys: dict[str, str] = field(default_factory=dict)
    answers: dict[str, dict[str, object]] = field(default_factory=dict)
    """What the list said to certificates that it must refuse."""
    ends: list[int] = field(default_factory=list)
    """When the key of "ending" expires."""


def add_key(s: Cast, name: str, algorithm: str, use: str = "sign", expires: str = "0", at: int = BORN) -> None:
    """Gives somebody a subkey, and notes its fingerprint."""
    who = s.owners[name]
    before = {key.fingerprint for key in certificate_of(s.people.export(who.fingerprint)).keys}
    s.people.gpg("--quick-add-key", who.fingerprint, algorithm, use, expires, at=at)
    (new,) = [key.fingerprint for key in certificate_of(s.people.export(who.fingerprint)).keys if key.fingerprint not in before]
    s.subkeys[name] = new


def make_owners(s: Cast) -> None:
    """Everybody, with their subkeys, as they are when they are attested."""
    place = s.town.home.parent.name
    for name in ("renewed", "unbound", "lapsed", "login", "dsa", "rsa", "half", "gone", "retired", "braked", "bound"):
        s.owners[name] = s.people.make(name.title(), f"{name}-{place}@be.example", at=BORN)
    how = ("--status-fd", "1", "--quick-gen-key", f"Above <above-{place}@be.example>", "ed25519", "cert", "0")
    above = s.people.gpg(*how, at=BORN).decode().split("KEY_CREATED P ")[1].split()[0]
    s.people.gpg("--quick-add-key", above, "cv25519", "encr", "0", at=BORN)
    s.owners["above"] = Somebody("Above", f"above-{place}@be.example", above, b"")
    for name in ("unbound", "half", "above"):
        add_key(s, name, "ed25519")
    add_key(s, "lapsed", "ed25519", expires="27d")
    add_key(s, "login", "ed25519", "auth")
    add_key(s, "dsa", "dsa2048")
    add_key(s, "rsa", "rsa1024")


def certificate(s: Cast, name: str) -> bytes:
    """The certificate that is attested."""
    now = s.people.export(s.owners[name].fingerprint)
    return armor(without_back_signatures(dearmor(now)), "PUBLIC KEY BLOCK") if name == "unbound" else now


def attest(s: Cast, *names: str) -> None:
    texts = [s.town.statement("attest-ssc", s.owners[name], tld="be") for name in names]
    s.town.submit(s.town.admin, "\n".join(texts), *(certificate(s, name) for name in names))


def submit_certificate(s: Cast, octets: bytes, status: int = 0) -> None:
    """Renews a certificate."""
    file = s.town.home.parent / "renewed.asc"
    file.write_bytes(octets if octets.startswith(b"-") else armor(octets, "PUBLIC KEY BLOCK"))
    s.town.run("statement", "submit", "--json", str(file), status=status)


def end(s: Cast) -> None:
    """What becomes of them after that."""
    add_key(s, "renewed", "ed25519")
    submit_certificate(s, revoke_subkey(s.people, s.owners["half"], 2))
    for name, reason in (("gone", COMPROMISED), ("retired", SUPERSEDED)):
        submit_certificate(s, revoked(s.people, dressed(s, name), reason, NOW))
    suspension = s.town.statement("suspend-member", s.owners["braked"], "be", Name="", Key="")
    s.town.submit(s.town.root, suspension)
    s.answers["adopted"] = adopted(s)
    s.answers["SHA-1"] = with_sha1(s)


def make_ending(s: Cast) -> None:
    """Somebody whose key ends soon."""
    at, address = int(time.time()), f"ending-{s.town.home.parent.name}@be.example"
    s.owners["ending"] = s.people.make("Ending", address, at=at - DAY, expires=f"seconds={DAY + ENDS_AFTER_S}")
    attest(s, "ending")
    s.ends.append(at + ENDS_AFTER_S)


def dressed(s: Cast, name: str) -> Somebody:
    who = s.owners[name]
    return Somebody(who.name, who.address, who.fingerprint, s.people.export(who.fingerprint))


def adopted(s: Cast) -> dict[str, object]:
    """A thief's certificate with Vera's primary key in it as a subkey that signs, handed in by an Admin Contact who was deceived."""
    thief = s.people.make("Thief", f"thief-{s.town.home.parent.name}@be.example", at=NOW - 60 * DAY)
    stolen = adopt(s.people, thief, s.vera, 0)
    return s.town.submit(s.town.admin, s.town.statement("attest-ssc", thief, tld="be"), stolen, status=65)


def with_sha1(s: Cast) -> dict[str, object]:
    """A certificate that is held together by SHA-1."""
    name = f"Old <old-{s.town.home.parent.name}@be.example>"
    made = s.people.gpg(
        "--status-fd", "1", "--cert-digest-algo", "SHA1", "--quick-gen-key", name, "rsa2048", "cert,sign", "0", at=BORN
    ).decode()
    old = made.split("KEY_CREATED P ")[1].split()[0]
    s.people.gpg("--cert-digest-algo", "SHA1", "--quick-add-key", old, "rsa2048", "encr", "0", at=BORN)
    s.owners["old"] = Somebody("Old", f"old-{s.town.home.parent.name}@be.example", old, b"")
    said = s.town.statement("attest-ssc", s.owners["old"], tld="be")
    return s.town.submit(s.town.admin, said, s.people.export(old), status=65)


@pytest.fixture(scope="module")
def cast(stage: Stage) -> Cast:
    """Everybody, as they are in the end."""
    with (stage.town.home / "securelist.toml").open("a") as file:
        file.write("members_per_cctld = 50\n")
    made = Cast(**vars(stage))
    make_owners(made)
    attest(made, *made.owners)
    end(made)
    make_ending(made)
    return made


# --- their mails ----------------------------------------------------------------------------------------------------------------


def signed_by(s: Stage, key: str, at: int | None = None) -> bytes:
    """A post that gpg signed with just this key, at that time."""
    made = s.people.gpg("-u", f"{key}!", "--sign", data=content(), at=at)
    return s.mail(s.encrypted(made), From="Somebody <somebody@elsewhere.example>")


def primary(name: str, at: int | None = None) -> Callable[[Cast], bytes]:
    return lambda s: signed_by(s, s.owners[name].fingerprint, at)


def subkey(name: str, at: int | None = None) -> Callable[[Cast], bytes]:
    return lambda s: signed_by(s, s.subkeys[name], at)


def secret_of(s: Cast, name: str, wanted: str) -> Ed25519PrivateKey:
    """The secret of one of somebody's keys (RFC 9580, 5.5.3); nobody here has a passphrase."""
    public = [p for p in read_packets(dearmor(s.people.export(s.owners[name].fingerprint))) if p.tag in (Tag.PUBLIC_KEY, Tag.PUBLIC_SUBKEY)]
    stored = read_packets(s.people.gpg("--export-secret-keys", s.owners[name].fingerprint))
    secrets = [p for p in stored if p.tag in (Tag.SECRET_KEY, Tag.SECRET_SUBKEY)]
    bodies = [(p.body, q.body) for p, q in zip(public, secrets, strict=True) if fingerprint(p) == wanted]
    ((known, whole),) = bodies
    return Ed25519PrivateKey.from_private_bytes(whole[len(known) + 3 : -2].rjust(32, b"\0"))


def by_hand(name: str, wanted: Callable[[Cast], str]) -> Callable[[Cast], bytes]:
    """What gpg would not sign with that key, its owner can."""

    def make(s: Cast) -> bytes:
        data, key = content(), wanted(s)
        named = created() + subpacket(33, b"\4" + bytes.fromhex(key)) + subpacket(16, bytes.fromhex(key[-16:]))
        return sealed(s, signature(secret_of(s, name, key), data, named), literal(data))

    return make


def after_the_end(s: Cast) -> bytes:
    """Signed while the key was good; sent when it was not."""
    time.sleep(max(0, s.ends[0] + 1 - time.time()))
    return signed_by(s, s.owners["ending"].fingerprint, s.ends[0] - 600)


def bound_by_a_stranger(s: Cast) -> bytes:
    """Mallory's key, bound to a member's certificate by himself: the list does not take it, and he signs."""
    theirs, his = dearmor(s.people.export(s.owners["bound"].fingerprint)), read_packets(dearmor(s.mallory.certificate))
    key = write_packet(Tag.PUBLIC_SUBKEY, his[0].body)
    binding = next(packet for packet in his if packet.tag == Tag.SIGNATURE).body
    forged = write_packet(Tag.SIGNATURE, binding[:1] + b"\x18" + binding[2:])
    submit_certificate(s, theirs + key + forged, status=65)  # it adds nothing that is the owner's
    return signed_by(s, s.mallory.fingerprint)


def by_the_list(s: Stage) -> bytes:
    """What the list signed: a copy that Bert got, encrypted to the list again, without a List-Id."""
    s.town.judge(s.town.post(s.anna, f"the list's own {time.time_ns()}"))
    s.town.deliver()
    inside = s.people.gpg("--decrypt", "--unwrap", data=sealed_part(s.town.mails(s.bert.address)[-1]))
    return s.mail(s.encrypted(inside))


def by_the_lists_key(s: Stage) -> bytes:
    """A text that the list's key signed."""
    home = ["--homedir", str(s.town.home / "gnupg")]
    return s.mail(s.encrypted(s.people.gpg(*home, "-u", s.town.key, "--sign", data=entity("from the list itself"))))


def bad(make: Callable[[Cast], bytes], reason: str = "bad-signature", step: str = "verify") -> Bad:
    return Bad(make, reason, step)  # type: ignore[arg-type]


OWNERS = {
    "a subkey that the log does not have": bad(subkey("renewed"), "unknown-signer"),
    "a subkey that does not consent": bad(subkey("unbound"), "unknown-signer"),
    "a stranger's key that he bound to a member's": bad(bound_by_a_stranger, "unknown-signer"),
    "a key for logging in": bad(by_hand("login", lambda s: s.subkeys["login"])),
    "a key for certifying": bad(by_hand("above", lambda s: s.owners["above"].fingerprint)),
    "a DSA subkey": bad(subkey("dsa"), "weak-key"),
    "an RSA-1024 subkey": bad(subkey("rsa"), "weak-key"),
    "a certificate held together by SHA-1": bad(primary("old"), "unknown-signer"),
    "a subkey that has expired since": bad(subkey("lapsed", NOW - 5 * DAY)),
    "a subkey that had expired": bad(by_hand("lapsed", lambda s: s.subkeys["lapsed"])),
    "a key that has expired since": bad(after_the_end),
    "a key that had expired": bad(by_hand("ending", lambda s: s.owners["ending"].fingerprint)),
    "a subkey that is revoked": bad(by_hand("half", lambda s: s.subkeys["half"])),
    "a compromised key": bad(primary("gone")),
    "a compromised key, signed before": bad(primary("gone", NOW - 5 * DAY)),
    "a key that is no longer used": bad(primary("retired")),
    "a key that is no longer used, signed before": bad(primary("retired", NOW - 5 * DAY)),
    "a suspended member": bad(primary("braked"), "not-a-member", "decide"),
    "a suspended member, signed before": bad(primary("braked", NOW - 5 * DAY), "not-a-member", "decide"),
    "a copy that the list signed": bad(by_the_list, "unknown-signer"),
    "the list's own key": bad(by_the_lists_key, "unknown-signer"),
}
