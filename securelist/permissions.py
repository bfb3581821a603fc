"""Who may read and change what lies in the state directory: the rules, and what to type where one is broken.

The directory has to be the running user's, and nobody else's to look into. Inside it, what is secret (the list's key, the secret
behind Message-IDs and tokens, the database, the configuration) is for that user alone; what decides whom we trust or what we
write (the trust roots, letters) may be read by others and belong to root, too, but changed by nobody else. What lies beside the
database as a copy of it is for nobody else to read, but keeps nothing from starting: no command opens it.
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
_DATABASE = tuple(f"securelist.db{ending}" for ending in ("", "-wal", "-shm", "-journal"))
SECRET = ("securelist.toml", *_DATABASE, "secret", "gnupg", "gnupg/private-keys-v1.d/**/*", "gnupg/openpgp-revocs.d/*")
GUARDED = ("gnupg/*", "roots", "roots/*")
COPIES = ("securelist.db*",)


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


@dataclass(frozen=True)
class Rule:
    """What has to be true of a file: the bits that its mode must not have, what they would allow, and what chmod takes them away.

    It belongs to the running user, or with `of_root` to root: who is root can do anything anyway. `grave` as in Fault.
    """

    forbidden: int
    allowed: str
    chmod: str
    of_root: bool = True
    grave: bool = True

    def trusts(self, uid: int) -> bool:
        """Whether the file may belong to that user."""
        return uid == os.geteuid() or (self.of_root and uid == _ROOT)


# Root's own secret file could not be read by the service: it is not trust that is lacking.
_FOR_US_ALONE = Rule(_ANYTHING, "others can read it", "go=", of_root=False)
_CHANGED_BY_NOBODY = Rule(_WRITE, "others can change it", "go-w")
_READ_BY_NOBODY = Rule(_ANYTHING, "others can read it", "go=", grave=False)


def check(faults: Iterable[Fault]) -> None:
    """Raises NotPermitted for the first grave one."""
    for fault in faults:
        if fault.grave:
            raise NotPermitted(fault.reason, f"{fault.sentence}; {fault.mend}")


def of_home(home: Path) -> Iterator[Fault]:
    """Every rule that is broken in a state directory and above it; none if it does not exist.

    Where it is not ours, that alone: whatever else were told, and done, would be from the wrong user's point of view.
    """
    try:
        facts = home.stat()
    except PermissionError:
        yield _out_of_reach(home)
        return
    except (FileNotFoundError, NotADirectoryError):
        return
    place = home.resolve()
    if facts.st_uid != os.geteuid():
        yield _of_somebody_else(place, facts.st_uid)
        return
    yield from _of_directory(place, facts)
    yield from _of_parents(place)
    strict = _found(place, SECRET)
    yield from _of_files(strict, _FOR_US_ALONE)
    yield from _of_files(_found(place, GUARDED), _CHANGED_BY_NOBODY)
    yield from _of_files([path for path in _found(place, COPIES) if path not in strict], _READ_BY_NOBODY)


def of_letters(folder: Path) -> Iterator[Fault]:
    """Every rule that is broken in a folder of letters; none if it does not exist."""
    try:
        exists = folder.exists()
    except PermissionError:
        yield _out_of_reach(folder)
        return
    if exists:
        place = folder.resolve()
        letters = (path for letter in sorted(place.glob("*.txt")) for path in _behind(letter))
        yield from _of_files(dict.fromkeys([place, *letters]), _CHANGED_BY_NOBODY)


def _behind(letter: Path) -> list[Path]:
    """The letter; for a link straight to one (into a checkout, say) that one and its folder, which together are as good.

    Over a second link the way would lead through more folders, in which somebody could turn it.
    """
    if letter.is_symlink():
        target = os.path.normpath(letter.parent / letter.readlink())
        if target == os.path.realpath(letter):
            return [Path(target).parent, Path(target)]
    return [letter]


# --- directories -------------------------------------------------------------------------------------------------------


def _of_somebody_else(home: Path, uid: int) -> Fault:
    """What another user writes in it, the service could not read or write any more; a backup that root restored is root's."""
    owner, ours, path = _name(uid), _name(os.geteuid()), shlex.quote(str(home))
    # Root must not take the service's directory from it: whom to give it to, they have to say.
    whose = "USER, the one that the service runs as:" if os.geteuid() == _ROOT else f"{ours}:"
    again = f"run this command as {owner} (runuser -u {owner} -- securelist --home {path} …)"
    restored = f"if a backup was restored, give it to {whose} chown -R {'USER' if os.geteuid() == _ROOT else ours} {path}"
    return Fault(home, f"belongs to the user {owner}, and this command is run by {ours}", f"{again}, or {restored}", reason="not-ours")


def _out_of_reach(place: Path) -> Fault:
    ours = _name(os.geteuid())
    mend = f"run this command as the user that the list belongs to, or let {ours} enter the folders above"
    return Fault(place, f"lies where the user {ours} may not look", mend, reason="not-ours")


def _of_directory(home: Path, facts: os.stat_result) -> Iterator[Fault]:
    mend = f"run: chmod 700 {shlex.quote(str(home))}"
    if facts.st_mode & _ANYTHING:
        yield Fault(home, "can be entered by others", mend, reason="open-home")
    elif not os.access(home, os.R_OK | os.X_OK):
        yield Fault(home, "cannot be entered by its own user", mend, reason="closed-home")


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


# --- files -------------------------------------------------------------------------------------------------------------


def _found(home: Path, patterns: Iterable[str]) -> list[Path]:
    return sorted({path for pattern in patterns for path in home.glob(pattern)})


def _of_files(paths: Iterable[Path], rule: Rule) -> Iterator[Fault]:
    for path in paths:
        try:
            facts = path.lstat()
        except FileNotFoundError:  # SQLite and gpg-agent remove files at any time
            continue
        except PermissionError:  # what a letter's link leads to
            yield _out_of_reach(path)
            continue
        if stat.S_ISLNK(facts.st_mode):
            advice = f"put there what it leads to, instead of a link: {shlex.quote(os.path.realpath(path))}"
            yield Fault(path, "is a symbolic link: what it leads to is not guarded", advice, rule.grave, "symbolic-link")
        elif stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode):
            yield from _of_file(path, facts, rule)


def _of_file(path: Path, facts: os.stat_result, rule: Rule) -> Iterator[Fault]:
    ours, name = _name(os.geteuid()), shlex.quote(str(path))
    if not rule.trusts(facts.st_uid):
        yield Fault(path, f"belongs to the user {_name(facts.st_uid)}", f"run: chown {ours} {name}", rule.grave, "not-ours")
    elif facts.st_mode & rule.forbidden:
        yield Fault(path, f"is open: {rule.allowed}", f"run: chmod {rule.chmod} {name}", rule.grave)


def _name(uid: int) -> str:
    try:
        return getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
