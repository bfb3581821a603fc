"""The letters to those who were invited and have not answered: the invitation, two reminders, and then no more."""

from __future__ import annotations

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

    def round(self, at: int) -> None:
        """Writes what is due, and ends what has lapsed, or what an appointment made needless."""
        with reading(self._house.engine) as connection:
            unanswered = [one for one in invitations.invitations(connection, open_only=True) if not one.answered]
        each(unanswered, lambda one: self._one(one, at))

    def _one(self, one: Invitation, at: int) -> None:
        contact = self._house.membership().admin_contact(one.cctld)
        if contact and contact.time >= one.made:
            self._close(one, Outcome.OVERTAKEN, at)
        elif has_lapsed(one.made, at):
            self._close(one, Outcome.LAPSED, at)
        elif is_due(one.made, one.letters, at):
            self._write(one, at)

    def _close(self, one: Invitation, outcome: Outcome, at: int) -> None:
        with writing(self._house.engine) as connection:
            invitations.close(connection, one.id, outcome, at, unanswered=True)  # somebody may have answered since it was read

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
