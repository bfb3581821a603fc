"""Mail to LIST-request: signed statements and, where there is none, a signed command; answered by a letter.

Who proved who they are gets a receipt or a refusal with its reason; who did not gets silence.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from securelist.errors import Refused, SecurelistError, Step
from securelist.installation import Installation
from securelist.letters import Addressee
from securelist.mail.headers import address_in_user_id
from securelist.mail.mime import Entity
from securelist.openpgp.signed import SignedMessage, Verified, read_signed, verify
from securelist.post.step1_receive import receive
from securelist.post.step2_open import open_entity
from securelist.post.step3_verify import check_age
from securelist.request_mail import read_request
from securelist.trust.classify import classify
from securelist.trust.submission import Parcel
from securelist.trust.text import text_of

HELP = """Mail to this address is signed (and better encrypted, too). It holds either statements, such as your Admin
Contact's attestation of you, or one of these commands as its first line:

  help       this text
  sendkey    the list's certificate

To post, write to the list's own address, signed with your key and encrypted to the list's key.
"""


@dataclass(frozen=True)
class Taken:
    """A request that was carried out: what happened in one sentence, and who asked (fingerprint)."""

    reason: str
    detail: str
    signer: str


class RequestDesk:
    """Takes mail to LIST-request for one installation."""

    def __init__(self, installation: Installation) -> None:
        self._house = installation

    def take(self, octets: bytes, mail_from: str | None, at: int, in_time: Callable[[], None]) -> Taken:
        """Carries out what a mail asks for, or raises Refused after telling a known signer why; `in_time` as for posts."""
        receive(octets, mail_from, self._house.config.list_id)
        signed: list[bytes] = []

        def read(mail: bytes) -> tuple[list[bytes], list[bytes]]:
            texts, rings = self._read_mail(mail)
            signed.extend(texts)  # known before a certificate beside them is refused: who sent a secret key must hear of it
            return texts, rings

        try:
            parcel = classify([octets], read)
            if not parcel.signed:
                raise Refused("not-signed", "the mail holds nothing that is signed", Step.VERIFY)
            return self._statements(parcel, at, in_time)
        except Refused as refused:
            signer = self._signer(signed, at)
            if signer is None:
                raise
            refused.signer = signer.signer
            in_time()
            if refused.reason == "no-statement":
                return self._command(signer, at)
            what = "is in the log already" if refused.reason == "duplicate" else "was refused"
            self._answer(signer.signer, f"Your statement {what}", f"Nothing was changed.\n\n{refused.detail}.\n", at)
            raise

    def parcel(self, files: list[bytes]) -> Parcel:
        """The signed texts and certificates in files or mails, decrypted where they are encrypted; raises Refused."""
        return classify(files, self._read_mail)

    def _read_mail(self, octets: bytes) -> tuple[list[bytes], list[bytes]]:
        found = read_request(octets, self._open)
        return found.signed, found.certificates

    def _open(self, entity: Entity) -> SignedMessage:
        return open_entity(entity, self._house.list_key, self._house.list_key_ids)

    def _statements(self, parcel: Parcel, at: int, in_time: Callable[[], None]) -> Taken:
        submission = self._house.enter(parcel, at, in_time)
        signer = next((entry.signer for entry in submission.entries if entry.signer), "")
        with suppress(SecurelistError):  # it took effect, receipt or not
            self._answer(signer, "Your statement took effect", f"{submission.sentence}.\n", at)
        return Taken("accepted", submission.sentence, signer)

    def _signer(self, signed: list[bytes], at: int) -> Verified | None:
        """Who signed the first text, if it is somebody in the log or a trust root."""
        certificates = self._house.anchor.signers(self._house.membership()).values()
        try:
            verified = verify(read_signed(signed[0]), certificates, at)
            check_age(verified.made, at)
            return verified
        except (Refused, IndexError):
            return None

    def _command(self, verified: Verified, at: int) -> Taken:
        words = text_of(verified.content).split(maxsplit=1)
        command = words[0].lower() if words else ""
        if command == "help":
            done = self._answer(verified.signer, "How to use this address", HELP, at)
        elif command == "sendkey":
            part = self._house.letters.certificate_part()
            text = f"Attached is the list's certificate, fingerprint {self._house.config.key}.\n"
            done = self._answer(verified.signer, "The list's certificate", text, at, part)
        else:
            self._answer(verified.signer, "That was no command", f"The first line of your mail is no command.\n\n{HELP}", at)
            unknown = Refused("unknown-command", "the mail holds neither a statement nor a known command", Step.DECIDE)
            unknown.signer = verified.signer
            raise unknown
        return Taken("accepted", "answered" if done else "no answer: no usable key, or too many today", verified.signer)

    def _answer(self, signer: str, subject: str, text: str, at: int, *parts: bytes) -> bool:
        to = self.addressee(signer, at)
        return to is not None and self._house.letters.answer(to, subject, text, at, parts)

    def addressee(self, fingerprint: str, at: int) -> Addressee | None:
        """The person behind a fingerprint, as far as the server may write to them; None for a stranger."""
        membership = self._house.membership()
        certificate = self._house.anchor.signers(membership).get(fingerprint)
        if certificate is None:
            return None
        member = membership.member_by_key(fingerprint, at)
        if member is not None:
            return Addressee(member.emails, member.cctld, certificate)
        for contact in membership.admin_contacts.values():
            if contact.fingerprint == fingerprint and not contact.dismissed:
                return Addressee(contact.person.emails, contact.cctld, certificate)
        if self._house.anchor.root(fingerprint):
            address = next(filter(None, map(address_in_user_id, certificate.user_ids)), "")
            return Addressee((address,), "", certificate) if address else None
        return None
