"""What turns out to have been void: who signed it was compromised, or is dismissed with Since. Each row is a scene with real signatures."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trust_scenes import AT, PENDING, Company, Scene, StageOf, check_everywhere, perform, proof_of, says, shows
from trust_texts import RESUME, SUSPEND, appoints, attests, dismisses, words
from trust_world import (
    BASE,
    BORN,
    COMPROMISED,
    DAY,
    NO_REASON,
    RETIRED,
    SUPERSEDED,
    appointment,
    attestation,
    certificate_of,
    withdrawal,
)

from securelist.errors import Refused

NL_GONE = {"anna": "dismissed", "bert": "dismissed"}
# Anna was attested a day, and Bert half a day before the scenes begin.
BEFORE_ANNA, BEFORE_BERT, AFTER_BERT = -3.0, -0.75, -0.25
NEW_CONTACT = says("root2", appoints("admin2", "nl"), "accepted", "admin2")

# --- Admin Contacts ---------------------------------------------------------------------------------------------------

ADMIN_CONTACTS: dict[str, Scene] = {
    "compromised": Scene((shows("admin", COMPROMISED, words="void"),), NL_GONE),
    "revoked for no reason given": Scene((shows("admin", NO_REASON),), NL_GONE),
    "superseded": Scene((shows("admin", SUPERSEDED),)),
    "retired": Scene((shows("admin", RETIRED),)),
    "retired, and says nothing more": Scene((shows("admin", RETIRED), says("admin", attests("dora"), "bad-signature", "dora", day=1))),
    "retired, then compromised": Scene((shows("admin", RETIRED), shows("admin", COMPROMISED, day=1)), NL_GONE),
    "dismissed": Scene((says("root", dismisses("nl")),), contacts={"nl": ""}),
    "dismissed since before both": Scene((says("root", dismisses("nl", BEFORE_ANNA)),), NL_GONE, {"nl": ""}),
    "dismissed since between the two": Scene((says("root", dismisses("nl", BEFORE_BERT)),), {"bert": "dismissed"}, {"nl": ""}),
    "dismissed since after both": Scene((says("root", dismisses("nl", AFTER_BERT)),), contacts={"nl": ""}),
    "dismissed since tomorrow": Scene((says("root", dismisses("nl", 1), "since-in-the-future", words="line 4"),)),
    "dismissed, then compromised": Scene((says("root", dismisses("nl")), shows("admin", COMPROMISED, day=1)), NL_GONE, {"nl": ""}),
    "dismissed since between the two, then compromised": Scene(
        (says("root", dismisses("nl", BEFORE_BERT)), shows("admin", COMPROMISED, day=1)), {"bert": "dismissed"}, {"nl": ""}
    ),
    "compromised, then dismissed since between the two": Scene(
        (shows("admin", COMPROMISED), says("root", dismisses("nl", BEFORE_BERT), day=1)), {"bert": "dismissed"}, {"nl": ""}
    ),
    "dismissed since after both, then since before": Scene(
        (says("root", dismisses("nl", AFTER_BERT)), says("root", dismisses("nl", BEFORE_ANNA, Key="admin"), day=1)), NL_GONE, {"nl": ""}
    ),
    "dismissed since before both, then since after": Scene(
        (says("root", dismisses("nl", BEFORE_ANNA)), says("root", dismisses("nl", AFTER_BERT, Key="admin"), day=1)), NL_GONE, {"nl": ""}
    ),
    "a later dismissal without Since brings nothing back": Scene(
        (says("root", dismisses("nl", BEFORE_ANNA)), NEW_CONTACT, says("root", dismisses("nl"), day=1)), NL_GONE, {"nl": ""}
    ),
    "a former one, by Key and Since": Scene(
        (NEW_CONTACT, says("root", dismisses("nl", BEFORE_BERT, Key="admin"), day=1)), {"bert": "dismissed"}, {"nl": "admin2"}
    ),
    "a former one, by Key alone": Scene(
        (NEW_CONTACT, says("root", dismisses("nl", Key="admin"), "wrong-key", day=1)), contacts={"nl": "admin2"}
    ),
    "one who never was, by Key and Since": Scene((says("root", dismisses("nl", BEFORE_ANNA, Key="admin_br"), "wrong-key", words="never"),)),
    "a former one, after a compromise": Scene(
        (NEW_CONTACT, shows("admin", COMPROMISED), says("root", dismisses("nl", BEFORE_BERT, Key="admin"), day=1)),
        {"bert": "dismissed"},
        {"nl": "admin2"},
    ),
    "one with two ccTLDs, dismissed for one": Scene(
        (
            says("root2", appoints("admin", "aw")),
            says("admin", attests("dora", TLD="aw"), "accepted", "dora"),
            says("root", dismisses("nl", BEFORE_ANNA), day=1),
        ),
        NL_GONE | {"dora": "active"},
        {"nl": "", "aw": "admin"},
    ),
    "one with two ccTLDs, dismissed for one and compromised": Scene(
        (
            says("root2", appoints("admin", "aw")),
            says("admin", attests("dora", TLD="aw"), "accepted", "dora"),
            says("root", dismisses("nl", BEFORE_BERT), day=1),
            shows("admin", COMPROMISED, day=2),
        ),
        {"bert": "dismissed", "dora": "dismissed"},
        {"nl": "", "aw": "admin"},
    ),
    "a new key, and attested again": Scene(
        (shows("admin", COMPROMISED), NEW_CONTACT, says("admin2", attests("anna"), day=1)), {"bert": "dismissed"}, {"nl": "admin2"}
    ),
    "compromised, in the same parcel as what it says": Scene(
        (shows("admin", COMPROMISED, "bad-signature", text=attests("dora")), says("admin", attests("dora"), "accepted", "dora", day=1)),
        {"dora": "active"},
    ),
    "the same key again": Scene(
        (
            says("root", dismisses("nl", BEFORE_BERT)),
            says("root2", appoints("admin", "nl"), "duplicate", day=1),
            says("root", appoints("admin", "nl"), day=1),
            says("admin", attests("bert", Phone="+31 6 1111 2222"), day=2),
        )
    ),
    "the same key again, then compromised": Scene(
        (
            says("root", dismisses("nl", BEFORE_BERT)),
            says("root", appoints("admin", "nl"), day=1),
            says("admin", attests("bert", Phone="+31 6 1111 2222"), day=2),
            shows("admin", COMPROMISED, day=3),
        ),
        {"bert": "dismissed"},
    ),
    "the attested again while it was void": Scene(
        (
            says("root", dismisses("nl", BEFORE_ANNA)),
            says("root", appoints("admin", "nl"), day=1),
            says("admin", attests("anna"), "duplicate", day=2),
            says("admin", attests("anna", more="\nOnce more.\n"), day=2),
        ),
        {"bert": "dismissed"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("scene", ADMIN_CONTACTS.values(), ids=ADMIN_CONTACTS)
def test_an_admin_contact(stage_of: StageOf, scene: Scene) -> None:
    """What an Admin Contact said while it could have been somebody else is void, and nothing more than that."""
    perform(stage_of("one of two"), scene, "one of two")


# --- what was replaced or ended is as before --------------------------------------------------------------------------

WITHDRAW = words("withdraw-ssc", TLD="nl", Email="anna@nl.example")
NEXT_KEY = words("replace-key", TLD="nl", Email="anna@nl.example", Key="anna2")
KEY_REPLACED = (says("anna", NEXT_KEY, PENDING, "anna2"), says("anna2", NEXT_KEY))
ANNA2 = {"anna": "anna2"}
RETURNS: dict[str, Scene] = {
    "withdrawn by a key that was compromised": Scene(
        (NEW_CONTACT, says("admin2", WITHDRAW), shows("admin2", COMPROMISED, day=1)), contacts={"nl": "admin2"}
    ),
    "withdrawn by a root that was compromised": Scene((says("root", WITHDRAW), shows("root", COMPROMISED, day=1))),
    "withdrawn by her own key, which was compromised": Scene(
        (says("anna", WITHDRAW), shows("anna", COMPROMISED, day=1)), {"anna": "unreachable"}
    ),
    "withdrawn by a root that retired": Scene((says("root", WITHDRAW), shows("root", RETIRED, day=1)), {"anna": "withdrawn"}),
    "withdrawn by two of whom one was compromised": Scene(
        (says("root", WITHDRAW), says("root2", WITHDRAW, "no-such-member"), shows("root", COMPROMISED, day=1))
    ),
    "suspended by a root that was compromised": Scene((says("root", SUSPEND), shows("root", COMPROMISED, day=1))),
    "resumed by a root that was compromised": Scene(
        (says("root2", SUSPEND), says("root", RESUME), shows("root", COMPROMISED, day=1)), {"anna": "suspended"}
    ),
    "attested with another key by a key that was compromised": Scene(
        (NEW_CONTACT, says("admin2", attests("anna", "anna2"), "accepted", "anna2"), shows("admin2", COMPROMISED, day=1)),
        contacts={"nl": "admin2"},
    ),
    "attested by somebody whom a compromised root appointed": Scene(
        (
            says("root", appoints("dora", "nl"), "accepted", "dora"),
            says("dora", attests("mallory", TLD="nl"), "accepted", "mallory"),
            says("dora", WITHDRAW),
            shows("root", COMPROMISED, day=1),
        ),
        {"mallory": "dismissed"},
    ),
    "dismissed by a root that was compromised": Scene((says("root", dismisses("nl", BEFORE_ANNA)), shows("root", COMPROMISED, day=1))),
    "an old key that was compromised": Scene((*KEY_REPLACED, shows("anna", COMPROMISED, day=1)), {"anna": "unreachable"}),
    "a new key that was compromised": Scene((*KEY_REPLACED, shows("anna2", COMPROMISED, day=1))),
    "an old key that retired": Scene((*KEY_REPLACED, shows("anna", RETIRED, day=1)), keys=ANNA2),
    "an old key that was compromised, after the Admin Contact attested the new one": Scene(
        (*KEY_REPLACED, says("admin", attests("anna", "anna2"), day=1), shows("anna", COMPROMISED, day=2)), keys=ANNA2
    ),
    "an old key that was compromised while the new one was awaited": Scene(
        (says("anna", NEXT_KEY, PENDING, "anna2"), shows("anna", COMPROMISED), says("anna2", NEXT_KEY, "not-entitled", day=1)),
        {"anna": "unreachable"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("scene", RETURNS.values(), ids=RETURNS)
def test_what_was_replaced_or_ended_is_as_before(stage_of: StageOf, scene: Scene) -> None:
    """Something void never was: who it withdrew is a member, which key it replaced holds, whom it dismissed speaks."""
    perform(stage_of("one of two"), scene, "one of two")


# --- what the scenes have nobody for ----------------------------------------------------------------------------------


def test_a_compromised_subkey_voids_what_it_signed(stage_of: StageOf) -> None:
    """What the same person signed with another key of the certificate stands."""
    stage = stage_of("one of two")
    world, cast = stage.world, stage.world.cast
    paula = cast.people.make("Paula", "paula@pl.example", at=BORN)
    cast.people.gpg("--quick-add-key", paula.fingerprint, "ed25519", "sign", "0", at=BASE)
    paula = replace(paula, certificate=cast.people.export(paula.fingerprint))
    subkey = certificate_of(paula.certificate).keys_for("s", AT)[-1].fingerprint
    world.submit(world.signed(cast.root, appointment(paula, "pl"), AT), paula.certificate, at=AT)
    for whom, key in ((cast.dora, paula.fingerprint), (cast.mallory, subkey)):
        with_this = replace(paula, fingerprint=f"{key}!")
        world.submit(world.signed(with_this, attestation(whom, TLD="pl"), AT), whom.certificate, at=AT)
    assert {said.key for said in world.membership.said[-2:]} == {paula.fingerprint, subkey}
    everybody = world.addresses(AT)
    cast.people.gpg("--command-fd", "0", "--edit-key", paula.fingerprint, data=b"key 2\nrevkey\ny\n1\n\ny\nsave\n")
    world.submit([], cast.people.export(paula.fingerprint), at=AT + DAY)
    assert everybody - world.addresses(AT + DAY) == {cast.mallory.address}
    check_everywhere(stage, AT + DAY)
    assert proof_of(world, AT + DAY).members == world.membership.members(AT + DAY)


def test_a_signer_whose_key_expired_after_signing(stage_of: StageOf) -> None:
    """A link is judged as of its entry: what was attested in time stands for a year, and nothing new is."""
    stage = stage_of("one of two")
    world, cast = stage.world, stage.world.cast
    lender = cast.people.make("Lender", "lender@lu.example", at=BORN, expires="60d")
    world.submit(world.signed(cast.root, appointment(lender, "lu"), AT), lender.certificate, at=AT)
    world.submit(world.signed(lender, attestation(cast.dora, TLD="lu"), AT), cast.dora.certificate, at=AT)
    later = AT + 100 * DAY
    with pytest.raises(Refused):
        world.submit(world.signed(lender, withdrawal(cast.dora, TLD="lu"), AT), at=AT + 20 * DAY)
    world.submit(world.signed(cast.root2, withdrawal(cast.anna), later), at=later)
    (dora,) = (member for member in world.membership.members(later) if member.cctld == "lu")
    assert dora.state == "active"
    check_everywhere(stage, later)
    assert dora in proof_of(world, later).members


def test_contact_details_by_a_compromised_key(stage_of: StageOf) -> None:
    """What a member's stolen key said of where to reach them is taken back; what the Admin Contact said holds."""
    stage = stage_of("one of two")
    world, cast = stage.world, stage.world.cast
    assert isinstance(cast, Company)
    says("anna", words("update-contact", TLD="nl", Name="Anna", Email="anna@nl.example", Phone="+7 000 000 0000")).play(world, cast)
    assert [m.phones for m in world.membership.members(AT) if m.name == "Anna"] == [("+7 000 000 0000",)]
    shows("anna", COMPROMISED, day=1).play(world, cast)
    assert [m.phones for m in world.membership.members(AT + DAY) if m.name == "Anna"] == [("+31 6 1234 5678",)]
    check_everywhere(stage, AT + DAY)
