"""The process's metrics to an OpenTelemetry collector: the same names, labels and values as on /metrics.

Off unless the standard variables name a collector, and then nothing of OpenTelemetry is imported by anybody here.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from prometheus_client import Metric as Family

from parley import __version__
from parley_runtime.lifecycle import Background
from parley_runtime.telemetry import get_logger

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import Metric, MetricsData

#: Milliseconds between two exports, unless OTEL_METRIC_EXPORT_INTERVAL says otherwise: the standard's own.
INTERVAL_MS = 60_000
#: Milliseconds at most for which a stopping process waits for the collector.
FLUSH_MS = 2_000
#: Milliseconds for one export, retries included; what is not taken is in the next one, for all sums are cumulative.
EXPORT_MS = 10_000

#: Called in the event loop; what it gives is gone through in a thread.
Families = Callable[[], Iterable[Family]]


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether the standard variables name a collector for metrics, and do not turn it off."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if environ.get("OTEL_METRICS_EXPORTER", "otlp").strip() != "otlp":
        return False
    return bool(environ.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"))


def export_metrics(service: str, run: str, families: Families, background: Background) -> "MetricsExport | None":
    """Begin to export, if it is wanted: `close` it in the end. `run` tells processes of one service apart."""
    if not wanted(os.environ):
        return None
    try:
        export = MetricsExport(service, run, families)
    except ImportError:
        # The variables may be those of the whole machine: no reason not to serve.
        get_logger().warning("metrics are not exported: pip install 'parley[tracing]'")
        return None
    background.repeat("metrics export", export.send, export.interval)
    return export


class MetricsExport:
    """One process's metrics. Raises ImportError where OpenTelemetry is not installed."""

    def __init__(self, service: str, run: str, families: Families) -> None:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.resources import Resource

        about = {"service.name": service, "service.version": __version__, "service.instance.id": run}
        named = os.environ.get("OTEL_SERVICE_NAME")
        self._resource = Resource.create({**about, **({"service.name": named} if named else {})})
        self._exporter = OTLPMetricExporter()
        self._families = families
        #: Seconds.
        self.interval = _milliseconds("OTEL_METRIC_EXPORT_INTERVAL", INTERVAL_MS) / 1000
        self._sending = False

    async def send(self, milliseconds: int = EXPORT_MS) -> None:
        """Send the state of now. A collector that does not take it in time gets the next one."""
        self._sending = True
        await asyncio.to_thread(self._send, self._families(), milliseconds)

    async def close(self) -> None:
        """Send the last state, for a while."""
        if not self._sending:
            await self.send(FLUSH_MS)
        await asyncio.to_thread(self._exporter.shutdown, FLUSH_MS)

    def _send(self, families: Iterable[Family], milliseconds: int) -> None:
        try:
            self._exporter.export(as_otlp(families, self._resource), timeout_millis=milliseconds)
        finally:
            self._sending = False


def _milliseconds(name: str, default: int) -> int:
    given = os.environ.get(name, "")
    return int(given) if given.isdecimal() and int(given) > 0 else default


def as_otlp(families: Iterable[Family], resource: Any) -> "MetricsData":
    """Prometheus's families as OTLP takes them: counters and histograms cumulative, each under its own name."""
    from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    now = time.time_ns()
    scope = InstrumentationScope("parley", __version__)
    found = [metric for family in families if (metric := _metric(family, now)) is not None]
    return MetricsData([ResourceMetrics(resource, [ScopeMetrics(scope, found, "")], "")])


def _metric(family: Family, now: int) -> "Metric | None":
    from opentelemetry.sdk.metrics.export import AggregationTemporality, Gauge, Metric, NumberDataPoint, Sum

    begun = {
        tuple(sorted(sample.labels.items())): round(sample.value * 1e9)
        for sample in family.samples
        if sample.name == f"{family.name}_created"
    }
    if family.type == "histogram":
        return _histogram(family, begun, now)
    name = family.name if family.type == "gauge" else f"{family.name}_total"
    points = [
        # 0: since when is not known, as of the ledger's totals, which are older than any process.
        NumberDataPoint(dict(s.labels), begun.get(tuple(sorted(s.labels.items())), 0), now, s.value)
        for s in family.samples
        if s.name == name
    ]
    if not points:
        return None
    if family.type == "gauge":
        return Metric(name, family.documentation, "", Gauge(points))
    return Metric(name, family.documentation, "", Sum(points, AggregationTemporality.CUMULATIVE, True))


def _histogram(family: Family, begun: Mapping[tuple[tuple[str, str], ...], int], now: int) -> "Metric | None":
    from opentelemetry.sdk.metrics.export import AggregationTemporality, Histogram, HistogramDataPoint, Metric

    upto: dict[tuple[tuple[str, str], ...], list[tuple[float, int]]] = {}
    sums: dict[tuple[tuple[str, str], ...], float] = {}
    for sample in family.samples:
        labels = tuple(sorted((name, value) for name, value in sample.labels.items() if name != "le"))
        if sample.name == f"{family.name}_bucket":
            upto.setdefault(labels, []).append((float(sample.labels["le"]), round(sample.value)))
        elif sample.name == f"{family.name}_sum":
            sums[labels] = sample.value
    points = []
    for labels, buckets in upto.items():
        bounds, counts = [bound for bound, _ in buckets], [count for _, count in buckets]
        each = [count - before for count, before in zip(counts, [0, *counts], strict=False)]
        points.append(
            HistogramDataPoint(
                attributes=dict(labels),
                start_time_unix_nano=begun.get(labels, 0),
                time_unix_nano=now,
                count=counts[-1],
                sum=sums[labels],
                bucket_counts=each,
                explicit_bounds=bounds[:-1],  # the last one is infinite, and is not named
                min=None,  # type: ignore[arg-type]  # not known, and left out of the message
                max=None,  # type: ignore[arg-type]
            )
        )
    if not points:
        return None
    return Metric(family.name, family.documentation, "", Histogram(points, AggregationTemporality.CUMULATIVE))
