"""A whole installation of real processes, each of which a test can break."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import pytest
import redis

from kit.billing_process import BillingProcess
from kit.fault_proxy import FaultProxy
from kit.gateway import GatewayProcess
from kit.servers import run_apart
from kit.tenants import KitTenant, add_tenant
from parley_runtime.embedded import PostgresServer, ValkeyServer

T = TypeVar("T")


class Installation:
    """Postgres, a Valkey that keeps nothing on disk, gateways each behind a proxy of their own to it."""

    def __init__(self, directory: Path, postgres: PostgresServer, valkey: ValkeyServer, stack: ExitStack) -> None:
        from parley_runtime.database import migrate

        run_apart(lambda: migrate(postgres.url))
        self.postgres = postgres
        self.valkey = valkey
        self.gateways: list[GatewayProcess] = []
        self.proxies: list[FaultProxy] = []
        self._directory = directory
        self._stack = stack
        self._numbers = itertools.count(1)
        self._errors = 0
        self._billing: BillingProcess | None = None

    def add_gateway(self, **settings: str) -> GatewayProcess:
        """One more gateway, ready. Its own proxy to Redis is the last of `proxies`."""
        proxy = FaultProxy(self.valkey.url)
        self._stack.callback(proxy.close)
        directory = self._directory / f"gateway-{next(self._numbers)}"
        gateway = GatewayProcess(directory, proxy.url, self.postgres.url, settings)
        self._stack.callback(gateway.end)
        self.proxies.append(proxy)
        self.gateways.append(gateway)
        return gateway

    def new_tenant(self) -> KitTenant:
        """A tenant that no gateway knows yet; they hear of it in a moment."""
        return add_tenant(self.valkey.url, f"tenant-{next(self._numbers)}")

    @property
    def billing(self) -> BillingProcess:
        """Billing, started and ready when first asked for."""
        if self._billing is None:
            self._billing = BillingProcess(self._directory, self.valkey.url, self.postgres.url)
            self._stack.callback(self._billing.kill)
            self._billing.start()
            self._billing.wait_ready()
        return self._billing

    @property
    def urls(self) -> list[str]:
        return [gateway.live_url for gateway in self.gateways]

    def redis(self) -> "redis.Redis":
        """A client of Valkey itself, past the proxies."""
        return redis.Redis.from_url(self.valkey.url)

    def new_errors(self) -> list[str]:
        """What gateways logged as errors since the last time: no fault of a dependency is one."""
        lines = [line for gateway in self.gateways for line in gateway.log.read_text().splitlines()]
        errors = [line for line in lines if '"level": "error"' in line]
        before, self._errors = self._errors, len(errors)
        return errors[before:]


async def apart(work: Callable[[], T]) -> T:
    """Do blocking work while the load goes on."""
    return await asyncio.to_thread(work)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One for all tests of a file, with two gateways. What a test breaks it mends; each has a tenant of its own."""
    with ExitStack() as stack:
        directory = tmp_path_factory.mktemp("installation")
        postgres = PostgresServer(directory / "postgres")
        stack.callback(postgres.stop)
        valkey = ValkeyServer(directory / "valkey")
        stack.callback(valkey.stop)
        made = Installation(directory, postgres, valkey, stack)
        made.add_gateway()
        made.add_gateway()
        yield made
