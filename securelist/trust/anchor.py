"""What is known without the log: the list's address and certificates, and the trust roots that somebody holds in hand."""

from __future__ import annotations

from dataclasses import dataclass

from securelist.openpgp.certificate import Certificate
from securelist.trust.certificates import as_known, joined
from securelist.trust.membership import Membership


@dataclass(frozen=True)
class Anchor:
    """An installation takes it from its state directory; whoever verifies an export, from the files given with `--root`."""

    list: str
    certificates: tuple[Certificate, ...]
    """The list's own, in the order in which they were made; a list that never replaced its key has one."""
    roots: tuple[Certificate, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The fingerprints of the list's keys, in that order."""
        return tuple(certificate.fingerprint for certificate in self.certificates)

    def root(self, fingerprint: str) -> Certificate | None:
        """The certificate of this given trust root."""
        return next((root for root in self.roots if root.fingerprint == fingerprint), None)

    @property
    def compromised(self) -> frozenset[str]:
        """Fingerprints of the given roots' keys that are revoked as compromised."""
        return frozenset().union(*(root.compromised for root in self.roots))

    def signers(self, membership: Membership, at: int | None = None) -> dict[str, Certificate]:
        """The certificates under which a signature may verify now, or may have at `at`: the log's, and the given roots'.

        A root's own file and the log's certificate of it are joined: a revocation that either knows of counts. But what a
        file says of a later time was not known at `at`; whether it voids what was signed then, the rules decide.
        """
        found = dict(membership.certificates)
        for root in self.roots:
            given = root if at is None else as_known(root, at)
            found[root.fingerprint] = joined(given, found.get(root.fingerprint, given))
        return found
