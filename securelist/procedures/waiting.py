"""All that waits, and for whom: what a trust root is told who sends `pending`, and each of them once a week."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields

from sqlalchemy import Connection

from securelist.errors import Refused
from securelist.installation import Installation
from securelist.letters import Facts
from securelist.openpgp.certificate import Certificate
from securelist.procedures.attached import text_file
from securelist.procedures.dates import day
from securelist.procedures.kept import read_kept
from securelist.procedures.signing import Unsigned, file_name, text_to_sign, unsigned, whose
from securelist.procedures.welcome import Unconfirmed, Welcomes
from securelist.store import invitations, requests
from securelist.store.database import reading
from securelist.store.invitations import Invitation
from securelist.store.requests import Waiting
from securelist.trust.membership import Membership

# In one letter, of each kind; what is beyond is counted. Strangers make requests, and each that is shown is verified anew (60 ms).
MAX_SHOWN = 50


@dataclass(frozen=True)
class Waits:
    """What waits for trust roots' signatures, for a release, for Admin Contacts, for those invited, for members.

    Requests for a release are newest first: who fills the list with old ones hides none of today's. All others are oldest first.
    """

    texts: tuple[Unsigned, ...]
    requests: tuple[Waiting, ...]
    released: tuple[Waiting, ...]
    answered: tuple[Invitation, ...]
    invited: tuple[Invitation, ...]
    unconfirmed: tuple[Unconfirmed, ...]


def what_waits(house: Installation, at: int) -> Waits:
    """What waits at `at` (Unix seconds)."""
    with reading(house.engine) as connection:
        asked = requests.waiting(connection)
        invited = invitations.invitations(connection, open_only=True)
    return Waits(
        unsigned(house, at),
        tuple(reversed([one for one in asked if not one.released])),
        tuple(one for one in asked if one.released and not one.declined),
        tuple(one for one in invited if one.answered),
        tuple(one for one in invited if not one.answered),
        Welcomes(house).unconfirmed(house.membership(), at),
    )


# --- as letters tell it ------------------------------------------------------------------------------------------------------


def facts_of(house: Installation, waits: Waits) -> Facts:
    """What the letters are given: a list of each kind, at most MAX_SHOWN (`most`) long, and how many there are of each (`counts`)."""
    membership = house.membership()
    signers = house.anchor.signers(membership)
    with reading(house.engine) as connection:
        asked = [_request(connection, one) for one in waits.requests[:MAX_SHOWN]]
    return {
        "texts": [_text(one, signers) for one in waits.texts[:MAX_SHOWN]],
        "requests": asked,
        "released": [_released(one, membership) for one in waits.released[:MAX_SHOWN]],
        "answered": [_answered(one) for one in waits.answered[:MAX_SHOWN]],
        "invited": [_invited(one) for one in waits.invited[:MAX_SHOWN]],
        "unconfirmed": [_unconfirmed(one) for one in waits.unconfirmed[:MAX_SHOWN]],
        "counts": {kind.name: len(getattr(waits, kind.name)) for kind in fields(waits)},
        "most": MAX_SHOWN,
    }


def texts_to_sign(house: Installation, waits: Waits) -> Iterator[bytes]:
    """The texts that wait for signatures, as attached files; a text that was erased in the meantime is passed over."""
    for one in waits.texts[:MAX_SHOWN]:
        with suppress(Refused):
            yield text_file(file_name(one), text_to_sign(house, one.said))


def _text(one: Unsigned, signers: Mapping[str, Certificate]) -> Facts:
    facts = {"entry": one.entry, "says": one.says, "since": day(one.said.time), "until": day(one.lapses), "file": file_name(one)}
    return facts | {"signed": whose(one.signed, signers), "missing": one.missing, "others": whose(one.awaited, signers)}


def _request(connection: Connection, one: Waiting) -> Facts:
    name = ""
    with suppress(Refused):
        kept = requests.text_of(connection, one.id)
        name = read_kept(kept.evidence, kept.certificate, one.verified_at).person.name
    return _asked(one) | {"name": name, "fingerprint": one.fingerprint}


def _released(one: Waiting, membership: Membership) -> Facts:
    contact = membership.admin_contact(one.cctld)
    facts = {"released": day(one.released), "contact": contact.person.name if contact else ""}
    return _asked(one) | facts | {"asked": day(one.asked) if one.asked else "", "reminders": max(one.letters - 1, 0)}


def _asked(one: Waiting) -> Facts:
    return {"number": one.id, "address": one.address, "tld": one.cctld, "since": day(one.received)}


def _answered(one: Invitation) -> Facts:
    return _invited(one) | {"answered": day(one.answered), "fingerprint": one.signer}


def _invited(one: Invitation) -> Facts:
    return {"tld": one.cctld, "name": one.name, "address": one.address, "since": day(one.made), "reminders": max(one.letters - 1, 0)}


def _unconfirmed(one: Unconfirmed) -> Facts:
    member = one.member
    return {"tld": member.cctld, "name": member.name, "address": member.emails[0], "since": day(one.since)}
