"""The demo's parent process: starts everything, says ready, keeps it running, ends it."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import Coroutine
from functools import partial
from typing import Any

import aiohttp
import redis
from aiohttp import web

from parley.redis_keys import Keys
from parley.tenants import Tenant
from parley_runtime import redis_client, settings
from parley_runtime.database import migrate
from parley_runtime.demo import plan
from parley_runtime.demo.background import in_thread, note
from parley_runtime.demo.options import Options
from parley_runtime.demo.program import Program
from parley_runtime.demo.site import STATIC, Site
from parley_runtime.demo.stores import Stores, close_stores, open_stores
from parley_runtime.demo.supervisor import Supervised, keep_running
from parley_runtime.demo.tenants import keep_tenants, publish
from parley_runtime.embedded import DataDirectory, SetupProblem, listening_socket
from parley_runtime.embedded.ports import LOOPBACK
from parley_runtime.registry import Registry

# All that `--fresh` deletes.
CONTENTS = ("valkey", "postgres", "spool", "log", "tenants.json", "tenants.new")

# From programs started to everything ready; a slow machine takes a few. Seconds.
READY_SECONDS = 60.0
# Between questions whether it is ready. Seconds.
ASK_EVERY = 0.05
# Between looks whether make is still there. Seconds.
LOOK_AT_PARENT_EVERY = 0.5
# What programs get after SIGTERM before SIGKILL; with the stores' share it stays below 3. Seconds.
STOP_SECONDS = 1.3


def run_demo(options: Options) -> None:
    """Run until ctrl-C or SIGTERM. Raises SetupProblem."""
    try:
        asyncio.run(_until_stopped(options))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SetupProblem(
                f"The disk of {options.directory} is full.", "Free some space, or name another with --data."
            ) from error
        raise


async def _until_stopped(options: Options) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Under nohup a closed terminal is to be ignored. SIGINT is not: scripts start background jobs that way.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            loop.add_signal_handler(number, stop.set)
    demo = Demo(options)
    work = asyncio.create_task(demo.run())
    stopped = asyncio.create_task(stop.wait())
    orphaned = asyncio.create_task(_make_gone())
    try:
        await asyncio.wait({work, stopped, orphaned}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            # It ends by itself only with a problem.
            await work
    finally:
        for task in (work, stopped, orphaned):
            task.cancel()
        await asyncio.gather(work, stopped, orphaned, return_exceptions=True)
        await demo.close()


async def _make_gone() -> None:
    """Returns when the `make` that started us is gone; never when it was something else.

    For the user make *is* the demo: kill -9 of it must not leave us running.
    """
    parent = os.getppid()
    while "MAKELEVEL" not in os.environ or os.getppid() == parent:  # noqa: ASYNC110 (nobody tells us of that)
        await asyncio.sleep(LOOK_AT_PARENT_EVERY)


class Demo:
    """Everything that runs. :meth:`close` ends it, whatever was started by then."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._ready = False
        self._programs: list[Program] = []
        self._stores: Stores | None = None
        self._site: web.AppRunner | None = None
        self._held = contextlib.ExitStack()

    async def run(self) -> None:
        """Start everything, say so, keep it running: never returns. Raises SetupProblem."""
        wanted = _settings()
        if not (STATIC / "index.html").is_file():
            raise SetupProblem("The demo's page is not built yet.", "Start with `make demo`, which builds it.")
        data = self._held.enter_context(DataDirectory(self._options.directory))
        if self._options.fresh:
            data.clear(CONTENTS)
        listener = self._held.enter_context(_public_socket(self._options.port))
        for name in ("log", "spool"):
            (data.path / name).mkdir(mode=0o700, exist_ok=True)
        tenants = keep_tenants(data.path)
        # Loading the migrations' libraries takes as long as the servers' start.
        loading = asyncio.create_task(in_thread(_load_migrations))
        self._stores = await open_stores(wanted, data.path)
        await loading
        await asyncio.gather(
            _migrated(self._stores.database_url),
            _published(wanted, self._stores.redis_url, tenants),
        )
        ports = plan.Ports.choose(listener.getsockname()[1])
        site_port = await self._open_site(Site(tenants, ports.metrics_urls))
        common = plan.environment(os.environ, self._stores, data.path, ports)
        log = data.path / "log"
        self._programs = [
            Program("billing", "parley_billing", log=log / "billing.log", env=plan.billing_environment(common, ports)),
            Program(
                "gateway",
                "parley_gateway",
                log=log / "gateway.log",
                env=plan.gateway_environment(common, ports, site_port, listener.fileno()),
                pass_fds=[listener.fileno()],
            ),
        ]
        children: list[Supervised] = [*self._stores.embedded, *self._programs]
        await _all(*(keep_running(child, lambda: self._ready) for child in children), self._announce(ports))

    async def close(self) -> None:
        """End what is running, within 3 s."""
        await asyncio.gather(*(in_thread(partial(program.stop, STOP_SECONDS)) for program in self._programs))
        if self._site is not None:
            await self._site.cleanup()
        if self._stores is not None:
            await close_stores(self._stores)
        self._held.close()

    async def _open_site(self, site: Site) -> int:
        self._site = web.AppRunner(site.application(), access_log=None, shutdown_timeout=0.1)
        await self._site.setup()
        listener = socket.create_server((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        await web.SockSite(self._site, listener).start()
        return port

    async def _announce(self, ports: plan.Ports) -> None:
        await _ready(ports.ready_urls)
        self._ready = True
        print(f"Parley is ready: http://{LOOPBACK}:{ports.public}/", flush=True)


def _settings() -> settings.Settings:
    try:
        return settings.load()
    except settings.SettingsError as error:
        raise SetupProblem(str(error)) from error


def _public_socket(port: int) -> socket.socket:
    """The wanted port, or a free one when somebody else has it."""
    listener = listening_socket(port)
    if listener is None:
        listener = listening_socket(0)
        assert listener is not None
        note(f"Port {port} is in use by another program; taking {listener.getsockname()[1]} instead.")
    return listener


def _load_migrations() -> None:
    import sqlalchemy.dialects.postgresql.asyncpg
    import sqlalchemy.ext.asyncio  # noqa: F401


async def _migrated(url: str) -> None:
    try:
        await migrate(url)
    except Exception as error:
        # Only its kind: the text may quote the address with the password in it.
        raise SetupProblem(
            f"The database could not be migrated ({type(error).__name__}).",
            "`parley doctor` says what is wrong with it.",
        ) from error


async def _published(wanted: settings.Settings, url: str, tenants: dict[str, Tenant]) -> None:
    client = redis_client.connect(url)
    try:
        await publish(Registry(client, Keys(wanted.redis_prefix)), tenants)
    except (OSError, redis.RedisError) as error:
        raise SetupProblem(
            f"Redis does not take the demo's tenants ({type(error).__name__}).",
            "`parley doctor` says what is wrong with it.",
        ) from error
    finally:
        await client.aclose()


async def _ready(urls: dict[str, str]) -> None:
    """Returns when every program says so. Raises SetupProblem after READY_SECONDS."""
    waiting = dict(urls)
    timeout = aiohttp.ClientTimeout(total=2)
    try:
        async with asyncio.timeout(READY_SECONDS), aiohttp.ClientSession(timeout=timeout) as session:
            while waiting:
                for name, url in list(waiting.items()):
                    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                        async with session.get(url) as answer:
                            if answer.status == 200:
                                del waiting[name]
                await asyncio.sleep(ASK_EVERY if waiting else 0)
    except TimeoutError as error:
        raise SetupProblem(
            f"After {READY_SECONDS:g} s the {' and the '.join(waiting)} did not say ready.",
            "Their logs are in the data directory, below log.",
        ) from error


async def _all(*work: Coroutine[Any, Any, None]) -> None:
    """Run all; the first problem ends the others and is raised as itself, not as a group."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except* SetupProblem as problems:
        raise problems.exceptions[0] from None
