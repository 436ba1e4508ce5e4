"""Wires a gateway: settings → parts → sockets. `parley gateway`, or `python -m parley_gateway`."""

import asyncio
import sys
from contextlib import AsyncExitStack, suppress

import click
import uvloop

from parley.redis_keys import Keys
from parley_gateway.core.bus_entry import BusEntry, Changed, Probe
from parley_gateway.core.meter import Meter
from parley_gateway.core.worker_policy import WorkerReport
from parley_gateway.shell.address_limits import limit_addresses
from parley_gateway.shell.admission import Admission
from parley_gateway.shell.app import public_app
from parley_gateway.shell.bus import BusReader, BusWriter
from parley_gateway.shell.fan_out import FanOut
from parley_gateway.shell.gateway import PING_EVERY, WHEEL, Gateway
from parley_gateway.shell.hub import SLOW_TICK, Hub
from parley_gateway.shell.joins import Joins
from parley_gateway.shell.load_shedding import LOOK_EVERY, LoadShedding
from parley_gateway.shell.operations import Operations
from parley_gateway.shell.page_store import PageStore
from parley_gateway.shell.presence_loop import FORGET_WAIT, TICK, PresenceLoop
from parley_gateway.shell.presence_store import PresenceStore
from parley_gateway.shell.readiness import Readiness
from parley_gateway.shell.silent_connections import KEEP_ALIVE, SILENCE_TICK, SilentConnections
from parley_gateway.shell.site import Site
from parley_gateway.shell.site_store import SiteStore
from parley_gateway.shell.spool import Spool, new_run
from parley_gateway.shell.usage_reporter import UsageReporter
from parley_gateway.shell.worker import Worker
from parley_gateway.shell.workers import supervise
from parley_gateway.shell.writer import Writer
from parley_runtime import database, redis_client
from parley_runtime.clock import SystemClock
from parley_runtime.http.health import operators_app
from parley_runtime.http.key_sets import wait_for_keys
from parley_runtime.http.listening import SHUTDOWN, listen
from parley_runtime.key_sets import TICK as KEYS_TICK
from parley_runtime.key_sets import Fetcher, KeySets
from parley_runtime.lifecycle import Background, until_stopped
from parley_runtime.reaching import reach_database
from parley_runtime.settings import Settings, SettingsError, load
from parley_runtime.telemetry import Metrics, configure_logging, get_logger
from parley_runtime.tenant_view import TenantView
from parley_runtime.tokens import TokenVerifier

#: Seconds for which a stopping gateway waits for billing to confirm the last usage; the rest stays on the spool.
CONFIRM_WAIT = 3.0
#: Seconds for which it waits for commits under way; whoever is not answered sends the same again elsewhere.
COMMIT_WAIT = 2.0


