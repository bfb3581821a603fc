"""The proof: an exported log judged by itself, offline, from the trust roots alone. What `log verify` does.

1. Read the trust roots' certificates.
2. Read the export: whole, canonical, its checksum right.
3. Replay: every entry's evidence is verified by both engines as of the entry's time and goes through the same rules that let
   it in; what comes out must be the exported entry, field by field, and with it the hash of the one before.
4. One signed text is entered whole: all of its statements, in their order, at one time.
5. The head: signed by the list's key, which `found-list` vouches for, and the head that the replay ended with.

Nothing of the server's own account is taken on trust: no state, no fact about a certificate, no reading of a statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace

from securelist.errors import Refused
from securelist.openpgp.admission import merge, read_certificate, split_certificates
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.signed import MAX_AHEAD_S, read_signed, verify
from securelist.trust.certificates import joined
from securelist.trust.entry import CERTIFICATE, Entry, Head, digest
from securelist.trust.export import Export, Link, read_export
from securelist.trust.membership import Anchor, Member, Membership
from securelist.trust.rules import Entered, enter_certificate, enter_statement
from securelist.trust.verified import SignedStatement, statements_in


@dataclass(frozen=True)
class Proof:
    """The verdict on an export. Without problems, the head is proved and `members` are the members at the time asked for."""

    list: str
    entries: int
    """How many entries were verified; all of them, if there is no problem."""
    head: Head
    time: int
    """When the list dated the head: the proof says nothing about later."""
    members: tuple[Member, ...]
    problems: tuple[str, ...]

    @property
    def valid(self) -> bool:
        """Whether the export proves what it says."""
        return not self.problems

    def as_json(self) -> dict[str, object]:
        """The shape that `log verify --json` promises."""
        return {
            "valid": self.valid,
            "list": self.list,
            "entries": self.entries,
            "head": self.head.hash,
            "time": self.time,
            "members": [member.as_json() for member in self.members],
            "problems": list(self.problems),
        }


def prove(octets: bytes, root_files: Iterable[bytes], at: int) -> Proof:
    """Judges an export by the trust roots in `root_files`; `at` is now. A bad export gives a Proof with problems."""
    try:
        roots = read_roots(root_files)
        export = read_export(octets)
        key = read_certificate(export.certificate)
    except Refused as refused:
        return Proof("", 0, Head(), 0, (), (refused.detail,))
    replay = _Replay(Anchor(export.list, key, roots), at + MAX_AHEAD_S)
    try:
        replay.look_ahead(export.links)
        for link in export.links:
            replay.take(link)
        replay.finish()
        _check_head(export, replay.membership, key, at)
    except Refused as refused:
        done = replay.membership.head
        return Proof(export.list, done.number, done, 0, (), (f"{replay.place}: {refused.detail}",))
    return Proof(export.list, export.head.number, export.head, export.time, replay.membership.members(at), ())


def read_roots(root_files: Iterable[bytes]) -> tuple[Certificate, ...]:
    """The trust roots' certificates in some files, armoured or binary, each once; raises Refused if there is none."""
    found: dict[str, bytes] = {}
    for file in root_files:
        for octets in split_certificates(file):
            fingerprint = read_certificate(octets).fingerprint
            found[fingerprint] = merge(found[fingerprint], octets) if fingerprint in found else octets
    if not found:
        raise Refused("no-root", "no trust root was given: without one nothing can be proved")
    return tuple(read_certificate(octets) for octets in found.values())


def replay(links: Sequence[Link], anchor: Anchor, until: int) -> Membership:
    """The membership that the entries up to the time `until` make, each verified anew from its evidence; raises Refused."""
    done = _Replay(anchor, until)
    done.look_ahead(links)
    for link in links:
        if link.entry.time > until:
            break
        done.take(link)
    return done.membership


