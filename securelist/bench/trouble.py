"""What it costs the others that some members cannot be reached: the same list with and without that trouble, post by post in turns.

Of 900 members 40 have revoked keys, 10 one address that the next hop refuses, and 5 have two: of three of them the first is refused, of
one both. Of another number it is as many in proportion, with five again who have two.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from securelist.bench import measure
from securelist.bench.people import People
from securelist.bench.sink import Sink
from securelist.bench.town import ADMIN, LIST, configured, member_addresses, open_town
from securelist.errors import SecurelistError, Unavailable
from securelist.installation import Installation
from securelist.procedures.rounds import Rounds
from securelist.store import queue_view, welcomes
from securelist.store.database import writing
from securelist.store.welcomes import Welcome
from securelist.trust.grammar import render
from securelist.trust.membership import UNREACHABLE
from securelist.trust.statement import StatementType
from securelist.trust.submission import Parcel
from securelist.upkeep.receipts import Receipts

# The poster, one with a revoked key, one with a dead address, five with two addresses; and some whom all this may delay.
MIN_MEMBERS = 20
HAVE_TWO, FIRST_IS_DEAD = 5, 4
# Pairs of posts; more than for the steps, because a whole delivery shares the machine with whatever else runs there.
ROUNDS = 7
# So many certificates go into the log at a time without a signed text beside them.
_AT_A_TIME = 3


@dataclass(frozen=True)
class Trouble:
    """Who is in trouble, by primary address: whose key is revoked, whose one address is dead, and who has two."""

    revoked: tuple[str, ...]
    dead: tuple[str, ...]
    two: tuple[str, ...]

    @classmethod
    def among(cls, members: int) -> Trouble:
        """The first members after the poster."""
        revoked, dead = max(1, members * 40 // 900), max(1, members * 10 // 900)
        everybody = [address for address, _ in member_addresses(members)]
        return cls(
            tuple(everybody[1 : 1 + revoked]), tuple(everybody[1 + revoked :][:dead]), tuple(everybody[1 + revoked + dead :][:HAVE_TWO])
        )

    @property
    def refused(self) -> tuple[str, ...]:
        """The addresses that the next hop does not know: the first of four who have two, and the second of the last of these."""
        return (*self.dead, *self.two[:FIRST_IS_DEAD], second(self.two[FIRST_IS_DEAD - 1]))

    def others(self, members: int) -> tuple[str, ...]:
        """Whoever has nothing to do with it; the poster gets receipts, too, and does not count."""
        concerned = {*self.revoked, *self.dead, *self.two}
        return tuple(address for address, _ in member_addresses(members)[1:] if address not in concerned)


@dataclass(frozen=True)
class Delay:
    """Medians in seconds, from the end of DATA until all others had their copies: as usual, and with the trouble.

    `most` is how much longer that one of them waited who was delayed most; `ratio`, of two posts one right after the other, how many times
    as long it took with the trouble: what else the machine does changes from minute to minute.
    """

    usual: float
    trouble: float
    most: float
    ratio: float

    @property
    def most_ratio(self) -> float:
        """The most that anybody waited longer, as a part of the usual time; below zero if nobody did."""
        return self.most / self.usual


def second(address: str) -> str:
    """The second address of somebody who has two."""
    return address.replace("@", "@second.")


def measure_trouble(keep: Path, members: int, size: int, progress: Callable[[int], None]) -> Delay:
    """What the trouble costs the others of so many members. The keys and both lists are in `keep`, made where missing."""
    trouble = Trouble.among(members)
    with Sink() as sink, Sink(trouble.refused) as refusing:
        usual, people = open_town(keep, members, f"smtp://127.0.0.1:{sink.port}", progress)
        try:
            home = _troubled(usual, people, trouble)
            troubled = configured(home, f"smtp://127.0.0.1:{refusing.port}", receipts=True)
            return _compared(usual, troubled, people, members, size, (sink, refusing))
        finally:
            for where in (people.home, usual.home / "gnupg", usual.home.with_name(_name(members)) / "gnupg"):
                People(where).close()


def _name(members: int) -> str:
    return f"list-{members}-trouble"


# --- the list with the trouble ---------------------------------------------------------------------------------------------


def _troubled(usual: Installation, people: People, trouble: Trouble) -> Path:
    """The state directory of a copy of the list with that trouble, made if it is not there."""
    members = len(usual.membership().members(int(time.time())))
    usual.engine.dispose()
    home = usual.home.with_name(_name(members))
    if not _is_complete(home, members, trouble):
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(usual.home, home, ignore=shutil.ignore_patterns("S.*"))  # gpg-agent's sockets are no files
        _make_trouble(Installation(home), people, trouble)
    return home


def _is_complete(home: Path, members: int, trouble: Trouble) -> bool:
    try:
        found = Installation(home).membership().members(int(time.time())) if home.exists() else ()
    except SecurelistError:  # kept by an earlier version, say
        return False
    two, cannot = sum(len(one.emails) > 1 for one in found), sum(one.state == UNREACHABLE for one in found)
    return (len(found), two, cannot) == (members, len(trouble.two), len(trouble.revoked))


def _make_trouble(house: Installation, people: People, trouble: Trouble) -> None:
    fingerprints, now = people.fingerprints(), int(time.time())
    text = "\n".join(_with_two(address, fingerprints[address]) for address in trouble.two)
    house.enter(Parcel((people.clearsigned(fingerprints[ADMIN], text),)), now)
    revoked = _revoked(people, [fingerprints[address] for address in trouble.revoked])
    for start in range(0, len(revoked), _AT_A_TIME):
        house.enter(Parcel((), revoked[start : start + _AT_A_TIME]), now)
    house.engine.dispose()


def _with_two(address: str, fingerprint: str) -> str:
    fields = {"List": [LIST], "TLD": ["nl"], "Name": [address.partition("@")[0]], "Email": [address, second(address)]}
    return render(StatementType.ATTEST_SSC, fields | {"Key": [fingerprint], "Phone": ["+31 20 000 0000"]})


def _revoked(people: People, fingerprints: list[str]) -> tuple[bytes, ...]:
    """The certificates, each with its revocation, which gpg made beside the key; the keys themselves stay as they are."""
    with tempfile.TemporaryDirectory(prefix="sl-", dir="/tmp") as name:  # gpg-agent's sockets need a short path
        aside = People(Path(name) / "g")
        try:
            aside.gpg("--trust-model", "pgp", "--list-keys")  # makes a file that gpg misses when a key is revoked
            aside.gpg("--import", data=people.gpg("--export", *fingerprints))
            for fingerprint in fingerprints:
                made = (people.home / "openpgp-revocs.d" / f"{fingerprint}.rev").read_text(encoding="utf-8")
                aside.gpg("--import", data=made.replace(":-----BEGIN", "-----BEGIN").encode())
            return tuple(aside.certificate(fingerprint) for fingerprint in fingerprints)
        finally:
            aside.close()


# --- measuring ----------------------------------------------------------------------------------------------------------------


def _compared(usual: Installation, troubled: Installation, people: People, members: int, size: int, sinks: tuple[Sink, Sink]) -> Delay:
    others = Trouble.among(members).others(members)
    signer, towns = people.fingerprints()[member_addresses(1)[0][0]], (usual, troubled)
    for town in towns:
        _settle(town, measure.post_of(people, town, signer, size))
    posts = [(measure.post_of(people, usual, signer, size), measure.post_of(people, usual, signer, size)) for _ in range(ROUNDS + 1)]
    pairs = []
    with measure.server(usual) as first, measure.server(troubled) as other:
        ways = ((first, sinks[0]), (other, sinks[1]))
        for number, pair in enumerate(posts):
            order = (0, 1) if number % 2 else (1, 0)  # neither of them always finds the machine as the other left it
            waited = {place: _waited(*ways[place], pair[place], others) for place in order}
            pairs.append((waited[0], waited[1]))
    return _delay(pairs[1:], others)  # the first warms the caches


def _settle(town: Installation, post: bytes) -> None:
    """A post, and whatever letters are due, so that none of them is written while the next posts are measured: those about members
    who cannot be reached come once an hour at most."""
    now = int(time.time())
    with writing(town.engine) as connection:
        for member in town.membership().members(now):
            welcomes.mark_sent(connection, Welcome(member.cctld, member.fingerprint, member.emails[0]), now)
    measure.deliver(town)
    town.way.relay(post, None, now, lambda: None, lambda *_: None)
    rounds, newest = Rounds(town), -1
    while newest != (newest := queue_view.posts(town.engine, 1)[0].id):
        measure.deliver(town)
        rounds.run(int(time.time()))
        Receipts(town).round(int(time.time()))
    town.engine.dispose()


def _delay(pairs: Sequence[tuple[Mapping[str, float], Mapping[str, float]]], others: Iterable[str]) -> Delay:
    usual, trouble = (statistics.median(max(pair[place].values()) for pair in pairs) for place in (0, 1))
    ratio = statistics.median(max(hard.values()) / max(calm.values()) for calm, hard in pairs)
    most = max(statistics.median(hard[address] - calm[address] for calm, hard in pairs) for address in others)
    return Delay(usual, trouble, most, ratio)


def _waited(port: int, sink: Sink, post: bytes, others: tuple[str, ...]) -> Mapping[str, float]:
    """Seconds from the end of DATA until each of the others had their copy."""
    sink.clear()
    started, _ = measure.send(port, post)
    while not (found := sink.arrivals()).keys() >= set(others):
        if time.monotonic() > started + measure.WAIT_S:
            raise Unavailable("not-delivered", f"not everybody had a copy within {measure.WAIT_S} s")
        time.sleep(0.05)  # the sink notes the times; looking often would only take from what is measured
    return {address: found[address] - started for address in others}
