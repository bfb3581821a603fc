"""`securelist bench`: what a post, or the proof of a log, costs on this machine."""

from __future__ import annotations

import dataclasses
import os
import re
import secrets
import statistics
from dataclasses import dataclass
from pathlib import Path

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import Progress

from securelist.bench import beside, contacts, log, measure, trouble
from securelist.bench.people import People
from securelist.bench.sink import Sink
from securelist.bench.town import member_addresses, open_town
from securelist.cli.output import FOLDER, print_json, print_table, say
from securelist.errors import UsageError
from securelist.installation import GNUPG_HOME, Installation

_UNITS = {"": 1, "B": 1, "KIB": 2**10, "MIB": 2**20}
# The copies of a larger post would not pass anybody's mail server.
MAX_SIZE = 16 * 2**20
MAX_MEMBERS = 2000


@dataclass(frozen=True)
class Row:
    """One line of the table; milliseconds."""

    what: str
    ms: float
    ms_per_member: float


def parse_size(text: str) -> int:
    """Octets for `2KiB`, `1MiB` or a number; raises UsageError."""
    match = re.fullmatch(r"(\d{1,9})\s*([A-Za-z]*)", text.strip())
    if match is None or match[2].upper() not in _UNITS or not 0 < (size := int(match[1]) * _UNITS[match[2].upper()]) <= MAX_SIZE:
        raise UsageError("bad-size", f"{text!r} is not a size such as 2KiB or 1MiB, at most {MAX_SIZE >> 20}MiB")
    return size


def _default_keep() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "securelist" / "bench"


@click.command()
@click.option("--members", default=250, show_default=True, type=click.IntRange(1, MAX_MEMBERS), help="Half RSA-3072, half Ed25519.")
@click.option("--size", default="2KiB", show_default=True, help="Size of the post's text.")
@click.option("--log", "statements", type=click.IntRange(1, log.MAX_STATEMENTS), help="Measure `log verify` of N statements, no posts.")
@click.option("--trouble", "with_trouble", is_flag=True, help="Measure what it costs the others that some members cannot be reached.")
@click.option("--contacts", "repository", is_flag=True, help="Measure the contact repository: made, and mailed to every member.")
@click.option("--keep", type=FOLDER, help="Where the keys are kept; the user's cache if left out.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, stable between versions.")
def bench(members: int, size: str, statements: int | None, with_trouble: bool, repository: bool, keep: Path | None, as_json: bool) -> None:
    """Measures each step of a post to N members and the whole way by SMTP, beside one gpg process per member and OpenSSL.

    With --log, measures `log verify` of N statements (three Admin Contacts to seven SSCs) on one core and where the time goes,
    beside one bare gpg process per statement.

    With --trouble, measures how long a post takes to all others when some members have no usable key, dead addresses or a second
    address (of 900: 40, 15 and 5), beside the same list without that trouble, in turns.

    With --contacts, measures how long the contact repository takes to make in all its forms, to seal and to mail.

    The first run makes everybody's keys, which takes a minute or two for 250 and ten for 1000; they are kept.

    \b
    Example:
      securelist bench --members 250 --size 2KiB
      securelist bench --log 1000
      securelist bench --trouble --members 900
      securelist bench --contacts --members 900
    """
    keep = (keep or _default_keep()).absolute()
    if repository:
        if statements is not None or any(_is_given(option) for option in ("size", "with_trouble")):
            raise UsageError("contacts-or-posts", "--contacts measures no posts: leave out --size, --log and --trouble")
        _bench_contacts(members, keep, as_json)
        return
    if statements is None:
        (_bench_trouble if with_trouble else _bench_posts)(members, size, keep, as_json)
        return
    if any(_is_given(option) for option in ("members", "size", "with_trouble")):
        raise UsageError("log-or-posts", "--log measures no posts: leave out --members, --size and --trouble")
    _bench_log(statements, keep, as_json)


def _is_given(option: str) -> bool:
    return click.get_current_context().get_parameter_source(option) is not ParameterSource.DEFAULT


def _bench_posts(members: int, size: str, keep: Path, as_json: bool) -> None:
    octets = parse_size(size)
    with Sink() as sink, Progress(transient=True, disable=as_json) as progress:
        task = progress.add_task(f"{members} members' keys", total=members + 2)
        hop = f"smtp://127.0.0.1:{sink.port}"
        town, people = open_town(keep, members, hop, lambda n: progress.advance(task, n))
        try:
            progress.update(task, description="measuring", total=None)
            rows = _measured(town, people, members, octets, sink)
        finally:
            people.close()
            People(town.home / GNUPG_HOME).close()
    if as_json:
        print_json({"members": members, "size": octets, "rows": rows})
        return
    table = [(row.what, f"{row.ms:.1f}", f"{row.ms_per_member:.3f}") for row in rows]
    print_table((f"{members} members, {size}", "ms", "ms per member"), table, "")


