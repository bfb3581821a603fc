"""The document in a bundle, read strictly: who it is from and for, and every contact held against the rules of statements.

Nothing of what it says stands in a refusal but the ccTLD of a row, if there is such a one: the row's number and the rule are enough for
whoever made it, and others may see the refusal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from securelist import strict_json
from securelist.cctld.cctlds import CcTld, cctlds
from securelist.contacts.contact import Imported
from securelist.errors import Refused
from securelist.mail.addresses import address_problem, same_address
from securelist.openpgp.admission import MAX_CERTIFICATE_OCTETS, read_certificate, split_certificates
from securelist.openpgp.certificate import Certificate, normal_fingerprint
from securelist.openpgp.signed import MAX_AHEAD_S
from securelist.trust.certificates import STRANGERS_SECONDS
from securelist.trust.fields import FIELDS
from securelist.trust.grammar import problem_of
from securelist.trust.statement import Person
from securelist.trust.wording import wording_problem

FORMAT, VERSION = "securelist-bundle", 1
# Three for each of 310 ccTLDs, and as many again; each certificate costs two engines some 15 ms.
MAX_CONTACTS = 2_000
# Enough to see what is wrong with a program that makes bundles, and still one sentence; the rows after them are not read.
MAX_PROBLEMS = 3

_DOCUMENT = (FORMAT, "source", "made", "recipient", "contacts")
_SOURCE = ("address", "fingerprint")
_NEEDED = ("cctld", "name", "emails")
_ROW = (*_NEEDED, "phones", "organisation", "timezone", "fingerprint", "certificate", "confirmed", "until")
# The fields of statements by the names that they have here.
_FIELDS = {"name": "Name", "emails": "Email", "phones": "Phone", "organisation": "Organisation", "timezone": "Timezone"}
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)


class Wrong(Exception):
    """A rule that a row breaks, in words that hold nothing of the row."""


@dataclass(frozen=True)
class Bundle:
    """What a document says: from whom (address, fingerprint), made when (Unix seconds), for whom (fingerprint). Its rows are not read."""

    address: str
    fingerprint: str
    made: int
    recipient: str
    rows: tuple[object, ...]

    def contacts(self, name: str, at: int) -> tuple[Imported, ...]:
        """The contacts in it, imported at `at` from whom the operator calls `name`; raises Refused("bad-row"), naming rows and rules."""
        found = _Rows(name, self.made, at)
        for row in self.rows:
            found.take(row)
        return found.whole()


def read_bundle(octets: bytes, at: int) -> Bundle:
    """The bundle in a document that came in at `at`; raises Refused."""
    raw = _parsed(octets)
    address, fingerprint = _source(raw["source"])
    made, recipient, rows = _made(raw["made"], at), raw["recipient"], raw["contacts"]
    if not isinstance(recipient, str) or (plain := normal_fingerprint(recipient)) is None:
        raise Refused("wrong-type", "recipient: the full fingerprint of the certificate to which the bundle is encrypted")
    if not isinstance(rows, list):
        raise Refused("wrong-type", "contacts: an array")
    if len(rows) > MAX_CONTACTS:
        raise Refused("too-many-contacts", f"contacts: at most {MAX_CONTACTS:,}, and there are {len(rows):,}")
    return Bundle(address, fingerprint, made, plain, tuple(rows))


# --- the document -----------------------------------------------------------------------------------------------------


def _parsed(octets: bytes) -> dict[str, Any]:
    """The document as JSON, of this format and version and with the keys that it has to have; raises Refused."""
    raw = strict_json.parsed(octets, "the document in the bundle")
    if not isinstance(raw, dict) or FORMAT not in raw:
        raise Refused("not-a-bundle", f'what is signed is no bundle: it must be a JSON object with "{FORMAT}": {VERSION}')
    if type(raw[FORMAT]) is not int or raw[FORMAT] != VERSION:
        raise Refused("unknown-version", f"the bundle is of another version than {VERSION}, the one that is read here")
    if problem := _keys_problem(raw, _DOCUMENT, _DOCUMENT):
        raise Refused("wrong-keys", f"the document in the bundle: {problem}")
    return raw


def _keys_problem(raw: Mapping[str, object], needed: Iterable[str], known: Iterable[str]) -> str:
    if missing := [key for key in needed if key not in raw]:
        return f"{' and '.join(missing)} must be there"
    return f"there is a key in it that is none of {', '.join(known)}" if set(raw) - set(known) else ""


def _source(raw: object) -> tuple[str, str]:
    """(address, fingerprint) of who made the bundle, by its own word."""
    if not isinstance(raw, dict) or _keys_problem(raw, _SOURCE, _SOURCE):
        raise Refused("wrong-type", f"source: an object with the keys {' and '.join(_SOURCE)}, and no other")
    address, fingerprint = raw["address"], raw["fingerprint"]
    if not isinstance(address, str) or address_problem(address):
        raise Refused("wrong-type", "source: address: an address of the form name@domain.example")
    if not isinstance(fingerprint, str) or (plain := normal_fingerprint(fingerprint)) is None:
        raise Refused("wrong-type", "source: fingerprint: the full fingerprint of the certificate that signed the bundle")
    return address, plain


def _made(raw: object, at: int) -> int:
    try:
        made = _time(raw)
    except Wrong as wrong:
        raise Refused("wrong-type", f"made: {wrong}") from None
    if made > at + MAX_AHEAD_S:
        raise Refused("from-the-future", f"made: this is more than {MAX_AHEAD_S // 60} minutes ahead; are both clocks right?")
    return made


def _time(raw: object) -> int:
    """Unix seconds of a time as RFC 3339 writes it, in UTC and to the second."""
    rule = "a time in UTC is written as 2026-11-23T05:00:00Z"
    if not isinstance(raw, str) or not _TIME.fullmatch(raw):
        raise Wrong(rule)
    try:
        return int(datetime.fromisoformat(raw).astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        raise Wrong(f"{rule}; there is no such time") from None


# --- its rows ---------------------------------------------------------------------------------------------------------


class _Rows:
    """The contacts of one bundle, taken one after the other; `whole` has all of them, or says what is wrong with which."""

    def __init__(self, source: str, made: int, at: int) -> None:
        self._source, self._made, self._at = source, made, at
        self._number = 0
        self._found: list[Imported] = []
        self._problems: list[str] = []
        self._earlier: dict[tuple[str, str], int] = {}

    def take(self, raw: object) -> None:
        """The next row."""
        self._number += 1
        if len(self._problems) > MAX_PROBLEMS:
            return
        try:
            self._found.append(self._read(raw))
        except Wrong as wrong:
            self._problems.append(f"row {self._number}{_place(raw)}: {wrong}")

    def whole(self) -> tuple[Imported, ...]:
        """All of them; raises Refused("bad-row") if one breaks a rule."""
        if self._problems:
            more = "; and more rows after these" if len(self._problems) > MAX_PROBLEMS else ""
            raise Refused("bad-row", f"{'; '.join(self._problems[:MAX_PROBLEMS])}{more}")
        return tuple(self._found)

    def _read(self, raw: object) -> Imported:
        if not isinstance(raw, dict):
            raise Wrong("a contact is an object")
        if problem := _keys_problem(raw, _NEEDED, _ROW):
            raise Wrong(problem)
        cctld, person = _cctld(raw["cctld"]), person_of(raw)
        who = (cctld.name, same_address(person.emails[0]))
        if self._earlier.setdefault(who, self._number) != self._number:
            raise Wrong(f"the same ccTLD and first address stand in row {self._earlier[who]}")
        confirmed, until = (_time(raw[key]) if raw.get(key) else 0 for key in ("confirmed", "until"))
        if confirmed > self._made + MAX_AHEAD_S:
            raise Wrong("confirmed: nobody can have confirmed it after the bundle was made")
        fingerprint, certificate = _certificate(raw)
        return Imported(cctld, person, fingerprint, certificate, self._source, self._made, self._at, confirmed, until)


def _place(raw: object) -> str:
    """The ccTLD of a row, if it names one."""
    name = raw.get("cctld") if isinstance(raw, dict) else None
    return f" (.{name})" if isinstance(name, str) and name in cctlds() else ""


def _cctld(raw: object) -> CcTld:
    if not isinstance(raw, str) or raw not in cctlds():
        raise Wrong("cctld: the ASCII label of a ccTLD, in small letters and without dots, such as nl or xn--p1ai")
    return cctlds()[raw]


def person_of(raw: Mapping[str, object]) -> Person:
    """The contact details in a row, which obey the rules of statements, and those of words that others sign; raises Wrong."""
    name, organisation, timezone = (_one(raw, key) for key in ("name", "organisation", "timezone"))
    emails, phones = _several(raw, "emails"), _several(raw, "phones")
    if not name or not emails:
        raise Wrong("name and emails: there must be a name and an address at least")
    return Person(name, emails, phones, organisation, timezone)


def _one(raw: Mapping[str, object], key: str) -> str:
    value = raw.get(key, "")
    if not isinstance(value, str):
        raise Wrong(f"{key}: a text")
    if value and (problem := value_problem(_FIELDS[key], value, ())):
        raise Wrong(problem)
    return " ".join(value.split())


def _several(raw: Mapping[str, object], key: str) -> tuple[str, ...]:
    values, most = raw.get(key, []), FIELDS[_FIELDS[key]].times
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values) or len(values) > most:
        raise Wrong(f"{key}: an array of at most {most} texts")
    for number, value in enumerate(values):
        if problem := value_problem(_FIELDS[key], value, values[:number]):
            raise Wrong(problem)
    return tuple(values)


def value_problem(field: str, value: str, earlier: Iterable[str]) -> str:
    """The rule of statements that a value of a field breaks, without anything of the value; empty if it breaks none."""
    if not (problem := problem_of(field, value, earlier)):
        return wording_problem(field, value)
    if field == "Email" and address_problem(value):
        problem = f"an address has the form name@domain.example and at most {FIELDS['Email'].characters} characters"
    rule = problem.partition("; write: ")[0]  # what was probably meant is what was written
    return rule if rule.startswith(field) else f"{field}: {rule}"


def _certificate(raw: Mapping[str, object]) -> tuple[str, bytes]:
    """(fingerprint, binary certificate) of a row; both empty if it has none. Both engines must read it, and as that fingerprint's."""
    stated, armored = raw.get("fingerprint", ""), raw.get("certificate", "")
    if not isinstance(stated, str) or not isinstance(armored, str):
        raise Wrong("fingerprint and certificate: texts")
    fingerprint = normal_fingerprint(stated) or ""
    if stated and not fingerprint:
        raise Wrong("fingerprint: given in full: 40 hex digits, or 64 for a version 6 key")
    if not armored:
        return fingerprint, b""
    if not fingerprint:
        raise Wrong("certificate: its fingerprint must be there, too")
    certificate = _one_certificate(armored)
    if certificate.fingerprint != fingerprint:
        raise Wrong("certificate: it is another one than that of the fingerprint")
    return fingerprint, certificate.octets


def _one_certificate(armored: str) -> Certificate:
    # Armour takes four characters for three octets, and a line end in sixty-five.
    if not armored.isascii() or len(armored) > 2 * MAX_CERTIFICATE_OCTETS:
        raise Wrong(f"certificate: ASCII armour, of at most {2 * MAX_CERTIFICATE_OCTETS // 1024} KiB")
    try:
        found = split_certificates(armored.encode())
        if len(found) == 1:
            return read_certificate(found[0], STRANGERS_SECONDS)
    except Refused as refused:
        raise Wrong(f"certificate: GnuPG and Sequoia must both read it ({refused.reason})") from None
    raise Wrong("certificate: exactly one")
