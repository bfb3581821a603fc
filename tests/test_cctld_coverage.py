"""Coverage: how far each ccTLD has come, computed from the list of ccTLDs, the records and a membership that real keys signed."""

from __future__ import annotations

import csv
import dataclasses
import io
from datetime import UTC, datetime

import pytest
from rdap_world import AT
from trust_world import BASE, BORN, DAY, World, appointment, statement

from securelist.cctld.cctlds import Region, cctlds
from securelist.cctld.coverage import Count, Row, State, counts, coverage
from securelist.cctld.record import Record
from securelist.cctld.table import as_csv, as_json_value
from securelist.trust.membership import Membership

LATER = BASE + 10 * DAY
SOME = [cctlds()[name] for name in ("nl", "br", "jp", "us", "xn--p1ai")]
RECORDS = {"nl": Record("nl", "Registry", "Office", "office@nl.example", "", "nl.json", AT)}
# When they were invited, and when one of them answered.
INVITED = {"us": (BASE + 5 * DAY, 0), "br": (BASE, BASE + DAY)}


def rows_of(membership: Membership, at: int = LATER) -> dict[str, Row]:
    return {row.cctld.name: row for row in coverage(SOME, RECORDS, INVITED, membership, at)}


def test_an_empty_list_misses_every_cctld() -> None:
    """Before the founding: a row for each, by region and name, and nobody."""
    rows = coverage(SOME, {}, {}, Membership(), LATER)
    assert [row.cctld.name for row in rows] == ["jp", "nl", "xn--p1ai", "br", "us"]
    assert {(row.state, row.record, row.appointed, row.members, row.invited, row.answered) for row in rows} == {
        (State.MISSING, None, None, 0, None, None)
    }


def test_who_has_members_who_is_appointed_and_who_is_missing(peopled: World) -> None:
    """Two members for .nl, one for .br; .jp has an Admin Contact alone; the others nobody."""
    peopled.appoint(peopled.cast.mallory, "jp", BASE + 3 * DAY)
    rows = rows_of(peopled.membership)
    assert {name: (row.state, row.active, row.contact, row.appointed) for name, row in rows.items()} == {
        "nl": (State.MEMBER, 2, "Admin NL", BASE + DAY),
        "br": (State.MEMBER, 1, "Admin BR", BASE + DAY),
        "jp": (State.APPOINTED, 0, "Mallory", BASE + 3 * DAY),
        "us": (State.MISSING, 0, "", None),
        "xn--p1ai": (State.MISSING, 0, "", None),
    }
    assert (rows["nl"].record, rows["br"].record) == (RECORDS["nl"], None)


def test_who_was_invited_and_who_answered(peopled: World) -> None:
    """Each has its day; who was invited and has nobody here is missing as before."""
    rows = rows_of(peopled.membership)
    assert {name: (row.invited, row.answered) for name, row in rows.items() if row.invited} == {
        "us": (BASE + 5 * DAY, None),
        "br": (BASE, BASE + DAY),
    }
    assert (rows["us"].state, rows["nl"].answered) == (State.MISSING, None)


def test_a_new_admin_contact_is_appointed_since_then(peopled: World) -> None:
    """Since when is the appointment's that holds, not the first one's."""
    peopled.submit(
        peopled.signed(peopled.cast.root, appointment(peopled.cast.dora, "nl"), BASE + 5 * DAY),
        peopled.cast.dora.certificate,
        at=BASE + 5 * DAY,
    )
    row = rows_of(peopled.membership)["nl"]
    assert (row.contact, row.appointed, row.active) == ("Dora", BASE + 5 * DAY, 2)


def test_a_dismissed_admin_contact_leaves_the_members(peopled: World) -> None:
    """Nobody speaks for .nl, and its members are counted all the same."""
    peopled.submit(peopled.signed(peopled.cast.root, statement("dismiss-admin-contact", TLD="nl"), BASE + 4 * DAY), at=BASE + 4 * DAY)
    row = rows_of(peopled.membership)["nl"]
    assert (row.contact, row.appointed, row.active, row.state) == ("", None, 2, State.MEMBER)


