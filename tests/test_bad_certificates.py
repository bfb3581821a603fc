"""Certificates that nobody can use, handed in or gone bad since: one clear refusal each, and nobody is dropped in silence."""

from __future__ import annotations

import dataclasses
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import pysequoia
import pytest
from people import People, Somebody
from town import Town, entity, mail_of, member

from securelist.openpgp.armor import dearmor
from securelist.openpgp.packets import Tag, read_packets
from securelist.openpgp.sequoia import armor

DAY = 86_400
NOW = int(time.time())
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Desk:
    """A list with an Admin Contact for .be and .de besides .nl, and new people."""

    town: Town
    people: People
    entries: int
    """How many entries the log had at first."""

    def make(self, algorithm: str = "ed25519", **options: object) -> Somebody:
        """Somebody new."""
        number = next(_numbers)
        address = f"dora-{number}-{self.town.home.parent.name}@be.example"
        return self.people.make(f"Dora {number}", address, algorithm, **options)  # type: ignore[arg-type]

    def attest(self, who: Somebody, certificate: bytes, tld: str = "be", status: int = 0, **fields: str) -> dict[str, object]:
        """The answer to an attestation that comes with this file for a certificate."""
        return self.town.submit(self.town.admin, self.town.statement("attest-ssc", who, tld, **fields), certificate, status=status)


def length_of_log(town: Town) -> int:
    return len(json.loads(town.run("log", "show", "--json")))


@pytest.fixture(scope="module")
def desk(town: Town, people: People) -> Desk:
    for tld in ("be", "de"):
        town.submit(town.root, town.statement("appoint-admin-contact", town.admin, tld))
    return Desk(town, people, length_of_log(town))


def same(who: Somebody) -> bytes:
    return who.certificate


def secret(desk: Desk, who: Somebody, what: str = "keys") -> bytes:
    return desk.people.gpg("--armor", f"--export-secret-{what}", who.fingerprint)


def packets_of(who: Somebody, chosen: Callable[[int, int], bool]) -> bytes:
    """The certificate with those of its packets for which (place, tag) is chosen."""
    packets = enumerate(read_packets(dearmor(who.certificate)))
    return armor(b"".join(packet.octets for place, packet in packets if chosen(place, packet.tag)), "PUBLIC KEY BLOCK")


def subkey_of(people: People, who: Somebody) -> str:
    """The fingerprint of the encryption subkey."""
    return people.gpg("--with-colons", "--list-keys", who.fingerprint).decode().split("fpr:::::::::")[2].split(":")[0]


def with_expired_subkey(desk: Desk) -> tuple[Somebody, bytes]:
    who = desk.make(at=NOW - 30 * DAY)
    desk.people.gpg("--quick-set-expire", who.fingerprint, "10d", subkey_of(desk.people, who), at=NOW - 29 * DAY)
    return who, desk.people.export(who.fingerprint)


def version_6() -> tuple[Somebody, bytes]:
    made = pysequoia.Tsk.generate("Six <six@be.example>", profile=pysequoia.Profile.RFC9580).extract_certificate()
    return Somebody("Six", "six@be.example", made.fingerprint.upper(), bytes(made)), bytes(made)


def given(who: Somebody, certificate: Callable[[Somebody], bytes]) -> tuple[Somebody, bytes]:
    return who, certificate(who)


