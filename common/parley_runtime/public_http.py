"""HTTP to where tenants say, and to nowhere of our own: for their keys, and for their webhooks."""

import socket
import ssl

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from parley.public_urls import is_public


class PublicResolver(AbstractResolver):
    """Answers with public addresses only: what a name says is what is connected to, so no second look can differ."""

    def __init__(self, private_hosts: frozenset[str]) -> None:
        self._inner = ThreadedResolver()
        self._private_hosts = private_hosts

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if host not in self._private_hosts:
            found = [one for one in found if is_public(one["host"])]
        if not found:
            raise OSError("the host has no public address")
        return found

    async def close(self) -> None:
        await self._inner.close()


def public_session(private_hosts: frozenset[str], seconds: float, at_once: int) -> aiohttp.ClientSession:
    """For URLs that `parley.public_urls.check_url` took; never let it follow redirects. To be closed by whoever asks.

    `private_hosts`: names that may stand for addresses that are not public. `seconds`: for a whole request.
    """
    connector = aiohttp.TCPConnector(
        resolver=PublicResolver(private_hosts), limit=at_once, use_dns_cache=False, ssl=ssl.create_default_context()
    )
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # a small answer stays small
    )
