"""The worker: leases what is due, asks again whether each copy may leave, hands it over, records the answer at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Engine

from securelist.config import Config
from securelist.delivery import next_hop as hop
from securelist.delivery.backoff import is_old, next_attempt
from securelist.delivery.bounce_token import make_token, read_secret
from securelist.delivery.copy import assemble, assemble_public
from securelist.delivery.status import UNFIT, judged
from securelist.mail.addresses import Role, address_for, same_address
from securelist.store import addresses, queue
from securelist.store.database import reading, recording
from securelist.store.journal import note
from securelist.store.queue import LeasedCopy, Outcome
from securelist.store.worker_name import own_name

# How many copies one lease takes: enough that leasing costs nothing beside sending, few enough to share with others.
BATCH = 100
# A lease with less time left is not used: a hand-over can take this long with every timeout of next_hop.py.
HAND_OVER_AT_MOST_S = 900

StillMember = Callable[[str, str], bool]
"""Whether the certificate with this fingerprint is still that of a member who gets mail at this address."""


@dataclass
class Counts:
    """What one round did, in copies; `down` holds the next hop's words if it was out of reach."""

    delivered: int = 0
    later: int = 0
    failed: int = 0
    withdrawn: int = 0
    down: str = ""

    @property
    def settled(self) -> int:
        """How many came to their end."""
        return self.delivered + self.failed + self.withdrawn

    def and_then(self, later: Counts) -> Counts:
        """This round and a later one in one."""
        delivered, failed, withdrawn = self.delivered + later.delivered, self.failed + later.failed, self.withdrawn + later.withdrawn
        return Counts(delivered, self.later + later.later, failed, withdrawn, later.down or self.down)


def deliver_due(
    engine: Engine,
    config: Config,
    next_hop: hop.NextHop,
    still_member: StillMember,
    now: Callable[[], int],
    stop: threading.Event | None = None,
) -> Counts:
    """One round: every copy that is due, or until the next hop is out of reach, or `stop` is set.

    `now` gives Unix seconds. Copies that were not tried stay due. One round at a time in one process.
    """
    run = _Round(engine, config, next_hop, still_member, now, stop or threading.Event())
    try:
        run.all()
    finally:
        queue.release(engine, run.worker, run.counts.down)
        run.report()
    return run.counts


class _Round:
    def __init__(
        self,
        engine: Engine,
        config: Config,
        next_hop: hop.NextHop,
        still_member: StillMember,
        now: Callable[[], int],
        stop: threading.Event,
    ) -> None:
        self._engine, self._config, self._next_hop, self._still_member, self._now = engine, config, next_hop, still_member, now
        self._stop = stop
        self._secret = read_secret(config.home)
        self._cached: tuple[int, tuple[bytes, bytes] | None] | None = None
        self._refused: set[str] | None = None
        """The addresses that a next hop refused last, as compared; read once a round."""
        self.worker = own_name()
        self.counts = Counts()

    def all(self) -> None:
        while not self._stop.is_set() and not self.counts.down:
            batch = queue.lease(self._engine, self.worker, self._now(), BATCH)
            if not batch:
                return
            # Post by post, so that each body is read once.
            batch.sort(key=lambda c: (c.post_id, c.due, c.id))
            self._hand_over(batch)
            queue.release(self._engine, self.worker, self.counts.down)

    def report(self) -> None:
        if self.counts.delivered:
            with recording(self._engine) as connection:
                note(connection, self._now(), "delivered", "", f"{self.counts.delivered} copies")

    def _hand_over(self, batch: list[LeasedCopy]) -> None:
        for place, copy in enumerate(batch):
            if self._stop.is_set() or copy.leased_until - self._now() < HAND_OVER_AT_MOST_S:
                return
            self._one(copy)
            if self.counts.down:
                self._charge_the_old(batch[place:])
                return

    def _charge_the_old(self, untried: list[LeasedCopy]) -> None:
        """While the next hop is down nobody loses an attempt, so that all goes out once it is back; but five days end it."""
        for copy in untried:
            if is_old(copy.accepted, self._now()):
                self._record(copy, self._outcome(copy, hop.Answer(hop.LATER, self.counts.down)))

    def _one(self, copy: LeasedCopy) -> None:
        # Letters (receipts, explanations) go to people who need not be members.
        if copy.kind in (queue.POST, queue.CONTACTS) and not self._still_member(copy.fingerprint, copy.recipient):
            self.counts.withdrawn += 1
            self._record(copy, Outcome(queue.WITHDRAWN, "no longer a member's when it should have left"))
            return
        content = self._content_of(copy.post_id)
        if content is None:
            self._record(copy, self._outcome(copy, hop.Answer(hop.NEVER, "the post was forgotten")))
            return
        headers, body = content
        mail = assemble_public(headers, body) if copy.kind == queue.PUBLIC else assemble(headers, copy.key_packets, body)
        sender = address_for(Role.BOUNCES, self._config.list, make_token(self._secret, copy.id))
        answer = self._next_hop.hand_over(sender, copy.recipient, mail)
        if answer.kind == hop.DOWN:
            self.counts.down = answer.text
        else:
            self._record(copy, self._with_address(copy, answer, self._outcome(copy, answer)))

    def _with_address(self, copy: LeasedCopy, answer: hop.Answer, outcome: Outcome) -> Outcome:
        """The outcome with what the next hop's answer says of the address. That it takes a copy clears no mark that a report made."""
        address, refused = same_address(copy.recipient), self._refused_addresses()
        if outcome.state == queue.FAILED and answer.of_address and judged(answer.text) != UNFIT:
            refused.add(address)
            return replace(outcome, works=False)
        if outcome.state == queue.DELIVERED and address in refused:
            refused.remove(address)
            return replace(outcome, works=True)
        return outcome

    def _refused_addresses(self) -> set[str]:
        if self._refused is None:
            with reading(self._engine) as connection:
                self._refused = {address for address, mark in addresses.marks(connection).items() if not mark.by_report}
        return self._refused

    def _content_of(self, post_id: int) -> tuple[bytes, bytes] | None:
        if self._cached is None or self._cached[0] != post_id:
            self._cached = (post_id, queue.content_of(self._engine, post_id))
        return self._cached[1]

    def _outcome(self, copy: LeasedCopy, answer: hop.Answer) -> Outcome:
        if answer.kind == hop.OK:
            self.counts.delivered += 1
            return Outcome(queue.DELIVERED, answer.text)
        due = next_attempt(copy.accepted, copy.attempts + 1, self._now()) if answer.kind == hop.LATER else None
        if due is None:
            self.counts.failed += 1
            return Outcome(queue.FAILED, answer.text)
        self.counts.later += 1
        return Outcome(queue.QUEUED, answer.text, due)

    def _record(self, copy: LeasedCopy, outcome: Outcome) -> None:
        queue.record(self._engine, copy, outcome, self._now())
