"""What trust roots say about one another, the list's key and members. Each row is a scene with real signatures."""

from __future__ import annotations

import pytest
from trust_scenes import PENDING, Company, Scene, StageOf, perform, says
from trust_texts import OTHER, RESUME, SUSPEND, both, replaces_roots, words
from trust_world import LIST

# --- other roots ------------------------------------------------------------------------------------------------------


NEW_KEY = words("replace-list-key", Key="list_key2")
WITH_DORA = replaces_roots("root", "root2", "dora")
ROOTS: dict[str, Scene] = {
    "one adds a root": Scene((says("root", WITH_DORA, PENDING, "dora"), says("dora", OTHER, "not-entitled"))),
    "two add a root, who has a word then": Scene(
        (*both(WITH_DORA, "dora"), says("dora", OTHER, PENDING, day=1), says("root", OTHER, day=1)), contacts={"de": "admin_br"}
    ),
    "what is not named is no root any more": Scene(
        (*both(WITH_DORA, "dora"), says("root3", OTHER, "not-entitled", day=1), says("root3", SUSPEND, "not-entitled", day=1))
    ),
    "without the new root's certificate": Scene((says("root", WITH_DORA, "certificate-missing", words="line 5"),)),
    "with another's certificate": Scene((says("root", WITH_DORA, "certificate-missing", "mallory"),)),
    "a root raises the threshold, with another": Scene(
        (
            *both(replaces_roots("root", "root2", "root3", threshold=3)),
            says("root", OTHER, PENDING, day=1, words="2 more trust roots"),
            says("root2", OTHER, PENDING, day=1),
            says("root3", OTHER, day=1),
        ),
        contacts={"de": "admin_br"},
    ),
    "two lower the threshold": Scene(
        (*both(replaces_roots("root", "root2", "root3", threshold=1)), says("root3", OTHER, day=1)), contacts={"de": "admin_br"}
    ),
    "the threshold stays if it is left out": Scene((*both(replaces_roots("root", "root2")), says("root", OTHER, PENDING, day=1))),
    "too few roots for the threshold that stays": Scene((says("root", replaces_roots("root"), "threshold-too-high", words="line 3"),)),
    "too few roots for the new threshold": Scene(
        (says("root", replaces_roots("root", "root2", threshold=3), "threshold-too-high", words="line 5"),)
    ),
    "a root removes himself": Scene(
        (says("root3", replaces_roots("root", "root2"), PENDING), says("root", replaces_roots("root", "root2")),
         says("root3", OTHER, "not-entitled", day=1))
    ),
    "all roots are others": Scene(
        (*both(replaces_roots("dora", "carla"), "dora", "carla"), says("dora", OTHER, PENDING, day=1), says("carla", OTHER, day=1)),
        contacts={"de": "admin_br"},
    ),
    "the same text again": Scene(
        (*both(WITH_DORA, "dora"), *both(replaces_roots("root", "root2", "root3"), day=1),
         says("root", WITH_DORA, "duplicate", day=2), says("root2", WITH_DORA, "duplicate", day=2),
         says("root3", WITH_DORA, PENDING, day=2), says("dora", OTHER, "not-entitled", day=2))
    ),
    "an older text": Scene(
        (*both(replaces_roots("root", "root2", "root3", threshold=3), day=1), says("root", WITH_DORA, "superseded", "dora", day=2, made=0))
    ),
    "an older signature on an older text": Scene(
        (says("root", WITH_DORA, PENDING, "dora"), *both(replaces_roots("root", "root3", "root2"), day=1),
         says("root2", WITH_DORA, "superseded", day=2, made=0), says("root2", WITH_DORA, PENDING, day=2))
    ),
    "the list's new key says nothing about the roots": Scene(
        (says("root", WITH_DORA, PENDING, "dora"), *both(NEW_KEY, day=1), says("root2", WITH_DORA, day=2))
    ),
    "an Admin Contact replaces the roots": Scene((says("admin", replaces_roots("admin"), "not-entitled"),)),
    "for another list": Scene((says("root", lambda c: WITH_DORA(c).replace(LIST, "b@c.example"), "another-list", "dora"),)),
    "Since in the future": Scene((says("root", replaces_roots("root", "root2", since=1), "since-in-the-future", words="line 5"),)),
    "Since, and nobody is gone": Scene(both(replaces_roots("root", "root2", "root3", since=-3))),
}  # fmt: skip


