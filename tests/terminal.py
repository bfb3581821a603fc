"""A program in a terminal of 24 lines of 80 columns, without a network: what is typed, and what is then on the screen.

The terminal is Debian's tmux, in the foreground of a process of its own; the program runs in a network namespace with nothing in it.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

COLUMNS, LINES = 80, 24
# A busy machine; the program itself is a matter of a second.
WAIT_S = 60
_NO_NETWORK = ("unshare", "--net")


class Terminal:
    """One screen; every wait has a time limit."""

    def __init__(self, socket: Path) -> None:
        self._tmux = ["tmux", "-N", "-S", str(socket)]  # it waits for our server, and starts none of its own

    def begin(self, command: list[str]) -> None:
        """Starts the program, as soon as the terminal is there."""
        size = ["-x", str(COLUMNS), "-y", str(LINES)]
        self.until(lambda: self._call("new-session", "-d", *size, *_NO_NETWORK, *command).returncode == 0, "a terminal")

    def type(self, text: str) -> None:
        """Types a text, or a key that has a name: Enter, Ctrl+U."""
        named = text == "Enter" or text.startswith("Ctrl+")
        keys = [text.replace("Ctrl+", "C-")] if named else ["-l", text]
        assert self._call("send-keys", *keys).returncode == 0

    def screen(self) -> str:
        """What can be seen now."""
        return self._call("capture-pane", "-p").stdout.decode()

    def wait(self, text: str) -> str:
        """The screen, once that text is on it."""
        self.until(lambda: text in self.screen(), f"on the screen: {text}")
        return self.screen()

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Waits for something that is in no terminal."""
        end = time.monotonic() + WAIT_S
        while not holds():
            assert time.monotonic() < end, f"not {what}\n{self.screen()}"
            time.sleep(0.02)

    def _call(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([*self._tmux, *words], capture_output=True, check=False, timeout=WAIT_S)


@contextmanager
def terminal(folder: Path) -> Iterator[Terminal]:
    """A terminal whose program has `folder`, an absolute path, as its home, and writes nowhere else; both end here."""
    socket = folder / "t"
    here = {name: value for name, value in os.environ.items() if name not in ("TMUX", "GNUPGHOME", "DBUS_SESSION_BUS_ADDRESS")}
    here |= {"HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C.UTF-8"}
    # setpriv (util-linux) ties it to this process; the program is hung up on when the terminal ends.
    command = ["setpriv", "--pdeathsig", "TERM", "tmux", "-D", "-f", "/dev/null", "-S", str(socket)]
    process = subprocess.Popen(command, env=here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield Terminal(socket)
    finally:
        process.terminate()
        process.wait(WAIT_S)
        socket.unlink(missing_ok=True)
