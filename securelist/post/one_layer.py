"""One layer of encryption only: a post holds nothing that its readers' programs would decrypt by themselves.

Whoever hides somebody else's encrypted mail among parts of their own has the reader's program decrypt it, and gets the text back
with a reply or through a picture that is fetched (EFAIL). And what is encrypted to one member is no post to all of them.

Programs differ in what they mend, so whatever cannot be read counts as encrypted, and whatever can be read in two ways is refused. Files
are not opened: a program that decrypts one does so when its reader asks for it. Neither is an S/MIME signature of the signed-data kind,
which is no encryption; and the character set of a text is checked where it is the whole post (step 5), not in parts and files.
"""

from __future__ import annotations

import re

from securelist.errors import Refused, Step
from securelist.mail.lenient import loosely_decoded, readings
from securelist.mail.mime import LONE_CR, Entity, entities_in, holds_others
from securelist.openpgp.pasted import holds_encryption

# PGP/MIME (RFC 3156, 4), and what came before it.
_ENCRYPTED = {"multipart/encrypted", "application/pgp"}
# PGP/MIME's control part alone, from which some programs mend what a mail server took apart. Others call an encrypted file that.
_CONTROL = "application/pgp-encrypted"
# S/MIME (RFC 8551, 3.2); the same type is used for what is only signed, and for certificates.
_SMIME = {"application/pkcs7-mime", "application/x-pkcs7-mime"}
_NOT_ENCRYPTED = {"signed-data", "certs-only"}
# id-envelopedData, id-encryptedData and id-ct-authEnvelopedData in DER (RFC 5652, 6 and 8; RFC 5083, 2), which S/MIME begins with.
_ENVELOPES = (b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03", b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06", b"\x09\x10\x01\x17")
_ENVELOPE_BEGINS = 64
# Mails that are somewhere else, or come in pieces (RFC 2046, 5.2.2 and 5.2.3).
_ELSEWHERE = {"message/partial", "message/external-body"}

_ATTACHED = re.compile(r"attachment[ \t]*(?:;|$)", re.IGNORECASE)
# Encodings that change nothing, the only ones for what holds other entities (RFC 2045, 6.4).
_PLAINLY = re.compile(r"(?:7bit|8bit|binary)?[ \t]*;?", re.IGNORECASE)
_BOUNDARY = re.compile(r"(?:^|[;\s])boundary([^=;\"]{0,40})=", re.IGNORECASE)


def check_one_layer(content: Entity) -> None:
    """Raises Refused("nested-encryption") if encrypted mail or an encrypted text is anywhere in signed content; an attached file may be.

    Also "not-one-object" where an entity says twice what it is, or is somewhere else, and "too-deep" or "too-many-parts".
    """
    _check_one_meaning(content)
    entities = entities_in(content)
    for entity in entities:
        _check_one_meaning(entity)
    if _is_encrypted(content, False) or any(_is_encrypted(entity, _is_attached(entity)) for entity in entities):
        detail = "there is an encrypted message within the encrypted one; encrypt once only, and send it decrypted or as an attached file"
        raise Refused("nested-encryption", detail, Step.COMPOSE)


def _check_one_meaning(entity: Entity) -> None:
    """Refuses what one program would take for something else than another."""
    if LONE_CR.search(entity.head) or any(len(entity.all(name)) > 1 for name in ("Content-Type", "Content-Transfer-Encoding")):
        raise Refused(
            "not-one-object", "a part of what was signed names its type or its encoding twice: programs would show different texts"
        )
    pieces = [piece.strip() for kind in entity.all("Content-Type") for piece in _BOUNDARY.findall(kind)]
    if len(pieces) > 1 and (len(set(pieces)) < len(pieces) or not all(re.match(r"\*\d", piece) for piece in pieces)):
        raise Refused("not-one-object", "a part of what was signed names two boundaries: programs would show different texts")
    if entity.content_type in _ELSEWHERE:
        raise Refused("not-one-object", "a part of what was signed is elsewhere, or a piece of a mail; attach the mail itself")
    encodings = entity.all("Content-Transfer-Encoding")
    if holds_others(entity) and not all(_PLAINLY.fullmatch(encoding) for encoding in encodings):
        raise Refused("not-one-object", "a multipart or an attached mail is encoded as a whole, which must not be (RFC 2045, 6.4)")


def _is_attached(entity: Entity) -> bool:
    stated = entity.all("Content-Disposition")
    return len(stated) == 1 and bool(_ATTACHED.match(stated[0]))


def _is_encrypted(entity: Entity, attached: bool) -> bool:
    kind = entity.content_type
    if kind in _SMIME:
        return _is_smime_encrypted(entity, attached)
    if kind == _CONTROL:
        return not (attached and _is_openpgp(loosely_decoded(entity)))
    if kind in _ENCRYPTED:
        return True
    return kind.startswith("text/") and not attached and any(holds_encryption(*reading) for reading in readings(entity))


def _is_smime_encrypted(entity: Entity, attached: bool) -> bool:
    """By what it says and by what it is: an S/MIME mail is said to be attached, too (RFC 8551, 3.2.1)."""
    begins = loosely_decoded(entity)[:_ENVELOPE_BEGINS]
    stated = entity.parameter("smime-type").lower()
    return any(envelope in begins for envelope in _ENVELOPES) or (stated not in _NOT_ENCRYPTED and (bool(stated) or not attached))


def _is_openpgp(octets: bytes) -> bool:
    """Whether it is an encrypted file: binary, or armoured; a control part ("Version: 1") is neither."""
    return octets[:1] >= b"\x80" or octets.lstrip().startswith(b"-----BEGIN PGP ")
