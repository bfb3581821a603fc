"""The repository as a table, a line for each contact, for spreadsheets.

It begins with a byte order mark (RFC 3629, 6): without one Excel takes the file for its own country's character set, and every name
outside ASCII is broken, for the people whom this form is for. Programs read it with Python's codec `utf-8-sig` or the like, or take
the JSON, which has none.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Mapping

from securelist.contacts.contact import Contact, Imported, region_name
from securelist.contacts.repository import Repository
from securelist.contacts.shown import shown
from securelist.spreadsheet import as_csv, day

_COLUMNS = (
    "region", "country", "cctld", "name", "organisation", "timezone", "phone", "other_phones", "email", "other_emails", "not_working",
    "state", "why", "since", "confirmed", "overdue", "source", "attested_by", "entry", "joined", "until", "fingerprint",
)  # fmt: skip
ATTESTED, IMPORTED = "attested", "imported"


def write(repository: Repository) -> bytes:
    """CSV (RFC 4180) in UTF-8: members, whose `source` is "attested", then imported contacts, whose `source` is who passed them on.

    Days are in UTC; several addresses or numbers in a cell are separated by a comma.
    """
    rows = [*(_attested(shown(one)) for one in repository.contacts), *(_imported(shown(one)) for one in repository.imported)]
    return BOM_UTF8 + as_csv(_COLUMNS, ([row.get(name) for name in _COLUMNS] for row in rows)).encode()


def _attested(contact: Contact) -> Mapping[str, object]:
    return _details(contact) | {
        "not_working": ", ".join(contact.not_working),
        "state": contact.state,
        "why": contact.why,
        "since": day(contact.since),
        "overdue": "overdue" if contact.overdue else "",
        "source": ATTESTED,
        "attested_by": contact.voucher,
        "entry": contact.entry,
        "joined": day(contact.joined),
        "until": day(contact.expires),
    }


def _imported(contact: Imported) -> Mapping[str, object]:
    return _details(contact) | {"state": IMPORTED, "source": f"{contact.source}, {day(contact.made)}", "until": day(contact.until)}


def _details(contact: Contact | Imported) -> dict[str, object]:
    person, cctld = contact.person, contact.cctld
    return {
        "region": region_name(cctld.region),
        "country": cctld.country,
        "cctld": cctld.name,
        "name": person.name,
        "organisation": person.organisation,
        "timezone": person.timezone,
        "phone": ", ".join(person.phones[:1]),
        "other_phones": ", ".join(person.phones[1:]),
        "email": ", ".join(person.emails[:1]),
        "other_emails": ", ".join(person.emails[1:]),
        "confirmed": day(contact.confirmed),
        "fingerprint": contact.fingerprint,
    }
