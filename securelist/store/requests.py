"""Requests for membership: kept until the Secretariat releases them; one for each ccTLD and address, the newest."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from securelist.errors import Refused, TryAgain
from securelist.store.schema import RequestRow
from securelist.trust.rules import Request

# Anybody can make a key and ask. Three for each of 300 ccTLDs is more than ever waits in earnest; what is beyond that is told
# to come again, and pushes nobody out.
MAX_WAITING = 1000


@dataclass(frozen=True)
class Waiting:
    """A request as it waits: its number, for whom, since when (Unix seconds), and what was signed."""

    id: int
    cctld: str
    address: str
    fingerprint: str
    received: int
    evidence: bytes
    certificate: bytes


def keep(connection: Connection, request: Request) -> None:
    """Keeps a request, in place of an earlier one by the same key; raises TryAgain when too many wait.

    Raises Refused when another key asks for the same ccTLD and address: nobody takes the place of what the Secretariat has seen.
    """
    said = request.said
    address = said.subject.rpartition(" ")[2]
    same = (RequestRow.cctld == said.statement.tld, RequestRow.address == address)
    asked = connection.execute(select(RequestRow.fingerprint).where(*same)).scalar()
    if asked not in (None, said.signer):
        raise Refused("request-waiting", f"a request for {address} by another key waits already; ask the Secretariat")
    connection.execute(delete(RequestRow).where(*same))
    if connection.execute(select(func.count()).select_from(RequestRow)).scalar_one() >= MAX_WAITING:
        raise TryAgain("too-many-requests", "too many requests for membership wait already; please ask again in some days")
    values = {"cctld": said.statement.tld, "address": address, "fingerprint": said.signer, "received": said.time}
    connection.execute(insert(RequestRow), [values | {"evidence": request.evidence, "certificate": request.certificate.octets}])


def waiting(connection: Connection) -> tuple[Waiting, ...]:
    """The requests that wait, oldest first."""
    rows = connection.execute(select(RequestRow.__table__).order_by(RequestRow.received, RequestRow.id))
    return tuple(Waiting(*row) for row in rows)
