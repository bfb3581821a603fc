"""Requests for membership: kept until they are attested or lapse; one for each ccTLD and address, the newest."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from securelist.errors import Refused, TryAgain
from securelist.store.schema import RequestRow
from securelist.trust.rules import Request

# Anybody can make a key and ask. Three for each of 300 ccTLDs is more than ever waits in earnest; what is beyond that is told
# to come again, and pushes nobody out.
MAX_WAITING = 1000


@dataclass(frozen=True)
class Waiting:
    """A request as it waits: its number, for whom, and what was signed. Times are Unix seconds, 0 for what has not happened.

    `released` by a trust root, `asked` when the Admin Contact got the first of `letters` about it.
    """

    id: int
    cctld: str
    address: str
    fingerprint: str
    received: int
    evidence: bytes
    certificate: bytes
    released: int = 0
    asked: int = 0
    letters: int = 0


def keep(connection: Connection, request: Request) -> None:
    """Keeps a request, in place of an earlier one by the same key; raises TryAgain when too many wait.

    Raises Refused when another key asks for the same ccTLD and address, or the earlier one was released: nobody takes the place
    of what the Secretariat has seen.
    """
    said = request.said
    address = said.subject.rpartition(" ")[2]
    same = (RequestRow.cctld == said.statement.tld, RequestRow.address == address)
    asked = connection.execute(select(RequestRow.fingerprint, RequestRow.released).where(*same)).one_or_none()
    if asked and asked.fingerprint != said.signer:
        raise Refused("request-waiting", f"a request for {address} by another key waits already; ask the Secretariat")
    if asked and asked.released:
        raise Refused("request-released", f"the request for {address} is with the Admin Contact already; ask them, or the Secretariat")
    connection.execute(delete(RequestRow).where(*same))
    if connection.execute(select(func.count()).select_from(RequestRow)).scalar_one() >= MAX_WAITING:
        raise TryAgain("too-many-requests", "too many requests for membership wait already; please ask again in some days")
    values = {"cctld": said.statement.tld, "address": address, "fingerprint": said.signer, "received": said.time}
    connection.execute(insert(RequestRow), [values | {"evidence": request.evidence, "certificate": request.certificate.octets}])


def waiting(connection: Connection) -> tuple[Waiting, ...]:
    """The requests that wait, oldest first."""
    rows = connection.execute(select(RequestRow.__table__).order_by(RequestRow.received, RequestRow.id))
    return tuple(Waiting(*row) for row in rows)


def release(connection: Connection, number: int, at: int) -> None:
    """The Admin Contact may be asked about this one."""
    connection.execute(update(RequestRow).where(RequestRow.id == number, RequestRow.released == 0).values(released=at))


def count_letter(connection: Connection, number: int, letters: int, asked: int) -> None:
    """The Admin Contact got so many letters about it by now, the first at `asked`."""
    connection.execute(update(RequestRow).where(RequestRow.id == number).values(letters=letters, asked=asked))


def drop(connection: Connection, number: int) -> None:
    """Forgets a request: attested, lapsed, or turned down."""
    connection.execute(delete(RequestRow).where(RequestRow.id == number))
