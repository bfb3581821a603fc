"""Mail to LIST-request: signed statements and, where there is none, signed commands; answered by letters.

Who proved who they are gets a receipt or a refusal with its reason; who did not gets silence.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from securelist.addressees import Addressees
from securelist.command_desk import CommandDesk, Taken, digest_of, orders_in
from securelist.commands import Sender, commands_for
from securelist.errors import Refused, SecurelistError, Step
from securelist.installation import Installation
from securelist.letters import Facts
from securelist.mail.mime import Entity
from securelist.openpgp.admission import split_certificates
from securelist.openpgp.signed import SignedMessage, Verified, read_signed, verify
from securelist.post.step1_receive import receive
from securelist.post.step2_open import open_unsigned
from securelist.post.step3_verify import check_age
from securelist.procedures.telling import Telling
from securelist.procedures.unusable import tell_invited
from securelist.procedures.welcome import Welcomes
from securelist.request_mail import RequestMail, read_request
from securelist.trust.classify import classify
from securelist.trust.submission import Parcel, Submission

# Each costs a process of GnuPG. Two belong to one statement at most: the old key's and the new key's.
MAX_ASKED = 3
# Texts that are searched for the token of an invitation: the mail as it came, what is signed in it, and some of its parts.
MAX_SEARCHED = 8


@dataclass
class _Mail:
    """A mail on its way through the desk; `found` is what it holds, as soon as that is known."""

    octets: bytes
    message_id: str
    found: RequestMail = field(default_factory=RequestMail)


class RequestDesk:
    """Takes mail to LIST-request for one installation."""

    def __init__(self, installation: Installation) -> None:
        self._house = installation
        self._people, self._commands = Addressees(installation), CommandDesk(installation)
        self._telling, self._welcomes = Telling(installation), Welcomes(installation)

    def take(self, octets: bytes, mail_from: str | None, at: int, in_time: Callable[[], None]) -> Taken:
        """Carries out what a mail asks for, or raises Refused after telling a known signer why; `in_time` as for posts."""
        # 1. Receive: a person's mail, of an allowed size.
        fields = receive(octets, mail_from, self._house.config.list_id).mail
        mail, before = _Mail(octets, next(iter(fields.all("Message-ID")), "")), self._house.membership()
        # 2. Enter the statements and certificates in it into the log, all of them or none.
        try:
            submission = self._enter(mail, at, in_time)
        except Refused as refused:
            # 3. Where there are none, or one is wrong: a command, an answer to the welcome, or a mistake that somebody is told of.
            return self._instead(refused, mail, at, in_time)
        # 4. A receipt to the signer, letters to those whom it concerns.
        self._telling.signer(submission, before, at, mail.message_id)
        self._telling.others(submission, at)
        # 5. Mail programs attach the sender's certificate to all sorts of mail: there may be a command, too.
        self._afterwards(submission, mail, at)
        return Taken("pending" if submission.pending else "accepted", submission.sentence, _signer_of(submission))

    def parcel(self, files: list[bytes]) -> Parcel:
        """The signed texts and certificates in files or mails, decrypted where they are encrypted; raises Refused."""

        def read(octets: bytes) -> tuple[list[bytes], list[bytes]]:
            found = read_request(octets, self._open)
            return found.signed, found.certificates

        return classify(files, read)

    # --- what enters the log ---------------------------------------------------------------------------------------------

    def _enter(self, mail: _Mail, at: int, in_time: Callable[[], None]) -> Submission:
        def read(octets: bytes) -> tuple[list[bytes], list[bytes]]:
            mail.found = read_request(octets, self._open)  # who sent a secret key beside a signed text must hear of it
            return mail.found.signed, mail.found.certificates

        parcel = classify([mail.octets], read)
        unsigned = Refused("not-signed", "the mail holds nothing that is signed", Step.VERIFY)
        if not parcel.signed and not parcel.certificates:
            raise unsigned
        try:
            return self._house.enter(dataclasses.replace(parcel, mailed=True), at, in_time)
        except Refused as refused:
            nothing = refused.reason == "nothing-new" and not parcel.signed
            raise unsigned if nothing else refused from None

    def _open(self, entity: Entity) -> SignedMessage | bytes:
        voice = self._house.voice
        return open_unsigned(entity, voice.list_key, voice.key_ids)

    def _afterwards(self, submission: Submission, mail: _Mail, at: int) -> None:
        """What a mail is besides a submission. That took effect, whatever comes of this."""
        with suppress(SecurelistError):
            if mail.found.opened and mail.found.opened == mail.found.signed:
                self._welcomes.confirm(_signer_of(submission), at)
            if submission.is_renewal and (signer := self._signer(mail, at)) and (orders := orders_in(signer)).lines:
                self._commands.carry_out(orders, self._sender(signer, mail), at, lambda: None)

    # --- what does not ---------------------------------------------------------------------------------------------------

    def _instead(self, refused: Refused, mail: _Mail, at: int, in_time: Callable[[], None]) -> Taken:
        """Takes a mail in which nothing was for the log; tells its signer what is wrong with it if anything is, and raises that."""
        signer = self._signer(mail, at)
        in_time()
        if signer is None:
            self._tell_invited(refused, mail, at)
            raise refused
        refused.signer = signer.signer
        encrypted = any(signer.evidence in octets for octets in mail.found.opened)
        confirmed = encrypted and self._welcomes.confirm(signer.signer, at)
        if refused.reason not in ("no-statement", "nothing-new"):
            raise self._told(refused, "refused", signer, mail, at)
        orders = orders_in(signer)
        if orders.lines:
            return self._commands.carry_out(orders, self._sender(signer, mail), at, in_time)
        if confirmed:
            member = self._house.membership().member_by_key(signer.signer, at)
            self._write("confirmed", signer.signer, mail, at, {"person": member.name if member else ""})
            return Taken("accepted", "the member's key works both ways", signer.signer)
        raise self._without_command(refused, signer, encrypted, mail, at)

    def _without_command(self, refused: Refused, signer: Verified, encrypted: bool, mail: _Mail, at: int) -> Refused:
        """The refusal of a mail by somebody known that held neither statement nor command, after they were told."""
        if not encrypted and self._is_unconfirmed(signer.signer, at):
            kind, told = "encrypt-too", Refused("not-encrypted", "the mail is signed, and not encrypted; encrypt it to the list's key, too")
        elif refused.reason == "no-statement":
            kind, told = "unknown-command", Refused("unknown-command", "the mail holds neither a statement nor a known command")
        else:
            kind, told = "refused", refused
        told.signer, told.step = signer.signer, told.step or Step.DECIDE
        return self._told(told, kind, signer, mail, at, refused.detail)

    def _tell_invited(self, refused: Refused, mail: _Mail, at: int) -> None:
        """Whoever mailed this hears the same, told or not; who was invited, and shows it by the token, is told at the address of record."""
        rings: list[bytes] = []
        with suppress(Refused):  # among them a secret key, say
            rings = [octets for ring in mail.found.certificates for octets in split_certificates(ring)]
        with suppress(SecurelistError):
            said = [mail.octets, *mail.found.signed, *mail.found.texts][:MAX_SEARCHED]
            tell_invited(self._house, said, rings, refused, at)

    def _told(self, refused: Refused, kind: str, signer: Verified, mail: _Mail, at: int, detail: str = "") -> Refused:
        """`refused`, after its signer was told: once about one text, however often others send it again."""
        facts = {"reason": refused.reason, "detail": detail or refused.detail, "commands": commands_for(self._is_root(signer.signer))}
        self._write(kind, signer.signer, mail, at, facts, f"{refused.reason} {digest_of(signer, place=0)}")
        return refused

    def _write(self, kind: str, signer: str, mail: _Mail, at: int, facts: Facts, occasion: str = "") -> None:
        to = self._people.of(signer, at)
        if to is not None:
            self._house.letters.write(kind, to, at, answers_to=mail.message_id, occasion=occasion, **facts)

    # --- who it is -------------------------------------------------------------------------------------------------------

    def _signer(self, mail: _Mail, at: int) -> Verified | None:
        """Who signed the first of the texts that somebody in the log, or a trust root, did sign."""
        certificates = self._house.anchor.signers(self._house.membership()).values()
        for octets in mail.found.signed[:MAX_ASKED]:
            with suppress(Refused):
                verified = verify(read_signed(octets), certificates, at)
                check_age(verified.made, at)
                return verified
        return None

    def _sender(self, signer: Verified, mail: _Mail) -> Sender:
        return Sender(signer, self._is_root(signer.signer), mail.message_id)

    def _is_root(self, fingerprint: str) -> bool:
        """Whether it is a trust root's: one of those that the log names, or before the founding of those that `init` was given."""
        given = tuple(root.fingerprint for root in self._house.roots)
        return fingerprint in (self._house.membership().roots or given)

    def _is_unconfirmed(self, fingerprint: str, at: int) -> bool:
        """Whether this is a member who was welcomed, and did not answer."""
        member = self._house.membership().member_by_key(fingerprint, at)
        welcome = self._welcomes.known().get((member.cctld, fingerprint)) if member else None
        return welcome is not None and welcome.answered(at) is False


def _signer_of(submission: Submission) -> str:
    """Fingerprint of who signed: a statement, or the mail around a renewed certificate."""
    return submission.signer or next(iter(submission.covers), "")
