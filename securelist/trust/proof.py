"""The proof: an exported log judged by itself, offline, from the trust roots alone. What `log verify` does.

1. Read the trust roots' certificates.
2. Read the export: whole, canonical, its checksum right.
3. Replay (`replay`): every entry's evidence is verified by both engines as of the entry's time and goes through the same rules
   that let it in; what comes out must be the exported entry, field by field, and with it the hash of the one before.
4. What the given roots' own files know to be compromised, which the log may not know, is void.
5. The head: signed by the list's key, which `found-list` or `replace-list-key` vouches for, and the head that the replay ended with.

Nothing of the server's own account is taken on trust: no state, no fact about a certificate, no reading of a statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from securelist.errors import Refused
from securelist.openpgp.admission import merge, read_certificate, split_certificates
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.signed import MAX_AHEAD_S, read_signed, verify
from securelist.trust.anchor import Anchor
from securelist.trust.entry import Head
from securelist.trust.export import Export, Link, read_export
from securelist.trust.fold import refold
from securelist.trust.membership import Member, Membership
from securelist.trust.replay import Replay

Progress = Callable[[int, int], None]
"""Told how many entries are verified, of how many."""


def nobody(_done: int, _all: int) -> None:
    """A `Progress` that tells nobody."""


@dataclass(frozen=True)
class Proof:
    """The verdict on an export. Without problems, the head is proved and `members` are the members at the time asked for."""

    list: str = ""
    entries: int = 0
    """How many entries were verified; all of them, if there is no problem."""
    head: Head = field(default_factory=Head)
    time: int = 0
    """When the list dated the head: the proof says nothing about later."""
    members: tuple[Member, ...] = ()
    problems: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    """For each entry that was verified, what was checked about it."""
    left_out: tuple[int, ...] = ()
    """Numbers of the entries whose text the export does not bring."""
    by_word: tuple[str, ...] = ()
    """The ccTLDs of these entries: that what is left out has ended, and is about nobody who is shown, is the list's word, which only the
    whole log proves. For all other ccTLDs the proof is whole."""
    export: Export | None = None
    """The export as read, for whoever compares it with something else; None if it could not be read."""

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
            "checked": list(self.checks),
            "left_out": list(self.left_out),
            "by_word": list(self.by_word),
        }


def prove(octets: bytes, root_files: Iterable[bytes], at: int, *, members_at: int | None = None, progress: Progress = nobody) -> Proof:
    """Judges an export by the trust roots in `root_files`; `at` is now. A bad export gives a Proof with problems.

    `members_at`: show the members at that time, by the entries up to then; at `at` if left out. What was before the export's own time, only
    an export with all texts tells.
    """
    try:
        roots = read_roots(root_files)
        export = read_export(octets)
        certificates = tuple(read_certificate(certificate) for certificate in export.certificates)
    except Refused as refused:
        return Proof(problems=(refused.detail,))
    replay = Replay(Anchor(export.list, certificates, roots), at + MAX_AHEAD_S)
    try:
        past = _replayed(replay, export, at if members_at is None else members_at, progress)
        now = _without_compromised(replay.anchor, replay.membership)
        replay.check_founded(now)
        _check_head(export, now, certificates[-1], at)
        if replay.left_out and members_at is not None and members_at < export.time:
            raise Refused("left-out", "it leaves out the texts of what has ended; who was a member before takes the whole log")
    except Refused as refused:
        done = replay.membership.head
        problem = f"{replay.place}: {refused.detail}"
        return Proof(export.list, done.number, done, problems=(problem,), checks=tuple(replay.checks), export=export)
    members = now.members(at) if members_at is None else _without_compromised(replay.anchor, past).members(members_at)
    left_out, by_word = tuple(replay.left_out), replay.by_word
    return Proof(export.list, export.head.number, export.head, export.time, members, (), tuple(replay.checks), left_out, by_word, export)


def _replayed(replay: Replay, export: Export, moment: int, progress: Progress) -> Membership:
    """Step 3; gives the membership as it was at `moment`."""
    past = Membership()
    replay.look_ahead(export.links)
    for done, link in enumerate(export.links):
        progress(done, len(export.links))
        replay.take(link)
        past = replay.membership if link.entry.time <= moment else past
    replay.finish()
    return past


def _without_compromised(anchor: Anchor, membership: Membership) -> Membership:
    """Step 4."""
    unknown = anchor.compromised - membership.compromised
    return refold(membership, anchor, unknown) if unknown else membership


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


def replay_until(links: Iterable[Link], anchor: Anchor, until: int, progress: Progress = nobody) -> Membership:
    """The membership that the entries up to the time `until` make, each verified anew from its evidence; raises Refused."""
    replay, links = Replay(anchor, until), tuple(links)
    replay.look_ahead(links)
    for done, link in enumerate(links):
        if link.entry.time > until:
            break
        progress(done, len(links))
        replay.take(link)
    return replay.membership


def _check_head(export: Export, membership: Membership, key: Certificate, at: int) -> None:
    """Step 5. The head may be dated some minutes ahead of a verifier whose clock is late."""
    if membership.founding is None or membership.founding.key != key.fingerprint:
        raise Refused("wrong-list-key", f"the trust roots vouch for another list key than {key.fingerprint}, which signed the export")
    if export.head != membership.head:
        raise Refused("cut-short", "the signed head is not the last entry: the export was cut short, or put together from two")
    if not membership.time <= export.time <= at + MAX_AHEAD_S:
        raise Refused("head-misdated", "the head is dated before the last entry, or in the future")
    verified = verify(read_signed(export.signature), [key], export.time)
    if verified.content != export.head_text or verified.evidence != export.signature:
        raise Refused("bad-head", "the list's key signed another head than this")
