"""What holds for this process whatever it does: nothing of a post leaves its memory but by the ways that are meant for it.

Posts and session keys pass through memory in the clear. A crash must not put them on a disk, another user's process must not
read them, a file must not be readable by others, and an unexpected error must not print what it was about.
"""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from securelist.mail.headers import visible

# prctl(2). Without this flag the kernel writes no core file, /proc/PID belongs to root, and nobody but root attaches to us.
_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4
# mallopt(3). What is larger has pages of its own, and they go back to the kernel when it is freed. By itself the C library learns from
# the first mail of 25 MiB to keep such pieces: it then held 500 MB for good, with pieces of posts in them.
_M_MMAP_THRESHOLD = -3
MMAP_THRESHOLD = 2**17
UMASK = 0o077
# Frames of a report, the innermost; what is further out is the same for all.
MAX_FRAMES = 8

_PACKAGE = Path(__file__).parent


def harden() -> None:
    """No core file, not dumpable, umask 077, no traceback on standard error, and no large piece of memory kept once it is free.

    For every command, before anything else.
    """
    # Inherited by gpg and gpg-agent, which the other flag is not: a program that is executed begins anew (execve(2)).
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    with suppress(AttributeError):  # a C library that has no such setting
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD)
    os.umask(UMASK)
    sys.excepthook = _say_uncaught
    threading.excepthook = lambda uncaught: say_internal(uncaught.exc_value)
    # What an object's __del__ raises: Python would print the object, too.
    sys.unraisablehook = lambda uncaught: say_internal(uncaught.exc_value)


def is_dumpable() -> bool:
    """Whether the kernel may write this process's memory to a core file."""
    return bool(ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0))


# --- errors that nobody expected ----------------------------------------------------------------------------------------


def where(error: BaseException | None) -> str:
    """The kind of an error and where it happened, outermost frame first, to be reported: no values, no words of the error itself.

    `TypeError at cli/post.py:61, post/way.py:80`; modules of others are named without their folder.
    """
    frames = traceback.extract_tb(error.__traceback__) if error else []
    places = [f"{_module(Path(frame.filename))}:{frame.lineno}" for frame in frames if not frame.filename.startswith("<")][-MAX_FRAMES:]
    return type(error).__name__ + (f" at {', '.join(places)}" if places else "")


def _module(file: Path) -> str:
    return str(file.relative_to(_PACKAGE)) if file.is_relative_to(_PACKAGE) else file.name


def say_internal(error: BaseException | None) -> None:
    """One line on standard error about an error that is a fault of this program."""
    sys.stderr.write(f"securelist: internal error, a fault of this program; please report it: {where(error)} (internal)\n")


def _say_uncaught(_type: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    say_internal(error)


# --- the service's messages ---------------------------------------------------------------------------------------------


class PlainFormatter(logging.Formatter):
    """One visible line a message, and never an error's own words. Of other people's modules not even the message.

    asyncio, for one, writes into its messages what a function was called with; for us that is a mail.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record's line."""
        error = record.exc_info[1] if record.exc_info else None
        words = record.getMessage() if record.name.startswith("securelist") else f"said so at {record.filename}:{record.lineno}"
        return visible(f"{record.levelname} {record.name}: {words}{f' ({where(error)})' if error else ''}")