# Who is attested, the file that comes with it, the reason code, and what the sentence must hold; "line 6" is the Key's.
BAD: dict[str, tuple[Callable[[Desk], tuple[Somebody, bytes]], str, str]] = {
    "a secret key": (lambda d: given(d.make(), lambda w: secret(d, w)), "secret-key", "SECRET"),
    "a secret key, binary": (lambda d: given(d.make(), lambda w: dearmor(secret(d, w))), "secret-key", "SECRET"),
    "a secret key that calls itself public": (
        lambda d: given(d.make(), lambda w: secret(d, w).replace(b"PRIVATE", b"PUBLIC")),
        "secret-key",
        "SECRET",
    ),
    "secret subkeys": (lambda d: given(d.make(), lambda w: secret(d, w, "subkeys")), "secret-key", "SECRET"),
    "a secret key behind the certificate": (lambda d: given(d.make(), lambda w: w.certificate + secret(d, w)), "secret-key", "SECRET"),
    "no encryption subkey": (lambda d: given(d.make(encryption=None), same), "cannot-encrypt", "line 6: "),
    "an encryption subkey of RSA-1024": (lambda d: given(d.make(encryption="rsa1024"), same), "cannot-encrypt", "line 6: "),
    "an encryption subkey of ElGamal": (lambda d: given(d.make(encryption="elg1024"), same), "cannot-encrypt", "line 6: "),
    "an expired encryption subkey": (with_expired_subkey, "cannot-encrypt", "--quick-add-key"),
    "expired": (lambda d: given(d.make(at=NOW - 30 * DAY, expires="10d"), same), "expired", "--quick-set-expire"),
    "revoked": (lambda d: given(d.make(), d.people.revoke), "revoked", "line 6: "),
    "RSA-1024": (lambda d: given(d.make("rsa1024"), same), "weak-key", "1024 bits"),
    "DSA": (lambda d: given(d.make("dsa1024", encryption="cv25519"), same), "weak-key", "DSA"),
    "of version 6, which GnuPG does not know": (lambda d: version_6(), "unreadable-by-gnupg", "version 6"),
    "without signatures": (
        lambda d: given(d.make(), lambda w: packets_of(w, lambda _, tag: tag != Tag.SIGNATURE)),
        "bad-certificate",
        "line 6: ",
    ),
    "without a user ID": (
        lambda d: given(d.make(), lambda w: packets_of(w, lambda place, _: place not in (1, 2))),
        "bad-certificate",
        "line 6: ",
    ),
    "of somebody else": (lambda d: (d.make(), member(d.town, "Anna").certificate), "certificate-missing", "line 6: "),
    "the list's own": (
        lambda d: (dataclasses.replace(d.make(), fingerprint=d.town.key), d.town.run("key", "show", "--armor")),
        "the-list-key",
        "line 6: ",
    ),
    "cut short": (lambda d: given(d.make(), lambda w: w.certificate[:300]), "not-whole", "cut short"),
    "damaged": (lambda d: given(d.make(), lambda w: w.certificate.replace(b"\n=", b"\nA=A=")), "bad-armor", "base64"),
    "an empty file": (lambda d: (d.make(), b"\n"), "empty", "empty"),
    "something else": (lambda d: (d.make(), b"Dear list,\n"), "not-recognised", "neither"),
}


@pytest.mark.parametrize(("make", "reason", "holds"), BAD.values(), ids=BAD)
def test_a_certificate_that_cannot_be_admitted(desk: Desk, make: Callable[[Desk], tuple[Somebody, bytes]], reason: str, holds: str) -> None:
    """An attestation of it is refused with the rule and, where it names the key, the line; nothing enters the log."""
    who, certificate = make(desk)
    answer = desk.attest(who, certificate, status=65)
    assert list(answer) == ["accepted", "reason", "detail"]
    assert (answer["accepted"], answer["reason"]) == (False, reason), answer
    assert holds in str(answer["detail"])
    assert "\n" not in str(answer["detail"])


def test_nothing_of_them_entered_the_log(desk: Desk) -> None:
    """After all those refusals the log is as it was."""
    assert length_of_log(desk.town) == desk.entries


@pytest.mark.parametrize(
    ("key", "reason"),
    [("0123456789ABCDEF", "bad-key"), ("0x" + 40 * "A", "bad-key"), (39 * "A" + "G", "bad-key"), (40 * "A", "certificate-missing")],
)
def test_a_key_that_is_named_otherwise_than_in_full(desk: Desk, key: str, reason: str) -> None:
    """Nothing shorter than the full fingerprint names a certificate."""
    who = desk.make()
    answer = desk.attest(who, who.certificate, status=65, Key=key)
    assert answer["reason"] == reason
    assert str(answer["detail"]).startswith("line 6: ")


# --- gone bad since ------------------------------------------------------------------------------------------------------


def expire(people: People, who: Somebody) -> None:
    """Its owner let it expire two days ago."""
    people.gpg("--quick-set-expire", who.fingerprint, "27d", at=NOW - 29 * DAY)


def expire_subkey(people: People, who: Somebody) -> None:
    people.gpg("--quick-set-expire", who.fingerprint, "27d", subkey_of(people, who), at=NOW - 29 * DAY)


def revoke(people: People, who: Somebody) -> None:
    people.revoke(who)


def revoke_subkey(people: People, who: Somebody) -> None:
    answers = b"key 1\nrevkey\ny\n0\n\ny\nsave\n"
    people.gpg("--command-fd", "0", "--no-batch", "--pinentry-mode", "loopback", "--edit-key", who.fingerprint, data=answers)


