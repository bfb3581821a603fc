"""Signed texts inside other mails, as people and their mail clients put them there: each counts by its own signature alone."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

import pytest
from statement_mails import PLAIN, keys, mail, multipart, part
from trust_world import Cast, World, attestation

from securelist.errors import Refused
from securelist.mail.mime import Entity
from securelist.openpgp.signed import SignedMessage
from securelist.post.step2_open import open_unsigned
from securelist.request_mail import read_request
from securelist.trust.classify import classify
from securelist.trust.submission import Submission, submit

FLOWED = "text/plain; charset=utf-8; format=flowed"
ASC = "application/pgp-encrypted"  # what Thunderbird on Linux calls an attached .asc, whatever is in it


@dataclasses.dataclass(frozen=True)
class Sender:
    """Who writes to the list: the Admin Contact of .nl, about Dora, if nobody else is said."""

    world: World

    @property
    def cast(self) -> Cast:
        return self.world.cast

    def text(self) -> str:
        return "Dear Secretariat,\n\n" + attestation(self.cast.dora, Organisation="From the Registry")

    def clearsigned(self, text: str = "", by: str = "admin") -> bytes:
        return self.cast.people.clearsign(getattr(self.cast, by), text or self.text())

    def wrapped(self, entity: bytes, by: str = "admin") -> bytes:
        """As the mail client signs it (PGP/MIME)."""
        made, own = self.cast.people.multipart_signed(getattr(self.cast, by), entity), by.encode()
        for end in (b"\r", b"--"):  # boundaries of their own: one may stand in the other
            made = made.replace(b"--b" + end, b"--" + own + end)
        return made.replace(b'boundary="b"', b'boundary="' + own + b'"')

    def encrypted(self, content: bytes, *how: str) -> bytes:
        """Encrypted to the list, armoured."""
        people, key = self.cast.people, self.cast.list_key
        people.gpg("--import", data=key.certificate())
        return people.gpg("--armor", "--trust-model", "always", "-r", key.fingerprint, *how, "--encrypt", data=content)

    def signed_and_encrypted(self, content: bytes, by: str = "admin") -> bytes:
        return self.encrypted(content, "-u", getattr(self.cast, by).fingerprint, "--sign")

    def pgp_mime(self, armored: bytes) -> bytes:
        control = part("application/pgp-encrypted", "Version: 1\n")
        entity = multipart(control, part("application/octet-stream", armored), kind="encrypted", boundary="e0")
        return self.mailed(entity)

    def mailed(self, entity: bytes, by: str = "admin") -> bytes:
        return mail(getattr(self.cast, by), entity)

    def dora(self) -> bytes:
        return keys(self.cast.dora)

    def open(self, entity: Entity) -> SignedMessage | bytes:
        certificate = self.cast.anchor.certificates[0]
        return open_unsigned(entity, self.cast.list_key, frozenset(key.key_id for key in certificate.keys))

    def hand_in(self, *mails: bytes) -> Submission:
        def read(octets: bytes) -> tuple[list[bytes], list[bytes]]:
            found = read_request(octets, self.open)
            return found.signed, found.certificates

        parcel = dataclasses.replace(classify(mails, read), mailed=True)
        return submit(parcel, self.world.membership, self.cast.anchor, int(time.time()), 9)


@pytest.fixture
def sender(peopled: World) -> Sender:
    return Sender(peopled)


Mail = Callable[[Sender], bytes]


def attached(octets: bytes, kind: str = ASC, encoding: str = "") -> bytes:
    return part(f'{kind}; name="statement.asc"', octets, encoding, "statement.asc")


def words(text: str = "Please see the attached statement.\n") -> bytes:
    return part(PLAIN, text)


def quoted(text: str) -> str:
    return "You wrote:\n" + "".join(f"> {line}".rstrip() + "\n" for line in text.splitlines())


READ: dict[str, Mail] = {
    "a file in a mail that the client signed": lambda s: s.mailed(s.wrapped(multipart(words(), attached(s.clearsigned()), s.dora()))),
    "the same, base64": lambda s: s.mailed(
        s.wrapped(multipart(words(), attached(s.clearsigned(), encoding="base64"), keys(s.cast.dora, "base64")))
    ),
    "a file called text": lambda s: s.mailed(
        s.wrapped(multipart(words(), attached(s.clearsigned(), 'text/plain; charset="utf-8"'), s.dora()))
    ),
    "a file called a signature": lambda s: s.mailed(
        s.wrapped(multipart(words(), attached(s.clearsigned(), "application/pgp-signature"), s.dora()))
    ),
    "a file that is signed inline": lambda s: s.mailed(
        s.wrapped(multipart(words(), attached(s.cast.people.sign(s.cast.admin, s.text())), s.dora()))
    ),
    "a file, the certificate outside of what the client signed": lambda s: s.mailed(
        multipart(s.wrapped(multipart(words(), attached(s.clearsigned()))), s.dora(), boundary="o0")
    ),
    "a file below a quoted statement": lambda s: s.mailed(
        s.wrapped(multipart(words(quoted(s.text())), attached(s.clearsigned()), s.dora()))
    ),
    "a file in a mail that a member's client signed": lambda s: s.mailed(
        s.wrapped(multipart(words(), attached(s.clearsigned()), s.dora()), by="anna"), by="anna"
    ),
    "a file in a mail that a stranger's client signed": lambda s: s.mailed(
        s.wrapped(multipart(words(), attached(s.clearsigned()), s.dora()), by="mallory"), by="mallory"
    ),
    "a file in a mail that is encrypted, too": lambda s: s.pgp_mime(
        s.signed_and_encrypted(multipart(words(), attached(s.clearsigned()), s.dora()))
    ),
    "a file in a mail that is signed inside the encryption": lambda s: s.pgp_mime(
        s.encrypted(s.wrapped(multipart(words(), attached(s.clearsigned()), s.dora())))
    ),
    "a file in a mail that is encrypted and not signed": lambda s: s.pgp_mime(
        s.encrypted(multipart(words(), attached(s.clearsigned()), s.dora()))
    ),
    "pasted into a mail that is encrypted and not signed": lambda s: s.pgp_mime(
        s.encrypted(multipart(part(PLAIN, s.clearsigned()), s.dora()))
    ),
    "pasted, encrypted inline and not signed": lambda s: s.mailed(
        part(PLAIN, s.encrypted(s.clearsigned() + b"\n" + s.cast.dora.certificate))
    ),
    "signed by the client, around that a footer, all encrypted": lambda s: s.pgp_mime(
        s.encrypted(multipart(s.wrapped(multipart(part(PLAIN, s.text()), s.dora())), words("-- \nNL Registry\n"), boundary="o0"))
    ),
    "a file that gpg signed and encrypted": lambda s: s.mailed(
        multipart(words(), attached(s.signed_and_encrypted(s.text().encode())), s.dora())
    ),
    "a mail attached to a mail that a member's client signed": lambda s: s.mailed(
        s.wrapped(
            multipart(words(), part("message/rfc822", s.mailed(s.wrapped(multipart(part(PLAIN, s.text()), s.dora())))), boundary="o0"),
            by="anna",
        ),
        by="anna",
    ),
    "pasted into a mail that the client signed": lambda s: s.mailed(s.wrapped(multipart(part(PLAIN, s.clearsigned()), s.dora()))),
    "above a quoted signed text": lambda s: s.mailed(
        multipart(part(PLAIN, s.clearsigned() + quoted(s.clearsigned("something else\n")).encode()), s.dora())
    ),
    # as composed
    "flowed": lambda s: s.mailed(s.wrapped(multipart(part(FLOWED, flowed(s.text()), "quoted-printable"), s.dora()))),
    "flowed, deleting spaces": lambda s: s.mailed(s.wrapped(multipart(part(FLOWED + "; delsp=yes", flowed(s.text(), " ")), s.dora()))),
    "flowed around a signed text": lambda s: s.mailed(multipart(part(FLOWED, flowed(s.clearsigned().decode())), s.dora())),
    "flowed, with blanks at the ends of lines": lambda s: s.mailed(
        s.wrapped(multipart(part(FLOWED, s.text().replace("\n", " \n")), s.dora()))
    ),
    "with no-break spaces, as HTML has them": lambda s: s.mailed(
        s.wrapped(multipart(part(PLAIN, s.text().replace("  ", "\u00a0 ").replace("\n\n", "\n\u00a0\n"), "base64"), s.dora()))
    ),
}


def flowed(text: str, more: str = "") -> str:
    """As RFC 3676 has it sent: wrapped after 30 characters, stuffed where a line begins like a quotation or with From."""
    lines = []
    for line in text.split("\n"):
        rest = line
        while len(rest) > 30 and " " in rest[30:]:
            at = rest.index(" ", 30) + 1
            lines.append(rest[:at] + more)
            rest = rest[at:]
        lines.append(rest)
    return "\n".join(f" {line}" if line.startswith((" ", ">", "From ")) else line for line in lines)


@pytest.mark.parametrize("make", READ.values(), ids=READ)
def test_a_statement_is_read_wherever_its_signer_put_it(sender: Sender, make: Mail) -> None:
    """It takes effect once, for the one who signed it, whoever sent the mail around it."""
    done = sender.hand_in(make(sender))
    cast = sender.cast
    assert [(e.type, e.signer) for e in done.entries] == [("certificate", ""), ("attest-ssc", cast.admin.fingerprint)]
    [said] = done.said
    assert said.statement.person.organisation == "From the Registry" and said.statement.key == cast.dora.fingerprint


def test_a_field_below_a_blank_stays_a_field(sender: Sender) -> None:
    """People paste lines with blanks at their ends: what they wrote on a line of its own does not vanish into the value above."""
    text = attestation(sender.cast.dora, Organisation="Registry").rstrip("\n") + " \nShare: regional\n"
    done = sender.hand_in(sender.mailed(sender.wrapped(multipart(part(FLOWED, text.replace("\n", " \n")), sender.dora()))))
    assert done.said[0].statement.person.share_regional and done.said[0].statement.person.organisation == "Registry"


# --- what does not count -------------------------------------------------------------------------------------------------


def in_two(s: Sender) -> bytes:
    other = s.clearsigned("another text\n")
    mark = b"-----BEGIN PGP SIGNATURE-----"
    return s.clearsigned().partition(mark)[0] + mark + other.partition(mark)[2]


UNREAD: dict[str, tuple[Mail, str]] = {
    "quoted in a mail that the client signed": (
        lambda s: s.mailed(s.wrapped(multipart(words(quoted(s.text())), s.dora()))),
        "no-statement",
    ),
    "quoted in flowed text": (
        lambda s: s.mailed(s.wrapped(multipart(part(FLOWED, quoted(s.text())), s.dora()))),
        "no-statement",
    ),
    "quoted deeper": (
        lambda s: s.mailed(s.wrapped(multipart(part(FLOWED, quoted(quoted(s.text()))), s.dora()))),
        "no-statement",
    ),
    "quoted, with the signature": (lambda s: s.mailed(multipart(words(quoted(s.clearsigned().decode())), s.dora())), "nothing-new"),
    "stuffed as flowed text in text that is not": (
        lambda s: s.mailed(s.wrapped(multipart(words(s.text().replace("Secure", " Secure")), s.dora()))),
        "no-statement",
    ),
    "attached, not signed, in a mail that the client signed": (
        lambda s: s.mailed(s.wrapped(multipart(words(), attached(s.text().encode(), PLAIN), s.dora()))),
        "nothing-new",
    ),
    "encrypted, not signed": (lambda s: s.pgp_mime(s.encrypted(multipart(part(PLAIN, s.text()), s.dora()))), "nothing-new"),
    "encrypted inline, not signed": (lambda s: s.mailed(part(PLAIN, s.encrypted(s.text().encode()))), "empty"),
    "encrypted twice": (lambda s: s.pgp_mime(s.encrypted(s.encrypted(s.clearsigned()))), "empty|not-a-mail"),
    "encrypted twice, as attachments": (
        lambda s: s.pgp_mime(s.encrypted(multipart(words(), attached(s.encrypted(s.clearsigned())), s.dora()))),
        "nothing-new",
    ),
    "attached by the Admin Contact, signed by a stranger": (
        lambda s: s.mailed(s.wrapped(multipart(words(), attached(s.clearsigned(by="mallory")), s.dora()))),
        "unknown-signer",
    ),
    "attached by the Admin Contact, signed by a member": (
        lambda s: s.mailed(s.wrapped(multipart(words(), attached(s.clearsigned(by="anna")), s.dora()))),
        "not-entitled",
    ),
    "attached under another text's signature": (
        lambda s: s.mailed(s.wrapped(multipart(words(), attached(in_two(s)), s.dora()))),
        "bad-signature",
    ),
    "attached twice": (
        lambda s: s.mailed(s.wrapped(multipart(words(), attached(c := s.clearsigned()), attached(c), s.dora()))),
        "duplicate",
    ),
    "attached to what was altered": (
        lambda s: s.mailed(s.wrapped(multipart(words(), attached(s.clearsigned()), s.dora())).replace(b"Please see", b"Do not see")),
        "bad-signature",
    ),
    "nothing in two signed texts": (
        lambda s: s.mailed(s.wrapped(multipart(words(), attached(s.clearsigned("Hello again.\n"))))),
        "no-statement",
    ),
}


@pytest.mark.parametrize(("make", "reason"), UNREAD.values(), ids=UNREAD)
def test_what_nobody_signed_so_does_not_count(sender: Sender, make: Mail, reason: str) -> None:
    """Quoted, unsigned, or signed by somebody else: nothing of the mail takes effect."""
    with pytest.raises(Refused) as refused:
        sender.hand_in(make(sender))
    assert refused.value.reason in reason.split("|"), refused.value


def test_a_letter_of_the_lists_own_attached_to_the_answer(sender: Sender) -> None:
    """Who replies with the original attached sends the list's own signed text back, with a statement ready to sign in it."""
    cast = sender.cast
    letter = part(PLAIN, cast.list_key.clearsign(f"Please sign this:\n\n{sender.text()}"))
    answer = multipart(words(), attached(sender.clearsigned()), part("message/rfc822", mail(cast.admin, letter)), sender.dora())
    for entity in (answer, sender.wrapped(answer)):
        assert len(sender.hand_in(sender.mailed(entity)).entries) == 2


def test_several_statements_attached_by_several_people(sender: Sender) -> None:
    """Each counts for who signed it; together they take effect or not at all."""
    cast = sender.cast
    texts = [sender.clearsigned(attestation(who, TLD="nl")) for who in (cast.dora, cast.mallory)]
    files = [attached(text) for text in texts]
    rings = [sender.dora(), keys(cast.mallory)]
    done = sender.hand_in(sender.mailed(sender.wrapped(multipart(words(), *files, *rings), by="carla"), by="carla"))
    assert [entry.type for entry in done.entries] == ["certificate", "attest-ssc"] * 2
    with pytest.raises(Refused, match="certificate-missing"):
        sender.hand_in(sender.mailed(sender.wrapped(multipart(words(), *files, *rings[:1]), by="carla"), by="carla"))
