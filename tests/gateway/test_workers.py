"""Several workers behind one port: spread, crash, restart, end, metrics, and the usage of one that was killed."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AsyncExitStack

import psutil  # type: ignore[import-untyped]
import pytest

from kit.gateway import ROOMS, GatewayProcess, MakeGateway
from kit.installation import Installation, apart
from kit.tenants import ORIGIN, KitTenant, add_tenant
from kit.usage_sums import booked, spooled, sums_of_bodies
from kit.waiting import until
from kit.wire_client import WireClient
from kit.wire_samples import anchor
from parley.metrics import CONNECTIONS, SPOOL_ADOPTED, SPOOL_RECORDS, WORKER_RESTARTS, WORKERS_READY
from parley_gateway.shell.worker import REPORT_EVERY

pytestmark = pytest.mark.servers

PAGE = "https://acme.test/post"


def _workers(gateway: GatewayProcess) -> list[psutil.Process]:
    return sorted(psutil.Process(gateway.pid).children(), key=lambda process: process.pid)


def _parent_ready(gateway: GatewayProcess) -> bool:
    try:
        with urllib.request.urlopen(gateway.metrics_url.replace("/metrics", "/healthz/ready"), timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


async def _until(true: Callable[[], object]) -> None:
    """Wait for what is asked of other processes, while the clients read on."""
    await until(lambda: apart(true), 30)


async def _ready(gateway: GatewayProcess, count: int = 2) -> None:
    await _until(lambda: _parent_ready(gateway) and gateway.metric(WORKERS_READY.name) == count)


def _held(gateway: GatewayProcess, count: int = 2) -> list[float]:
    """Connections of each worker."""
    return [gateway.metric(CONNECTIONS.name, transport="websocket", worker=str(number)) for number in range(count)]


def _sealed(gateway: GatewayProcess, tenant: KitTenant) -> int:
    """Deliveries in the records on the workers' spools."""
    return sums_of_bodies(spooled(gateway.spool).values(), tenant.name)["delivery", "messages"]


async def _come(stack: AsyncExitStack, gateway: GatewayProcess, tenant: KitTenant, count: int) -> list[WireClient]:
    async def one(number: int) -> WireClient:
        client = await WireClient.open(gateway.live_url, tenant.token(f"r{number}"), origin=ORIGIN)
        stack.push_async_callback(client.close)
        await client.join(PAGE)
        return client

    return list(await asyncio.gather(*(one(number) for number in range(count))))


async def test_readers_spread_over_the_workers_and_a_crashed_one_catches_up(
    redis_url: str, database_url: str, make_gateway: MakeGateway
) -> None:
    tenant = add_tenant(redis_url)
    gateway = make_gateway(redis_url, database_url, WORKERS="2")
    await _ready(gateway)
    async with AsyncExitStack() as stack:
        clients = await _come(stack, gateway, tenant, 120)
        held = _held(gateway)
        assert sum(held) == 120 and min(held) >= 36, held
        chat = await clients[0].do(PAGE, "new-chat", anchor=anchor(), text="Who sees this?")
        await asyncio.gather(*(client.reach(PAGE, chat["seq"]) for client in clients))
        before = [process.pid for process in _workers(gateway)]
        # The parent shares out by what it was told last.
        await asyncio.sleep(2 * REPORT_EVERY)

        os.kill(before[0], signal.SIGKILL)
        gone = int(held[0]), int(held[1])
        await _until(lambda: sum(client.over for client in clients) in gone)
        kept = [client for client in clients if not client.over]
        assert len(kept) in gone
        # Nobody is refused meanwhile: whoever comes before the new worker is there waits for it.
        await _come(stack, gateway, tenant, 120 - len(kept))
        await _ready(gateway)
        held = _held(gateway)
        assert sum(held) == 120 and min(held) >= 36, held
        assert sum(gateway.metric(WORKER_RESTARTS.name, worker=str(number)) for number in range(2)) == 1
        assert not any(client.over for client in kept)
        after = [process.pid for process in _workers(gateway)]
        assert len(after) == 2 and len(set(after) & set(before)) == 1


async def test_what_a_killed_worker_counted_is_booked(installation: Installation) -> None:
    tenant = installation.new_tenant()
    gateway = await apart(lambda: installation.add_gateway(WORKERS="2", SEAL_INTERVAL_MS="50"))
    await _ready(gateway)
    async with AsyncExitStack() as stack:
        clients = await _come(stack, gateway, tenant, 20)
        chat = await clients[0].do(PAGE, "new-chat", anchor=anchor(), text="Counted?")
        await asyncio.gather(*(client.reach(PAGE, chat["seq"]) for client in clients))
        # Everything is sealed, and nothing is confirmed: there is no billing yet.
        await _until(lambda: _sealed(gateway, tenant) == len(clients))
        os.kill(_workers(gateway)[0].pid, signal.SIGKILL)
        # Both share the spool's directory: its sibling, or its successor, takes over what it left.
        await _until(lambda: sum(gateway.metric(SPOOL_ADOPTED.name, worker=str(n)) for n in range(2)) >= 1)
        await apart(lambda: installation.billing)

        async def counted() -> int:
            _, tables = await booked(installation.postgres.url, tenant.name)
            return max((sums["delivery", "messages"] for sums in tables.values()), default=0)

        async def all_booked() -> bool:
            return await counted() >= len(clients)

        await until(all_booked, 30)
        assert await counted() == len(clients)
        await _until(
            lambda: (
                not list(gateway.spool.glob("*.spool"))
                or not sum(gateway.metric(SPOOL_RECORDS.name, worker=str(n)) for n in range(2))
            )
        )


async def test_the_end_of_the_parent_is_the_end_of_all(
    redis_url: str, database_url: str, make_gateway: MakeGateway
) -> None:
    tenant = add_tenant(redis_url)
    gateway = make_gateway(redis_url, database_url, WORKERS="2", DRAIN_SECONDS="2")
    await _ready(gateway)
    async with AsyncExitStack() as stack:
        clients = await _come(stack, gateway, tenant, 12)
        ended = asyncio.create_task(apart(gateway.terminate))
        # Each worker asks its own to move, and says at the end that it restarts.
        await asyncio.gather(*(client.next("move") for client in clients))
        assert {await client.ended() for client in clients} == {1012}
        assert await ended == 0

    again = make_gateway(redis_url, database_url, WORKERS="2")
    await _ready(again)
    workers = _workers(again)
    os.kill(again.pid, signal.SIGKILL)
    _, alive = await apart(lambda: psutil.wait_procs(workers, timeout=20))
    assert alive == []


def test_settings_that_cannot_be_used_end_it_at_once(redis_url: str, database_url: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
    environment |= {"PYTHONPATH": ROOMS, "PARLEY_REDIS_URL": redis_url, "PARLEY_DATABASE_URL": database_url}

    def run(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "parley_gateway", "--workers", "2", *arguments]
        given = {f"PARLEY_{name}": value for name, value in settings.items()}
        return subprocess.run(command, env=environment | given, capture_output=True, text=True, timeout=60, check=False)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run("--listen", address)
        assert done.returncode == 2 and "Choose another address" in done.stderr
        assert "Traceback" not in done.stderr
    done = run("--fd", "0")
    assert done.returncode == 2 and "PARLEY_LISTEN_FD" in done.stderr
    # A fault that only the workers find ends their parent, too.
    done = run("--listen", "127.0.0.1:0", METRICS_LISTEN="127.0.0.1:0", REDIS_URL="nonsense")
    assert done.returncode == 2 and "PARLEY_REDIS_URL" in done.stderr
