"""The Web Key Directory of a member's domain: looked into once a day when a key ends soon; only what extends that key is taken."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from absent_world import World
from absent_world import founded as founded
from absent_world import world as world
from people import Somebody
from wkd_world import Authority, Handler, directory, reaching

from securelist.openpgp.admission import MAX_CERTIFICATE_OCTETS, split_certificates
from securelist.store.journal import newest
from securelist.upkeep import wkd
from securelist.upkeep.directory import LOOKUPS_A_ROUND, Directory
from securelist.upkeep.wkd import Directories, public_places, urls, z_base_32

HOST = "openpgpkey.nl.example"


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Who vouches for the servers here."""
    return Authority()


def path_of(address: str, method: int = 0) -> str:
    """Where a server has somebody's file."""
    return "/" + urls(address)[method].split("/", 3)[3]


def extended(world: World, who: Somebody, until: str = "2y") -> bytes:
    """Somebody's certificate as a directory has it: binary, extended."""
    for subkeys in ((), ("*",)):
        world.town.people.gpg("--quick-set-expire", who.fingerprint, until, *subkeys)
    return world.town.people.gpg("--export", who.fingerprint)


def look(world: World, directories: Directories, days: float) -> None:
    """A round on that day, as a process that has just been started makes it."""
    world.now = world.after(days)
    Directory(world.house, directories).round(world.now)


def entries(world: World) -> int:
    return len(world.house.membership().entries)


def noted(world: World) -> list[str]:
    """What the journal says of lookups, newest first."""
    return [one.detail for one in newest(world.house.engine, 50) if one.event == "web key directory"]


# --- where it is ---------------------------------------------------------------------------------------------------------


def test_the_name_of_a_file_is_that_of_the_draft() -> None:
    """Its own example, by both methods, whatever the case; and the encoding, by the examples of RFC 6189."""
    advanced, direct = urls("Joe.Doe@Example.ORG")
    name = "iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe"
    assert advanced == f"https://openpgpkey.example.org/.well-known/openpgpkey/example.org/hu/{name}"
    assert direct == f"https://example.org/.well-known/openpgpkey/hu/{name}"
    assert urls("a/b+c@x.example")[1].endswith("?l=a%2Fb%2Bc")
    assert [z_base_32(octets) for octets in (b"", b"\xf0\xbf\xc7", b"\xd4\x7a\x04")] == ["", "6n9hq", "4t7ye"]


