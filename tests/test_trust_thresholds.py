"""How many trust roots have to agree, on the same text, and when. Each row is a scene with real signatures."""

from __future__ import annotations

import pytest
from trust_scenes import AT, PENDING, Company, Scene, StageOf, perform, says, shows
from trust_texts import DORA, OTHER, RESUME, SUSPEND, appoints, attests, both, dismisses, founds, replaces_roots, words
from trust_world import COMPROMISED, DAY, RETIRED

SECOND = 1 / DAY


# --- the founding -----------------------------------------------------------------------------------------------------


TWO = founds("root", "root2", threshold=2)
FOUNDING: dict[str, Scene] = {
    "both sign": Scene((says("root", TWO, PENDING, words="1 more trust root"), says("root2", TWO))),
    "one of two signs": Scene((says("root", TWO, PENDING),), proved=False),
    "one of two signs twice": Scene((says("root", TWO, PENDING), says("root", TWO, "duplicate", day=1)), proved=False),
    "one of two signs two texts": Scene(
        (says("root", TWO, PENDING), says("root", founds("root", "root2", threshold=2, more="\nAgain.\n"), PENDING, day=1)), proved=False
    ),
    "both sign, each another text": Scene(
        (says("root", TWO, PENDING), says("root2", founds("root2", "root", threshold=2), PENDING)), proved=False
    ),
    "two of three sign": Scene(
        (
            says("root", founds("root", "root2", "root3", threshold=2), PENDING),
            says("root3", founds("root", "root2", "root3", threshold=2)),
            says("root2", founds("root", "root2", "root3", threshold=2), day=1),
        )
    ),
    "three are needed and two sign": Scene(
        (
            says("root", founds("root", "root2", "root3", threshold=3), PENDING, words="2 more trust roots"),
            says("root3", founds("root", "root2", "root3", threshold=3), PENDING, words="1 more trust root "),
        ),
        proved=False,
    ),
    "a root signs that is not named": Scene((says("root", TWO, PENDING), says("root3", TWO, "signer-not-named")), proved=False),
    "the second signs 30 days later": Scene((says("root", TWO, PENDING), says("root2", TWO, day=30))),
    "the second signs 30 days and a second later": Scene(
        (says("root", TWO, PENDING), says("root2", TWO, PENDING, day=30 + SECOND)), proved=False
    ),
    "two are needed and one is named": Scene(
        (says("root", founds("root", threshold=2), "threshold-too-high", words="line 5"),), proved=False),
    "nothing works while it is pending": Scene(
        (
            says("root", TWO, PENDING),
            says("root", appoints("admin", "nl"), "not-founded", "admin"),
            says("root2", replaces_roots("root2", threshold=1), "not-founded"),
            says("root", words("replace-list-key", Key="root"), "not-founded"),
            says("admin", attests("anna"), "unknown-signer", "anna"),
            says("root2", TWO, day=1),
            says("root", appoints("admin", "nl"), PENDING, "admin", day=1),
            says("root2", appoints("admin", "nl"), day=1),
        ),
        contacts={"nl": "admin"},
    ),
    "founded by the second text": Scene(
        (
            says("root", TWO, PENDING),
            says("root2", founds("root", "root2", "root3", threshold=2), PENDING),
            says("root3", founds("root", "root2", "root3", threshold=2)),
            says("root2", TWO, "already-founded", day=1),
        )
    ),
    "the first signer is compromised before the second signs": Scene(
        (
            says("root", founds("root", "root2", "root3", threshold=2), PENDING),
            says("root2", founds("root", "root2", "root3", threshold=2)),
            says("root3", founds("root", "root2", "root3", threshold=2)),
            shows("root", COMPROMISED),
        )
    ),
}  # fmt: skip


@pytest.mark.parametrize("scene", FOUNDING.values(), ids=FOUNDING)
def test_founding_by_several(stage_of: StageOf, scene: Scene) -> None:
    """A list is founded by as many different roots as its own found-list demands; until then nothing else works."""
    perform(stage_of("nothing"), scene, "nothing")


# --- thresholds -------------------------------------------------------------------------------------------------------

DORA_AGAIN = appoints("dora", "de", Phone="+49 1 2345 6789")
OFFICE = {"de": "dora"}

