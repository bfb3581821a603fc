"""A submission: signed texts and the certificates that they name, entered all together or not at all.

`statement submit` and mail to LIST-request both end in `submit`. It asks the two OpenPGP engines and the rules, and writes
nothing: what it returns is for `log_store.append`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from securelist.errors import Refused
from securelist.trust.anchor import Anchor
from securelist.trust.answer import Answer
from securelist.trust.certificates import by_fingerprint
from securelist.trust.desk import Desk, any_token
from securelist.trust.entry import CERTIFICATE, Entry, Head
from securelist.trust.erasure import gone_from
from securelist.trust.history import Said, Standing
from securelist.trust.membership import Membership
from securelist.trust.root_effects import not_founded
from securelist.trust.rules import Request, entry_time

# Each signed text costs a process of GnuPG; more than this at once is a mistake or an attempt to keep us busy.
MAX_TEXTS = 50


@dataclass(frozen=True)
class Parcel:
    """What was handed in together: signed texts in any of the three forms, and certificates, binary, one each."""

    signed: tuple[bytes, ...] = ()
    certificates: tuple[bytes, ...] = ()
    mailed: bool = False
    """Whether it came by mail, where anybody can send anybody's certificate: for others than its owner one is only extended or revoked."""
    kept: Mapping[str, bytes] = field(default_factory=dict)
    """By fingerprint, binary: certificates that the house has from requests and answers. One is asked for (`get`) where a statement
    names it and none was sent; it then enters with the statement. They count against no limit of what was sent."""
    is_token: Callable[[str], bool] = any_token
    """Whether the token in an answer to an invitation was made here."""


@dataclass(frozen=True)
class Submission:
    """What a parcel adds to the log that had the head `before`: entries, their evidence by digest, and the outcome."""

    before: Head
    entries: tuple[Entry, ...]
    evidence: Mapping[str, bytes]
    membership: Membership
    notes: tuple[str, ...]
    requests: tuple[Request, ...] = ()
    """Requests for membership: no entries, they wait for the Secretariat."""
    answers: tuple[Answer, ...] = ()
    """Answers to invitations. Those by somebody who is not appointed yet wait; of the others the attestations are among the entries."""
    erased: frozenset[int] = frozenset()
    """Numbers of the entries whose evidence leaves the log."""
    covers: frozenset[str] = frozenset()
    """Fingerprints of who signed what came around certificates."""

    @property
    def said(self) -> tuple[Said, ...]:
        """The statements among the entries, and what became of them."""
        numbers = {entry.number for entry in self.entries}
        return tuple(said for said in self.membership.said if said.entry in numbers)

    @property
    def pending(self) -> bool:
        """Whether nothing of it takes effect yet: statements that wait for other signatures, a request, or an answer."""
        standings = {said.standing for said in self.said}
        waits = bool(self.requests) or any(not answer.in_force for answer in self.answers)
        return standings == {Standing.PENDING} or (waits and not standings)

    @property
    def signer(self) -> str:
        """Fingerprint of who signed the first statement; empty for certificates alone."""
        others = [request.said.signer for request in self.requests] + [answer.signer for answer in self.answers]
        return next((entry.signer for entry in self.entries if entry.signer), next(iter(others), ""))

    @property
    def numbers(self) -> str:
        """Which entries: all that a journal needs to say."""
        if not self.entries:
            return "no entry"
        first, last = self.entries[0].number, self.entries[-1].number
        return f"entry {first}" if first == last else f"entries {first} to {last}"

    @property
    def sentence(self) -> str:
        """What the sender is told: the entries' numbers, the head, and notes."""
        if not self.entries:
            return "; ".join(self.notes)
        return "; ".join((f"entered as {self.numbers}, the log's head is now {self.membership.head.hash}", *dict.fromkeys(self.notes)))

    @property
    def is_renewal(self) -> bool:
        """Whether certificates alone were entered."""
        return bool(self.entries) and all(entry.type == CERTIFICATE for entry in self.entries)


def submit(parcel: Parcel, membership: Membership, anchor: Anchor, now: int, limit: int) -> Submission:
    """Judges a parcel at `now`; `limit` is the most SSCs of one ccTLD. Raises Refused, and then nothing is entered.

    1. What the trust roots' own files know to be compromised enters first: it must not sign anything now.
    2. Each signed text is verified by both engines, as of the time of entry, under what the log knows of its signer and what
       was sent along, so that a renewed certificate can sign right away; if it was needed or not, it is entered. Texts by
       keys that the log knows come first: a new key may follow the old one, or ask.
    3. Each statement in the text enters after the certificates that it names, new or renewed.
    4. An answer to an invitation enters like that if its signer is the Admin Contact; else it is tried out, and waits.
    5. Certificates without any statement are renewals, or carry an Admin Contact's certification. With one, they only serve it.
    """
    if not parcel.signed and not parcel.certificates:
        raise Refused("empty", "there is nothing in this: neither a signed statement nor a certificate")
    if len(parcel.signed) > MAX_TEXTS:
        raise Refused("too-many-texts", f"at most {MAX_TEXTS} signed texts can be sent at a time")
    if not membership.said and not parcel.signed:
        raise not_founded()
    sent, at = by_fingerprint(parcel.certificates), entry_time(membership, now)
    desk = Desk(membership, anchor, at, limit, sent, parcel.kept, parcel.is_token)
    desk.enter_compromised_roots()
    begun = len(desk.entered)
    desk.enter_texts(parcel.signed)
    if len(desk.entered) == begun and not desk.requests and not desk.answers:
        desk.take_certificates(owners_only=parcel.mailed)
    else:
        desk.note_certifications()
    notes = tuple(note for entered in desk.entered for note in entered.notes)
    entries = tuple(entered.entry for entered in desk.entered)
    # At the end: who comes back in the same parcel brings a certificate again that an `erase` in it took away.
    erased = gone_from(desk.membership) if any(entered.erased for entered in desk.entered) else frozenset[int]()
    return Submission(
        membership.head, entries, desk.evidence, desk.membership, (*notes, *desk.notes, *_waiting(desk)), tuple(desk.requests),
        tuple(desk.answers), erased, frozenset(desk.covers),
    )  # fmt: skip


def _waiting(desk: Desk) -> Iterator[str]:
    """What the sender is told of what is no entry."""
    if desk.requests:
        yield "it waits for the Secretariat, who asks the Admin Contact of the ccTLD"
    for answer in desk.answers:
        if not answer.in_force:
            yield f"it waits for the Secretariat, who appoints the Admin Contact of .{answer.tld}"
        elif not answer.attests:
            yield f"you are the Admin Contact of .{answer.tld} already, and your answer attests nobody: nothing was entered"
        yield from answer.notes
