"""A trust root that signs with a subkey, and gives it up: what the log proves then, by an old copy of the root's file and by a new one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest
from people import Somebody
from trust_world import (
    BASE,
    BORN,
    COMPROMISED,
    DAY,
    LIST,
    NO_REASON,
    NOW,
    RETIRED,
    SUPERSEDED,
    Cast,
    World,
    appointment,
    attestation,
    certificate_of,
)

from securelist.errors import Refused
from securelist.trust.certificates import as_known
from securelist.trust.export import Link, write_export
from securelist.trust.grammar import founding_text
from securelist.trust.proof import Proof, prove, replay_until

# When the subkey is revoked; Anna and Carla have been members for a day.
AT = BASE + 3 * DAY
KEPT, VOID = [SUPERSEDED, RETIRED], [NO_REASON, COMPROMISED]


@dataclass
class Rotation:
    """A world whose first root signs with a subkey, and the root's certificate as it is once that is revoked."""

    world: World
    new: Somebody

    @property
    def old(self) -> Somebody:
        return self.world.cast.root

    def later(self) -> World:
        """The list as it goes on with the new file."""
        return World(replace(self.world.cast, root=self.new), self.world.membership, list(self.world.log))


def primary_signed(cast: Cast, who: Somebody, text: str, at: int) -> bytes:
    return cast.people.gpg("-u", f"{who.fingerprint}!", "--clearsign", data=text.encode(), at=at)


def begun(cast: Cast, root: Somebody) -> World:
    """Founded and .br appointed by the root's primary key, .nl by its subkey; Carla and Anna are members."""
    world = World(replace(cast, root=root))
    founding = founding_text(LIST, cast.list_key.fingerprint, [root.fingerprint, cast.root2.fingerprint])
    world.submit(primary_signed(cast, root, founding, BASE), at=BASE)
    by_primary = primary_signed(cast, root, appointment(cast.admin_br, "br"), BASE + DAY)
    world.submit(by_primary, cast.admin_br.certificate, at=BASE + DAY)
    world.appoint(cast.admin, "nl", BASE + DAY)
    world.attest(cast.admin_br, cast.carla, BASE + 2 * DAY)
    world.attest(cast.admin, cast.anna, BASE + 2 * DAY)
    keys = {said.key for said in world.membership.said if said.signer == root.fingerprint}
    assert len(keys) == 2 and root.fingerprint in keys
    return world


@pytest.fixture(scope="module")
def rotations(cast: Cast) -> Iterator[dict[int, Rotation]]:
    """One for each reason of a revocation."""
    people, made = cast.people, {}
    for reason in (*KEPT, *VOID):
        root = people.make(f"Rotates {reason}", "rotates@ccnso.example", at=BORN)
        people.gpg("--quick-add-key", root.fingerprint, "ed25519", "sign", "0", at=BORN + 10)
        world = begun(cast, replace(root, certificate=people.export(root.fingerprint)))
        answers = f"key 2\nrevkey\ny\n{reason}\n\ny\nsave\n".encode()
        people.gpg("--command-fd", "0", "--edit-key", root.fingerprint, data=answers, at=AT)
        made[reason] = Rotation(world, replace(root, certificate=people.export(root.fingerprint)))
    yield made


def proved(world: World, root: Somebody, at: int = AT + DAY) -> Proof:
    """The export judged with this file of the root's; its members are those at `at`."""
    octets = write_export(LIST, world.cast.list_key, [world.cast.list_key.certificate()], world.log, NOW)
    return prove(octets, [root.certificate, world.cast.root2.certificate], NOW, members_at=at)


def names(proof: Proof) -> list[str]:
    assert proof.valid, proof.problems
    return sorted(member.emails[0].partition("@")[0] for member in proof.members)


# --- superseded, or no longer used -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", KEPT)
def test_what_a_retired_subkey_signed_stands(rotations: dict[int, Rotation], reason: int) -> None:
    """By the old file and by the new one, before the log knows of it and after; and so says a replay."""
    rotation = rotations[reason]
    world = rotation.later()
    for _ in ("before", "after"):
        assert names(proved(world, rotation.old)) == names(proved(world, rotation.new)) == ["anna", "carla"]
        links = [Link(entry, entry.hash, evidence) for entry, evidence in world.log]
        assert replay_until(links, world.cast.anchor, NOW) == world.membership
        with suppress(Refused):  # the second time it is nothing new
            world.submit([], rotation.new.certificate, at=AT + 60)


