"""Web Key Directories on the loopback interface: a web server with TLS, certificates of a CA of our own, and names that lead there."""

from __future__ import annotations

import datetime
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from securelist.upkeep.wkd import Directories, Places

HOURS = datetime.timedelta(hours=12)


class Authority:
    """A certification authority that only a test trusts."""

    def __init__(self) -> None:
        self._key, self._name = ec.generate_private_key(ec.SECP256R1()), _name("Test CA")
        builder = self._builder(self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self._certificate = builder.sign(self._key, hashes.SHA256())

    @property
    def trusting(self) -> ssl.SSLContext:
        """For a client who trusts nobody else."""
        return ssl.create_default_context(cadata=self.pem.decode())

    @property
    def pem(self) -> bytes:
        """Its own certificate."""
        return self._certificate.public_bytes(Encoding.PEM)

    def serving(self, folder: Path, *hosts: str) -> ssl.SSLContext:
        """For a server of these hosts."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        made = self._builder(_name(hosts[0]), key.public_key()).add_extension(names, critical=False).sign(self._key, hashes.SHA256())
        file = folder / f"{hosts[0]}.pem"
        file.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key)
        return builder.serial_number(x509.random_serial_number()).not_valid_before(now - HOURS).not_valid_after(now + HOURS)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


class Handler(BaseHTTPRequestHandler):
    """Answers with the file at a path, or as the server's `answer` does."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """One request."""
        self.server.asked.append((self.headers["Host"], self.path))
        with suppress(ConnectionError, ssl.SSLError):
            self.server.answer(self)

    def say(self, body: bytes, status: int = 200, **fields: str) -> None:
        """A whole answer."""
        self.send_response(status)
        for field, value in {"Content-Type": "application/octet-stream", "Content-Length": str(len(body)), **fields}.items():
            self.send_header(field.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def from_files(handler: Handler) -> None:
    """What lies at that path."""
    found = handler.server.files.get(handler.path)
    handler.say(found or b"", 200 if found else 404)


class Server(ThreadingHTTPServer):
    """A web server on the loopback interface, and what it was asked."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, tls: ssl.SSLContext, answer: Callable[[Handler], None]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what we test."""


@contextmanager
def directory(authority: Authority, folder: Path, *hosts: str, answer: Callable[[Handler], None] = from_files) -> Iterator[Server]:
    """A running web server for these hosts."""
    server = Server(authority.serving(folder, *hosts), answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


def reaching(authority: Authority, **servers: Server) -> Directories:
    """The directories of a world in which these hosts are (dots written as underscores), each at its server; there are no others."""

    async def resolve(host: str) -> Places:
        found = servers.get(host.replace(".", "_"))
        return [("127.0.0.1", found.server_address[1])] if found else ()

    return Directories(authority.trusting, resolve)
