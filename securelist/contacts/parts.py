"""The files that go with the repository by mail, as MIME parts; and which of them stay behind when a mail would be too large."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from securelist.contacts.formats import FORMS
from securelist.contacts.repository import Repository
from securelist.exported import Exported
from securelist.procedures.attached import octets_file

# What stays behind first, by form, if not all of it fits: the log and the certificates, the largest, can be had by a command of their
# own; of the others, what a person with a telephone and no network needs least.
LEFT_OUT_FIRST = ("log", "json", "openpgp", "vcard", "csv", "phone", "html")
# By which command, mailed to LIST-request, each can be had then.
COMMANDS = {"log": "log", "openpgp": "members"}


@dataclass(frozen=True)
class Part:
    """One file: its form, its name, and how it is attached."""

    form: str
    name: str
    entity: bytes

    @property
    def weight(self) -> int:
        """What it adds to a copy as it travels, in octets."""
        return weight(self.entity)

    @property
    def megabytes(self) -> str:
        """The same, as people read it."""
        return f"{self.weight / 1_000_000:.1f} MB"

    @property
    def command(self) -> str:
        """By which command it can be had alone, or with the others."""
        return COMMANDS.get(self.form, "contacts")


def weight(octets: bytes) -> int:
    """How many octets of a copy these become: compressed as gpg does it (RFC 1951, in a window of 8 KiB), encrypted, armoured."""
    deflate = zlib.compressobj(1, wbits=-13)
    return (len(deflate.compress(octets)) + len(deflate.flush())) * 65 // 48


def forms(repository: Repository, *names: str) -> tuple[Part, ...]:
    """The repository in these forms, as parts; without those in which there is nothing."""
    written = ((FORMS[name], FORMS[name].write(repository)) for name in names)
    return tuple(Part(form.name, form.file, octets_file(form.file, form.media_type, octets)) for form, octets in written if octets)


def log_part(log: Exported) -> Part:
    """The log as a part."""
    return Part("log", log.name, octets_file(log.name, "application/octet-stream", log.octets))


def all_parts(repository: Repository, log: Exported) -> tuple[Part, ...]:
    """Every file of the whole repository, in the order in which they are attached."""
    return (*forms(repository, "html", "phone", "vcard", "openpgp", "csv", "json"), log_part(log))


def fitting(parts: Sequence[Part], room: int) -> tuple[Part, ...]:
    """Those of the parts that fit into so many octets of a copy together, in their order."""
    kept = list(parts)
    for form in LEFT_OUT_FIRST:
        if sum(part.weight for part in kept) > room:
            kept = [part for part in kept if part.form != form]
    return tuple(kept)
