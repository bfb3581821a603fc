"""Every error that leaves this package, under one root.

Each carries a short stable code (`reason`), one sentence that is safe to show to the person who caused it (`detail`:
no plaintext, no key material, no library's text), an exit status from sysexits(3), and the SMTP reply it becomes.
"""

from __future__ import annotations

from enum import StrEnum


class Step(StrEnum):
    """The steps a post takes, in their order; a refusal names the one that refused."""

    RECEIVE = "receive"
    OPEN = "open"
    VERIFY = "verify"
    DECIDE = "decide"
    COMPOSE = "compose"
    SEAL = "seal"
    COMMIT = "commit"


class SecurelistError(Exception):
    """Root of all errors of this package: stable code, safe sentence, exit status, SMTP reply."""

    exit_status = 70
    smtp_reply = "451 4.3.0 Not done, please try again later"

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class UsageError(SecurelistError):
    """The command was called in a way that cannot work (sysexits EX_USAGE)."""

    exit_status = 64


class Refused(SecurelistError):
    """The input was understood and breaks a rule (EX_DATAERR); the same for every cause towards an SMTP peer.

    `step` is where on a post's way, and `signer` the fingerprint of who signed it, once that is verified. `quiet`: an SMTP peer
    hears that it was taken, because the refusal would tell it what the list knows of others. `again`: of a post that its signer signed
    anew, when the same words were posted, and when they were signed this time (Unix seconds).
    """

    exit_status = 65
    smtp_reply = "550 5.7.1 Not accepted for this list"

    def __init__(self, reason: str, detail: str, step: Step | None = None) -> None:
        super().__init__(reason, detail)
        self.step = step
        self.signer: str | None = None
        self.quiet = False
        self.again: tuple[int, int] | None = None


class Unavailable(SecurelistError):
    """Something this needs is absent, a program or a service (EX_UNAVAILABLE)."""

    exit_status = 69


class TryAgain(SecurelistError):
    """Our own trouble; the same input may succeed later (EX_TEMPFAIL, SMTP 451)."""

    exit_status = 75


class NotPermitted(SecurelistError):
    """File permissions or ownership forbid it (EX_NOPERM)."""

    exit_status = 77


class ConfigurationError(SecurelistError):
    """The installation is not set up right (EX_CONFIG)."""

    exit_status = 78
