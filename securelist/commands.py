"""The commands that can be mailed to LIST-request: their words, who may send them, and what each does. `command_desk` reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from securelist.cctld.cctlds import find_cctld
from securelist.cctld.table import as_csv
from securelist.contacts import asked
from securelist.drill.office import DrillOffice
from securelist.drill.report import status_of
from securelist.errors import Refused
from securelist.installation import Installation
from securelist.letters import Facts, Verbatim
from securelist.openpgp.signed import Verified
from securelist.orders import MAX_QUOTED, Order
from securelist.procedures.attached import text_file
from securelist.procedures.dates import day
from securelist.procedures.office import MAX_BATCH, Done, Office, Once
from securelist.procedures.reach import facts_of as facts_of_reach
from securelist.procedures.reach import reach
from securelist.procedures.waiting import facts_of, texts_to_sign, what_waits
from securelist.trust.draft import draft
from securelist.trust.membership import SUSPENDED, Member
from securelist.trust.statement import Person, StatementType
from securelist.upkeep.status import status


@dataclass(frozen=True)
class Sender:
    """Who sent a command: what they signed, whether they are a trust root, and the Message-ID of their mail."""

    verified: Verified
    is_root: bool
    message_id: str


@dataclass(frozen=True)
class Ask:
    """One command as it is carried out for somebody. `once` stands around what it changes, and raises Refused the second time."""

    house: Installation
    order: Order
    sender: Sender
    at: int
    once: Once


@dataclass(frozen=True)
class Answer:
    """The letter that answers a command, and a sentence of what was done."""

    kind: str
    sentence: str
    facts: Facts = field(default_factory=dict)
    parts: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Command:
    """A command: its word, whether it is for trust roots alone, what it does, and how it is written, with a line of help for each way.

    `answer` is the kind of the letter by which it is answered if it changes nothing else; empty if it does change something.
    """

    word: str
    by_roots: bool
    run: Callable[[Ask], Answer]
    help: tuple[tuple[str, str], ...]
    answer: str = ""
    of_some: str = ""
    """The same where ccTLDs are named, if it is another letter then."""

    def answered_by(self, order: Order) -> str:
        """The kind of the letter by which an order is answered that changes nothing; else empty."""
        return self.of_some if order.arguments and self.of_some else self.answer


# --- the commands ------------------------------------------------------------------------------------------------------------


def _help(ask: Ask) -> Answer:
    return Answer("help", "sent help", {"commands": commands_for(ask.sender.is_root)})


def _sendkey(_ask: Ask) -> Answer:
    return Answer("certificate", "sent the list's certificate")


def _coverage(ask: Ask) -> Answer:
    rows = reach(ask.house, ask.at)
    facts = facts_of_reach(rows) | {"day": day(ask.at)}
    return Answer("coverage", "sent the coverage", facts, (text_file("coverage.csv", as_csv(rows), "csv"),))


def _check_member(ask: Ask) -> None:
    """Raises Refused unless a member or a trust root asks: the answer has names and telephone numbers of members."""
    member = ask.house.membership().member_by_key(ask.sender.verified.signer, ask.at)
    if not ask.sender.is_root and (member is None or member.state == SUSPENDED):
        raise Refused("members-only", f"only members and the Secretariat can send {ask.order.word}")


def _contacts(ask: Ask) -> Answer:
    _check_member(ask)
    if names := ask.order.arguments:
        return Answer("contacts-of", "sent the contacts of some ccTLDs", *asked.some(ask.house, names, ask.at))
    return Answer("contacts", "sent the contacts", *asked.whole(ask.house, ask.at))


def _members(ask: Ask) -> Answer:
    _check_member(ask)
    return Answer("members", "sent the list of members", *asked.members(ask.house, ask.at))


def _log(ask: Ask) -> Answer:
    _check_member(ask)
    return Answer("log", "sent the log", *asked.log(ask.house, ask.at))


def _status(ask: Ask) -> Answer:
    _check_member(ask)
    return Answer("status", "sent the status", status(ask.house, ask.at))


def _pending(ask: Ask) -> Answer:
    waits = what_waits(ask.house, ask.at)
    return Answer("pending", "sent what waits", facts_of(ask.house, waits), tuple(texts_to_sign(ask.house, waits)))


def _invite(ask: Ask) -> Answer:
    names, office = ask.order.arguments, Office(ask.house)
    if len(names) > MAX_BATCH:
        raise Refused("too-many", f"one command invites at most {MAX_BATCH} ccTLDs")
    if not names:
        raise Refused("no-cctld", "name the ccTLDs to invite, as in: invite nl br; or say how many: invite --batch 20")
    if names[0].strip("-\u2013\u2014").lower() == "batch":  # mail programs make one dash of two
        count = _numbers(names[1:])
        if len(count) != 1:
            raise Refused("bad-batch", "say how many to invite, as in: invite --batch 20")
        return _done("invited", office.invite_batch(count[0], ask.at, ask.once))
    return _done("invited", office.invite(_cctlds(names), ask.at, ask.once))


def _cctlds(words: tuple[str, ...]) -> tuple[str, ...]:
    """The ccTLDs that these words are; if one is none, nobody is meant: a letter of theirs to somebody else may begin with `Invite`."""
    try:
        return tuple(find_cctld(word).name for word in words)
    except Refused as refused:
        raise Refused(refused.reason, f"nobody was invited: {refused.detail}") from None


def _release(ask: Ask) -> Answer:
    return _done("released", Office(ask.house).release(_requests(ask), ask.at, ask.once))


def _decline(ask: Ask) -> Answer:
    return _done("declined", Office(ask.house).decline(_requests(ask), ask.at, ask.once))


def _requests(ask: Ask) -> tuple[int, ...]:
    """The numbers of requests that a command names."""
    numbers = _numbers(ask.order.arguments)
    if len(numbers) > MAX_BATCH:
        raise Refused("too-many", f"one command names at most {MAX_BATCH} requests")
    if not numbers:
        raise Refused("no-number", f"say which requests, by the numbers that `pending` shows, as in: {ask.order.word} 7")
    return numbers


def _numbers(words: tuple[str, ...]) -> tuple[int, ...]:
    found = [re.fullmatch(r"#?([0-9]{1,9})\.?", word) for word in words]
    for word, match in zip(words, found, strict=True):
        if match is None:
            raise Refused("bad-number", f"{word[:MAX_QUOTED]!a} is no number")
    return tuple(int(match[1]) for match in found if match)


def _done(kind: str, done: list[Done]) -> Answer:
    facts = {"done": [one for one in done if one.done], "not_done": [one for one in done if not one.done]}
    return Answer(kind, f"{len(facts['done'])} {kind}, {len(facts['not_done'])} not", facts)


def _drill(ask: Ask) -> Answer:
    office, words = DrillOffice(ask.house), tuple(word.lower() for word in ask.order.arguments)
    if words not in ((), ("start",), ("status",)):
        raise Refused("bad-drill", "a drill begins with the one word: drill; and tells how far it is with: drill status")
    if words == ("status",):
        return Answer("drill-status", "sent the drill's count", status_of(*office.find(None), ask.at))
    drill = office.start(ask.at, by=ask.sender.verified.signer, once=ask.once)
    facts = status_of(*office.find(drill.id), ask.at)
    return Answer("drill-status", f"drill {drill.id} has begun", {**facts, "begun": True})


def _suspend(ask: Ask) -> Answer:
    member = _member(ask)
    if member.state == SUSPENDED:
        raise Refused("suspended-already", f"{member.emails[0]} is {member.why} already")
    return _ready_to_sign(ask, member, StatementType.SUSPEND_MEMBER)


def _resume(ask: Ask) -> Answer:
    member = _member(ask)
    if member.state != SUSPENDED:
        raise Refused("not-suspended", f"{member.emails[0]} is not suspended")
    return _ready_to_sign(ask, member, StatementType.RESUME_MEMBER)


def _member(ask: Ask) -> Member:
    if len(ask.order.arguments) != 1:
        raise Refused("no-address", f"say who, by one address, as in: {ask.order.word} anna@registry.example")
    address = ask.order.arguments[0].strip("<>").removeprefix("mailto:")
    member = ask.house.membership().member_by_address(address, ask.at)
    if member is None:
        raise Refused("unknown-member", f"nobody with the address {address[:MAX_QUOTED]!a} is a member")
    return member


def _ready_to_sign(ask: Ask, member: Member, kind: StatementType) -> Answer:
    text = draft(kind, list=ask.house.config.list, tld=member.cctld, person=Person(member.name, member.emails))
    facts = {"word": ask.order.word, "member": member, "statement": Verbatim(text)}
    return Answer("ready-to-sign", "sent the statement to sign", facts, (text_file(f"{kind}.txt", text),))


_CONTACTS = (("contacts", "for members: how to reach everybody"), ("contacts nl br", "the same, of these ccTLDs"))
_DRILL = (("drill", "asks every member for a signed and encrypted answer, within 24 hours"), ("drill status", "how many answered"))
_BATCH = ("invite --batch 20", "the next so many who were not invited")
COMMANDS: Mapping[str, Command] = {
    command.word: command
    for command in (
        Command("help", False, _help, (("help", "this text"),), "help"),
        Command("sendkey", False, _sendkey, (("sendkey", "the list's certificate"),), "certificate"),
        Command("status", False, _status, (("status", "for members: who could read a post sent now, who could not"),), "status"),
        Command("contacts", False, _contacts, _CONTACTS, "contacts", of_some="contacts-of"),
        Command("members", False, _members, (("members", "for members: who is here, and all certificates"),), "members"),
        Command("log", False, _log, (("log", "for members: every change of membership, to verify"),), "log"),
        Command("coverage", True, _coverage, (("coverage", "which ccTLDs are here, by region"),), "coverage"),
        Command("pending", True, _pending, (("pending", "what waits for whom, and the texts to sign"),), "pending"),
        Command("invite", True, _invite, (("invite nl br", "invites their Admin Contacts of record"), _BATCH)),
        Command("release", True, _release, (("release 7", "lets the Admin Contact be asked about request 7"),)),
        Command("decline", True, _decline, (("decline 7", "ends request 7"),)),
        Command("drill", True, _drill, _DRILL),
        Command("suspend-member", True, _suspend, (("suspend-member ADDRESS", "the statement that does it, to sign"),), "ready-to-sign"),
        Command("resume-member", True, _resume, (("resume-member ADDRESS", "likewise, to end that"),), "ready-to-sign"),
    )
}


def commands_for(is_root: bool) -> tuple[tuple[str, str], ...]:
    """What somebody may send, and what it does, for the letters that say so."""
    return tuple(line for command in COMMANDS.values() for line in command.help if is_root or not command.by_roots)
