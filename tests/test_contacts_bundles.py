"""Contacts go to a Regional Organisation, and come from one: who is in a bundle, who can read it, and what an import does and does not."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from bundle_world import EMMA, SCHEMA, Regional, attest, everything, founded, iso, regional
from contacts_world import TZ_NAME, crowd
from people import People
from town import SECURELIST, Town, member

from securelist.contacts.bundle import compose
from securelist.contacts.bundle_reader import read_bundle
from securelist.contacts.repository import repository
from securelist.installation import Installation
from securelist.store.retention import forget
from securelist.trust.membership import SUSPENDED

__all__ = ["regional"]
DAY_S = 86_400


@pytest.fixture(scope="module")
def here(people: People, regional: Regional) -> Iterator[Town]:
    """A list with Anna, who shares her details with her region, Bert, who does not, and Carla, who does, and is suspended."""
    for town in founded(people, regional):
        shared = {"Anna": "regional", "Bert": "", "Carla": "regional"}
        for name, share in shared.items():
            who = people.make(name, f"{name.lower()}-{town.home.parent.name}@nl.example")
            attest(town, who, Name=f"{name} de Vries", Phone="+31 6 1234 5678", Organisation="Register, NL", Share=share)
        carla = member(town, "Carla")
        town.submit(town.root, town.statement("suspend-member", carla, Name=""))
        yield town


@pytest.fixture(scope="module")
def there(people: People, regional: Regional) -> Iterator[Town]:
    """Another list, with one member, Dora."""
    for town in founded(people, regional):
        attest(town, people.make("Dora", f"dora-{town.home.parent.name}@nl.example"))
        yield town


def export(town: Town, regional: Regional, folder: Path, *options: str) -> tuple[bytes, str]:
    """(the bundle, what the operator sees)."""
    said = town.run("contacts", "export", "--bundle", str(folder / "bundle.asc"), "--to", regional.file, *options).decode()
    return (folder / "bundle.asc").read_bytes(), said


def bring(town: Town, regional: Regional, folder: Path, document: object, status: int = 0, name: str = "CENTR") -> dict[str, Any]:
    """The answer of `contacts import --json` to a bundle of this document."""
    (folder / "in.asc").write_bytes(regional.sealed(document, town.key))
    command = ("contacts", "import", str(folder / "in.asc"), "--from", regional.file, "--name", name, "--json")
    answer: dict[str, Any] = json.loads(town.run(*command, status=status))
    return answer


# --- to a Regional Organisation ----------------------------------------------------------------------------------------


def test_whoever_agreed_and_nobody_else_is_in_a_bundle(here: Town, regional: Regional, tmp_path: Path) -> None:
    """gpg opens it and finds the list's good signature; Anna is in it whole, Bert and Carla are not; the schema takes it."""
    octets, _ = export(here, regional, tmp_path)
    document, status = regional.opened(octets)
    assert f"VALIDSIG {here.key}" in status
    assert "GOODSIG" in status
    jsonschema.validate(document, SCHEMA)
    (row,) = document["contacts"]
    anna = member(here, "Anna")
    assert (row["cctld"], row["name"], row["emails"]) == ("nl", "Anna de Vries", [anna.address])
    assert (row["phones"], row["organisation"], row["fingerprint"]) == (["+31 6 1234 5678"], "Register, NL", anna.fingerprint)
    assert anna.fingerprint in regional.gpg("--show-keys", data=row["certificate"].encode()).stdout.decode()
    assert document["source"] == {"address": "tld-ops@lists.example.org", "fingerprint": here.key}
    assert document["recipient"] == regional.fingerprint
    assert row["confirmed"] <= document["made"] <= iso(int(time.time())) < row["until"]


def test_the_operator_sees_for_whom_a_bundle_is(here: Town, regional: Regional, tmp_path: Path) -> None:
    """Fingerprint and user ID to compare, how many are in it, how many did not agree; the file is for nobody else, whatever was there."""
    file = tmp_path / "bundle.asc"
    file.write_bytes(b"")
    file.chmod(0o666)
    octets, said = export(here, regional, tmp_path)
    assert regional.fingerprint in said.replace(" ", "")
    assert "Region of the Test <contacts@regional.example>" in said
    assert "contacts: 1\n" in said
    assert "did not agree (Share: regional): 1\n" in said
    assert file.stat().st_mode & 0o777 == 0o600
    assert octets.startswith(b"-----BEGIN PGP MESSAGE-----\n")


