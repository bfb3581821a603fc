"""The server's pen: letters composed, signed by the list, encrypted to the person they are for, and queued."""

from __future__ import annotations

import quopri
import re
import secrets
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Engine

from securelist.errors import Refused
from securelist.letters import kinds
from securelist.letters.kinds import KINDS
from securelist.letters.templates import Facts, Templates, Verbatim, Words
from securelist.mail.addresses import Role, address_for, same_address
from securelist.mail.headers import block, mailbox_field, text_field
from securelist.mail.letterhead import Letterhead
from securelist.mail.mime import crlf, multipart
from securelist.mail.protection import protect, text_part
from securelist.openpgp import sequoia
from securelist.openpgp.certificate import Certificate, grouped
from securelist.openpgp.list_key import ListKey
from securelist.post.step6_seal import Sealer
from securelist.store.queue import LETTER, PUBLIC, NewCopy, NewPost, commit_post, has_message_id

Fields = list[tuple[str, str]]

# A field of a mail's header has at most 998 characters (RFC 5322, 2.1.1); no mail program's Message-ID comes near this.
MAX_MESSAGE_ID_OCTETS = 250
_MESSAGE_ID = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>")
# Mail servers on the way change these, and a signature in clear would no longer fit (RFC 3156, 3 and 5).
_FRAGILE = re.compile(rb"[^\x00-\x7f]|[ \t]\r?$|^From |^\.", re.MULTILINE)


@dataclass(frozen=True)
class Addressee:
    """A person whom the server may write to: one who is in the log, or a trust root."""

    emails: tuple[str, ...]
    cctld: str
    certificate: Certificate
    is_root: bool = False
    """Whether it is a trust root, who gets more letters in a day than others."""

    @property
    def fingerprint(self) -> str:
        """The certificate's fingerprint."""
        return self.certificate.fingerprint


