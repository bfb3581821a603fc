"""Keys of all the kinds that people have, each with how its owner signs with it. Their owners become members in one statement."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pysequoia
from bad_mails import DAY, Stage
from good_mails import SUBJECT, Made, Maker, entity
from people import People, Somebody
from town import mail_of

YEAR = 365 * DAY


@dataclass(frozen=True)
class Key:
    """Somebody's key, and which of its keys signs: all of it as gpg wants it after `-u`."""

    who: Somebody
    signer: str


Making = Callable[[People, str, str], Key]
"""(people, name, address) -> the key"""


def primary(algorithm: str, encryption: str = "") -> Making:
    """A primary key that signs, and a subkey that decrypts; algorithms as gpg calls them."""

    def make(people: People, name: str, address: str) -> Key:
        who = people.make(name, address, algorithm, encryption=encryption or "cv25519")
        return Key(who, who.fingerprint)

    return make


def _add(people: People, who: Somebody, *subkeys: tuple[str, str, str], at: int | None = None) -> None:
    for algorithm, use, expires in subkeys:
        people.gpg("--quick-add-key", who.fingerprint, algorithm, use, expires, at=at)


def _now(people: People, who: Somebody, signer: str = "") -> Key:
    return Key(Somebody(who.name, who.address, who.fingerprint, people.export(who.fingerprint)), signer or who.fingerprint)


def subkeys(people: People, who: Somebody) -> list[str]:
    """The fingerprints of somebody's subkeys."""
    listing = people.gpg("--with-colons", "--with-subkey-fingerprint", "--list-keys", who.fingerprint).decode()
    return re.findall(r"^fpr:::::::::([0-9A-F]{40}):", listing, re.MULTILINE)[1:]


def certifies_only(*signing: str) -> Making:
    """A primary key that only certifies, as people keep it at home, with a subkey of each of these algorithms that signs."""

    def make(people: People, name: str, address: str) -> Key:
        said = people.gpg("--status-fd", "1", "--quick-gen-key", f"{name} <{address}>", "ed25519", "cert", "0").decode()
        who = Somebody(name, address, said.split("KEY_CREATED P ")[1].split()[0], b"")
        _add(people, who, ("cv25519", "encr", "0"), *((algorithm, "sign", "0") for algorithm in signing))
        return _now(people, who)

    return make


def _oldest_of_three(people: People, name: str, address: str) -> Key:
    who = people.make(name, address)
    _add(people, who, ("ed25519", "sign", "0"), ("rsa2048", "sign", "0"), ("ed25519", "sign,auth", "0"))
    return _now(people, who, f"{subkeys(people, who)[1]}!")


def _renewed_subkeys(people: People, name: str, address: str) -> Key:
    """Last year's subkeys have expired, this year's have not."""
    past = int(time.time()) - 2 * YEAR
    who = people.make(name, address, at=past, encryption=None)
    _add(people, who, ("ed25519", "sign", "1y"), ("cv25519", "encr", "1y"), at=past)
    _add(people, who, ("ed25519", "sign", "1y"), ("cv25519", "encr", "1y"), at=int(time.time()) - DAY)
    return _now(people, who)


def _extended(people: People, name: str, address: str) -> Key:
    """A key that would have expired, and was given another year."""
    past = int(time.time()) - 2 * YEAR
    who = people.make(name, address, at=past, expires="1y")
    for subkey in ([], subkeys(people, who)):
        people.gpg("--quick-set-expire", who.fingerprint, "3y", *subkey, at=int(time.time()) - DAY)
    return _now(people, who)


def _revoked_subkey(people: People, name: str, address: str) -> Key:
    who = people.make(name, address)
    _add(people, who, ("ed25519", "sign", "0"), ("ed25519", "sign", "0"))
    people.gpg("--command-fd", "0", "--edit-key", who.fingerprint, data=b"key 2\nrevkey\ny\n1\n\ny\nsave\n")
    return _now(people, who)


