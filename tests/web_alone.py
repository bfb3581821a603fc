"""A machine of its own with a web server and somebody who looks for a certificate there: a network, and names, that end at loopback.

A Web Key Directory is asked by HTTPS, at port 443 of a name. So the program runs in a network and a file system namespace: /etc/hosts names
the hosts, and the system trusts one certification authority, ours. Nothing outside of it is changed, or reached.
"""

from __future__ import annotations

import socketserver
import ssl
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from wkd_world import Authority

WITHIN_S = 60
# Everything ends with the first process in there: dirmngr and gpg-agent, too.
_ALONE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_PLACES = {
    "hosts": Path("/etc/hosts"),
    "nsswitch": Path("/etc/nsswitch.conf"),
    "resolv": Path("/etc/resolv.conf"),
    "ca": Path("/etc/ssl/certs/ca-certificates.crt"),
}


def look_up(base: Path, site: Path, hosts: list[str], command: list[str]) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """What a command comes to where `site` is on the web as these hosts and there are no others; and what the web server was asked for.

    Files for it are laid into `base`.
    """
    authority = Authority()
    authority.serving(base, *hosts)
    (base / "hosts").write_text("".join(f"127.0.0.1 {host}\n" for host in ("localhost", *hosts)))
    (base / "resolv").write_text("nameserver 127.0.0.1\n")
    (base / "nsswitch").write_text("passwd: files\ngroup: files\nhosts: files\n")
    (base / "ca").write_bytes(authority.pem)
    asked = base / "asked"
    asked.write_text("")
    call = [*_ALONE, sys.executable, __file__, str(base), str(site), f"{base}/{hosts[0]}.pem", *command]
    done = subprocess.run(call, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    if "Operation not permitted" in done.stderr:
        raise RuntimeError(f"this test needs a network of its own, so root (or CAP_SYS_ADMIN): {done.stderr.strip()}")
    return done, asked.read_text().splitlines()


class _NoSuchName(socketserver.BaseRequestHandler):
    """A name server that says of every name that it does not exist: dirmngr asks for SRV records, whatever /etc/hosts says."""

    def handle(self) -> None:
        query, answering = self.request
        question = query[12 : query.index(b"\0", 12) + 5]  # RFC 1035, 4.1.2
        header = query[:2] + b"\x81\x83" + b"\0\1" + bytes(6)  # 4.1.1: a response, recursion, name error; one question
        answering.sendto(header + question, self.client_address)


class _Web(SimpleHTTPRequestHandler):
    def log_request(self, code: object = "-", _size: object = "-") -> None:
        with (Path(sys.argv[1]) / "asked").open("a") as asked:
            asked.write(f"{self.headers['Host']} {self.path} {int(str(code))}\n")

    def log_message(self, *_: object) -> None:
        """Nothing else."""


def _in_there(base: Path, site: Path, pem: Path, command: list[str]) -> int:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for file, place in _PLACES.items():
        if place.exists():  # a machine without resolv.conf asks 127.0.0.1 anyway (resolv.conf(5))
            subprocess.run(["mount", "--bind", str(base / file), str(place)], check=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem)
    names = socketserver.UDPServer(("127.0.0.1", 53), _NoSuchName)
    server = ThreadingHTTPServer(("127.0.0.1", 443), partial(_Web, directory=str(site)))
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    for one in (names, server):
        threading.Thread(target=one.serve_forever, daemon=True).start()
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(_in_there(*map(Path, sys.argv[1:4]), sys.argv[4:]))
