"""One process of GnuPG: what it may take of the clock, of the processor and of memory, how much it may say, and what it said."""

from __future__ import annotations

import io
import resource
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

# One gpg call takes milliseconds for a small post and some seconds for 25 MiB; a post has 60 s in all.
GPG_SECONDS = 40
# gpg puts out what it was given. The most is a post of 25 MiB and, by a setting, the same once more in base64, to be signed.
MAX_OUTPUT_OCTETS = 64 * 2**20
# A signature has at most 64 KiB of notations (RFC 9580, 5.2.3), of which GnuPG 2.2 reads 10,000 octets; it makes seven times as much in
# status lines of them where each is empty.
MAX_STATUS_OCTETS = 2**20
# How much is read at a time. python-gnupg takes a kibibyte, and 25 MiB are then 25,000 objects.
PIECE_OCTETS = 2**16


@dataclass(frozen=True)
class Limits:
    """What the kernel sees to: seconds of processor time, and octets of address space; None for no limit.

    They pass on to whatever the process starts. gpg starts gpg-agent, which lives on and would die of them some day, in the
    midst of somebody's post; so only a gpg that is told not to start one (`--no-autostart`) may have any.
    """

    cpu_seconds: int | None = None
    memory: int | None = None

    def put_on(self, pid: int) -> None:
        """Sets the limits for a process that has just been started, and waits for its input."""
        with suppress(ProcessLookupError):  # it was faster
            if self.cpu_seconds is not None:
                # At the first SIGXCPU, which tells this end from others; SIGKILL at the second, should it be caught.
                resource.prlimit(pid, resource.RLIMIT_CPU, (self.cpu_seconds, self.cpu_seconds + 1))
            if self.memory is not None:
                resource.prlimit(pid, resource.RLIMIT_AS, (self.memory, self.memory))


@dataclass(frozen=True)
class Outcome:
    """What one gpg process said: its exit status, its status lines as (keyword, rest), and its output."""

    exit_status: int
    status: tuple[tuple[str, str], ...]
    output: bytes

    def rests(self, keyword: str) -> list[str]:
        """The rest of each status line with this keyword."""
        return [rest for word, rest in self.status if word == keyword]


class Watch:
    """Ends a process that takes longer than GPG_SECONDS, says more than it may (`too_much`), or more than fits here (`no_room`)."""

    def __init__(self) -> None:
        self.too_much = self.no_room = False
        self._process: subprocess.Popen[bytes] | None = None
        self._timer = threading.Timer(GPG_SECONDS, self.stop)
        self._timer.daemon = True

    def begin(self, process: subprocess.Popen[bytes]) -> None:
        """From now on, the time counts."""
        self._process = process
        self._timer.start()

    def stop(self) -> None:
        """Ends the process, if there is one and it has not ended."""
        if self._process:
            self._process.kill()

    def over(self) -> None:
        """The process has ended."""
        self._timer.cancel()

    def output(self, stream: BinaryIO) -> bytes:
        """All that comes from `stream`, at most MAX_OUTPUT_OCTETS."""
        held = io.BytesIO()  # it grows in its place; pieces that are joined are there twice for a moment
        with self.while_there_is_room():
            for piece in self._within(lambda: stream.read(PIECE_OCTETS), MAX_OUTPUT_OCTETS):
                held.write(piece)
        return held.getvalue()

    def lines(self, stream: BinaryIO) -> Iterator[bytes]:
        """The lines of `stream`, of at most MAX_STATUS_OCTETS in all."""
        return self._within(lambda: stream.readline(MAX_STATUS_OCTETS), MAX_STATUS_OCTETS)

    def _within(self, read: Callable[[], bytes], most: int) -> Iterator[bytes]:
        octets = 0
        while piece := read():
            octets += len(piece)
            if octets > most:
                self.too_much = True
                return self.stop()
            yield piece

    @contextmanager
    def while_there_is_room(self) -> Iterator[None]:
        """For the threads that read what the process says: if one of them ended, the process would wait for it until its time is up."""
        try:
            yield
        except MemoryError:
            self.no_room = True
            self.stop()
