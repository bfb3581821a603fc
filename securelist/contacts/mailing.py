"""The repository mailed to every member: once a month by the calendar, and when the operator says so.

Sealed once for all, as a post is; plaintext is in memory only. What was mailed, and for which month, is recorded in the
transaction that queues it: whatever is killed, and however many processes do this, each month's mail leaves once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from securelist.contacts import text
from securelist.contacts.changes import Changes, Digests, changes
from securelist.contacts.parts import Part, all_parts, fitting, weight
from securelist.contacts.repository import Repository, repository
from securelist.delivery.bounce_token import read_secret
from securelist.errors import Refused, TryAgain
from securelist.exported import Exported, exported
from securelist.installation import Installation
from securelist.letters import Facts, Verbatim
from securelist.letters.templates import Words
from securelist.mail.addresses import Role, address_for
from securelist.mail.protection import Protected, protect, text_part
from securelist.procedures.dates import day
from securelist.store import mailed, queue
from securelist.store.database import reading
from securelist.store.mailed import Mailing
from securelist.store.queue import NewPost
from securelist.trust.copies import HEAD_FIELD
from securelist.trust.membership import SUSPENDED, Member, Membership
from securelist.trust.root_effects import not_founded

# What many mail servers still take, and a telephone fetches in a minute; 900 members with their certificates and the log stay below.
MAX_MAIL_OCTETS = 10_000_000
# Header, session-key packets and armour of a copy.
HEAD_OCTETS = 30_000
# What `lap` hears: the repository in all its forms, the mail around them, one sealed body, a row for each copy.
MADE, COMPOSED, SEALED, QUEUED = "repository made", "mail composed", "sealed", "queued"
# Somebody's statement may enter the log between two looks; more often, something is wrong.
ATTEMPTS = 3


@dataclass(frozen=True)
class Sent:
    """A mailing that was queued: to how many members, how many of them cannot be reached, the size of a copy in octets, and its parts."""

    post: int
    members: int
    unreachable: int
    octets: int
    parts: tuple[Part, ...]
    left_out: tuple[Part, ...]


@dataclass(frozen=True)
class Issue:
    """One issue of the repository: contacts and log as of the same entry, and what changed since the last one (None: the first)."""

    repository: Repository
    membership: Membership
    log: Exported
    news: Changes | None
    since: int


def nobody(_step: str) -> None:
    """Hears of a step, and does nothing."""


class Mailings:
    """The mailings of one installation."""

    def __init__(self, house: Installation) -> None:
        self._house = house

    def round(self, at: int) -> None:
        """Queues the mail that is due at `at` (Unix seconds), if the calendar has one and it was not sent. Raises TryAgain."""
        due, membership = last_due(self._house.config.contacts_day, at), self._house.membership()
        if not due or membership.founding is None or membership.entries[membership.founding.entry - 1].time >= due:
            return
        if self._was_sent(due, at) or not _can_be_reached(membership, at):
            return
        try:
            self._send(f"contacts {due}", at, due)
        except Refused as refused:
            if refused.reason != "duplicate-message-id":  # another process has just sent it
                raise

    def send(self, at: int, lap: Callable[[str], None] = nobody) -> Sent:
        """Queues it now, whatever the calendar says; `lap` hears the name of each step as it ends.

        Raises Refused("not-founded", "no-members", "no-recipients"), TryAgain.
        """
        return self._send(f"contacts sent {at}", at, None, lap)

    def _was_sent(self, due: int, at: int) -> bool:
        with reading(self._house.engine) as connection:
            return _is_sent(mailed.last(connection), due, at)

    def _send(self, occasion: str, at: int, due: int | None, lap: Callable[[str], None] = nobody) -> Sent:
        # 1. Who gets it.
        membership = self._house.membership()
        members = _recipients(membership, at)
        if membership.founding is None:
            raise not_founded()
        if not members:
            raise Refused("no-members", "the list has no member who is not suspended; there is nobody to send the contacts to")
        # 2. What is in it.
        issue = issue_of(self._house, at)
        parts = all_parts(issue.repository, issue.log)
        lap(MADE)
        mail, kept = self._composed(issue, parts, occasion, at)
        lap(COMPOSED)
        # 3. Seal it once for all.
        voice = self._house.voice
        sealed = voice.sealer.seal(mail, members, membership.certificates, at)
        lap(SEALED)
        # 4. Queue it, with what the next one is compared with.
        key, message_id = voice.letterhead.config.key, voice.letterhead.letter_id(occasion)
        new = NewPost(queue.CONTACTS, message_id, at, key, "", sealed.headers, sealed.body, sealed.copies)
        number = queue.commit_post(self._house.engine, new, with_it=self._recorded(issue, due))
        lap(QUEUED)
        unreachable = len({copy.fingerprint for copy in sealed.copies if copy.unreachable})
        octets = len(sealed.body) * 65 // 48 + len(sealed.headers)
        return Sent(number, len(members), unreachable, octets, kept, tuple(part for part in parts if part not in kept))

    def _composed(self, issue: Issue, parts: tuple[Part, ...], occasion: str, at: int) -> tuple[Protected, tuple[Part, ...]]:
        """The mail, and the parts that fit into it."""
        letterhead, facts = self._house.voice.letterhead, facts_of(issue)
        room = MAX_MAIL_OCTETS - HEAD_OCTETS - weight(facts["contacts"].encode())
        kept = fitting(parts, room)
        words = self._words({**facts, **told(parts, kept)})
        fields = letterhead.list_fields(letterhead.config.display_name, at)
        fields += [("Reply-To", address_for(Role.REQUEST, letterhead.config.list)), ("Message-ID", letterhead.letter_id(occasion))]
        fields += [("Auto-Submitted", "auto-generated")]  # RFC 3834, 5
        head = issue.repository.head
        inner = [(HEAD_FIELD, f"entry={head.number}; hash={head.hash}")]
        entities = [text_part(words.text, words.subject), *(part.entity for part in kept)]
        return protect(fields, words.subject, inner, entities), kept

    def _words(self, facts: Facts) -> Words:
        return self._house.letters.words("contacts", facts)

    def _recorded(self, issue: Issue, due: int | None) -> Callable[[Connection], None]:
        """Records the mailing with the post, in its transaction; raises Refused if another process has just sent this month's."""
        rows = _digests(self._house).snapshot(issue.repository.contacts)

        def record(connection: Connection) -> None:
            last = mailed.last(connection)
            if due is not None and _is_sent(last, due, issue.repository.at):
                raise Refused("duplicate-message-id", "the repository of this month was sent by another process")
            before = last.due if last else 0
            mailing = Mailing(before if due is None else due, issue.repository.at, issue.repository.head.number)
            mailed.replace(connection, mailing, rows)

        return record


