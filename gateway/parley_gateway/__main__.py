"""Wires a gateway: settings → parts → sockets. `parley gateway`, or `python -m parley_gateway`."""

import asyncio
import gc
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

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
from parley_gateway.shell.send_ring import best_way
from parley_gateway.shell.silent_connections import KEEP_ALIVE, SILENCE_TICK, SilentConnections
from parley_gateway.shell.site import Site
from parley_gateway.shell.site_store import SiteStore
from parley_gateway.shell.spool import Spool, new_run
from parley_gateway.shell.typing_signals import TypingSignals
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
from parley_runtime.lifecycle import Background, end_all, until_stopped
from parley_runtime.otlp_metrics import MetricsExport, export_metrics
from parley_runtime.reaching import reach_database
from parley_runtime.settings import Settings, SettingsError, load
from parley_runtime.telemetry import Metrics, configure_logging, get_logger
from parley_runtime.tenant_view import TenantView
from parley_runtime.tokens import TokenVerifier

if TYPE_CHECKING:
    from parley_gateway.shell.tracing import Tracing

#: Seconds for which a stopping gateway waits for billing to confirm the last usage; the rest stays on the spool.
CONFIRM_WAIT = 3.0
#: Seconds for operations that were taken. What has not come to its commit then is refused: not done, not counted.
COMMIT_WAIT = 2.0
#: Seconds at least, and at most, for the answer to a commit that was sent, however little time there is: without it
#: nobody knows whether to count. A database that does not give it gets no other answer from us either.
ANSWER_LEAST, ANSWER_MOST = 1.0, database.STATEMENT_TIMEOUT


#: Container objects made before memory is searched for cycles: such a search costs as much as there are connections,
#: and what HTTP leaves behind of each is the only cycle that there is.
COLLECT_AFTER = 20_000


