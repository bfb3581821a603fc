"""The exported log: a text of lines that anybody can keep, pass on and verify with nothing but the trust roots.

Each line is one JSON object in ASCII without blanks between its parts, ended by a single LF:

    {"securelist-log":1,"list":ADDRESS,"certificates":[BASE64,…]}         the list and its certificates, the present one last
    {"entry":{"number":1,…},"hash":HEX,"octets":BASE64}                   one for each entry, in order; octets: its evidence,
                                                                          null where an entry above has brought it already,
                                                                          "erased" where it is gone; "left-out" where the list
                                                                          leaves it out of this file: it tells of what has ended
    {"head":{"number":N,"hash":HEX,"time":SECONDS},"signature":BASE64}    the list's signed message over `head_text`
    {"sha256":HEX}                                                        over every line above

Nothing is left to taste: a file is read only if writing what was read gives the same octets again.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from securelist.errors import Refused
from securelist.openpgp.list_key import ListKey
from securelist.openpgp.signed import read_signed
from securelist.trust.entry import Entry, Head, digest

FORMAT = 1
# Ten thousand entries with post-quantum certificates of 20 kB stay below.
MAX_OCTETS = 512 * 2**20
# More keys than a list will ever have had.
MAX_LIST_KEYS = 100
_ERASED, _LEFT_OUT = "erased", "left-out"
# What stands in an entry's fields: types, labels, fingerprints, digests. No line end, so that no two entries share an encoding.
_PLAIN = re.compile(r"[A-Za-z0-9-]{0,64}")
# The largest evidence is a signed text (silence.MAX_TEXT_OCTETS) or a certificate (admission.MAX_CERTIFICATE_OCTETS), in
# base64; what is longer is not read as JSON.
MAX_LINE_OCTETS = 16 * 2**20


@dataclass(frozen=True)
class Link:
    """One entry as exported: its fields and hash as they stand in the file, and its evidence (None: erased). Nothing is verified yet."""

    entry: Entry
    hash: str
    evidence: bytes | None
    left_out: bool = False
    """Whether it has evidence that this file does not bring."""


@dataclass(frozen=True)
class Export:
    """An exported log as read: whole and in canonical form, but not verified."""

    list: str
    certificates: tuple[bytes, ...]
    """The list's, in the order in which they were made; the last one signs the head."""
    links: tuple[Link, ...]
    head: Head
    time: int
    """When the head was dated, by the list's account."""
    signature: bytes

    @property
    def head_text(self) -> bytes:
        """What the list's signature must cover."""
        return head_text(self.list, self.head, self.time, _lines_above_head(self.list, self.certificates, self.links))


# --- writing ----------------------------------------------------------------------------------------------------------


def write_export(
    list_address: str,
    key: ListKey,
    certificates: Sequence[bytes],
    entries: Iterable[tuple[Entry, bytes | None]],
    at: int,
    without: frozenset[int] = frozenset(),
) -> bytes:
    """The export of the whole log (entries with their evidence, None where it is erased), its head dated `at`, signed by the list.

    `certificates` are the list's, that of `key` last. `without` are the numbers of entries whose evidence is left out: see `ended`.
    """
    links = tuple(_link(entry, evidence, entry.number in without) for entry, evidence in entries)
    head = links[-1].entry.head if links else Head()
    text = head_text(list_address, head, at, _lines_above_head(list_address, certificates, links))
    return octets_of(Export(list_address, tuple(certificates), links, head, at, read_signed(key.sign(text)).octets))


def _link(entry: Entry, evidence: bytes | None, left_out: bool) -> Link:
    return Link(entry, entry.hash, None if left_out else evidence, left_out and evidence is not None)


def head_text(list_address: str, head: Head, at: int, above: bytes) -> bytes:
    """The text that the list signs: which head, when, and the SHA-256 of every line of the export above it."""
    values = {"securelist-log-head": FORMAT, "list": list_address, "number": head.number, "hash": head.hash, "time": at}
    return "".join(f"{name}: {value}\n" for name, value in {**values, "export": digest(above)}.items()).encode("ascii")


