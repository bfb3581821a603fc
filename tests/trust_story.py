"""Stories about members: what people say to a list one after the other, and what each is answered; at the end all of it is proved."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from people import Somebody
from trust_world import BASE, BORN, DAY, LIST, NOW, Cast, World

from securelist.errors import Refused
from securelist.trust.entry import CERTIFICATE, Entry
from securelist.trust.erasure import erasable
from securelist.trust.export import Link, write_export
from securelist.trust.grammar import render
from securelist.trust.membership import Member
from securelist.trust.proof import prove, replay_until
from securelist.trust.statement import ABOUT_MEMBERS, StatementType
from securelist.trust.submission import Submission

# A day after the last statement that the peopled list has.
AT = BASE + 3 * DAY
ACCEPTED, PENDING = "accepted", "pending"
ERASABLE = (CERTIFICATE, *ABOUT_MEMBERS)

Text = Callable[[Cast], str]
Choice = Callable[[World, str], Iterable[Entry]]
"""Which entries about the key with this fingerprint an `erase` names."""


@dataclass(frozen=True)
class Erase:
    """An `erase` about somebody's key: of all that can go when it is said, or of the entries chosen by `names`."""

    whom: str = "anna"
    tld: str = "nl"
    more: str = ""
    names: Choice | None = None

    def text(self, world: World, by: str, at: int) -> str:
        key = somebody(world.cast, self.whom)
        chosen = self.names(world, key.fingerprint) if self.names else ready(world, key, at, self.tld, by_owner=by == self.whom)
        return erasure(key, *chosen, tld=self.tld) + self.more


@dataclass(frozen=True)
class Say:
    """`by` (several: all sign the same text, handed in together, in this order) says `text` at AT + `at`, and is answered `verdict`.

    It was signed at AT + `made` (None: right then) and comes with the certificates of `sends`. The answer holds `words`.
    """

    by: str
    text: Text | Erase
    verdict: str = ACCEPTED
    sends: str = ""
    at: int = 0
    made: int | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Story:
    """What is said, in this order, and the states that the people named are in afterwards."""

    says: tuple[Say, ...]
    states: dict[str, str] = field(default_factory=dict)


def story(*says: Say, **states: str) -> Story:
    """A story; `anna="withdrawn"` says what became of Anna (by the first half of her primary address)."""
    return Story(says, states)


def somebody(cast: Cast, name: str) -> Somebody:
    found = getattr(cast, name)
    assert isinstance(found, Somebody)
    return found


def tell(world: World, told: Story) -> None:
    """Says all of it, and looks at the outcome."""
    for say in told.says:
        judge(world, say)
    last = AT + max(say.at for say in told.says)
    states = {member.emails[0].partition("@")[0]: member.state for member in world.membership.members(last, all=True)}
    assert {name: states.get(name) for name in told.states} == told.states
    if world.log:
        proved(world, last)


def judge(world: World, say: Say) -> None:
    """Says one thing; a refusal leaves the membership untouched."""
    before, cast = world.membership, world.cast
    made = AT + (say.at if say.made is None else say.made)
    text = say.text.text(world, say.by, AT + say.at) if isinstance(say.text, Erase) else say.text(cast)
    texts = [world.signed(somebody(cast, name), text, made) for name in say.by.split()]
    certificates = [somebody(cast, name).certificate for name in say.sends.split()]
    try:
        done = world.submit(texts, *certificates, at=AT + say.at)
    except Refused as refused:
        assert refused.reason == say.verdict, refused
        assert world.membership is before
        answer = refused.detail
    else:
        assert (PENDING if done.pending else ACCEPTED) == say.verdict, done.sentence
        answer = done.sentence
    assert all(word in answer for word in say.words), answer


# --- certifications, and whoever is certified ---------------------------------------------------------------------------

NOTATION = "cctld@lists.example.org"
_numbers = itertools.count(1)


def someone(world: World, cctld: str = "nl", **how: str) -> Somebody:
    """Somebody new, whose certificate a test may have certified."""
    number = next(_numbers)
    return world.cast.people.make(f"Someone {number}", f"someone{number}@{cctld}.example", at=BORN, **how)