def last_due(contacts_day: int, at: int) -> int:
    """The last 00:00 UTC of that day of a month by `at`, both Unix seconds; 0 for day 0, which never comes."""
    if not contacts_day:
        return 0
    now = datetime.fromtimestamp(at, UTC)
    if now.day < contacts_day:
        now = now.replace(day=1) - timedelta(days=1)
    return int(now.replace(day=contacts_day, hour=0, minute=0, second=0, microsecond=0).timestamp())


def issue_of(house: Installation, at: int) -> Issue:
    """The repository and the log at `at`, as of the same entry, with the texts of what has ended left out. Raises Refused, TryAgain."""
    for _ in range(ATTEMPTS):
        found, membership = repository(house, at), house.membership()
        log = exported(house, at, without_ended=True)
        if found.head == membership.head == log.head:
            return Issue(found, membership, log, *_since(house, found, membership))
    raise TryAgain("log-moved", "entries are being made all the time; please try again")


def _since(house: Installation, found: Repository, membership: Membership) -> tuple[Changes | None, int]:
    with reading(house.engine) as connection:
        last, before = mailed.last(connection), mailed.members(connection)
    return (changes(found, before, membership, _digests(house)), last.at) if last else (None, 0)


def facts_of(issue: Issue) -> Facts:
    """What the letter says of an issue, but for its parts."""
    found, news = issue.repository, issue.news
    return {
        "day": day(found.at),
        "since": day(issue.since) if issue.since else "",
        "members": len(found.contacts),
        "cctlds": len({one.cctld for one in found.contacts}),
        "sentence": news.sentence if news else "",
        "changes": Verbatim(news.text if news else ""),
        "contacts": Verbatim(text.write(found).decode()),
        "entries": issue.log.head.number,
        "ended": issue.log.left_out,
    }


def told(parts: tuple[Part, ...], kept: tuple[Part, ...]) -> Facts:
    """What the letter says of its parts: the names of those that are there, by form, and those that are not."""
    gone = [{"name": part.name, "size": part.megabytes, "command": part.command} for part in parts if part not in kept]
    return {"files": {part.form: part.name if part in kept else "" for part in parts}, "missing": gone}


def _digests(house: Installation) -> Digests:
    return Digests(read_secret(house.home))


def _is_sent(last: Mailing | None, due: int, at: int) -> bool:
    """Whether what is due was mailed. A mailing for a time that has not come was made by a clock that was ahead: it does not count."""
    return last is not None and due <= last.due <= at


def _recipients(membership: Membership, at: int) -> list[Member]:
    return [member for member in membership.members(at) if member.state != SUSPENDED]


def _can_be_reached(membership: Membership, at: int) -> bool:
    """Whether anybody could read it: otherwise it waits for that."""
    return any(membership.certificates[member.fingerprint].can_encrypt(at) for member in _recipients(membership, at))
