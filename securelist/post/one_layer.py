"""One layer of encryption only: a post holds nothing that its readers' programs would decrypt by themselves.

Whoever hides somebody else's encrypted mail among parts of their own has the reader's program decrypt it, and gets the text back
with a reply or through a picture that is fetched (EFAIL). And what is encrypted to one member is no post to all of them.

Programs differ in what they mend, so whatever cannot be read counts as encrypted, and whatever can be read in two ways is refused. Files
are not opened: a program decrypts one when its reader asks for it, or was told to look into all. Neither is an S/MIME signature of the
signed-data kind, which is no encryption; and the character set of a text is checked where it is the whole post (step 5), not in parts.
"""

from __future__ import annotations

import re

from securelist.errors import Refused, Step
from securelist.mail.lenient import loosely_decoded, readings
from securelist.mail.mime import IDENTITIES, LONE_CR, Entity, encoding_of, entities_in, holds_others
from securelist.openpgp.pasted import holds_encryption

# PGP/MIME (RFC 3156, 4), and what came before it.
_ENCRYPTED = {"multipart/encrypted", "application/pgp", "application/x-pgp-message", "application/pgp-message"}
# Parameters by which a text said that it is encrypted, before there was PGP/MIME.
_ACTIONS = ("action", "x-action", "x-mutt-action")
# Tags and references are looked for in several readings of a page, at 0.1 s and 50 MB for each MiB of them.
MAX_PAGES_OCTETS = 2 * 2**20
# PGP/MIME's control part alone, from which some programs mend what a mail server took apart. Others call an encrypted file that.
_CONTROL = "application/pgp-encrypted"
# S/MIME (RFC 8551, 3.2); the same type is used for what is only signed, and for certificates.
_SMIME = {"application/pkcs7-mime", "application/x-pkcs7-mime"}
_NOT_ENCRYPTED = {"signed-data", "certs-only"}
# id-envelopedData, id-encryptedData and id-ct-authEnvelopedData in DER (RFC 5652, 6 and 8; RFC 5083, 2), which S/MIME begins with.
_ENVELOPES = (b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03", b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06", b"\x09\x10\x01\x17")
_ENVELOPE_BEGINS = 64
# What stands in a mail that is encrypted, in small letters.
_MARKS = (b"begin pgp message", b"application/pgp", b"pkcs7-mime")
# Mails that are somewhere else, or come in pieces (RFC 2046, 5.2.2 and 5.2.3).
_ELSEWHERE = {"message/partial", "message/external-body"}

_ATTACHED = re.compile(r"attachment[ \t]*(?:;|$)", re.IGNORECASE)
_TOKEN = r"[!#$%&'*+.0-9A-Z^_`a-z{|}~-]+"
_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}[ \t]*(?:;|$)")
# Types of what holds others, however they are written.
_HOLDER = re.compile(r"multipart|message", re.IGNORECASE)
# The one boundary in one way to write it (RFC 2046, 5.1.1): programs differ in what they make of any other.
_BOUNDARY = re.compile(r"(?:^|[;\s])boundary[^=;\"]{0,40}=", re.IGNORECASE)
_ONE_BOUNDARY = re.compile(
    rf"""[;\s]boundary=(?![^;]*=\?)(?:"[0-9A-Za-z'()+_,./:=? -]{{0,69}}[0-9A-Za-z'()+_,./:=?-]"|(?:{_TOKEN}|[/:=?])+)[ \t]*(?:;|$)""",
    re.IGNORECASE,
)


def check_one_layer(content: Entity) -> None:
    """Raises Refused("nested-encryption") if encrypted mail or an encrypted text is anywhere in signed content; an attached file may be.

    Also "not-one-object" where an entity says twice what it is, or is somewhere else, and "too-deep" or "too-many-parts".
    """
    _check_one_meaning(content)
    entities = entities_in(content)
    for entity in entities:
        _check_one_meaning(entity)
    if sum(len(entity.body) for entity in (content, *entities) if _is_page(entity)) > MAX_PAGES_OCTETS:
        raise Refused(
            "page-too-large", f"pages (HTML) in a post have at most {MAX_PAGES_OCTETS >> 20} MiB; write plain text, or attach a file"
        )
    if _is_encrypted(content, False) or any(_is_encrypted(entity, _is_attached(entity)) for entity in entities):
        detail = "there is an encrypted message within the encrypted one; encrypt once only, and send it decrypted or as an attached file"
        raise Refused("nested-encryption", detail, Step.COMPOSE)


