"""Where mail arrives, whichever way it came in: sorted by the role of the address it was sent to, and judged.

SMTP, LMTP and `post submit` all call `Reception.take`; so the verdicts are the same everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from securelist.addressees import Addressees
from securelist.bounces.desk import BounceDesk
from securelist.errors import Refused, SecurelistError, Step
from securelist.installation import Installation
from securelist.letters import attached_mail
from securelist.letters.kinds import FORWARDS_FROM_ONE_A_DAY
from securelist.mail.addresses import ListAddress, Role, address_problem, role_of, same_address
from securelist.mail.headers import one_mailbox
from securelist.mail.mime import read_entity
from securelist.mail.robots import may_be_answered
from securelist.post.step1_receive import receive
from securelist.post.way import Tell, at_step
from securelist.procedures.dates import minute
from securelist.procedures.welcome import Welcomes
from securelist.request import RequestDesk
from securelist.store import journal
from securelist.store.database import recording
from securelist.store.retention import DAY_S

# A letter has a few KiB, one with a picture or a log some hundred. It is kept once for each trust root, and 200 of them a day may come.
MAX_FORWARDED_OCTETS = 1 << 20
_FORWARDED = "forwarded from"  # the journal's event
# Refusals that nobody needs to be told of: the post is there, or a machine wrote.
_UNEXPLAINED = {"duplicate", "loop", "automatic", "empty", "not-a-mail"}


@dataclass(frozen=True)
class Accepted:
    """A mail that was taken: reason code, one sentence, the signer's fingerprint or None, and the step it ended at."""

    reason: str
    detail: str
    poster: str | None
    step: Step


def silent(_step: Step, _found: str) -> None:
    """A `Tell` that tells nobody."""


def no_deadline() -> None:
    """An `in_time` without a limit."""


