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
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.errors import FirstHeaderLineIsContinuationDefect, MisplacedEnvelopeHeaderDefect, MissingHeaderBodySeparatorDefect
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from itertools import islice

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

# What stands between the characters of base64; a list of the lines of 25 MiB would take 700.
WHITE = b" \t\n\r\v\f"

# Encodings that change nothing.
IDENTITIES = ("7bit", "8bit", "binary")
# What programs write around the name of an encoding: blanks, a comment, a semicolon.
_AROUND = re.compile(r"^\s+|\s*(?:\([^()]*\)\s*)?;?\s*$")
LONE_CR = re.compile(rb"\r(?!\n)")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_CONTENT_TYPE = re.compile(r"[!#-'*+.0-9a-z^_`{|}~-]+/[!#-'*+.0-9a-z^_`{|}~-]+")
_MAILS = {"message/rfc822", "message/global", "message/news"}
_TEXT, _MAIL = b"text/plain", b"message/rfc822"
_NO_FIELD = (MissingHeaderBodySeparatorDefect, FirstHeaderLineIsContinuationDefect, MisplacedEnvelopeHeaderDefect)


@dataclass(frozen=True)
class Entity:
    """A MIME entity: its header fields as the `email` package reads them, and header block and body as they stood."""

    fields: Message
    head: bytes
    body: bytes

    @property
    def content_type(self) -> str:
        """Type and subtype in lower case, text/plain where nothing (valid) is said (RFC 2045, 5.1 and 5.2)."""
        # `email` lets comments, controls and blanks around it pass. What mail clients may take for a type must be one here.
        stated = _CONTENT_TYPE.search(self.fields.get_content_type())
        return stated[0] if stated else "text/plain"

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
    if LONE_CR.search(head):
        raise Refused("not-a-mail", "the header holds a CR alone, where some programs end a field and others do not (RFC 5322, 2.2)")
    fields = BytesHeaderParser(policy=compat32).parsebytes(head + b"\r\n\r\n")
    # Some Python versions also report a multipart without parts here, where no body was given to be parsed.
    # "From :" is a From to programs that take blanks before a colon (RFC 5322, 4.5), and nothing at all to `email`: it sees an mbox line.
    if fields.get_unixfrom() or any(isinstance(defect, _NO_FIELD) for defect in fields.defects):
        raise Refused("not-a-mail", "the header holds a line that is not a header field (RFC 5322, 2.2)")
    return Entity(fields, head, body)


def read_head(octets: bytes) -> Entity:
    """The same entity without its body, of which no copy is made: it may have 25 MiB. Raises what `read_entity` raises."""
    return replace(read_entity(octets[: MAX_HEADER_OCTETS + 4]), body=b"")


def parts_of(entity: Entity) -> list[bytes]:
    """The parts of a multipart entity (RFC 2046, 5.1.1), byte for byte; text before and after them is dropped.

    Raises Refused("bad-multipart") when the boundary is missing or the last part does not end.
    """
    boundary = entity.parameter("boundary")
    if not boundary or len(boundary) > 70:
        raise Refused("bad-multipart", "a multipart entity names no boundary of 1 to 70 characters (RFC 2046, 5.1.1)")
    parts: list[bytes] = []
    start: int | None = None
    for before, after, closes in _delimiters(boundary, entity.body, 0, len(entity.body)):
        if start is not None:
            parts.append(entity.body[start:before])
        if closes:
            return parts
        if len(parts) >= MAX_PARTS:
            raise Refused("too-many-parts", f"a multipart entity has more than {MAX_PARTS} parts")
        start = after
    raise Refused("bad-multipart", "a multipart entity does not end with its closing boundary (RFC 2046, 5.1.1)")


