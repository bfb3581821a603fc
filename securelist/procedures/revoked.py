"""Newer certificates of those whose request or answer waits: a revoked key ends what it signed, a new subkey is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from sqlalchemy import Connection

from securelist.errors import Refused
from securelist.installation import Installation
from securelist.openpgp.admission import merge, read_certificate
from securelist.store import invitations, requests
from securelist.store.database import reading, writing
from securelist.store.invitations import Invitation, Outcome
from securelist.store.journal import note
from securelist.trust.certificates import FOR_STRANGERS, by_fingerprint, own_packets
from securelist.trust.rules import MAX_REQUEST_OCTETS

# Each costs half a dozen processes of GnuPG. A person mails one certificate, or an old one and its successor.
MAX_READ = 3


def take_revocations(house: Installation, certificates: Iterable[bytes], at: int) -> None:
    """Looks whether binary certificates that came at `at` (Unix seconds) are newer than those of waiting requests and answers.

    Where one shows that its key is revoked, the requests are forgotten and the answer has ended; else what is new in it is kept.
    Only certificates that wait here cost more than a look at their fingerprint. Raises Refused for one that cannot be read, and
    TryAgain.
    """
    sent = by_fingerprint(certificates)
    with reading(house.engine) as connection:
        kept = {name: found for name in sent if (found := _Kept(connection, name)).octets}
    newer = (name for name, found in kept.items() if any(merge(octets, sent[name]) != octets for octets in found.octets))
    for name in islice(newer, MAX_READ):
        _take(house, name, sent[name], kept[name], at)


class _Kept:
    """What waits that a key has signed."""

    def __init__(self, connection: Connection, fingerprint: str) -> None:
        self.requests = requests.kept_of(connection, fingerprint)
        self.answers = invitations.answered_by(connection, fingerprint)

    @property
    def octets(self) -> tuple[bytes, ...]:
        """The certificate as each of them has it."""
        found = [*(one.certificate for one in self.requests.values()), *(one.certificate for one in self.answers)]
        return tuple(dict.fromkeys(found))


def _take(house: Installation, fingerprint: str, sent: bytes, kept: _Kept, at: int) -> None:
    own = own_packets(sent)
    # By itself, before it is joined with anything: who has the stolen key can make the joined one too large to be read.
    if read_certificate(own, FOR_STRANGERS.seconds).primary.revoked:
        with writing(house.engine) as connection:
            _end(connection, fingerprint, kept.answers, at)
        return
    for number, request in kept.requests.items():
        _renew(house, own, request.certificate, len(request.evidence), _in_request(number, request.certificate))
    for answer in kept.answers:
        _renew(house, own, answer.certificate, len(answer.evidence), _in_answer(answer))


def _end(connection: Connection, fingerprint: str, answers: Iterable[Invitation], at: int) -> None:
    """Nobody is told by mail: whoever reads what is encrypted to this key may be somebody else."""
    dropped = requests.drop_by_key(connection, fingerprint)
    for answer in answers:
        invitations.close(connection, answer.id, Outcome.REVOKED, at)
    about = (*(f"request {one.id} for .{one.cctld}" for one in dropped), *(f"answer for .{one.cctld}" for one in answers))
    note(connection, at, requests.KEY_REVOKED, fingerprint, f"ended: {', '.join(about)}")


_Keep = Callable[[Connection, bytes], None]


def _in_request(number: int, before: bytes) -> _Keep:
    return lambda connection, certificate: requests.replace_certificate(connection, number, before, certificate)


def _in_answer(answer: Invitation) -> _Keep:
    return lambda connection, certificate: invitations.replace_certificate(connection, answer.id, answer.certificate, certificate)


def _renew(house: Installation, own: bytes, before: bytes, text_octets: int, keep: _Keep) -> None:
    """Keeps the joined certificate if both engines still read it, and it is no larger than one that came with a request may be."""
    joined = own_packets(merge(before, own))
    read_certificate(joined, FOR_STRANGERS.seconds)
    if len(joined) + text_octets > MAX_REQUEST_OCTETS:
        raise Refused("request-too-large", "this key's certificate has grown too large while its request waits")
    if joined != before:
        with writing(house.engine) as connection:
            keep(connection, joined)
