"""The desk where reports about copies arrive: what each does to its copy, and to the address. It answers nobody, and drops nobody.

The token in the recipient's address says which copy it is about, and nothing in the mail does. A report changes a copy that was handed
over, once; anything else at a bounce address changes nothing.
"""

from __future__ import annotations

from sqlalchemy import Connection

from securelist.bounces.report import DELAYED, Failure, read_report
from securelist.delivery.backoff import is_old, next_attempt
from securelist.delivery.bounce_token import copy_of, read_secret
from securelist.delivery.status import HARD, SOFT, UNFIT
from securelist.errors import Refused, Step, TryAgain
from securelist.installation import Installation
from securelist.mail.addresses import same_address
from securelist.store import addresses, queue, reports
from securelist.store.database import reading, writing
from securelist.store.reports import Sent

# Where a report says several things of one address (it was an alias), the gravest holds.
_GRAVEST_FIRST = (HARD, UNFIT, SOFT, DELAYED)


class BounceDesk:
    """Takes the mail to one installation's bounce addresses."""

    def __init__(self, house: Installation) -> None:
        self._house = house

    def take(self, token: str, octets: bytes, mail_from: str | None, at: int) -> str:
        """What became of a mail to `LIST-bounces+TOKEN`, in one sentence. `mail_from` is its return path, `at` is Unix seconds.

        Raises Refused("not-ours"); TryAgain for a report that came before it is recorded that its copy was handed over.
        """
        copy = self._copy(token)
        failures = read_report(octets, mail_from) if copy.state in (queue.DELIVERED, queue.QUEUED) else ()
        if not failures:
            return "it changes nothing"
        if copy.state == queue.QUEUED:
            if copy.held > at:
                raise TryAgain("not-yet", "the copy is being handed over just now")
            return "it changes nothing: the copy will be sent again anyway"
        with writing(self._house.engine) as connection:
            return _apply(connection, copy, failures, at)

    def _copy(self, token: str) -> Sent:
        copy_id = copy_of(read_secret(self._house.home), token)
        if copy_id is not None:
            with reading(self._house.engine) as connection:
                copy = reports.find(connection, copy_id)
            if copy is not None:
                return copy
        raise Refused("not-ours", "this bounce address was not made here, or its post is forgotten", Step.DECIDE)


def _apply(connection: Connection, copy: Sent, failures: tuple[Failure, ...], at: int) -> str:
    failure = _about(copy, failures)
    if failure is None:
        return "it changes nothing: it is about another address"
    if failure.kind == DELAYED:
        reports.delay(connection, copy, failure.why)
        return f"copy {copy.id} is on its way"
    due = _next_attempt(copy, at) if failure.kind == SOFT else None
    if due is not None:
        reports.send_again(connection, copy, failure.why, due, at)
        return f"copy {copy.id} will be sent again"
    if reports.fail(connection, copy, failure.why, at) and failure.kind != UNFIT:
        addresses.mark(connection, copy.recipient, failure.why, at, by_report=True, passing=failure.kind == SOFT)
    return f"copy {copy.id} has failed"


def _about(copy: Sent, failures: tuple[Failure, ...]) -> Failure | None:
    """What is said of the address that the copy went to, or of nobody by name; not of those behind an alias, some of whom have it."""
    meant = [one for one in failures if one.recipient in ("", same_address(copy.recipient))]
    return min(meant, key=lambda one: _GRAVEST_FIRST.index(one.kind), default=None)


def _next_attempt(copy: Sent, at: int) -> int | None:
    """When the copy is sent again, as if the next hop had said so itself; None: it is too old, or its body was deleted."""
    return None if is_old(copy.accepted, at) or not copy.has_body else next_attempt(copy.accepted, copy.attempts, at)
