"""The folder of a web server: files put there one by one, each whole or not at all, and what a former publication left taken away.

The folder's marker lists what is ours in it. Nothing else there is ever changed.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from securelist.errors import TryAgain, UsageError

MARKER = ".securelist-site"
# Where a file is written before it takes its place. One for all: what a killed process left of it, the next one overwrites.
_NEW = ".securelist-new"
_HEAD = "Made by securelist publish. These files are replaced and removed by it; all others are left alone:"
_FILE, _FOLDER = 0o644, 0o755  # a web server reads them, as another user than ours


def publish(files: Mapping[str, bytes], folder: Path, home: Path) -> int:
    """Makes `folder` hold these files (by path, the last one to be put there last); returns how many are new or changed.

    Raises UsageError where the folder is not ours to write to, or has to do with the state directory `home`; TryAgain("publishing").
    """
    _check_apart(folder, home)
    if os.path.lexists(folder) and not folder.is_dir():
        raise UsageError("no-folder", f"{folder} is no folder, nor a link that leads to one; name a folder, or take that away first")
    if not folder.is_dir():
        folder.mkdir(mode=_FOLDER)
        folder.chmod(_FOLDER)
    with _alone(folder):
        # 1. what is ours there, and whether anything is in the way
        former = _former(folder)
        _check_free(folder, [*files, *former], frozenset(former))
        # 2. before anything is written, the marker has it: whoever is killed leaves nothing that nobody owns
        _put(folder, MARKER, _marked([*former, *files]))
        changed = sum([_put(folder, path, octets) for path, octets in files.items()])
        # 3. what is no longer there
        for path in sorted(set(former).difference(files)):
            _remove(folder, path)
        _put(folder, MARKER, _marked(files))
        return changed


def _check_apart(folder: Path, home: Path) -> None:
    """A web server must not be shown the state directory, whichever of the two holds the other."""
    there, state = _resolved(folder), _resolved(home)
    if there == state or state in there.parents:
        raise UsageError("state-directory", f"{folder} is in the state directory, which nobody else may read; name a folder elsewhere")
    if there in state.parents:
        raise UsageError("state-directory", f"{folder} holds the state directory, which nobody else may read; name a folder of its own")


def _resolved(path: Path) -> Path:
    """The path without links; raises UsageError where a link leads back to itself."""
    try:
        return path.resolve()
    except (RuntimeError, OSError):
        raise UsageError("no-folder", f"{path}: a link in this path leads back to itself; name a folder, or mend the link") from None


def closed_to_others(folder: Path) -> Path | None:
    """The folder, or the outermost one around it, that a user like a web server's cannot enter; None if they can.

    One that is open to another group than ours was opened on purpose, and counts as open.
    """
    there = folder.resolve()
    return next((one for one in (*reversed(there.parents), there) if _is_closed(one)), None)


def _is_closed(folder: Path) -> bool:
    status = folder.stat()
    by_group = status.st_mode & stat.S_IXGRP and status.st_gid != os.getegid()
    return not (status.st_mode & stat.S_IXOTH or by_group)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No other process publishes into the folder meanwhile."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise TryAgain("publishing", f"another `securelist publish` is writing into {folder}; try again when it is done") from None
    finally:
        os.close(opened)


def _former(folder: Path) -> list[str]:
    """The paths that a former publication left there, by its marker."""
    marker = folder / MARKER
    if not os.path.lexists(marker):
        if {entry.name for entry in folder.iterdir()} - {_NEW}:
            raise UsageError(
                "not-empty", f"{folder} is not empty, and securelist did not make what is in it; name an empty folder or a new one"
            )
        return []
    lines = marker.read_text(encoding="utf-8", errors="replace").splitlines() if stat.S_ISREG(marker.lstat().st_mode) else []
    if lines[:1] != [_HEAD] or not all(map(_is_inside, lines[1:])):
        raise UsageError("bad-marker", f"{marker} is not as securelist wrote it; empty the folder, and publish again")
    return lines[1:]


def _is_inside(path: str) -> bool:
    parts = path.split("/")
    return path.isprintable() and not {"", ".", ".."}.intersection(parts)


def _marked(paths: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in (_HEAD, *sorted(set(paths)))).encode()


def _check_free(folder: Path, paths: Iterable[str], ours: frozenset[str]) -> None:
    """Raises UsageError where something that is not ours has the place of a file, or of a folder of one."""
    for path in paths:
        file = folder / path
        if os.path.lexists(file) and (path not in ours or not _is(file, stat.S_ISREG)):
            raise UsageError("in-the-way", f"{file} was not made by securelist, and has the place of a file of the site; move it away")
        for parent in _folders(folder, path):
            if os.path.lexists(parent) and not _is(parent, stat.S_ISDIR):
                raise UsageError("in-the-way", f"{parent} is no folder, and has the place of one of the site; move it away")


def _is(path: Path, kind: Callable[[int], bool]) -> bool:
    return kind(path.lstat().st_mode)


def _folders(folder: Path, path: str) -> list[Path]:
    """The folders between the web server's and a file, the outermost first."""
    return [folder / parent for parent in reversed(PurePosixPath(path).parents[:-1])]


def _put(folder: Path, path: str, octets: bytes) -> bool:
    """Puts a file in its place, in one step for whoever reads it; returns whether it was another before."""
    file = folder / path
    if _is_same(file, octets):
        return False
    for parent in _folders(folder, path):
        with suppress(FileExistsError):
            parent.mkdir()
        if stat.S_IMODE(parent.stat().st_mode) & _FOLDER != _FOLDER:
            parent.chmod(_FOLDER)
    new = folder / _NEW
    new.unlink(missing_ok=True)
    with new.open("xb") as written:
        os.fchmod(written.fileno(), _FILE)
        written.write(octets)
        written.flush()
        os.fsync(written.fileno())
    new.replace(file)
    return True


def _is_same(file: Path, octets: bytes) -> bool:
    """Whether it is as it should be; then it keeps its date, and those who have it need not fetch it again."""
    if not os.path.lexists(file):
        return False
    return stat.S_IMODE(file.lstat().st_mode) == _FILE and file.read_bytes() == octets


def _remove(folder: Path, path: str) -> None:
    """Takes away a file, and the folders that are empty without it."""
    (folder / path).unlink(missing_ok=True)
    for parent in reversed(_folders(folder, path)):
        with suppress(OSError):  # something else is in it
            parent.rmdir()
