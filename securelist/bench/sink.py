"""A loopback SMTP server that takes every mail but to whom it does not know, keeps none and hardly costs anything: the far end of
`securelist bench`."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Collection
from types import TracebackType

_CHUNK = 1 << 20


class _Session(socketserver.StreamRequestHandler):
    rbufsize = _CHUNK
    server: _Server

    def handle(self) -> None:
        self._say(b"220 sink ESMTP")
        recipient = b""
        while line := self.rfile.readline(1024):
            verb = line[:4].upper()
            if verb == b"QUIT":
                self._say(b"221 bye")
                return
            if verb == b"RCPT":
                recipient = line.partition(b"<")[2].partition(b">")[0]
                if recipient in self.server.unknown:
                    self._say(b"550 5.1.1 no such user")
                    continue
            if verb == b"DATA":
                self._say(b"354 go on")
                self._swallow()
                self.server.took(recipient)
            self._say(b"250 ok")

    def _say(self, reply: bytes) -> None:
        self.wfile.write(reply + b"\r\n")

    def _swallow(self) -> None:
        tail = b"\r\n"
        # The client waits for our answer, so nothing follows the end of its data.
        while tail != b"\r\n.\r\n" and (chunk := self.rfile.read1(_CHUNK)):
            tail = (tail + chunk[-5:])[-5:]


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, unknown: frozenset[bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.unknown, self.taken, self.last, self.first = unknown, 0, 0.0, dict[bytes, float]()
        self._lock = threading.Lock()

    def took(self, recipient: bytes) -> None:
        with self._lock:
            self.taken += 1
            self.last = time.monotonic()
            self.first.setdefault(recipient, self.last)


class Sink:
    """`with Sink() as sink:` listens on `sink.port` of the loopback interface; `taken` mails, the last at `last`.

    To the addresses in `unknown` nothing can be sent.
    """

    def __init__(self, unknown: Collection[str] = ()) -> None:
        self._server = _Server(frozenset(address.encode() for address in unknown))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def port(self) -> int:
        """The TCP port."""
        return int(self._server.server_address[1])

    @property
    def taken(self) -> int:
        """How many mails came."""
        return self._server.taken

    @property
    def last(self) -> float:
        """When the last one was whole, by time.monotonic()."""
        return self._server.last

    def arrivals(self) -> dict[str, float]:
        """When the first mail to each recipient was whole, by time.monotonic(); since the start, or since `clear`."""
        return {recipient.decode("ascii", "replace"): at for recipient, at in list(self._server.first.items())}

    def clear(self) -> None:
        """Forgets who got something."""
        self._server.first.clear()

    def __enter__(self) -> Sink:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