@dataclass(frozen=True)
class Letters:
    """What letters are made with: letterhead, the sealer, the queue, and the list's key for what is signed in the clear."""

    engine: Engine
    letterhead: Letterhead
    sealer: Sealer
    list_key: ListKey

    @cached_property
    def templates(self) -> Templates:
        """The words."""
        config = self.letterhead.config
        return Templates(config.home / config.letters if config.letters else None)

    def write(
        self, kind: str, to: Addressee, at: int, *, parts: tuple[bytes, ...] = (), occasion: str = "", answers_to: str = "", **facts: object
    ) -> bool:
        """Queues a letter, encrypted to one person and signed by the list, for all of their addresses; `at` is Unix seconds.

        `kind` names template and limits, `facts` fill the template in, `parts` are attached. A second letter of the same kind to the
        same person (by primary address) on the same `occasion` is not written: it counts as written. `answers_to` is the
        Message-ID of the mail that this answers. False: they have no usable key, or had too many letters. Raises TryAgain.
        """
        address = to.emails[0]
        message_id = self._message_id(kind, address, occasion)
        if has_message_id(self.engine, message_id):
            return True
        if not self._may_write(kind, to, at):
            return False
        words = self.words(kind, facts)
        attached = (*parts, self.certificate_part()) if KINDS[kind].certificate else parts
        fields = self._fields(kind, address, message_id, at)
        mail = protect(fields, words.subject, _answers(answers_to), [text_part(words.text, words.subject), *attached])
        try:
            sealed = self.sealer.seal(mail, [to], {to.fingerprint: to.certificate}, at)
        except Refused:  # Sequoia does not take the certificate any more, or the parts are too large
            return False
        return self._commit(kind, address, NewPost(LETTER, message_id, at, self._key, to.cctld, sealed.headers, sealed.body, sealed.copies))

    def is_due(self, kind: str, to: Addressee, at: int, occasion: str) -> bool:
        """Whether `write` would write this letter now: not if it was written, nor if they have no usable key or had too many."""
        return not has_message_id(self.engine, self._message_id(kind, to.emails[0], occasion)) and self._may_write(kind, to, at)

    def publish(
        self, kind: str, address: str, at: int, *, parts: tuple[bytes, ...] = (), occasion: str = "", answers_to: str = "", **facts: object
    ) -> bool:
        """Queues a letter to an address without a key to encrypt to, signed, in clear, with the list's certificate: nothing in it may be
        other than public, or their own. `parts` are ASCII. Otherwise as `write`; False: this address had too many letters.
        """
        message_id = self._message_id(kind, address, occasion)
        if has_message_id(self.engine, message_id):
            return True
        if not kinds.allowed(self.engine, kind, address, at):
            return False
        words = self.words(kind, facts)
        content_type, body = self._signed([_plain_part(words.text), *parts, self.certificate_part()])
        fields = [*self._fields(kind, address, message_id, at), *_answers(answers_to), text_field("Subject", words.subject)]
        headers = block([*fields, ("MIME-Version", "1.0"), ("Content-Type", content_type)])
        copies = (NewCopy(address, "", self._key, b""),)
        return self._commit(kind, address, NewPost(PUBLIC, message_id, at, self._key, "", headers, body, copies))

    def id_of(self, kind: str, address: str, occasion: str) -> str:
        """The Message-ID of the letter of that kind to somebody (by primary address) on that occasion, written or not."""
        return self._message_id(kind, address, occasion)

    def certificate_part(self) -> bytes:
        """The list's certificate as a MIME part."""
        fields = [("Content-Type", 'application/pgp-keys; name="list.asc"'), ("Content-Disposition", 'attachment; filename="list.asc"')]
        return block(fields) + b"\r\n" + crlf(sequoia.armor(self.letterhead.certificate, "PUBLIC KEY BLOCK"))

    @property
    def _key(self) -> str:
        return self.letterhead.config.key

    def _may_write(self, kind: str, to: Addressee, at: int) -> bool:
        overall = kinds.SECRETARIAT_LETTERS_A_DAY if to.is_root else kinds.LETTERS_A_DAY
        return to.certificate.can_encrypt(at) and kinds.allowed(self.engine, kind, to.emails[0], at, overall)

    def words(self, kind: str, facts: Facts) -> Words:
        """The words of a letter of that kind with these facts, and those that every letter knows."""
        config = self.letterhead.config
        addresses = {role.value: address_for(role, config.list) for role in (Role.LIST, Role.REQUEST, Role.OWNER, Role.SENDKEY)}
        return self.templates.compose(kind, {**addresses, "name": config.display_name, "key": Verbatim(grouped(config.key)), **facts})

    def _signed(self, parts: list[bytes]) -> tuple[str, bytes]:
        """(Content-Type, body) of a multipart/signed around the parts (RFC 3156, 5)."""
        boundary, body = multipart(parts)
        inside = block([("Content-Type", f'multipart/mixed; boundary="{boundary}"')]) + b"\r\n" + body
        signature = crlf(sequoia.armor(self.list_key.detach_sign(inside), "SIGNATURE"))
        boundary, body = multipart([inside, block([("Content-Type", "application/pgp-signature")]) + b"\r\n" + signature])
        return f'multipart/signed; micalg=pgp-sha512; protocol="application/pgp-signature";\r\n boundary="{boundary}"', body

    def _fields(self, kind: str, to: str, message_id: str, at: int) -> Fields:
        """The list's own fields, addressed to one person, marked as written by a machine (RFC 3834, 3.1.5 and 5)."""
        config, what = self.letterhead.config, KINDS[kind]
        # List-Post: mail programs that see it offer to answer the whole list, and an answer to a letter is for nobody but the server.
        without = {"To", "Precedence", "List-Post"}
        fields = [field for field in self.letterhead.list_fields(config.display_name, at) if field[0] not in without]
        fields += [mailbox_field("To", "", to), ("Reply-To", address_for(what.reply_to, config.list)), ("Message-ID", message_id)]
        return [*fields, ("Auto-Submitted", "auto-replied" if what.asked else "auto-generated")]

    def _message_id(self, kind: str, address: str, occasion: str) -> str:
        if not occasion:
            return f"<{secrets.token_hex(20)}@{self.letterhead.config.domain}>"
        return self.letterhead.letter_id(f"{kind}\n{same_address(address)}\n{occasion}")

    def _commit(self, kind: str, address: str, letter: NewPost) -> bool:
        try:
            commit_post(self.engine, letter)
        except Refused as refused:
            return refused.reason == "duplicate-message-id"  # another process wrote it just now
        kinds.written(self.engine, kind, address, letter.accepted)
        return True


def attached_mail(mail: bytes) -> bytes:
    """A whole mail as a MIME part, to be sent on (RFC 2046, 5.2.1)."""
    return block([("Content-Type", "message/rfc822"), ("Content-Disposition", 'attachment; filename="mail.eml"')]) + b"\r\n" + mail


def _answers(message_id: str) -> Fields:
    """Which mail this answers, by a well-formed Message-ID. In an encrypted letter only inside: at rest nothing of the mail is left."""
    if len(message_id) < MAX_MESSAGE_ID_OCTETS and _MESSAGE_ID.fullmatch(message_id):
        return [("In-Reply-To", message_id), ("References", message_id)]
    return []


def _plain_part(text: str) -> bytes:
    """A text/plain entity that arrives as it left (RFC 3156, 3: seven bits, no blanks at the ends of lines)."""
    octets = crlf(text.encode())
    if not _FRAGILE.search(octets):
        return block([("Content-Type", 'text/plain; charset="us-ascii"')]) + b"\r\n" + octets
    encoded = re.sub(rb"(?m)^(From |\.)", lambda match: b"=%02X" % match[0][0] + match[0][1:], quopri.encodestring(text.encode()))
    return (
        block([("Content-Type", 'text/plain; charset="utf-8"'), ("Content-Transfer-Encoding", "quoted-printable")])
        + b"\r\n"
        + crlf(encoded)
    )
