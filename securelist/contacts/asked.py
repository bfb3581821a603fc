"""What members ask for by a command: the repository, some ccTLDs of it, the list of members, the log; as facts and parts of a letter."""

from __future__ import annotations

from collections.abc import Sequence

from securelist.cctld.cctlds import find_cctld
from securelist.contacts import text
from securelist.contacts.contact import Contact
from securelist.contacts.lines import labelled
from securelist.contacts.mailing import HEAD_OCTETS, facts_of, issue_of, told
from securelist.contacts.parts import all_parts, fitting, forms, log_part, weight
from securelist.contacts.repository import repository
from securelist.contacts.shown import shown
from securelist.errors import Refused
from securelist.exported import exported
from securelist.installation import Installation
from securelist.letters import Facts, Verbatim
from securelist.post.step1_receive import MAX_MAIL_OCTETS
from securelist.procedures.dates import day
from securelist.trust.membership import ACTIVE

Asked = tuple[Facts, tuple[bytes, ...]]
"""The facts of the letter that answers, and what is attached to it."""


def whole(house: Installation, at: int) -> Asked:
    """The repository with all its files, as far as a letter can hold them; `at` is Unix seconds. Raises TryAgain."""
    issue = issue_of(house, at)
    facts, parts = facts_of(issue), all_parts(issue.repository, issue.log)
    kept = fitting(parts, MAX_MAIL_OCTETS - HEAD_OCTETS - weight(facts["contacts"].encode()))
    # What changed since when, the mail to everybody says; whoever asks twice must not think that it happened since.
    return {**facts, "since": "", "sentence": "", "changes": Verbatim(""), **told(parts, kept)}, tuple(part.entity for part in kept)


def some(house: Installation, names: Sequence[str], at: int) -> Asked:
    """The contacts of these ccTLDs, for a telephone's address book and a keyring, too. Raises Refused("unknown-cctld")."""
    chosen = list(dict.fromkeys(find_cctld(name).name for name in names))
    found = repository(house, at).of(chosen)
    facts: Facts = {
        "names": ", ".join(f".{name}" for name in chosen),
        "day": day(at),
        "members": len(found.contacts),
        "passed_on": len(found.imported),
    }
    parts = forms(found, "phone", "vcard", "openpgp") if found.contacts or found.imported else ()
    return {**facts, "contacts": Verbatim(text.write(found).decode())}, tuple(part.entity for part in parts)


def members(house: Installation, at: int) -> Asked:
    """Every member with ccTLD, name and state, and the certificates of those who are not suspended."""
    found = repository(house, at)
    lines = "\n".join(_line(shown(one)) for one in found.contacts)
    parts = forms(found, "openpgp")
    if sum(part.weight for part in parts) > MAX_MAIL_OCTETS - HEAD_OCTETS:
        raise Refused("too-large", "the certificates together are larger than a mail can be; ask by ccTLD, as in: contacts nl br")
    return {"day": day(at), "members": len(found.contacts), "lines": Verbatim(lines)}, tuple(part.entity for part in parts)


def _line(one: Contact) -> str:
    """The state before the name, so that nobody's name can add to it."""
    return labelled(f".{one.cctld.name}", one.person.name if one.state == ACTIVE else f"{one.state.upper()}: {one.person.name}")


def log(house: Installation, at: int) -> Asked:
    """The whole log. Raises Refused("too-large") if no mail can hold it, TryAgain."""
    made = exported(house, at)
    part = log_part(made)
    if part.weight > MAX_MAIL_OCTETS - HEAD_OCTETS:
        raise Refused("too-large", "the log has grown larger than a mail can be; ask the Secretariat for the file")
    return {"day": day(at), "entries": made.head.number, "hash": Verbatim(f"  {made.head.hash}"), "file": made.name}, (part.entity,)
