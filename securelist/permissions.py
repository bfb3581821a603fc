"""Who may read and change what lies in the state directory: the rules, and what to type where one is broken.

The directory has to be the running user's, and nobody else's to look into. Inside it, what is secret (the list's key, the secret
behind Message-IDs and tokens, the database, the configuration) is for that user alone; what decides whom we trust or what we
write (the trust roots, letters) may be read by others and belong to root, too, but changed by nobody else.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from pwd import getpwuid

from securelist.errors import NotPermitted

# Bits of a file's mode (inode(7)): anything for group and others; to write, for group and others; to write, for others.
_ANYTHING, _WRITE, _WRITE_BY_ALL = 0o077, 0o022, 0o002
_ROOT = 0
SECRET = ("securelist.toml", "securelist.db*", "secret", "gnupg", "gnupg/private-keys-v1.d/**/*", "gnupg/openpgp-revocs.d/*")
GUARDED = ("gnupg/*", "roots", "roots/*")


@dataclass(frozen=True)
class Fault:
    """One rule that is broken: the path, one clause that says how, and the command that mends it.

    `grave` ones keep every command from starting; of the others `securelist doctor` tells.
    """

    path: Path
    what: str
    mend: str
    grave: bool = True
    reason: str = "open-file"

    @property
    def sentence(self) -> str:
        """What is wrong, with its path."""
        return f"{self.path} {self.what}"


def check(faults: Iterable[Fault]) -> None:
    """Raises NotPermitted for the first grave one."""
    for fault in faults:
        if fault.grave:
            raise NotPermitted(fault.reason, f"{fault.sentence}; {fault.mend}")


def of_home(home: Path) -> Iterator[Fault]:
    """Every rule that is broken in a state directory and above it; none if it does not exist."""
    if not home.exists():
        return
    place = home.resolve()
    yield from _of_directory(place)
    yield from _of_parents(place)
    yield from _of_files(_found(place, SECRET), _ANYTHING, "others can read")
    yield from _of_files(_found(place, GUARDED), _WRITE, "others can change")


def of_letters(folder: Path) -> Iterator[Fault]:
    """Every rule that is broken in a folder of letters; none if it does not exist."""
    if folder.exists():
        place = folder.resolve()
        yield from _of_files([place, *sorted(place.glob("*.txt"))], _WRITE, "others can change")


def _of_directory(home: Path) -> Iterator[Fault]:
    facts = home.stat()
    if facts.st_uid != os.geteuid():
        # What another user writes here, the service could not read or write any more.
        owner, ours = _name(facts.st_uid), _name(os.geteuid())
        again = f"run this command as that user: runuser -u {owner} -- securelist --home {shlex.quote(str(home))} …"
        yield Fault(home, f"belongs to the user {owner}, and this command is run by {ours}", again, reason="not-ours")
    elif facts.st_mode & _ANYTHING:
        yield Fault(home, "can be entered by others", f"run: chmod 700 {shlex.quote(str(home))}", reason="open-home")


def _of_parents(home: Path) -> Iterator[Fault]:
    """Whoever can rename a directory above can put another state directory in this one's place (as sshd's StrictModes)."""
    for parent in reversed(home.parents):
        facts, path = parent.stat(), shlex.quote(str(parent))
        if facts.st_mode & stat.S_ISVTX:  # as /tmp: nobody renames what is another's
            continue
        if facts.st_mode & _WRITE_BY_ALL:
            yield Fault(parent, "can be changed by everybody, who could put another list there", f"run: chmod o-w {path}")
        elif facts.st_mode & _WRITE and facts.st_gid != _ROOT:
            # A user's own group, on Debian; who else is in it we do not know.
            yield Fault(parent, "can be changed by its group, who could put another list there", f"run: chmod g-w {path}", grave=False)
        if facts.st_uid not in (_ROOT, os.geteuid()):
            what = f"belongs to the user {_name(facts.st_uid)}, who could put another list there"
            yield Fault(parent, what, f"run: chown root {path}", grave=False)


def _found(home: Path, patterns: Iterable[str]) -> list[Path]:
    return sorted({path for pattern in patterns for path in home.glob(pattern)})


def _of_files(paths: Iterable[Path], forbidden: int, who: str) -> Iterator[Fault]:
    for path in paths:
        try:
            facts = path.lstat()
        except FileNotFoundError:  # SQLite and gpg-agent remove files at any time
            continue
        if stat.S_ISLNK(facts.st_mode):
            advice = "put there what it leads to, instead of a link"
            yield Fault(path, "is a symbolic link: what it leads to is not guarded", advice, reason="symbolic-link")
        elif stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode):
            yield from _of_file(path, facts, forbidden, who)


def _of_file(path: Path, facts: os.stat_result, forbidden: int, who: str) -> Iterator[Fault]:
    ours, name = os.geteuid(), shlex.quote(str(path))
    trusted = {ours} if forbidden == _ANYTHING else {ours, _ROOT}
    if facts.st_uid not in trusted:
        yield Fault(path, f"belongs to the user {_name(facts.st_uid)}", f"run: chown {_name(ours)} {name}", reason="not-ours")
    elif facts.st_mode & forbidden:
        bits = "go=" if forbidden == _ANYTHING else "go-w"
        yield Fault(path, f"is open: {who} it", f"run: chmod {bits} {name}")


def _name(uid: int) -> str:
    try:
        return getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
