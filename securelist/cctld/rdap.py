"""IANA's records of ccTLDs: RDAP domain objects (RFC 9083, 5.3), read strictly, since mails will go where they say.

Of an object with two fields of one name, two programs read two different things; such a file, one that is not quite JSON, and a
record that does not have all it must have, are refused: source, field and rule are named, and nothing of that source is kept.
"""

from __future__ import annotations

from typing import Any

from securelist import strict_json
from securelist.cctld.cctlds import cctlds, find_cctld
from securelist.cctld.jcard import JCard, plain, roles
from securelist.cctld.record import Record
from securelist.errors import Refused

# The records of all ccTLDs in one file: 310 of some 8 KiB each, with room.
MAX_FILE_OCTETS = 8 * 1024 * 1024
# A record has some 8 KiB: name servers, two or three people, notices.
MAX_RECORD_OCTETS = 64 * 1024

_NOT_A_RECORD = "it must be an RDAP domain object, as https://rdap.iana.org/domain/nl gives it (RFC 9083), or an array of them"


def read_file(octets: bytes, source: str, at: int) -> tuple[Record, ...]:
    """The records in a file, one or an array of them, as read at `at`; raises Refused for the first fault, naming source and field."""
    if len(octets) > MAX_FILE_OCTETS:
        raise Refused("too-large", f"{source}: it is larger than {MAX_FILE_OCTETS // 1024 // 1024} MiB, which no file of records is")
    parsed = strict_json.parsed(octets, source)
    if not isinstance(parsed, list):
        return (_record(parsed, source, source, at),)
    if not parsed:
        raise Refused("no-records", f"{source}: the array holds no record")
    records = tuple(_record(one, f"{source}: record {number}", source, at) for number, one in enumerate(parsed, 1))
    for number, record in enumerate(records):
        if record.cctld in {earlier.cctld for earlier in records[:number]}:
            raise Refused("repeated-cctld", f"{source}: record {number + 1}: ldhName: there is a record of .{record.cctld} before it")
    return records


def read_answer(octets: bytes, asked: str, source: str, at: int) -> Record:
    """The record in a server's answer, which must be that of the ccTLD `asked`; raises Refused as `read_file` does."""
    parsed = strict_json.parsed(octets, source)
    name = parsed.get("ldhName") if isinstance(parsed, dict) else None
    if isinstance(name, str) and _label(name) != asked:
        raise Refused("other-cctld", f"{source}: ldhName: asked for .{asked}, the answer is about {name[:80]!a}")
    return _record(parsed, source, source, at)


def _record(raw: object, where: str, source: str, at: int) -> Record:
    """One record; refusals begin with `where`."""
    try:
        if not isinstance(raw, dict) or raw.get("objectClassName") != "domain":
            raise Refused("no-record", f"objectClassName: {_NOT_A_RECORD}")
        cctld = _cctld(plain(raw.get("ldhName"), "ldhName"))
        admin, registrant = _contact(raw, "administrative"), _contact(raw, "registrant")
        return Record(cctld, registrant.text("org", "fn"), admin.text("fn"), admin.address(), admin.phone(), source, at)
    except Refused as refused:
        raise Refused(refused.reason, f"{where}: {refused.detail}") from None


def _cctld(name: str) -> str:
    if not name.isascii():
        label = _label(name).encode("punycode").decode("ascii")
        meant = f", such as xn--{label}" if f"xn--{label}" in cctlds() else ""
        raise Refused("unicode-name", f"ldhName: it must be an ASCII label{meant}; letters of other scripts belong in unicodeName")
    try:
        return find_cctld(name).name
    except Refused as unknown:
        raise Refused(unknown.reason, f"ldhName: {unknown.detail}") from None


def _label(name: str) -> str:
    return name.lower().removesuffix(".")


def _contact(raw: dict[str, Any], role: str) -> JCard:
    """The jCard of the one entity with that role, among those of the domain itself; raises Refused."""
    entities = raw.get("entities")
    listed = [entity for entity in entities if isinstance(entity, dict)] if isinstance(entities, list) else []
    found = [entity for entity in listed if role in roles(entity.get("roles"))]
    if len(found) != 1:
        raise Refused("no-contact", f"entities: there must be exactly one with the role {role}, not {len(found)}")
    return JCard(found[0].get("vcardArray"), f"entities[{role}].vcardArray")