def _bench_trouble(members: int, size: str, keep: Path, as_json: bool) -> None:
    octets = parse_size(size)
    if members < trouble.MIN_MEMBERS:
        raise UsageError("too-few-members", f"--trouble needs {trouble.MIN_MEMBERS} members or more")
    with Progress(transient=True, console=Console(stderr=True), disable=as_json) as progress:
        task = progress.add_task("keys, then both lists, then posts", total=members + 2)
        found = trouble.measure_trouble(keep, members, octets, lambda n: progress.advance(task, n))
    who = trouble.Trouble.among(members)
    numbers = {"members": members, "revoked": len(who.revoked), "dead_addresses": len(who.refused), "second_addresses": len(who.two)}
    if as_json:
        print_json(numbers | dataclasses.asdict(found) | {"most_ratio": found.most_ratio})
        return
    rows = [("as usual", f"{found.usual * 1e3:.0f}"), ("with the trouble", f"{found.trouble * 1e3:.0f}")]
    print_table(("To all others' copies", "ms"), rows, "")
    say()
    say(", ".join(f"{number} {name.replace('_', ' ')}" for name, number in numbers.items()) + ".")
    say(f"The trouble takes {found.ratio:.2f} times the usual time; who is delayed most waits {found.most_ratio:+.1%} of it longer.")


def _bench_contacts(members: int, keep: Path, as_json: bool) -> None:
    with Progress(transient=True, console=Console(stderr=True), disable=as_json) as progress:
        task = progress.add_task("keys, then the list, then mailings", total=members + 2)
        found = contacts.measure_contacts(keep, members, lambda n: progress.advance(task, n))
    if as_json:
        print_json(dataclasses.asdict(found))
        return
    rows = [(step, f"{seconds * 1e3:.0f}", f"{seconds * 1e3 / members:.3f}") for step, seconds in found.seconds.items()]
    print_table((f"{found.members} members of {found.cctlds} ccTLDs", "ms", "ms per member"), rows, "")
    say()
    parts = ", ".join(f"{name} {octets / 1e6:.1f}" for name, octets in found.parts.items())
    left_out = f"; left out: {', '.join(found.left_out)}" if found.left_out else ""
    say(f"A copy has {found.octets / 1e6:.1f} MB; of that: {parts}{left_out}.")


def _bench_log(statements: int, keep: Path, as_json: bool) -> None:
    with Progress(transient=True, console=Console(stderr=True)) as progress:
        task = progress.add_task("keys", total=None)

        def show(what: str, done: int, of: int) -> None:
            progress.update(task, description=what, completed=done, total=of or None)

        found = log.measure_log(keep, statements, show)
    if as_json:
        print_json(dataclasses.asdict(found) | {"ratio": found.ratio})
        return
    rows = [*found.rows, log.Row("log verify", 0, found.cpu), log.Row("beside: gpg --verify, nothing else", statements, found.bare_gpg)]
    table = [(row.what, row.calls or "", f"{row.seconds:.2f}", f"{row.seconds * 1e3 / statements:.2f}") for row in rows]
    print_table((f"{statements} statements, {found.entries} entries", "calls", "CPU s", "ms per statement"), table, "")
    say()
    say(f"log verify took {found.seconds:.1f} s on one core, {found.ratio:.1f} times the CPU time of gpg alone.")


def _measured(town: Installation, people: People, members: int, size: int, sink: Sink) -> list[Row]:
    fingerprints = people.fingerprints()
    signer = fingerprints[member_addresses(1)[0][0]]
    posts = [measure.post_of(people, town, signer, size) for _ in range(2 * measure.ROUNDS + 2)]
    measure.deliver(town)
    taken = measure.steps(town, posts[measure.ROUNDS + 1 :])
    with measure.server(town) as port:
        ways = [measure.whole_way(port, sink, post, members) for post in posts[: measure.ROUNDS + 1]][1:]
    accepted, delivered = (statistics.median(values) for values in ((w.accepted for w in ways), (w.delivered for w in ways)))
    recipients = [fingerprints[address] for address, _ in member_addresses(members)]
    content = secrets.token_bytes(size)
    gpg = beside.gpg_per_member(people, signer, recipients, content)
    rows = [*taken.items(), ("whole way: DATA to our 250", accepted), ("whole way: DATA to the sink's last 250", delivered)]
    rows += [("one gpg process per member", gpg * members), ("OpenSSL's bare operation", beside.openssl_limit() * members)]
    return [Row(what, seconds * 1e3, seconds * 1e3 / members) for what, seconds in rows]
