"""An answer to an invitation is taken if it carries that invitation's token, once."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import Connection

from securelist.errors import Refused
from securelist.procedures.token import number_of
from securelist.store import invitations
from securelist.store.invitations import Answered, Invitation, Outcome
from securelist.store.journal import latest_in
from securelist.store.requests import KEY_REVOKED
from securelist.trust.answer import Answer, unknown_token
from securelist.trust.grammar import refusal


def take_answer(connection: Connection, secret: bytes, answer: Answer, at: int) -> None:
    """Keeps an answer, in the caller's transaction; raises Refused naming line and rule if its token is not good for it.

    Who speaks for the ccTLD already needs no token: what they attest took effect; if it is good, the invitation has ended.
    """
    if answer.in_force:
        with suppress(Refused):
            invitation = _invitation(connection, secret, answer)
            invitations.keep_answer(connection, invitation.id, Answered(answer.signer, answer.made, b"", b"", b""), at)
            invitations.close(connection, invitation.id, Outcome.APPOINTED, at)
        return
    invitation = _invitation(connection, secret, answer)
    if latest_in(connection, KEY_REVOKED, answer.signer):
        raise refusal(answer.said.statement.line, "revoked", f"the key {answer.signer} was revoked; answer with another key")
    kept = Answered(answer.signer, answer.made, answer.evidence, answer.certificate.octets, b"".join(answer.certificates))
    invitations.keep_answer(connection, invitation.id, kept, at)


def _invitation(connection: Connection, secret: bytes, answer: Answer) -> Invitation:
    """The open invitation whose token this is."""
    line = answer.said.statement.line_of("Token")
    number = number_of(secret, answer.token)
    found = invitations.find(connection, number) if number is not None else None
    if found is None:
        raise unknown_token(answer.said.statement)
    if found.cctld != answer.said.statement.tld:
        raise refusal(line, "token-of-another", f"this is the token of the invitation of .{found.cctld}")
    if found.answered:
        raise refusal(line, "used-token", "this invitation was answered already; the Secretariat can send you another")
    if found.closed:
        raise refusal(line, "lapsed-token", f"this invitation is no longer good ({found.outcome}); the Secretariat can send you another")
    return found