class _Process:
    """All parts of one gateway, wired."""

    def __init__(self, settings: Settings, worker: Worker | None, pool: database.Pool) -> None:
        self.settings, self.worker, self.pool = settings, worker, pool
        self.clock, self.metrics, keys = SystemClock(), Metrics(), Keys(settings.redis_prefix)
        clock, metrics = self.clock, self.metrics
        self.run_name = new_run(clock.now_ms())
        redis_url = settings.redis_url.get_secret_value()
        client = self.client = redis_client.connect(redis_url)
        self.blocking = redis_client.connect(redis_url, read_timeout=None)
        store = PageStore(pool)

        self.tenants = TenantView(client, keys)
        self.fetcher = Fetcher(frozenset(settings.jwks_private_hosts))
        self.key_sets = KeySets(self.tenants, clock, self.fetcher)
        admission = Admission(TokenVerifier(self.key_sets, clock), self.key_sets, clock, settings, metrics)
        self.fan_out, meter = FanOut(best_way(settings.io_uring)), Meter(clock)
        self.tracing = _tracing(settings, self.run_name)
        self.hub = Hub(store, clock, settings, metrics, self.fan_out)
        self.hub.tracing = self.tracing
        self.bus = BusWriter(client, keys, metrics)
        self.typing = TypingSignals(store, self.bus, clock)
        self.background = Background()
        self.readiness = Readiness(self.run_name, self.bus, store, self.tenants, self.background, clock, metrics)
        leases = PresenceStore(client, keys, self.run_name, settings.presence_lease_ms)
        self.presence = PresenceLoop(self.hub, leases, self.bus, clock, settings)

        self.writer = Writer(
            store,
            self.tenants,
            clock,
            metrics,
            committed=self._committed,
            doubtful=self.hub.doubtful,
            tracing=self.tracing,
        )
        self.reader = BusReader(self.blocking, keys, metrics, entry=self._arrived, lost=self.hub.compare_soon)
        spool = Spool(settings.spool_directory, self.run_name)
        self.reporter = UsageReporter(meter, spool, client, keys, clock, settings, metrics)
        self.gateway = Gateway(
            clock=clock,
            metrics=metrics,
            meter=meter,
            hub=self.hub,
            typing=self.typing,
            joins=Joins(self.hub, self.presence),
            presence=self.presence,
            admission=admission,
            operations=Operations(admission, self.writer, self.tracing),
        )
        self.key_sets.on_change(self.gateway.tenant_changed)
        self.shedding = LoadShedding(settings, clock, metrics)
        self.silent = SilentConnections()
        self.export: MetricsExport | None = None
        self.site = Site(SiteStore(pool), self.writer, client, keys, clock)
        self._until = 0.0

    def _committed(self, entry: Changed) -> None:
        self.hub.apply(entry)
        self.bus.publish(entry)

    def _arrived(self, entry: BusEntry) -> None:
        if isinstance(entry, Probe):
            self.readiness.seen(entry)
        else:
            self.hub.receive(entry)

    async def run(self) -> None:
        """Until it is told to stop."""
        await self.tenants.load()
        self._begin()
        sites = AsyncExitStack()
        try:
            await self._listen(sites)
            gc.collect()
            gc.freeze()
            gc.set_threshold(COLLECT_AFTER, 50, 50)
            get_logger().info("gateway started", run=self.run_name)
            await until_stopped()
            get_logger().info("gateway is draining", run=self.run_name)
            self.readiness.draining, self._until = True, self.clock.monotonic() + self.settings.drain_seconds
            await self.gateway.drain(self.settings.drain_seconds)
            # From here on nothing is accepted, over whatever transport; so what is sealed last is all there was.
            await self.writer.close(self._left(0.3, COMMIT_WAIT), max(ANSWER_LEAST, self._left(0.5, ANSWER_MOST)))
        finally:
            await self._end(sites)
        get_logger().info("gateway stopped", run=self.run_name)

    def _begin(self) -> None:
        """What goes on beside the requests."""
        background, hub, heads = self.background, self.hub, self.settings.heads_interval_ms / 1000
        background.run("tenants", self.tenants.follow())
        background.run("bus writer", self.bus.run())
        background.run("typing", self.typing.run())
        background.run("bus reader", self.reader.run())
        background.run("fan-out", self.fan_out.run())
        # Two loops: a Redis that does not answer must not keep the gateway from asking the database.
        background.repeat("anti-entropy", hub.compare_all, heads)
        background.repeat("look at the bus", self.reader.look, heads)
        background.repeat("presence", self.presence.tick, TICK)
        background.repeat("slow clients", hub.look_at_slow, SLOW_TICK)
        background.repeat("pings", self.gateway.ping_share, PING_EVERY / WHEEL)
        background.repeat("key sets", self.key_sets.tick, KEYS_TICK)
        background.run("probe", self.readiness.run())
        background.repeat("own load", self.shedding.look, LOOK_EVERY)
        self.export = export_metrics("parley-gateway", self.run_name, self.metrics.registry.collect, background)
        self.reporter.start()

    async def _listen(self, sites: AsyncExitStack) -> None:
        """To operators first, then to the public."""
        settings, worker, readiness = self.settings, self.worker, self.readiness
        operators = operators_app(self.metrics.text, readiness.missing)
        private = await listen(operators, settings.metrics_listen, worker.metrics_fd if worker else None)
        sites.push_async_callback(private.cleanup)

        application = public_app(self.gateway, readiness, settings.forward, self.site)
        limit_addresses(application, settings, self.clock, self.metrics)
        wait_for_keys(application, self.key_sets)
        # The first to see a request, and inside of nothing that reads of it.
        application.middlewares[:0] = [self.silent.middleware, self.shedding.middleware]
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
                self.silent.sweep(public.server.connections, self.clock.monotonic())

        self.background.repeat("silent connections", end_silent, SILENCE_TICK)
        if worker is not None:
            report = worker.report(lambda: WorkerReport(self.gateway.connection_count, readiness.missing()))
            self.background.run("report", report)

    def _left(self, share: float, most: float) -> float:
        """Seconds for the next step of stopping: a share of what is left for all of them."""
        return min(most, max(0.05, share * (self._until - self.clock.monotonic())))

    async def _end(self, sites: AsyncExitStack) -> None:
        await end_all(
            sites.aclose,
            lambda: self.presence.forget_all(self._left(0.3, FORGET_WAIT)),
            self.background.close,
            self.key_sets.close,
            self.fetcher.close,
            # Last of what counts: nothing is written to a client any more, so nothing can be left unsealed.
            lambda: self.reporter.close(seconds=self._left(0.6, CONFIRM_WAIT)),
            *([] if self.tracing is None else [self.tracing.close]),
            *([] if self.export is None else [self.export.close]),
            lambda: database.close(self.pool, self._left(0.8, database.CLOSE_WAIT)),
            self.client.aclose,
            self.blocking.aclose,
        )


async def serve(settings: Settings, worker: Worker | None = None) -> None:
    """Run one gateway until it is told to stop. `worker`: what it was given by the parent that shares its port out."""
    await _Process(settings, worker, await reach_database(settings, "parley_gateway")).run()


def _tracing(settings: Settings, run: str) -> "Tracing | None":
    """Loaded only where somebody wants traces. Raises `SettingsError` where it is not installed."""
    if settings.tracing_url is None:
        return None
    try:
        from parley_gateway.shell.tracing import Tracing
    except ImportError:
        raise SettingsError("PARLEY_TRACING_URL needs OpenTelemetry: pip install 'parley[tracing]'.") from None
    return Tracing(settings.tracing_url, settings.tracing_share, run)


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
