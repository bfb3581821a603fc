"""Membership: what the log says, as of its head, and who is a member at a time. A value: every change makes a new one.

Times are Unix seconds, UTC. Nothing here needs a process to run for a link to end: the questions take the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from securelist.mail.addresses import same_address
from securelist.openpgp.certificate import Certificate
from securelist.trust.entry import Entry, Head
from securelist.trust.history import MAX_AGE_SECONDS, Said, Standing
from securelist.trust.statement import NAMING_THE_LIST_KEY, Person

# States of a member. The first three are in force; of the others only `members(all=True)` tells.
ACTIVE, UNREACHABLE, SUSPENDED = "active", "unreachable", "suspended"
WITHDRAWN, EXPIRED, DISMISSED = "withdrawn", "expired", "dismissed"
ENDED = (WITHDRAWN, EXPIRED, DISMISSED)


@dataclass(frozen=True)
class Founding:
    """What `found-list` laid down, and `replace-list-key` and `replace-roots` changed since."""

    list: str
    key: str
    roots: tuple[str, ...]
    threshold: int
    entry: int


@dataclass(frozen=True)
class AdminContact:
    """Who was appointed last for a ccTLD. `dismissed` is the number of the entry that ended it, 0 while appointed."""

    cctld: str
    person: Person
    fingerprint: str
    entry: int
    time: int
    """When the appointment was entered: a certification that makes somebody a member is newer."""
    dismissed: int = 0


@dataclass(frozen=True)
class Attestation:
    """The last attestation of a ccTLD's SSC. `withdrawn` is the number of the entry that ended it, 0 while it stands."""

    cctld: str
    person: Person
    fingerprint: str
    signer: str
    expires: int
    entry: int
    withdrawn: int = 0
    suspended: int = 0
    """Number of the entry of a trust root that suspended the member, 0 if none does."""
    replaced: int = 0
    """Number of the entry by which the SSC replaced the key, 0 if the Admin Contact attested this one."""
    confirmed: int = 0
    """When somebody last said that the contact details are right."""
    certified: bool = False
    """Whether it was made by an OpenPGP certification, and so ends by revoking that."""
    void: str = ""
    """Why it never held, as it turned out later; empty if it did."""

    @property
    def address(self) -> str:
        """The primary address, as compared."""
        return same_address(self.person.emails[0])

    def in_force(self, at: int) -> bool:
        """Whether it makes a member at `at`."""
        return not self.withdrawn and not self.void and at < self.expires


@dataclass(frozen=True)
class Void:
    """What a key said from `since` on is void, as far as it stands before the entry: by `Since` of a dismissal, or of other roots.

    `cctld` is the one that a dismissed Admin Contact spoke for; empty for a trust root.
    """

    cctld: str
    fingerprint: str
    since: int
    entry: int


@dataclass(frozen=True)
class Member:
    """A person for whom an Admin Contact vouches, or did: contact details, and `state` with the reason `why`."""

    cctld: str
    name: str
    emails: tuple[str, ...]
    phones: tuple[str, ...]
    organisation: str
    timezone: str
    share_regional: bool
    fingerprint: str
    expires: int
    entry: int
    state: str
    why: str

    def as_json(self) -> dict[str, object]:
        """The shape that `member list --json` and `log verify --json` promise."""
        return {
            "email": self.emails[0],
            "emails": list(self.emails),
            "name": self.name,
            "phone": self.phones[0] if self.phones else "",
            "cctld": self.cctld,
            "fingerprint": self.fingerprint,
            "state": self.state,
        }


@dataclass(frozen=True)
class Membership:
    """The state of the list after the entry `head`. The default is an empty log: not founded, nobody in it."""

    head: Head = field(default_factory=Head)
    time: int = 0
    """The time of the head's entry."""
    entries: tuple[Entry, ...] = ()
    """All entries of the log, without their evidence."""
    founding: Founding | None = None
    certificates: Mapping[str, Certificate] = field(default_factory=dict)
    """The newest certificate in the log of each primary fingerprint; that somebody is in here gives no right at all."""
    admin_contacts: Mapping[str, AdminContact] = field(default_factory=dict)
    """By ccTLD; dismissed ones stay until the next is appointed."""
    attestations: Mapping[tuple[str, str], Attestation] = field(default_factory=dict)
    """By ccTLD and primary address (`same_address`); ended ones stay until the next for the same."""
    said: tuple[Said, ...] = ()
    """Every statement of the log, in its order, and what became of it."""
    voids: tuple[Void, ...] = ()

    @property
    def roots(self) -> tuple[str, ...]:
        """Fingerprints of the trust roots; none before the founding."""
        return self.founding.roots if self.founding else ()

    @property
    def list_keys(self) -> frozenset[str]:
        """Fingerprints of all keys that were ever said to be the list's."""
        return frozenset(said.statement.key for said in self.said if said.statement.type in NAMING_THE_LIST_KEY)

    @property
    def compromised(self) -> frozenset[str]:
        """Fingerprints of the keys whose every signature is void, as far as the log's certificates say."""
        return frozenset().union(*(certificate.compromised for certificate in self.certificates.values()))

    def pending(self, at: int) -> tuple[Said, ...]:
        """The statements that wait, at `at`, for more signatures on the same text; what waited too long has lapsed."""
        return tuple(said for said in self.said if said.standing is Standing.PENDING and said.made >= at - MAX_AGE_SECONDS)

    def admin_contact(self, cctld: str) -> AdminContact | None:
        """Who speaks for the ccTLD: appointed and not dismissed."""
        contact = self.admin_contacts.get(cctld)
        return contact if contact and not contact.dismissed else None

    def members(self, at: int, *, all: bool = False) -> tuple[Member, ...]:
        """The members at `at`, by ccTLD and name; with `all`, those too whose attestation ended."""
        chosen = [a for a in self.attestations.values() if all or a.in_force(at)]
        return tuple(self._member(a, at) for a in sorted(chosen, key=lambda a: (a.cctld, a.person.name, a.address)))

    def member_by_key(self, fingerprint: str, at: int) -> Member | None:
        """The member at `at` whose certificate has this primary fingerprint."""
        found = (a for a in self.attestations.values() if a.fingerprint == fingerprint and a.in_force(at))
        return next((self._member(a, at) for a in found), None)

    def member_by_address(self, address: str, at: int) -> Member | None:
        """The member at `at` of whom this is one of the addresses, in whatever case."""
        wanted = same_address(address)
        found = (a for a in self.attestations.values() if a.in_force(at) and wanted in map(same_address, a.person.emails))
        return next((self._member(a, at) for a in found), None)

    def _member(self, attestation: Attestation, at: int) -> Member:
        person = attestation.person
        state, why = self._state(attestation, at)
        return Member(
            attestation.cctld, person.name, person.emails, person.phones, person.organisation, person.timezone,
            person.share_regional, attestation.fingerprint, attestation.expires, attestation.entry, state, why,
        )  # fmt: skip

    def _state(self, attestation: Attestation, at: int) -> tuple[str, str]:
        if attestation.void:
            return DISMISSED, attestation.void
        if attestation.withdrawn:
            return WITHDRAWN, f"withdrawn by entry {attestation.withdrawn}"
        if attestation.expires <= at:
            return EXPIRED, "the attestation has expired; the Admin Contact can attest again"
        if attestation.suspended:
            return SUSPENDED, f"suspended by a trust root, entry {attestation.suspended}"
        if why := self.certificates[attestation.fingerprint].why_not_encrypt(at):
            return UNREACHABLE, why
        return ACTIVE, ""
