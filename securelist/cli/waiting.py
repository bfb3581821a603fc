"""What waits, as `securelist statement pending` shows it: to programs, to people, and as the text that others have to sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from securelist.errors import Refused
from securelist.installation import Installation
from securelist.mail.headers import address_in_user_id
from securelist.openpgp.certificate import Certificate
from securelist.openpgp.signed import read_signed, verify
from securelist.store import log_store
from securelist.store.database import reading
from securelist.store.requests import Waiting
from securelist.trust.grammar import signed_lines
from securelist.trust.pending import Pending
from securelist.trust.text import text_of


def statement_json(one: Pending) -> dict[str, object]:
    """A statement that waits, as `--json` promises; times are Unix seconds, keys fingerprints."""
    said = one.said
    return {
        "entry": said.entry,
        "type": said.statement.type,
        "cctld": said.statement.tld,
        "about": said.about,
        "signed": list(one.signed),
        "missing": one.missing,
        "awaited": list(one.awaited),
        "since": said.time,
        "lapses": one.lapses,
    }


def request_json(one: Waiting) -> dict[str, object]:
    """A request for membership, as `--json` promises."""
    return {"id": one.id, "cctld": one.cctld, "address": one.address, "fingerprint": one.fingerprint, "since": one.received}


def who(fingerprint: str, certificates: Mapping[str, Certificate]) -> str:
    """Whose key this is, by the address in the first user ID; the fingerprint where nothing is known of it."""
    known = certificates.get(fingerprint)
    return (known and known.user_ids and address_in_user_id(known.user_ids[0])) or fingerprint


def text_to_sign(installation: Installation, found: Sequence[Pending], entry: int) -> str:
    """The whole signed text of a statement that waits: signed by another, it counts with it. Raises Refused if none waits there."""
    if not found:
        raise Refused("nothing-pending", f"no statement waits as entry {entry}; see: securelist statement pending")
    with reading(installation.engine) as connection:
        _, evidence = next(log_store.entries(connection, entry))
    if evidence is None:
        raise Refused("erased", f"the text of entry {entry} is erased")
    said = found[0].said
    verified = verify(read_signed(evidence), installation.anchor.signers(installation.membership(), said.time).values(), said.time)
    return "".join(f"{line}\n" for line in signed_lines(text_of(verified.content)))