async def serve(settings: Settings, worker: Worker | None = None) -> None:
    """Run one gateway until it is told to stop. `worker`: what it was given by the parent that shares its port out."""
    clock, metrics, keys = SystemClock(), Metrics(), Keys(settings.redis_prefix)
    run = new_run(clock.now_ms())
    redis_url = settings.redis_url.get_secret_value()
    client = redis_client.connect(redis_url)
    blocking = redis_client.connect(redis_url, read_timeout=5.0)
    pool = await reach_database(settings, "parley_gateway")
    store = PageStore(pool)

    tenants = TenantView(client, keys)
    fetcher = Fetcher(frozenset(settings.jwks_private_hosts))
    key_sets = KeySets(tenants, clock, fetcher)
    admission = Admission(TokenVerifier(key_sets, clock), key_sets, clock, settings, metrics)
    fan_out, meter = FanOut(), Meter(clock)
    hub = Hub(store, clock, settings, metrics, fan_out)
    bus = BusWriter(client, keys, metrics)
    background = Background()
    readiness = Readiness(run, bus, store, tenants, background, clock, metrics)
    presence = PresenceLoop(hub, PresenceStore(client, keys, run, settings.presence_lease_ms), bus, clock, settings)

    def committed(entry: Changed) -> None:
        hub.apply(entry)
        bus.publish(entry)

    def arrived(entry: BusEntry) -> None:
        if isinstance(entry, Probe):
            readiness.seen(entry)
        else:
            hub.receive(entry)

    writer = Writer(store, tenants, clock, metrics, committed=committed, doubtful=hub.doubtful)
    reader = BusReader(blocking, keys, metrics, entry=arrived, lost=hub.compare_soon)
    reporter = UsageReporter(meter, Spool(settings.spool_directory, run), client, keys, clock, settings, metrics)
    gateway = Gateway(
        clock=clock,
        metrics=metrics,
        meter=meter,
        hub=hub,
        bus=bus,
        joins=Joins(hub, presence),
        presence=presence,
        admission=admission,
        operations=Operations(admission, writer),
    )
    key_sets.on_change(gateway.tenant_changed)

    await tenants.load()
    background.run("tenants", tenants.follow())
    background.run("bus writer", bus.run())
    background.run("bus reader", reader.run())
    background.run("fan-out", fan_out.run())
    # Two loops: a Redis that does not answer must not keep the gateway from asking the database.
    background.repeat("anti-entropy", hub.compare_all, settings.heads_interval_ms / 1000)
    background.repeat("look at the bus", reader.look, settings.heads_interval_ms / 1000)
    background.repeat("presence", presence.tick, TICK)
    background.repeat("slow clients", hub.look_at_slow, SLOW_TICK)
    background.repeat("pings", gateway.ping_share, PING_EVERY / WHEEL)
    background.repeat("key sets", key_sets.tick, KEYS_TICK)
    background.run("probe", readiness.run())
    shedding = LoadShedding(settings, clock, metrics)
    background.repeat("own load", shedding.look, LOOK_EVERY)
    reporter.start()

    site = Site(SiteStore(pool), writer, client, keys, clock)
    application = public_app(gateway, readiness, settings.forward, site)
    limit_addresses(application, settings, clock, metrics)
    wait_for_keys(application, key_sets)
    silent = SilentConnections()
    # The first to see a request, and inside of nothing that reads of it.
    application.middlewares[:0] = [silent.middleware, shedding.middleware]
    sites, until = AsyncExitStack(), 0.0

    def left(share: float, most: float) -> float:
        """Seconds for the next step of stopping: a share of what is left for all of them."""
        return min(most, max(0.05, share * (until - clock.monotonic())))

    try:
        operators = operators_app(metrics.text, readiness.missing)
        private = await listen(operators, settings.metrics_listen, worker.metrics_fd if worker else None)
        sites.push_async_callback(private.cleanup)
        public = await listen(
            application,
            settings.listen,
            settings.listen_fd,
            keep_alive=KEEP_ALIVE,
            shutdown=min(SHUTDOWN, 0.1 * settings.drain_seconds),
        )
        sites.push_async_callback(public.cleanup)

        async def end_silent() -> None:
            if public.server is not None:
                silent.sweep(public.server.connections, clock.monotonic())

        background.repeat("silent connections", end_silent, SILENCE_TICK)
        if worker is not None:
            background.run("report", worker.report(lambda: WorkerReport(gateway.connection_count, readiness.missing())))
        get_logger().info("gateway started", run=run)
        await until_stopped()
        get_logger().info("gateway is draining", run=run)
        readiness.draining, until = True, clock.monotonic() + settings.drain_seconds
        await gateway.drain(settings.drain_seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(left(0.3, COMMIT_WAIT)):
                await writer.close()
    finally:
        await sites.aclose()
        await presence.forget_all(left(0.3, FORGET_WAIT))
        await background.close()
        await key_sets.close()
        await fetcher.close()
        # Last of what counts: nothing is written to a client any more, so nothing can be left unsealed.
        await reporter.close(seconds=left(0.6, CONFIRM_WAIT))
        await database.close(pool, left(0.8, database.CLOSE_WAIT))
        await client.aclose()
        await blocking.aclose()
    get_logger().info("gateway stopped", run=run)


@click.command()
@click.option("--listen", help="host:port for clients (setting PARLEY_LISTEN).")
@click.option("--fd", "listen_fd", type=int, help="An inherited listening socket, instead of --listen.")
@click.option("--drain-seconds", type=int, help="How long stopping may take (setting PARLEY_DRAIN_SECONDS).")
@click.option("--workers", type=int, help="Processes that share the port, one for each core (setting PARLEY_WORKERS).")
@click.option("--metrics-fd", type=int, hidden=True)
@click.option("--report-fd", type=int, hidden=True)
def gateway(metrics_fd: int | None, report_fd: int | None, **given: str | int | None) -> None:
    """Run a gateway: it speaks to browsers, commits, and tells everybody on the page."""
    worker = None if metrics_fd is None or report_fd is None else Worker(metrics_fd, report_fd)
    try:
        settings = load(**{name: value for name, value in given.items() if value is not None})
    except SettingsError as problem:
        click.echo(str(problem), err=True)
        sys.exit(2)
    configure_logging(settings.log_level)
    try:
        if settings.workers > 1:
            sys.exit(asyncio.run(supervise(settings, settings.workers)))
        uvloop.run(serve(settings, worker))
    except SettingsError as problem:
        click.echo(str(problem), err=True)
        sys.exit(2)


if __name__ == "__main__":
    gateway()
