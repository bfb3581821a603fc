"""Invitations: whom the list wrote to, what came back, and how each ended. Times are Unix seconds, 0 for what has not happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, insert, select, update

from securelist.store.schema import InvitationRow


class Outcome(StrEnum):
    """How an invitation ended."""

    OPEN = ""
    APPOINTED = "appointed"
    """Who answered it is the Admin Contact."""
    OVERTAKEN = "overtaken"
    """Somebody else was appointed."""
    REPLACED = "replaced"
    """A newer invitation of the same ccTLD went out."""
    LAPSED = "lapsed"
    """Nobody answered, or nobody was appointed, in time."""
    REVOKED = "revoked"
    """The key that signed the answer was revoked before anybody was appointed."""


@dataclass(frozen=True)
class Invitation:
    """One invitation, with the answer as long as that waits. `certificates` are those of the SSCs in the answer, one after the other."""

    id: int
    cctld: str
    address: str
    name: str
    made: int
    letters: int
    answered: int
    signed: int
    told: bool
    closed: int
    outcome: str
    signer: str
    evidence: bytes
    certificate: bytes
    certificates: bytes


@dataclass(frozen=True)
class Answered:
    """What is kept of an answer: who signed it (fingerprint) and when, the signed text, their certificate, and those of the SSCs."""

    signer: str
    signed: int
    evidence: bytes
    certificate: bytes
    certificates: bytes


_NOTHING = {"evidence": b"", "certificate": b"", "certificates": b""}


def add(connection: Connection, cctld: str, address: str, name: str, at: int) -> int:
    """A new invitation, in place of an open one for the same ccTLD; returns its number. The answer to that one stays until told of."""
    if earlier := open_of(connection, cctld):
        close(connection, earlier.id, Outcome.REPLACED, at, keep=True)
    values = {"cctld": cctld, "address": address, "name": name, "made": at}
    return connection.execute(insert(InvitationRow).values(values).returning(InvitationRow.id)).scalar_one()


def invitations(connection: Connection, *, open_only: bool = False) -> tuple[Invitation, ...]:
    """All invitations, oldest first."""
    return _where(connection, InvitationRow.closed == 0) if open_only else _where(connection)


def open_of(connection: Connection, cctld: str) -> Invitation | None:
    """The invitation of a ccTLD that is open; there is one at most."""
    return next(iter(_where(connection, InvitationRow.cctld == cctld, InvitationRow.closed == 0)), None)


def find(connection: Connection, number: int) -> Invitation | None:
    """The invitation of that number."""
    return next(iter(_where(connection, InvitationRow.id == number)), None)


def newest(connection: Connection) -> Mapping[str, tuple[int, int]]:
    """By ccTLD: when its last invitation was made, and when one was answered last (0: never)."""
    found: dict[str, tuple[int, int]] = {}
    times = select(InvitationRow.cctld, InvitationRow.made, InvitationRow.answered).order_by(InvitationRow.id)
    for cctld, made, answered in connection.execute(times):
        found[cctld] = (made, max(answered, found.get(cctld, (0, 0))[1]))
    return found


def answered_by(connection: Connection, fingerprint: str) -> tuple[Invitation, ...]:
    """Open invitations whose answer this key signed."""
    return _where(connection, InvitationRow.signer == fingerprint, InvitationRow.closed == 0, InvitationRow.certificate != b"")


def keep_answer(connection: Connection, number: int, answered: Answered, at: int) -> None:
    """Keeps the answer to an invitation that is open and was not answered: whoever calls has checked that in this transaction."""
    values: dict[str, object] = {"answered": at, "signer": answered.signer, "signed": answered.signed, "evidence": answered.evidence}
    values |= {"certificate": answered.certificate, "certificates": answered.certificates}
    connection.execute(update(InvitationRow).where(InvitationRow.id == number).values(values))


def replace_certificate(connection: Connection, number: int, before: bytes, certificate: bytes) -> None:
    """Keeps a newer certificate of who answered in place of the one that was read before."""
    as_read = (InvitationRow.id == number, InvitationRow.closed == 0, InvitationRow.certificate == before)
    connection.execute(update(InvitationRow).where(*as_read).values(certificate=certificate))


def count_letter(connection: Connection, number: int, letters: int) -> None:
    """The invited got so many letters by now."""
    connection.execute(update(InvitationRow).where(InvitationRow.id == number).values(letters=letters))


def mark_told(connection: Connection, number: int) -> None:
    """The trust roots got the answer, or heard that the invitation has lapsed."""
    connection.execute(update(InvitationRow).where(InvitationRow.id == number).values(told=True))


def close(connection: Connection, number: int, outcome: Outcome, at: int, *, unanswered: bool = False, keep: bool = False) -> bool:
    """Ends an invitation that is open, and with `unanswered` only if nobody has answered by now; False if it is not, or somebody has.

    That there was one, and an answer, is kept for the evaluation; what the answer said only with `keep`, until `forget_answer`.
    """
    values: dict[str, object] = {"closed": at, "outcome": outcome} | ({} if keep else _NOTHING)
    if outcome is Outcome.LAPSED:
        values["told"] = False
    is_open = (InvitationRow.id == number, InvitationRow.closed == 0, *((InvitationRow.answered == 0,) if unanswered else ()))
    return connection.execute(update(InvitationRow).where(*is_open).values(values)).rowcount > 0


def forget_answer(connection: Connection, number: int) -> None:
    """Empties what the answer to an invitation said."""
    connection.execute(update(InvitationRow).where(InvitationRow.id == number).values(_NOTHING))


def lapsed(connection: Connection) -> tuple[Invitation, ...]:
    """Those that have lapsed, and the trust roots have not heard of it."""
    return _where(connection, InvitationRow.outcome == Outcome.LAPSED, InvitationRow.told.is_(False))


def replaced_answers(connection: Connection) -> tuple[Invitation, ...]:
    """Answers to invitations that a newer one replaced: who gave them is to be told."""
    return _where(connection, InvitationRow.outcome == Outcome.REPLACED, InvitationRow.evidence != b"")


def _where(connection: Connection, *conditions: ColumnElement[bool]) -> tuple[Invitation, ...]:
    """Those for which all of this is true, oldest first."""
    rows = connection.execute(select(InvitationRow.__table__).where(*conditions).order_by(InvitationRow.id))
    return tuple(Invitation(*row) for row in rows)
