"""The command `parley billing`: wires settings, Redis, Postgres, the consumer, the API and the metrics together."""

import asyncio
import secrets
from collections.abc import Iterable
from contextlib import AsyncExitStack
from itertools import chain

import click
import uvloop
from aiohttp import web
from prometheus_client import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from parley.redis_keys import Keys
from parley_billing.shell.api import UsageApi
from parley_billing.shell.budget_watch import BudgetWatch
from parley_billing.shell.confirmation_sweep import SWEEP_EVERY, sweep
from parley_billing.shell.consumer import BLOCK_MS, Consumer
from parley_billing.shell.exporter import REFRESH_EVERY, LedgerExporter
from parley_billing.shell.health import PROBE_EVERY, Health
from parley_billing.shell.minute_sweep import SWEEP_EVERY as MINUTES_SWEEP_EVERY
from parley_billing.shell.minute_sweep import sweep_minutes
from parley_billing.shell.reconciliation import Reconciliation
from parley_billing.shell.usage_store import UsageStore
from parley_billing.shell.webhook_post import Poster
from parley_billing.shell.webhook_sender import COUNT_EVERY, WebhookSender
from parley_billing.shell.webhook_sender import SWEEP_EVERY as WEBHOOKS_SWEEP_EVERY
from parley_runtime.clock import SystemClock
from parley_runtime.database import close
from parley_runtime.http.health import health_routes, operators_app
from parley_runtime.http.key_sets import wait_for_keys
from parley_runtime.http.listening import listen
from parley_runtime.key_sets import TICK, Fetcher, KeySets
from parley_runtime.lifecycle import Background, until_stopped
from parley_runtime.otlp_metrics import export_metrics
from parley_runtime.reaching import reach_database
from parley_runtime.redis_client import connect as connect_redis
from parley_runtime.registry import Registry
from parley_runtime.settings import Settings, SettingsError, load
from parley_runtime.telemetry import Metrics, configure_logging, get_logger
from parley_runtime.tenant_view import TenantView
from parley_runtime.tokens import TokenVerifier

#: Seconds beyond `BLOCK_MS` after which a read of the stream counts as lost.
READ_GRACE = 3.0


@click.command()
def billing() -> None:
    """Book usage records into the ledger; serve usage and totals."""
    try:
        settings = load()
    except SettingsError as problem:
        raise click.ClickException(str(problem)) from None
    configure_logging(settings.log_level)
    try:
        uvloop.run(run(settings))
    except SettingsError as problem:
        raise click.ClickException(str(problem)) from None


async def run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT."""
    clock, metrics, keys = SystemClock(), Metrics(), Keys(settings.redis_prefix)
    background = Background()
    health = Health(clock, metrics, background)
    exporters: list[LedgerExporter | BudgetWatch] = []

    def metrics_text() -> bytes:
        health.missing()
        return metrics.text() + b"".join(exporter.text() for exporter in exporters)

    def families() -> Iterable[Family]:
        health.missing()
        ledger = b"".join(exporter.text() for exporter in exporters).decode()
        return chain(metrics.registry.collect(), text_string_to_metric_families(ledger))

    redis_url = settings.redis_url.get_secret_value()
    stopped = asyncio.ensure_future(until_stopped())
    async with AsyncExitStack() as stack:
        client = connect_redis(redis_url)
        stack.push_async_callback(client.aclose)
        reader = connect_redis(redis_url, read_timeout=BLOCK_MS / 1000 + READ_GRACE)
        stack.push_async_callback(reader.aclose)
        await _serve(stack, operators_app(metrics_text, health.missing), settings.metrics_listen)
        opening = asyncio.ensure_future(reach_database(settings, "parley_billing", migrating=True))
        await asyncio.wait([opening, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            opening.cancel()
            await asyncio.wait([opening])
            return
        pool = opening.result()
        stack.push_async_callback(close, pool)
        stack.push_async_callback(background.close)
        tenants = TenantView(client, keys)
        fetcher = Fetcher(frozenset(settings.jwks_private_hosts))
        stack.push_async_callback(fetcher.close)
        key_sets = KeySets(tenants, clock, fetcher)
        stack.push_async_callback(key_sets.close)
        await tenants.load()
        consumer = Consumer(pool, reader, keys, clock, metrics)
        exporter = LedgerExporter(pool)
        health.reader_works = lambda: consumer.working
        budgets = BudgetWatch(pool, Registry(client, keys), tenants, clock)
        exporters += [exporter, budgets]

        async def sweep_once() -> None:
            await sweep(pool, client, keys)

        async def sweep_minutes_once() -> None:
            await sweep_minutes(pool, clock.now_ms())

        background.run("tenants", tenants.follow())
        background.run("consumer", consumer.run())
        background.run("budgets", budgets.run())
        poster = Poster(frozenset(settings.webhook_private_hosts))
        stack.push_async_callback(poster.close)
        webhooks = WebhookSender(pool, poster, clock, metrics)
        background.run("webhooks", webhooks.run())
        background.repeat("count webhooks", webhooks.count, COUNT_EVERY)
        background.repeat("sweep webhooks", webhooks.sweep, WEBHOOKS_SWEEP_EVERY)
        reconciliation = Reconciliation(settings.database_url.get_secret_value(), clock, metrics)
        background.run("reconciliation", reconciliation.run())
        background.repeat("export totals", exporter.refresh, REFRESH_EVERY)
        background.repeat("sweep confirmations", sweep_once, SWEEP_EVERY)
        background.repeat("sweep minutes", sweep_minutes_once, MINUTES_SWEEP_EVERY)
        background.repeat("key sets", key_sets.tick, TICK)
        if export := export_metrics("parley-billing", secrets.token_hex(8), families, background):
            stack.push_async_callback(export.close)
        background.repeat("probe", lambda: health.probe(client, pool), PROBE_EVERY)
        api = UsageApi(UsageStore(pool), TokenVerifier(key_sets, clock), clock).application()
        wait_for_keys(api, key_sets)
        api.add_routes(health_routes(health.missing))
        await _serve(stack, api, settings.billing_listen)
        get_logger().info("billing serves", listen=settings.billing_listen, metrics=settings.metrics_listen)
        await stopped


async def _serve(stack: AsyncExitStack, application: web.Application, address: str) -> None:
    stack.push_async_callback((await listen(application, address)).cleanup)


if __name__ == "__main__":
    billing()
