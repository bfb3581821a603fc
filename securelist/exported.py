"""The log of an installation as the file that `log verify` takes: all of it, or without the texts of what has ended."""

from __future__ import annotations

from dataclasses import dataclass

from securelist.errors import Refused, TryAgain
from securelist.installation import Installation
from securelist.trust.ended import ended_texts
from securelist.trust.entry import Head
from securelist.trust.export import write_export


@dataclass(frozen=True)
class Exported:
    """The file, and its name; the log's last entry, whose number says how many there are, and of how many the text is left out."""

    name: str
    octets: bytes
    head: Head
    left_out: int = 0


def exported(house: Installation, at: int, *, without_ended: bool = False) -> Exported:
    """The log, its head dated `at` (Unix seconds) and signed by the list.

    `without_ended` leaves out the texts of memberships that have ended; their digests stay. Raises Refused("not-founded"), TryAgain.
    """
    membership, links = house.membership(), house.links()
    if not links:
        raise Refused("not-founded", "the log is empty: the list is not founded")
    head = links[-1].entry.head
    if head != membership.head:
        raise TryAgain("log-moved", "somebody has entered something at the same moment; please try again")
    certificates = [one.octets for one in house.list_certificates if one.fingerprint in membership.list_keys]
    without = ended_texts(membership, at) if without_ended else frozenset[int]()
    entries = [(link.entry, link.evidence) for link in links]
    octets = write_export(house.config.list, house.list_key, certificates, entries, at, without)
    left_out = sum(link.entry.number in without and link.evidence is not None for link in links)
    return Exported(f"{house.config.local_part}.log", octets, head, left_out)
