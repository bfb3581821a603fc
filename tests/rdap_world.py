"""Records of ccTLDs as IANA's RDAP server gives them, and a server on a real socket that gives them, or misbehaves."""

from __future__ import annotations

import copy
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Json = dict[str, Any]
AT = 1_790_000_000

# Manager, Admin Contact and address of some ccTLDs, invented.
PEOPLE = {
    "nl": ("Registry of the Low Lands", "Domain Office Manager", "admin@registry-nl.example"),
    "br": ("Comitê Gestor do Exemplo", "Dona Exemplo", "dona@registry-br.example"),
    "jp": ("Example Registry Services Co., Ltd.", "Taro Example", "taro@registry-jp.example"),
    "xn--p1ai": ("Coordination Centre for Examples", "Director", "director@registry-rf.example"),
}


def person(role: str, name: str, organisation: str, address: str, phone: str = "+31 26 555 0100") -> Json:
    """An entity with its jCard, as IANA writes them."""
    card: list[Any] = [
        ["version", {}, "text", "4.0"],
        ["fn", {}, "text", name],
        ["org", {}, "text", organisation],
        ["adr", {"label": "1 Example Street\nExample Town 1000 AA\nExampleland"}, "text", ["", "", "", "", "", "", ""]],
        ["tel", {"type": "fax"}, "text", "+31 26 555 0199"],
        ["tel", {"type": "voice"}, "text", phone],
        ["email", {}, "text", address],
    ]
    return {"objectClassName": "entity", "roles": [role], "vcardArray": ["vcard", card]}


def record(cctld: str = "nl", **changed: object) -> Json:
    """The record of a ccTLD; `changed` replaces top-level fields."""
    manager, name, address = PEOPLE.get(cctld, (f"Registry of .{cctld}", "Administrator", f"admin@registry-{cctld}.example"))
    technical = person("technical", "Technical Desk", manager, f"tech@registry-{cctld}.example")
    registrant: Json = {"objectClassName": "entity", "roles": ["registrant"]}
    registrant["vcardArray"] = ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", manager], ["org", {}, "text", manager]]]
    url = f"https://rdap.iana.org/domain/{cctld}"
    whole: Json = {
        "rdapConformance": ["rdap_level_0"],
        "lang": "en",
        "objectClassName": "domain",
        "ldhName": cctld,
        "status": ["active"],
        "entities": [registrant, person("administrative", name, manager, address), technical],
        "nameservers": [
            {"objectClassName": "nameserver", "ldhName": f"ns{n}.dns.{cctld}", "ipAddresses": {"v4": [f"192.0.2.{n}"]}} for n in range(1, 5)
        ],
        "secureDNS": {"zoneSigned": True, "delegationSigned": True, "dsData": [{"keyTag": 1, "algorithm": 13, "digest": "00" * 32}]},
        "events": [{"eventAction": "registration", "eventDate": "1986-04-25T00:00:00+00:00"}],
        "links": [{"value": url, "rel": "self", "href": url, "type": "application/rdap+json"}],
        "notices": [{"title": "Terms of Service", "description": ["See the links."], "links": [{"href": "https://www.icann.org/tos"}]}],
    }
    return copy.deepcopy(whole) | changed


def card_of(whole: Json, role: str = "administrative") -> list[Any]:
    """The properties of the jCard of whoever has that role; changing them changes the record."""
    properties: list[Any] = next(e for e in whole["entities"] if role in e["roles"])["vcardArray"][1]
    return properties


def with_property(name: str, value: object, role: str = "administrative") -> Json:
    """The record of .nl with another value of one property."""
    whole = record()
    for found in card_of(whole, role):
        if found[0] == name:
            found[3] = value
    return whole


def octets(*records: Json) -> bytes:
    """One record as JSON, or an array of several."""
    return json.dumps(records[0] if len(records) == 1 else records, ensure_ascii=False).encode()


# --- a server ---------------------------------------------------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    """Answers GET /domain/NAME with whatever the server's `answers` has for that name, or with its record."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """One request."""
        self.server.asked.append(self.path)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        name = self.path.rpartition("/")[2]
        with self.server.lock:
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
        with suppress(ConnectionError):
            self.server.answers.get(name, ordinary)(self, name)
        with self.server.lock:
            self.server.now -= 1

    def say(self, body: bytes, status: int = 200, kind: str = "application/rdap+json", **fields: str) -> None:
        """A whole answer."""
        self.send_response(status)
        for field, value in {"Content-Type": kind, "Content-Length": str(len(body)), **fields}.items():
            self.send_header(field.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    """An RDAP server on the loopback interface, and what it was asked."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answers: dict[str, Callable[[Handler, str], None]], certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.scheme, self.lock = answers, "http", threading.Lock()
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.now = self.most = 0
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket, self.scheme = context.wrap_socket(self.socket, server_side=True), "https"

    @property
    def url(self) -> str:
        """What the setting rdap_server is to be."""
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what we test."""


@contextmanager
def rdap_server(certificate: Path | None = None, **answers: Callable[[Handler, str], None]) -> Iterator[Server]:
    """A running server; a ccTLD that is not among `answers` gets its record."""
    server = Server(answers, certificate)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


def ordinary(handler: Handler, name: str) -> None:
    """The ccTLD's record."""
    handler.say(octets(record(name)))


def dripping(handler: Handler, name: str) -> None:
    """An octet at a time, each in good time."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/rdap+json")
    handler.end_headers()
    for octet in octets(record(name)):
        handler.wfile.write(bytes([octet]))
        time.sleep(0.05)


def silent(handler: Handler, name: str) -> None:
    """Nothing, for longer than anybody waits."""
    time.sleep(3)
    handler.close_connection = True


def endless(handler: Handler, name: str) -> None:
    """Blanks for ever, in chunks, so that no length says it before."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/rdap+json")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    while True:
        handler.wfile.write(b"1000\r\n" + b" " * 0x1000 + b"\r\n")


def hanging_up(handler: Handler, name: str) -> None:
    """Half of an answer, and then the end of the connection."""
    body = octets(record(name))
    handler.send_response(200)
    handler.send_header("Content-Type", "application/rdap+json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def own_certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for, with its key, in one file."""
    key, made, both = folder / "key.pem", folder / "certificate.pem", folder / "both.pem"
    what = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-nodes", "-days", "2", *what, "-keyout", str(key), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + made.read_bytes())
    return both
