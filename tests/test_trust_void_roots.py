"""What falls when a trust root turns out bad, and what stands. Each row is a scene with real signatures."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trust_scenes import AT, GONE, PENDING, Company, Scene, StageOf, check_everywhere, perform, says, shows
from trust_texts import DORA, OTHER, appoints, attests, dismisses, founds, replaces_roots
from trust_world import COMPROMISED, DAY, revoked

NL_GONE = {"anna": "dismissed", "bert": "dismissed"}
BEFORE_ANNA = -3.0
ANNA_AGAIN, BERT_AGAIN = attests("anna", more="\nOnce more.\n"), attests("bert", more="\nOnce more.\n")


# --- roots, where one is enough ---------------------------------------------------------------------------------------

ALONE = replaces_roots("root2", since=0)
ROOTS: dict[str, Scene] = {
    "what it appointed falls": Scene((says("root", DORA, "accepted", "dora"), shows("root", COMPROMISED, day=1))),
    "what it appointed stands with another's support": Scene(
        (says("root", DORA, "accepted", "dora"), says("root2", DORA), shows("root", COMPROMISED, day=1)), contacts={"de": "dora"}
    ),
    "whom it dismissed is back": Scene((says("root", dismisses("nl")), shows("root", COMPROMISED, day=1))),
    "whom it dismissed is not back with another's support": Scene(
        (says("root", dismisses("nl")), says("root2", dismisses("nl")), shows("root", COMPROMISED, day=1)), contacts={"nl": ""}
    ),
    "and void by Since stays void with another's support": Scene(
        (says("root", SINCE := dismisses("nl", BEFORE_ANNA)), says("root2", SINCE), shows("root", COMPROMISED, day=1)), NL_GONE, {"nl": ""}
    ),
    "what rests on it falls, if support came too late": Scene(
        (
            says("root", appoints("admin", "lu")),
            says("admin", attests("dora", TLD="lu"), "accepted", "dora"),
            says("root2", appoints("admin", "lu"), day=1),
            shows("root", COMPROMISED, day=2),
        ),
        {"dora": "dismissed"},
        {"lu": "admin"},
    ),
    "removed by the other since a time": Scene(
        (says("root", OTHER, day=-0.25), says("root", appoints("dora", "dk"), "accepted", "dora", day=0.5), says("root2", ALONE, day=1)),
        contacts={"de": "admin_br"},
    ),
    "removed by the other since a time, then compromised": Scene(
        (says("root", OTHER, day=-0.25), says("root2", ALONE, day=1), shows("root", COMPROMISED, day=2)), contacts={"de": "admin_br"}
    ),
    "compromised, then removed by the other since a time": Scene(
        (says("root", OTHER, day=-0.25), shows("root", COMPROMISED, day=1), says("root2", ALONE, day=2)), contacts={"de": "admin_br"}
    ),
    "what its Admin Contacts attested falls with it": Scene(
        (
            says("root", appoints("dora", "nl"), "accepted", "dora", day=0.5),
            says("dora", attests("mallory", TLD="nl"), "accepted", "mallory", day=0.5),
            says("root2", ALONE, day=1),
        ),
        {"mallory": "dismissed"},
    ),
    "removed without Since, then compromised": Scene(
        (says("root", OTHER), says("root2", replaces_roots("root2"), day=1), shows("root", COMPROMISED, day=2))
    ),
    "removed, added again, then compromised": Scene(
        (
            says("root", OTHER, day=-0.25),
            says("root2", ALONE, day=1),
            says("root2", replaces_roots("root", "root2"), day=2),
            says("root", DORA, "accepted", "dora", day=3),
            shows("root", COMPROMISED, day=4),
        ),
        contacts={"de": "admin_br"},
    ),
    "the root that removed it was compromised": Scene(
        (says("root", DORA, "accepted", "dora"), says("root2", ALONE, day=1), shows("root2", COMPROMISED, day=2)),
        GONE,
        {"nl": "", "br": "", "de": "dora"},
    ),
    "two void each other": Scene(
        (
            says("root", replaces_roots("root", "dora", since=0), "accepted", "dora", day=1),
            says("dora", replaces_roots("dora", "root2", since=0.5), "undoes-itself", day=2, words="line 5"),
            says("dora", replaces_roots("dora", "root2", since=1.5), day=2),
        )
    ),
    "two void each other, once a third is compromised": Scene(
        (
            says("root", THREE := replaces_roots("root", "root2", "dora"), "accepted", "dora"),
            says("root2", THREE),
            says("dora", replaces_roots("root2", "dora", since=-0.25), day=1),
            shows("root2", COMPROMISED, day=2),
            says("dora", OTHER, "not-entitled", day=3),
            says("root", OTHER, day=3),
        ),
        GONE,
        {"nl": "", "br": "", "de": "admin_br"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("scene", ROOTS.values(), ids=ROOTS)
def test_a_root_where_one_is_enough(stage_of: StageOf, scene: Scene) -> None:
    """Two roots founded the list, the second appointed its Admin Contacts, and then one of them turns out bad."""
    perform(stage_of("one of two"), scene, "one of two")


# --- roots, of which some founded the list ----------------------------------------------------------------------------

NOBODY = {"nl": "", "br": ""}
FALLEN = shows("root", COMPROMISED)
WITHOUT_ROOT = replaces_roots("root2", "root3", since=0)
REMOVED = (says("root2", WITHOUT_ROOT, PENDING, day=1), says("root3", WITHOUT_ROOT, day=1))
FIRST, SECOND, THIRD = "one of two, all by the first", "two of three, all by two", "two of three, all by three"
FOUNDERS: dict[str, tuple[str, Scene]] = {
    "the only one that founded it": (FIRST, Scene((FALLEN,), GONE, NOBODY, proved=False)),
    "after that nothing works": (
        FIRST, Scene((FALLEN, says("root2", OTHER, "not-founded", day=1), says("admin", attests("dora"), "not-founded", "dora", day=1)),
                     GONE, NOBODY, proved=False)),
    "until it is founded anew": (
        FIRST,
        Scene(
            (FALLEN, says("root2", founds("root2"), day=1), says("root2", appoints("admin", "nl"), day=1),
             says("admin", ANNA_AGAIN, day=2), says("root", OTHER, "bad-signature", day=2)),
            {"bert": "dismissed", "carla": "dismissed"}, {"br": ""})),
    "it cannot found it anew": (FIRST, Scene((FALLEN, says("root", founds("root"), "bad-signature", day=1)), GONE, NOBODY, proved=False)),
    "one of the two that founded it": (SECOND, Scene((FALLEN,), GONE, NOBODY, proved=False)),
    "one of the two, and the third signs the founding": (
        SECOND, Scene((FALLEN, says("root3", founds("root", "root2", "root3", threshold=2), day=1)), GONE, NOBODY)),
    "the one that did not sign": (SECOND, Scene((shows("root3", COMPROMISED),))),
    "one of the three that founded it": (THIRD, Scene((FALLEN,))),
    "one of the three, and two appoint without it": (
        THIRD, Scene((FALLEN, says("root2", OTHER, PENDING, day=1), says("root3", OTHER, day=1)), contacts={"de": "admin_br"})),
    "two of the three that founded it": (THIRD, Scene((FALLEN, shows("root2", COMPROMISED, day=1)), GONE, NOBODY, proved=False)),
    "one of the two that appointed, of three": ("two of three", Scene((FALLEN,), GONE, NOBODY)),
    "one of the two that appointed, and the third signs it": (
        "two of three",
        Scene((FALLEN, says("root3", appoints("admin", "nl"), day=1), says("admin", BERT_AGAIN, day=2)),
              GONE | {"bert": "active"}, {"br": ""})),
    "removed by the two others since a time, then compromised": (
        THIRD, Scene((*REMOVED, shows("root", COMPROMISED, day=2)))),
    "removed by two others whose own right rests on it, then compromised": (
        SECOND, Scene((*REMOVED, shows("root", COMPROMISED, day=2)), GONE, NOBODY, proved=False)),
    "both at two of two": ("two of two", Scene((FALLEN,), GONE, NOBODY, proved=False)),
}  # fmt: skip


@pytest.mark.parametrize(("over", "scene"), FOUNDERS.values(), ids=FOUNDERS)
def test_a_root_that_founded_the_list(stage_of: StageOf, over: str, scene: Scene) -> None:
    """A list stands as long as enough of the signatures under its founding do; what fell has to be said again."""
    perform(stage_of(over), scene, over)


def test_a_root_whose_own_file_says_compromised_before_the_second_signs(stage_of: StageOf) -> None:
    """The log has no certificate of a root before the founding; what the given file knows counts all the same."""
    stage, text = stage_of("nothing"), founds("root", "root2", threshold=2)
    cast = stage.world.cast
    assert isinstance(cast, Company)
    says("root", text, PENDING).play(stage.world, cast)
    bad = replace(cast.root, certificate=revoked(cast.people, cast.root, COMPROMISED, AT))
    stage.world.cast = knowing = replace(cast, root=bad, _anchor=None)
    says("root2", text, PENDING, day=1, words="revoked as compromised").play(stage.world, knowing)
    assert stage.world.membership.founding is None
    check_everywhere(stage, AT + DAY)
