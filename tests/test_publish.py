"""The public site of a real list: what is in it, what is never in it, and that it is the same as long as nothing changes."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from pathlib import Path

import html5lib
import pytest
from browser_world import html_problems
from people import People
from publish_world import NAME_OF_LIST, SECRETS, known_town, site, tree  # noqa: F401  fixtures
from town import LIST, SECURELIST, Town

from securelist.openpgp.certificate import grouped
from securelist.site.page import POLICY

HU = ".well-known/openpgpkey/"


def element_tree(octets: bytes):
    return html5lib.parse(octets, transport_encoding="utf-8", namespaceHTMLElements=False)


def test_the_site_is_whole_and_everybody_may_read_it(known_town: Town, site: Path):
    """Page, style, icon, certificate, counts and both methods' directories; readable though the process lets nobody read its files."""
    assert {path for path in tree(site) if "/hu/" not in path} == {
        "index.html", "style.css", "icon.svg", "list.asc", "coverage.json", "coverage.csv", ".securelist-site",
        f"{HU}policy", f"{HU}lists.example.org/policy",
    }  # fmt: skip
    assert site.stat().st_mode & 0o777 == 0o755
    assert {(entry.is_dir(), entry.stat().st_mode & 0o777) for entry in site.rglob("*")} == {(True, 0o755), (False, 0o644)}


def test_the_directory_holds_the_certificate_under_the_names_that_gpg_asks_for(known_town: Town, site: Path):
    """Binary, for the list's address and for LIST-request, by both methods, beside an empty policy file."""
    files = tree(site)
    found = {path: octets for path, octets in files.items() if "/hu/" in path}
    names = names_by_gpg(known_town)
    assert len(names) == 2
    assert sorted(found) == sorted(f"{HU}{domain}hu/{name}" for name in names for domain in ("", "lists.example.org/"))
    shown = known_town.people.gpg("--with-colons", "--show-keys", data=next(iter(found.values()))).decode()
    assert known_town.key in shown
    assert len(set(found.values())) == 1
    assert files["list.asc"].replace(b"\r\n", b"\n") == known_town.run("key", "show", "--armor")
    assert (files[f"{HU}policy"], files[f"{HU}lists.example.org/policy"]) == (b"", b"")


def names_by_gpg(town: Town) -> list[str]:
    """The names of the addresses in the list's certificate, as GnuPG computes them."""
    return re.findall(r"^\s+([a-z0-9]{32})@lists\.example\.org$", town.people.gpg("--with-wkd-hash", "-k", town.key).decode(), re.MULTILINE)


def test_nothing_of_a_person_is_published(site: Path):
    """No name, address, number or organisation of a member or an Admin Contact is in any file, nor in the name of one."""
    for path, octets in tree(site).items():
        for secret in (*SECRETS, "Admin NL", "@nl.example", "@br.example", "@ccnso.example"):
            assert secret.lower() not in path.lower(), path
            assert secret.lower().encode() not in octets.lower(), (path, secret)


def test_no_member_is_known_by_their_key(known_town: Town, site: Path):
    """The only fingerprint is the list's own."""
    every = set(re.findall(r"\b[0-9A-F]{40}\b", (site / "index.html").read_text().replace(" ", "")))
    assert grouped(known_town.key) in (site / "index.html").read_text()
    assert every <= {known_town.key}
    fingerprints = [str(member["fingerprint"]) for member in known_town.listed()]
    assert len(fingerprints) == 2
    assert not [path for path, octets in tree(site).items() for one in fingerprints if one.encode() in octets]


def test_it_says_for_which_cctlds_somebody_is_here(site: Path):
    """.nl has members; .br has an Admin Contact alone and is not yet on the list. Page, JSON and CSV say the same."""
    rows = {row["cctld"]: row["on_the_list"] for row in csv.DictReader((site / "coverage.csv").read_text().splitlines())}
    assert (rows["nl"], rows["br"], rows["xn--p1ai"], len(rows)) == ("yes", "no", "no", 309)
    said = json.loads((site / "coverage.json").read_bytes())
    assert {row["cctld"]: "yes" if row["on_the_list"] else "no" for row in said["cctlds"]} == rows
    europe = next(row for row in said["regions"] if row["region"] == "EUR")
    assert (europe["on_the_list"], europe["members"], said["months"][-1]["members"], said["months"][-1]["cctlds"]) == (1, 2, 2, 1)
    page = element_tree((site / "index.html").read_bytes())
    here = ["".join(item.itertext()) for ul in page.iter("ul") if ul.get("class") == "tlds here" for item in ul.iter("li")]
    assert here == [".nl"]


