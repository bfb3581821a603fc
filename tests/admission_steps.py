"""What the tests of admission by mail have people do again and again, each step by the mails that came before it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from correspondents import ADMIN_CONTACT, LIST, SSC, Person, World
from mail_client import Shown


def fill(text: str, number: int = 0, **fields: str | Sequence[str] | None) -> str:
    """Statements with other values in the n-th one: several make several lines, None removes the line."""
    paragraphs = text.strip("\n").split("\n\n")
    lines = paragraphs[number].split("\n")
    for name, value in fields.items():
        at = next((i for i, line in enumerate(lines) if line.startswith(f"{name}:")), len(lines))
        lines = [line for line in lines if not line.startswith(f"{name}:")]
        lines[at:at] = [f"{name}: {one}" for one in ([value] if isinstance(value, str) else value or [])]
    paragraphs[number] = "\n".join(lines)
    return "\n\n".join(paragraphs) + "\n"


def keep_transcript(world: World, folder: Path, name: str) -> None:
    """Writes what happened in this chapter into `folder`, and where the variable TRANSCRIPTS says; as the world's name, `name`."""
    for place in (folder, os.environ.get("TRANSCRIPTS")):
        if place:
            (Path(place) / f"{name}.txt").write_text(str(world.transcript), encoding="utf-8")


def contact_of(world: World, tld: str, reads: str = "") -> Person:
    """An Admin Contact with an address of their own; `reads`: the address of record, if that is another."""
    return world.person(ADMIN_CONTACT, f"Contact of {tld.upper()}", f"contact@registry-{tld}.example", *([reads] if reads else []))


def ssc_of(world: World, tld: str, name: str = "Anna") -> Person:
    """Somebody who is to be a contact of a ccTLD."""
    return world.person(SSC, f"{name} of {tld.upper()}", f"{name.lower()}@registry-{tld}.example")


def invited(world: World, tld: str, reads: str = "") -> tuple[Person, Shown]:
    """(the Admin Contact of record, the invitation), after a trust root's `invite`."""
    contact = contact_of(world, tld, reads)
    world.records(**{tld: ("Hostmaster", reads or contact.address)})
    root = world.roots[0]
    root.send(f"invite {tld}", world.request, encrypt=True)
    root.inbox("Invited")
    return contact, contact.inbox(f"invites the Admin Contact of .{tld}")


def answer_to(invitation: Shown, contact: Person, *sscs: Person) -> str:
    """The text to sign, out of the invitation, as the Admin Contact fills it in."""
    accepting, attesting = invitation.statement().strip().split("\n\n")
    text = fill(accepting, Name=contact.name, Email=contact.address)
    for ssc in sscs:
        text += "\n" + fill(attesting, Name=ssc.name, Email=ssc.address, Phone="+31 6 1234 5678", Key=ssc.grouped)
    return text


def appoint(world: World, tld: str, contact: Person) -> None:
    """A trust root appoints an Admin Contact whom they know anyway, by the text in their guide."""
    lines = ["appoint-admin-contact", f"List: {LIST}", f"TLD: {tld}", f"Name: {contact.name}", f"Email: {contact.address}"]
    text = "Securelist-Statement: " + "\n".join([*lines, f"Key: {contact.grouped}"]) + "\n"
    world.roots[0].send(text, world.request, attach=[contact.certificate])
    world.roots[0].inbox("took effect")


def attest(world: World, tld: str, contact: Person, *sscs: Person) -> None:
    """An appointed Admin Contact makes somebody a member, by the text in their guide."""
    texts = []
    for ssc in sscs:
        lines = ["attest-ssc", f"List: {LIST}", f"TLD: {tld}", f"Name: {ssc.name}", f"Email: {ssc.address}", f"Key: {ssc.grouped}"]
        texts.append("Securelist-Statement: " + "\n".join(lines) + "\n")
    contact.send("\n".join(texts), world.request, attach=[ssc.certificate for ssc in sscs])
    contact.inbox("took effect")


def request_of(ssc: Person, tld: str) -> str:
    """The text in the member's guide, filled in."""
    lines = ["request-membership", f"List: {LIST}", f"TLD: {tld}", f"Name: {ssc.name}", f"Email: {ssc.address}"]
    return "Securelist-Statement: " + "\n".join([*lines, "Phone: +31 6 1234 5678", f"Key: {ssc.grouped}"]) + "\n"


def number_of_request(mail: Shown, ssc: Person) -> str:
    """The number under which a letter to the Secretariat names somebody's request."""
    words = re.sub(r"\s+", " ", mail.text)
    found = re.search(rf"(\d+)[.,] (?:{re.escape(ssc.name)} <)?{re.escape(ssc.address)}", words)
    assert found, mail.text
    return found[1]


def answer_welcome(ssc: Person) -> Shown:
    """A new member answers the welcome, signed and encrypted, and is told that it worked; the welcome."""
    welcome = ssc.inbox("Welcome")
    ssc.reply(welcome, "Hello", encrypt=True)
    ssc.inbox("Your key works")
    return welcome
