"""Requests for membership: kept until they are attested, declined or lapse; one for each ccTLD and address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from securelist.errors import Refused, TryAgain
from securelist.openpgp.admission import merge
from securelist.store.journal import latest_in
from securelist.store.schema import RequestRow
from securelist.trust.history import Said
from securelist.trust.rules import MAX_REQUEST_OCTETS, Request

# Anybody can make a key and ask. Three for each of 300 ccTLDs is more than ever waits in earnest; what is beyond that is told
# to come again, and pushes nobody out.
MAX_WAITING = 1000
# A person works for one ccTLD, or for a few that one organisation runs.
MAX_BY_ONE_KEY = 3
# Three contacts for each ccTLD are usual; the others are for mistakes. More is somebody who makes keys, and the Secretariat declines.
MAX_FOR_A_CCTLD = 10

KEY_REVOKED = "request-revoked"
"""What the journal says of a fingerprint whose request ended because its key is revoked; it is kept longer than a signature counts."""


@dataclass(frozen=True)
class Waiting:
    """A request as it waits, without what was signed. Times are Unix seconds, 0 for what has not happened.

    `signed` is the kept text's own time, `released` by a trust root, `asked` when the Admin Contact got the first of `letters`
    about it, `declined` by a trust root after the release, so that who asked is still to be told.
    """

    id: int
    cctld: str
    address: str
    fingerprint: str
    received: int
    signed: int
    released: int = 0
    asked: int = 0
    letters: int = 0
    declined: int = 0

    @property
    def verified_at(self) -> int:
        """As of when the kept text verifies: it came at `received`, or in place of an earlier one, later."""
        return max(self.received, self.signed)


@dataclass(frozen=True)
class Kept:
    """What is kept of a request: the signed text, and the certificate of who signed it."""

    evidence: bytes
    certificate: bytes


_COLUMNS = tuple(getattr(RequestRow, name) for name in Waiting.__dataclass_fields__)

# --- taking requests ---------------------------------------------------------------------------------------------------------


def keep(connection: Connection, request: Request) -> None:
    """Keeps a request; one that the same key made before keeps its number and its time, and gets the newer of both texts.

    Raises Refused when another key asks for the same ccTLD and address, the earlier one was released (nobody takes the place of
    what the Secretariat has seen), the key made too many or is revoked; TryAgain when too many wait.
    """
    said, address = request.said, _address(request.said)
    same = (RequestRow.cctld == said.statement.tld, RequestRow.address == address)
    found = connection.execute(select(*_COLUMNS).where(*same)).one_or_none()
    earlier = Waiting(*found) if found else None
    if earlier and earlier.fingerprint != said.signer:
        raise Refused("request-waiting", f"a request for {address} by another key waits already; ask the Secretariat")
    if latest_in(connection, KEY_REVOKED, said.signer):
        raise Refused("revoked", f"the key {said.signer} was revoked; ask again with a new one")
    if earlier:
        _renew(connection, earlier, request)
        return
    _check_room(connection, said)
    certificate = _joined(connection, request)
    values = {"cctld": said.statement.tld, "address": address, "fingerprint": said.signer, "received": said.time, "signed": said.made}
    connection.execute(insert(RequestRow), [values | {"evidence": request.evidence, "certificate": certificate}])


def _address(said: Said) -> str:
    return said.subject.rpartition(" ")[2]


def _renew(connection: Connection, earlier: Waiting, request: Request) -> None:
    """The same key asks for the same again, or somebody mails its old text a second time."""
    is_newer = request.said.made > earlier.signed and request.evidence != text_of(connection, earlier.id).evidence
    if is_newer and earlier.released:
        detail = f"the request for {earlier.address} is with the Admin Contact already; ask them, or the Secretariat"
        raise Refused("request-released", detail)
    _joined(connection, request)
    if is_newer:
        values = {"evidence": request.evidence, "signed": request.said.made}
        connection.execute(update(RequestRow).where(RequestRow.id == earlier.id, RequestRow.released == 0).values(values))


def _joined(connection: Connection, request: Request) -> bytes:
    """The certificate, joined with what the key's requests have kept, and kept with each: what was revoked once stays so."""
    of_key = RequestRow.fingerprint == request.said.signer
    certificate = request.certificate.octets
    known = connection.execute(select(RequestRow.certificate).where(of_key)).scalars().all()
    for octets in dict.fromkeys(known):
        certificate = merge(octets, certificate)
    if len(request.evidence) + len(certificate) > MAX_REQUEST_OCTETS:
        raise Refused("request-too-large", "this key's certificate has grown too large while its request waits; ask the Secretariat")
    if any(octets != certificate for octets in known):
        connection.execute(update(RequestRow).where(of_key).values(certificate=certificate))
    return certificate


