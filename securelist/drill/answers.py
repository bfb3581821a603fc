"""Answers to a drill among the mail to LIST-request: which count, and what is wrong with the others.

An answer is encrypted to the list and signed by the member's key while the drill runs, and shows that its writer has read the
letter: by the code in what was signed, or by naming the letter's Message-ID. Who misses one of these is told at once, and can
try again. What was signed in the drill's time as an answer is that and nothing else: no command in it is obeyed, and the list
does not post it. Nobody is thanked for an answer that counts: the result tells it, to everybody, in one letter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from securelist.addressees import Addressees
from securelist.delivery.bounce_token import read_secret
from securelist.drill.code import codes_in, make_code
from securelist.drill.outcome import LATE, OTHER_KEY, UNENCRYPTED, UNREADABLE, UNSIGNED
from securelist.drill.rounds import letter_ids
from securelist.errors import Refused
from securelist.installation import Installation
from securelist.letters import Facts
from securelist.mail.addresses import Role, address_for
from securelist.mail.mime import read_entity
from securelist.openpgp.signed import MAX_AHEAD_S, Verified
from securelist.orders import digest_of
from securelist.post.addressed import check_addressed
from securelist.procedures.dates import minute
from securelist.store import commands, drills
from securelist.store.database import reading, writing
from securelist.store.drills import Drill, DrillMember
from securelist.trust.text import is_entity, text_of

# Texts that are searched for a code: somebody's words, what they quote, and some parts that they attached.
MAX_SEARCHED = 8
# Message-IDs in References: a thread of a week; each is compared with one for each member.
MAX_REFERENCES = 20


@dataclass(frozen=True)
class Reply:
    """A mail to LIST-request as a drill looks at it. `texts` is all that it says, whoever wrote it; `answers` the mails that it names."""

    signer: Verified | None
    """What somebody in the log, or a trust root, did sign in it."""
    sealed: bool
    """Whether that was signed inside an encryption to the list."""
    signed: bool
    encrypted: bool
    texts: tuple[bytes, ...]
    answers: tuple[str, ...]
    problem: str
    """The reason for which nothing of it was for the log."""
    message_id: str


@dataclass(frozen=True)
class Heard:
    """What a mail was to the drill: an answer of its signer's, made while it ran (`within`), and whether anything is `wrong` with it."""

    detail: str
    within: bool = False
    wrong: str = ""


