"""What letters say of an entry in the contact repository: as it stands there, and the statements that confirm, correct or end it; pure."""

from __future__ import annotations

from securelist.contacts.contact import Contact
from securelist.letters import Facts, Verbatim
from securelist.mail.addresses import same_address
from securelist.procedures.dates import day
from securelist.trust.draft import draft
from securelist.trust.statement import Person, StatementType


def entry_facts(one: Contact) -> Facts:
    """All that the repository shows of somebody."""
    dead = set(map(same_address, one.not_working))
    return {
        "person": one.person.name,
        "tld": one.cctld.name,
        "addresses": [{"address": email, "dead": same_address(email) in dead} for email in one.person.emails],
        "phones": one.person.phones,
        "organisation": one.person.organisation,
        "timezone": one.person.timezone,
        "share": one.person.share_regional,
        "fingerprint": one.fingerprint,
        "attested": day(one.expires),
        "confirmed": day(one.confirmed),
    }


def statements(list_: str, cctld: str, person: Person) -> Facts:
    """`confirm-contact` and `update-contact` about somebody, ready to sign; and what the second had to leave out."""
    confirm = draft(StatementType.CONFIRM_CONTACT, list=list_, tld=cctld, person=Person("", person.emails[:1]))
    update = draft(StatementType.UPDATE_CONTACT, list=list_, tld=cctld, person=person)
    lines = {line.partition(": ")[2] for line in update.splitlines()}
    known = (person.name, *person.emails, *person.phones, person.organisation, person.timezone)
    left_out = [value for value in known if value and value not in lines]
    return {"confirm": Verbatim(confirm), "update": Verbatim(update), "left_out": left_out}


def named(one: Contact, list_: str) -> Facts:
    """Somebody whose entry is overdue, for whoever can ask them; with the `update-contact` statement, which says all that is on record."""
    said = statements(list_, one.cctld.name, one.person)
    return {
        "name": one.person.name,
        "tld": one.cctld.name,
        "address": one.person.emails[0],
        "phones": ", ".join(one.person.phones) or "no telephone number",
        "confirmed": day(one.confirmed),
        "not_working": ", ".join(one.not_working),
        "details": said["update"],
        "left_out": said["left_out"],
    }
