"""Mail that the server itself writes: letters, through the same queue as posts.

A letter to a person we know is encrypted to their key and signed by the list. The one mail that a stranger can get is
public: the list's certificate, signed. Both carry RFC 3834's mark, are not written to robots, and are limited in number.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import Engine

from securelist.mail.addresses import Role, address_for
from securelist.mail.headers import block, mailbox_field, text_field
from securelist.mail.letterhead import Letterhead
from securelist.mail.mime import crlf, multipart
from securelist.mail.protection import protect, text_part
from securelist.openpgp import sequoia
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.list_key import ListKey
from securelist.post.step6_seal import Sealer
from securelist.store import journal
from securelist.store.database import writing
from securelist.store.queue import LETTER, PUBLIC, NewCopy, NewPost, commit_post
from securelist.store.retention import DAY_S

# Enough to find one's mistake in; not enough for somebody who writes in a member's name to flood them.
EXPLANATIONS_A_DAY = 3
# A person asks once, perhaps again; a loop of two robots asks every second.
PUBLIC_LETTERS_A_DAY = 5
# Addresses cost nothing to invent: whoever asks in many names reaches one mail server, or us.
PUBLIC_LETTERS_TO_A_DOMAIN = 20
PUBLIC_LETTERS_IN_ALL = 500
# A Secretariat that bootstraps a list hands in some hundred statements a day.
ANSWERS_A_DAY = 500
# The Secretariat's mailbox is public; this many a day is a flood that the operator should stop.
FORWARDS_A_DAY = 200


@dataclass(frozen=True)
class Addressee:
    """A person whom the server may write to: one who is in the log, or a trust root."""

    emails: tuple[str, ...]
    cctld: str
    certificate: Certificate

    @property
    def fingerprint(self) -> str:
        """The certificate's fingerprint."""
        return self.certificate.fingerprint


@dataclass(frozen=True)
class Letters:
    """The server's pen: letterhead, the sealer, the queue, and the list's key for what is signed in the clear."""

    engine: Engine
    letterhead: Letterhead
    sealer: Sealer
    list_key: ListKey

    def send(self, to: Addressee, subject: str, text: str, at: int, parts: tuple[bytes, ...] = ()) -> bool:
        """Queues an encrypted letter to all addresses of one person; False if their key cannot be encrypted to now."""
        if not to.certificate.can_encrypt(at):
            return False
        message_id = self._new_id()
        mail = protect(self._fields(to.emails[0], message_id, at), subject, [], [text_part(text, subject), *parts])
        sealed = self.sealer.seal(mail, [to], {to.fingerprint: to.certificate}, at)
        self._commit(LETTER, message_id, to.cctld, sealed.headers, sealed.body, sealed.copies, at)
        return True

    def answer(self, to: Addressee, subject: str, text: str, at: int, parts: tuple[bytes, ...] = ()) -> bool:
        """`send`, for what somebody asked for: at most ANSWERS_A_DAY to one person."""
        return self._allowed("answer", to.emails[0], ANSWERS_A_DAY, at) and self.send(to, subject, text, at, parts)

    def forward(self, to: Addressee, mail: bytes, at: int) -> bool:
        """Sends a whole mail to -owner on to a trust root, encrypted, as an attachment; at most FORWARDS_A_DAY."""
        if not self._allowed("forward", to.emails[0], FORWARDS_A_DAY, at):
            return False
        address = address_for(Role.OWNER, self.letterhead.config.list)
        fields = [("Content-Type", "message/rfc822"), ("Content-Disposition", 'attachment; filename="mail.eml"')]
        attached = block(fields) + b"\r\n" + mail
        return self.send(to, f"Mail to {address}", f"Somebody wrote to {address}; their mail is attached.\n", at, (attached,))

    def explain(self, to: Addressee, step: str, detail: str, at: int) -> bool:
        """Tells a member why a mail in their name was refused, at most EXPLANATIONS_A_DAY times; False if not told."""
        if not self._allowed("explanation", to.emails[0], EXPLANATIONS_A_DAY, at):
            return False
        name = self.letterhead.config.display_name
        text = (
            f"A mail to {self.letterhead.config.list} that names you in From was refused.\n\n"
            f"  What: {detail}.\n  Step: {step}\n\n"
            "If you wrote it: mend that and send it again; nothing of it was kept.\n"
            "If you did not: somebody else did, in your name. Nobody received it.\n"
        )
        return self.send(to, f"Your mail to {name} was refused", text, at)

    def send_certificate(self, address: str, at: int) -> bool:
        """Queues the list's certificate, signed and public, to whoever asked; False if the limit is reached."""
        domain = address.rpartition("@")[2]
        limits = {address: PUBLIC_LETTERS_A_DAY, domain: PUBLIC_LETTERS_TO_A_DOMAIN, "everybody": PUBLIC_LETTERS_IN_ALL}
        if not all(self._allowed("sendkey", subject, limit, at) for subject, limit in limits.items()):
            return False
        config, message_id = self.letterhead.config, self._new_id()
        text = (
            f"This is the OpenPGP certificate of {config.list}.\n\n"
            f"Fingerprint: {config.key}\n\n"
            "Compare the fingerprint with one that you got in another way before you trust it.\n"
        )
        boundary, body = multipart([text_part(text), self.certificate_part()])
        inside = block([("Content-Type", f'multipart/mixed; boundary="{boundary}"')]) + b"\r\n" + body
        signature = crlf(sequoia.armor(self.list_key.detach_sign(inside), "SIGNATURE"))
        boundary, body = multipart([inside, block([("Content-Type", "application/pgp-signature")]) + b"\r\n" + signature])
        content_type = f'multipart/signed; micalg=pgp-sha512; protocol="application/pgp-signature";\r\n boundary="{boundary}"'
        fields = [*self._fields(address, message_id, at), text_field("Subject", f"The certificate of {config.display_name}")]
        headers = block([*fields, ("MIME-Version", "1.0"), ("Content-Type", content_type)])
        self._commit(PUBLIC, message_id, "", headers, body, (NewCopy(address, "", config.key, b""),), at)
        return True

    def certificate_part(self) -> bytes:
        """The list's certificate as a MIME part."""
        fields = [("Content-Type", 'application/pgp-keys; name="list.asc"'), ("Content-Disposition", 'attachment; filename="list.asc"')]
        return block(fields) + b"\r\n" + crlf(sequoia.armor(self.letterhead.certificate, "PUBLIC KEY BLOCK"))

    def _fields(self, to: str, message_id: str, at: int) -> list[tuple[str, str]]:
        """The list's own fields, addressed to one person, marked as written by a machine (RFC 3834, 5)."""
        config = self.letterhead.config
        fields = [field for field in self.letterhead.list_fields(config.display_name, at) if field[0] not in ("To", "Precedence")]
        return [*fields, mailbox_field("To", "", to), ("Message-ID", message_id), ("Auto-Submitted", "auto-replied")]

    def _new_id(self) -> str:
        return f"<{secrets.token_hex(20)}@{self.letterhead.config.domain}>"

    def _allowed(self, event: str, subject: str, limit: int, at: int) -> bool:
        if journal.count(self.engine, event, subject, at - DAY_S) >= limit:
            return False
        with writing(self.engine) as connection:
            journal.note(connection, at, event, subject)
        return True

    def _commit(self, kind: str, message_id: str, cctld: str, headers: bytes, body: bytes, copies: tuple[NewCopy, ...], at: int) -> None:
        commit_post(self.engine, NewPost(kind, message_id, at, self.letterhead.config.key, cctld, headers, body, copies))