def certify(world: World, by: str | Somebody, whom: Somebody, *notations: str, at: int = AT, ends: str = "0") -> bytes:
    """The certificate with a certification by gpg; `notations` are values, or NAME=VALUE; `ends` as gpg takes it."""
    people, maker = world.cast.people, getattr(world.cast, by) if isinstance(by, str) else by
    noted = [f"--cert-notation={value if '=' in value else f'{NOTATION}={value}'}" for value in notations]
    how = ("-u", maker.fingerprint, *noted, "--default-cert-expire", ends, "--force-sign-key")
    people.gpg(*how, "--quick-sign-key", whom.fingerprint, at=at)
    return people.export(whom.fingerprint)


def take_back(world: World, by: str, whom: Somebody, at: int) -> bytes:
    """The certificate after gpg has revoked the certification."""
    people = world.cast.people
    people.gpg("--quick-revoke-sig", whom.fingerprint, getattr(world.cast, by).fingerprint, at=at)
    return people.export(whom.fingerprint)


def state(world: World, who: Somebody, at: int = AT) -> str:
    """The state of the member with this key, of ended ones, too; empty if there never was one."""
    return next((m.state for m in world.membership.members(at, all=True) if m.fingerprint == who.fingerprint), "")


def types(done: Submission) -> list[str]:
    return [entry.type for entry in done.entries]


# --- erasing -------------------------------------------------------------------------------------------------------------


def ready(world: World, whom: Somebody, at: int, tld: str = "nl", *, by_owner: bool = False) -> tuple[Entry, ...]:
    """The entries that `statement new erase` would name."""
    return erasable(world.membership, world.cast.anchor, tld, whom.fingerprint, at, by_owner=by_owner)


def about(*types: str) -> Choice:
    """The entries of these types about the key, or all of them."""
    return lambda world, key: (e for e in world.membership.entries if e.subject == key and e.type in (types or ERASABLE))


def erasure(whom: Somebody, *entries: Entry, tld: str = "nl") -> str:
    """An `erase` that names these entries."""
    values = {"List": [LIST], "TLD": [tld], "Key": [whom.fingerprint], "Entry": [f"{e.number} {e.hash}" for e in entries]}
    return render(StatementType.ERASE, values)


def erase_now(world: World, by: Somebody, *whom: Somebody, at: int, tld: str = "nl") -> Submission:
    """Somebody erases what can go about each of these keys, all in one signed text."""
    texts = (erasure(who, *ready(world, who, at, tld, by_owner=by == who), tld=tld) for who in whom)
    return world.submit(world.signed(by, "\n".join(texts), at), at=at)


# --- what is in the log -----------------------------------------------------------------------------------------------


def forget(world: World, submission: Submission) -> None:
    """A listener that does to the world's log what the database does: what is erased goes, until it is handed in again."""
    for place, (entry, octets) in enumerate(world.log):
        left = None if entry.number in submission.erased else submission.evidence.get(entry.evidence, octets)
        world.log[place] = (entry, left)  # type: ignore[assignment]


def exported(world: World) -> bytes:
    """The export of a world's log, dated now: its list's key is no older."""
    return write_export(LIST, world.cast.list_key, [world.cast.list_key.certificate()], world.log, NOW)


def proved(world: World, at: int) -> tuple[Member, ...]:
    """The export proves the very members, of all states in force, that the world has at `at`."""
    roots = [root.octets for root in world.cast.anchor.roots]
    proof = prove(exported(world), roots, NOW, members_at=at)
    assert proof.valid, proof.problems
    assert proof.head == world.membership.head
    assert at < world.membership.time or proof.members == world.membership.members(at)
    return proof.members


def replayed(world: World) -> None:
    """A replay of what the log is now comes to the very state that was reached step by step."""
    links = [Link(entry, entry.hash, octets) for entry, octets in world.log]
    assert replay_until(links, world.cast.anchor, NOW) == world.membership