@dataclass
class _Replay:
    """Steps 3 and 4: the membership so far, and what is left of the signed text that is being entered."""

    anchor: Anchor
    latest: int
    """No entry can be from later than this."""
    membership: Membership = field(default_factory=Membership)
    place: str = "the log"
    _left: list[SignedStatement] = field(default_factory=list)
    _evidence: str = ""
    _time: int = 0

    def look_ahead(self, links: Sequence[Link]) -> None:
        """Joins each root with its first certificate in the log, which follows what the root signed before.

        Whoever renews a key may export the new self-signature only; Sequoia then does not know the key as it was when it
        signed. It is the same primary key, and both engines check its signatures: nothing is taken on trust.
        """
        first: dict[str, bytes] = {}
        for link in links:
            if link.entry.type == CERTIFICATE:
                first.setdefault(link.entry.subject, link.evidence)
        known = {root: read_certificate(first.get(root.fingerprint, root.octets)) for root in self.anchor.roots}
        self.anchor = replace(self.anchor, roots=tuple(joined(root, other) for root, other in known.items()))

    def take(self, link: Link) -> None:
        """The next entry; raises Refused if it is not what the rules make of its evidence."""
        self.place = f"entry {self.membership.head.number + 1}"
        if not 0 <= link.entry.time <= self.latest:
            raise Refused("misdated", "it is dated in the future")
        is_certificate = link.entry.type == CERTIFICATE
        entered = self._certificate(link) if is_certificate else self._statement(link)
        _check_same(entered.entry, link)
        self.membership = entered.membership

    def _certificate(self, link: Link) -> Entered:
        certificate = read_certificate(link.evidence)
        known = self.membership.certificates.get(certificate.fingerprint)
        if known and merge(known.octets, certificate.octets) != certificate.octets:
            raise Refused("older-certificate", f"certificate {certificate.fingerprint} lacks what an earlier entry's had")
        return enter_certificate(self.membership, certificate, self.anchor, link.entry.time)

    def _statement(self, link: Link) -> Entered:
        if not self._left:
            signers = self.anchor.signers(self.membership, link.entry.time).values()
            verified = verify(read_signed(link.evidence), signers, link.entry.time)
            if verified.evidence != link.evidence:
                raise Refused("bad-evidence", "there is more in the evidence than the signed text")
            self._left = list(statements_in(verified))
            self._evidence, self._time = digest(link.evidence), link.entry.time
        if (digest(link.evidence), link.entry.time) != (self._evidence, self._time):
            raise self._not_whole()
        return enter_statement(self.membership, self._left.pop(0), self.anchor, link.entry.time, None)

    def finish(self) -> None:
        """After the last entry; raises Refused if something is missing."""
        self.place = "the end of the log"
        if self._left:
            raise self._not_whole()
        if self.membership.founding is None:
            raise Refused("not-founded", "the log holds no found-list, so nothing vouches for the list's key")

    def _not_whole(self) -> Refused:
        return Refused("not-whole", "a signed text with several statements was not entered whole; one of them is missing")


def _check_same(computed: Entry, link: Link) -> None:
    written = asdict(link.entry)
    different = [name for name, value in asdict(computed).items() if written[name] != value]
    if different:
        raise Refused("altered", f"it says something else than its evidence or the entries before it: {', '.join(different)}")
    if computed.hash != link.hash:
        raise Refused("altered", "its hash is not the hash of what it says")


def _check_head(export: Export, membership: Membership, key: Certificate, at: int) -> None:
    """Step 5. The head may be dated some minutes ahead of a verifier whose clock is late."""
    if export.head != membership.head:
        raise Refused("cut-short", "the signed head is not the last entry: the export was cut short, or put together from two")
    if not membership.time <= export.time <= at + MAX_AHEAD_S:
        raise Refused("head-misdated", "the head is dated before the last entry, or in the future")
    verified = verify(read_signed(export.signature), [key], export.time)
    if verified.content != export.head_text or verified.evidence != export.signature:
        raise Refused("bad-head", "the list's key signed another head than this")
