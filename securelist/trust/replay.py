"""The replay: entries of a log taken one after the other, each verified anew from its evidence. What a proof rests on.

One signed text is entered whole: all of its statements, in their order, at one time. An entry whose text was erased is taken
at its word, for the little that it still does, and owed until an `erase` about the same key follows.
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
from securelist.trust.certificates import joined
from securelist.trust.entry import CERTIFICATE, Entry, digest
from securelist.trust.erasure import ERASABLE
from securelist.trust.export import Link
from securelist.trust.history import Standing
from securelist.trust.membership import Membership
from securelist.trust.root_effects import not_founded
from securelist.trust.rules import Entered, enter_certificate, enter_erased, enter_statement, enter_without_effect
from securelist.trust.statement import StatementType
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
    _owed: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    """By digest of erased evidence for which no `erase` has come yet: (ccTLD, fingerprint) of its entries; certificates have no ccTLD."""
    _shaken: set[tuple[str, str]] = field(default_factory=set)
    """(ccTLD, fingerprint) of all about whom an entry is erased, here or later, and of whom what is left may rest on that."""
    _last_erase: int = 0
    """Number of the last `erase`: from there on the membership is what it was when the texts were still there."""

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
        self._shaken = {(link.entry.cctld, link.entry.subject) for link in links if link.evidence is None}
        self._last_erase = max((link.entry.number for link in links if link.entry.type == StatementType.ERASE), default=0)

    def take(self, link: Link) -> None:
        """The next entry; raises Refused if it is not what the rules make of its evidence."""
        self.place = f"entry {self.membership.head.number + 1}"
        if not 0 <= link.entry.time <= self.latest:
            raise Refused("misdated", "it is dated in the future")
        if link.evidence is None:
            entered, checked = self._take_erased(link.entry), "its text is erased: number, time and hash"
        elif link.entry.type == CERTIFICATE:
            entered, checked = (
                self._take_certificate(link.entry, link.evidence),
                "GnuPG and Sequoia read the certificate alike, nothing older is put back",
            )
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
        entered = self._entered(proven, entry)
        if proven.statement.type is StatementType.ERASE:
            self._discharge({(proven.statement.tld, proven.statement.key), *(("", name) for name in entered.erased)})
        standing = entered.membership.said[-1].standing
        effect = {Standing.PENDING: "waits for other signatures", Standing.VOID: "without effect"}.get(standing, "in effect")
        return entered, f"{engines}, the signer may say this, it is new, in order and fits; {effect}"

    def _entered(self, proven: ProvenStatement, entry: Entry) -> Entered:
        """A statement by or about somebody of whom something was erased may rest on that: it then is without effect."""
        about, by, why = (entry.cctld, entry.subject), (entry.cctld, proven.signer), "what it rests on is erased"
        try:
            entered = enter_statement(self.membership, proven, self.anchor, entry.time, None)
            if entered.entry.subject == entry.subject or about not in self._shaken:
                return entered
        except Refused as refused:
            if entry.number > self._last_erase or not self._shaken.intersection((about, by)):
                raise
            why = refused.detail
        self._shaken.add(about)
        return enter_without_effect(self.membership, proven, self.anchor, entry.time, entry.subject, why)

    def _signed(self, entry: Entry, evidence: bytes) -> SignedStatement:
        if not self._left:
            signers = self.anchor.signers(self.membership, entry.time).values()
            verified = verify(read_signed(evidence), signers, entry.time)
            if verified.evidence != evidence:
                raise Refused("bad-evidence", "there is more in the evidence than the signed text")
            self._left = list(statements_in(verified))
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
        if entry.type != CERTIFICATE and entry.type not in ERASABLE:
            raise Refused("not-erasable", f"the text of a {entry.type} cannot be erased, and is missing")
        if self._left and (entry.evidence, entry.time) == (self._evidence, self._time):
            raise _not_whole()
        self._owed.setdefault(entry.evidence, set()).add((entry.cctld, entry.subject))
        return enter_erased(self.membership, entry)

    def _discharge(self, said: set[tuple[str, str]]) -> None:
        """A text that holds something about the key that an `erase` names may be gone whole: whoever else is in it was no member."""
        self._owed = {evidence: subjects for evidence, subjects in self._owed.items() if not subjects & said}

    # --- the end --------------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """After the last entry; raises Refused if something is missing."""
        self.place = "the end of the log"
        if self._left:
            raise _not_whole()
        if self._owed:
            whose = ", ".join(sorted({fingerprint for subjects in self._owed.values() for _, fingerprint in subjects}))
            raise Refused("erased-without-statement", f"texts about {whose} are missing, and no erase says that they may be")
        self.check_founded(self.membership)

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