class Answers:
    """Hears what comes back in the drills of one installation."""

    def __init__(self, house: Installation) -> None:
        self._house, self._people = house, Addressees(house)

    def hear(self, reply: Reply, was_posted: Callable[[Verified], bool], at: int) -> Heard | None:
        """What this mail is to the last drill; None if it has nothing to do with it, or is not its signer's own answer. Raises TryAgain.

        `was_posted` says whether what was signed went to the list as a post.
        """
        shown = [code for text in _texts(reply) for code in codes_in(text)]
        answers = list(islice((one for one in reply.answers if self._house.voice.letterhead.is_own(one)), MAX_REFERENCES))
        if not shown and not answers:
            return None
        with reading(self._house.engine) as connection:
            drill = drills.newest(connection)
            rows = drills.members(connection, drill.id) if drill else ()
        if drill is None:
            return None
        own = self._own(drill, rows, reply, answers, at)
        if own is None:
            self._hear_others(drill, self._meant(drill, rows, shown, answers, at), reply, at)
            return None
        if reply.signer is None or not self._is_for_us(reply.signer) or was_posted(reply.signer):
            return None
        return self._judge(drill, own, reply, reply.signer, at)

    # --- whose it is ---------------------------------------------------------------------------------------------------------

    def _own(self, drill: Drill, rows: Iterable[DrillMember], reply: Reply, answers: list[str], at: int) -> DrillMember | None:
        """The member who signed this, if it answers the letter that they got, and was signed after that."""
        signer = reply.signer
        row = next((one for one in rows if signer and one.fingerprint == signer.signer), None)
        if row is None or signer is None or signer.made < max(row.asked, drill.started) - MAX_AHEAD_S:
            return None
        said = codes_in(_signed_text(signer))
        if self._code(drill, row) in said or letter_ids(self._house, drill, at).get(row.fingerprint) in answers:
            return row
        return None

    def _meant(self, drill: Drill, rows: Iterable[DrillMember], shown: list[str], answers: list[str], at: int) -> list[DrillMember]:
        """The members whose code a mail shows, or whose letter it answers, whoever sent it."""
        ids = letter_ids(self._house, drill, at) if answers else {}
        return [row for row in rows if (shown and self._code(drill, row) in shown) or ids.get(row.fingerprint) in answers]

    def _code(self, drill: Drill, row: DrillMember) -> str:
        return make_code(read_secret(self._house.home), drill.id, drill.started, row.fingerprint)

    def _is_for_us(self, signer: Verified) -> bool:
        """Whether what was signed says nothing else of whom it is for."""
        content = read_entity(signer.content if is_entity(signer.content) else b"\n")
        with suppress(Refused):
            check_addressed(content, signer.intended, address_for(Role.REQUEST, self._house.config.list), self._house.anchor.keys)
            return True
        return False

    # --- what it is ----------------------------------------------------------------------------------------------------------

    def _judge(self, drill: Drill, row: DrillMember, reply: Reply, signer: Verified, at: int) -> Heard:
        if min(signer.made, at) >= drill.ends:  # by the signature where clocks agree: mail may be on its way for long
            if reply.sealed:
                self._remember(row, LATE, f"signed on {minute(signer.made)} UTC")
            return Heard(f"too late for drill {drill.id}")
        # Nobody can post it, or have what it says obeyed, by mailing it anew: not even where only the header says what it answers.
        commands.remember(self._house.engine, signer.signer, digest_of(signer, place=0), at)
        if not reply.sealed:
            wrong = "signed, but not encrypted to the list"
            self._tell_again(drill, row, UNENCRYPTED, wrong, reply, at)
            return Heard(wrong, within=True, wrong="not-encrypted")
        answered = max(row.asked, min(signer.made, at))
        with writing(self._house.engine) as connection:
            counts = drills.mark_answered(connection, drill, row.fingerprint, answered)
        if not counts and not row.answered:
            self._remember(row, LATE, f"came on {minute(at)} UTC, after the counting")
        return Heard(f"the answer to drill {drill.id} {'counts' if counts or row.answered else 'came after the counting'}", within=True)

    def _hear_others(self, drill: Drill, rows: list[DrillMember], reply: Reply, at: int) -> None:
        """A mail that should be some member's answer, and is not signed by them."""
        if drill.settled:
            return
        failure, why = _what_is_wrong(reply)
        for row in rows:
            if reply.signer is None or row.fingerprint != reply.signer.signer:  # else it is an old mail of theirs, sent once more
                self._tell_again(drill, row, failure, why, reply, at)

    def _tell_again(self, drill: Drill, row: DrillMember, failure: str, why: str, reply: Reply, at: int) -> None:
        """Remembers what is wrong, and while there is time for another answer tells the member, once for each thing."""
        if row.answered or drill.settled:
            return
        self._remember(row, failure, why)
        to = self._people.of(row.fingerprint, at)
        if to is None or at >= drill.ends:
            return
        facts: Facts = {"number": drill.id, "person": row.name, "why": why, "until": minute(drill.ends), "fingerprint": row.fingerprint}
        occasion, code = f"drill {drill.id} {drill.started} {row.fingerprint} {failure}", self._code(drill, row)
        self._house.letters.write("drill-again", to, at, occasion=occasion, answers_to=reply.message_id, code=code, **facts)

    def _remember(self, row: DrillMember, failure: str, why: str) -> None:
        if row.failure != failure and not row.answered:
            with writing(self._house.engine) as connection:
                drills.mark_failure(connection, row.drill, row.fingerprint, failure, why)


def _texts(reply: Reply) -> Iterator[str]:
    """What may show a code: what was signed, and whatever else the mail says."""
    if reply.signer is not None:
        yield _signed_text(reply.signer)
    for octets in reply.texts[:MAX_SEARCHED]:
        yield octets.decode("latin-1")


def _signed_text(signer: Verified) -> str:
    with suppress(Refused):  # HTML alone, say
        return text_of(signer.content)
    return ""


def _what_is_wrong(reply: Reply) -> tuple[str, str]:
    if reply.signer is not None:
        return OTHER_KEY, f"signed by another key, {reply.signer.signer}"
    if reply.problem == "not-for-the-list":
        return UNENCRYPTED, "encrypted, but not to the list's key"
    if reply.signed:
        return OTHER_KEY, "signed, but with no signature of this member's key that holds"
    if reply.encrypted:
        return UNSIGNED, "encrypted, but not signed"
    if reply.texts:
        return UNSIGNED, "neither signed nor encrypted"
    return UNREADABLE, f"nothing could be read of it ({reply.problem})"
