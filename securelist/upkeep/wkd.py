"""Certificates from Web Key Directories (draft-koch-openpgp-webkey-service): where one would be, and fetching it, within bounds.

A directory is a stranger's web server: TLS alone, no redirects, no address but public ones, nothing unpacked, little time.
What it answers proves nothing; `directory` decides what is taken of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from urllib.parse import quote

import httpx

from securelist import __version__
from securelist.openpgp.admission import MAX_CERTIFICATE_OCTETS

# A file of some kilobytes; a server that needs longer is in trouble, and is asked again tomorrow.
ONE_S = 5.0
# Everybody else's letters wait for this round.
ALL_S = 10.0
AT_ONCE = 4
PORT = 443
# RFC 2606 and 6761: nobody can have these names, and nobody's resolver should be asked for them.
_NOBODYS = ("example", "invalid", "test", "localhost", "local", "onion", "internal")
# Addresses of IPv6 that lead to one of IPv4, and what was site-local (RFC 3879).
_HOLDING_OTHERS = tuple(map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "fec0::/10")))
_Z_BASE_32 = "ybndrfg8ejkmcpqxot1uwisza345h769"

Places = Sequence[tuple[str, int]]
"""Where a host is: addresses and ports."""
Resolve = Callable[[str], Awaitable[Places]]


def z_base_32(octets: bytes) -> str:
    """Octets in the encoding of RFC 6189, 5.1.6, five bits a letter."""
    bits = "".join(f"{octet:08b}" for octet in octets)
    fives = (bits[start : start + 5].ljust(5, "0") for start in range(0, len(bits), 5))
    return "".join(_Z_BASE_32[int(five, 2)] for five in fives)


def paths(address: str) -> tuple[str, str]:
    """The paths under which a web server has the certificate for an address: by the advanced method, and by the direct one."""
    local, _, domain = address.lower().rpartition("@")
    name = z_base_32(hashlib.sha1(local.encode(), usedforsecurity=False).digest())  # a name, which proves nothing
    return f".well-known/openpgpkey/{domain}/hu/{name}", f".well-known/openpgpkey/hu/{name}"


def urls(address: str) -> tuple[str, str]:
    """Where the certificate for an address is: by the advanced method, and by the direct one (the draft's section 3.1)."""
    local, _, domain = address.rpartition("@")
    domain, said = domain.lower(), f"?l={quote(local, safe='')}"
    advanced, direct = paths(address)
    return f"https://openpgpkey.{domain}/{advanced}{said}", f"https://{domain}/{direct}{said}"


async def public_places(host: str) -> Places:
    """The public addresses of a host: a name in somebody's mail address must not lead into the networks behind us."""
    if host.rpartition(".")[2] in _NOBODYS:
        return ()
    found = await _resolved(host)
    return [(place, PORT) for place in dict.fromkeys(found) if _is_public(place)]


def _is_public(place: str) -> bool:
    """Whether it is an address of the public Internet, and holds no other (RFC 4291, 2.5.5; RFC 3056; RFC 6052)."""
    address = ipaddress.ip_address(place)
    inside = any(address in network for network in _HOLDING_OTHERS) if address.version == 6 else False
    return address.is_global and not (address.is_multicast or address.is_reserved or inside)


async def _resolved(host: str) -> Sequence[str]:
    """The addresses of a host; none if there is no such host. In a thread that nobody waits for: resolvers can take a minute."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Sequence[str]] = loop.create_future()

    def tell(found: Sequence[str]) -> None:
        if not answer.done():
            answer.set_result(found)

    def ask() -> None:
        found: Sequence[str] = ()
        with suppress(OSError, UnicodeError):
            found = [str(info[4][0]) for info in socket.getaddrinfo(host, PORT, type=socket.SOCK_STREAM)]
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(tell, found)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    return await answer


class Directories:
    """The Web Key Directories of all domains. `tls` and `resolve` are for who reaches them in another way than by the public Internet."""

    def __init__(self, tls: ssl.SSLContext | None = None, resolve: Resolve = public_places) -> None:
        self._tls, self._resolve = tls or ssl.create_default_context(), resolve

    def look_up(self, addresses: Iterable[str]) -> Mapping[str, bytes]:
        """What the directories have for these addresses, by address, unread; nothing where there is none or it cannot be had in time."""
        return asyncio.run(self._look_up(tuple(addresses)))

    async def _look_up(self, addresses: Sequence[str]) -> Mapping[str, bytes]:
        end, gate = asyncio.get_running_loop().time() + ALL_S, asyncio.Semaphore(AT_ONCE)
        headers = {"Accept-Encoding": "identity", "User-Agent": f"securelist/{__version__}"}
        # No proxy from the environment: it would be told addresses, and not the names that they were looked up for. Nor is a connection
        # used twice: many domains are at one address, and it was proved for one of them.
        once = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(
            headers=headers, verify=self._tls, timeout=ONE_S, limits=once, follow_redirects=False, trust_env=False
        ) as client:

            async def one(address: str) -> bytes:
                # Around everything: httpx measures each read, and a server that sends an octet a second is never late by that.
                with suppress(OSError, httpx.HTTPError):  # TimeoutError is one
                    async with asyncio.timeout_at(end), gate, asyncio.timeout(ONE_S):
                        return await self._found(client, address)
                return b""

            found = await asyncio.gather(*map(one, addresses))
        return {address: octets for address, octets in zip(addresses, found, strict=True) if octets}

    async def _found(self, client: httpx.AsyncClient, address: str) -> bytes:
        """By the advanced method; by the direct one only where the host of the advanced one does not exist."""
        for url in map(httpx.URL, urls(address)):
            if places := await self._resolve(url.host):
                return await _get(client, url, places[0])
        return b""


async def _get(client: httpx.AsyncClient, url: httpx.URL, place: tuple[str, int]) -> bytes:
    """The body at `url` on the host at that very place, whose certificate must be for the name; nothing for an answer that is no file."""
    at = url.copy_with(host=place[0], port=place[1])
    octets = b""
    async with client.stream("GET", at, headers={"Host": url.host}, extensions={"sni_hostname": url.host}) as response:
        if response.status_code != 200 or response.headers.get("Content-Encoding", "identity") != "identity":
            return b""
        # As it comes over the wire: nothing is unpacked, so that what is small there is small here.
        async for chunk in response.aiter_raw():
            octets += chunk
            if len(octets) > MAX_CERTIFICATE_OCTETS:
                return b""
    return octets
