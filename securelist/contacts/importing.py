"""A Regional Organisation's bundle comes in: opened and verified as posts are, read strictly, and taken whole or not at all.

What is imported makes nobody a member: it lies in tables of its own, and nothing that decides about posts or copies asks those.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from securelist.config import Config
from securelist.contacts.bundle import MAX_BUNDLE_OCTETS, MAX_DOCUMENT_OCTETS
from securelist.contacts.bundle_reader import Bundle, read_bundle, value_problem
from securelist.errors import Refused, UsageError
from securelist.installation import Installation
from securelist.mail.headers import visible
from securelist.openpgp.armor import is_armored, only_block
from securelist.openpgp.certificate import Certificate, normal_fingerprint
from securelist.openpgp.packets import Packet, read_packets
from securelist.openpgp.signed import MAX_AHEAD_S, Verified, combined, open_literal, verify
from securelist.post.names import skeleton
from securelist.post.step2_open import for_the_list
from securelist.post.step3_verify import check_strength
from securelist.store import imported
from securelist.store.database import reading, writing
from securelist.store.imported import Source
from securelist.store.journal import note
from securelist.store.retention import DAY_S
from securelist.voice import Voice

# What all forms of the repository say of members, and never of imported contacts.
_OURS = ("attested", "admin contact")


@dataclass(frozen=True)
class Sender:
    """Who signs the bundles of a source: their certificate, and what the operator calls them."""

    certificate: Certificate
    name: str

    def __post_init__(self) -> None:
        if not self.name or (problem := value_problem("Organisation", self.name, ())) or visible(self.name) != self.name:
            raise _bad_name(problem if self.name else "it is empty")


def read_file(file: Path) -> bytes:
    """A bundle's file, of which no more is read than it may have; raises Refused("too-large"), OSError."""
    with file.open("rb") as opened:
        octets = opened.read(MAX_BUNDLE_OCTETS + 1)
    if len(octets) > MAX_BUNDLE_OCTETS:
        raise Refused("too-large", f"a bundle has at most {MAX_BUNDLE_OCTETS >> 20} MiB; let them leave out certificates")
    return octets


def import_bundle(house: Installation, octets: bytes, sender: Sender, at: int) -> Source:
    """Takes the bundle in place of all that was known from this sender; raises Refused, TryAgain, UsageError for
    a name that is ours, and then nothing has changed."""
    _check_name(sender.name, house.config)
    voice = house.voice
    verified = _opened(octets, voice, sender.certificate, at)
    bundle = read_bundle(verified.content, at)
    _check_parties(bundle, verified, {one.fingerprint for one in voice.certificates})
    if bundle.made < at - house.config.imported_days * DAY_S:
        raise Refused("too-old", f"made: this is more than {house.config.imported_days} days ago; ask for a new bundle")
    contacts = bundle.contacts(sender.name, at)
    source = Source(bundle.fingerprint, sender.name, bundle.address, bundle.made, at, len(contacts))
    with writing(house.engine) as connection:
        _check_order(connection, source)
        imported.take(connection, source, contacts)
        note(connection, at, "contacts", source.fingerprint, f"imported {source.contacts} from {source.name}")
    return source


def forget_source(house: Installation, which: str, at: int) -> Source:
    """Deletes the contacts of a source (name or fingerprint); its last bundle and older ones stay refused. Raises Refused."""
    with writing(house.engine) as connection:
        known = [one for one in imported.sources(connection) if one.contacts]
        found = next((one for one in known if one.name == which or one.fingerprint == normal_fingerprint(which)), None)
        if found is None:
            raise Refused(
                "unknown-source", "there are no contacts of a source of that name or fingerprint; see: securelist contacts sources"
            )
        imported.replace(connection, found.fingerprint, ())
        note(connection, at, "contacts", found.fingerprint, f"forgot {found.contacts} from {found.name}")
    return found


def sources(house: Installation) -> tuple[Source, ...]:
    """Everybody of whom a bundle was imported, by name."""
    with reading(house.engine) as connection:
        return imported.sources(connection)


# --- its name --------------------------------------------------------------------------------------------------------


def _check_name(name: str, config: Config) -> None:
    """Raises UsageError for a name by which imported contacts could be taken for attested ones, or for the list's, in any script."""
    looks, of_list = skeleton(name), {skeleton(config.display_name), skeleton(config.local_part), skeleton(config.list)}
    if not looks:
        raise _bad_name("it has no letter")
    if looks in of_list:
        raise _bad_name("it could be taken for the list itself")
    if any(skeleton(word) in looks for word in _OURS):
        raise _bad_name("it could be taken for a word of ours, as if an Admin Contact vouched for these contacts")


def _bad_name(why: str) -> UsageError:
    return UsageError("bad-name", f"--name is what people read beside their contacts: {why}; give the organisation's own name")


# --- the file ---------------------------------------------------------------------------------------------------------


def _opened(octets: bytes, voice: Voice, signer: Certificate, at: int) -> Verified:
    """What is in the file, if it is encrypted to the list and both engines say that this certificate signed it; raises Refused."""
    message = combined(*open_literal(voice.list_key.decrypt(for_the_list(_packets(octets), voice.key_ids)), MAX_DOCUMENT_OCTETS))
    if message.claimed > at + MAX_AHEAD_S:
        raise Refused("from-the-future", f"the signature is dated more than {MAX_AHEAD_S // 60} minutes ahead; are both clocks right?")
    if signer.names.isdisjoint(message.issuers):
        raise Refused("other-signer", f"the bundle is signed, but not by {signer.fingerprint}, the certificate that was given")
    check_strength(message.issuers, (signer,))
    verified = verify(message, (signer,), at)
    check_strength((verified.key,), (signer,))
    return verified


def _packets(octets: bytes) -> tuple[Packet, ...]:
    """The packets of an OpenPGP message, armoured or binary; raises Refused."""
    if is_armored(octets):
        kind, octets = only_block(octets)
        if kind != "MESSAGE":
            raise Refused("not-encrypted", "a bundle is one OpenPGP message, signed and encrypted to the list's key")
    return read_packets(octets)


def _check_parties(bundle: Bundle, verified: Verified, list_keys: Collection[str]) -> None:
    """A bundle says in its signed part from whom and for whom it is: who gets one cannot pass it on as if it were meant for another."""
    if bundle.fingerprint != verified.signer:
        raise Refused("other-source", "source: fingerprint: this is not the certificate that signed the bundle")
    if bundle.recipient not in list_keys or (verified.intended and not set(list_keys).intersection(verified.intended)):
        raise Refused("other-recipient", "recipient: the bundle was made for another key than this list's; ask for one made for this list")


def _check_order(connection: Connection, source: Source) -> None:
    """Raises Refused for an old bundle, and for a name that is somebody else's: contacts are shown with the name alone."""
    if source.made <= imported.made_last(connection, source.fingerprint):
        raise Refused("not-newer", "made: a bundle from this source that is as new, or newer, was imported already; nothing was changed")
    others = [one for one in imported.sources(connection) if one.contacts and one.fingerprint != source.fingerprint]
    if taken := next((one for one in others if skeleton(one.name) == skeleton(source.name)), None):
        advice = f"if it is the same one with a new key, first: securelist contacts forget {taken.fingerprint}"
        raise Refused("name-taken", f"contacts of another source have this name; {advice}")