@pytest.mark.parametrize("scene", ROOTS.values(), ids=ROOTS)
def test_roots_are_replaced_by_the_old_threshold(stage_of: StageOf, scene: Scene) -> None:
    """Over a list with a threshold of two of three: who the roots are from now on, two of those before say."""
    perform(stage_of("two of three"), scene, "two of three")


# --- the list's key ---------------------------------------------------------------------------------------------------

LIST_KEY: dict[str, tuple[Scene, str]] = {
    "two replace it": (Scene(both(NEW_KEY)), "list_key2"),
    "one replaces it": (Scene((says("root", NEW_KEY, PENDING),)), "list_key"),
    "two replace it and two put it back": (Scene((*both(NEW_KEY), *both(words("replace-list-key", Key="list_key"), day=1))), "list_key"),
    "by a key that the list does not have": (
        Scene((says("root", words("replace-list-key", Key="mallory"), "not-the-list-key", words="line 3"),)), "list_key"),
    "an Admin Contact replaces it": (Scene((says("admin", NEW_KEY, "not-entitled"),)), "list_key"),
    "the list's own key for an Admin Contact": (
        Scene((says("root", words("appoint-admin-contact", TLD="de", Name="L", Email="l@b.example", Key="list_key2"),
                    "certificate-missing"),)),
        "list_key"),
}  # fmt: skip


@pytest.mark.parametrize(("scene", "key"), LIST_KEY.values(), ids=LIST_KEY)
def test_the_lists_key(stage_of: StageOf, scene: Scene, key: str) -> None:
    """With which key the list speaks is for two of three roots to say; the head of an export is signed with that one."""
    stage = stage_of("two of three")
    perform(stage, scene, "two of three")
    founding = stage.world.membership.founding
    assert founding is not None and isinstance(stage.world.cast, Company)
    assert founding.key == stage.world.cast.fingerprint(key)


# --- one root is enough -----------------------------------------------------------------------------------------------

ONE_IS_ENOUGH: dict[str, Scene] = {
    "a root suspends": Scene((says("root", SUSPEND),), {"anna": "suspended"}),
    "twice": Scene((says("root", SUSPEND), says("root3", SUSPEND, "already-suspended", day=1, words="by entry ")), {"anna": "suspended"}),
    "and resumes": Scene((says("root", SUSPEND), says("root", RESUME, day=1))),
    "and another resumes, and suspends": Scene(
        (says("root", SUSPEND), says("root3", RESUME, day=1), says("root3", SUSPEND, day=2)), {"anna": "suspended"}
    ),
    "the old suspension again": Scene((says("root", SUSPEND), says("root2", RESUME, day=1), says("root", SUSPEND, "duplicate", day=2))),
    "a suspension older than the resumption": Scene(
        (says("root", SUSPEND), says("root2", RESUME, day=1), says("root3", SUSPEND, "superseded", day=2, made=0))
    ),
    "resumes who is not suspended": Scene((says("root", RESUME, "not-suspended", words="line 4"),)),
    "suspends nobody": Scene((says("root", words("suspend-member", TLD="nl", Email="x@nl.example"), "no-such-member", words="line 4"),)),
    "suspends with another's key": Scene(
        (says("root", words("suspend-member", TLD="nl", Email="anna@nl.example", Key="bert"), "wrong-key", words="line 5"),)
    ),
    "an Admin Contact suspends": Scene((says("admin", SUSPEND, "not-entitled"),)),
    "the SSC suspends": Scene((says("anna", SUSPEND, "not-entitled"),)),
    "the suspended resumes": Scene((says("root", SUSPEND), says("anna", RESUME, "not-entitled", day=1)), {"anna": "suspended"}),
    "the Admin Contact resumes": Scene((says("root", SUSPEND), says("admin", RESUME, "not-entitled", day=1)), {"anna": "suspended"}),
}


@pytest.mark.parametrize("scene", ONE_IS_ENOUGH.values(), ids=ONE_IS_ENOUGH)
def test_one_root_is_enough_for_the_brake(stage_of: StageOf, scene: Scene) -> None:
    """Where two have to agree on who speaks, one root alone suspends a member and lets them go on."""
    perform(stage_of("two of three"), scene, "two of three", export=False)
