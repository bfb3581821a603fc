"""What members ask for by mail: all contacts, those of some ccTLDs, the list of members, the log; and who gets nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from command_mails import Bureau
from command_mails import admission as admission
from command_mails import bureau as bureau
from people import Somebody
from sqlalchemy import select
from statement_mails import PLAIN, keys, mail, multipart, part
from town import member

from securelist.command_desk import Taken
from securelist.errors import Refused
from securelist.letters import kinds
from securelist.mail.addresses import ListAddress, Role
from securelist.openpgp.signed import Verified
from securelist.orders import orders_in
from securelist.reception import Reception
from securelist.store.database import reading
from securelist.store.schema import JournalRow

FILES = {"contacts.html", "contacts-phone.vcf", "contacts.vcf", "members.asc", "contacts.csv", "contacts.json", "tld-ops.log"}
COMMANDS = ("contacts", "contacts nl br", "members", "log")


def anna(bureau: Bureau) -> Somebody:
    return member(bureau.admission.town, "Anna")


def journal(bureau: Bureau) -> str:
    with reading(bureau.admission.house.engine) as connection:
        return "\n".join(map(str, connection.execute(select(JournalRow.event, JournalRow.subject))))


# --- what they get -----------------------------------------------------------------------------------------------------------


def test_all_contacts(bureau: Bureau) -> None:
    """As in the monthly mail, with every file, to whoever asked alone; it is in the journal."""
    (told,) = bureau.order(anna(bureau), "contacts\n")
    assert told.subject.startswith("tld-ops contacts, ") and told.subject.endswith(": 3 contacts of 1 ccTLD")
    assert set(told.files) == FILES and told.widest <= 76 and "CHANGED SINCE" not in told.text
    for name in ("Anna", "Bert", "Carla"):
        assert f"  Name       {name}\n" in told.text and f"FN:{name}" in told.files["contacts.vcf"]
        assert f"FN:NL {name}" in told.files["contacts-phone.vcf"]
    assert bureau.letters(member(bureau.admission.town, "Bert")) == [] and "'letter contacts'" in journal(bureau)


def test_those_of_some_cctlds(bureau: Bureau) -> None:
    """In whatever case, with dots and commas; those where nobody is are named. A card and a certificate for each."""
    (told,) = bureau.order(anna(bureau), "Contacts .NL, br nl\n")
    assert told.subject == "tld-ops contacts of .nl, .br" and set(told.files) == {"contacts-phone.vcf", "contacts.vcf", "members.asc"}
    assert "\n.nl\n  Name       Anna\n" in told.text and "Nobody is here for 1 ccTLD\n  Latin America/Caribbean: .br" in told.text
    assert [told.files[name].count("BEGIN:VCARD") for name in ("contacts-phone.vcf", "contacts.vcf")] == [
        3,
        3,
    ] and "+31 6 1234 5678" in told.text
    (told,) = bureau.order(anna(bureau), "contacts br\n")
    assert "Nobody is a member there." in told.text and told.files == {}


def test_the_list_of_members(bureau: Bureau) -> None:
    """ccTLD and name, who cannot be reached, and all certificates: no number."""
    town, house = bureau.admission.town, bureau.admission.house
    gina = bureau.newcomer("Gina")
    town.submit(bureau.root, town.statement("suspend-member", gina, Name="", Key=""))
    (told,) = bureau.order(anna(bureau), "members\n")
    assert told.subject.endswith(": 4 members") and "  .nl        Anna\n" in told.text and "  .nl        SUSPENDED: Gina\n" in told.text
    assert "+31" not in told.text and set(told.files) == {"members.asc"}
    listing = town.people.gpg("--import-options", "show-only", "--with-colons", "--import", data=told.files["members.asc"].encode())
    shown = {one.name for one in house.membership().members(bureau.at) if one.fingerprint.encode() in listing}
    assert shown == {"Anna", "Bert", "Carla"}


def test_the_log_whole(bureau: Bureau, tmp_path: Path) -> None:
    """It proves the members, and leaves nothing out."""
    town = bureau.admission.town
    bureau.at = int(time.time())
    (told,) = bureau.order(anna(bureau), "log\n")
    (tmp_path / "log").write_text(told.files["tld-ops.log"])
    (tmp_path / "root").write_bytes(town.root.certificate)
    proof = json.loads(town.run("log", "verify", "--json", str(tmp_path / "log"), "--root", str(tmp_path / "root")))
    assert proof["valid"] and proof["left_out"] == [] and {one["name"] for one in proof["members"]} == {"Anna", "Bert", "Carla"}
    assert f"  {proof['head']}\n" in told.text and f", {proof['entries']} entries" in told.subject
    assert "securelist log verify tld-ops.log --root secretariat.asc" in told.text


def test_a_trust_root_gets_all_of_it(bureau: Bureau) -> None:
    """Several lines in one mail, each with its letter."""
    told = bureau.order(bureau.root, "contacts nl\nmembers\nlog\n")
    assert [sorted(one.files) for one in told] == [["contacts-phone.vcf", "contacts.vcf", "members.asc"], ["members.asc"], ["tld-ops.log"]]


def test_help_has_them(bureau: Bureau) -> None:
    """In a member's help."""
    (told,) = bureau.order(anna(bureau), "help\n")
    assert all(f"  {word}  " in told.text for word in COMMANDS) and told.widest <= 76


