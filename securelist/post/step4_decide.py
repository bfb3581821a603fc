"""Step 4, decide: may this person post this here, now? Pure: no input or output; who posted is who signed, never From."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from securelist.errors import Refused, Step
from securelist.mail.headers import one_mailbox
from securelist.mail.mime import Entity, crlf, read_entity
from securelist.post.addressed import check_addressed
from securelist.post.step3_verify import VerifiedPost
from securelist.trust.membership import Member, Membership


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


_PAST = {"suspended": "is suspended", "withdrawn": "was withdrawn", "expired": "has expired", "dismissed": "has ended"}


def decide(
    post: VerifiedPost, membership: Membership, list_address: str, list_keys: tuple[str, ...], seen: Callable[[str, str], bool], at: int
) -> AcceptedPost:
    """The accepted post; raises Refused ("not-a-member", "bad-from", "foreign-from", "not-addressed-to-the-list", "duplicate")."""
    poster = _poster(post.verified.signer, membership, at)
    content = _content(post)
    _check_from(post.opened.received.mail, content, poster, membership, at)
    check_addressed(content, post.verified.intended, list_address, list_keys)
    digest = hashlib.sha256(crlf(post.verified.content)).hexdigest()
    if seen(poster.fingerprint, digest):
        raise Refused("duplicate", "the list has this post already; it goes out once", Step.DECIDE)
    return AcceptedPost(post, poster, content, digest)


def _poster(signer: str, membership: Membership, at: int) -> Poster:
    member = membership.member_by_key(signer, at)
    if member is not None and member.state not in _PAST:
        return Poster(signer, member.name, member.emails[0], member.cctld, member.entry)
    if signer in membership.roots:
        return Poster(signer, "Secretariat", "", "", 1)
    for former in membership.members(at, all=True):
        if former.fingerprint == signer:
            raise Refused("not-a-member", f"the membership of {former.emails[0]} {_PAST[former.state]}", Step.DECIDE)
    raise Refused("not-a-member", "the key that signed this is not a member's", Step.DECIDE)


def _content(post: VerifiedPost) -> Entity:
    """The signed MIME entity; what was inline has no header that anybody signed."""
    content = post.verified.content
    if post.opened.inline:
        return Entity(read_entity(b"\n").fields, b"", content)
    try:
        return read_entity(content)
    except Refused as refused:
        if refused.reason != "not-a-mail":
            raise
        detail = "what was signed is no MIME entity: it does not begin with header fields, such as Content-Type (RFC 3156, 4)"
        raise Refused("not-mime", detail, Step.DECIDE) from None


def _check_from(mail: Entity, content: Entity, poster: Poster, membership: Membership, at: int) -> None:
    """From, outside and where it is signed, is one mailbox and not that of another member."""
    named = [one_mailbox(mail)] + ([one_mailbox(content)] if content.all("From") else [])
    for mailbox in named:
        owner = membership.member_by_address(mailbox.address, at)
        if owner is not None and owner.fingerprint != poster.fingerprint:
            raise Refused("foreign-from", "From names another member than the one who signed", Step.DECIDE)


def recipients(accepted: AcceptedPost, members: tuple[Member, ...], copy_to_poster: bool) -> tuple[Member, ...]:
    """The members to whom the post goes: all of them, the poster too unless a setting says otherwise."""
    return tuple(m for m in members if m.state != "suspended" and (copy_to_poster or m.fingerprint != accepted.poster.fingerprint))
