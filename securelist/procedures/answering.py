"""What becomes of answers to invitations: the trust roots hear of them, and after the appointment what they attest takes effect."""

from __future__ import annotations

from typing import Any

from securelist.addressees import Addressees
from securelist.errors import Refused
from securelist.installation import Installation
from securelist.letters import Addressee, Verbatim
from securelist.mail.addresses import same_address
from securelist.openpgp.admission import split_certificates
from securelist.procedures.dates import day
from securelist.procedures.each import each
from securelist.procedures.kept import KeptText, read_kept
from securelist.procedures.schedule import LAPSES_AFTER_S, has_lapsed
from securelist.store import invitations, records
from securelist.store.database import reading, writing
from securelist.store.invitations import Invitation, Outcome
from securelist.trust.draft import draft
from securelist.trust.statement import StatementType
from securelist.trust.submission import Parcel


class Answering:
    """Takes answers on to the Secretariat, and into the log."""

    def __init__(self, house: Installation) -> None:
        self._house, self._people = house, Addressees(house)

    def round(self, at: int) -> None:
        """Does what is due about each answer that waits, or that a newer invitation replaced."""
        with reading(self._house.engine) as connection:
            answered = [one for one in invitations.invitations(connection, open_only=True) if one.answered]
            replaced = invitations.replaced_answers(connection)
        each(answered, lambda one: self._one(one, at))
        each(replaced, lambda one: self._end(one, Outcome.REPLACED, "the Secretariat sent another invitation", at))

    def _one(self, one: Invitation, at: int) -> None:
        contact = self._house.membership().admin_contact(one.cctld)
        if contact and contact.fingerprint == one.signer:
            self._enter(one, at)
        elif contact and contact.time >= one.answered:
            self._end(one, Outcome.OVERTAKEN, f"the trust roots appointed somebody else for .{one.cctld}", at)
        elif has_lapsed(one.signed, at):
            self._end(one, Outcome.LAPSED, "nobody was appointed for 30 days after you signed it", at)
        elif not one.told:
            self._tell(one, at)

    # --- before the appointment -------------------------------------------------------------------------------------------

    def _tell(self, one: Invitation, at: int) -> None:
        """To each trust root all that has to be compared, and the appointment ready to sign; to who answered, that it is there."""
        kept = read_kept(one.evidence, one.certificate, one.answered)
        with reading(self._house.engine) as connection:
            record = records.find(connection, one.cctld)
        founding, person = self._house.membership().founding, kept.person
        list_address, key = self._house.config.list, kept.certificate.fingerprint
        text = draft(StatementType.APPOINT_ADMIN_CONTACT, list=list_address, tld=one.cctld, person=person, key=key)
        facts: dict[str, Any] = {
            "tld": one.cctld, "person": person, "fingerprint": one.signer, "user_ids": kept.certificate.user_ids, "record": record,
            "invited": day(one.made), "answered": day(one.answered), "record_name": one.name, "record_address": one.address,
            "contacts": kept.statements[1:], "threshold": founding.threshold if founding else 1, "statement": Verbatim(text),
            "until": day(one.signed + LAPSES_AFTER_S),
        }  # fmt: skip
        roots = [
            self._house.letters.write("appoint", root, at, occasion=f"answer {one.id} to {root.fingerprint}", **facts)
            for root in self._people.secretariat(at)
        ]
        self._house.letters.write("answer-kept", _answerer(one, kept), at, occasion=f"answer {one.id} kept", **facts)
        if same_address(one.address) not in map(same_address, person.emails):
            # Whoever reads that mailbox, too, may have been faster than who was meant.
            about = f"answer {one.id} to the address of record"
            told = {name: facts[name] for name in ("tld", "answered", "fingerprint")}
            self._house.letters.publish("invitation-answered", one.address, at, occasion=about, **told)
        if any(roots):
            with writing(self._house.engine) as connection:
                invitations.mark_told(connection, one.id)

    def _end(self, one: Invitation, outcome: Outcome, why: str, at: int) -> None:
        """Nothing comes of an answer; who gave it is told."""
        kept = read_kept(one.evidence, one.certificate, one.answered)
        to = _answerer(one, kept)
        self._house.letters.write("answer-ended", to, at, occasion=f"answer {one.id} ended", tld=one.cctld, person=kept.person, why=why)
        with writing(self._house.engine) as connection:
            invitations.close(connection, one.id, outcome, at)
            invitations.forget_answer(connection, one.id)

    # --- after it ---------------------------------------------------------------------------------------------------------

    def _enter(self, one: Invitation, at: int) -> None:
        """Hands in what the answer attests, which by now counts; tells the Admin Contact what they are, and what came of that."""
        certificates = (one.certificate, *split_certificates(one.certificates)) if one.certificates else (one.certificate,)
        problem = ""
        try:
            self._house.enter(Parcel(signed=(one.evidence,), certificates=certificates), at)
        except Refused as refused:
            # Entered before a kill, or sent again by the Admin Contact themselves.
            problem = "" if refused.reason == "duplicate" else refused.detail
        self._tell_appointed(one, problem, at)
        with writing(self._house.engine) as connection:
            invitations.close(connection, one.id, Outcome.APPOINTED, at)

    def _tell_appointed(self, one: Invitation, problem: str, at: int) -> None:
        membership = self._house.membership()
        contact, to = membership.admin_contact(one.cctld), self._people.contact(one.cctld)
        if contact is None or to is None:
            return
        members = [member for member in membership.members(at) if member.cctld == one.cctld]
        self._house.letters.write(
            "appointed", to, at, occasion=f"answer {one.id} appointed", tld=one.cctld, person=contact.person, members=members,
            problem=problem, entry=contact.entry, head=membership.head,
        )  # fmt: skip


def _answerer(one: Invitation, kept: KeptText) -> Addressee:
    # The first address alone: nobody has looked yet whose the others are.
    return Addressee(kept.person.emails[:1], one.cctld, kept.certificate)
