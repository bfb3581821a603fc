"""Statements that wait for more signatures on the same text: which they are, and the text as the others have to sign it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from securelist.errors import Refused
from securelist.installation import Installation
from securelist.mail.headers import address_in_user_id
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.signed import read_signed, verify
from securelist.store import log_store
from securelist.store.database import reading
from securelist.trust.grammar import signed_lines
from securelist.trust.history import Said
from securelist.trust.pending import Pending, pending
from securelist.trust.statement import Statement
from securelist.trust.text import text_of


@dataclass(frozen=True)
class Unsigned:
    """A signed text, all of it, that waits for `missing` more signatures by some of `awaited` (fingerprints). Times are Unix seconds.

    `entry` is the first of its statements that wait: whoever signs the text signs all of them.
    """

    said: Said
    says: tuple[str, ...]
    """What each of its statements is and is about, in a clause."""
    signed: tuple[str, ...]
    missing: int
    awaited: tuple[str, ...]
    lapses: int

    @property
    def entry(self) -> int:
        """Number of the entry by which it is known."""
        return self.said.entry


def unsigned(house: Installation, at: int) -> tuple[Unsigned, ...]:
    """The texts that wait at `at`, oldest first."""
    texts: dict[str, list[Pending]] = {}
    for one in pending(house.membership(), house.anchor, at):
        texts.setdefault(one.said.text, []).append(one)
    return tuple(map(_joined, texts.values()))


def _joined(same: list[Pending]) -> Unsigned:
    first = same[0]
    says = tuple(_clause(one.said.statement) for one in same)
    missing, lapses = max(one.missing for one in same), min(one.lapses for one in same)
    return Unsigned(first.said, says, first.signed, missing, first.awaited, lapses)


def _clause(statement: Statement) -> str:
    person = statement.person
    about = f": {person.name} <{person.emails[0]}>" if person.name and person.emails else ""
    return f"{statement.type}{f' .{statement.tld}' if statement.tld else ''}{about}"


def text_to_sign(house: Installation, said: Said) -> str:
    """The whole signed text in which this was said: signed by somebody else, letter for letter, it counts with it. Raises Refused."""
    with reading(house.engine) as connection:
        _, evidence = next(log_store.entries(connection, said.entry))
    if evidence is None:
        raise Refused("erased", f"the text of entry {said.entry} is erased")
    verified = verify(read_signed(evidence), house.anchor.signers(house.membership(), said.time).values(), said.time)
    return "".join(f"{line}\n" for line in signed_lines(text_of(verified.content)))


def file_name(one: Unsigned) -> str:
    """What the text is called where it is attached."""
    return f"statement-{one.entry}.txt"


def who(fingerprint: str, certificates: Mapping[str, Certificate]) -> str:
    """Whose key this is, by the address in the first user ID; the fingerprint where nothing is known of it."""
    known = certificates.get(fingerprint)
    return (known and known.user_ids and address_in_user_id(known.user_ids[0])) or fingerprint


def whose(fingerprints: Iterable[str], certificates: Mapping[str, Certificate]) -> str:
    """The same of several, in one clause."""
    return ", ".join(who(fingerprint, certificates) for fingerprint in fingerprints)
