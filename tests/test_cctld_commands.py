"""`securelist cctld`, as the operator and the Secretariat type it: records from files and from a server, and coverage."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from rdap_world import octets, rdap_server, record, with_property
from test_settings import setting
from town import SECURELIST, Town

from securelist.cctld.cctlds import cctlds

SHAPE = [
    "cctld", "country", "region", "organisation", "manager", "contact_of_record", "address_of_record",
    "invited", "answered", "appointed", "contact", "active", "unreachable", "suspended", "state",
]  # fmt: skip
COUNT = ["region", "cctlds", "missing", "appointed", "member", "members", "recorded", "invited", "answered"]


def run(town: Town, *words: object) -> tuple[int, str, str]:
    """Exit status, output and errors of one `securelist cctld …`; a traceback is never among them."""
    done = subprocess.run([SECURELIST, "--home", town.home, "cctld", *map(str, words)], capture_output=True, check=False)
    assert b"Traceback" not in done.stderr, done.stderr[-2000:]
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., list[Path]]:
    """Makes files of these names and contents."""

    def make(**contents: bytes) -> list[Path]:
        made = [tmp_path / f"{name}.json" for name in contents]
        for path, content in zip(made, contents.values(), strict=True):
            path.write_bytes(content)
        return made

    return make


@pytest.fixture
def nothing_known(town: Town) -> None:
    """The list without any record, whatever other tests imported."""
    with closing(sqlite3.connect(town.home / "securelist.db")) as database:
        database.execute("DELETE FROM records")
        database.commit()


def known(town: Town) -> dict[str, dict[str, Any]]:
    """The ccTLDs that have a record, as `list --json` shows them."""
    status, shown, _ = run(town, "list", "--json")
    assert status == 0
    return {row["cctld"]: row for row in json.loads(shown)["cctlds"] if row["manager"]}


# --- import -------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_known")
def test_records_are_imported_and_changes_told(town: Town, files: Callable[..., list[Path]]) -> None:
    """First they are new, then unchanged, then what moved is told, in words and in JSON."""
    nl, rest = files(nl=octets(record("nl")), rest=octets(record("br"), record("xn--p1ai")))
    status, said, errors = run(town, "import", nl, rest)
    assert (status, errors, said.count(" new ")) == (0, "", 3)
    assert set(known(town)) == {"nl", "br", "xn--p1ai"}
    nl.write_bytes(octets(with_property("email", "moved@registry-nl.example")))
    status, said, _ = run(town, "import", "--json", nl, rest)
    assert (status, json.loads(said)["refused"]) == (0, [])
    assert {one["cctld"]: one["result"] for one in json.loads(said)["records"]} == {
        "nl": "changed",
        "br": "unchanged",
        "xn--p1ai": "unchanged",
    }
    assert json.loads(said)["records"][0]["changes"] == [
        {"what": "address of record", "before": "admin@registry-nl.example", "now": "moved@registry-nl.example"}
    ]
    assert known(town)["nl"]["address_of_record"] == "moved@registry-nl.example"


@pytest.mark.usefixtures("nothing_known")
def test_a_bad_file_keeps_no_other_from_being_imported(town: Town, files: Callable[..., list[Path]]) -> None:
    """Nothing of the file with a fault, not even its good records; everything of the others; 65, and one line a fault."""
    mixed = octets(record("jp"), record("nl", entities=[]))
    made = files(a=octets(record("br")), mixed=mixed, page=b"<html>", z=octets(record("de")))
    status, _, errors = run(town, "import", *made)
    assert (status, set(known(town)), errors.count("\n")) == (65, {"br", "de"}, 2)
    assert f"{made[1]}: record 2: entities: there must be exactly one with the role administrative" in errors
    assert f"{made[2]}: it is no JSON" in errors
    status, said, errors = run(town, "import", "--json", *made)
    assert (status, errors, [one["reason"] for one in json.loads(said)["refused"]]) == (65, "", ["no-contact", "not-json"])


@pytest.mark.usefixtures("nothing_known")
def test_a_file_that_is_not_there_keeps_no_other_from_being_imported(town: Town, files: Callable[..., list[Path]]) -> None:
    """It is said which, and the status is that of a wrong call."""
    (good,) = files(nl=octets(record("nl")))
    status, _, errors = run(town, "import", good.with_name("none.json"), good, good.parent)
    assert (status, set(known(town))) == (64, {"nl"})
    assert "none.json: No such file or directory (no-file)" in errors
    assert "Is a directory (no-file)" in errors


@pytest.mark.usefixtures("nothing_known")
def test_a_file_without_an_end_is_not_read_to_its_end(town: Town) -> None:
    """More than the limit is never read."""
    status, _, errors = run(town, "import", "/dev/zero")
    assert (status, "larger than 8 MiB" in errors) == (65, True)


@pytest.mark.usefixtures("nothing_known")
def test_records_are_fetched_from_the_server_in_the_settings(town: Town) -> None:
    """Those named, and with --all every ccTLD of the list; their source is the server."""
    with rdap_server() as server, setting(town, f'rdap_server = "{server.url}"'):
        status, _, errors = run(town, "import", "--fetch", "NL", ".br", "nl")
        assert (status, errors, set(known(town))) == (0, "", {"nl", "br"})
        assert sorted(server.asked) == ["/domain/br", "/domain/nl"]
        status, said, errors = run(town, "import", "--fetch", "--all", "--json")
        assert (status, errors) == (0, "")
    assert [one["cctld"] for one in json.loads(said)["records"]] == list(cctlds())
    assert set(known(town)) == set(cctlds())


@pytest.mark.usefixtures("nothing_known")
def test_a_server_that_answers_about_another_cctld(town: Town) -> None:
    """What was not asked for is not kept; what is in order, is."""
    swapped = {"nl": lambda handler, name: handler.say(octets(record("de")))}
    with rdap_server(**swapped) as server, setting(town, f'rdap_server = "{server.url}"'):
        status, _, errors = run(town, "import", "--fetch", "nl", "br")
    assert (status, set(known(town))) == (65, {"br"})
    assert "/domain/nl: ldhName: asked for .nl, the answer is about 'de' (other-cctld)" in errors


@pytest.mark.usefixtures("nothing_known")
def test_a_server_in_trouble_is_no_bad_record(town: Town) -> None:
    """The status tells scripts to come again: 69, not 65."""
    busy = {"nl": lambda handler, name: handler.say(b"", 503)}
    with rdap_server(**busy) as server, setting(town, f'rdap_server = "{server.url}"'):
        status, _, errors = run(town, "import", "--fetch", "nl", "br")
    assert (status, set(known(town)), errors.count("rdap-status")) == (69, {"br"}, 1)


# What is typed, the exit status, and what is said; no record is kept by any of them.
TYPED = {
    "import": (64, "name at least one file"),
    "import --all": (64, "--all goes with --fetch"),
    "import --fetch": (64, "say which ccTLDs to fetch, or --all"),
    "import --fetch --all nl": (64, "say which ccTLDs to fetch, or --all"),
    "import --fetch nl": (78, "rdap_server is not set; IANA's is https://rdap.iana.org"),
    "import --fetch com": (65, "'com' is no ccTLD; did you mean om?"),
    "list --region Europe": (64, "is not one of"),
    "list --csv --json": (64, "choose one of --csv and --json"),
    "invent": (64, "No such command"),
}


@pytest.mark.parametrize(("typed", "status", "said"), [(typed, *expected) for typed, expected in TYPED.items()], ids=TYPED)
def test_what_is_typed_wrong(town: Town, typed: str, status: int, said: str) -> None:
    """One sentence on standard error, and a status that scripts can tell apart."""
    done, output, errors = run(town, *typed.split())
    assert (done, output) == (status, "")
    assert said in errors


def test_a_server_that_may_not_be_asked(town: Town) -> None:
    """Without TLS only on this machine."""
    with setting(town, 'rdap_server = "http://rdap.iana.org"'):
        status, _, errors = run(town, "import", "--fetch", "nl")
    assert (status, "must begin with https://" in errors) == (78, True)


# --- list ---------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_known")
def test_how_far_the_list_reaches(town: Town, files: Callable[..., list[Path]]) -> None:
    """Every ccTLD in JSON, in the shape that is promised; .nl has its record, its Admin Contact and its three members."""
    run(town, "import", *files(nl=octets(record("nl"))))
    shown = json.loads(run(town, "list", "--json")[1])
    rows = {row["cctld"]: row for row in shown["cctlds"]}
    assert (sorted(rows), {tuple(row) for row in rows.values()}) == (list(cctlds()), {tuple(SHAPE)})
    nl = rows["nl"]
    assert [nl[name] for name in SHAPE[:9]] == [
        "nl", "NL", "EUR", "CENTR", "Registry of the Low Lands", "Domain Office Manager", "admin@registry-nl.example", None, None,
    ]  # fmt: skip
    assert (nl["contact"], nl["active"], nl["state"]) == ("Admin NL", 3, "member")
    assert isinstance(nl["appointed"], int)
    assert (rows["br"]["state"], rows["br"]["appointed"], rows["br"]["manager"]) == ("missing", None, "")
    assert [list(count) for count in shown["counts"]] == [COUNT] * 6
    assert [(count["region"], count["member"]) for count in shown["counts"]] == [
        ("AF", 0), ("AP", 0), ("EUR", 1), ("LAC", 0), ("NA", 0), (None, 1),
    ]  # fmt: skip


@pytest.mark.usefixtures("nothing_known")
def test_what_a_region_still_misses(town: Town) -> None:
    """--region in either case, --missing without those that have somebody; the counts are the region's all the same."""
    europe = json.loads(run(town, "list", "--json", "--region", "eur", "--missing")[1])
    names = {row["cctld"] for row in europe["cctlds"]}
    assert names == {name for name, cctld in cctlds().items() if cctld.region == "EUR"} - {"nl"}
    assert [(count["region"], count["cctlds"], count["missing"]) for count in europe["counts"]] == [("EUR", 89, 88), (None, 89, 88)]