class Reception:
    """Judges mail for one installation."""

    def __init__(self, installation: Installation) -> None:
        self._house = installation
        self._desk, self._people = RequestDesk(installation), Addressees(installation)
        self._welcomes, self._bounces = Welcomes(installation), BounceDesk(installation)

    def take(
        self,
        to: ListAddress,
        mail_from: str | None,
        octets: bytes,
        in_time: Callable[[], None] = no_deadline,
        tell: Tell = silent,
    ) -> Accepted:
        """Takes one mail for one of the list's addresses. Raises Refused (naming rule and step) or TryAgain."""
        at = int(time.time())
        if to.role is Role.LIST:
            return self._post(octets, mail_from, at, in_time, tell)
        with at_step(Step.DECIDE):
            if to.role is Role.REQUEST:
                taken = self._desk.take(octets, mail_from, at, in_time)
                return Accepted(taken.reason, taken.detail, taken.signer or None, Step.COMMIT)
            in_time()
            if to.role is Role.BOUNCES:
                return self._bounce(to.token, octets, mail_from, at)
            if to.role is Role.SENDKEY:
                return self._sendkey(octets, mail_from, at)
            return self._owner(octets, mail_from, at)

    def check(self, octets: bytes, mail_from: str | None, tell: Tell) -> Accepted:
        """What would happen to this post, step by step; changes nothing and tells nobody else. Raises Refused."""
        relayed = self._house.way.check(octets, mail_from, int(time.time()), tell)
        return Accepted("acceptable", "this post would be accepted and go to every member", relayed.poster, Step.SEAL)

    def _post(self, octets: bytes, mail_from: str | None, at: int, in_time: Callable[[], None], tell: Tell) -> Accepted:
        try:
            relayed = self._house.way.relay(octets, mail_from, at, in_time, tell)
        except Refused as refused:
            self._explain(octets, refused, at)
            self._tell_owner(refused, at)
            self._tell_poster(refused, at)
            with recording(self._house.engine) as connection:
                journal.note(connection, at, "refused", detail=f"{refused.step}: {refused.reason}")
            raise
        with suppress(SecurelistError):  # the post is accepted, whatever comes of this
            self._welcomes.confirm(relayed.poster, at, made=at)
        return Accepted("accepted", f"accepted as post {relayed.post_id}", relayed.poster, Step.COMMIT)

    def _explain(self, octets: bytes, refused: Refused, at: int) -> None:
        """Tells the member whom From names, encrypted; a stranger learns nothing."""
        if not self._house.config.explain_refusals or refused.reason in _UNEXPLAINED:
            return
        try:
            mail = read_entity(octets)
            member = self._house.membership().member_by_address(one_mailbox(mail).address, at)
            to = self._people.of(member.fingerprint, at) if member and may_be_answered(mail) else None
        except Refused:
            return
        if to is not None:
            self._house.letters.write("explanation", to, at, step=refused.step, detail=refused.detail)

    def _tell_poster(self, refused: Refused, at: int) -> None:
        """Who signed the same words anew hears that they went out once, so that nobody waits for the answer to a second one."""
        if refused.again is None or refused.signer is None or not self._house.config.explain_refusals:
            return
        before, made = refused.again
        to = self._people.of(refused.signer, at)
        if to is not None:  # the occasion: however often that mail comes, it is one letter
            accepted = minute(before)
            self._house.letters.write("posted-before", to, at, occasion=f"posted {before}, signed {made}", accepted=accepted)

    def _tell_owner(self, refused: Refused, at: int) -> None:
        """The Secretariat hears of what may be an attack on an engine, and once a day of a member who posts without end."""
        if refused.reason == "engines-differ":
            for root in self._people.secretariat(at):
                self._house.letters.write("engines-differ", root, at, step=refused.step, detail=refused.detail)
        if refused.reason == "too-many-posts" and refused.signer:
            member = self._house.membership().member_by_key(refused.signer, at)
            most, occasion = self._house.config.posts_per_hour, f"flood {refused.signer} {at // DAY_S}"
            for root in self._people.secretariat(at):
                self._house.letters.write("flood", root, at, occasion=occasion, member=member, fingerprint=refused.signer, most=most)

    def _bounce(self, token: str, octets: bytes, mail_from: str | None, at: int) -> Accepted:
        """A mail about one copy, known by its address alone; it changes no membership, and is answered with nothing."""
        return Accepted("accepted", self._bounces.take(token, octets, mail_from, at), None, Step.COMMIT)

    def _sendkey(self, octets: bytes, mail_from: str | None, at: int) -> Accepted:
        mail = receive(octets, mail_from, self._house.config.list_id).mail
        to = mail_from or one_mailbox(mail).address
        if address_problem(to):
            raise Refused("bad-address", "there is no plain address to answer to", Step.RECEIVE)
        if not may_be_answered(mail) or role_of(to, self._house.config.list):
            raise Refused("automatic", "a list or a machine asked; the certificate is sent to people", Step.RECEIVE)
        if not self._house.letters.publish("certificate", to, at, answers_to="".join(mail.all("Message-ID"))):
            raise Refused("too-often", "this address asked too often today", Step.DECIDE)
        return Accepted("accepted", "the list's certificate is on its way", None, Step.COMMIT)

    def _owner(self, octets: bytes, mail_from: str | None, at: int) -> Accepted:
        if len(octets) > MAX_FORWARDED_OCTETS:
            raise Refused("too-large", "a mail to the Secretariat has 1 MiB at most; send less, or telephone them", Step.RECEIVE)
        mail = receive(octets, mail_from, self._house.config.list_id).mail
        sender = same_address(mail_from or one_mailbox(mail).address)
        if journal.count(self._house.engine, _FORWARDED, sender, at - DAY_S) >= FORWARDS_FROM_ONE_A_DAY:
            raise Refused("too-often", "this address wrote to the Secretariat too often today; telephone them", Step.DECIDE)
        reached = [self._house.letters.write("forward", root, at, parts=(attached_mail(octets),)) for root in self._people.secretariat(at)]
        if not any(reached):
            raise Refused("unreachable", "no trust root has an address and a key to which this can be encrypted", Step.SEAL)
        with recording(self._house.engine) as connection:
            journal.note(connection, at, _FORWARDED, sender)
        return Accepted("accepted", "forwarded to the Secretariat", None, Step.COMMIT)
