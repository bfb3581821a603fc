"""A list whose people have details that must be nowhere in public, and its site as it was published."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from contacts_world import crowd
from people import People
from town import Town, found_town

from securelist.cctld.cctlds import Region, cctlds
from securelist.openpgp.admission import read_certificate
from securelist.site.facts import Facts, Part
from securelist.site.folder import publish
from securelist.site.months import Month
from securelist.site.whole import site as site_of

SECRETS = ("Zacharias", "Quillfeather", "zq7", "5550199", "Hidden Registry", "Xenia", "Wolfsbane")
"""Parts of the members' and the Admin Contact's details: none of them can come from anywhere else."""
NAME_OF_LIST = '<b onclick="x()">TLD & "Ops"</b>'


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


@pytest.fixture(scope="module")
def known_town(people: People, base: Path) -> Iterator[Town]:
    """A list with two members for .nl whose details are told by SECRETS, and an Admin Contact for .br without any member."""
    made = found_town(people, base)
    phone, home = "+31 6 5550199", "Hidden Registry"
    for name in ("Zacharias Quillfeather", "Xenia Wolfsbane"):
        who = people.make(name, f"zq7-{name[0].lower()}-{base.name}@nl.example")
        made.submit(made.admin, made.statement("attest-ssc", who, Phone=phone, Organisation=home), who.certificate)
    other = people.make("Xenia Quillfeather", f"zq7-{base.name}@br.example")
    made.submit(made.root, made.statement("appoint-admin-contact", other, tld="br", Phone=phone), other.certificate)
    yield made
    made.close()


@pytest.fixture(scope="module")
def site(known_town: Town, base: Path) -> Path:
    """Its site."""
    known_town.run("publish", str(base / "site"))
    return base / "site"


def full(folder: Path, octets: bytes) -> Path:
    """The site of a list of 300 ccTLDs and 900 members, five years old, whose certificate is in these octets."""
    crowded, here = crowd(), {one.cctld for one in crowd().contacts}
    parts = []
    for region in Region:
        known = [one for one in cctlds().values() if one.region is region]
        members = sum(one.cctld.region is region for one in crowded.contacts)
        there = tuple(one for one in known if one in here)
        parts.append(Part(region, region.shown, there, tuple(one for one in known if one not in here), members))
    past = tuple(Month(2022 + i // 12, i % 12 + 1, 300 * (i + 1) // 60, 900 * (i + 1) // 60) for i in range(60))
    told = Facts(crowded.name, crowded.list, 3, crowded.at, tuple(parts), past, True, read_certificate(octets))
    publish(site_of(told), folder, folder.parent / "home")
    return folder


@contextlib.contextmanager
def web(folder: Path) -> Iterator[str]:
    """The folder on a web server on the loopback interface, by HTTP: its URL."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