def test_publishing_again_changes_not_an_octet(known_town: Town, site: Path):
    """As long as nothing changes the files are the same, and keep their dates."""
    before = {path: (octets, (site / path).stat().st_mtime_ns) for path, octets in tree(site).items() if path != ".securelist-site"}
    assert b" 0 new or changed" in known_town.run("publish", str(site))
    assert {path: (octets, (site / path).stat().st_mtime_ns) for path, octets in tree(site).items() if path in before} == before


def test_the_page_can_do_nothing_but_show_its_style_and_its_icon(site: Path):
    """It carries the policy; no script, style or handler stands in it; it leads nowhere but to its own files and to mail."""
    page = element_tree((site / "index.html").read_bytes())
    metas = {meta.get("http-equiv") or meta.get("name"): meta.get("content") for meta in page.iter("meta")}
    assert metas["Content-Security-Policy"] == POLICY
    assert metas["referrer"] == "no-referrer"
    assert "'unsafe-" not in POLICY and "default-src 'none'" in POLICY
    assert not [one.tag for one in page.iter() if one.tag in ("script", "style", "iframe", "object", "embed", "form", "base")]
    assert not [name for one in page.iter() for name in one.attrib if str(name).startswith("on") or name == "style"]
    led_to = {one.get(name) for one in page.iter() for name in ("href", "src") if one.get(name)}
    assert {link for link in led_to if not link.startswith(("#", "mailto:"))} == {
        "style.css", "icon.svg", "list.asc", "coverage.csv", "coverage.json"
    }  # fmt: skip
    assert "url(" not in (site / "style.css").read_text()


def test_the_page_is_valid_html(site: Path):
    """The HTML standard's parser, which mends nothing in strict mode, has no complaint."""
    assert html_problems((site / "index.html").read_bytes()) == []


def test_a_name_of_the_list_that_is_markup_is_shown_as_it_is(known_town: Town, base: Path):
    """Whatever the configuration calls the list, it comes out as text."""
    other = known_town.copy(base / "named")
    with (other.home / "securelist.toml").open("a") as settings:
        settings.write(f"name = '{NAME_OF_LIST}'\n")
    other.run("publish", str(base / "named" / "site"))
    octets = (base / "named" / "site" / "index.html").read_bytes()
    page = element_tree(octets)
    assert html_problems(octets) == []
    assert next(page.iter("h1")).text == NAME_OF_LIST
    assert not list(page.iter("b"))
    other.close()


def test_a_list_that_is_not_founded_has_no_site(people: People, base: Path):
    """The command says what is missing, and writes nothing."""
    root = people.make("Secretariat", f"early-{base.name}@ccnso.example")
    (base / "early.asc").write_bytes(root.certificate)
    home = base / "early"
    subprocess.run([SECURELIST, "--home", str(home), "init", LIST, "--root", str(base / "early.asc")], check=True, capture_output=True)
    done = subprocess.run([SECURELIST, "--home", str(home), "publish", str(base / "none")], capture_output=True, text=True, check=False)
    subprocess.run(["gpgconf", "--homedir", str(home / "gnupg"), "--kill", "all"], check=False, capture_output=True)
    assert (done.returncode, "not-founded" in done.stderr, (base / "none").exists()) == (65, True, False)


@pytest.mark.parametrize("where", ["home", "home/www", "."])
def test_the_state_directory_is_never_shown_to_a_web_server(known_town: Town, base: Path, where: str):
    """Not itself, not a folder in it, not one that holds it; nothing is written there."""
    before = set(known_town.home.iterdir())
    done = subprocess.run(
        [SECURELIST, "--home", str(known_town.home), "publish", str(base / where)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "(state-directory)" in done.stderr) == (64, True)
    assert {path.name for path in set(known_town.home.iterdir()) ^ before} <= {"securelist.db-wal", "securelist.db-shm"}
    assert not (base / ".securelist-site").exists()