def _check_one_meaning(entity: Entity) -> None:
    """Refuses what one program would take for something else than another."""
    if LONE_CR.search(entity.head) or any(len(entity.all(name)) > 1 for name in ("Content-Type", "Content-Transfer-Encoding")):
        raise Refused(
            "not-one-object", "a part of what was signed names its type or its encoding twice: programs would show different texts"
        )
    stated = next(iter(entity.all("Content-Type")), "")
    if _HOLDER.search(stated.partition(";")[0]) and not _TYPE.match(stated):
        raise Refused("not-one-object", "a part of what was signed has a type that is none, which programs would take for several parts")
    if entity.content_type.startswith("multipart/") and not (len(_BOUNDARY.findall(stated)) == 1 and _ONE_BOUNDARY.search(stated)):
        detail = "a part of what was signed names no boundary, two, or an odd one (RFC 2046, 5.1.1): programs would show different texts"
        raise Refused("not-one-object", detail)
    if entity.content_type in _ELSEWHERE:
        raise Refused("not-one-object", "a part of what was signed is elsewhere, or a piece of a mail; attach the mail itself")
    if encoding_of(entity) not in IDENTITIES and holds_others(entity):
        raise Refused("not-one-object", "a multipart or an attached mail is encoded as a whole, which must not be (RFC 2045, 6.4)")


def _is_page(entity: Entity) -> bool:
    return entity.content_type.startswith("text/") and entity.content_type != "text/plain" and not _is_attached(entity)


def _is_attached(entity: Entity) -> bool:
    stated = entity.all("Content-Disposition")
    return len(stated) == 1 and bool(_ATTACHED.match(stated[0]))


def _is_encrypted(entity: Entity, attached: bool) -> bool:
    kind = entity.content_type
    if kind in _SMIME:
        return _is_smime_encrypted(entity, attached)
    if kind == _CONTROL:
        return not (attached and _is_openpgp(loosely_decoded(entity)))
    if kind in _ENCRYPTED or any(entity.parameter(name).lower().startswith("pgp-encrypt") for name in _ACTIONS):
        return True
    if kind == "application/octet-stream":
        return _is_opened_by_name(entity)
    return kind.startswith("text/") and not attached and any(holds_encryption(*reading) for reading in readings(entity))


def _is_smime_encrypted(entity: Entity, attached: bool) -> bool:
    """By what it says and by what it is: an S/MIME mail is said to be attached, too (RFC 8551, 3.2.1)."""
    begins = loosely_decoded(entity)[:_ENVELOPE_BEGINS]
    stated = entity.parameter("smime-type").lower()
    return any(envelope in begins for envelope in _ENVELOPES) or (stated not in _NOT_ENCRYPTED and (bool(stated) or not attached))


def _is_opened_by_name(entity: Entity) -> bool:
    """Whether it is a file that programs open by the ending of its name: S/MIME, or a mail with something encrypted in it."""
    name = (entity.parameter("name") or "".join(entity.all("Content-Disposition"))).lower()
    if ".p7m" in name:
        return any(envelope in loosely_decoded(entity)[:_ENVELOPE_BEGINS] for envelope in _ENVELOPES)
    return ".eml" in name and encoding_of(entity) != "base64" and any(mark in entity.body.lower() for mark in _MARKS)


def _is_openpgp(octets: bytes) -> bool:
    """Whether it is an encrypted file: binary, or armoured; a control part ("Version: 1") is neither."""
    return octets[:1] >= b"\x80" or octets.lstrip().startswith(b"-----BEGIN PGP ")
