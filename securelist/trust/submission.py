"""A submission: signed texts and the certificates that they name, entered all together or not at all.

`statement submit` and mail to LIST-request both end in `submit`. It asks the two OpenPGP engines and the rules, and writes
nothing: what it returns is for `log_store.append`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from securelist.errors import Refused
from securelist.openpgp import sequoia
from securelist.openpgp.admission import admit, merge, read_certificate
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.signed import MAX_CANDIDATES, SignedMessage, read_signed, verify
from securelist.trust.certificates import by_fingerprint, own_packets, renewed
from securelist.trust.entry import Entry, Head, digest
from securelist.trust.grammar import refusal
from securelist.trust.membership import Anchor, Membership
from securelist.trust.rules import Entered, enter_certificate, enter_statement, entry_time
from securelist.trust.statement import Statement, StatementType
from securelist.trust.verified import statements_in

# Each signed text costs a process of GnuPG; more than this at once is a mistake or an attempt to keep us busy.
MAX_TEXTS = 50
# Of one signed text, unpacked as it becomes evidence: fifty statements, with a dozen certificates attached. The log keeps it
# for good, and its export has to carry it (export.MAX_LINE_OCTETS, MAX_OCTETS).
MAX_TEXT_OCTETS = 256 * 1024

_WITH_CERTIFICATE = (StatementType.APPOINT_ADMIN_CONTACT, StatementType.ATTEST_SSC)


@dataclass(frozen=True)
class Parcel:
    """What was handed in together: signed texts in any of the three forms, and certificates, binary, one each."""

    signed: tuple[bytes, ...] = ()
    certificates: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Submission:
    """What a parcel adds to the log that had the head `before`: entries, their evidence by digest, and the outcome."""

    before: Head
    entries: tuple[Entry, ...]
    evidence: Mapping[str, bytes]
    membership: Membership
    notes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What the sender is told: the entries' numbers, the head, and notes."""
        first, last = self.entries[0].number, self.entries[-1].number
        numbers = f"entry {first}" if first == last else f"entries {first} to {last}"
        return "; ".join((f"entered as {numbers}, the log's head is now {self.membership.head.hash}", *self.notes))


def submit(parcel: Parcel, membership: Membership, anchor: Anchor, now: int, limit: int) -> Submission:
    """Judges a parcel at `now`; `limit` is the most SSCs of one ccTLD. Raises Refused, and then nothing is entered.

    1. Each signed text is verified by both engines, as of the time of entry, under what the log knows of its signer and what
       was sent along, so that a renewed certificate can sign right away; if it was needed or not, it is entered.
    2. Each statement in the text enters after the certificate of the one it is about, new or renewed.
    3. Certificates without any signed text are renewals. With one, those of anybody else change nothing.
    """
    if not parcel.signed and not parcel.certificates:
        raise Refused("empty", "there is nothing in this: neither a signed statement nor a certificate")
    if len(parcel.signed) > MAX_TEXTS:
        raise Refused("too-many-texts", f"at most {MAX_TEXTS} signed texts can be sent at a time")
    desk = _Desk(membership, anchor, entry_time(membership, now), limit, by_fingerprint(parcel.certificates))
    if membership.founding is None and not parcel.signed:
        raise Refused("not-founded", "the list is not founded yet: a trust root's found-list comes before everything else")
    if not parcel.signed:
        desk.renew_all()
    for octets in parcel.signed:
        desk.enter_text(octets)
    if not desk.entered:
        raise Refused("nothing-new", "nothing in this is new: no statement, and no certificate that the log knows and that changed")
    notes = tuple(note for entered in desk.entered for note in entered.notes)
    return Submission(membership.head, tuple(entered.entry for entered in desk.entered), desk.evidence, desk.membership, notes)


@dataclass
class _Desk:
    """Where one parcel is worked on: the membership so far, and what was entered."""

    membership: Membership
    anchor: Anchor
    at: int
    limit: int
    sent: Mapping[str, bytes]
    entered: list[Entered] = field(default_factory=list)
    evidence: dict[str, bytes] = field(default_factory=dict)

    def _enter(self, entered: Entered, evidence: bytes) -> None:
        self.entered.append(entered)
        self.evidence[digest(evidence)] = evidence
        self.membership = entered.membership

    def _enter_certificate(self, certificate: Certificate) -> None:
        self._enter(enter_certificate(self.membership, certificate, self.anchor, self.at), certificate.octets)

    def _renewal(self, fingerprint: str) -> Certificate | None:
        """What is new about a certificate that the log knows, from what was sent and, for a trust root, from its own file."""
        certificate = known = self.membership.certificates.get(fingerprint)
        root = self.anchor.root(fingerprint)
        for octets in (self.sent.get(fingerprint), root.octets if root else None):
            if certificate and octets:
                certificate = renewed(certificate, octets) or certificate
        return certificate if certificate != known else None

    def _renew(self, fingerprint: str) -> None:
        if certificate := self._renewal(fingerprint):
            self._enter_certificate(certificate)

    def renew_all(self) -> None:
        """Step 3."""
        for fingerprint in self.sent:
            self._renew(fingerprint)

    def _signers(self, message: SignedMessage) -> Iterable[Certificate]:
        """Under whose certificates the text may verify: those that hold its key as they would be renewed."""
        found = self.anchor.signers(self.membership, self.at)
        fitting = (name for name, octets in self.sent.items() if name in found and sequoia.key_names(octets).intersection(message.issuers))
        for fingerprint in islice(fitting, MAX_CANDIDATES):
            found[fingerprint] = self._renewal(fingerprint) or found[fingerprint]
        return found.values()

    def enter_text(self, octets: bytes) -> None:
        """Steps 1 and 2 for one signed text."""
        message = read_signed(octets)
        if len(message.octets) > MAX_TEXT_OCTETS:
            advice = "send what is attached beside the signed text, or without the signatures of others"
            raise Refused("text-too-large", f"a signed text has at most {MAX_TEXT_OCTETS // 1024} KiB, attachments included; {advice}")
        if message.expires:
            # The log is verified for as long as it is kept, by an engine that asks what is valid today.
            raise Refused("signature-expires", "the signature has an end; a statement needs one without: gpg --default-sig-expire 0")
        verified = verify(message, self._signers(message), self.at)
        self._renew(verified.signer)
        for signed in statements_in(verified):
            if signed.statement.type in _WITH_CERTIFICATE and self.membership.founding:
                self._enter_subject(signed.statement)
            self._enter(enter_statement(self.membership, signed, self.anchor, self.at, self.limit), verified.evidence)
            if signed.statement.type == StatementType.FOUND_LIST:
                self._enter_roots(signed.statement.roots)

    def _enter_subject(self, statement: Statement) -> None:
        """The certificate that a statement names, if it was sent and is new to the log, or renewed."""
        octets = self.sent.get(statement.key)
        if octets is None:
            return
        try:
            if statement.key in self.membership.certificates:
                self._renew(statement.key)
            else:
                self._enter_certificate(admit(own_packets(octets), self.at))
        except Refused as refused:
            raise refusal(statement.line_of("Key"), refused.reason, refused.detail) from None

    def _enter_roots(self, roots: Sequence[str]) -> None:
        """The roots' certificates follow `found-list`, so that the log needs nothing besides itself from there on."""
        for given in self.anchor.roots:
            if given.fingerprint in roots:
                sent = self.sent.get(given.fingerprint, given.octets)
                self._enter_certificate(read_certificate(own_packets(merge(given.octets, sent))))
