"""What one process of GnuPG may take of the clock, of the processor and of memory, and how much it may say."""

from __future__ import annotations

import resource
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

# One gpg call takes milliseconds for a small post and some seconds for 25 MiB; a post has 60 s in all.
GPG_SECONDS = 40
# gpg puts out what it was given. The most is a post of 25 MiB and, by a setting, the same once more in base64, to be signed.
MAX_OUTPUT_OCTETS = 64 * 2**20
# The notations of one signature have 64 KiB (RFC 9580, 5.2.3); gpg makes 450 KiB of status lines of them where each is empty.
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


class Watch:
    """Ends a process that takes longer than GPG_SECONDS, or says more than it may; `too_much` tells which it was."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.too_much = False
        self._process = process
        self._timer = threading.Timer(GPG_SECONDS, process.kill)
        self._timer.daemon = True

    def begin(self) -> None:
        """From now on, the time counts. If it cannot be watched (no thread to be had), the process ends."""
        try:
            self._timer.start()
        except RuntimeError:
            self._process.kill()
            raise

    def over(self) -> None:
        """The process has ended."""
        self._timer.cancel()

    def output(self, stream: BinaryIO) -> bytes:
        """All that comes from `stream`, at most MAX_OUTPUT_OCTETS."""
        return b"".join(self._within(lambda: stream.read(PIECE_OCTETS), MAX_OUTPUT_OCTETS))

    def lines(self, stream: BinaryIO) -> Iterator[bytes]:
        """The lines of `stream`, of at most MAX_STATUS_OCTETS in all."""
        return self._within(lambda: stream.readline(MAX_STATUS_OCTETS), MAX_STATUS_OCTETS)

    def _within(self, read: Callable[[], bytes], most: int) -> Iterator[bytes]:
        octets = 0
        while piece := read():
            octets += len(piece)
            if octets > most:
                self.too_much = True
                self._process.kill()
                return
            yield piece
