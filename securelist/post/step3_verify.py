"""Step 3, verify: exactly one signature over everything, both engines agree, and it is neither old nor from the future."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from securelist.errors import Refused, Step
from securelist.openpgp.admission import weakness
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.signed import MAX_AHEAD_S, Verified, verify
from securelist.post.step2_open import Opened

# A mail server tries for five days (RFC 5321, 4.5.4.1); two more for a laptop that was closed.
MAX_AGE_S = 7 * 24 * 3600


@dataclass(frozen=True)
class VerifiedPost:
    """A post of which both engines said who signed it."""

    opened: Opened
    verified: Verified


def verify_post(opened: Opened, certificates: tuple[Certificate, ...], at: int) -> VerifiedPost:
    """The verified post; raises Refused ("unknown-signer", "bad-signature", "weak-key", "engines-differ", "too-old", …)."""
    if opened.message.claimed > at + MAX_AHEAD_S:
        ahead = f"the signature is dated more than {MAX_AHEAD_S // 60} minutes ahead; check your clock"
        raise Refused("from-the-future", ahead, Step.VERIFY)
    check_strength(opened.message.issuers, certificates)  # first: of some weak keys the engines think differently, which is told
    verified = verify(opened.message, certificates, at)
    check_strength((verified.key,), certificates)
    check_age(verified.made, at)
    return VerifiedPost(opened, verified)


def check_strength(names: Collection[str], certificates: tuple[Certificate, ...]) -> None:
    """A certificate is admitted for what is strong in it; none of its keys (by fingerprint or key ID) that is not may sign.

    Raises Refused("weak-key").
    """
    for key in (key for certificate in certificates if not certificate.names.isdisjoint(names) for key in certificate.keys):
        if (key.fingerprint in names or key.key_id in names) and (weak := weakness(key)):
            raise Refused("weak-key", f"the key that signed this cannot be used here: {weak}; sign with another one", Step.VERIFY)


def check_age(made: int, at: int) -> None:
    """Raises Refused("too-old") for a signature made more than MAX_AGE_S before `at`."""
    if made < at - MAX_AGE_S:
        raise Refused("too-old", f"the signature is older than {MAX_AGE_S // 86400} days; sign and send it again", Step.VERIFY)
