"""A list whose people have keys that end, and a clock that the tests move: rounds of warnings, and what people do with their letters."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from people import Somebody
from sqlalchemy import select
from statement_mails import PLAIN, REQUEST, mail, multipart, part
from welcome_world import DAY, Letter
from welcome_world import World as Welcoming

from securelist.installation import Installation
from securelist.store.database import reading
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
