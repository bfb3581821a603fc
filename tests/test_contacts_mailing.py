"""The contacts mailed to everybody: who gets them, what is in them, what has changed, and that each month's mail leaves once."""

from __future__ import annotations

import base64
import json
import re
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from mailings_world import Office, first_of_month
from mailings_world import emptied as emptied
from mailings_world import office as office
from town import LIST

from securelist.contacts import mailing
from securelist.contacts.lines import columns
from securelist.contacts.mailing import Mailings, last_due
from securelist.contacts.parts import LEFT_OUT_FIRST, Part, fitting
from securelist.errors import Refused
from securelist.installation import Installation
from securelist.procedures.dates import day
from securelist.store import addresses
from securelist.store.database import writing
from securelist.trust.erasure import erasable
from securelist.trust.export import write_export
from securelist.trust.proof import prove

DAY_S = 86400
NEXT, THEN = first_of_month(1), first_of_month(2)
FILES = {"contacts.html", "contacts-phone.vcf", "contacts.vcf", "members.asc", "contacts.csv", "contacts.json", "tld-ops.log"}


def due(year: int, month: int, day: int) -> int:
    return int(time.mktime((year, month, day, 0, 0, 0, 0, 0, 0))) - time.timezone


# --- what comes --------------------------------------------------------------------------------------------------------------


def test_it_comes_to_every_member(office: Office) -> None:
    """Encrypted to each, signed by the list, for no robot to answer; the text and all files are there, as of one moment."""
    for name, algorithm in (("Carla", "rsa3072"), ("Dora", "nistp256")):
        who = office.people[name] = office.person(name, algorithm=algorithm)
        office.attest(who)
    office.mail(NEXT + 60)
    for name, who in office.people.items():
        (told,) = office.letters(who)
        fields = (told.outer["To"], told.outer["Reply-To"], told.outer["Auto-Submitted"], told.outer["Subject"])
        assert fields == (LIST, LIST.replace("@", "-request@"), "auto-generated", "[...]")
        assert told.outer["List-Id"] and "List-Unsubscribe" in told.outer and told.outer["From"].endswith(f"<{LIST}>")
        assert told.subject == f"tld-ops contacts, {day(NEXT)}: 4 contacts of 1 ccTLD"
        assert set(told.attached) == FILES and f"  Name       {name}\n  Phone      +31 6 1234 5678\n" in told.text
        assert all(columns(line) <= 76 for line in told.lines) and "\n.nl\n" in told.text and "CHANGED" not in told.text
        assert "gpg --import members.asc" in told.text
    assert (
        b"FN:Anna" in told.attached["contacts.vcf"]
        and b"FN:NL Anna" in told.attached["contacts-phone.vcf"]
        and json.loads(told.attached["contacts.json"])
    )
    imported = office.town.people.gpg(
        "--import-options", "show-only", "--with-colons", "--import", data=told.attached["members.asc"]
    ).decode()
    assert all(who.fingerprint in imported for who in office.people.values())


