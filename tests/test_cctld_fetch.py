"""Fetching records from an RDAP server on a real socket: one that answers, and those that misbehave."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rdap_world import (
    AT,
    Handler,
    dripping,
    endless,
    hanging_up,
    octets,
    ordinary,
    own_certificate,
    rdap_server,
    record,
    silent,
)

from securelist.cctld import fetch
from securelist.cctld.fetch import AT_ONCE, RdapServer
from securelist.cctld.rdap import MAX_RECORD_OCTETS, read_answer
from securelist.errors import ConfigurationError, Refused, Unavailable

Behaviour = Callable[[Handler, str], None]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second instead of ten, so that a slow server costs no long test."""
    monkeypatch.setattr(fetch, "ONE_S", 0.5)


# --- settings ----------------------------------------------------------------------------------------------------------

SETTINGS = {
    "nothing": "",
    "a name": "rdap.iana.org",
    "without TLS": "http://rdap.iana.org",
    "without TLS, a name like the loopback's": "http://localhost.example.org",
    "without TLS, a private network": "http://192.168.0.1",
    "a file": "file:///etc/passwd",
    "no host": "https://",
    "a port that is none": "https://rdap.iana.org:x",
    "a port too high": "https://rdap.iana.org:99999",
    "port 0": "https://rdap.iana.org:0",
    "a password": "https://user:secret@rdap.iana.org",
    "a query": "https://rdap.iana.org/?x=",
    "a fragment": "https://rdap.iana.org/#x",
    "a blank": "https://rdap.iana.org /",
    "a line end": "https://rdap.iana.org\r\nX: y",
    "a mile of it": "https://rdap.iana.org/" + "x" * 70_000,
    "brackets": "https://[::1",
}


@pytest.mark.parametrize("url", SETTINGS.values(), ids=SETTINGS)
def test_a_server_that_cannot_be_is_a_configuration_error(url: str) -> None:
    """Told before anybody is asked; a password is never repeated."""
    with pytest.raises(ConfigurationError) as caught:
        RdapServer(url)
    assert caught.value.detail.startswith("rdap_server")
    assert "secret" not in caught.value.detail


@pytest.mark.parametrize("base", ["https://rdap.iana.org", "https://rdap.iana.org/", "http://127.0.0.1:8080/rdap/", "http://[::1]:80"])
def test_where_a_record_is(base: str) -> None:
    """The path of a domain lookup (RFC 9082, 3.1.3) behind the server's URL, with or without a slash at its end."""
    assert RdapServer(base).url("nl") == f"{base.rstrip('/')}/domain/nl"


# --- a server that answers -----------------------------------------------------------------------------------------------


def test_records_come_in_the_order_asked_for() -> None:
    """One request each, for JSON and unpacked; each answer is a record."""
    wanted = ("nl", "br", "xn--p1ai", "jp")
    told: list[tuple[int, int]] = []
    with rdap_server() as server:
        answers = RdapServer(server.url).fetch(wanted, lambda done, of: told.append((done, of)))
        url = server.url
    assert [answer.cctld for answer in answers] == list(wanted)
    assert [read_answer(a.octets, a.cctld, a.url, AT).cctld for a in answers] == list(wanted)
    assert answers[1].url == f"{url}/domain/br"
    assert sorted(server.asked) == sorted(f"/domain/{name}" for name in wanted)
    assert {(h["accept"], h["accept-encoding"]) for h in server.headers} == {("application/rdap+json", "identity")}
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_public_server_is_not_flooded() -> None:
    """However many are asked for, no more than a few at once."""

    def slowly(handler: Handler, name: str) -> None:
        time.sleep(0.02)
        ordinary(handler, name)

    names = tuple(f"a{chr(97 + n)}" for n in range(26))
    with rdap_server(**dict.fromkeys(names, slowly)) as server:
        answers = RdapServer(server.url).fetch(names)
    assert all(answer.trouble is None for answer in answers)
    assert 1 < server.most <= AT_ONCE


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes to the loopback interface goes there directly."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with rdap_server() as server:
        assert RdapServer(server.url).fetch(("nl",))[0].trouble is None


# --- servers that misbehave ------------------------------------------------------------------------------------------------


def redirecting(status: int, to: str = "") -> Behaviour:
    return lambda handler, name: handler.say(b"", status, Location=to or "/domain/br")


def saying(status: int) -> Behaviour:
    return lambda handler, name: handler.say(b'{"errorCode": 1}', status)


def huge(handler: Handler, name: str) -> None:
    handler.say(octets(record(name)) + b" " * 50_000_000)


BOMB = gzip.compress(b" " * 50_000_000, 1)


def bomb(handler: Handler, name: str) -> None:
    handler.say(BOMB, Content_Encoding="gzip")


def hidden_bomb(handler: Handler, name: str) -> None:
    handler.say(gzip.compress(octets(record(name))))


