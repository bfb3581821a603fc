"""Invitations: whom the list wrote to, what came back, and how each ended. Times are Unix seconds, 0 for what has not happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

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
    for earlier in invitations(connection, open_only=True):
        if earlier.cctld == cctld:
            close(connection, earlier.id, Outcome.REPLACED, at, keep=True)
    values = {"cctld": cctld, "address": address, "name": name, "made": at}
    return connection.execute(insert(InvitationRow).values(values).returning(InvitationRow.id)).scalar_one()


def invitations(connection: Connection, *, open_only: bool = False) -> tuple[Invitation, ...]:
    """All invitations, oldest first."""
    query = select(InvitationRow.__table__).order_by(InvitationRow.id)
    rows = connection.execute(query.where(InvitationRow.closed == 0) if open_only else query)
    return tuple(Invitation(*row) for row in rows)


def find(connection: Connection, number: int) -> Invitation | None:
    """The invitation of that number."""
    row = connection.execute(select(InvitationRow.__table__).where(InvitationRow.id == number)).one_or_none()
    return Invitation(*row) if row else None


def newest(connection: Connection) -> Mapping[str, tuple[int, int]]:
    """By ccTLD: when its last invitation was made, and when one was answered last (0: never)."""
    found: dict[str, tuple[int, int]] = {}
    for one in invitations(connection):
        found[one.cctld] = (one.made, max(one.answered, found.get(one.cctld, (0, 0))[1]))
    return found


def answered_by(connection: Connection, fingerprint: str) -> tuple[Invitation, ...]:
    """Open invitations whose answer this key signed."""
    query = select(InvitationRow.__table__).where(InvitationRow.signer == fingerprint, InvitationRow.closed == 0)
    return tuple(Invitation(*row) for row in connection.execute(query.where(InvitationRow.certificate != b"").order_by(InvitationRow.id)))


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
    query = select(InvitationRow.__table__).where(InvitationRow.outcome == Outcome.LAPSED, InvitationRow.told.is_(False))
    return tuple(Invitation(*row) for row in connection.execute(query.order_by(InvitationRow.id)))


def replaced_answers(connection: Connection) -> tuple[Invitation, ...]:
    """Answers to invitations that a newer one replaced: who gave them is to be told."""
    query = select(InvitationRow.__table__).where(InvitationRow.outcome == Outcome.REPLACED, InvitationRow.evidence != b"")
    return tuple(Invitation(*row) for row in connection.execute(query))