def _check_room(connection: Connection, said: Said) -> None:
    tld = said.statement.tld
    if _count(connection, RequestRow.fingerprint == said.signer) >= MAX_BY_ONE_KEY:
        raise Refused("too-many-by-one-key", f"{MAX_BY_ONE_KEY} requests by this key wait already; ask the Secretariat")
    if _count(connection, RequestRow.cctld == tld, RequestRow.released == 0) >= MAX_FOR_A_CCTLD:
        raise Refused("too-many-requests", f"{MAX_FOR_A_CCTLD} requests for .{tld} wait for the Secretariat already; ask them")
    if _count(connection) >= MAX_WAITING:
        raise TryAgain("too-many-requests", "too many requests for membership wait already; please ask again in some days")


def _count(connection: Connection, *which: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(RequestRow).where(*which)).scalar_one()


# --- looking at them ---------------------------------------------------------------------------------------------------------


def waiting(connection: Connection) -> tuple[Waiting, ...]:
    """The requests that wait, oldest first."""
    return tuple(Waiting(*row) for row in connection.execute(select(*_COLUMNS).order_by(RequestRow.received, RequestRow.id)))


def find(connection: Connection, number: int) -> Waiting | None:
    """The request of that number, if it waits."""
    row = connection.execute(select(*_COLUMNS).where(RequestRow.id == number)).one_or_none()
    return Waiting(*row) if row else None


def text_of(connection: Connection, number: int) -> Kept:
    """What is kept of a request; raises Refused if it waits no longer."""
    row = connection.execute(select(RequestRow.evidence, RequestRow.certificate).where(RequestRow.id == number)).one_or_none()
    if row is None:
        raise Refused("no-request", f"request {number} waits no longer")
    return Kept(*row)


def kept_of(connection: Connection, fingerprint: str) -> Mapping[int, Kept]:
    """What is kept of a key's requests, by their numbers."""
    query = select(RequestRow.id, RequestRow.evidence, RequestRow.certificate).where(RequestRow.fingerprint == fingerprint)
    return {row.id: Kept(row.evidence, row.certificate) for row in connection.execute(query)}


# --- what becomes of them ----------------------------------------------------------------------------------------------------


def release(connection: Connection, number: int, at: int) -> None:
    """The Admin Contact may be asked about this one."""
    connection.execute(update(RequestRow).where(RequestRow.id == number, RequestRow.released == 0).values(released=at))


def decline(connection: Connection, number: int, at: int) -> None:
    """A trust root does not want this one, which was released: it goes once who asked is told."""
    connection.execute(update(RequestRow).where(RequestRow.id == number, RequestRow.declined == 0).values(declined=at))


def count_letter(connection: Connection, one: Waiting, asked: int) -> None:
    """The Admin Contact got another letter about it, the first at `asked`; not if it was counted since `one` was read."""
    as_read = (RequestRow.id == one.id, RequestRow.letters == one.letters, RequestRow.asked == one.asked)
    letters = one.letters + 1 if asked == one.asked else 1
    connection.execute(update(RequestRow).where(*as_read).values(letters=letters, asked=asked))


def replace_certificate(connection: Connection, number: int, before: bytes, certificate: bytes) -> None:
    """Keeps a certificate in place of the one that was read before."""
    as_read = (RequestRow.id == number, RequestRow.certificate == before)
    connection.execute(update(RequestRow).where(*as_read).values(certificate=certificate))


def drop(connection: Connection, one: Waiting) -> bool:
    """Forgets a request, for whatever reason it ended; False: it is gone, or was released or declined since `one` was read."""
    as_read = (RequestRow.id == one.id, RequestRow.released == one.released, RequestRow.declined == one.declined)
    return connection.execute(delete(RequestRow).where(*as_read)).rowcount > 0


def drop_by_key(connection: Connection, fingerprint: str) -> tuple[Waiting, ...]:
    """Forgets all requests of a key, and returns them."""
    of_key = RequestRow.fingerprint == fingerprint
    dropped = tuple(Waiting(*row) for row in connection.execute(select(*_COLUMNS).where(of_key)))
    connection.execute(delete(RequestRow).where(of_key))
    return dropped
