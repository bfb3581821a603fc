"""Mail to LIST-request: signed statements and, where there is none, signed commands; answered by letters.

Who proved who they are gets a receipt or a refusal with its reason; who did not gets silence.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from securelist.addressees import Addressees
from securelist.command_desk import CommandDesk, Taken
from securelist.commands import Sender, commands_for
from securelist.contacts.confirming import Confirming
from securelist.drill.answers import Answers, Heard, Reply
from securelist.errors import Refused, SecurelistError, Step
from securelist.installation import Installation
from securelist.letters import Facts
from securelist.mail.mime import Entity
from securelist.openpgp.admission import split_certificates
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.signed import SignedMessage, Verified, candidates, read_signed, verify
from securelist.orders import digest_of, orders_in
from securelist.post.step1_receive import receive
from securelist.post.step2_open import open_unsigned
from securelist.post.step3_verify import check_age
from securelist.post.step4_decide import content_digest
from securelist.procedures.revoked import take_revocations
from securelist.procedures.telling import Telling
from securelist.procedures.unusable import tell_invited
from securelist.procedures.welcome import Welcomes
from securelist.request_mail import RequestMail, read_request
from securelist.store import queue
from securelist.trust.classify import classify
from securelist.trust.grammar import BEGIN
from securelist.trust.silence import MAX_TEXT_OCTETS
from securelist.trust.submission import MAX_TEXTS, Parcel, Submission

# Each costs a process of GnuPG. Two belong to one statement at most: the old key's and the new key's.
MAX_ASKED = 3
# Refusals of what nobody is known to have signed, or of the mail as a whole, that quote nothing but fingerprints. Of any other, who
# signed something else in that mail hears in general terms: what it quotes, somebody else may have written.
_QUOTING_NOTHING = {
    "no-statement", "nothing-new", "unknown-signer", "bad-signature", "weak-hash", "engines-differ", "not-one-signature", "not-signed",
    "signature-expires", "text-too-large", "too-many-texts", "too-many-certificates", "too-many-certifications", "secret-key",
    "no-certificate", "bad-certificate", "certificate-too-large", "weak-key", "key-too-large", "bad-key", "too-costly",
    "too-many-signatures", "self-signature-expires", "unreadable-by-gnupg", "revoked", "expired", "cannot-sign", "cannot-encrypt",
    "no-user-id", "no-address", "no-notation", "bad-tld", "bad-certification", "nothing-to-withdraw", "bad-armor", "not-openpgp",
    "too-many-packets", "too-large", "bare-line-end", "not-one-message", "nested-encryption",
}  # fmt: skip
_OTHERWISE = "something that came with your text breaks a rule ({reason}); send your text by itself, and the answer will say more"
# Refusals of a stranger's request that depend on who is a member, with which key, or on who else has asked: whoever mails one in somebody's
# name, or with somebody's key, must not learn that from the answer.
# The others come after these: a key that has asked too often would hear of them only where there is nobody.
_ABOUT_OTHERS = {
    "already-a-member", "superseded", "key-of-another", "request-waiting", "too-many-by-one-key", "too-many-requests", "request-released",
    "revoked",
}  # fmt: skip
# What was wrong with a reply to the letter about contact details; nothing that anybody wrote is quoted.
_WITHOUT_STATEMENT = "it holds no statement: lines that are quoted do not count, nor do other words"
_WITHOUT_SIGNATURE = "it was not signed with the key that is known of you"
# Texts that are searched for the token of an invitation: the mail as it came, what is signed in it, and some of its parts.
MAX_SEARCHED = 8


@dataclass
class _Mail:
    """A mail on its way through the desk; `found` is what it holds, as soon as that is known."""

    octets: bytes
    message_id: str
    answers: tuple[str, ...] = ()
    found: RequestMail = field(default_factory=RequestMail)


class RequestDesk:
    """Takes mail to LIST-request for one installation."""

    def __init__(self, installation: Installation) -> None:
        self._house = installation
        self._people, self._commands = Addressees(installation), CommandDesk(installation)
        self._telling, self._welcomes, self._drills = Telling(installation), Welcomes(installation), Answers(installation)
        self._confirming = Confirming(installation)

    def take(self, octets: bytes, mail_from: str | None, at: int, in_time: Callable[[], None]) -> Taken:
        """Carries out what a mail asks for, or raises Refused after telling a known signer why; `in_time` as for posts."""
        # 1. Receive: a person's mail, of an allowed size.
        fields = receive(octets, mail_from, self._house.config.list_id).mail
        mail, before = _Mail(octets, next(iter(fields.all("Message-ID")), ""), _answered_by(fields)), self._house.membership()
        # 2. Enter the statements and certificates in it into the log, all of them or none.
        try:
            submission = self._enter(mail, at, in_time)
        except Refused as refused:
            # 3. Where there are none, or one is wrong: a command, an answer to the welcome, or a mistake that somebody is told of.
            return self._instead(refused, mail, at, in_time)
        # 4. A receipt to the signer, letters to those whom it concerns.
        self._telling.signer(submission, before, at, mail.message_id)
        self._telling.others(submission, at)
        if not _signer_of(submission):
            self._telling.renewed(submission, before, at)
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
        with suppress(SecurelistError):  # whatever else the mail is
            take_revocations(self._house, parcel.certificates, at)
        unsigned = Refused("not-signed", "the mail holds nothing that is signed", Step.VERIFY)
        if not parcel.signed and (not parcel.certificates or _names_a_statement(mail.found)):
            raise unsigned
        try:
            return self._house.enter(dataclasses.replace(parcel, mailed=True), at, in_time)
        except Refused as refused:
            if parcel.signed:
                raise
            # Anybody can mail anybody's certificate: whether it is known here, and whether a revocation took effect, is not for them.
            found = unsigned if refused.reason == "nothing-new" else refused
            found.quiet = True
            raise found from None

    def _open(self, entity: Entity) -> SignedMessage | bytes:
        voice = self._house.voice
        return open_unsigned(entity, voice.list_key, voice.key_ids)

    def _afterwards(self, submission: Submission, mail: _Mail, at: int) -> None:
        """What a mail is besides a submission. That took effect, whatever comes of this."""
        with suppress(SecurelistError):
            signer = self._signer(mail, at, submission.signer)
            if signer is None:
                return
            self._confirm(signer, mail, at)
            heard = self._hear(signer, mail, "", at)
            if heard and heard.within:
                return
            if submission.is_renewal and (orders := orders_in(signer)).lines and not self._was_posted(signer):
                self._commands.carry_out(orders, self._sender(signer, mail), at, lambda: None)

    # --- what does not ---------------------------------------------------------------------------------------------------

    def _instead(self, refused: Refused, mail: _Mail, at: int, in_time: Callable[[], None]) -> Taken:
        """Takes a mail in which nothing was for the log; tells its signer what is wrong with it if anything is, and raises that.

        What is wrong with a text, its own signer alone is told: anybody can mail it together with what a member has signed.
        """
        by = refused.signer or ""
        signer = self._signer(mail, at, by)
        in_time()
        heard = self._hear(signer, mail, refused.reason, at)
        if signer is None:
            refused.signer, refused.quiet = None, refused.quiet or refused.reason in _ABOUT_OTHERS
            self._tell_invited(refused, mail, at)
            self._tell_asked(None, mail, at)
            raise refused
        if not by and refused.reason not in _QUOTING_NOTHING:
            refused = Refused(refused.reason, _OTHERWISE.format(reason=refused.reason), refused.step)
        refused.signer = signer.signer
        confirmed = self._confirm(signer, mail, at)
        if refused.reason not in ("no-statement", "nothing-new"):
            raise self._told(refused, "refused", signer, mail, at)
        orders = orders_in(signer)
        if heard and (heard.within or not orders.lines):
            return _as_taken(heard, signer)
        if orders.lines and self._was_posted(signer):
            detail = "this text went to the list as a post, and is no command; write a mail of its own for that"
            refused = Refused("post-as-command", detail, Step.DECIDE)
            refused.signer = signer.signer
            raise self._told(refused, "refused", signer, mail, at)
        if orders.lines:
            return self._commands.carry_out(orders, self._sender(signer, mail), at, in_time)
        asked = self._tell_asked(signer, mail, at)
        if confirmed:
            member = self._house.membership().member_by_key(signer.signer, at)
            self._write("confirmed", signer.signer, mail, at, {"person": member.name if member else ""})
            return Taken("accepted", "the member's key works both ways", signer.signer)
        if asked:
            raise asked
        raise self._without_command(refused, signer, mail, at)

    def _confirm(self, signer: Verified, mail: _Mail, at: int) -> bool:
        """Whether this text, signed inside the encryption, is the first word of a member: their key works both ways."""
        return signer.evidence in mail.found.sealed and self._welcomes.confirm(signer.signer, at, signer.made)

    def _hear(self, signer: Verified | None, mail: _Mail, problem: str, at: int) -> Heard | None:
        """What the mail is to a drill; `problem` is why nothing of it was for the log."""
        found, sealed = mail.found, signer is not None and signer.evidence in mail.found.sealed
        said = tuple(found.texts), mail.answers
        return self._drills.hear(
            Reply(signer, sealed, bool(found.signed), found.encrypted > 0, *said, problem, mail.message_id), self._was_posted, at
        )

    def _without_command(self, refused: Refused, signer: Verified, mail: _Mail, at: int) -> Refused:
        """The refusal of a mail by somebody known that held neither statement nor command, after they were told."""
        if signer.evidence not in mail.found.sealed and self._is_unconfirmed(signer.signer, at):
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

    def _tell_asked(self, signer: Verified | None, mail: _Mail, at: int) -> Refused | None:
        """The refusal of a mail that answers the letter about contact details, without a statement, after that member was told."""
        why = _WITHOUT_STATEMENT if signer else _WITHOUT_SIGNATURE
        by, text = (signer.signer, digest_of(signer, place=0)) if signer else ("", "")
        with suppress(SecurelistError):
            if self._confirming.answered_without(mail.answers, at, signer=by, why=why, text=text, message_id=mail.message_id):
                refused = Refused("not-confirmed", f"the mail answers the letter about contact details, and {why}", Step.DECIDE)
                refused.signer = by or None
                return refused
        return None

    def _told(self, refused: Refused, kind: str, signer: Verified, mail: _Mail, at: int, detail: str = "") -> Refused:
        """`refused`, after its signer was told: once about one text, however often others send it again."""
        facts = {
            "reason": refused.reason,
            "detail": detail or refused.detail,
            "commands": commands_for(self._people.is_root(signer.signer)),
        }
        self._write(kind, signer.signer, mail, at, facts, f"{refused.reason} {digest_of(signer, place=0)}")
        return refused

    def _write(self, kind: str, signer: str, mail: _Mail, at: int, facts: Facts, occasion: str = "") -> None:
        to = self._people.of(signer, at)
        if to is not None:
            self._house.letters.write(kind, to, at, answers_to=mail.message_id, occasion=occasion, **facts)

    # --- who it is -------------------------------------------------------------------------------------------------------

    def _signer(self, mail: _Mail, at: int, fingerprint: str = "") -> Verified | None:
        """The first of the texts that somebody in the log, or a trust root, did sign; or the first that this one of them did."""
        known = self._house.anchor.signers(self._house.membership())
        certificates = [one for one in known.values() if fingerprint in ("", one.fingerprint)]
        for message in islice(_signed_by(certificates, mail.found), MAX_ASKED):
            with suppress(Refused):
                verified = verify(message, certificates, at)
                check_age(verified.made, at)
                return verified
        return None

    def _sender(self, signer: Verified, mail: _Mail) -> Sender:
        return Sender(signer, self._people.is_root(signer.signer), mail.message_id)

    def _was_posted(self, signer: Verified) -> bool:
        """Whether the list took this very text as a post: whoever mails it here as well is not obeyed."""
        return queue.seen(self._house.engine, signer.signer, content_digest(signer.content))

    def _is_unconfirmed(self, fingerprint: str, at: int) -> bool:
        """Whether this is a member who was welcomed, and did not answer."""
        member = self._house.membership().member_by_key(fingerprint, at)
        welcome = self._welcomes.known().get((member.cctld, fingerprint)) if member else None
        return welcome is not None and welcome.answered(at) is False


def _answered_by(fields: Entity) -> tuple[str, ...]:
    """The Message-IDs of the mails that this one answers (RFC 5322, 3.6.4)."""
    return tuple(one for field in ("In-Reply-To", "References") for value in fields.all(field) for one in value.split())


def _as_taken(heard: Heard, signer: Verified) -> Taken:
    """An answer to a drill; raises Refused if it does not count, of which the drill told its signer."""
    if heard.wrong:
        refused = Refused(heard.wrong, heard.detail, Step.DECIDE)
        refused.signer = signer.signer
        raise refused
    return Taken("accepted", heard.detail, signer.signer)


def _names_a_statement(found: RequestMail) -> bool:
    """Whether somebody meant to make a statement: when they forgot to sign it, they must hear so, whatever certificates came with it."""
    return any(BEGIN.lower().encode() in text.lower() for text in found.texts)


def _signed_by(certificates: Collection[Certificate], found: RequestMail) -> Iterator[SignedMessage]:
    """The texts in a mail that name one of these as their signer's; nothing is verified yet."""
    for octets in found.signed[:MAX_TEXTS]:
        with suppress(Refused):
            message = read_signed(octets, MAX_TEXT_OCTETS)
            if candidates(message, certificates):
                yield message


def _signer_of(submission: Submission) -> str:
    """Fingerprint of who signed: a statement, or the mail around a renewed certificate."""
    return submission.signer or next(iter(submission.covers), "")
