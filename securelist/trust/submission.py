"""A submission: signed texts and the certificates that they name, entered all together or not at all.

`statement submit` and mail to LIST-request both end in `submit`. It asks the two OpenPGP engines and the rules, and writes
nothing: what it returns is for `log_store.append`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from securelist.errors import Refused
from securelist.trust.anchor import Anchor
from securelist.trust.certificates import by_fingerprint
from securelist.trust.desk import Desk
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
    """Whether it came by mail, where anybody can send anybody's certificate: one is renewed for its owner only."""


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
        """Whether nothing of it takes effect yet: statements that wait for other signatures, or a request."""
        standings = {said.standing for said in self.said}
        return standings == {Standing.PENDING} or (bool(self.requests) and not standings)

    @property
    def signer(self) -> str:
        """Fingerprint of who signed the first statement; empty for certificates alone."""
        requesters = (request.said.signer for request in self.requests)
        return next((entry.signer for entry in self.entries if entry.signer), next(requesters, ""))

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
    4. Certificates without any statement are renewals, or carry an Admin Contact's certification. With one, they only serve it.
    """
    if not parcel.signed and not parcel.certificates:
        raise Refused("empty", "there is nothing in this: neither a signed statement nor a certificate")
    if len(parcel.signed) > MAX_TEXTS:
        raise Refused("too-many-texts", f"at most {MAX_TEXTS} signed texts can be sent at a time")
    if not membership.said and not parcel.signed:
        raise not_founded()
    desk = Desk(membership, anchor, entry_time(membership, now), limit, by_fingerprint(parcel.certificates))
    desk.enter_compromised_roots()
    begun = len(desk.entered)
    desk.enter_texts(parcel.signed)
    if len(desk.entered) == begun and not desk.requests:
        desk.take_certificates(owners_only=parcel.mailed)
    else:
        desk.note_certifications()
    notes = tuple(note for entered in desk.entered for note in entered.notes)
    entries = tuple(entered.entry for entered in desk.entered)
    # At the end: who comes back in the same parcel brings a certificate again that an `erase` in it took away.
    erased = gone_from(desk.membership) if any(entered.erased for entered in desk.entered) else frozenset[int]()
    requests = tuple(desk.requests)
    asked = ("it waits for the Secretariat, who asks the Admin Contact of the ccTLD",) if requests else ()
    return Submission(
        membership.head, entries, desk.evidence, desk.membership, (*notes, *desk.notes, *asked), requests, erased, frozenset(desk.covers)
    )
