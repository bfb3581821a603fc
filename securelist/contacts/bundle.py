"""A bundle: contacts who agreed to it (`Share: regional`), on their way to a Regional Organisation in one signed and encrypted file.

`deploy/guides/bundles.md` describes the file, `bundle.schema.json` the document in it, which `bundle_reader` reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from securelist.cctld.cctlds import Region
from securelist.contacts.bundle_reader import FORMAT, MAX_CONTACTS, VERSION, Wrong, person_of
from securelist.contacts.contact import Contact
from securelist.contacts.repository import Repository
from securelist.errors import Refused
from securelist.letters.pen import Addressee
from securelist.mail.headers import visible
from securelist.mail.protection import Protected
from securelist.openpgp import sequoia
from securelist.openpgp.admission import MAX_CERTIFICATE_OCTETS, read_certificate, split_certificates
from securelist.openpgp.certificate import Certificate
from securelist.post.step6_seal import Sealer
from securelist.trust.membership import SUSPENDED

# 900 contacts with certificates of 5 KiB in armour. It goes by mail, and many mail servers take no more.
MAX_BUNDLE_OCTETS = 10 * 2**20
# What such a file unpacks to: armour does not shrink, and of the rest there is little. Its parts take some ten times that in memory.
MAX_DOCUMENT_OCTETS = 12 * 2**20


@dataclass(frozen=True)
class Composed:
    """A document, not yet sealed: how many contacts are in it, and who was left out."""

    document: bytes
    contacts: int
    silent: int
    """How many did not agree."""
    unclear: tuple[str, ...]
    """Who agreed, but breaks a rule by which bundles are read: the ccTLD and the rule."""


def one_certificate(octets: bytes) -> Certificate:
    """The one certificate in a file, armoured or binary, as both engines read it; raises Refused."""
    if len(octets) > 2 * MAX_CERTIFICATE_OCTETS:
        raise Refused("certificate-too-large", f"the certificate has more than {MAX_CERTIFICATE_OCTETS // 1024} KiB")
    found = split_certificates(octets)
    if len(found) != 1:
        raise Refused(
            "not-one-certificate", f"there are {len(found)} certificates in the file; there must be one, the Regional Organisation's"
        )
    return read_certificate(found[0])


def compose(repository: Repository, recipient: str, region: Region | None, *, empty: bool = False) -> Composed:
    """The document for a recipient (fingerprint): whoever agreed and is not suspended, of one region or (None) of all.

    With `empty` nobody is in it, and it tells them to forget all; without, it raises Refused("no-contacts") if nobody would be.
    """
    asked = [one for one in repository.contacts if one.state != SUSPENDED and region in (None, one.cctld.region) and not empty]
    agreed = [one for one in asked if one.person.share_regional]
    rows, unclear = _rows(agreed)
    if len(rows) > MAX_CONTACTS:
        raise Refused("too-many-contacts", f"a bundle holds at most {MAX_CONTACTS:,} contacts; make it of their region: --region")
    if not rows and not empty:
        raise _nobody(len(asked), len(unclear))
    document = {
        FORMAT: VERSION,
        "source": {"address": repository.list, "fingerprint": repository.key},
        "made": _time(repository.at),
        "recipient": recipient,
        "contacts": rows,
    }
    return Composed(json.dumps(document, indent=1).encode("ascii"), len(rows), len(asked) - len(agreed), tuple(unclear))


def seal(composed: Composed, recipient: Certificate, sealer: Sealer, at: int) -> bytes:
    """The bundle, armoured: the document signed by the list and encrypted to one certificate. Raises Refused, TryAgain."""
    if why := recipient.why_not_encrypt(at):
        raise Refused("cannot-encrypt", f"nothing can be encrypted to {recipient.fingerprint} now: {why}; ask them for their certificate")
    if len(composed.document) > MAX_DOCUMENT_OCTETS:
        raise _too_large()
    to = Addressee(("",), "", recipient)
    sealed = sealer.seal(Protected(b"", composed.document), [to], {recipient.fingerprint: recipient}, at)
    (copy,) = sealed.copies
    armored = sequoia.armor(copy.key_packets + sealed.body, "MESSAGE")
    if len(armored) > MAX_BUNDLE_OCTETS:
        raise _too_large()
    return armored


def _too_large() -> Refused:
    return Refused("too-large", f"the bundle would be larger than {MAX_BUNDLE_OCTETS >> 20} MiB; make it of their region: --region")


def _nobody(asked: int, unclear: int) -> Refused:
    """Why a bundle would hold nobody, and what to do."""
    who = f"of {asked} who could be in it, {asked - unclear} did not agree (Share: regional) and {unclear} could not be read"
    what = "it would tell them to forget all of yours; if you mean that: --empty"
    return Refused(
        "no-contacts", f"no bundle was written, because nobody would be in it: {who if asked else 'there is no contact'}; {what}"
    )


def _rows(contacts: Iterable[Contact]) -> tuple[list[dict[str, object]], list[str]]:
    """(the rows, who has none and why): one contact that nobody would take must not keep the others from being read."""
    rows, unclear = list[dict[str, object]](), list[str]()
    for contact in contacts:
        row = _row(contact)
        try:
            person_of(row)
            rows.append(row)
        except Wrong as wrong:
            unclear.append(f"{contact.cctld.shown}: {wrong}")
    return rows, unclear


def _row(contact: Contact) -> dict[str, object]:
    """A contact as a bundle has it; what is not known is left out."""
    person = contact.person
    row: dict[str, object] = {
        "cctld": contact.cctld.name,
        "name": visible(person.name),
        "emails": list(person.emails),
        "phones": list(person.phones),
        "organisation": visible(person.organisation),
        "timezone": person.timezone,
        "fingerprint": contact.fingerprint,
        "certificate": sequoia.armor(contact.certificate, "PUBLIC KEY BLOCK").decode("ascii"),
        "confirmed": _time(contact.confirmed) if contact.confirmed else "",
        "until": _time(contact.expires) if contact.expires else "",
    }
    return {key: value for key, value in row.items() if value}


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
