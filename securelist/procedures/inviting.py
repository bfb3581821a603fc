"""The letters to those who were invited and have not answered: the invitation, two reminders, and then no more."""

from __future__ import annotations

from collections.abc import Iterator

from securelist.delivery.bounce_token import read_secret
from securelist.installation import Installation
from securelist.letters import Verbatim
from securelist.procedures.dates import day
from securelist.procedures.each import each
from securelist.procedures.schedule import LAPSES_AFTER_S, has_lapsed, is_due
from securelist.procedures.token import make_token
from securelist.store import invitations
from securelist.store.database import reading, writing
from securelist.store.invitations import Invitation, Outcome
from securelist.trust.draft import draft
from securelist.trust.statement import Person, StatementType


class Inviting:
    """Writes to the addresses of record."""

    def __init__(self, house: Installation) -> None:
        self._house = house

    def round(self, at: int) -> Iterator[str]:
        """Writes what is due, and ends what has lapsed: a sentence for the Secretariat about each of these."""
        with reading(self._house.engine) as connection:
            unanswered = [one for one in invitations.invitations(connection, open_only=True) if not one.answered]
        return each(unanswered, lambda one: self._one(one, at))

    def _one(self, one: Invitation, at: int) -> str:
        if has_lapsed(one.made, at):
            with writing(self._house.engine) as connection:
                invitations.close(connection, one.id, Outcome.LAPSED, at)
            return f".{one.cctld}: {one.name} <{one.address}>, invited on {day(one.made)}, did not answer"
        if is_due(one.made, one.letters, at):
            self._write(one, at)
        return ""

    def _write(self, one: Invitation, at: int) -> None:
        token = make_token(read_secret(self._house.home), one.id, one.cctld)
        you = Person(one.name, (one.address,))
        list_address = self._house.config.list
        text = draft(StatementType.ACCEPT_INVITATION, list=list_address, tld=one.cctld, person=you, token=token)
        text += "\n" + draft(StatementType.ATTEST_SSC, list=list_address, tld=one.cctld)  # to fill in, or to leave out
        written = self._house.letters.publish(
            "invitation", one.address, at, occasion=f"invitation {one.id} letter {one.letters}", tld=one.cctld, contact=one.name,
            record_address=one.address, statement=Verbatim(text), until=day(one.made + LAPSES_AFTER_S), reminder=one.letters,
        )  # fmt: skip
        # An address that got too much today gets the invitation itself tomorrow; a reminder can be missed.
        if written or one.letters:
            with writing(self._house.engine) as connection:
                invitations.count_letter(connection, one.id, one.letters + 1)