def test_nobody_is_led_into_private_networks() -> None:
    """A domain may name any address as its own; of names that cannot be public no resolver is asked."""
    for host in ("localhost", "127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "registry.test", "nl.example"):
        assert list(asyncio.run(public_places(host))) == []
    assert asyncio.run(public_places("192.0.43.7")) == [("192.0.43.7", 443)]


# --- what is taken -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("host", "method"), [(HOST, 0), ("nl.example", 1)], ids=["advanced", "direct"])
def test_a_member_whose_key_ended_is_found_and_back_at_once(
    world: World, authority: Authority, tmp_path: Path, host: str, method: int
) -> None:
    """By TLS, under the name of the host; entered in the log like a mailed certificate, and the member is told."""
    anna, bert = world.member("Anna", "2d"), world.member("Bert")
    assert world.state(anna, 3) == "unreachable"
    with directory(authority, tmp_path, host) as server:
        server.files[path_of(anna.address, method)] = extended(world, anna)
        before = entries(world)
        look(world, reaching(authority, **{host.replace(".", "_"): server}), 3)
        assert server.asked == [(host, path_of(anna.address, method))]  # nothing is asked about Bert, whose key has no end
    assert world.state(anna, 3) == "active"
    assert (entries(world), world.house.membership().entries[-1].type) == (before + 1, "certificate")
    (letter,) = world.letters(anna)
    assert letter.subject == "You are reached again by tld-ops"
    assert "in the Web Key Directory of nl.example, found it extended, and took it" in " ".join(letter.text.split())
    assert noted(world) == [f"found, entry {before + 1}"]
    assert world.letters(bert) == []


def test_each_address_is_looked_for_once_a_day_from_a_month_before(world: World, authority: Authority, tmp_path: Path) -> None:
    """Not earlier, not twice a day, not for who is suspended or whose key is revoked, and never if the setting says so."""
    anna, bert, carla = world.member("Anna", "40d", "anna@nl.example"), world.member("Bert", "2d"), world.member("Carla", "2d")
    world.say(world.town.root, "suspend-member", bert)
    world.town.people.revoke(carla)
    world.renew(carla)
    with directory(authority, tmp_path, HOST) as server:
        directories = reaching(authority, openpgpkey_nl_example=server)
        asked = {}
        for days in (3, 9.9, 10.1, 10.5, 11, 11.2, 45):
            server.asked.clear()
            look(world, directories, days)
            asked[days] = sorted(path for _, path in server.asked)
        both = sorted([path_of(anna.address), path_of("anna@nl.example")])
        assert asked == {3: [], 9.9: [], 10.1: both, 10.5: [], 11: [], 11.2: both, 45: both}
        settings = world.town.home / "securelist.toml"
        settings.write_text(f"{settings.read_text()}wkd = false\n")
        server.asked.clear()
        look(World(world.town), directories, 47)
        assert server.asked == []


def test_a_certificate_with_what_others_said_makes_nobody_a_member(world: World, authority: Authority, tmp_path: Path) -> None:
    """An Admin Contact's certification in it, or other people's certificates beside it, are left out: nobody mailed them."""
    anna, dora = world.member("Anna", "2d"), world.person("Dora")
    people, notation = world.town.people, "cctld@lists.example.org=nl"
    how = ("--default-key", world.town.admin.fingerprint, "--cert-notation", notation, "--default-cert-expire", "1y")
    own = extended(world, anna)
    for who in (anna, dora):
        people.gpg(*how, "--quick-sign-key", who.fingerprint)
    both = people.gpg("--export", dora.fingerprint) + people.gpg("--export", anna.fingerprint)
    assert len(both) > len(own)
    before = world.house.membership()
    with directory(authority, tmp_path, HOST) as server:
        server.files[path_of(anna.address)] = both
        look(world, reaching(authority, openpgpkey_nl_example=server), 3)
    after = world.house.membership()
    assert [entry.type for entry in after.entries[len(before.entries) :]] == ["certificate"]
    assert world.state(anna, 3) == "active"
    assert after.member_by_key(dora.fingerprint, world.now) is None
    assert dora.fingerprint not in after.certificates


def others(world: World, who: Somebody) -> bytes:
    return world.town.people.gpg("--export", world.town.people.make("Anna", who.address).fingerprint)


def unchanged(world: World, who: Somebody) -> bytes:
    return split_certificates(who.certificate)[0]


def secret(world: World, who: Somebody) -> bytes:
    return world.town.people.gpg("--export-secret-keys", who.fingerprint)


def tampered(world: World, who: Somebody) -> bytes:
    octets = extended(world, who)
    return octets[:-8] + bytes(octet ^ 0xFF for octet in octets[-8:])


def a_page(world: World, who: Somebody) -> bytes:
    return b"<html>Not found</html>"


@pytest.mark.parametrize("make", [others, unchanged, secret, tampered, a_page])
def test_anything_else_changes_nothing(
    world: World, authority: Authority, tmp_path: Path, make: Callable[[World, Somebody], bytes]
) -> None:
    """Another key with the same address, what the log has, a secret key, a certificate that does not hold, no certificate."""
    anna = world.member("Anna", "2d")
    with directory(authority, tmp_path, HOST) as server:
        server.files[path_of(anna.address)] = make(world, anna)
        look(world, reaching(authority, openpgpkey_nl_example=server), 3)
        assert len(server.asked) == 1
    assert world.state(anna, 3) == "unreachable"
    assert world.letters(anna) == []


def test_a_revocation_in_the_directory_is_taken(world: World, authority: Authority, tmp_path: Path) -> None:
    """Only its owner can have made it."""
    anna = world.member("Anna", "10d")
    world.town.people.revoke(anna)
    with directory(authority, tmp_path, HOST) as server:
        server.files[path_of(anna.address)] = world.town.people.gpg("--export", anna.fingerprint)
        look(world, reaching(authority, openpgpkey_nl_example=server), 3)
    assert world.house.membership().certificates[anna.fingerprint].primary.revoked


# --- servers that do not do as they should -------------------------------------------------------------------------------


def elsewhere(handler: Handler) -> None:
    """The file is at another place, says the server; it is."""
    if handler.path.startswith("/other"):
        handler.say(handler.server.files[handler.path.removeprefix("/other")])
    else:
        handler.say(b"", 302, Location=f"https://{HOST}/other{handler.path}")


def packed(handler: Handler) -> None:
    """A small answer that becomes a large one."""
    handler.say(gzip.compress(bytes(1 << 24)), Content_Encoding="gzip")


def endless(handler: Handler) -> None:
    """Zeros without end."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    while True:
        handler.wfile.write(b"1000\r\n" + bytes(0x1000) + b"\r\n")


def dripping(handler: Handler) -> None:
    """An octet at a time, each in good time."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"\x98")
        time.sleep(0.05)


def silent(handler: Handler) -> None:
    """Nothing, for longer than anybody waits."""
    time.sleep(3)
    handler.close_connection = True


def too_large(handler: Handler) -> None:
    """One octet more than is read."""
    handler.say(bytes(MAX_CERTIFICATE_OCTETS + 1))


@pytest.mark.parametrize("answer", [elsewhere, packed, endless, dripping, silent, too_large])
def test_a_server_that_misbehaves_costs_a_moment(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Callable[[Handler], None]
) -> None:
    """Nothing comes of it, for anybody; a server that behaves is heard all the same."""
    monkeypatch.setattr(wkd, "ONE_S", 0.5)
    with directory(authority, tmp_path, HOST, answer=answer) as bad, directory(authority, tmp_path, "br.example") as good:
        bad.files[path_of("anna@nl.example")] = b"file"
        good.files[path_of("ana@br.example", 1)] = b"a file"
        directories, began = reaching(authority, openpgpkey_nl_example=bad, br_example=good), time.monotonic()
        assert directories.look_up(["anna@nl.example", "ana@br.example"]) == {"ana@br.example": b"a file"}
        assert time.monotonic() - began < 2.5
        assert len(bad.asked) == 1


def test_all_together_have_their_time(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many servers are silent: what was not asked by then is asked for tomorrow."""
    monkeypatch.setattr(wkd, "ALL_S", 0.6)
    with directory(authority, tmp_path, HOST, answer=silent) as server:
        began = time.monotonic()
        assert reaching(authority, openpgpkey_nl_example=server).look_up([f"{n}@nl.example" for n in range(20)]) == {}
        assert time.monotonic() - began < 2.5


def wrong_host(authority: Authority, folder: Path) -> tuple[Authority, str]:
    return authority, "openpgpkey.br.example"


def wrong_authority(_authority: Authority, folder: Path) -> tuple[Authority, str]:
    return Authority(), HOST


@pytest.mark.parametrize("how", [wrong_host, wrong_authority])
def test_a_server_that_cannot_prove_its_name_is_not_asked(
    authority: Authority, tmp_path: Path, how: Callable[[Authority, Path], tuple[Authority, str]]
) -> None:
    """Its certificate is for another host, or nobody's whom we trust."""
    by, host = how(authority, tmp_path)
    with directory(by, tmp_path, host) as server:
        server.files[path_of("anna@nl.example")] = b"a file"
        assert reaching(authority, openpgpkey_nl_example=server).look_up(["anna@nl.example"]) == {}
        assert server.asked == []


def test_a_connection_proves_one_host(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two domains at one address, one after the other: the second must prove its own name."""
    monkeypatch.setattr(wkd, "AT_ONCE", 1)
    with directory(authority, tmp_path, HOST) as server:
        server.files[path_of("anna@nl.example")] = server.files[path_of("ana@br.example")] = b"a file"
        directories = reaching(authority, openpgpkey_nl_example=server, openpgpkey_br_example=server)
        assert directories.look_up(["anna@nl.example", "ana@br.example"]) == {"anna@nl.example": b"a file"}


def test_where_the_subdomain_exists_the_domain_itself_is_not_asked(authority: Authority, tmp_path: Path) -> None:
    """The draft's section 3.1: the direct method is for who has no host of that name."""
    with directory(authority, tmp_path, HOST) as server, directory(authority, tmp_path, "nl.example") as other:
        other.files[path_of("anna@nl.example", 1)] = b"a file"
        assert reaching(authority, openpgpkey_nl_example=server, nl_example=other).look_up(["anna@nl.example"]) == {}
        assert (len(server.asked), other.asked) == (1, [])


def test_a_host_that_does_not_answer_at_all() -> None:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        place = closed.getsockname()

    async def resolve(_host: str) -> list[tuple[str, int]]:
        return [place]

    assert Directories(resolve=resolve).look_up(["anna@nl.example"]) == {}


# --- rounds --------------------------------------------------------------------------------------------------------------


def test_a_round_looks_for_a_few_and_the_next_for_others(world: World, authority: Authority, tmp_path: Path) -> None:
    """Many keys that end in one month hold up no round; a server in trouble is not asked again within the day."""
    people = [world.member(f"Member {number}", "2d") for number in range(LOOKUPS_A_ROUND + 2)]

    def broken(handler: Handler) -> None:
        handler.say(b"", 503)

    with directory(authority, tmp_path, HOST, answer=broken) as server:
        directories, asked = reaching(authority, openpgpkey_nl_example=server), []
        for days in (3, 3.001, 3.002):
            look(world, directories, days)
            asked.append(len(server.asked))
        assert asked == [LOOKUPS_A_ROUND, len(people), len(people)]
        assert len({path for _, path in server.asked}) == len(people)


def test_nothing_is_asked_where_nothing_ends(world: World) -> None:
    """A round of a list whose keys last makes no connection, and no thread."""
    world.member("Anna")

    class Never(Directories):
        def look_up(self, addresses: object) -> dict[str, bytes]:
            raise AssertionError(addresses)

    look(world, Never(), 3)
