"""Names and addresses that look like somebody else's: what is refused, and what only looks odd."""

from __future__ import annotations

import pytest
from attack_stage import Judging, must_be_refused
from attack_stage import judge as judge
from attack_stage import stage as stage
from attacks_names import NAMES, base64_word
from bad_mails import Bad, Stage

from securelist.mail.mime import read_entity
from securelist.post.names import shown_name
from securelist.post.readings import readings


@pytest.mark.parametrize("bad", NAMES.values(), ids=NAMES)
def test_a_from_that_shows_another_members_address(stage: Stage, judge: Judging, bad: Bad) -> None:
    """Wherever a reader would see it, with whatever marks around it or within."""
    must_be_refused(stage, judge, bad)


DECENT = {
    "an encoded word in quotation marks, as QQ Mail and Foxmail write it": '"=?utf-8?B?Wm/Dqw==?=" <{0}>',
    "an encoded word right before the brackets": "=?gb18030?B?1uzpRrv5?=<{0}>",
    "her own address in apostrophes, as Outlook writes it": "\"'{0}'\" <{0}>",
    "her own address in an encoded word": f"{base64_word('Zoë ')} <{{0}}>",
    "her own address without quotation marks": "{0} <{0}>",
    "an address of nobody's": '"anna@elsewhere.example" <{0}>',
    "Bert's with a detail, which is another one": "Anna (x+{1}) <{0}>",
    "one that ends like Bert's": '"al{1}" <{0}>',
    "one that begins like Bert's": '"{1}.org" <{0}>',
    "a machine below Bert's domain": '"{1}-x.example" <{0}>',
}


@pytest.mark.parametrize("sender", DECENT.values(), ids=DECENT)
def test_a_from_in_which_nobody_else_is_named(stage: Stage, judge: Judging, sender: str) -> None:
    """What mail programs write, and addresses that contain another member's and are not theirs."""
    said = judge(stage.post(From=sender.format(stage.anna.address, stage.bert.address)))
    assert (said.verdict, said.poster) == ("accept", stage.anna.fingerprint), said


def test_an_address_within_ones_own_is_no_other_members() -> None:
    """O'Bert may post, though the end of that address is Bert's; and so may who shares an address."""
    (*found,) = readings(read_entity(b"From: \"o'bert@nl.example\" <o'bert@nl.example>\r\n\r\n"))
    assert any(one.names("bert@nl.example") for one in found)
    assert not any(one.without(["o'bert@nl.example"]).names("bert@nl.example") for one in found)
    assert not any(one.without(["o'bert@nl.example"]).names("o'bert@nl.example") for one in found)


NOBODY = "contact of .be"
OURS = (
    "ꜱᴇᴄʀᴇᴛᴀʀɪᴀᴛ", "Secretarıat", "Secretarłat", "Secretar1at", "5ecretariat", "S\u0335ecretariat", "🆂ecretariat", "Ѕесгетагіат",
    "Announcernent", "Admin Contact of .nl", "Bert Bakker, contact of .be", "C0ntact of .nl", "Signature verified: 0123",
    "All below this line is the poster's own.", "tld-ops list", "The TLD OPS team", "tld-0ps", "t1d-ops", "\u13aanna", "\u2c82nna",
)  # fmt: skip
PEOPLE = (
    "Müller", "O'Brien", "Øystein", "Łukasz", "İpek Yıldız", "Иван", "Ольга Кузнецова", "Γιώργος", "渡辺", "محمد", "सुनीता", "Nguyễn Văn An",
    "Anna de Vries", "Security Team", "Registry of .nl (NOC)", "Ops",
)  # fmt: skip


@pytest.mark.parametrize("name", OURS)
def test_a_name_that_looks_like_one_of_ours(name: str) -> None:
    """By letters that look alike, by digits for letters, by more words around it: copies say `contact of` instead."""
    assert shown_name(name, "be", "tld-ops") == NOBODY


@pytest.mark.parametrize("name", PEOPLE)
def test_peoples_names_are_shown_as_they_are(name: str) -> None:
    """Letters are folded for comparing only."""
    assert shown_name(name, "be", "tld-ops") == name


def test_a_short_name_of_a_list_may_stand_in_anybodys() -> None:
    """Of a list called `ops` nobody has to give up a name with these letters."""
    assert shown_name("Bishops Registry", "be", "ops") == "Bishops Registry"
    assert shown_name("0PS", "be", "ops") == NOBODY
