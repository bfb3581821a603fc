"""The way of a post: seven steps, in this order, inside the SMTP DATA command. Read this first.

Each step takes the frozen value of the one before, so none can be left out. `securelist post check` walks the same steps
up to the last, which alone changes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine

from securelist.config import Config
from securelist.errors import Refused, Step
from securelist.mail.letterhead import Letterhead
from securelist.openpgp.list_key import ListKey
from securelist.post.memory import Memory
from securelist.post.step1_receive import receive
from securelist.post.step2_open import open_post
from securelist.post.step3_verify import verify_post
from securelist.post.step4_decide import decide, recipients
from securelist.post.step5_compose import Composed, compose
from securelist.post.step6_seal import Sealed, Sealer
from securelist.post.step7_commit import commit
from securelist.store import queue
from securelist.trust.anchor import Anchor
from securelist.trust.membership import Membership

Tell = Callable[[Step, str], None]
"""Told after each step what it found, in one clause."""


@dataclass(frozen=True)
class Relayed:
    """A post that was accepted: who posted it and its number in the queue (0 after a check)."""

    poster: str
    post_id: int


@contextmanager
def at_step(step: Step, signer: str | None = None) -> Iterator[None]:
    """A refusal inside names this step, unless it names one itself, and the signer where that is known."""
    try:
        yield
    except Refused as refused:
        refused.step, refused.signer = refused.step or step, refused.signer or signer
        raise


@dataclass(frozen=True)
class Way:
    """The way of a post through one list; its parts come in from outside."""

    config: Config
    engine: Engine
    list_key: ListKey
    list_key_ids: frozenset[str]
    anchor: Anchor
    letterhead: Letterhead
    sealer: Sealer
    membership: Callable[[], Membership]

    def relay(self, octets: bytes, mail_from: str | None, at: int, in_time: Callable[[], None], tell: Tell) -> Relayed:
        """Takes one post the whole way. Raises Refused naming rule and step, or TryAgain; then nothing remains of it."""
        composed, sealed = self._up_to_seal(octets, mail_from, at, tell)
        # 7. commit: sealed body and one small row per copy, in one transaction.
        with at_step(Step.COMMIT, composed.accepted.poster.fingerprint):
            post_id = commit(self.engine, composed, sealed, self.config, at, in_time)
        tell(Step.COMMIT, f"post {post_id}, {len(sealed.copies)} copies")
        return Relayed(composed.accepted.poster.fingerprint, post_id)

    def check(self, octets: bytes, mail_from: str | None, at: int, tell: Tell) -> Relayed:
        """Takes one post the same way but for the last step: says what would happen and changes nothing."""
        composed, _ = self._up_to_seal(octets, mail_from, at, tell)
        return Relayed(composed.accepted.poster.fingerprint, 0)

    def _up_to_seal(self, octets: bytes, mail_from: str | None, at: int, tell: Tell) -> tuple[Composed, Sealed]:
        membership, memory = self.membership(), Memory(self.engine)
        # 1. receive: size, header block, loops, automatic mail.
        with at_step(Step.RECEIVE):
            received = receive(octets, mail_from, self.config.list_id)
        tell(Step.RECEIVE, f"a mail of {len(octets)} octets, {received.mail.content_type}")
        # 2. open: one encrypted object around everything; decrypt it, one layer only.
        with at_step(Step.OPEN):
            opened = open_post(received, self.list_key, self.list_key_ids)
        tell(Step.OPEN, f"encrypted to the list; inside, a {opened.message.form} signature")
        # 3. verify: one signature over everything; GnuPG and Sequoia agree.
        with at_step(Step.VERIFY):
            post = verify_post(opened, tuple(self.anchor.signers(membership).values()), at)
        tell(Step.VERIFY, f"GnuPG and Sequoia agree: signed by {post.verified.signer}, {at - post.verified.made} s ago")
        # 4. decide: an active member (or a trust root); From, recipients, seen before, not too many in an hour.
        with at_step(Step.DECIDE, post.verified.signer):
            accepted = decide(post, membership, self.config.list, self.anchor.keys, memory, at)
            queue.check_rate(queue.posted(self.engine, accepted.poster.fingerprint, at), self.config.posts_per_hour)
        tell(Step.DECIDE, f"posted by {accepted.poster.name}{f', .{accepted.poster.cctld}' if accepted.poster.cctld else ''}")
        # 5. compose: what members will read, headers from an allow-list.
        with at_step(Step.COMPOSE, accepted.poster.fingerprint):
            composed = compose(accepted, membership, self.letterhead, memory.has_message_id, at)
        tell(Step.COMPOSE, f"{len(composed.mail.payload)} octets as {composed.message_id}")
        # 6. seal: sign once, encrypt once, wrap the session key for each member.
        with at_step(Step.SEAL, accepted.poster.fingerprint):
            members = recipients(accepted, membership.members(at), self.config.copy_to_poster)
            sealed = self.sealer.seal(composed.mail, members, membership.certificates, at)
        unreachable = {copy.fingerprint for copy in sealed.copies if copy.unreachable}
        tell(Step.SEAL, f"for {len(members)} members, of whom {len(unreachable)} cannot be reached")
        return composed, sealed
