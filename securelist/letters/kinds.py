"""The kinds of letters: how many of each a person gets at most, where an answer goes, and what is always attached.

A kind has the name of its template in `en/`, without `.txt`. A new kind is a template and a line in `KINDS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from securelist.mail.addresses import Role, same_address
from securelist.store import journal
from securelist.store.database import writing
from securelist.store.retention import DAY_S

WEEK_S = 7 * DAY_S

# Enough to find one's mistake in; not enough for somebody who writes in a member's name to flood them.
EXPLANATIONS_A_DAY = 3
# A person asks once, perhaps again; a loop of two robots asks every second.
CERTIFICATES_A_DAY = 5
# Addresses cost nothing to invent: whoever asks in many names reaches one mail server, or us.
PUBLIC_LETTERS_TO_A_DOMAIN = 20
PUBLIC_LETTERS_IN_ALL = 500
# A Secretariat that bootstraps a list hands in some hundred statements a day.
RECEIPTS_A_DAY = 500
# Whoever makes so many mistakes a day has a program that makes them.
REFUSALS_A_DAY = 50
# The Secretariat's mailbox is public; this many a day is a flood that the operator should stop.
FORWARDS_A_DAY = 200
# Of these from one sender: a person with a question, or a program that answers what we forward because its owner is a trust root.
FORWARDS_FROM_ONE_A_DAY = 20
# Three contacts, each with a new key; more is something to telephone about, and the first letters said so.
NEW_KEYS_A_DAY = 20
# One says all there is to do; a sender of odd signatures must not fill the Secretariat's mailbox.
ALARMS_A_DAY = 10
# One a day about each member: a thief who has the keys of half a dozen is an incident that everybody knows of.
FLOODS_A_DAY = 20
# Some organisations run half a dozen ccTLDs, each of which is invited, and reminded a week later.
INVITATIONS_A_WEEK = 14
# Each is about one answer that was tried; three mistakes in a day are for the telephone.
UNUSABLE_ANSWERS_A_DAY = 3
# A trust root hears of each answer, three hundred while a list begins; nobody else gets more than one ccTLD's worth.
ANSWERS_A_DAY = 50
# Three contacts for each ccTLD, some people speak for several; each request was released by a trust root.
REQUESTS_A_DAY = 20
# One a round, and the rounds of a day that have something to tell are few.
LAPSES_A_DAY = 20

# One for each key that somebody is a member with; whoever changes keys more often than this is not reading.
WELCOMES_A_DAY = 3
# One for each ccTLD whose contacts are silent, and somebody may speak for several ccTLDs.
SILENCES_A_DAY = 20

# Somebody who works through the list a whole day, a command at a time.
COMMANDS_A_DAY = 100
# One each week; the second is for a clock that was set.
SUMMARIES_A_WEEK = 2

# A post every quarter of an hour, day and night, each with both of its receipts.
POSTERS_RECEIPTS_A_DAY = 200
# One says how it is; somebody who always writes the same words learns by the third to write others.
REPEATED_POSTS_A_DAY = 5
# In an incident somebody looks every half an hour, around the clock; the letter is long, and takes a look at every member.
STATUSES_A_DAY = 50

# One an hour at most, about what was posted; one more where the clocks of two processes differ.
NOTICES_A_DAY = 25
# One for each ccTLD. Somebody may speak for several, and the Secretariat hears of all that have nobody; the rest comes the day after.
ABSENCES_A_DAY = 50
# Whose address works on and off hears of the rest a day later, in one letter.
RETURNS_A_DAY = 5

# One a day for each key; somebody may have one as a member and another as an Admin Contact, or have just changed keys.
ENDINGS_A_DAY = 3

# One a month for each ccTLD that somebody is a contact of; more are due at once only after a change of `confirm_days`.
CONFIRMATIONS_A_DAY = 5
# Somebody who tries all day; whoever sees their mail can have it written, too.
CONFIRMED_WRONGLY_A_DAY = 5
# One for each ccTLD that somebody speaks for, and the Secretariat hears of all that have nobody in one.
OVERDUE_A_DAY = 20

# Megabytes each, worked out of every member's details: one for each device, and one that was deleted.
REPOSITORIES_A_DAY = 3
# In an incident somebody looks up one ccTLD after the other; each takes a look at every member.
LOOK_UPS_A_DAY = 50
# All certificates; the next day's has hardly another.
MEMBERS_A_DAY = 5
# The largest there is, and signed anew each time.
LOGS_A_DAY = 3

# One at the mark, one a week after; one more for an address that works on and off.
FAILING_ADDRESSES_A_WEEK = 3

# One drill at a time, of an hour at least; whoever runs more of them in a day tries them out.
DRILLS_A_DAY = 10
# One for each thing that was wrong with somebody's answer, in each drill.
DRILL_ERRORS_A_DAY = 10

# Over all kinds but those that outsiders can provoke: whatever goes wrong here, this is the most that a person gets in a day.
LETTERS_A_DAY = 100
# A trust root hands in what bootstraps a list, and hears of each request and each answer.
SECRETARIAT_LETTERS_A_DAY = 1000

_LETTER = "letter "  # begins the journal's event; the kind follows
_PROVOKED = "provoked letter "
_TOO_MANY = "not written: "


@dataclass(frozen=True)
class Kind:
    """What holds for all letters of one kind. `limit`: to one address within `window` seconds; 0 elsewhere: no such limit."""

    limit: int
    window: int = DAY_S
    to_a_domain: int = 0
    in_all: int = 0
    asked: bool = False
    """Whether it answers a mail of the person's: `auto-replied`, else `auto-generated` (RFC 3834, 5)."""
    reply_to: Role = Role.REQUEST
    """Which of the list's addresses an answer goes to; never the one that posts."""
    certificate: bool = False
    """Whether the list's certificate is attached; to public letters it always is."""
    provoked: bool = False
    """Whether outsiders can have it written, by a mail in somebody's name or by their text, mailed again: then it has its own limits
    only, and uses up nothing of what a person may get in a day."""

    @property
    def event(self) -> str:
        """What the journal's events begin with that count such letters."""
        return _PROVOKED if self.provoked else _LETTER


