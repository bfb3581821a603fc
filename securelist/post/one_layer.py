"""One layer of encryption only: a post holds nothing that its readers' programs would decrypt by themselves.

Whoever hides somebody else's encrypted mail among parts of their own has the reader's program decrypt it, and gets the text back
with a reply or through a picture that is fetched (EFAIL). And what is encrypted to one member is no post to all of them.
"""

from __future__ import annotations

from securelist.errors import Refused, Step
from securelist.mail.mime import Entity, decoded, entities_in
from securelist.openpgp.armor import blocks
from securelist.openpgp.packets import Tag, first_tag

# PGP/MIME (RFC 3156, 4), and its control part alone, from which some programs mend what a mail server took apart.
_ENCRYPTED = {"multipart/encrypted", "application/pgp-encrypted"}
# S/MIME (RFC 8551, 3.2); the same type is used for what is only signed.
_SMIME = {"application/pkcs7-mime", "application/x-pkcs7-mime"}
# What an encrypted OpenPGP message begins with (RFC 9580, 10.3).
_BEGIN, _END = b"-----BEGIN PGP MESSAGE-----", b"-----END PGP MESSAGE-----"
_FIRST: set[int | None] = {Tag.PKESK, Tag.SKESK, Tag.SED, Tag.SEIPD, Tag.OCB}


def check_one_layer(content: Entity) -> None:
    """Raises Refused("nested-encryption") if encrypted mail or an encrypted text is anywhere in signed content; a file may be.

    Also "not-one-object" where the content says twice what it is, and "too-deep" or "too-many-parts".
    """
    if any(len(content.all(name)) > 1 for name in ("Content-Type", "Content-Transfer-Encoding")):
        raise Refused("not-one-object", "what was signed names its type or its encoding twice: programs would show different texts")
    if any(_is_encrypted(entity) for entity in (content, *entities_in(content))):
        detail = "there is an encrypted message within the encrypted one; encrypt once only, and send it decrypted or as a file"
        raise Refused("nested-encryption", detail, Step.COMPOSE)


def _is_encrypted(entity: Entity) -> bool:
    kind = entity.content_type
    smime = kind in _SMIME and entity.parameter("smime-type").lower() != "signed-data"
    return smime or kind in _ENCRYPTED or (kind.startswith("text/") and _holds_encrypted_text(entity))


def _holds_encrypted_text(entity: Entity) -> bool:
    """Whether a whole block stands in a text, or in a page; one that is quoted (with ">" in its lines) is none."""
    try:
        pieces = decoded(entity).split(_BEGIN)[1:]
    except Refused:  # nobody can read it
        return False
    return any(_FIRST.intersection(_tags(_BEGIN + piece.partition(_END)[0] + _END)) for piece in pieces if _END in piece)


def _tags(armored: bytes) -> list[int | None]:
    try:
        return [first_tag(octets) for _, octets in blocks(armored)]
    except Refused:  # damaged: no program decrypts that
        return []
