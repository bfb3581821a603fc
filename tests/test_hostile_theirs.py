"""Mails in another's name, or from another conversation: what is refused, and what of a header counts for nothing."""

from __future__ import annotations

import email
import email.policy
import time

import pytest
from attack_stage import Judging, must_be_refused
from attack_stage import judge as judge
from attack_stage import stage as stage
from attacks_theirs import FOR_OTHERS, MORE_FROMS, ONE_FROM
from bad_mails import Bad, Stage
from people import Somebody
from town import LIST, entity


@pytest.mark.parametrize("bad", ONE_FROM.values(), ids=ONE_FROM)
def test_a_from_that_could_be_read_as_another_members(stage: Stage, judge: Judging, bad: Bad) -> None:
    """Anna signs; whatever a reader could take for Bert's address in From, name or comment, is refused."""
    must_be_refused(stage, judge, bad)


@pytest.mark.parametrize("bad", MORE_FROMS.values(), ids=MORE_FROMS)
def test_a_header_in_which_programs_see_different_froms(stage: Stage, judge: Judging, bad: Bad) -> None:
    """One From, that every program finds; nothing else takes its place."""
    must_be_refused(stage, judge, bad)


@pytest.mark.parametrize("bad", FOR_OTHERS.values(), ids=FOR_OTHERS)
def test_what_a_member_signed_for_others(stage: Stage, judge: Judging, bad: Bad) -> None:
    """Whoever read it can encrypt it to the list; it does not go out as a post."""
    must_be_refused(stage, judge, bad)


# --- what counts for nothing ------------------------------------------------------------------------------------------------


def copy_for_bert(stage: Stage) -> tuple[email.message.EmailMessage, bytes]:
    """The newest copy that Bert got, and what he reads in it."""
    stage.town.deliver()
    newest = stage.town.mails(stage.bert.address)[-1]
    return newest, stage.town.opened(newest)[0]


def accepted(judge: Judging, mail: bytes, **how: str) -> str | None:
    """Who posted it; it must be accepted."""
    said = judge(mail, **how)
    assert said.verdict == "accept", said
    return said.poster


OTHERS_WORDS = (
    "Sender", "Reply-To", "Resent-From", "Resent-Sender", "X-Original-From", "X-Sender", "X-Envelope-From", "Disposition-Notification-To",
    "Return-Path", "Errors-To", "Mail-Followup-To", "Approved", "Author", "Securelist-Poster", "Securelist-Attestation",
)  # fmt: skip


@pytest.mark.parametrize("where", ["outside", "inside"])
def test_no_other_field_says_who_posted(stage: Stage, judge: Judging, where: str) -> None:
    """Sender, Reply-To and whatever else names somebody are not looked at, and no copy holds them."""
    liar = f"liar-{where}@evil.example"
    fields = dict.fromkeys(OTHERS_WORDS, f"Bert <{liar}>")
    mail = stage.post(**fields) if where == "outside" else stage.post(*(f"{name}: {value}" for name, value in fields.items()))
    assert accepted(judge, mail, mail_from=liar) == stage.anna.fingerprint
    outer, inside = copy_for_bert(stage)
    inner = email.message_from_bytes(inside, policy=email.policy.default)
    assert liar not in outer.as_string() and liar.encode() not in inside
    assert inner.get_all("Author") == [f"Anna <{stage.anna.address}>"]
    assert [value.split(";")[0] for value in inner.get_all("Securelist-Poster", [])] == [stage.anna.fingerprint]


def test_what_the_key_calls_itself_is_not_shown(stage: Stage, judge: Judging) -> None:
    """Somebody who is attested for .be has a key with Anna's name and address in its user ID; a copy says what the attestation says."""
    town = stage.town
    eve = stage.people.make("Anna", stage.anna.address)
    said = town.statement("attest-ssc", eve, tld="be", Name="Eve Real", Email=f"eve-{town.home.parent.name}@be.example")
    town.submit(town.admin, said, eve.certificate)
    assert accepted(judge, town.post(eve, "canary of eve", From="Eve <eve@be.example>")) == eve.fingerprint
    outer, inside = copy_for_bert(stage)
    assert b"Eve Real <eve-" in inside and outer["From"].addresses[0].display_name.startswith("Eve Real")
    assert stage.anna.address.encode() not in inside and stage.anna.address not in outer.as_string()
    assert judge(town.post(eve, "canary of eve in her own words")).reason == "foreign-from"


@pytest.mark.parametrize(
    "sender",
    ['"{}" <{}>', "Anna <{0}> ({1})", '"Anna, {0}" <{1}>', "{0}", '"bert@elsewhere.example" <{0}>', "Anna (bert+tag@nl.example) <{0}>"],
)
def test_a_name_that_holds_an_address_of_nobodys_else(stage: Stage, judge: Judging, sender: str) -> None:
    """Mail programs write the address as the name where they know none; and strangers' addresses are no member's."""
    address = stage.anna.address
    assert accepted(judge, stage.post(From=sender.format(address, address))) == stage.anna.fingerprint