@pytest.mark.parametrize("reason", KEPT)
def test_a_root_goes_on_with_another_key(rotations: dict[int, Rotation], reason: int) -> None:
    """What it signs after the rotation is proved by the new file, and by the old one, too."""
    rotation = rotations[reason]
    world = rotation.later()
    world.appoint(world.cast.dora, "de", AT + 60)
    assert world.membership.said[-1].key == rotation.new.fingerprint
    for root in (rotation.old, rotation.new):
        assert names(proved(world, root)) == ["anna", "carla"]


def test_a_subkey_signs_nothing_once_it_is_retired(rotations: dict[int, Rotation]) -> None:
    """Whoever finds it later: the date of the signature is his to choose, that of the entry is not."""
    rotation = rotations[SUPERSEDED]
    held = [evidence for entry, evidence in rotation.world.log if entry.type == "appoint-admin-contact" and entry.cctld == "nl"]
    again = World(replace(rotation.world.cast, root=rotation.new))
    founding = founding_text(LIST, again.cast.list_key.fingerprint, [rotation.new.fingerprint, again.cast.root2.fingerprint])
    again.submit(primary_signed(again.cast, rotation.new, founding, AT + 60), at=AT + 60)
    with pytest.raises(Refused, match="bad-signature"):
        again.submit(held[0], again.cast.admin.certificate, at=AT + 60)


# --- compromised ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", VOID)
def test_what_a_compromised_subkey_signed_is_void(rotations: dict[int, Rotation], reason: int) -> None:
    """By the new file, which alone knows; what the primary key signed stands."""
    rotation = rotations[reason]
    assert names(proved(rotation.world, rotation.old)) == ["anna", "carla"]
    assert names(proved(rotation.world, rotation.new)) == ["carla"]


@pytest.mark.parametrize("reason", VOID)
def test_the_list_takes_it_from_the_new_file(rotations: dict[int, Rotation], reason: int) -> None:
    """A replay takes the old entries as they were; the next submission enters the certificate, and voids what has to be."""
    rotation = rotations[reason]
    world = rotation.later()
    links = [Link(entry, entry.hash, evidence) for entry, evidence in world.log]
    assert replay_until(links, world.cast.anchor, NOW) == world.membership
    world.submit(
        world.signed(world.cast.admin_br, attestation(world.cast.dora, TLD="br"), AT + 60), world.cast.dora.certificate, at=AT + 60
    )
    assert world.log[-3][0].subject == rotation.new.fingerprint
    assert world.addresses(AT + 60) == {world.cast.carla.address, world.cast.dora.address}
    for root in (rotation.old, rotation.new):
        assert names(proved(world, root)) == ["carla", "dora"]
    links = [Link(entry, entry.hash, evidence) for entry, evidence in world.log]
    assert replay_until(links, world.cast.anchor, NOW) == world.membership


@pytest.mark.parametrize("reason", VOID)
def test_the_log_alone_knows(rotations: dict[int, Rotation], reason: int) -> None:
    """The root sent its new certificate in; who still has the old file comes to the same."""
    rotation = rotations[reason]
    world = World(rotation.world.cast, rotation.world.membership, list(rotation.world.log))
    world.submit([], rotation.new.certificate, at=AT + 60)
    assert world.addresses(AT + 60) == {world.cast.carla.address}
    for root in (rotation.old, rotation.new):
        assert names(proved(world, root)) == ["carla"]


# --- as it was known then ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reason", "at", "revoked"), [
    (SUPERSEDED, AT - 1, False), (SUPERSEDED, AT, True), (RETIRED, AT - 1, False), (RETIRED, AT + DAY, True),
    (COMPROMISED, AT - 1, False), (COMPROMISED, AT + DAY, False), (NO_REASON, AT + DAY, False),
])  # fmt: skip
def test_the_certificate_as_it_was_known(rotations: dict[int, Rotation], reason: int, at: int, revoked: bool) -> None:
    """A retirement counts from when it was made; the worse ones are for the rules, whatever their date."""
    certificate = certificate_of(rotations[reason].new.certificate)
    assert [key.revoked for key in certificate.keys] == [False, True, False]
    assert [key.revoked for key in as_known(certificate, at).keys] == [False, revoked, False]
