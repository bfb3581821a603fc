"""The repository for programs: JSON (RFC 8259), as `contacts.schema.json` beside this module describes it.

It is an array of contacts, and each has every key that `member list --json` gives, with the same meaning: what reads the one reads the
other. So there is no object around them for what they have in common: every contact says of which list and of when it is, and still does
when a program keeps it by itself. The head of the log is not in it, for without the list's signature it proves nothing; `entry` is where
the log proves a contact. Nor are the certificates, which `members.asc` has, in a form that OpenPGP programs read; `fingerprint` finds them.

An imported contact has the state `imported`, which no member has: a program that looks for who is active or suspended finds none of them.
"""

from __future__ import annotations

import json

from securelist.contacts.contact import Contact, Imported
from securelist.contacts.repository import Repository
from securelist.contacts.shown import shown
from securelist.contacts.table import IMPORTED


def write(repository: Repository) -> bytes:
    """The array, in UTF-8, a line for each contact: members, then imported ones, by region and ccTLD."""
    common = {"list": repository.list, "at": repository.at}
    contacts = [*(_attested(shown(one)) for one in repository.contacts), *(_imported(shown(one)) for one in repository.imported)]
    lines = ",\n".join(json.dumps(one | common, ensure_ascii=False) for one in contacts)
    return f"[\n{lines}\n]\n".encode()


def _attested(one: Contact) -> dict[str, object]:
    return _details(one) | {
        "state": one.state,
        "why": one.why,
        "since": one.since or None,
        "not_working": list(one.not_working),
        "overdue": one.overdue,
        "attested_by": one.voucher,
        "entry": one.entry,
        "joined": one.joined,
        "until": one.expires,
        "source": None,
    }


def _imported(one: Imported) -> dict[str, object]:
    return _details(one) | {
        "state": IMPORTED,
        "why": "",
        "since": None,
        "not_working": [],
        "overdue": False,
        "attested_by": "",
        "entry": None,
        "joined": None,
        "until": one.until or None,
        "source": {"name": one.source, "made": one.made, "received": one.received},
    }


def _details(one: Contact | Imported) -> dict[str, object]:
    person, cctld = one.person, one.cctld
    return {
        "cctld": cctld.name,
        "country": cctld.country,
        "region": cctld.region,
        "name": person.name,
        "organisation": person.organisation,
        "timezone": person.timezone,
        "email": next(iter(person.emails), ""),
        "emails": list(person.emails),
        "phone": next(iter(person.phones), ""),
        "phones": list(person.phones),
        "fingerprint": one.fingerprint,
        "confirmed": one.confirmed or None,
    }