def test_a_spreadsheet(town: Town) -> None:
    """CSV with a line for each ccTLD and the date of an appointment as a day."""
    lines = list(csv.DictReader(io.StringIO(run(town, "list", "--csv")[1])))
    assert (len(lines), list(lines[0])) == (len(cctlds()), SHAPE)
    nl = next(line for line in lines if line["cctld"] == "nl")
    assert (len(nl["appointed"]), nl["active"], nl["invited"]) == (10, "3", "")


@pytest.mark.usefixtures("nothing_known")
def test_the_table_that_people_read(town: Town, files: Callable[..., list[Path]]) -> None:
    """Each region with its name and Regional Organisation, IDNs with their letters, counts at the end."""
    run(town, "import", *files(rf=octets(record("xn--p1ai"))))
    status, shown, _ = run(town, "list")
    assert status == 0
    assert [line for line in shown.splitlines() if line.endswith(("TLD)", "(CENTR)")) or line == "North America"] == [
        "Africa (AFTLD)", "Asia/Australia/Pacific (APTLD)", "Europe (CENTR)", "Latin America/Caribbean (LACTLD)", "North America",
    ]  # fmt: skip
    assert ".xn--p1ai (рф)" in shown
    assert "3 active" in shown
    everywhere = str(len(cctlds()))
    assert shown.splitlines()[-1].split() == ["All", everywhere, "1", "0", "0", str(len(cctlds()) - 1), "0", "1", "3"]