def _line(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def _lines_above_head(list_address: str, certificates: Sequence[bytes], links: Sequence[Link]) -> bytes:
    lines = [_line({"securelist-log": FORMAT, "list": list_address, "certificates": list(map(_base64, certificates))})]
    brought: set[str] = set()
    for link in links:
        lines.append(_line({"entry": asdict(link.entry), "hash": link.hash, "octets": _octets(link, brought)}))
        brought.add(link.entry.evidence)
    return b"".join(lines)


def _octets(link: Link, brought: Collection[str]) -> str | None:
    if link.evidence is None:
        return _LEFT_OUT if link.left_out else _ERASED
    return None if link.entry.evidence in brought else _base64(link.evidence)


def octets_of(export: Export) -> bytes:
    """An export as a file, its checksum included; whether its signature is good, nobody has asked."""
    above = _lines_above_head(export.list, export.certificates, export.links)
    head = {**asdict(export.head), "time": export.time}
    covered = above + _line({"head": head, "signature": _base64(export.signature)})
    return covered + _line({"sha256": digest(covered)})


# --- reading ----------------------------------------------------------------------------------------------------------


def read_export(octets: bytes) -> Export:
    """The export in `octets`; raises Refused naming the line if it is damaged, cut short or written in another way."""
    if len(octets) > MAX_OCTETS:
        raise Refused("too-large", f"an export has at most {MAX_OCTETS >> 20} MiB")
    lines = octets.split(b"\n")
    if len(lines) < 4 or lines.pop():
        raise Refused("cut-short", "the export is cut short: its last line is not there whole")
    first = _read(lines[0], 1, {"securelist-log": int, "list": str, "certificates": list})
    head = _read(lines[-2], len(lines) - 1, {"head": dict, "signature": str})
    where = _checked(head["head"], len(lines) - 1, {"number": int, "hash": str, "time": int})
    _read(lines[-1], len(lines), {"sha256": str})
    links = _read_links(lines[1:-2])
    certificates, signature = _read_certificates(first["certificates"]), _unbase64(head["signature"], len(lines) - 1)
    export = Export(first["list"], certificates, links, Head(where["number"], where["hash"]), where["time"], signature)
    if octets_of(export) != octets:
        raise Refused("altered", "the export was altered, or is of another format: its checksum or its form is not right")
    return export


def _read_certificates(texts: list[object]) -> tuple[bytes, ...]:
    if not 0 < len(texts) <= MAX_LIST_KEYS:
        raise _damaged(1)
    return tuple(_unbase64(str(text), 1) for text in texts)


def _read_links(lines: Sequence[bytes]) -> tuple[Link, ...]:
    wanted: dict[str, type] = {field.name: int if field.type == "int" else str for field in fields(Entry)}
    links: list[Link] = []
    brought: dict[str, bytes] = {}
    for number, line in enumerate(lines, 2):
        value = _read(line, number, {"entry": dict, "hash": str, "octets": (str, type(None))})
        entry = Entry(**_checked(value["entry"], number, wanted))
        if any(not _PLAIN.fullmatch(text) for text in vars(entry).values() if isinstance(text, str)):
            raise _damaged(number)
        if value["octets"] in (_ERASED, _LEFT_OUT):
            links.append(Link(entry, value["hash"], None, value["octets"] == _LEFT_OUT))
            continue
        if value["octets"] is not None:
            brought[entry.evidence] = _unbase64(value["octets"], number)
        if entry.evidence not in brought:
            raise _damaged(number)
        links.append(Link(entry, value["hash"], brought[entry.evidence]))
    return tuple(links)


def _damaged(number: int) -> Refused:
    return Refused("damaged", f"line {number} of the export is damaged, or is not the line that should stand there")


def _read(line: bytes, number: int, wanted: Mapping[str, Any]) -> dict[str, Any]:
    if len(line) > MAX_LINE_OCTETS:
        raise _damaged(number)
    try:
        value = json.loads(line.decode("ascii"))
    except (ValueError, RecursionError):
        raise _damaged(number) from None
    return _checked(value, number, wanted)


def _checked(value: object, number: int, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """`value` if it is an object with exactly these names and types (a bool is no int here)."""
    if not isinstance(value, dict) or list(value) != list(wanted):
        raise _damaged(number)
    if not all(isinstance(value[name], kind) and not isinstance(value[name], bool) for name, kind in wanted.items()):
        raise _damaged(number)
    return value


def _unbase64(text: str, number: int) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _damaged(number) from None