# --- who gets nothing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", COMMANDS)
def test_who_is_no_member_gets_nothing(bureau: Bureau, line: str) -> None:
    """An Admin Contact and a suspended member read that it is for members; a stranger hears nothing."""
    town, people = bureau.admission.town, bureau.admission.people
    gina = bureau.newcomer("Gina")
    town.submit(bureau.root, town.statement("suspend-member", gina, Name="", Key=""))
    for who in (gina, town.admin):
        (told,) = bureau.order(who, f"{line}\n")
        assert "only members and the Secretariat" in told.words and told.files == {} and "+31" not in told.text
    mallory = people.make("Mallory", f"{time.time_ns()}@else.example")
    octets = mail(mallory, multipart(part(PLAIN, people.clearsign(mallory, f"{line}\n")), keys(mallory)))
    with pytest.raises(Refused):
        Reception(bureau.admission.house).take(ListAddress(Role.REQUEST), mallory.address, octets)
    assert bureau.letters(mallory) == [] and bureau.letters(anna(bureau)) == []


def test_who_left_gets_nothing_and_is_in_nothing(bureau: Bureau) -> None:
    """From the withdrawal on."""
    town, gina = bureau.admission.town, bureau.newcomer("Gina")
    town.submit(town.admin, town.statement("withdraw-ssc", gina, Name=""))
    bureau.letters(gina)
    assert all(one.files == {} for one in bureau.order(gina, "contacts\n"))
    (told,) = bureau.order(anna(bureau), "contacts\n")
    assert "Gina" not in told.text and not any("Gina" in text for text in told.files.values())


# --- how often -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line, kind", [("contacts", "contacts"), ("contacts nl", "contacts-of"), ("members", "members"), ("log", "log")])
def test_so_many_a_day(bureau: Bureau, line: str, kind: str) -> None:
    """Beyond that nothing is worked out; what is large, less often; and one kind does not use up another's."""
    engine = bureau.admission.house.engine
    for _ in range(kinds.KINDS[kind].limit):
        kinds.written(engine, kind, anna(bureau).address, bureau.at)
    taken = bureau.take(bureau.signed(anna(bureau), f"{line}\n"))
    assert isinstance(taken, Taken) and "too many today" in taken.detail
    others = {"contacts nl": "members"}.get(line, "contacts nl")
    assert len(bureau.order(anna(bureau), f"{others}\n")) == 1
    assert kinds.KINDS["contacts"].limit <= kinds.KINDS["members"].limit < kinds.KINDS["contacts-of"].limit


def test_the_same_mail_again_is_answered_once(bureau: Bureau) -> None:
    """Whoever mails it."""
    octets = bureau.signed(anna(bureau), "contacts nl\n")
    bureau.take(octets)
    bureau.take(octets)
    assert len(bureau.letters(anna(bureau))) == 1


# --- what is no command --------------------------------------------------------------------------------------------------------


def test_a_word_that_is_no_cctld(bureau: Bureau) -> None:
    """The answer says which, and what may have been meant; one that is named often counts once."""
    (told,) = bureau.order(anna(bureau), "contacts nl uk2\n")
    assert "'uk2' is no ccTLD" in told.words and told.files == {}
    (told,) = bureau.order(anna(bureau), f"contacts {'nl ' * 400}\n")
    assert told.subject == "tld-ops contacts of .nl" and told.text.count("\n.nl\n") == 1


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("contacts", True), ("contacts nl br", True), ("Contacts", True), ("members", True), ("log", True), ("log\n\nHello", True),
        ("Contacts of the attackers follow", False), ("Members of the list, beware", False), ("Log files show this\nsecond line", False),
        ("log\nlines follow", False),
    ],
)  # fmt: skip
def test_an_ordinary_sentence_is_a_post(text: str, meant: bool) -> None:
    """It begins with such a word, and goes on."""
    verified = Verified.__new__(Verified)
    object.__setattr__(verified, "content", text.encode())
    assert orders_in(verified).are_meant is meant
