"""From signed content to text: plain as it stands, or taken out of a MIME entity when that is what was signed.

Which of the two depends on the content alone, never on the form of the signature around it: nobody who wraps a signature
anew can change how what it covers is read.
"""

from __future__ import annotations

import io
import re

from securelist.errors import Refused
from securelist.mail.mime import Entity, decoded, parts_of, read_entity
from securelist.trust.flowed import as_written

# Thunderbird nests mixed > alternative > plain; nothing that people send goes deeper than this.
MAX_DEPTH = 4
# The header block of a signed entity: fields, or continuations of them, one of them Content-Type.
_HEADER_LINE = re.compile(rb"[!-9;-~]+[ \t]*:.*|[ \t]+\S.*")
_BEGIN = b"securelist-statement"
# Charsets of today's mail that hold text and nothing else. utf-7, for one, has hidden things before.
_CHARSETS = {"utf-8", "us-ascii", "gb2312", "gbk", "gb18030", "big5", "euc-kr", "euc-jp", "iso-2022-jp", "shift_jis", "koi8-r", "koi8-u"}
_CHARSETS |= {f"iso-8859-{n}" for n in (*range(1, 12), *range(13, 17))} | {f"windows-125{n}" for n in range(9)}


def text_of(content: bytes) -> str:
    """The text that was signed; of a MIME entity its text/plain parts that are no attachments. Raises Refused."""
    if not is_entity(content):
        return _decoded(content, "utf-8")
    texts = _plain_texts(read_entity(content), 0)
    if not texts:
        raise Refused("no-statement", "the signed mail holds no plain text; statements are not read from HTML or attachments")
    # An empty line between them, so that no statement runs on from one part into the next.
    return "\n\n".join(texts)


def is_entity(content: bytes) -> bool:
    """Whether what was signed is a MIME entity: it begins with header fields, one of them Content-Type."""
    is_named = False
    for line in io.BytesIO(content):
        if line in (b"\n", b"\r\n"):
            return is_named
        name = b"" if line[:1].isspace() else line.split(b":")[0].strip().lower()
        if name == _BEGIN or not _HEADER_LINE.fullmatch(line.removesuffix(b"\n").rstrip(b"\r")):
            return False
        is_named = is_named or name == b"content-type"
    return is_named and not content.endswith(b"\n")


def is_text(entity: Entity) -> bool:
    """Whether this part of a signed entity is text that its signer wrote there, not a file that they attached."""
    return entity.content_type == "text/plain" and not _is_attached(entity)


def _is_attached(entity: Entity) -> bool:
    return any(value.lower().startswith("attachment") for value in entity.all("Content-Disposition"))


def _plain_texts(entity: Entity, depth: int) -> list[str]:
    if is_text(entity):
        return [_decoded(as_written(entity, decoded(entity)), entity.parameter("charset").lower() or "utf-8")]
    if _is_attached(entity) or not entity.content_type.startswith("multipart/"):
        return []
    if depth == MAX_DEPTH:
        raise Refused("too-deep", f"the signed mail has parts within parts more than {MAX_DEPTH} deep")
    return [text for part in parts_of(entity) for text in _plain_texts(read_entity(part), depth + 1)]


def _decoded(octets: bytes, charset: str) -> str:
    if charset not in _CHARSETS:
        raise Refused("unknown-charset", f"the signed text is in a charset that is not read here ({charset[:40]!a}); send it in UTF-8")
    try:
        return octets.decode(charset).removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise Refused("bad-text", f"the signed text is not valid {charset}; sign it as UTF-8") from None
