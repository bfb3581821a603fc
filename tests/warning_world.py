"""A list whose people have keys that end, and a clock that the tests move: rounds of warnings, and what people do with their letters."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from people import Somebody
from sqlalchemy import delete, select
from statement_mails import PLAIN, REQUEST, mail, multipart, part
from town import Town
from welcome_world import DAY, Letter
from welcome_world import World as Welcoming

from securelist.installation import Installation
from securelist.store.database import reading, writing
from securelist.store.schema_upkeep import WarningRow
from securelist.upkeep.warnings import Warnings


class World(Welcoming):
    """One list and its people; each looks at their mailbox with `new`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._read: dict[str, int] = {}

    def warn(self, at: int) -> None:
        """A round of warnings, as a process that has just been started makes it; and one more, which finds nothing to do."""
        self.now = at
        for _ in range(2):
            Warnings(Installation(self.town.home)).round(at)

    def new(self, to: Somebody) -> list[Letter]:
        """The letters that came since the last look."""
        mails, before = self.delivered(to), self._read.get(to.address, 0)
        self._read[to.address] = len(mails)
        return [self._opened(mail) for mail in mails[before:]]

    def told(self, *whom: Somebody, ends: int, days: float) -> list[int]:
        """How many letters each of them got in a round so many days before `ends`."""
        self.warn(round(ends - days * DAY))
        return [len(self.new(who)) for who in whom]

    def ends(self, who: Somebody) -> int:
        """When the key of somebody in the log ends."""
        found = self.house.membership().certificates[who.fingerprint].primary.expires
        assert found
        return found

    def remembered(self) -> int:
        """How many warnings the table holds."""
        with reading(self.house.engine) as connection:
            return len(connection.execute(select(WarningRow.__table__)).all())

    def forget(self) -> None:
        """As if the process had been killed between its letters and its notes of them."""
        with writing(self.house.engine) as connection:
            connection.execute(delete(WarningRow))

    def expires(self, who: Somebody) -> int:
        """When the membership of a member ends."""
        return next(one.expires for one in self.house.membership().members(int(time.time())) if one.fingerprint == who.fingerprint)

    # --- what people do with a letter --------------------------------------------------------------------------------------

    def type_(self, lines: str, folder: Path, home: Path | None = None) -> None:
        """Types the lines of a letter into a shell, in a folder of one's own, with one's own gpg."""
        quiet = folder / "bin"
        quiet.mkdir(exist_ok=True)
        (quiet / "gpg").write_text('#!/bin/sh\nexec /usr/bin/gpg --batch --yes --no-tty --trust-model always --passphrase "" "$@"\n')
        (quiet / "gpg").chmod(0o755)
        environment = os.environ | {"PATH": f"{quiet}:{os.environ['PATH']}", "GNUPGHOME": str(home or self.town.people.home)}
        done = subprocess.run(["sh", "-e", "-c", lines], cwd=folder, env=environment, capture_output=True, check=False)
        assert done.returncode == 0, (lines, done.stderr)

    def mail(self, who: Somebody, text: str, *files: Path) -> dict[str, object]:
        """The verdict on a mail to LIST-request with a text that somebody signs, and files attached."""
        attached = [part("application/octet-stream", file.read_bytes(), "base64", file.name) for file in files]
        octets = mail(who, multipart(part(PLAIN, self.town.people.clearsign(who, text)), *attached))
        return self.town.judge(octets, "submit", "--rcpt", REQUEST)


def commands(text: str, beginning: str) -> str:
    """The lines for copying in a letter, from the first that begins so to the end of that paragraph."""
    found = re.search(rf"^    {re.escape(beginning)}.*(?:\n    .+)*", text, re.MULTILINE)
    assert found, text
    return found[0]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where somebody saves what a letter is about; its path is short, because a gpg-agent's socket may lie in it."""
    made = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def until(days: int) -> str:
    """The day so many days from now."""
    return f"{datetime.fromtimestamp(time.time() + days * DAY, UTC):%Y-%m-%d}"


@pytest.fixture
def world(town: Town) -> Iterator[World]:
    """The town's list in a folder of its own, at this moment."""
    base = Path(tempfile.mkdtemp(prefix="sl-", dir="/tmp"))
    own = replace(town.copy(base), members=dict(town.members))
    with (own.home / "securelist.toml").open("a") as file:
        file.write("members_per_cctld = 9\n")
    yield World(own)
    own.close()
    shutil.rmtree(base, ignore_errors=True)