def test_members_are_counted_by_state(peopled: World) -> None:
    """One is suspended, one's key has expired, one is active: all three are members, each counted as what they are."""
    cast, at = peopled.cast, BASE + 4 * DAY
    emil = cast.people.make("Emil", "emil@nl.example", at=BORN, expires="45d")  # until BASE + 5 days
    peopled.attest(cast.admin, emil, at)
    suspension = statement("suspend-member", TLD="nl", Email=cast.anna.address)
    peopled.submit(peopled.signed(cast.root, suspension, at), at=at)
    row = rows_of(peopled.membership)["nl"]
    assert (row.active, row.unreachable, row.suspended, row.members, row.state) == (1, 1, 1, 3, State.MEMBER)


def test_members_whose_attestation_has_ended_are_no_members(peopled: World) -> None:
    """After a year without a renewal .nl has an Admin Contact, and that is all."""
    row = rows_of(peopled.membership, BASE + 400 * DAY)["nl"]
    assert (row.members, row.state) == (0, State.APPOINTED)


def test_nobody_is_left_out_whose_cctld_is_not_in_the_list(peopled: World) -> None:
    """A ccTLD that was retired keeps its row while it has people, last and without a region."""
    rows = coverage([cctlds()["nl"]], {}, {}, peopled.membership, LATER)
    assert [(row.cctld.name, row.cctld.region, row.active) for row in rows] == [("nl", Region.EUROPE, 2), ("br", None, 1)]
    assert [count.cctlds for count in counts(rows)] == [1, 2]


def test_counts_by_region_and_in_all(peopled: World) -> None:
    """One count for each region that has rows, then all; they add up."""
    peopled.appoint(peopled.cast.mallory, "jp", BASE + 3 * DAY)
    counted = counts(coverage(SOME, RECORDS, INVITED, peopled.membership, LATER))
    assert counted == (
        Count(Region.ASIA_PACIFIC, 1, 0, 1, 0, 0, 0, 0, 0),
        Count(Region.EUROPE, 2, 1, 0, 1, 2, 1, 0, 0),
        Count(Region.LATIN_AMERICA, 1, 0, 0, 1, 1, 0, 1, 1),
        Count(Region.NORTH_AMERICA, 1, 1, 0, 0, 0, 0, 1, 0),
        Count(None, 5, 2, 1, 2, 3, 1, 2, 1),
    )
    assert counts(()) == (Count(None, 0, 0, 0, 0, 0, 0, 0, 0),)


def test_the_whole_world_at_once(peopled: World) -> None:
    """Every ccTLD of the list has its row, once."""
    rows = coverage(cctlds().values(), RECORDS, INVITED, peopled.membership, LATER)
    assert sorted(row.cctld.name for row in rows) == list(cctlds())
    assert counts(rows)[-1].cctlds == len(cctlds())


# --- on paper ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+31", "-1", "@SUM(1)"])
def test_a_name_is_no_formula_in_a_spreadsheet(name: str) -> None:
    """What a stranger wrote stays text where the Secretariat opens it."""
    record = dataclasses.replace(RECORDS["nl"], manager=name)
    rows = coverage([cctlds()["nl"]], {"nl": record}, {}, Membership(), LATER)
    (line,) = csv.DictReader(io.StringIO(as_csv(rows)))
    assert line["manager"] == f"'{name}"


def test_csv_and_json_have_the_same_fields(peopled: World) -> None:
    """Names, order and number; dates as days in one, as seconds in the other."""
    rows = coverage(SOME, RECORDS, INVITED, peopled.membership, LATER)
    lines = list(csv.DictReader(io.StringIO(as_csv(rows))))
    objects = as_json_value(rows, rows)["cctlds"]
    assert isinstance(objects, list)
    assert [list(line) for line in lines] == [list(one) for one in objects]
    day = datetime.fromtimestamp(BASE + DAY, UTC).strftime("%Y-%m-%d")
    assert (objects[1]["appointed"], lines[1]["appointed"], lines[0]["appointed"]) == (BASE + DAY, day, "")
    assert as_csv(()).strip().split(",") == list(objects[0])
