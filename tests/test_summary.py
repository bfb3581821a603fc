"""The weekly summary: once a week, to every trust root, with who could read a post sent now."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from command_mails import Bureau, Letter
from command_mails import admission as admission
from command_mails import bureau as bureau
from sqlalchemy import func, select
from statement_mails import PLAIN, keys, mail, multipart, part
from town import LIST

from securelist.installation import Installation
from securelist.procedures.office import Office
from securelist.procedures.summary import Summary
from securelist.store.database import reading
from securelist.store.retention import DAY_S
from securelist.store.schema import Post


def summaries(bureau: Bureau) -> list[Letter]:
    """Those that came to the trust root since the last look."""
    return [one for one in bureau.letters(bureau.root) if one.subject.startswith("tld-ops, ")]


def test_once_a_week(bureau: Bureau) -> None:
    """Nothing in the first days; then one letter, and the next a week later, however often a round is made."""
    Office(bureau.admission.house).invite(["br"], bureau.at)
    found = []
    for days in (0, 6.5, 0.6, 0.1, 6.5, 0.6, 0.1):
        bureau.later(days)
        found.append(len(summaries(bureau)))
    assert found == [0, 0, 1, 0, 0, 1, 0]


def test_what_it_tells(bureau: Bureau) -> None:
    """What took effect, what waits for the Secretariat one by one, and how much waits for others."""
    town, people = bureau.admission.town, bureau.admission.people
    dora = people.make("Dora", f"dora-{time.time_ns()}@registry.example")
    text = town.statement("request-membership", dora, "nl")
    bureau.take(mail(dora, multipart(part(PLAIN, people.clearsign(dora, text)), keys(dora))))
    Office(bureau.admission.house).invite(["br", "de"], bureau.at)
    asked = day(bureau.at)
    bureau.later(7.1)
    (told,) = summaries(bureau)
    began = day(bureau.admission.house.membership().entries[0].time)
    assert told.subject == f"tld-ops, {began} to {day(bureau.at)}"
    assert "1 of 309 ccTLDs have members, 3 people; 2 were invited." in told.text
    assert "3 attest-ssc" in told.words
    assert f"- Release: request 1, {dora.address} for .nl, since {asked}" in told.words
    assert "- Those who were invited, to answer: 2" in told.words and "send the word `pending`" in told.words
    assert told.widest <= 76


def day(at: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def test_a_quiet_week_is_a_letter_too(bureau: Bureau) -> None:
    """In the first week people came; in the others nothing happened, but keys and addresses fail by themselves."""
    told = []
    for _ in range(3):
        bureau.later(7.1)
        told += summaries(bureau)
    assert len(told) == 3
    assert ["What took effect" in one.text for one in told] == [True, False, False]
    assert all("3 of 3 members could read a post sent now: Europe 3 of 3." in one.words for one in told)


def test_two_processes_write_one(bureau: Bureau) -> None:
    """Whoever makes the round at the same moment: one letter."""
    bureau.at += 8 * DAY_S
    houses = [Installation(bureau.admission.house.home) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda house: Summary(house).round(bureau.at), houses))
    assert len(summaries(bureau)) == 1


def test_nothing_before_the_founding(bureau: Bureau) -> None:
    """A list that is not founded tells nobody anything, however long that lasts."""
    base = bureau.admission.house.home.parent
    (base / "root.asc").write_bytes(bureau.root.certificate)
    new = replace(bureau.admission.town, home=base / "new")
    new.run("init", LIST, "--root", str(base / "root.asc"), "--next-hop", f"maildir:{base / 'nobody'}")
    house = Installation(new.home)
    Summary(house).round(bureau.at + 30 * DAY_S)
    with reading(house.engine) as connection:
        assert connection.execute(select(func.count()).select_from(Post)).scalar() == 0
    new.close()
