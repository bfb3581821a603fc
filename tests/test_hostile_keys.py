"""Mails with a signature that is no member's good one: what it names, what kind it is, when it was made, and by which key."""

from __future__ import annotations

import pytest
from attack_stage import Judging, must_be_refused
from attack_stage import judge as judge
from attack_stage import stage as stage
from attacks_keys import KEYS, anna, intended, nothing
from bad_mails import Bad, Stage
from certification_forge import notation, subpacket


@pytest.mark.parametrize("bad", KEYS.values(), ids=KEYS)
def test_a_signature_that_is_no_members_good_one(stage: Stage, judge: Judging, bad: Bad) -> None:
    """Refused, whatever it says of itself."""
    must_be_refused(stage, judge, bad)


GOOD = {
    "with nothing but time and issuer": anna(nothing),
    "with an end that is to come": anna(lambda s: subpacket(3, (6000).to_bytes(4, "big"))),
    "with a notation": anna(lambda s: notation("a@nl.example", "b")),
    "for the list's key, and Bert's": anna(lambda s: intended(s.bert.fingerprint) + intended(s.town.key)),
    "with the user ID of another": anna(lambda s: subpacket(28, f"Bert <{s.bert.address}>".encode())),
    "hashed with SHA-512": anna(nothing, digest=10),
}


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_a_signature_put_together_by_hand_is_good_when_it_is(stage: Stage, judge: Judging, make) -> None:
    """So that what is refused is refused for what is wrong with it; and who signed is who posted."""
    said = judge(make(stage))
    assert (said.verdict, said.poster) == ("accept", stage.anna.fingerprint), said
