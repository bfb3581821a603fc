"""Mail to LIST-request: signed statements and, where there is none, a signed command; answered by a letter.

Who proved who they are gets a receipt or a refusal with its reason; who did not gets silence.
"""

from __future__ import annotations

import dataclasses
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
from securelist.receipt import receipt
from securelist.request_mail import read_request
from securelist.trust.classify import classify
from securelist.trust.membership import Membership
from securelist.trust.notices import notices
from securelist.trust.submission import Parcel, Submission
from securelist.trust.text import text_of

HELP = """Mail to this address is signed (and better encrypted, too). It holds either statements, such as your Admin
Contact's attestation of you, or one of these commands as its first line:

  help       this text
  sendkey    the list's certificate

To post, write to the list's own address, signed with your key and encrypted to the list's key.
"""
COMMANDS = ("help", "sendkey")
# Each costs a process of GnuPG. Two belong to one statement at most: the old key's and the new key's.
MAX_ASKED = 3
# What the letter is called when it is not "Your statement was refused".
_REFUSED = {"duplicate": "Your statement is in the log already", "nothing-new": "Your mail changed nothing"}


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

        before = self._house.membership()
        try:
            submission = self._enter(classify([octets], read), at, in_time)
        except Refused as refused:
            return self._take_refused(refused, signed, at, in_time)
        taken = self._receipt(submission, before, at)
        self.tell_others(submission, at)
        if submission.is_renewal:  # mail programs attach the sender's certificate to all sorts of mail
            self._take_command(signed, at)
        return taken

    def _enter(self, parcel: Parcel, at: int, in_time: Callable[[], None]) -> Submission:
        unsigned = Refused("not-signed", "the mail holds nothing that is signed", Step.VERIFY)
        if not parcel.signed and not parcel.certificates:
            raise unsigned
        try:
            return self._house.enter(dataclasses.replace(parcel, mailed=True), at, in_time)
        except Refused as refused:
            nothing = refused.reason == "nothing-new" and not parcel.signed
            raise unsigned if nothing else refused from None

    def _take_refused(self, refused: Refused, signed: list[bytes], at: int, in_time: Callable[[], None]) -> Taken:
        """Carries out the command in a mail without a statement; tells its signer what is wrong with any other, and raises that."""
        signer = self._signer(signed, at)
        if signer is None:
            raise refused
        refused.signer = signer.signer
        in_time()
        if refused.reason in ("no-statement", "nothing-new") and (command := _command_in(signer)):
            return self._command(command, signer, at)
        if refused.reason == "no-statement":
            self._answer(
                signer.signer, "That was no command", f"The first line of your mail is no command; {refused.detail}.\n\n{HELP}", at
            )
            refused = Refused("unknown-command", "the mail holds neither a statement nor a known command", Step.DECIDE)
            refused.signer = signer.signer
        else:
            subject = _REFUSED.get(refused.reason, "Your statement was refused")
            self._answer(signer.signer, subject, f"Nothing was changed.\n\n{refused.detail}.\n", at)
        raise refused

    def parcel(self, files: list[bytes]) -> Parcel:
        """The signed texts and certificates in files or mails, decrypted where they are encrypted; raises Refused."""
        return classify(files, self._read_mail)

    def _read_mail(self, octets: bytes) -> tuple[list[bytes], list[bytes]]:
        found = read_request(octets, self._open)
        return found.signed, found.certificates

    def _open(self, entity: Entity) -> SignedMessage:
        voice = self._house.voice
        return open_entity(entity, voice.list_key, voice.key_ids)

    def _receipt(self, submission: Submission, before: Membership, at: int) -> Taken:
        """Tells the signer; one whose membership, or whose key's, ends by this very statement is still known from `before`."""
        signer = submission.signer or next(iter(submission.covers), "")
        outcome = "waits" if submission.pending else "took effect"
        what = "Your renewed certificate" if submission.is_renewal else "Your request" if not submission.entries else "Your statement"
        text = f"{submission.sentence}.\n\n{receipt(self._house.config.list, submission, at)}"
        with suppress(SecurelistError):  # it took effect, receipt or not
            to = self.addressee(signer, at) or self.addressee(signer, at, before)
            if to is not None:
                self._house.letters.answer(to, f"{what} {outcome}", text, at)
        return Taken("pending" if submission.pending else "accepted", submission.sentence, signer)

    def tell_others(self, submission: Submission, at: int) -> None:
        """Letters to those who must know of what somebody else said."""
        for to, subject, text in notices(submission):
            addressee = self.addressee(to, at)
            with suppress(SecurelistError):
                if addressee is not None:
                    self._house.letters.send(addressee, subject, text, at)

    def _signer(self, signed: list[bytes], at: int) -> Verified | None:
        """Who signed the first of the texts that somebody in the log, or a trust root, did sign."""
        certificates = self._house.anchor.signers(self._house.membership()).values()
        for octets in signed[:MAX_ASKED]:
            with suppress(Refused):
                verified = verify(read_signed(octets), certificates, at)
                check_age(verified.made, at)
                return verified
        return None

    def _take_command(self, signed: list[bytes], at: int) -> None:
        """Carries out the command in a mail that brought something else, too; that has been done, whatever comes of this."""
        with suppress(SecurelistError):
            signer = self._signer(signed, at)
            if signer is not None and (command := _command_in(signer)):
                self._command(command, signer, at)

    def _command(self, command: str, verified: Verified, at: int) -> Taken:
        if command == "help":
            done = self._answer(verified.signer, "How to use this address", HELP, at)
        else:
            letters = self._house.letters
            text = f"Attached is the list's certificate, fingerprint {letters.letterhead.config.key}.\n"
            done = self._answer(verified.signer, "The list's certificate", text, at, letters.certificate_part())
        return Taken("accepted", "answered" if done else "no answer: no usable key, or too many today", verified.signer)

    def _answer(self, signer: str, subject: str, text: str, at: int, *parts: bytes) -> bool:
        to = self.addressee(signer, at)
        return to is not None and self._house.letters.answer(to, subject, text, at, parts)

    def addressee(self, fingerprint: str, at: int, membership: Membership | None = None) -> Addressee | None:
        """The person behind a fingerprint, as far as the server may write to them, now or by `membership`; None for a stranger."""
        membership = membership or self._house.membership()
        certificate = self._house.anchor.signers(membership).get(fingerprint)
        if certificate is None:
            return None
        member = membership.member_by_key(fingerprint, at)
        if member is not None:
            return Addressee(member.emails, member.cctld, certificate)
        for contact in membership.admin_contacts.values():
            if contact.fingerprint == fingerprint and not contact.dismissed:
                return Addressee(contact.person.emails, contact.cctld, certificate)
        if fingerprint in membership.roots or self._house.anchor.root(fingerprint):
            address = next(filter(None, map(address_in_user_id, certificate.user_ids)), "")
            return Addressee((address,), "", certificate) if address else None
        return None


def _command_in(verified: Verified) -> str:
    """The command on the first line of a signed text; empty if there is none."""
    try:
        words = text_of(verified.content).split(maxsplit=1)
    except Refused:  # HTML alone, say
        return ""
    return words[0].lower() if words and words[0].lower() in COMMANDS else ""
