"""What changed since the repository was mailed to everybody: compared by digests under the installation's secret, for nobody's details
are kept beside the log."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from securelist.contacts.contact import Contact, cctld_of, place
from securelist.contacts.lines import labelled
from securelist.contacts.repository import Repository
from securelist.mail.addresses import same_address
from securelist.mail.headers import visible
from securelist.store.mailed import Mailed
from securelist.trust.membership import SUSPENDED, UNREACHABLE, Membership

# 128 bits of HMAC-SHA-256: nobody finds another value of the same digest, and five of them fit into the row.
DIGEST_OCTETS = 16
# More names than this of one kind are not read; a list that begins has hundreds. The text below names everybody.
MAX_SHOWN = 60
# A subject has room for so many, behind the list's name and the date.
KINDS_IN_A_SUBJECT = 3
_IN_A_SUBJECT = {"New details": "changed", "Unreachable now": "unreachable"}


@dataclass(frozen=True)
class Changes:
    """What changed, each as (ccTLD with its dot, what to say), by region and ccTLD."""

    joined: tuple[tuple[str, str], ...] = ()
    left: tuple[tuple[str, str], ...] = ()
    details: tuple[tuple[str, str], ...] = ()
    """New phone, address, name, organisation, time zone or key."""
    lost: tuple[tuple[str, str], ...] = ()
    """Who has become unreachable, and why."""
    back: tuple[tuple[str, str], ...] = ()
    """Who is reached again."""
    suspended: tuple[tuple[str, str], ...] = ()
    resumed: tuple[tuple[str, str], ...] = ()

    @property
    def kinds(self) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
        """The kinds in the order in which they are told, each with its heading."""
        return (
            ("Joined", self.joined), ("Left", self.left), ("New details", self.details), ("Unreachable now", self.lost),
            ("Reached again", self.back), ("Suspended", self.suspended), ("No longer suspended", self.resumed),
        )  # fmt: skip

    @property
    def sentence(self) -> str:
        """How many of the first kinds there are, for a subject."""
        counted = [f"{len(those)} {_IN_A_SUBJECT.get(heading, heading.lower())}" for heading, those in self.kinds if those]
        more = ["\u2026"] if len(counted) > KINDS_IN_A_SUBJECT else []
        return ", ".join(counted[:KINDS_IN_A_SUBJECT] + more) or "nothing changed"

    @property
    def text(self) -> str:
        """All of them, in lines of under 76 columns that begin with words of ours."""
        return "\n\n".join("\n".join(_told(heading, those)) for heading, those in self.kinds if those)


def _told(heading: str, those: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield f"{heading}: {len(those)}"
    for cctld, what in those[:MAX_SHOWN]:
        yield labelled(cctld, what)
    if len(those) > MAX_SHOWN:
        yield f"  and {len(those) - MAX_SHOWN} more"


class Digests:
    """Makes the digests of one installation."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def who(self, cctld: str, address: str) -> str:
        """Stands for a member, by primary address."""
        return self._of("who", cctld, same_address(address))

    def snapshot(self, contacts: Iterable[Contact]) -> tuple[Mailed, ...]:
        """What is kept of a repository that was mailed."""
        return tuple(self._mailed(one) for one in contacts)

    def _mailed(self, one: Contact) -> Mailed:
        cctld, address = one.cctld.name, one.person.emails[0]
        details = {kind: self._of(kind, cctld, same_address(address), *values) for kind, values in _details(one).items()}
        return Mailed(cctld, self.who(cctld, address), one.fingerprint, one.state, details)

    def _of(self, *words: str) -> str:
        # Their lengths, so that no two lists of words are the same octets; the prefix keeps this use of the secret apart from others.
        text = "".join(f"{len(word)}:{word}" for word in words)
        return hmac.new(self._secret, b"mailed " + text.encode(), hashlib.sha256).digest()[:DIGEST_OCTETS].hex()


def _details(one: Contact) -> Mapping[str, tuple[str, ...]]:
    """What people read of somebody, by the word for it."""
    person = one.person
    return {
        "phone": person.phones,
        "address": tuple(map(same_address, person.emails)),
        "name": (person.name,),
        "organisation": (person.organisation,),
        "time zone": (person.timezone,),
    }


def changes(repository: Repository, before: Iterable[Mailed], membership: Membership, digests: Digests) -> Changes:
    """What changed since `before` was mailed; `membership` is that of the repository, and knows who has left."""
    then = {(one.cctld, one.who): one for one in before}
    now = {(one.cctld.name, digests.who(one.cctld.name, one.person.emails[0])): one for one in repository.contacts}
    moved = _moved({key: one for key, one in then.items() if key not in now}, {key: one for key, one in now.items() if key not in then})
    stayed = [(one, then[key], False) for key, one in now.items() if key in then]
    stayed += [(now[new], then[old], True) for new, old in moved.items()]
    gone = [one for key, one in then.items() if key not in now and key not in moved.values()]
    return Changes(
        tuple(_shown(one) for key, one in now.items() if key not in then and key not in moved),
        _left(gone, membership, digests, repository.at),
        tuple(_shown(one, what) for one, old, new in stayed if (what := _new_details(one, old, digests, moved=new))),
        tuple(_shown(one, one.why) for one, old, _ in stayed if (one.state == UNREACHABLE) > (old.state == UNREACHABLE)),
        tuple(_shown(one) for one, old, _ in stayed if (one.state == UNREACHABLE) < (old.state == UNREACHABLE) and one.state != SUSPENDED),
        tuple(_shown(one) for one, old, _ in stayed if (one.state == SUSPENDED) > (old.state == SUSPENDED)),
        tuple(_shown(one) for one, old, _ in stayed if (one.state == SUSPENDED) < (old.state == SUSPENDED)),
    )


def _moved(gone: Mapping[tuple[str, str], Mailed], come: Mapping[tuple[str, str], Contact]) -> dict[tuple[str, str], tuple[str, str]]:
    """Who was attested anew with the same key under another primary address: their new place, and the one before."""
    by_key = {(one.cctld, one.fingerprint): key for key, one in gone.items()}
    found = ((key, by_key.get((one.cctld.name, one.fingerprint))) for key, one in come.items())
    return {key: old for key, old in found if old}


def _new_details(one: Contact, old: Mailed, digests: Digests, *, moved: bool) -> str:
    if moved:  # the digests rest on the primary address
        return "new address"
    (new,) = digests.snapshot([one])
    words = [f"new {kind}" for kind, digest in new.digests.items() if digest != old.digests.get(kind)]
    return ", ".join([*words, *(["new key"] if one.fingerprint != old.fingerprint else [])])


def _shown(one: Contact, what: str = "") -> tuple[str, str]:
    """A ccTLD and a name; what is new about them before it, so that nobody's name can add to that."""
    name = visible(one.person.name)
    return f".{one.cctld.name}", f"{what}: {name}" if what else name


def _left(gone: Iterable[Mailed], membership: Membership, digests: Digests, at: int) -> tuple[tuple[str, str], ...]:
    """Who left, by the name that the log has; by none where that was erased."""
    names = {(one.cctld, digests.who(one.cctld, one.emails[0])): one.name for one in membership.members(at, all=True)}
    ordered = sorted(gone, key=lambda one: (place(cctld_of(one.cctld)), names.get((one.cctld, one.who), "")))
    return tuple((f".{one.cctld}", visible(names.get((one.cctld, one.who), f"a contact of .{one.cctld}"))) for one in ordered)
