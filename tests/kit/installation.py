"""A whole installation of real processes, each of which a test can break."""

import asyncio
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
import redis

from kit.billing_process import BillingProcess
from kit.fault_proxy import FaultProxy
from kit.faults.shim import Shim
from kit.gateway import GatewayProcess
from kit.servers import run_apart
from kit.tenants import KitTenant, add_tenant
from kit.usage_tap import UsageTap
from parley_runtime.database import migrate
from parley_runtime.embedded import PostgresServer, ValkeyServer

T = TypeVar("T")

#: By name, so that names can be lost.
NAME = "localhost"


class ShimmedPostgres(PostgresServer):
    """A Postgres whose disk can be full, and that can move to another port."""

    def __init__(self, directory: Path, shim: Shim) -> None:
        self.shim = shim
        super().__init__(directory)

    def _start(self) -> None:
        with patch.dict(os.environ, self.shim.environment):
            super()._start()

    def move(self) -> None:
        """Stop it, and start it on another port, with its data."""
        self._child.stop(self._stop_signal)
        self._data.retake()
        self._fixed_port = None
        self._start()


class Installation:
    """Postgres, a Valkey that keeps nothing on disk, gateways and billing, each behind proxies of its own to both.

    `proxies` are the gateways' to Valkey, `databases` theirs to Postgres, `fronts` those of clients to them, `shims`
    what they are told from below: each by the gateway's number.
    """

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self._directory = directory
        self._stack = stack
        self._numbers = itertools.count(1)
        directory.mkdir(parents=True, exist_ok=True)
        self.postgres = ShimmedPostgres(directory / "postgres", self._shim())
        stack.callback(lambda: self.postgres.stop())
        run_apart(lambda: migrate(self.postgres.url))
        self.valkey = ValkeyServer(directory / "valkey")
        stack.callback(lambda: self.valkey.stop())
        self.gateways: list[GatewayProcess] = []
        self.proxies: list[FaultProxy] = []
        self.databases: list[FaultProxy] = []
        self.fronts: list[FaultProxy] = []
        self.shims: list[Shim] = []
        #: What every gateway there ever was sealed and sent.
        self.taps: list[UsageTap] = []
        self._ways: list[tuple[FaultProxy, FaultProxy]] = []
        self._errors = 0
        self._billing: BillingProcess | None = None

    def _shim(self) -> Shim:
        shim = Shim(self._directory / f"shim-{next(self._numbers)}")
        self._stack.callback(shim.close)
        return shim

    def _way(self, host: str) -> tuple[FaultProxy, FaultProxy]:
        """Proxies to Valkey and to Postgres."""
        way = FaultProxy(self.valkey.url, tapped=True, host=host), FaultProxy(self.postgres.url, host=host)
        for proxy in way:
            self._stack.callback(proxy.close)
        self._ways.append(way)
        return way

    def add_gateway(self, **settings: str) -> GatewayProcess:
        """One more gateway, ready."""
        valkey, postgres = self._way(NAME)
        shim = self._shim()
        directory = self._directory / f"gateway-{next(self._numbers)}"
        gateway = GatewayProcess(directory, valkey.url, postgres.url, settings, shim.environment)
        self._stack.callback(gateway.end)
        front = FaultProxy(gateway.live_url)
        self._stack.callback(front.close)
        self.gateways.append(gateway)
        self.proxies.append(valkey)
        self.taps.append(valkey.tap)
        self.databases.append(postgres)
        self.shims.append(shim)
        self.fronts.append(front)
        return gateway

    def remove_gateway(self) -> None:
        """Let the last one drain and end."""
        gateway = self.gateways.pop()
        assert gateway.terminate() == 0
        del self.proxies[-1], self.databases[-1], self.shims[-1], self.fronts[-1]

    def new_tenant(self) -> KitTenant:
        """A tenant that no gateway knows yet; they hear of it in a moment."""
        return add_tenant(self.valkey.url, f"tenant-{next(self._numbers)}")

    @property
    def billing(self) -> BillingProcess:
        """Billing, started and ready when first asked for."""
        if self._billing is None:
            valkey, postgres = self._way("127.0.0.1")
            self._billing = BillingProcess(self._directory, valkey.url, postgres.url)
            self._stack.callback(self._billing.kill)
            self._billing.start()
            self._billing.wait_ready()
        return self._billing

    @property
    def urls(self) -> list[str]:
        return [gateway.live_url for gateway in self.gateways]

    @property
    def front_urls(self) -> list[str]:
        return [front.url for front in self.fronts]

    def redis(self) -> "redis.Redis":
        """A client of Valkey itself, past the proxies."""
        return redis.Redis.from_url(self.valkey.url)

    def add_replica(self) -> tuple[ValkeyServer, FaultProxy]:
        """A replica of Valkey, with the same password, in step with it; and the link between them."""
        link = FaultProxy(self.valkey.url)
        self._stack.callback(link.close)
        parts = urlsplit(link.url)
        assert parts.password
        replica = ValkeyServer(
            self._directory / f"valkey-{next(self._numbers)}",
            config={
                "requirepass": parts.password,
                "masterauth": parts.password,
                "repl-diskless-sync-delay": "0",
            },
        )
        self._stack.callback(replica.stop)
        with redis.Redis.from_url(replica.url) as client:
            # By command, not by its configuration: promoted and started anew, it must not follow again.
            client.replicaof(str(parts.hostname), str(parts.port))
            while client.info("replication")["master_link_status"] != "up":
                pass
        return replica, link

    def follow(self) -> None:
        """Let everybody's new connections go to where Valkey and Postgres are now."""
        for valkey, postgres in self._ways:
            valkey.retarget(self.valkey.url)
            postgres.retarget(self.postgres.url)

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
        made = Installation(tmp_path_factory.mktemp("installation"), stack)
        made.add_gateway()
        made.add_gateway()
        yield made
