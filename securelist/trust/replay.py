"""The replay: entries of a log taken one after the other, each verified anew from its evidence. What a proof rests on.

One signed text is entered whole: all of its statements, in their order, at one time. An entry whose text was erased is taken
at its word, for the little that it still does, and owed until an `erase` names it by number and hash. One whose text was left
out of the export must do nothing by what it says, and no certificate is left out by which anything stands: what a key signed or is
attested for is judged by all that the log has of it. Who is shown for the ccTLD of such a text is shown by the list's word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

from securelist.errors import Refused
from securelist.openpgp import certification
from securelist.openpgp.admission import merge, read_certificate
from securelist.openpgp.signed import read_signed, verify
from securelist.trust import certifications
from securelist.trust.anchor import Anchor
from securelist.trust.answer import to_enter
from securelist.trust.certificates import joined
from securelist.trust.ended import keys_needed
from securelist.trust.entry import CERTIFICATE, Entry, digest
from securelist.trust.export import Link
from securelist.trust.history import Standing
from securelist.trust.membership import Membership
from securelist.trust.root_effects import not_founded
from securelist.trust.rules import Entered, enter_certificate, enter_erased, enter_statement
from securelist.trust.statement import ABOUT_MEMBERS
from securelist.trust.verified import CertifiedStatement, ProvenStatement, SignedStatement, statements_in


@dataclass
class Replay:
    """The membership so far, and what is left of the signed text that is being entered."""

    anchor: Anchor
    latest: int
    """No entry can be from later than this."""
    membership: Membership = field(default_factory=Membership)
    place: str = "the log"
    checks: list[str] = field(default_factory=list)
    """For each entry taken, what was checked."""
    _left: list[SignedStatement] = field(default_factory=list)
    _evidence: str = ""
    _time: int = 0
    _owed: set[int] = field(default_factory=set)
    """Numbers of the erased entries that no `erase` has named yet."""
    left_out: list[int] = field(default_factory=list)
    """Numbers of the entries whose text the export does not bring."""

    def look_ahead(self, links: Sequence[Link]) -> None:
        """Joins each root with its first certificate in the log, which follows what the root signed before.

        Whoever renews a key may export the new self-signature only; Sequoia then does not know the key as it was when it
        signed. It is the same primary key, and both engines check its signatures: nothing is taken on trust.
        """
        first: dict[str, bytes] = {}
        for link in links:
            if link.entry.type == CERTIFICATE and link.evidence is not None:
                first.setdefault(link.entry.subject, link.evidence)
        known = {root: read_certificate(first.get(root.fingerprint, root.octets)) for root in self.anchor.roots}
        self.anchor = replace(self.anchor, roots=tuple(joined(root, other) for root, other in known.items()))

    def take(self, link: Link) -> None:
        """The next entry; raises Refused if it is not what the rules make of its evidence."""
        self.place = f"entry {self.membership.head.number + 1}"
        if not 0 <= link.entry.time <= self.latest:
            raise Refused("misdated", "it is dated in the future")
        if link.left_out:
            entered, checked = (
                self._take_left_out(link.entry),
                "its text is left out; it does nothing by what the entry says: number, time and hash",
            )
        elif link.evidence is None:
            entered, checked = self._take_erased(link.entry), "its text is erased: number, time and hash"
        elif link.entry.type == CERTIFICATE:
            entered = self._take_certificate(link.entry, link.evidence)
            checked = "GnuPG and Sequoia read the certificate alike, nothing older is put back"
        else:
            entered, checked = self._take_statement(link.entry, link.evidence)
        _check_same(entered.entry, link)
        self.membership = entered.membership
        self.checks.append(f"{_title(link.entry)}: {checked}; follows entry {link.entry.number - 1} by time and hash")

    # --- certificates ---------------------------------------------------------------------------------------------------

    def _take_certificate(self, entry: Entry, evidence: bytes) -> Entered:
        certificate = read_certificate(evidence)
        known = self.membership.certificates.get(certificate.fingerprint)
        if known and merge(known.octets, certificate.octets) != certificate.octets:
            raise Refused("older-certificate", f"certificate {certificate.fingerprint} lacks what an earlier entry's had")
        return enter_certificate(self.membership, certificate, self.anchor, entry.time)

    # --- statements -----------------------------------------------------------------------------------------------------

    def _take_statement(self, entry: Entry, evidence: bytes) -> tuple[Entered, str]:
        if entry.part == 0:
            proven: ProvenStatement = self._certified(entry, evidence)
            engines = "GnuPG and PGPy find the certification good"
        else:
            proven = self._signed(entry, evidence)
            engines = "GnuPG and Sequoia find the signature good"
        entered = enter_statement(self.membership, proven, self.anchor, entry.time, None)
        self._owed -= {number for number, _ in proven.statement.entries}
        effect = "waits for other signatures" if entered.membership.said[-1].standing is Standing.PENDING else "in effect"
        return entered, f"{engines}, the signer may say this, it is new, in order and fits; {effect}"

    def _signed(self, entry: Entry, evidence: bytes) -> SignedStatement:
        if not self._left:
            signers = self.anchor.signers(self.membership, entry.time).values()
            verified = verify(read_signed(evidence), signers, entry.time)
            if verified.evidence != evidence:
                raise Refused("bad-evidence", "there is more in the evidence than the signed text")
            self._left = list(to_enter(statements_in(verified)))
            if not self._left:
                raise Refused("never-entered", "there is nothing in the evidence that could be an entry")
            self._evidence, self._time = digest(evidence), entry.time
        if (digest(evidence), entry.time) != (self._evidence, self._time):
            raise _not_whole()
        return self._left.pop(0)

    def _certified(self, entry: Entry, evidence: bytes) -> CertifiedStatement:
        if self._left:
            raise _not_whole()
        said = certification.read_certification(evidence)
        certificates = self.membership.certificates
        if entry.signer not in certificates or said.subject not in certificates:
            raise Refused("certificate-missing", "the log has no certificate of the one who certified, or of the one who was certified")
        attempt = certifications.Attempt(said, certificates[entry.signer])
        return certifications.prove(attempt, certificates[said.subject], self.membership, self.anchor, entry.time)

    # --- erased ---------------------------------------------------------------------------------------------------------

    def _take_erased(self, entry: Entry) -> Entered:
        self._owed.add(self.membership.head.number + 1)
        return self._without_text(entry)

    def _take_left_out(self, entry: Entry) -> Entered:
        """An entry that tells of what has ended, by the list's word. It grants nothing, and by what it says takes nothing either."""
        entered = self._without_text(entry)
        if entered.membership.attestations != self.membership.attestations:
            raise Refused("left-out-acts", "its text is left out, and it would end or suspend a membership; ask for the whole log")
        self.left_out.append(self.membership.head.number + 1)
        return entered

    def _without_text(self, entry: Entry) -> Entered:
        if entry.type not in (CERTIFICATE, *ABOUT_MEMBERS):
            raise Refused("not-erasable", f"the text of a {entry.type} can neither be erased nor be left out, and is missing")
        if self._left and (entry.evidence, entry.time) == (self._evidence, self._time):
            raise _not_whole()
        return enter_erased(self.membership, entry)

    # --- the end --------------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """After the last entry; raises Refused if something is missing."""
        self.place = "the end of the log"
        if self._left:
            raise _not_whole()
        if self._owed:
            numbers = ", ".join(map(str, sorted(self._owed)))
            raise Refused("erased-without-statement", f"the text of entry {numbers} is missing, and no erase names it")
        self._check_certificates()
        self.check_founded(self.membership)

    def _check_certificates(self) -> None:
        """Raises Refused if a certificate is left out by which something stands: it may be the one that revokes it."""
        needed = keys_needed(self.membership)
        entries = (self.membership.entries[number - 1] for number in self.left_out)
        missing = [entry.number for entry in entries if entry.type == CERTIFICATE and entry.subject in needed]
        if missing:
            numbers = ", ".join(map(str, missing))
            raise Refused(
                "left-out-needed", f"the certificate of entry {numbers} is left out, and something stands by it; ask for the whole log"
            )

    @property
    def by_word(self) -> tuple[str, ...]:
        """The ccTLDs of which a text is left out: who is a member for them is the list's word."""
        return tuple(sorted({entry.cctld for number in self.left_out if (entry := self.membership.entries[number - 1]).cctld}))

    def check_founded(self, membership: Membership) -> None:
        """Raises Refused if nothing vouches for the list's key."""
        if membership.founding is None:
            raise Refused(not_founded().reason, "no found-list that still holds vouches for the list's key")


def _title(entry: Entry) -> str:
    return f"entry {entry.number}, {entry.type}{f' .{entry.cctld}' if entry.cctld else ''}"


def _not_whole() -> Refused:
    return Refused("not-whole", "a signed text with several statements was not entered whole; one of them is missing")


def _check_same(computed: Entry, link: Link) -> None:
    written = asdict(link.entry)
    different = [name for name, value in asdict(computed).items() if written[name] != value]
    if different:
        raise Refused("altered", f"it says something else than its evidence or the entries before it: {', '.join(different)}")
    if computed.hash != link.hash:
        raise Refused("altered", "its hash is not the hash of what it says")
