"""A loopback SMTP server that takes every mail, keeps none and hardly costs anything: the far end of `securelist bench`."""

from __future__ import annotations

import socketserver
import threading
import time
from types import TracebackType

_CHUNK = 1 << 20


class _Session(socketserver.StreamRequestHandler):
    rbufsize = _CHUNK
    server: _Server

    def handle(self) -> None:
        self._say(b"220 sink ESMTP")
        while line := self.rfile.readline(1024):
            verb = line[:4].upper()
            if verb == b"QUIT":
                self._say(b"221 bye")
                return
            if verb == b"DATA":
                self._say(b"354 go on")
                self._swallow()
                self.server.took()
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

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.taken, self.last = 0, 0.0
        self._lock = threading.Lock()

    def took(self) -> None:
        with self._lock:
            self.taken += 1
            self.last = time.monotonic()


class Sink:
    """`with Sink() as sink:` listens on `sink.port` of the loopback interface; `taken` mails, the last at `last`."""

    def __init__(self) -> None:
        self._server = _Server()
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

    def __enter__(self) -> Sink:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
