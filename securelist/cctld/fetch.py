"""Fetching records from an RDAP server (RFC 7480, 9082): bounded in time, size and number, and from that server alone.

The operator names the server; what it answers is a stranger's all the same, so nothing it says makes us ask anybody else.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from securelist import __version__
from securelist.cctld.rdap import MAX_RECORD_OCTETS
from securelist.errors import ConfigurationError, Refused, SecurelistError, Unavailable

# A record has some kilobytes: a server that takes longer for one is in trouble, and others wait.
ONE_S = 10.0
# All 310 ccTLDs, four at once, with room for four seconds each; what is not there then is asked for again another time.
ALL_S = 300.0
# A public server asks its clients to be modest (RFC 7480, 5.5, has an answer for those who are not).
AT_ONCE = 4
# RFC 7480, 4.2, and what servers of plain files say.
_JSON_TYPES = ("application/rdap+json", "application/json")


@dataclass(frozen=True)
class Answer:
    """What came of asking for one ccTLD: the octets of a record, or why there are none."""

    cctld: str
    url: str
    octets: bytes = b""
    trouble: SecurelistError | None = None


class RdapServer:
    """The server at `base`, an https URL (http on the loopback interface); raises ConfigurationError for anything else."""

    def __init__(self, base: str) -> None:
        if not base:
            raise ConfigurationError("no-rdap-server", "rdap_server is not set; IANA's is https://rdap.iana.org")
        if problem := _problem(base):
            raise ConfigurationError("bad-setting", f"rdap_server: {problem}")
        self._base = base.rstrip("/")
        self._loopback = _is_loopback(urlsplit(base).hostname or "")

    def url(self, cctld: str) -> str:
        """Where the record of a ccTLD is (RFC 9082, 3.1.3)."""
        return f"{self._base}/domain/{cctld}"

    def fetch(self, cctlds: Sequence[str], progress: Callable[[int, int], None] = lambda done, of: None) -> tuple[Answer, ...]:
        """An answer for each ccTLD, in their order; `progress` is told how many of how many are there."""
        return asyncio.run(self._fetch(cctlds, progress))

    async def _fetch(self, cctlds: Sequence[str], progress: Callable[[int, int], None]) -> tuple[Answer, ...]:
        headers = {"Accept": "application/rdap+json", "Accept-Encoding": "identity", "User-Agent": f"securelist/{__version__}"}
        # A proxy from the environment is the operator's way out; this machine is reached without one.
        direct = self._loopback
        async with httpx.AsyncClient(headers=headers, timeout=ONE_S, follow_redirects=False, trust_env=not direct) as client:
            end, gate, done = asyncio.get_running_loop().time() + ALL_S, asyncio.Semaphore(AT_ONCE), 0

            async def one(cctld: str) -> Answer:
                nonlocal done
                async with gate:
                    answer = await self._answer(client, cctld, end)
                done += 1
                progress(done, len(cctlds))
                return answer

            return tuple(await asyncio.gather(*map(one, cctlds)))

    async def _answer(self, client: httpx.AsyncClient, cctld: str, end: float) -> Answer:
        url = self.url(cctld)
        try:
            # Around everything: httpx measures each read, and a server that sends an octet a second is never late by that.
            async with asyncio.timeout_at(min(end, asyncio.get_running_loop().time() + ONE_S)):
                return Answer(cctld, url, await _get(client, url))
        except (TimeoutError, httpx.TimeoutException):
            trouble: SecurelistError = Unavailable("rdap-timeout", f"{url}: no whole answer in time")
        except httpx.HTTPError as failed:
            trouble = Unavailable("rdap-unreachable", f"{url}: not reached, or not understood ({type(failed).__name__})")
        except SecurelistError as error:
            trouble = error
        return Answer(cctld, url, trouble=trouble)


async def _get(client: httpx.AsyncClient, url: str) -> bytes:
    """The body of the answer to GET; raises Refused for one that is no record, Unavailable if the server cannot say now."""
    async with client.stream("GET", url) as response:
        _check(response, url)
        octets = b""
        # As it comes over the wire: nothing is unpacked, so that what is small there is small here.
        async for chunk in response.aiter_raw():
            octets += chunk
            if len(octets) > MAX_RECORD_OCTETS:
                raise Refused("too-large", f"{url}: the answer is larger than {MAX_RECORD_OCTETS // 1024} KiB, which no record is")
        return octets


def _check(response: httpx.Response, url: str) -> None:
    """By its head, whether this is an answer with a record in it."""
    status = response.status_code
    if 300 <= status < 400:
        raise Refused("redirect", f"{url}: the server sends us elsewhere, and redirects are not followed; correct rdap_server")
    if status == 404:
        raise Refused("no-record", f"{url}: the server has no such record")
    if status != 200:
        raise Unavailable("rdap-status", f"{url}: the server answers with status {status}; try again later")
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type not in _JSON_TYPES or response.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused("not-json", f"{url}: the answer says of itself that it is no {_JSON_TYPES[0]}, as it is")


def _problem(base: str) -> str:
    """What is wrong with the URL of a server; empty if nothing is."""
    try:
        parts = urlsplit(base)
        port = parts.port
        httpx.URL(base)
    except (ValueError, httpx.InvalidURL):
        return f"{base[:200]!a} is no URL"
    if not base.isascii() or not base.isprintable() or " " in base or parts.query or parts.fragment or parts.username is not None:
        return "it must be the URL of a server, such as https://rdap.iana.org, without a user name, a question mark or a hash"
    if not parts.hostname or port == 0 or parts.scheme not in ("https", "http"):
        return "it must be https://HOST or https://HOST:PORT"
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        return "it must begin with https:// unless the server is on this machine: an address of record decides whom invitations reach"
    return ""


def _is_loopback(host: str) -> bool:
    """Whether it is an address of this machine's own, by number: a name may lead anywhere."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