def test_sequoia_opens_a_bundle_too(here: Town, regional: Regional, tmp_path: Path) -> None:
    """sq decrypts it, and says that one good signature is the list's."""
    export(here, regional, tmp_path)
    (tmp_path / "list.asc").write_bytes(here.run("key", "show", "--armor"))
    (tmp_path / "key.asc").write_bytes(regional.gpg("--armor", "--export-secret-keys").stdout)
    command = ["sq", "decrypt", "--recipient-key", "key.asc", "--signer-cert", "list.asc", "bundle.asc"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(done.stdout)["contacts"][0]["name"] == "Anna de Vries"
    assert b"1 good signature" in done.stderr


@pytest.mark.parametrize("options", [("--region", "EUR"), ("nl",)])
def test_a_bundle_can_be_of_one_region(here: Town, regional: Regional, tmp_path: Path, options: tuple[str, ...]) -> None:
    """Anna is in the bundle of Europe, and the operator reads that the others are forgotten with it."""
    octets, said = export(here, regional, tmp_path, *options)
    assert len(regional.opened(octets)[0]["contacts"]) == 1
    assert "takes the place of all that was sent to them before: it tells them to forget whoever is not in it" in said


@pytest.mark.parametrize("options", [("--region", "AF"), ("br",)])
def test_nobody_is_forgotten_by_a_slip(here: Town, regional: Regional, tmp_path: Path, options: tuple[str, ...]) -> None:
    """A bundle without anybody, which means that all are to be forgotten, is not written: the command says why, and how, if it is meant."""
    target = ["contacts", "export", "--bundle", str(tmp_path / "bundle.asc"), "--to", regional.file]
    done = subprocess.run([SECURELIST, "--home", str(here.home), *target, *options], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (65, b"")
    assert b"no bundle was written, because nobody would be in it" in done.stderr
    assert b"--empty" in done.stderr
    assert not list(tmp_path.iterdir())
    here.run(*target, *options, "--empty", status=64)
    assert b"forget" in here.run("contacts", "export", "--help")


def test_a_region_is_told_to_forget_all(here: Town, regional: Regional, tmp_path: Path) -> None:
    """--empty writes a bundle with nobody in it, whoever agreed, and says what it does there."""
    octets, said = export(here, regional, tmp_path, "--empty")
    assert regional.opened(octets)[0]["contacts"] == []
    assert "it tells them to forget all of yours" in said


def test_a_bundle_is_made_for_one_usable_certificate(here: Town, people: People, regional: Regional, tmp_path: Path) -> None:
    """No file is written for an expired certificate, one that cannot encrypt, two at once, or none; nor without --to, nor with a form."""
    old = people.make("Old", f"old-{time.time_ns()}@regional.example", at=int(time.time()) - 90 * DAY_S, expires="30d")
    mute = people.make("Mute", f"mute-{time.time_ns()}@regional.example", encryption=None)
    contents = (old.certificate, mute.certificate, old.certificate + mute.certificate, b"nothing", regional.certificate)
    files = [tmp_path / f"{number}.asc" for number in range(len(contents))]
    for file, octets in zip(files, contents, strict=True):
        file.write_bytes(octets)
    target = ("contacts", "export", "--bundle", str(tmp_path / "bundle.asc"))
    for file in files[:-1]:
        here.run(*target, "--to", str(file), status=65)
    here.run(*target, status=64)
    here.run(*target, "--to", str(files[-1]), "--format", "csv", status=64)
    here.run("contacts", "export", "--to", str(files[-1]), status=64)
    assert not (tmp_path / "bundle.asc").exists()


def test_an_odd_contact_keeps_no_other_out_of_a_bundle() -> None:
    """Of a crowd with names that no statement could hold, whoever can be read is in it, and is read; the others are named."""
    crowded = crowd(60, 200)
    asked = [one for one in crowded.contacts if one.state != SUSPENDED]
    composed = compose(crowded, "AB" * 20, None)
    assert composed.contacts + composed.silent + len(composed.unclear) == len(asked)
    assert composed.silent == sum(not one.person.share_regional for one in asked)
    assert composed.unclear
    assert all(re.match(r"\.[a-z0-9-]+( \(.+\))?: (Name|Organisation)", line) for line in composed.unclear)
    document = json.loads(composed.document)
    jsonschema.validate(document, SCHEMA)
    for row in document["contacts"]:
        del row["certificate"]  # made up
    read = read_bundle(json.dumps(document).encode(), crowded.at).contacts("tld-ops", crowded.at)
    amina = next(one for one in read if one.cctld.name == "tz" and one.person.name == TZ_NAME)
    assert amina.person.phones == next(one for one in asked if one.person.name == TZ_NAME).person.phones


# --- from a Regional Organisation --------------------------------------------------------------------------------------


def test_contacts_pass_from_list_to_list_through_a_region(here: Town, there: Town, regional: Regional, tmp_path: Path) -> None:
    """What one list exports, a Regional Organisation reads, and sends on under its own name and date; the other list has it all."""
    octets, _ = export(here, regional, tmp_path)
    rows = regional.opened(octets)[0]["contacts"]
    document = regional.document(there.key, EMMA, *rows, ago=60)
    jsonschema.validate(document, SCHEMA)
    answer = bring(there, regional, tmp_path, document)
    assert (answer["accepted"], answer["contacts"]) == (True, 2)
    (source,) = json.loads(there.run("contacts", "sources", "--json"))
    assert (source["name"], source["fingerprint"], iso(source["made"])) == ("CENTR", regional.fingerprint, document["made"])
    house = Installation(there.home)
    anna, emma = sorted(repository(house, int(time.time())).imported, key=lambda one: one.person.name)
    assert (anna.fingerprint, anna.source, iso(anna.made)) == (member(here, "Anna").fingerprint, "CENTR", document["made"])
    assert regional.gpg("--show-keys", data=anna.certificate).stdout
    assert list(emma.person.emails) == EMMA["emails"]
    assert (emma.cctld.name, iso(emma.confirmed), emma.until) == ("be", EMMA["confirmed"], 0)
    assert iso(anna.until) == rows[0]["until"]


def test_imported_contacts_are_no_members_anywhere(there: Town, regional: Regional, people: People, tmp_path: Path) -> None:
    """All forms show Emma apart, from CENTR; she is in no keyring, no member, counts for no ccTLD, gets no post and cannot post."""
    emma = people.make("Emma Peeters", f"emma-{there.home.parent.name}@be.example")
    row = EMMA | {"emails": [emma.address], "fingerprint": emma.fingerprint, "certificate": emma.certificate.decode()}
    before = there.run("cctld", "list", "--json")
    assert bring(there, regional, tmp_path, regional.document(there.key, row))["accepted"]
    forms = everything(there, tmp_path / "forms")
    assert "Emma Peeters" not in forms["members.asc"]
    assert emma.fingerprint not in people.gpg("--show-keys", data=forms.pop("members.asc").encode()).decode()
    for name, text in forms.items():
        at = text.rindex("Emma Peeters")
        assert text.index("Dora") < at, name
        assert "CENTR" in text[at : at + 3000], name
    assert [one["state"] for one in json.loads(forms["contacts.json"]) if one["name"] == "Emma Peeters"] == ["imported"]
    assert emma.address not in there.run("member", "list", "--json", "--all").decode()
    assert there.run("cctld", "list", "--json") == before
    assert there.judge(there.post(emma, "not by a member"))["verdict"] == "refuse"
    assert there.judge(there.post(member(there, "Dora"), "by a member"))["verdict"] == "accept"
    there.deliver()
    assert there.mails(member(there, "Dora").address)
    assert not there.mails(emma.address)


def test_a_newer_bundle_takes_the_place_of_the_one_before(there: Town, regional: Regional, tmp_path: Path) -> None:
    """Who is not in it any more is gone; one that is as old or older is refused, also after its source was emptied or forgotten."""
    newest = regional.document(there.key, EMMA | {"cctld": "lu", "name": "Newest"}, made=iso(int(time.time()) + 60))
    assert bring(there, regional, tmp_path, newest)["contacts"] == 1
    assert [one.person.name for one in repository(Installation(there.home), int(time.time())).imported] == ["Newest"]
    older = regional.document(there.key, EMMA, ago=60)
    assert [bring(there, regional, tmp_path, one, 65)["reason"] for one in (newest, older)] == ["not-newer"] * 2
    there.run("contacts", "forget", "CENTR")
    assert not repository(Installation(there.home), int(time.time())).imported
    assert bring(there, regional, tmp_path, newest, 65)["reason"] == "not-newer"
    empty = regional.document(there.key, made=iso(int(time.time()) + 120))
    assert bring(there, regional, tmp_path, empty)["contacts"] == 0
    assert bring(there, regional, tmp_path, newest, 65)["reason"] == "not-newer"
    there.run("contacts", "forget", "Nobody", status=65)


def test_two_sources_never_have_one_name(there: Town, regional: Regional, tmp_path: Path) -> None:
    """Contacts are shown with their source's name: a second source cannot take it, before the first is forgotten."""
    other = Regional("Another")
    try:
        other.knows(there)
        later = regional.document(there.key, EMMA, made=iso(int(time.time()) + 180))
        assert bring(there, regional, tmp_path, later)["accepted"]
        theirs = other.document(there.key, EMMA | {"name": "Theirs"})
        for name in ("Centr", "CEN TR", "\u0421ENTR"):
            assert bring(there, other, tmp_path, theirs, 65, name=name)["reason"] == "name-taken"
        there.run("contacts", "forget", regional.fingerprint)
        assert bring(there, other, tmp_path, theirs, name="Centr")["accepted"]
        there.run("contacts", "forget", "Centr")
    finally:
        other.close()


@pytest.mark.parametrize(
    "name",
    ["attested", "ATTESTED ", "a t t e s t e d", "\uff41\uff54\uff54\uff45\uff53\uff54\uff45\uff44", "\u0430ttested", "attested, 2026-11",
     "tld-ops", "TLD OPS", "\uff34\uff2c\uff24-ops", "tld-ops@lists.example.org", "---", "", " ", "x" * 200],
)  # fmt: skip
def test_imported_contacts_never_pass_for_attested_ones(there: Town, regional: Regional, tmp_path: Path, name: str) -> None:
    """A source cannot be called what members' contacts are, nor as the list is, however that is written: it is the option that is wrong."""
    before = there.run("contacts", "sources", "--json")
    (tmp_path / "in.asc").write_bytes(regional.sealed(regional.document(there.key, EMMA), there.key))
    command = ["contacts", "import", str(tmp_path / "in.asc"), "--from", regional.file, "--name", name]
    done = subprocess.run([SECURELIST, "--home", str(there.home), *command], capture_output=True, check=False)
    assert (done.returncode, b"(bad-name)" in done.stderr) == (64, True), done.stderr
    assert there.run("contacts", "sources", "--json") == before


def test_imported_contacts_are_forgotten(there: Town, regional: Regional, tmp_path: Path) -> None:
    """120 days after their source wrote them down they are gone from the disk; one whose `until` has passed is shown no more before."""
    now = int(time.time())
    rows = [EMMA, EMMA | {"name": "Short", "cctld": "lu", "until": iso(now + DAY_S)}]
    document = regional.document(there.key, *rows, made=iso(now + 240))
    assert bring(there, regional, tmp_path, document)["accepted"]
    house = Installation(there.home)
    shown = [{one.person.name for one in repository(house, now + days * DAY_S).imported} for days in (0, 2)]
    assert shown == [{"Emma Peeters", "Short"}, {"Emma Peeters"}]
    for days, left in ((119, 2), (121, 0)):
        forget(house.engine, house.config, now + days * DAY_S)
        with closing(sqlite3.connect(there.home / "securelist.db")) as database:
            assert database.execute("SELECT count(*) FROM imported").fetchone() == (left,)
    old = regional.document(there.key, EMMA, ago=121 * DAY_S)
    assert bring(there, regional, tmp_path, old, 65)["reason"] == "too-old"