THREE: dict[str, Scene] = {
    "two of three appoint": Scene((says("root", DORA, PENDING, "dora"), says("root2", DORA)), contacts=OFFICE),
    "the other two appoint": Scene((says("root3", DORA, PENDING, "dora"), says("root2", DORA)), contacts=OFFICE),
    "one appoints": Scene((says("root", DORA, PENDING, "dora", words="1 more trust root"),)),
    "one appoints twice": Scene((says("root", DORA, PENDING, "dora"), says("root", DORA, "duplicate", day=1))),
    "one appoints in two texts": Scene((says("root", DORA, PENDING, "dora"), says("root", DORA_AGAIN, PENDING, day=1))),
    "two appoint in texts that differ in one letter": Scene(
        (says("root", appoints("dora", "de"), PENDING, "dora"), says("root2", appoints("dora", "dk"), PENDING))
    ),
    "two appoint in texts that differ below the statement": Scene(
        (says("root", DORA, PENDING, "dora"), says("root2", lambda c: DORA(c) + "\nPlease.\n", PENDING))
    ),
    "the same text with the line ends of a mail": Scene(
        (says("root", DORA, PENDING, "dora"), says("root2", lambda c: DORA(c).replace("\n", " \r\n"))), contacts=OFFICE
    ),
    "the second signs 30 days later": Scene((says("root", DORA, PENDING, "dora"), says("root2", DORA, day=30)), contacts=OFFICE),
    "the second signs 30 days and a second later": Scene(
        (says("root", DORA, PENDING, "dora"), says("root2", DORA, PENDING, day=30 + SECOND), says("root3", DORA, day=31)), contacts=OFFICE
    ),
    "the second signed in time and hands it in too late": Scene(
        (says("root", DORA, PENDING, "dora"), says("root2", DORA, PENDING, day=30.5, made=1))
    ),
    "one is older than what took effect since": Scene(
        (
            says("root", DORA, PENDING, "dora"),
            says("root", OTHER, PENDING, day=1),
            says("root2", OTHER, day=1),
            says("root2", DORA, PENDING, day=2),
        ),
        contacts={"de": "admin_br"},
    ),
    "and two that are newer count": Scene(
        (
            says("root", DORA, PENDING, "dora"),
            says("root", OTHER, PENDING, day=1),
            says("root2", OTHER, day=1),
            says("root2", DORA, PENDING, day=2),
            says("root3", DORA, day=2),
        ),
        contacts=OFFICE,
    ),
    "the last to come is older than what took effect since": Scene(
        (
            says("root", DORA, PENDING, "dora"),
            says("root", OTHER, PENDING, day=1),
            says("root2", OTHER, day=1),
            says("root3", DORA, "superseded", day=2, made=0.5),
        ),
        contacts={"de": "admin_br"},
    ),
    "a stranger signs the same text": Scene((says("root", DORA, PENDING, "dora"), says("mallory", DORA, "unknown-signer", "mallory"))),
    "an Admin Contact signs the same text": Scene((says("root", DORA, PENDING, "dora"), says("admin", DORA, "not-entitled"))),
    "the first is no root any more": Scene(
        (
            says("root3", DORA, PENDING, "dora"),
            says("root", replaces_roots("root", "root2"), PENDING),
            says("root2", replaces_roots("root", "root2")),
            says("root", DORA, PENDING, day=1),
            says("root2", DORA, day=1),
        ),
        contacts=OFFICE,
    ),
    "the first is compromised by then": Scene(
        (
            says("root3", DORA, PENDING, "dora"),
            shows("root3", COMPROMISED),
            says("root", DORA, PENDING, day=1, words="1 more trust root"),
            says("root2", DORA, day=1),
        ),
        contacts=OFFICE,
    ),
    "the first has retired by then": Scene(
        (says("root3", DORA, PENDING, "dora"), shows("root3", RETIRED), says("root", DORA, day=1)), contacts=OFFICE
    ),
    "the threshold is lowered while one waits": Scene(
        (
            says("root", DORA, PENDING, "dora"),
            *both(replaces_roots("root", "root2", "root3", threshold=1)),
            says("root", DORA, "duplicate", day=1),
            says("root3", DORA, day=1),
        ),
        contacts=OFFICE,
    ),
    "the threshold is raised while one waits": Scene(
        (
            says("root", DORA, PENDING, "dora"),
            *both(replaces_roots("root", "root2", "root3", threshold=3)),
            says("root2", DORA, PENDING, day=1),
            says("root3", DORA, day=1),
        ),
        contacts=OFFICE,
    ),
    "a dismissal that waited meant another": Scene(
        (
            says("root", dismisses("br"), PENDING),
            *both(appoints("admin2", "br"), "admin2", day=1),
            says("root2", dismisses("br"), PENDING, day=2),
        ),
        contacts={"br": "admin2"},
    ),
    "one dismisses": Scene((says("root", dismisses("nl"), PENDING),)),
    "two dismiss": Scene((says("root", dismisses("nl"), PENDING), says("root2", dismisses("nl"))), contacts={"nl": ""}),
    "two dismiss, one with Since": Scene((says("root", dismisses("nl"), PENDING), says("root2", dismisses("nl", since=-3), PENDING))),
    "one dismisses with Since": Scene((says("root", dismisses("nl", since=-3), PENDING),)),
    "two dismiss with Since": Scene(
        (says("root", dismisses("nl", since=-3), PENDING), says("root2", dismisses("nl", since=-3))),
        {"anna": "dismissed", "bert": "dismissed"},
        {"nl": ""},
    ),
    "three dismiss": Scene(
        (says("root", dismisses("nl"), PENDING), says("root2", dismisses("nl")), says("root3", dismisses("nl"), day=1)), contacts={"nl": ""}
    ),
    "two statements in one text": Scene(
        (
            says("root", lambda c: f"{DORA(c)}\n{dismisses('br')(c)}", PENDING, "dora"),
            says("root3", lambda c: f"{DORA(c)}\n{dismisses('br')(c)}"),
        ),
        contacts={"de": "dora", "br": ""},
    ),
    "one root suspends": Scene((says("root", words("suspend-member", TLD="nl", Email="anna@nl.example")),), {"anna": "suspended"}),
    "one root withdraws": Scene((says("root3", words("withdraw-ssc", TLD="nl", Email="anna@nl.example")),), {"anna": "withdrawn"}),
    "one replaces the list's key": Scene((says("root", words("replace-list-key", Key="list_key2"), PENDING),)),
}  # fmt: skip


