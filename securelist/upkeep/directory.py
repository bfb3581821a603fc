"""A member's extended certificate, found in the Web Key Directory of their domain: for who forgets to mail it.

Only what extends, or revokes, the very key that the log knows is taken, as if it had come by mail without a signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from securelist.errors import Refused
from securelist.installation import Installation
from securelist.openpgp import sequoia
from securelist.openpgp.admission import split_certificates
from securelist.openpgp.certificate import Certificate
from securelist.procedures.each import each
from securelist.procedures.telling import Telling
from securelist.store import lookups
from securelist.store.database import writing
from securelist.store.journal import note
from securelist.store.retention import DAY_S
from securelist.trust.certificates import FOR_KNOWN, own_packets
from securelist.trust.membership import SUSPENDED, Membership
from securelist.trust.submission import Parcel

if TYPE_CHECKING:
    from securelist.upkeep.wkd import Directories

# As long ahead as the first warning goes out.
SOON_S = 30 * DAY_S
# With four at once and five seconds each, what a round has time for; sixty rounds an hour do for any list.
LOOKUPS_A_ROUND = 8


class Directory:
    """Looks for the certificates of one installation's members that end soon, or have ended."""

    def __init__(self, house: Installation, directories: Directories | None = None) -> None:
        self._house, self._directories, self._telling = house, directories, Telling(house)

    def round(self, at: int) -> None:
        """Looks where it is due at `at` (Unix seconds), once a day for each address; enters what is found. Raises TryAgain."""
        if not self._house.config.wkd:
            return
        wanted = {address: fingerprint for fingerprint, address in _ending(self._house.membership(), at)}
        if chosen := self._claimed(wanted, at):
            found = (self._directories or _all_directories()).look_up(chosen)
            each(found.items(), lambda pair: self._take(pair[0], wanted[pair[0]], pair[1], at))

    def _claimed(self, addresses: Iterable[str], at: int) -> tuple[str, ...]:
        """Noted before they are asked: a server that is in trouble, or a kill, costs a day and not a look each minute."""
        if not addresses:
            return ()
        with suppress(IntegrityError), writing(self._house.engine) as connection:
            return lookups.claim(connection, addresses, at, LOOKUPS_A_ROUND)
        return ()  # another process does the same

    def _take(self, address: str, fingerprint: str, octets: bytes, at: int) -> None:
        """Enters what is new in the certificate of that fingerprint among those found, and tells its owner."""
        domain, before = address.rpartition("@")[2], self._house.membership()
        try:
            own = own_packets(_of(fingerprint, octets), FOR_KNOWN)  # no certification: that would be somebody else's word
            submission = self._house.enter(Parcel((), (own,), mailed=True), at)
        except Refused as refused:
            if refused.reason != "nothing-new":
                self._note(address, f"not taken: {refused.detail}", at)
            return
        self._note(address, f"found, {submission.numbers}", at)
        self._telling.renewed(submission, before, at, domain)

    def _note(self, address: str, detail: str, at: int) -> None:
        with writing(self._house.engine) as connection:
            note(connection, at, "web key directory", address, detail)


def _all_directories() -> Directories:
    """Made when it is wanted, on few days: httpx takes 5 MB of a server that is to hold mails."""
    from securelist.upkeep.wkd import Directories

    return Directories()


def _ending(membership: Membership, at: int) -> Iterator[tuple[str, str]]:
    """(Fingerprint, address) of members who cannot sign or be encrypted to in a month's time, unless they extend their key."""
    for member in membership.members(at):
        if member.state != SUSPENDED and _ends_soon(membership.certificates[member.fingerprint], at):
            yield from ((member.fingerprint, address) for address in member.emails)


def _ends_soon(certificate: Certificate, at: int) -> bool:
    then = at + SOON_S
    return not certificate.primary.revoked and not (certificate.can_encrypt(then) and certificate.can_sign(then))


def _of(fingerprint: str, octets: bytes) -> bytes:
    """The certificate with that primary key; raises Refused for what is no certificate, or another's alone."""
    for certificate in split_certificates(octets):
        if sequoia.fingerprint_of(certificate) == fingerprint:
            return certificate
    raise Refused("another-key", f"there is a certificate, but not that of the key {fingerprint}")
