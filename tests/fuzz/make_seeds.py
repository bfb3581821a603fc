"""Makes the seeds anew, with keys that are thrown away: `.venv/bin/python tests/fuzz/make_seeds.py`, some minutes.

A seed is what decent people and programs send: the fuzzer begins with them, and changes them. What is encrypted in them is so in
name only, as `targets_mail.Transparent` opens it, so that the fuzzer reaches what is inside; all signatures are real.
"""

from __future__ import annotations

import base64
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from mail_styles import thunderbird_entity  # noqa: E402
from people import People, Somebody  # noqa: E402
from statement_mails import IN_THE_CLEAR, PLAIN, Desk, binary, keys, mail, multipart, part  # noqa: E402
from town import entity, found_town, mail_of  # noqa: E402

from fuzz import kept, seed_words  # noqa: E402 - the folders first
from fuzz.targets_mail import LIST, sealed  # noqa: E402
from securelist.openpgp.armor import dearmor  # noqa: E402
from securelist.openpgp.certification import read_certifications  # noqa: E402
from securelist.openpgp.packets import read_packets  # noqa: E402
from securelist.openpgp.sequoia import armor  # noqa: E402

Seeds = dict[str, list[bytes]]


class Maker:
    """Who signs, and what they sign."""

    def __init__(self, people: People, folder: Path) -> None:
        self.people, self.town = people, found_town(people, folder)
        self.desk = Desk(self.town, people)
        self.anna = people.make("Anna", "anna@nl.example")
        self.rsa = people.make("Bert", "bert@nl.example", "rsa2048")
        self.carla = people.make("Carla Ångström", "carla@br.example", "nistp256")
        self.town.attest(self.anna)

    # --- messages

    def messages(self) -> list[bytes]:
        """Signed messages, binary, as they come out of the encryption."""
        content = entity("The name servers of .nl are under attack.", f"To: {LIST}", "From: Anna <anna@nl.example>", "Subject: Attack")
        plain = ("--compress-level", "0", "--set-filename", "")
        made = [self._signed(who, content, *plain) for who in (self.anna, self.rsa, self.carla)]
        made.append(self._signed(self.anna, content))
        made.append(self._signed(self.anna, content, "--compress-algo", "bzip2"))
        made.append(self._signed(self.anna, content, "--textmode", *plain))
        literal = self.people.gpg("--store", "--compress-level", "0", data=self.people.multipart_signed(self.anna, content))
        return [*made, literal]

    def _signed(self, who: Somebody, content: bytes, *options: str) -> bytes:
        return self.people.gpg("-u", who.fingerprint, *options, "--sign", data=content)

    def texts(self) -> list[bytes]:
        """Signed texts in their other forms."""
        words = self.town.statement("attest-ssc", self.anna)
        clearsigned = [self.people.clearsign(who, words) for who in (self.anna, self.rsa)]
        clearsigned.append(self.people.clearsign(self.anna, "- dashes\n\nFrom here\ttabs \n"))
        return [*clearsigned, self.people.sign(self.anna, words), self.people.multipart_signed(self.anna, part(PLAIN, words))]

    def posts(self) -> Iterator[bytes]:
        """Posts to the list, encrypted in name only."""
        for message in self.messages():
            yield mail_of(armor(sealed(message), "MESSAGE"), "Anna <anna@nl.example>")
        inline = armor(sealed(self.messages()[0]), "MESSAGE")
        head = f"From: Anna <anna@nl.example>\nTo: {LIST}\nSubject: inline\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"
        yield (head.encode() + inline).replace(b"\n", b"\r\n")
        quoted = head.replace("\n\n", "\nContent-Transfer-Encoding: base64\n\n").encode() + base64.encodebytes(inline)
        yield quoted.replace(b"\n", b"\r\n")

    def requests(self) -> Iterator[bytes]:
        """Mails to LIST-request: in the clear, and encrypted in name only."""
        words = self.town.statement("attest-ssc", self.anna)
        for form in IN_THE_CLEAR.values():
            yield form(self.desk, self.anna, words)
        inside = multipart(part(PLAIN, words), keys(self.anna))
        for message in (self._signed(self.town.admin, inside), self.people.gpg("--store", data=self.desk.signed_entity(inside))):
            yield self.desk.pgp_mime(armor(sealed(message), "MESSAGE"))
        yield mail(self.town.admin, part(PLAIN, armor(sealed(self._signed(self.anna, words.encode())), "MESSAGE")))
        yield mail(
            self.anna, self.people.multipart_signed(self.anna, thunderbird_entity(words, (self.anna.certificate,), {"From": "Anna"}, True))
        )

    # --- certificates

    def certificates(self) -> list[bytes]:
        """Certificates, binary: several algorithms, certified, revoked, with a subkey more."""
        self.people.gpg("-u", self.town.admin.fingerprint, "--cert-notation", f"cctld@{LIST.partition('@')[2]}=nl", "--force-sign-key",
                        "--quick-sign-key", self.anna.fingerprint)  # fmt: skip
        self.people.gpg("--quick-add-uid", self.carla.fingerprint, "Carla <carla@elsewhere.example>")
        former = self.people.make("Former", "former@nl.example")
        made = [dearmor(self.people.export(who.fingerprint)) for who in (self.anna, self.rsa, self.carla)]
        return [*made, dearmor(self.people.revoke(former))]

    def seeds(self) -> Seeds:
        """All that needs keys, by target."""
        certificates, messages, texts, posts = self.certificates(), self.messages(), self.texts(), list(self.posts())
        encrypted = dearmor(self.town.encrypt(self.anna, b"secret"))
        requests = list(self.requests())
        evidence = [found.octets for found in read_certifications(certificates[0])]
        armored = [armor(octets, "PUBLIC KEY BLOCK") for octets in certificates]
        export = self.town.home.parent / "log"
        self.town.run("log", "export", str(export))
        signatures = [packet.octets for octets in certificates for packet in read_packets(octets) if packet.tag == 2]
        attached = part("application/octet-stream", binary(self.anna, "application/pgp-keys"), "base64", "mail.eml")
        return {
            "entity": [*posts, *requests, attached],
            "received": posts[:2],
            "opened": posts,
            "packets": [*certificates, *messages, encrypted, *signatures],
            "armor": [*armored, *texts, armor(messages[0], "MESSAGE"), b"".join(armored[:2])],
            "signed": [*texts, armor(messages[0], "MESSAGE"), *messages],
            "combined": messages,
            "certificates": [*certificates, *armored, b"".join(certificates[:2])],
            "certifications": [*certificates, *evidence],
            "request": requests,
            "parcel": [*requests[:4], *texts, *armored, *certificates[:1], b"From anna@nl.example Mon\n" + requests[0]],
            "export": [export.read_bytes()],
            "bundle": [seed_words.bundle({**seed_words.EMMA, "fingerprint": self.anna.fingerprint, "certificate": armored[0].decode()})],
        }


def main() -> None:
    """Writes `seeds/TARGET.txt` for every target."""
    folder = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    home = folder / "p"
    home.mkdir(mode=0o700)
    people = People(home)
    made: Seeds = {}
    try:
        maker = Maker(people, folder)
        made = maker.seeds()
        maker.town.close()
    finally:
        people.close()
        shutil.rmtree(folder, ignore_errors=True)
    for target in {**made, **seed_words.SEEDS}:
        octets = [*made.get(target, []), *seed_words.SEEDS.get(target, [])]
        print(f"{target}: {kept.write(kept.SEEDS, target, octets)} seeds")


if __name__ == "__main__":
    main()
