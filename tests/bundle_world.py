"""A Regional Organisation beside a list: a gpg of its own and JSON, nothing of the product; and what it is given to read and to send."""

from __future__ import annotations

import copy
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from mail_client import GnuPG
from people import People, Somebody
from town import Town, found_town

SCHEMA: dict[str, Any] = json.loads(files("securelist.contacts").joinpath("bundle.schema.json").read_text())
ADDRESS = "contacts@regional.example"
# One contact as a Regional Organisation has it, without a certificate.
EMMA = {
    "cctld": "be", "name": "Emma Peeters", "emails": ["emma@be.example", "noc@be.example"], "phones": ["+32 2 555 0101"],
    "organisation": "Register of Belgium", "timezone": "Europe/Brussels", "confirmed": "2026-01-02T03:04:05Z",
}  # fmt: skip


def iso(seconds: int) -> str:
    """A time as bundles have it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Regional:
    """A Regional Organisation: its key, and what it does with gpg."""

    def __init__(self, name: str) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
        self.home.chmod(0o700)
        self.gpg = GnuPG(self.home)
        self.fingerprint = self.gpg.make_key(f"{name} <{ADDRESS}>")
        self.certificate = self.gpg("--armor", "--export", self.fingerprint).stdout
        (self.home / "certificate.asc").write_bytes(self.certificate)

    @property
    def file(self) -> str:
        """Where its certificate lies."""
        return str(self.home / "certificate.asc")

    def knows(self, town: Town) -> None:
        """It has the certificate of a list."""
        self.gpg("--import", data=town.run("key", "show", "--armor"))

    def opened(self, octets: bytes) -> tuple[dict[str, Any], str]:
        """(the document, gpg's status lines) of a bundle."""
        done = self.gpg("--decrypt", data=octets)
        return json.loads(done.stdout), done.stderr.decode(errors="replace")

    def document(self, recipient: str, *contacts: object, ago: int = 0, **other: object) -> dict[str, Any]:
        """A document of version 1 for a recipient (fingerprint), made so many seconds ago."""
        source = {"address": ADDRESS, "fingerprint": self.fingerprint}
        head = {"securelist-bundle": 1, "source": source, "made": iso(int(time.time()) - ago), "recipient": recipient}
        return {**head, "contacts": list(copy.deepcopy(contacts)), **other}

    def sealed(self, document: object, to: str, *options: str, signed: bool = True) -> bytes:
        """Any document (octets as they are) signed and encrypted to a certificate that it has."""
        octets = document if isinstance(document, bytes) else json.dumps(document).encode()
        signing = ["--local-user", self.fingerprint, "--sign"] if signed else []
        return self.gpg("--armor", *options, "--recipient", to, *signing, "--encrypt", data=octets).stdout

    def close(self) -> None:
        self.gpg.close()
        shutil.rmtree(self.home, ignore_errors=True)


@pytest.fixture(scope="module")
def regional() -> Iterator[Regional]:
    """A Regional Organisation."""
    made = Regional("Region of the Test")
    yield made
    made.close()


def founded(people: People, regional: Regional) -> Iterator[Town]:
    """A list of its own, known to the Regional Organisation."""
    base = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    town = found_town(people, base)
    regional.knows(town)
    yield town
    town.close()
    shutil.rmtree(base, ignore_errors=True)


def attest(town: Town, who: Somebody, **fields: str) -> None:
    """Makes somebody a member for .nl with these details."""
    town.submit(town.admin, town.statement("attest-ssc", who, **fields), who.certificate)
    town.members[who.address] = who
    town.welcomed(who)


def everything(town: Town, folder: Path) -> dict[str, str]:
    """Every form of the repository, as the operator writes them to files: by the file's name."""
    town.run("contacts", "export", "--format", "text,csv,vcard,phone,json,html,openpgp", "--into", str(folder))
    return {file.name: file.read_text() for file in folder.iterdir()}
