"""The chart over time tells what was: month by month from the log's statements alone, drawn so that it can be read."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from itertools import groupby, pairwise

import pytest
from trust_story import erase_now
from trust_world import BASE, COMPROMISED, DAY, NOW, World, peopled, revoked, withdrawal  # noqa: F401  fixture

from securelist.site.chart import HEIGHT, NARROW, WIDE, chart
from securelist.site.months import Month, last_change, months
from securelist.trust.membership import Membership


def told(world: World, at: int = NOW) -> tuple[Month, ...]:
    return months(world.membership, world.cast.anchor, at)


def end_of(month: Month) -> int:
    """The last second of a month."""
    following = (month.year + 1, 1) if month.month == 12 else (month.year, month.month + 1)
    return int(datetime(*following, 1, tzinfo=UTC).timestamp()) - 1


def members_of(found: tuple[Month, ...]) -> list[int]:
    """The numbers of members one after the other, each once as long as it stays; that before anybody came left out."""
    return [number for number, _ in groupby(month.members for month in found) if number or found[0].members]


def test_each_month_counts_who_was_here_at_its_end(peopled: World):
    """One withdrawn, one added, the others' time up after a year: each month as the list itself saw it then."""
    cast, then = peopled.cast, [(0, Membership()), (BASE + 2 * DAY, peopled.membership)]
    peopled.listeners.append(lambda submission: then.append((submission.membership.time, submission.membership)))
    peopled.submit(peopled.signed(cast.admin, withdrawal(cast.bert), BASE + 70 * DAY), at=BASE + 70 * DAY)
    peopled.attest(cast.admin, cast.dora, BASE + 200 * DAY)
    found = told(peopled)
    assert found[0].name == datetime.fromtimestamp(BASE, UTC).strftime("%Y-%m")
    assert found[-1].name == datetime.fromtimestamp(NOW, UTC).strftime("%Y-%m")
    for month in found:
        moment = min(end_of(month), NOW)
        here = [state for time, state in then if time <= moment][-1].members(moment)
        assert (month.members, month.cctlds) == (len(here), len({member.cctld for member in here})), month
    assert [number for number in members_of(found) if number] == [3, 2, 3, 1]
    assert {month.cctlds for month in found if month.members in (2, 3)} == {2}


def test_what_turned_out_to_be_void_never_was(peopled: World):
    """The key of .nl's Admin Contact was in the wrong hands all along: nobody was ever here by it, in no month."""
    peopled.submit((), revoked(peopled.cast.people, peopled.cast.admin, COMPROMISED, BASE + 100 * DAY), at=BASE + 100 * DAY)
    assert {month.members for month in told(peopled)} <= {0, 1}
    assert max(month.cctlds for month in told(peopled)) == 1


def test_who_is_erased_is_counted_in_no_month(peopled: World):
    """The log does not say any more how long they were here, and the page does not guess."""
    cast = peopled.cast
    peopled.submit(peopled.signed(cast.admin, withdrawal(cast.bert), BASE + 70 * DAY), at=BASE + 70 * DAY)
    erase_now(peopled, cast.root, cast.bert, at=BASE + 80 * DAY)
    assert max(month.members for month in told(peopled)) == 2


def test_the_last_change_is_also_somebodys_time_that_is_up(peopled: World):
    """The page is as of then: it stays the same from day to day while nothing changes, and is never older than what it says."""
    ends = {one.expires for one in peopled.membership.attestations.values()}
    assert last_change(peopled.membership, BASE + 300 * DAY) == peopled.membership.time == BASE + 2 * DAY
    assert last_change(peopled.membership, min(ends) - 1) == BASE + 2 * DAY
    assert last_change(peopled.membership, NOW) == max(ends)
    withdrawn = peopled.signed(peopled.cast.admin, withdrawal(peopled.cast.bert), BASE + 70 * DAY)
    peopled.submit(withdrawn, at=BASE + 70 * DAY)
    assert last_change(peopled.membership, BASE + 300 * DAY) == BASE + 70 * DAY


# --- how it is drawn ----------------------------------------------------------------------------------------------------


def growing(number: int, cctlds: int, members: int) -> tuple[Month, ...]:
    """So many months up to these numbers."""
    return tuple(Month(2024 + i // 12, i % 12 + 1, cctlds * (i + 1) // number, members * (i + 1) // number) for i in range(number))


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize(
    ("number", "cctlds", "members"), [(1, 0, 0), (1, 1, 1), (2, 1, 3), (40, 309, 900), (400, 300, 301), (120, 250, 251)]
)
def test_the_chart_stays_in_its_frame_and_its_words_apart(width: int, number: int, cctlds: int, members: int):
    """However long the list lives and however many people there are: numbers at the ends, nothing outside, no word upon another."""
    drawn = ET.fromstring(chart(growing(number, cctlds, members), width, "x"))
    for line in drawn.iter("polyline"):
        points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        assert len(points) == number
        assert all(0 <= x <= width and 0 <= y <= HEIGHT for x, y in points)
        assert points == sorted(points, key=lambda point: (point[0], -point[1]))
    ends = {text.attrib["class"]: (float(text.attrib["y"]), text.text) for text in drawn.iter("text") if text.attrib["class"] != "scale"}
    assert {kind: int((text or "").split()[0]) for kind, (_, text) in ends.items()} == {"cctlds": cctlds, "members": members}
    assert ends["cctlds"][0] - ends["members"][0] >= 16
    assert all(0 < y < HEIGHT for y, _ in ends.values())
    below = [(float(text.attrib["x"]), text.text) for text in drawn.iter("text") if text.attrib.get("text-anchor") == "middle"]
    assert below
    assert all(after[0] - before[0] >= 40 for before, after in pairwise(below))
    assert re.fullmatch(r"\d{4}(-\d{2})?", below[0][1] or "")