def page(handler: Handler, name: str) -> None:
    handler.say(b"<!DOCTYPE html><title>nl</title>", kind="text/html; charset=utf-8")


def nonsense(handler: Handler, name: str) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    handler.close_connection = True


def many_fields(handler: Handler, name: str) -> None:
    handler.send_response(200)
    for number in range(5_000):
        handler.send_header(f"X-{number}", "x" * 100)
    handler.end_headers()
    handler.close_connection = True


BAD: dict[str, tuple[Behaviour, type, str]] = {
    "it knows no such ccTLD": (saying(404), Refused, "no-record"),
    "it redirects": (redirecting(302), Refused, "redirect"),
    "it redirects for good": (redirecting(301, "https://evil.example/domain/nl"), Refused, "redirect"),
    "it redirects to this machine": (redirecting(307, "http://127.0.0.1:25/"), Refused, "redirect"),
    "it sends 50 MB": (huge, Refused, "too-large"),
    "it sends blanks for ever": (endless, Refused, "too-large"),
    "it sends 50 MB, packed": (bomb, Refused, "not-json"),
    "it sends a web page": (page, Refused, "not-json"),
    "it is overloaded": (saying(503), Unavailable, "rdap-status"),
    "it has had enough of us": (saying(429), Unavailable, "rdap-status"),
    "it asks for a password": (saying(401), Unavailable, "rdap-status"),
    "it has nothing to say": (lambda handler, name: handler.send_response(204) or handler.end_headers(), Unavailable, "rdap-status"),
    "it hangs up half-way": (hanging_up, Unavailable, "rdap-unreachable"),
    "it speaks another protocol": (nonsense, Unavailable, "rdap-unreachable"),
    "it sends half a megabyte of header": (many_fields, Unavailable, "rdap-unreachable"),
    "it says nothing": (silent, Unavailable, "rdap-timeout"),
    "it sends an octet at a time": (dripping, Unavailable, "rdap-timeout"),
}


@pytest.mark.parametrize(("behaviour", "kind", "reason"), BAD.values(), ids=BAD)
@pytest.mark.usefixtures("hasty")
def test_a_server_that_misbehaves(behaviour: Behaviour, kind: type, reason: str) -> None:
    """A clear reason with the URL, soon; the other ccTLDs are fetched, and nobody else is asked."""
    began = time.monotonic()
    with rdap_server(nl=behaviour) as server:
        broken, good = RdapServer(server.url).fetch(("nl", "br"))
    assert time.monotonic() - began < 3
    assert (type(broken.trouble), broken.trouble and broken.trouble.reason, broken.octets) == (kind, reason, b"")
    assert broken.trouble is not None
    assert broken.trouble.detail.startswith(f"{server.url}/domain/nl: ")
    assert (good.trouble, good.octets) == (None, octets(record("br")))
    assert sorted(server.asked) == ["/domain/br", "/domain/nl"]


def test_an_answer_that_is_packed_without_a_word_is_no_record() -> None:
    """Nothing is unpacked, so what is small on the wire stays small; the reader then finds no JSON."""
    with rdap_server(nl=hidden_bomb) as server:
        (answer,) = RdapServer(server.url).fetch(("nl",))
    assert len(answer.octets) < MAX_RECORD_OCTETS
    with pytest.raises(Refused, match="it is not in UTF-8"):
        read_answer(answer.octets, "nl", answer.url, AT)


def test_nobody_listens() -> None:
    """Each ccTLD says so, at once."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    answers = RdapServer(f"http://127.0.0.1:{port}").fetch(("nl", "br"))
    assert [answer.trouble and answer.trouble.reason for answer in answers] == ["rdap-unreachable"] * 2


@pytest.mark.usefixtures("hasty")
def test_a_server_that_hangs_holds_us_up_for_so_long_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """All together have an end, too: those who are still in the queue then are not asked for."""
    monkeypatch.setattr(fetch, "ALL_S", 1.0)
    names = tuple(f"a{chr(97 + n)}" for n in range(26))
    began = time.monotonic()
    with rdap_server(**dict.fromkeys(names, silent)) as server:
        answers = RdapServer(server.url).fetch(names)
        assert time.monotonic() - began < 3
        assert {answer.trouble and answer.trouble.reason for answer in answers} == {"rdap-timeout"}
        assert len(server.asked) < len(names)


@pytest.mark.usefixtures("hasty")
def test_a_certificate_that_nobody_vouches_for_is_not_taken(tmp_path: Path) -> None:
    """The server's name must be certified by an authority that this machine trusts, on the loopback interface as well."""
    with rdap_server(own_certificate(tmp_path)) as server:
        (answer,) = RdapServer(server.url).fetch(("nl",))
    assert (answer.trouble and answer.trouble.reason, server.asked) == ("rdap-unreachable", [])