def test_the_membership_is_proved_from_the_mail_alone(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the Secretariat's certificate: the same members, and the mail itself agrees. Of who left there is no text, only digests."""
    carla = office.add("Carla")
    office.say(office.town.admin, "withdraw-ssc", carla, Name="")
    office.send()
    told = office.issue("Anna")
    log, copy, root = tmp_path / "tld-ops.log", tmp_path / "mail.eml", tmp_path / "root.asc"
    log.write_bytes(told.attached["tld-ops.log"])
    copy.write_bytes(office.town.delivered(office.people["Anna"].address)[-1])
    root.write_bytes(office.town.root.certificate)
    monkeypatch.setenv("GNUPGHOME", str(office.town.people.home))
    proof = json.loads(office.town.run("log", "verify", "--json", str(log), "--root", str(root), "--copy", str(copy)))
    assert proof["valid"] and proof["copies"][0]["agrees"] and proof["problems"] == []
    assert proof["members"] == office.town.listed() and {one["name"] for one in proof["members"]} == {"Anna", "Bert"}
    lines = [json.loads(line) for line in log.read_bytes().splitlines()[1:-2]]
    texts = b"".join(base64.b64decode(line["octets"]) for line in lines if line["octets"] not in (None, "left-out"))
    assert carla.address.encode() not in texts and office.people["Anna"].address.encode() in texts
    assert len(lines) == proof["entries"] and len(proof["left_out"]) == 3  # certificate, attestation, withdrawal
    said = office.town.run("log", "verify", "--quiet", str(log), "--root", str(root)).decode()
    assert "The texts of 3 entries are left out" in said and said.count("active, by the list's word") == 2
    assert proof["by_word"] == ["nl"]
    office.town.run("log", "export", str(tmp_path / "whole"))
    assert b"left-out" not in (tmp_path / "whole").read_bytes()


def test_an_export_that_leaves_out_what_is_in_force_proves_less(office: Office, tmp_path: Path) -> None:
    """A server can leave somebody out, as it can keep silent about them; nobody becomes a member by it, and no suspension ends."""
    house = office.house

    def proved(*without: int) -> tuple[set[str], tuple[str, ...]]:
        entries = [(link.entry, link.evidence) for link in house.links()]
        made = write_export(LIST, house.list_key, [house.list_certificate.octets], entries, int(time.time()), frozenset(without))
        proof = prove(made, [office.town.root.certificate], int(time.time()))
        return {member.name for member in proof.members}, proof.problems

    attested = next(e.number for e in house.membership().entries if e.type == "attest-ssc")
    assert proved(attested) == ({"Bert"}, ())  # with .nl said to be by the list's word
    office.say(office.town.root, "suspend-member", office.people["Bert"], Name="", Key="")
    suspended = house.membership().head.number
    names, (problem,) = proved(suspended)
    assert names == set() and "it would end or suspend a membership" in problem
    (problem,) = proved(1)[1]
    assert "can neither be erased nor be left out" in problem


def test_what_does_not_fit_stays_behind(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log first; the text says what is missing, and how to get it."""
    monkeypatch.setattr(mailing, "MAX_MAIL_OCTETS", mailing.HEAD_OCTETS + 9_000)
    office.mail(NEXT)
    told = office.issue("Bert")
    missing = FILES - set(told.attached)
    assert "tld-ops.log" in missing and "contacts.html" in missing
    assert re.search(r"  - tld-ops\.log, 0\.\d MB: log\n", told.text) and "log verify" not in told.text
    assert len(office.town.delivered(office.people["Bert"].address)[-1]) < mailing.MAX_MAIL_OCTETS


def test_parts_go_in_the_order_that_is_stated() -> None:
    """No more of them than is needed; the page for the browser last."""
    parts = tuple(Part(form, form, bytes(range(256)) * 40) for form in reversed(LEFT_OUT_FIRST))
    each = parts[0].weight
    for kept in range(len(parts) + 1):
        assert fitting(parts, each * kept) == parts[:kept]


# --- what has changed ----------------------------------------------------------------------------------------------------------


def test_a_month_in_which_much_happened(office: Office) -> None:
    """Who joined and left, what is new of whom, who became unreachable and who is suspended; the month after, who is back."""
    carla, dora = office.add("Carla"), office.add("Dora")
    emil = office.add("Emil", Email=f"emil-{time.time_ns()}@nl.example")
    office.mail(NEXT)
    anna, bert = office.people["Anna"], office.people["Bert"]
    office.add("Fenna")
    office.say(office.town.admin, "withdraw-ssc", carla, Name="")
    office.say(anna, "update-contact", anna, Key="", Phone="+31 6 9999 9999", Organisation="SIDN")
    other = office.town.people.make("Bert", bert.address)
    office.say(office.town.admin, "attest-ssc", other, other.certificate, Phone="+31 6 1234 5678")
    office.say(office.town.root, "suspend-member", dora, Name="", Key="")
    (address,) = [m.emails[0] for m in office.house.membership().members(NEXT) if m.name == "Emil"]
    with writing(office.house.engine) as connection:
        addresses.mark(connection, address, "550 5.1.1 no such user", NEXT, by_report=True)
    office.mail(THEN)
    assert office.issue("Anna").subject.endswith(": 1 joined, 1 left, 2 changed, …")
    assert office.changed("Anna").split(" ", 1)[1] == (
        "Joined: 1 .nl Fenna Left: 1 .nl Carla New details: 2 .nl new phone, new organisation: Anna .nl new key: Bert "
        f"Unreachable now: 1 .nl no address works: {address}: 550 5.1.1 no such user: Emil Suspended: 1 .nl Dora"
    )
    with writing(office.house.engine) as connection:
        addresses.clear(connection, address, THEN)
    office.say(office.town.root, "resume-member", dora, Name="", Key="")
    office.mail(first_of_month(3))
    assert office.changed("Anna").split(" ", 1)[1] == "Reached again: 1 .nl Emil No longer suspended: 1 .nl Dora"
    office.mail(first_of_month(4))
    assert office.changed("Anna").endswith("Nothing.") and office.issue("Anna").subject.endswith(": nothing changed")
    assert emil.fingerprint in str(office.snapshot())


def test_who_was_erased_left_without_a_name(office: Office) -> None:
    """Their text is gone from the log, and nothing beside it tells who they were."""
    carla = office.add("Carla")
    office.mail(NEXT)
    office.say(office.town.admin, "withdraw-ssc", carla, Name="")
    house = office.house
    entries = erasable(house.membership(), house.anchor, "nl", carla.fingerprint, int(time.time()), by_owner=False)
    names = "".join(f"Entry: {entry.number} {entry.hash}\n" for entry in entries)
    text = f"Securelist-Statement: erase\nList: {LIST}\nTLD: nl\nKey: {carla.fingerprint}\n{names}"
    office.town.submit(office.town.root, text)
    office.mail(THEN)
    assert office.changed("Anna").endswith("Left: 1 .nl a contact of .nl")
    assert "Carla" not in office.issue("Anna").text


def test_what_is_kept_for_the_comparison_are_digests(office: Office) -> None:
    """Neither name nor address nor number, and not the same digest for two people's same number."""
    office.mail(NEXT)
    kept = office.snapshot()
    assert len(kept) == 2 and not re.search("anna|bert|@|1234", str(kept), re.IGNORECASE)
    phones = {json.loads(str(row[-1]))["phone"] for row in kept}
    assert len(phones) == 2


# --- who gets it ---------------------------------------------------------------------------------------------------------------


def test_the_suspended_get_none(office: Office) -> None:
    """Nothing is sealed for them, while everybody reads of it."""
    office.say(office.town.root, "suspend-member", office.people["Bert"], Name="", Key="")
    office.mail(NEXT)
    (queued,) = office.mailings()
    assert set(queued.copies) == {office.people["Anna"].address}
    assert office.letters(office.people["Bert"]) == [] and "SUSPENDED" in office.issue("Anna").text


def test_who_leaves_before_it_does_gets_none(office: Office) -> None:
    """The membership is asked again when each copy leaves."""
    office.mail(NEXT)
    office.say(office.town.admin, "withdraw-ssc", office.people["Bert"], Name="")
    assert office.letters(office.people["Bert"]) == [] and len(office.letters(office.people["Anna"])) == 1
    assert set(office.mailings()[0].copies.values()) == {"delivered", "withdrawn"}


def test_who_cannot_be_reached_is_counted_and_the_rest_get_it(office: Office) -> None:
    """A revoked key: no copy can be made; the others read why."""
    office.enter(office.town.people.revoke(office.people["Bert"]))
    office.mail(NEXT)
    assert office.mailings()[0].copies[office.people["Bert"].address] == "unreachable"
    assert re.search(r"  State +UNREACHABLE since \S+: the key is revoked", office.issue("Anna").text)


# --- when, and how often -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "at", "expected"),
    [
        (1, due(2026, 12, 1), due(2026, 12, 1)),
        (1, due(2026, 12, 1) - 1, due(2026, 11, 1)),
        (28, due(2027, 1, 5), due(2026, 12, 28)),
        (15, due(2028, 3, 1), due(2028, 2, 15)),
        (0, due(2026, 12, 1), 0),
    ],
)
def test_when_it_is_due(on: int, at: int, expected: int) -> None:
    """At 00:00 UTC of that day of each month; never for 0."""
    assert last_due(on, at) == expected


def test_once_a_month_and_late_if_the_server_was_down(office: Office) -> None:
    """Not for a day before the list was; ten days late is late, and no second one; also when the first is forgotten."""
    office.mail(int(time.time()) + 1)
    assert office.mailings() == []
    office.mail(NEXT + 10 * DAY_S)
    office.mail(NEXT + 11 * DAY_S)
    assert len(office.mailings()) == 1
    office.letters(office.people["Anna"])
    office.forget_posts()
    office.mail(NEXT + 12 * DAY_S)
    assert office.mailings() == []
    office.mail(THEN)
    assert len(office.mailings()) == 1


def test_a_clock_that_was_ahead_once_stops_no_later_mail(office: Office) -> None:
    """What was mailed for a month that has not come yet is no reason to leave out those before it."""
    office.mail(first_of_month(6))
    office.mail(NEXT)
    office.mail(NEXT)
    assert len(office.mailings()) == 2
    office.mail(THEN)
    assert len(office.mailings()) == 3


def test_two_processes_send_it_once(office: Office) -> None:
    """However many find it due at the same moment."""
    processes = [office.process(NEXT) for _ in range(3)]
    for process in processes:
        assert process.wait(60) == 0, process.stderr and process.stderr.read()
        assert process.stderr is not None
        process.stderr.close()
    office.now = NEXT
    assert len(office.mailings()) == 1 and [len(office.letters(who)) for who in office.people.values()] == [1, 1]


def test_whatever_is_killed_it_is_sent_once(office: Office) -> None:
    """A process that is killed on the way leaves all of it or nothing; the next round finds which."""
    for tenths in range(2, 22, 3):
        process = office.process(NEXT)
        time.sleep(tenths / 10)
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()
        assert len(office.mailings()) <= 1
        assert len(office.snapshot()) == 2 * len(office.mailings())
    office.mail(NEXT)
    assert len(office.mailings()) == 1 and len(office.letters(office.people["Anna"])) == 1


def test_the_operator_sends_it_at_any_time(office: Office) -> None:
    """It says what went out; the calendar's comes all the same, and tells what changed since."""
    said = office.town.run("contacts", "send").decode()
    assert re.search(r"^post \d+: for 2 members, 0 of whom cannot be reached\neach copy has 0\.\d MB, with contacts\.html", said)
    assert "tld-ops.log" in said and len(office.mailings()) == 1
    office.add("Carla")
    office.mail(NEXT)
    assert len(office.mailings()) == 2 and office.changed("Anna").endswith("Joined: 1 .nl Carla")
    assert "contacts" in office.journal()


def test_nothing_is_sent_where_there_is_nobody(office: Office) -> None:
    """No member: the command says so, and the calendar waits."""
    for who in office.people.values():
        office.say(office.town.admin, "withdraw-ssc", who, Name="")
    office.town.run("contacts", "send", status=65)
    with pytest.raises(Refused, match="no-members"):
        Mailings(office.house).send(NEXT)
    office.mail(NEXT)
    assert office.mailings() == [] and office.snapshot() == []


def test_nothing_is_sent_before_the_list_is_founded(tmp_path: Path, office: Office) -> None:
    """The command says what is missing."""
    (tmp_path / "root.asc").write_bytes(office.town.root.certificate)
    home = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    town = replace(office.town, home=home / "home")
    try:
        town.run("init", LIST, "--root", str(tmp_path / "root.asc"), "--next-hop", f"maildir:{tmp_path}")
        with pytest.raises(Refused, match="not-founded"):
            Mailings(Installation(town.home)).send(NEXT)
        Mailings(Installation(town.home)).round(NEXT)
        town.run("contacts", "send", status=65)
    finally:
        town.close()
        shutil.rmtree(home, ignore_errors=True)