KINDS: Mapping[str, Kind] = {
    "explanation": Kind(EXPLANATIONS_A_DAY, asked=True, provoked=True),
    "certificate": Kind(
        CERTIFICATES_A_DAY, DAY_S, PUBLIC_LETTERS_TO_A_DOMAIN, PUBLIC_LETTERS_IN_ALL, asked=True, certificate=True, provoked=True
    ),
    "forward": Kind(FORWARDS_A_DAY, reply_to=Role.OWNER, provoked=True),
    "help": Kind(REFUSALS_A_DAY, asked=True, provoked=True),
    "unknown-command": Kind(REFUSALS_A_DAY, asked=True, provoked=True),
    "refused": Kind(REFUSALS_A_DAY, asked=True, provoked=True),
    "receipt": Kind(RECEIPTS_A_DAY, asked=True),
    "key-replaced": Kind(NEW_KEYS_A_DAY),
    "engines-differ": Kind(ALARMS_A_DAY, provoked=True),
    "flood": Kind(FLOODS_A_DAY),
    "invitation": Kind(INVITATIONS_A_WEEK, WEEK_S),
    "appoint": Kind(RECEIPTS_A_DAY),
    "answer-kept": Kind(ANSWERS_A_DAY, asked=True),
    "invitation-answered": Kind(ANSWERS_A_DAY),
    "answer-ended": Kind(ANSWERS_A_DAY),
    "appointed": Kind(ANSWERS_A_DAY),
    "attest": Kind(REQUESTS_A_DAY, certificate=True),
    "attest-lapsed": Kind(REQUESTS_A_DAY),
    "request-released": Kind(REQUESTS_A_DAY, asked=True, certificate=True),
    "request-lapsed": Kind(REQUESTS_A_DAY),
    "request-declined": Kind(REQUESTS_A_DAY),
    "lapsed": Kind(LAPSES_A_DAY),
    "welcome": Kind(WELCOMES_A_DAY, certificate=True),
    "confirmed": Kind(WELCOMES_A_DAY, asked=True),
    "unconfirmed": Kind(SILENCES_A_DAY),
    "encrypt-too": Kind(REFUSALS_A_DAY, asked=True, certificate=True, provoked=True),
    "command-refused": Kind(REFUSALS_A_DAY, asked=True, provoked=True),
    "coverage": Kind(COMMANDS_A_DAY, asked=True),
    "pending": Kind(COMMANDS_A_DAY, asked=True),
    "invited": Kind(COMMANDS_A_DAY, asked=True),
    "released": Kind(COMMANDS_A_DAY, asked=True),
    "declined": Kind(COMMANDS_A_DAY, asked=True),
    "ready-to-sign": Kind(COMMANDS_A_DAY, asked=True),
    "sign-too": Kind(RECEIPTS_A_DAY),
    "summary": Kind(SUMMARIES_A_WEEK, WEEK_S),
    "ending": Kind(ENDINGS_A_DAY),
    # Whoever posts under a stolen key must not use up what tells its owner of it.
    "handed-over": Kind(POSTERS_RECEIPTS_A_DAY, asked=True, provoked=True),
    "posted-before": Kind(REPEATED_POSTS_A_DAY, asked=True, provoked=True),
    "status": Kind(STATUSES_A_DAY, asked=True),
    "contacts": Kind(REPOSITORIES_A_DAY, asked=True),
    "contacts-of": Kind(LOOK_UPS_A_DAY, asked=True),
    "members": Kind(MEMBERS_A_DAY, asked=True),
    "log": Kind(LOGS_A_DAY, asked=True),
    "missed": Kind(NOTICES_A_DAY),
    "absent": Kind(ABSENCES_A_DAY),
    "back": Kind(RETURNS_A_DAY),
    "address-fails": Kind(FAILING_ADDRESSES_A_WEEK, WEEK_S),
    "renewed": Kind(RECEIPTS_A_DAY),
    "confirm": Kind(CONFIRMATIONS_A_DAY),
    "confirm-again": Kind(CONFIRMED_WRONGLY_A_DAY, asked=True, provoked=True),
    "overdue": Kind(OVERDUE_A_DAY),
    "drill": Kind(DRILLS_A_DAY, certificate=True),
    "drill-again": Kind(DRILL_ERRORS_A_DAY, asked=True, certificate=True, provoked=True),
    "drill-result": Kind(DRILLS_A_DAY),
    "drill-report": Kind(DRILLS_A_DAY),
    "drill-status": Kind(COMMANDS_A_DAY, asked=True),
    "invitation-unusable": Kind(
        UNUSABLE_ANSWERS_A_DAY, DAY_S, PUBLIC_LETTERS_TO_A_DOMAIN, PUBLIC_LETTERS_IN_ALL, asked=True, provoked=True
    ),
}


