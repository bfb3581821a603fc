"""What IANA has on record about a ccTLD, as far as it is kept here, and what differs between two records of the same one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Record:
    """One ccTLD's record: manager, Admin Contact, and where and when it was read."""

    cctld: str
    manager: str
    """The organisation that runs the ccTLD: the registrant."""
    name: str
    """The Admin Contact's name, often that of a role."""
    address: str
    """The Admin Contact's address of record. Whoever reads mail there has proved nothing else."""
    phone: str
    """The Admin Contact's telephone number as it stands there; empty if there is none."""
    source: str
    """The file or the URL that it came from."""
    imported: int
    """When it was last read, in Unix seconds."""


@dataclass(frozen=True)
class Change:
    """One thing that IANA now says otherwise: what, and both values."""

    what: str
    before: str
    now: str

    @property
    def sentence(self) -> str:
        """For people."""
        return f"{self.what}: {self.before or 'none'} → {self.now or 'none'}"


_COMPARED = {"manager": "manager", "name": "Admin Contact", "address": "address of record", "phone": "phone"}


def changes(before: Record, now: Record) -> tuple[Change, ...]:
    """What differs between two records of a ccTLD, source and date aside; nothing if they say the same."""
    pairs = ((what, getattr(before, field), getattr(now, field)) for field, what in _COMPARED.items())
    return tuple(Change(what, old, new) for what, old, new in pairs if old != new)
