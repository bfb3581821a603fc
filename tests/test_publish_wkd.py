"""Somebody's OpenPGP program finds the list's certificate in the published Web Key Directory by itself: real gpg and sq, by real HTTPS."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from publish_world import known_town, site  # noqa: F401  fixtures
from town import LIST, Town
from web_alone import look_up

DOMAIN = "lists.example.org"
METHODS = {"advanced": [f"openpgpkey.{DOMAIN}"], "direct": [DOMAIN]}
ADDRESSES = (LIST, LIST.replace("@", "-request@"))


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("method", METHODS)
def test_gpg_finds_the_lists_certificate_by_its_address(known_town: Town, site: Path, base: Path, method: str, address: str):
    """`gpg --auto-key-locate clear,wkd` gets it from either host, and it is the list's."""
    home = base / f"g-{method}-{len(address)}"
    home.mkdir(mode=0o700)
    (home / "dirmngr.conf").write_text("standard-resolver\n")  # the one that reads /etc/hosts
    gpg = ["gpg", "--homedir", str(home), "--batch", "--with-colons", "--auto-key-locate", "clear,wkd", "--locate-external-keys", address]
    done, asked = look_up(home, site, METHODS[method], gpg)
    assert done.returncode == 0, (done.stderr, asked)
    assert known_town.key in done.stdout
    assert f"<{address}>" in done.stdout
    files = [line.split() for line in asked if "/hu/" in line]
    assert {(host, status) for host, _, status in files} == {(METHODS[method][0], "200")}
    assert all((f"/{DOMAIN}/hu/" in path) is (method == "advanced") for _, path, _ in files)


def test_under_an_address_that_the_certificate_does_not_name_there_is_nothing(site: Path, base: Path):
    """LIST-owner is no user ID of it: a program would refuse it under that address."""
    home = base / "g-none"
    home.mkdir(mode=0o700)
    (home / "dirmngr.conf").write_text("standard-resolver\n")
    owner = LIST.replace("@", "-owner@")
    gpg = ["gpg", "--homedir", str(home), "--batch", "--auto-key-locate", "clear,wkd", "--locate-external-keys", owner]
    done, asked = look_up(home, site, METHODS["direct"], gpg)
    assert done.returncode == 2
    assert [line.split()[2] for line in asked if "/hu/" in line] == ["404"]


@pytest.mark.parametrize("method", METHODS)
def test_sequoia_finds_it_too(known_town: Town, site: Path, base: Path, method: str):
    """`sq wkd get` gets the same."""
    home = base / f"s-{method}"
    home.mkdir(mode=0o700)
    done, asked = look_up(home, site, METHODS[method], ["sq", "wkd", "get", LIST])
    assert done.returncode == 0, (done.stderr, asked)
    shown = subprocess.run(["gpg", "--with-colons", "--show-keys"], input=done.stdout.encode(), capture_output=True, check=True).stdout
    assert known_town.key in shown.decode()
