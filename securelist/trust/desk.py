"""Where one submission is worked on: what is verified, in which order, and what is entered. `submission.submit` is its head."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

from securelist.errors import Refused
from securelist.openpgp.admission import merge, read_certificate
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.certification import read_certifications
from securelist.openpgp.signed import MAX_CANDIDATES, SignedMessage, Verified, verify
from securelist.trust.anchor import Anchor
from securelist.trust.answer import (
    Answer,
    answer_of,
    as_if_appointed,
    check_accepting,
    check_effort,
    is_answer,
    speaks_for,
    to_enter,
    unknown_token,
    without_others,
)
from securelist.trust.certificates import FOR_KNOWN, Examination, own_packets
from securelist.trust.certifications import Attempt, attempts, misplaced, prove
from securelist.trust.checks import certificates_named
from securelist.trust.entry import digest
from securelist.trust.grammar import BEGIN, refusal
from securelist.trust.membership import Membership
from securelist.trust.rules import Entered, Request, check_request, enter_certificate, enter_statement
from securelist.trust.silence import comes_later, is_silent, mentions_statements, read_text, why_silent
from securelist.trust.statement import Statement, StatementType
from securelist.trust.verified import ProvenStatement, SignedStatement, statements_in
from securelist.trust.wording import check_wording

# A stranger's key costs two engines' work before anything is known about it. Who changes their key sends one such text.
MAX_TEXTS_BY_NEW_KEYS = 3
# And so do the certificates that hold the keys of such texts, of all together: each text has one.
MAX_CERTIFICATES_BY_NEW_KEYS = 3
# Nobody answers for a mail that is not signed; each certificate in it costs some processes of GnuPG.
MAX_CERTIFICATES_UNSIGNED = 3
# Anybody can write an Admin Contact's name into a certification. One mail about three contacts, some user IDs each, stays below.
MAX_CERTIFICATIONS = 20

# What a key that the log does not know may say, if its certificate comes along; besides an answer to an invitation.
_BY_NEW_KEYS = {StatementType.REPLACE_KEY, StatementType.REQUEST_MEMBERSHIP}


@contextmanager
def _said_by(signer: str) -> Iterator[None]:
    """A refusal inside is of something that this key signed, and may quote it: it is for nobody else."""
    try:
        yield
    except Refused as refused:
        refused.signer = refused.signer or signer
        raise


def any_token(_token: str) -> bool:
    """For who does not ask about tokens."""
    return True


@dataclass
class Desk:
    """The membership so far, what was sent by fingerprint, and what was entered."""

    membership: Membership
    anchor: Anchor
    at: int
    limit: int
    sent: Mapping[str, bytes]
    kept: Mapping[str, bytes] = field(default_factory=dict)
    """Certificates from what waits, by fingerprint: taken for whom a statement names, where none was sent."""
    is_token: Callable[[str], bool] = any_token
    """Whether a token was made here; what it is good for is seen when the answer is kept."""
    entered: list[Entered] = field(default_factory=list)
    evidence: dict[str, bytes] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    covers: set[str] = field(default_factory=set)
    """Who signed a text without a statement, around certificates."""
    examined: Examination = field(default_factory=Examination)
    silent: list[Refused] = field(default_factory=list)
    """Of texts without a statement beside other texts: what would be wrong with them alone."""
    strangers: set[str] = field(default_factory=set)
    """Fingerprints of the certificates under which texts by new keys were tried."""

    # --- entering -------------------------------------------------------------------------------------------------------

    def _enter(self, entered: Entered, evidence: bytes) -> None:
        self.entered.append(entered)
        self.evidence[digest(evidence)] = evidence
        self.membership = entered.membership

    def _enter_certificate(self, certificate: Certificate) -> None:
        self._enter(enter_certificate(self.membership, certificate, self.anchor, self.at), certificate.octets)

    def _enter_statement(self, proven: ProvenStatement) -> None:
        before = self.membership.founding
        self._enter(enter_statement(self.membership, proven, self.anchor, self.at, self.limit), proven.evidence)
        if self.membership.founding and not before:
            self._enter_roots(self.membership.founding.roots)

    def _enter_roots(self, roots: Iterable[str]) -> None:
        """The roots' certificates follow `found-list`, so that the log needs nothing besides itself from there on."""
        for given in self.anchor.roots:
            if given.fingerprint in roots and given.fingerprint not in self.membership.certificates:
                sent = self.sent.get(given.fingerprint, given.octets)
                self._enter_certificate(read_certificate(own_packets(merge(given.octets, sent), FOR_KNOWN)))

    @contextmanager
    def _all_or_nothing(self, *, on_trial: bool = False) -> Iterator[None]:
        """What was entered inside is taken back if it raises Refused, or was tried out only."""
        before, count, evidence, stays = self.membership, len(self.entered), dict(self.evidence), False
        try:
            yield
            stays = not on_trial
        finally:
            if not stays:
                self.membership, self.evidence = before, evidence
                del self.entered[count:]

    # --- certificates ---------------------------------------------------------------------------------------------------

    def _renewal(self, fingerprint: str, kept: bytes | None = None) -> Certificate | None:
        """What is new about a certificate that the log knows, from what was sent or kept and, for a trust root, its own file."""
        certificate = known = self.membership.certificates.get(fingerprint)
        root = self.anchor.root(fingerprint)
        for octets in (self.sent.get(fingerprint), kept, root.octets if root else None):
            if certificate and octets:
                certificate = self.examined.renewed(certificate, octets) or certificate
        return certificate if certificate != known else None

    def _renew(self, fingerprint: str, kept: bytes | None = None) -> None:
        if certificate := self._renewal(fingerprint, kept):
            self._enter_certificate(certificate)

    def enter_compromised_roots(self) -> None:
        """Step 1."""
        for root in self.anchor.roots:
            known = self.membership.certificates.get(root.fingerprint)
            if known and not root.compromised <= known.compromised:
                self._renew(root.fingerprint)

    def _enter_named(self, statement: Statement) -> None:
        """The certificates that a statement names, as far as they were sent or kept and are new to the log, or renewed."""
        for index, fingerprint in enumerate(certificates_named(statement)):
            try:
                self._enter_subject(fingerprint, needs_encryption=statement.type is not StatementType.REPLACE_ROOTS)
            except Refused as refused:
                field = "Root" if statement.roots else "Key"
                raise refusal(statement.line_of(field, index), refused.reason, refused.detail) from None

    def _enter_subject(self, fingerprint: str, *, needs_encryption: bool = True) -> None:
        kept = self.kept.get(fingerprint)
        sent = self.sent.get(fingerprint, kept)
        octets = merge(kept, sent) if kept and sent else sent  # an older one that was sent takes nothing away
        if fingerprint in self.membership.certificates:
            self._renew(fingerprint, kept)
        elif octets is not None:
            self._enter_certificate(self.examined.admitted(octets, self.at) if needs_encryption else self.examined.read(octets))

    def take_certificates(self, *, owners_only: bool) -> None:
        """Step 5. `owners_only`: for others than who signed the mail around it, a certificate is only extended, or revoked."""
        if owners_only and not self.covers and len(self.sent) > MAX_CERTIFICATES_UNSIGNED:
            detail = f"a mail that is not signed brings at most {MAX_CERTIFICATES_UNSIGNED} certificates; sign it"
            raise Refused("too-many-certificates", detail)
        problems = self._take_certifications()
        for fingerprint in self.sent:
            if not owners_only or fingerprint in self.covers or self._shows_much(fingerprint):
                self._renew(fingerprint)
        if not self.entered:
            raise [*problems, *self.silent, self._nothing_new()][0]
        self.notes += [f"without effect: {problem.detail}" for problem in problems]

    def _nothing_new(self) -> Refused:
        if not self.sent:
            return Refused("no-statement", f"the signed text holds no statement: no line begins with {BEGIN}:")
        return Refused(
            "nothing-new", "nothing in this is new: no statement, no certification, no certificate that the log knows and that changed"
        )

    def _shows_much(self, fingerprint: str) -> bool:
        """Whether what was sent shows that a known key is revoked, or lasts longer: only its owner can have made that, whoever mails it."""
        known, renewal = self.membership.certificates.get(fingerprint), self._renewal(fingerprint)
        if not known or not renewal:
            return False
        return renewal.primary.revoked != known.primary.revoked or renewal.outlasts(known, self.at)

    def _take_certifications(self) -> list[Refused]:
        """Enters what Admin Contacts certified, in the order in which they made it; gives, for each that counts for nothing, the reason."""
        found = [a for octets in self.sent.values() for a in attempts(read_certifications(octets), self.membership)]
        if len(found) > MAX_CERTIFICATIONS:
            raise Refused("too-many-certifications", f"at most {MAX_CERTIFICATIONS} certifications are looked at at a time")
        problems = []
        for attempt in sorted(found, key=lambda attempt: attempt.order):
            try:
                with self._all_or_nothing():
                    self._take_certification(attempt)
            except Refused as refused:
                problem = Refused(refused.reason, f"{attempt.where}: {refused.detail}")
                problem.signer = refused.signer
                problems.append(problem)
        return problems + [problem for octets in self.sent.values() for problem in misplaced(octets, self.membership)]

    def _take_certification(self, attempt: Attempt) -> None:
        fingerprint = attempt.certification.subject
        self._enter_subject(fingerprint)
        proven = prove(attempt, self.membership.certificates[fingerprint], self.membership, self.anchor, self.at)
        with _said_by(proven.signer):
            self._enter_statement(proven)

    def note_certifications(self) -> None:
        """Tells of certifications that came with a statement: where something is said in words, that alone counts."""
        about = {entered.entry.subject for entered in self.entered}
        for fingerprint, octets in self.sent.items():
            found = () if fingerprint in about else attempts(read_certifications(octets), self.membership)
            if any(attempt.meant_for(self.anchor.list) for attempt in found):
                advice = "a statement came with it; send the certificate by itself"
                self.notes.append(f"without effect: the certification on {fingerprint} does not count, because {advice}")

    # --- signed texts ---------------------------------------------------------------------------------------------------

    def enter_texts(self, texts: Sequence[bytes]) -> None:
        """Steps 2 to 4: texts by known keys first, of them those last that may rest on others; then those by new keys."""
        by_new_keys: list[tuple[SignedMessage, Refused]] = []
        later: list[Verified] = []
        among = len(texts) > 1
        for octets in texts:
            message = read_text(octets)
            try:
                verified = verify(message, self._signers(message), self.at)
            except Refused as refused:
                if refused.reason == "unknown-signer" and among and (is_silent(message) or self._is_ours(message)):
                    self.silent.append(refused)  # the client of whoever passes it on signed the mail around it
                    continue
                if refused.reason != "unknown-signer" or len(by_new_keys) == MAX_TEXTS_BY_NEW_KEYS:
                    raise
                by_new_keys.append((message, refused))
                continue
            with _said_by(verified.signer):
                if comes_later(verified):
                    later.append(verified)
                else:
                    self._enter_text(verified, among=among)
        for verified in later:
            with _said_by(verified.signer):
                self._enter_text(verified)
        for message, unknown in by_new_keys:
            self._enter_text_by_new_key(message, unknown)

    def _signers(self, message: SignedMessage) -> Iterable[Certificate]:
        """Under whose certificates the text may verify: those that hold its key as they would be renewed."""
        found = self.anchor.signers(self.membership)
        for fingerprint in islice((name for name in self._holders(message) if name in found), MAX_CANDIDATES):
            found[fingerprint] = self._renewal(fingerprint) or found[fingerprint]
        return found.values()

    def _holders(self, message: SignedMessage) -> Iterator[str]:
        """Fingerprints of the certificates sent along that hold the key which the message names."""
        return (name for name, octets in self.sent.items() if self.examined.key_names(octets).intersection(message.issuers))

    def _is_ours(self, message: SignedMessage) -> bool:
        """Whether it claims to be a letter of the list's own, attached to the mail that answers it."""
        return any(not own.names.isdisjoint(message.issuers) for own in self.anchor.certificates)

    def _enter_text(self, verified: Verified, *, among: bool = False) -> None:
        """A text by a key that the log knows. `among` others it may say nothing itself, as around certificates."""
        if (among and is_silent(verified)) or (self.sent and not mentions_statements(verified)):
            self.covers.add(verified.signer)
            self.silent += why_silent(verified) if among else []
            return
        statements = statements_in(verified)
        if is_answer(statements):
            self._enter_answer(statements)
            return
        self._renew(verified.signer)
        for signed in statements:
            if signed.statement.type is StatementType.REQUEST_MEMBERSHIP:
                rule = f"this key is known here, and needs no request: the Admin Contact of .{signed.statement.tld} can attest it"
                raise refusal(signed.statement.line, "known-key", rule)
            if self.membership.founding:
                self._enter_named(signed.statement)
            self._enter_statement(signed)

    def _enter_text_by_new_key(self, message: SignedMessage, unknown: Refused) -> None:
        """A text by a key that the log does not know, whose certificate came along; anything but the few allowed is unknown."""
        admitted = [self._stranger(name) for name in islice(self._holders(message), MAX_CANDIDATES)]
        verified = verify(message, [*admitted, *self.anchor.signers(self.membership).values()], self.at)
        with _said_by(verified.signer):
            self._enter_by_new_key(statements_in(verified), admitted, unknown)

    def _enter_by_new_key(self, statements: tuple[SignedStatement, ...], admitted: list[Certificate], unknown: Refused) -> None:
        if is_answer(statements):
            self._enter_answer(statements)
            return
        for signed in statements:
            if signed.statement.type not in _BY_NEW_KEYS or signed.signer != signed.statement.key:
                raise unknown
            if signed.statement.type is StatementType.REPLACE_KEY:
                self._enter_statement(signed)
            else:
                self._take_request(signed, next(c for c in admitted if c.fingerprint == signed.signer))

    def _stranger(self, fingerprint: str) -> Certificate:
        self.strangers.add(fingerprint)
        if len(self.strangers) > MAX_CERTIFICATES_BY_NEW_KEYS:
            detail = f"texts signed with keys that the log does not know come with at most {MAX_CERTIFICATES_BY_NEW_KEYS} certificates"
            raise Refused("too-many-certificates", detail)
        return self.examined.admitted(self.sent[fingerprint], self.at)

    def _enter_answer(self, statements: tuple[SignedStatement, ...]) -> None:
        """An answer to an invitation: by the ccTLD's Admin Contact it enters; by anybody else it is tried out, and waits."""
        accepting, attesting = statements[0], to_enter(statements)
        in_force = speaks_for(self.membership, accepting)
        if not in_force:
            check_effort(accepting, attesting, self.answers, self.limit)
            if not self.is_token(accepting.statement.token):  # before any certificate of those attested costs anything
                raise unknown_token(accepting.statement)
        with self._all_or_nothing(on_trial=not in_force):
            begun = len(self.entered)
            self._enter_subject(accepting.signer)
            check_accepting(self.membership, accepting, self.anchor, self.at)
            for signed in attesting:
                self._enter_attested(signed, accepting, in_force=in_force)
            notes = () if in_force else tuple(note for entered in self.entered[begun:] for note in entered.notes)
            answer = answer_of(self.membership, statements, self.anchor, self.at, in_force=in_force)
        self.answers.append(dataclasses.replace(answer, notes=notes))

    def _enter_attested(self, signed: SignedStatement, accepting: SignedStatement, *, in_force: bool) -> None:
        try:
            self._enter_named(signed.statement)
            if not in_force:
                check_wording(signed.statement)
                self.membership = as_if_appointed(self.membership, accepting, self.at)
            self._enter_statement(signed)
        except Refused as refused:
            raise refused if in_force else without_others(refused, signed.statement) from None

    def _take_request(self, signed: SignedStatement, certificate: Certificate) -> None:
        self.requests.append(check_request(self.membership, signed, certificate, self.anchor, self.at))
