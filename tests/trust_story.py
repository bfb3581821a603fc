"""Stories about members: what people say to a list one after the other, and what each is answered; at the end all of it is proved."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from people import Somebody
from trust_world import BASE, BORN, DAY, LIST, NOW, Cast, World

from securelist.errors import Refused
from securelist.trust.entry import CERTIFICATE
from securelist.trust.export import write_export
from securelist.trust.proof import prove
from securelist.trust.submission import Submission

# A day after the last statement that the peopled list has.
AT = BASE + 3 * DAY
ACCEPTED, PENDING = "accepted", "pending"

Text = Callable[[Cast], str]


@dataclass(frozen=True)
class Say:
    """`by` (several: all sign the same text, handed in together, in this order) says `text` at AT + `at`, and is answered `verdict`.

    It was signed at AT + `made` (None: right then) and comes with the certificates of `sends`. The answer holds `words`.
    """

    by: str
    text: Text
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
    texts = [world.signed(somebody(cast, name), say.text(cast), made) for name in say.by.split()]
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


# --- what is in the log -----------------------------------------------------------------------------------------------


def forget(world: World, submission: Submission) -> None:
    """A listener that does to the world's log what the database does: what is erased goes, until it is handed in again."""
    gone = submission.erased
    for place, (entry, octets) in enumerate(world.log):
        is_gone = entry.evidence in gone or (entry.type == CERTIFICATE and entry.subject in gone)
        left = None if is_gone else submission.evidence.get(entry.evidence, octets)
        world.log[place] = (entry, left)  # type: ignore[assignment]


def exported(world: World) -> bytes:
    """The export of a world's log, dated now: its list's key is no older."""
    return write_export(LIST, world.cast.list_key, [world.cast.list_key.certificate()], world.log, NOW)


def proved(world: World, at: int) -> None:
    """The export proves the very members, of all states in force, that the world has at `at`."""
    roots = [root.octets for root in world.cast.anchor.roots]
    proof = prove(exported(world), roots, NOW, members_at=at)
    assert proof.valid, proof.problems
    assert (proof.head, proof.members) == (world.membership.head, world.membership.members(at))
