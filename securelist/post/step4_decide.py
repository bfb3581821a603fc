"""Step 4, decide: may this person post this here, now? Pure: no input or output; who posted is who signed, never From."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from securelist.errors import Refused, Step
from securelist.mail.addresses import same_address
from securelist.mail.mime import Entity, crlf, read_entity
from securelist.mail.robots import is_automatic
from securelist.post.addressed import check_addressed, check_is_post
from securelist.post.memory import Memory
from securelist.post.names import SECRETARIAT
from securelist.post.readings import readings
from securelist.post.step3_verify import VerifiedPost
from securelist.trust.membership import Member, Membership
from securelist.trust.text import is_entity


@dataclass(frozen=True)
class Poster:
    """Who signed: a member, or a trust root making an announcement (then `cctld` and `address` are empty)."""

    fingerprint: str
    name: str
    address: str
    cctld: str
    entry: int
    """Number of the log entry that makes this key a member's or a root's."""

    @property
    def announcement(self) -> bool:
        """Whether a trust root speaks, not a member."""
        return not self.cctld


@dataclass(frozen=True)
class AcceptedPost:
    """A post that will be relayed. `content` is the signed entity; its fields are covered by the signature."""

    post: VerifiedPost
    poster: Poster
    content: Entity
    digest: str
    wants_receipt: bool = True
    """False if what was signed says `Securelist-Receipt: no`."""


# Anything of a mail's or a MIME entity's own header (RFC 5322, 3.6; RFC 2045, 3): mail programs sign some of these.
_MAIL_FIELD = re.compile(rb"^(?:content-[a-z-]+|mime-version|subject|from|to|cc|date|message-id)[ \t]*:", re.IGNORECASE | re.MULTILINE)
RECEIPT_FIELD, NO_RECEIPT = "Securelist-Receipt", "no"
_PAST = {"suspended": "is suspended", "withdrawn": "was withdrawn", "expired": "has expired", "dismissed": "has ended"}


def decide(
    post: VerifiedPost,
    membership: Membership,
    list_address: str,
    list_keys: tuple[str, ...],
    memory: Memory,
    at: int,
) -> AcceptedPost:
    """The accepted post, by the list's address, the fingerprints of its keys, and what it remembers.

    Raises Refused ("not-a-member", "foreign-from", "not-mime", "not-addressed-to-the-list", "statement-as-post", "duplicate", …).
    """
    poster = _poster(post.verified.signer, membership, at)
    content = _content(post)
    _check_from(post.opened.received.mail, content, poster, membership, at)
    if is_automatic(content, None):  # a program that answers by itself may encrypt and sign, and say what it is inside only
        raise Refused("automatic", "what was signed says that a machine wrote it (RFC 3834); the list takes posts from people", Step.DECIDE)
    check_addressed(content, post.verified.intended, list_address, list_keys)
    check_is_post(post.verified, content, list_address, ordered=memory.ordered(post.verified))
    digest = content_digest(post.verified.content)
    if before := memory.posted(poster.fingerprint, digest):
        raise _duplicate(before, post.verified.made)
    return AcceptedPost(post, poster, content, digest, wants_receipt=not _declines(content))


def _duplicate(before: int, made: int) -> Refused:
    refused = Refused("duplicate", "the list has this post already; it goes out once", Step.DECIDE)
    if made > before:  # nobody but the poster can have signed it since: it is not the former mail, sent once more by whoever has it
        refused.again = (before, made)
    return refused


def _declines(content: Entity) -> bool:
    """Whether the poster wants no receipt; a field that nobody signed says nothing."""
    return any(value.strip().lower() == NO_RECEIPT for value in content.all(RECEIPT_FIELD))


def content_digest(content: bytes) -> str:
    """What makes a post the same again: what was signed, and not how; line ends may differ under one signature (RFC 9580, 5.2.1.2)."""
    return hashlib.sha256(crlf(content)).hexdigest()


def _poster(signer: str, membership: Membership, at: int) -> Poster:
    member = membership.member_by_key(signer, at)
    if member and member.state not in _PAST:
        return Poster(signer, member.name, member.emails[0], member.cctld, member.entry)
    if signer in membership.roots:
        return Poster(signer, SECRETARIAT, "", "", 1)
    for former in (member, *membership.members(at, all=True)):
        if former and former.fingerprint == signer:
            raise Refused("not-a-member", f"the membership of {former.emails[0]} {_PAST[former.state]}", Step.DECIDE)
    raise Refused("not-a-member", "the key that signed this is not a member's", Step.DECIDE)


def _content(post: VerifiedPost) -> Entity:
    """The signed MIME entity; what was inline has no header that anybody signed."""
    content = post.verified.content
    if post.opened.inline:
        if is_entity(content):
            # Whoever got a private PGP/MIME mail could hide in this form what it says of sender and recipients.
            raise Refused(
                "mime-inline", "what was signed is a MIME entity; send it as it was written, as PGP/MIME (RFC 3156, 4)", Step.DECIDE
            )
        return Entity(read_entity(b"\n").fields, b"", content)
    detail = "what was signed is no MIME entity: it does not begin with header fields, such as Content-Type (RFC 3156, 4)"
    try:
        entity = read_entity(content)
    except Refused as refused:
        if refused.reason != "not-a-mail":
            raise
        raise Refused("not-mime", detail, Step.DECIDE) from None
    if entity.head and not _MAIL_FIELD.search(entity.head):
        # The first paragraph of a plain text may look like a header, "Warning: a drill"; as one, nobody would read it.
        raise Refused("not-mime", detail, Step.DECIDE)
    return entity


def _check_from(mail: Entity, content: Entity, poster: Poster, membership: Membership, at: int) -> None:
    """From, outside and where it is signed, is one mailbox; no address in it, in name or comment either, is another member's."""
    found = [*readings(mail), *(readings(content) if content.all("From") else ())]
    own, others = set[str](), set[str]()
    for attestation in membership.attestations.values():
        if attestation.in_force(at):
            addresses = own if attestation.fingerprint == poster.fingerprint else others
            addresses.update(map(same_address, attestation.person.emails))
    found = [reading.without(own) for reading in found]  # an address that two members share is the poster's, too
    if any(reading.names(address) for reading in found for address in others):
        raise Refused("foreign-from", "From names another member than the one who signed", Step.DECIDE)


def recipients(accepted: AcceptedPost, members: tuple[Member, ...], copy_to_poster: bool) -> tuple[Member, ...]:
    """The members to whom the post goes: all of them, the poster too unless a setting says otherwise."""
    return tuple(m for m in members if m.state != "suspended" and (copy_to_poster or m.fingerprint != accepted.poster.fingerprint))
