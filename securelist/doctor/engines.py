"""Both engines asked again about every certificate that matters, each for itself: an upgrade must lock nobody out unnoticed.

What has merely expired since is no change of an engine's mind; `members` tells of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from securelist.doctor.finding import Finding, Patient, State, several
from securelist.errors import Refused
from securelist.openpgp import gnupg, sequoia
from securelist.openpgp.admission import POST_QUANTUM
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.packets import read_packets, recipient_of

Ask = Callable[[Certificate, int], str]
"""What one engine has against a certificate that the tables have as good, at a time (Unix seconds); empty if nothing."""


@dataclass(frozen=True)
class Holder:
    """Somebody whose certificate matters, as they are called in a finding."""

    name: str
    certificate: Certificate


def gnupg_accepts(patient: Patient) -> Finding:
    """Whether GnuPG still accepts what it accepted when it was admitted."""
    return _asked(patient, "certificates-gnupg", "GnuPG", ask_gnupg)


def sequoia_accepts(patient: Patient) -> Finding:
    """Whether Sequoia does."""
    return _asked(patient, "certificates-sequoia", "Sequoia", ask_sequoia)


def _asked(patient: Patient, check: str, engine: str, ask: Ask) -> Finding:
    people = list(holders(patient))
    against = []
    with patient.bar(f"asking {engine} about certificates") as progress:
        for done, holder in enumerate(people):
            progress(done, len(people))
            if why := ask(holder.certificate, patient.now):
                against.append(f"{holder.name}, {holder.certificate.fingerprint}: {why}")
    if not against:
        return Finding(
            check, State.OK, f"{engine} accepts all {len(people)} certificates of members, Admin Contacts, trust roots and the list"
        )
    advice = f"do not let the new {engine} serve before they have another key: go back to the version before, and call them"
    return Finding(check, State.PROBLEM, f"{engine} no longer accepts {len(against)} of {len(people)}: {several(against, 20)}", advice)


def holders(patient: Patient) -> Iterator[Holder]:
    """Everybody whose signature counts or who gets copies, at the time of the examination."""
    membership, installation = patient.membership, patient.installation
    certificates = installation.anchor.signers(membership)
    members = ((f"{m.emails[0]} of .{m.cctld}", m.fingerprint) for m in membership.members(patient.now))
    contacts = ((f"the Admin Contact of .{c.cctld}", c.fingerprint) for c in membership.admin_contacts.values() if not c.dismissed)
    roots = (("a trust root", fingerprint) for fingerprint in membership.roots)
    for name, fingerprint in chain(members, contacts, roots):
        yield Holder(name, certificates[fingerprint])
    yield Holder("the list", installation.list_certificate)


def ask_gnupg(known: Certificate, at: int) -> str:
    """GnuPG's objection."""
    try:
        read = gnupg.list_certificate(known.octets)
    except Refused as refused:
        return refused.detail
    if read.fingerprint != known.fingerprint:
        return f"GnuPG reads {read.fingerprint} in it"
    if read.primary.revoked and not known.primary.revoked:
        return "GnuPG finds it revoked"
    if known.can_sign(at) and not read.can_sign(at):
        return "GnuPG finds no key in it that can sign"
    # A post-quantum subkey is Sequoia's to judge.
    usable = {key.fingerprint for key in read.keys if key.usable and not key.revoked}
    classical = [key for key in known.keys_for("e", at) if key.algorithm not in POST_QUANTUM]
    if classical and usable.isdisjoint(key.fingerprint for key in classical):
        return "GnuPG finds no subkey in it to encrypt to"
    if not set(known.user_ids).intersection(read.user_ids):
        return "GnuPG accepts none of its user IDs"
    return ""


def ask_sequoia(known: Certificate, at: int) -> str:
    """Sequoia's objection."""
    try:
        read = sequoia.read_certificate(known.octets)
        reached = {recipient_of(read_packets(packet)[0]) for packet in sequoia.wrap([known.octets])} if known.can_encrypt(at) else set()
    except Refused as refused:
        return refused.detail
    if read.fingerprint != known.fingerprint:
        return f"Sequoia reads {read.fingerprint} in it"
    if read.revoked and not known.primary.revoked:
        return "Sequoia finds it revoked"
    if known.can_encrypt(at) and reached.isdisjoint(key.key_id for key in known.keys_for("e", at)):
        return "Sequoia encrypts to none of its subkeys"
    if not set(known.user_ids).intersection(read.user_ids):
        return "Sequoia accepts none of its user IDs"
    return ""
