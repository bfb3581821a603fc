"""Mails signed with keys of members that must not sign, or no more; and those that may."""

from __future__ import annotations

import time

import pytest
from attack_stage import Judging, must_be_refused
from attack_stage import judge as judge
from attack_stage import stage as stage
from attacks_owners import BORN, NOW, OWNERS, Cast, certificate, primary, signed_by, subkey, submit_certificate
from attacks_owners import cast as cast
from bad_mails import DAY, Bad, Stage
from town import LIST, entity
from trust_world import moment

from securelist.errors import Refused
from securelist.installation import Installation
from securelist.post.memory import Memory
from securelist.post.step1_receive import receive
from securelist.post.step2_open import open_post
from securelist.post.step3_verify import verify_post
from securelist.post.step4_decide import AcceptedPost, decide


@pytest.mark.parametrize("bad", OWNERS.values(), ids=OWNERS)
def test_a_members_key_that_must_not_sign(cast: Cast, judge: Judging, bad: Bad) -> None:
    """Its owner is a member, or was: all the same."""
    must_be_refused(cast, judge, bad)


def test_certificates_that_would_let_strangers_sign_are_not_taken(cast: Cast) -> None:
    """With another's key in it, or held together by a hash that can be forged, none of them is in the log."""
    said = {name: answer["reason"] for name, answer in cast.answers.items()}
    assert said == {"adopted": "key-of-another", "SHA-1": "bad-certificate"}


def test_those_people_post_with_their_good_keys(cast: Cast, judge: Judging) -> None:
    """A subkey that is attested, the primary key where a subkey is bad: accepted, and it is they who posted."""
    makers = {"renewed": primary, "half": primary, "lapsed": primary, "unbound": primary, "login": primary, "dsa": primary, "above": subkey}
    for name, make in makers.items():
        said = judge(make(name)(cast))
        assert (said.verdict, said.poster) == ("accept", cast.owners[name].fingerprint), (name, said)


def test_a_new_subkey_counts_once_the_list_has_it(cast: Cast, judge: Judging) -> None:
    """The very mail that was refused is taken after the certificate is renewed."""
    mail = subkey("renewed")(cast)
    assert judge(mail).reason == "unknown-signer"
    submit_certificate(cast, certificate(cast, "renewed"))
    assert judge(mail).poster == cast.owners["renewed"].fingerprint


def test_an_attestation_that_has_ended(cast: Cast) -> None:
    """After a year it makes nobody a member, however good key and signature are."""
    way = Installation(cast.town.home).way
    membership, who = way.membership(), cast.owners["renewed"].fingerprint
    opened = open_post(receive(signed_by(cast, who), None, way.config.list_id), way.list_key, way.list_key_ids)
    post = verify_post(opened, tuple(way.anchor.signers(membership).values()), int(time.time()))

    def decided(at: int) -> AcceptedPost:
        return decide(post, membership, LIST, way.anchor.keys, Memory(way.engine), at)

    assert decided(NOW + 300 * DAY).poster.fingerprint == who
    with pytest.raises(Refused, match="has expired") as refused:
        decided(NOW + 400 * DAY)
    assert refused.value.reason == "not-a-member"


def test_what_an_admin_contact_attested_before_their_dismissal(stage: Stage, judge: Judging) -> None:
    """Stays, so that no three members fall silent with one who leaves; unless the dismissal says since when nothing counts."""
    town, people = stage.town, stage.people
    left, bought = (people.make(name, f"{name.lower()}-{town.home.parent.name}@ch.example", at=BORN) for name in ("Left", "Bought"))
    for tld, who, more in (("ch", left, ""), ("at", bought, f"Since: {moment(NOW - DAY)}\n")):
        admin = people.make(f"Admin {tld}", f"admin-{tld}@{town.home.parent.name}.example", at=BORN)
        town.submit(town.root, town.statement("appoint-admin-contact", admin, tld=tld), admin.certificate)
        town.submit(admin, town.statement("attest-ssc", who, tld=tld), who.certificate)
        time.sleep(1.1)
        dismissal = town.statement("dismiss-admin-contact", admin, tld=tld, Name="", Email="", Key="") + more
        assert town.submit(town.root, dismissal)["accepted"]
    assert judge(town.post(left, "canary of one who stays")).poster == left.fingerprint
    said = judge(town.post(bought, "canary of one who was never attested"))
    assert (said.verdict, said.reason) == ("refuse", "not-a-member")


def test_a_trust_root_announces(stage: Stage, judge: Judging) -> None:
    """It is no member; its post is labelled, and its From is not looked up."""
    said = judge(stage.town.post(stage.town.root, entity("canary of the Secretariat", "Subject: News")))
    assert (said.verdict, said.poster) == ("accept", stage.town.root.fingerprint)
    assert judge(stage.town.post(stage.town.root, "canary as Bert", From=f"Bert <{stage.bert.address}>")).reason == "foreign-from"