def allowed(engine: Engine, name: str, address: str, at: int, overall: int = LETTERS_A_DAY) -> bool:
    """Whether one more letter of this kind may go to `address`; if not, the journal says so once a day for each kind and address.

    `overall` is the most of all kinds together in a day; those that can be provoked neither count nor are held up there.
    """
    kind = KINDS[name]
    counted = [(f"{kind.event}{name}", False, subject, kind.window, most) for subject, most in _limits(name, address)]
    if not kind.provoked:
        counted.append((_LETTER, True, same_address(address), DAY_S, overall))
    if all(journal.count(engine, event, subject, at - window, starting=any_) < most for event, any_, subject, window, most in counted):
        return True
    _note_once(engine, f"{_TOO_MANY}{name}", same_address(address), at)
    return False


def written(engine: Engine, name: str, address: str, at: int) -> None:
    """Counts a letter that was queued."""
    with writing(engine) as connection:
        for subject, _ in _limits(name, address):
            journal.note(connection, at, f"{KINDS[name].event}{name}", subject)


def _limits(name: str, address: str) -> list[tuple[str, int]]:
    """What is counted, and the most that is allowed of it."""
    kind, whom = KINDS[name], same_address(address)
    everybody = ((whom, kind.limit), (whom.rpartition("@")[2], kind.to_a_domain), ("everybody", kind.in_all))
    return [(subject, most) for subject, most in everybody if most]


def _note_once(engine: Engine, event: str, address: str, at: int) -> None:
    if not journal.count(engine, event, address, at - DAY_S):
        with writing(engine) as connection:
            journal.note(connection, at, event, address, "too many within a day or a week")
