"""Signed texts before they are entered: what may become evidence, what says nothing, and what has to wait for others.

People sign a file with gpg and attach it to a mail, which their mail client signs, too; or write "here is my certificate" in
a mail that is signed. Such a text says nothing itself, and must not keep out what came with it.
"""

from __future__ import annotations

from securelist.errors import Refused
from securelist.openpgp.signed import SignedMessage, Verified, read_signed
from securelist.trust.grammar import BEGIN, begins_statement
from securelist.trust.statement import StatementType
from securelist.trust.text import text_of
from securelist.trust.verified import statements_in

# Of one signed text, unpacked as it becomes evidence: fifty statements, with a dozen certificates attached. The log keeps it
# for good, and its export has to carry it (export.MAX_LINE_OCTETS, MAX_OCTETS).
MAX_TEXT_OCTETS = 256 * 1024


def read_text(octets: bytes) -> SignedMessage:
    """The signed message in `octets`, if it may become evidence; raises Refused."""
    try:
        message = read_signed(octets, MAX_TEXT_OCTETS)
    except Refused as refused:
        raise _too_large() if refused.reason == "too-large" else refused from None
    if len(message.octets) > MAX_TEXT_OCTETS:
        raise _too_large()
    if message.expires:
        # The log is verified for as long as it is kept, by an engine that asks what is valid today.
        raise Refused("signature-expires", "the signature has an end; a statement needs one without: gpg --default-sig-expire 0")
    return message


def _too_large() -> Refused:
    advice = "send what is attached beside the signed text, or without the signatures of others"
    return Refused("text-too-large", f"a signed text has at most {MAX_TEXT_OCTETS // 1024} KiB, attachments included; {advice}")


def mentions_statements(verified: Verified) -> bool:
    """Whether a signed text looks like a statement, be it a quoted one; what holds certificates alone, or HTML beside them, does not."""
    try:
        return BEGIN.lower() in text_of(verified.content).lower()
    except Refused as refused:
        if refused.reason != "no-statement":
            raise
        return False


def is_silent(signed: SignedMessage | Verified) -> bool:
    """Whether no line of a text begins a statement: nobody means it to be one. Of one that is not verified, by what it claims to hold.

    What cannot be read is not silent: whoever verifies it says why.
    """
    content = signed.content
    if isinstance(signed, SignedMessage) and signed.form == "clearsigned":
        content = signed.octets.replace(b"\n- ", b"\n")  # any line may be dash-escaped (RFC 9580, 7.2)
    try:
        return not begins_statement(text_of(content))
    except Refused as refused:
        return refused.reason == "no-statement"


def why_silent(verified: Verified) -> list[Refused]:
    """What its signer is told if nothing else speaks: where the statement might have been meant."""
    try:
        statements_in(verified)
    except Refused as refused:
        refused.signer = verified.signer
        return [refused]
    return []


def comes_later(verified: Verified) -> bool:
    """Whether a text by a known key may rest on another that came with it, in whatever order they came.

    A key's consent to replace another counts after the other's own signature; an answer to an invitation, after the appointment.
    """
    if is_silent(verified):
        return False
    for signed in statements_in(verified):
        said = signed.statement
        if said.type is StatementType.ACCEPT_INVITATION or (said.type is StatementType.REPLACE_KEY and said.key == verified.signer):
            return True
    return False
