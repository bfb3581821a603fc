"""What waits, as `securelist statement pending` shows it to programs."""

from __future__ import annotations

from securelist.store.requests import Waiting
from securelist.trust.pending import Pending


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
