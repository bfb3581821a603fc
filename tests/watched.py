"""What a program and its children write into files, seen by strace; and a search for plaintext in it, in every dress."""

from __future__ import annotations

import base64
import codecs
import os
import quopri
import re
import select
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

# Longer than anything written at once; a text that strace cuts short all the same counts as unseen.
LONGEST = 1 << 22
PATIENCE_S = 60

WRITES = {"write", "pwrite64", "writev", "pwritev", "pwritev2"}
# Bytes come from where strace does not look: another descriptor, memory that is shared with a file, a queue of orders to
# the kernel. None is used here; one that is would have to be looked at.
UNSEEN = {"sendfile": 0, "copy_file_range": 2, "splice": 2, "mmap": 4}  # with the place of the file written to
UNSEEN_ANYWHERE = {"io_uring_setup", "io_setup", "process_vm_writev"}
# Names and attributes are bytes on a disk, too.
NAMES = {"open", "openat", "openat2", "creat", "mkdir", "mkdirat", "mknod", "mknodat", "setxattr", "lsetxattr", "fsetxattr"}
NAMES |= {"rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"}
LOGS = ("/dev/log", "/run/systemd/journal")

_CALL = re.compile(r"(\w+)\((.*)")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"(\.\.\.)?')
_FILE = re.compile(r"\d+<([^>]*)>")


class Watch:
    """A command and all that it starts, traced into `folder`, one file each.

    Begin the command with `words` and let it inherit `pass_fds`; it stays our own child. `trace()` waits for the last
    of its descendants.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        calls = ",".join(sorted({*WRITES, *UNSEEN, *UNSEEN_ANYWHERE, *NAMES, "connect", "execve"}))
        options = f"-D -ff --seccomp-bpf -y -s {LONGEST} -e signal=none -e trace={calls} -o {folder}/trace"
        # The relay keeps its memory from its own user's tracers, too; in a user namespace of its own strace may look all the same.
        allowed = () if os.geteuid() == 0 else ("unshare", "--map-root-user")
        self.words = (*allowed, "strace", *options.split())
        # Held open by the tracer, which is no child of ours, until it has nothing left to trace.
        self._end, held = os.pipe()
        self.pass_fds = (held,)
        self._folder = folder

    def trace(self) -> Trace:
        """What was traced, once the last process has ended."""
        os.close(self.pass_fds[0])
        ended, _, _ = select.select([self._end], [], [], PATIENCE_S)
        os.close(self._end)
        assert ended, "a traced process lives on"
        return _read(self._folder)


@dataclass
class Trace:
    """Everything written, by the file's path, in the order of each process; and calls whose bytes could not be seen."""

    written: dict[str, bytes]
    unseen: list[str] = field(default_factory=list)
    programs: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, traces: Iterable[Trace]) -> Trace:
        """Several as one."""
        whole = cls({})
        for trace in traces:
            for path, octets in trace.written.items():
                whole.written[path] = whole.written.get(path, b"") + octets
            whole.unseen += trace.unseen
            whole.programs |= trace.programs
        return whole


def _read(folder: Path) -> Trace:
    written: dict[str, bytearray] = defaultdict(bytearray)
    trace = Trace({})
    for file in folder.iterdir():
        for line in file.read_text("ascii").splitlines():
            if call := _CALL.match(line):
                _note(trace, written, call[1], call[2], line)
    trace.written = {path: bytes(octets) for path, octets in written.items()}
    return trace


def _note(trace: Trace, written: dict[str, bytearray], call: str, arguments: str, line: str) -> None:
    texts = _TEXT.findall(arguments)
    octets = [codecs.escape_decode(text.encode())[0] for text, _ in texts]
    if call in WRITES and (path := _path(arguments)):
        written[path] += b"".join(octets)
        if any(cut for _, cut in texts):
            trace.unseen.append(line[:300])
    elif call in NAMES:
        written[f"({call})"] += b"\0".join([b"", *octets])
    elif call == "execve":
        trace.programs.add(octets[0].decode().rpartition("/")[2])
    elif _is_unseen(call, arguments):
        trace.unseen.append(line[:300])


def _is_unseen(call: str, arguments: str) -> bool:
    if call == "connect":
        return any(log in arguments for log in LOGS)
    if call == "mmap":
        # SQLite's index of its -wal file: page numbers and checksums (sqlite.org/walformat.html), looked at as a file, too.
        return "PROT_WRITE" in arguments and "MAP_SHARED" in arguments and not _path(arguments, 4).endswith("securelist.db-shm")
    return call in UNSEEN_ANYWHERE or (call in UNSEEN and bool(_path(arguments, UNSEEN[call])))


def _path(arguments: str, place: int = 0) -> str:
    """The path of the file that is the argument at this place; empty for pipes, sockets, and files in memory only."""
    found = _FILE.match(arguments.split(", ")[place]) if arguments.count(", ") >= place else None
    path = found[1] if found else ""
    return path if path.startswith("/") and not path.startswith(("/dev/null", "/memfd:")) else ""


# --- what must not be found -----------------------------------------------------------------------------------------

WINDOW = 16


class Needles:
    """Every 16 octets in a row of what must not be written: as they are, in base64, hexadecimal, quoted-printable, UTF-16."""

    def __init__(self) -> None:
        self._windows: dict[bytes, str] = {}

    def __len__(self) -> int:
        return len(self._windows)

    def add(self, name: str, octets: bytes) -> None:
        """`name` says in a failure what was found."""
        assert len(octets) >= WINDOW
        # Of something large, a part of 16 octets can escape, but none of twice that many.
        step = 1 if len(octets) < 10_000 else WINDOW
        for dress, dressed in _dresses(octets):
            for start in range(0, len(dressed) - WINDOW + 1, step):
                self._windows.setdefault(dressed[start : start + WINDOW], f"{name} ({dress})")

    def found_in(self, octets: bytes) -> set[str]:
        """The names of what is in there."""
        windows = {octets[start : start + WINDOW] for start in range(len(octets) - WINDOW + 1)}
        return {self._windows[window] for window in windows & self._windows.keys()}

    def leaks(self, trace: Trace) -> dict[str, set[str]]:
        """What was written where, by path."""
        return {path: found for path, octets in trace.written.items() if (found := self.found_in(octets))}


def _dresses(octets: bytes) -> Iterator[tuple[str, bytes]]:
    yield "plain", octets
    for shift in range(3):
        # The first and the last characters depend on what stands before and after.
        yield "base64", base64.b64encode(bytes(shift) + octets)[4:-4]
    yield "hexadecimal", octets.hex().encode()
    yield "hexadecimal", octets.hex().upper().encode()
    yield "quoted-printable", quopri.encodestring(octets)
    yield "escaped", repr(octets)[2:-1].encode()
    text = octets.decode("utf-8", "ignore")
    # Both orders of octets: windows begin at every one.
    yield "UTF-16", text.encode("utf-16-le")
    yield "escaped", ascii(text)[1:-1].encode()