@pytest.mark.parametrize("scene", THREE.values(), ids=THREE)
def test_two_of_three_have_to_agree(stage_of: StageOf, scene: Scene) -> None:
    """Founded with three roots and a threshold of two: what counts is different roots, one text, thirty days."""
    perform(stage_of("two of three"), scene, "two of three", export=False)


TWO_OF_TWO: dict[str, Scene] = {
    "both appoint": Scene((says("root2", DORA, PENDING, "dora"), says("root", DORA)), contacts=OFFICE),
    "one appoints": Scene((says("root2", DORA, PENDING, "dora"), says("root2", DORA, "duplicate", day=1))),
    "both, a month apart": Scene((says("root2", DORA, PENDING, "dora"), says("root", DORA, PENDING, day=31))),
    "both, the second after what the first signed": Scene(
        (says("root2", DORA, PENDING, "dora"), says("root2", DORA_AGAIN, PENDING, day=1), says("root", DORA_AGAIN, day=2)), contacts=OFFICE
    ),
    "a given root that found-list does not name": Scene((says("root2", DORA, PENDING, "dora"), says("root3", DORA, "not-entitled"))),
    "one wants to lower the threshold alone": Scene((says("root", replaces_roots("root", "root2", threshold=1), PENDING),)),
    "one wants to be alone": Scene((says("root", replaces_roots("root", threshold=1), PENDING),)),
    "one suspends and the other resumes": Scene((says("root", SUSPEND),
                                                 says("root2", RESUME, day=1))),
}  # fmt: skip


@pytest.mark.parametrize("scene", TWO_OF_TWO.values(), ids=TWO_OF_TWO)
def test_both_have_to_agree(stage_of: StageOf, scene: Scene) -> None:
    """Founded with two roots and a threshold of two, one alone can stop things and start none."""
    perform(stage_of("two of two"), scene, "two of two", export=False)


def test_one_text_in_three_forms_of_signature(stage_of: StageOf) -> None:
    """What counts is what they said: one clearsigns it, one signs it inline, one in a mail."""
    world = stage_of("two of three").world
    cast = world.cast
    assert isinstance(cast, Company)
    people, text = cast.people, replaces_roots("root", "root2", "root3", threshold=3)(cast)
    entity = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text.encode()
    for signed in (people.sign(cast.root, text, at=AT, armor=False), people.multipart_signed(cast.root2, entity, at=AT)):
        world.submit(signed, at=AT)
    assert world.membership.founding is not None and world.membership.founding.threshold == 3
    assert not world.submit(people.clearsign(cast.root3, text, at=AT), at=AT).pending


def test_what_waits_lapses_after_thirty_days(stage_of: StageOf) -> None:
    """Who asks what is pending sees what another signature could still complete, and nothing else."""
    world = stage_of("two of three").world
    cast = world.cast
    assert isinstance(cast, Company)
    says("root", DORA, PENDING, "dora").play(world, cast)
    says("root", dismisses("br"), PENDING).play(world, cast)

    def waiting(at: int) -> list[str]:
        return [said.statement.tld for said in world.membership.pending(at)]

    assert waiting(AT) == waiting(AT + 30 * DAY) == ["de", "br"] and waiting(AT + 30 * DAY + 1) == []
    says("root3", DORA, day=1).play(world, cast)
    assert waiting(AT + DAY) == ["br"]