def _delimiters(boundary: str, octets: bytes, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """For each delimiter line in `octets[start:end]`: where what is before it ends, where what follows begins, whether it closes."""
    line = b"--" + re.escape(boundary.encode("ascii", "replace")) + rb"(--)?[ \t]*(?=\r?\n|\Z)"
    first = re.compile(line).match(octets, start, end)
    if first:
        yield start, _next_line(octets, first.end(), end), bool(first[1])
    # It begins with fixed octets, for which `re` looks twenty times as fast as for a choice of line ends.
    for match in re.compile(b"\n" + line).finditer(octets, first.end() if first else start, end):
        before = match.start() - (match.start() > start and octets.startswith(b"\r", match.start() - 1))
        yield before, _next_line(octets, match.end(), end), bool(match[1])


def _next_line(octets: bytes, at: int, end: int) -> int:
    return at + 2 if octets.startswith(b"\r\n", at, end) else at + octets.startswith(b"\n", at, end)


def entities_in(entity: Entity) -> list[Entity]:
    """Every entity inside another, at any depth, read loosely, as mail clients do: type, encoding and disposition are its only fields.

    Those that hold others have no body here: every octet stands in one body at most, and is looked at once a level. What is no entity,
    such as the text before the first part, comes as plain text; so does, once more, a part whose header begins with something else.
    Raises Refused("too-deep") or ("too-many-parts") for what would crash mail clients, and "bad-multipart" where no part begins.
    """
    octets, seen, found = entity.body, 0, list[Entity]()
    level = [(entity, 0, len(octets))]
    for _ in range(MAX_NESTING + 1):
        inside = [span for outer, start, end in level for span in _inside(outer, octets, start, end)]
        seen += len(inside)
        if seen > MAX_ENTITIES:
            raise Refused("too-many-parts", f"the mail consists of more than {MAX_ENTITIES} parts")
        level = [_loosely(octets, start, end, kind) for start, end, kind in inside]
        for (part, body, end), (start, _, _) in zip(level, inside, strict=True):
            if holds_others(part):
                found.append(part)
                continue
            found.append(replace(part, body=octets[body:end]))
            if part.head and not _FIELD.match(part.head):
                found.append(_plain(octets[start:end]))
        if not level:
            return found
    raise Refused("too-deep", f"the mail has parts within parts more than {MAX_NESTING} deep")


def holds_others(entity: Entity) -> bool:
    """Whether it is a multipart or an attached mail (RFC 2046, 5.1 and 5.2.1; RFC 6532, 3.7; RFC 5537, 4.1)."""
    return entity.content_type in _MAILS or entity.content_type.startswith("multipart/")


def _inside(entity: Entity, octets: bytes, start: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    """Where in `octets[start:end]`, its body, what stands directly inside an entity is, closed or not, and its type if it names none."""
    if entity.content_type in _MAILS:
        yield _next_line(octets, start, end), end, _TEXT
    elif entity.content_type.startswith("multipart/"):
        boundary = entity.parameter("boundary")
        marks = list(islice(_delimiters(boundary, octets, start, end), MAX_ENTITIES + 1)) if boundary else []
        if not marks:
            raise Refused("bad-multipart", "a multipart entity has no part: the boundary that it names stands nowhere in it")
        if octets[start : marks[0][0]].strip():
            yield start, marks[0][0], _TEXT
        kind = _MAIL if entity.content_type == "multipart/digest" else _TEXT
        ends = [before for before, _, _ in marks[1:]] + [end]
        for (_, after, _), before in zip(marks, ends, strict=False):
            yield after, max(after, before), kind


def _loosely(octets: bytes, start: int, end: int, kind: bytes) -> tuple[Entity, int, int]:
    """The entity there, without its body, and where that is; plain text where no mail client takes it for one."""
    body = _next_line(octets, start, end)
    head = b""
    if body == start:
        blank = _BLANK_LINE.search(octets, start, min(end, start + MAX_HEADER_OCTETS + 4))
        if blank is None and end - start > MAX_HEADER_OCTETS:
            return _plain(b""), start, end
        head, body = (octets[start : blank.start()], blank.end()) if blank else (octets[start:end], end)
    fields = b"".join(_first_fields(name, head) for name in (b"Content-Type", b"Content-Transfer-Encoding", b"Content-Disposition"))
    if b"Content-Type:" not in fields:
        fields += b"Content-Type: " + kind + b"\r\n"
    return Entity(BytesHeaderParser(policy=compat32).parsebytes(fields + b"\r\n"), head, b""), body, end


def _plain(text: bytes) -> Entity:
    return Entity(Message(policy=compat32), b"", text)


def _first_fields(name: bytes, head: bytes) -> bytes:
    """The first two fields of that name, as `email` reads them at once: of a thousand header blocks it takes seconds to read all fields."""
    block = b"\n" + head
    found = re.finditer(b"\n" + name.lower() + rb"[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", block.lower())
    return b"".join(name + b":" + block[field.start(1) : field.end(1)].rstrip(b"\r") + b"\r\n" for field in islice(found, 2))


def encoding_of(entity: Entity) -> str:
    """Its Content-Transfer-Encoding in the standard's spelling (RFC 2045, 6.1); raises Refused("bad-encoding") for any other than those."""
    stated = (entity.all("Content-Transfer-Encoding") or [""])[0].lower()
    named = _AROUND.sub("", stated)
    encoding = {"": "7bit", "7-bit": "7bit", "8-bit": "8bit"}.get(named, named)
    if encoding not in (*IDENTITIES, "base64", "quoted-printable"):
        raise Refused("bad-encoding", "a part has an unknown Content-Transfer-Encoding")
    return encoding


def decoded(entity: Entity) -> bytes:
    """The body with its Content-Transfer-Encoding undone (RFC 2045, 6); raises Refused("bad-encoding")."""
    encoding = encoding_of(entity)
    if encoding in IDENTITIES:
        return entity.body
    try:
        if encoding == "base64":
            return base64.b64decode(entity.body.translate(None, WHITE), validate=True)
        return quopri.decodestring(entity.body)
    except (binascii.Error, ValueError):
        raise Refused("bad-encoding", f"a part is not in the {encoding} that it names") from None


def multipart(parts: list[bytes]) -> tuple[str, bytes]:
    """(boundary, body) of a multipart entity around `parts`, with CRLF (RFC 2046, 5.1.1)."""
    boundary = f"=_{secrets.token_hex(16)}"
    delimiter = f"--{boundary}".encode("ascii")
    return boundary, b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts) + delimiter + b"--\r\n"


def crlf(octets: bytes) -> bytes:
    """The same lines, each ending with CRLF; a lone CR stays what it is, a character of a line."""
    if octets.count(b"\n") == octets.count(b"\r\n"):  # as it should be; two copies less
        return octets
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
