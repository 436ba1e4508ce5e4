"""What a scrape of the ledger's totals costs: ten thousand tenants, four classes, messages and bytes."""

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, generate_latest

from bench.report import Bar, Figure, Report
from bench.world import World
from parley.metrics import PUBSUB_BYTES, PUBSUB_MESSAGES
from parley.usage import USAGE_CLASSES
from parley_billing.core.exposition import Exposition
from parley_runtime.exposition import openmetrics

TENANTS = 10_000
#: Seconds of CPU that a scrape may take, also when every tenant used something since the last one.
MOST = 0.25


def run(world: World, quick: bool) -> Report:
    """Needs no servers: what is scraped is in memory."""
    tenants, rounds = (500, 3) if quick else (TENANTS, 9)
    exposition, rival = Exposition(), _Rival()
    changed: list[float] = []
    quiet: list[float] = []
    other: list[float] = []
    converted: list[float] = []
    for turn in range(1, rounds + 1):
        for number in range(tenants):
            for usage_class in USAGE_CLASSES:
                exposition.put(f"tenant-{number}", number + 1, usage_class, turn * 1_000, turn * 1_000_000)
                rival.put(f"tenant-{number}", usage_class)
        changed.append(_seconds(exposition.text))
        quiet.append(_seconds(exposition.text))
        other.append(_seconds(rival.text))
        converted.append(_seconds(lambda: openmetrics(exposition.text())))
    report = Report("scrape")
    report.figures += [
        Figure("every total changed", "s", changed, "prometheus_client.generate_latest", other, Bar(MOST, of="value")),
        Figure("nothing changed", "s", quiet, bar=Bar(MOST, of="value")),
        Figure("nothing changed, as OpenMetrics", "s", converted, bar=Bar(MOST, of="value")),
    ]
    report.notes.append(f"CPU. {tenants:,} tenants × 4 classes × 2, {len(exposition.text()) / 1e6:.1f} MB of text.")
    return report


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


class _Rival:
    """The same series as the usual client library has them."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._counters = [
            Counter(metric.name, metric.help, metric.labels, registry=self._registry)
            for metric in (PUBSUB_MESSAGES, PUBSUB_BYTES)
        ]

    def put(self, tenant: str, usage_class: str) -> None:
        for counter, amount in zip(self._counters, (1_000, 1_000_000), strict=True):
            counter.labels(tenant, usage_class).inc(amount)

    def text(self) -> bytes:
        return generate_latest(self._registry)
