"""Tenants' keys at URLs: fetched when a token needs them, kept fresh while tokens come. `parley.jwks` decides when."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import aiohttp
from msgspec.structs import replace

from parley.clock import Clock
from parley.jwks import KeySet, max_age, with_keys
from parley.public_urls import UrlProblem, check_url
from parley.tenants import NAME, Key, Tenant
from parley_runtime.compact_token import take_apart
from parley_runtime.jwk_set import BadKeySet, read_key_set
from parley_runtime.public_http import public_session
from parley_runtime.telemetry import get_logger
from parley_runtime.tenant_view import OnChange, TenantView

#: url → (the set's keys, seconds for which to believe it). Raises one of `FETCH_FAULTS`.
Fetch: TypeAlias = Callable[[str], Awaitable[tuple[tuple[Key, ...], float]]]
FETCH_FAULTS = (aiohttp.ClientError, OSError, TimeoutError, BadKeySet, UrlProblem)

#: Seconds for one fetch, all of it.
FETCH_SECONDS = 5.0
#: Bytes of a set: twenty RSA keys of 4,096 bits with certificates beside them.
LONGEST_SET = 65_536
#: Fetches at the same time. Whoever runs slow servers delays at most those who run some, too.
FETCHES = 32
#: Seconds between two looks at what is due.
TICK = 1.0

_NOBODY = Tenant("nobody", 0, [])


class Fetcher:
    """Gets key sets over https. `private_hosts`: names that may stand for addresses that are not public."""

    def __init__(self, private_hosts: frozenset[str]) -> None:
        self._private_hosts = private_hosts
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, url: str) -> tuple[tuple[Key, ...], float]:
        check_url(url)
        if self._session is None:
            self._session = public_session(self._private_hosts, FETCH_SECONDS, FETCHES)
        # No redirects: where keys are is the tenant's own word, and no other server's.
        headers = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}
        async with self._session.get(url, allow_redirects=False, headers=headers) as answer:
            if answer.status != 200:
                raise BadKeySet(f"the answer has the status {answer.status}")
            data = await answer.content.read(LONGEST_SET + 1)
            while len(data) <= LONGEST_SET and (more := await answer.content.read(LONGEST_SET + 1 - len(data))):
                data += more
            if len(data) > LONGEST_SET:
                raise BadKeySet(f"it has more than {LONGEST_SET} bytes")
            return read_key_set(data), max_age(answer.headers.get("Cache-Control"))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class KeySets:
    """The tenants of a `TenantView` with the keys at their URLs added, for whoever verifies tokens.

    A key that leaves its set is a key that was retired: tokens of it are refused, and what they opened ends.
    """

    def __init__(self, tenants: TenantView, clock: Clock, fetch: Fetch) -> None:
        self._tenants = tenants
        self._clock = clock
        self._fetch = fetch
        self._with_url: set[str] = set()
        self._sets: dict[str, KeySet] = {}
        self._merged: dict[str, Tenant] = {}
        self._callbacks: list[OnChange] = []
        self._fetches: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(FETCHES)
        tenants.on_change(self._record_changed)

    def get(self, name: str) -> Tenant | None:
        """The tenant's record with all its keys."""
        return self._merged.get(name) or self._tenants.get(name)

    def on_change(self, callback: OnChange) -> None:
        """As `TenantView.on_change`, and also after each change of a set."""
        self._callbacks.append(callback)

    @property
    def in_use(self) -> bool:
        """Whether any tenant has keys at a URL."""
        return bool(self._with_url)

    def fetch_for(self, token: str | None) -> "asyncio.Task[None] | None":
        """The fetch to wait for before this token can be verified; None when there is none, as nearly always."""
        if not self.in_use:
            return None
        name, kid = _names(token)
        record = self._tenants.get(name) if name in self._with_url else None
        if record is None or record.jwks_url is None or any(key.kid == kid for key in record.keys):
            return None
        now = self._clock.monotonic()
        held = self._sets.get(record.name)
        if held is None:
            held = self._sets[record.name] = KeySet(record.jwks_url, now)
        held.used(now)
        if held.has(kid):
            return None
        if held.may_ask_for(kid, now):
            self._start(record.name, held, now)
        return self._fetches.get(record.name)

    async def ready_for(self, token: str | None) -> None:
        """Wait, at most as long as a fetch takes, for the key that this token names. Whether it came, `verify` says."""
        if (fetch := self.fetch_for(token)) is not None:
            await asyncio.wait([fetch], timeout=FETCH_SECONDS)

    async def tick(self) -> None:
        """Start what is due, forget what is over. To be called every `TICK` seconds."""
        now = self._clock.monotonic()
        for name, held in list(self._sets.items()):
            if held.is_idle(now) and not held.fetching:
                del self._sets[name]
                self._set_changed(name)
                continue
            if held.expire(now):
                get_logger().warning("a tenant's key set was out of reach for too long", tenant=name)
                self._set_changed(name)
            if held.is_due(now):
                self._start(name, held, now)

    async def close(self) -> None:
        """End what runs."""
        running = list(self._fetches.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _start(self, name: str, held: KeySet, now: float) -> None:
        held.started(now)
        task = self._fetches[name] = asyncio.create_task(self._get(name, held), name="key set")
        task.add_done_callback(lambda done: self._fetches.pop(name) if self._fetches.get(name) is done else None)

    async def _get(self, name: str, held: KeySet) -> None:
        try:
            async with self._slots:
                keys, age = await self._fetch(held.url)
        except FETCH_FAULTS as problem:
            held.failed(self._clock.monotonic())
            why = str(problem) if isinstance(problem, BadKeySet | UrlProblem) else type(problem).__name__
            get_logger().warning("a tenant's key set cannot be fetched", tenant=name, why=why)
            return
        if held.fetched(keys, age, self._clock.monotonic()) and self._sets.get(name) is held:
            self._set_changed(name)

    def _record_changed(self, old: Tenant | None, new: Tenant | None) -> None:
        name = (new or old or _NOBODY).name
        url = None if new is None or new.state == "deleted" else new.jwks_url
        (self._with_url.discard if url is None else self._with_url.add)(name)
        held = self._sets.get(name)
        if held is not None and held.url != url:
            del self._sets[name]
        self._merge(name, self._merged.get(name, old))

    def _set_changed(self, name: str) -> None:
        self._merge(name, self.get(name))

    def _merge(self, name: str, old: Tenant | None) -> None:
        """Make the merged record anew, and tell what it was and is."""
        record, held = self._tenants.get(name), self._sets.get(name)
        self._merged.pop(name, None)
        if record is not None and held is not None and held.keys:
            self._merged[name] = replace(record, keys=with_keys(record, held.keys))
        new = self.get(name)
        for callback in self._callbacks:
            callback(old, new)


def _names(token: str | None) -> tuple[str | None, str | None]:
    """(tenant, kid) that a token claims, not proven; (None, None) for what is no token."""
    try:
        parts: Any = take_apart(token or "")
    except ValueError:
        return None, None
    name, kid = parts.payload.get("tenant"), parts.header.get("kid")
    if not isinstance(name, str) or NAME.fullmatch(name) is None or not isinstance(kid, str | None):
        return None, None
    return name, kid
