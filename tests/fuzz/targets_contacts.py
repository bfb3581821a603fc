"""Targets: what Regional Organisations send."""

from __future__ import annotations

from fuzz.judging import Target, is_line
from fuzz.targets_mail import AT
from securelist.cctld.cctlds import cctlds
from securelist.contacts.bundle_reader import MAX_CONTACTS, read_bundle
from securelist.mail.addresses import address_problem
from securelist.mail.headers import visible
from securelist.openpgp.signed import MAX_AHEAD_S


def bundle(octets: bytes) -> None:
    """The document in a bundle, and its rows."""
    read = read_bundle(octets, AT)
    assert read.made <= AT + MAX_AHEAD_S and not address_problem(read.address) and len(read.rows) <= MAX_CONTACTS
    contacts = read.contacts("CENTR", AT)
    assert len(contacts) == len(read.rows)
    for contact in contacts:
        person = contact.person
        assert contact.cctld.name in cctlds() and not person.share_regional
        assert 1 <= len(person.emails) <= 5 and len(person.phones) <= 5 and not any(map(address_problem, person.emails))
        assert all(is_line(value) for value in (person.name, person.organisation, person.timezone, *person.phones))
        assert all(visible(words) == words and len(words) <= 100 for words in (person.name, person.organisation))


TARGETS = {"bundle": Target(bundle, 4096)}
