"""The list that is attacked, and what it says: mails are judged as `serve` judges them, in this process, by `securelist.reception`.

`stage` is one per module. `attacked` judges a mail for the list and sees to it that a refused one changed nothing.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from bad_mails import DAY, Bad, Stage
from people import People
from town import LIST, Town, member

from securelist.errors import Refused
from securelist.installation import Installation
from securelist.mail.addresses import role_of
from securelist.reception import Reception


@pytest.fixture(scope="module")
def stage(town: Town, people: People) -> Stage:
    """The town's list, and for .be a member whose key is a month old and one who was withdrawn."""
    town.submit(town.root, town.statement("appoint-admin-contact", town.admin, tld="be"))
    place = town.home.parent.name
    vera = people.make("Vera", f"vera-{place}@be.example", at=int(time.time()) - 30 * DAY)
    willem = people.make("Willem", f"willem-{place}@be.example")
    for who in (vera, willem):
        town.submit(town.admin, town.statement("attest-ssc", who, tld="be"), who.certificate)
    town.submit(town.admin, town.statement("withdraw-ssc", willem, tld="be"))
    mallory = people.make("Mallory", f"mallory-{place}@evil.example")
    return Stage(town, people, member(town, "Anna"), member(town, "Bert"), vera, willem, mallory)


@dataclass(frozen=True)
class Verdict:
    """What became of a mail: "accept" or "refuse", why, at which step, and the fingerprint of who signed it, if that is known."""

    verdict: str
    reason: str
    step: str
    poster: str | None
    detail: str


Judging = Callable[..., Verdict]
"""(octets, mail_from="anna@nl.example", to=LIST) -> Verdict"""


@pytest.fixture(scope="module")
def judge(stage: Stage) -> Iterator[Judging]:
    """Judges a mail for one of the list's addresses, as if it had come by SMTP."""
    reception = Reception(Installation(stage.town.home))

    def judged(octets: bytes, mail_from: str = "anna@nl.example", to: str = LIST) -> Verdict:
        address = role_of(to, LIST)
        assert address is not None
        try:
            taken = reception.take(address, mail_from, octets)
        except Refused as refused:
            return Verdict("refuse", refused.reason, str(refused.step or ""), refused.signer, refused.detail)
        return Verdict("accept", taken.reason, str(taken.step), taken.poster, taken.detail)

    return judged


def posts_and_entries(stage: Stage) -> tuple[int, int]:
    """How many posts were ever queued on this list, and how many entries its log has."""
    with contextlib.closing(sqlite3.connect(stage.town.home / "securelist.db")) as database:
        [posts] = database.execute("SELECT count(*) FROM posts WHERE kind = 'post'").fetchone()
        [entries] = database.execute("SELECT count(*) FROM log_entries").fetchone()
    return posts, entries


def must_be_refused(stage: Stage, judge: Judging, bad: Bad) -> Verdict:
    """The verdict on an attack: refused for that reason at that step, and neither queue nor log has changed."""
    mail = bad.make(stage)
    before = posts_and_entries(stage)
    said = judge(mail, bad.mail_from)
    assert (said.verdict, said.reason, said.step) == ("refuse", bad.reason, bad.step), said
    assert posts_and_entries(stage) == before
    assert 15 <= len(said.detail) <= 250
    assert said.detail.isprintable(), said.detail
    return said
