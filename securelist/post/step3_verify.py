"""Step 3, verify: exactly one signature over everything, both engines agree, and it is neither old nor from the future."""

from __future__ import annotations

from dataclasses import dataclass

from securelist.errors import Refused, Step
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
    """The verified post; raises Refused ("unknown-signer", "bad-signature", "engines-differ", "too-old", "from-the-future")."""
    if opened.message.claimed > at + MAX_AHEAD_S:
        ahead = f"the signature is dated more than {MAX_AHEAD_S // 60} minutes ahead; check your clock"
        raise Refused("from-the-future", ahead, Step.VERIFY)
    verified = verify(opened.message, certificates, at)
    check_age(verified.made, at)
    return VerifiedPost(opened, verified)


def check_age(made: int, at: int) -> None:
    """Raises Refused("too-old") for a signature made more than MAX_AGE_S before `at`."""
    if made < at - MAX_AGE_S:
        raise Refused("too-old", f"the signature is older than {MAX_AGE_S // 86400} days; sign and send it again", Step.VERIFY)
