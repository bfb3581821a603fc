"""MIME entities by their bytes (RFC 2045, 2046): what somebody signed must come out as it went in.

The `email` package parses headers here and nothing else: it rewrites bodies, and recurses into them (at some 1,200
levels it gives up with an exception). This module never looks deeper than it is asked to.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
import secrets
from dataclasses import dataclass
from email.errors import FirstHeaderLineIsContinuationDefect, MissingHeaderBodySeparatorDefect
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32

from securelist.errors import Refused

# Received, DKIM and Autocrypt fields of a well-travelled mail stay below 50 KiB.
MAX_HEADER_OCTETS = 128 * 1024
# multipart/encrypted and multipart/signed have two parts; a statement mail carries a handful of attachments.
MAX_PARTS = 50
# Type and parameters fit into a line or three. `email` takes cubic time for an open quotation mark and 100 KiB of semicolons.
MAX_CONTENT_TYPE_CHARACTERS = 4_000
# Mail clients look into parts within parts by recursion, and some crash where no person's mail ever goes.
MAX_NESTING = 20
MAX_ENTITIES = 1_000

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")


@dataclass(frozen=True)
class Entity:
    """A MIME entity: its header fields as the `email` package reads them, and header block and body as they stood."""

    fields: Message
    head: bytes
    body: bytes

    @property
    def content_type(self) -> str:
        """Type and subtype in lower case, text/plain where nothing (valid) is said."""
        return self.fields.get_content_type()

    def parameter(self, name: str) -> str:
        """A parameter of Content-Type, or the empty string, also where it makes no sense; raises Refused("header-too-large")."""
        if len(str(self.fields.get("Content-Type", ""))) > MAX_CONTENT_TYPE_CHARACTERS:
            raise Refused("header-too-large", f"Content-Type is longer than {MAX_CONTENT_TYPE_CHARACTERS} characters")
        try:
            value = self.fields.get_param(name, "")
        except Exception:  # on parameters in pieces that do not fit together (RFC 2231, 3) it raises whatever comes
            return ""
        return value if isinstance(value, str) else value[2]

    def all(self, name: str) -> list[str]:
        """The values of every field of that name, unfolded, encoded words as they stand, raw UTF-8 (RFC 6532) as text."""
        found = (value for known, value in self.fields.raw_items() if known.lower() == name.lower())
        texts = (str(value).encode("ascii", "surrogateescape").decode("utf-8", "replace") for value in found)
        return [" ".join(text.split()) for text in texts]


def read_entity(octets: bytes) -> Entity:
    """The entity in `octets`; an empty header block is allowed. Raises Refused("not-a-mail") or ("header-too-large")."""
    if octets[:2] == b"\r\n" or octets[:1] == b"\n":
        head, body = b"", octets.split(b"\n", 1)[1]
    else:
        blank = _BLANK_LINE.search(octets[: MAX_HEADER_OCTETS + 4])
        if blank is None and len(octets) > MAX_HEADER_OCTETS:
            raise Refused("header-too-large", f"the header is longer than {MAX_HEADER_OCTETS // 1024} KiB")
        head, body = (octets[: blank.start()], octets[blank.end() :]) if blank else (octets, b"")
    if head and not _FIELD.match(head):
        raise Refused("not-a-mail", "this is not a mail: it does not begin with header fields (RFC 5322)")
    fields = BytesHeaderParser(policy=compat32).parsebytes(head + b"\r\n\r\n")
    # Some Python versions also report a multipart without parts here, where no body was given to be parsed.
    if any(isinstance(defect, (MissingHeaderBodySeparatorDefect, FirstHeaderLineIsContinuationDefect)) for defect in fields.defects):
        raise Refused("not-a-mail", "the header holds a line that is not a header field (RFC 5322, 2.2)")
    return Entity(fields, head, body)


def parts_of(entity: Entity) -> list[bytes]:
    """The parts of a multipart entity (RFC 2046, 5.1.1), byte for byte; text before and after them is dropped.

    Raises Refused("bad-multipart") when the boundary is missing or the last part does not end.
    """
    boundary = entity.parameter("boundary").encode("ascii", "replace")
    if not boundary or len(boundary) > 70:
        raise Refused("bad-multipart", "a multipart entity names no boundary of 1 to 70 characters (RFC 2046, 5.1.1)")
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    parts: list[bytes] = []
    start: int | None = None
    for match in delimiter.finditer(entity.body):
        if start is not None:
            parts.append(re.sub(rb"\A\r?\n", b"", entity.body[start : match.start()], count=1))
        if match[1]:
            return parts
        if len(parts) >= MAX_PARTS:
            raise Refused("too-many-parts", f"a multipart entity has more than {MAX_PARTS} parts")
        start = match.end()
    raise Refused("bad-multipart", "a multipart entity does not end with its closing boundary (RFC 2046, 5.1.1)")


def check_nesting(entity: Entity) -> None:
    """Raises Refused("too-deep") or ("too-many-parts") for what would crash mail clients; reads loosely, as they do."""
    level, seen = [entity], 0
    for _ in range(MAX_NESTING + 1):
        inside = [octets for outer in level for octets in _inside(outer)]
        seen += len(inside)
        if seen > MAX_ENTITIES:
            raise Refused("too-many-parts", f"the mail consists of more than {MAX_ENTITIES} parts")
        level = [part for octets in inside if (part := _loosely(octets))]
        if not level:
            return
    raise Refused("too-deep", f"the mail has parts within parts more than {MAX_NESTING} deep")


def _inside(entity: Entity) -> list[bytes]:
    """What stands directly inside a multipart, closed or not, or an attached mail (RFC 2046, 5.1 and 5.2.1)."""
    if entity.content_type == "message/rfc822":
        return [entity.body]
    boundary = entity.parameter("boundary") if entity.content_type.startswith("multipart/") else ""
    delimiter = rb"(?:\A|\r?\n)--" + re.escape(boundary.encode("ascii", "replace")) + rb"(?:--)?[ \t]*(?=\r?\n|\Z)"
    return re.split(delimiter, entity.body, maxsplit=MAX_ENTITIES + 1)[1:] if boundary else []


def _loosely(octets: bytes) -> Entity | None:
    try:
        return read_entity(re.sub(rb"\A\r?\n", b"", octets, count=1))
    except Refused:
        return None


def decoded(entity: Entity) -> bytes:
    """The body with its Content-Transfer-Encoding undone (RFC 2045, 6); raises Refused("bad-encoding")."""
    encoding = (entity.all("Content-Transfer-Encoding") or ["7bit"])[0].lower()
    if encoding in ("7bit", "8bit", "binary"):
        return entity.body
    try:
        if encoding == "base64":
            return base64.b64decode(b"".join(entity.body.split()), validate=True)
        if encoding == "quoted-printable":
            return quopri.decodestring(entity.body)
    except (binascii.Error, ValueError):
        raise Refused("bad-encoding", f"a part is not in the {encoding} that it names") from None
    raise Refused("bad-encoding", "a part has an unknown Content-Transfer-Encoding")


def multipart(parts: list[bytes]) -> tuple[str, bytes]:
    """(boundary, body) of a multipart entity around `parts`, with CRLF (RFC 2046, 5.1.1)."""
    boundary = f"=_{secrets.token_hex(16)}"
    delimiter = f"--{boundary}".encode("ascii")
    return boundary, b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts) + delimiter + b"--\r\n"


def crlf(octets: bytes) -> bytes:
    """The same lines, each ending with CRLF; a lone CR stays what it is, a character of a line."""
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
