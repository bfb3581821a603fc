"""Commands by mail: read from a signed text, carried out one after the other, and each answered by a letter, encrypted to its sender.

A command that changes something works once: whoever mails a trust root's letter a second time, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from securelist.addressees import Addressees
from securelist.commands import COMMANDS, Answer, Ask, Command, Sender, commands_for
from securelist.errors import Refused, Step
from securelist.installation import Installation
from securelist.letters import Addressee, Facts
from securelist.mail.addresses import Role, address_for
from securelist.mail.mime import read_entity
from securelist.orders import MAX_QUOTED, Order, Orders, digest_of
from securelist.post.addressed import check_addressed
from securelist.procedures.dates import day
from securelist.store import commands
from securelist.trust.text import is_entity


@dataclass(frozen=True)
class Taken:
    """A request that was carried out: what happened in one sentence, and who asked (fingerprint)."""

    reason: str
    detail: str
    signer: str


class CommandDesk:
    """Carries out commands for one installation."""

    def __init__(self, house: Installation) -> None:
        self._house, self._people = house, Addressees(house)

    def carry_out(self, orders: Orders, sender: Sender, at: int, in_time: Callable[[], None]) -> Taken:
        """Carries out each line and answers it by a letter. Raises the first Refused if none was carried out, and TryAgain."""
        if orders.are_meant:  # otherwise it may be a post, which nobody can stop by mailing it here first
            commands.remember(self._house.engine, sender.verified.signer, digest_of(sender.verified, place=0), at)
        to, refusals, done = self._people.of(sender.verified.signer, at), list[Refused](), list[str]()
        for order in orders.lines:
            try:
                done.append(self._answer(order, orders, to, sender, at, in_time))
            except Refused as refused:
                refusals.append(refused)
                self._write(_refusal(order, sender, refused), order, orders, to, sender, at)
        if not done:
            refusals[0].step, refusals[0].signer = Step.DECIDE, sender.verified.signer
            raise refusals[0]
        return Taken("accepted", "; ".join(done), sender.verified.signer)

    def _answer(self, order: Order, orders: Orders, to: Addressee | None, sender: Sender, at: int, in_time: Callable[[], None]) -> str:
        """Carries out a command and writes its letter; says what was done in a sentence. Raises Refused, TryAgain."""
        command = COMMANDS[order.word]
        if command.by_roots and not sender.is_root:
            raise Refused("secretariat-only", f"only the Secretariat can send {order.word}")
        in_time()
        # Whoever mails such a command again and again must not have its answer worked out each time.
        kind = command.answered_by(order)
        if kind and not (to and self._house.letters.is_due(kind, to, at, digest_of(sender.verified, order.place))):
            return f"{order.word} was answered before, or cannot be: no usable key, or too many today"
        answer = self._run(command, order, sender, at, in_time)
        told = self._write(answer, order, orders, to, sender, at)
        return answer.sentence if told else f"{answer.sentence}; no answer: no usable key, or too many today"

    def _run(self, command: Command, order: Order, sender: Sender, at: int, in_time: Callable[[], None]) -> Answer:
        return command.run(Ask(self._house, order, sender, at, lambda connection: self._once(connection, order, sender, at, in_time)))

    @contextmanager
    def _once(self, connection: Connection, order: Order, sender: Sender, at: int, in_time: Callable[[], None]) -> Iterator[None]:
        """Around what a command changes, in its transaction: what raises inside has changed nothing, and the mail may come again."""
        verified = sender.verified
        content = read_entity(verified.content if is_entity(verified.content) else b"\n")
        request = address_for(Role.REQUEST, self._house.config.list)
        check_addressed(content, verified.intended, request, self._house.anchor.keys)
        if before := commands.claim(connection, verified.signer, digest_of(verified, order.place), at, order.word):
            raise Refused("duplicate", f"the same mail came on {day(before)}, and its commands were carried out then")
        yield
        in_time()

    def _write(self, answer: Answer, order: Order, orders: Orders, to: Addressee | None, sender: Sender, at: int) -> bool:
        """One letter of a kind for one command in one mail, however often that mail comes."""
        if to is None:
            return False
        facts: Facts = {"left_out": orders.left_out, **answer.facts}
        once = digest_of(sender.verified, order.place)
        return self._house.letters.write(answer.kind, to, at, parts=answer.parts, answers_to=sender.message_id, occasion=once, **facts)


def _refusal(order: Order, sender: Sender, refused: Refused) -> Answer:
    facts = {"line": str(order)[:MAX_QUOTED], "reason": refused.reason, "detail": refused.detail}
    return Answer("command-refused", "", facts | {"commands": commands_for(sender.is_root)})
