"""What is told of a drill: the report to the trust roots, its table and chart, and each member's own result."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from command_mails import Letter
from command_mails import admission as admission
from command_mails import bureau as bureau
from drill_world import Exercise, code_in
from drill_world import exercise as exercise
from sqlalchemy import insert

from securelist.drill.chart import MAX_DRILLS, chart
from securelist.drill.outcome import span
from securelist.drill.report import facts_of
from securelist.drill.rounds import Drills
from securelist.drill.sheet import as_csv
from securelist.installation import Installation
from securelist.letters.templates import COLUMNS, Templates
from securelist.store.database import reading, writing
from securelist.store.drills import Drill, DrillMember, drills
from securelist.store.retention import DAY_S, DRILL_KEPT_S, forget
from securelist.store.schema_upkeep import DrillRow

SVG = "{http://www.w3.org/2000/svg}"
BEGAN = 1_790_000_000


def report(exercise: Exercise) -> Letter:
    """The one that came to the trust root."""
    (found,) = [one for one in exercise.bureau.letters(exercise.bureau.root) if "answered, " in one.subject]
    return found


def past(number: int, members: int, answered: int, median: int = 600) -> Drill:
    """A drill of a month, reported."""
    began = BEGAN + number * 30 * DAY_S
    ended = began + DAY_S
    return Drill(number, began, ended, "", reported=ended, settled=ended, members=members, answered=answered, median=median)


# --- the letters -------------------------------------------------------------------------------------------------------


def test_the_report_says_who_answered_and_who_did_not(exercise: Exercise) -> None:
    """By region and ccTLD, with the time it took, the reason and the telephone number; once, and with both files."""
    exercise.begin()
    anna = exercise.member("Anna")
    exercise.answer(anna, code_in(exercise.letter(anna)))
    exercise.end()
    told = report(exercise)
    assert told.subject == "Drill 1: 1 of 3 answered, 33 %" and told.widest <= COLUMNS
    assert re.search(r"^  Europe +3 +1 +33 % +\S+ \S+ +\S+ \S+$", told.text, re.MULTILINE)
    assert re.search(r"^  \.nl +1 of 3 +Anna \d+ (?:s|min)$", told.text, re.MULTILINE)
    assert "- .nl: Bert, +31 6 1234 5678: no answer - .nl: Carla, +31 6 1234 5678: no answer" in told.words
    lines = list(csv.DictReader(io.StringIO(told.files["drill-1.csv"])))
    assert [(one["name"], one["region"], one["result"]) for one in lines] == [
        ("Anna", "EUR", "answered"), ("Bert", "EUR", "silent"), ("Carla", "EUR", "silent"),
    ]  # fmt: skip
    assert "1 of 3" in told.files["drills.svg"]
    exercise.end()
    assert [one for one in exercise.bureau.letters(exercise.bureau.root) if "answered, " in one.subject] == []


def test_each_member_is_told_how_they_did(exercise: Exercise) -> None:
    """Who answered, after how long; who did not, why, and what to do; once."""
    exercise.begin()
    anna, bert, carla = (exercise.member(name) for name in ("Anna", "Bert", "Carla"))
    codes = {who.name: code_in(exercise.letter(who)) for who in (anna, bert, carla)}
    exercise.answer(anna, codes["Anna"])
    exercise.bureau.take(exercise.clear(bert, codes["Bert"]))
    exercise.bureau.letters(bert)
    exercise.end()
    (told,) = exercise.bureau.letters(anna)
    assert told.subject.startswith("Drill 1: you answered after ") and "Of 3 members 1 answered, 33 %" in told.words
    (told,) = exercise.bureau.letters(bert)
    assert "Why: the answer was not encrypted to the list (signed, but not encrypted to the list)." in told.words
    (told,) = exercise.bureau.letters(carla)
    assert told.subject == "Drill 1: your answer is missing" and "Why: no answer." in told.words
    exercise.bureau.round()
    assert [exercise.bureau.letters(who) for who in (anna, bert, carla)] == [[], [], []]


def test_a_report_that_was_interrupted_is_finished_once(exercise: Exercise) -> None:
    """The letters were written, and the process was killed before the tables said so."""
    exercise.begin()
    exercise.end()
    house = exercise.bureau.admission.house
    with writing(house.engine) as connection:
        connection.execute(DrillRow.__table__.update().values(reported=0))  # type: ignore[attr-defined]
    before = len(exercise.bureau.admission.town.delivered(exercise.bureau.root.address))
    Drills(Installation(house.home)).round(exercise.bureau.at)
    exercise.bureau.round()
    assert exercise.drill().reported
    assert len(exercise.bureau.admission.town.delivered(exercise.bureau.root.address)) == before


def test_who_is_suspended_is_not_asked_and_not_counted(exercise: Exercise) -> None:
    """Before the drill: not in it. While it runs, or by leaving: in no figure, and the report says how many."""
    town = exercise.bureau.admission.town
    bert, carla = exercise.member("Bert"), exercise.member("Carla")
    town.submit(town.root, town.statement("suspend-member", bert, Key="", Name=""))
    exercise.begin()
    assert exercise.bureau.letters(bert) == [] and len(exercise.rows()) == 2
    town.submit(town.admin, town.statement("withdraw-ssc", carla, Key="", Name=""))
    exercise.end()
    told = report(exercise)
    assert told.subject == "Drill 1: 0 of 1 answered, 0 %" and "changed their key meanwhile: 1." in told.words
    assert "Bert" not in told.text and "Carla" not in told.text


# --- the figures -------------------------------------------------------------------------------------------------------


def row(name: str, cctld: str, took: int = 0, failure: str = "", why: str = "") -> DrillMember:
    """A member of drill 3."""
    asked = BEGAN + 90 * DAY_S
    return DrillMember(3, cctld, f"{name:A<40}", name, asked, asked + took if took else 0, failure, why)


ROWS = (
    row("Anna", "nl", 60), row("Bert", "nl", 120), row("Carla", "nl", failure="silent"), row("Dona", "br", 7200),
    row("Emil", "xx", failure="key", why="the key has expired"), row("Gone", "br", failure="gone"),
)  # fmt: skip


def test_median_and_slowest_by_region() -> None:
    """Of those who answered; a ccTLD that is in no region has its place, and who left has none."""
    drill = replace(past(3, 5, 3), median=120)
    facts = facts_of(drill, ROWS, [past(1, 3, 1), past(2, 3, 2), drill], {("nl", f"{'Carla':A<40}"): "+31 6 1"})
    assert facts["figures"] == [
        ("Europe", 3, 2, "66 %", "1 min", "2 min"), ("Latin America/Caribbean", 1, 1, "100 %", "2 h 00 min", "2 h 00 min"),
        ("Not in the list of ccTLDs", 1, 0, "0 %", "-", "-"),
    ]  # fmt: skip
    assert (facts["slowest"], facts["median"], facts["gone"]) == ("2 h 00 min", "2 min", 1)
    assert facts["reasons"] == [(1, "their key cannot be used"), (1, "no answer")]
    assert [one[:4] for one in facts["trend"]] == [(1, "2026-10-21", 3, 1), (2, "2026-11-20", 3, 2), (3, "2026-12-20", 5, 3)]
    text = Templates(None).compose(
        "drill-report", {"name": "tld-ops", "list": "", "request": "", "owner": "", "sendkey": "", "key": ""} | facts
    )
    assert "  .nl    2 of 3    Anna 1 min; Bert 2 min\n" in text.text and "- .nl: Carla, +31 6 1: no answer" in text.text


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (7500, "2 h 05 min"), (93_600, "1 d 2 h")]
)
def test_how_long_is_said_as_people_say_it(seconds: int, said: str) -> None:
    """Seconds, minutes, hours, days."""
    assert span(seconds) == said


@pytest.mark.parametrize("evil", ["=1+2", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "\uff1d1+2", "\u200b=1", "\n=1"])
def test_no_cell_of_the_table_is_a_formula(evil: str) -> None:
    """Names and what mail servers say come from strangers, and a spreadsheet carries out what begins so."""
    (found,) = csv.DictReader(io.StringIO(as_csv([replace(ROWS[2], name=evil, why=evil)])))
    for shown in (found["name"], found["why"]):
        assert shown.startswith("'") and "\n" not in shown
    assert found["cctld"] == "nl" and found["answered"] == ""


# --- the chart ---------------------------------------------------------------------------------------------------------


def test_the_chart_can_be_read_without_seeing_it() -> None:
    """Title and description say all that the bars do, and each bar says its own; nothing comes from anywhere else."""
    drawn = ET.fromstring(chart('tld-ops <"&>', [past(1, 50, 25), past(2, 50, 42), past(3, 0, 0)]))
    assert drawn.attrib["role"] == "img" and drawn.attrib["aria-labelledby"] == "title desc"
    title, described = drawn.find(f"{SVG}title"), drawn.find(f"{SVG}desc")
    assert title is not None and described is not None
    assert title.text == 'Drills of tld-ops <"&>: who answered' and (title.attrib["id"], described.attrib["id"]) == ("title", "desc")
    assert described.text == (
        "Drill 1, 2026-10-21: 25 of 50 members answered, 50 %; Drill 2, 2026-11-20: 42 of 50 members answered, 84 %; "
        "Drill 3, 2026-12-20: 0 of 0 members answered, -."
    )
    tall = [int(bar.attrib["height"]) for bar in drawn.iterfind(f"{SVG}g/{SVG}rect")]
    assert tall == [110, 184, 0] and len(drawn.findall(f"{SVG}g/{SVG}title")) == 3
    assert {element.tag.removeprefix(SVG) for element in drawn.iter()} == {"svg", "title", "desc", "rect", "line", "text", "g"}
    assert not [name for element in drawn.iter() for name in element.attrib if "href" in name or name.startswith("on")]


def test_the_chart_shows_the_newest_drills() -> None:
    """As many as fit, each within the drawing."""
    drawn = ET.fromstring(chart("tld-ops", [past(number, 50, number) for number in range(1, 50)]))
    bars = [int(bar.attrib["x"]) + int(bar.attrib["width"]) for bar in drawn.iterfind(f"{SVG}g/{SVG}rect")]
    assert len(bars) == MAX_DRILLS and max(bars) < int(drawn.attrib["width"])


# --- how long it is kept -----------------------------------------------------------------------------------------------


def test_names_go_before_figures(exercise: Exercise) -> None:
    """Who did not answer is forgotten after some months, how many answered after years; the commands then show what is left."""
    exercise.begin()
    exercise.end()
    house, at = exercise.bureau.admission.house, exercise.drill().settled
    engine, config, kept = house.engine, house.config, house.config.drill_days * DAY_S
    forget(engine, config, at + kept)
    assert len(exercise.rows()) == 3
    forget(engine, config, at + kept + 1)
    assert exercise.rows() == () and (exercise.drill().members, exercise.drill().answered) == (3, 0)
    assert exercise.shown()["members"] == 3 and exercise.shown()["rows"] == []
    forget(engine, config, at + DRILL_KEPT_S + 1)
    with reading(engine) as connection:
        assert drills(connection) == ()


def test_the_trend_goes_over_the_drills_so_far(exercise: Exercise) -> None:
    """Earlier drills stand in the letter and in the chart, the new one last."""
    with writing(exercise.bureau.admission.house.engine) as connection:
        connection.execute(insert(DrillRow), [past(1, 50, 25).__dict__, past(2, 51, 42).__dict__])
    exercise.begin()
    exercise.end()
    told = report(exercise)
    assert re.search(r"^  1 +2026-10-21 +50 +25 +50 % +10 min\n  2 +2026-11-20 +51 +42 +82 % +10 min\n  3 ", told.text, re.MULTILINE)
    assert told.files["drills.svg"].count("<g>") == 3 and "42 of 51" in told.files["drills.svg"]