def test_an_address_that_only_resembles_a_members(stage: Stage, judge: Judging) -> None:
    """With a tag, in punycode, below another domain: it is nobody's here, so the post is the signer's, and no copy holds the address."""
    local, _, domain = stage.bert.address.partition("@")
    for resembling in (f"{local}+x@{domain}", f"{local}@xn--{domain}", f"{local}@mail.{domain}", f"{local}.@{domain}"):
        said = judge(stage.post(From=f"Bert <{resembling}>"))
        assert (said.verdict, said.poster) == ("accept", stage.anna.fingerprint) or said.reason == "bad-from"
        if said.verdict == "accept":
            outer, inside = copy_for_bert(stage)
            assert resembling not in outer.as_string() and resembling.encode() not in inside


# --- who is a member ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dora(stage: Stage) -> Somebody:
    """A member with two addresses: an SSC has one that works when their own ccTLD does not."""
    dora = stage.people.make("Dora", "dora@be.example")
    text = stage.town.statement("attest-ssc", dora, tld="be").replace("Key:", "Email: dora.private@elsewhere.example\nKey:")
    stage.town.submit(stage.town.admin, text, dora.certificate)
    return dora


@pytest.mark.parametrize("address", ["dora@be.example", "Dora.Private@Elsewhere.Example"])
def test_every_address_of_another_member_is_theirs(stage: Stage, judge: Judging, dora: Somebody, address: str) -> None:
    """Not the first alone; and they post from each."""
    for sender in (f"Dora <{address}>", f'"{address}" <{stage.anna.address}>'):
        assert judge(stage.post(From=sender)).reason == "foreign-from"
    assert accepted(judge, stage.town.post(dora, f"canary {address}", From=f"Dora <{address}>")) == dora.fingerprint


def test_a_suspended_member_hears_of_the_suspension(stage: Stage, judge: Judging, dora: Somebody) -> None:
    """Not of an earlier membership for another ccTLD that was withdrawn."""
    town = stage.town
    town.submit(town.root, town.statement("appoint-admin-contact", town.admin, tld="ch"))
    steps = [
        (town.admin, "withdraw-ssc", "be", "was withdrawn"),
        (town.admin, "attest-ssc", "ch", ""),
        (town.root, "suspend-member", "ch", "is suspended"),
        (town.root, "resume-member", "ch", ""),
    ]
    for signer, kind, tld, refused in steps:
        time.sleep(1.1)  # in a second of its own, so that each is newer
        town.submit(signer, town.statement(kind, dora, tld, **({} if kind == "attest-ssc" else {"Name": "", "Key": ""})))
        said = judge(town.post(dora, f"canary {time.time_ns()}", From="Dora <dora@be.example>"))
        assert (said.verdict, refused in said.detail) == ("refuse" if refused else "accept", True), said


# --- what is for the list, whatever stands beside it -------------------------------------------------------------------------------

FOR_THE_LIST = {
    "the list among others": ("To: Bert <BERT>, Carla <c@nl.example>", f"Cc: {LIST}"),
    "in capitals": (f"To: {LIST.upper()}",),
    "with its name encoded": (f"To: =?utf-8?Q?TLD_Ops_=E2=80=93_List?= <{LIST}>",),
    "in a group": (f"To: Everybody: {LIST}, BERT;",),
    "as a blind copy": ("To: BERT", f"Bcc: {LIST}"),
    "nobody named": ("To: undisclosed-recipients:;",),
    "nobody named in a Cc": (f"To: {LIST}", "Cc: "),
    "nothing at all": (),
}


@pytest.mark.parametrize("fields", FOR_THE_LIST.values(), ids=FOR_THE_LIST)
def test_the_list_is_named_in_many_ways(stage: Stage, judge: Judging, fields: tuple[str, ...]) -> None:
    """Or nobody is: then it cannot be told for whom it was, and it is a post of the signer's like any other."""
    assert accepted(judge, stage.post(*(line.replace("BERT", stage.bert.address) for line in fields))) == stage.anna.fingerprint


def test_a_text_about_headers_is_a_text(stage: Stage, judge: Judging) -> None:
    """Inline, words with a colon and pasted header fields are what somebody wrote; they come out as they went in."""
    for text in ("Warning: this is no drill\n\nAttack on .nl", "We got this:\nFrom: x@y.example\nContent-Type: text/plain\n\nbody"):
        assert accepted(judge, stage.inline(text=text.encode())) == stage.anna.fingerprint
        assert text.encode() in copy_for_bert(stage)[1].replace(b"\r\n", b"\n")
    assert accepted(judge, stage.town.post(stage.anna, entity("Warning: no drill\r\n\r\nAttack on .nl"))) == stage.anna.fingerprint