def _many_names(people: People, name: str, address: str) -> Key:
    who = people.make(name, address)
    for other in (
        "Kim Å <kim@elsewhere.example>",
        "東京 <tokyo@jp.example>",
        "kim@bare.example",
        *(f"K{n} <k{n}@x.example>" for n in range(12)),
    ):
        people.gpg("--quick-add-uid", who.fingerprint, other)
    people.gpg("--quick-revoke-uid", who.fingerprint, "kim@bare.example")
    return _now(people, who)


def _certified(people: People, name: str, address: str) -> Key:
    """By half a dozen friends, as from a key-signing party."""
    who = people.make(name, address)
    for number in range(6):
        friend = people.make("Friend", f"friend{number}-{address}", encryption=None)
        people.gpg("-u", friend.fingerprint, "--quick-sign-key", who.fingerprint)
    return _now(people, who)


def _imported(secret: bytes, people: People, name: str, address: str) -> Key:
    said = people.gpg("--status-fd", "1", "--import", data=secret).decode()
    fingerprint = said.split("IMPORT_OK ")[1].split()[1]
    return _now(people, Somebody(name, address, fingerprint, b""))


def _by_sequoia(people: People, name: str, address: str) -> Key:
    return _imported(bytes(pysequoia.Tsk.generate(user_ids=[f"{name} <{address}>"])), people, name, address)


def by(*command: str) -> Making:
    """A key that a program made; the user ID comes last."""

    def make(people: People, name: str, address: str) -> Key:
        return _imported(subprocess.run([*command, f"{name} <{address}>"], capture_output=True, check=True).stdout, people, name, address)

    return make


KEYS: dict[str, Making] = {
    "RSA-2048": primary("rsa2048", "rsa2048"),
    "RSA-4096": primary("rsa4096"),
    "NIST P-384": primary("nistp384", "nistp384"),
    "NIST P-521": primary("nistp521", "nistp521"),
    "Ed25519 that decrypts with RSA": primary("ed25519", "rsa2048"),
    "a primary key that only certifies": certifies_only("ed25519"),
    "a primary key that only certifies, RSA signs": certifies_only("rsa2048"),
    "the oldest of three subkeys that sign": _oldest_of_three,
    "renewed subkeys": _renewed_subkeys,
    "a key whose life was prolonged": _extended,
    "a key with a revoked subkey": _revoked_subkey,
    "a key with many names": _many_names,
    "a key that friends certified": _certified,
    "a key that expires in a year": lambda people, name, address: _now(people, people.make(name, address, expires="1y")),
    "a key made by Sequoia": _by_sequoia,
    "a key made by sqop": by("sqop", "generate-key"),
    "a key made by GopenPGP": by("gosop", "generate-key"),
}


def admit(s: Stage) -> Mapping[str, Key]:
    """Makes the owner of each kind of key a member, with two addresses."""
    place = s.town.home.parent.name
    found = {
        kind: make(s.people, f"Kim {number:02d}", f"kim{number}-{place}@nl.example") for number, (kind, make) in enumerate(KEYS.items())
    }
    texts = [s.town.statement("attest-ssc", key.who).replace("\nKey:", f"\nEmail: 2{key.who.address}\nKey:") for key in found.values()]
    s.town.submit(s.town.admin, "\n".join(texts), *(key.who.certificate for key in found.values()))
    return found


def post_by(key: Key, second_address: bool = False) -> Maker:
    """A post by the owner of this key."""

    def make(s: Stage, text: str) -> Made:
        content = entity(text)
        armored = s.people.gpg("--armor", "-r", s.town.key, "-u", key.signer, "--sign", "--encrypt", data=content)
        mail = mail_of(armored, f"{key.who.name} <{'2' * second_address}{key.who.address}>")
        return Made(mail, content.partition(b"\r\n\r\n")[2], text, SUBJECT, key.who)

    return make