NO_SUBKEY = "the key has no encryption subkey that is valid now"
# How a key that was good when it was attested went bad, why its owner gets nothing, and what becomes of their own posts.
SINCE: dict[str, tuple[Callable[[People, Somebody], None], str, tuple[str, str, str]]] = {
    "expired": (expire, "the key has expired", ("refuse", "bad-signature", "verify")),
    "revoked": (revoke, "the key is revoked", ("refuse", "bad-signature", "verify")),
    "encryption subkey expired": (expire_subkey, NO_SUBKEY, ("accept", "accepted", "commit")),
    "encryption subkey revoked": (revoke_subkey, NO_SUBKEY, ("accept", "accepted", "commit")),
}


@pytest.fixture(scope="module")
def gone_bad(desk: Desk) -> dict[str, tuple[Somebody, bytes]]:
    """Members whose keys went bad as SINCE says, each with a post that they signed three days ago."""
    found = {}
    for (how, (change, _, _)), tld in zip(SINCE.items(), ("be", "be", "de", "de"), strict=True):
        who = desk.make(at=NOW - 30 * DAY)
        desk.attest(who, who.certificate, tld)
        content = desk.people.sign(who, entity(f"by a key that is {how}"), at=NOW - 3 * DAY, armor=False)
        options = ("--armor", "--no-literal", "--compress-level", "0", "-r", desk.town.key)
        found[how] = who, mail_of(desk.people.gpg(*options, "--encrypt", data=content), f"{who.name} <{who.address}>")
        change(desk.people, who)
        file = desk.town.home.parent / "renewed.asc"
        file.write_bytes(desk.people.export(who.fingerprint))
        assert json.loads(desk.town.run("statement", "submit", "--json", str(file)))["accepted"]
    return found


@pytest.mark.parametrize("how", SINCE)
def test_a_member_whose_key_went_bad_is_unreachable_and_told_so(desk: Desk, gone_bad: dict[str, tuple[Somebody, bytes]], how: str) -> None:
    """They stay on the list as unreachable, with the reason; what they sign counts only if their key can sign now."""
    who, mail = gone_bad[how]
    _, why, (verdict, reason, step) = SINCE[how]
    shown = json.loads(desk.town.run("member", "show", "--json", who.address))
    assert (shown["state"], shown["why"]) == ("unreachable", why)
    said = desk.town.judge(mail)
    assert (said["verdict"], said["reason"], said["step"]) == (verdict, reason, step), said
    assert verdict == "accept" or how in str(said["detail"])


def test_the_others_get_theirs_and_a_row_says_who_does_not(desk: Desk, gone_bad: dict[str, tuple[Somebody, bytes]]) -> None:
    """One post: a copy for each member who can be reached, and for each other a row with the reason."""
    said = desk.town.judge(desk.town.post(member(desk.town, "Anna"), "to whom it reaches"))
    post = str(said["detail"]).rpartition(" ")[2]
    desk.town.deliver()
    rows = {row["recipient"]: (row["state"], row["answer"]) for row in json.loads(desk.town.run("queue", "show", "--json", post))}
    reached = dict.fromkeys(desk.town.members, ("delivered", "delivered to the Maildir"))
    assert rows == reached | {who.address: ("unreachable", SINCE[how][1]) for how, (who, _) in gone_bad.items()}
    for who in desk.town.members.values():
        assert b"to whom it reaches" in desk.town.opened(desk.town.mails(who.address)[-1])[0]
    for who, _ in gone_bad.values():
        notices = desk.town.mails(who.address)
        assert notices and all("could not be encrypted to you" in mail["Subject"] for mail in notices)
        assert not any("to whom it reaches" in mail.as_string() or mail.get_content_type() == "multipart/encrypted" for mail in notices)


def test_a_key_that_its_owner_extends_is_reachable_again(desk: Desk, gone_bad: dict[str, tuple[Somebody, bytes]]) -> None:
    """The renewed certificate alone, without a statement, is enough."""
    who, mail = gone_bad["expired"]
    desk.people.gpg("--quick-set-expire", who.fingerprint, "2y")
    file = desk.town.home.parent / "extended.asc"
    file.write_bytes(desk.people.export(who.fingerprint))
    desk.town.run("statement", "submit", str(file))
    assert json.loads(desk.town.run("member", "show", "--json", who.fingerprint))["state"] == "active"
    assert desk.town.judge(mail)["verdict"] == "accept"
