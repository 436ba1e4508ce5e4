"""Telling a tenant's server: one POST, to public addresses only."""

from collections.abc import Mapping

import aiohttp

from parley.public_urls import UrlProblem, check_url
from parley_billing.core.webhook import Answer
from parley_runtime.public_http import public_session

#: Seconds for one attempt; the specification asks for 15 to 30.
ATTEMPT_SECONDS = 20.0
#: Attempts at the same time.
AT_ONCE = 32


class Poster:
    """`private_hosts`: names that may stand for addresses that are not public. `close` it."""

    def __init__(self, private_hosts: frozenset[str]) -> None:
        self._private_hosts = private_hosts
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What came of it; never raises. What the server says beside its status is not read."""
        try:
            check_url(url)
            if self._session is None:
                self._session = public_session(self._private_hosts, ATTEMPT_SECONDS, AT_ONCE)
            sent = {**headers, "Content-Type": "application/json", "User-Agent": "Parley"}
            async with self._session.post(url, data=body, headers=sent, allow_redirects=False) as answer:
                return Answer(answer.status, retry_after=_seconds(answer.headers.get("Retry-After")))
        except (aiohttp.ClientError, OSError, TimeoutError, UrlProblem, ValueError) as problem:
            return Answer(None, type(problem).__name__)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _seconds(text: str | None) -> float | None:
    """Of `Retry-After`, when it names seconds."""
    return float(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 8 else None
